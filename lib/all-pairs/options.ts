import { nativeDevice } from '../device.js';
import {
  checkArray,
  checkChoice,
  checkInteger,
  checkObject,
  checkText,
  invalid,
  MaskbenchError,
  type Problem,
} from '../errors.js';
import { checkMeasuring } from '../metrics/arguments.js';
import { type VectorSimilarity, vectorSimilarities } from '../models/similarity.js';
import { native } from '../native.js';

export const sides = ['all', 'plain', 'masked'] as const;
/** Which images of the index are compared. */
export type Side = (typeof sides)[number];

export const samePhotoModes = ['exclude', 'include', 'only'] as const;
/** What becomes of genuine pairs made from one source photo. */
export type SamePhotoMode = (typeof samePhotoModes)[number];

/** Options of {@link scoreAll}. */
export interface ScoreAllOptions {
  /** All unordered pairs of one side. Default `all`. */
  within?: Side;
  /** All ordered pairs of two sides instead: probes, references. */
  between?: readonly [Side, Side];
  /** Default: as the model's description says, which the index names; `cosine` where it names none. */
  similarity?: VectorSimilarity;
  /** Equal bins over the similarity's range. Default 65,536. */
  bins?: number;
  /** What to do with genuine pairs from one source photo. Default `exclude`. They are counted in any case. */
  samePhoto?: SamePhotoMode;
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
   * Where pairs are scored: `cpu` (default), `cuda`, `cuda:1` for another device, or `auto`: the first device, and the
   * CPU if there is none or it is lost. Scores are those of a CPU with fused multiply-add. See
   * docs/gpu.md.
   */
  device?: string;
  /** Device memory in MiB to use at most. Default: half of it, up to 8 GiB. */
  deviceMemory?: number;
  /**
   * Called where faces were found or placed in different ways, with the ways; and once, with `auto`, with the reason
   * for falling back to the CPU.
   */
  onProblem?: (problem: Problem) => void;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** The options with their defaults. Throws `INVALID_ARGUMENT`. */
export function checkScoreAll(options: ScoreAllOptions) {
  checkMeasuring(options);
  const { between, intervals = true, exclude = [], shard = { index: 1, count: 1 } } = options;
  const within = checkChoice('within', options.within ?? 'all', sides);
  if (between !== undefined) {
    checkArray('between', between, (name, side) => checkChoice(name, side, sides), 'two sides');
    if (between.length !== 2) throw invalid('between', 'two sides', between.length);
    if (options.within !== undefined)
      throw new MaskbenchError('INVALID_ARGUMENT', 'within', 'expected within or between, received both');
  }
  checkArray('exclude', exclude, (name, pair) => checkArray(name, pair, checkText), 'an array of [path, path]');
  checkObject('shard', shard, '{ index, count }');
  checkInteger('shard: index', shard.index, 1, checkInteger('shard: count', shard.count, 1, 100_000));
  const samePhoto = checkChoice('samePhoto', options.samePhoto ?? 'exclude', samePhotoModes);
  const sameVideo = checkChoice('sameVideo', options.sameVideo ?? 'include', ['exclude', 'include'] as const);
  if (sameVideo === 'exclude' && samePhoto !== 'exclude')
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'sameVideo',
      `expected samePhoto exclude with sameVideo exclude, received ${samePhoto}: pairs of one photo are also of one video`,
    );
  return {
    ...{ within, between, intervals, exclude, shard, samePhoto, sameVideo },
    similarity:
      options.similarity === undefined ? undefined : checkChoice('similarity', options.similarity, vectorSimilarities),
    bins: checkInteger('bins', options.bins ?? 65_536, 2, 2 ** 24),
    top: checkInteger('top', options.top ?? 10, 0, 1000),
    device: nativeDevice(options),
    concurrency: checkInteger('concurrency', options.concurrency ?? native.systemInfo().processors, 1, 256),
  };
}

export type CheckedOptions = ReturnType<typeof checkScoreAll>;
