import { type Evaluation, evaluate } from '../metrics/evaluate.js';
import type { SystemScores } from '../metrics/score-files.js';
import type { Pair } from '../pairs/list.js';
import type { ScoredDataSet } from './scores.js';

/** How scores move, searched minus the manifest's faces, over the comparisons that both have. */
export interface ScoreMove {
  /** `genuine plain–masked`, say. */
  comparisons: string;
  count: number;
  mean: number;
  /** Standard deviation of the differences. */
  deviation: number;
}

/** Scores of a model from searched faces beside those from the manifest's. */
export interface FaceSourceComparison {
  model: string;
  dataSet: string;
  moves: ScoreMove[];
  /** The manifest's faces first, over the comparisons that both have; the difference has a paired interval. */
  common: Evaluation;
  /** As `common`, over the comparisons that each has: failed ones are rejections in FRR. */
  own: Evaluation;
}

function movesOf(
  pairs: readonly Pair[],
  labels: Uint8Array,
  searched: SystemScores,
  manifest: SystemScores,
): ScoreMove[] {
  const groups = new Map<string, number[]>();
  const word = (masked: boolean) => (masked ? 'masked' : 'plain');
  for (const [i, { referenceMasked, probeMasked }] of pairs.entries()) {
    if (searched.failed.has(i) || manifest.failed.has(i)) continue;
    const kinds = [word(referenceMasked), word(probeMasked)].sort().reverse().join('–');
    const comparisons = `${labels[i] === 1 ? 'genuine' : 'impostor'} ${kinds}`;
    const moves = groups.get(comparisons) ?? [];
    moves.push((searched.scores[i] as number) - (manifest.scores[i] as number));
    groups.set(comparisons, moves);
  }
  return [...groups].sort().map(([comparisons, moves]) => {
    const mean = moves.reduce((sum, move) => sum + move, 0) / moves.length;
    const variance = moves.reduce((sum, move) => sum + (move - mean) ** 2, 0) / moves.length;
    return { comparisons, count: moves.length, mean, deviation: Math.sqrt(variance) };
  });
}

/** Compares the two systems of a model: its name alone is the searched one. Throws as {@link evaluate}. */
export async function compareFaceSources(
  { dataSet, pairs, labels }: ScoredDataSet,
  [searched, manifest]: readonly [SystemScores, SystemScores],
  { draws, seed }: { draws: number; seed: number },
): Promise<FaceSourceComparison> {
  const either = new Set([...searched.failed, ...manifest.failed]);
  const both = [manifest, searched];
  return {
    ...{ model: searched.name, dataSet, moves: movesOf(pairs, labels, searched, manifest) },
    common: await evaluate(
      both.map((system) => ({ ...system, failed: either })),
      { labels, pairs },
      { draws, seed },
    ),
    own: await evaluate(both, { labels, pairs }, { draws: 0 }),
  };
}
