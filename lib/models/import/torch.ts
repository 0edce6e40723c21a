import { open, readFile } from 'node:fs/promises';
import yauzl from 'yauzl';
import { MaskbenchError } from '../../errors.js';
import { native } from '../../native.js';
import type { Tensor } from '../tfjs.js';
import { Dictionary, type Globals, PickleError, type PickleValue, unpickle } from './pickle.js';

type Kind = { bytes: number; read: (data: Buffer) => Float32Array };
const convert =
  <T extends { length: number }>(view: (data: ArrayBuffer) => T, each: (value: never) => number) =>
  (data: Buffer) =>
    Float32Array.from(view(aligned(data)) as never as ArrayLike<never>, each);
const same = (value: never) => value as number;
const kinds: Record<string, Kind> = {
  // Read where they lie, for they are most of the file.
  FloatStorage: {
    bytes: 4,
    read: (data) =>
      data.byteOffset % 4 === 0
        ? new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)
        : new Float32Array(aligned(data)),
  },
  DoubleStorage: { bytes: 8, read: convert((data) => new Float64Array(data), same) },
  HalfStorage: { bytes: 2, read: (data) => native.fromHalves(new Uint16Array(aligned(data))) },
  // The upper half of a 32-bit float.
  BFloat16Storage: {
    bytes: 2,
    read: (data) => new Float32Array(Uint32Array.from(new Uint16Array(aligned(data)), (half) => half << 16).buffer),
  },
  LongStorage: { bytes: 8, read: convert((data) => new BigInt64Array(data), Number) },
  IntStorage: { bytes: 4, read: convert((data) => new Int32Array(data), same) },
  ShortStorage: { bytes: 2, read: convert((data) => new Int16Array(data), same) },
  CharStorage: { bytes: 1, read: convert((data) => new Int8Array(data), same) },
  ByteStorage: { bytes: 1, read: convert((data) => new Uint8Array(data), same) },
  BoolStorage: { bytes: 1, read: convert((data) => new Uint8Array(data), same) },
};

/** The bytes in a buffer of their own. */
function aligned(data: Buffer): ArrayBuffer {
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
}

/** Numbers that tensors share; read when the first one needs them. */
interface Storage {
  kind: Kind;
  count: number;
  data?: Float32Array;
  load(): Buffer;
}

/** A tensor of a checkpoint: a view of a storage. */
class View {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}

  toTensor(): Tensor {
    const { storage, offset, shape, strides } = this;
    storage.data ??= storage.kind.read(storage.load());
    const count = shape.reduce((product, size) => product * size, 1);
    const last = shape.reduce((place, size, i) => place + Math.max(0, size - 1) * (strides[i] as number), offset);
    if (count > 0 && (offset < 0 || strides.some((stride) => stride < 0) || last >= storage.data.length))
      throw new PickleError('a tensor is larger than its storage');
    // A view that repeats its numbers could ask for any size.
    if (count > storage.data.length) throw new PickleError('a tensor repeats the numbers of its storage');
    let step = 1;
    const contiguous = shape
      .map((size, i) => [size, strides[i] as number] as const)
      .reverse()
      .every(([size, stride]) => {
        const is = size === 1 || stride === step;
        step *= size;
        return is;
      });
    if (contiguous) return { data: storage.data.subarray(offset, offset + count), shape };
    const data = new Float32Array(count);
    const index = shape.map(() => 0);
    for (let i = 0, at = offset; i < count; i++) {
      data[i] = storage.data[at] as number;
      for (let d = shape.length - 1; d >= 0; d--) {
        at += strides[d] as number;
        index[d] = (index[d] as number) + 1;
        if ((index[d] as number) < (shape[d] as number)) break;
        at -= (shape[d] as number) * (strides[d] as number);
        index[d] = 0;
      }
    }
    return { data, shape };
  }
}

const isSizes = (value: PickleValue): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function rebuildTensor(storage: PickleValue, offset: PickleValue, shape: PickleValue, strides: PickleValue): View {
  const known = typeof storage === 'object' && storage !== null && 'kind' in storage && 'load' in storage;
  if (
    !known ||
    !Number.isSafeInteger(offset) ||
    !isSizes(shape) ||
    !isSizes(strides) ||
    shape.length !== strides.length
  )
    throw new PickleError('a tensor is not described as one');
  return new View(storage as Storage, offset as number, shape, strides);
}

/** Everything that a checkpoint of weights needs. Storages' types are only named, never called. */
const globals: Globals = new Map<string, (...args: PickleValue[]) => PickleValue>([
  ['collections.OrderedDict', () => new Dictionary()],
  ['torch._utils._rebuild_tensor', (storage, offset, shape, strides) => rebuildTensor(storage, offset, shape, strides)],
  [
    'torch._utils._rebuild_tensor_v2',
    (storage, offset, shape, strides) => rebuildTensor(storage, offset, shape, strides),
  ],
  ['torch._utils._rebuild_parameter', (tensor) => tensor],
  ['torch.Size', (sizes) => sizes],
  ...Object.keys(kinds).map((name) => [`torch.${name}`, () => refuseCall(name)] as const),
]);

function refuseCall(name: string): never {
  throw new PickleError(`calls torch.${name}`);
}

/** The storage that a persistent id names: ('storage', type, key, device, count). */
function toStorage(id: PickleValue, load: (key: string, bytes: number) => Buffer, seen: Map<string, Storage>): Storage {
  const [tag, type, key, , count] = Array.isArray(id) ? id : [];
  const name = type && typeof type === 'object' && 'name' in type ? String(type.name).replace(/^torch\./, '') : '';
  const kind = kinds[name];
  if (tag !== 'storage' || !kind || typeof key !== 'string' || !Number.isSafeInteger(count) || count < 0)
    throw new PickleError('a storage is not described as one');
  const known = seen.get(key) ?? { kind, count, load: () => load(key, count * kind.bytes) };
  seen.set(key, known);
  return known;
}

