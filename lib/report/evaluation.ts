import { checkArray, checkObject, checkOptions, checkPath } from '../errors.js';
import { checkComparisons, checkSystems } from '../metrics/arguments.js';
import type { Comparisons } from '../metrics/comparisons.js';
import type { Evaluation, OperatingRates, PartRates, SystemEvaluation, ThresholdRates } from '../metrics/evaluate.js';
import type { Estimate } from '../metrics/intervals.js';
import type { SystemScores } from '../metrics/score-files.js';
import type { Pair } from '../pairs/list.js';
import { type Chart, detChart, histogramChart, type NamedCurve, rocChart, thresholdCharts } from './charts.js';
import { type PageSection, type PageTable, writeReport } from './page.js';
import { pagePair, picturesNote } from './pictures.js';

/** A number for people: four significant digits; a dash where it is undefined. */
export function shown(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '-';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  return value === 0 ? '0' : Math.abs(value) < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** A rate with its interval. */
export function shownEstimate({ value, interval }: Estimate): string {
  return interval ? `${shown(value)} [${shown(interval[0])}, ${shown(interval[1])}]` : shown(value);
}

const acquisitionParts = [
  ['FTA plain photos', 'plain'],
  ['FTA masked photos', 'masked'],
  ['FTA probes', 'probes'],
  ['FTE references', 'references'],
] as const;

const shownDeviation = (value: number | null, deviation: number | null) => `${shown(value)} ± ${shown(deviation)}`;

/** One row a measure, one column a system. */
export function measureRows(evaluation: Evaluation): string[][] {
  const { systems, definition } = evaluation;
  const row = (name: string, cell: (system: SystemEvaluation) => string | undefined): string[][] => {
    const cells = systems.map(cell);
    return cells.every((text) => text === undefined) ? [] : [[name, ...cells.map((text) => text ?? '-')]];
  };
  const targets = (kind: 'fnmrAtFmr' | 'fmrAtFnmr') => [
    ...new Set(systems.flatMap((system) => system[kind].map(({ target }) => target))),
  ];
  const without = systems.some(({ withoutSamePhoto }) => withoutSamePhoto);
  return [
    ['', ...systems.map(({ name }) => name)],
    ...row('model', ({ model }) => model),
    ...row('similarity', ({ similarity }) => similarity),
    ...row('genuine, impostor', ({ genuine, impostor }) => `${genuine}, ${impostor}`),
    ...row('failed genuine, impostor', ({ failed }) =>
      failed.genuine + failed.impostor > 0 ? `${failed.genuine}, ${failed.impostor}` : undefined,
    ),
    ...acquisitionParts.flatMap(([name, part]) =>
      row(name, ({ acquisition, failed }) =>
        acquisition && failed.genuine + failed.impostor > 0 ? shown(acquisition[part].value) : undefined,
      ),
    ),
    ...(definition === 'paper'
      ? [
          ...row('EER (paper)', ({ paper }) => paper && shown(paper.eer)),
          ...row('FNMR100 (paper)', ({ paper }) => paper && shown(paper.fnmr100)),
          ...row('FNMR1000 (paper)', ({ paper }) => paper && shown(paper.fnmr1000)),
          ...row('FNMR0 (paper)', ({ paper }) => paper && shown(paper.fnmr0)),
          ...(without
            ? row(
                'EER (paper) without same photos',
                ({ withoutSamePhoto }) => withoutSamePhoto?.paper && shown(withoutSamePhoto.paper.eer),
              )
            : []),
        ]
      : []),
    ...row(
      'accuracy ± deviation (InsightFace, 10 folds)',
      ({ folds }) => folds && shownDeviation(folds.accuracy, folds.accuracyDeviation),
    ),
    ...row(
      '  TAR ± deviation at FAR 0.001 of other folds',
      ({ folds }) => folds && shownDeviation(folds.tar, folds.tarDeviation),
    ),
    ...row('  FAR there', ({ folds }) => folds && shown(folds.far)),
    ...row('EER (exact, crossing)', ({ measures }) => shownEstimate(measures.eer)),
    ...row('EER (exact, hull)', ({ measures }) => shown(measures.eerHull)),
    ...(without
      ? row(
          'EER (exact) without same photos',
          ({ withoutSamePhoto }) => withoutSamePhoto && shown(withoutSamePhoto.eer),
        )
      : []),
    ...row('AUC', ({ measures }) => shownEstimate(measures.auc)),
    ...row('d′', ({ measures }) => shown(measures.dPrime)),
    ...row('Cllr', ({ cllr }) => (cllr === undefined ? undefined : shown(cllr))),
    ...row('minCllr', ({ measures }) => shown(measures.minCllr)),
    ...targets('fnmrAtFmr').flatMap((target) => {
      const of = (system: SystemEvaluation) => system.fnmrAtFmr.find((point) => point.target === target);
      const plain = (system: SystemEvaluation) =>
        system.withoutSamePhoto?.fnmrAtFmr.find((point) => point.target === target);
      return [
        ...row(`FNMR at FMR ${target}`, (system) => of(system) && shownEstimate((of(system) as ThresholdRates).fnmr)),
        ...row(`  TAR at FAR ${target}`, (system) => {
          const point = of(system);
          return point && shown(1 - point.fnmr.value);
        }),
        ...row('  threshold, FMR reached', (system) => {
          const point = of(system);
          return point && `${shown(point.threshold)}, ${shown(point.fmr.value)}`;
        }),
        ...row('  FRR, FAR (failed are non-matches)', (system) => {
          const point = of(system);
          return point && system.failed.genuine + system.failed.impostor > 0
            ? `${shown(point.frr.value)}, ${shown(point.far.value)}`
            : undefined;
        }),
        ...(without
          ? row('  FNMR without same photos', (system) => plain(system) && shown(plain(system)?.fnmr as number))
          : []),
      ];
    }),
    ...targets('fmrAtFnmr').flatMap((target) =>
      row(`FMR at FNMR ${target}`, (system) => {
        const point = system.fmrAtFnmr.find((found) => found.target === target);
        return point && shownEstimate(point.fmr);
      }),
    ),
    ...row('threshold', ({ atThreshold }) => atThreshold && shown(atThreshold.threshold)),
    ...row('  FNMR there', ({ atThreshold }) => atThreshold && shownEstimate(atThreshold.fnmr)),
    ...row('  FMR there', ({ atThreshold }) => atThreshold && shownEstimate(atThreshold.fmr)),
  ];
}

/** What a table of {@link partRows} is about, and the one threshold that its rates are at. */
export function partsTitle(
  { name, operating }: Pick<SystemEvaluation, 'name' | 'operating'>,
  kind: 'maskings' | 'groups',
): string {
  const { by, target, threshold, fmr } = operating as OperatingRates;
  const chosen = by === 'given' ? 'given' : `of ${by} ${target}`;
  const what = kind === 'maskings' ? 'kinds of masking' : 'groups, impostors within the group';
  return `${name}: ${what}, at the threshold ${shown(threshold)} (${chosen}; FMR ${shown(fmr.value)} over all comparisons)`;
}

/** One row a kind of masking or a group. */
export function partRows(parts: readonly PartRates[]): string[][] {
  return [
    ['', 'genuine', 'impostor', 'FNMR', 'FMR', 'FRR', 'FAR', 'FTA plain', 'FTA masked'],
    ...parts.map(({ name, genuine, impostor, fnmr, fmr, frr, far, acquisition }) => [
      name,
      String(genuine),
      String(impostor),
      shownEstimate(fnmr),
      shownEstimate(fmr),
      shown(frr.value),
      shown(far.value),
      acquisition ? shown(acquisition.plain.value) : '-',
      acquisition ? shown(acquisition.masked.value) : '-',
    ]),
  ];
}

/** Rows as a table of a page; the first row is its header. */
export function pageTable(caption: string, [header = [], ...rows]: string[][]): PageTable {
  return { caption, header, rows: rows.map((row) => row.map((text) => ({ text }))) };
}

/** What a reader must know, with whose it is. */
export function notesOf({ notes, systems }: Evaluation): string[] {
  return [...notes, ...systems.flatMap(({ name, notes: of }) => of.map((note) => `${name}: ${note}`))];
}

function namedCurve({ name, curve, genuine, impostor }: SystemEvaluation): NamedCurve {
  return { name, curve, genuine, impostor };
}

/** Every picture of an evaluation. */
export async function evaluationCharts(systems: readonly SystemEvaluation[]): Promise<Chart[]> {
  const curves = systems.map(namedCurve);
  // Log-likelihood ratios have an axis of their own.
  const similarities = systems.filter(({ cllr }) => cllr === undefined).map(namedCurve);
  return [
    await rocChart(curves),
    await detChart(curves),
    await detChart(curves, 'log'),
    ...(await thresholdCharts(similarities)),
    ...(await Promise.all(systems.map(({ name, histogram }) => histogramChart(name, histogram)))),
  ];
}

/** The worst errors at a threshold: impostors that match best, genuine comparisons that match least. */
export function worstComparisons(
  { scores, failed, dropped, distance = false }: SystemScores,
  labels: ArrayLike<number>,
  threshold: number,
  most: number,
): { falseMatches: number[]; falseNonMatches: number[] } {
  const sign = distance ? -1 : 1;
  const of = (i: number) => sign * (scores[i] as number);
  const falseMatches: number[] = [];
  const falseNonMatches: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (failed.has(i) || dropped?.has(i)) continue;
    const match = of(i) >= sign * threshold;
    if (labels[i] === 0 && match) falseMatches.push(i);
    if (labels[i] === 1 && !match) falseNonMatches.push(i);
  }
  return {
    falseMatches: falseMatches.sort((a, b) => of(b) - of(a)).slice(0, most),
    falseNonMatches: falseNonMatches.sort((a, b) => of(a) - of(b)).slice(0, most),
  };
}

