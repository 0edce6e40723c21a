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
    faceLandmark68Net: {
      loadFromDisk(folder: string): Promise<void>;
      detectLandmarks(input: unknown): Promise<{ relativePositions: { x: number; y: number }[] }>;
    };
  };
}

/** @vladmandic/face-api on its WebAssembly backend, the folder of its weights, and a picture as it takes one. */
async function openFaceApi() {
  const require = createRequire(import.meta.url);
  const folderOf = (name: string) => path.dirname(require.resolve(`${name}/package.json`));
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  const tf = require('@tensorflow/tfjs');
  wasm.setWasmPaths(`${folderOf('@tensorflow/tfjs-backend-wasm')}/dist/`);
  const faceApi: FaceApi = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
  await tf.setBackend('wasm');
  await tf.ready();
  const picture = (rgb: Uint8Array, side: number) => tf.tensor3d(rgb, [side, side, 3], 'int32');
  return { nets: faceApi.nets, weights: path.join(folderOf('@vladmandic/face-api'), 'model'), picture };
}

/** @vladmandic/face-api's own face recognition. */
export async function faceApiDescriptor(): Promise<(rgb: Uint8Array) => Promise<Float32Array>> {
  const { nets, weights, picture } = await openFaceApi();
  await nets.faceRecognitionNet.loadFromDisk(weights);
  return (rgb) => nets.faceRecognitionNet.computeFaceDescriptor(picture(rgb, 150));
}

/** The landmarks of @vladmandic/face-api's own network, in shares of the sides of a picture of 112 pixels. */
export async function faceApiLandmarks(): Promise<(rgb: Uint8Array) => Promise<{ x: number; y: number }[]>> {
  const { nets, weights, picture } = await openFaceApi();
  await nets.faceLandmark68Net.loadFromDisk(weights);
  return async (rgb) => (await nets.faceLandmark68Net.detectLandmarks(picture(rgb, 112))).relativePositions;
}
