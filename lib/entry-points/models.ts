/**
 * Descriptions of embedding models and face detectors, weights imported as ONNX files, and models to download.
 * @module
 */

export { type ImportedModel, importModel } from '../embed/import-model.js';
export { type MergedModel, mergeAdapter } from '../embed/merge-adapter.js';
export type { DownloadOptions } from '../files/download.js';
export { type AdapterDescription, readAdapter } from '../models/adapter.js';
export { type Cut, cuts, type ModelDescription, modelDescriptionSchema } from '../models/description.js';
export {
  type BoxShift,
  type DetectorDescription,
  decoders,
  detectorDescriptionSchema,
} from '../models/detectors/description.js';
export { type DetectorPreset, defaultDetector, detectorPresets } from '../models/detectors/presets.js';
export { architectures, batchNorms, type ImportOptions } from '../models/import/convert.js';
export { type FetchModelOptions, fetchableModels, fetchModel } from '../models/import/fetch.js';
export type { BatchNorm } from '../models/onnx/layers.js';
export { presets } from '../models/presets.js';
export {
  type DenseLayer,
  type Similarity,
  similarityKinds,
  type VectorSimilarity,
  vectorSimilarities,
} from '../models/similarity.js';
