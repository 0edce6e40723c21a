import path from 'node:path';
import type { NativeAllPairsOptions } from '../../binding.js';
import { callNative } from '../calls.js';
import { nativeDevice } from '../device.js';
import type { IndexLine } from '../embed/files.js';
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
import { readNpyRows } from '../files/npy.js';
import { numberedLines, readText } from '../files/text.js';
import { checkAllScores, checkMeasuring } from '../metrics/arguments.js';
import { type VectorSimilarity, vectorSimilarities } from '../models/description.js';
import { native } from '../native.js';
import { pairPath } from '../pairs/list.js';

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
  similarity?: VectorSimilarity;
  /** Equal bins over the similarity's range. Default 65,536. */
  bins?: number;
  /** What to do with genuine pairs from one source photo. Default `exclude`. They are counted in any case. */
  samePhoto?: (typeof samePhotoModes)[number];
  /** `exclude`: folders are videos, and genuine pairs from one video are left out. Default `include`. */
  sameVideo?: 'exclude' | 'include';
  /** Pairs left out of every count, in any order: paths of the index. See {@link readExcluded}. */
  exclude?: readonly (readonly [string, string])[];
  /** Best impostor identities kept for each image. Default 10. */
  top?: number;
  /** Count the tail of impostor scores by identity, for jackknife intervals. Default true. */
  intervals?: boolean;
  /** Do part `index` (from 1) of `count`; then {@link mergeScores}. */
  shard?: { index: number; count: number };
  /** Threads that score pairs, 1 to 256. Default: the processors this process may use. */
  concurrency?: number;
  /**
   * Where pairs are scored: `cpu` (default), `cuda`, `cuda:1` for another device, or `auto`: the first device, and the CPU if there
   * is none or it is lost. Scores are those of a CPU with fused multiply-add. Never run on a GPU yet: docs/gpu.md.
   */
  device?: string;
  /** Device memory in MiB to use at most. Default: half of it, up to 8 GiB. */
  deviceMemory?: number;
  /** Called once, with `auto`, with the reason for falling back to the CPU. */
  onDeviceProblem?: (problem: string) => void;
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
  similarity: VectorSimilarity;
  /** Bins cover [low, high]. */
  low: number;
  high: number;
  /** Impostor scores by bin; whole numbers. */
  impostor: Float64Array;
  impostors: number;
  /** Genuine scores and their images. */
  genuine: Float32Array;
  genuineProbes: Int32Array;
  genuineReferences: Int32Array;
  /** Genuine pairs of one source photo (or video, where such pairs are left out), whether or not they are among the scores. */
  samePhoto: number;
  samePhotoMode: (typeof samePhotoModes)[number];
  sameVideo: 'exclude' | 'include';
  /** [2 × pairs] that were left out: probe, reference. */
  excluded: Int32Array;
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
  /** The score of each probe's best mate, infinity where it has none. */
  mates: Float32Array;
  /** For each probe: other identities that score at least as high as its best mate. */
  above: Uint32Array;
  /** Impostor pairs by identity in the tail: [identities × 512], from bin `tailBin`, `tailWidth` bins each. */
  identities: string[];
  tail: Uint32Array;
  tailBin: number;
  tailWidth: number;
  shard: { index: number; count: number };
}

/** Bins of the tail. */
export const tailBins = 512;

function checkIndexLine(name: string, line: unknown): void {
  const { row, path: file, identity, photo } = checkObject(name, line, 'a line of an index');
  if (row !== null) checkInteger(`${name}.row`, row, 0, 2 ** 31 - 1);
  for (const [part, text] of Object.entries({ path: file, identity, photo })) checkText(`${name}.${part}`, text);
}

