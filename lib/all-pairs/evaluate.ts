import { checkInteger, checkRates, invalid } from '../errors.js';
import { checkMeasuring } from '../metrics/arguments.js';
import { cmcOf, fnirAtFpir, type Identification } from '../metrics/identification.js';
import type { Estimate } from '../metrics/intervals.js';
import { presetProvenance } from '../models/presets.js';
import type { VectorSimilarity } from '../models/similarity.js';
import {
  type AllPairsRates,
  type EdgeRates,
  Edges,
  eerInterval,
  type LeftOut,
  leftOutOf,
  ratesOfEdges,
} from './rates.js';
import { type AllScores, checkAllScores, type ScoredImage } from './scores.js';

/** Options of {@link evaluateAllPairs}. */
export interface AllPairsTargets {
  /** FMR targets. Default 1e-3, 1e-4, … 1e-7; those that the pairs can't support are left out. */
  fmr?: readonly number[];
  /** FNMR targets. Default none. */
  fnmr?: readonly number[];
  /** A threshold fixed beforehand. */
  threshold?: number;
  /** R of FNIR(N, R, T). Default 1. */
  rank?: number;
  /** FPIR targets. Default 0.1, 0.01, 0.001. */
  fpir?: readonly number[];
}

/** The edges of the bin that a threshold is in, or that a rate is reached in. */
export interface EdgesAround {
  at: EdgeRates;
  below?: EdgeRates;
}

/**
 * What {@link evaluateAllPairs} found. Rates of no pair are NaN; what needs both kinds of pairs is null without one of
 * them.
 */
export interface AllPairsEvaluation {
  /** How vectors were compared. Higher is more alike. */
  similarity: VectorSimilarity;
  /** The model of the vectors, if known. */
  model?: string;
  genuine: number;
  impostors: number;
  samePhoto: number;
  excluded: number;
  failed: AllScores['failed'];
  /**
   * By linear interpolation between the edges where FNMR − FMR changes sign; with a delete-one-identity jackknife
   * interval, where the tail was counted.
   */
  eer: (Estimate & EdgesAround) | null;
  /** Area under the ROC of the edges; scores of one bin count as ties. */
  auc: number | null;
  /**
   * As {@link ExactMeasures.dPrime}; impostors stand in the middle of their bins, so null where scores deviate by less
   * than a bin.
   */
  dPrime: number | null;
  fnmrAtFmr: AllPairsRates[];
  /** The highest edge with FNMR ≤ target, and the one above it. */
  fmrAtFnmr: ({ target: number } & { at: EdgeRates; above?: EdgeRates })[];
  atThreshold?: EdgesAround;
  /**
   * Every probe with a mate is a mated search; and every probe, its mates left out, a non-mated one (ISO/IEC 19795-1).
   * Absent without a mate. FPIR needs `top` ≥ 1.
   */
  identification?: Omit<Identification, 'enrolled'>;
  /**
   * Suspected label errors: the impostor pairs that score highest, one in a million (at least one, at most 1,000), if
   * they score at least as the median genuine pair. Plain pairs come first, then those with one mask, best first.
   */
  suspects: ImpostorPair[];
  notes: string[];
}

/** Two images of different identities. */
export interface ImpostorPair {
  score: number;
  probe: ScoredImage;
  reference: ScoredImage;
}

const shownRanks = 100;

/**
 * Measures verification and identification from every comparison of a corpus. Rates at edges of bins are exact counts.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 * @example
 * const { eer, fnmrAtFmr } = evaluateAllPairs(await scoreAll('lfw.npy', 'lfw.jsonl'), { fmr: [1e-4, 1e-6] });
 */
export function evaluateAllPairs(scores: AllScores, targets: AllPairsTargets = {}): AllPairsEvaluation {
  checkAllScores('scores', scores);
  checkMeasuring(targets);
  const { fmr = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7], fnmr = [], threshold, fpir = [0.1, 0.01, 0.001] } = targets;
  for (const [name, rates] of Object.entries({ fmr, fnmr, fpir })) checkRates(name, rates);
  if (threshold !== undefined && !Number.isFinite(threshold)) throw invalid('threshold', 'a finite number', threshold);
  const rank = checkInteger('rank', targets.rank ?? 1, 1, 2 ** 31 - 1);
  const { impostors, samePhoto, excluded, failed, genuine } = scores;
  const edges = new Edges(scores);
  const leftOut = leftOutOf(scores);
  const fnmrAtFmr = ratesOfEdges(scores, fmr, edges, leftOut);
  const left = fmr.filter((target) => !fnmrAtFmr.some((rate) => rate.target === target));
  const notes = left.length > 0 ? [`${impostors} impostor pairs cannot support an FMR of ${left.join(', ')}`] : [];
  const none = [...(genuine.length === 0 ? ['genuine'] : []), ...(impostors === 0 ? ['impostor'] : [])];
  if (none.length > 0)
    notes.unshift(
      `there is no ${none.join(' and no ')} pair: EER, ${none.map((kind) => (kind === 'genuine' ? 'FNMR' : 'FMR')).join(', ')}, AUC and d′ are undefined`,
    );
  const { similarity, model, described } = scores;
  if (described !== undefined && described !== similarity)
    notes.push(`scores are by ${similarity}; the description of ${model} says ${described}`);
  const both = none.length === 0;
  const identification = identify(scores, rank, fpir);
  notes.push(...presetProvenance(model).map((about) => `${model}: ${about}`));
  if (identification) notes.push(...identification.notes);
  const median = Float32Array.from(genuine).sort()[genuine.length >> 1] ?? Number.POSITIVE_INFINITY;
  return {
    similarity,
    ...(model !== undefined && { model }),
    ...{ genuine: genuine.length, impostors, samePhoto, excluded: excluded.length / 2, failed },
    eer: both ? eerOf(scores, edges, leftOut) : null,
    auc: both ? aucOf(edges) : null,
    dPrime: both ? dPrimeOf(scores) : null,
    fnmrAtFmr,
    fmrAtFnmr: (genuine.length > 0 ? fnmr : []).map((target) => {
      const next = edges.first((edge) => edges.fnmr(edge) > target);
      const above = edges.at(next);
      return { target, at: edges.at((above ? next : edges.length) - 1) as EdgeRates, ...(above && { above }) };
    }),
    ...(threshold !== undefined && {
      atThreshold: around(
        edges,
        edges.first((edge) => edges.threshold(edge) >= threshold),
      ),
    }),
    ...(identification && { identification }),
    suspects: suspectsOf(scores, median),
    notes,
  };
}

