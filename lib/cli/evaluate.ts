import path from 'node:path';
import { Command, Option } from 'commander';
import { readAllPairs } from '../all-pairs/files.js';
import { invalid, MaskbenchError } from '../errors.js';
import { readText } from '../files/text.js';
import type { Comparisons } from '../metrics/comparisons.js';
import { definitions, type EvaluateOptions, evaluate } from '../metrics/evaluate.js';
import { calibrate, type Fusion, fuse, fusions } from '../metrics/fusion.js';
import { readGroups } from '../metrics/groups.js';
import { readFailures, readLabels, readScores, type SystemScores } from '../metrics/score-files.js';
import { readThreshold } from '../metrics/threshold-files.js';
import { isGenuine, pairIdentity, parsePairs } from '../pairs/list.js';
import {
  measureRows,
  notesOf,
  partRows,
  partsTitle,
  shown,
  shownEstimate,
  writeEvaluationReport,
} from '../report/evaluation.js';
import { toJson } from '../report/page.js';
import { integer, number, rates } from './numbers.js';
import { refuseIdle } from './options.js';
import { print, printTable, warn } from './output.js';
import { tellAllPairs } from './score-all.js';

interface Flags extends Omit<EvaluateOptions, 'groups' | 'signal' | 'plainFmr' | 'threshold'> {
  pairs?: string;
  labels?: string;
  scores?: string[];
  model?: string[];
  similarity?: string;
  distance?: boolean;
  allPairs?: string;
  failures?: string;
  fuse?: Fusion;
  prior: number;
  threshold?: number;
  thresholdFrom?: string;
  thresholdFmr: number;
  groups?: string;
  images?: string;
  out?: string;
  json?: boolean;
}

async function readSystems({ scores, model, similarity, distance, failures: file }: Flags & { scores: string[] }) {
  if (model && model.length !== scores.length)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      '--model',
      `--model: expected one for each score file (${scores.length}), received ${model.length}`,
    );
  const failures = file === undefined ? undefined : await readFailures(file);
  const systems: SystemScores[] = [];
  for (const [i, of] of scores.entries())
    systems.push({
      ...(await readScores(of, { ...(failures && { failures }) })),
      ...(model && { model: model[i] as string }),
      ...(similarity !== undefined && { similarity }),
      ...(distance && { distance }),
    });
  // Files of one name lie in folders that tell them apart.
  if (new Set(systems.map(({ name }) => name)).size < systems.length) {
    const folders = scores.map((of) => path.basename(path.dirname(path.resolve(of))));
    const tell = new Set(folders).size === folders.length;
    for (const [i, system] of systems.entries()) system.name = (tell ? folders : scores)[i] as string;
  }
  return systems;
}

/** Labels from a file of labels, the pair list, or the score files themselves. Whatever else says them is held against these. */
async function readComparisons(flags: Flags, systems: readonly SystemScores[]): Promise<Comparisons> {
  const list = flags.pairs === undefined ? undefined : parsePairs(await readText(flags.pairs), flags.pairs).pairs;
  const [first] = systems as [SystemScores];
  const count = first.scores.length;
  const unlike = (more: string) =>
    new MaskbenchError(
      'INVALID_ARGUMENT',
      flags.pairs as string,
      `${flags.pairs}: ${list?.length} pairs for ${count} scores of ${first.name}${more}`,
    );
  if (list && list.length < count) throw unlike('');
  // The paper's lists are longer than its scores, which are of their first pairs.
  if (list && list.length > count && flags.definition !== 'paper')
    throw unlike(' (only --definition paper takes the first ones)');
  const pairs = list?.slice(0, count);
  const stating = systems.find((system) => system.labels);
  const [labels, source] =
    flags.labels !== undefined
      ? [await readLabels(flags.labels), flags.labels]
      : pairs
        ? [Uint8Array.from(pairs, (pair) => Number(isGenuine(pair))), flags.pairs]
        : [stating?.labels, stating?.file];
  if (!labels)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'labels',
      'expected --pairs, --labels, or a column "label" in the score files',
    );
  return {
    labels,
    ...(pairs && { pairs }),
    sources: {
      ...(source !== undefined && { labels: source }),
      ...(flags.pairs !== undefined && { pairs: flags.pairs }),
    },
  };
}

/** Log-likelihood ratios and normalised scores have a scale of their own, which no threshold of the scores is on. */
const ownScale = (how: Fusion) => how === 'llr' || how === 'z-norm';

function fused(flags: Flags, systems: readonly SystemScores[], { labels, pairs }: Comparisons): SystemScores {
  if (flags.fuse !== 'llr') return fuse(systems, labels, flags.fuse as Exclude<Fusion, 'llr'>);
  if (!pairs)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'fuse',
      '--fuse llr needs --pairs: its weights are fitted on other identities',
    );
  const identities = pairs.map(({ reference, probe }) => [pairIdentity(reference), pairIdentity(probe)] as const);
  const { seed = 0, prior } = flags;
  return calibrate(systems, labels, identities, { seed, prior });
}

/** A fixed threshold for each system by its name; a file has one for each. */
async function thresholdsOf(flags: Flags, systems: readonly SystemScores[]): Promise<Record<string, number>> {
  const thresholds: Record<string, number> = {};
  for (const { name, distance = false, model, similarity } of systems) {
    if (flags.threshold !== undefined) thresholds[name] = flags.threshold;
    if (flags.thresholdFrom === undefined) continue;
    const { definition = 'exact' } = flags;
    const use = { name, alone: systems.length === 1, definition, distance, model, similarity };
    const { threshold, notes } = await readThreshold(flags.thresholdFrom, flags.thresholdFmr, use);
    for (const note of notes) warn(`note: ${note}`);
    thresholds[name] = threshold;
  }
  return thresholds;
}

