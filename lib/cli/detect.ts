import { Command } from 'commander';
import { MaskbenchError } from '../errors.js';
import { type DetectResult, Masker, type MaskerOptions } from '../mask/masker.js';
import { addReadOptions } from './mask-options.js';
import { exitCodes, print, printJson, warn } from './output.js';

interface Flags extends Omit<MaskerOptions, 'landmarkModel' | 'landmarks'> {
  landmarks?: string;
  json?: boolean;
}

export function detectCommand(): Command {
  return addReadOptions(
    new Command('detect')
      .description('find faces and their 68 landmarks')
      .argument('<files...>', 'photos')
      .option('--json', 'print boxes, scores and landmarks as JSON'),
  ).action(async (files: string[], { landmarks, json, ...options }: Flags) => {
    const masker = await Masker.open({ ...options, ...(landmarks !== undefined && { landmarkModel: landmarks }) });
    const found = await Promise.all(
      files.map(async (file): Promise<{ file: string; error: string } | ({ file: string } & DetectResult)> => {
        try {
          return { file, ...(await masker.detect(file)) };
        } catch (error) {
          if (!(error instanceof MaskbenchError)) throw error;
          warn(error.message);
          process.exitCode = exitCodes.someFailed;
          return { file, error: error.message };
        }
      }),
    );
    if (masker.deviceProblem) warn(masker.deviceProblem.message);
    if (json) return printJson(found);
    for (const result of found) {
      if ('error' in result) continue;
      print(`${result.file}: ${result.faces.length} face${result.faces.length === 1 ? '' : 's'}`);
      for (const { box, score } of result.faces)
        print(`  ${box.left},${box.top} to ${box.right},${box.bottom}  score ${score.toFixed(2)}`);
    }
  });
}
