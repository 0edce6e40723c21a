import { native } from '../../native.js';

/**
 * What the project's own templates are drawn on: the canonical face, in thousandths of the distance between the eyes'
 * centres, x to the right and y downwards from midway between them.
 */
export type Point = readonly [number, number];

const landmarks: Point[] = native.canonicalFace.map(([x, y]) => [1000 * x, 1000 * y]);
/** From where "outward" is measured: the base of the nose. */
const middle: Point = [0, 751];

/** A landmark, or the place between two (2.5), moved outward. */
export function at(landmark: number, outward = 0): Point {
  const first = Math.floor(landmark);
  const share = landmark - first;
  const [ax, ay] = landmarks[first] as Point;
  const [bx, by] = landmarks[Math.min(first + 1, landmarks.length - 1)] as Point;
  const x = ax + share * (bx - ax);
  const y = ay + share * (by - ay);
  const length = Math.hypot(x - middle[0], y - middle[1]) || 1;
  return [x + (outward * (x - middle[0])) / length, y + (outward * (y - middle[1])) / length];
}

/** The jaw from one landmark to another, a point every half landmark; `outward` may change along the way. */
export function jaw(from: number, to: number, outward: (landmark: number) => number = () => 0): Point[] {
  const steps = Math.max(1, Math.round(2 * Math.abs(to - from)));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const landmark = from + (i / steps) * (to - from);
    return at(landmark, outward(landmark));
  });
}

export const mirror = (points: readonly Point[]): Point[] => points.map(([x, y]) => [-x, y] as const).reverse();

const pair = ([x, y]: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** A smooth curve through points, as SVG path data without its beginning (Catmull and Rom's curve in Bézier's form). */
function through(points: readonly Point[]): string {
  const bounded = (i: number) => points[Math.max(0, Math.min(points.length - 1, i))] as Point;
  return points
    .slice(1)
    .map((to, i) => {
      const [before, from, after] = [bounded(i - 1), bounded(i), bounded(i + 2)];
      const out: Point = [from[0] + (to[0] - before[0]) / 6, from[1] + (to[1] - before[1]) / 6];
      const back: Point = [to[0] - (after[0] - from[0]) / 6, to[1] - (after[1] - from[1]) / 6];
      return `C${pair(out)} ${pair(back)} ${pair(to)}`;
    })
    .join('');
}

/** Path data of an open curve. */
export const curve = (points: readonly Point[]): string => `M${pair(points[0] as Point)}${through(points)}`;

/** Path data of a closed outline of smooth sides, which meet in corners: each begins where the one before ends. */
export const outline = (...sides: readonly (readonly Point[])[]): string =>
  `M${pair(sides[0]?.[0] as Point)}${sides.map((side, i) => (i === 0 ? '' : `L${pair(side[0] as Point)}`) + through(side)).join('')}Z`;

export const fill = (path: string, color: string, more = ''): string => `<path d="${path}" fill="${color}" ${more}/>`;

export const stroke = (path: string, color: string, width: number, more = ''): string =>
  `<path d="${path}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round" ${more}/>`;

/** A fold in cloth: dark, and light just below. */
export const fold = (points: readonly Point[], depth = 1): string =>
  stroke(curve(points.map(([x, y]) => [x, y + 14])), '#fff', 16, `opacity="${0.5 * depth}"`) +
  stroke(curve(points), '#000', 14, `opacity="${0.22 * depth}"`);

/** The thickness of a border: a little darker, over so far that no line is seen. */
export const border = (path: string): string =>
  [480, 360, 240].map((width) => stroke(path, '#000', width, 'opacity="0.018"')).join('');

/** How round a body looks: a shade that grows from the middle of an ellipse to its border. */
export const roundness = (id: string, [x, y]: Point, [rx, ry]: Point, depth: number): string =>
  `<radialGradient id="${id}" gradientUnits="userSpaceOnUse" cx="0" cy="0" r="1" gradientTransform="translate(${x} ${y}) scale(${rx} ${ry})">
<stop offset="0" stop-color="#000" stop-opacity="0"/><stop offset="0.55" stop-color="#000" stop-opacity="${depth * 0.18}"/>
<stop offset="1" stop-color="#000" stop-opacity="${depth}"/></radialGradient>`;

/** One layer of a template as drawn: an SVG without its frame. */
export interface DrawnPart {
  part: 'body' | 'straps' | 'seams';
  svg: string;
}

/** A template drawn by the project. */
export interface DrawnTemplate {
  name: string;
  /** What it is, for people. */
  title: string;
  /** Usual colours, `#rrggbb`; the first is the default. */
  colors: string[];
  /** Lowest first. The body takes the colour: it is drawn in white and greys. */
  parts: DrawnPart[];
  /** How far down it reaches; default just below the chin. */
  bottom?: number;
}

const left = -1500;
const top = -450;
const width = 3000;
const defaultBottom = 2250;
/** Pixels for each unit of the canvas. */
const scale = 0.256;

/** The whole SVG of a part, and what its pixels are to a unit. */
export function frame(part: DrawnPart, bottom = defaultBottom): string {
  const height = bottom - top;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width * scale}" height="${height * scale}" viewBox="${left} ${top} ${width} ${height}">${part.svg}</svg>`;
}

/** Where landmarks lie on the drawn pictures, in pixels. */
export const drawnAnchors = [0, 8, 16, 27].map((landmark) => {
  const [x, y] = at(landmark);
  return { landmark, x: (x - left) * scale, y: (y - top) * scale };
});
