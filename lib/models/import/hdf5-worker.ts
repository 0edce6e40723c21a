// Runs in a thread of its own for one file: HDF5 in WebAssembly is left in a state of no use by a damaged file. It sees
// the file's bytes and no file system, so that links to other files lead nowhere.
import { parentPort, workerData } from 'node:worker_threads';
import { Dataset, File, Group, ready } from 'h5wasm';

/** What the thread is given. */
export interface Hdf5Request {
  bytes: Uint8Array<ArrayBuffer>;
  /** For Keras 3: layers' names by the path of their group, where the file is part of a whole model. */
  names: ReadonlyMap<string, string>;
}

/** A tensor as it lies in the file, its bytes in little-endian order. */
export interface Hdf5Tensor {
  name: string;
  shape: number[];
  bytes: Uint8Array<ArrayBuffer>;
  type: 'half' | 'bfloat16' | 'float' | 'double';
}

/** What the thread answers: that it begins to read, then what came of it. */
export type Hdf5Answer = 'begun' | { tensors: Hdf5Tensor[] } | { problem: string };

/** HDF5's own numbers of types. */
const floats = 1;
const opaque = 5;
/** Groups deeper than this are a circle of links. */
const deepest = 32;
/** The most that deflate makes of a byte; what a file says of itself beyond that is not true. */
const greatestRatio = 1032;

/** What Keras 3 numbers in a layer's group, by the layer's class. */
const variables: Record<string, string[]> = {
  dense: ['kernel', 'bias'],
  conv2d: ['kernel', 'bias'],
  depthwise_conv2d: ['depthwise_kernel', 'bias'],
  batch_normalization: ['gamma', 'beta', 'moving_mean', 'moving_variance'],
};

/** What is said of the file; any other error is WebAssembly's or HDF5's own. */
class Refusal extends Error {}

const module = await ready;
module.activate_throwing_error_handler();

/** An attribute of texts; a layer without weights has an empty one of numbers. */
const textsOf = (value: unknown) => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);

class Reader {
  readonly tensors: Hdf5Tensor[] = [];
  #left: number;

  constructor(
    readonly file: File,
    readonly names: Hdf5Request['names'],
    size: number,
  ) {
    this.#left = greatestRatio * size;
  }

  read(): void {
    const weights = this.file.get('model_weights');
    const root = weights instanceof Group ? weights : this.file;
    if ('layer_names' in root.attrs) this.#readLayers(root);
    else if (
      this.file.get('layers') instanceof Group ||
      this.file.get('_layer_checkpoint_dependencies') instanceof Group
    )
      this.#readVariables(this.file, []);
    else throw new Refusal('is not of Keras: it has neither layer_names nor layers');
  }

  /**
   * Keras 2 and its form in Keras 3: each layer's group lists its weights by their path below it; those of a model
   * within the model too.
   */
  #readLayers(root: Group): void {
    for (const layer of textsOf(root.attrs.layer_names?.value)) {
      const group = root.get(layer);
      if (!(group instanceof Group)) throw new Refusal(`lists the layer ${layer}, which is not in the file`);
      for (const name of textsOf(group.attrs.weight_names?.value)) this.#add(name.replace(/:0$/, ''), group.get(name));
    }
  }

  /** Keras 3: a group for each layer, and in its `vars` the weights by number. */
  #readVariables(group: Group, place: string[]): void {
    if (place.length > deepest) throw new Refusal('has groups within themselves');
    for (const key of group.keys()) {
      if (place.length === 0 && key === 'optimizer') continue;
      const inner = group.get(key);
      if (!(inner instanceof Group)) continue;
      if (key !== 'vars') {
        this.#readVariables(inner, [...place, key]);
        continue;
      }
      const numbers = inner.keys();
      if (numbers.length === 0) continue;
      const name = this.names.get(place.join('/')) ?? inner.attrs.name?.value;
      if (typeof name !== 'string')
        throw new Refusal(
          `has no names of layers (early versions of Keras 3 wrote none); save the whole model as .keras`,
        );
      const called = variables[place.at(-1)?.replace(/_\d+$/, '') ?? ''];
      const known =
        called && numbers.length <= called.length && (called.length < 3 || numbers.length === called.length);
      for (const number of numbers) this.#add(`${name}/${known ? called[Number(number)] : number}`, inner.get(number));
    }
  }

  #add(name: string, dataset: unknown): void {
    if (!(dataset instanceof Dataset)) throw new Refusal(`lists ${name}, which is not in the file`);
    const { file_id: id, path, metadata, filters } = dataset;
    const { shape, size, total_size: count, type, virtual_sources: virtual } = metadata;
    const half = dataset.attrs.dtype?.value === 'bfloat16' ? 'bfloat16' : 'half';
    const known =
      type === floats ? ({ 2: 'half', 4: 'float', 8: 'double' } as const)[size] : type === opaque && size === 2 && half;
    if (shape === null || !known || (type === opaque && known !== 'bfloat16'))
      throw new Refusal(`${name} holds no floats`);
    if (virtual) throw new Refusal(`${name} lies in other files`);
    const unknown = filters.find(({ id }) => id > 3);
    if (unknown)
      throw new Refusal(`${name} is compressed by ${unknown.name || `filter ${unknown.id}`}, which can't be read`);
    const length = size * count;
    this.#left -= length;
    if (!(this.#left >= 0)) throw new Refusal(`${name} claims ${count} numbers, more than the file can hold`);
    const at = module._malloc(length);
    if (at === 0) throw new Refusal(`${name} of ${length} bytes does not fit in memory`);
    module.get_dataset_data(id, path, null, null, null, BigInt(at));
    const bytes = module.HEAPU8.slice(at, at + length);
    module._free(at);
    this.tensors.push({ name, shape: [...shape], bytes, type: known });
  }
}

const { bytes, names } = workerData as Hdf5Request;
parentPort?.postMessage('begun' satisfies Hdf5Answer);
try {
  module.FS.createDataFile('/', 'file', bytes, true, false, true);
  let file: File;
  try {
    file = new File('/file', 'r');
  } catch {
    throw new Refusal('is not an HDF5 file');
  }
  const reader = new Reader(file, names, bytes.length);
  reader.read();
  const { tensors } = reader;
  parentPort?.postMessage({ tensors } satisfies Hdf5Answer, [...new Set(tensors.map((tensor) => tensor.bytes.buffer))]);
} catch (error) {
  const { message } = error as Error;
  // HDF5's own words are a stack of calls, the first with a reason.
  const cause = /minor: (.*)/.exec(message)?.[1] ?? message.split('\n')[0];
  const problem = error instanceof Refusal ? message : `is damaged: ${cause}`;
  parentPort?.postMessage({ problem } satisfies Hdf5Answer);
}