async function worstSection(
  evaluation: Evaluation,
  system: SystemScores,
  comparisons: Comparisons & { pairs: readonly Pair[] },
  images: string,
): Promise<PageSection[]> {
  const operating = evaluation.systems.find(({ name }) => name === system.name)?.operating;
  if (!operating) return [];
  const { threshold, fmr } = operating;
  const worst = worstComparisons(system, comparisons.labels, threshold, 12);
  const pairsOf = (rows: number[]) =>
    Promise.all(rows.map((i) => pagePair(images, comparisons.pairs[i] as Pair, shown(system.scores[i] as number))));
  const note = `At the threshold ${shown(threshold)} (FMR ${shown(fmr.value)}). ${picturesNote}`;
  return [
    { heading: `Worst false matches of ${system.name}`, paragraphs: [note], pairs: await pairsOf(worst.falseMatches) },
    {
      heading: `Worst false non-matches of ${system.name}`,
      paragraphs: [note],
      pairs: await pairsOf(worst.falseNonMatches),
    },
  ];
}

const definitionTexts = {
  exact:
    'Rates are exact (ISO/IEC 19795-1): a match is score ≥ threshold, of distances score ≤ threshold; thresholds are the distinct scores and infinity, FNMR at an FMR is not interpolated.',
  paper:
    "The paper's rates: a match is similarity > threshold, at 50 thresholds evenly from 1 to 0; EER is the mean of FMR and FNMR at the first with the smallest difference. The exact rates (a match is score ≥ threshold) are beside them.",
};

