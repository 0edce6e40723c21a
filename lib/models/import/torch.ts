import { open, readFile } from 'node:fs/promises';
import { MaskbenchError } from '../../errors.js';
import {
  Dictionary,
  Global,
  type Globals,
  Inert,
  PickleError,
  type PickleValue,
  unpickle,
} from '../../files/pickle.js';
import { native } from '../../native.js';
import type { StoredTensor } from '../weights.js';
import { readArchive } from './archive.js';

/**
 * A type of storage: the bytes of a number, of which those of one part are in the machine's order, and how numbers are
 * read, if they are.
 */
type Kind = { bytes: number; part?: number; read?: (data: Buffer) => Float32Array };
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
  // No weights of a network that can be brought in.
  ComplexFloatStorage: { bytes: 8, part: 4 },
  ComplexDoubleStorage: { bytes: 16, part: 8 },
  QInt8Storage: { bytes: 1 },
  QUInt8Storage: { bytes: 1 },
  QInt32Storage: { bytes: 4 },
  QUInt4x2Storage: { bytes: 1 },
  QUInt2x4Storage: { bytes: 1 },
  'storage.UntypedStorage': { bytes: 1 },
};

/** The bytes of a storage as they are on this machine. */
function littleEndian(data: Buffer, { bytes, part = bytes }: Kind): Buffer {
  if (part === 1) return data;
  const turned = Buffer.from(data);
  return part === 2 ? turned.swap16() : part === 4 ? turned.swap32() : turned.swap64();
}

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

const countOf = (shape: number[]) => shape.reduce((product, size) => product * size, 1);

/** A tensor of a checkpoint: a view of a storage. */
class View implements StoredTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}

  read(): Float32Array {
    const { storage, offset, shape, strides } = this;
    if (!storage.kind.read) throw new PickleError('a weight is complex or quantised');
    storage.data ??= storage.kind.read(storage.load());
    const count = countOf(shape);
    let step = 1;
    const contiguous = shape
      .map((size, i) => [size, strides[i] as number] as const)
      .reverse()
      .every(([size, stride]) => {
        const is = size === 1 || stride === step;
        step *= size;
        return is;
      });
    if (contiguous) return storage.data.subarray(offset, offset + count);
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
    return data;
  }
}

const isSizes = (value: PickleValue): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function rebuildTensor([storage, offset, shape, strides]: PickleValue[]): View {
  const known = typeof storage === 'object' && storage !== null && 'kind' in storage && 'load' in storage;
  if (
    !known ||
    !Number.isSafeInteger(offset) ||
    !isSizes(shape) ||
    !isSizes(strides) ||
    shape.length !== strides.length
  )
    throw new PickleError('a tensor is malformed');
  const { count } = storage as Storage;
  const place = offset as number;
  const last = shape.reduce((at, size, i) => at + Math.max(0, size - 1) * (strides[i] as number), place);
  if (countOf(shape) > 0 && (place < 0 || last >= count)) throw new PickleError('a tensor is larger than its storage');
  // A view that repeats its numbers could ask for any size.
  if (countOf(shape) > count) throw new PickleError('a tensor repeats the numbers of its storage');
  return new View(storage as Storage, place, shape, strides);
}

function rebuildFromType([rebuild, , args]: PickleValue[]): PickleValue {
  if (!(rebuild instanceof Global) || !Array.isArray(args)) throw new PickleError('a tensor is malformed');
  return rebuild.call(args);
}

function toDictionary([items]: PickleValue[]): Dictionary {
  return items instanceof Dictionary ? items : new Dictionary();
}

const dtypes = [
  'bool',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'bfloat16',
];
dtypes.push('float32', 'float64', 'complex32', 'complex64', 'complex128', 'qint8', 'quint8', 'qint32', 'quint4x2');
dtypes.push('quint2x4', 'float8_e4m3fn', 'float8_e4m3fnuz', 'float8_e5m2', 'float8_e5m2fnuz', 'float8_e8m0fnu');

