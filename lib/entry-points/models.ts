/**
 * Descriptions of embedding models, and weights imported as ONNX files.
 * @module
 */

export { type ImportedModel, importModel } from '../embed/import-model.js';
export { type AdapterDescription, readAdapter } from '../models/adapter.js';
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
export { architectures, batchNorms, type ImportOptions } from '../models/import/convert.js';
export type { BatchNorm } from '../models/onnx/layers.js';
export { presets } from '../models/presets.js';
