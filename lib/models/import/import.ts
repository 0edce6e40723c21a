import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Embedder } from '../../embed/embedder.js';
import {
  checkChoice,
  checkFlag,
  checkOptions,
  checkPath,
  checkPaths,
  checkText,
  invalid,
  MaskbenchError,
} from '../../errors.js';
import { writeFileAtomically } from '../../files/atomic.js';
import type { ModelDescription } from '../description.js';
import { dlibResnetOnnx } from '../dlib-resnet.js';
import { opset } from '../onnx/graph.js';
import { presets } from '../presets.js';
import { readTfjsWeights } from '../tfjs.js';
import { readKeras } from './keras.js';
import { kerasNetworks } from './keras-networks.js';
import { type BatchNorm, Layers, NeededWeights, type StoredTensor, Weights } from './layers.js';
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

/** What {@link importModel} wrote. */
export interface ImportedModel {
  model: string;
  description: string;
  /** Sizes of the input and of the vector. */
  input: number[];
  dimensions: number;
  parameters: number;
  opset: number;
  /** Tensors of the file that the network does not use. */
  unused: string[];
}

/**
 * Brings weights in as an ONNX model with its description beside it, and runs it once.
 * @param files A PyTorch checkpoint, a Keras `.h5` (several, where a model's parts are in several files), or a TensorFlow.js manifest.
 * @param out The model to write, `<name>.onnx`.
 * @throws {@link MaskbenchError} `MODEL_MISSING`, `MODEL_CORRUPT` (also tensors that are missing or of another shape), `INVALID_ARGUMENT`,
 * (also several networks, of which none is chosen), `OUTPUT_EXISTS`, `INFERENCE_FAILED`; nothing is left then
 */
export async function importModel(
  files: readonly string[],
  out: string,
  options: ImportOptions,
): Promise<ImportedModel> {
  checkPaths('files', files);
  if (!/\.onnx$/i.test(checkPath('out', out))) throw invalid('out', 'a name that ends in .onnx', out);
  checkOptions(options);
  checkChoice('arch', options.arch, architectures);
  checkFlag('halves', options.halves);
  const beside = out.replace(/\.onnx$/i, '.json');
  for (const file of [out, beside])
    if (existsSync(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  try {
    // In a function of its own, so that the weights can be freed before the model is loaded.
    const counted = await convert(files, out, beside, options);
    collectGarbage();
    const embedder = await Embedder.open({ model: out, maxBatch: 1, concurrency: 1 });
    await embedder.close();
    const { width, height } = embedder.description.input;
    return {
      model: out,
      description: beside,
      input: [3, height, width],
      dimensions: embedder.dimensions,
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

/** Writes the model and its description. */
async function convert(
  files: readonly string[],
  out: string,
  beside: string,
  options: ImportOptions,
): Promise<Counted> {
  const network = networks[options.arch];
  const { model, description, ...counted } = network ? await build(files, network, options) : await buildTfjs(files);
  await writeFileAtomically(out, model);
  await writeFileAtomically(beside, `${JSON.stringify(description)}\n`);
  return counted;
}

type Counted = Pick<ImportedModel, 'parameters' | 'unused'>;
type Built = Counted & { model: Uint8Array; description: ModelDescription };

async function build(
  files: readonly string[],
  network: Network,
  { arch, halves = false, ...options }: ImportOptions,
): Promise<Built> {
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

async function buildTfjs(files: readonly string[]): Promise<Built> {
  const [manifest, ...others] = files;
  if (manifest === undefined || others.length > 0) throw invalid('files', 'one TensorFlow.js manifest', files.length);
  const tensors = await readTfjsWeights(manifest);
  const parameters = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const description = { ...(presets[tfjsNetwork] as ModelDescription) };
  return { model: await dlibResnetOnnx(tensors), description, parameters, unused: [] };
}
