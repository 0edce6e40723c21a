import { checkArray, checkObject, checkPath } from '../errors.js';
import { checkComparisons, checkSystems } from '../metrics/arguments.js';
import type { Comparisons, Evaluation, PartRates, SystemEvaluation, ThresholdRates } from '../metrics/evaluate.js';
import type { Estimate } from '../metrics/intervals.js';
import type { SystemScores } from '../metrics/score-files.js';
import type { Pair } from '../pairs/list.js';
import { type Chart, detChart, histogramChart, type NamedCurve, rocChart, thresholdChart } from './charts.js';
import { type PageSection, type PageTable, writeReport } from './page.js';
import { pagePair, picturesNote } from './pictures.js';

/** A number for people: four significant digits. */
export function shown(value: number): string {
  if (Number.isNaN(value)) return '-';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  return value === 0 ? '0' : Math.abs(value) < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** A rate with its interval. */
export function shownEstimate({ value, interval }: Estimate): string {
  return interval ? `${shown(value)} [${shown(interval[0])}, ${shown(interval[1])}]` : shown(value);
}

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
    ...row('genuine, impostor', ({ genuine, impostor }) => `${genuine}, ${impostor}`),
    ...row('failed genuine, impostor', ({ failed }) =>
      failed.genuine + failed.impostor > 0 ? `${failed.genuine}, ${failed.impostor}` : undefined,
    ),
    ...row('FTA plain photos', ({ acquisition, failed }) =>
      acquisition && failed.genuine + failed.impostor > 0 ? shown(acquisition.plain.value) : undefined,
    ),
    ...row('FTA masked photos', ({ acquisition, failed }) =>
      acquisition && failed.genuine + failed.impostor > 0 ? shown(acquisition.masked.value) : undefined,
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
    ...(similarities.length > 0 ? [await thresholdChart(similarities)] : []),
    ...(await Promise.all(systems.map(({ name, histogram }) => histogramChart(name, histogram)))),
  ];
}

/** The worst errors at a threshold: impostors that match best, genuine comparisons that match least. */
export function worstComparisons(
  { scores, failed }: SystemScores,
  labels: ArrayLike<number>,
  threshold: number,
  { most, distance }: { most: number; distance: boolean },
): { falseMatches: number[]; falseNonMatches: number[] } {
  const sign = distance ? -1 : 1;
  const of = (i: number) => sign * (scores[i] as number);
  const falseMatches: number[] = [];
  const falseNonMatches: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (failed.has(i)) continue;
    if (labels[i] === 0 && of(i) >= threshold) falseMatches.push(i);
    if (labels[i] === 1 && of(i) < threshold) falseNonMatches.push(i);
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
  const found = evaluation.systems.find(({ name }) => name === system.name);
  const point = found?.atThreshold ?? found?.fnmrAtFmr.at(-1);
  if (!point) return [];
  const { threshold } = point;
  const worst = worstComparisons(system, comparisons.labels, threshold, { most: 12, distance: evaluation.distance });
  const pairsOf = (rows: number[]) =>
    Promise.all(rows.map((i) => pagePair(images, comparisons.pairs[i] as Pair, shown(system.scores[i] as number))));
  const note = `At the threshold ${shown(threshold)}. ${picturesNote}`;
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
    'Rates are exact (ISO/IEC 19795-1): a match is score ≥ threshold, thresholds are the distinct scores and infinity, FNMR at an FMR is not interpolated.',
  paper:
    "The paper's rates: a match is similarity > threshold, at 50 thresholds evenly from 1 to 0; EER is the mean of FMR and FNMR at the first with the smallest difference. The exact rates (a match is score ≥ threshold) are beside them.",
};

/**
 * Writes the report of an evaluation.
 * @param images The folder that the pair list's names are below; where it is given, the worst errors are shown as thumbnails.
 * @returns the page's path
 * @throws {@link MaskbenchError} `WRITE_FAILED`
 */
export async function writeEvaluationReport(
  folder: string,
  evaluation: Evaluation,
  about: { systems: readonly SystemScores[]; comparisons: Comparisons; images?: string },
): Promise<string> {
  checkPath('folder', folder);
  checkArray('evaluation.systems', checkObject('evaluation', evaluation, 'what evaluate gives').systems, checkObject);
  checkObject('about', about, '{ systems, comparisons }');
  const { systems, comparisons, images } = about;
  checkSystems(systems);
  checkComparisons(comparisons);
  if (images !== undefined) checkPath('images', images);
  const { pairs } = comparisons;
  const tables = [pageTable('Measures; in brackets the 95% interval', measureRows(evaluation))];
  for (const { name, maskings, groups } of evaluation.systems) {
    if (maskings) tables.push(pageTable(`${name}: kinds of masking, at one threshold`, partRows(maskings)));
    if (groups)
      tables.push(pageTable(`${name}: groups, impostors within the group, at one threshold`, partRows(groups)));
  }
  if (evaluation.differences.length > 0)
    tables.push(
      pageTable('Differences, with intervals of shared draws', [
        ['', 'EER', ...(evaluation.differences[0]?.fnmrAtFmr.map(({ target }) => `FNMR at FMR ${target}`) ?? [])],
        ...evaluation.differences.map(({ name, eer, fnmrAtFmr }) => [
          name,
          shownEstimate(eer),
          ...fnmrAtFmr.map(shownEstimate),
        ]),
      ]),
    );
  const worst: PageSection[] = [];
  if (images !== undefined && pairs)
    for (const system of systems)
      worst.push(...(await worstSection(evaluation, system, { ...comparisons, pairs }, images)));
  const notes = notesOf(evaluation);
  return writeReport(folder, {
    title: `Verification: ${evaluation.systems.map(({ name }) => name).join(', ')}`,
    introduction: [
      definitionTexts[evaluation.definition],
      `Intervals: ${evaluation.intervals}.${evaluation.distance ? ' Scores are distances; thresholds are negated distances.' : ''}`,
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
