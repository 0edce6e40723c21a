import type { NativeAllPairsOptions } from '../../binding.js';
import { callNative } from '../calls.js';
import { fallbackProblem } from '../device.js';
import { checkIndexLines, type IndexLine, readIndex, similarityOf } from '../embed/index-lines.js';
import { checkChoice, checkInteger, checkObject, checkPath, invalid, MaskbenchError } from '../errors.js';
import { readVectors } from '../files/vectors.js';
import { type VectorSimilarity, vectorSimilarities } from '../models/similarity.js';
import { native } from '../native.js';
import { type CheckedOptions, checkScoreAll, type ScoreAllOptions } from './options.js';
import { type AllScores, tailBins } from './scores.js';
import { imagesOf, mixedRoutes, numbersOf, type Sides, sidesOf } from './sides.js';

type Vectors = string | { data: Float32Array; dimensions: number };
type Packed = InstanceType<typeof native.PackedVectors>;
type Counts = Awaited<ReturnType<InstanceType<typeof native.AllPairs>['count']>>;

const rowsAtOnce = 2048;

function checkVectors(vectors: Vectors): void {
  if (typeof vectors === 'string') checkPath('vectors', vectors);
  else if (!(checkObject('vectors', vectors, 'a path or { data, dimensions }').data instanceof Float32Array))
    throw invalid('vectors.data', 'a Float32Array', vectors.data);
  else checkInteger('vectors.dimensions', vectors.dimensions, 1, 2 ** 20);
}

