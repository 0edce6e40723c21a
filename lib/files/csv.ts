import { parse } from 'csv-parse/sync';
import { MaskbenchError } from '../errors.js';
import { textLines } from './text.js';

/** A row of a CSV file below its header. */
export interface CsvRow {
  /** As many as the header has. */
  fields: string[];
  /** The line that it begins in, from 1. */
  line: number;
}

/**
 * Reads CSV text: a header, then rows of as many fields, commas between, quotes around fields that need them. Blanks
 * around fields, and empty lines between rows of several columns, are left out.
 * @param file Its name, for errors.
 * @returns the header's fields, and the rows, which are read as they are asked for
 * @throws {@link MaskbenchError} `UNREADABLE` with the line: quotes that are not closed, another number of fields, a
 * file without a header
 */
export function parseCsv(text: string, file: string): { names: string[]; rows: Iterable<CsvRow> } {
  const refuse = (line: number, problem: string) =>
    new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: ${problem}`);
  const lines = textLines(text);
  let records: Iterator<string[]>;
  try {
    records = recordsOf(lines)[Symbol.iterator]();
  } catch (error) {
    const { lines: line = 1, message } = error as Error & { lines?: number };
    throw refuse(line, message);
  }
  const names: string[] | undefined = records.next().value;
  if (!names) throw refuse(1, 'expected a header');
  return { names, rows: rowsOf(names, records, refuse) };
}

function* rowsOf(
  names: string[],
  records: Iterator<string[]>,
  refuse: (line: number, problem: string) => Error,
): Generator<CsvRow> {
  let line = 1 + linesOf(names);
  for (let record = records.next(); !record.done; record = records.next()) {
    const fields = record.value;
    // With one column an empty line is an empty field.
    const empty = fields.length === 1 && fields[0] === '' && names.length > 1;
    if (!empty && fields.length !== names.length)
      throw refuse(line, `expected ${names.length} columns, found ${fields.length}`);
    if (!empty) yield { fields, line };
    line += linesOf(fields);
  }
}

function recordsOf(lines: readonly string[]): Iterable<string[]> {
  // Without quotes there is nothing to parse, and millions of scores are read several times as fast.
  if (!lines.some((line) => line.includes('"'))) return plainRecords(lines);
  return parse(lines.join('\n'), { relax_column_count: true, trim: true }) as string[][];
}

function* plainRecords(lines: readonly string[]): Generator<string[]> {
  for (const line of lines) yield line.split(',').map((field) => field.trim());
}

/** Lines that a record takes: quoted fields may hold line ends. */
function linesOf(fields: readonly string[]): number {
  let lines = 1;
  for (const field of fields) if (field.includes('\n')) lines += field.split('\n').length - 1;
  return lines;
}

/** A field of a line of CSV. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
