import { Command } from 'commander';
import { benchmarkScores } from '../benchmarks/scores.js';
import type { BenchmarkTable } from '../benchmarks/tables.js';
import { cellText, legend, writeBenchmarkReport } from '../report/benchmark.js';
import { toJson } from '../report/page.js';
import { integer } from './numbers.js';
import { print, printTable } from './output.js';

function printTables(tables: readonly BenchmarkTable[]): void {
  print(legend);
  for (const { title, columns, rows, counts, notes } of tables) {
    print(`\n${title}: ${counts.equal} equal, ${counts.different} different, ${counts.missing} not regenerable`);
    printTable([['', ...columns], ...rows.map(({ dataSet, cells }) => [dataSet, ...cells.map(cellText)])]);
    const reasons = new Set(
      rows.flatMap(({ dataSet, cells }) =>
        cells.flatMap(({ missing }) =>
          missing ? [`${missing.startsWith('no scores') ? '' : `${dataSet}: `}${missing}`] : [],
        ),
      ),
    );
    for (const reason of reasons) print(`  – ${reason}`);
    for (const note of notes) print(`note: ${note}`);
  }
}

interface ScoresFlags {
  data: string;
  out?: string;
  draws: number;
  seed: number;
  json?: boolean;
}

function scoresCommand(): Command {
  return new Command('scores')
    .description("regenerate the paper's tables from its score files, beside what was published")
    .requiredOption('--data <folder>', 'holds benchmark_data and training_pairs_data')
    .option('--out <folder>', 'write a report there: tables, figures, numbers')
    .option('--draws <n>', 'bootstrap draws for the intervals of the report', integer, 200)
    .option('--seed <n>', 'of the draws', integer, 0)
    .option('--json', 'print as JSON')
    .action(async ({ data, out, json, draws, seed }: ScoresFlags) => {
      const benchmark = await benchmarkScores(data);
      if (out !== undefined) {
        const page = await writeBenchmarkReport(
          out,
          benchmark,
          ["Regenerated from the paper's published score files."],
          { draws, seed },
        );
        if (!json) print(`report: ${page}`);
      }
      if (json) return print(toJson(benchmark.tables));
      printTables(benchmark.tables);
    });
}

export function benchmarkCommand(): Command {
  return new Command('benchmark').description("regenerate the paper's tables").addCommand(scoresCommand());
}
