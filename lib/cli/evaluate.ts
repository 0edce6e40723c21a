import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command, Option } from 'commander';
import { invalid, MaskbenchError } from '../errors.js';
import { type Comparisons, definitions, type EvaluateOptions, type Evaluation, evaluate } from '../metrics/evaluate.js';
import { calibrate, type Fusion, fuse, fusions } from '../metrics/fusion.js';
import { readGroups } from '../metrics/groups.js';
import { readFailures, readLabels, readScores, type SystemScores } from '../metrics/score-files.js';
import { isGenuine, pairIdentity, parsePairs } from '../pairs/list.js';
import { measureRows, notesOf, partRows, shown, shownEstimate, writeEvaluationReport } from '../report/evaluation.js';
import { toJson } from '../report/page.js';
import { loadScores } from '../score/files.js';
import { integer, number, rates } from './numbers.js';
import { print, printTable } from './output.js';
import { tellAllPairs } from './score-all.js';

interface Flags extends Omit<EvaluateOptions, 'groups' | 'signal' | 'plainFmr'> {
  pairs?: string;
  labels?: string;
  scores?: string[];
  allPairs?: string;
  failures?: string;
  fuse?: Fusion;
  prior: number;
  thresholdFrom?: string;
  thresholdFmr: number;
  groups?: string;
  images?: string;
  out?: string;
  json?: boolean;
}

/** Labels from the pair list, a file of labels, or the score files themselves. */
async function readComparisons(
  flags: Flags & { scores: string[] },
): Promise<{ comparisons: Comparisons; systems: SystemScores[] }> {
  const list = flags.pairs === undefined ? undefined : parsePairs(await read(flags.pairs), flags.pairs).pairs;
  const failures = flags.failures === undefined ? undefined : await readFailures(flags.failures);
  const systems: SystemScores[] = [];
  for (const file of flags.scores)
    systems.push(await readScores(file, { ...(list && { pairs: list }), ...(failures && { failures }) }));
  // Files of one name lie in folders that tell them apart.
  if (new Set(systems.map(({ name }) => name)).size < systems.length) {
    const folders = flags.scores.map((file) => path.basename(path.dirname(path.resolve(file))));
    const tell = new Set(folders).size === folders.length;
    for (const [i, system] of systems.entries()) system.name = (tell ? folders : flags.scores)[i] as string;
  }
  const [first] = systems as [SystemScores];
  const count = first.scores.length;
  if (list && list.length < count)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      flags.pairs as string,
      `${flags.pairs}: ${list.length} pairs for ${count} scores of ${first.name}`,
    );
  // The paper's lists are longer than its scores, which are of their first pairs.
  const pairs = list?.slice(0, count);
  if (list && list.length > count && flags.definition !== 'paper')
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      flags.pairs as string,
      `${flags.pairs}: ${list.length} pairs for ${count} scores of ${first.name} (only --definition paper takes the first ones)`,
    );
  const inList = pairs?.every(({ genuine }) => genuine !== undefined);
  const labels =
    flags.labels !== undefined
      ? await readLabels(flags.labels)
      : ((inList ? undefined : first.labels) ?? (pairs && Uint8Array.from(pairs, (pair) => Number(isGenuine(pair)))));
  if (!labels)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'labels',
      'expected --pairs, --labels, or a column "label" in the score files',
    );
  return { comparisons: { labels, ...(pairs && { pairs }) }, systems };
}

const read = (file: string) =>
  readFile(file, 'utf8').catch((error) => {
    throw new MaskbenchError('NOT_FOUND', file, `${file}: cannot be read: ${error.message}`);
  });

/** The threshold that an earlier evaluation, saved as JSON, found for an FMR. */
export async function readThreshold(file: string, fmr: number): Promise<number> {
  const unreadable = (problem: string) => new MaskbenchError('UNREADABLE', file, `${file}: ${problem}`);
  let saved: Partial<Evaluation>;
  try {
    saved = JSON.parse(await read(file)) as Partial<Evaluation>;
  } catch (error) {
    throw error instanceof MaskbenchError ? error : unreadable((error as Error).message);
  }
  const points = saved.systems?.[0]?.fnmrAtFmr;
  if (!points) throw unreadable('expected what evaluate --json prints');
  const point = points.find(({ target }) => target === fmr);
  if (typeof point?.threshold !== 'number')
    throw unreadable(`has no threshold for FMR ${fmr}, only for ${points.map(({ target }) => target).join(', ')}`);
  return point.threshold;
}

/** The threshold that `--threshold-from` names as a file, or `--threshold`. */
async function fixedThreshold({ threshold, thresholdFrom, thresholdFmr }: Flags): Promise<number | undefined> {
  if (thresholdFrom === undefined || thresholdFrom === 'plain-plain') return threshold;
  return readThreshold(thresholdFrom, thresholdFmr);
}

