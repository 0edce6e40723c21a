import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { MaskbenchError } from '../../errors.js';
import { native } from '../../native.js';
import type { StoredTensor } from '../weights.js';
import { readArchive } from './archive.js';
import type { Hdf5Answer, Hdf5Request, Hdf5Tensor } from './hdf5-worker.js';

/** The part of a model's configuration that is looked at. */
interface LayerConfig {
  class_name?: unknown;
  name?: unknown;
  config?: { name?: unknown; layers?: unknown };
}

/** As Keras names groups: by the layer's class, `BatchNormalization` as `batch_normalization`. */
function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** The layers' names by the path of their group, of models within the model too. */
function layerNames({ config }: LayerConfig, place = '', names = new Map<string, string>()): Map<string, string> {
  const layers = Array.isArray(config?.layers) ? (config.layers as LayerConfig[]) : [];
  const used = new Map<string, number>();
  for (const layer of layers) {
    const kind = snakeCase(String(layer?.class_name));
    const number = used.get(kind) ?? 0;
    used.set(kind, number + 1);
    const path = `${place}layers/${kind}${number > 0 ? `_${number}` : ''}`;
    const name = layer?.config?.name ?? layer?.name;
    if (typeof name === 'string') names.set(path, name);
    if (layer?.config?.layers !== undefined) layerNames(layer, `${path}/`, names);
  }
  return names;
}

type Hdf5Source = { bytes: Buffer; names: Map<string, string> };

/** Keras 3's `.keras`: a zip of the configuration and the weights. */
async function readWhole(file: string): Promise<Hdf5Source> {
  const entries = await readArchive(file, (name) => name === 'config.json' || name === 'model.weights.h5');
  const bytes = entries.get('model.weights.h5');
  const config = entries.get('config.json');
  if (!bytes || !config) throw new Error('expected config.json and model.weights.h5 in a .keras file');
  return { bytes, names: layerNames(JSON.parse(config.toString('utf8')) as LayerConfig) };
}

function readHdf5({ bytes, names }: Hdf5Source): Promise<Hdf5Tensor[]> {
  // Handed over, for it is large; small buffers share memory with others.
  const own = bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.length;
  const size = bytes.length;
  const request: Hdf5Request = { bytes: own ? (bytes as Buffer<ArrayBuffer>) : Uint8Array.from(bytes), names };
  const worker = new Worker(new URL(import.meta.resolve('#hdf5-worker')), {
    workerData: request,
    transferList: [request.bytes.buffer],
    // It needs none of the loaders that this process may have been started with.
    execArgv: [],
    // HDF5 prints what it throws.
    stdout: true,
    stderr: true,
  });
  let watch: NodeJS.Timeout | undefined;
  const answer = new Promise<Hdf5Tensor[]>((resolve, reject) => {
    worker.on('message', (message: Hdf5Answer) => {
      if (message === 'begun')
        watch = whenTooLong(leastSeconds + size / slowest, () =>
          reject(new Error('is damaged: reading it never ends')),
        );
      else if ('tensors' in message) resolve(message.tensors);
      else reject(new Error(message.problem));
    });
    worker.once('error', (error) =>
      reject((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' ? lackingReader() : error),
    );
    worker.once('exit', () => reject(new Error('the HDF5 reader crashed')));
  });
  return answer.finally(() => {
    clearInterval(watch);
    return worker.terminate();
  });
}

const lackingReader = () =>
  new MaskbenchError(
    'UNAVAILABLE',
    'h5wasm',
    'Keras files are read by the npm package h5wasm; install it beside maskbench',
  );

/**
 * Damaged links may lead HDF5 in a circle. A sound file is read in a hundredth of this time: at most so many bytes a
 * second.
 */
const leastSeconds = 1.2;
const slowest = 2e6;

/**
 * Calls `stop` once so many seconds have gone by, of the clock and of this process's own: a busy machine is waited for.
 */
function whenTooLong(seconds: number, stop: () => void): NodeJS.Timeout {
  const start = { clock: performance.now(), own: process.cpuUsage() };
  return setInterval(() => {
    const { user, system } = process.cpuUsage(start.own);
    if (performance.now() - start.clock > 1000 * seconds && user + system > 1e6 * seconds) stop();
  }, 100);
}

function toFloats({ type, bytes }: Hdf5Tensor): Float32Array {
  if (type === 'half') return native.fromHalves(new Uint16Array(bytes.buffer));
  // The upper half of a 32-bit float.
  if (type === 'bfloat16')
    return new Float32Array(Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16).buffer);
  return type === 'float' ? new Float32Array(bytes.buffer) : Float32Array.from(new Float64Array(bytes.buffer));
}

/**
 * Reads the weights of a Keras file: `.h5` (a model, or weights alone), and Keras 3's `.weights.h5` and `.keras`;
 * models within models too.
 * @returns by `<layer>/<weight>`, such as `block1_conv1/kernel`; layers whose names have slashes keep them
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT`, `UNAVAILABLE` (h5wasm is not installed)
 */
export async function readKeras(file: string): Promise<Map<string, StoredTensor>> {
  const whole = await readFile(file).catch((error) => {
    throw new MaskbenchError('MODEL_MISSING', file, `${file}: cannot be read: ${error.message}`);
  });
  try {
    const zipped = whole.toString('latin1', 0, 4) === 'PK\x03\x04';
    const tensors = await readHdf5(zipped ? await readWhole(file) : { bytes: whole, names: new Map() });
    return new Map(
      tensors.map((tensor) => [tensor.name, { shape: tensor.shape, read: () => toFloats(tensor) }] as const),
    );
  } catch (error) {
    if (error instanceof MaskbenchError && error.code === 'UNAVAILABLE') throw error;
    const [problem] = (error as Error).message.split('\n');
    throw new MaskbenchError('MODEL_CORRUPT', file, `${file}: ${problem}`);
  }
}
