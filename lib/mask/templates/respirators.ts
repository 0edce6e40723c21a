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
import { earLoops, upperEdge } from './medical.js';

const embossed = (points: readonly Point[]) =>
  stroke(curve(points), '#000', 9, 'opacity="0.16" stroke-dasharray="22 16"') +
  stroke(curve(points.map(([x, y]) => [x, y + 12])), '#fff', 7, 'opacity="0.3" stroke-dasharray="22 16"');

/** Elastic bands around the head: above the ears and below. */
function headBands(upper: Point, lower: Point, color: string): string {
  const halves: Point[][] = [
    [upper, [(upper[0] - 1150) / 2 - 15, (upper[1] + 60) / 2 + 40], at(0.1, 25)],
    [lower, [(lower[0] - 1090) / 2, (lower[1] + 760) / 2 + 30], at(2.7, 45)],
  ];
  return halves
    .flatMap((half) => [half, mirror(half)])
    .map((line) => stroke(curve(line), '#7f7a66', 62) + stroke(curve(line), color, 50))
    .join('');
}

// KN95: two panels that meet in a vertical fold.
const kn95Corner: Point = [-960, 610];
const kn95Top = upperEdge(kn95Corner, [-620, 420], [-300, 235], 150);
const kn95Side: Point[] = [kn95Corner, [-968, 840], at(3.6, -5)];
const kn95Bottom = jaw(3.6, 12.4, (i) => 52 - 5 * Math.abs(i - 8));
const kn95Body = outline(kn95Top, mirror(kn95Side), [...kn95Bottom].reverse(), [...kn95Side].reverse());
const kn95Seam: Point[] = [
  [-905, 690],
  [-520, 560],
  [-210, 640],
];
const kn95: DrawnTemplate = {
  name: 'kn95',
  title: 'KN95: folded down the middle, ear loops',
  colors: ['#f3f4f4', '#2d2f33', '#b9cfe2'],
  parts: [
    { part: 'straps', svg: earLoops([-935, 640], [-905, 1180], '#f4f4f2') },
    {
      part: 'body',
      svg: `<defs>${roundness('round', [0, 1000], [1100, 1200], 0.3)}
<linearGradient id="left" x1="-1000" x2="0" gradientUnits="userSpaceOnUse"><stop offset="0" stop-color="#000" stop-opacity="0.12"/>
<stop offset="1" stop-color="#000" stop-opacity="0"/></linearGradient>
<linearGradient id="right" x1="0" x2="1000" gradientUnits="userSpaceOnUse"><stop offset="0" stop-color="#000" stop-opacity="0.14"/>
<stop offset="0.4" stop-color="#000" stop-opacity="0.05"/><stop offset="1" stop-color="#000" stop-opacity="0.14"/></linearGradient>
<clipPath id="body"><path d="${kn95Body}"/></clipPath></defs>
${fill(kn95Body, '#fdfdfd')}${fill(kn95Body, 'url(#round)')}
<g clip-path="url(#body)"><rect x="-1200" y="0" width="1200" height="2200" fill="url(#left)"/><rect x="0" y="0" width="1200" height="2200" fill="url(#right)"/></g>`,
    },
    {
      part: 'seams',
      svg: `<defs><clipPath id="body"><path d="${kn95Body}"/></clipPath></defs><g clip-path="url(#body)">
${stroke(
  curve([
    [0, 150],
    [6, 900],
    [0, 2000],
  ]),
  '#000',
  12,
  'opacity="0.25"',
)}${stroke(
  curve([
    [-16, 150],
    [-10, 900],
    [-16, 2000],
  ]),
  '#fff',
  12,
  'opacity="0.5"',
)}
${embossed(kn95Seam)}${embossed(mirror(kn95Seam))}
${embossed(kn95Top.map(([x, y]) => [x * 0.94, y + 130]))}${embossed(kn95Bottom.map(([x, y]) => [x * 0.9, y - 130]))}
${border(kn95Body)}</g>`,
    },
  ],
};

