import { readFile } from 'node:fs/promises';
import type { NativeAllPairsOptions } from '../../binding.js';
import { callNative } from '../calls.js';
import type { IndexLine } from '../embed/files.js';
import { checkChoice, checkInteger, MaskbenchError } from '../errors.js';
import { native } from '../native.js';
import { readNpyRows } from '../npy.js';

export const metrics = ['cosine', 'l2', 'inv-l2'] as const;
/** `cosine`; `l2`, negated distances; `inv-l2`, 1 / (1 + distance). */
export type Metric = (typeof metrics)[number];

export const sides = ['all', 'plain', 'masked'] as const;
/** Which images of the index are compared. */
export type Side = (typeof sides)[number];

export const samePhotoModes = ['exclude', 'include', 'only'] as const;

/** Options of {@link scoreAll}. */
export interface ScoreAllOptions {
  /** All unordered pairs of one side. Default `all`. */
  within?: Side;
  /** All ordered pairs of two sides instead: probes, references. */
  between?: readonly [Side, Side];
  /** Default `cosine`. */
  metric?: Metric;
  /** Equal bins over the metric's range. Default 65,536. */
  bins?: number;
  /** Genuine pairs made from one source photo. Default `exclude`; they are counted in any case. */
  samePhoto?: (typeof samePhotoModes)[number];
  /** Best impostor identities kept for each image. Default 10. */
  top?: number;
  /** Count the tail of impostor scores by identity, for jackknife intervals. Default true. */
  intervals?: boolean;
  /** Do part `index` (from 1) of `count`; then {@link mergeScores}. */
  shard?: { index: number; count: number };
  /** Default: the processors this process may use. */
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** An image that was scored. */
export interface ScoredImage {
  path: string;
  identity: string;
  photo: string;
  masked: boolean;
}

/** Every comparison of a corpus, counted. */
export interface AllScores {
  metric: Metric;
  /** Bins cover [low, high]. */
  low: number;
  high: number;
  /** Impostor scores by bin; whole numbers. */
  impostor: Float64Array;
  impostors: number;
  /** Genuine scores, and the images they are of. */
  genuine: Float32Array;
  genuineProbes: Int32Array;
  genuineReferences: Int32Array;
  /** Genuine pairs of one source photo, whether or not they are among the scores. */
  samePhoto: number;
  samePhotoMode: (typeof samePhotoModes)[number];
  /** Sorted by identity. Within one side references are the probes. */
  probes: ScoredImage[];
  references: ScoredImage[];
  within: boolean;
  /** Index lines without a vector, by side. */
  failed: { probes: number; references: number };
  /** Best impostors of each probe, then of each reference (within one side once): [rows × top], row −1 where there is none. */
  top: number;
  bestScores: Float32Array;
  bestRows: Int32Array;
  /** Impostor pairs by identity in the tail: [identities × 512], from bin `tailBin`, `tailWidth` bins each. */
  identities: string[];
  tail: Uint32Array;
  tailBin: number;
  tailWidth: number;
  shard: { index: number; count: number };
}

/** Bins of the tail. */
export const tailBins = 512;

/** Reads an index and checks that it is one: rows in order. Throws `NOT_FOUND`, `UNREADABLE` with the line. */
export async function readIndex(file: string): Promise<IndexLine[]> {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new MaskbenchError('NOT_FOUND', file, `${file}: cannot be read: ${error.message}`);
  });
  let next = 0;
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => {
      const refuse = (problem: string) => new MaskbenchError('UNREADABLE', file, `${file}, line ${i + 1}: ${problem}`);
      let parsed: IndexLine;
      try {
        parsed = JSON.parse(line) as IndexLine;
      } catch {
        throw refuse('is no JSON');
      }
      if (typeof parsed.identity !== 'string' || typeof parsed.photo !== 'string' || typeof parsed.masked !== 'boolean')
        throw refuse('expected row, identity, photo and masked');
      if (parsed.row !== null && parsed.row !== next++)
        throw refuse(`expected row ${next - 1}, found ${parsed.row}: another order`);
      return parsed;
    });
}

/** One side's images in the order of identities, and where each row of the vectors goes. */
function sideOf(index: readonly IndexLine[], side: Side) {
  const wanted = index.filter(({ masked }) => side === 'all' || masked === (side === 'masked'));
  const lines = wanted.filter(({ row }) => row !== null);
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  lines.sort((a, b) => compare(a.identity, b.identity) || (a.row as number) - (b.row as number));
  return {
    lines,
    failed: wanted.length - lines.length,
    places: new Map(lines.map(({ row }, place) => [row as number, place])),
  };
}

const rowsAtOnce = 2048;