async function* chunksOf({
  data,
  dimensions,
}: {
  data: Float32Array;
  dimensions: number;
}): AsyncGenerator<Float32Array> {
  const size = rowsAtOnce * dimensions;
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

async function openVectors(vectors: Vectors) {
  if (typeof vectors === 'string') return readVectors(vectors, rowsAtOnce);
  const { data, dimensions } = vectors;
  return { rows: data.length / dimensions, columns: dimensions, chunks: chunksOf(vectors) };
}

/** Reads the vectors into the order of each side: probes, and references where there are any. */
async function pack(
  vectors: Vectors,
  rows: number,
  sides: Sides,
  options: CheckedOptions,
  similarity: VectorSimilarity,
  signal: AbortSignal | undefined,
): Promise<[Packed, Packed?]> {
  const source = typeof vectors === 'string' ? vectors : 'vectors';
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', source, `${source}: ${problem}`);
  if (sides.identities.length < 2) throw refuse(`expected images of two identities, found ${sides.identities.length}`);
  const opened = await openVectors(vectors);
  if (opened.rows !== rows) {
    // Chunks that have not begun would leave the file open.
    for await (const _ of opened.chunks) break;
    throw refuse(`has ${opened.rows} rows, its index ${rows}`);
  }
  const packed = numbersOf(sides, options).map(({ side, identities, sources }) => ({
    places: side.places,
    vectors: new native.PackedVectors(identities, sources, opened.columns, similarity),
  }));
  let from = 0;
  for await (const chunk of opened.chunks) {
    signal?.throwIfAborted();
    const count = chunk.length / opened.columns;
    for (const { places, vectors: into } of packed) {
      const rows = new Int32Array(count).map((_, i) => places.get(from + i) ?? -1);
      const wrong = into.set(chunk, rows);
      if (wrong >= 0)
        throw refuse(`row ${from + wrong} is ${similarity === 'cosine' ? 'zero' : 'longer than 6e18'} or not finite`);
    }
    from += count;
  }
  return packed.map((side) => side.vectors) as [Packed, Packed?];
}

/** How many rows the index has. Throws `INVALID_ARGUMENT` unless each from 0 on is there once. */
function countRows(lines: readonly IndexLine[]): number {
  const rows = lines.flatMap(({ row }) => (row === null ? [] : [row]));
  const seen = new Uint8Array(rows.length);
  for (const row of rows) {
    if (seen[row] !== 0) throw invalid('index', `each row from 0 to ${rows.length - 1} once`, row);
    seen[row] = 1;
  }
  return rows.length;
}

/** What scores can be: [low, high]. */
function rangeOf(similarity: VectorSimilarity, probes: Packed, references = probes): [number, number] {
  const longest = Math.sqrt(probes.greatestSquare) + Math.sqrt(references.greatestSquare);
  return similarity === 'cosine' ? [-1, 1] : similarity === 'l2' ? [-longest || -1, 0] : [0, 1];
}

/** Counts pairs, and reports progress and a device that is given up. */
async function count(
  [probes, references]: [Packed, Packed?],
  wanted: NativeAllPairsOptions,
  { signal, onProgress, onProblem }: Pick<ScoreAllOptions, 'signal' | 'onProgress' | 'onProblem'>,
): Promise<Counts> {
  const pairs = new native.AllPairs(probes, references, wanted);
  const timer = setInterval(() => onProgress?.({ done: pairs.done, total: pairs.strips }), 250);
  try {
    return await callNative((cancellation) => pairs.count(cancellation), signal);
  } finally {
    clearInterval(timer);
    const problem = fallbackProblem(pairs);
    if (problem !== undefined) onProblem?.(problem);
  }
}

/**
 * The score of each probe's best mate, infinity where it has none. Within one side both images of a pair are probes.
 */
function matesOf({ scores, probes, references }: Counts['genuine'], count: number, within: boolean): Float32Array {
  const mates = new Float32Array(count).fill(Number.POSITIVE_INFINITY);
  const offer = (place: number, score: number) => {
    if (mates[place] === Number.POSITIVE_INFINITY || score > (mates[place] as number)) mates[place] = score;
  };
  for (const [i, score] of scores.entries()) {
    offer(probes[i] as number, score);
    if (within) offer(references[i] as number, score);
  }
  return mates;
}

/**
 * The tail begins where a sample of impostors has an FMR of 1 in 500, or of one and a half times its EER, where that is
 * more.
 */
function tailOf({ impostor, impostors, genuine }: Counts, low: number, high: number): { bin: number; width: number } {
  const genuineByBin = new Float64Array(impostor.length);
  for (const score of genuine.scores) {
    const bin = Math.min(impostor.length - 1, Math.floor(((score - low) / (high - low)) * impostor.length));
    genuineByBin[bin] = (genuineByBin[bin] as number) + 1;
  }
  let above = 0;
  let missed = genuine.scores.length;
  let bin = impostor.length;
  let share = 1 / 500;
  let isCrossed = missed === 0;
  while (bin > 0 && (!isCrossed || above + (impostor[bin - 1] as number) <= share * impostors)) {
    bin--;
    above += impostor[bin] as number;
    missed -= genuineByBin[bin] as number;
    if (isCrossed || above / impostors < missed / genuine.scores.length) continue;
    isCrossed = true;
    share = Math.max(share, (1.5 * above) / impostors);
  }
  return { bin, width: Math.max(1, Math.ceil((impostor.length - bin) / tailBins)) };
}

/**
 * Scores all genuine and all impostor pairs of a corpus, reduced on the fly: impostor scores to a histogram, genuine
 * scores in full. The matrix is never stored. Results are the same on any number of threads.
 * @param vectors A file of rows, `.npy` or `.parquet`, as `embedFiles` writes it; or rows in memory.
 * @param index Its index (a Parquet file has its own), or the index's lines.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (an index of another length, a vector with NaN, a zero vector under
 * cosine, one identity only, a path to exclude that the index hasn't), `NOT_FOUND`, `UNREADABLE`, `UNAVAILABLE` (the
 * device); the signal's reason when aborted
 * @example
 * const scores = await scoreAll('lfw.npy', 'lfw.jsonl', { between: ['masked', 'plain'], top: 5 });
 */
export async function scoreAll(
  vectors: string | { data: Float32Array; dimensions: number },
  index: string | readonly IndexLine[],
  options: ScoreAllOptions = {},
): Promise<AllScores> {
  checkVectors(vectors);
  if (typeof index === 'string') checkPath('index', index);
  else checkIndexLines('index', index);
  const checked = checkScoreAll(options);
  const { bins, top, samePhoto, sameVideo, shard, device, concurrency, intervals } = checked;
  const { signal } = options;
  const lines = typeof index === 'string' ? await readIndex(index) : index;
  const { model, similarity: described } = similarityOf(lines, typeof index === 'string' ? index : 'index');
  const similarity = checked.similarity ?? checkChoice('similarity', described ?? 'cosine', vectorSimilarities);
  const sides = sidesOf(lines, checked);
  const { probes, references, identities, excluded } = sides;
  const routes = mixedRoutes(sides);
  if (routes !== undefined) {
    const file = typeof index === 'string' ? index : 'index';
    options.onProblem?.({ file, message: `${file}: ${routes}` });
  }
  const rows = countRows(lines);
  const packed = await pack(vectors, rows, sides, checked, similarity, signal);
  const [low, high] = rangeOf(similarity, ...packed);
  const common = { bins, low, high, sameSource: samePhoto, excluded, identities: identities.length, concurrency };
  // Every genuine pair, for the mates that ranks are counted by; and some impostors, whatever the shard. Too few for a
  // device.
  const near = await count(
    packed,
    { ...common, nearOnly: true, top: 0, shard: { index: 0, count: 1 } },
    { ...(signal && { signal }) },
  );
  const mates = matesOf(near.genuine, probes.lines.length, references === undefined);
  const tail = intervals ? tailOf(near, low, high) : undefined;
  const part = { ...shard, index: shard.index - 1 };
  const counted = await count(
    packed,
    { ...common, device, nearOnly: false, top, mates, shard: part, ...(tail && { tail }) },
    options,
  );
  const images = imagesOf(probes);
  return {
    ...(model !== undefined && { model }),
    ...(described !== undefined && { described }),
    ...{ similarity, low: Math.fround(low), high: Math.fround(high) },
    ...{ impostor: counted.impostor, impostors: counted.impostors },
    genuine: counted.genuine.scores,
    genuineProbes: counted.genuine.probes,
    genuineReferences: counted.genuine.references,
    ...{ samePhoto: counted.sameSource, samePhotoMode: samePhoto, sameVideo, excluded, probes: images },
    references: references ? imagesOf(references) : images,
    within: references === undefined,
    failed: { probes: probes.failed, references: (references ?? probes).failed },
    ...{ top, bestScores: counted.best.scores, bestRows: counted.best.rows, mates, above: counted.above },
    ...{ identities, tail: counted.tail, tailBin: tail?.bin ?? bins, tailWidth: tail?.width ?? 1, shard },
  };
}
