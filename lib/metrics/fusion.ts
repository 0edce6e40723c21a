import { checkArray, checkChoice, checkNumbers, checkText, invalid, MaskbenchError } from '../errors.js';
import { NamedRandom } from '../random.js';
import { checkMeasuring, checkSystems } from './arguments.js';
import type { SystemScores } from './score-files.js';

export const fusions = ['mean', 'min', 'max', 'z-norm', 'llr'] as const;
/**
 * How the scores of several systems become one: `mean`, `min`, `max`; `z-norm`: the mean of scores minus the mean, over
 * the deviation, of each system's impostor scores; `llr`: log-likelihood ratios, see {@link calibrate}.
 */
export type Fusion = (typeof fusions)[number];

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const combine: Record<Exclude<Fusion, 'llr'>, (values: number[]) => number> = {
  mean,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  'z-norm': mean,
};

function sameLength(systems: readonly SystemScores[]): number {
  const [first] = systems;
  if (!first) throw invalid('systems', 'at least one system', systems);
  const other = systems.find(({ scores }) => scores.length !== first.scores.length);
  if (other)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      other.name,
      `${other.name}: ${other.scores.length} scores, ${first.name} has ${first.scores.length}`,
    );
  return first.scores.length;
}

const failures = (systems: readonly SystemScores[]) => new Set(systems.flatMap(({ failed }) => [...failed]));

/**
 * Fuses the scores of systems on the same pairs; a comparison that one of them failed is failed. Of distances the
 * fusion is a distance.
 * @param labels Needed for `z-norm`: impostor scores give its mean and deviation.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`: systems of different lengths, similarities beside distances,
 * impostor scores without deviation
 * @example
 * const mean = fuse([ours, theirs], labels, 'mean');
 */
export function fuse(systems: readonly SystemScores[], labels: Uint8Array, how: Exclude<Fusion, 'llr'>): SystemScores {
  checkSystems(systems);
  checkNumbers('labels', labels);
  checkChoice('how', how, Object.keys(combine) as (keyof typeof combine)[]);
  const length = sameLength(systems);
  const [first] = systems as [SystemScores];
  const turned = systems.find(({ distance = false }) => distance !== (first.distance ?? false));
  if (turned)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      turned.name,
      `similarities and distances can't be fused by ${how}: ${first.name} and ${turned.name}`,
    );
  const failed = failures(systems);
  const norms = systems.map(({ name, scores }) => {
    if (how !== 'z-norm') return { centre: 0, deviation: 1 };
    const impostors = Array.from(scores).filter((_, i) => labels[i] === 0 && !failed.has(i));
    const centre = mean(impostors);
    const deviation = Math.sqrt(mean(impostors.map((score) => (score - centre) ** 2)));
    if (!(deviation > 0))
      throw new MaskbenchError('INVALID_ARGUMENT', name, `${name}: z-norm needs impostor scores that differ`);
    return { centre, deviation };
  });
  const scores = Float64Array.from({ length }, (_, i) =>
    combine[how](
      systems.map(
        ({ scores: of }, s) => ((of[i] as number) - (norms[s]?.centre as number)) / (norms[s]?.deviation as number),
      ),
    ),
  );
  return { name: `fusion (${how})`, scores, failed, ...(first.distance && { distance: true }) };
}

/** The weights w and offset of llr = offset + Σ wₛ·scoreₛ, by Newton's method on the prior-weighted logistic cost. */
function fitAffine(rows: number[][], genuine: boolean[], prior: number): number[] {
  const width = (rows[0]?.length ?? 0) + 1;
  const counts = { genuine: genuine.filter(Boolean).length, impostor: genuine.filter((is) => !is).length };
  const priorLogit = Math.log(prior / (1 - prior));
  // Scores are centred and scaled, so that the small ridge, which holds separable data finite, means the same to each.
  const means = Array.from({ length: width - 1 }, (_, s) => mean(rows.map((row) => row[s] as number)));
  const spreads = means.map((centre, s) => Math.sqrt(mean(rows.map((row) => ((row[s] as number) - centre) ** 2))) || 1);
  const inputs = rows.map((row) => [
    1,
    ...row.map((value, s) => (value - (means[s] as number)) / (spreads[s] as number)),
  ]);
  let weights = new Array<number>(width).fill(0);
  for (let step = 0; step < 100; step++) {
    const gradient = weights.map((weight, k) => (k === 0 ? 0 : 1e-6 * weight));
    const hessian = weights.map((_, k) => weights.map((__, l) => (k === l && k > 0 ? 1e-6 : 0)));
    for (const [i, input] of inputs.entries()) {
      const logit = input.reduce((sum, value, k) => sum + value * (weights[k] as number), priorLogit);
      const probability = 1 / (1 + Math.exp(-logit));
      const share = genuine[i] ? prior / counts.genuine : (1 - prior) / counts.impostor;
      const slope = share * (probability - (genuine[i] ? 1 : 0));
      const curvature = share * probability * (1 - probability);
      for (let k = 0; k < width; k++) {
        gradient[k] = (gradient[k] as number) + slope * (input[k] as number);
        const row = hessian[k] as number[];
        for (let l = 0; l < width; l++)
          row[l] = (row[l] as number) + curvature * (input[k] as number) * (input[l] as number);
      }
    }
    const change = solve(hessian, gradient);
    weights = weights.map((weight, k) => weight - (change[k] as number));
    if (Math.max(...change.map(Math.abs)) < 1e-10) break;
  }
  const scaled = weights.slice(1).map((weight, s) => weight / (spreads[s] as number));
  const offset = scaled.reduce((sum, weight, s) => sum - weight * (means[s] as number), weights[0] as number);
  return [offset, ...scaled];
}

