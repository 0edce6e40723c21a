import type { ModelBenchmark } from '../benchmarks/models.js';
import type { ScoreBenchmark } from '../benchmarks/scores.js';
import type { BenchmarkCell, BenchmarkTable } from '../benchmarks/tables.js';
import { checkArray, checkObject, checkOptions, checkPath, checkText } from '../errors.js';
import { checkMeasuring } from '../metrics/arguments.js';
import { evaluate } from '../metrics/evaluate.js';
import type { SystemScores } from '../metrics/score-files.js';
import { type ErrorCurve, ScoreSet } from '../metrics/score-set.js';
import { acquisitionRows, acquisitionTitle } from './acquisition.js';
import { detChart, histogramChart, type NamedCurve, rocChart, thresholdChart } from './charts.js';
import { evaluationCharts, measureRows, notesOf, pageTable } from './evaluation.js';
import { faceSourceTables } from './face-sources.js';
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

/** The paper's two figures and their like, from the scores of one system. */
async function figures(one: string, dataSets: ScoreBenchmark['dataSets']): Promise<PageSection> {
  const curves: NamedCurve[] = [];
  const pooled = { scores: [] as number[], labels: [] as number[] };
  for (const { dataSet, labels, systems } of dataSets) {
    const found = systems.find(({ name }) => name === one);
    if (!found) continue;
    const used = [...labels.keys()].filter((i) => !found.failed.has(i));
    const scores = used.map((i) => found.scores[i] as number);
    const marks = used.map((i) => labels[i] as number);
    const set = await ScoreSet.from(scores, marks, { source: one });
    curves.push({ name: dataSet, curve: paperCurve(set), genuine: set.genuine, impostor: set.impostor });
    pooled.scores.push(...scores);
    pooled.labels.push(...marks);
  }
  const pool = await ScoreSet.from(pooled.scores, pooled.labels, { source: one });
  const pooledCurve = { name: one, curve: paperCurve(pool), genuine: pool.genuine, impostor: pool.impostor };
  return {
    heading: 'Figures',
    paragraphs: [`From the scores of ${one}; 500 thresholds evenly from 1 to 0, a match is similarity > threshold.`],
    charts: [
      await rocChart(curves),
      await thresholdChart([pooledCurve], ['FAR', 'FRR']),
      await detChart(curves),
      await histogramChart(`${one} on all data sets`, await pool.histogram()),
    ],
  };
}

/** Options of {@link writeBenchmarkReport}. */
export interface BenchmarkReportOptions {
  /** Paragraphs below the title. */
  introduction?: string[];
  /** Draws of the bootstrap. Default 200. */
  draws?: number;
  /** Random seed of the bootstrap. Default 0. */
  seed?: number;
}

/**
 * Writes the report of the regenerated tables: tables, the paper's two figures, exact measures with intervals for each
 * data set.
 * @returns the page's path
 * @throws `MaskbenchError` `WRITE_FAILED`
 * @example
 * await writeBenchmarkReport('report', await benchmarkScores('paper/'), { draws: 1000 });
 */
export async function writeBenchmarkReport(
  folder: string,
  benchmark: ScoreBenchmark & Partial<Pick<ModelBenchmark, 'acquisition' | 'faceSources'>>,
  options: BenchmarkReportOptions = {},
): Promise<string> {
  checkPath('folder', folder);
  checkObject('benchmark', benchmark, 'what benchmarkScores gives');
  const { tables, dataSets, acquisition = [], faceSources = [] } = benchmark;
  checkArray('benchmark.tables', tables, checkObject);
  checkArray('benchmark.dataSets', dataSets, checkObject);
  checkOptions(options);
  const { introduction = [], ...measuring } = options;
  checkArray('introduction', introduction, checkText, 'an array of texts');
  checkMeasuring(measuring);
  const inRange = ({ scores }: SystemScores) => scores.every((score) => !(score < 0 || score > 1));
  const names = ['CP1', ...dataSets.flatMap(({ systems }) => systems.filter(inRange).map(({ name }) => name))];
  const one = names.find((name) =>
    dataSets.some(({ systems }) => systems.some((system) => system.name === name && inRange(system))),
  );
  const regenerated = tables.filter(({ counts }) => counts.equal + counts.different > 0);
  const sections: PageSection[] = [
    {
      heading: 'Tables',
      paragraphs:
        regenerated.length > 0
          ? [legend, ...new Set(regenerated.flatMap(({ notes }) => notes))]
          : ['No cell of the published tables is of these systems and data sets.'],
      tables: regenerated.map(toPageTable),
    },
  ];
  if (acquisition.length > 0)
    sections.push({
      heading: 'Photos without a face',
      tables: [
        pageTable(
          acquisitionTitle,
          acquisitionRows(
            acquisition.flatMap(({ model, dataSet, counts }) =>
              counts.map((counted) => [[model, dataSet], counted] as const),
            ),
            ['model', 'data set'],
          ),
        ),
      ],
    });
  for (const comparison of faceSources)
    sections.push({
      heading: `Searched faces, ${comparison.model}, ${comparison.dataSet}`,
      tables: faceSourceTables(comparison).map(({ title, rows }) => pageTable(title, rows)),
    });
  if (one !== undefined) sections.push(await figures(one, dataSets));
  for (const { dataSet, pairs, labels, systems } of dataSets) {
    const evaluation = await evaluate(
      systems,
      { labels, pairs },
      { definition: systems.every(inRange) ? 'paper' : 'exact', draws: 200, ...measuring },
    );
    const charts = await evaluationCharts(evaluation.systems);
    sections.push({
      heading: dataSet,
      paragraphs: [`Intervals: ${evaluation.intervals}.`],
      notes: [...new Set(notesOf(evaluation))],
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
