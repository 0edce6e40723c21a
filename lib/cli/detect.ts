import { createWriteStream, existsSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { type DetectedFile, type DetectFilesOptions, detectFiles } from '../corpus/detect-files.js';
import { MaskbenchError } from '../errors.js';
import { writeAtomically } from '../files/atomic.js';
import { toBytes, toPath } from '../files/path.js';
import { addReadOptions } from './mask-options.js';
import { exitCodes, print, printJson, warn } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface Flags extends Omit<DetectFilesOptions, 'landmarkModel'> {
  landmarks?: string;
  out?: string;
  json?: boolean;
}

function printFaces(found: DetectedFile): void {
  if ('error' in found) return;
  print(`${found.file}: ${found.faces.length} face${found.faces.length === 1 ? '' : 's'}`);
  for (const { box, score } of found.faces)
    print(`  ${box.left},${box.top} to ${box.right},${box.bottom}  score ${score.toFixed(2)}`);
}

export function detectCommand(): Command {
  return addReadOptions(
    new Command('detect')
      .description('find faces and their 68 landmarks')
      .argument('<inputs...>', 'photos, and folders of photos')
      .option('--out <file.jsonl>', 'write boxes, scores and landmarks to this file, one JSON line a photo')
      .option('--draw <folder>', 'write each photo to this folder with boxes, scores in hundredths and points')
      .option('--overwrite', 'replace existing outputs')
      .option('--json', 'print boxes, scores and landmarks as JSON'),
  ).action(async (inputs: string[], { landmarks, out, json, ...flags }: Flags) => {
    if (out !== undefined && !flags.overwrite && existsSync(toPath(out)))
      throw new MaskbenchError('OUTPUT_EXISTS', out, `${out}: the output exists already`);
    const progress = new Progress('photos');
    const counts = { photos: 0, faces: 0, failed: 0 };
    const all: DetectedFile[] = [];
    await runInterruptibly(progress, async (signal) => {
      const options = { ...flags, ...(landmarks !== undefined && { landmarkModel: landmarks }), signal };
      async function* results(): AsyncGenerator<Uint8Array> {
        const onProblem = ({ message }: { message: string }) => progress.interrupt(() => warn(message));
        for await (const found of detectFiles(inputs, { ...options, onProblem })) {
          counts.photos++;
          if ('error' in found) {
            counts.failed++;
            progress.interrupt(() => warn(found.error));
          } else counts.faces += found.faces.length;
          if (json) all.push(found);
          else if (out === undefined) printFaces(found);
          yield toBytes(`${JSON.stringify(found)}\n`);
        }
      }
      if (out === undefined) for await (const _ of results());
      else
        await writeAtomically(out, (temporary) => pipeline(results, createWriteStream(toPath(temporary)))).catch(
          (error) => {
            signal.throwIfAborted();
            throw error;
          },
        );
    });
    if (json) printJson(all);
    else if (out !== undefined)
      print(`${counts.faces} faces in ${counts.photos} photos, ${counts.failed} failed; ${out}`);
    if (counts.photos === 0) warn('no photos were found');
    if (counts.failed > 0 || counts.photos === 0) process.exitCode = exitCodes.someFailed;
  });
}
