import { checkChoice, checkFlag, checkInteger, checkNumber, checkObject, invalid } from '../errors.js';
import { type Similarity, type VectorSimilarity, vectorSimilarities } from '../models/similarity.js';
import { type SamePhotoMode, samePhotoModes } from './options.js';

/** An image that was scored. */
export interface ScoredImage {
  path: string;
  identity: string;
  photo: string;
  masked: boolean;
}

/** Every comparison of a corpus, counted. */
export interface AllScores {
  /** How vectors were compared. */
  similarity: VectorSimilarity;
  /** The model, and how its description compares vectors, where the index names them. */
  model?: string;
  described?: Similarity['kind'];
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
  /**
   * Genuine pairs of one source photo (or video, where such pairs are left out), whether or not they are among the
   * scores.
   */
  samePhoto: number;
  samePhotoMode: SamePhotoMode;
  sameVideo: 'exclude' | 'include';
  /** [2 × pairs] that were left out: probe, reference. */
  excluded: Int32Array;
  /** Sorted by identity. Within one side references are the probes. */
  probes: ScoredImage[];
  references: ScoredImage[];
  within: boolean;
  /** Index lines without a vector, by side. */
  failed: { probes: number; references: number };
  /**
   * Best impostors of each probe, then of each reference (within one side once): [rows × top], row −1 where there is
   * none.
   */
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

const arrayKinds = {
  impostor: Float64Array,
  genuine: Float32Array,
  genuineProbes: Int32Array,
  genuineReferences: Int32Array,
  excluded: Int32Array,
  bestScores: Float32Array,
  bestRows: Int32Array,
  mates: Float32Array,
  above: Uint32Array,
  tail: Uint32Array,
} as const;

const most = Number.MAX_SAFE_INTEGER;

/** What has been checked. Every number is looked at, which takes time. */
const checked = new WeakSet<object>();

/** Throws unless `value` is what scoreAll gives: counts add up, and rows are there. */
export function checkAllScores(name: string, value: unknown): void {
  const scores = checkObject(name, value, 'what scoreAll gives');
  if (checked.has(scores)) return;
  const at = (part: string) => `${name}.${part}`;
  checkChoice(at('similarity'), scores.similarity, vectorSimilarities);
  for (const [part, Kind] of Object.entries(arrayKinds))
    if (!(scores[part] instanceof Kind)) throw invalid(at(part), `a ${Kind.name}`, scores[part]);
  checkFlag(at('within'), scores.within);
  checkChoice(at('samePhotoMode'), scores.samePhotoMode, samePhotoModes);
  checkChoice(at('sameVideo'), scores.sameVideo, ['exclude', 'include']);
  for (const part of ['probes', 'references', 'identities'])
    if (!Array.isArray(scores[part])) throw invalid(at(part), 'an array', scores[part]);
  const { probes, references, ...of } = value as AllScores;
  const known = new Set(of.identities);
  for (const image of of.within ? probes : [...probes, ...references])
    if (typeof image?.path !== 'string' || !known.has(image.identity))
      throw invalid(at('probes, references'), 'images with a path and one of the identities', image);
  if (of.within && references.length !== probes.length)
    throw invalid(at('references'), 'the probes, within one side', references);
  checkNumber(at('high'), of.high, -Number.MAX_VALUE, Number.MAX_VALUE);
  if (!(checkNumber(at('low'), of.low, -Number.MAX_VALUE, of.high) < of.high))
    throw invalid(at('low'), `a number below ${of.high}`, of.low);
  for (const part of ['impostors', 'samePhoto'] as const) checkInteger(at(part), of[part], 0, most);
  checkObject(at('failed'), of.failed);
  for (const side of ['probes', 'references'] as const) checkInteger(at(`failed.${side}`), of.failed[side], 0, most);
  checkObject(at('shard'), of.shard);
  checkInteger(at('shard.index'), of.shard.index, 1, checkInteger(at('shard.count'), of.shard.count, 1, most));
  checkInteger(at('top'), of.top, 0, most);
  const bins = of.impostor.length;
  checkInteger(at('tailBin'), of.tailBin, 0, bins);
  checkInteger(at('tailWidth'), of.tailWidth, 1, Math.max(1, bins));
  const slots = probes.length + (of.within ? 0 : references.length);
  const lengths = {
    ...{ genuineProbes: of.genuine.length, genuineReferences: of.genuine.length },
    ...{ bestScores: slots * of.top, bestRows: slots * of.top, mates: probes.length, above: probes.length },
    tail: of.tailBin < bins ? of.identities.length * tailBins : 0,
  };
  for (const [part, length] of Object.entries(lengths)) {
    const found = of[part as keyof typeof lengths]?.length;
    if (found !== length) throw invalid(at(part), `${length} numbers`, found);
  }
  if (bins === 0) throw invalid(at('impostor'), 'at least one bin', bins);
  let sum = 0;
  for (const count of of.impostor) sum += count >= 0 && Number.isInteger(count) ? count : Number.NaN;
  if (sum !== of.impostors) throw invalid(at('impostor'), `counts of ${of.impostors} pairs`, sum);
  const checkEach = (part: keyof typeof arrayKinds, expected: string, isRight: (value: number) => boolean) => {
    const values = of[part];
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (!isRight(value)) throw invalid(at(part), expected, value);
    }
  };
  // Rounding may take a score a little beyond the range.
  const slack = (of.high - of.low) / 1000;
  const isInRange = (score: number) => score >= of.low - slack && score <= of.high + slack;
  checkEach('genuine', `scores from ${of.low} to ${of.high}`, isInRange);
  checkEach('mates', 'scores or infinity', (score) => isInRange(score) || score === Number.POSITIVE_INFINITY);
  checkEach('bestScores', 'scores or -infinity', (score) => isInRange(score) || score === Number.NEGATIVE_INFINITY);
  checkEach('above', 'numbers of identities', (count) => count <= of.identities.length);
  checkEach('tail', 'numbers of pairs', (count) => count <= of.impostors);
  const checkRows = (part: keyof typeof arrayKinds, least: number, sizeAt: (i: number) => number) => {
    for (let i = 0; i < of[part].length; i++) {
      const row = of[part][i] as number;
      if (!(row >= least && row < sizeAt(i))) throw invalid(at(part), 'rows of its images', row);
    }
  };
  checkRows('genuineProbes', 0, () => probes.length);
  checkRows('genuineReferences', 0, () => references.length);
  checkRows('excluded', 0, (i) => (i % 2 === 0 ? probes : references).length);
  checkRows('bestRows', -1, (i) => (i < probes.length * of.top ? references : probes).length);
  checked.add(scores);
}

/** Bins of the tail. */
export const tailBins = 512;
