import { Command, Option } from 'commander';
import {
  maskings,
  type PairProtocol,
  pairProtocols,
  type SampleOptions,
  samplePairs,
} from '../datasets/sample-pairs.js';
import {
  type ExportOptions,
  exportFormats,
  exportPairs,
  importVerificationSet,
} from '../datasets/verification-sets.js';
import { isSamePhoto, writePairs } from '../pairs/list.js';
import { type Maskings, pairings } from '../pairs/twins.js';
import { integer } from './numbers.js';
import { print, warn } from './output.js';

interface SampleFlags extends SampleOptions {
  protocol: PairProtocol;
  out: string;
  separator?: 'spaces' | 'colons';
}

interface ExportFlags extends ExportOptions {
  out: string;
}

function sampleCommand(): Command {
  return new Command('sample')
    .description('draw a list of genuine and impostor pairs from a corpus (also without the word "sample")')
    .argument('<corpus>', 'corpus made by "dataset generate": <out>/<data set>')
    .addOption(new Option('--protocol <name>', 'how pairs are drawn').choices(pairProtocols).default('paper'))
    .option('--seed <n>', 'random seed for the pairs; a seed gives the same pairs on every machine', integer, 0)
    .option('--count <n>', 'number of pairs; required for the protocol balanced, and only for it', integer)
    .addOption(
      new Option(
        '--masking <sides>',
        'which photos of a pair are masked, for the protocol balanced (default: mixed)',
      ).choices(maskings),
    )
    .addOption(
      new Option(
        '--separator <form>',
        'what separates fields (default: as published, colons for rmfd and spaces otherwise)',
      ).choices(['spaces', 'colons']),
    )
    .requiredOption('--out <file>', 'write the pair list to this file')
    .action(async (corpus: string, { protocol, out, separator, ...options }: SampleFlags) => {
      const pairs = await samplePairs(corpus, protocol, options);
      const colons = separator ? separator === 'colons' : protocol === 'rmfd';
      await writePairs(out, { pairs, separator: colons ? '::' : ' ', lineEnd: '\n' });
      const genuine = pairs.filter((pair) => pair.genuine).length;
      const same = pairs.filter(isSamePhoto).length;
      print(
        `${pairs.length} pairs: ${genuine} genuine (${same} of a photo and its own twin), ${pairs.length - genuine} impostor`,
      );
    });
}

function importCommand(): Command {
  return new Command('import')
    .description('unpack a verification set (lfw.bin and the like) into photos and a pair list')
    .argument('<set>', 'a .bin file of InsightFace')
    .requiredOption('--out <folder>', 'write the photos and pairs.txt to this new or empty folder')
    .action(async (set: string, { out }: { out: string }) => {
      const { pairs, list, identities } = await importVerificationSet(set, out);
      const genuine = pairs.filter((pair) => pair.genuine).length;
      print(
        `${pairs.length} pairs: ${genuine} genuine, ${pairs.length - genuine} impostor; ${identities} people as far as the set tells; list: ${list}`,
      );
    });
}

export const shownMaskings = ({ plain, mixed, masked }: Maskings) =>
  `${plain} plain–plain, ${mixed} plain–masked, ${masked} masked–masked`;

function exportCommand(): Command {
  return new Command('export')
    .description('pack the photos of a pair list, or their masked twins, into a verification set')
    .argument('<list>', 'pair list')
    .requiredOption('--out <file>', 'write the set to this file')
    .addOption(
      new Option('--format <format>', 'bin: a verification set; text: a pair list that names the twins')
        .choices(exportFormats)
        .default('bin'),
    )
    .option('--photos <folder>', "folder that the list's names are relative to (default: the list's own)")
    .option('--twins <folder>', 'folder of the masked twins, as mask writes it (default: that of the photos)')
    .addOption(
      new Option(
        '--pairing <name>',
        'which photos are replaced by twins: the second of each pair; both; or those of the second half of the list, as a published script does (default: as the list says)',
      ).choices(pairings),
    )
    .action(async (list: string, { out, ...options }: ExportFlags) => {
      const { pairs, leftOut, maskings, alternatives } = await exportPairs(list, out, options);
      print(`${pairs.length} pairs (${shownMaskings(maskings)}): ${out}`);
      for (const [pairing, counts] of Object.entries(alternatives))
        if (pairing !== options.pairing) print(`with --pairing ${pairing}: ${shownMaskings(counts)}`);
      if (leftOut.length > 0) warn(`${leftOut.length} pairs are left out, because a photo or a twin is missing`);
    });
}

export function pairsCommand(): Command {
  return new Command('pairs')
    .description('draw pair lists, and read and write verification sets')
    .addCommand(sampleCommand(), { isDefault: true })
    .addCommand(importCommand())
    .addCommand(exportCommand());
}
