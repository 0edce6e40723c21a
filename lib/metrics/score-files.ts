import path from 'node:path';
import { checkOptions, checkPath, invalid, MaskbenchError } from '../errors.js';
import { parseCsv } from '../files/csv.js';
import { isNpy, readNpy } from '../files/npy.js';
import { type ColumnType, isParquetName, readParquet } from '../files/parquet.js';
import { parseJson, readText, textLines } from '../files/text.js';

/** Scores of one system. */
export interface SystemScores {
  name: string;
  /** Similarities [n], or where `distance` distances; NaN where `failed`. */
  scores: Float64Array | Float32Array;
  /** Comparisons without a score, because the reference or the probe has no template (failure to acquire). */
  failed: Set<number>;
  /** Comparisons that are left out without having failed: {@link calibrate} has no independent weights for them. */
  dropped?: Set<number>;
  /** Scores are distances: smaller is more alike, a match is score ≤ threshold. */
  distance?: boolean;
  /** The model and the similarity of the scores, if known. Thresholds of others are refused. */
  model?: string;
  similarity?: string;
  /**
   * Labels in the file, if it has any: 1 genuine, 0 impostor. {@link evaluate} refuses labels that contradict other
   * sources.
   */
  labels?: Uint8Array;
  /** The photos that the file names, if it does. {@link evaluate} refuses photos in another order. */
  references?: string[];
  probes?: string[];
  /** Where a comparison stands, for errors: the file, and the line of each row. */
  file?: string;
  lines?: number[];
}

const wrongLine = (file: string, line: number, problem: string) =>
  new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: ${problem}`);

function toScore(text: string, file: string, line: number): number {
  const value = Number(text);
  // Number() also reads 0x1F, 0o17 and 0b11.
  if (text.trim() === '' || !Number.isFinite(value) || /[xob]/i.test(text))
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

/** The paper's form: one similarity a line. */
function parseText(text: string, file: string): Float64Array {
  return Float64Array.from(textLines(text), (line, i) => toScore(line, file, i + 1));
}

/**
 * Columns by the names in the first line: `score`, and if they are there `label`, `reference`, `probe`, `model` and
 * `similarity`.
 */
function parseScoreTable(text: string, file: string): Omit<SystemScores, 'name'> {
  const { names, rows } = parseCsv(text, file);
  const column = (name: string) => {
    const places = [...names.keys()].filter((i) => names[i]?.toLowerCase() === name);
    if (places.length > 1) throw wrongLine(file, 1, `expected one column "${name}", found ${places.length}`);
    return places[0];
  };
  const [score, label, reference, probe] = ['score', 'label', 'reference', 'probe'].map(column);
  const made = { model: column('model'), similarity: column('similarity') };
  const origin: Pick<SystemScores, 'model' | 'similarity'> = {};
  if (score === undefined) throw wrongLine(file, 1, 'expected a header with a column "score"');
  const failed = new Set<number>();
  const scores: number[] = [];
  const lines: number[] = [];
  const labels: number[] = [];
  const references: string[] = [];
  const probes: string[] = [];
  for (const { fields, line } of rows) {
    const given = fields[score] as string;
    for (const [name, place] of Object.entries(made) as ['model' | 'similarity', number | undefined][]) {
      const text = place === undefined ? '' : (fields[place] as string);
      if (text === '') continue;
      origin[name] ??= text;
      if (origin[name] !== text) throw wrongLine(file, line, `expected the ${name} ${origin[name]}, found ${text}`);
    }
    if (given === '') failed.add(scores.length);
    scores.push(given === '' ? Number.NaN : toScore(given, file, line));
    lines.push(line);
    if (label !== undefined) labels.push(toLabel(fields[label] as string, file, line));
    if (reference !== undefined) references.push(fields[reference] as string);
    if (probe !== undefined) probes.push(fields[probe] as string);
  }
  return {
    ...{ scores: Float64Array.from(scores), failed, file, lines, ...origin },
    ...(label !== undefined && { labels: Uint8Array.from(labels) }),
    ...(reference !== undefined && { references }),
    ...(probe !== undefined && { probes }),
  };
}

/** Scores as a table. */
export const scoreColumns = {
  score: 'number',
  label: 'whole',
  reference: 'text',
  probe: 'text',
} satisfies Record<string, ColumnType>;

/** Columns as those of {@link parseScoreTable}; a score that is null is a failed comparison. */
async function readTable(file: string): Promise<Omit<SystemScores, 'name'>> {
  const failed = new Set<number>();
  const scores: number[] = [];
  const labels: number[] = [];
  const references: string[] = [];
  const probes: string[] = [];
  for await (const { score, label, reference, probe } of readParquet(file, Object.keys(scoreColumns))) {
    const row = scores.length + 1;
    const refuse = (problem: string) => new MaskbenchError('UNREADABLE', file, `${file}, row ${row}: ${problem}`);
    if (score === undefined) failed.add(scores.length);
    else if (typeof score !== 'number' || !Number.isFinite(score))
      throw refuse(`expected a finite score, found ${score}`);
    scores.push((score as number | undefined) ?? Number.NaN);
    if (label !== undefined) {
      if (![0, 1, false, true].includes(label as number)) throw refuse(`expected a label of 0 or 1, found ${label}`);
      labels.push(Number(label));
    }
    if (typeof reference === 'string') references.push(reference);
    if (typeof probe === 'string') probes.push(probe);
  }
  if (failed.size === scores.length)
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected a column "score" with values`);
  const whole = (values: unknown[], name: string) => {
    if (values.length > 0 && values.length < scores.length)
      throw new MaskbenchError('UNREADABLE', file, `${file}: expected a ${name} in every row, or in none`);
    return values.length > 0;
  };
  return {
    ...{ scores: Float64Array.from(scores), failed, file },
    ...(whole(labels, 'label') && { labels: Uint8Array.from(labels) }),
    ...(whole(references, 'reference') && { references }),
    ...(whole(probes, 'probe') && { probes }),
  };
}

