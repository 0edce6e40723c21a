import { Command } from 'commander';
import { type BenchmarkModel, benchmarkModels } from '../benchmarks/models.js';
import { benchmarkScores } from '../benchmarks/scores.js';
import type { BenchmarkTable } from '../benchmarks/tables.js';
import type { FaceSource } from '../embed/files.js';
import { MaskbenchError } from '../errors.js';
import { cellText, legend, writeBenchmarkReport } from '../report/benchmark.js';
import { toJson } from '../report/page.js';
import { addEmbedderOptions, type EmbedderFlags, faceSourceOption, toEmbedderOptions } from './embed-options.js';
import { integer } from './numbers.js';
import { refuseIdle } from './options.js';
import { print, printTable } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

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
    .description("regenerate the paper's tables from its score files and compare them with the published numbers")
    .requiredOption('--data <folder>', 'folder with benchmark_data and training_pairs_data')
    .option('--out <folder>', 'write a report to this folder: tables, charts, numbers')
    .option('--draws <n>', 'bootstrap draws for the intervals in the report', integer, 200)
    .option('--seed <n>', 'random seed for the bootstrap', integer, 0)
    .option('--json', 'print the tables as JSON')
    .action(async ({ data, out, json, draws, seed }: ScoresFlags, self: Command) => {
      refuseIdle(self, [
        ['draws', out !== undefined, '--out, because intervals are in the report'],
        ['seed', out !== undefined && draws > 0, '--out and --draws above 0'],
      ]);
      const benchmark = await benchmarkScores(data);
      if (out !== undefined) {
        const page = await writeBenchmarkReport(out, benchmark, {
          introduction: ["Regenerated from the paper's published score files."],
          draws,
          seed,
        });
        if (!json) print(`report: ${page}`);
      }
      if (json) return print(toJson(benchmark.tables));
      printTables(benchmark.tables);
    });
}

interface ModelsFlags extends EmbedderFlags {
  base: string;
  pairs: string;
  models: string[];
  adapters?: string[];
  ensemble?: string;
  limit: number;
  faceSource: FaceSource;
  out: string;
  draws: number;
  seed: number;
  json?: boolean;
}

/** `name`, a preset with its model; `name=file.onnx`; or `name=file.onnx,preset` with a preset's description. */
function parseModel(text: string): BenchmarkModel {
  const [name = '', source = name] = text.split(/=(.*)/s);
  const [model = '', description] = source.split(',');
  if (name === '' || model === '')
    throw new MaskbenchError('INVALID_ARGUMENT', 'models', `models: expected <name>=<file.onnx>, received ${text}`);
  return { name, model, ...(description !== undefined && { description }) };
}

/** Gives models their adapters, `name=head.onnx`. */
function withAdapters(models: BenchmarkModel[], adapters: readonly string[]): BenchmarkModel[] {
  const given = new Map(
    adapters.map((text) => {
      const [name = '', adapter = ''] = text.split(/=(.*)/s);
      return [name, adapter] as const;
    }),
  );
  for (const [name, adapter] of given)
    if (adapter === '' || !models.some((model) => model.name === name))
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        'adapters',
        `adapters: expected <name>=<head.onnx> with the name of one of the models, received ${name}`,
      );
  return models.map((model) => {
    const adapter = given.get(model.name);
    return adapter === undefined ? model : { ...model, adapter };
  });
}

function modelsCommand(): Command {
  const command = new Command('models')
    .description("regenerate the paper's tables from models, or measure other models and corpora in the same way")
    .requiredOption('--base <folder>', 'folder of the corpora, one folder a data set')
    .requiredOption('--pairs <folder>', "folder of pair lists: <data set>.txt, or the paper's training_pairs_data")
    .requiredOption(
      '--models <models...>',
      'models to measure: <name>=<file.onnx>[,<preset>], or a preset that comes with its model',
    )
    .requiredOption('--out <folder>', 'write score files and the report to this folder')
    .option('--adapters <adapters...>', 'adapters that correct vectors of masked faces: <name>=<head.onnx>')
    .option('--ensemble <names>', 'models to average as "Ensemble", with commas between (default: no ensemble)')
    .option('--limit <n>', 'pairs of each data set at most', integer, 1001);
  return addEmbedderOptions(command)
    .addOption(faceSourceOption())
    .option('--draws <n>', 'bootstrap draws for the intervals in the report', integer, 200)
    .option('--seed <n>', 'random seed for the bootstrap', integer, 0)
    .option('--json', 'print the tables as JSON')
    .action(
      async ({
        base,
        pairs,
        models,
        adapters = [],
        ensemble,
        limit,
        faceSource,
        out,
        draws,
        seed,
        json,
        ...flags
      }: ModelsFlags) => {
        refuseIdle(command, [['seed', draws > 0, '--draws above 0']]);
        const progress = new Progress('photos');
        const result = await runInterruptibly(progress, (signal) =>
          benchmarkModels(base, pairs, withAdapters(models.map(parseModel), adapters), out, {
            ...toEmbedderOptions(flags),
            ...(ensemble !== undefined && { ensemble: ensemble.split(',') }),
            ...{ limit, faceSource, signal },
            onProgress: ({ done, total }) => progress.update(done, total),
          }),
        );
        const introduction = ['Regenerated from models.', ...result.notes.map((note) => `${note}.`)];
        const page = await writeBenchmarkReport(out, result, { introduction, draws, seed });
        if (json) return print(toJson({ tables: result.tables, notes: result.notes }));
        printTables(result.tables.filter(({ counts }) => counts.equal + counts.different > 0));
        for (const note of result.notes) print(`note: ${note}`);
        print(`scores and report: ${page}`);
      },
    );
}

export function benchmarkCommand(): Command {
  return new Command('benchmark')
    .description('regenerate the tables of the paper from its score files or from models')
    .addCommand(scoresCommand())
    .addCommand(modelsCommand());
}
