import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { checkChoice, checkFlag, checkOptions, checkPaths, checkText, invalid, MaskbenchError } from '../../errors.js';
import type { ModelDescription } from '../description.js';
import { dlibResnetOnnx } from '../dlib-resnet.js';
import { knownDescription } from '../known-description.js';
import { OnnxFile } from '../onnx/file.js';
import { opset } from '../onnx/graph.js';
import { type BatchNorm, Layers } from '../onnx/layers.js';
import { presets } from '../presets.js';
import { readTfjsWeights } from '../tfjs.js';
import { NeededWeights, type StoredTensor, Weights } from '../weights.js';
import { readKeras } from './keras.js';
import { kerasNetworks } from './keras-networks.js';
import { choosePart } from './parts.js';
import { widenChannels } from './tensorflow/channels.js';
import { convertNetwork } from './tensorflow/convert.js';
import type { Network as TensorflowNetwork } from './tensorflow/network.js';
import { foldPrelus } from './tensorflow/prelu.js';
import { isTfjsGraph, readTfjsGraph } from './tensorflow/tfjs-graph.js';
import { isTflite, readTflite } from './tensorflow/tflite.js';
import { readTorch } from './torch.js';
import { type Network, torchNetworks } from './torch-networks.js';

const networks: Record<string, Network> = { ...torchNetworks, ...kerasNetworks };
const tfjsNetwork = 'dlib-resnet-128';

/** Networks whose weights can be brought in: PyTorch's, Keras' and TensorFlow.js'. */
export const architectures: string[] = [...Object.keys(networks), tfjsNetwork];
export const batchNorms = ['per-image', 'running'] as const;

/** Options of {@link importModel}. */
export interface ImportOptions {
  /** One of {@link architectures}, for weights. Absent for a whole model: TFLite, TensorFlow.js graph, ONNX. */
  arch?: string;
  /**
   * Description of a whole model: the name of a preset, or an object. Without one, the model is written alone
   * and not run.
   */
  description?: string | ModelDescription;
  /** The head, for networks with several. Default: the first. */
  head?: string;
  /** Default: as the network was used. `running` for `paper-resnet50` is not as published. */
  batchNorm?: BatchNorm;
  /** Which network of a PyTorch checkpoint that holds several, as the error that asks for it names them. */
  part?: string;
  /** Store weights as 16-bit floats. */
  halves?: boolean;
}

/** A network with its weights, as {@link convertModel} makes it. */
export interface ConvertedModel {
  /** An ONNX file's bytes. */
  model: Uint8Array;
  /** As the caller gave it, where the file holds its network. */
  description: ModelDescription | undefined;
  /** Sizes of the input and of each output, without the batch, where the file holds its network. */
  sizes?: { input: number[]; outputs: number[][] };
  parameters: number;
  /** The version of ONNX's operators that the model uses. */
  opset: number;
  /** Tensors of the file that the network does not use. */
  unused: string[];
}

/**
 * Converts weights, or a file that holds its network, to an ONNX model.
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT`, `INVALID_ARGUMENT`
 */
export async function convertModel(files: readonly string[], options: ImportOptions): Promise<ConvertedModel> {
  checkPaths('files', files);
  checkOptions(options);
  checkFlag('halves', options.halves);
  const { arch } = options;
  if (arch === undefined) return importWhole(files, options);
  checkChoice('arch', arch, architectures);
  if (options.description !== undefined)
    throw invalid('description', `none, for ${arch} has its own`, options.description);
  const network = networks[arch];
  return network ? build(files, network, arch, options) : buildTfjs(files);
}

async function importWhole(
  [file, ...others]: readonly string[],
  { description, halves, ...ofWeights }: ImportOptions,
): Promise<ConvertedModel> {
  for (const [name, value] of Object.entries(ofWeights))
    if (value !== undefined) throw invalid(name, 'none without arch', value);
  if (file === undefined || others.length > 0) throw invalid('files', 'one file', others.length + 1);
  const described = description === undefined ? undefined : knownDescription(description);
  const bytes = await readFile(file).catch((error) => {
    throw new MaskbenchError('MODEL_MISSING', file, `${file}: cannot be read: ${error.message}`);
  });
  return { ...(await convertWhole(file, bytes, { halves: halves ?? false })), description: described, unused: [] };
}

