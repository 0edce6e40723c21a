import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Acquisition, addAcquired } from '../embed/acquisition.js';
import { checkEmbedder, Embedder, type EmbedderOptions } from '../embed/embedder.js';
import { embedItem, type FaceSource, faceSources, type Item, itemsOf } from '../embed/files.js';
import {
  checkArray,
  checkChoice,
  checkInteger,
  checkObject,
  checkPath,
  checkText,
  invalid,
  MaskbenchError,
} from '../errors.js';
import { checkReplaceable, makeFolder, writeFileAtomically } from '../files/atomic.js';
import { csvField } from '../files/csv.js';
import { byBytes } from '../files/path.js';
import { checkMeasuring } from '../metrics/arguments.js';
import { fuse } from '../metrics/fusion.js';
import type { SystemScores } from '../metrics/score-files.js';
import { resolveLandmarks } from '../models/landmarks.js';
import { provenance } from '../models/presets.js';
import { isGenuine, type Pair, pairPath, readPairs } from '../pairs/list.js';
import { compareFaceSources, type FaceSourceComparison } from './face-sources.js';
import { dataSets } from './published.js';
import { readScoredPairs, type ScoreBenchmark, type ScoredDataSet, tablesOf } from './scores.js';

/** Face sources of {@link benchmarkModels}. */
export const benchmarkFaceSources = [...faceSources, 'compare'] as const;

/** Options of {@link benchmarkModels}. */
export interface BenchmarkModelsOptions extends Omit<EmbedderOptions, 'model' | 'description' | 'adapter'> {
  /** Pairs a data set at most. Default 1001, as the paper. */
  limit?: number;
  /** Names of models whose scores are averaged as "Ensemble". */
  ensemble?: string[];
  /**
   * Where faces come from: see {@link FaceSource}. Both photos of a comparison get theirs in the same way: with `auto`
   * (default) from the manifest if no face is found in one of them. `compare` scores the searched faces, and as another
   * system (`<name>, manifest`) those of the manifest.
   */
  faceSource?: FaceSource | 'compare';
  /** Bootstrap draws for the intervals of `compare`. Default 200. */
  draws?: number;
  /** Random seed of the bootstrap. Default 0. */
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { model: string; dataSet: string; done: number; total: number }) => void;
}

/** The result of {@link benchmarkModels}. */
export interface ModelBenchmark extends ScoreBenchmark {
  notes: string[];
  /** How the photos of each model and data set became vectors, or did not. */
  acquisition: { model: string; dataSet: string; counts: Acquisition[] }[];
  /** With the face source `compare`. */
  faceSources: FaceSourceComparison[];
}

/** A model of a benchmark. */
export interface BenchmarkModel extends Pick<EmbedderOptions, 'model' | 'description' | 'adapter'> {
  /** As in the published tables (`CP1`, `EX1.1-sigmoid`, `ImageNet_VGG19` …), or any other. */
  name: string;
}

/**
 * Pair lists of a folder: `<data set>.txt`, or as the paper's, `<data set>/landmark_evaluation_input_<data set>.txt`.
 */
async function readLists(folder: string): Promise<{ dataSet: string; pairs: Pair[] }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw new MaskbenchError('NOT_FOUND', folder, `${folder}: expected the folder of pair lists: ${error.message}`);
  });
  const lists = [];
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    const dataSet = path.parse(entry.name).name;
    if (entry.isDirectory()) {
      if (existsSync(path.join(file, `landmark_evaluation_input_${entry.name}.txt`)))
        lists.push({ dataSet: entry.name, pairs: await readScoredPairs(file, entry.name) });
    } else if (/\.txt$/i.test(entry.name)) {
      const { pairs } = await readPairs(file);
      lists.push({ dataSet, pairs: pairs.map((pair) => ({ ...pair, genuine: isGenuine(pair) })) });
    }
  }
  if (lists.length === 0) throw new MaskbenchError('NOT_FOUND', folder, `${folder}: found no pair lists`);
  const order = (name: string) => (dataSets as readonly string[]).indexOf(name) + 1 || dataSets.length + 1;
  return lists.sort((a, b) => order(a.dataSet) - order(b.dataSet) || byBytes(a.dataSet, b.dataSet));
}

