import { Command, InvalidArgumentError } from 'commander';
import { embedFiles, type FaceSource } from '../embed/files.js';
import type { FaceChoice } from '../face/choice.js';
import { describeIgnored } from '../files/walk.js';
import { acquisitionRows, acquisitionTitle } from '../report/acquisition.js';
import {
  addEmbedderOptions,
  addModelOptions,
  type EmbedderFlags,
  faceSourceOption,
  selectOption,
  toEmbedderOptions,
} from './embed-options.js';
import { addSearchOptions } from './options.js';
import { exitCodes, print, printJson, printTable, warn } from './output.js';
import { Progress, resumeAdvice, runInterruptibly } from './progress.js';

export interface EmbedCommandFlags extends EmbedderFlags {
  out: string;
  masked?: string;
  faceSource: FaceSource;
  select?: FaceChoice;
  crops?: boolean;
  bits: 16 | 32;
  resume?: boolean;
  json?: boolean;
}

function floatBits(text: string): 16 | 32 {
  if (text !== '16' && text !== '32') throw new InvalidArgumentError('expected 16 or 32');
  return text === '16' ? 16 : 32;
}

export function embedCommand(): Command {
  const command = new Command('embed')
    .description('embed the faces in photos as vectors')
    .argument(
      '<inputs...>',
      'photos, folders, corpora made by "dataset generate", IJB-B or IJB-C, .rec files, .bin files, tars, lists (.txt, a path a line), or - (a list or a tar)',
    )
    .requiredOption(
      '--out <file>',
      'write the vectors to this file: .npy, with the index beside it as .jsonl; or .parquet, with the index inside',
    );
  return addSearchOptions(addEmbedderOptions(addModelOptions(command)))
    .addOption(faceSourceOption())
    .addOption(selectOption('as the corpus was made, else largest'))
    .option('--adapter <file.onnx>', 'correct the vectors of masked faces with this adapter (see "adapt")')
    .option(
      '--masked <file.csv>',
      'which faces wear masks, in the columns path and masked (default: as manifests and names say)',
    )
    .option('--crops', 'take each photo as a face that is already cropped')
    .option('--mirror', 'give each face the mean of its vector and that of its mirror image; takes twice the time')
    .option('--bits <n>', 'bits of each number: 16 or 32', floatBits, 32)
    .option('--resume', 'resume an interrupted run')
    .option('--json', 'print a summary as JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 each photo has a vector or shows no face, 1 some photos could not be read or no photo has a vector,
2 wrong usage, 130 interrupted.`,
    )
    .action(
      async (
        inputs: string[],
        { out, masked, faceSource, select, crops = false, bits, resume, json, ...flags }: EmbedCommandFlags,
      ) => {
        const progress = new Progress('photos');
        const summary = await runInterruptibly(
          progress,
          (signal) =>
            embedFiles(inputs, out, {
              ...toEmbedderOptions(flags),
              ...(masked !== undefined && { masked }),
              ...{ faceSource, crops, bits, resume: resume ?? false, signal },
              ...(select && { select }),
              onProgress: ({ done, total }) => progress.update(done, total),
              onProblem: ({ message }) => progress.interrupt(() => warn(message)),
            }),
          resumeAdvice,
        );
        const { counts, acquisition, ignored, rows, failed, dimensions, vectors, index, seconds } = summary;
        if (json) printJson(summary);
        else {
          for (const side of ['plain', 'masked'] as const) {
            const words = Object.entries(counts[side]).map(([status, count]) => `${count} ${status}`);
            if (words.length === 0) continue;
            print(`${side}: ${words.join(', ')}`);
          }
          print(`${rows} vectors of ${dimensions} numbers (${seconds.toFixed(1)} s): ${vectors}, index: ${index}`);
          const lacking = Object.values(counts)
            .flatMap(Object.values)
            .reduce((sum, count) => sum + count, -rows);
          const others = describeIgnored(ignored);
          if (others !== '') print(`left alone: ${others}`);
          if (lacking > 0)
            print(`${lacking} images have no vector; their lines of the index have "row":null and say why`);
          print(acquisitionTitle);
          printTable(acquisitionRows(acquisition.map((counted) => [[], counted])));
        }
        if (rows === 0) {
          warn('no photo has a vector');
          process.exitCode = exitCodes.someFailed;
        } else if (failed > 0) process.exitCode = exitCodes.someFailed;
      },
    );
}
