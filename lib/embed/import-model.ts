import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { checkPath, invalid, MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { type ConvertedModel, convertModel, type ImportOptions } from '../models/import/convert.js';
import { opset } from '../models/onnx/graph.js';
import { Embedder } from './embedder.js';

/** What {@link importModel} wrote. */
export interface ImportedModel {
  model: string;
  /** The description's file; absent where none was given. */
  description?: string;
  /** Sizes of the input and of each output, without the batch. */
  input: number[];
  outputs: number[][];
  parameters: number;
  opset: number;
  /** Tensors of the file that are no part of the network. */
  unused: string[];
}

/**
 * Brings a model in as an ONNX file with its description beside it, and runs it once.
 *
 * A TFLite network takes images with channels first, [n, 3, height, width], of any batch; its outputs are as in the
 * file, channels last. Its weights become 32-bit floats.
 * @param files A PyTorch checkpoint, a Keras `.h5` (several, where a model's parts are in several files), a
 * TensorFlow.js manifest, or a TFLite file.
 * @param out The model to write, `<name>.onnx`.
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT` (also tensors that are missing or of another shape, and
 * operators of TFLite that are not supported, by their names),
 * `INVALID_ARGUMENT`, (also several networks, of which none is chosen), `OUTPUT_EXISTS`, `INFERENCE_FAILED`; nothing is
 * left then
 * @example
 * const { model, outputs } = await importModel(['resnet18.pth'], 'resnet18.onnx', { arch: 'resnet18' });
 */
export async function importModel(
  files: readonly string[],
  out: string,
  options: ImportOptions = {},
): Promise<ImportedModel> {
  if (!/\.onnx$/i.test(checkPath('out', out))) throw invalid('out', 'a name that ends in .onnx', out);
  const beside = out.replace(/\.onnx$/i, '.json');
  for (const file of [out, beside])
    if (existsSync(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  try {
    // In a function of its own, so that the weights can be freed before the model is loaded.
    const { sizes, isDescribed, ...counted } = await write(files, out, beside, options);
    collectGarbage();
    const checked = isDescribed ? await run(out) : sizes;
    return {
      model: out,
      ...(isDescribed && { description: beside }),
      ...(checked as Sizes),
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

type Sizes = NonNullable<ConvertedModel['sizes']>;

/** Runs a described model once. */
async function run(model: string): Promise<Sizes> {
  const embedder = await Embedder.open({ model, maxBatch: 1, concurrency: 1 });
  await embedder.close();
  const { width, height } = embedder.description.input;
  return { input: [3, height, width], outputs: [[embedder.dimensions]] };
}

/** Writes the model and, if there is one, its description. */
async function write(files: readonly string[], out: string, beside: string, options: ImportOptions) {
  const { model, description, ...rest } = await convertModel(files, options);
  await writeFileAtomically(out, model);
  if (description) await writeFileAtomically(beside, `${JSON.stringify(description)}\n`);
  return { ...rest, isDescribed: description !== undefined };
}
