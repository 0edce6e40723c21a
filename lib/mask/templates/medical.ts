import {
  at,
  border,
  curve,
  type DrawnTemplate,
  fill,
  fold,
  jaw,
  mirror,
  outline,
  type Point,
  roundness,
  stroke,
} from './canvas.js';

/** The upper edge of a mask from a left corner over the nose's bridge to the right corner. */
export function upperEdge(corner: Point, cheek: Point, wing: Point, bridge: number): Point[] {
  const half: Point[] = [corner, cheek, wing, [-70, bridge + 12]];
  return [...half, [0, bridge], ...mirror(half)];
}

/** Loops from a mask's corners to where the ears begin: one half, and its mirror image. */
export function earLoops(upper: Point, lower: Point, color: string): string {
  const halves: Point[][] = [
    [upper, [(upper[0] + at(0.8, 12)[0]) / 2 - 10, (upper[1] + at(0.8, 12)[1]) / 2 + 25], at(0.8, 12)],
    [lower, [(lower[0] + at(2.3, 22)[0]) / 2 - 25, (lower[1] + at(2.3, 22)[1]) / 2 + 30], at(2.3, 22)],
  ];
  return halves
    .flatMap((half) => [half, mirror(half)])
    .map((line) => stroke(curve(line), '#8a8a8a', 40) + stroke(curve(line), color, 30))
    .join('');
}

const corner: Point = [-925, 540];
const low: Point = at(3.7, 10);
const bottom = jaw(3.7, 12.3, (i) => 14 + 14 * Math.max(0, 1 - Math.abs(i - 8)));
const top = upperEdge(corner, [-580, 425], [-270, 265], 195);
const side: Point[] = [corner, [-935, 800], low];
const surgicalBody = outline(top, mirror(side), [...bottom].reverse(), [...side].reverse());

const pleat = (y: number, sag: number): Point[] => {
  const half: Point[] = [
    [-905 + (y - 800) * 0.22, y - 20],
    [-480, y + sag * 0.6],
  ];
  return [...half, [0, y + sag], ...mirror(half)];
};

export const surgical: DrawnTemplate = {
  name: 'surgical',
  title: 'surgical mask: three pleats, nose wire, ear loops',
  colors: ['#a9d0e8', '#f4f6f7', '#9fd3c2', '#2b2d30', '#efb7c6'],
  parts: [
    { part: 'straps', svg: earLoops([-900, 575], [-880, 1225], '#f2f2ee') },
    {
      part: 'body',
      svg: `<defs>${roundness('round', [0, 1050], [1080, 1150], 0.34)}<clipPath id="body"><path d="${surgicalBody}"/></clipPath></defs>
${fill(surgicalBody, '#fcfcfc')}${fill(surgicalBody, 'url(#round)')}
<g clip-path="url(#body)">${fold(pleat(830, 40))}${fold(pleat(1110, 70))}${fold(pleat(1390, 80))}</g>`,
    },
    {
      part: 'seams',
      svg: `<defs><clipPath id="body"><path d="${surgicalBody}"/></clipPath></defs><g clip-path="url(#body)">
${stroke(curve(top.slice(2, -2).map(([x, y]) => [x, y + 48])), '#fff', 30, 'opacity="0.22"')}
${stroke(curve(top.slice(2, -2).map(([x, y]) => [x, y + 70])), '#000', 14, 'opacity="0.08"')}
${border(surgicalBody)}
${stroke(curve(side.map(([x, y]) => [x + 55, y])), '#000', 8, 'opacity="0.16" stroke-dasharray="26 18"')}
${stroke(curve(mirror(side).map(([x, y]) => [x - 55, y])), '#000', 8, 'opacity="0.16" stroke-dasharray="26 18"')}</g>`,
    },
  ],
};

const clothCorner: Point = [-985, 520];
const clothTop = upperEdge(clothCorner, [-600, 430], [-280, 255], 175);
const clothSide: Point[] = [clothCorner, [-985, 800], at(3.6, 10)];
const clothBottom = jaw(3.6, 12.4, (i) => 14 + 14 * Math.max(0, 1 - Math.abs(i - 8)));
const clothBody = outline(clothTop, mirror(clothSide), [...clothBottom].reverse(), [...clothSide].reverse());

