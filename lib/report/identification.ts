import { checkObject, checkPath } from '../errors.js';
import type { Identification } from '../metrics/identification.js';
import { cmcChart } from './charts.js';
import { pageTable, shown, shownEstimate } from './evaluation.js';
import { writeReport } from './page.js';

/** Open-set rates as rows of text; the first is their header. */
export function identificationRows({
  enrolled,
  rank,
  fnirAtFpir,
}: Pick<Identification, 'rank' | 'fnirAtFpir'> & { enrolled?: number }): string[][] {
  return [
    ['FPIR target', 'threshold', 'FPIR', `FNIR (${enrolled === undefined ? '' : `N = ${enrolled}, `}R = ${rank})`],
    ...fnirAtFpir.map(({ target, threshold, fpir, fnir }) => [
      String(target),
      shown(threshold),
      shownEstimate(fpir),
      shownEstimate(fnir),
    ]),
  ];
}

/** What was searched, in a line. */
export function identificationSummary({ enrolled, mated, nonMated }: Identification): string {
  return `N = ${enrolled} identities enrolled, ${mated} mated and ${nonMated} non-mated searches`;
}

/**
 * Writes the report of an identification.
 * @returns the page's path
 * @throws `MaskbenchError` `WRITE_FAILED`
 * @example
 * await writeIdentificationReport('report', await evaluateIdentificationFiles('scores.npy', 'probes.txt', 'gallery.txt'));
 */
export async function writeIdentificationReport(folder: string, identification: Identification): Promise<string> {
  checkPath('folder', folder);
  checkObject('identification', identification, 'what evaluateIdentification gives');
  return writeReport(folder, {
    title: 'Identification',
    introduction: [`${identificationSummary(identification)}.`, ...identification.notes],
    sections: [
      {
        heading: 'Rates',
        tables: [pageTable('Open-set rates', identificationRows(identification))],
        charts: [await cmcChart([{ name: 'CMC', cmc: identification.cmc }])],
      },
    ],
    numbers: identification,
  });
}
