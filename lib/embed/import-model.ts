import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { checkPath, invalid, MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { type ConvertedModel, convertWeights, type ImportOptions } from '../models/import/convert.js';
import { opset } from '../models/onnx/graph.js';
import { Embedder } from './embedder.js';

/** What {@link importModel} wrote. */
export interface ImportedModel {
  model: string;
  description: string;
  /** Sizes of the input and of the vector. */
  input: number[];
  dimensions: number;
  parameters: number;
  opset: number;
  /** Tensors of the file that are no part of the network. */
  unused: string[];
}

/**
 * Brings weights in as an ONNX model with its description beside it, and runs it once.
 * @param files A PyTorch checkpoint, a Keras `.h5` (several, where a model's parts are in several files), or a
 * TensorFlow.js manifest.
 * @param out The model to write, `<name>.onnx`.
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT` (also tensors that are missing or of another shape),
 * `INVALID_ARGUMENT`, (also several networks, of which none is chosen), `OUTPUT_EXISTS`, `INFERENCE_FAILED`; nothing is
 * left then
 * @example
 * const { model, dimensions } = await importModel(['resnet18.pth'], 'resnet18.onnx', { arch: 'resnet18' });
 */
export async function importModel(
  files: readonly string[],
  out: string,
  options: ImportOptions,
): Promise<ImportedModel> {
  if (!/\.onnx$/i.test(checkPath('out', out))) throw invalid('out', 'a name that ends in .onnx', out);
  const beside = out.replace(/\.onnx$/i, '.json');
  for (const file of [out, beside])
    if (existsSync(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  try {
    // In a function of its own, so that the weights can be freed before the model is loaded.
    const counted = await write(files, out, beside, options);
    collectGarbage();
    const embedder = await Embedder.open({ model: out, maxBatch: 1, concurrency: 1 });
    await embedder.close();
    const { width, height } = embedder.description.input;
    return {
      model: out,
      description: beside,
      input: [3, height, width],
      dimensions: embedder.dimensions,
      opset,
      ...counted,
    };
  } catch (error) {
    await rm(out, { force: true });
    await rm(beside, { force: true });
    throw error;
  }
}

/** Loading the model takes three times its size: the weights, as large again, would otherwise still be held. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** Writes the model and its description. */
async function write(files: readonly string[], out: string, beside: string, options: ImportOptions): Promise<Counted> {
  const { model, description, ...counted } = await convertWeights(files, options);
  await writeFileAtomically(out, model);
  await writeFileAtomically(beside, `${JSON.stringify(description)}\n`);
  return counted;
}

type Counted = Pick<ConvertedModel, 'parameters' | 'unused'>;
