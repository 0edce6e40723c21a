import path from 'node:path';
import { checkPath, MaskbenchError } from '../errors.js';
import { parseCsv } from '../files/csv.js';
import { numberedLines, readText } from '../files/text.js';
import { type Pair, pairIdentity, sourcePath } from '../pairs/list.js';

/** Attributes of photos or identities: sex, age, glasses … */
export type Attributes = (photo: string) => Record<string, string> | undefined;

/** The name of the photo that a name of a list is about, without its folder. */
const sourceName = (name: string) => path.posix.parse(sourcePath(name)).name;

/** As in the names of SoF: `AbdA_00001_m_31_i_fr_nc_no_2016_2_e0_nl_o`. */
function ofSofName(photo: string): Record<string, string> | undefined {
  const [, , sex, age, light, view, , emotion, , , occlusion] = sourceName(photo).split('_');
  if (occlusion === undefined || (sex !== 'm' && sex !== 'f')) return undefined;
  const years = Number(age);
  return {
    sex,
    age: years < 30 ? 'below 30' : years < 50 ? '30 to 49' : '50 and above',
    light: light === 'i' ? 'indoor' : 'outdoor',
    view: view === 'fr' ? 'frontal' : 'not frontal',
    emotion: emotion as string,
  };
}

/**
 * CelebA's `list_attr_celeba.txt`: a count, names of attributes, then a photo and ±1 for each; or Kaggle's `.csv` of
 * it, whose first line is `image_id` and these names.
 */
function parseCelebA(text: string, file: string): Attributes {
  const lines = numberedLines(text);
  const kaggle = lines[0]?.line.startsWith('image_id,') ?? false;
  const separator = kaggle ? ',' : /\s+/;
  const header = kaggle ? 0 : 1;
  const names = (lines[header]?.line ?? '')
    .trim()
    .split(separator)
    .slice(kaggle ? 1 : 0);
  const photos = new Map<string, Record<string, string>>();
  for (const { line, number } of lines.slice(header + 1)) {
    const [photo, ...values] = line.trim().split(separator) as [string, ...string[]];
    if (values.length !== names.length || !values.every((value) => value === '1' || value === '-1'))
      throw new MaskbenchError(
        'UNREADABLE',
        file,
        `${file}, line ${number}: expected a photo and ${names.length} values, each 1 or -1`,
      );
    photos.set(
      path.parse(photo).name,
      Object.fromEntries(names.map((name, k) => [name, values[k] === '1' ? 'yes' : 'no'])),
    );
  }
  return (photo) => photos.get(sourceName(photo));
}

/** A header with `identity` or `photo`, and a column for each attribute. */
function parseTable(text: string, file: string): Attributes {
  const { names: header, rows } = parseCsv(text, file);
  const [key, ...names] = header;
  if (key !== 'identity' && key !== 'photo')
    throw new MaskbenchError('UNREADABLE', file, `${file}, line 1: expected "identity" or "photo" as the first column`);
  const known = new Map<string, Record<string, string>>();
  for (const { fields, line } of rows) {
    const [who = '', ...values] = fields;
    const name = key === 'photo' ? sourcePath(who) : who;
    const given = Object.fromEntries(
      names.map((attribute, k) => [attribute, values[k] as string]).filter(([, value]) => value !== ''),
    );
    const before = known.get(name);
    if (before && JSON.stringify(before) !== JSON.stringify(given))
      throw new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: contradicts an earlier line about ${name}`);
    known.set(name, given);
  }
  if (key === 'identity') return (photo) => known.get(pairIdentity(photo));
  // As the list names it; or without its folder, where file names are enough.
  return (photo) => known.get(sourcePath(photo)) ?? known.get(path.posix.basename(sourcePath(photo)));
}

/**
 * Reads what is known of photos or identities.
 * @param file A CSV file whose first column is `identity` or `photo`; CelebA's `list_attr_celeba.txt`, or Kaggle's
 * `.csv` of it; or `sof`, for the names of SoF.
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE`: another form; two lines about one that disagree
 * @example
 * const groups = await readGroups('attributes.csv');
 * const { systems } = await evaluate([scores], { labels, pairs }, { groups });
 */
export async function readGroups(file: string): Promise<Attributes> {
  checkPath('file', file);
  if (file === 'sof') return ofSofName;
  const text = await readText(file);
  return /^\d+$|^image_id,/.test(numberedLines(text)[0]?.line ?? '') ? parseCelebA(text, file) : parseTable(text, file);
}

/** Which comparisons are within each group: both sides have the value. Attributes and values in byte order. */
export function comparisonsOfGroups(
  pairs: readonly Pair[],
  attributes: Attributes,
): { attribute: string; value: string; members: number[] }[] {
  const groups = new Map<string, { attribute: string; value: string; members: number[] }>();
  for (const [i, { reference, probe }] of pairs.entries()) {
    const one = attributes(reference);
    const other = attributes(probe);
    if (!one || !other) continue;
    for (const [attribute, value] of Object.entries(one)) {
      if (other[attribute] !== value) continue;
      const key = `${attribute}\0${value}`;
      const group = groups.get(key) ?? { attribute, value, members: [] };
      group.members.push(i);
      groups.set(key, group);
    }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}
