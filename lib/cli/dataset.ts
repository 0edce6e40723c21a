import { Command, Option } from 'commander';
import type { MaskSummary } from '../corpus/run.js';
import { fetchDataset } from '../datasets/fetch.js';
import { type GenerateOptions, generateCorpora, mergeShards } from '../datasets/generate.js';
import { layouts } from '../datasets/registry.js';
import { publishedNote, summarizeCorpora } from '../datasets/summary.js';
import { copyModes } from '../mask/masker.js';
import { describeSummary, failedNote } from './mask.js';
import { addMaskOptions, addReadOptions, type MaskFlags, toMaskerOptions } from './mask-options.js';
import { integer, shard } from './numbers.js';
import { exitCodes, print, printJson, printTable, warn } from './output.js';
import { Progress, resumeAdvice, runInterruptibly } from './progress.js';

const list = (text: string) => text.split(',');

interface GenerateFlags extends Omit<GenerateOptions, 'landmarkModel'>, MaskFlags {
  base: string;
  out: string;
  json?: boolean;
}

function generateCommand(): Command {
  const command = new Command('generate')
    .description('make masked corpora from data sets: <out>/<data set>/<identity>/<name> and masked_<name>')
    .requiredOption('--base <folder>', 'folder of the data sets, one folder each')
    .requiredOption('--out <folder>', 'write the corpora to this folder')
    .option('--only <names>', 'data sets to use, with commas between (default: all in the base folder)', list);
  addMaskOptions(command);
  return addReadOptions(command)
    .addOption(
      new Option('--copy <how>', 'how photos are placed beside their masked twins').choices(copyModes).default('auto'),
    )
    .option('--min-photos <n>', 'skip identities with fewer photos (the paper used 2)', integer, 1)
    .option('--shard <i/n>', 'do part i of n; "dataset merge" joins the parts (default: 1/1)', shard)
    .option('--write-alpha', 'also write the alpha matte of each mask: alpha/<twin>.png in the corpus')
    .option('--write-landmarks', 'also write boxes and landmarks: landmarks/<twin>.json in the corpus')
    .option('--resume', 'resume an interrupted run')
    .option('--json', 'print a summary as JSON')
    .addHelpText(
      'after',
      '\nRunning the command again on a complete corpus changes nothing. Source photos are never modified.',
    )
    .action(async ({ base, out, json, ...options }: GenerateFlags) => {
      const progress = new Progress('photos');
      const done = await runInterruptibly(
        progress,
        (signal) =>
          generateCorpora(base, out, {
            ...toMaskerOptions(options),
            signal,
            onProgress: (state) => progress.update(state.done, state.total),
            onProblem: ({ message }) => progress.interrupt(() => warn(message)),
          }),
        resumeAdvice,
      );
      if (json) printJson(done);
      else
        for (const { name, folder, summary } of done)
          print(`${name}: ${summary ? describeSummary(summary) : `already complete; nothing to do (${folder})`}`);
      const summaries = done
        .map(({ summary }) => summary)
        .filter((summary): summary is MaskSummary => summary !== undefined);
      if (summaries.some(({ problems }) => problems.length > 0)) {
        if (summaries.some(({ counts }) => counts.failed > 0)) warn(failedNote);
        process.exitCode = exitCodes.someFailed;
      }
    });
}

function summaryCommand(): Command {
  return new Command('summary')
    .description('count identities and images of corpora, and compare them with the published table')
    .argument('<out>', 'folder of corpora, or one corpus')
    .option('--json', 'print the result as JSON')
    .action(async (out: string, { json }: { json?: boolean }) => {
      const summaries = await summarizeCorpora(out);
      if (json) return printJson(summaries);
      const cells = ({ identities, images }: { identities: number; images: number }) => `${identities}/${images}`;
      const rows = [
        ['data set', 'unmasked', 'masked', 'published unmasked', 'published masked', 'in published lists'],
        ...summaries.map(({ name, unmasked, masked, published, publishedTwins, complete }) => [
          complete ? name : `${name} (not finished)`,
          cells(unmasked),
          cells(masked),
          published ? cells(published.unmasked) : '-',
          published ? cells(published.masked) : '-',
          publishedTwins ? cells(publishedTwins) : '-',
        ]),
      ];
      print('identities/images');
      printTable(rows);
      if (summaries.some(({ published }) => published)) print(`note: ${publishedNote}`);
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('list the known data sets: site, terms, size, and how to get each')
    .option('--json', 'print the result as JSON')
    .action(({ json }: { json?: boolean }) => {
      const shown = layouts.map(({ name, title, site, terms, size, addresses, steps, withoutFace, realMasks }) => ({
        ...{ name, title, site, terms, size },
        access: addresses ? `maskbench dataset fetch ${name}` : (steps ?? []),
        masks: realMasks ? 'real; nothing is generated' : `generated; photos without a face are ${withoutFace}`,
      }));
      if (json) return printJson(shown);
      for (const { name, access, title, ...rest } of shown) {
        print(`${name}: ${title}`);
        for (const [key, value] of Object.entries(rest)) print(`  ${key}: ${value}`);
        print(`  access:${typeof access === 'string' ? ` ${access}` : `\n    - ${access.join('\n    - ')}`}`);
      }
    });
}

function fetchCommand(): Command {
  return new Command('fetch')
    .description('download and unpack a data set, or explain how to get one without a direct address')
    .argument('<name>', 'a data set of "dataset list"')
    .requiredOption('--base <folder>', 'folder of the data sets')
    .action(async (name: string, { base }: { base: string }) => {
      const progress = new Progress('MB');
      const folder = await runInterruptibly(progress, (signal) =>
        fetchDataset(name, base, {
          signal,
          onProgress: ({ bytes, total }) =>
            progress.update(Math.round(bytes / 1e6), Math.round((total ?? bytes) / 1e6)),
        }),
      );
      print(folder);
    });
}

function mergeCommand(): Command {
  return new Command('merge')
    .description('join the parts of a corpus that was generated with --shard')
    .argument('<corpus>', 'the corpus folder: <out>/<data set>')
    .action(async (corpus: string) => {
      const { counts } = await mergeShards(corpus);
      print(`merged: ${counts?.unmasked.images} photos, ${counts?.masked.images} masked twins`);
    });
}

export function datasetCommand(): Command {
  return new Command('dataset')
    .description('turn public data sets into masked corpora')
    .addCommand(generateCommand())
    .addCommand(summaryCommand())
    .addCommand(listCommand())
    .addCommand(fetchCommand())
    .addCommand(mergeCommand());
}
