import { checkArray, checkInteger, checkObject, checkPath, checkText, MaskbenchError } from '../errors.js';
import { type ColumnType, isParquetName, readParquet } from '../files/parquet.js';
import { numberedLines, readText } from '../files/text.js';
import { type Similarity, similarityKinds } from '../models/similarity.js';

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
  /** Where the face came from (`detected`, `manifest`, `points`, `crop`, `whole`), or why there is none. */
  status: string;
  /** Why the search was of no use, where the face was taken from the manifest instead: `no-face` or `wrong-face`. */
  search?: string;
  /** What searched the photo for a face, also where it found none; absent where nothing was searched. */
  detector?: string;
  /** The model of the vectors and how its description compares them; absent in indexes of version 0.1. */
  model?: string;
  similarity?: Similarity['kind'];
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
  search: 'text',
  detector: 'text',
  model: 'text',
  similarity: 'text',
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
      typeof parsed.masked !== 'boolean' ||
      !['string', 'undefined'].includes(typeof parsed.model)
    )
      throw refuse('expected row, path, identity, photo and masked');
    if (parsed.similarity !== undefined && !similarityKinds.includes(parsed.similarity))
      throw refuse(`expected one of ${similarityKinds.join(', ')} as the similarity, found ${parsed.similarity}`);
    if (parsed.row !== null && parsed.row !== next++)
      throw refuse(`expected row ${next - 1}, found ${parsed.row}: the rows are out of order`);
    return parsed;
  });
}

/** The model of an index and its similarity, where the index names them. Throws `INVALID_ARGUMENT` where it names two. */
export function similarityOf(lines: readonly IndexLine[], index: string): Pick<IndexLine, 'model' | 'similarity'> {
  const [first] = lines;
  const other = lines.find(({ model, similarity }) => model !== first?.model || similarity !== first?.similarity);
  if (other)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      index,
      `${index}: expected vectors of one model, found ${first?.model ?? 'none named'} (${first?.path}) and ${other.model ?? 'none named'} (${other.path})`,
    );
  const { model, similarity } = first ?? {};
  return { ...(model !== undefined && { model }), ...(similarity !== undefined && { similarity }) };
}
