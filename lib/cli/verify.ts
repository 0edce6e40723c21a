import { Command } from 'commander';
import { verifyPhotos } from '../embed/verify.js';
import type { FaceChoice } from '../face/choice.js';
import {
  addEmbedderOptions,
  addModelOptions,
  type EmbedderFlags,
  selectOption,
  toEmbedderOptions,
} from './embed-options.js';
import { number } from './numbers.js';
import { addSearchOptions, refuseIdle } from './options.js';
import { print, printJson, warn } from './output.js';

interface Flags extends EmbedderFlags {
  select?: FaceChoice;
  crops?: boolean;
  thresholdFrom?: string;
  thresholdFmr: number;
  json?: boolean;
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('compare the faces of two photos, and with a threshold say whether they match')
    .argument('<a>', 'a photo')
    .argument('<b>', 'another photo')
    .addOption(selectOption('largest'))
    .option('--crops', 'take each photo as a face that is already cropped')
    .option('--threshold-from <file>', 'take the threshold from this evaluation of the same model (evaluate --json)')
    .option('--threshold-fmr <rate>', 'take the threshold of this FMR', number, 1e-3);
  return addSearchOptions(addEmbedderOptions(addModelOptions(command)))
    .option('--json', 'print the result as JSON')
    .action(async (a: string, b: string, { json, ...flags }: Flags) => {
      refuseIdle(command, [['thresholdFmr', flags.thresholdFrom !== undefined, '--threshold-from']]);
      const result = await verifyPhotos(a, b, toEmbedderOptions(flags));
      for (const note of result.notes) warn(`note: ${note}`);
      if (json) return printJson(result);
      const { model, kind, similarity, match, threshold, fmr } = result;
      print(`${model}, ${kind} similarity: ${similarity.toFixed(6)}`);
      if (match !== undefined) print(`${match ? 'match' : 'no match'} at the threshold ${threshold} (FMR ${fmr})`);
    });
}
