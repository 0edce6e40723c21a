import { invalid } from '../errors.js';
import { checkDescription, type ModelDescription } from './description.js';
import { presets } from './presets.js';

/**
 * The description that a caller names or gives.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 */
export function knownDescription(description: string | ModelDescription): ModelDescription {
  if (typeof description !== 'string') return checkDescription(description, 'description');
  if (!Object.hasOwn(presets, description))
    throw invalid('description', `one of ${Object.keys(presets).join(', ')}, or an object`, description);
  return presets[description] as ModelDescription;
}
