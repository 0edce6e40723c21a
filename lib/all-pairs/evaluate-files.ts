import path from 'node:path';
import { checkOptions, checkPath, checkRates, checkText, invalid } from '../errors.js';
import { checkMeasuring } from '../metrics/arguments.js';
import { readThreshold } from '../metrics/threshold-files.js';
import { type AllPairsEvaluation, type AllPairsTargets, evaluateAllPairs } from './evaluate.js';
import { readAllPairs } from './files.js';
import type { AllScores } from './scores.js';

/** Options of {@link evaluateAllPairsFiles}. */
export interface EvaluateAllPairsFilesOptions extends AllPairsTargets {
  /** The saved evaluation (JSON of `evaluate`) to take the threshold from. */
  thresholdFrom?: string;
  /** The FMR of that threshold. Default 1e-3. */
  thresholdFmr?: number;
  /** The model of the vectors, where their index did not name it. A threshold of another model is refused. */
  model?: string;
}

/**
 * Evaluates all pairs that were scored before, without comparing vectors again.
 * @param folder Written by {@link writeAllPairs}.
 * @throws `MaskbenchError` as {@link readAllPairs} and {@link evaluateAllPairs}
 * @example
 * const { evaluation } = await evaluateAllPairsFiles('all/', { threshold: 0.4 });
 */
export async function evaluateAllPairsFiles(
  folder: string,
  options: EvaluateAllPairsFilesOptions = {},
): Promise<{ scores: AllScores; evaluation: AllPairsEvaluation }> {
  checkPath('folder', folder);
  checkOptions(options);
  const { thresholdFrom, thresholdFmr = 1e-3, model: given, ...targets } = options;
  if (given !== undefined) checkText('model', given);
  if (thresholdFrom !== undefined) checkPath('thresholdFrom', thresholdFrom);
  checkRates('thresholdFmr', [thresholdFmr]);
  checkMeasuring(targets);
  const scores = await readAllPairs(folder);
  if (thresholdFrom === undefined) return { scores, evaluation: evaluateAllPairs(scores, targets) };
  if (targets.threshold !== undefined) throw invalid('thresholdFrom', 'no threshold beside it', targets.threshold);
  const { threshold, notes } = await readThreshold(thresholdFrom, thresholdFmr, {
    name: path.basename(path.resolve(folder)),
    ...{
      alone: true,
      definition: 'exact',
      distance: false,
      model: given ?? scores.model,
      similarity: scores.similarity,
    },
  });
  const evaluation = evaluateAllPairs(scores, { ...targets, threshold });
  return { scores, evaluation: { ...evaluation, notes: [...notes, ...evaluation.notes] } };
}