function cloth(name: string, title: string, colors: string[], pattern?: string): DrawnTemplate {
  const clip = `<clipPath id="body"><path d="${clothBody}"/></clipPath>`;
  const patterned: DrawnTemplate['parts'] = [
    {
      part: 'seams',
      svg: `<defs>${clip}${pattern}</defs><g clip-path="url(#body)"><rect x="-1300" y="0" width="2600" height="2300" fill="url(#pattern)"/></g>`,
    },
    // A hem without the pattern.
    {
      part: 'body',
      svg: `<defs>${clip}</defs><g clip-path="url(#body)">${stroke(clothBody, '#f0f0f0', 310)}</g>`,
    },
  ];
  return {
    name,
    title,
    colors,
    parts: [
      { part: 'straps', svg: earLoops([-960, 560], [-905, 1190], '#b4b6b9') },
      { part: 'body', svg: fill(clothBody, '#f0f0f0') },
      ...(pattern ? patterned : []),
      {
        part: 'seams',
        svg: `<defs>${roundness('round', [0, 1050], [1120, 1180], 0.36)}${clip}
<linearGradient id="ridge" x1="-160" x2="160" gradientUnits="userSpaceOnUse"><stop offset="0" stop-color="#fff" stop-opacity="0"/>
<stop offset="0.48" stop-color="#fff" stop-opacity="0.2"/><stop offset="0.52" stop-color="#000" stop-opacity="0.1"/>
<stop offset="1" stop-color="#000" stop-opacity="0"/></linearGradient></defs>
<g clip-path="url(#body)">${fill(clothBody, 'url(#round)')}${fill(clothBody, 'url(#ridge)')}
${stroke(
  curve([
    [0, 175],
    [14, 700],
    [10, 1300],
    [0, 1960],
  ]),
  '#000',
  9,
  'opacity="0.16"',
)}${border(clothBody)}
${stroke(curve(clothTop.map(([x, y]) => [x, y + 55])), '#000', 6, 'opacity="0.18" stroke-dasharray="24 16"')}</g>`,
      },
    ],
  };
}

const tile = (size: number, svg: string, turn = 0) =>
  `<pattern id="pattern" width="${size}" height="${size}" patternUnits="userSpaceOnUse" patternTransform="rotate(${turn})">${svg}</pattern>`;

const flower = (x: number, y: number, size: number, color: string) =>
  `${Array.from({ length: 5 }, (_, i) => {
    const angle = (i * 2 * Math.PI) / 5 + x;
    return `<circle cx="${(x + size * Math.cos(angle)).toFixed(1)}" cy="${(y + size * Math.sin(angle)).toFixed(1)}" r="${0.62 * size}" fill="${color}"/>`;
  }).join('')}<circle cx="${x}" cy="${y}" r="${0.5 * size}" fill="#f3c14b"/>`;

export const cloths: DrawnTemplate[] = [
  cloth('cloth', 'cloth mask of one colour', ['#34415c', '#7d8a96', '#8c2f39', '#e54294', '#d9cfc1', '#23272b']),
  cloth(
    'cloth-check',
    'cloth mask, checked',
    ['#b3414b', '#3f5f8a', '#4d7a57'],
    tile(
      150,
      '<rect width="75" height="150" fill="#fff" opacity="0.32"/><rect width="150" height="75" fill="#fff" opacity="0.32"/>',
    ),
  ),
  cloth(
    'cloth-stripe',
    'cloth mask, striped',
    ['#2f4468', '#7b3f5a', '#3c6e71'],
    tile(110, '<rect width="38" height="110" fill="#fff" opacity="0.62"/>', 8),
  ),
  cloth(
    'cloth-dots',
    'cloth mask, dotted',
    ['#a63d57', '#2d3142', '#4f7cac'],
    tile(
      130,
      '<circle cx="32" cy="32" r="24" fill="#fff" opacity="0.85"/><circle cx="97" cy="97" r="24" fill="#fff" opacity="0.85"/>',
    ),
  ),
  cloth(
    'cloth-floral',
    'cloth mask, flowered',
    ['#e9dfcf', '#31415e', '#5c6f57'],
    tile(
      330,
      `${flower(80, 90, 34, '#c8506a')}${flower(240, 60, 24, '#6f8fc0')}${flower(180, 220, 38, '#d98aa5')}${flower(50, 270, 22, '#6f8fc0')}
<path d="M110 130q40 20 50 60M250 100q20 60-20 90M70 120q-30 60-10 120" fill="none" stroke="#5d7f56" stroke-width="9"/>`,
    ),
  ),
];