/**
 * Scores all genuine and all impostor pairs of a corpus, reduced on the fly: impostor scores to a histogram, genuine scores in full. The
 * matrix is never stored. Results are the same on any number of threads.
 * @param vectors A `.npy` of rows, as {@link embedFiles} writes it; or rows in memory.
 * @param index Its index, or the index's lines.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (an index of another length, a vector with NaN, a zero vector under cosine, one
 * identity only, no genuine pair), `NOT_FOUND`, `UNREADABLE`; the signal's reason when aborted
 */
export async function scoreAll(
  vectors: string | { data: Float32Array; dimensions: number },
  index: string | readonly IndexLine[],
  options: ScoreAllOptions = {},
): Promise<AllScores> {
  const { signal, onProgress, between, intervals = true } = options;
  const metric = checkChoice('metric', options.metric ?? 'cosine', metrics);
  const samePhotoMode = checkChoice('samePhoto', options.samePhoto ?? 'exclude', samePhotoModes);
  const bins = checkInteger('bins', options.bins ?? 65_536, 2, 2 ** 24);
  const top = checkInteger('top', options.top ?? 10, 0, 1000);
  const threads = checkInteger('threads', options.threads ?? native.systemInfo().processors, 1, 256);
  const shard = options.shard ?? { index: 1, count: 1 };
  checkInteger('shard: index', shard.index, 1, checkInteger('shard: count', shard.count, 1, 100_000));
  const source = typeof vectors === 'string' ? vectors : 'vectors';
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', source, `${source}: ${problem}`);
  const lines = typeof index === 'string' ? await readIndex(index) : index;
  const rows = lines.filter(({ row }) => row !== null).length;
  const probeSide = sideOf(
    lines,
    checkChoice(between ? 'between' : 'within', between?.[0] ?? options.within ?? 'all', sides),
  );
  const referenceSide = between && sideOf(lines, checkChoice('between', between[1], sides));
  const used = [probeSide, ...(referenceSide ? [referenceSide] : [])];
  const identities = [...new Set(used.flatMap((side) => side.lines.map(({ identity }) => identity)))].sort();
  if (identities.length < 2) throw refuse(`expected images of two identities, found ${identities.length}`);
  const identityNumbers = new Map(identities.map((identity, i) => [identity, i]));
  const photoNumbers = new Map<string, number>();
  const photoNumber = (photo: string) => {
    const known = photoNumbers.get(photo);
    if (known === undefined) photoNumbers.set(photo, photoNumbers.size);
    return known ?? photoNumbers.size - 1;
  };

  const opened =
    typeof vectors === 'string'
      ? await readNpyRows(vectors, rowsAtOnce)
      : { rows: vectors.data.length / vectors.dimensions, columns: vectors.dimensions, chunks: chunksOf(vectors) };
  if (opened.rows !== rows) {
    await opened.chunks.return(undefined);
    throw refuse(`has ${opened.rows} rows, its index ${rows}`);
  }
  const packed = used.map((side) => new native.PackedVectors(side.lines.length, opened.columns, metric));
  let from = 0;
  for await (const chunk of opened.chunks) {
    signal?.throwIfAborted();
    const count = chunk.length / opened.columns;
    for (const [s, { lines: sorted, places }] of used.entries()) {
      const rows = Int32Array.from({ length: count }, (_, i) => places.get(from + i) ?? -1);
      const numbers = (of: (line: IndexLine) => number) =>
        rows.map((place) => (place < 0 ? -1 : of(sorted[place] as IndexLine)));
      const wrong = packed[s]?.set(
        chunk,
        rows,
        numbers(({ identity }) => identityNumbers.get(identity) as number),
        numbers(({ photo }) => photoNumber(photo)),
      ) as number;
      if (wrong >= 0)
        throw refuse(`row ${from + wrong} is ${metric === 'cosine' ? 'zero or not finite' : 'not finite'}`);
    }
    from += count;
  }
  const [probes, references] = packed as [
    InstanceType<typeof native.PackedVectors>,
    InstanceType<typeof native.PackedVectors>?,
  ];
  const longest = Math.sqrt(probes.greatestSquare) + Math.sqrt((references ?? probes).greatestSquare);
  const [low, high] = metric === 'cosine' ? [-1, 1] : metric === 'l2' ? [-longest || -1, 0] : [0, 1];
  const request: NativeAllPairsOptions = {
    bins,
    low,
    high,
    samePhoto: samePhotoMode,
    top,
    identities: identities.length,
    shard: { index: shard.index - 1, count: shard.count },
  };
  const count = async (wanted: NativeAllPairsOptions, report: boolean) => {
    const pairs = new native.AllPairs(probes, references, wanted);
    const timer = report && setInterval(() => onProgress?.({ done: pairs.done, total: pairs.strips }), 250);
    try {
      await callNative(
        (cancellation) => Promise.all(Array.from({ length: threads }, () => pairs.count(cancellation))),
        signal,
      );
    } finally {
      if (timer) clearInterval(timer);
    }
    return pairs.result();
  };
  // The tail begins where a sample has an FMR of 1 in 500; the sample is the same for every shard.
  let tail: { bin: number; width: number } | undefined;
  if (intervals) {
    const strips = Math.ceil(probeSide.lines.length / 96);
    const sample = await count(
      { ...request, top: 0, shard: { index: 0, count: Math.max(1, Math.floor(strips / 2)) } },
      false,
    );
    let above = 0;
    let bin = bins;
    while (bin > 0 && above + (sample.impostor[bin - 1] as number) <= sample.impostors / 500)
      above += sample.impostor[--bin] as number;
    tail = { bin, width: Math.max(1, Math.ceil((bins - bin) / tailBins)) };
  }
  const counted = await count({ ...request, ...(tail && { tail }) }, true);
  const images = (side: ReturnType<typeof sideOf>) =>
    side.lines.map(({ path, identity, photo, masked }) => ({ path, identity, photo, masked }));
  const probeImages = images(probeSide);
  return {
    ...{
      metric,
      low: Math.fround(low),
      high: Math.fround(high),
      impostor: counted.impostor,
      impostors: counted.impostors,
    },
    genuine: counted.genuine.scores,
    genuineProbes: counted.genuine.probes,
    genuineReferences: counted.genuine.references,
    ...{ samePhoto: counted.samePhoto, samePhotoMode, probes: probeImages },
    references: referenceSide ? images(referenceSide) : probeImages,
    within: !referenceSide,
    failed: { probes: probeSide.failed, references: (referenceSide ?? probeSide).failed },
    ...{ top, bestScores: counted.best.scores, bestRows: counted.best.rows, identities, tail: counted.tail },
    ...{ tailBin: tail?.bin ?? bins, tailWidth: tail?.width ?? 1, shard },
  };
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

/**
 * Adds the shards of one {@link scoreAll} up: exactly what one run gives.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` where a shard is missing, doubled, or of another run
 */
export function mergeScores(shards: readonly AllScores[]): AllScores {
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', 'shards', `shards: ${problem}`);
  const [first] = shards;
  if (!first) throw refuse('expected at least one');
  const { count } = first.shard;
  for (let index = 1; index <= count; index++) {
    const found = shards.filter(({ shard }) => shard.index === index && shard.count === count).length;
    if (found !== 1) throw refuse(`part ${index} of ${count} is ${found === 0 ? 'missing' : 'there twice'}`);
  }
  const same = (of: AllScores) =>
    JSON.stringify([
      of.metric,
      of.low,
      of.high,
      of.impostor.length,
      of.samePhotoMode,
      of.probes,
      of.references,
      of.top,
      of.tailBin,
      of.tailWidth,
    ]);
  if (shards.some((of) => same(of) !== same(first))) throw refuse('are of different vectors or options');
  const impostor = first.impostor.slice();
  const tail = first.tail.slice();
  for (const other of shards.slice(1)) {
    for (let i = 0; i < impostor.length; i++) impostor[i] = (impostor[i] as number) + (other.impostor[i] as number);
    for (let i = 0; i < tail.length; i++) tail[i] = (tail[i] as number) + (other.tail[i] as number);
  }
  const pairs = shards.flatMap((of) =>
    Array.from(of.genuine, (score, i) => ({
      score,
      probe: of.genuineProbes[i] as number,
      reference: of.genuineReferences[i] as number,
    })),
  );
  pairs.sort((a, b) => a.probe - b.probe || a.reference - b.reference);
  const { top } = first;
  const bestScores = first.bestScores.slice();
  const bestRows = first.bestRows.slice();
  for (let slot = 0; slot * top < bestRows.length; slot++) {
    const others = slot < first.probes.length ? first.references : first.probes;
    const candidates = shards.flatMap((of) =>
      Array.from({ length: top }, (_, k) => ({
        score: of.bestScores[slot * top + k] as number,
        row: of.bestRows[slot * top + k] as number,
      })),
    );
    candidates.sort((a, b) => b.score - a.score || a.row - b.row);
    const seen = new Set<string>();
    const kept = candidates.filter(
      ({ row }) => row >= 0 && !seen.has(others[row]?.identity as string) && seen.add(others[row]?.identity as string),
    );
    for (let k = 0; k < top; k++) {
      bestScores[slot * top + k] = kept[k]?.score ?? Number.NEGATIVE_INFINITY;
      bestRows[slot * top + k] = kept[k]?.row ?? -1;
    }
  }
  return {
    ...first,
    ...{ impostor, tail, bestScores, bestRows },
    impostors: shards.reduce((sum, of) => sum + of.impostors, 0),
    samePhoto: shards.reduce((sum, of) => sum + of.samePhoto, 0),
    genuine: Float32Array.from(pairs, ({ score }) => score),
    genuineProbes: Int32Array.from(pairs, ({ probe }) => probe),
    genuineReferences: Int32Array.from(pairs, ({ reference }) => reference),
    shard: { index: 1, count: 1 },
  };
}