/**
 * What PyTorch's own reading of weights allows too, and what its users save beside them: nothing of it is looked at.
 */
const inert = [
  ...dtypes.map((name) => `torch.${name}`),
  ...['device', 'Tensor', 'nn.parameter.Parameter', 'serialization._get_layout'].map((name) => `torch.${name}`),
  ...['per_tensor_affine', 'per_tensor_symmetric', 'per_channel_affine', 'per_channel_symmetric'].map(
    (name) => `torch.${name}`,
  ),
  'torch.per_channel_affine_float_qparams',
  ...[
    'qtensor',
    'tensor_v3',
    'sparse_tensor',
    'sparse_csr_tensor',
    'meta_tensor_no_storage',
    'nested_tensor',
    'wrapper_subclass',
  ].map((name) => `torch._utils._rebuild_${name}`),
  ...['numpy', 'cpu_tensor'].map((name) => `torch._utils._rebuild_device_tensor_from_${name}`),
  ...['numpy.core', 'numpy._core'].flatMap((core) => [
    `${core}.multiarray.scalar`,
    `${core}.multiarray._reconstruct`,
    `${core}.numeric._frombuffer`,
  ]),
  ...['numpy.dtype', 'numpy.ndarray'],
  ...['Bool', 'Int8', 'Int16', 'Int32', 'Int64', 'UInt8', 'UInt16', 'UInt32', 'UInt64', 'Float16', 'Float32'].map(
    (name) => `numpy.dtypes.${name}DType`,
  ),
  'numpy.dtypes.Float64DType',
  ...['builtins', '__builtin__'].flatMap((module) =>
    [
      'bytearray',
      'complex',
      'set',
      'frozenset',
      'object',
      'int',
      'long',
      'float',
      'bool',
      'str',
      'list',
      'tuple',
      'dict',
    ].map((name) => `${module}.${name}`),
  ),
  ...['_codecs.encode', 'copy_reg._reconstructor', 'copyreg._reconstructor', 'argparse.Namespace'],
];

/** Everything that a checkpoint may ask for. Storages' types are only named, never called. */
const globals: Globals = new Map<string, (args: PickleValue[]) => PickleValue>([
  ...inert.map((name) => [name, () => new Inert(name)] as const),
  ['collections.OrderedDict', () => new Dictionary()],
  ['collections.Counter', toDictionary],
  ['collections.defaultdict', () => new Dictionary()],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', ([tensor]) => tensor],
  ['torch._utils._rebuild_parameter_with_state', ([tensor]) => tensor],
  ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
  ['torch.Size', ([sizes]) => sizes],
  ...Object.keys(kinds).map((name) => [`torch.${name}`, () => refuseCall(name)] as const),
]);

function refuseCall(name: string): never {
  throw new PickleError(`calls torch.${name}`);
}

/** Gives the bytes of `count` numbers of the storage `key`. */
type Loader = (key: string, count: number, kind: Kind) => Buffer;

/** The storage that a persistent id names: ('storage', type, key, device, count). */
function toStorage(id: PickleValue, load: Loader, seen: Map<string, Storage>): Storage {
  const [tag, type, key, , count] = Array.isArray(id) ? id : [];
  const name = type && typeof type === 'object' && 'name' in type ? String(type.name).replace(/^torch\./, '') : '';
  const kind = kinds[name];
  if (tag !== 'storage' || !kind || typeof key !== 'string' || !Number.isSafeInteger(count) || count < 0)
    throw new PickleError('a storage is malformed');
  const known = seen.get(key) ?? { kind, count, load: () => load(key, count, kind) };
  seen.set(key, known);
  return known;
}

