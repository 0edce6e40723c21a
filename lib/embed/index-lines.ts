import { checkArray, checkInteger, checkObject, checkPath, checkText, MaskbenchError } from '../errors.js';
import { type ColumnType, isParquetName, readParquet } from '../files/parquet.js';
import { numberedLines, readText } from '../files/text.js';

/** One line of the index beside the vectors. */
export interface IndexLine {
  /** Row of the vectors; null if the photo has none (a failure to acquire). */
  row: number | null;
  /** Path of the image, relative to the corpus or the folder. */
  path: string;
  identity: string;
  /** Path of the source photo; a masked twin has that of its plain photo. */
  photo: string;
  masked: boolean;
  /** Where the face came from (`detected`, `manifest`, `crop`, `whole`), or why there is none. */
  status: string;
  error?: string;
}

/** An index as a table. */
export const indexColumns: Record<keyof IndexLine, ColumnType> = {
  row: 'whole',
  path: 'text',
  identity: 'text',
  photo: 'text',
  masked: 'boolean',
  status: 'text',
  error: 'text',
};

function checkIndexLine(name: string, line: unknown): void {
  const { row, path: file, identity, photo } = checkObject(name, line, 'a line of an index');
  if (row !== null) checkInteger(`${name}.row`, row, 0, 2 ** 31 - 1);
  for (const [part, text] of Object.entries({ path: file, identity, photo })) checkText(`${name}.${part}`, text);
}

/** Throws unless `value` is an array of index lines. */
export function checkIndexLines(name: string, value: unknown): void {
  checkArray(name, value, checkIndexLine, 'a path, or an array of index lines');
}

/** The lines of an index, not checked yet, with their numbers from 1. */
async function linesOf(file: string): Promise<{ line: unknown; number: number }[]> {
  if (!isParquetName(file))
    return numberedLines(await readText(file)).map(({ line, number }) => {
      try {
        return { line: JSON.parse(line) as unknown, number };
      } catch {
        throw new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: expected JSON`);
      }
    });
  const lines: { line: unknown; number: number }[] = [];
  for await (const line of readParquet(file, Object.keys(indexColumns)))
    lines.push({ line: { row: null, ...line }, number: lines.length + 1 });
  return lines;
}

/**
 * Reads an index, `.jsonl` or `.parquet`, and checks that its rows are in order. Throws `NOT_FOUND`, `UNREADABLE` with
 * the line.
 * @example
 * const lines = await readIndex('lfw.jsonl');
 */
export async function readIndex(file: string): Promise<IndexLine[]> {
  checkPath('file', file);
  let next = 0;
  return (await linesOf(file)).map(({ line, number }) => {
    const refuse = (problem: string) => new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: ${problem}`);
    const parsed = line as IndexLine | null;
    if (
      typeof parsed?.path !== 'string' ||
      typeof parsed.identity !== 'string' ||
      typeof parsed.photo !== 'string' ||
      typeof parsed.masked !== 'boolean'
    )
      throw refuse('expected row, path, identity, photo and masked');
    if (parsed.row !== null && parsed.row !== next++)
      throw refuse(`expected row ${next - 1}, found ${parsed.row}: the rows are out of order`);
    return parsed;
  });
}
