import { open, stat } from 'node:fs/promises';
import { MaskbenchError } from './errors.js';
import { native } from './native.js';

/** A NumPy array file, read whole. */
export interface NpyArray {
  data: Float32Array | Float64Array | Uint8Array | Int32Array;
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
  '<i4': { bytes: 4, view: (data: ArrayBuffer) => new Int32Array(data) },
  '<i8': { bytes: 8, view: (data: ArrayBuffer) => Float64Array.from(new BigInt64Array(data), Number) },
};

/**
 * Reads a NumPy `.npy` file (format 1 to 3; float16, float32, float64, bool, uint8, int32 or int64, little-endian, C order).
 * @throws {@link MaskbenchError} `NOT_FOUND`, `UNREADABLE` (truncated, another kind, Fortran order, big-endian)
 */
export async function readNpy(file: string): Promise<NpyArray> {
  const refuse = (problem: string) => new MaskbenchError('UNREADABLE', file, `${file}: ${problem}`);
  const handle = await open(file).catch((error) => {
    throw new MaskbenchError('NOT_FOUND', file, `${file}: cannot be opened: ${error.message}`);
  });
  try {
    const start = Buffer.alloc(12);
    await handle.read(start, 0, 12, 0);
    if (start.toString('latin1', 0, 6) !== '\x93NUMPY') throw refuse('is not a NumPy .npy file');
    const long = (start[6] as number) > 1;
    const headerSize = long ? start.readUInt32LE(8) : start.readUInt16LE(8);
    const headerStart = long ? 12 : 10;
    if (headerSize > 2 ** 20) throw refuse('its header is damaged');
    const headerBytes = Buffer.alloc(headerSize);
    await handle.read(headerBytes, 0, headerSize, headerStart);
    const header = headerBytes.toString('utf8');
    const kind = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
    const dimensions = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
    if (kind === undefined || dimensions === undefined) throw refuse('its header is damaged');
    const shape = dimensions
      .split(',')
      .filter((part) => part.trim() !== '')
      .map(Number);
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) throw refuse('its shape is damaged');
    if (kind.startsWith('>')) throw refuse(`holds big-endian numbers (${kind}); write it little-endian`);
    if (/'fortran_order'\s*:\s*True/.test(header) && shape.length > 1)
      throw refuse('is in Fortran order; write it with numpy.ascontiguousarray');
    if (!(kind in kinds)) throw refuse(`holds ${kind}; expected one of ${Object.keys(kinds).join(', ')}`);
    const { bytes, view } = kinds[kind as keyof typeof kinds];
    const size = bytes * shape.reduce((product, dimension) => product * dimension, 1);
    const dataStart = headerStart + headerSize;
    const { size: found } = await handle.stat();
    if (found !== dataStart + size)
      throw refuse(`expected ${size} bytes for shape (${shape.join(', ')}), found ${found - dataStart}`);
    const data = new ArrayBuffer(size);
    for (let at = 0; at < size; ) {
      const part = new Uint8Array(data, at, Math.min(readChunk, size - at));
      const { bytesRead } = await handle.read(part, 0, part.length, dataStart + at);
      if (bytesRead === 0) throw refuse('ends early');
      at += bytesRead;
    }
    return { data: view(data), shape };
  } finally {
    await handle.close();
  }
}

/** Whether a file begins as a `.npy` file does. */
export async function isNpy(file: string): Promise<boolean> {
  return /\.npy$/i.test(file) && (await stat(file).catch(() => undefined))?.isFile() === true;
}

/** The header of a `.npy` file of rows of floats; always of one length, so that it can be written again when the rows are counted. */
export function npyHeader(kind: '<f2' | '<f4', rows: number, columns: number): Buffer {
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
  return Buffer.concat([start, Buffer.from(`${text.padEnd(117)}\n`)]);
}
