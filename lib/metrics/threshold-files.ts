import { MaskbenchError } from '../errors.js';
import { readJson } from '../files/text.js';
import type { Definition } from './evaluate.js';

/** What a threshold is to be used for. */
export interface ThresholdUse {
  /** The system. */
  name: string;
  /** There is no other one, so that a file of one system needs no name. */
  alone: boolean;
  definition: Definition;
  distance: boolean;
  /** Of the scores, where they are known. */
  model?: string | undefined;
  similarity?: string | undefined;
}

interface SavedSystem extends Partial<ThresholdUse> {
  fnmrAtFmr: { target: number; threshold: number | string | null }[];
}

const direction = (distance: boolean) => (distance ? 'distances' : 'similarities');

/**
 * Reads the threshold that an earlier evaluation, saved as JSON, found for an FMR; in files of several systems that of the same name or model.
 * @param use What the file says otherwise is refused; what it does not say is noted.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `UNREADABLE` (no evaluation); `INVALID_ARGUMENT`: the threshold is of another definition,
 * direction, model or similarity, of no one system, not finite, or not there
 */
export async function readThreshold(
  file: string,
  fmr: number,
  use: ThresholdUse,
): Promise<{ threshold: number; notes: string[] }> {
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', file, `${file}: ${problem}`);
  const saved = (await readJson(file)) as {
    systems?: SavedSystem[];
    definition?: Definition;
    distance?: boolean;
  } | null;
  const systems = saved?.systems;
  if (!Array.isArray(systems) || systems.length === 0 || !systems.every((of) => Array.isArray(of?.fnmrAtFmr)))
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected what evaluate --json prints`);
  if (saved?.distance) throw refuse('is of version 0.1, whose thresholds of distances are negated; evaluate again');
  const named = systems.filter(({ name }) => name === use.name);
  const alike = systems.filter(({ model }) => model !== undefined && model === use.model);
  const found = systems.length === 1 && use.alone ? systems : named.length > 0 ? named : alike;
  const [system] = found;
  if (!system || found.length > 1)
    throw refuse(`expected the threshold of ${use.name}, found those of ${systems.map(({ name }) => name).join(', ')}`);
  const notes: string[] = [];
  for (const [what, theirs, ours] of [
    ['definition', saved?.definition, use.definition],
    ['direction', system.distance === undefined ? undefined : direction(system.distance), direction(use.distance)],
    ['model', system.model, use.model],
    ['similarity', system.similarity, use.similarity],
  ] as const) {
    if (theirs === ours) continue;
    if (theirs !== undefined && ours !== undefined)
      throw refuse(`its threshold has the ${what} ${theirs}, expected ${ours}`);
    notes.push(
      `${what} of the threshold from ${file} not checked: ${theirs === undefined ? 'the file does not say it' : `it is ${theirs} there, and not said here`}`,
    );
  }
  const point = system.fnmrAtFmr.find(({ target }) => target === fmr);
  if (!point)
    throw refuse(
      `has no threshold for FMR ${fmr}, only for ${system.fnmrAtFmr.map(({ target }) => target).join(', ') || 'none'}`,
    );
  const { threshold } = point;
  if (typeof threshold !== 'number')
    throw refuse(
      `the threshold for FMR ${fmr} is ${threshold}: ${/Infinity$/.test(String(threshold)) ? 'nothing matched there, so no score can be held against it' : 'expected a number'}`,
    );
  return { threshold, notes };
}