// N95: a moulded cup that stands out from the face.
const cupLeft: Point[] = [[-690, 500], [-850, 760], [-880, 1060], [-820, 1340], at(5.2, 20)];
const cupTop: Point[] = [
  [-690, 500],
  [-430, 400],
  [-240, 240],
  [-80, 160],
  [0, 150],
  [80, 160],
  [240, 240],
  [430, 400],
  [690, 500],
];
const cupBottom = jaw(5.2, 10.8, (i) => 62 - 10 * Math.abs(i - 8));
const cup = outline(cupTop, mirror(cupLeft).reverse(), [...cupBottom].reverse(), [...cupLeft].reverse());
const n95: DrawnTemplate = {
  name: 'n95',
  title: 'N95: moulded cup, metal nose clip, two head bands',
  colors: ['#efeee6', '#dfe6ea'],
  parts: [
    { part: 'straps', svg: headBands([-800, 740], [-790, 1330], '#e2c867') },
    {
      part: 'body',
      svg: `<defs>${roundness('round', [-40, 980], [1040, 1150], 0.34)}</defs>${fill(cup, '#fdfdfb')}${fill(cup, 'url(#round)')}`,
    },
    {
      part: 'seams',
      svg: `<defs><clipPath id="cup"><path d="${cup}"/></clipPath></defs><g clip-path="url(#cup)">
${fold(
  [
    [-560, 680],
    [-300, 560],
    [0, 510],
    [300, 560],
    [560, 680],
  ],
  0.5,
)}${fold(
  [
    [-520, 1440],
    [-280, 1560],
    [0, 1590],
    [280, 1560],
    [520, 1440],
  ],
  0.5,
)}
${border(cup)}</g>
${stroke(
  curve([
    [-230, 395],
    [-90, 325],
    [0, 315],
    [90, 325],
    [230, 395],
  ]),
  '#d2d5d7',
  40,
)}${stroke(
  curve([
    [-220, 387],
    [-90, 318],
    [0, 308],
    [90, 318],
    [220, 387],
  ]),
  '#dfe2e4',
  22,
)}
<g opacity="0.55"><circle cx="-700" cy="745" r="20" fill="#999"/><circle cx="700" cy="745" r="20" fill="#999"/>
<circle cx="-690" cy="1325" r="20" fill="#999"/><circle cx="690" cy="1325" r="20" fill="#999"/></g>`,
    },
  ],
};

// FFP2 duckbill: an upper and a lower panel that meet in a seam across.
const duckCorner: Point = [-905, 700];
const duckTop = upperEdge(duckCorner, [-590, 450], [-270, 250], 165);
const duckSide: Point[] = [duckCorner, [-935, 900], at(4.2, 5)];
const duckBottom = jaw(4.2, 11.8, (i) => 52 - 6 * Math.abs(i - 8));
const duckBody = outline(duckTop, mirror(duckSide), [...duckBottom].reverse(), [...duckSide].reverse());
const bill: Point[] = [
  [-915, 900],
  [-600, 1060],
  [-250, 1130],
  [0, 1145],
  [250, 1130],
  [600, 1060],
  [915, 900],
];
const duckbill: DrawnTemplate = {
  name: 'duckbill',
  title: 'FFP2 duckbill: two panels, a seam across, two head bands',
  colors: ['#f5f6f6', '#c9dcec', '#f0d9df'],
  parts: [
    { part: 'straps', svg: headBands([-870, 760], [-870, 1180], '#f0efe9') },
    {
      part: 'body',
      svg: `<defs>${roundness('round', [0, 1000], [1080, 1200], 0.28)}
<linearGradient id="upper" y1="200" y2="1150" x1="0" x2="0" gradientUnits="userSpaceOnUse"><stop offset="0" stop-color="#000" stop-opacity="0.05"/>
<stop offset="0.9" stop-color="#000" stop-opacity="0"/></linearGradient>
<linearGradient id="lower" y1="1150" y2="1960" x1="0" x2="0" gradientUnits="userSpaceOnUse"><stop offset="0" stop-color="#000" stop-opacity="0.07"/>
<stop offset="0.4" stop-color="#000" stop-opacity="0.05"/><stop offset="1" stop-color="#000" stop-opacity="0.12"/></linearGradient>
<clipPath id="body"><path d="${duckBody}"/></clipPath></defs>
${fill(duckBody, '#fdfdfd')}${fill(duckBody, 'url(#round)')}
<g clip-path="url(#body)"><path d="${curve(bill)}L1300 900L1300 100L-1300 100L-1300 900Z" fill="url(#upper)"/>
<path d="${curve(bill)}L1300 900L1300 2300L-1300 2300L-1300 900Z" fill="url(#lower)"/></g>`,
    },
    {
      part: 'seams',
      svg: `<defs><clipPath id="body"><path d="${duckBody}"/></clipPath></defs><g clip-path="url(#body)">
${stroke(curve(bill), '#000', 12, 'opacity="0.14"')}${stroke(curve(bill.map(([x, y]) => [x * 0.9, y - 18])), '#fff', 18, 'opacity="0.4"')}
${embossed(bill.map(([x, y]) => [x * 0.82, y - 50]))}
${border(duckBody)}</g>`,
    },
  ],
};