/** Vectors of photos; rows of those without one are NaN. */
interface Embeddings {
  vectors: Float32Array;
  missing: Set<number>;
  acquisition: Acquisition[];
  /** The error of the last photo without a vector. */
  error: string;
}

async function embedAll(
  embedder: Embedder,
  items: ReadonlyMap<number, Pick<Item, 'file' | 'face'> & { masked: boolean }>,
  count: number,
  { faceSource, signal, onDone }: { faceSource: FaceSource; signal: AbortSignal | undefined; onDone: () => void },
): Promise<Embeddings> {
  const { dimensions } = embedder;
  const vectors = new Float32Array(count * dimensions).fill(Number.NaN);
  const found: Embeddings = { vectors, missing: new Set(Array(count).keys()), acquisition: [], error: '' };
  await Promise.all(
    [...items].map(async ([row, item]) => {
      const { vector, ...result } = await embedItem(embedder, item, {
        faceSource,
        select: 'largest',
        crops: false,
        signal,
      });
      addAcquired(found.acquisition, { masked: item.masked, ...result });
      if (vector) {
        vectors.set(vector, row * dimensions);
        found.missing.delete(row);
      } else found.error = result.error ?? '';
      onDone();
    }),
  );
  return found;
}

/** Scores of one model on one list. */
interface ScoredPairs {
  /** One; with `compare` that of searched faces and that of the manifest's. */
  systems: SystemScores[];
  acquisition: Acquisition[];
  /** Comparisons whose photos both got the manifest's faces, because the search found none in one of them. */
  fromManifest: number;
}

/** Scores the pairs of a list; every photo is embedded once a face source. */
async function scorePairs(
  embedder: Embedder,
  folder: string,
  pairs: readonly Pair[],
  {
    faceSource = 'auto',
    signal,
    name,
    onDone,
  }: BenchmarkModelsOptions & { name: string; onDone: (done: number, total: number) => void },
): Promise<ScoredPairs> {
  const known = new Map<string, Item>();
  if (existsSync(path.join(folder, 'dataset.json')))
    for await (const item of itemsOf([folder])) known.set(item.line.path, item);
  if (faceSource === 'compare' && known.size === 0)
    throw new MaskbenchError(
      'NOT_FOUND',
      folder,
      `${folder}: expected a corpus, whose manifest has faces to compare with`,
    );
  const masked = new Map(
    pairs.flatMap(({ reference, probe, referenceMasked, probeMasked }) => [
      [pairPath(reference), referenceMasked],
      [pairPath(probe), probeMasked],
    ]),
  );
  const rows = new Map([...masked.keys()].map((photo, i) => [photo, i]));
  const items = new Map(
    [...masked].map(([photo, isMasked], i) => [
      i,
      { ...(known.get(photo) ?? { file: path.join(folder, photo) }), masked: isMasked },
    ]),
  );
  const sides = (['reference', 'probe'] as const).map((side) =>
    pairs.map((pair) => rows.get(pairPath(pair[side])) as number),
  ) as [number[], number[]];
  let done = 0;
  let total = items.size;
  const embed = (source: FaceSource, chosen: typeof items) =>
    embedAll(embedder, chosen, items.size, { faceSource: source, signal, onDone: () => onDone(++done, total) });
  const failedOf = ({ missing }: Embeddings) =>
    new Set([...pairs.keys()].filter((i) => sides.some((side) => missing.has(side[i] as number))));

  const first = await embed(faceSource === 'manifest' ? 'manifest' : 'search', items);
  const scores = await embedder.similarities(first.vectors, ...sides);
  const failed = failedOf(first);
  // Both photos of a comparison take the same way.
  const again =
    faceSource === 'compare'
      ? items
      : new Map(
          [...failed]
            .flatMap((i) => sides.map((side) => side[i] as number))
            .map((row) => [row, items.get(row) as never]),
        );
  let second: { scores: Float64Array; failed: Set<number> } | undefined;
  if ((faceSource === 'auto' || faceSource === 'compare') && known.size > 0 && again.size > 0) {
    total += again.size;
    const embedded = await embed('manifest', again);
    second = { scores: await embedder.similarities(embedded.vectors, ...sides), failed: failedOf(embedded) };
  }
  const { acquisition } = first;
  if (second && faceSource === 'compare')
    return {
      ...{ acquisition, fromManifest: 0 },
      systems: [
        { name, scores, failed },
        { name: `${name}, manifest`, ...second },
      ],
    };
  const lost = failed.size;
  for (const i of failed) {
    if (!second || second.failed.has(i)) continue;
    scores[i] = second.scores[i] as number;
    failed.delete(i);
  }
  if (failed.size === pairs.length)
    throw new MaskbenchError(
      'NOT_FOUND',
      folder,
      `${folder}: none of its ${items.size} photos has a vector; the last error: ${first.error}`,
    );
  return { systems: [{ name, scores, failed }], acquisition, fromManifest: lost - failed.size };
}