/** The zip form (PyTorch 1.6 and later): `<name>/data.pkl`, and `<name>/data/<key>` for each storage. */
async function readZip(file: string): Promise<PickleValue> {
  const entries = new Map<string, Buffer>();
  const zip = await yauzl.openPromise(file, { lazyEntries: true });
  try {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName.replace(/^[^/]*\//, '');
      if (name !== 'data.pkl' && !name.startsWith('data/')) continue;
      // PyTorch stores without compressing, so no entry can be larger than the file.
      if (entry.compressionMethod !== 0 || entry.uncompressedSize > zip.fileSize)
        throw new PickleError(`the entry ${entry.fileName} claims ${entry.uncompressedSize} bytes`);
      const whole = Buffer.alloc(entry.uncompressedSize);
      let at = 0;
      for await (const chunk of await zip.openReadStreamPromise(entry)) {
        (chunk as Buffer).copy(whole, at);
        at += (chunk as Buffer).length;
      }
      entries.set(name, whole);
    }
  } finally {
    zip.close();
  }
  const pickle = entries.get('data.pkl');
  if (!pickle) throw new PickleError('the archive has no data.pkl');
  const seen = new Map<string, Storage>();
  const load = (key: string, bytes: number) => {
    const data = entries.get(`data/${key}`);
    if (!data || data.length < bytes) throw new PickleError(`the storage ${key} is missing or too short`);
    entries.delete(`data/${key}`);
    return data.subarray(0, bytes);
  };
  return unpickle(pickle, { globals, persistentLoad: (id) => toStorage(id, load, seen) }).value;
}

const legacyMagic = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** The older form: a magic number, a version and the machine's sizes; the value; the storages' keys; then each storage's count and numbers. */
function readLegacy(data: Buffer): PickleValue {
  const seen = new Map<string, Storage>();
  const places = new Map<string, { at: number; count: number }>();
  const load = (key: string, bytes: number) => {
    const found = places.get(key);
    if (!found || found.at + bytes > data.length) throw new PickleError(`the storage ${key} is missing or too short`);
    return data.subarray(found.at, found.at + bytes);
  };
  let end = 0;
  const next = (): PickleValue => {
    const read = unpickle(data, { globals, persistentLoad: (id) => toStorage(id, load, seen), at: end });
    end = read.end;
    return read.value;
  };
  end = 2 + legacyMagic.length + 1; // the first pickle is the magic number itself
  next();
  next();
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new PickleError('the storages have no keys');
  for (const key of keys) {
    const storage = seen.get(key);
    if (end + 8 > data.length) throw new PickleError('the file ends early');
    const count = Number(data.readBigInt64LE(end));
    if (!storage || count < 0) throw new PickleError(`the storage ${key} is not described`);
    places.set(key, { at: end + 8, count });
    end += 8 + count * storage.kind.bytes;
  }
  return value;
}

/** The dictionary of tensors in a checkpoint: itself, or under `state_dict`, `model` and the like. */
function findState(value: PickleValue): Dictionary {
  if (value instanceof Dictionary) {
    const values = [...value.values()];
    if (values.some((item) => item instanceof View)) return value;
    for (const name of ['state_dict', 'model_state_dict', 'model', 'net', 'backbone', 'network'])
      if (value.get(name) instanceof Dictionary) return findState(value.get(name));
    for (const item of values)
      if (item instanceof Dictionary && [...item.values()].some((inner) => inner instanceof View)) return item;
  }
  throw new PickleError('holds no dictionary of tensors');
}

/**
 * Reads the tensors of a PyTorch checkpoint (`.pt`, `.pth`, `.pth.tar`), zip or older form, as 32-bit floats. Nothing in it is executed.
 * @returns by name, the prefix `module.` taken off
 * @throws {@link MaskbenchError} `MODEL_MISSING`, `MODEL_CORRUPT` (anything but tensors, dictionaries and plain values is refused by name)
 */
export async function readTorch(file: string): Promise<Map<string, Tensor>> {
  try {
    const start = await readStart(file);
    const zip = start.toString('latin1', 0, 4) === 'PK\x03\x04';
    if (!zip && !start.subarray(2, 2 + legacyMagic.length).equals(legacyMagic))
      throw new PickleError('is neither of the two forms that torch.save writes');
    const state = findState(zip ? await readZip(file) : readLegacy(await readFile(file)));
    const tensors = new Map<string, Tensor>();
    for (const [name, value] of state)
      if (typeof name === 'string' && value instanceof View)
        tensors.set(name.replace(/^(module\.)+/, ''), value.toTensor());
    return tensors;
  } catch (error) {
    if (error instanceof MaskbenchError) throw error;
    throw new MaskbenchError(
      'MODEL_CORRUPT',
      file,
      `${file}: is no PyTorch checkpoint that can be read: ${(error as Error).message}`,
    );
  }
}

async function readStart(file: string): Promise<Buffer> {
  const handle = await open(file).catch((error) => {
    throw new MaskbenchError('MODEL_MISSING', file, `${file}: cannot be opened: ${error.message}`);
  });
  try {
    const start = Buffer.alloc(16);
    await handle.read(start, 0, 16, 0);
    return start;
  } finally {
    await handle.close();
  }
}
