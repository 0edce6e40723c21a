import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkPath, MaskbenchError } from '../errors.js';
import { checkReplaceable, removeTemporaries, writeFileAtomically } from '../files/atomic.js';
import { parseCsv } from '../files/csv.js';
import { withFolderLocked } from '../files/lock.js';
import { npyFile, readNpy } from '../files/npy.js';
import { toPath } from '../files/path.js';
import { parseJson, readText } from '../files/text.js';
import { parsePairs } from '../pairs/list.js';
import { type AllScores, checkAllScores } from './scores.js';

const arrays = [
  ...(['impostor', 'genuine', 'genuineProbes', 'genuineReferences', 'excluded'] as const),
  ...(['bestScores', 'bestRows', 'mates', 'above', 'tail'] as const),
] as const;

const mainFile = (folder: string) => path.join(folder, 'scores.json');

/**
 * Refuses a folder that holds scores already, or foreign files with the names that will be written. Leftovers of a
 * killed {@link writeAllPairs} are accepted.
 * @throws `MaskbenchError` `OUTPUT_EXISTS`, `INVALID_ARGUMENT`
 */
export async function checkScoresFolder(folder: string): Promise<void> {
  const main = mainFile(folder);
  await checkReplaceable(main, 'unfinished scores', (head) => head.equals(unfinished)).catch(() => {
    throw new MaskbenchError(
      'OUTPUT_EXISTS',
      main,
      `${main}: the output exists already; score-all evaluate makes its report again`,
    );
  });
  if (existsSync(toPath(main))) return;
  for (const name of arrays) await checkReplaceable(path.join(folder, `${name}.npy`), 'no file', () => false);
}

/** The content of `scores.json` until everything is written. */
const unfinished = Buffer.from('{"unfinished":true}\n');

/**
 * Writes scores into a folder: `scores.json`, and a `.npy` for each array.
 * @param writeMore Writes further files, such as a report, before the folder is marked as finished. Its result is
 * returned.
 * @throws `MaskbenchError` `OUTPUT_EXISTS`, `LOCKED`, `WRITE_FAILED`
 * @example
 * await writeAllPairs('all', await scoreAll('lfw.npy', 'lfw.jsonl'));
 */
export function writeAllPairs<T = void>(folder: string, scores: AllScores, writeMore?: () => Promise<T>): Promise<T>;
export async function writeAllPairs(folder: string, scores: AllScores, writeMore = async () => {}): Promise<unknown> {
  checkPath('folder', folder);
  checkAllScores('scores', scores);
  return withFolderLocked(folder, false, async () => {
    await checkScoresFolder(folder);
    await removeTemporaries(folder);
    const main = mainFile(folder);
    await writeFileAtomically(main, unfinished);
    const rest: Record<string, unknown> = { ...scores };
    for (const name of arrays) {
      await writeFileAtomically(path.join(folder, `${name}.npy`), npyFile(scores[name], [scores[name].length]));
      delete rest[name];
    }
    if (scores.within) delete rest.references;
    try {
      return await writeMore();
    } finally {
      // Last, so that a folder with it is complete; and even if the report failed, so that the scores are not lost.
      await writeFileAtomically(main, `${JSON.stringify(rest)}\n`);
    }
  });
}

/**
 * Reads what {@link writeAllPairs} wrote. Throws `NOT_FOUND`, `UNREADABLE`.
 * @example
 * const scores = await readAllPairs('all');
 */
export async function readAllPairs(folder: string): Promise<AllScores> {
  checkPath('folder', folder);
  const main = mainFile(folder);
  const text = await readText(main);
  if (text === unfinished.toString())
    throw new MaskbenchError('UNREADABLE', main, `${main}: the run that wrote it was interrupted; run it again`);
  const rest = parseJson(text, main) as AllScores;
  const read = await Promise.all(
    arrays.map(async (name) => [name, (await readNpy(path.join(folder, `${name}.npy`))).data] as const),
  );
  const scores = { ...rest, references: rest?.references ?? rest?.probes, ...Object.fromEntries(read) };
  try {
    checkAllScores('scores', scores);
  } catch (error) {
    throw new MaskbenchError('UNREADABLE', main, `${main}: not the scores of score-all: ${(error as Error).message}`);
  }
  return scores;
}

/**
 * Reads pairs to leave out: CSV whose first columns are `probe` and `reference`, such as the suspected label errors
 * that score-all lists; or a pair list in a published form.
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE` with the line
 * @example
 * const scores = await scoreAll('lfw.npy', 'lfw.jsonl', { exclude: await readExcluded('suspects.csv') });
 */
export async function readExcluded(file: string): Promise<[string, string][]> {
  checkPath('file', file);
  const text = await readText(file);
  if (!/^\s*\W?probe\W/i.test(text))
    return parsePairs(text, file).pairs.map(({ probe, reference }) => [probe, reference]);
  const { names, rows } = parseCsv(text, file);
  if (names[0] !== 'probe' || names[1] !== 'reference')
    throw new MaskbenchError('UNREADABLE', file, `${file}, line 1: expected probe,reference as the first columns`);
  return Array.from(rows, ({ fields: [probe, reference], line }): [string, string] => {
    if (!probe || !reference)
      throw new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: expected probe,reference`);
    return [probe, reference];
  });
}
