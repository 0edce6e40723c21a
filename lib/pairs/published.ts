import { checkChoice, checkText, MaskbenchError } from '../errors.js';
import { numberedLines } from '../files/text.js';

/** A pair of a published protocol: photos, or for YouTube Faces videos, without their masks. */
export interface PublishedPair {
  reference: string;
  probe: string;
  genuine: boolean;
  /** From 1, where the protocol has folds. */
  fold?: number;
}

export const publishedProtocols = ['lfw', 'ytf', 'mfr2'] as const;
export type PublishedProtocol = (typeof publishedProtocols)[number];

function wrong(file: string, line: number, expected: string): never {
  throw new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: expected ${expected}`);
}

/**
 * `pairs.txt` as LFW and MFR2 have it: "name 1 4" is genuine, "name 1 other 2" an impostor pair. LFW's begins with the
 * number of folds, where there are several, and of pairs: each fold has so many genuine ones, then as many impostors.
 */
function parseNumbered(text: string, file: string, extension: string): PublishedPair[] {
  const lines = numberedLines(text);
  const header = lines[0]?.line.trim().split(/\s+/) ?? [];
  const hasHeader = header.every((field) => /^\d+$/.test(field)) && header.length >= 1 && header.length <= 2;
  const ofEachKind = hasHeader ? Number(header.at(-1)) : undefined;
  const photo = (name: string, number: string) => `${name}/${name}_${number.padStart(4, '0')}${extension}`;
  const pairs: PublishedPair[] = [];
  for (const { line, number } of hasHeader ? lines.slice(1) : lines) {
    const [first, one, second, two] = line.trim().split(/\s+/) as [string, string?, string?, string?];
    const fold = ofEachKind === undefined ? {} : { fold: Math.floor(pairs.length / (2 * ofEachKind)) + 1 };
    if (one !== undefined && /^\d+$/.test(one) && two === undefined && second !== undefined && /^\d+$/.test(second))
      pairs.push({ reference: photo(first, one), probe: photo(first, second), genuine: true, ...fold });
    else if (one !== undefined && /^\d+$/.test(one) && second !== undefined && two !== undefined && /^\d+$/.test(two))
      pairs.push({ reference: photo(first, one), probe: photo(second, two), genuine: false, ...fold });
    else wrong(file, number, '"name number number" or "name number name number"');
  }
  if (ofEachKind !== undefined) {
    const folds = header.length === 2 ? Number(header[0]) : 1;
    const genuine = pairs.filter((pair) => pair.genuine).length;
    const impostor = pairs.length - genuine;
    if (genuine !== folds * ofEachKind || impostor !== folds * ofEachKind)
      wrong(
        file,
        lines[0]?.number as number,
        `${2 * folds * ofEachKind} pairs as this line says, half of them genuine; found ${genuine} genuine and ${impostor} impostor pairs`,
      );
  }
  return pairs;
}

/** `splits.txt` of YouTube Faces: "split, video, video, same" a line, below a header; the last field 1 is genuine. */
function parseYtf(text: string, file: string): PublishedPair[] {
  return numberedLines(text).flatMap(({ line, number }, i) => {
    const fields = line.split(',').map((field) => field.trim());
    const [fold, reference, probe] = fields as [string, string, string];
    if (i === 0 && !/^\d+$/.test(fold)) return [];
    const same = fields.at(-1);
    if (fields.length < 4 || !/^\d+$/.test(fold) || (same !== '0' && same !== '1'))
      wrong(file, number, '"split, video, video, 0|1"');
    return [{ reference, probe, genuine: same === '1', fold: Number(fold) }];
  });
}

/**
 * Reads a published protocol: LFW's and MFR2's `pairs.txt`, YouTube Faces' `splits.txt`.
 * @param text The file's text.
 * @param file Its name, for errors.
 * @throws `MaskbenchError` `UNREADABLE`: a line of another form; another number of pairs than the header says, or
 * none
 * @example
 * const pairs = parsePublished('lfw', await readFile('pairs.txt', 'utf8'), 'pairs.txt');
 */
export function parsePublished(protocol: PublishedProtocol, text: string, file: string): PublishedPair[] {
  checkChoice('protocol', protocol, publishedProtocols);
  checkText('text', text);
  checkText('file', file);
  const pairs =
    protocol === 'ytf' ? parseYtf(text, file) : parseNumbered(text, file, protocol === 'lfw' ? '.jpg' : '.png');
  if (pairs.length === 0) throw new MaskbenchError('UNREADABLE', file, `${file}: found no pairs`);
  return pairs;
}

/** The published protocol that a list's first line follows, if any. MFR2's form is LFW's. */
export function protocolOf(text: string): PublishedProtocol | undefined {
  const [first] = numberedLines(text);
  if (!first || first.line.includes('::')) return undefined;
  const fields = first.line.trim().split(/\s+/);
  if (/^(split|\d+)\b.*(,.*){3}/.test(first.line)) return 'ytf';
  const isHeader = fields.length <= 2 && fields.every((field) => /^\d+$/.test(field));
  const isNumbered = /^\d+$/.test(fields[1] ?? '') && !/^[01]$/.test(fields.length === 4 ? (fields[2] ?? '') : '');
  return isHeader || (isNumbered && (fields.length === 3 || fields.length === 4)) ? 'lfw' : undefined;
}
