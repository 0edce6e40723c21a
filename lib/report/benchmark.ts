import type { ScoreBenchmark } from '../benchmarks/scores.js';
import type { BenchmarkCell, BenchmarkTable } from '../benchmarks/tables.js';
import { evaluate } from '../metrics/evaluate.js';
import { type ErrorCurve, ScoreSet } from '../metrics/score-set.js';
import { detChart, histogramChart, type NamedCurve, rocChart, thresholdChart } from './charts.js';
import { evaluationCharts, measureRows, pageTable } from './evaluation.js';
import { type PageSection, type PageTable, writeReport } from './page.js';

const marks = { equal: '=', different: '≠', missing: '–' };

/** A cell for people: ours, how it compares, and what was published where that differs. */
export function cellText({ published, value, equal }: BenchmarkCell): string {
  if (value === undefined) return `${marks.missing} (${published})`;
  const places = Math.max(3, published.split('.')[1]?.length ?? 0);
  // One place more where the last one is a matter of how a 5 is rounded.
  const rounded = value.toFixed(places);
  const ours = equal && Number(rounded) !== Number(published) ? value.toFixed(places + 1) : rounded;
  return equal ? `${marks.equal} ${ours}` : `${marks.different} ${ours} (${published})`;
}

/** What the marks mean. */
export const legend = `${marks.equal} ours rounds to the published number; ${marks.different} ours (published); ${marks.missing} not regenerable (published)`;

function toPageTable({ title, columns, rows, counts }: BenchmarkTable): PageTable {
  return {
    caption: `${title} – ${counts.equal} equal, ${counts.different} different, ${counts.missing} not regenerable`,
    header: ['data set', ...columns],
    rows: rows.map(({ dataSet, cells }) => [
      { text: dataSet },
      ...cells.map((cell) => ({
        text: cellText(cell),
        mark: cell.value === undefined ? ('none' as const) : cell.equal ? ('good' as const) : ('bad' as const),
        hint: cell.missing ?? `published ${cell.published}, ours ${cell.value}`,
      })),
    ]),
  };
}

/** The paper's way with thresholds: 500, a match being similarity > threshold. */
function paperCurve(set: ScoreSet): ErrorCurve {
  const rates = set.paperCurve(500).reverse();
  return {
    thresholds: Float64Array.from(rates, ({ threshold }) => threshold),
    fmr: Float64Array.from(rates, ({ fmr }) => fmr),
    fnmr: Float64Array.from(rates, ({ fnmr }) => fnmr),
  };
}

/**
 * Writes the report of the regenerated tables: tables, the paper's two figures, exact measures with intervals for each data set.
 * @returns the page's path
 * @throws {@link MaskbenchError} `WRITE_FAILED`
 */
export async function writeBenchmarkReport(
  folder: string,
  { tables, dataSets }: ScoreBenchmark,
  introduction: string[],
  options: { draws?: number; seed?: number } = {},
): Promise<string> {
  const curvesOf = async (system: string) => {
    const curves: NamedCurve[] = [];
    for (const { dataSet, labels, systems } of dataSets) {
      const found = systems.find(({ name }) => name === system);
      if (!found) continue;
      const set = await ScoreSet.from(found.scores, labels, { source: system });
      curves.push({ name: dataSet, curve: paperCurve(set), genuine: set.genuine, impostor: set.impostor });
    }
    return curves;
  };
  const one = ['CP1', ...dataSets.flatMap(({ systems }) => systems.map(({ name }) => name))].find((name) =>
    dataSets.some(({ systems }) => systems.some((system) => system.name === name)),
  ) as string;
  const figure = await curvesOf(one);
  const pooled = { scores: [] as number[], labels: [] as number[] };
  for (const { labels, systems } of dataSets) {
    const found = systems.find(({ name }) => name === one);
    if (!found) continue;
    pooled.scores.push(...found.scores);
    pooled.labels.push(...labels);
  }
  const pool = await ScoreSet.from(pooled.scores, pooled.labels, { source: one });
  const pooledCurve = { name: one, curve: paperCurve(pool), genuine: pool.genuine, impostor: pool.impostor };
  const sections: PageSection[] = [
    {
      heading: 'Tables',
      paragraphs: [legend, ...new Set(tables.flatMap(({ notes }) => notes))],
      tables: tables.map(toPageTable),
    },
    {
      heading: 'Figures',
      paragraphs: [`From the scores of ${one}; 500 thresholds evenly from 1 to 0, a match is similarity > threshold.`],
      charts: [
        await rocChart(figure),
        await thresholdChart([pooledCurve], ['FAR', 'FRR']),
        await detChart(figure),
        await histogramChart(`${one} on all data sets`, await pool.histogram()),
      ],
    },
  ];
  for (const { dataSet, pairs, labels, systems } of dataSets) {
    const evaluation = await evaluate(systems, { labels, pairs }, { definition: 'paper', draws: 200, ...options });
    const charts = await evaluationCharts(evaluation.systems);
    const notes = [
      ...evaluation.notes,
      ...evaluation.systems.flatMap(({ name, notes: of }) => of.map((note) => `${name}: ${note}`)),
    ];
    sections.push({
      heading: dataSet,
      paragraphs: [`Intervals: ${evaluation.intervals}.`],
      notes: [...new Set(notes)],
      tables: [pageTable('Measures; in brackets the 95% interval', measureRows(evaluation))],
      charts: charts
        .filter(({ name }) => !name.startsWith('histogram'))
        .map((chart) => ({ ...chart, name: `${dataSet}-${chart.name}` })),
    });
  }
  return writeReport(folder, {
    title: 'Multi-data-set benchmarks for masked identification, regenerated',
    introduction,
    sections,
    numbers: { tables },
  });
}
