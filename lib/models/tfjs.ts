import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MaskbenchError } from '../errors.js';
import type { Tensor } from './onnx/graph.js';

const weight = z.object({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  dtype: z.string(),
  quantization: z.object({ dtype: z.string(), scale: z.number(), min: z.number() }).optional(),
});
/** The groups of weights that a manifest lists. */
export const weightGroups = z.array(z.object({ weights: z.array(weight), paths: z.array(z.string()) }));

const missing = (file: string) => (error: Error) => {
  throw new MaskbenchError('MODEL_MISSING', file, `${file}: cannot be read: ${error.message}`);
};

/**
 * Reads a TensorFlow.js weight manifest and its files: 32-bit floats and whole numbers, plain or quantised to 8 bits.
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT`
 */
export async function readTfjsWeights(manifest: string): Promise<Map<string, Tensor>> {
  const text = await readFile(manifest, 'utf8').catch(missing(manifest));
  let groups: z.infer<typeof weightGroups>;
  try {
    groups = weightGroups.parse(JSON.parse(text));
  } catch (error) {
    throw new MaskbenchError('MODEL_CORRUPT', manifest, `${manifest}: ${(error as Error).message}`);
  }
  return readTfjsGroups(groups, path.dirname(manifest), manifest);
}

/**
 * Reads the weights of a manifest: floats of 32 bits, plain or quantised to 8 bits, and whole numbers.
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT` (about the manifest)
 */
export async function readTfjsGroups(
  groups: z.infer<typeof weightGroups>,
  folder: string,
  manifest: string,
): Promise<Map<string, Tensor>> {
  const corrupt = (problem: string) => new MaskbenchError('MODEL_CORRUPT', manifest, `${manifest}: ${problem}`);
  const tensors = new Map<string, Tensor>();
  for (const { weights, paths } of groups) {
    const files = paths.map((name) => path.join(folder, name));
    const bytes = Buffer.concat(await Promise.all(files.map((file) => readFile(file).catch(missing(file)))));
    let at = 0;
    for (const { name, shape, dtype, quantization } of weights) {
      const count = shape.reduce((product, size) => product * size, 1);
      const size = count * (quantization ? 1 : 4);
      if (!['float32', 'int32'].includes(dtype) || (quantization && quantization.dtype !== 'uint8'))
        throw corrupt(
          `${name} is ${quantization?.dtype ?? dtype}; expected float32 or int32, plain or quantised to uint8`,
        );
      if (at + size > bytes.length) throw corrupt(`${paths.join(', ')} end before ${name}`);
      const part = bytes.subarray(at, at + size);
      const own = part.buffer.slice(part.byteOffset, part.byteOffset + size);
      const data = quantization
        ? Float32Array.from(part, (value) => value * quantization.scale + quantization.min)
        : dtype === 'int32'
          ? Float32Array.from(new Int32Array(own))
          : new Float32Array(own);
      tensors.set(name, { data, shape });
      at += size;
    }
    if (at !== bytes.length) throw corrupt(`${paths.join(', ')} have ${bytes.length - at} bytes too many`);
  }
  return tensors;
}
