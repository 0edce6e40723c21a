import { Command, Option } from 'commander';
import { type MaskFilesOptions, maskFiles, outputFormats } from '../corpus/mask-files.js';
import type { MaskSummary } from '../corpus/run.js';
import { addMaskOptions, addReadOptions, type MaskFlags, toMaskerOptions } from './mask-options.js';
import { exitCodes, print, printJson, warn } from './output.js';
import { Progress, resumeAdvice, runInterruptibly } from './progress.js';

interface Flags extends Omit<MaskFilesOptions, 'landmarkModel'>, MaskFlags {
  out: string;
  json?: boolean;
}

/** A run in one line. */
export function describeSummary({ counts, skipped, seconds, manifest }: MaskSummary): string {
  const parts = Object.entries(counts).filter(([status, count]) => count > 0 || status === 'masked');
  const done = parts.reduce((sum, [, count]) => sum + count, 0);
  const words = parts.map(([status, count]) => `${count} ${status}`);
  if (skipped > 0) words.push(`${skipped} done before`);
  const rate = `${seconds.toFixed(1)} s, ${(done / seconds).toFixed(1)} photos/s`;
  return `${words.join(', ')} (${rate})${manifest === undefined ? '' : `; manifest: ${manifest}`}`;
}

/** What to do about photos that failed. */
export const failedNote = 'what failed may be gone the next time: the same command with --resume tries it again';

export function maskCommand(): Command {
  const command = new Command('mask')
    .description('draw synthetic masks on the faces in photos')
    .argument('<inputs...>', 'photos, and folders of photos')
    .requiredOption('--out <path>', 'a folder; or for one photo a file to write');
  addMaskOptions(command);
  return addReadOptions(command)
    .option('--draw-landmarks', "draw the mask's outline and the numbered landmarks instead")
    .addOption(new Option('--format <format>', 'of the outputs').choices(outputFormats).default('same'))
    .option('--write-alpha', "also write each mask's matte: alpha/<twin>.png below the output folder")
    .option('--write-landmarks', 'also write boxes and landmarks: landmarks/<twin>.json')
    .option('--again <manifest>', 'mask photos once more as this manifest says, with the same --templates')
    .option('--overwrite', 'replace outputs that exist')
    .option('--resume', 'go on with an interrupted run')
    .option('--manifest <file>', 'where to record what was done (default: manifest.jsonl in the output folder)')
    .option('--json', 'print a summary as JSON')
    .addHelpText(
      'after',
      `
A folder's tree is kept below --out; each photo's twin is named masked_<name>, and one line a photo is written to the
manifest. Exit codes: 0 all masked or without a face, 1 some files failed (listed), 2 wrong usage, 130 interrupted.

Examples:
  maskbench mask portrait.jpg --out masked.jpg --style a --color lightblue
  maskbench mask photos/ --out corpus/ --style random --color random --seed 7
  maskbench mask photos/ --out corpus/ --style surgical:3,cloth#e54294:1,n95:1 --wear correct:8,under-nose:1,chin:1
  maskbench mask photos/one.jpg --out one.png --again corpus/manifest.jsonl`,
    )
    .action(async (inputs: string[], { out, json, ...options }: Flags) => {
      const progress = new Progress('photos');
      const summary = await runInterruptibly(
        progress,
        (signal) =>
          maskFiles(inputs, out, {
            ...toMaskerOptions(options),
            signal,
            onProgress: ({ done, total }) => total > 1 && progress.update(done, total),
            onProblem: ({ message }) => progress.interrupt(() => warn(message)),
          }),
        resumeAdvice,
      );
      if (json) printJson(summary);
      else print(describeSummary(summary));
      if (summary.problems.length > 0) {
        if (summary.counts.failed > 0 && summary.manifest !== undefined) warn(failedNote);
        process.exitCode = exitCodes.someFailed;
      }
    });
}
