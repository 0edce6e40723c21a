import { MaskbenchError } from '../errors.js';
import { readNpyRows } from './npy.js';
import { isParquetName, readParquet } from './parquet.js';

/** The index that belongs to a file of vectors: beside an `.npy` file, inside a Parquet file. */
export const indexOf = (vectors: string) =>
  isParquetName(vectors) ? vectors : vectors.replace(/(\.npy)?$/i, '.jsonl');

/** Vectors, some rows at a time, in order. */
export interface VectorRows {
  rows: number;
  columns: number;
  chunks: AsyncGenerator<Float32Array>;
}

async function* chunksOf(file: string, columns: number, rowsAtOnce: number): AsyncGenerator<Float32Array> {
  let chunk = new Float32Array(rowsAtOnce * columns);
  let filled = 0;
  for await (const { vector } of readParquet(file, ['vector'])) {
    if (vector === undefined) continue;
    if (!Array.isArray(vector) || vector.length !== columns)
      throw new MaskbenchError('UNREADABLE', file, `${file}: expected vectors of ${columns} numbers`);
    chunk.set(vector, filled);
    filled += columns;
    if (filled < chunk.length) continue;
    yield chunk;
    chunk = new Float32Array(chunk.length);
    filled = 0;
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

async function openParquet(file: string, rowsAtOnce: number): Promise<VectorRows> {
  let rows = 0;
  let columns = 0;
  for await (const { row } of readParquet(file, ['row'])) if (row !== undefined) rows++;
  for await (const { vector } of readParquet(file, ['vector']))
    if (Array.isArray(vector)) {
      columns = vector.length;
      break;
    }
  if (rows === 0 || columns === 0)
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected columns row and vector with values, found none`);
  return { rows, columns, chunks: chunksOf(file, columns, rowsAtOnce) };
}

/**
 * Reads vectors that `embed` wrote, `.npy` or `.parquet`, some rows at a time. Photos without a vector have no row.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`
 */
export function readVectors(file: string, rowsAtOnce: number): Promise<VectorRows> {
  return isParquetName(file) ? openParquet(file, rowsAtOnce) : readNpyRows(file, rowsAtOnce);
}