/** Options of {@link writeEvaluationReport} and {@link writeAllPairsReport}. */
export interface PairReportOptions {
  /** The folder that the photos' names are below. Where it is given, the worst errors are shown as thumbnails. */
  images?: string;
}

/**
 * Writes the report of an evaluation.
 * @param folder For `report.html`, `report.json` and the charts.
 * @param evaluated What `evaluateFiles` gives; or what `evaluate` gave and was given.
 * @returns the page's path
 * @throws `MaskbenchError` `WRITE_FAILED`
 * @example
 * await writeEvaluationReport('report', await evaluateFiles(['scores.txt'], { pairs: 'pairs.txt' }), { images: 'corpora/lfw' });
 */
export async function writeEvaluationReport(
  folder: string,
  evaluated: { evaluation: Evaluation; systems: readonly SystemScores[]; comparisons: Comparisons },
  options: PairReportOptions = {},
): Promise<string> {
  checkPath('folder', folder);
  checkObject('evaluated', evaluated, '{ evaluation, systems, comparisons }');
  const { evaluation, systems, comparisons } = evaluated;
  checkArray('evaluation.systems', checkObject('evaluation', evaluation, 'what evaluate gives').systems, checkObject);
  checkSystems(systems);
  checkComparisons(comparisons);
  checkOptions(options);
  const { images } = options;
  if (images !== undefined) checkPath('images', images);
  const { pairs } = comparisons;
  const tables = [pageTable('Measures; in brackets the 95% interval', measureRows(evaluation))];
  for (const system of evaluation.systems)
    for (const kind of ['maskings', 'groups'] as const) {
      const parts = system[kind];
      if (parts) tables.push(pageTable(partsTitle(system, kind), partRows(parts)));
    }
  const { differences } = evaluation;
  const targets = [...new Set(differences.flatMap(({ fnmrAtFmr }) => fnmrAtFmr.map(({ target }) => target)))];
  if (differences.length > 0)
    tables.push(
      pageTable('Differences over the comparisons that both have, with intervals of shared draws', [
        ['', 'genuine, impostor', 'EER', ...targets.map((target) => `FNMR at FMR ${target}`)],
        ...differences.map(({ name, genuine, impostor, eer, fnmrAtFmr }) => [
          name,
          `${genuine}, ${impostor}`,
          shownEstimate(eer),
          ...targets.map((target) => {
            const point = fnmrAtFmr.find((found) => found.target === target);
            return point ? shownEstimate(point) : '-';
          }),
        ]),
      ]),
    );
  const worst: PageSection[] = [];
  if (images !== undefined && pairs)
    for (const system of systems)
      worst.push(...(await worstSection(evaluation, system, { ...comparisons, pairs }, images)));
  const notes = notesOf(evaluation);
  const distances = evaluation.systems.filter(({ distance }) => distance).map(({ name }) => name);
  return writeReport(folder, {
    title: `Verification: ${evaluation.systems.map(({ name }) => name).join(', ')}`,
    introduction: [
      definitionTexts[evaluation.definition],
      `Intervals: ${evaluation.intervals}.${distances.length > 0 ? ` Distances, with their thresholds: ${distances.join(', ')}.` : ''}`,
    ],
    sections: [
      { heading: 'Rates', tables },
      ...(notes.length > 0 ? [{ heading: 'What to know', notes }] : []),
      { heading: 'Pictures', charts: await evaluationCharts(evaluation.systems) },
      ...worst,
    ],
    numbers: evaluation,
  });
}
