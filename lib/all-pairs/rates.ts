import { checkNumbers, checkRates } from '../errors.js';
import type { Estimate } from '../metrics/intervals.js';
import { addTo } from '../multimap.js';
import { native } from '../native.js';
import { type AllScores, checkAllScores, type ScoredImage, tailBins } from './scores.js';

/** Exact rates where a match is a score in this bin or above. */
export interface EdgeRates {
  /** The bin's lower edge. */
  threshold: number;
  /** NaN without an impostor pair. */
  fmr: number;
  /** NaN without a genuine pair. */
  fnmr: number;
  falseMatches: number;
  falseNonMatches: number;
}

/** FNMR at an FMR, from whole counts. */
export interface AllPairsRates {
  target: number;
  /** The lowest edge with FMR ≤ target. */
  at: EdgeRates;
  /** The edge below it, where FMR is above the target. */
  below?: EdgeRates;
  /** With delete-one-identity jackknife intervals, where the tail was counted. */
  fmr: Estimate;
  fnmr: Estimate;
}

/** The bin of each genuine score. */
const genuineBins = ({ genuine, low, high, impostor }: AllScores) => native.binsOf(genuine, low, high, impostor.length);

/** Genuine scores by bin. */
export function genuineHistogram(scores: AllScores): Float64Array {
  const bins = new Float64Array(scores.impostor.length);
  for (const bin of genuineBins(scores)) bins[bin] = (bins[bin] as number) + 1;
  return bins;
}

/** Exact counts at every edge of the bins, thresholds ascending. */
export class Edges {
  readonly length: number;
  readonly falseMatches: Float64Array;
  readonly falseNonMatches: Float64Array;
  readonly #scores: AllScores;

  constructor(scores: AllScores) {
    const { impostor, impostors } = scores;
    const genuine = genuineHistogram(scores);
    this.#scores = scores;
    this.length = impostor.length + 1;
    this.falseMatches = new Float64Array(this.length);
    this.falseNonMatches = new Float64Array(this.length);
    let [falseMatches, falseNonMatches] = [impostors, 0];
    for (let bin = 0; bin < this.length; bin++) {
      this.falseMatches[bin] = falseMatches;
      this.falseNonMatches[bin] = falseNonMatches;
      falseMatches -= impostor[bin] ?? 0;
      falseNonMatches += genuine[bin] ?? 0;
    }
  }

  fmr(index: number): number {
    return (this.falseMatches[index] as number) / this.#scores.impostors;
  }

  fnmr(index: number): number {
    return (this.falseNonMatches[index] as number) / this.#scores.genuine.length;
  }

  threshold(index: number): number {
    const { low, high, impostor } = this.#scores;
    return low + index * ((high - low) / impostor.length);
  }

  /** Undefined below and above all edges. */
  at(index: number): EdgeRates | undefined {
    if (!(index in this.falseMatches)) return undefined;
    return {
      ...{ threshold: this.threshold(index), fmr: this.fmr(index), fnmr: this.fnmr(index) },
      falseMatches: this.falseMatches[index] as number,
      falseNonMatches: this.falseNonMatches[index] as number,
    };
  }

  /** The lowest edge that `isWanted`, or -1. */
  first(isWanted: (index: number) => boolean): number {
    for (let index = 0; index < this.length; index++) if (isWanted(index)) return index;
    return -1;
  }
}

/**
 * Rates at every edge, thresholds ascending: exact, for thresholds are edges of bins.
 * @example
 * const highest = ratesAtEdges(scores).findLast(({ fnmr }) => fnmr <= 0.01);
 */
export function ratesAtEdges(scores: AllScores): EdgeRates[] {
  checkAllScores('scores', scores);
  const edges = new Edges(scores);
  return Array.from({ length: edges.length }, (_, index) => edges.at(index) as EdgeRates);
}

/**
 * FNMR at FMR targets, with intervals that respect that pairs share people (delete-one-identity jackknife).
 * @example
 * const [{ fnmr }] = ratesAtFmr(scores, [1e-6]);
 * console.log(fnmr.value, fnmr.interval);
 */
