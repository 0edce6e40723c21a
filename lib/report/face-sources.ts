import type { FaceSourceComparison } from '../benchmarks/face-sources.js';
import { shown, shownEstimate } from './evaluation.js';

/** The titles of {@link faceSourceTables}. */
export const faceSourceTitles = [
  "How scores move: searched faces minus the manifest's",
  'Error rates; the difference is of the comparisons that both have',
];

/** Two tables: how scores move, and the error rates of both. */
export function faceSourceTables({ moves, common, own }: FaceSourceComparison): [string[][], string[][]] {
  const [difference] = common.differences;
  const rate = (name: string, cells: (string | undefined)[]) => [name, ...cells.map((cell) => cell ?? '-')];
  const rows = [
    ['', "manifest's faces", 'searched faces', 'difference'],
    rate(`EER, ${common.genuine - (common.systems[0]?.failed.genuine ?? 0)} genuine comparisons that both have`, [
      ...common.systems.map(({ measures }) => shownEstimate(measures.eer)),
      difference && shownEstimate(difference.eer),
    ]),
  ];
  for (const { target } of common.systems[0]?.fnmrAtFmr ?? []) {
    const at = (points: readonly { target: number }[]) => points.findIndex((point) => point.target === target);
    const moved = difference?.fnmrAtFmr[at(difference.fnmrAtFmr)];
    rows.push(
      rate(`FNMR at FMR ${target}`, [
        ...common.systems
          .map(({ fnmrAtFmr }) => fnmrAtFmr[at(fnmrAtFmr)])
          .map((point) => point && shownEstimate(point.fnmr)),
        moved && shownEstimate(moved),
      ]),
      rate(
        `FRR at FMR ${target}, failures are rejections`,
        own.systems.map(({ fnmrAtFmr }) => fnmrAtFmr[at(fnmrAtFmr)]).map((point) => point && shown(point.frr.value)),
      ),
    );
  }
  return [
    [
      ['comparisons', 'count', 'mean move', 'standard deviation'],
      ...moves.map(({ comparisons, count, mean, deviation }) => [
        comparisons,
        String(count),
        shown(mean),
        shown(deviation),
      ]),
    ],
    rows,
  ];
}
