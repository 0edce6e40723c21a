import { Command, Option } from 'commander';
import { type MaskFilesOptions, maskFiles, outputFormats } from '../corpus/mask-files.js';
import { type MaskSummary, retryStatuses } from '../corpus/run.js';
import { describeIgnored } from '../files/walk.js';
import { alignments } from '../mask/masker.js';
import { countMasked, isMasked, type Maskings, type Pairing, pairings } from '../pairs/twins.js';
import { contents } from '../storage/source.js';
import { addMaskOptions, addReadOptions, type MaskFlags, toMaskerOptions } from './mask-options.js';
import { list } from './numbers.js';
import { exitCodes, print, printJson, warn } from './output.js';
import { shownMaskings } from './pairs.js';
import { Progress, resumeAdvice, runInterruptibly } from './progress.js';

export interface MaskCommandFlags extends Omit<MaskFilesOptions, 'landmarkModel' | 'landmarks'>, MaskFlags {
  out: string;
  json?: boolean;
}

/** A run in one line. */
export function describeSummary({ counts, skipped, ignored, seconds, manifest }: MaskSummary): string {
  const parts = Object.entries(counts).filter(([status, count]) => count > 0 || status === 'masked');
  const done = parts.reduce((sum, [, count]) => sum + count, 0);
  const words = parts.map(([status, count]) => `${count} ${status}`);
  if (skipped > 0) words.push(`${skipped} done before`);
  const rate = `${seconds.toFixed(1)} s, ${(done / seconds).toFixed(1)} photos/s`;
  const others = describeIgnored(ignored);
  return [
    `${words.join(', ')} (${rate})`,
    ...(others === '' ? [] : [`left alone: ${others}`]),
    ...(manifest === undefined ? [] : [`manifest: ${manifest}`]),
  ].join('; ');
}

/** How the pairs of a set are masked, and how other pairings would mask them. */
function printMaskings(maskings: Maskings, pairing: Pairing): void {
  const photos = 2 * (maskings.plain + maskings.mixed + maskings.masked);
  print(`pairs: ${shownMaskings(maskings)}`);
  for (const other of ['one-of-each', 'as-published'] as const)
    if (other !== pairing) {
      const masks = Array.from({ length: photos }, (_, i) => isMasked[other](i, photos));
      print(`with --pairing ${other}: ${shownMaskings(countMasked(masks))}`);
    }
}

/** What to do about photos that failed. */
export const failedNote = 'failures may be temporary: to try these photos again, run the same command with --resume';

export function maskCommand(): Command {
  const command = new Command('mask')
    .description('draw synthetic masks on the faces in photos')
    .argument(
      '<inputs...>',
      'photos, and folders of photos; or one .rec file, .bin file, tar, folder of tars, or - (a tar)',
    )
    .requiredOption(
      '--out <path>',
      'output folder, .rec file, .bin file (of a .bin file), tar or - (a tar); or output file for a single photo',
    );
  addMaskOptions(command);
  return addReadOptions(command)
    .option('--draw-landmarks', 'draw the outline of the mask and the numbered landmarks instead of a mask')
    .addOption(
      new Option(
        '--aligned <template>',
        'photos are crops aligned to this template, so no face is searched; --landmarks template uses its landmarks too',
      ).choices(alignments),
    )
    .addOption(new Option('--format <format>', 'image format of the outputs').choices(outputFormats).default('same'))
    .addOption(
      new Option(
        '--contents <what>',
        'what a .rec file or tar holds: twins in the places of their photos (default), or both',
      ).choices(contents),
    )
    .addOption(
      new Option(
        '--pairing <name>',
        'which images of a verification set are replaced by twins: the second of each pair (default); both; or those of the second half of the set, as a published script does',
      ).choices(pairings),
    )
    .option('--write-alpha', 'also write the alpha matte of each mask: alpha/<twin>.png in the output folder')
    .option('--write-landmarks', 'also write boxes and landmarks: landmarks/<twin>.json in the output folder')
    .option('--again <manifest>', 'draw the masks that this manifest records; needs the same --templates')
    .option(
      '--masks-from <file>',
      "take each photo's style and colour from a manifest, or from a log of Self-restrained-Triplet-Loss (-: standard input)",
    )
    .option('--overwrite', 'replace existing outputs')
    .option('--resume', 'resume an interrupted run; photos that changed since then are done again')
    .option(
      '--retry <statuses>',
      `with --resume, also do photos of these statuses again, with commas between: ${retryStatuses.join(', ')}`,
      list,
    )
    .option('--manifest <file>', 'file to record the results in (default: manifest.jsonl in the output folder)')
    .option('--json', 'print a summary as JSON')
    .addHelpText(
      'after',
      `
The folder tree is kept below --out. The masked twin of a photo is named masked_<name>. The manifest has one line a photo.
Exit codes: 0 all photos masked or without a face, 1 some photos failed (they are listed), 2 wrong usage, 130 interrupted.

Examples:
  maskbench mask portrait.jpg --out masked.jpg --style a --color lightblue
  maskbench mask photos/ --out corpus/ --style random --color random --seed 7
  maskbench mask photos/ --out corpus/ --style surgical:3,cloth#e54294:1,n95:1 --wear correct:8,under-nose:1,chin:1
  maskbench mask photos/one.jpg --out one.png --again corpus/manifest.jsonl
  maskbench mask faces/train.rec --out masked/train.rec --aligned arcface --landmarks template`,
    )
    .action(async (inputs: string[], { out, json, ...options }: MaskCommandFlags) => {
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
      if (out === '-') warn(describeSummary(summary));
      else if (json) printJson(summary);
      else print(describeSummary(summary));
      if (summary.maskings && !json) printMaskings(summary.maskings, options.pairing ?? 'one-of-each');
      if (summary.problems.length > 0) {
        if (summary.counts.failed > 0 && summary.manifest !== undefined) warn(failedNote);
        process.exitCode = exitCodes.someFailed;
      }
    });
}
