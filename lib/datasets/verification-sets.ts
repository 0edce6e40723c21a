import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { checkChoice, checkOptions, checkPath, MaskbenchError } from '../errors.js';
import { makeFolder } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { readBytes } from '../files/text.js';
import { isFile, listFolder } from '../files/walk.js';
import { extensionOf } from '../image/image.js';
import { isGenuine, type Pair, pairPath, readPairs, writePairs } from '../pairs/list.js';
import { countMaskings, type Maskings, type Pairing, pairings, pairTwins } from '../pairs/twins.js';
import { peopleOf, readVerificationSet, writeVerificationSet } from '../pairs/verification-set.js';

/** What {@link importVerificationSet} wrote. */
export interface ImportedSet {
  pairs: Pair[];
  /** The pair list: `pairs.txt` in the folder. */
  list: string;
  /** People as far as the set tells them apart. */
  identities: number;
}

/**
 * Writes the images of a verification set to a new or empty folder, `<person>/<number>.jpg` and so on, and the pair
 * list `pairs.txt` beside them. The bytes of the images are kept. A person is named by the number of the first image.
 * @throws `MaskbenchError` as {@link readVerificationSet}; `OUTPUT_EXISTS`, `WRITE_FAILED`
 * @example
 * const { pairs, list } = await importVerificationSet('lfw.bin', 'lfw');
 */
export async function importVerificationSet(file: string, folder: string): Promise<ImportedSet> {
  checkPath('folder', folder);
  const set = await readVerificationSet(file);
  await makeFolder(folder);
  if ((await listFolder(folder)).length > 0)
    throw new MaskbenchError('OUTPUT_EXISTS', folder, `${folder}: expected a new or empty folder`);
  const digits = String(set.images.length).length;
  const numbered = (i: number) => String(i).padStart(digits, '0');
  const people = peopleOf(set);
  const names = set.images.map(
    (image, i) => `${numbered(people[i] as number)}/${numbered(i)}${extensionOf(image, '.jpg')}`,
  );
  for (const person of new Set(people)) await makeFolder(path.join(folder, numbered(person)));
  for (const [i, image] of set.images.entries()) {
    const name = path.join(folder, names[i] as string);
    await writeFile(toPath(name), image).catch((error) => {
      throw new MaskbenchError('WRITE_FAILED', name, `${name}: cannot be written: ${error.message}`);
    });
  }
  const pairs = set.genuine.map((genuine, i) => ({
    reference: names[2 * i] as string,
    probe: names[2 * i + 1] as string,
    referenceMasked: false,
    probeMasked: false,
    genuine,
  }));
  const list = path.join(folder, 'pairs.txt');
  await writePairs(list, { pairs, separator: ' ', lineEnd: '\n' });
  return { pairs, list, identities: new Set(people).size };
}

export const exportFormats = ['bin', 'text'] as const;

/** Options of {@link exportPairs}. */
export interface ExportOptions {
  /** The folder that the list's names are relative to. Default: the list's own. */
  photos?: string;
  /** The folder of the masked twins, as `mask` writes it. Default: that of the photos. */
  twins?: string;
  /** Replaces photos of a plain list by their twins. Default: the photos that the list names. */
  pairing?: Pairing;
  /** `bin` (default): a verification set; `text`: a pair list. */
  format?: (typeof exportFormats)[number];
}

/** What {@link exportPairs} wrote. */
export interface ExportedPairs {
  pairs: Pair[];
  /** Pairs that were left out, because a photo or a twin is missing. */
  leftOut: Pair[];
  maskings: Maskings;
  /** What the pairings `one-of-each` and `as-published` make of the whole list, where a pairing was asked for. */
  alternatives: Partial<Record<Pairing, Maskings>>;
}

/**
 * Writes the pairs of a list as a verification set or as another list, with masked twins in place of photos where
 * `pairing` says so. Pairs whose photos are not all there, such as twins of photos without a face, are left out.
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE` (the list), `INVALID_ARGUMENT` (a `pairing` for a list with masked
 * photos; no pair is left), `READ_FAILED`, `OUTPUT_EXISTS`, `WRITE_FAILED`
 * @example
 * await exportPairs('lfw/pairs.txt', 'lfw_masked.bin', { twins: 'lfw-masked', pairing: 'one-of-each' });
 */
export async function exportPairs(list: string, out: string, options: ExportOptions = {}): Promise<ExportedPairs> {
  checkPath('list', list);
  checkPath('out', out);
  checkOptions(options);
  for (const name of ['photos', 'twins'] as const) if (options[name] !== undefined) checkPath(name, options[name]);
  const { photos = path.dirname(list), twins = photos, pairing } = options;
  const format = checkChoice('format', options.format ?? 'bin', exportFormats);
  if (pairing !== undefined) checkChoice('pairing', pairing, pairings);
  const read = await readPairs(list);
  const isPlain = read.pairs.every(({ referenceMasked, probeMasked }) => !referenceMasked && !probeMasked);
  if (pairing !== undefined && !isPlain)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      list,
      `${list}: expected plain photos only, whose twins pairing ${pairing} takes; the list has masked ones`,
    );
  const wanted = pairing === undefined ? read.pairs : pairTwins(read.pairs, pairing);
  const fileOf = (name: string, masked: boolean) => path.join(masked ? twins : photos, pairPath(name));
  const sidesOf = ({ reference, probe, referenceMasked, probeMasked }: Pair) => [
    fileOf(reference, referenceMasked),
    fileOf(probe, probeMasked),
  ];
  const pairs: Pair[] = [];
  const leftOut: Pair[] = [];
  for (const pair of wanted) {
    const there = (await Promise.all(sidesOf(pair).map(isFile))).every(Boolean);
    (there ? pairs : leftOut).push(pair);
  }
  const [missing] = leftOut;
  if (missing && pairs.length === 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      list,
      `${list}: no pair has both of its photos; expected ${sidesOf(missing).join(' and ')}, for example`,
    );
  if (format === 'text') await writePairs(out, { ...read, pairs });
  else {
    if (await isFile(out)) throw new MaskbenchError('OUTPUT_EXISTS', out, `${out}: the output exists already`);
    const images: Buffer[] = [];
    for (const file of pairs.flatMap(sidesOf)) images.push(await readBytes(file));
    await writeVerificationSet(out, { images, genuine: pairs.map(isGenuine) });
  }
  const alternatives = pairing === undefined ? [] : (['one-of-each', 'as-published'] as const);
  return {
    ...{ pairs, leftOut, maskings: countMaskings(pairs) },
    alternatives: Object.fromEntries(alternatives.map((name) => [name, countMaskings(pairTwins(read.pairs, name))])),
  };
}
