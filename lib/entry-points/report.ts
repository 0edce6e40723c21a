/**
 * Reports, contact sheets, and the paper's tables regenerated.
 * @module
 */
export type { FaceSourceComparison, FaceSourceRates, ScoreMove } from '../benchmarks/face-sources.js';
export { benchmarkIjb, type IjbBenchmark, type IjbOptions } from '../benchmarks/ijb.js';
export {
  type BenchmarkModel,
  type BenchmarkModelsOptions,
  benchmarkFaceSources,
  benchmarkModels,
  type ModelBenchmark,
} from '../benchmarks/models.js';
export {
  type DataSet,
  dataSets,
  type Measure,
  type PublishedColumn,
  type PublishedTable,
  publishedTables,
} from '../benchmarks/published.js';
export { benchmarkScores, type ScoreBenchmark, type ScoredDataSet } from '../benchmarks/scores.js';
export type { BenchmarkCell, BenchmarkTable } from '../benchmarks/tables.js';
export { writeAllPairsReport } from '../report/all-pairs.js';
export { type BenchmarkReportOptions, writeBenchmarkReport } from '../report/benchmark.js';
export { writeContactSheet } from '../report/contact-sheet.js';
export { type PairReportOptions, writeEvaluationReport } from '../report/evaluation.js';
export { writeIdentificationReport } from '../report/identification.js';
export { type StyleSheetOptions, writeStyleSheet } from '../report/style-sheet.js';
