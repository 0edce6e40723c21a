import type { ErrorCurve } from '../metrics/score-set.js';
import { type AllPairsRates, genuineHistogram, ratesAtEdges } from '../score/rates.js';
import type { AllScores, ScoredImage } from '../score/score-all.js';
import { cmcChart, detChart, histogramChart } from './charts.js';
import { pageTable, shown, shownEstimate } from './evaluation.js';
import { type PageSection, writeReport } from './page.js';
import { pagePair, picturesNote } from './pictures.js';

/** The highest-scoring impostor pairs: false matches, or wrong labels. */
export function worstImpostors({ probes, references, top, bestScores, bestRows, within }: AllScores, most: number) {
  const found: { score: number; probe: ScoredImage; reference: ScoredImage }[] = [];
  for (let slot = 0; slot < probes.length; slot++)
    for (let k = 0; k < top; k++) {
      const row = bestRows[slot * top + k] as number;
      // Within one side a pair stands with both of its images.
      if (row < 0 || (within && row < slot)) continue;
      found.push({
        score: bestScores[slot * top + k] as number,
        probe: probes[slot] as ScoredImage,
        reference: references[row] as ScoredImage,
      });
    }
  return found.sort((a, b) => b.score - a.score).slice(0, most);
}

/** For each probe with a mate: its best mate's score, and how many other identities score at least as high (up to `top`). */
export function mateRanks({
  probes,
  genuine,
  genuineProbes,
  genuineReferences,
  within,
  top,
  bestScores,
  bestRows,
}: AllScores): { mates: number; cmc: Float64Array } {
  const best = new Float64Array(probes.length).fill(Number.NEGATIVE_INFINITY);
  for (const [i, score] of genuine.entries())
    for (const probe of [genuineProbes[i] as number, ...(within ? [genuineReferences[i] as number] : [])])
      best[probe] = Math.max(best[probe] as number, score);
  const cmc = new Float64Array(top);
  let mates = 0;
  for (const [probe, mate] of best.entries()) {
    if (mate === Number.NEGATIVE_INFINITY) continue;
    mates++;
    let above = 0;
    while (
      above < top &&
      (bestRows[probe * top + above] as number) >= 0 &&
      (bestScores[probe * top + above] as number) >= mate
    )
      above++;
    for (let rank = above; rank < top; rank++) cmc[rank] = (cmc[rank] as number) + 1;
  }
  return { mates, cmc: cmc.map((count) => count / mates) };
}

/** About a thousand points of the exact curve. */
function curveOf(scores: AllScores): ErrorCurve {
  const edges = ratesAtEdges(scores).filter(({ fmr, fnmr }, i, all) => {
    const before = all[i - 1];
    return !before || before.fmr !== fmr || before.fnmr !== fnmr;
  });
  const step = Math.max(1, Math.floor(edges.length / 1500));
  const kept = edges.filter(({ falseMatches }, i) => i % step === 0 || falseMatches < 1000);
  return {
    thresholds: Float64Array.from(kept, ({ threshold }) => threshold),
    fmr: Float64Array.from(kept, ({ fmr }) => fmr),
    fnmr: Float64Array.from(kept, ({ fnmr }) => fnmr),
  };
}

/** Rates as rows of text; the first is their header. */
export function allPairsRows(rates: readonly AllPairsRates[]): string[][] {
  return [
    ['FMR target', 'threshold', 'FMR', 'FNMR', 'just below: threshold, FMR, FNMR'],
    ...rates.map(({ target, at, below, fmr, fnmr }) => [
      String(target),
      shown(at.threshold),
      shownEstimate(fmr),
      shownEstimate(fnmr),
      below ? `${shown(below.threshold)}, ${shown(below.fmr)}, ${shown(below.fnmr)}` : '-',
    ]),
  ];
}

/**
 * Writes the report of all pairs.
 * @param images The folder that the index's paths are below; where it is given, the worst impostor pairs are shown as thumbnails.
 * @returns the page's path
 */
export async function writeAllPairsReport(
  folder: string,
  scores: AllScores,
  rates: readonly AllPairsRates[],
  images?: string,
): Promise<string> {
  const { impostors, genuine, identities, samePhoto, samePhotoMode, failed, metric, low, high, top } = scores;
  const curve = { name: metric, curve: curveOf(scores), genuine: genuine.length, impostor: impostors };
  const group = Math.ceil(scores.impostor.length / 120);
  const coarse = (bins: Float64Array) =>
    Float64Array.from({ length: Math.ceil(bins.length / group) }, (_, i) =>
      bins.slice(i * group, (i + 1) * group).reduce((sum, count) => sum + count, 0),
    );
  const histogram = { low, high, genuine: coarse(genuineHistogram(scores)), impostor: coarse(scores.impostor) };
  const charts = [
    await detChart([curve], 'log'),
    await detChart([curve]),
    await histogramChart('all pairs', histogram),
  ];
  if (top > 0) charts.push(await cmcChart([{ name: metric, cmc: mateRanks(scores).cmc }], top));
  const worst = worstImpostors(scores, 24);
  const pairs =
    images === undefined
      ? []
      : await Promise.all(
          worst.map(({ probe, reference, score }) =>
            pagePair(images, { reference: probe.path, probe: reference.path }, shown(score)),
          ),
        );
  const sections: PageSection[] = [
    {
      heading: 'Rates',
      tables: [
        pageTable(
          'Exact counts at edges of bins; in brackets the 95% jackknife interval by identity',
          allPairsRows(rates),
        ),
      ],
    },
    { heading: 'Pictures', charts },
    {
      heading: 'Most alike impostors',
      paragraphs: ['False matches, or two names for one person.', ...(pairs.length > 0 ? [picturesNote] : [])],
      tables:
        pairs.length > 0
          ? []
          : [
              pageTable('', [
                ['probe', 'reference', 'score'],
                ...worst.map(({ probe, reference, score }) => [probe.path, reference.path, shown(score)]),
              ]),
            ],
      pairs,
    },
  ];
  return writeReport(folder, {
    title: 'All pairs',
    introduction: [
      `${genuine.length} genuine and ${impostors} impostor comparisons of ${identities.length} identities; ${metric}, ${scores.impostor.length} bins.`,
      `${samePhoto} genuine pairs are of one source photo (--same-photo ${samePhotoMode}). Without a vector: ${failed.probes} probes${scores.within ? '' : `, ${failed.references} references`}; they are not scored.`,
    ],
    sections,
    numbers: { rates, genuine: genuine.length, impostors, samePhoto, failed },
  });
}
