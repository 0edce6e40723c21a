import path from 'node:path';
import { type AllPairsEvaluation, type ImpostorPair, worstImpostors } from '../all-pairs/evaluate.js';
import { type EdgeRates, Edges, genuineHistogram } from '../all-pairs/rates.js';
import { type AllScores, checkAllScores } from '../all-pairs/scores.js';
import { checkObject, checkOptions, checkPath } from '../errors.js';
import { checkReplaceable, writeFileAtomically } from '../files/atomic.js';
import { csvField } from '../files/csv.js';
import type { ErrorCurve } from '../metrics/score-set.js';
import { cmcChart, detChart, histogramChart } from './charts.js';
import { type PairReportOptions, pageTable, shown, shownEstimate } from './evaluation.js';
import { identificationRows } from './identification.js';
import { type PageSection, writeReport } from './page.js';
import { pagePair, picturesNote } from './pictures.js';

/** About a thousand points of the exact curve. */
function curveOf(scores: AllScores): ErrorCurve {
  const edges = new Edges(scores);
  const apart: number[] = [];
  for (let i = 0; i < edges.length; i++)
    if (i === 0 || edges.fmr(i) !== edges.fmr(i - 1) || edges.fnmr(i) !== edges.fnmr(i - 1)) apart.push(i);
  const step = Math.max(1, Math.floor(apart.length / 1500));
  const kept = apart.filter((edge, i) => i % step === 0 || (edges.falseMatches[edge] as number) < 1000);
  return {
    thresholds: Float64Array.from(kept, (edge) => edges.threshold(edge)),
    fmr: Float64Array.from(kept, (edge) => edges.fmr(edge)),
    fnmr: Float64Array.from(kept, (edge) => edges.fnmr(edge)),
  };
}

const edgeText = ({ threshold, fmr, fnmr }: EdgeRates) => `${shown(threshold)}, ${shown(fmr)}, ${shown(fnmr)}`;

/** Rates as rows of text; the first is their header. */
export function allPairsRows({ eer, fnmrAtFmr, fmrAtFnmr, atThreshold }: AllPairsEvaluation): string[][] {
  const neighbour = (edge: EdgeRates | undefined) => (edge ? edgeText(edge) : '-');
  const row = (name: string, at: EdgeRates, next: EdgeRates | undefined) => [
    name,
    ...[at.threshold, at.fmr, at.fnmr].map(shown),
    neighbour(next),
  ];
  return [
    ['', 'threshold', 'FMR', 'FNMR', 'next edge: threshold, FMR, FNMR'],
    ...(eer ? [row(`EER ${shownEstimate(eer)}`, eer.at, eer.below)] : [['EER -', '-', '-', '-', '-']]),
    ...fnmrAtFmr.map(({ target, at, below, fmr, fnmr }) => [
      `FMR ≤ ${target}`,
      shown(at.threshold),
      shownEstimate(fmr),
      shownEstimate(fnmr),
      neighbour(below),
    ]),
    ...fmrAtFnmr.map(({ target, at, above }) => row(`FNMR ≤ ${target}`, at, above)),
    ...(atThreshold ? [row('threshold', atThreshold.at, atThreshold.below)] : []),
  ];
}

/** What was compared, in a line. */
export function allPairsSummary(
  { similarity, model, genuine, impostors, samePhoto, excluded, failed }: AllPairsEvaluation,
  { samePhotoMode, sameVideo, within }: AllScores,
): string {
  const source = sameVideo === 'exclude' ? 'video (exclude)' : `source photo (${samePhotoMode})`;
  return [
    `${genuine} genuine and ${impostors} impostor pairs, ${samePhoto} of one ${source}`,
    `${similarity} similarity${model === undefined ? '' : ` of ${model}`}`,
    ...(excluded > 0 ? [`${excluded} left out by --exclude`] : []),
    ...(failed.probes + failed.references > 0
      ? [`without a vector, not scored: ${failed.probes} probes${within ? '' : `, ${failed.references} references`}`]
      : []),
  ].join('; ');
}

/**
 * Writes the report of all pairs; and suspected label errors, if there are any, as `suspects.csv`.
 * @param folder For `report.html`, `report.json`, the charts, and `suspects.csv` if there are suspects.
 * @param evaluated What `evaluateAllPairsFiles` gives; or what `evaluateAllPairs` was given and gave.
 * @returns the page's path
 * @throws `MaskbenchError` `WRITE_FAILED`
 * @example
 * await writeAllPairsReport('report', await evaluateAllPairsFiles('all'), { images: 'corpora/lfw' });
 */
