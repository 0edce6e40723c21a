import { Command, Option } from 'commander';
import { MaskbenchError } from '../errors.js';
import { readNpy } from '../files/npy.js';
import { numberedLines, readText } from '../files/text.js';
import { evaluateIdentification, galleries, type IdentificationOptions } from '../metrics/identification.js';
import { pairIdentity } from '../pairs/list.js';
import { cmcChart } from '../report/charts.js';
import { pageTable, shown, shownEstimate } from '../report/evaluation.js';
import { toJson, writeReport } from '../report/page.js';
import { integer, number, rates } from './numbers.js';
import { refuseIdle } from './options.js';
import { print, printTable } from './output.js';

interface Flags extends IdentificationOptions {
  matrix: string;
  probes: string;
  galleryList: string;
  out?: string;
  json?: boolean;
}

/** Identities of a list of photos, one a line. */
async function readIdentities(file: string): Promise<string[]> {
  return numberedLines(await readText(file)).map(({ line, number }) => {
    const identity = pairIdentity(line);
    if (identity === '')
      throw new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: expected <identity>/<photo>`);
    return identity;
  });
}

async function run(
  { matrix: file, probes, galleryList, out, json, ...options }: Flags,
  command: Command,
): Promise<void> {
  refuseIdle(command, [['seed', options.nonMated !== 0, '--non-mated above 0']]);
  const { data, shape } = await readNpy(file);
  if (shape.length !== 2 || !(data instanceof Float32Array || data instanceof Float64Array))
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected a matrix of floating-point scores`);
  const rows = await readIdentities(probes);
  const columns = await readIdentities(galleryList);
  if (shape[0] !== rows.length || shape[1] !== columns.length)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      file,
      `${file}: is ${shape.join(' × ')}, the lists have ${rows.length} probes and ${columns.length} photos`,
    );
  const result = await evaluateIdentification(data, rows, columns, options);
  const { enrolled, mated, nonMated, cmc, rank, fnirAtFpir, notes } = result;
  const table = [
    ['FPIR target', 'threshold', 'FPIR', `FNIR (N = ${enrolled}, R = ${rank})`],
    ...fnirAtFpir.map(({ target, threshold, fpir, fnir }) => [
      String(target),
      shown(threshold),
      shownEstimate(fpir),
      shownEstimate(fnir),
    ]),
  ];
  const summary = `N = ${enrolled} identities enrolled, ${mated} mated and ${nonMated} non-mated searches`;
  if (out !== undefined) {
    const page = await writeReport(out, {
      title: 'Identification',
      introduction: [`${summary}.`, ...notes],
      sections: [
        {
          heading: 'Rates',
          tables: [pageTable('Open-set rates', table)],
          charts: [await cmcChart([{ name: 'CMC', cmc }])],
        },
      ],
      numbers: result,
    });
    if (!json) print(`report: ${page}`);
  }
  if (json) return print(toJson(result));
  print(summary);
  for (const place of [1, 5, 10, 20]) if (place <= enrolled) print(`rank ${place}: ${shown(cmc[place - 1] as number)}`);
  printTable(table);
  for (const note of notes) print(`note: ${note}`);
}

export function identifyCommand(): Command {
  return new Command('identify')
    .description('measure identification from a probe × gallery score matrix: CMC, FNIR at fixed FPIR')
    .requiredOption('--matrix <file>', '.npy, [probes × gallery] similarities')
    .requiredOption('--probes <list>', '<identity>/<photo> of each row, one a line')
    .requiredOption('--gallery-list <list>', '<identity>/<photo> of each column')
    .addOption(new Option('--gallery <photos>', 'enrolled of each identity').choices(galleries).default('all'))
    .option('--non-mated <share>', 'of identities that are left out of the gallery', number, 0.5)
    .option('--rank <r>', 'R of FNIR(N, R, T)', integer, 1)
    .option('--fpir <rates>', 'targets', rates)
    .option('--seed <n>', 'decides who is left out', integer, 0)
    .option('--out <folder>', 'write a report there')
    .option('--json', 'print as JSON')
    .action(run);
}
