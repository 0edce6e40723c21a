import { Command, InvalidArgumentError, Option } from 'commander';
import {
  allPairsRows,
  allPairsSummary,
  identificationRows,
  suspectsFile,
  writeAllPairsReport,
} from '../report/all-pairs.js';
import { shown } from '../report/evaluation.js';
import { toJson } from '../report/page.js';
import { type AllPairsTargets, evaluateAllPairs } from '../score/evaluate.js';
import { loadScores, readExcluded, saveScores } from '../score/files.js';
import {
  type AllScores,
  mergeScores,
  metrics,
  type ScoreAllOptions,
  type Side,
  samePhotoModes,
  scoreAll,
  sides,
} from '../score/score-all.js';
import { integer, rates, shard } from './numbers.js';
import { print, printTable, warn } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface Telling extends AllPairsTargets {
  out?: string;
  images?: string;
  json?: boolean;
}

interface Flags extends Omit<ScoreAllOptions, 'exclude' | 'signal' | 'onProgress' | 'onProblem'>, Telling {
  vectors?: string;
  index?: string;
  exclude?: string;
}

function twoSides(text: string): [Side, Side] {
  const [probes, references, ...more] = text.split(',');
  const isSide = (side: string | undefined): side is Side => (sides as readonly (string | undefined)[]).includes(side);
  if (!isSide(probes) || !isSide(references) || more.length > 0)
    throw new InvalidArgumentError(`expected two of ${sides.join(', ')} with a comma between`);
  return [probes, references];
}

/** Prints what was found, and writes the report where `out` is given. */
export async function tellAllPairs(scores: AllScores, { out, images, json, ...targets }: Telling): Promise<void> {
  const evaluation = evaluateAllPairs(scores, targets);
  const page = out === undefined ? undefined : await writeAllPairsReport(out, scores, evaluation, images);
  if (json) return print(toJson(evaluation));
  const { identification, auc, dPrime, suspects, notes } = evaluation;
  print(allPairsSummary(evaluation, scores));
  printTable(allPairsRows(evaluation));
  print(`AUC ${shown(auc)}, d′ ${shown(dPrime)}`);
  if (identification) {
    print(`rank 1 of ${identification.mated} searches with a mate: ${shown(identification.cmc[0] as number)}`);
    if (identification.fnirAtFpir.length > 0) printTable(identificationRows(identification));
  }
  for (const { probe, reference, score } of suspects.slice(0, 5))
    print(`two names for one person? ${probe.path} and ${reference.path}: ${shown(score)}`);
  if (suspects.length > 5) print(`and ${suspects.length - 5} more${page ? ` in ${suspectsFile}` : ''}`);
  for (const note of notes) print(`note: ${note}`);
  if (page !== undefined) print(`report: ${page}`);
}

/** Adds what a command with {@link tellAllPairs} has. */
function telling(command: Command): Command {
  return command
    .option('--fmr <rates>', 'targets (default: 1e-3 to 1e-7)', rates)
    .option('--rank <r>', 'R of FNIR(N, R, T)', integer, 1)
    .option('--fpir <rates>', 'targets', rates)
    .option(
      '--images <base>',
      'show the most alike impostors in the report (personal data), photos being below this folder',
    )
    .option('--json', 'print as JSON');
}

function mergeCommand(): Command {
  const command = new Command('merge')
    .description('add the shards of one run up, exactly')
    .argument('<folders...>', "the shards' outputs")
    .requiredOption('--out <folder>', 'for the whole')
    .action(async (folders: string[], { out, ...flags }: Telling & { out: string }) => {
      const merged = mergeScores(await Promise.all(folders.map(loadScores)));
      await saveScores(out, merged);
      await tellAllPairs(merged, { out, ...flags });
    });
  return telling(command);
}

export function scoreAllCommand(): Command {
  const command = new Command('score-all')
    // So that merge has an --out of its own.
    .enablePositionalOptions()
    .description('score every pair of a corpus: exact error rates, most alike impostors')
    .option('--vectors <file.npy>', 'rows, as embed writes them')
    .option('--index <file.jsonl>', 'its index (default: beside it)')
    .addOption(new Option('--within <side>', 'all unordered pairs of one side').choices(sides))
    .option('--between <sides>', 'all ordered pairs of two sides, such as masked,plain', twoSides)
    .addOption(new Option('--metric <name>', 'how alike vectors are').choices(metrics).default('cosine'))
    .addOption(
      new Option('--same-photo <mode>', 'genuine pairs of one source photo').choices(samePhotoModes).default('exclude'),
    )
    .addOption(
      new Option('--same-video <mode>', 'genuine pairs of one folder, whose photos are frames of a video')
        .choices(['exclude', 'include'])
        .default('include'),
    )
    .option('--exclude <pairs>', 'leave pairs out: CSV with probe,reference (suspects.csv), or a pair list')
    .option('--bins <n>', 'of the histograms', integer, 65_536)
    .option('--top <k>', 'impostor identities kept for each image', integer, 10)
    .option('--no-intervals', 'leave jackknife intervals out')
    .option('--shard <i/n>', 'do one part of the work; then score-all merge', shard)
    .option('--threads <n>', 'default: the processors', integer)
    .option('--device <device>', 'where pairs are scored: cpu, cuda, cuda:<n>, or auto (cuda if it is there)', 'cpu')
    .option('--device-memory <MiB>', 'of the device, at most (default: half of it, 8 GiB at most)', integer)
    .option('--out <folder>', 'for scores and the report');
  return telling(command)
    .action(async ({ vectors, index, exclude, out, ...flags }: Flags, self: Command) => {
      if (vectors === undefined || out === undefined)
        return self.error("error: required options '--vectors' and '--out'", { exitCode: 2 });
      const progress = new Progress('strips');
      const excluded = exclude === undefined ? [] : await readExcluded(exclude);
      const scores = await runInterruptibly(progress, (signal) =>
        scoreAll(vectors, index ?? vectors.replace(/\.npy$/i, '.jsonl'), {
          ...flags,
          exclude: excluded,
          signal,
          onProgress: ({ done, total }) => progress.update(done, total),
          onProblem: ({ message }) => warn(message),
        }),
      );
      await saveScores(out, scores);
      if (scores.shard.count > 1) return print(`part ${scores.shard.index} of ${scores.shard.count}: ${out}`);
      await tellAllPairs(scores, { out, ...flags });
    })
    .addCommand(mergeCommand());
}
