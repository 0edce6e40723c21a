import { Command } from 'commander';
import { benchmarkIjb } from '../benchmarks/ijb.js';
import { type BenchmarkModel, benchmarkFaceSources, benchmarkModels } from '../benchmarks/models.js';
import { benchmarkScores } from '../benchmarks/scores.js';
import type { BenchmarkTable } from '../benchmarks/tables.js';
import type { FaceSource } from '../embed/files.js';
import { MaskbenchError } from '../errors.js';
import { acquisitionRows, acquisitionTitle } from '../report/acquisition.js';
import { cellText, legend, writeBenchmarkReport } from '../report/benchmark.js';
import { faceSourceTables } from '../report/face-sources.js';
import { toJson } from '../report/page.js';
import { addEmbedderOptions, type EmbedderFlags, faceSourceOption, toEmbedderOptions } from './embed-options.js';
import { integer } from './numbers.js';
import { addSearchOptions, refuseIdle } from './options.js';
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
  faceSource: FaceSource | 'compare';
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
  return addSearchOptions(addEmbedderOptions(command))
    .addOption(faceSourceOption(benchmarkFaceSources, '; compare: score both, and print how the scores differ'))
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
            ...{ limit, faceSource, draws, seed, signal },
            onProgress: ({ done, total }) => progress.update(done, total),
          }),
        );
        const introduction = ['Regenerated from models.', ...result.notes.map((note) => `${note}.`)];
        const page = await writeBenchmarkReport(out, result, { introduction, draws, seed });
        if (json) {
          const { tables, notes, acquisition, faceSources } = result;
          return print(toJson({ tables, notes, acquisition, faceSources }));
        }
        printTables(result.tables.filter(({ counts }) => counts.equal + counts.different > 0));
        print(acquisitionTitle);
        printTable(
          acquisitionRows(
            result.acquisition.flatMap(({ model, dataSet, counts }) =>
              counts.map((counted) => [[model, dataSet], counted] as const),
            ),
            ['model', 'data set'],
          ),
        );
        for (const comparison of result.faceSources) {
          print(`\n${comparison.model}, ${comparison.dataSet}`);
          for (const { title, rows } of faceSourceTables(comparison)) {
            print(title);
            printTable(rows);
          }
        }
        for (const note of result.notes) print(`note: ${note}`);
        print(`scores and report: ${page}`);
      },
    );
}

interface IjbFlags {
  vectors: string;
  detectorScores: boolean;
  out: string;
  json?: boolean;
}

function ijbCommand(): Command {
  return new Command('ijb')
    .description(
      "measure the 1:1 verification of IJB-B or IJB-C, as InsightFace's program does, from vectors of its images",
    )
    .argument('<folder>', 'the set: loose_crop/ and meta/ with its three lists')
    .requiredOption('--vectors <file>', 'vectors of the folder, .npy or .parquet, as embed --mirror writes them')
    .requiredOption('--out <folder>', 'write scores.npy and labels.npy, which "evaluate" reads, to this folder')
    .option('--no-detector-scores', "do not weigh images by the detector's score")
    .option('--json', 'print the result as JSON')
    .action(async (folder: string, { vectors, detectorScores, out, json }: IjbFlags) => {
      const benchmark = await benchmarkIjb(folder, vectors, out, { detectorScores });
      if (json) return print(toJson(benchmark));
      const { templates, images, failedImages, failedTemplates, genuine, impostor, failedPairs, rates } = benchmark;
      print(
        `${templates} templates of ${images} images; ${genuine} genuine and ${impostor} impostor pairs; weighed by the detector's score: ${detectorScores ? 'yes' : 'no'}`,
      );
      if (failedImages > 0)
        print(
          `${failedImages} images and ${failedTemplates} templates have no vector; ${failedPairs} pairs are left out`,
        );
      printTable([
        ['FAR', 'TAR', 'threshold'],
        ...rates.map(({ far, tar, threshold }) => [
          far.toExponential(0),
          tar === null ? '–' : tar.toFixed(4),
          threshold === null ? '–' : threshold.toFixed(4),
        ]),
      ]);
      if (rates.some(({ tar }) => tar === null))
        print(`note: ${impostor} impostor pairs cannot support a FAR below ${(1 / impostor).toPrecision(3)} (1/N)`);
    });
}

export function benchmarkCommand(): Command {
  return new Command('benchmark')
    .description('regenerate the tables of the paper from its score files or from models; measure IJB-B and IJB-C')
    .addCommand(scoresCommand())
    .addCommand(modelsCommand())
    .addCommand(ijbCommand());
}
