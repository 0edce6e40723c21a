import { open, stat } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaElement,
} from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { MaskbenchError } from '../errors.js';
import { writeAtomically } from './atomic.js';
import { toPath } from './path.js';

/** What a column holds: whole numbers up to 2^53, JSON values, or lists of 32-bit floats beside the obvious. */
export type ColumnType = 'text' | 'whole' | 'number' | 'boolean' | 'json' | 'floats';

export type Row = Record<string, unknown>;

export const isParquetName = (file: string) => /\.parquet$/i.test(file);

const elements: Record<Exclude<ColumnType, 'floats'>, Partial<SchemaElement>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  whole: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
};

function schemaOf(columns: Record<string, ColumnType>): SchemaElement[] {
  const names = Object.entries(columns);
  return [
    { name: 'maskbench', num_children: names.length },
    ...names.flatMap(([name, type]): SchemaElement[] =>
      type === 'floats'
        ? [
            { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
            { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
            { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
          ]
        : [{ name, repetition_type: 'OPTIONAL', ...elements[type] }],
    ),
  ];
}

function toCell(value: unknown, type: ColumnType, refuse: (problem: string) => Error): unknown {
  if (value === undefined || value === null) return null;
  if (type === 'whole') return BigInt(value as number);
  if (type === 'floats') return Array.from(value as Float32Array);
  if (type === 'text' && Buffer.from(value as string).toString() !== value)
    throw refuse(`${JSON.stringify(value)} is not UTF-8, which Parquet's texts are`);
  return value;
}

const rowsInGroup = 20_000;

/**
 * Writes rows as a Parquet file, a group of rows at a time. A file of the same name is replaced.
 * @param columns The type of each column; a row may lack any.
 * @throws {@link MaskbenchError} `WRITE_FAILED`; `INVALID_ARGUMENT`: a name that is not UTF-8
 */
export async function writeParquet(
  file: string,
  columns: Record<string, ColumnType>,
  rows: AsyncIterable<Row> | Iterable<Row>,
): Promise<void> {
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', file, `${file}: ${problem}`);
  await writeAtomically(file, async (temporary) => {
    const handle = await open(toPath(temporary), 'w');
    const bytes = new ByteWriter();
    const writer = new ParquetWriter({ writer: bytes, schema: schemaOf(columns), createdBy: 'maskbench' });
    const flush = async () => {
      await handle.appendFile(bytes.getBytes());
      bytes.index = 0;
    };
    let group: Row[] = [];
    const writeGroup = async () => {
      await writer.write({
        columnData: Object.entries(columns).map(([name, type]) => ({
          name,
          data: group.map((row) => toCell(row[name], type, refuse)),
          ...(type === 'floats' && { codec: 'UNCOMPRESSED' as const, encoding: 'PLAIN' as const, statistics: false }),
        })),
        rowGroupSize: rowsInGroup,
      });
      await flush();
      group = [];
    };
    try {
      for await (const row of rows) if (group.push(row) === rowsInGroup) await writeGroup();
      if (group.length > 0) await writeGroup();
      await writer.finish();
      await flush();
    } finally {
      await handle.close();
    }
  });
}

async function openFile(file: string): Promise<AsyncBuffer & { close: () => Promise<void> }> {
  try {
    const { size } = await stat(toPath(file));
    const handle = await open(toPath(file));
    return {
      byteLength: size,
      slice: async (start, end = size) => {
        const data = Buffer.alloc(end - start);
        await handle.read(data, 0, data.length, start);
        return data.buffer as ArrayBuffer;
      },
      close: () => handle.close(),
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MaskbenchError(
      code === 'ENOENT' ? 'NOT_FOUND' : 'READ_FAILED',
      file,
      `${file}: cannot be read: ${message}`,
    );
  }
}

/** What Node can unpack, beside Snappy, which hyparquet can. */
const compressors = {
  GZIP: (bytes: Uint8Array, size: number) => gunzipSync(bytes, { maxOutputLength: size }),
  BROTLI: (bytes: Uint8Array, size: number) => brotliDecompressSync(bytes, { maxOutputLength: size }),
};

/** Cells that are there, with numbers as JavaScript has them. */
function toRow(cells: Row): Row {
  const row: Row = {};
  for (const [name, cell] of Object.entries(cells))
    if (cell !== null && cell !== undefined) row[name] = typeof cell === 'bigint' ? Number(cell) : cell;
  return row;
}

const namesOf = (metadata: FileMetaData) => parquetSchema(metadata).children.map(({ element }) => element.name);

function reading<T>(file: string, work: Promise<T>): Promise<T> {
  return work.catch((error) => {
    throw new MaskbenchError('UNREADABLE', file, `${file}: not a readable Parquet file: ${error.message}`);
  });
}

/** The names of a file's columns. Throws as {@link readParquet}. */
export async function parquetColumns(file: string): Promise<string[]> {
  const source = await openFile(file);
  try {
    return namesOf(await reading(file, parquetMetadataAsync(source)));
  } finally {
    await source.close();
  }
}

/**
 * Reads the rows of a Parquet file, a group of rows at a time. A row lacks the columns that are null.
 * @param wanted The columns to read; those that the file lacks are left out. Default: all.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`
 */
export async function* readParquet(file: string, wanted?: readonly string[]): AsyncGenerator<Row> {
  const source = await openFile(file);
  try {
    const metadata = await reading(file, parquetMetadataAsync(source));
    const columns = namesOf(metadata).filter((name) => wanted?.includes(name) ?? true);
    let rowStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      const rows = await reading(
        file,
        parquetReadObjects({ file: source, metadata, compressors, columns, rowStart, rowEnd }),
      );
      for (const row of rows) yield toRow(row);
      rowStart = rowEnd;
    }
  } finally {
    await source.close();
  }
}
