import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { checkPath, MaskbenchError } from '../errors.js';
import { byBytes } from '../files/path.js';
import { fuse } from '../metrics/fusion.js';
import { readScores, type SystemScores } from '../metrics/score-files.js';
import { type PaperMeasures, ScoreSet } from '../metrics/score-set.js';
import { isGenuine, type Pair, readPairs } from '../pairs/list.js';
import { dataSets, ensemble } from './published.js';
import { type BenchmarkTable, regenerateTables } from './tables.js';

/** Pairs and scores of one data set. */
export interface ScoredDataSet {
  dataSet: string;
  /** The pairs of the scores, in their order. */
  pairs: Pair[];
  labels: Uint8Array;
  systems: SystemScores[];
}

/** The result of {@link benchmarkScores}. */
export interface ScoreBenchmark {
  tables: BenchmarkTable[];
  dataSets: ScoredDataSet[];
}

/**
 * The pairs that scores belong to, with labels. A label is found by walking the evaluation list in step with the input
 * list; where there is only the input list, from the identities in the two names.
 * @throws `MaskbenchError` `NOT_FOUND` without an input list; `UNREADABLE` where a pair of the input is not in
 * the evaluation list
 */
export async function readScoredPairs(folder: string, dataSet: string): Promise<Pair[]> {
  const inputFile = path.join(folder, `landmark_evaluation_input_${dataSet}.txt`);
  if (!existsSync(inputFile))
    throw new MaskbenchError('NOT_FOUND', inputFile, `${inputFile}: the pair list is missing`);
  const input = (await readPairs(inputFile)).pairs;
  const evaluationFile = path.join(folder, `evaluation_${dataSet}.txt`);
  if (!existsSync(evaluationFile)) return input.map((pair) => ({ ...pair, genuine: isGenuine(pair) }));
  const evaluation = (await readPairs(evaluationFile)).pairs;
  let at = 0;
  return input.map((pair, i) => {
    while (
      at < evaluation.length &&
      (evaluation[at]?.reference !== pair.reference || evaluation[at]?.probe !== pair.probe)
    )
      at++;
    const found = evaluation[at++];
    if (found?.genuine === undefined)
      throw new MaskbenchError(
        'UNREADABLE',
        inputFile,
        `${inputFile}, line ${i + 1}: not found in ${evaluationFile}, or in another order`,
      );
    return { ...pair, genuine: found.genuine };
  });
}

/** Score files by system and data set: `<group>/<system>/score_<data set>.txt`. */
async function scoreFiles(folder: string): Promise<{ system: string; file: (dataSet: string) => string }[]> {
  const groups = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw new MaskbenchError('NOT_FOUND', folder, `${folder}: expected the folder of score files: ${error.message}`);
  });
  const systems = [];
  const byName = (a: { name: string }, b: { name: string }) => byBytes(a.name, b.name);
  for (const group of groups.filter((entry) => entry.isDirectory()).sort(byName))
    for (const system of (await readdir(path.join(folder, group.name), { withFileTypes: true })).sort(byName))
      if (system.isDirectory())
        systems.push({
          system: system.name,
          file: (dataSet: string) => path.join(folder, group.name, system.name, `score_${dataSet}.txt`),
        });
  return systems;
}

/**
 * Regenerates the paper's tables from its score files.
 * @param data Holds `benchmark_data` (`<experiment>/<system>/score_<data set>.txt`) and `training_pairs_data` (`<data
 * set>/…`).
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE`
 * @example
 * const { tables } = await benchmarkScores('paper');
 * for (const { title, counts } of tables) console.log(title, counts.equal, counts.different);
 */
export async function benchmarkScores(data: string): Promise<ScoreBenchmark> {
  checkPath('data', data);
  const systems = await scoreFiles(path.join(data, 'benchmark_data'));
  const scored: ScoredDataSet[] = [];
  const absent = new Map<string, string>();
  for (const dataSet of dataSets) {
    let pairs: Pair[];
    try {
      pairs = await readScoredPairs(path.join(data, 'training_pairs_data', dataSet), dataSet);
    } catch (error) {
      if (!(error instanceof MaskbenchError && error.code === 'NOT_FOUND')) throw error;
      absent.set(dataSet, 'its pair list was not published');
      continue;
    }
    const found: SystemScores[] = [];
    for (const { system, file } of systems)
      if (existsSync(file(dataSet))) found.push({ ...(await readScores(file(dataSet))), name: system });
    const count = found[0]?.scores.length ?? 0;
    const other = found.find(({ scores }) => scores.length !== count || count > pairs.length);
    if (other)
      throw new MaskbenchError(
        'UNREADABLE',
        other.name,
        `${other.name}, ${dataSet}: ${other.scores.length} scores for ${Math.min(count, pairs.length)} pairs`,
      );
    const used = pairs.slice(0, count);
    const labels = Uint8Array.from(used, ({ genuine }) => Number(genuine));
    scored.push({ dataSet, pairs: used, labels, systems: found });
  }
  return { dataSets: scored, tables: await tablesOf(scored, absent) };
}

/** The published tables from scored data sets; `absent` says why a data set has none. */
export async function tablesOf(
  scored: readonly ScoredDataSet[],
  absent: ReadonlyMap<string, string>,
): Promise<BenchmarkTable[]> {
  const measures = new Map<string, PaperMeasures>();
  const key = (systems: readonly string[], dataSet: string) => [...systems, dataSet].join('\0');
  for (const { dataSet, labels, systems } of scored) {
    const measure = async ({ name, scores, failed }: SystemScores) => {
      // Cosines and distances are outside the paper's range: their measures are in the report, not in its tables.
      if (scores.some((score) => score < 0 || score > 1)) return undefined;
      const marked = labels.map((label, i) => (failed.has(i) ? 2 : label));
      return (await ScoreSet.from(scores, marked, { source: name })).paper();
    };
    const add = async (names: string[], system: SystemScores) => {
      const measured = await measure(system);
      if (measured) measures.set(key(names, dataSet), measured);
    };
    for (const system of systems) await add([system.name], system);
    const members = ensemble.flatMap((name) => systems.filter((system) => system.name === name));
    if (members.length === ensemble.length) await add(ensemble, fuse(members, labels, 'mean'));
  }
  return regenerateTables(
    (systems, dataSet) =>
      absent.get(dataSet) ?? measures.get(key(systems, dataSet)) ?? `no scores of ${systems.join(', ')}`,
  );
}
