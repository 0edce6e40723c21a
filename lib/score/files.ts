import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomically } from '../corpus/files.js';
import { checkPath, MaskbenchError } from '../errors.js';
import { checkAllScores } from '../metrics/arguments.js';
import { csvFields } from '../metrics/score-files.js';
import { npyFile, readNpy } from '../npy.js';
import { parsePairs } from '../pairs/list.js';
import type { AllScores } from './score-all.js';

const arrays = [
  ...(['impostor', 'genuine', 'genuineProbes', 'genuineReferences', 'excluded'] as const),
  ...(['bestScores', 'bestRows', 'mates', 'above', 'tail'] as const),
] as const;

/**
 * Writes scores into a folder: `scores.json`, and a `.npy` for each array.
 * @throws {@link MaskbenchError} `OUTPUT_EXISTS`, `WRITE_FAILED`
 */
export async function saveScores(folder: string, scores: AllScores): Promise<void> {
  checkPath('folder', folder);
  checkAllScores('scores', scores);
  const main = path.join(folder, 'scores.json');
  if (existsSync(main)) throw new MaskbenchError('OUTPUT_EXISTS', main, `${main}: the output exists already`);
  await mkdir(folder, { recursive: true });
  const rest: Record<string, unknown> = { ...scores };
  for (const name of arrays) {
    await writeFileAtomically(path.join(folder, `${name}.npy`), npyFile(scores[name], [scores[name].length]));
    delete rest[name];
  }
  if (scores.within) delete rest.references;
  // Last, so that a folder with it is whole.
  await writeFileAtomically(main, `${JSON.stringify(rest)}\n`);
}

/** Reads what {@link saveScores} wrote. Throws `NOT_FOUND`, `UNREADABLE`. */
export async function loadScores(folder: string): Promise<AllScores> {
  checkPath('folder', folder);
  const main = path.join(folder, 'scores.json');
  const text = await readFile(main, 'utf8').catch((error) => {
    throw new MaskbenchError('NOT_FOUND', main, `${main}: cannot be read: ${error.message}`);
  });
  let rest: AllScores;
  try {
    rest = JSON.parse(text) as AllScores;
  } catch (error) {
    throw new MaskbenchError('UNREADABLE', main, `${main}: ${(error as Error).message}`);
  }
  const read = await Promise.all(
    arrays.map(async (name) => [name, (await readNpy(path.join(folder, `${name}.npy`))).data] as const),
  );
  return { ...rest, references: rest.references ?? rest.probes, ...Object.fromEntries(read) };
}

/**
 * Reads pairs to leave out: CSV whose first columns are `probe` and `reference`, such as the suspected label errors that score-all lists; or a
 * pair list in a published form.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `UNREADABLE` with the line
 */
export async function readExcluded(file: string): Promise<[string, string][]> {
  checkPath('file', file);
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new MaskbenchError('NOT_FOUND', file, `${file}: cannot be read: ${error.message}`);
  });
  if (!/^probe,reference\b/.test(text))
    return parsePairs(text, file).pairs.map(({ probe, reference }) => [probe, reference]);
  return text.split(/\r?\n/).flatMap((line, i): [string, string][] => {
    if (i === 0 || line === '') return [];
    const [probe, reference] = csvFields(line);
    if (!probe || !reference)
      throw new MaskbenchError('UNREADABLE', file, `${file}, line ${i + 1}: expected probe,reference`);
    return [[probe, reference]];
  });
}
