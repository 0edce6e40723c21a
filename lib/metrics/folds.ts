import { invalid, MaskbenchError } from '../errors.js';
import type { SystemScores } from './score-files.js';

/** What InsightFace's verification protocol measures, each as the mean over ten folds with its standard deviation. */
export interface FoldedRates {
  accuracy: number;
  accuracyDeviation: number;
  /** Share of genuine pairs that match, at a threshold of the other folds with FAR 1e-3. Null where a fold lacks genuine or impostor pairs. */
  tar: number | null;
  tarDeviation: number | null;
  /** The FAR at those thresholds. */
  far: number | null;
}

const folds = 10;
const farTarget = 1e-3;
/** By which a cosine of 32-bit numbers may leave its range. */
const rounding = 1e-6;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** Distances of some pairs. */
interface Part {
  genuine: number[];
  impostor: number[];
}

/** Ten parts in the list's order; the first ones are one pair larger where the pairs are no multiple of ten. */
function foldsOf(distances: readonly number[], labels: readonly number[]): Part[] {
  const size = Math.floor(distances.length / folds);
  const larger = distances.length % folds;
  let at = 0;
  return Array.from({ length: folds }, (_, fold) => {
    const part: Part = { genuine: [], impostor: [] };
    for (const end = at + size + Number(fold < larger); at < end; at++)
      (labels[at] === 1 ? part.genuine : part.impostor).push(distances[at] as number);
    return part;
  });
}

const matches = (distances: readonly number[], threshold: number) =>
  distances.filter((distance) => distance < threshold).length;

/** {@link matches} at the thresholds 0, step, 2 step, … below 4. */
function countMatches(distances: readonly number[], step: number): number[] {
  const counts = new Array<number>(Math.round(4 / step)).fill(0);
  for (const distance of distances) {
    let first = Math.max(0, Math.floor(distance / step) - 1);
    while (distance >= first * step) first++;
    if (first < counts.length) counts[first] = (counts[first] as number) + 1;
  }
  let sum = 0;
  return counts.map((count) => (sum += count));
}

/** The threshold with the most correct decisions; the lowest of several. */
function bestThreshold({ genuine, impostor }: Part): number {
  const step = 0.01;
  const wrong = countMatches(impostor, step);
  const gains = countMatches(genuine, step).map((right, k) => right - (wrong[k] as number));
  return gains.indexOf(Math.max(...gains)) * step;
}

/** The threshold with the FAR that is asked for, linear between thresholds; 0 where all thresholds have a lower one. */
function thresholdOfFar(impostor: readonly number[]): number {
  const step = 0.001;
  const rates = countMatches(impostor, step).map((count) => count / impostor.length);
  const above = rates.findIndex((rate) => rate >= farTarget);
  if (above < 0) return 0;
  const [low, high] = [rates[above - 1] as number, rates[above] as number];
  return (above - 1 + (farTarget - low) / (high - low)) * step;
}

/**
 * InsightFace's protocol on squared distances of normalised vectors, as its published program counts: ten folds in the
 * list's order; the threshold (0 to 4, by 0.01) that is best on nine folds gives the accuracy of the tenth; the
 * threshold (by 0.001, then linear) that has FAR 1e-3 on nine folds gives TAR and FAR of the tenth. A match is a
 * distance below the threshold. Pairs without a score are left out.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`: fewer than ten pairs; scores that are no cosines; distances outside
 * [0, 4]
 */
export function measureFolds(system: SystemScores, labels: ArrayLike<number>): FoldedRates {
  const { name, scores, failed, distance } = system;
  const rows = [...scores.keys()].filter((i) => !failed.has(i));
  if (rows.length < folds)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      name,
      `${name}: expected at least ${folds} pairs with scores, for ${folds} folds, found ${rows.length}`,
    );
  const [low, high] = distance ? [0, 4] : [-1, 1];
  const expected = distance ? 'squared distances from 0 to 4' : 'cosine similarities';
  const distances = rows.map((i) => {
    const score = scores[i] as number;
    if (!(score >= low - rounding && score <= high + rounding))
      throw invalid(name, `${expected} for the protocol insightface`, score);
    return distance ? score : 2 - 2 * score;
  });
  const parts = foldsOf(
    distances,
    rows.map((i) => labels[i] as number),
  );
  const results = parts.map((part) => {
    const others = parts.filter((other) => other !== part);
    const { genuine, impostor } = part;
    const rest = {
      genuine: others.flatMap((other) => other.genuine),
      impostor: others.flatMap((other) => other.impostor),
    };
    const best = bestThreshold(rest);
    const right = matches(genuine, best) + impostor.length - matches(impostor, best);
    const threshold = thresholdOfFar(rest.impostor);
    return {
      accuracy: right / (genuine.length + impostor.length),
      tar: matches(genuine, threshold) / genuine.length,
      far: matches(impostor, threshold) / impostor.length,
    };
  });
  const of = (rate: 'accuracy' | 'tar' | 'far') => results.map((result) => result[rate]);
  const rates = { accuracy: mean(of('accuracy')), accuracyDeviation: deviation(of('accuracy')) };
  if (parts.some(({ genuine, impostor }) => genuine.length === 0 || impostor.length === 0))
    return { ...rates, tar: null, tarDeviation: null, far: null };
  return { ...rates, tar: mean(of('tar')), tarDeviation: deviation(of('tar')), far: mean(of('far')) };
}
