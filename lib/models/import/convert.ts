import { checkChoice, checkFlag, checkOptions, checkPaths, checkText, invalid } from '../../errors.js';
import type { ModelDescription } from '../description.js';
import { dlibResnetOnnx } from '../dlib-resnet.js';
import { type BatchNorm, Layers } from '../onnx/layers.js';
import { presets } from '../presets.js';
import { readTfjsWeights } from '../tfjs.js';
import { NeededWeights, type StoredTensor, Weights } from '../weights.js';
import { readKeras } from './keras.js';
import { kerasNetworks } from './keras-networks.js';
import { choosePart } from './parts.js';
import { readTorch } from './torch.js';
import { type Network, torchNetworks } from './torch-networks.js';

const networks: Record<string, Network> = { ...torchNetworks, ...kerasNetworks };
const tfjsNetwork = 'dlib-resnet-128';

/** Networks whose weights can be brought in: PyTorch's, Keras' and TensorFlow.js'. */
export const architectures: string[] = [...Object.keys(networks), tfjsNetwork];
export const batchNorms = ['per-image', 'running'] as const;

/** Options of {@link importModel}. */
export interface ImportOptions {
  /** One of {@link architectures}. */
  arch: string;
  /** The head, for networks with several. Default: the first. */
  head?: string;
  /** Default: as the network was used. `running` for `paper-resnet50` is not as published. */
  batchNorm?: BatchNorm;
  /** Which network of a PyTorch checkpoint that holds several, as the error that asks for it names them. */
  part?: string;
  /** Store weights as 16-bit floats. */
  halves?: boolean;
}

/** A network with its weights, as {@link convertWeights} makes it. */
export interface ConvertedModel {
  /** An ONNX file's bytes. */
  model: Uint8Array;
  description: ModelDescription;
  parameters: number;
  /** Tensors of the file that the network does not use. */
  unused: string[];
}

/**
 * Converts weights to an ONNX model.
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT`, `INVALID_ARGUMENT`
 */
export async function convertWeights(files: readonly string[], options: ImportOptions): Promise<ConvertedModel> {
  checkPaths('files', files);
  checkOptions(options);
  checkChoice('arch', options.arch, architectures);
  checkFlag('halves', options.halves);
  const network = networks[options.arch];
  return network ? build(files, network, options) : buildTfjs(files);
}

async function build(
  files: readonly string[],
  network: Network,
  { arch, halves = false, ...options }: ImportOptions,
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
  return { model: await graph.encode(), description, parameters: weights.parameters, unused: weights.unused() };
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
  return { model: await dlibResnetOnnx(tensors), description, parameters, unused: [] };
}
