import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkArray, checkChoice, checkObject, checkPath, checkText, MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { type ColumnType, isParquetName, type Row, readParquet, writeParquet } from '../files/parquet.js';
import { toPath } from '../files/path.js';
import { numberedLines, readNames } from '../files/text.js';
import { parsePublished, protocolOf } from './published.js';
import { imageKey, isSetName, readVerificationSet } from './verification-set.js';

/** Two photos to compare. */
export interface Pair {
  /** As written in the list; {@link pairPath} makes it a path. */
  reference: string;
  probe: string;
  referenceMasked: boolean;
  probeMasked: boolean;
  /** Whether both show the same person; absent in lists without labels. */
  genuine?: boolean;
}

/** A pair list as a table. */
const pairColumns: Record<keyof Pair, ColumnType> = {
  reference: 'text',
  probe: 'text',
  referenceMasked: 'boolean',
  probeMasked: 'boolean',
  genuine: 'boolean',
};

/** Throws unless `value` is two photos to compare. */
export function checkPair(name: string, value: unknown): void {
  const pair = checkObject(name, value, 'a pair: { reference, probe, … }');
  checkText(`${name}.reference`, pair.reference);
  checkText(`${name}.probe`, pair.probe);
}

/** Throws unless `value` is an array of pairs. */
export function checkPairs(value: unknown): void {
  checkArray('pairs', value, checkPair, 'an array of pairs');
}

/** A pair list, and how its file was written. */
export interface PairList {
  pairs: Pair[];
  /** ' ' or '::'. Names with spaces need '::'. */
  separator: ' ' | '::';
  /** '\n' or '\r\n'. */
  lineEnd: '\n' | '\r\n';
}

/**
 * A name of a list as a path relative to the corpus: `/` between the parts, without `./` or `.//` before it.
 * @example
 * pairPath('.\\Ann\\1.jpg'); // 'Ann/1.jpg'
 */
export function pairPath(name: string): string {
  checkText('name', name);
  return name.replaceAll('\\', '/').replace(/^\.\/+/, '');
}

/**
 * Who a photo of the paper's own data set shows: what its name has after `_-_`, or where there is none before the last
 * `_`.
 */
export function inHouseIdentity(stem: string): string {
  const separator = stem.indexOf('_-_');
  return separator >= 0 ? stem.slice(separator + 3) : stem.slice(0, Math.max(0, stem.lastIndexOf('_')));
}

/**
 * Who a photo of a list shows: its folder; in `mask/` and `no_mask/` what the file's name says.
 * @example
 * pairIdentity('Ann/masked_1.jpg'); // 'Ann'
 */
export function pairIdentity(name: string): string {
  const { dir, name: stem } = path.posix.parse(pairPath(name));
  const folder = path.posix.basename(dir);
  return folder === 'mask' || folder === 'no_mask' ? inHouseIdentity(stem.replace(/^masked_/, '')) : folder;
}

/** The path of the photo that a name is about: a twin's is its source's. */
export function sourcePath(name: string): string {
  return pairPath(name).replace(/(^|\/)masked_([^/]*)$/, '$1$2');
}

/**
 * Whether a pair is a photo and its own masked twin, or a photo and itself.
 * @example
 * isSamePhoto({ reference: 'Ann/1.jpg', probe: 'Ann/masked_1.jpg', referenceMasked: false, probeMasked: true }); // true
 */
export function isSamePhoto(pair: Pair): boolean {
  checkPair('pair', pair);
  const { reference, probe } = pair;
  return sourcePath(reference) === sourcePath(probe);
}

/** Whether both show the same person: by the list's label, or where it has none by the names. */
export function isGenuine({ genuine, reference, probe }: Pair): boolean {
  return genuine ?? pairIdentity(reference) === pairIdentity(probe);
}

const flags: Partial<Record<string, boolean>> = { '0': false, '1': true };

/**
 * Reads a pair list in either published form: `reference probe referenceMasked probeMasked [label]` with spaces or `::`
 * between; label 1 is genuine. Blanks at the ends of lines and empty lines are left out.
 * @param text The file's text.
 * @param file Its name, for errors.
 * @throws `MaskbenchError` `UNREADABLE`, naming file and line
 * @example
 * const { pairs } = parsePairs('Ann/1.jpg Ann/masked_2.jpg 0 1 1\n', 'pairs.txt');
 * pairs[0].genuine; // true
 */
export function parsePairs(text: string, file: string): PairList {
  checkText('text', text);
  checkText('file', file);
  const lineEnd = /\r\n/.test(text) ? '\r\n' : '\n';
  const lines = numberedLines(text);
  const [first] = lines;
  if (!first) throw new MaskbenchError('UNREADABLE', file, `${file}: the pair list is empty`);
  const separator = first.line.includes('::') ? '::' : ' ';
  const fields = first.line.split(separator).length;
  const pairs = lines.map(({ line, number }) => {
    const parts = line.split(separator);
    const [reference, probe, referenceMask, probeMask, label] = parts as [string, string, string, string, string?];
    const referenceMasked = flags[referenceMask];
    const probeMasked = flags[probeMask];
    const genuine = label === undefined ? undefined : flags[label];
    const wrong =
      referenceMasked === undefined || probeMasked === undefined || (label !== undefined && genuine === undefined);
    if (parts.length !== fields || fields < 4 || fields > 5 || reference === '' || probe === '' || wrong)
      throw new MaskbenchError(
        'UNREADABLE',
        file,
        `${file}, line ${number}: expected "reference probe 0|1 0|1${fields === 5 ? ' 0|1' : ''}" with ${separator === ' ' ? 'spaces' : '::'} between, as in line ${first.number}`,
      );
    return { reference, probe, referenceMasked, probeMasked, ...(genuine !== undefined && { genuine }) };
  });
  return { pairs, separator, lineEnd };
}

