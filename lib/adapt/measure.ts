import type { NativeHead } from '../../binding.js';
import { bootstrap, type Draws, type Estimate, percentileInterval, type Resampled } from '../metrics/intervals.js';
import { ScoreSet } from '../metrics/score-set.js';
import type { VectorSimilarity } from '../models/similarity.js';
import { type Condition, PeoplePairs } from './pairs.js';
import type { TwinVectors } from './vectors.js';

/** A measure without and with an adapter, on people that it was not trained on. */
export interface Change {
  condition: Condition;
  /** `EER`; `FNMR` at the FMR in `target`; or `FMR` or `FNMR` at the plain–plain threshold of that FMR. */
  measure: 'EER' | 'FNMR' | 'FMR at the plain threshold' | 'FNMR at the plain threshold';
  target?: number;
  before: Estimate;
  after: Estimate;
  /** After − before, with the 95% interval of the paired difference, people drawn with replacement. */
  difference: Estimate;
  genuine: number;
  impostors: number;
}

/** People to measure on, and the head that did not see them; absent where `after` holds what heads have corrected. */
export interface Tested {
  people: ReadonlySet<number>;
  head?: NativeHead;
}

export interface MeasureOptions {
  similarity: VectorSimilarity;
  draws: number;
  seed: number;
  concurrency: number;
  signal?: AbortSignal | undefined;
  /** Default: plain–masked and masked–masked. */
  conditions?: readonly Condition[];
  /** The vectors afterwards, of the same photos, which the heads correct. Default: the same vectors. */
  after?: TwinVectors;
}

/** Enough for an FMR of 1e-3 within a tenth; beyond it they cost time only. */
export const mostImpostors = 300_000;
export const target = 1e-2;
const targets = [target, 1e-3];
/** The FMR of the threshold that is set on plain–plain pairs. */
const plainTarget = 1e-3;

/** The measures of one fold by their names: values, and draws of them. */
type Measured = Map<string, { value: number; draws: Float64Array }>;

/**
 * Measures with and without heads. Where there are several sets of people, each has its own thresholds, and rates are
 * averaged by genuine pairs.
 */
export async function measureChanges(
  vectors: TwinVectors,
  tested: readonly Tested[],
  options: MeasureOptions,
): Promise<Change[]> {
  const { similarity, seed, concurrency, conditions = ['plain-masked', 'masked-masked'], after = vectors } = options;
  const parts: (Pick<Tested, 'head'> & { sets: PeoplePairs; setsAfter: PeoplePairs; threshold: number | undefined })[] =
    [];
  for (const { people, head } of tested) {
    const sets = new PeoplePairs(vectors, people, seed);
    const plain = sets.pairs('plain-plain', mostImpostors);
    const threshold =
      plain.impostors >= 1 / plainTarget && plain.genuine > 0
        ? (await setOf(await sets.score(plain, similarity, undefined, concurrency))).fnmrAtFmr(plainTarget).threshold
        : undefined;
    const setsAfter = after === vectors ? sets : new PeoplePairs(after, people, seed);
    parts.push({ sets, setsAfter, threshold, ...(head && { head }) });
  }
  const changes: Change[] = [];
  for (const condition of conditions) {
    const folds: { before: Measured; after: Measured; genuine: number; impostors: number }[] = [];
    for (const [fold, { sets, setsAfter, head, threshold }] of parts.entries()) {
      const pairs = sets.pairs(condition, mostImpostors);
      if (pairs.genuine === 0 || pairs.impostors === 0) continue;
      const measure = async (scored: Promise<Resampled>) =>
        measureFold(await scored, pairs.impostors, threshold, { ...options, seed: seed + fold });
      folds.push({
        before: await measure(sets.score(pairs, similarity, undefined, concurrency)),
        after: await measure(setsAfter.score(pairs, similarity, head, concurrency)),
        ...{ genuine: pairs.genuine, impostors: pairs.impostors },
      });
    }
    const genuine = folds.reduce((sum, fold) => sum + fold.genuine, 0);
    const impostors = folds.reduce((sum, fold) => sum + fold.impostors, 0);
    for (const name of folds[0]?.before.keys() ?? []) {
      // Only measures that every fold supports.
      if (!folds.every(({ before }) => before.has(name))) continue;
      const pooled = (side: 'before' | 'after') => {
        const parts = folds.map((fold) => ({
          ...(fold[side].get(name) as { value: number; draws: Float64Array }),
          weight: fold.genuine / genuine,
        }));
        const value = parts.reduce((sum, part) => sum + part.weight * part.value, 0);
        const draws = Float64Array.from({ length: options.draws }, (_, i) =>
          parts.reduce((sum, part) => sum + part.weight * (part.draws[i] as number), 0),
        );
        return { value, draws };
      };
      const before = pooled('before');
      const after = pooled('after');
      const differences = after.draws.map((value, i) => value - (before.draws[i] as number));
      const [measure, fmr] = name.split('@') as [Change['measure'], string?];
      changes.push({
        ...{ condition, measure },
        ...(fmr !== undefined && { target: Number(fmr) }),
        before: estimate(before.value, before.draws),
        after: estimate(after.value, after.draws),
        difference: estimate(after.value - before.value, differences),
        ...{ genuine, impostors },
      });
    }
  }
  return changes;
}

function estimate(value: number, draws: Float64Array): Estimate {
  const interval = percentileInterval(draws);
  return { value, ...(interval && { interval }) };
}

const setOf = ({ scores, labels }: Resampled) => ScoreSet.from(scores, labels);

async function measureFold(
  resampled: Resampled,
  impostors: number,
  threshold: number | undefined,
  { draws: count, seed, signal }: MeasureOptions,
): Promise<Measured> {
  const set = await setOf(resampled);
  const fmr = targets.filter((rate) => impostors >= 1 / rate);
  const thresholds = threshold === undefined ? [] : [threshold];
  const draws: Draws = await bootstrap(resampled, { draws: count, seed, fmr, thresholds, ...(signal && { signal }) });
  const values: Measured = new Map();
  values.set('EER', { value: (await set.measure()).eer, draws: draws.eer });
  for (const [i, rate] of fmr.entries())
    values.set(`FNMR@${rate}`, { value: set.fnmrAtFmr(rate).fnmr, draws: draws.fnmrAtFmr[i] as Float64Array });
  const [at] = draws.at;
  if (threshold !== undefined && at) {
    const rates = set.at(threshold);
    values.set(`FMR at the plain threshold@${plainTarget}`, { value: rates.fmr, draws: at.fmr });
    values.set(`FNMR at the plain threshold@${plainTarget}`, { value: rates.fnmr, draws: at.fnmr });
  }
  return values;
}
