import { MaskbenchError } from '../errors.js';
import { readJson } from '../files/text.js';
import type { Definition } from './evaluate.js';

/** The use of a threshold. */
export interface ThresholdUse {
  /** The system. */
  name: string;
  /** The only system, so that its name need not match in a file with one system. */
  alone: boolean;
  definition: Definition;
  distance: boolean;
  /** Model and similarity of the scores, if known. */
  model?: string | undefined;
  similarity?: string | undefined;
}

interface SavedSystem extends Partial<ThresholdUse> {
  fnmrAtFmr: { target: number; threshold: number | string | null }[];
}

const direction = (distance: boolean) => (distance ? 'distances' : 'similarities');

/**
 * Reads the threshold of an FMR from a saved evaluation (JSON). In a file with several systems the one with the same
 * name or model is used.
 * @param use A file that contradicts it is refused; what the file does not state is noted.
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE` (not an evaluation); `INVALID_ARGUMENT`: the threshold has
 * another definition, direction, model or similarity, is ambiguous, not finite, or missing
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
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected the output of evaluate --json`);
  if (saved?.distance) throw refuse('written by version 0.1, which negated thresholds of distances; evaluate again');
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
      `${what} of the threshold from ${file} not checked: ${theirs === undefined ? 'the file does not state it' : `the file states ${theirs}, and this command does not`}`,
    );
  }
  const point = system.fnmrAtFmr.find(({ target }) => target === fmr);
  if (!point)
    throw refuse(
      `expected a threshold for FMR ${fmr}, found only those for ${system.fnmrAtFmr.map(({ target }) => target).join(', ') || 'none'}`,
    );
  const { threshold } = point;
  if (typeof threshold !== 'number')
    throw refuse(
      `the threshold for FMR ${fmr} is ${threshold}: ${/Infinity$/.test(String(threshold)) ? 'nothing matched there, so it cannot be used' : 'expected a number'}`,
    );
  return { threshold, notes };
}