/**
 * Writes scores in the format of the paper, or as CSV if a comparison failed, because that format cannot express it.
 */
async function writeScores(
  folder: string,
  { dataSet, pairs, labels }: ScoredDataSet,
  { name, scores, failed }: SystemScores,
): Promise<void> {
  const file = path.join(folder, 'scores', name, `score_${dataSet}`);
  await makeFolder(path.dirname(file));
  for (const kind of ['txt', 'csv'])
    await checkReplaceable(`${file}.${kind}`, 'scores', (head) =>
      /^(-?\d|reference,probe,score)/.test(head.toString()),
    );
  if (failed.size === 0) return writeFileAtomically(`${file}.txt`, `${Array.from(scores, String).join('\n')}\n`);
  const lines = pairs.map(({ reference, probe }, i) =>
    [csvField(reference), csvField(probe), failed.has(i) ? '' : scores[i], labels[i]].join(','),
  );
  await writeFileAtomically(`${file}.csv`, `reference,probe,score,label\n${lines.join('\n')}\n`);
}

/**
 * Regenerates the paper's tables from models: embeds every photo of the pair lists once a model, scores the pairs, and
 * writes the score files to `<out>/scores/<model>/score_<data set>.txt`.
 * @param base The corpora, `<base>/<data set>/<path of the list>`.
 * @param lists A folder of pair lists: `<data set>.txt`, or the paper's own `training_pairs_data`.
 * @throws `MaskbenchError` as {@link Embedder.open}; `NOT_FOUND` (lists, or a corpus of which no photo could be
 * embedded), `UNREADABLE`
 * @example
 * const benchmark = await benchmarkModels('corpora', 'lists', [{ name: 'dlib', model: 'dlib-resnet-128' }], 'scores');
 * await writeBenchmarkReport('report', benchmark);
 */
