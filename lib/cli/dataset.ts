import { Command, Option } from 'commander';
import { type MaskSummary, retryStatuses } from '../corpus/run.js';
import { describeFaults } from '../datasets/corpus.js';
import { type Duplicate, findDuplicates, writeDuplicates } from '../datasets/duplicates.js';
import { type GenerateOptions, generateCorpora, mergeShards } from '../datasets/generate.js';
import { layouts } from '../datasets/registry.js';
import { publishedNote, summarizeCorpora } from '../datasets/summary.js';
import { countAcquisition } from '../embed/acquisition.js';
import { readIndex } from '../embed/index-lines.js';
import { copyModes } from '../mask/masker.js';
import { acquisitionRows, acquisitionTitle } from '../report/acquisition.js';
import { describeSummary, failedNote } from './mask.js';
import { addMaskOptions, addReadOptions, type MaskFlags, toMaskerOptions } from './mask-options.js';
import { integer, list, shard } from './numbers.js';
import { exitCodes, print, printJson, printTable, warn } from './output.js';
import { Progress, resumeAdvice, runInterruptibly } from './progress.js';

export interface GenerateFlags extends Omit<GenerateOptions, 'landmarkModel' | 'landmarks'>, MaskFlags {
  base: string;
  out: string;
  json?: boolean;
}

export function generateCommand(): Command {
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
    .option('--resume', 'resume an interrupted run; photos that changed since then are done again')
    .option(
      '--retry <statuses>',
      `with --resume, also do photos of these statuses again, with commas between: ${retryStatuses.join(', ')}`,
      list,
    )
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
        for (const { name, folder, summary, error } of done) {
          const idle = error ? `not made: ${error.message}` : `already complete; nothing to do (${folder})`;
          print(`${name}: ${summary ? describeSummary(summary) : idle}`);
        }
      if (done.some(({ error }) => error)) process.exitCode = exitCodes.someFailed;
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
    .option('--index <files...>', 'indexes that embed wrote: also count, for each detector, photos without a face')
    .option('--json', 'print the result as JSON')
    .action(async (out: string, { index = [], json }: { index?: string[]; json?: boolean }) => {
      const summaries = await summarizeCorpora(out);
      const acquisition = [];
      for (const file of index)
        acquisition.push(...countAcquisition(await readIndex(file)).map((counted) => ({ index: file, ...counted })));
      if (json) return printJson(index.length > 0 ? { corpora: summaries, acquisition } : summaries);
      const cells = ({ identities, images }: { identities: number; images: number }) => `${identities}/${images}`;
      const rows = [
        [
          ...['data set', 'unmasked', 'masked', 'published unmasked', 'published masked', 'in published lists'],
          ...['without a face', 'unreadable'],
        ],
        ...summaries.map(({ name, unmasked, masked, published, publishedTwins, complete, statuses }) => [
          complete ? name : `${name} (not finished)`,
          cells(unmasked),
          cells(masked),
          published ? cells(published.unmasked) : '-',
          published ? cells(published.masked) : '-',
          publishedTwins ? cells(publishedTwins) : '-',
          String(statuses['no-face'] ?? 0),
          String((statuses.unreadable ?? 0) + (statuses.damaged ?? 0)),
        ]),
      ];
      print('identities/images');
      printTable(rows);
      if (summaries.some(({ published }) => published)) print(`note: ${publishedNote}`);
      for (const { name, faults } of summaries) {
        const described = describeFaults(faults);
        if (described === '') continue;
        warn(`${name}: ${described}`);
        process.exitCode = exitCodes.someFailed;
      }
      if (index.length === 0) return;
      print(acquisitionTitle);
      printTable(
        acquisitionRows(
          acquisition.map(({ index: file, ...counted }) => [[file], counted]),
          ['index'],
        ),
      );
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
      const { fetchDataset } = await import('../datasets/fetch.js');
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

function duplicatesCommand(): Command {
  return new Command('duplicates')
    .description('find photos of a corpus that are equal or nearly so, under one identity or two')
    .argument('<corpus>', 'the corpus folder: <out>/<data set>')
    .requiredOption('--out <file.csv>', 'write the pairs to this file, which "score-all --exclude" takes')
    .action(async (corpus: string, { out }: { out: string }) => {
      const progress = new Progress('photos');
      const duplicates = await runInterruptibly(progress, (signal) =>
        findDuplicates(corpus, { signal, onProgress: ({ done, total }) => progress.update(done, total) }),
      );
      await writeDuplicates(out, duplicates);
      const count = (kind: Duplicate['kind'], sameIdentity: boolean) =>
        duplicates.filter((pair) => pair.kind === kind && pair.sameIdentity === sameIdentity).length;
      for (const kind of ['equal', 'near'] as const)
        print(`${kind}: ${count(kind, true)} pairs under one identity, ${count(kind, false)} under two`);
    });
}

export function datasetCommand(): Command {
  return new Command('dataset')
    .description('turn public data sets into masked corpora')
    .addCommand(generateCommand())
    .addCommand(summaryCommand())
    .addCommand(duplicatesCommand())
    .addCommand(listCommand())
    .addCommand(fetchCommand())
    .addCommand(mergeCommand());
}
