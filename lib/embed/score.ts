import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkChoice, checkObject, checkOptions, checkPath, MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { csvField } from '../files/csv.js';
import { toPath } from '../files/path.js';
import { indexOf, readVectors } from '../files/vectors.js';
import { checkSystem } from '../metrics/arguments.js';
import type { SystemScores } from '../metrics/score-files.js';
import { type Similarity, type VectorSimilarity, vectorSimilarities } from '../models/similarity.js';
import { addTo } from '../multimap.js';
import { native } from '../native.js';
import { checkPairs, isGenuine, type Pair, pairPath, readPairs } from '../pairs/list.js';
import { type EmbedderOptions, resolveModel, toNativeSimilarity } from './embedder.js';
import { type IndexLine, readIndex, similarityOf } from './index-lines.js';

/** Options of {@link scorePairs}. */
export interface ScorePairsOptions extends Pick<EmbedderOptions, 'model' | 'description'> {
  /** The index of the vectors. Default: the `.jsonl` file beside them. */
  index?: string;
  /**
   * How vectors are compared. Default: as the model's description says, which the index names. `sigmoid`, which has
   * layers of its own, needs `model`.
   */
  similarity?: VectorSimilarity;
}

/** What {@link scorePairs} gives. */
export interface PairScores {
  system: SystemScores & { similarity: Similarity['kind'] };
  /** The list's pairs; who wears a mask is as the index says. */
  pairs: Pair[];
  /** What to know about the scores. */
  notes: string[];
}

const rowsAtOnce = 2048;

/** The images of an index by the names that lists have for them. */
class Images {
  readonly #byName = new Map<string, IndexLine[]>();

  constructor(lines: readonly IndexLine[], index: string) {
    const seen = new Set<string>();
    const stem = (name: string) => name.replace(/\.[^./]*$/, '');
    const videos = new Map<string, IndexLine[]>();
    for (const line of lines) {
      const { path: name, photo, masked } = line;
      if (seen.has(name))
        throw new MaskbenchError(
          'INVALID_ARGUMENT',
          index,
          `${index}: ${name} stands there twice, so a list cannot name it`,
        );
      seen.add(name);
      addTo(videos, path.posix.dirname(photo), line);
      // A real mask's photo is in a corpus as masked_<name>; lists have the data set's own name.
      for (const other of new Set([name, stem(name), ...(masked ? [photo, stem(photo)] : [])]))
        if (other === name || !this.#byName.has(other)) this.#byName.set(other, [line]);
    }
    // A name without a photo is a video's, and stands for its plain frames.
    for (const [name, frames] of videos)
      if (!this.#byName.has(name))
        this.#byName.set(
          name,
          frames.filter(({ masked }) => !masked),
        );
  }

  /** Empty where the index has none. */
  of(name: string): readonly IndexLine[] {
    const wanted = pairPath(name);
    return this.#byName.get(wanted) ?? this.#byName.get(wanted.replace(/\.[^./]*$/, '')) ?? [];
  }
}

/** The rows that are needed, one after the other. */
async function readRows(vectors: string, rows: number, needed: ReadonlySet<number>) {
  const opened = await readVectors(vectors, rowsAtOnce);
  if (opened.rows !== rows) {
    await opened.chunks.return(undefined);
    throw new MaskbenchError('INVALID_ARGUMENT', vectors, `${vectors}: has ${opened.rows} rows, its index ${rows}`);
  }
  const { columns } = opened;
  const data = new Float32Array(needed.size * columns);
  const places = new Map<number, number>();
  let from = 0;
  for await (const chunk of opened.chunks) {
    const count = chunk.length / columns;
    for (let i = 0; i < count; i++) {
      if (!needed.has(from + i)) continue;
      data.set(chunk.subarray(i * columns, (i + 1) * columns), places.size * columns);
      places.set(from + i, places.size);
    }
    from += count;
  }
  return { data, columns, places };
}

async function chosenSimilarity(
  lines: readonly IndexLine[],
  index: string,
  { similarity, model, description }: ScorePairsOptions,
): Promise<{ used: Similarity; notes: string[]; model?: string }> {
  const known = similarityOf(lines, index);
  const described =
    model === undefined && description === undefined
      ? undefined
      : (await resolveModel({ model, description })).description;
  if (described && known.model !== undefined && described.name !== known.model)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'model',
      `model: ${described.name}, but ${index} names ${known.model}`,
    );
  const named = known.model ?? described?.name;
  const own = described?.similarity.kind ?? known.similarity;
  const result = (used: Similarity, notes: string[] = []) => ({
    used,
    notes,
    ...(named !== undefined && { model: named }),
  });
  if (similarity !== undefined)
    return result(
      { kind: similarity },
      own === undefined || own === similarity
        ? []
        : [`scores are by ${similarity}; the description of ${named} says ${own}`],
    );
  if (described) return result(described.similarity);
  if (own === undefined)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'similarity',
      `similarity: ${index} does not name a model; expected one of ${vectorSimilarities.join(', ')}`,
    );
  if (own === 'sigmoid')
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'model',
      `model: ${named} is compared by layers of its own; expected its file`,
    );
  return result({ kind: own });
}

