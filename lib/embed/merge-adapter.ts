import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { checkOptions, checkPath, invalid, MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { readAdapter } from '../models/adapter.js';
import type { ModelDescription } from '../models/description.js';
import { OnnxFile } from '../models/onnx/file.js';
import { Embedder, type EmbedderOptions, resolveModel } from './embedder.js';

/** What {@link mergeAdapter} wrote. */
export interface MergedModel {
  model: string;
  /** The description's file. */
  description: string;
  /** Numbers of a vector. */
  dimensions: number;
}

/** The first operator set whose nodes mean what the adapter's do. */
const leastOpset = 7;

/**
 * Writes a model and its adapter as one ONNX file, with its description beside it, and runs it once. The file gives
 * corrected vectors of all faces that it is given: run it on masked faces only, and the model itself on plain ones.
 * @param adapter As `trainAdapter` writes it.
 * @param out The model to write, `<name>.onnx`.
 * @param options The model that the adapter was trained for, as for `Embedder.open`.
 * @throws `MaskbenchError` as `Embedder.open` (among them `INVALID_ARGUMENT` for an adapter of another model or of
 * other dimensions); `INVALID_ARGUMENT` also for a model of an operator set before 7; `MODEL_CORRUPT` (also weights in
 * other files than the model's); `OUTPUT_EXISTS`, `WRITE_FAILED`; nothing is left then
 * @example
 * const { model } = await mergeAdapter('head.onnx', 'masked-faces.onnx', { model: 'dlib-resnet-128' });
 */
export async function mergeAdapter(
  adapter: string,
  out: string,
  options: Pick<EmbedderOptions, 'model' | 'description'> = {},
): Promise<MergedModel> {
  checkPath('adapter', adapter);
  if (!/\.onnx$/i.test(checkPath('out', out))) throw invalid('out', 'a name that ends in .onnx', out);
  checkOptions(options);
  const beside = out.replace(/\.onnx$/i, '.json');
  for (const file of [out, beside])
    if (existsSync(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  const { file, description } = await resolveModel(options);
  const checked = await Embedder.open({ ...options, adapter, maxBatch: 1, concurrency: 1 });
  await checked.close();
  const { dimensions } = checked;
  const { bytes, output } = await merge(file, adapter, { output: description.output, dimensions });
  const { method, training } = await readAdapter(adapter);
  const merged: ModelDescription = {
    ...description,
    name: `${description.name} with ${path.parse(adapter).name}`,
    output,
    training: `${description.training}; its adapter (${method}): ${training}`,
  };
  try {
    await writeFileAtomically(out, bytes);
    await writeFileAtomically(beside, `${JSON.stringify(merged)}\n`);
    const opened = await Embedder.open({ model: out, maxBatch: 1, concurrency: 1 });
    await opened.close();
  } catch (error) {
    await rm(toPath(out), { force: true });
    await rm(toPath(beside), { force: true });
    throw error;
  }
  return { model: out, description: beside, dimensions };
}

async function merge(file: string, adapter: string, given: { output: string | undefined; dimensions: number }) {
  const read = async (name: string) => {
    try {
      return await OnnxFile.read(await readFile(toPath(name)));
    } catch (error) {
      throw new MaskbenchError('MODEL_CORRUPT', name, `${name}: ${(error as Error).message}`);
    }
  };
  const model = await read(file);
  if (model.opset < leastOpset)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'model',
      `${file}: expected operator set ${leastOpset} or later, found ${model.opset}`,
    );
  const output = model.append(await read(adapter), given);
  return { bytes: await model.encode(), output };
}
