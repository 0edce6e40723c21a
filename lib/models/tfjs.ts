import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import type { Tensor } from './onnx/graph.js';

interface ManifestWeight {
  name: string;
  shape: number[];
  dtype: string;
  quantization?: { dtype: string; scale: number; min: number };
}

/**
 * Reads a TensorFlow.js weight manifest and its files: 32-bit floats and whole numbers, plain or quantised to 8 bits.
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT`
 */
export async function readTfjsWeights(manifest: string): Promise<Map<string, Tensor>> {
  const missing = (file: string) => (error: Error) => {
    throw new MaskbenchError('MODEL_MISSING', file, `${file}: cannot be read: ${error.message}`);
  };
  const corrupt = (problem: string) => new MaskbenchError('MODEL_CORRUPT', manifest, `${manifest}: ${problem}`);
  const text = await readFile(manifest, 'utf8').catch(missing(manifest));
  let groups: { weights: ManifestWeight[]; paths: string[] }[];
  try {
    groups = JSON.parse(text);
  } catch (error) {
    throw corrupt((error as Error).message);
  }
  const tensors = new Map<string, Tensor>();
  for (const { weights, paths } of groups) {
    const files = paths.map((name) => path.join(path.dirname(manifest), name));
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
      const data = quantization
        ? Float32Array.from(part, (value) => value * quantization.scale + quantization.min)
        : Float32Array.from(
            new (dtype === 'int32' ? Int32Array : Float32Array)(
              part.buffer.slice(part.byteOffset, part.byteOffset + size),
            ),
          );
      tensors.set(name, { data, shape });
      at += size;
    }
    if (at !== bytes.length) throw corrupt(`${paths.join(', ')} have ${bytes.length - at} bytes too many`);
  }
  return tensors;
}