/**
 * Scores the pairs of a list from vectors that `embedFiles` wrote. The list may be one of `samplePairs`, or as
 * LFW, YouTube Faces and MFR2 publish theirs. The score of two videos is the mean over the pairs of their frames. A
 * photo without a vector, or that the index hasn't, makes a failed comparison.
 * @param vectors A `.npy` of rows, [rows × dimensions].
 * @param list A file.
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE`; `INVALID_ARGUMENT`: an index of another length or of two models,
 * a list that names none of its photos, or a similarity that is not known
 * @example
 * const { system, pairs } = await scorePairs('lfw.npy', 'pairs.txt');
 * const evaluation = await evaluate([system], { labels: pairs.map(({ genuine }) => Number(genuine)), pairs });
 */
export async function scorePairs(vectors: string, list: string, options: ScorePairsOptions = {}): Promise<PairScores> {
  checkPath('vectors', vectors);
  checkPath('list', list);
  checkOptions(options);
  if (options.similarity !== undefined) checkChoice('similarity', options.similarity, vectorSimilarities);
  if (options.model !== undefined) checkPath('model', options.model);
  const index = checkPath('index', options.index ?? indexOf(vectors));
  const lines = await readIndex(index);
  const { used, notes, model } = await chosenSimilarity(lines, index, options);
  const images = new Images(lines, index);
  const { pairs: listed } = await readPairs(list);
  const sides = listed.map(({ reference, probe }) => [images.of(reference), images.of(probe)] as const);
  const rowsOf = (found: readonly IndexLine[]) => found.flatMap(({ row }) => row ?? []);
  const needed = new Set(sides.flatMap((side) => side.flatMap(rowsOf)));
  if (needed.size === 0)
    throw new MaskbenchError('INVALID_ARGUMENT', list, `${list}: ${index} has a vector of none of its photos`);
  const absent = listed
    .flatMap(({ reference, probe }) => [reference, probe])
    .filter((_, i) => sides[i >> 1]?.[i % 2]?.length === 0);
  if (absent.length > 0)
    notes.push(
      `${new Set(absent).size} photos of ${list} are not in ${index}, among them ${absent[0]}; their comparisons have no score`,
    );
  const { data, columns, places } = await readRows(vectors, lines.filter(({ row }) => row !== null).length, needed);
  const first: number[] = [];
  const second: number[] = [];
  const counts = sides.map(([references, probes]) => {
    const before = first.length;
    for (const reference of rowsOf(references))
      for (const probe of rowsOf(probes)) {
        first.push(places.get(reference) as number);
        second.push(places.get(probe) as number);
      }
    return first.length - before;
  });
  const similarities = await native.similarities(
    data,
    columns,
    Int32Array.from(first),
    Int32Array.from(second),
    toNativeSimilarity(used),
  );
  let at = 0;
  const scores = Float64Array.from(counts, (count) => {
    const sum = similarities.subarray(at, at + count).reduce((total, score) => total + score, 0);
    at += count;
    return count === 0 ? Number.NaN : sum / count;
  });
  const wrong = scores.findIndex((score, i) => !Number.isFinite(score) && counts[i] !== 0);
  if (wrong >= 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      vectors,
      `${vectors}: the ${used.kind} similarity of pair ${wrong + 1} is ${scores[wrong]}`,
    );
  return {
    system: {
      name: path.basename(vectors).replace(/\.npy$/i, ''),
      scores,
      failed: new Set(counts.flatMap((count, i) => (count === 0 ? [i] : []))),
      ...(model !== undefined && { model }),
      similarity: used.kind,
    },
    pairs: listed.map((pair, i) => ({
      ...pair,
      referenceMasked: sides[i]?.[0][0]?.masked ?? pair.referenceMasked,
      probeMasked: sides[i]?.[1][0]?.masked ?? pair.probeMasked,
    })),
    notes,
  };
}

/**
 * Writes scores as CSV: reference, probe, score (empty where it failed), label, model and similarity.
 * @throws `MaskbenchError` `OUTPUT_EXISTS`, `WRITE_FAILED`
 * @example
 * await writePairScores('scores.csv', await scorePairs('lfw.npy', 'pairs.txt'));
 */
export async function writePairScores(file: string, scored: PairScores): Promise<void> {
  checkPath('file', file);
  const { system, pairs } = checkObject('scored', scored, 'what scorePairs gives') as unknown as PairScores;
  checkSystem('scored.system', system);
  checkPairs(pairs);
  if (existsSync(toPath(file))) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  const { scores, failed, model = '', similarity } = system;
  const made = `${csvField(model)},${similarity}`;
  const lines = pairs.map((pair, i) =>
    [
      csvField(pair.reference),
      csvField(pair.probe),
      failed.has(i) ? '' : scores[i],
      Number(isGenuine(pair)),
      made,
    ].join(','),
  );
  await writeFileAtomically(file, `${['reference,probe,score,label,model,similarity', ...lines].join('\n')}\n`);
}