/** An array of numbers, null where a comparison failed. */
function parseScoreArray(text: string, file: string): Omit<SystemScores, 'name'> {
  const values = parseJson(text, file);
  if (!Array.isArray(values) || !values.every((value) => value === null || typeof value === 'number'))
    throw new MaskbenchError(
      'UNREADABLE',
      file,
      `${file}: expected an array of numbers, or null for a failed comparison`,
    );
  const wrong = values.findIndex((value) => value !== null && !Number.isFinite(value));
  if (wrong >= 0) throw new MaskbenchError('UNREADABLE', file, `${file}: item ${wrong + 1} is not finite`);
  const failed = new Set(values.flatMap((value, i) => (value === null ? [i] : [])));
  return { scores: Float64Array.from(values, (value) => value ?? Number.NaN), failed };
}

/** Row numbers (from 0), one a line, of comparisons that failed. */
export async function readFailures(file: string): Promise<Set<number>> {
  return new Set(
    textLines(await readText(file)).map((line, i) => {
      if (!/^\s*\d+$/.test(line)) throw wrongLine(file, i + 1, `expected a row number, found ${JSON.stringify(line)}`);
      return Number(line);
    }),
  );
}

/**
 * Reads the scores of one system: `.npy` (one dimension), `.csv` or `.parquet` (columns `score`, and if they are there
 * `label`, `reference`, `probe`, `model` and `similarity`), `.json` (an array), or text with one score a line, as the
 * paper's program writes. An empty score in CSV, and `null` in Parquet and JSON, is a failed comparison.
 * @param options `failures` are the failed rows, where the file itself has no way to say so.
 * @throws `MaskbenchError` `NOT_FOUND`; `UNREADABLE` naming file and line; `INVALID_ARGUMENT`: `failures` of a
 * row that the file hasn't, or of a file that marks its own
 * @example
 * const { name, scores, failed } = await readScores('arcface.csv');
 */
export async function readScores(
  file: string,
  options: { failures?: ReadonlySet<number> } = {},
): Promise<SystemScores> {
  checkPath('file', file);
  checkOptions(options);
  const { failures } = options;
  if (failures !== undefined && !(failures instanceof Set)) throw invalid('failures', 'a Set of row numbers', failures);
  const name = path.basename(file).replace(/\.[^.]*$/, '');
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', 'failures', `failures: ${problem}`);
  const failed = new Set(failures);
  const checked = (scores: Float64Array | Float32Array): SystemScores => {
    for (const row of failed)
      if (!(Number.isInteger(row) && row >= 0 && row < scores.length))
        throw refuse(`expected rows from 0 to ${scores.length - 1} of ${file}, found ${row}`);
    return { name, scores, failed };
  };
  if (await isNpy(file)) {
    const { data, shape } = await readNpy(file);
    if (shape.length !== 1)
      throw new MaskbenchError(
        'UNREADABLE',
        file,
        `${file}: expected scores, one dimension, found ${shape.length}${shape.length === 2 ? '; scorePairs ("maskbench score") makes scores of vectors' : ''}`,
      );
    const scores = data instanceof Float32Array || data instanceof Float64Array ? data : Float64Array.from(data);
    const wrong = scores.findIndex((score, i) => !Number.isFinite(score) && !failed.has(i));
    if (wrong >= 0) throw new MaskbenchError('UNREADABLE', file, `${file}: row ${wrong} is ${scores[wrong]}`);
    return checked(scores);
  }
  const marksItself = () =>
    refuse(`${file} marks failed comparisons itself: an empty score in CSV, null in Parquet or JSON`);
  if (isParquetName(file)) {
    if (failures) throw marksItself();
    return { name, ...(await readTable(file)) };
  }
  const text = await readText(file);
  if (text.trim() === '') throw new MaskbenchError('UNREADABLE', file, `${file}: the file is empty`);
  const kind = /\.(csv|json)$/i.exec(file)?.[1]?.toLowerCase();
  if (kind === undefined) return checked(parseText(text, file));
  if (failures) throw marksItself();
  return { name, ...(kind === 'csv' ? parseScoreTable : parseScoreArray)(text, file) };
}

/**
 * Labels from `.npy` (one dimension) or text, one a line: 1 genuine, 0 impostor. Throws as {@link readScores}.
 * @example
 * const labels = await readLabels('labels.txt');
 */
export async function readLabels(file: string): Promise<Uint8Array> {
  checkPath('file', file);
  if (await isNpy(file)) {
    const { data, shape } = await readNpy(file);
    if (shape.length !== 1)
      throw new MaskbenchError('UNREADABLE', file, `${file}: expected one dimension, found ${shape.length}`);
    const wrong = data.findIndex((label: number) => label !== 0 && label !== 1);
    if (wrong >= 0)
      throw new MaskbenchError(
        'UNREADABLE',
        file,
        `${file}: row ${wrong}: expected a label of 0 or 1, found ${data[wrong]}`,
      );
    return data instanceof Uint8Array ? data : Uint8Array.from(data);
  }
  return Uint8Array.from(textLines(await readText(file)), (line, i) => toLabel(line, file, i + 1));
}
