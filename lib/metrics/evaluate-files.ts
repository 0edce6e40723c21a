import path from 'node:path';
import {
  checkArray,
  checkChoice,
  checkFlag,
  checkOptions,
  checkPath,
  checkPaths,
  checkRates,
  checkText,
  invalid,
  MaskbenchError,
} from '../errors.js';
import { checkPairs, isGenuine, type Pair, pairIdentity, readPairs } from '../pairs/list.js';
import { checkMeasuring, checkSystem } from './arguments.js';
import type { Comparisons } from './comparisons.js';
import { type EvaluateOptions, type Evaluation, evaluate } from './evaluate.js';
import { calibrate, type Fusion, fuse, fusions } from './fusion.js';
import { readGroups } from './groups.js';
import { readFailures, readLabels, readScores, type SystemScores } from './score-files.js';
import { readThreshold } from './threshold-files.js';

/** Options of {@link evaluateFiles}. Without `pairs` and `labels` a score file must have a column `label`. */
export interface EvaluateFilesOptions extends Omit<EvaluateOptions, 'groups' | 'threshold' | 'plainFmr'> {
  /** The pair list of the scores, in the same order, in any form of `readPairs`; or its pairs. */
  pairs?: string | readonly Pair[];
  /** 0 or 1 for each score: text or `.npy`. */
  labels?: string;
  /** Rows (from 0, one a line) without a template, for score files that cannot mark them. */
  failures?: string;
  /** Attributes of identities or photos: see {@link readGroups}. */
  groups?: string;
  /** The model of each score file. A threshold of another model is refused. */
  model?: readonly string[];
  /** The similarity of all score files. A threshold of another similarity is refused. */
  similarity?: string;
  /** Scores and thresholds are distances: smaller is more alike. */
  distance?: boolean;
  /** Adds the fusion of all systems as one more system. */
  fuse?: Fusion;
  /** Prior probability of a genuine comparison, for the fusion `llr`. Default 0.5. */
  prior?: number;
  /** A threshold fixed beforehand, in the unit of the scores. */
  threshold?: number;
  /** Where to take thresholds from: `plain-plain` comparisons, or the file of an earlier evaluation (JSON). */
  thresholdFrom?: string;
  /** The FMR of that threshold. Default 1e-3. */
  thresholdFmr?: number;
}

/** What {@link evaluateFiles} read and found. */
export interface FileEvaluation {
  evaluation: Evaluation;
  systems: SystemScores[];
  comparisons: Comparisons;
}

async function readSystems(
  files: readonly (string | SystemScores)[],
  { model, similarity, distance, failures: file }: EvaluateFilesOptions,
): Promise<SystemScores[]> {
  if (model && model.length !== files.length)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'model',
      `model: expected one for each score file (${files.length}), received ${model.length}`,
    );
  const failures = file === undefined ? undefined : await readFailures(file);
  const systems: SystemScores[] = [];
  for (const [i, scores] of files.entries())
    systems.push({
      ...(typeof scores === 'string' ? await readScores(scores, { ...(failures && { failures }) }) : scores),
      ...(model && { model: model[i] as string }),
      ...(similarity !== undefined && { similarity }),
      ...(distance && { distance }),
    });
  // Folders distinguish score files with the same name.
  if (
    new Set(systems.map(({ name }) => name)).size < systems.length &&
    files.every((file) => typeof file === 'string')
  ) {
    const folders = files.map((scores) => path.basename(path.dirname(path.resolve(scores))));
    const distinct = new Set(folders).size === folders.length;
    for (const [i, system] of systems.entries()) system.name = (distinct ? folders : files)[i] as string;
  }
  return systems;
}

/**
 * Takes labels from the label file, the pair list or the score files, in this order. {@link evaluate} compares them
 * with the others.
 */
async function readComparisons(
  systems: readonly SystemScores[],
  { pairs: pairList, labels: labelFile, definition }: EvaluateFilesOptions,
): Promise<Comparisons> {
  const list = typeof pairList === 'string' ? (await readPairs(pairList)).pairs : pairList;
  const listName = typeof pairList === 'string' ? pairList : 'pairs';
  const [first] = systems as [SystemScores];
  const count = first.scores.length;
  const unlike = (more: string) =>
    new MaskbenchError(
      'INVALID_ARGUMENT',
      listName,
      `${listName}: ${list?.length} pairs for ${count} scores of ${first.name}${more}`,
    );
  if (list && list.length < count) throw unlike('');
  // The paper's lists are longer than its score files, which cover their first pairs.
  if (list && list.length > count && definition !== 'paper')
    throw unlike(' (only definition paper takes the first ones)');
  const pairs = list?.slice(0, count);
  const labelled = systems.find((system) => system.labels);
  const [labels, source] =
    labelFile !== undefined
      ? [await readLabels(labelFile), labelFile]
      : pairs
        ? [Uint8Array.from(pairs, (pair) => Number(isGenuine(pair))), listName]
        : [labelled?.labels, labelled?.file];
  if (!labels)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'labels',
      'expected pairs, labels, or a column "label" in the score files',
    );
  return {
    labels,
    ...(pairs && { pairs }),
    sources: { ...(source !== undefined && { labels: source }), ...(pairs && { pairs: listName }) },
  };
}

