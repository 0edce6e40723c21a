import { differingConditions, median, type ThroughputChange } from '../throughput/compare.js';
import type { Throughput, ThroughputCase } from '../throughput/measure.js';
import { scalingChart } from './charts.js';
import { type PageTable, writeReport } from './page.js';

const shown = (value: number) => (value < 100 ? value.toPrecision(3) : value.toFixed(0));

const titles = {
  stage: 'Stages of one photo, one thread, in memory',
  mask: 'Masking from folder to folder',
  embed: 'Embedding',
} as const;

const header = ['', 'photos/s', 'least to most', 'ms a photo'];

function row({ name, rates }: ThroughputCase): string[] {
  const middle = median(rates);
  return [name, shown(middle), `${shown(Math.min(...rates))} to ${shown(Math.max(...rates))}`, shown(1000 / middle)];
}

/** A table of each kind of case: its title, and rows with a header. */
export function throughputTables({ cases }: Throughput): { title: string; rows: string[][] }[] {
  return (['stage', 'mask', 'embed'] as const)
    .map((kind) => ({ title: titles[kind], rows: [header, ...cases.filter((one) => one.kind === kind).map(row)] }))
    .filter(({ rows }) => rows.length > 1);
}

const verdicts: Record<ThroughputChange['verdict'], string> = {
  faster: 'faster',
  slower: 'slower',
  same: 'no difference shown',
  'too-few-rounds': 'too few rounds',
};

/** Rows of a comparison, with a header. */
export function changeRows(changes: readonly ThroughputChange[]): string[][] {
  const times = (ratio: number) => `${ratio.toFixed(2)} ×`;
  return [
    ['', 'now against before', '95% interval', 'verdict'],
    ...changes.map(({ name, ratio, interval, verdict }) => [
      name,
      times(ratio),
      interval?.map(times).join(' to ') ?? '-',
      verdicts[verdict],
    ]),
  ];
}

/** The machine in words. */
export function machineLines({ date, maskbench, machine, device, photos, cases }: Throughput): string[] {
  const { processor, processors, simd, governor, load, node } = machine;
  return [
    `maskbench ${maskbench}, Node ${node}, ${date.slice(0, 16).replace('T', ' ')} UTC`,
    `${processor}, ${processors} processor${processors === 1 ? '' : 's'}, ${simd}${governor === undefined ? '' : `, governor ${governor}`}, device ${device}; load before: ${load.toFixed(1)}`,
    `${photos.map(({ name, files }) => `${files} ${name} photos`).join(', ')}; medians of ${cases[0]?.rates.length ?? 0} rounds`,
  ];
}

const toTable = (caption: string, [first = [], ...rows]: string[][]): PageTable => ({
  caption,
  header: first,
  rows: rows.map((cells) => cells.map((text) => ({ text }))),
});

/**
 * Writes a report into a folder: tables, a picture of how masking scales with threads, and the figures as
 * `report.json`, which `--compare` reads.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`, `WRITE_FAILED`
 */
export async function writeThroughputReport(
  folder: string,
  measured: Throughput,
  compared?: { before: Throughput; changes: readonly ThroughputChange[] },
): Promise<string> {
  const scaling = measured.cases.flatMap(({ series, threads, rates }) =>
    series === undefined || threads === undefined ? [] : [{ series, threads, rate: median(rates) }],
  );
  return writeReport(folder, {
    title: 'Throughput',
    introduction: machineLines(measured),
    sections: [
      {
        heading: 'Rates',
        tables: throughputTables(measured).map(({ title, rows }) => toTable(title, rows)),
        charts: scaling.length > 0 ? [await scalingChart(scaling)] : [],
      },
      ...(compared
        ? [
            {
              heading: 'Before and now',
              tables: [toTable('Ratios of medians', changeRows(compared.changes))],
              notes: differingConditions(compared.before, measured),
            },
          ]
        : []),
    ],
    numbers: measured,
  });
}
