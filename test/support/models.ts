import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { ModelDescription } from 'maskbench/models';
import { OnnxGraph, type Size, type Value } from '../../lib/models/onnx/graph.js';

/** A description of a small model, with changes. */
export function describeModel(changes: Partial<ModelDescription> = {}, size = 8): ModelDescription {
  return {
    name: 'small',
    input: { width: size, height: size, layout: 'NCHW', colors: 'RGB', mean: [0, 0, 0], scale: [1, 1, 1] },
    cut: 'letterbox',
    similarity: { kind: 'cosine' },
    normalized: false,
    training: 'nothing',
    licence: 'MIT',
    ...changes,
  };
}

/** Writes a model: by default one whose vector is its whole input. */
export async function writeModel(
  folder: string,
  name: string,
  {
    size = 8,
    shape = ['n', 3, size, size],
    build = (graph, input) => graph.node('Flatten', [input]),
  }: { size?: number; shape?: Size[]; build?: (graph: OnnxGraph, input: Value) => Value } = {},
): Promise<string> {
  const graph = new OnnxGraph(name);
  graph.output(build(graph, graph.input('input', shape)), 'vector', [shape[0] as Size, 3 * size * size]);
  const file = path.join(folder, `${name}.onnx`);
  writeFileSync(file, await graph.encode());
  return file;
}

interface FaceApi {
  nets: {
    faceRecognitionNet: {
      loadFromDisk(folder: string): Promise<void>;
      computeFaceDescriptor(input: unknown): Promise<Float32Array>;
    };
  };
}

/** @vladmandic/face-api's own face recognition on its WebAssembly backend. */
export async function faceApiDescriptor(): Promise<(rgb: Uint8Array) => Promise<Float32Array>> {
  const require = createRequire(import.meta.url);
  const folderOf = (name: string) => path.dirname(require.resolve(`${name}/package.json`));
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  const tf = require('@tensorflow/tfjs');
  wasm.setWasmPaths(`${folderOf('@tensorflow/tfjs-backend-wasm')}/dist/`);
  const faceApi: FaceApi = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
  await tf.setBackend('wasm');
  await tf.ready();
  const net = faceApi.nets.faceRecognitionNet;
  await net.loadFromDisk(path.join(folderOf('@vladmandic/face-api'), 'model'));
  return (rgb) => net.computeFaceDescriptor(tf.tensor3d(rgb, [150, 150, 3], 'int32'));
}
