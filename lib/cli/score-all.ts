import { Command, InvalidArgumentError, Option } from 'commander';
import { type AllPairsEvaluation, type AllPairsTargets, evaluateAllPairs } from '../all-pairs/evaluate.js';
import { type EvaluateAllPairsFilesOptions, evaluateAllPairsFiles } from '../all-pairs/evaluate-files.js';
import { checkScoresFolder, readAllPairs, readExcluded, writeAllPairs } from '../all-pairs/files.js';
import { mergeScores } from '../all-pairs/merge.js';
import { type ScoreAllOptions, type Side, samePhotoModes, sides } from '../all-pairs/options.js';
import { scoreAll } from '../all-pairs/run.js';
import type { AllScores } from '../all-pairs/scores.js';
import { indexOf } from '../files/vectors.js';
import { allPairsRows, allPairsSummary, suspectsFile, writeAllPairsReport } from '../report/all-pairs.js';
import { loadDrawing } from '../report/charts.js';
import { shown } from '../report/evaluation.js';
import { identificationRows } from '../report/identification.js';
import { toJson } from '../report/page.js';
import { integer, number, rates, shard } from './numbers.js';
import { refuseIdle, vectorSimilarityOption } from './options.js';
import { exitCodes, print, printTable, warn } from './output.js';
import { Progress, runInterruptibly } from './progress.js';

interface ReportFlags {
  out?: string;
  images?: string;
  json?: boolean;
}

export interface ScoreAllFlags
  extends Omit<ScoreAllOptions, 'exclude' | 'signal' | 'onProgress' | 'onProblem'>,
    AllPairsTargets,
    ReportFlags {
  vectors: string;
  index?: string;
  exclude?: string;
  out: string;
}

function twoSides(text: string): [Side, Side] {
  const [probes, references, ...more] = text.split(',');
  const isSide = (side: string | undefined): side is Side => (sides as readonly (string | undefined)[]).includes(side);
  if (!isSide(probes) || !isSide(references) || more.length > 0)
    throw new InvalidArgumentError(`expected two of ${sides.join(', ')} with a comma between`);
  return [probes, references];
}

/**
 * Writes the report where `out` is given, and prints the evaluation. Without genuine or impostor pairs the exit code is
 * 1.
 */
