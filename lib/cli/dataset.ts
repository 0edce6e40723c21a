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
    .description('mask data sets into corpora: <out>/<data set>/<identity>/<name> and masked_<name>')
    .requiredOption('--base <folder>', 'holds the data sets, a folder each')
    .requiredOption('--out <folder>', 'where the corpora go')
    .option('--only <names>', 'data sets, with commas between (default: all that are there)', list);
  addMaskOptions(command);
  return addReadOptions(command)
    .addOption(new Option('--copy <how>', 'how photos get beside their twins').choices(copyModes).default('auto'))
    .option('--min-photos <n>', "leave out identities with fewer photos (2: the paper's own rule)", integer, 1)
    .option('--shard <i/n>', 'do part i of n; "dataset merge" joins them', shard)
    .option('--write-alpha', "also write each mask's matte: alpha/<twin>.png below the corpus")
    .option('--write-landmarks', 'also write boxes and landmarks: landmarks/<twin>.json')
    .option('--resume', 'go on with an interrupted run')
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', '\nThe same command on a complete corpus does nothing. Sources are only read.')
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
          print(`${name}: ${summary ? describeSummary(summary) : `complete already; nothing to do (${folder})`}`);
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
    .description('count identities and images of corpora, beside the published table')
    .argument('<out>', 'the folder of the corpora, or one corpus')
    .option('--json', 'print as JSON')
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
    .description('show the data sets that are known: site, terms, size, and how each is had')
    .option('--json', 'print as JSON')
    .action(({ json }: { json?: boolean }) => {
      const shown = layouts.map(({ name, title, site, terms, size, addresses, steps, withoutFace, realMasks }) => ({
        ...{ name, title, site, terms, size },
        had: addresses ? `maskbench dataset fetch ${name}` : (steps ?? ['put your photos there']),
        masks: realMasks ? 'real ones; nothing is generated' : `generated; photos without a face are ${withoutFace}`,
      }));
      if (json) return printJson(shown);
      for (const { name, had, title, ...rest } of shown) {
        print(`${name}: ${title}`);
        for (const [key, value] of Object.entries(rest)) print(`  ${key}: ${value}`);
        print(`  had by:${typeof had === 'string' ? ` ${had}` : `\n    - ${had.join('\n    - ')}`}`);
      }
    });
}

function fetchCommand(): Command {
  return new Command('fetch')
    .description('download and unpack a data set that has direct addresses; say what to do for the others')
    .argument('<name>', 'the data set')
    .requiredOption('--base <folder>', 'where the data sets lie')
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
    .description('join the manifests of a corpus that was made in shards')
    .argument('<corpus>', 'the corpus: <out>/<data set>')
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
