/**
 * Masks faces in photos, and embeds faces.
 * @module
 */
export type { CudaDevice } from '../binding.js';
export { type Adaptation, type AdaptOptions, trainAdapter } from './adapt/adapter.js';
export type { Change } from './adapt/measure.js';
export type { Condition } from './adapt/pairs.js';
export { type Method, methods } from './adapt/train.js';
export { type DetectedFile, type DetectFilesOptions, detectFiles } from './corpus/detect-files.js';
export { type ManifestLine, type PhotoStatus, readManifest } from './corpus/manifest.js';
export { type MaskFilesOptions, maskFiles } from './corpus/mask-files.js';
export { type MaskProgress, type MaskSummary, type RetryStatus, type RunOptions, retryStatuses } from './corpus/run.js';
export { type Diagnosis, diagnose } from './doctor.js';
export { type AcquiredPhoto, type Acquisition, type AcquisitionCounts, countAcquisition } from './embed/acquisition.js';
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
} from './embed/files.js';
export { type IndexLine, readIndex } from './embed/index-lines.js';
export { type Verification, type VerifyOptions, verifyPhotos } from './embed/verify.js';
export { type ErrorCode, MaskbenchError, type Problem } from './errors.js';
export { type FaceChoice, faceChoices } from './face/choice.js';
export type { Box, Face, FivePoints, KnownFace, Point } from './face/face.js';
export { hogDetectors, type SearchOptions } from './face/search.js';
export { isPhotoName } from './files/walk.js';
export type { ImageFormat, ImageInput, RawImage } from './image/image.js';
export {
  type CopyMode,
  copyModes,
  type DetectOptions,
  type DetectResult,
  type Look,
  type MaskedFace,
  Masker,
  type MaskerOptions,
  type MaskOptions,
  type MaskResult,
  type Placement,
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
export type { Search } from './models/detectors/search.js';
export { compareThroughput, type ThroughputChange } from './throughput/compare.js';
export type { Machine } from './throughput/machine.js';
export {
  measureThroughput,
  type Throughput,
  type ThroughputCase,
  type ThroughputOptions,
} from './throughput/measure.js';