/** The zip form (PyTorch 1.6 and later): `<name>/data.pkl`, and `<name>/data/<key>` for each storage. */
async function readZip(file: string): Promise<PickleValue> {
  const entries = new Map<string, Buffer>();
  const isWanted = /^[^/]*\/(data\.pkl|byteorder|data\/[^/]+)$/;
  for (const [name, data] of await readArchive(file, (name) => isWanted.test(name)))
    entries.set(name.slice(name.indexOf('/') + 1), data);
  const pickle = entries.get('data.pkl');
  if (!pickle) throw new PickleError('the archive has no data.pkl');
  const seen = new Map<string, Storage>();
  const turned = entries.get('byteorder')?.toString('latin1') === 'big';
  const load: Loader = (key, count, kind) => {
    const data = entries.get(`data/${key}`)?.subarray(0, count * kind.bytes);
    entries.delete(`data/${key}`);
    if (!data) throw missingStorage(key);
    return turned ? littleEndian(data, kind) : data;
  };
  const { value } = unpickle(pickle, { globals, persistentLoad: (id) => toStorage(id, load, seen) });
  for (const [key, { count, kind }] of seen)
    if ((entries.get(`data/${key}`)?.length ?? -1) < count * kind.bytes) throw missingStorage(key);
  return value;
}

const missingStorage = (key: string) => new PickleError(`the storage ${key} is missing or too short`);

const legacyMagic = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/**
 * The older form: a magic number, a version and the machine's sizes; the value; the storages' keys; then each storage's
 * count and numbers, little-endian on every machine.
 */
function readLegacy(data: Buffer): PickleValue {
  const seen = new Map<string, Storage>();
  const places = new Map<string, number>();
  const load: Loader = (key, count, kind) => {
    const at = places.get(key) ?? data.length;
    const bytes = count * kind.bytes;
    if (at + bytes > data.length) throw missingStorage(key);
    return data.subarray(at, at + bytes);
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
    places.set(key, end + 8);
    end += 8 + count * storage.kind.bytes;
  }
  for (const [key, storage] of seen)
    if ((places.get(key) ?? data.length) + storage.count * storage.kind.bytes > data.length) throw missingStorage(key);
  return value;
}

/** The place of a dictionary that is the whole checkpoint. */
export const topLevel = 'top level';

/** Every dictionary in a checkpoint that holds tensors by name, by its place (`state_dict`, `models/0`). */
function findParts(root: PickleValue): Map<string, Map<string, View>> {
  const parts = new Map<string, Map<string, View>>();
  const seen = new Set<PickleValue>();
  const waiting: { value: PickleValue; place: string[] }[] = [{ value: root, place: [] }];
  for (const { value, place } of waiting) {
    if (seen.has(value) || !(value instanceof Dictionary || Array.isArray(value))) continue;
    seen.add(value);
    const views = new Map<string, View>();
    for (const [key, item] of value.entries()) {
      if (typeof key === 'string' && item instanceof View) views.set(key, item);
      waiting.push({ value: item, place: [...place, String(key)] });
    }
    if (views.size > 0) parts.set(place.join('/') || topLevel, views);
  }
  return parts;
}

/**
 * Reads a PyTorch checkpoint (`.pt`, `.pth`, `.pth.tar`), zip or older form. Nothing in it is executed.
 * @returns the tensors, to be read as 32-bit floats, of each dictionary in it that has any, by name, by the
 * dictionary's place
 * @throws `MaskbenchError` `MODEL_MISSING`, `MODEL_CORRUPT` (whatever PyTorch's own reading of weights would
 * refuse, by name)
 */
export async function readTorch(file: string): Promise<Map<string, Map<string, StoredTensor>>> {
  try {
    const start = await readStart(file);
    const zip = start.toString('latin1', 0, 4) === 'PK\x03\x04';
    if (!zip && !start.subarray(2, 2 + legacyMagic.length).equals(legacyMagic))
      throw new PickleError('the file has neither of the two formats of torch.save');
    const parts = findParts(zip ? await readZip(file) : readLegacy(await readFile(file)));
    if (parts.size === 0) throw new PickleError('found no dictionary of tensors');
    return parts;
  } catch (error) {
    if (error instanceof MaskbenchError) throw error;
    throw new MaskbenchError(
      'MODEL_CORRUPT',
      file,
      `${file}: not a readable PyTorch checkpoint: ${(error as Error).message}`,
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
