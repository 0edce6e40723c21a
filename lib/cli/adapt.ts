import { Command, Option } from 'commander';
import { type AdaptOptions, trainAdapter } from '../adapt/adapter.js';
import type { Change } from '../adapt/measure.js';
import { methods } from '../adapt/train.js';
import type { Estimate } from '../metrics/intervals.js';
import { addModelOptions } from './embed-options.js';
import { integer, number } from './numbers.js';
import { refuseIdle } from './options.js';
import { print, printJson } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface Flags extends Omit<AdaptOptions, 'signal' | 'onProgress'> {
  vectors: string[];
  out: string;
  json?: boolean;
}

const percent = (value: number) => `${(100 * value).toFixed(2)}%`;

const shown = ({ value, interval }: Estimate) =>
  `${percent(value)}${interval ? ` [${interval.map(percent).join(', ')}]` : ''}`;

const nameOf = ({ condition, measure, target }: Change) =>
  `${condition}, ${measure}${target === undefined ? '' : measure === 'FNMR' ? ` at FMR ${target}` : ` of FMR ${target}`}`;

const verdicts = {
  better: 'The adapter is better: the interval of the difference in plain-masked FNMR lies below 0.',
  worse: 'The adapter is worse: the interval of the difference in plain-masked FNMR lies above 0.',
  unclear: 'The adapter is not shown to be better: the interval of the difference in plain-masked FNMR includes 0.',
};

export function adaptCommand(): Command {
  const command = new Command('adapt')
    .description('train an adapter: a small network that corrects the vectors of masked faces')
    .requiredOption('--vectors <files...>', 'vectors of corpora with their indices, as "embed" writes them (.npy)')
    .requiredOption('--out <file.onnx>', 'write the adapter to this file');
  return addModelOptions(command)
    .addOption(
      new Option(
        '--method <method>',
        'linear (ridge regression), srt (self-restrained triplet loss) or infonce (contrastive loss) (default: what does best on the validation people)',
      ).choices(methods),
    )
    .addOption(new Option('--preset <name>', 'train as Boutros et al. published it').choices(['published']))
    .option('--validation <share>', 'share of the people that choose method, parameters and update', number, 0.15)
    .option('--test <share>', 'share of the people that the result is measured on', number, 0.2)
    .option('--folds <n>', 'test each person once, in one of n folds, instead of --test', integer)
    .option('--draws <n>', 'bootstrap draws for the intervals', integer, 1000)
    .option('--seed <n>', 'random seed for people, batches and draws', integer, 0)
    .option('--concurrency <n>', 'threads (default: the number of processors)', integer)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The three sets of people are disjoint. Ctrl-C keeps the best adapter so far.

Examples:
  maskbench adapt --vectors surgical.npy cloth.npy --out head.onnx
  maskbench embed corpora/lfw --adapter head.onnx --out corrected.npy`,
    )
    .action(async ({ vectors, out, json, test, ...options }: Flags) => {
      refuseIdle(command, [['test', options.folds === undefined, 'no --folds, which test everybody']]);
      const progress = new Progress('%');
      const adaptation = await runInterruptibly(
        progress,
        (signal) =>
          trainAdapter(vectors, out, {
            ...options,
            ...(options.folds === undefined && test !== undefined && { test }),
            signal,
            onProgress: ({ done, total }) => progress.update(Math.round((100 * done) / total), 100),
          }),
        `; the best adapter so far, if there was one, is ${out}`,
      );
      if (json) return printJson(adaptation);
      const { method, parameters, people, masked, plain, changes, verdict, notes, seconds } = adaptation;
      const settings = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
      print(`${out}: ${method} (${settings.join(', ')}), ${seconds.toFixed(1)} s`);
      print(
        `${masked} masked and ${plain} plain vectors; people: ${people.train} to train, ${people.validation} to choose, ${people.test} to test`,
      );
      for (const change of changes) {
        const { before, after, difference } = change;
        print(`${nameOf(change)}: ${shown(before)} → ${shown(after)}, difference ${shown(difference)}`);
      }
      print(verdicts[verdict]);
      for (const note of notes) print(`note: ${note}`);
    });
}
