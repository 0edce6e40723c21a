import { type FileHandle, open, stat } from 'node:fs/promises';
import { MaskbenchError } from '../errors.js';
import { native } from '../native.js';

/** A NumPy array file, read whole. */
export interface NpyArray {
  data: Float32Array | Float64Array | Uint8Array | Int8Array | Uint16Array | Int16Array | Int32Array | Uint32Array;
  /** Row-major. */
  shape: number[];
}

const readChunk = 64 * 2 ** 20;

const kinds = {
  '<f2': { bytes: 2, view: (data: ArrayBuffer) => native.fromHalves(new Uint16Array(data)) },
  '<f4': { bytes: 4, view: (data: ArrayBuffer) => new Float32Array(data) },
  '<f8': { bytes: 8, view: (data: ArrayBuffer) => new Float64Array(data) },
  '|u1': { bytes: 1, view: (data: ArrayBuffer) => new Uint8Array(data) },
  '|b1': { bytes: 1, view: (data: ArrayBuffer) => new Uint8Array(data) },
  '|i1': { bytes: 1, view: (data: ArrayBuffer) => new Int8Array(data) },
  '<u2': { bytes: 2, view: (data: ArrayBuffer) => new Uint16Array(data) },
  '<i2': { bytes: 2, view: (data: ArrayBuffer) => new Int16Array(data) },
  '<u4': { bytes: 4, view: (data: ArrayBuffer) => new Uint32Array(data) },
  '<i4': { bytes: 4, view: (data: ArrayBuffer) => new Int32Array(data) },
  '<i8': { bytes: 8, view: (data: ArrayBuffer) => Float64Array.from(new BigInt64Array(data), Number) },
  '<u8': { bytes: 8, view: (data: ArrayBuffer) => Float64Array.from(new BigUint64Array(data), Number) },
};

/**
 * Reads a NumPy `.npy` file (format 1 to 3; float16, float32, float64, bool or integers of 8 to 64 bits, little-endian,
 * C order).
 * @throws {@link MaskbenchError} `NOT_FOUND`, `UNREADABLE` (truncated, another kind, Fortran order, big-endian)
 */
export async function readNpy(file: string): Promise<NpyArray> {
  const { handle, shape, kind, start, size, refuse } = await openNpy(file);
  try {
    const data = new ArrayBuffer(size);
    await fill(new Uint8Array(data), handle, start, refuse);
    return { data: kinds[kind].view(data), shape };
  } finally {
    await handle.close();
  }
}

/** Fills `data` from a place in the file. */
async function fill(
  data: Uint8Array,
  handle: FileHandle,
  start: number,
  refuse: (problem: string) => Error,
): Promise<void> {
  for (let at = 0; at < data.length; ) {
    const part = data.subarray(at, Math.min(data.length, at + readChunk));
    const { bytesRead } = await handle.read(part, 0, part.length, start + at);
    if (bytesRead === 0) throw refuse('ends early');
    at += bytesRead;
  }
}

/**
 * Reads a matrix of floats some rows at a time.
 * @returns its shape, and its rows in order. Throws as {@link readNpy}
 */
export async function readNpyRows(
  file: string,
  rowsAtOnce: number,
): Promise<{ rows: number; columns: number; chunks: AsyncGenerator<Float32Array> }> {
  const { handle: opened, shape, kind, start, size, refuse } = await openNpy(file);
  // Opened again for the rows, which a caller who sees the shape may not want.
  await opened.close();
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows === undefined || !columns || (kind !== '<f4' && kind !== '<f2'))
    throw refuse(`expected rows of 16-bit or 32-bit floats, found ${kind} (${shape.join(', ')})`);
  async function* chunks(): AsyncGenerator<Float32Array> {
    const { handle } = await openNpy(file);
    try {
      const rowBytes = rows ? size / rows : 0;
      for (let row = 0; row < (rows as number); row += rowsAtOnce) {
        const data = new ArrayBuffer(Math.min(rowsAtOnce, (rows as number) - row) * rowBytes);
        await fill(new Uint8Array(data), handle, start + row * rowBytes, refuse);
        yield kinds[kind].view(data) as Float32Array;
      }
    } finally {
      await handle.close();
    }
  }
  return { rows, columns, chunks: chunks() };
}

/** Reads a file's header, and leaves it open. */
async function openNpy(file: string) {
  const refuse = (problem: string) => new MaskbenchError('UNREADABLE', file, `${file}: ${problem}`);
  const handle = await open(file).catch((error) => {
    throw new MaskbenchError('NOT_FOUND', file, `${file}: cannot be opened: ${error.message}`);
  });
  try {
    const start = Buffer.alloc(12);
    await handle.read(start, 0, 12, 0);
    if (start.toString('latin1', 0, 6) !== '\x93NUMPY') throw refuse('not a NumPy .npy file');
    const long = (start[6] as number) > 1;
    const headerSize = long ? start.readUInt32LE(8) : start.readUInt16LE(8);
    const headerStart = long ? 12 : 10;
    if (headerSize > 2 ** 20) throw refuse('the header is damaged');
    const headerBytes = Buffer.alloc(headerSize);
    await handle.read(headerBytes, 0, headerSize, headerStart);
    const header = headerBytes.toString('utf8');
    // A Python literal: either kind of quotes; Python 2 writes long numbers as 3L.
    const kind = /(['"])descr\1\s*:\s*(['"])(.*?)\2/.exec(header)?.[3];
    const dimensions = /(['"])shape\1\s*:\s*\(([^)]*)\)/.exec(header)?.[2];
    if (kind === undefined || dimensions === undefined) throw refuse('the header is damaged');
    const shape = dimensions
      .split(',')
      .filter((part) => part.trim() !== '')
      .map((part) => Number(part.replace(/L\s*$/, '')));
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) throw refuse('the shape is damaged');
    if (kind.startsWith('>')) throw refuse(`the numbers are big-endian (${kind}); write them little-endian`);
    if (/(['"])fortran_order\1\s*:\s*True/.test(header) && shape.length > 1)
      throw refuse('the array is in Fortran order; write it with numpy.ascontiguousarray');
    if (!(kind in kinds)) throw refuse(`expected one of ${Object.keys(kinds).join(', ')}, found ${kind}`);
    const { bytes } = kinds[kind as keyof typeof kinds];
    const size = bytes * shape.reduce((product, dimension) => product * dimension, 1);
    const dataStart = headerStart + headerSize;
    const { size: found } = await handle.stat();
    if (found !== dataStart + size)
      throw refuse(`expected ${size} bytes for shape (${shape.join(', ')}), found ${Math.max(0, found - dataStart)}`);
    return { handle, shape, kind: kind as keyof typeof kinds, start: dataStart, size, refuse };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A header of one length whatever the shape, so that it can be written again once rows are counted. */
export function npyHeader(kind: string, shape: readonly number[]): Buffer {
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
  return Buffer.concat([start, Buffer.from(`${text.padEnd(117)}\n`)]);
}

/** An array as a `.npy` file. */
export function npyFile(
  data: Float32Array | Float64Array | Int32Array | Uint32Array,
  shape: readonly number[],
): Buffer {
  const kind =
    data instanceof Float32Array
      ? '<f4'
      : data instanceof Float64Array
        ? '<f8'
        : data instanceof Int32Array
          ? '<i4'
          : '<u4';
  return Buffer.concat([npyHeader(kind, shape), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

/** Whether a file is there and is named as a `.npy` file. */
export async function isNpy(file: string): Promise<boolean> {
  return /\.npy$/i.test(file) && (await stat(file).catch(() => undefined))?.isFile() === true;
}
