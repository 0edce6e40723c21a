import { type Evaluation, evaluate } from '../metrics/evaluate.js';
import type { SystemScores } from '../metrics/score-files.js';
import { addTo } from '../multimap.js';
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

/** Error rates from searched faces beside those from the manifest's, over one kind of comparisons. */
export interface FaceSourceRates {
  /** `plain–masked`, say. */
  kind: string;
  /** The manifest's faces first, over the comparisons that both have; difference and ratio have paired intervals. */
  common: Evaluation;
  /** As `common`, over the comparisons that each has: failed ones are rejections in FRR. */
  own: Evaluation;
}

/** Scores of a model from searched faces beside those from the manifest's. */
export interface FaceSourceComparison {
  model: string;
  dataSet: string;
  moves: ScoreMove[];
  /** One entry for each kind that has genuine and impostor comparisons with scores. */
  rates: FaceSourceRates[];
}

/** Which of the two photos are masked: `plain–masked`, say, in whatever order. */
function kindOf({ referenceMasked, probeMasked }: Pair): string {
  const word = (masked: boolean) => (masked ? 'masked' : 'plain');
  return [word(referenceMasked), word(probeMasked)].sort().reverse().join('–');
}

function movesOf(
  pairs: readonly Pair[],
  labels: Uint8Array,
  searched: SystemScores,
  manifest: SystemScores,
): ScoreMove[] {
  const groups = new Map<string, number[]>();
  for (const [i, pair] of pairs.entries()) {
    if (searched.failed.has(i) || manifest.failed.has(i)) continue;
    const comparisons = `${labels[i] === 1 ? 'genuine' : 'impostor'} ${kindOf(pair)}`;
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

/** A system's scores of some of the comparisons. */
function partOf({ scores, failed, ...system }: SystemScores, members: readonly number[]): SystemScores {
  return {
    ...system,
    scores: Float64Array.from(members, (i) => scores[i] as number),
    failed: new Set([...members.keys()].filter((place) => failed.has(members[place] as number))),
  };
}

/** Compares the two systems of a model: its name alone is the searched one. Throws as {@link evaluate}. */
export async function compareFaceSources(
  { dataSet, pairs, labels }: ScoredDataSet,
  [searched, manifest]: readonly [SystemScores, SystemScores],
  { draws, seed }: { draws: number; seed: number },
): Promise<FaceSourceComparison> {
  const rates: FaceSourceRates[] = [];
  const kinds = new Map<string, number[]>();
  for (const [i, pair] of pairs.entries()) addTo(kinds, kindOf(pair), i);
  for (const [kind, members] of [...kinds].sort()) {
    const both = [manifest, searched].map((system) => partOf(system, members));
    const failed = new Set(both.flatMap((system) => [...system.failed]));
    const comparisons = {
      labels: Uint8Array.from(members, (i) => labels[i] as number),
      pairs: members.map((i) => pairs[i] as Pair),
    };
    const scored = new Set(comparisons.labels.filter((_, place) => !failed.has(place)));
    if (scored.size < 2) continue;
    rates.push({
      kind,
      common: await evaluate(
        both.map((system) => ({ ...system, failed })),
        comparisons,
        { draws, seed },
      ),
      own: await evaluate(both, comparisons, { draws: 0 }),
    });
  }
  return { model: searched.name, dataSet, moves: movesOf(pairs, labels, searched, manifest), rates };
}