async function report(
  scores: AllScores,
  evaluation: AllPairsEvaluation,
  { out, images, json }: ReportFlags,
): Promise<void> {
  const page =
    out === undefined
      ? undefined
      : await writeAllPairsReport(out, { scores, evaluation }, { ...(images !== undefined && { images }) });
  if (evaluation.eer === null) process.exitCode = exitCodes.someFailed;
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

/** Adds the options of every command that evaluates all pairs. */
function addTargetOptions(command: Command): Command {
  return command
    .option(
      '--fmr <rates>',
      'FMR targets for FNMR at FMR, with commas between (default: 1e-3,1e-4,1e-5,1e-6,1e-7)',
      rates,
    )
    .option('--rank <r>', 'a search succeeds if the mate is within this rank: R of FNIR(N, R, T)', integer, 1)
    .option('--fpir <rates>', 'FPIR targets for FNIR at FPIR, with commas between (default: 0.1,0.01,0.001)', rates)
    .option(
      '--images <base>',
      'show the most alike impostors in the report (personal data); photos are below this folder',
    )
    .option('--json', 'print the result as JSON');
}

export function scoreAllRunCommand(): Command {
  const command = new Command('run')
    .description('score all pairs (also without the word "run")')
    .requiredOption('--vectors <file>', 'vectors, .npy or .parquet, as embed writes them')
    .requiredOption('--out <folder>', 'write the scores and the report to this folder')
    .option('--index <file.jsonl>', 'index of the vectors (default: the file beside them; a .parquet file has its own)')
    .addOption(
      new Option('--within <side>', 'compare all unordered pairs of one side (default: all)')
        .choices(sides)
        .conflicts('between'),
    )
    .option('--between <sides>', 'compare all ordered pairs of two sides instead, such as masked,plain', twoSides)
    .addOption(vectorSimilarityOption())
    .addOption(
      new Option('--same-photo <mode>', 'what to do with genuine pairs from one source photo')
        .choices(samePhotoModes)
        .default('exclude'),
    )
    .addOption(
      new Option('--same-video <mode>', 'what to do with genuine pairs from one folder, if folders are videos')
        .choices(['exclude', 'include'])
        .default('include'),
    )
    .option('--exclude <pairs>', 'leave these pairs out: CSV with probe,reference (suspects.csv), or a pair list')
    .option('--bins <n>', 'bins of the score histograms', integer, 65_536)
    .option('--top <k>', 'impostor identities kept for each image', integer, 10)
    .option('--no-intervals', 'do not compute jackknife intervals')
    .option('--shard <i/n>', 'do part i of n; "score-all merge" adds the parts up (default: 1/1)', shard)
    .option('--concurrency <n>', 'threads that score pairs (default: the number of processors)', integer)
    .option('--device <device>', 'where pairs are scored: cpu, cuda, cuda:<n>, or auto (cuda if present)', 'cpu')
    .option('--device-memory <MiB>', 'device memory to use at most (default: half of it, up to 8 GiB)', integer);
  return addTargetOptions(command).action(async ({ vectors, index, exclude, out, ...flags }: ScoreAllFlags) => {
    refuseIdle(command, [['fpir', flags.top !== 0, '--top above 0']]);
    // Before hours of work.
    await checkScoresFolder(out);
    const progress = new Progress('strips');
    const excluded = exclude === undefined ? [] : await readExcluded(exclude);
    const scores = await runInterruptibly(progress, (signal) =>
      scoreAll(vectors, index ?? indexOf(vectors), {
        ...flags,
        exclude: excluded,
        signal,
        onProgress: ({ done, total }) => {
          progress.update(done, total);
          // For the report, which says so where it fails; a part has none.
          if ((flags.shard?.count ?? 1) === 1) loadDrawing().catch(() => {});
        },
        onProblem: ({ message }) => warn(message),
      }),
    );
    const { index: part, count } = scores.shard;
    await writeAllPairs(out, scores, async () => {
      if (count > 1) print(`part ${part} of ${count}: ${out}`);
      else await report(scores, evaluateAllPairs(scores, flags), { ...flags, out });
    });
  });
}

function mergeCommand(): Command {
  const command = new Command('merge')
    .description('add up the parts that score-all --shard wrote; the result equals one run')
    .argument('<folders...>', 'the --out folders of all parts')
    .requiredOption('--out <folder>', 'write the scores and the report to this folder');
  return addTargetOptions(command).action(
    async (folders: string[], { out, ...flags }: AllPairsTargets & ReportFlags & { out: string }) => {
      await checkScoresFolder(out);
      const merged = mergeScores(await Promise.all(folders.map(readAllPairs)));
      await writeAllPairs(out, merged, () => report(merged, evaluateAllPairs(merged, flags), { ...flags, out }));
    },
  );
}

function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('measure scored pairs again with other targets or a threshold, without comparing vectors')
    .argument('<folder>', 'the --out folder of score-all')
    .option('--fnmr <rates>', 'FNMR targets for FMR at FNMR, with commas between (default: none)', rates)
    .addOption(
      new Option('--threshold <t>', 'a threshold fixed beforehand').argParser(number).conflicts('thresholdFrom'),
    )
    .option('--threshold-from <file>', 'take the threshold from an earlier evaluation (evaluate --json)')
    .option('--threshold-fmr <rate>', 'take the threshold of this FMR with --threshold-from', number, 1e-3)
    .option('--model <name>', 'the model of the vectors; a threshold of another model is refused')
    .option('--out <folder>', 'write a report to this folder: tables, charts, numbers');
  return addTargetOptions(command).action(
    async (folder: string, { out, images, json, ...options }: EvaluateAllPairsFilesOptions & ReportFlags) => {
      const { thresholdFrom } = options;
      refuseIdle(command, [
        ['thresholdFmr', thresholdFrom !== undefined, '--threshold-from'],
        ['model', thresholdFrom !== undefined, '--threshold-from'],
        ['images', out !== undefined, '--out'],
      ]);
      const { scores, evaluation } = await evaluateAllPairsFiles(folder, options);
      await report(scores, evaluation, { out, images, json } as ReportFlags);
    },
  );
}

export function scoreAllCommand(): Command {
  const run = scoreAllRunCommand();
  return new Command('score-all')
    .description('score every pair of a corpus: exact error rates, most alike impostors')
    .addCommand(run, { isDefault: true })
    .addCommand(mergeCommand())
    .addCommand(evaluateCommand())
    .addHelpText('after', () => `\n${run.helpInformation()}`);
}
