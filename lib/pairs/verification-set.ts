import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { checkArray, checkObject, checkPath, invalid, MaskbenchError } from '../errors.js';
import { writeAtomically } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { Buildable, type Globals, PickleError, type PickleValue, unpickle } from '../files/pickle.js';
import { readBytes } from '../files/text.js';

/** A verification set of InsightFace: `lfw.bin`, `cfp_fp.bin`, `agedb_30.bin` and the like. */
export interface VerificationSet {
  /** [2 × pairs] image files. Pair i is images 2i and 2i + 1. */
  images: Uint8Array[];
  /** Whether both images of a pair show the same person; one a pair. */
  genuine: boolean[];
}

/** NumPy's type of an array's elements: bytes and booleans only. */
class ByteType extends Buildable {
  // Byte order and alignment, which bytes do not have.
  build(): void {}
}

/** A NumPy array of bytes. */
class ByteArray extends Buildable {
  data: Buffer = Buffer.alloc(0);
  shape: number[] = [];

  static of(data: PickleValue, type: PickleValue, shape: PickleValue): ByteArray {
    const array = new ByteArray();
    const sizes = (Array.isArray(shape) ? shape : [shape]) as number[];
    if (!Buffer.isBuffer(data) || !(type instanceof ByteType))
      throw new PickleError('holds an array whose elements are not bytes');
    if (!sizes.every(Number.isSafeInteger) || sizes.reduce((product, size) => product * size, 1) !== data.length)
      throw new PickleError(`holds an array of ${data.length} bytes with the shape (${sizes.join(', ')})`);
    array.data = data;
    array.shape = sizes;
    return array;
  }

  build(state: PickleValue): void {
    const [, shape, type, , data] = Array.isArray(state) ? state : [];
    Object.assign(this, ByteArray.of(data, type, shape));
  }
}

const latin1 = (value: PickleValue) => (Buffer.isBuffer(value) ? value.toString('latin1') : value);

function toType([name]: PickleValue[]): ByteType {
  if (!['u1', 'b1', 'uint8', 'bool'].includes(String(latin1(name))))
    throw new PickleError(`holds numbers of the type ${JSON.stringify(latin1(name))}, expected bytes or booleans`);
  return new ByteType();
}

/** Bytes as Python 3 writes them for Python 2. */
function toBytes([text, encoding]: PickleValue[]): Buffer {
  if (typeof text !== 'string' || !/^latin-?1$/.test(String(latin1(encoding))))
    throw new PickleError('encodes something other than bytes');
  return Buffer.from(text, 'latin1');
}

function toScalar([type, data]: PickleValue[]): boolean {
  if (!(type instanceof ByteType) || !Buffer.isBuffer(data) || data.length !== 1)
    throw new PickleError('holds a number that is not a boolean');
  return data[0] !== 0;
}

/** All that a set may ask for. */
const globals: Globals = new Map<string, (args: PickleValue[]) => PickleValue>([
  ...['numpy.core', 'numpy._core'].flatMap((core): [string, (args: PickleValue[]) => PickleValue][] => [
    [`${core}.multiarray._reconstruct`, () => new ByteArray()],
    [`${core}.multiarray.scalar`, toScalar],
    [`${core}.numeric._frombuffer`, ([data, type, shape]) => ByteArray.of(data, type, shape)],
  ]),
  ['numpy.ndarray', () => new ByteArray()],
  ['numpy.dtype', toType],
  ['_codecs.encode', toBytes],
  ...['builtins', '__builtin__'].map((module) => [`${module}.bytes`, () => Buffer.alloc(0)] as const),
]);

function toImage(value: PickleValue, i: number): Buffer {
  const data = value instanceof ByteArray && value.shape.length === 1 ? value.data : value;
  if (Buffer.isBuffer(data)) return data;
  const found = value instanceof ByteArray ? `an array of the shape (${value.shape.join(', ')})` : typeof value;
  throw new PickleError(`image ${i}: expected the bytes of an image file, found ${found}`);
}

function toLabel(value: PickleValue, i: number): boolean {
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw new PickleError(`label ${i}: expected true or false, found ${String(latin1(value)).slice(0, 40)}`);
}

function toSet(value: PickleValue): VerificationSet {
  const [images, labels, ...more] = Array.isArray(value) ? value : [];
  const list = labels instanceof ByteArray && labels.shape.length === 1 ? [...labels.data] : labels;
  if (!Array.isArray(images) || !Array.isArray(list) || more.length > 0)
    throw new PickleError('expected a list of images and a list of labels');
  if (list.length === 0 || images.length !== 2 * list.length)
    throw new PickleError(
      `expected two images for each label, found ${images.length} images and ${list.length} labels`,
    );
  return { images: images.map(toImage), genuine: list.map(toLabel) };
}

