import { checkArray, checkChoice, checkInteger, checkRates, checkText, invalid, MaskbenchError } from '../errors.js';
import { native } from '../native.js';
import { NamedRandom } from '../random.js';
import { checkMeasuring } from './arguments.js';
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
 * Measures identification from a score matrix (ISO/IEC 19795-1): an identity's score is that of its best photo; ties
 * count against the mate; FPIR(N, T) is the share of non-mated searches with any candidate ≥ T, FNIR(N, R, T) that of
 * mated searches without the mate within rank R and ≥ T.
 * @param matrix [probes × gallery], row-major similarities
 * @param probes Identity of each row.
 * @param gallery Identity of each column.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`: options out of range, a matrix of another size, a score that is
 * not finite, no mated or non-mated search
 * @example
 * const matrix = Float32Array.of(0.9, 0.2, 0.1, 0.8);
 * const { cmc } = await evaluateIdentification(matrix, ['Ann', 'Bob'], ['Ann', 'Bob'], { nonMated: 0 });
 */
export async function evaluateIdentification(
  matrix: Float32Array | Float64Array,
  probes: readonly string[],
  gallery: readonly string[],
  options: IdentificationOptions = {},
): Promise<Identification> {
  if (!(matrix instanceof Float32Array || matrix instanceof Float64Array))
    throw invalid('matrix', 'a Float32Array or Float64Array', matrix);
  checkArray('probes', probes, checkText, 'an array of identities');
  checkArray('gallery', gallery, checkText, 'an array of identities');
  checkMeasuring(options);
  const { nonMated = 0.5 } = options;
  const rank = checkInteger('rank', options.rank ?? 1, 1, 2 ** 31 - 1);
  const seed = checkInteger('seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER);
  const fpir = checkRates('fpir', options.fpir ?? [0.1, 0.01, 0.001]);
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
  if (mated.length === 0) throw refuse('probes', 'expected a probe whose identity is enrolled, found none');
  const searches = mated.map((i) => ({ mate: mate[i] as number, above: above[i] as number }));
  return {
    ...{ enrolled, mated: mated.length, nonMated: tops.length, rank },
    cmc: cmcOf(searches, enrolled),
    ...fnirAtFpir(searches, tops, { rank, fpir }),
  };
}

/** A search whose identity is enrolled. */
export interface MatedSearch {
  /** The score of its best mate. */
  mate: number;
  /** Other identities that score at least as high. */
  above: number;
}

/** The share of searches whose mate is within rank 1, 2, … `ranks`. */
export function cmcOf(searches: readonly MatedSearch[], ranks: number): Float64Array {
  const cmc = new Float64Array(ranks);
  for (const { above } of searches) if (above < ranks) cmc[above] = (cmc[above] as number) + 1;
  let sum = 0;
  return cmc.map((count) => {
    sum += count;
    return sum / searches.length;
  });
}

/**
 * FNIR(N, R, T) at the smallest score T with FPIR(N, T) ≤ target.
 * @param tops The best score of each non-mated search.
 */
export function fnirAtFpir(
  mated: readonly MatedSearch[],
  tops: ArrayLike<number>,
  { rank, fpir }: { rank: number; fpir: readonly number[] },
): Pick<Identification, 'fnirAtFpir' | 'notes'> {
  const notes: string[] = [];
  if (tops.length === 0) notes.push('there are no non-mated searches, so FPIR is undefined');
  const best = Float64Array.from(tops).sort().reverse();
  const scores = Float64Array.from([...best, ...mated.map(({ mate }) => mate)]).sort();
  const points = fpir.flatMap((target) => {
    if (best.length * target < 1 - 1e-9) {
      if (best.length > 0)
        notes.push(
          `FPIR ${target} needs at least ${Math.ceil(1 / target)} non-mated searches, there are ${best.length}`,
        );
      return [];
    }
    // The smallest score that at most target · n of the highest candidates reach.
    const refused = best[Math.floor(target * best.length + 1e-9)] ?? Number.NEGATIVE_INFINITY;
    const threshold = scores.find((score) => score > refused) ?? Number.POSITIVE_INFINITY;
    const misses = mated.filter(({ mate, above }) => above >= rank || mate < threshold).length;
    const alarms = best.filter((score) => score >= threshold).length;
    return [{ target, threshold, fpir: estimateShare(alarms, best.length), fnir: estimateShare(misses, mated.length) }];
  });
  return { fnirAtFpir: points, notes };
}
