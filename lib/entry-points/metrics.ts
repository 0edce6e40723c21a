/**
 * Error metrics from scores, of pair lists and of every pair of a corpus.
 * @module
 */
export {
  type AllPairsEvaluation,
  type AllPairsTargets,
  type EdgesAround,
  evaluateAllPairs,
  type ImpostorPair,
} from '../all-pairs/evaluate.js';
export { type EvaluateAllPairsFilesOptions, evaluateAllPairsFiles } from '../all-pairs/evaluate-files.js';
export { readAllPairs, readExcluded, writeAllPairs } from '../all-pairs/files.js';
export { mergeScores } from '../all-pairs/merge.js';
export { type SamePhotoMode, type ScoreAllOptions, type Side, samePhotoModes, sides } from '../all-pairs/options.js';
export { type AllPairsRates, type EdgeRates, ratesAtEdges, ratesAtFmr } from '../all-pairs/rates.js';
export { scoreAll } from '../all-pairs/run.js';
export type { AllScores, ScoredImage } from '../all-pairs/scores.js';
export { type PairScores, type ScorePairsOptions, scorePairs, writePairScores } from '../embed/score.js';
export type { Comparisons } from '../metrics/comparisons.js';
export {
  type Acquisition,
  type Definition,
  type Difference,
  definitions,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type MeasureEstimates,
  type OperatingRates,
  type PartRates,
  type Protocol,
  protocols,
  type SystemEvaluation,
  type TargetRates,
  type ThresholdRates,
} from '../metrics/evaluate.js';
export { type EvaluateFilesOptions, evaluateFiles, type FileEvaluation } from '../metrics/evaluate-files.js';
export type { FoldedRates } from '../metrics/folds.js';
export { calibrate, cllr, type Fusion, fuse, fusions } from '../metrics/fusion.js';
export { type Attributes, readGroups } from '../metrics/groups.js';
export {
  evaluateIdentification,
  galleries,
  type Identification,
  type IdentificationOptions,
} from '../metrics/identification.js';
export { evaluateIdentificationFiles } from '../metrics/identification-files.js';
export {
  type BootstrapOptions,
  bootstrap,
  type Draws,
  type Estimate,
  percentileInterval,
  type Resampled,
} from '../metrics/intervals.js';
export { readLabels, readScores, type SystemScores } from '../metrics/score-files.js';
export {
  type ErrorCurve,
  type ExactMeasures,
  type Labels,
  type OperatingPoint,
  type PaperMeasures,
  type Rates,
  type ScoreHistogram,
  ScoreSet,
} from '../metrics/score-set.js';