function suspectsOf(scores: AllScores, median: number): ImpostorPair[] {
  const most = Math.min(1000, Math.ceil(scores.impostors / 1e6));
  const masks = ({ probe, reference }: ImpostorPair) => Number(probe.masked) + Number(reference.masked);
  return worstImpostors(scores, most)
    .filter(({ score }) => score >= median)
    .sort((a, b) => masks(a) - masks(b) || b.score - a.score);
}

/** The impostor pairs that score highest, of the best impostors that were kept. */
export function worstImpostors({ probes, references, top, bestScores, bestRows, within }: AllScores, most: number) {
  // So many lists begin with this score or more; within one side a pair may stand with both of its images.
  const firsts = Float32Array.from(top > 0 ? probes : [], (_, slot) => bestScores[slot * top] as number).sort();
  const limit = firsts.at(-2 * most) ?? Number.NEGATIVE_INFINITY;
  const found = new Map<number, ImpostorPair>();
  for (let slot = 0; slot < probes.length; slot++)
    for (let at = slot * top; at < (slot + 1) * top && (bestScores[at] as number) >= limit; at++) {
      const row = bestRows[at] as number;
      if (row < 0) break;
      const [probe, reference] = within && row < slot ? [row, slot] : [slot, row];
      found.set(probe * references.length + reference, {
        score: bestScores[at] as number,
        probe: probes[probe] as ScoredImage,
        reference: references[reference] as ScoredImage,
      });
    }
  return [...found.values()].sort((a, b) => b.score - a.score).slice(0, most);
}

/** The edge with this index, or the highest where it is negative; and the one below. */
function around(edges: Edges, index: number): EdgesAround {
  const found = index < 0 ? edges.length - 1 : index;
  const below = edges.at(found - 1);
  return { at: edges.at(found) as EdgeRates, ...(below && { below }) };
}

function eerOf(scores: AllScores, edges: Edges, leftOut: readonly LeftOut[]) {
  const found = around(
    edges,
    edges.first((edge) => edges.fnmr(edge) >= edges.fmr(edge)),
  );
  const { at, below = at } = found;
  const gapBelow = below.fmr - below.fnmr;
  const gap = at.fnmr - at.fmr;
  const share = gapBelow + gap > 0 ? gapBelow / (gapBelow + gap) : 0;
  const value = below.fmr + share * (at.fmr - below.fmr);
  const interval = eerInterval(scores, edges, leftOut, value);
  return { value, ...(interval && { interval }), ...found };
}

function aucOf(edges: Edges): number {
  let area = 0;
  for (let i = 1; i < edges.length; i++)
    area += (edges.fmr(i - 1) - edges.fmr(i)) * (1 - (edges.fnmr(i) + edges.fnmr(i - 1)) / 2);
  return area;
}

function dPrimeOf(scores: AllScores): number | null {
  const { impostor, impostors, low, high, genuine } = scores;
  const width = (high - low) / impostor.length;
  const middle = (bin: number) => low + (bin + 0.5) * width;
  const mean = impostor.reduce((sum, count, bin) => sum + count * middle(bin), 0) / impostors;
  const variance = impostor.reduce((sum, count, bin) => sum + count * (middle(bin) - mean) ** 2, 0) / impostors;
  const ownMean = genuine.reduce((sum, score) => sum + score, 0) / genuine.length;
  const ownVariance = genuine.reduce((sum, score) => sum + (score - ownMean) ** 2, 0) / genuine.length;
  const spread = Math.sqrt((variance + ownVariance) / 2);
  return spread < width ? null : Math.abs(ownMean - mean) / spread;
}

function identify({ mates, above, top, bestScores, identities }: AllScores, rank: number, fpir: readonly number[]) {
  const mated = Array.from(mates, (mate, i) => ({ mate, above: above[i] as number })).filter(
    ({ mate }) => mate !== Number.POSITIVE_INFINITY,
  );
  if (mated.length === 0) return undefined;
  const tops = mates.map((_, probe) => bestScores[probe * top] as number).filter(Number.isFinite);
  return {
    ...{ mated: mated.length, nonMated: tops.length, rank },
    cmc: cmcOf(mated, Math.min(identities.length, shownRanks)),
    ...fnirAtFpir(mated, tops, { rank, fpir }),
  };
}
