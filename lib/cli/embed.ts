import { Command, InvalidArgumentError } from 'commander';
import { embedFiles, type FaceSource } from '../embed/files.js';
import {
  addEmbedderOptions,
  addModelOptions,
  type EmbedderFlags,
  faceSourceOption,
  toEmbedderOptions,
} from './embed-options.js';
import { exitCodes, print, printJson, warn } from './output.js';
import { Progress, resumeAdvice, runInterruptibly } from './progress.js';

interface Flags extends EmbedderFlags {
  out: string;
  masked?: string;
  faceSource: FaceSource;
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
    .argument('<inputs...>', 'photos, folders, corpora made by "dataset generate", or lists (.txt, a path a line)')
    .requiredOption('--out <file.npy>', 'write the vectors to this file, and their index beside it as .jsonl');
  return addEmbedderOptions(addModelOptions(command))
    .addOption(faceSourceOption())
    .option('--adapter <file.onnx>', 'correct the vectors of masked faces with this adapter (see "adapt")')
    .option(
      '--masked <file.csv>',
      'which faces wear masks, in the columns path and masked (default: as manifests and names say)',
    )
    .option('--crops', 'take each photo as a face that is already cropped')
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
      async (inputs: string[], { out, masked, faceSource, crops = false, bits, resume, json, ...flags }: Flags) => {
        const progress = new Progress('photos');
        const summary = await runInterruptibly(
          progress,
          (signal) =>
            embedFiles(inputs, out, {
              ...toEmbedderOptions(flags),
              ...(masked !== undefined && { masked }),
              ...{ faceSource, crops, bits, resume: resume ?? false, signal },
              onProgress: ({ done, total }) => progress.update(done, total),
              onProblem: ({ message }) => progress.interrupt(() => warn(message)),
            }),
          resumeAdvice,
        );
        const { counts, rows, failed, dimensions, vectors, index, seconds } = summary;
        if (json) printJson(summary);
        else {
          const words = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
          print(
            `${words.join(', ')} (${seconds.toFixed(1)} s); ${dimensions} numbers each: ${vectors}, index: ${index}`,
          );
        }
        if (rows === 0) {
          warn('no photo has a vector');
          process.exitCode = exitCodes.someFailed;
        } else if (failed > 0) process.exitCode = exitCodes.someFailed;
      },
    );
}
