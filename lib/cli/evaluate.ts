import { Command, Option } from 'commander';
import type { PairScores } from '../embed/score.js';
import { checkChoice, MaskbenchError } from '../errors.js';
import { definitions, type Evaluation, protocols } from '../metrics/evaluate.js';
import { type EvaluateFilesOptions, evaluateFiles } from '../metrics/evaluate-files.js';
import { fusions } from '../metrics/fusion.js';
import { vectorSimilarities } from '../models/similarity.js';
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
import { print, printTable } from './output.js';

interface Flags extends EvaluateFilesOptions {
  scores?: string[];
  vectors?: string[];
  images?: string;
  out?: string;
  json?: boolean;
}

function printEvaluation(evaluation: Evaluation): void {
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

async function scoreVectors(vectors: string, { pairs, similarity }: EvaluateFilesOptions): Promise<PairScores> {
  const { scorePairs } = await import('../embed/score.js');
  return scorePairs(vectors, pairs as string, {
    ...(similarity !== undefined && { similarity: checkChoice('similarity', similarity, vectorSimilarities) }),
  });
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('measure verification from scores: EER, FNMR at fixed FMR, intervals, curves')
    .option('--scores <files...>', 'score files, one a system: text (a score a line), .csv, .json or .npy')
    .option('--vectors <files...>', 'vectors that "embed" wrote, one a system, to score the pair list from')
    .option('--pairs <list>', 'the pair list of the scores, in the same order; published lists are taken too')
    .option('--labels <file>', '0 or 1 for each score (text or .npy), if neither a pair list nor a score file has them')
    .option('--failures <file>', 'rows (from 0, one a line) without a template, for score files in text or .npy')
    .addOption(new Option('--definition <name>', 'how error rates are counted').choices(definitions).default('exact'))
    .addOption(
      new Option(
        '--protocol <name>',
        'also give accuracy and TAR as this protocol counts; its scores are cosines, or with --distance squared distances of normalised vectors',
      ).choices(protocols),
    )
    .option('--distance', 'scores and thresholds are distances: smaller is more alike')
    .option('--model <names...>', 'the model of each score file; a threshold of another model is refused')
    .option('--similarity <name>', 'the similarity of all scores (cosine, l2, …); a threshold of another is refused')
    .option('--fmr <rates>', 'FMR targets for FNMR at FMR, with commas between (default: 0.1,0.01,0.001,0.0001)', rates)
    .option('--fnmr <rates>', 'FNMR targets for FMR at FNMR, with commas between (default: 0.1,0.01)', rates)
    .addOption(
      new Option('--threshold <t>', 'a threshold fixed beforehand, in the unit of the scores')
        .argParser(number)
        .conflicts('thresholdFrom'),
    )
    .option(
      '--threshold-from <source>',
      "take thresholds from plain-plain comparisons (NIST's face mask protocol: plain-plain), or from an earlier evaluation (a file, evaluate --json)",
    )
    .option('--threshold-fmr <rate>', 'take the threshold of this FMR with --threshold-from', number, 1e-3)
    .option('--draws <n>', 'bootstrap draws for intervals (default: 1000, or 0 above a million scores)', integer)
    .option('--seed <n>', 'random seed for the bootstrap and for the folds of --fuse llr', integer, 0)
    .option(
      '--groups <file>',
      'also give rates by group: CSV of identity or photo and attributes, list_attr_celeba.txt, or sof',
    )
    .addOption(new Option('--fuse <how>', 'also evaluate the fusion of all systems').choices(fusions))
    .option('--prior <p>', 'prior probability of a genuine comparison, for --fuse llr', number, 0.5)
    .option('--out <folder>', 'write a report to this folder: tables, charts, numbers')
    .option('--images <base>', 'show the worst errors in the report (personal data); photos are below this folder')
    .option('--json', 'print the result as JSON')
    .action(async ({ scores = [], vectors = [], out, images, json, ...options }: Flags, command: Command) => {
      const { pairs, draws, fuse, thresholdFrom } = options;
      const systems = scores.length + vectors.length;
      if (systems === 0)
        throw new MaskbenchError('INVALID_ARGUMENT', '--scores', 'expected --scores, or --vectors and --pairs');
      refuseIdle(command, [
        ['thresholdFmr', thresholdFrom !== undefined, '--threshold-from'],
        ['prior', fuse === 'llr', '--fuse llr'],
        ['images', out !== undefined, '--out'],
        ['images', pairs !== undefined, '--pairs, which names the photos'],
        ['groups', pairs !== undefined, '--pairs, which says who is compared'],
        ['seed', draws !== 0 || fuse === 'llr', '--draws or --fuse llr'],
        ['fuse', fuse === 'llr' || systems > 1, 'two systems, or llr'],
        ['vectors', pairs !== undefined, '--pairs, which says what is compared'],
        ['failures', scores.length > 0, '--scores'],
        ['model', scores.length > 0, '--scores; the index of vectors names its model'],
      ]);
      const scored = await Promise.all(vectors.map((file) => scoreVectors(file, options)));
      const notes = scored.flatMap((one) => one.notes);
      const [first] = scored;
      const evaluated = await evaluateFiles([...scores, ...scored.map(({ system }) => system)], {
        ...options,
        // Who wears a mask is as the index says; a published list does not know it.
        ...(first && { pairs: first.pairs }),
      });
      evaluated.evaluation.notes.unshift(...notes);
      const { evaluation } = evaluated;
      const page =
        out === undefined
          ? undefined
          : await writeEvaluationReport(out, evaluated, { ...(images !== undefined && { images }) });
      if (json) return print(toJson(evaluation));
      if (page !== undefined) print(`report: ${page}`);
      printEvaluation(evaluation);
    });
}
