import { Command, InvalidArgumentError, Option } from 'commander';
import { allPairsRows, mateRanks, worstImpostors, writeAllPairsReport } from '../report/all-pairs.js';
import { shown } from '../report/evaluation.js';
import { toJson } from '../report/page.js';
import { loadScores, saveScores } from '../score/files.js';
import { ratesAtFmr } from '../score/rates.js';
import {
  type AllScores,
  type Metric,
  mergeScores,
  metrics,
  type ScoreAllOptions,
  type Side,
  samePhotoModes,
  scoreAll,
  sides,
} from '../score/score-all.js';
import { integer, rates, shard } from './numbers.js';
import { print, printTable } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface Flags {
  vectors: string;
  index?: string;
  within?: Side;
  between?: [Side, Side];
  metric: Metric;
  samePhoto: NonNullable<ScoreAllOptions['samePhoto']>;
  bins: number;
  top: number;
  intervals: boolean;
  shard?: { index: number; count: number };
  threads?: number;
  fmr: number[];
  out: string;
  images?: string;
  json?: boolean;
}

function twoSides(text: string): [Side, Side] {
  const [probes, references, ...more] = text.split(',');
  const isSide = (side: string | undefined): side is Side => (sides as readonly (string | undefined)[]).includes(side);
  if (!isSide(probes) || !isSide(references) || more.length > 0)
    throw new InvalidArgumentError(`expected two of ${sides.join(', ')} with a comma between`);
  return [probes, references];
}

const usualTargets = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

async function tell(
  scores: AllScores,
  { out, fmr, images, json }: Pick<Flags, 'out' | 'fmr' | 'images' | 'json'>,
): Promise<void> {
  const found = ratesAtFmr(scores, fmr);
  const page = await writeAllPairsReport(out, scores, found, images);
  const { cmc, mates } = mateRanks(scores);
  const worst = worstImpostors(scores, 5);
  if (json)
    return print(
      toJson({
        genuine: scores.genuine.length,
        impostors: scores.impostors,
        samePhoto: scores.samePhoto,
        failed: scores.failed,
        rates: found,
        mates,
        cmc,
        worst,
      }),
    );
  print(
    `${scores.genuine.length} genuine and ${scores.impostors} impostor pairs, ${scores.samePhoto} of one source photo (${scores.samePhotoMode})`,
  );
  const { probes, references } = scores.failed;
  if (probes + references > 0)
    print(`without a vector, not scored: ${probes} probes${scores.within ? '' : `, ${references} references`}`);
  printTable(allPairsRows(found));
  const left = fmr.filter((target) => !found.some((rate) => rate.target === target));
  if (left.length > 0) print(`note: ${scores.impostors} impostor pairs support no FMR of ${left.join(', ')}`);
  if (cmc.length > 0) print(`rank 1 of ${mates} searches with a mate: ${shown(cmc[0] as number)}`);
  for (const { probe, reference, score } of worst) print(`alike: ${probe.path} and ${reference.path}: ${shown(score)}`);
  print(`report: ${page}`);
}

function mergeCommand(): Command {
  return new Command('merge')
    .description('add the shards of one run up, exactly')
    .argument('<folders...>', "the shards' outputs")
    .requiredOption('--out <folder>', 'for the whole')
    .option('--fmr <rates>', 'targets', rates, usualTargets)
    .option('--images <base>', 'show the most alike impostors in the report (personal data)')
    .option('--json', 'print as JSON')
    .action(async (folders: string[], flags: Pick<Flags, 'out' | 'fmr' | 'images' | 'json'>) => {
      const merged = mergeScores(await Promise.all(folders.map(loadScores)));
      await saveScores(flags.out, merged);
      await tell(merged, flags);
    });
}

export function scoreAllCommand(): Command {
  return (
    new Command('score-all')
      // So that merge has an --out of its own.
      .enablePositionalOptions()
      .description('score every pair of a corpus: exact error rates, most alike impostors')
      .option('--vectors <file.npy>', 'rows, as embed writes them')
      .option('--index <file.jsonl>', 'its index (default: beside it)')
      .addOption(new Option('--within <side>', 'all unordered pairs of one side').choices(sides))
      .option('--between <sides>', 'all ordered pairs of two sides, such as masked,plain', twoSides)
      .addOption(new Option('--metric <name>', 'how alike vectors are').choices(metrics).default('cosine'))
      .addOption(
        new Option('--same-photo <mode>', 'genuine pairs of one source photo')
          .choices(samePhotoModes)
          .default('exclude'),
      )
      .option('--bins <n>', 'of the histograms', integer, 65_536)
      .option('--top <k>', 'impostor identities kept for each image', integer, 10)
      .option('--no-intervals', 'leave jackknife intervals out')
      .option('--shard <i/n>', 'do one part of the work; then score-all merge', shard)
      .option('--threads <n>', 'default: the processors', integer)
      .option('--fmr <rates>', 'targets', rates, usualTargets)
      .option('--out <folder>', 'for scores and the report')
      .option(
        '--images <base>',
        'show the most alike impostors in the report (personal data), photos being below this folder',
      )
      .option('--json', 'print as JSON')
      .action(async ({ vectors, index, out, fmr, images, json, ...options }: Flags, command: Command) => {
        if (vectors === undefined || out === undefined)
          return command.error("error: required options '--vectors' and '--out'", { exitCode: 2 });
        const progress = new Progress('strips');
        const scores = await runInterruptibly(progress, (signal) =>
          scoreAll(vectors, index ?? vectors.replace(/\.npy$/i, '.jsonl'), {
            ...options,
            signal,
            onProgress: ({ done, total }) => progress.update(done, total),
          }),
        );
        await saveScores(out, scores);
        if (scores.shard.count > 1) return print(`part ${scores.shard.index} of ${scores.shard.count}: ${out}`);
        await tell(scores, { out, fmr, ...(images !== undefined && { images }), json: json ?? false });
      })
      .addCommand(mergeCommand())
  );
}