export function ratesAtFmr(scores: AllScores, targets: readonly number[]): AllPairsRates[] {
  checkAllScores('scores', scores);
  checkRates('targets', Array.from(checkNumbers('targets', targets)));
  return ratesOfEdges(scores, targets, new Edges(scores), leftOutOf(scores));
}

/** {@link ratesAtFmr}, of what is known already. */
export function ratesOfEdges(
  scores: AllScores,
  targets: readonly number[],
  edges: Edges,
  leftOut: readonly LeftOut[],
): AllPairsRates[] {
  const supported = targets.filter((target) => target * scores.impostors >= 1 - 1e-9);
  return supported.map((target) => {
    const index = edges.first((edge) => edges.fmr(edge) <= target);
    const at = edges.at(index) as EdgeRates;
    const below = edges.at(index - 1);
    // Where every impostor is below the tail, it has no bins.
    const intervals =
      index >= scores.tailBin && scores.tail.length > 0 ? jackknife(scores, edges, leftOut, index, target) : undefined;
    return {
      ...{ target, at, ...(below && { below }) },
      fmr: {
        value: at.fmr,
        errors: at.falseMatches,
        of: scores.impostors,
        ...(intervals?.fmr && { interval: intervals.fmr }),
      },
      fnmr: {
        value: at.fnmr,
        errors: at.falseNonMatches,
        of: scores.genuine.length,
        ...(intervals?.fnmr && { interval: intervals.fnmr }),
      },
    };
  });
}

/** What goes with an identity that is left out. */
export interface LeftOut {
  /** Impostor pairs that it takes part in. */
  impostors: number;
  /** Those of them in the tail, by its bins. */
  tail: Uint32Array;
  /** The bins of its genuine pairs. */
  bins: number[];
}

/** Each identity with every pair that it takes part in; none where the tail was not counted. */
export function leftOutOf(scores: AllScores): LeftOut[] {
  if (scores.tail.length === 0) return [];
  const { identities, probes, references, within, tail, genuineProbes, excluded } = scores;
  const number = new Map(identities.map((identity, i) => [identity, i]));
  const countBy = (images: readonly { identity: string }[]) => {
    const counts = new Float64Array(identities.length);
    for (const { identity } of images) {
      const i = number.get(identity) as number;
      counts[i] = (counts[i] as number) + 1;
    }
    return counts;
  };
  const probeCounts = countBy(probes);
  const referenceCounts = countBy(references);
  const apart = [];
  for (let i = 0; i < excluded.length; i += 2) {
    const pair = [probes[excluded[i] as number], references[excluded[i + 1] as number]] as [ScoredImage, ScoredImage];
    if (pair[0].identity !== pair[1].identity) apart.push(...pair);
  }
  const excludedCounts = countBy(apart);
  const binsOf = new Map<number, number[]>();
  for (const [i, bin] of genuineBins(scores).entries())
    addTo(binsOf, number.get(probes[genuineProbes[i] as number]?.identity as string) as number, bin);
  return identities.map((_, i) => {
    const p = probeCounts[i] as number;
    const r = referenceCounts[i] as number;
    const all = within ? p * (probes.length - p) : p * (references.length - r) + r * (probes.length - p);
    return {
      impostors: all - (excludedCounts[i] as number),
      tail: tail.subarray(i * tailBins, (i + 1) * tailBins),
      bins: binsOf.get(i) ?? [],
    };
  });
}

/** 95% interval around a rate, from the rates without each identity: their variance is (n − 1)/n · Σ(θᵢ − θ̄)². */
function jackknifeInterval(values: readonly number[], centre: number): [number, number] | undefined {
  // Where no identity makes a difference, they say nothing of what others would have made.
  if (values.every((value) => value === values[0])) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = ((values.length - 1) / values.length) * values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const reach = 1.96 * Math.sqrt(variance);
  return [Math.max(0, centre - reach), Math.min(1, centre + reach)];
}

/** The lower edge of each bin of the tail, and its upper end. */
const tailEdges = ({ tailBin, tailWidth }: AllScores, edges: Edges) =>
  new Int32Array(tailBins + 1).map((_, t) => Math.min(edges.length - 1, tailBin + t * tailWidth));