export async function benchmarkModels(
  base: string,
  lists: string,
  models: readonly BenchmarkModel[],
  out: string,
  options: BenchmarkModelsOptions = {},
): Promise<ModelBenchmark> {
  for (const [name, folder] of Object.entries({ base, lists, out })) checkPath(name, folder);
  const names = checkArray(
    'models',
    models,
    (name, model) => checkText(`${name}.name`, checkObject(name, model).name),
    'an array of models',
  );
  if (names.length === 0) throw invalid('models', 'at least one model', models);
  checkEmbedder(options);
  // The paper's landmarks, never a stand-in's.
  const landmarkModel = options.landmarkModel ?? 'dlib-68';
  await resolveLandmarks(landmarkModel);
  checkChoice('faceSource', options.faceSource ?? 'auto', benchmarkFaceSources);
  const { draws = 200, seed = 0 } = options;
  checkMeasuring({ draws, seed });
  const limit = checkInteger('limit', options.limit ?? 1001, 1, 100_000_000);
  if (options.ensemble !== undefined)
    checkArray('ensemble', options.ensemble, (name, member) => checkChoice(name, member, names), 'names of models');
  const scored: ScoredDataSet[] = (await readLists(lists)).map(({ dataSet, pairs: all }) => {
    const pairs = all.slice(0, limit);
    return { dataSet, pairs, labels: Uint8Array.from(pairs, ({ genuine }) => Number(genuine)), systems: [] };
  });
  const absent = scored.filter(({ dataSet }) => !existsSync(path.join(base, dataSet)));
  if (absent.length === scored.length)
    throw new MaskbenchError(
      'NOT_FOUND',
      base,
      `${base}: expected a corpus named ${absent.map(({ dataSet }) => dataSet).join(' or ')}`,
    );
  const present = scored.filter((set) => !absent.includes(set));
  const acquisition: ModelBenchmark['acquisition'] = [];
  const compared: FaceSourceComparison[] = [];
  const notes = absent.map(({ dataSet }) => `${dataSet}: found a pair list but no corpus`);
  for (const { name, ...model } of models) {
    const embedder = await Embedder.open({ detector: 'hog', ...options, ...model, landmarkModel });
    const { overlaps = [], cut } = embedder.description;
    notes.push(`${name}: ${provenance(embedder.description)}`);
    if (model.adapter !== undefined) notes.push(`${name}: vectors of masked faces are corrected by ${model.adapter}`);
    if (embedder.batchProblem !== undefined) notes.push(`${name}: ${embedder.batchProblem}`);
    if (embedder.deviceProblem !== undefined) notes.push(`${name}: ${embedder.deviceProblem.message}`);
    for (const { dataSet } of present)
      if (overlaps.includes(dataSet))
        notes.push(`${name}: identities of ${dataSet} may be among those it was trained on`);
    if (cut !== 'letterbox' && options.faceSource === 'manifest')
      notes.push(`${name}: masked faces are cut by their plain twins' landmarks, which is optimistic`);
    else if (cut !== 'letterbox' && embedder.search.landmarkModel !== 'face-api-68')
      notes.push(`${name}: landmarks that are found in masked faces are corrected`);
    try {
      for (const set of present) {
        const onDone = (done: number, total: number) =>
          options.onProgress?.({ model: name, dataSet: set.dataSet, done, total });
        const scoredPairs = await scorePairs(embedder, path.join(base, set.dataSet), set.pairs, {
          ...options,
          name,
          onDone,
        });
        acquisition.push({ model: name, dataSet: set.dataSet, counts: scoredPairs.acquisition });
        for (const system of scoredPairs.systems) {
          set.systems.push(system);
          await writeScores(out, set, system);
          if (system.failed.size > 0)
            notes.push(`${system.name}, ${set.dataSet}: ${system.failed.size} comparisons without a template`);
        }
        if (scoredPairs.fromManifest > 0)
          notes.push(
            `${name}, ${set.dataSet}: both photos of ${scoredPairs.fromManifest} comparisons are cut by the manifest's faces, because no face was found in one of them`,
          );
        const [searched, manifest] = scoredPairs.systems;
        if (searched && manifest) compared.push(await compareFaceSources(set, [searched, manifest], { draws, seed }));
      }
    } finally {
      await embedder.close();
    }
  }
  if (options.ensemble)
    for (const set of present) {
      const members = set.systems.filter(({ name }) => options.ensemble?.includes(name));
      const system = { ...fuse(members, set.labels, 'mean'), name: 'Ensemble' };
      set.systems.push(system);
      await writeScores(out, set, system);
    }
  const missing = new Map<string, string>(
    dataSets
      .filter((name) => !present.some(({ dataSet }) => dataSet === name))
      .map((name) => [name, 'no corpus or no pair list of it was given']),
  );
  return { tables: await tablesOf(present, missing), dataSets: present, notes, acquisition, faceSources: compared };
}
