/**
 * Public data sets made into corpora, and the pairs to compare.
 * @module
 */

export type { CorpusCounts, CorpusDescription, CorpusFaults } from '../datasets/corpus.js';
export { type Duplicate, type DuplicateOptions, findDuplicates, writeDuplicates } from '../datasets/duplicates.js';
export { type FetchOptions, fetchDataset } from '../datasets/fetch.js';
export { type GeneratedCorpus, type GenerateOptions, generateCorpora, mergeShards } from '../datasets/generate.js';
export type { IdentityPhotos, Layout, ReadOptions, SourcePhoto } from '../datasets/layouts/layout.js';
export { layouts } from '../datasets/registry.js';
export {
  type Masking,
  maskings,
  type PairProtocol,
  pairProtocols,
  type SampleOptions,
  samplePairs,
} from '../datasets/sample-pairs.js';
export { type CorpusSummary, type PublishedCounts, summarizeCorpora } from '../datasets/summary.js';
export {
  type ExportedPairs,
  type ExportOptions,
  exportFormats,
  exportPairs,
  type ImportedSet,
  importVerificationSet,
} from '../datasets/verification-sets.js';
export { convertTable, type TableKind } from '../embed/convert.js';
export type { DownloadOptions } from '../files/download.js';
export type { OnIgnored } from '../files/walk.js';
export {
  formatPairs,
  isSamePhoto,
  type Pair,
  type PairList,
  pairIdentity,
  pairPath,
  parsePairs,
  readPairs,
  writePairs,
} from '../pairs/list.js';
export { type PublishedPair, type PublishedProtocol, parsePublished, publishedProtocols } from '../pairs/published.js';
export { countMaskings, type Maskings, type Pairing, pairings, pairTwins } from '../pairs/twins.js';
export { readVerificationSet, type VerificationSet, writeVerificationSet } from '../pairs/verification-set.js';