function countBelow(bins: readonly number[], bin: number): number {
  let count = 0;
  for (const own of bins) if (own < bin) count++;
  return count;
}

/**
 * The interval of the EER: each identity is left out in turn, and the EER interpolated between edges. Undefined where
 * the tail does not reach down to it.
 */
export function eerInterval(
  scores: AllScores,
  edges: Edges,
  leftOut: readonly LeftOut[],
  eer: number,
): [number, number] | undefined {
  if (scores.tail.length === 0) return undefined;
  const eers: number[] = [];
  const edgeOf = tailEdges(scores, edges);
  const { falseMatches, falseNonMatches } = edges;
  for (const { impostors, tail, bins } of leftOut) {
    const [others, genuine] = [scores.impostors - impostors, scores.genuine.length - bins.length];
    if (others <= 0 || genuine <= 0) continue;
    // Rates without the identity, `own` of whose impostors score in this bin or above.
    const fmrAt = (bin: number, own: number) => ((falseMatches[bin] as number) - own) / others;
    const fnmrAt = (bin: number) => ((falseNonMatches[bin] as number) - countBelow(bins, bin)) / genuine;
    // As if all its genuine pairs scored below: mostly enough to know.
    const isBelow = (bin: number, own: number) =>
      fmrAt(bin, own) >= ((falseNonMatches[bin] as number) - bins.length) / genuine && fmrAt(bin, own) >= fnmrAt(bin);
    let above = 0;
    let t = tailBins - 1;
    while (t >= 0 && !isBelow(edgeOf[t] as number, above + (tail[t] as number))) above += tail[t--] as number;
    if (t < 0) return undefined;
    const [top, bottom] = [edgeOf[t + 1] as number, edgeOf[t] as number];
    // Its impostors within a bin of the tail are taken as spread evenly.
    const ownAt = (bin: number) => above + ((tail[t] as number) * (top - bin)) / Math.max(1, top - bottom);
    let bin = top;
    while (!isBelow(bin, ownAt(bin))) bin--;
    const next = Math.min(top, bin + 1);
    const [fmr, fmrAbove] = [fmrAt(bin, ownAt(bin)), fmrAt(next, ownAt(next))];
    const [gap, gapAbove] = [fmr - fnmrAt(bin), fnmrAt(next) - fmrAbove];
    eers.push(fmr + (gap + gapAbove > 0 ? gap / (gap + gapAbove) : 0) * (fmrAbove - fmr));
  }
  return jackknifeInterval(eers, eer);
}

/**
 * Each identity is left out in turn, with every pair that it takes part in; FMR at the threshold, and FNMR with the
 * threshold recomputed on the tail's bins, vary.
 */
function jackknife(
  scores: AllScores,
  edges: Edges,
  leftOut: readonly LeftOut[],
  edge: number,
  target: number,
): { fmr: [number, number] | undefined; fnmr: [number, number] | undefined } {
  const { tailBin, tailWidth, impostors, genuine } = scores;
  const at = Math.min(tailBins - 1, Math.floor((edge - tailBin) / tailWidth));
  const edgeOf = tailEdges(scores, edges);
  const falseMatches = Float64Array.from(edgeOf, (bin) => edges.falseMatches[bin] as number);
  const fmrs: number[] = [];
  const fnmrs: number[] = [];
  for (const { impostors: own, tail, bins } of leftOut) {
    if (impostors - own <= 0) continue;
    let mine = 0;
    let recomputed = tailBins;
    let reached = false;
    for (let t = tailBins - 1; t >= 0; t--) {
      mine += tail[t] as number;
      const fmr = ((falseMatches[t] as number) - mine) / (impostors - own);
      if (t === at) fmrs.push(fmr);
      if (!reached && fmr <= target) recomputed = t;
      else reached = true;
      if (reached && t < at) break;
    }
    const missed = edges.falseNonMatches[edgeOf[recomputed] as number] as number;
    if (genuine.length > bins.length)
      fnmrs.push((missed - countBelow(bins, tailBin + recomputed * tailWidth)) / (genuine.length - bins.length));
  }
  return { fmr: jackknifeInterval(fmrs, edges.fmr(edge)), fnmr: jackknifeInterval(fnmrs, edges.fnmr(edge)) };
}