/** Reads an index, and checks that its rows are in order. Throws `NOT_FOUND`, `UNREADABLE` with the line. */
export async function readIndex(file: string): Promise<IndexLine[]> {
  checkPath('file', file);
  let next = 0;
  return numberedLines(await readText(file)).map(({ line, number }) => {
    const refuse = (problem: string) => new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: ${problem}`);
    let parsed: IndexLine | null;
    try {
      parsed = JSON.parse(line) as IndexLine | null;
    } catch {
      throw refuse('expected JSON');
    }
    if (
      typeof parsed?.path !== 'string' ||
      typeof parsed.identity !== 'string' ||
      typeof parsed.photo !== 'string' ||
      typeof parsed.masked !== 'boolean'
    )
      throw refuse('expected row, path, identity, photo and masked');
    if (parsed.row !== null && parsed.row !== next++)
      throw refuse(`expected row ${next - 1}, found ${parsed.row}: the rows are out of order`);
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

type SortedSide = ReturnType<typeof sideOf>;

/** A number for each name, in the order that they come. */
class Numbering {
  readonly #numbers = new Map<string, number>();

  of(name: string): number {
    const known = this.#numbers.get(name);
    if (known === undefined) this.#numbers.set(name, this.#numbers.size);
    return known ?? this.#numbers.size - 1;
  }
}

/** The places of pairs to leave out: probe, reference; within one side ascending. Throws `INVALID_ARGUMENT` for an unknown path. */
function excludedPlaces(
  exclude: readonly (readonly [string, string])[],
  index: readonly IndexLine[],
  { lines: probes }: SortedSide,
  references: SortedSide | undefined,
): Int32Array {
  if (exclude.length === 0) return new Int32Array();
  const known = new Set(index.map(({ path }) => path));
  const placesOf = (lines: readonly IndexLine[]) => new Map(lines.map(({ path }, place) => [path, place]));
  const probePlaces = placesOf(probes);
  const referencePlaces = references ? placesOf(references.lines) : probePlaces;
  const found = new Map<string, [number, number]>();
  for (const names of exclude) {
    const [one, other] = names.map(pairPath) as [string, string];
    for (const name of [one, other])
      if (!known.has(name))
        throw new MaskbenchError('INVALID_ARGUMENT', 'exclude', `exclude: ${name} is not a path of the index`);
    for (const [a, b] of [
      [one, other],
      [other, one],
    ] as const) {
      const probe = probePlaces.get(a);
      const reference = referencePlaces.get(b);
      if (probe !== undefined && reference !== undefined && (references || probe < reference))
        found.set(`${probe} ${reference}`, [probe, reference]);
    }
  }
  return Int32Array.from([...found.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]).flat());
}

/**
 * Scores all genuine and all impostor pairs of a corpus, reduced on the fly: impostor scores to a histogram, genuine scores in full. The
 * matrix is never stored. Results are the same on any number of threads.
 * @param vectors A `.npy` of rows, as {@link embedFiles} writes it; or rows in memory.
 * @param index Its index, or the index's lines.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (an index of another length, a vector with NaN, a zero vector under cosine, one
 * identity only, a path to exclude that the index hasn't), `NOT_FOUND`, `UNREADABLE`, `UNAVAILABLE` (the device); the signal's reason
 * when aborted
 */
export async function scoreAll(
  vectors: string | { data: Float32Array; dimensions: number },
  index: string | readonly IndexLine[],
  options: ScoreAllOptions = {},
): Promise<AllScores> {
  if (typeof vectors === 'string') checkPath('vectors', vectors);
  else if (!(checkObject('vectors', vectors, 'a path or { data, dimensions }').data instanceof Float32Array))
    throw invalid('vectors.data', 'a Float32Array', vectors.data);
  else checkInteger('vectors.dimensions', vectors.dimensions, 1, 2 ** 20);
  if (typeof index === 'string') checkPath('index', index);
  else checkArray('index', index, checkIndexLine, 'a path, or an array of index lines');
  checkMeasuring(options);
  checkChoice('within', options.within ?? 'all', sides);
  if (options.between !== undefined)
    checkArray('between', options.between, (name, side) => checkChoice(name, side, sides), 'two sides');
  if (options.exclude !== undefined)
    checkArray(
      'exclude',
      options.exclude,
      (name, pair) => checkArray(name, pair, checkText),
      'an array of [path, path]',
    );
  if (options.shard !== undefined) checkObject('shard', options.shard, '{ index, count }');
  const { signal, onProgress, between, intervals = true, exclude = [] } = options;
  const similarity = checkChoice('similarity', options.similarity ?? 'cosine', vectorSimilarities);
  const samePhotoMode = checkChoice('samePhoto', options.samePhoto ?? 'exclude', samePhotoModes);
  if (between && options.within !== undefined)
    throw new MaskbenchError('INVALID_ARGUMENT', 'within', 'expected within or between, received both');
  const sameVideo = checkChoice('sameVideo', options.sameVideo ?? 'include', ['exclude', 'include'] as const);
  if (sameVideo === 'exclude' && samePhotoMode !== 'exclude')
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'sameVideo',
      `expected samePhoto exclude with sameVideo exclude, received ${samePhotoMode}: pairs of one photo are also of one video`,
    );
  const bins = checkInteger('bins', options.bins ?? 65_536, 2, 2 ** 24);
  const top = checkInteger('top', options.top ?? 10, 0, 1000);
  const device = nativeDevice(options);
  const concurrency = checkInteger('concurrency', options.concurrency ?? native.systemInfo().processors, 1, 256);
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
  const sources = new Numbering();
  const sourceOf = sameVideo === 'exclude' ? path.posix.dirname : (photo: string) => photo;
  const excluded = excludedPlaces(exclude, lines, probeSide, referenceSide);

  const opened =
    typeof vectors === 'string'
      ? await readNpyRows(vectors, rowsAtOnce)
      : { rows: vectors.data.length / vectors.dimensions, columns: vectors.dimensions, chunks: chunksOf(vectors) };
  if (opened.rows !== rows) {
    await opened.chunks.return(undefined);
    throw refuse(`has ${opened.rows} rows, its index ${rows}`);
  }
  const packed = used.map(
    (side) =>
      new native.PackedVectors(
        Int32Array.from(side.lines, ({ identity }) => identityNumbers.get(identity) as number),
        Int32Array.from(side.lines, ({ photo }) => sources.of(sourceOf(photo))),
        opened.columns,
        similarity,
      ),
  );
  let from = 0;
  for await (const chunk of opened.chunks) {
    signal?.throwIfAborted();
    const count = chunk.length / opened.columns;
    for (const [s, { places }] of used.entries()) {
      const wrong = packed[s]?.set(
        chunk,
        Int32Array.from({ length: count }, (_, i) => places.get(from + i) ?? -1),
      ) as number;
      if (wrong >= 0)
        throw refuse(`row ${from + wrong} is ${similarity === 'cosine' ? 'zero or not finite' : 'not finite'}`);
    }
    from += count;
  }
  const [probes, references] = packed as [
    InstanceType<typeof native.PackedVectors>,
    InstanceType<typeof native.PackedVectors>?,
  ];
  const longest = Math.sqrt(probes.greatestSquare) + Math.sqrt((references ?? probes).greatestSquare);
  const [low, high] = similarity === 'cosine' ? [-1, 1] : similarity === 'l2' ? [-longest || -1, 0] : [0, 1];
  const count = async (wanted: Partial<NativeAllPairsOptions>) => {
    const pairs = new native.AllPairs(probes, references, {
      ...{ bins, low, high, sameSource: samePhotoMode, excluded, nearOnly: false, top: 0 },
      ...{ identities: identities.length, shard: { index: 0, count: 1 } },
      // Few pairs share identities: too few for a device.
      ...(wanted.nearOnly ? nativeDevice({}) : device),
      ...wanted,
    });
    const timer = setInterval(() => {
      if (!wanted.nearOnly) onProgress?.({ done: pairs.done, total: pairs.strips });
    }, 250);
    try {
      await callNative(
        (cancellation) => Promise.all(Array.from({ length: concurrency }, () => pairs.count(cancellation))),
        signal,
      );
    } finally {
      clearInterval(timer);
    }
    if (pairs.deviceProblem !== '') options.onDeviceProblem?.(pairs.deviceProblem);
    return pairs.result();
  };
  // Every genuine pair, for the mates that ranks are counted by; and some impostors, whatever the shard.
  const near = await count({ nearOnly: true });
  const mates = new Float32Array(probeSide.lines.length).fill(Number.POSITIVE_INFINITY);
  for (const [i, score] of near.genuine.scores.entries())
    for (const place of [near.genuine.probes[i] as number, ...(between ? [] : [near.genuine.references[i] as number])])
      if (mates[place] === Number.POSITIVE_INFINITY || score > (mates[place] as number)) mates[place] = score;
  let tail: { bin: number; width: number } | undefined;
  if (intervals) {
    // The tail begins where the sample has an FMR of 1 in 500.
    let above = 0;
    let bin = bins;
    while (bin > 0 && above + (near.impostor[bin - 1] as number) <= near.impostors / 500)
      above += near.impostor[--bin] as number;
    tail = { bin, width: Math.max(1, Math.ceil((bins - bin) / tailBins)) };
  }
  const counted = await count({ top, mates, shard: { ...shard, index: shard.index - 1 }, ...(tail && { tail }) });
  const images = (side: SortedSide) =>
    side.lines.map(({ path, identity, photo, masked }) => ({ path, identity, photo, masked }));
  const probeImages = images(probeSide);
  return {
    ...{ similarity, low: Math.fround(low), high: Math.fround(high) },
    ...{ impostor: counted.impostor, impostors: counted.impostors },
    genuine: counted.genuine.scores,
    genuineProbes: counted.genuine.probes,
    genuineReferences: counted.genuine.references,
    ...{ samePhoto: counted.sameSource, samePhotoMode, sameVideo, excluded, probes: probeImages },
    references: referenceSide ? images(referenceSide) : probeImages,
    within: !referenceSide,
    failed: { probes: probeSide.failed, references: (referenceSide ?? probeSide).failed },
    ...{ top, bestScores: counted.best.scores, bestRows: counted.best.rows, mates, above: counted.above },
    ...{ identities, tail: counted.tail, tailBin: tail?.bin ?? bins, tailWidth: tail?.width ?? 1, shard },
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
 * Adds up the shards of one {@link scoreAll}. The result equals that of one run exactly.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` where a shard is missing, doubled, or of another run
 */
export function mergeScores(shards: readonly AllScores[]): AllScores {
  checkArray('shards', shards, checkAllScores, 'an array of what scoreAll gives');
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', 'shards', `shards: ${problem}`);
  const [first] = shards;
  if (!first) throw invalid('shards', 'at least one part', shards);
  const { count } = first.shard;
  for (let index = 1; index <= count; index++) {
    const found = shards.filter(({ shard }) => shard.index === index && shard.count === count).length;
    if (found !== 1) throw refuse(`part ${index} of ${count} is ${found === 0 ? 'missing' : 'there twice'}`);
  }
  const same = (of: AllScores) =>
    JSON.stringify([
      of.similarity,
      of.low,
      of.high,
      of.impostor.length,
      of.samePhotoMode,
      of.sameVideo,
      [...of.excluded],
      of.probes,
      of.references,
      of.top,
      of.tailBin,
      of.tailWidth,
    ]);
  if (shards.some((of) => same(of) !== same(first)))
    throw refuse('expected parts of one run, found different vectors or options');
  const impostor = first.impostor.slice();
  const tail = first.tail.slice();
  const above = first.above.slice();
  for (const other of shards.slice(1))
    for (const [sum, more] of [
      [impostor, other.impostor],
      [tail, other.tail],
      [above, other.above],
    ] as const)
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (more[i] as number);
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
    ...{ impostor, tail, bestScores, bestRows, above },
    impostors: shards.reduce((sum, of) => sum + of.impostors, 0),
    samePhoto: shards.reduce((sum, of) => sum + of.samePhoto, 0),
    genuine: Float32Array.from(pairs, ({ score }) => score),
    genuineProbes: Int32Array.from(pairs, ({ probe }) => probe),
    genuineReferences: Int32Array.from(pairs, ({ reference }) => reference),
    shard: { index: 1, count: 1 },
  };
}
