import { Command, Option } from 'commander';
import { galleries, type IdentificationOptions } from '../metrics/identification.js';
import { evaluateIdentificationFiles } from '../metrics/identification-files.js';
import { shown } from '../report/evaluation.js';
import { identificationRows, identificationSummary, writeIdentificationReport } from '../report/identification.js';
import { toJson } from '../report/page.js';
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

export function identifyCommand(): Command {
  return new Command('identify')
    .description('measure identification from a matrix of scores, probes × gallery: CMC, and FNIR at fixed FPIR')
    .requiredOption('--matrix <file.npy>', 'similarities, one row a probe and one column a gallery photo')
    .requiredOption('--probes <list>', 'text file with <identity>/<photo> of each row, one a line')
    .requiredOption('--gallery-list <list>', 'text file with <identity>/<photo> of each column, one a line')
    .addOption(
      new Option('--gallery <photos>', 'which photos of an identity are enrolled').choices(galleries).default('all'),
    )
    .option('--non-mated <share>', 'share of identities left out of the gallery, for non-mated searches', number, 0.5)
    .option('--rank <r>', 'a search succeeds if the mate is within this rank: R of FNIR(N, R, T)', integer, 1)
    .option('--fpir <rates>', 'FPIR targets, with commas between (default: 0.1,0.01,0.001)', rates)
    .option('--seed <n>', 'random seed for the choice of identities that are left out', integer, 0)
    .option('--out <folder>', 'write a report to this folder: tables, charts, numbers')
    .option('--json', 'print the result as JSON')
    .action(async ({ matrix, probes, galleryList, out, json, ...options }: Flags, command: Command) => {
      refuseIdle(command, [['seed', options.nonMated !== 0, '--non-mated above 0']]);
      const result = await evaluateIdentificationFiles(matrix, probes, galleryList, options);
      const page = out === undefined ? undefined : await writeIdentificationReport(out, result);
      if (json) return print(toJson(result));
      if (page !== undefined) print(`report: ${page}`);
      print(identificationSummary(result));
      for (const place of [1, 5, 10, 20])
        if (place <= result.enrolled) print(`rank ${place}: ${shown(result.cmc[place - 1] as number)}`);
      printTable(identificationRows(result));
      for (const note of result.notes) print(`note: ${note}`);
    });
}