function fuseSystems(
  systems: readonly SystemScores[],
  { labels, pairs }: Comparisons,
  how: Fusion,
  { seed = 0, prior = 0.5 }: EvaluateFilesOptions,
): SystemScores {
  if (how !== 'llr') return fuse(systems, labels, how);
  if (!pairs)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'fuse',
      'fuse: llr needs a pair list, because its weights are fitted on other identities',
    );
  const identities = pairs.map(({ reference, probe }) => [pairIdentity(reference), pairIdentity(probe)] as const);
  return calibrate(systems, labels, identities, { seed, prior });
}

/** Log-likelihood ratios and normalised scores have their own scale, to which no threshold of the systems applies. */
const hasOwnScale = (how: Fusion | undefined) => how === 'llr' || how === 'z-norm';

/**
 * Reads score files and what they are about, and evaluates them. Each file is one system; so are scores in memory.
 * @throws `MaskbenchError` as {@link readScores} and {@link evaluate}; `INVALID_ARGUMENT` for inputs that
 * contradict each other
 * @example
 * const { evaluation } = await evaluateFiles(['ours.txt', 'theirs.csv'], { pairs: 'pairs.txt' });
 */
export async function evaluateFiles(
  scores: readonly (string | SystemScores)[],
  options: EvaluateFilesOptions = {},
): Promise<FileEvaluation> {
  const checkScores = (name: string, system: unknown) =>
    typeof system === 'string' ? checkPath(name, system) : checkSystem(name, system);
  if (checkArray('scores', scores, checkScores, 'an array of paths').length === 0)
    throw invalid('scores', 'at least one file', scores);
  checkOptions(options);
  if (Array.isArray(options.pairs)) checkPairs(options.pairs);
  else if (options.pairs !== undefined) checkPath('pairs', options.pairs);
  for (const name of ['labels', 'failures', 'groups', 'thresholdFrom'] as const)
    if (options[name] !== undefined) checkPath(name, options[name]);
  if (options.model !== undefined) checkPaths('model', options.model);
  if (options.similarity !== undefined) checkText('similarity', options.similarity);
  checkFlag('distance', options.distance);
  if (options.fuse !== undefined) checkChoice('fuse', options.fuse, fusions);
  const { pairs, labels, failures, groups, model, similarity, distance, ...more } = options;
  const { fuse: how, prior, threshold, thresholdFrom, thresholdFmr = 1e-3, ...measuring } = more;
  checkMeasuring({ ...measuring, prior, threshold });
  checkRates('thresholdFmr', [thresholdFmr]);
  if (threshold !== undefined && thresholdFrom !== undefined)
    throw new MaskbenchError('INVALID_ARGUMENT', 'threshold', 'expected threshold or thresholdFrom, received both');
  const systems = await readSystems(scores, options);
  const comparisons = await readComparisons(systems, options);
  const all = how === undefined ? systems : [...systems, fuseSystems(systems, comparisons, how, options)];
  const withThreshold = hasOwnScale(how) ? systems : all;
  const notes: string[] = [];
  const thresholds: Record<string, number> = {};
  for (const system of withThreshold) {
    const { name } = system;
    if (threshold !== undefined) thresholds[name] = threshold;
    if (thresholdFrom === undefined || thresholdFrom === 'plain-plain') continue;
    const alone = withThreshold.length === 1;
    const use = { distance: false, ...system, alone, definition: options.definition ?? 'exact' };
    const found = await readThreshold(thresholdFrom, thresholdFmr, use);
    notes.push(...found.notes);
    thresholds[name] = found.threshold;
  }
  const evaluation = await evaluate(all, comparisons, {
    ...measuring,
    ...(groups !== undefined && { groups: await readGroups(groups) }),
    ...(thresholdFrom === 'plain-plain' && { plainFmr: thresholdFmr }),
    ...(Object.keys(thresholds).length > 0 && { threshold: thresholds }),
  });
  return { evaluation: { ...evaluation, notes: [...notes, ...evaluation.notes] }, systems: all, comparisons };
}