// A tube of cloth over nose, chin and neck.
const gaiterTop = upperEdge(at(1.4, 15), [-640, 470], [-290, 300], 235);
const gaiterSide: Point[] = [
  at(1.4, 15),
  at(2, 22),
  at(3, 25),
  at(4, 20),
  [-745, 1640],
  [-650, 1880],
  [-660, 2200],
  [-760, 2520],
];
const gaiterBody = outline(
  gaiterTop,
  mirror(gaiterSide).reverse(),
  [
    [760, 2520],
    [400, 2600],
    [0, 2630],
    [-400, 2600],
    [-760, 2520],
  ],
  [...gaiterSide].reverse(),
);
const gaiter: DrawnTemplate = {
  name: 'gaiter',
  title: 'neck gaiter',
  colors: ['#2f3338', '#56616b', '#3d4a3c', '#6d2c36'],
  bottom: 2700,
  parts: [
    {
      part: 'body',
      svg: `<defs>${roundness('round', [0, 1100], [1230, 1500], 0.4)}<clipPath id="body"><path d="${gaiterBody}"/></clipPath></defs>
${fill(gaiterBody, '#f2f2f2')}${fill(gaiterBody, 'url(#round)')}
<g clip-path="url(#body)">${[1990, 2160, 2340]
        .map((y, i) =>
          fold([
            [-820, y + (i % 2 ? 60 : -30)],
            [-300, y + 110],
            [150, y + 90],
            [830, y + (i % 2 ? -60 : 20)],
          ]),
        )
        .join('')}
<path d="${curve([...jaw(4.5, 11.5, () => 40)])}L900 2300L-900 2300Z" fill="#000" opacity="0.2"/></g>`,
    },
    {
      part: 'seams',
      svg: `<defs><clipPath id="body"><path d="${gaiterBody}"/></clipPath></defs><g clip-path="url(#body)">
${stroke(curve(gaiterTop.map(([x, y]) => [x, y + 45])), '#000', 8, 'opacity="0.35"')}${border(gaiterBody)}</g>`,
    },
  ],
};

// An elastomeric half mask with two filters.
const halfLeft: Point[] = [[-330, 470], [-590, 740], [-800, 1080], [-740, 1420], at(5.5, 25)];
const halfTop: Point[] = [
  [-330, 470],
  [-210, 300],
  [-80, 185],
  [0, 175],
  [80, 185],
  [210, 300],
  [330, 470],
];
const halfBottom = jaw(5.5, 10.5, (i) => 60 - 14 * Math.abs(i - 8));
const half = outline(halfTop, mirror(halfLeft).reverse(), [...halfBottom].reverse(), [...halfLeft].reverse());
const filter = (x: number) => `<ellipse cx="${x}" cy="1290" rx="335" ry="345" fill="#5d6167"/>
<ellipse cx="${x}" cy="1285" rx="195" ry="205" fill="#a83a70"/><ellipse cx="${x}" cy="1285" rx="110" ry="118" fill="#983266"/>`;
const respirator: DrawnTemplate = {
  name: 'respirator',
  title: 'half respirator: rubber body, two filters, head bands',
  colors: ['#5b6066', '#3f5e86'],
  parts: [
    { part: 'straps', svg: headBands([-600, 800], [-660, 1300], '#62666b') },
    {
      part: 'body',
      svg: `<defs>${roundness('round', [-40, 950], [960, 1200], 0.36)}<clipPath id="half"><path d="${half}"/></clipPath></defs>${fill(half, '#f0f0f0')}${fill(half, 'url(#round)')}
<g clip-path="url(#half)">${border(half)}</g>`,
    },
    {
      part: 'seams',
      svg: `${filter(-700)}${filter(700)}<circle cx="0" cy="1330" r="215" fill="#4c5055"/><circle cx="0" cy="1325" r="180" fill="#565a60"/>
${[-90, -30, 30, 90].map((y) => stroke(`M-130 ${1325 + y}H130`, '#45494e', 20)).join('')}
${stroke(curve(halfTop.map(([x, y]) => [x * 0.8, y + 130])), '#fff', 22, 'opacity="0.12"')}`,
    },
  ],
};

export const respirators: DrawnTemplate[] = [kn95, n95, duckbill, gaiter, respirator];