/**
 * Reads a verification set: a pickle of Python 2 or 3, protocol 0 to 5, with images as bytes or NumPy arrays. Nothing
 * in it is executed; a pickle that asks for anything but bytes, lists and arrays is refused.
 * @throws `MaskbenchError` `NOT_FOUND`, `READ_FAILED` (also: 2 GiB and more), `UNREADABLE`
 * @example
 * const { images, genuine } = await readVerificationSet('lfw.bin');
 * console.log(images.length / 2, genuine.filter(Boolean).length);
 */
export async function readVerificationSet(file: string): Promise<VerificationSet> {
  checkPath('file', file);
  return parseVerificationSet(await readBytes(file), file);
}

export const isSetName = (name: string) => /\.bin$/i.test(name);

/** What an image of a set is called: the file's name and the image's number, from 0. */
export const imageKey = (file: string, i: number) => `${path.basename(file)}/${i}`;

/**
 * The set in a file's bytes.
 * @param file Its name, for errors.
 * @throws `MaskbenchError` `UNREADABLE`
 */
export function parseVerificationSet(data: Buffer, file: string): VerificationSet {
  try {
    return toSet(unpickle(data, { globals, byteStrings: true }).value);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new MaskbenchError('UNREADABLE', file, `${file}: not a verification set: ${error.message}`);
  }
}

/**
 * The first image of the same person, for each image. A set names nobody: images of a genuine pair, and equal images,
 * show one person; all else may be different people.
 */
export function peopleOf({ images, genuine }: VerificationSet): number[] {
  const first = images.map((_, i) => i);
  const find = (i: number): number => {
    let at = i;
    while (first[at] !== at) {
      first[at] = first[first[at] as number] as number;
      at = first[at] as number;
    }
    return at;
  };
  const join = (a: number, b: number) => {
    const [low, high] = [find(a), find(b)].sort((x, y) => x - y) as [number, number];
    first[high] = low;
  };
  const seen = new Map<string, number>();
  for (const [i, image] of images.entries()) {
    const hash = createHash('sha1').update(image).digest('base64');
    const same = seen.get(hash);
    if (same === undefined) seen.set(hash, i);
    else join(same, i);
  }
  for (const [i, same] of genuine.entries()) if (same) join(2 * i, 2 * i + 1);
  return images.map((_, i) => find(i));
}

const greatest = 2 ** 32 - 1;

/*
 * A pickle of protocol 3: a mark and an empty list, the images, and what appends them; the labels likewise; and what
 * makes a pair of both. It is written from its beginning to its end.
 */
export const setStart = Buffer.from('\x80\x03](', 'latin1');

export function encodeImage(image: Uint8Array): [Buffer, Uint8Array] {
  const start = Buffer.alloc(5, 'B');
  start.writeUInt32LE(image.length, 1);
  return [start, image];
}

export function encodeSetEnd(genuine: readonly boolean[]): Buffer {
  return Buffer.from(`e](${genuine.map((same) => (same ? '\x88' : '\x89')).join('')}e\x86.`, 'latin1');
}

/**
 * Writes a verification set: a pickle of protocol 3, which `pickle.load` of Python 3 reads, with images as bytes. A
 * file of the same name is replaced.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`, `WRITE_FAILED`
 * @example
 * const { images, genuine } = await readVerificationSet('lfw.bin');
 * await writeVerificationSet('first.bin', { images: images.slice(0, 2), genuine: genuine.slice(0, 1) });
 */
export async function writeVerificationSet(file: string, set: VerificationSet): Promise<void> {
  checkPath('file', file);
  const { images, genuine } = checkObject('set', set, '{ images, genuine }') as Partial<VerificationSet>;
  checkArray('set.images', images, (name, image) => {
    if (!(image instanceof Uint8Array) || image.length > greatest) throw invalid(name, 'the bytes of an image', image);
  });
  checkArray('set.genuine', genuine, (name, label) => {
    if (typeof label !== 'boolean') throw invalid(name, 'true or false', label);
  });
  if (set.images.length !== 2 * set.genuine.length)
    throw invalid('set.images', `two for each of ${set.genuine.length} labels`, set.images.length);
  await writeAtomically(file, async (temporary) => {
    const handle = await open(toPath(temporary), 'w');
    try {
      await handle.appendFile(setStart);
      for (const image of set.images) for (const piece of encodeImage(image)) await handle.appendFile(piece);
      await handle.appendFile(encodeSetEnd(set.genuine));
    } finally {
      await handle.close();
    }
  });
}