export async function writeAllPairsReport(
  folder: string,
  evaluated: { scores: AllScores; evaluation: AllPairsEvaluation },
  options: PairReportOptions = {},
): Promise<string> {
  checkPath('folder', folder);
  checkObject('evaluated', evaluated, '{ scores, evaluation }');
  const { scores, evaluation } = evaluated;
  checkAllScores('scores', scores);
  checkObject('evaluation', evaluation, 'what evaluateAllPairs gives');
  checkOptions(options);
  const { images } = options;
  if (images !== undefined) checkPath('images', images);
  const { impostors, genuine, suspects, identification, notes } = evaluation;
  const { similarity, low, high } = scores;
  const curve = { name: similarity, curve: curveOf(scores), genuine, impostor: impostors };
  const group = Math.ceil(scores.impostor.length / 120);
  const coarse = (bins: Float64Array) =>
    Float64Array.from({ length: Math.ceil(bins.length / group) }, (_, i) =>
      bins.slice(i * group, (i + 1) * group).reduce((sum, count) => sum + count, 0),
    );
  const histogram = { low, high, genuine: coarse(genuineHistogram(scores)), impostor: coarse(scores.impostor) };
  const charts = [
    ...(genuine > 0 && impostors > 0 ? [await detChart([curve], 'log'), await detChart([curve])] : []),
    await histogramChart('all pairs', histogram),
  ];
  if (identification) charts.push(await cmcChart([{ name: similarity, cmc: identification.cmc }]));
  const tables = [
    pageTable(
      'Exact counts at edges of bins; in brackets the 95% jackknife interval by identity',
      allPairsRows(evaluation),
    ),
  ];
  if (identification)
    tables.push(
      pageTable(
        `${identification.mated} mated searches; ${identification.nonMated} non-mated ones, their mates left out`,
        identificationRows(identification),
      ),
    );
  const page = await writeReport(folder, {
    title: 'All pairs',
    introduction: [
      `${allPairsSummary(evaluation, scores)}. ${scores.identities.length} identities; ${scores.impostor.length} bins.`,
      `AUC ${shown(evaluation.auc)}, d′ ${shown(evaluation.dPrime)}.`,
    ],
    sections: [
      { heading: 'Rates', tables },
      ...(notes.length > 0 ? [{ heading: 'What to know', notes }] : []),
      { heading: 'Pictures', charts },
      await worstSection(worstImpostors(scores, 24), genuine > 0 ? suspects.length : undefined, images),
    ],
    numbers: evaluation,
  });
  const list = path.join(folder, suspectsFile);
  await checkReplaceable(list, 'a list of suspects', (head) => head.toString().startsWith(suspectsHead));
  if (suspects.length > 0) await writeFileAtomically(list, suspectLines(suspects));
  return page;
}

/** Beside the report; `--exclude` reads it. */
export const suspectsFile = 'suspects.csv';
const suspectsHead = 'probe,reference,score';

function suspectLines(suspects: readonly ImpostorPair[]): string {
  const lines = suspects.map(({ probe, reference, score }) =>
    [csvField(probe.path), csvField(reference.path), score].join(','),
  );
  return `${[suspectsHead, ...lines].join('\n')}\n`;
}

async function worstSection(
  worst: readonly ImpostorPair[],
  suspects: number | undefined,
  images: string | undefined,
): Promise<PageSection> {
  const listed =
    suspects === undefined
      ? 'There are no genuine pairs to compare them with.'
      : suspects > 0
        ? `${suspects} of the one in a million that score highest score as high as the median genuine pair or higher: ${suspectsFile} lists them; look at them before --exclude.`
        : 'None of the one in a million that score highest scores as high as the median genuine pair.';
  const section = {
    heading: 'Most alike impostors',
    paragraphs: [`False matches, or two names for one person. ${listed}`],
  };
  if (images === undefined) {
    const rows = worst.map(({ probe, reference, score }) => [probe.path, reference.path, shown(score)]);
    return { ...section, tables: [pageTable('', [['probe', 'reference', 'score'], ...rows])] };
  }
  section.paragraphs.push(picturesNote);
  const pairs = worst.map(({ probe, reference, score }) =>
    pagePair(images, { reference: probe.path, probe: reference.path }, shown(score)),
  );
  return { ...section, pairs: await Promise.all(pairs) };
}