async function readTable(file: string): Promise<PairList> {
  const pairs: Pair[] = [];
  for await (const row of readParquet(file, Object.keys(pairColumns))) {
    const { reference, probe, referenceMasked, probeMasked, genuine } = row;
    const isFlag = (value: unknown) => typeof value === 'boolean';
    if (
      typeof reference !== 'string' ||
      typeof probe !== 'string' ||
      ![referenceMasked, probeMasked, genuine ?? false].every(isFlag)
    )
      throw new MaskbenchError(
        'UNREADABLE',
        file,
        `${file}, row ${pairs.length + 1}: expected texts reference and probe, and true or false for referenceMasked, probeMasked and genuine`,
      );
    pairs.push(row as unknown as Pair);
  }
  if (pairs.length === 0) throw new MaskbenchError('UNREADABLE', file, `${file}: the pair list is empty`);
  return listOf(pairs);
}

async function readSet(file: string): Promise<PairList> {
  const { genuine } = await readVerificationSet(file);
  return listOf(
    genuine.map((same, i) => ({
      ...{ reference: imageKey(file, 2 * i), probe: imageKey(file, 2 * i + 1), genuine: same },
      ...{ referenceMasked: false, probeMasked: false },
    })),
  );
}

/** A list of pairs that does not come from a text of ours. */
function listOf(pairs: Pair[]): PairList {
  const spaces = pairs.some(({ reference, probe }) => /\s/.test(reference + probe));
  return { pairs, separator: spaces ? '::' : ' ', lineEnd: '\n' };
}

/**
 * Reads the file of a pair list in any known form: a text as {@link parsePairs} or {@link parsePublished} reads it, a
 * Parquet file, or a verification set (`.bin`), whose images are named `lfw.bin/0` and so on. Published lists and sets
 * do not say who wears a mask: their photos count as plain.
 * @throws `MaskbenchError` `NOT_FOUND`, `READ_FAILED`; `UNREADABLE`, naming file and line
 * @example
 * const { pairs } = await readPairs('lfw/pairs.txt');
 */
export async function readPairs(file: string): Promise<PairList> {
  checkPath('file', file);
  if (isParquetName(file)) return readTable(file);
  if (isSetName(file)) return readSet(file);
  const text = await readNames(file);
  const protocol = protocolOf(text);
  if (protocol === undefined) return parsePairs(text, file);
  return listOf(
    parsePublished(protocol, text, file).map(({ reference, probe, genuine }) => ({
      ...{ reference, probe, genuine },
      ...{ referenceMasked: false, probeMasked: false },
    })),
  );
}

/**
 * A pair list as text, with a final line end. Throws `INVALID_ARGUMENT` for a name that contains the separator.
 * @example
 * const text = formatPairs({ pairs, separator: ' ', lineEnd: '\n' });
 */
export function formatPairs(list: PairList): string {
  checkPairs(checkObject('list', list, '{ pairs, separator, lineEnd }').pairs);
  const { pairs, separator, lineEnd } = list;
  checkChoice('separator', separator, [' ', '::']);
  checkChoice('lineEnd', lineEnd, ['\n', '\r\n']);
  return pairs
    .map(({ reference, probe, referenceMasked, probeMasked, genuine }) => {
      for (const name of [reference, probe])
        if (name === '' || name.includes(separator) || /[\r\n]/.test(name))
          throw new MaskbenchError(
            'INVALID_ARGUMENT',
            name,
            `${JSON.stringify(name)} cannot be written in a list with ${separator === ' ' ? 'spaces (use ::)' : '::'} between names`,
          );
      const fields = [reference, probe, Number(referenceMasked), Number(probeMasked)];
      if (genuine !== undefined) fields.push(Number(genuine));
      return fields.join(separator) + lineEnd;
    })
    .join('');
}

/**
 * Writes a pair list to a file, as a table where its name ends in `.parquet`.
 * @throws `MaskbenchError` `OUTPUT_EXISTS`, `WRITE_FAILED`; as {@link formatPairs}
 * @example
 * await writePairs('pairs.txt', { pairs: await samplePairs('corpora/lfw', 'paper'), separator: ' ', lineEnd: '\n' });
 */
export async function writePairs(file: string, list: PairList): Promise<void> {
  checkPath('file', file);
  const text = isParquetName(file) ? undefined : formatPairs(list);
  if (existsSync(toPath(file))) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  if (text !== undefined) return writeFileAtomically(file, text);
  checkPairs(list.pairs);
  await writeParquet(file, pairColumns, list.pairs as (Pair & Row)[]);
}
