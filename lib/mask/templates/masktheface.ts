import path from 'node:path';
import { checkPath, checkText, MaskbenchError } from '../../errors.js';
import { readText, textLines } from '../../files/text.js';
import { isFile } from '../../files/walk.js';
import type { TemplateAnchor, TemplateDescription, TemplateView } from './template.js';

/**
 * Where MaskTheFace's six points lie on a face. That program takes a and c on the jaw at the height of the nose's tip,
 * b midway down the bridge, d and f on the jaw at the height of the lower lip, e at the chin (its get_six_points).
 */
const sixPoints: Record<string, number> = { a: 1.85, b: 28.5, c: 14.15, d: 4.5, e: 8, f: 11.5 };

/** Kinds of its list that have no picture. */
const withoutPicture = ['empty', 'inpaint'];

type Section = Record<string, string>;

/** An INI file, as Python's configparser reads it: sections, `key: value` or `key = value`, comments with ; or #. */
function parseSections(text: string, file: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  let current: Section | undefined;
  for (const [i, line] of textLines(text).entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith(';') || text.startsWith('#')) continue;
    const name = /^\[(.+)\]$/.exec(text)?.[1];
    const [, key, value] = /^([^:=]+?)\s*[:=]\s*(.*)$/.exec(text) ?? [];
    if (name !== undefined) {
      current = {};
      sections.set(name, current);
    } else if (current && key !== undefined && value !== undefined) {
      current[key.toLowerCase()] = value;
    } else {
      throw new MaskbenchError('INVALID_ARGUMENT', file, `${file}, line ${i + 1}: expected [section] or key: value`);
    }
  }
  return sections;
}

async function toView(file: string, root: string, name: string, section: Section): Promise<TemplateView | undefined> {
  const refuse = (problem: string): never => {
    throw new MaskbenchError('INVALID_ARGUMENT', file, `${file}: [${name}] ${problem}`);
  };
  const picture = section.template ?? refuse('has no template');
  const picturePath = path.join(root, picture);
  if (!(await isFile(picturePath))) return undefined;
  const anchors: TemplateAnchor[] = Object.entries(sixPoints).map(([letter, landmark]) => {
    const text = section[`mask_${letter}`] ?? refuse(`has no mask_${letter}`);
    const [x, y, ...more] = text.split(',').map(Number);
    if (x === undefined || y === undefined || more.length > 0 || !Number.isFinite(x + y))
      refuse(`mask_${letter}: expected x, y, received ${text}`);
    return { landmark, x: x as number, y: y as number };
  });
  return { parts: [{ part: 'body', path: picturePath, tinted: true }], anchors };
}

/**
 * MaskTheFace's mask library: `masks/masks.cfg` and the pictures it names; undefined if the folder is not one. Masks
 * whose picture is not there are left out. Its `X_left` and `X_right` become the side views of X.
 */
export async function readMaskTheFace(folder: string): Promise<TemplateDescription[] | undefined> {
  const inside = path.join(folder, 'masks.cfg');
  const root = (await isFile(inside)) ? path.dirname(path.resolve(folder)) : folder;
  const below = path.join(root, 'masks/masks.cfg');
  const file = (await isFile(below)) ? below : inside;
  if (!(await isFile(file))) return undefined;
  const sections = parseSections(await readText(file), file);
  const viewOf = async (name: string) => {
    const section = sections.get(name);
    return section && toView(file, root, name, section);
  };
  const names = [...sections.keys()].filter((name) => !/_(left|right)$/.test(name) && !withoutPicture.includes(name));
  const templates = names.map(async (name): Promise<TemplateDescription[]> => {
    const [front, left, right] = await Promise.all([name, `${name}_left`, `${name}_right`].map(viewOf));
    if (!front) return [];
    return [{ name, title: `MaskTheFace ${name}`, colors: [], front, ...(left && { left }), ...(right && { right }) }];
  });
  return (await Promise.all(templates)).flat();
}

/** What MaskTheFace's names are here, where its library is not given. */
const ours: Record<string, string> = {
  surgical: 'surgical',
  surgical_blue: 'surgical#a9d0e8',
  surgical_green: 'surgical#9fd3c2',
  N95: 'n95',
  KN95: 'kn95',
  cloth: 'cloth',
  gas: 'respirator',
};

/**
 * MaskTheFace's `--code` ("cloth-#e54294, cloth-masks/textures/check/check_1.png, N95") as a style list. `all` and
 * `random` are every template, one drawn for each face; `empty` and `inpaint`, which draw no mask, are not supported.
 * @param library The folder of its library, where given: textures are found there, and names are its own.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`
 * @example
 * parseMaskTheFaceCode('cloth-#e54294, N95'); // 'cloth#e54294,n95'
 */
export function parseMaskTheFaceCode(code: string, library?: string): string {
  checkText('code', code);
  if (library !== undefined) checkPath('library', library);
  return code
    .replaceAll(/\s/g, '')
    .split(',')
    .filter((item) => item !== '')
    .map((item) => {
      const [, name = '', extra] = /^([^-]+)(?:-(.+))?$/.exec(item) ?? [];
      if (withoutPicture.includes(name))
        throw new MaskbenchError(
          'INVALID_ARGUMENT',
          'code',
          `expected a mask for code, received ${name}: MaskTheFace's "empty" and "inpaint" draw no mask and are not supported`,
        );
      if (name === 'all' || name === 'random') return 'realistic';
      const known = library === undefined ? ours[name] : name;
      if (known === undefined)
        throw new MaskbenchError(
          'INVALID_ARGUMENT',
          'code',
          `expected one of ${[...Object.keys(ours), 'all', 'random'].join(', ')} for code, received ${name}`,
        );
      if (extra === undefined) return known;
      const base = known.replace(/#.*/, '');
      return extra.startsWith('#') ? `${base}${extra}` : `${base}@${path.join(library ?? '', extra)}`;
    })
    .join(',');
}
