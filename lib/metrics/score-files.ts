import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { checkOptions, checkPath, invalid, MaskbenchError } from '../errors.js';
import { isNpy, readNpy } from '../npy.js';
import type { Pair } from '../pairs/list.js';
import { checkPairs } from './arguments.js';

/** Scores of one system. */
export interface SystemScores {
  name: string;
  /** Similarities [n], or distances; NaN where `failed`. */
  scores: Float64Array | Float32Array;
  /** Comparisons without a score, for a reference or probe gave no template (failure to acquire). */
  failed: Set<number>;
  /** Comparisons that are left out, without being failed: those that {@link calibrate} has no independent weights for. */
  dropped?: Set<number>;
  /** The file's own labels, where it has any: 1 genuine, 0 impostor. */
  labels?: Uint8Array;
}

const read = (file: string) =>
  readFile(file, 'utf8').catch((error) => {
    throw new MaskbenchError('NOT_FOUND', file, `${file}: cannot be read: ${error.message}`);
  });

const wrongLine = (file: string, line: number, problem: string) =>
  new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: ${problem}`);

function toScore(text: string, file: string, line: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw wrongLine(file, line, `expected a finite number, found ${JSON.stringify(text)}`);
  return value;
}

/** 0 or 1 from a file. */
function toLabel(text: string, file: string, line: number): number {
  const label = text.trim();
  if (label !== '0' && label !== '1')
    throw wrongLine(file, line, `expected a label of 0 or 1, found ${JSON.stringify(text)}`);
  return Number(label);
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1)?.trim() === '') lines.pop();
  return lines;
}

/** A line of CSV, quotes understood. */
export function csvFields(line: string): string[] {
  const fields = [];
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
    fields.push(quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"'));
  return fields;
}

/** A field of a line of CSV. */
export function csvField(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The paper's form: one similarity a line. */
function parseText(text: string, file: string): Float64Array {
  return Float64Array.from(linesOf(text), (line, i) => toScore(line, file, i + 1));
}

/** Columns by the names in the first line: `score`, and if they are there `label`, `reference`, `probe`. */
function parseCsv(text: string, file: string, pairs: readonly Pair[] | undefined): Omit<SystemScores, 'name'> {
  const lines = linesOf(text);
  const names = csvFields(lines[0] ?? '').map((name) => name.toLowerCase());
  const column = names.indexOf('score');
  if (column < 0) throw wrongLine(file, 1, 'expected a header with a column "score"');
  const [label, reference, probe] = ['label', 'reference', 'probe'].map((name) => names.indexOf(name)) as [
    number,
    number,
    number,
  ];
  const scores = new Float64Array(lines.length - 1);
  const labels = new Uint8Array(lines.length - 1);
  const failed = new Set<number>();
  for (let i = 1; i < lines.length; i++) {
    const fields = csvFields(lines[i] as string);
    if (fields.length !== names.length)
      throw wrongLine(file, i + 1, `expected ${names.length} columns, found ${fields.length}`);
    const pair = pairs?.[i - 1];
    for (const [at, listed] of [
      [reference, pair?.reference],
      [probe, pair?.probe],
    ] as const)
      if (at >= 0 && listed !== undefined && fields[at] !== listed)
        throw wrongLine(
          file,
          i + 1,
          `is about ${fields[at]}, the pair list's line ${i} about ${listed}: another order`,
        );
    const score = fields[column] as string;
    if (score === '') failed.add(i - 1);
    scores[i - 1] = score === '' ? Number.NaN : toScore(score, file, i + 1);
    if (label >= 0) labels[i - 1] = toLabel(fields[label] as string, file, i + 1);
  }
  return { scores, failed, ...(label >= 0 && { labels }) };
}

/** An array of numbers, null where a comparison failed. */
function parseJson(text: string, file: string): Omit<SystemScores, 'name'> {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw new MaskbenchError('UNREADABLE', file, `${file}: ${(error as Error).message}`);
  }
  if (!Array.isArray(values) || !values.every((value) => value === null || typeof value === 'number'))
    throw new MaskbenchError(
      'UNREADABLE',
      file,
      `${file}: expected an array of numbers, or null for a failed comparison`,
    );
  const failed = new Set(values.flatMap((value, i) => (value === null ? [i] : [])));
  return { scores: Float64Array.from(values, (value) => value ?? Number.NaN), failed };
}

/** Row numbers (from 0), one a line, of comparisons that failed. */
export async function readFailures(file: string): Promise<Set<number>> {
  return new Set(
    linesOf(await read(file)).map((line, i) => {
      if (!/^\d+$/.test(line.trim()))
        throw wrongLine(file, i + 1, `expected a row number, found ${JSON.stringify(line)}`);
      return Number(line);
    }),
  );
}

/**
 * Reads the scores of one system: `.npy` (one dimension), `.csv` (a header with `score`, and if they are there `label`,
 * `reference` and `probe`), `.json` (an array), or text with one score a line, as the paper's program writes. An empty score in
 * CSV and `null` in JSON is a failed comparison.
 * @param options `pairs` to compare the order with, where the file names its photos; `failures` lists the failed rows of a `.npy`.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `UNREADABLE` naming file and line
 */
export async function readScores(
  file: string,
  options: { pairs?: readonly Pair[]; failures?: Set<number> } = {},
): Promise<SystemScores> {
  checkPath('file', file);
  checkOptions(options);
  const { pairs, failures } = options;
  if (pairs !== undefined) checkPairs(pairs);
  if (failures !== undefined && !(failures instanceof Set)) throw invalid('failures', 'a Set of row numbers', failures);
  const name = path.basename(file).replace(/\.[^.]*$/, '');
  const failed = failures ?? new Set<number>();
  if (await isNpy(file)) {
    const { data, shape } = await readNpy(file);
    if (shape.length !== 1)
      throw new MaskbenchError('UNREADABLE', file, `${file}: expected one dimension, found ${shape.length}`);
    const scores = data instanceof Float32Array || data instanceof Float64Array ? data : Float64Array.from(data);
    const wrong = scores.findIndex((score, i) => !Number.isFinite(score) && !failed.has(i));
    if (wrong >= 0) throw new MaskbenchError('UNREADABLE', file, `${file}: row ${wrong} is ${scores[wrong]}`);
    return { name, scores, failed };
  }
  const text = await read(file);
  if (text.trim() === '') throw new MaskbenchError('UNREADABLE', file, `${file}: is empty`);
  if (/\.csv$/i.test(file)) return { name, ...parseCsv(text, file, pairs) };
  if (/\.json$/i.test(file)) return { name, ...parseJson(text, file) };
  return { name, scores: parseText(text, file), failed };
}

/** Labels from `.npy` or text, one a line: 1 genuine, 0 impostor. Throws as {@link readScores}. */
export async function readLabels(file: string): Promise<Uint8Array> {
  checkPath('file', file);
  if (await isNpy(file)) {
    const { data } = await readNpy(file);
    const wrong = data.findIndex((label: number) => label !== 0 && label !== 1);
    if (wrong >= 0)
      throw new MaskbenchError(
        'UNREADABLE',
        file,
        `${file}: row ${wrong}: expected a label of 0 or 1, found ${data[wrong]}`,
      );
    return data instanceof Uint8Array ? data : Uint8Array.from(data);
  }
  return Uint8Array.from(linesOf(await read(file)), (line, i) => toLabel(line, file, i + 1));
}
