import { Command, Option } from 'commander';
import { importModel } from '../embed/import-model.js';
import { architectures, batchNorms, type ImportOptions } from '../models/import/convert.js';
import { presets } from '../models/presets.js';
import { print, printJson } from './output.js';

interface Flags extends ImportOptions {
  out: string;
  json?: boolean;
}

function importCommand(): Command {
  return new Command('import')
    .description('bring weights of PyTorch, Keras or TensorFlow.js in as an ONNX model with its description')
    .argument('<files...>', 'a checkpoint (.pt, .pth.tar), .h5 files, or a weight manifest (.json)')
    .addOption(new Option('--arch <name>', 'the network').choices(architectures).makeOptionMandatory())
    .option('--head <name>', 'paper-resnet50: 2048 (default), 512 or sigmoid')
    .addOption(
      new Option(
        '--batch-norm <by>',
        "each image's own moments, or those of training (default: as the network was used)",
      ).choices(batchNorms),
    )
    .option('--part <name>', 'which network of a PyTorch checkpoint that holds several')
    .option('--halves', 'store weights as 16-bit floats')
    .requiredOption('--out <file.onnx>', 'the model; its description is written beside it as .json')
    .option('--json', 'print as JSON')
    .action(async (files: string[], { out, json, ...options }: Flags) => {
      const imported = await importModel(files, out, options);
      if (json) return printJson(imported);
      const { input, dimensions, parameters, opset, unused } = imported;
      print(`${out}: n × ${input.join(' × ')} to n × ${dimensions}, ${parameters} parameters, opset ${opset}; runs`);
      if (unused.length > 0) print(`not used: ${unused.join(', ')}`);
    });
}

function listCommand(): Command {
  return new Command('list').description('show the presets and the architectures that can be imported').action(() => {
    for (const { name, input, cut, similarity, training, licence } of Object.values(presets))
      print(
        `${name}: ${input.width}×${input.height} ${input.colors}, ${cut}, ${similarity.kind}\n  trained on: ${training}\n  licence: ${licence}`,
      );
    print(`import: ${architectures.join(', ')}`);
  });
}

export function modelsCommand(): Command {
  return new Command('models')
    .description('import models, and list those that are known')
    .addCommand(importCommand())
    .addCommand(listCommand());
}
