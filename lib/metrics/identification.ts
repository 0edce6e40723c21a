import { checkChoice, MaskbenchError } from '../errors.js';
import { native } from '../native.js';
import { NamedRandom } from '../random.js';
import { type Estimate, estimateShare } from './intervals.js';

export const galleries = ['all', 'first'] as const;

/** Options of {@link evaluateIdentification}. */
export interface IdentificationOptions {
  /** Photos enrolled for an identity: all (default), or the first in the gallery's order. */
  gallery?: (typeof galleries)[number];
  /** Share of identities that are not enrolled, whose searches are the non-mated ones. Default 0.5. */
  nonMated?: number;
  /** R of FNIR(N, R, T). Default 1. */
  rank?: number;
  /** FPIR targets. Default 0.1, 0.01, 0.001; those that the searches can't support are left out. */
  fpir?: readonly number[];
  /** Decides which identities are not enrolled. */
  seed?: number;
}

/** The result of {@link evaluateIdentification}. */
export interface Identification {
  /** N: identities enrolled. */
  enrolled: number;
  mated: number;
  nonMated: number;
  /** Searches whose mate is within rank 1, 2, …, as a share of mated searches: the CMC. */
  cmc: Float64Array;
  rank: number;
  /** FNIR(N, R, T) at the smallest score T with FPIR(N, T) ≤ target. */
  fnirAtFpir: { target: number; threshold: number; fpir: Estimate; fnir: Estimate }[];
  notes: string[];
}

/**
 * Measures identification from a score matrix (ISO/IEC 19795-1): an identity's score is that of its best photo; ties count against the mate;
 * FPIR(N, T) is the share of non-mated searches with any candidate ≥ T, FNIR(N, R, T) that of mated searches without the mate within rank R
 * and ≥ T.
 * @param matrix [probes × gallery], row-major similarities
 * @param probes Identity of each row.
 * @param gallery Identity of each column.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`: a matrix of another size, a score that is no number, no mated or non-mated search
 */
export async function evaluateIdentification(
  matrix: Float32Array | Float64Array,
  probes: readonly string[],
  gallery: readonly string[],
  options: IdentificationOptions = {},
): Promise<Identification> {
  const { nonMated = 0.5, rank = 1, seed = 0, fpir = [0.1, 0.01, 0.001] } = options;
  const enrolledPhotos = checkChoice('gallery', options.gallery ?? 'all', galleries);
  const refuse = (subject: string, problem: string) => new MaskbenchError('INVALID_ARGUMENT', subject, problem);
  if (matrix.length !== probes.length * gallery.length)
    throw refuse('matrix', `expected ${probes.length} × ${gallery.length} scores, found ${matrix.length}`);
  if (!(nonMated >= 0 && nonMated < 1))
    throw refuse('nonMated', `expected a share from 0 to below 1 for nonMated, received ${nonMated}`);
  const wrong = matrix.findIndex((score) => !Number.isFinite(score));
  if (wrong >= 0)
    throw refuse(
      'matrix',
      `row ${Math.floor(wrong / gallery.length)}, column ${wrong % gallery.length} is ${matrix[wrong]}`,
    );
  const numbers = new Map([...new Set([...gallery, ...probes])].sort().map((identity, i) => [identity, i]));
  const known = [...new Set(gallery)].sort();
  const absent = new Set(
    new NamedRandom(seed, 'non-mated').shuffled(known).slice(0, Math.round(nonMated * known.length)),
  );
  const seen = new Set<string>(absent);
  const columns = Int32Array.from(gallery, (identity) => {
    const enrol = !seen.has(identity);
    if (enrolledPhotos === 'first') seen.add(identity);
    return enrol ? (numbers.get(identity) as number) : -1;
  });
  const rows = Int32Array.from(probes, (identity) => numbers.get(identity) as number);
  const { mate, above, best } = await native.identify(matrix, rows, columns, numbers.size);
  const mated: number[] = [];
  const tops: number[] = [];
  for (let i = 0; i < probes.length; i++) {
    if (Number.isNaN(mate[i])) tops.push(best[i] as number);
    else mated.push(i);
  }
  const enrolled = known.length - absent.size;
  if (mated.length === 0) throw refuse('probes', 'no probe has its identity enrolled');
  const cmc = new Float64Array(enrolled);
  for (const i of mated) {
    const place = above[i] as number;
    cmc[place] = (cmc[place] as number) + 1 / mated.length;
  }
  for (let k = 1; k < enrolled; k++) cmc[k] = Math.min(1, (cmc[k] as number) + (cmc[k - 1] as number));
  const notes: string[] = [];
  if (tops.length === 0) notes.push('no search is non-mated: FPIR is not given');
  tops.sort((a, b) => b - a);
  const scores = [...tops, ...mated.map((i) => mate[i] as number)].sort((a, b) => a - b);
  const fnirAtFpir = fpir.flatMap((target) => {
    if (tops.length * target < 1 - 1e-9) {
      if (tops.length > 0)
        notes.push(
          `FPIR ${target} needs at least ${Math.ceil(1 / target)} non-mated searches, there are ${tops.length}`,
        );
      return [];
    }
    // The smallest score that at most target · n of the highest candidates reach.
    const refused = tops[Math.floor(target * tops.length + 1e-9)] ?? Number.NEGATIVE_INFINITY;
    const threshold = scores.find((score) => score > refused) ?? Number.POSITIVE_INFINITY;
    const misses = mated.filter((i) => (above[i] as number) >= rank || (mate[i] as number) < threshold).length;
    const alarms = tops.filter((score) => score >= threshold).length;
    return [{ target, threshold, fpir: estimateShare(alarms, tops.length), fnir: estimateShare(misses, mated.length) }];
  });
  return { enrolled, mated: mated.length, nonMated: tops.length, cmc, rank, fnirAtFpir, notes };
}
