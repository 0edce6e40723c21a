import type { NativeStyle } from '../../binding.js';
import { invalid } from '../errors.js';
import { formatColor, parseColor } from './templates/color.js';
import { drawnTemplates } from './templates/drawn.js';
import type { TemplateDescription } from './templates/template.js';

/** The paper's styles: `a`, `c`, `e` are polygons of landmarks, `b`, `d`, `f` ellipses. */
export const styles = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
export type Style = (typeof styles)[number];

/** How a mask is worn: over nose and mouth, below the nose, on the chin. */
export const wears = ['correct', 'under-nose', 'chin'] as const;

const nistColors = { blue: 0xadd8e6, black: 0x000000 };

/** After NISTIR 8311: its shapes, coverages and colours; the coordinates are ours, for its reports give none. */
const nistStyles = (['wide', 'round'] as const).flatMap((shape) =>
  (['low', 'medium', 'high'] as const).flatMap((coverage) =>
    (['blue', 'black'] as const).map((color) => ({
      name: `nist-${shape}-${coverage}-${color}`,
      title: `after NISTIR 8311: ${shape}, ${coverage} nose coverage, ${color} (${formatColor(nistColors[color])})`,
      nist: { wide: shape === 'wide', coverage },
      color: nistColors[color],
    })),
  ),
);

/** A style that can be named. */
export interface KnownStyle {
  name: string;
  /** What it is. */
  title: string;
  /** Usual colours, `#rrggbb`; the first is the default. None: the template's own. */
  colors: string[];
}

const seedShapes = {
  a: 'polygon along the jaw, up to the eyes',
  b: 'ellipse from the nose bridge',
  c: 'polygon along the jaw, up to the nose bridge',
  d: "ellipse from the nose's middle",
  e: 'polygon along the jaw, around the nose',
  f: "ellipse from the nose's tip",
};

/** Every style that needs no folder of templates. */
export const knownStyles: KnownStyle[] = [
  ...styles.map((name) => ({ name, title: seedShapes[name], colors: ['#ffffff'] })),
  ...nistStyles.map(({ name, title, color }) => ({ name, title, colors: [formatColor(color)] })),
  ...drawnTemplates.map(({ name, title, colors }) => ({ name, title, colors })),
];

/** A list of styles made ready: what the addon draws from. */
export interface StyleList {
  styles: NativeStyle[];
  /** Those that are used, in the order of the styles' numbers. */
  templates: TemplateDescription[];
}

const whole = 1_000_000;

/**
 * Splits `name:weight,…`.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`
 */
function splitWeights(option: string, text: string): { name: string; weight: number }[] {
  const items = text.split(',').map((item) => {
    const [, name = '', weight] = /^\s*(.*?)\s*(?::\s*(-?[\d.]+|(?<!@.*)[^:]*?)\s*)?$/.exec(item) ?? [];
    const number = weight === undefined ? 1 : weight === '' ? Number.NaN : Number(weight);
    if (name === '' || !(number >= 0 && number <= 1000))
      throw invalid(option, 'name or name:weight with a weight from 0 to 1000', item);
    return { name, weight: number };
  });
  if (!items.some(({ weight }) => weight > 0)) throw invalid(option, 'a weight above 0', text);
  return items;
}

/** Weights as whole numbers, small where they were whole: equal weights draw as they always have. */
function toWhole(weights: number[]): number[] {
  return weights.every(Number.isInteger) ? weights : weights.map((weight) => Math.round(weight * whole));
}

/** `correct`, or a weighted list: `correct:8,under-nose:1,chin:1`. Throws `INVALID_ARGUMENT`. */
export function parseWears(text: string): [number, number, number] {
  const items = splitWeights('wear', text);
  const weights = toWhole(items.map(({ weight }) => weight));
  const sums: [number, number, number] = [0, 0, 0];
  for (const [i, { name }] of items.entries()) {
    const wear = (wears as readonly string[]).indexOf(name);
    if (wear < 0) throw invalid('wear', `one of ${wears.join(', ')}`, name);
    sums[wear as 0 | 1 | 2] += weights[i] as number;
  }
  return sums;
}

/**
 * Reads a style list: `name[#rrggbb][@texture][:weight]` with commas between. `random` stands for the paper's six,
 * `realistic` for every template.
 * @param color Of styles without one of their own; undefined: the style's default, `random`: one of its usual colours,
 * of the paper's styles any.
 * @param own Templates of the user's, which come before ours.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`
 */
export function parseStyles(text: string, color: string | undefined, own: TemplateDescription[] = []): StyleList {
  const known = [...own, ...drawnTemplates.filter(({ name }) => !own.some((it) => it.name === name))];
  const groups: Record<string, readonly string[]> = {
    random: styles,
    realistic: (own.length > 0 ? own : drawnTemplates).map(({ name }) => name),
  };
  const items = splitWeights('style', text).flatMap(({ name, weight }) => {
    const members = groups[name];
    if (!members) return [{ name, weight }];
    // A group alone has whole weights, so that its members are drawn evenly and exactly.
    const share = text.trim() === name ? 1 : weight / members.length;
    return members.map((member) => ({ name: member, weight: share }));
  });
  const weights = toWhole(items.map(({ weight }) => weight));
  const templates: TemplateDescription[] = [];
  const list = items.map(({ name: item }, i): NativeStyle => {
    const [, name = item, hex, texture = ''] = /^([^#@]+)(#[0-9a-f]{6})?(?:@(.+))?$/i.exec(item) ?? [];
    const asked = hex ?? (color === 'random' ? undefined : color);
    const fixed = asked === undefined ? undefined : [parseColor(asked)];
    const drawn = color === 'random' && hex === undefined;
    const common = { name, weight: weights[i] as number, texture, anyColor: false };
    const nist = nistStyles.find((style) => style.name === name);
    const template = known.find((style) => style.name === name);
    if (texture !== '' && !template) throw invalid('style', 'a texture on a template only', item);
    if (styles.includes(name as Style))
      return { ...common, letter: name, colors: fixed ?? [0xffffff], anyColor: drawn };
    if (nist) return { ...common, nist: nist.nist, colors: hex ? [parseColor(hex)] : [nist.color] };
    if (!template) {
      const names = [...styles, 'random', 'realistic', ...known.map((style) => style.name), 'nist-…'];
      throw invalid('style', `one of ${names.join(', ')}`, item);
    }
    if (!templates.includes(template)) templates.push(template);
    const usual = template.colors.map(parseColor);
    const colors = texture !== '' ? [] : (fixed ?? (drawn ? usual : usual.slice(0, 1)));
    return {
      ...common,
      template: templates.indexOf(template),
      colors,
      anyColor: drawn && texture === '' && usual.length === 0,
    };
  });
  return { styles: list, templates };
}