async function runEvaluate(flags: Flags, command: Command): Promise<void> {
  if (flags.allPairs !== undefined) {
    const { out, images, json, fmr, fnmr } = flags;
    if (flags.thresholdFrom === 'plain-plain')
      throw invalid(
        '--threshold-from',
        'a file with --all-pairs: score-all --within plain gives plain–plain rates',
        'plain-plain',
      );
    const threshold = await fixedThreshold(flags);
    return tellAllPairs(await loadScores(flags.allPairs), {
      ...{ out, images, json, fmr, fnmr, threshold },
    } as Parameters<typeof tellAllPairs>[1]);
  }
  const { scores } = flags;
  if (scores === undefined) return command.error("error: required option '--scores' or '--all-pairs'", { exitCode: 2 });
  const { comparisons, systems } = await readComparisons({ ...flags, scores });
  const { labels, pairs } = comparisons;
  if (flags.fuse === 'llr') {
    if (!pairs)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        'fuse',
        '--fuse llr needs --pairs: its weights are fitted on other identities',
      );
    const identities = pairs.map(({ reference, probe }) => [pairIdentity(reference), pairIdentity(probe)] as const);
    const { seed = 0, prior } = flags;
    systems.push(calibrate(systems, labels, identities, { seed, prior }));
  } else if (flags.fuse !== undefined) systems.push(fuse(systems, labels, flags.fuse));
  const options: EvaluateOptions = {
    ...flags,
    ...(flags.groups !== undefined && { groups: await readGroups(flags.groups) }),
  } as EvaluateOptions;
  if (flags.thresholdFrom === 'plain-plain') options.plainFmr = flags.thresholdFmr;
  const threshold = await fixedThreshold(flags);
  if (threshold !== undefined) options.threshold = threshold;
  const evaluation = await evaluate(systems, comparisons, options);
  if (flags.out !== undefined) {
    const { images } = flags;
    const page = await writeEvaluationReport(flags.out, evaluation, {
      systems,
      comparisons,
      ...(images !== undefined && { images }),
    });
    if (!flags.json) print(`report: ${page}`);
  }
  if (flags.json) return print(toJson(evaluation));
  print(`definition: ${evaluation.definition}; intervals: ${evaluation.intervals}`);
  printTable(measureRows(evaluation));
  for (const { name, maskings, groups } of evaluation.systems)
    for (const [kind, parts] of [
      ['kinds of masking', maskings],
      ['groups', groups],
    ] as const)
      if (parts) {
        print(`\n${name}: ${kind}, at one threshold`);
        printTable(partRows(parts));
      }
  if (evaluation.differences.length > 0) print('');
  for (const { name, eer, fnmrAtFmr } of evaluation.differences)
    print(
      `${name}: EER ${shownEstimate(eer)}${fnmrAtFmr.map((point) => `; FNMR at FMR ${shown(point.target)} ${shownEstimate(point)}`).join('')}`,
    );
  for (const note of notesOf(evaluation)) print(`note: ${note}`);
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('measure verification from scores: EER, FNMR at fixed FMR, intervals, curves')
    .option('--scores <files...>', 'one file a system: text (a score a line), .csv, .json or .npy')
    .addOption(
      new Option(
        '--all-pairs <folder>',
        'what score-all wrote, instead of scores; takes --fmr, --fnmr, --threshold',
      ).conflicts(['scores', 'pairs', 'labels', 'failures', 'definition', 'distance', 'draws', 'groups', 'fuse']),
    )
    .option('--pairs <list>', 'the pair list of the scores, in their order')
    .option('--labels <file>', '0 or 1 for each score (text or .npy), where no list or file has them')
    .option('--failures <file>', 'rows (from 0, one a line) without a template, for .npy')
    .addOption(new Option('--definition <name>', 'how rates are counted').choices(definitions).default('exact'))
    .option('--distance', 'scores are distances: smaller is more alike')
    .option('--fmr <rates>', 'targets for FNMR at FMR', rates)
    .option('--fnmr <rates>', 'targets for FMR at FNMR', rates)
    .option('--threshold <t>', 'a threshold fixed beforehand', number)
    .option('--threshold-from <what>', "plain-plain (NIST's face mask protocol), or a file that evaluate --json wrote")
    .option('--threshold-fmr <rate>', 'the FMR that --threshold-from sets its threshold at', number, 1e-5)
    .option('--draws <n>', 'bootstrap draws for intervals (default: 1000; none above a million scores)', integer)
    .option('--seed <n>', 'of draws and folds', integer, 0)
    .option('--groups <file>', 'CSV with identity or photo and attributes, list_attr_celeba.txt, or sof')
    .addOption(new Option('--fuse <how>', 'adds the fusion of all systems; llr calibrates them').choices(fusions))
    .option('--prior <p>', 'of a genuine comparison, for --fuse llr', number, 0.5)
    .option('--out <folder>', 'write a report there: tables, pictures, numbers')
    .option('--images <base>', 'show the worst errors in the report (personal data), photos being below this folder')
    .option('--json', 'print as JSON')
    .action(runEvaluate);
}
