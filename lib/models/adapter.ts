import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { NativeHead, NativeLayer } from '../../binding.js';
import { checkPath, MaskbenchError } from '../errors.js';
import { toPath } from '../files/path.js';
import { OnnxGraph, readMetadata, type Value } from './onnx/graph.js';

/** The name of an adapter's graph, and the key of its description in its ONNX file. */
export const adapterKey = 'maskbench.adapter';

const description = z.object({
  model: z.string(),
  fingerprint: z.string(),
  dimensions: z.int().min(1),
  method: z.string(),
  parameters: z.record(z.string(), z.union([z.number(), z.string()])),
  training: z.string(),
});

/** What an adapter's ONNX file says of itself: the JSON of its metadata `maskbench.adapter`. */
export interface AdapterDescription {
  /** The name of the model whose vectors it corrects. */
  model: string;
  /** A hash of that model and of how faces become its input. */
  fingerprint: string;
  /** Numbers of a vector, which stay as many. */
  dimensions: number;
  /** How it was trained. */
  method: string;
  parameters: Record<string, number | string>;
  /** What it was trained on. */
  training: string;
}

/** An adapter as an ONNX file's bytes: `vector` [n, dimensions] to `corrected` [n, dimensions]. */
export function encodeAdapter({ stages, length }: NativeHead, about: AdapterDescription): Promise<Uint8Array> {
  const { dimensions } = about;
  const graph = new OnnxGraph(adapterKey);
  graph.metadata.set(adapterKey, JSON.stringify(about));
  // Axes are counted from the first, so that the nodes mean the same in the older operator sets of models.
  const unit = (x: Value) => graph.node('LpNormalization', [x], { axis: 1, p: 2 });
  let x = unit(graph.input('vector', ['n', dimensions]));
  const dense = (input: Value, { weights, bias }: NativeLayer) => {
    const product = graph.node('MatMul', [input, graph.constant(weights, [dimensions, bias.length])]);
    return graph.node('Add', [product, graph.constant(bias, [bias.length])]);
  };
  const shaped = (input: Value, ...shape: number[]) =>
    graph.node('Reshape', [input, graph.constant(BigInt64Array.from(shape.map(BigInt)), [shape.length])]);
  for (const { residual, layers, gate } of stages) {
    const before = x;
    if (gate) {
      const shares = shaped(graph.node('Softmax', [dense(before, gate)], { axis: 1 }), -1, 1, layers.length);
      const all = layers.map((layer) => shaped(dense(before, layer), -1, 1, dimensions));
      x = shaped(graph.node('MatMul', [shares, graph.node('Concat', all, { axis: 1 })]), -1, dimensions);
    } else
      for (const [i, layer] of layers.entries())
        x = dense(i > 0 ? graph.node('LeakyRelu', [x], { alpha: { float: leak } }) : x, layer);
    x = unit(residual ? graph.node('Add', [x, before]) : x);
  }
  const long = graph.node('Mul', [x, graph.constant(Float32Array.of(length), [])]);
  graph.output(long, 'corrected', ['n', dimensions]);
  return graph.encode();
}

/** As in native/adapt/head.h. */
const leak = 0.2;

/**
 * Reads what an adapter says of itself.
 * @throws `MaskbenchError` `MODEL_MISSING`; `MODEL_CORRUPT`: the file is not an adapter
 * @example
 * const { model, method } = await readAdapter('head.onnx');
 */
export async function readAdapter(file: string): Promise<AdapterDescription> {
  checkPath('file', file);
  const bytes = await readFile(toPath(file)).catch((error) => {
    throw new MaskbenchError('MODEL_MISSING', file, `${file}: the adapter cannot be read: ${error.message}`);
  });
  const refuse = (problem: string) => new MaskbenchError('MODEL_CORRUPT', file, `${file}: ${problem}`);
  const metadata = await readMetadata(bytes).catch(() => {
    throw refuse('is not an ONNX file');
  });
  const text = metadata.get(adapterKey);
  if (text === undefined) throw refuse('is not an adapter: "maskbench adapt" writes them');
  try {
    return description.parse(JSON.parse(text));
  } catch {
    throw refuse("the adapter's description of itself is damaged");
  }
}
