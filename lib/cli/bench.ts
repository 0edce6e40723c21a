import { Command, InvalidArgumentError } from 'commander';
import { changeRows, machineLines, throughputTables, writeThroughputReport } from '../report/throughput.js';
import { compareThroughput, differingConditions, readThroughput } from '../throughput/compare.js';
import { measureThroughput, type ThroughputOptions } from '../throughput/measure.js';
import { integer, list } from './numbers.js';
import { refuseIdle } from './options.js';
import { print, printJson, printTable } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface Flags extends Omit<ThroughputOptions, 'signal' | 'onProgress'> {
  compare?: string;
  out?: string;
  json?: boolean;
}

function integers(text: string): number[] {
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError('expected whole numbers with commas between');
  return text.split(',').map(Number);
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure how many photos a second this machine masks and embeds')
    .option('--photos <folder>', 'measure on copies of the photos in this folder (default: photos of its own)')
    .option('--limit <n>', 'take at most this many of --photos', integer, 200)
    .option('--concurrency <list>', 'threads, with commas between (default: 1 and the number of processors)', integers)
    .option('--styles <list>', 'mask styles, with commas between', list, ['a', 'surgical'])
    .option('--models <list>', 'embedding models, with commas between', list, ['dlib-resnet-128'])
    .option('--max-batch <list>', 'batch sizes of embedding, with commas between', integers, [1, 8, 32])
    .option('--device <device>', 'cpu, cuda, cuda:<n> or auto', 'cpu')
    .option('--rounds <n>', 'measure everything this many times, in turns', integer, 5)
    .option(
      '--compare <file.json>',
      'compare with an earlier measurement: what --json printed, or report.json of --out',
    )
    .option('--out <folder>', 'write a report to this folder: tables, a picture of scaling, numbers')
    .option('--json', 'print the result as JSON')
    .action(async ({ compare, out, json, ...options }: Flags, command: Command) => {
      refuseIdle(command, [['limit', options.photos !== undefined, '--photos']]);
      // Read first: a wrong file would be found after minutes of measuring.
      const before = compare === undefined ? undefined : await readThroughput(compare);
      const progress = new Progress('measurements');
      const measured = await runInterruptibly(progress, (signal) =>
        measureThroughput({ ...options, signal, onProgress: ({ done, total }) => progress.update(done, total) }),
      );
      const compared = before && { before, changes: compareThroughput(before, measured) };
      const page = out === undefined ? undefined : await writeThroughputReport(out, measured, compared);
      if (json) return printJson(compared ? { ...measured, changes: compared.changes } : measured);
      if (page !== undefined) print(`report: ${page}`);
      for (const line of machineLines(measured)) print(line);
      for (const { title, rows } of throughputTables(measured)) {
        print(`\n${title}`);
        printTable(rows);
      }
      if (!compared) return;
      print(`\nAgainst ${compare}`);
      printTable(changeRows(compared.changes));
      for (const difference of differingConditions(compared.before, measured)) print(`note: ${difference}`);
    });
}