/** Gaussian elimination with pivots; the few unknowns are one a system. */
function solve(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i] as number]);
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row) => (Math.abs(row[k] as number) > Math.abs(best[k] as number) ? row : best));
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(k, 0, pivot);
    const divisor = pivot[k] as number;
    if (divisor === 0) return right.map(() => 0);
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = (row[k] as number) / divisor;
      for (let l = k; l <= size; l++) row[l] = (row[l] as number) - factor * (pivot[l] as number);
    }
  }
  return rows.map((row, k) => (row[size] as number) / (row[k] as number));
}

/**
 * Turns the scores of one or more systems into natural log-likelihood ratios by prior-weighted affine logistic
 * regression (Brümmer and du Preez 2006). Weights are fitted on other identities: identities are dealt into five folds,
 * comparisons within a fold get the weights of all comparisons that have no identity in it, and comparisons across
 * folds are dropped. Greater ratios are more alike, whether the scores are similarities or distances.
 * @param identities Of both sides of each comparison.
 * @param options `prior` of a genuine comparison, between 0 and 1 (default 0.5); `seed` deals the folds.
 * @returns the ratios, NaN where a comparison failed or was dropped
 * @throws `MaskbenchError` `INVALID_ARGUMENT`: a prior that is not between 0 and 1, fewer than five identities, a
 * fold without genuine or impostor comparisons
 * @example
 * const llrs = calibrate([ours, theirs], labels, identities, { prior: 0.01 });
 */
export function calibrate(
  systems: readonly SystemScores[],
  labels: Uint8Array,
  identities: readonly (readonly [string, string])[],
  options: { seed?: number; prior?: number } = {},
): SystemScores & { dropped: Set<number> } {
  checkSystems(systems);
  checkNumbers('labels', labels);
  checkArray('identities', identities, (name, names) => checkArray(name, names, checkText), 'an array of [name, name]');
  checkMeasuring(options);
  const { seed = 0, prior = 0.5 } = options;
  if (!(prior > 0 && prior < 1)) throw invalid('prior', 'a number above 0 and below 1', prior);
  const length = sameLength(systems);
  const failed = failures(systems);
  const folds = 5;
  const names = [...new Set(identities.flat())].sort();
  if (names.length < folds)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'identities',
      `calibration needs ${folds} identities, there are ${names.length}`,
    );
  const fold = new Map(new NamedRandom(seed, 'calibration').shuffled(names).map((name, i) => [name, i % folds]));
  const places = identities.map(([one, other]) => [fold.get(one) as number, fold.get(other) as number] as const);
  const row = (i: number) => systems.map(({ scores }) => scores[i] as number);
  const scores = new Float64Array(length).fill(Number.NaN);
  const dropped = new Set<number>();
  for (const [i, [one, other]] of places.entries()) if (one !== other && !failed.has(i)) dropped.add(i);
  for (let f = 0; f < folds; f++) {
    const training = places.flatMap(([one, other], i) => (one !== f && other !== f && !failed.has(i) ? [i] : []));
    const genuine = training.map((i) => labels[i] === 1);
    if (!genuine.includes(true) || !genuine.includes(false))
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        'pairs',
        'calibration needs genuine and impostor comparisons in every fold',
      );
    const [offset, ...weights] = fitAffine(training.map(row), genuine, prior) as [number, ...number[]];
    for (const [i, [one, other]] of places.entries())
      if (one === f && other === f && !failed.has(i))
        scores[i] = row(i).reduce((sum, score, s) => sum + score * (weights[s] as number), offset);
  }
  return { name: 'log-likelihood ratio', scores, failed, dropped };
}

/**
 * Cllr: the cost of log-likelihood ratios in bits; 0 is perfect, 1 says nothing.
 * @example
 * cllr([2.5, -3.1], [1, 0]);
 */
export function cllr(llrs: ArrayLike<number>, labels: ArrayLike<number>): number {
  checkNumbers('llrs', llrs);
  checkNumbers('labels', labels);
  const sums = [0, 0];
  const counts = [0, 0];
  for (let i = 0; i < llrs.length; i++) {
    const label = labels[i] as number;
    const llr = llrs[i] as number;
    if (label > 1 || Number.isNaN(llr)) continue;
    const against = label === 1 ? -llr : llr;
    // log₂(1 + eˣ) without overflow.
    const cost = (Math.max(against, 0) + Math.log1p(Math.exp(-Math.abs(against)))) / Math.LN2;
    sums[label] = (sums[label] as number) + cost;
    counts[label] = (counts[label] as number) + 1;
  }
  return ((sums[0] as number) / (counts[0] as number) + (sums[1] as number) / (counts[1] as number)) / 2;
}
