import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { checkPath, MaskbenchError } from '../../errors.js';
import { toPath } from '../../files/path.js';
import { parseJson, readText } from '../../files/text.js';
import { parseColor } from './color.js';
import { readMaskTheFace } from './masktheface.js';
import {
  type TemplateAnchor,
  type TemplateDescription,
  type TemplatePart,
  type TemplateView,
  templateParts,
} from './template.js';

type Fields = Record<string, unknown>;

function refuse(file: string, problem: string): never {
  throw new MaskbenchError('INVALID_ARGUMENT', file, `${file}: ${problem}`);
}

function asFields(file: string, name: string, value: unknown, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(file, `expected an object for ${name}`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined)
    refuse(file, `${name} has the unknown key ${JSON.stringify(unknown)}; expected ${known.join(', ')}`);
  return value as Fields;
}

function toAnchors(file: string, name: string, value: unknown): TemplateAnchor[] {
  const entries = Object.entries(asFields(file, name, value, Object.keys(value ?? {})));
  if (entries.length < 3) refuse(file, `expected at least three points for ${name}, received ${entries.length}`);
  return entries.map(([key, point]) => {
    const landmark = Number(key);
    if (key.trim() === '' || !(landmark >= 0 && landmark <= 67))
      refuse(file, `${name}: expected a landmark from 0 to 67, or between two (28.5), received ${JSON.stringify(key)}`);
    if (!Array.isArray(point) || point.length !== 2 || !point.every((number) => Number.isFinite(number)))
      refuse(file, `${name}: expected [x, y] in pixels for landmark ${key}`);
    return { landmark, x: point[0], y: point[1] };
  });
}

const viewKeys = ['picture', 'parts', 'anchors'];

function toView(file: string, name: string, fields: Fields): TemplateView {
  const { picture, parts } = fields;
  if ((picture === undefined) === (parts === undefined)) refuse(file, `expected either picture or parts for ${name}`);
  const listed = picture === undefined ? parts : [{ picture }];
  if (!Array.isArray(listed) || listed.length === 0) refuse(file, `expected a list of parts for ${name}`);
  return {
    parts: listed.map((part: unknown) => {
      const { part: kind = 'body', picture, tinted } = asFields(file, 'a part', part, ['part', 'picture', 'tinted']);
      if (!templateParts.includes(kind as TemplatePart))
        refuse(file, `expected one of ${templateParts.join(', ')} for part, received ${kind}`);
      if (typeof picture !== 'string') refuse(file, 'expected the name of a PNG file for picture');
      if (tinted !== undefined && typeof tinted !== 'boolean') refuse(file, 'expected true or false for tinted');
      return {
        part: kind as TemplatePart,
        path: path.join(path.dirname(file), picture),
        tinted: tinted ?? kind === 'body',
      };
    }),
    anchors: toAnchors(file, `anchors of ${name}`, fields.anchors),
  };
}

async function readTemplate(file: string): Promise<TemplateDescription> {
  let json: unknown;
  try {
    json = parseJson(await readText(file), file);
  } catch (error) {
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      file,
      (error as Error).message.replace(`${file}: `, `${file}: not JSON: `),
    );
  }
  const known = ['title', 'colors', ...viewKeys, 'left', 'right'];
  const fields = asFields(file, 'the template', json, known);
  const { title = '', colors = [], left, right } = fields;
  if (typeof title !== 'string') refuse(file, 'expected a text for title');
  if (!Array.isArray(colors) || !colors.every((color) => typeof color === 'string'))
    refuse(file, 'expected a list of #rrggbb or CSS colour names for colors');
  for (const color of colors as string[]) parseColor(color);
  return {
    name: path.basename(file, '.json'),
    title,
    colors: colors as string[],
    front: toView(file, 'the template', fields),
    ...(left !== undefined && { left: toView(file, 'left', asFields(file, 'left', left, viewKeys)) }),
    ...(right !== undefined && { right: toView(file, 'right', asFields(file, 'right', right, viewKeys)) }),
  };
}

/**
 * Reads a folder of templates: one JSON file each, named as the style, with its pictures beside it; or MaskTheFace's
 * library as it is.
 *
 * ```json
 * { "picture": "leaf.png", "anchors": { "28.5": [300, 20], "1.9": [20, 95], "14.1": [580, 95], "8": [300, 470] } }
 * ```
 * `parts` in place of `picture` lists several layers, lowest first: `{ "part": "body" | "straps" | "seams", "picture",
 * "tinted" }`. `left` and `right` (`picture` or `parts`, and `anchors`) are for faces turned to the left and right of
 * the photo, `colors` are usual colours for the tinted parts.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `INVALID_ARGUMENT`, naming the file
 * @example
 * const templates = await readTemplates('my-templates');
 * const masker = await Masker.open({ templates: 'my-templates', style: templates[0].name });
 */
export async function readTemplates(folder: string): Promise<TemplateDescription[]> {
  checkPath('folder', folder);
  const names = await readdir(toPath(folder)).catch((error) => {
    throw new MaskbenchError('NOT_FOUND', folder, `${folder}: expected a folder of templates: ${error.message}`);
  });
  const library = await readMaskTheFace(folder);
  if (library) return library;
  const files = names.filter((name) => name.endsWith('.json'));
  if (files.length === 0) refuse(folder, 'expected templates (a JSON file each) or MaskTheFace’s masks/masks.cfg');
  return Promise.all(files.sort().map((name) => readTemplate(path.join(folder, name))));
}
