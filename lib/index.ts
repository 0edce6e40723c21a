export type { CudaDevice } from '../binding.js';
export { type BenchmarkModel, type BenchmarkModelsOptions, benchmarkModels } from './benchmarks/models.js';
export {
  type DataSet,
  dataSets,
  type Measure,
  type PublishedColumn,
  type PublishedTable,
  publishedTables,
} from './benchmarks/published.js';
export { benchmarkScores, type ScoreBenchmark, type ScoredDataSet } from './benchmarks/scores.js';
export type { BenchmarkCell, BenchmarkTable } from './benchmarks/tables.js';
export { isPhotoName } from './corpus/files.js';
export {
  type ManifestFace,
  type ManifestLine,
  type PhotoStatus,
  readManifest,
} from './corpus/manifest.js';
export { type MaskFilesOptions, maskFiles } from './corpus/mask-files.js';
export type {
  MaskProgress,
  MaskSummary,
  RunOptions,
} from './corpus/run.js';
export type { CorpusCounts, CorpusDescription } from './datasets/corpus.js';
export { type FetchOptions, fetchDataset } from './datasets/fetch.js';
export { type GeneratedCorpus, type GenerateOptions, generateCorpora, mergeShards } from './datasets/generate.js';
export type { IdentityPhotos, Layout, SourcePhoto } from './datasets/layout.js';
export { layouts } from './datasets/registry.js';
export { type CorpusSummary, type PublishedCounts, summarizeCorpora } from './datasets/summary.js';
export { type Diagnosis, diagnose } from './doctor.js';
export {
  Embedder,
  type EmbedderOptions,
  type Embedding,
  type EmbedInput,
  type EmbedOptions,
} from './embed/embedder.js';
export {
  type EmbedFilesOptions,
  type EmbedSummary,
  embedFiles,
  type FaceSource,
  faceSources,
  type IndexLine,
} from './embed/files.js';
export { type ErrorCode, MaskbenchError, type Problem } from './errors.js';
export { type Detector, detectors, type SearchOptions } from './face/search.js';
export {
  type Box,
  type CopyMode,
  copyModes,
  type DetectOptions,
  type DetectResult,
  type Face,
  type ImageFormat,
  type ImageInput,
  type Look,
  type MaskedFace,
  Masker,
  type MaskerOptions,
  type MaskOptions,
  type MaskResult,
  type RawImage,
  type Selection,
  selections,
  type Wear,
} from './mask/masker.js';
export { type KnownStyle, knownStyles, type Style, styles, wears } from './mask/styles.js';
export { readTemplates } from './mask/templates/folder.js';
export { parseMaskTheFaceCode } from './mask/templates/masktheface.js';
export {
  type TemplateAnchor,
  type TemplateDescription,
  type TemplatePart,
  type TemplateView,
  templateParts,
} from './mask/templates/template.js';
export {
  type Acquisition,
  type Comparisons,
  type Definition,
  type Difference,
  definitions,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type MeasureEstimates,
  type PartRates,
  type SystemEvaluation,
  type TargetRates,
  type ThresholdRates,
} from './metrics/evaluate.js';
export { calibrate, cllr, type Fusion, fuse, fusions } from './metrics/fusion.js';
export { type Attributes, readGroups } from './metrics/groups.js';
export {
  evaluateIdentification,
  galleries,
  type Identification,
  type IdentificationOptions,
} from './metrics/identification.js';
export {
  type BootstrapOptions,
  bootstrap,
  type Draws,
  type Estimate,
  percentileInterval,
  type Resampled,
} from './metrics/intervals.js';
export { readLabels, readScores, type SystemScores } from './metrics/score-files.js';
export {
  type ErrorCurve,
  type ExactMeasures,
  type Labels,
  type OperatingPoint,
  type PaperMeasures,
  type Rates,
  type ScoreHistogram,
  ScoreSet,
} from './metrics/score-set.js';
export {
  type Cut,
  cuts,
  type DenseLayer,
  type ModelDescription,
  type Similarity,
  similarityKinds,
} from './models/description.js';
export {
  architectures,
  batchNorms,
  type ImportedModel,
  type ImportOptions,
  importModel,
} from './models/import/import.js';
export type { BatchNorm } from './models/import/layers.js';
export { presets } from './models/presets.js';
export {
  formatPairs,
  isSamePhoto,
  type Pair,
  type PairList,
  pairIdentity,
  pairPath,
  parsePairs,
} from './pairs/list.js';
export { type PublishedPair, type PublishedProtocol, parsePublished, publishedProtocols } from './pairs/published.js';
export {
  type Masking,
  maskings,
  type PairProtocol,
  pairProtocols,
  type SampleOptions,
  samplePairs,
} from './pairs/sample.js';
export { writeAllPairsReport } from './report/all-pairs.js';
export { writeBenchmarkReport } from './report/benchmark.js';
export { contactSheet } from './report/contact-sheet.js';
export { writeEvaluationReport } from './report/evaluation.js';
export { type StyleSheetOptions, styleSheet } from './report/style-sheet.js';
export {
  type AllPairsEvaluation,
  type AllPairsTargets,
  type EdgesAround,
  evaluateAllPairs,
  type ImpostorPair,
} from './score/evaluate.js';
export { loadScores, readExcluded, saveScores } from './score/files.js';
export { type AllPairsRates, type EdgeRates, ratesAtEdges, ratesAtFmr } from './score/rates.js';
export {
  type AllScores,
  type Metric,
  mergeScores,
  metrics,
  readIndex,
  type ScoreAllOptions,
  type ScoredImage,
  type Side,
  samePhotoModes,
  scoreAll,
  sides,
} from './score/score-all.js';
