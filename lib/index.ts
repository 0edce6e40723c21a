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
  Problem,
  RunOptions,
} from './corpus/run.js';
export type { CorpusCounts, CorpusDescription } from './datasets/corpus.js';
export { type FetchOptions, fetchDataset } from './datasets/fetch.js';
export { type GeneratedCorpus, type GenerateOptions, generateCorpora, mergeShards } from './datasets/generate.js';
export type { IdentityPhotos, Layout, SourcePhoto } from './datasets/layout.js';
export { layouts } from './datasets/registry.js';
export { type CorpusSummary, type PublishedCounts, summarizeCorpora } from './datasets/summary.js';
export { type Diagnosis, diagnose } from './doctor.js';
export { type ErrorCode, MaskbenchError } from './errors.js';
export {
  type Box,
  type CopyMode,
  copyModes,
  type DetectOptions,
  type DetectResult,
  type Face,
  type ImageFormat,
  type ImageInput,
  type MaskedFace,
  Masker,
  type MaskerOptions,
  type MaskOptions,
  type MaskResult,
  type RawImage,
  type Selection,
  type Style,
  selections,
  styles,
} from './mask/masker.js';
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
export { contactSheet } from './report/contact-sheet.js';
