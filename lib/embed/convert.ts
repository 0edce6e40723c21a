import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { manifestColumns, readManifest } from '../corpus/manifest.js';
import { checkPath, invalid, MaskbenchError } from '../errors.js';
import { writeAtomically } from '../files/atomic.js';
import { csvField } from '../files/csv.js';
import { isParquetName, parquetColumns, type Row, writeParquet } from '../files/parquet.js';
import { toBytes, toPath } from '../files/path.js';
import { readText } from '../files/text.js';
import { readScores, scoreColumns } from '../metrics/score-files.js';
import { readPairs, writePairs } from '../pairs/list.js';
import { indexColumns, readIndex } from './index-lines.js';

async function* scoreRows(file: string): AsyncGenerator<Row> {
  const { scores, failed, labels, references, probes } = await readScores(file);
  for (const [i, score] of scores.entries())
    yield {
      ...(!failed.has(i) && { score }),
      ...(labels && { label: labels[i] }),
      ...(references && { reference: references[i] }),
      ...(probes && { probe: probes[i] }),
    };
}

/** Tables that have lines of text and columns: how each is read, and what its columns are. */
const tables = {
  manifest: { sign: 'faces', columns: manifestColumns, read: readManifest },
  index: { sign: 'photo', columns: indexColumns, read: readIndex },
  pairs: { sign: 'referenceMasked', columns: undefined, read: undefined },
  scores: { sign: 'score', columns: scoreColumns, read: scoreRows },
};
/** What a file holds: a manifest, an index of vectors, a pair list, or scores. */
export type TableKind = 'manifest' | 'index' | 'pairs' | 'scores';

const textNames: [ending: RegExp, kinds: TableKind[]][] = [
  [/\.jsonl$/i, ['manifest', 'index']],
  [/\.txt$/i, ['pairs']],
  [/\.csv$/i, ['scores']],
];
const kindsOfName = (file: string) => textNames.find(([ending]) => ending.test(file))?.[1];

async function kindOf(file: string): Promise<TableKind> {
  const kinds = kindsOfName(file) ?? (Object.keys(tables) as TableKind[]);
  if (kinds.length === 1) return kinds[0] as TableKind;
  const isThere: (sign: string) => boolean = isParquetName(file)
    ? (
        (columns) => (sign: string) =>
          columns.includes(sign)
      )(await parquetColumns(file))
    : (
        (text) => (sign: string) =>
          text.includes(`"${sign}":`)
      )((await readText(file)).split('\n', 1)[0] as string);
  const kind = kinds.find((name) => isThere(tables[name].sign));
  if (kind) return kind;
  throw new MaskbenchError('UNREADABLE', file, `${file}: expected ${kinds.join(', ')}, found something else`);
}

/** Lines of a table as a text file has them. */
async function* linesOf(kind: 'manifest' | 'index' | 'scores', rows: AsyncIterable<Row> | Iterable<Row>) {
  let columns: string[] | undefined;
  for await (const row of rows) {
    if (kind !== 'scores') {
      yield `${JSON.stringify(row)}\n`;
      continue;
    }
    if (!columns) {
      columns = Object.keys(scoreColumns).filter((name) => name === 'score' || name in row);
      yield `${columns.join(',')}\n`;
    }
    yield `${columns.map((name) => csvField(String(row[name] ?? ''))).join(',')}\n`;
  }
}

/**
 * Writes a manifest, an index or vectors (`.jsonl`), a pair list (`.txt`) or scores (`.csv`) as a Parquet file, or a
 * Parquet file of these as text. Of vectors in Parquet the text has the index alone.
 * @returns what the file holds
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (other names), `OUTPUT_EXISTS`, `NOT_FOUND`, `UNREADABLE`, `WRITE_FAILED`
 * @example
 * await convertTable('masked/manifest.jsonl', 'manifest.parquet'); // 'manifest'
 */
export async function convertTable(from: string, to: string): Promise<TableKind> {
  checkPath('from', from);
  checkPath('to', to);
  if (isParquetName(from) ? !kindsOfName(to) : !kindsOfName(from) || !isParquetName(to))
    throw invalid('to', 'the names of a .jsonl, .txt or .csv file and of a .parquet file', `${from}, ${to}`);
  if (existsSync(toPath(to))) throw new MaskbenchError('OUTPUT_EXISTS', to, `${to}: the output exists already`);
  const kind = await kindOf(from);
  if (isParquetName(from) && !kindsOfName(to)?.includes(kind))
    throw invalid('to', `a name that ends as ${kind} in text do`, to);
  if (kind === 'pairs') {
    await writePairs(to, await readPairs(from));
    return kind;
  }
  const { columns, read } = tables[kind];
  const rows = (await read(from)) as unknown as AsyncIterable<Row> | Iterable<Row>;
  if (isParquetName(to)) await writeParquet(to, columns, rows);
  else
    await writeAtomically(to, async (temporary) => {
      for await (const line of linesOf(kind, rows)) await appendFile(toPath(temporary), toBytes(line));
    });
  return kind;
}
