import { checkObject, checkText, invalid } from '../errors.js';
import type { Similarity, VectorSimilarity } from '../models/similarity.js';
import type { SamePhotoMode } from './options.js';

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

/** Throws unless `value` is what scoreAll gives. */
export function checkAllScores(name: string, value: unknown): void {
  const scores = checkObject(name, value, 'what scoreAll gives');
  checkText(`${name}.similarity`, scores.similarity);
  for (const part of [
    'impostor',
    'genuine',
    'genuineProbes',
    'genuineReferences',
    'excluded',
    'bestScores',
    'bestRows',
  ])
    if (!ArrayBuffer.isView(scores[part])) throw invalid(`${name}.${part}`, 'a typed array', scores[part]);
  for (const part of ['probes', 'references', 'identities'])
    if (!Array.isArray(scores[part])) throw invalid(`${name}.${part}`, 'an array', scores[part]);
  checkObject(`${name}.shard`, scores.shard);
}

/** Bins of the tail. */
export const tailBins = 512;