/**
 * Converts a file that holds its network.
 * @param file Its name, also for errors; the weight files of a TensorFlow.js graph lie beside it.
 * @throws `MaskbenchError` `MODEL_CORRUPT`, `INVALID_ARGUMENT`
 */
export async function convertWhole(file: string, bytes: Buffer, { halves = false, anySize = false } = {}) {
  const isOnnx = /\.onnx$/i.test(file);
  if (isOnnx && halves) throw invalid('halves', 'false, for an ONNX file keeps its numbers', halves);
  const isGraph = !isOnnx && isTfjsGraph(bytes);
  if (!isOnnx && !isGraph && !isTflite(bytes) && !/\.tflite$/i.test(file))
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'arch',
      `${file}: is no TFLite, ONNX or TensorFlow.js graph model; for weights, expected arch to be one of ${architectures.join(', ')}`,
    );
  try {
    if (isOnnx) return await convertOnnx(bytes);
    const network = isGraph ? await readTfjsGraph(bytes, file) : readTflite(bytes);
    return await convertTensorflow(network, path.parse(file).name, { halves, anySize });
  } catch (error) {
    if (error instanceof MaskbenchError) throw error;
    throw new MaskbenchError('MODEL_CORRUPT', file, `${file}: ${(error as Error).message}`);
  }
}

async function convertTensorflow(
  network: TensorflowNetwork,
  name: string,
  options: { halves: boolean; anySize: boolean },
) {
  const { graph, parameters, ...sizes } = convertNetwork(widenChannels(foldPrelus(network)), name, options);
  return { model: await graph.encode(), sizes, parameters, opset };
}

/** An ONNX file with a free batch and PRelus that run faster. */
async function convertOnnx(bytes: Uint8Array) {
  const file = await OnnxFile.read(bytes);
  const { sizes, parameters, opset } = file;
  file.freeBatch();
  file.rewritePrelus();
  return { model: await file.encode(), sizes, parameters, opset };
}

async function build(
  files: readonly string[],
  network: Network,
  arch: string,
  { halves = false, ...options }: ImportOptions,
): Promise<ConvertedModel> {
  const head = checkChoice('head', options.head ?? network.heads[0], network.heads);
  const batchNorm = checkChoice('batchNorm', options.batchNorm ?? network.batchNorm, batchNorms);
  const construct = (weights: Weights) => {
    const graph = new Layers(arch, batchNorm, halves);
    const { size } = network;
    graph.output(network.build(graph, weights, graph.input('input', ['n', 3, size, size]), head), 'vector', ['n', 'd']);
    return { graph, described: network.describe(weights, head) };
  };
  let tensors: Map<string, StoredTensor>;
  if (network.from === 'keras') tensors = await readAllKeras(files);
  else {
    if (options.part !== undefined) checkText('part', options.part);
    const needed = new NeededWeights();
    construct(needed);
    const [file, ...others] = files;
    if (file === undefined || others.length > 0) throw invalid('files', 'one PyTorch checkpoint', files.length);
    tensors = choosePart(await readTorch(file), needed.shapes, { file, arch, part: options.part });
  }
  const weights = new Weights(tensors, files.join(', '));
  const { graph, described } = construct(weights);
  const name = head === network.heads[0] ? arch : `${arch}-${head}`;
  const description: ModelDescription = {
    name: batchNorm === network.batchNorm ? name : `${name}, ${batchNorm} batch norm (not as published)`,
    ...described,
    output: 'vector',
    batchNorm,
  };
  return { model: await graph.encode(), description, parameters: weights.parameters, opset, unused: weights.unused() };
}

async function readAllKeras(files: readonly string[]): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const file of files) for (const [name, tensor] of await readKeras(file)) tensors.set(name, tensor);
  return tensors;
}

async function buildTfjs(files: readonly string[]): Promise<ConvertedModel> {
  const [manifest, ...others] = files;
  if (manifest === undefined || others.length > 0) throw invalid('files', 'one TensorFlow.js manifest', files.length);
  const tensors = await readTfjsWeights(manifest);
  const parameters = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const description = { ...(presets[tfjsNetwork] as ModelDescription) };
  return { model: await dlibResnetOnnx(tensors), description, parameters, opset, unused: [] };
}
