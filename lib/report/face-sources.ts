import type { FaceSourceComparison, FaceSourceRates } from '../benchmarks/face-sources.js';
import type { Estimate } from '../metrics/intervals.js';
import { shown, shownEstimate } from './evaluation.js';

/** Tables with their titles: how scores move, and the error rates of both for each kind of comparisons. */
export function faceSourceTables({ moves, rates }: FaceSourceComparison): { title: string; rows: string[][] }[] {
  return [
    {
      title: "How scores move: searched faces minus the manifest's",
      rows: [
        ['comparisons', 'count', 'mean move', 'standard deviation'],
        ...moves.map(({ comparisons, count, mean, deviation }) => [
          comparisons,
          String(count),
          shown(mean),
          shown(deviation),
        ]),
      ],
    },
    ...rates.map((part) => ({
      title: `Error rates, ${part.kind}; difference and ratio are of the comparisons that both have`,
      rows: rateRows(part),
    })),
  ];
}

function rateRows({ common, own }: FaceSourceRates): string[][] {
  const [difference] = common.differences;
  const row = (name: string, values: (Estimate | undefined)[]) => [
    name,
    ...Array.from({ length: 4 }, (_, i) => values[i] && shownEstimate(values[i])).map((cell) => cell ?? '-'),
  ];
  const both = common.genuine - (common.systems[0]?.failed.genuine ?? 0);
  const rows = [
    ['', "manifest's faces", 'searched faces', 'difference', 'ratio'],
    row(`EER, ${both} genuine comparisons that both have`, [
      ...common.systems.map(({ measures }) => measures.eer),
      difference?.eer,
      difference?.eerRatio,
    ]),
  ];
  for (const { target } of common.systems[0]?.fnmrAtFmr ?? []) {
    const at = <Point extends { target: number }>(points: readonly Point[] = []) =>
      points.find((point) => point.target === target);
    rows.push(
      row(`FNMR at FMR ${target}`, [
        ...common.systems.map(({ fnmrAtFmr }) => at(fnmrAtFmr)?.fnmr),
        at(difference?.fnmrAtFmr),
      ]),
      row(
        `FRR at FMR ${target}, failures are rejections`,
        own.systems.map(({ fnmrAtFmr }) => at(fnmrAtFmr)?.frr).map((frr) => frr && { value: frr.value }),
      ),
    );
  }
  return rows;
}
