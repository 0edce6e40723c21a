/**
 * Descriptions of embedding models, weights imported as ONNX files, and models that can be downloaded.
 * @module
 */
export { type ImportedModel, importModel } from '../embed/import-model.js';
export type { DownloadOptions } from '../files/download.js';
export {
  type Cut,
  cuts,
  type DenseLayer,
  type ModelDescription,
  modelDescriptionSchema,
  type Similarity,
  similarityKinds,
  type VectorSimilarity,
  vectorSimilarities,
} from '../models/description.js';
export { type FetchModelOptions, fetchableModels, fetchModel } from '../models/fetch.js';
export { architectures, batchNorms, type ImportOptions } from '../models/import/convert.js';
export type { BatchNorm } from '../models/onnx/layers.js';
export { presets } from '../models/presets.js';
