import { checkChoice, checkText, MaskbenchError } from '../errors.js';

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
 * `pairs.txt` as LFW and MFR2 have it: "name 1 4" is genuine, "name 1 other 2" an impostor pair. LFW's begins with the number of
 * folds and of pairs: each fold has so many genuine ones, then as many impostors.
 */
function parseNumbered(text: string, file: string, extension: string): PublishedPair[] {
  const lines = text.split(/\r?\n/);
  const header = lines[0]?.trim().split(/\s+/) ?? [];
  const hasHeader = header.every((field) => /^\d+$/.test(field)) && header[0] !== '' && header.length <= 2;
  const perFold = hasHeader ? 2 * Number(header.at(-1)) : undefined;
  const photo = (name: string, number: string) => `${name}/${name}_${number.padStart(4, '0')}${extension}`;
  const pairs: PublishedPair[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || (index === 0 && hasHeader)) continue;
    const [first, one, second, two] = line.trim().split(/\s+/) as [string, string?, string?, string?];
    const fold = perFold === undefined ? {} : { fold: Math.floor(pairs.length / perFold) + 1 };
    if (one !== undefined && /^\d+$/.test(one) && two === undefined && second !== undefined && /^\d+$/.test(second))
      pairs.push({ reference: photo(first, one), probe: photo(first, second), genuine: true, ...fold });
    else if (one !== undefined && /^\d+$/.test(one) && second !== undefined && two !== undefined && /^\d+$/.test(two))
      pairs.push({ reference: photo(first, one), probe: photo(second, two), genuine: false, ...fold });
    else wrong(file, index + 1, '"name number number" or "name number name number"');
  }
  if (hasHeader && header.length === 2 && pairs.length !== Number(header[0]) * (perFold as number))
    wrong(file, 1, `${Number(header[0]) * (perFold as number)} pairs as this line says, found ${pairs.length}`);
  return pairs;
}

/** `splits.txt` of YouTube Faces: "split, video, video, same" a line below a header; the last field 1 is genuine. */
function parseYtf(text: string, file: string): PublishedPair[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '' || index === 0) return [];
    const fields = line.split(/\s*,\s*/).map((field) => field.trim());
    const [fold, reference, probe] = fields as [string, string, string];
    const same = fields.at(-1);
    if (fields.length < 4 || !/^\d+$/.test(fold) || (same !== '0' && same !== '1'))
      wrong(file, index + 1, '"split, video, video, 0|1"');
    return [{ reference, probe, genuine: same === '1', fold: Number(fold) }];
  });
}

/**
 * Reads a published protocol: LFW's and MFR2's `pairs.txt`, YouTube Faces' `splits.txt`.
 * @param text The file's text.
 * @param file Its name, for errors.
 * @throws {@link MaskbenchError} `UNREADABLE`, naming file and line
 */
export function parsePublished(protocol: PublishedProtocol, text: string, file: string): PublishedPair[] {
  checkChoice('protocol', protocol, publishedProtocols);
  checkText('text', text);
  checkText('file', file);
  if (protocol === 'ytf') return parseYtf(text, file);
  return parseNumbered(text, file, protocol === 'lfw' ? '.jpg' : '.png');
}
