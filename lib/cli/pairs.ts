import { Command, Option } from 'commander';
import {
  maskings,
  type PairProtocol,
  pairProtocols,
  type SampleOptions,
  samplePairs,
} from '../datasets/sample-pairs.js';
import { isSamePhoto, writePairs } from '../pairs/list.js';
import { integer } from './numbers.js';
import { print } from './output.js';

interface Flags extends SampleOptions {
  protocol: PairProtocol;
  out: string;
  separator?: 'spaces' | 'colons';
}

export function pairsCommand(): Command {
  return new Command('pairs')
    .description('draw a list of genuine and impostor pairs from a corpus')
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
    .action(async (corpus: string, { protocol, out, separator, ...options }: Flags) => {
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
