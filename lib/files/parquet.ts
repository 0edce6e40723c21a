import { type FileHandle, open } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, RowGroup, SchemaElement } from 'hyparquet';
import type { parquetHeader } from 'hyparquet/src/column.js';
import { MaskbenchError } from '../errors.js';
import { writeAtomically } from './atomic.js';
import { toPath } from './path.js';
import { cannotRead } from './text.js';

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
  // Loaded when it is needed, as its reader below: together they take a tenth of a second.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
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

/** A file's bytes, read as they are asked for. */
class Bytes implements AsyncBuffer {
  private constructor(
    readonly handle: FileHandle,
    readonly byteLength: number,
  ) {}

  /** Throws `NOT_FOUND`, `READ_FAILED`. */
  static async open(file: string): Promise<Bytes> {
    try {
      const handle = await open(toPath(file));
      return new Bytes(handle, (await handle.stat()).size);
    } catch (error) {
      throw cannotRead(file, error);
    }
  }

  async slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    if (!(start >= 0 && start <= end && end <= this.byteLength)) throw new Error('a part lies outside the file');
    const data = new Uint8Array(end - start);
    await this.handle.read(data, 0, data.length, start);
    return data.buffer;
  }
}

/** More values in a column of one group than anyone needs, unless they have bytes of their own. */
const mostValues = 2 ** 24;
/** No page needs more bytes, unless they were hardly packed. */
const mostBytes = 2 ** 26;

/**
 * Throws where the pages of a column promise more values or bytes than the column has room for: hyparquet makes as many
 * as they promise.
 */
function checkPages(
  bytes: ArrayBuffer,
  { num_values, total_uncompressed_size }: ColumnMetaData,
  readHeader: typeof parquetHeader,
): void {
  const most = Math.max(mostValues, Number(total_uncompressed_size));
  const reader = { view: new DataView(bytes), offset: 0 };
  let values = 0;
  while (reader.offset < bytes.byteLength) {
    const { compressed_page_size, uncompressed_page_size, ...header } = readHeader(reader);
    const page = header.data_page_header ?? header.data_page_header_v2;
    const count = page?.num_values ?? 0;
    values += count;
    const entries = header.dictionary_page_header?.num_values ?? 0;
    if (
      !(compressed_page_size >= 0 && uncompressed_page_size <= Math.max(mostBytes, 10 * compressed_page_size)) ||
      !(count >= 0 && values <= Number(num_values) && values <= most) ||
      !(entries >= 0 && entries <= uncompressed_page_size)
    )
      throw new Error('a page promises more than the file holds');
    reader.offset += compressed_page_size;
  }
  if (values !== Number(num_values)) throw new Error(`expected ${num_values} values, found ${values}`);
}

/**
 * The columns of a group of rows, in memory: what hyparquet asks for ahead of time and then does not use would reject
 * without anyone who listens.
 */
async function columnsIn(
  file: Bytes,
  { columns, num_rows }: RowGroup,
  wanted: readonly string[],
): Promise<AsyncBuffer> {
  const chunks = columns.flatMap(({ meta_data }) => {
    if (!meta_data || !wanted.includes(meta_data.path_in_schema[0] as string)) return [];
    const { dictionary_page_offset, data_page_offset, total_compressed_size } = meta_data;
    const start = Number(dictionary_page_offset || data_page_offset);
    return [{ meta_data, start, end: start + Number(total_compressed_size) }];
  });
  const first = Math.min(...chunks.map(({ start }) => start));
  const last = Math.max(...chunks.map(({ end }) => end));
  const bytes = await file.slice(first, last);
  const { parquetHeader } = await import('hyparquet/src/column.js');
  for (const { meta_data, start, end } of chunks) {
    if (!(meta_data.num_values >= num_rows))
      throw new Error(`expected ${num_rows} values, found ${meta_data.num_values}`);
    checkPages(bytes.slice(start - first, end - first), meta_data, parquetHeader);
  }
  return {
    byteLength: file.byteLength,
    slice: (start, end = file.byteLength) => {
      if (!(start >= first && start <= end && end <= last)) throw new Error('a column lies outside its group');
      return bytes.slice(start - first, end - first);
    },
  };
}

/** What Node can unpack, beside Snappy, which hyparquet can. */
const compressors: Compressors = {
  GZIP: (packed, length) => gunzipSync(packed, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (packed, length) => brotliDecompressSync(packed, { maxOutputLength: Math.max(1, length) }),
};

/** Cells that are there, with numbers as JavaScript has them. */
function toRow(cells: Row): Row {
  const row: Row = {};
  for (const [name, cell] of Object.entries(cells))
    if (cell !== null && cell !== undefined) row[name] = typeof cell === 'bigint' ? Number(cell) : cell;
  return row;
}

/** A file's description, and the names of its columns. */
async function describe(source: AsyncBuffer): Promise<{ metadata: FileMetaData; names: string[] }> {
  const { parquetMetadataAsync, parquetSchema } = await import('hyparquet');
  const metadata = await parquetMetadataAsync(source);
  return { metadata, names: parquetSchema(metadata).children.map(({ element }) => element.name) };
}

function reading<T>(file: string, work: Promise<T>): Promise<T> {
  return work.catch((error) => {
    throw new MaskbenchError('UNREADABLE', file, `${file}: not a readable Parquet file: ${error.message}`);
  });
}

/** The names of a file's columns. Throws as {@link readParquet}. */
export async function parquetColumns(file: string): Promise<string[]> {
  const source = await Bytes.open(file);
  try {
    return (await reading(file, describe(source))).names;
  } finally {
    await source.handle.close();
  }
}

/**
 * Reads the rows of a Parquet file, a group of rows at a time. A row lacks the columns that are null.
 * @param wanted The columns to read; those that the file lacks are left out. Default: all.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`
 */
export async function* readParquet(file: string, wanted?: readonly string[]): AsyncGenerator<Row> {
  const source = await Bytes.open(file);
  try {
    const { parquetReadObjects } = await import('hyparquet');
    const { metadata, names } = await reading(file, describe(source));
    const columns = names.filter((name) => wanted?.includes(name) ?? true);
    let rowStart = 0;
    if (wanted && columns.length === 0)
      throw new MaskbenchError('UNREADABLE', file, `${file}: expected columns of ${wanted.join(', ')}, found none`);
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const part = await reading(file, columnsIn(source, group, columns));
      const rows = await reading(
        file,
        parquetReadObjects({ file: part, metadata, compressors, columns, rowStart, rowEnd }),
      );
      for (const row of rows) yield toRow(row);
      rowStart = rowEnd;
    }
  } finally {
    await source.handle.close();
  }
}