async function evaluateAllPairsOf(flags: Flags & { allPairs: string }): Promise<void> {
  const { out, images, json, fmr, fnmr, model } = flags;
  if (flags.thresholdFrom === 'plain-plain')
    throw invalid(
      '--threshold-from',
      'a file with --all-pairs: score-all --within plain gives plain–plain rates',
      'plain-plain',
    );
  const scores = await readAllPairs(flags.allPairs);
  const name = path.basename(path.resolve(flags.allPairs));
  const system = { name, scores: scores.genuine, failed: new Set<number>(), similarity: scores.similarity };
  const thresholds = await thresholdsOf(flags, [{ ...system, ...(model?.[0] !== undefined && { model: model[0] }) }]);
  const threshold = thresholds[name];
  return tellAllPairs(scores, { ...{ out, images, json, fmr, fnmr, threshold } } as Parameters<typeof tellAllPairs>[1]);
}

async function runEvaluate(flags: Flags, command: Command): Promise<void> {
  const { scores, allPairs, thresholdFrom } = flags;
  refuseIdle(command, [
    ['thresholdFmr', thresholdFrom !== undefined, '--threshold-from'],
    ['prior', flags.fuse === 'llr', '--fuse llr'],
    ['images', flags.out !== undefined, '--out'],
    ['model', allPairs === undefined || thresholdFrom !== undefined, '--threshold-from beside --all-pairs'],
    ['images', allPairs !== undefined || flags.pairs !== undefined, '--pairs, which names the photos'],
    ['groups', flags.pairs !== undefined, '--pairs, which says who is compared'],
    ['seed', flags.draws !== 0 || flags.fuse === 'llr', '--draws or --fuse llr'],
    ['fuse', flags.fuse === 'llr' || scores === undefined || scores.length > 1, 'two score files, or llr'],
  ]);
  if (allPairs !== undefined) return evaluateAllPairsOf({ ...flags, allPairs });
  if (scores === undefined) return command.error("error: required option '--scores' or '--all-pairs'", { exitCode: 2 });
  const systems = await readSystems({ ...flags, scores });
  const comparisons = await readComparisons(flags, systems);
  const { fuse: how, groups, thresholdFmr, images, fmr, fnmr, draws, seed, definition } = flags;
  const options: EvaluateOptions = {
    ...(groups !== undefined && { groups: await readGroups(groups) }),
    ...(fmr && { fmr }),
    ...(fnmr && { fnmr }),
    ...(draws !== undefined && { draws }),
    ...(seed !== undefined && { seed }),
    ...(definition && { definition }),
    ...(thresholdFrom === 'plain-plain' && { plainFmr: thresholdFmr }),
  };
  const all = how === undefined ? systems : [...systems, fused(flags, systems, comparisons)];
  if (flags.threshold !== undefined || (thresholdFrom !== undefined && thresholdFrom !== 'plain-plain'))
    options.threshold = await thresholdsOf(flags, how !== undefined && ownScale(how) ? systems : all);
  const evaluation = await evaluate(all, comparisons, options);
  if (flags.out !== undefined) {
    const page = await writeEvaluationReport(flags.out, evaluation, {
      systems: all,
      comparisons,
      ...(images !== undefined && { images }),
    });
    if (!flags.json) print(`report: ${page}`);
  }
  if (flags.json) return print(toJson(evaluation));
  print(`definition: ${evaluation.definition}; intervals: ${evaluation.intervals}`);
  printTable(measureRows(evaluation));
  for (const system of evaluation.systems)
    for (const kind of ['maskings', 'groups'] as const) {
      const parts = system[kind];
      if (!parts) continue;
      print(`\n${partsTitle(system, kind)}`);
      printTable(partRows(parts));
    }
  if (evaluation.differences.length > 0) print('');
  for (const { name, genuine, impostor, eer, fnmrAtFmr } of evaluation.differences)
    print(
      `${name} (of ${genuine} genuine and ${impostor} impostor comparisons that both have): EER ${shownEstimate(eer)}${fnmrAtFmr.map((point) => `; FNMR at FMR ${shown(point.target)} ${shownEstimate(point)}`).join('')}`,
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
      ).conflicts([
        ...['scores', 'pairs', 'labels', 'failures', 'definition', 'distance', 'similarity', 'draws', 'seed', 'groups'],
        ...['fuse', 'prior'],
      ]),
    )
    .option('--pairs <list>', 'the pair list of the scores, in their order')
    .option('--labels <file>', '0 or 1 for each score (text or .npy), where no list or file has them')
    .option('--failures <file>', 'rows (from 0, one a line) without a template, for .npy and text')
    .addOption(new Option('--definition <name>', 'how rates are counted').choices(definitions).default('exact'))
    .option('--distance', 'scores, and thresholds, are distances: smaller is more alike')
    .option(
      '--model <names...>',
      'what each score file was made with, kept with its thresholds and held against --threshold-from',
    )
    .option('--similarity <name>', 'of all score files (cosine, l2, …), kept and held likewise')
    .option('--fmr <rates>', 'targets for FNMR at FMR', rates)
    .option('--fnmr <rates>', 'targets for FMR at FNMR', rates)
    .addOption(
      new Option('--threshold <t>', 'a threshold fixed beforehand, as the scores are')
        .argParser(number)
        .conflicts('thresholdFrom'),
    )
    .option('--threshold-from <what>', "plain-plain (NIST's face mask protocol), or a file that evaluate --json wrote")
    .option('--threshold-fmr <rate>', 'the FMR that --threshold-from sets its threshold at', number, 1e-3)
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
