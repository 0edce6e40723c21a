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
    .description('sample a pair list from a corpus')
    .argument('<corpus>', 'a corpus made by "dataset generate": <out>/<data set>')
    .addOption(new Option('--protocol <name>', 'how pairs are drawn').choices(pairProtocols).default('paper'))
    .option('--seed <n>', 'the same seed gives the same pairs on every machine', integer, 0)
    .option('--count <n>', 'for balanced: pairs in all', integer)
    .addOption(new Option('--masking <sides>', 'for balanced: which side is masked (default: mixed)').choices(maskings))
    .addOption(
      new Option('--separator <form>', 'between the fields (default: as published, colons for rmfd)').choices([
        'spaces',
        'colons',
      ]),
    )
    .requiredOption('--out <file>', 'the list to write')
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
