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
 * Reads CSV text: a header, then rows of as many fields, commas between, quotes around fields that need them. Blanks around fields, and empty
 * lines between rows of several columns, are left out.
 * @param file Its name, for errors.
 * @throws {@link MaskbenchError} `UNREADABLE` with the line: quotes that are not closed, another number of fields, a file without a header
 */
export function parseCsv(text: string, file: string): { names: string[]; rows: CsvRow[] } {
  const refuse = (line: number, problem: string) =>
    new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: ${problem}`);
  let records: string[][];
  try {
    records = parse(textLines(text).join('\n'), { relax_column_count: true, trim: true });
  } catch (error) {
    const { lines = 1, message } = error as Error & { lines?: number };
    throw refuse(lines, message);
  }
  const [names, ...others] = records;
  if (!names) throw refuse(1, 'expected a header');
  const rows: CsvRow[] = [];
  let line = 1 + linesOf(names);
  for (const fields of others) {
    // With one column an empty line is an empty field.
    const empty = fields.length === 1 && fields[0] === '' && names.length > 1;
    if (!empty && fields.length !== names.length)
      throw refuse(line, `expected ${names.length} columns, found ${fields.length}`);
    if (!empty) rows.push({ fields, line });
    line += linesOf(fields);
  }
  return { names, rows };
}

/** Lines that a record takes: quoted fields may hold line ends. */
function linesOf(fields: readonly string[]): number {
  return fields.reduce((sum, field) => (field.includes('\n') ? sum + field.split('\n').length - 1 : sum), 1);
}

/** A field of a line of CSV. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
