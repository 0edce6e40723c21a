import { existsSync } from 'node:fs';
import type { File } from 'h5wasm/node';
import { MaskbenchError } from '../../errors.js';
import type { Tensor } from '../tfjs.js';

/** An attribute of texts; a layer without weights has an empty one of numbers. */
const textsOf = (value: unknown) => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);

/**
 * Reads the weights of a Keras `.h5` file (a model, or weights alone), models within models too.
 * @returns by `<layer>/<weight>`, such as `block1_conv1/kernel`; layers whose names have slashes keep them
 * @throws {@link MaskbenchError} `MODEL_MISSING`, `MODEL_CORRUPT`
 */
export async function readKeras(file: string): Promise<Map<string, Tensor>> {
  if (!existsSync(file)) throw new MaskbenchError('MODEL_MISSING', file, `${file}: there is no such file`);
  const refuse = (problem: string) => new MaskbenchError('MODEL_CORRUPT', file, `${file}: ${problem}`);
  // Loaded when it is needed: it takes a tenth of a second.
  const h5wasm = await import('h5wasm/node');
  const { activate_throwing_error_handler: throwErrors } = await h5wasm.ready;
  throwErrors();
  let opened: File;
  try {
    opened = new h5wasm.File(file, 'r');
  } catch {
    throw refuse('is not an HDF5 file');
  }
  try {
    const weights = opened.get('model_weights');
    const root = weights instanceof h5wasm.Group ? weights : opened;
    if (!('layer_names' in root.attrs)) throw refuse('is not of Keras: it has no layer_names');
    const tensors = new Map<string, Tensor>();
    // Each layer's group lists its weights by their path below it; those of a model within the model too.
    for (const layer of textsOf(root.attrs.layer_names?.value)) {
      const group = root.get(layer);
      if (!(group instanceof h5wasm.Group)) throw refuse(`lists the layer ${layer}, which is not there`);
      for (const name of textsOf(group.attrs.weight_names?.value)) {
        const dataset = group.get(name);
        if (!(dataset instanceof h5wasm.Dataset)) throw refuse(`lists ${name}, which is not there`);
        const { shape, value } = dataset;
        if (shape === null || !(value instanceof Float32Array || value instanceof Float64Array))
          throw refuse(`${name} holds no floats`);
        tensors.set(name.replace(/:0$/, ''), { data: Float32Array.from(value), shape: [...shape] });
      }
    }
    return tensors;
  } finally {
    opened.close();
  }
}
