import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Masker } from 'maskbench';
import sharp from 'sharp';
import { drawnTemplates } from '../lib/mask/templates/drawn.js';
import { native } from '../lib/native.js';
import { buildChain, placeOf, runChain, sixLandmarks } from './opencv-chain.js';
import type { BenchOptions } from './options.js';
import {
  correlation,
  grainOf,
  isInside,
  lowPass,
  luminance,
  mean,
  type Plane,
  type Point,
  quantile,
  readPlanes,
  sample,
} from './pixels.js';

/** A face, and what was drawn on it. */
interface Drawn {
  name: string;
  landmarks: Point[];
  /** Pixels between the eyes' centres. */
  d: number;
  before: [Plane, Plane, Plane];
  after: [Plane, Plane, Plane];
  /** The mask as it would be in even light, as luminance. */
  unlit: Plane;
  matte: Plane;
}

interface Outline {
  jaw: Record<string, Point>;
  noseRoot: Point;
  noseTip: Point;
}

/** What a style claims: which part of the jaw it follows, where on the nose it begins, whether it stands out from the face. */
interface Claim {
  jaw: [number, number];
  /** On the canonical face, in thousandths of d below the eyes. */
  bridge: number;
  cup: boolean;
  /** Its own pattern would be taken for grain. */
  patterned?: boolean;
  /** Default white, on which most is seen. */
  color?: string;
}

const cloth = { jaw: [4, 12], bridge: 175, cup: false } as const;
const claims: Record<string, Claim> = {
  surgical: { jaw: [4, 12], bridge: 195, cup: false },
  kn95: { jaw: [4, 12], bridge: 150, cup: true },
  n95: { jaw: [6, 10], bridge: 150, cup: true },
  duckbill: { jaw: [5, 11], bridge: 165, cup: true },
  // Rubber is dark, as its filters are; on a white one they would be edges.
  respirator: { jaw: [7, 9], bridge: 175, cup: true, color: '#5b6066' },
  cloth: { ...cloth, jaw: [4, 12] },
  'cloth-check': { ...cloth, jaw: [4, 12], patterned: true },
  'cloth-stripe': { ...cloth, jaw: [4, 12], patterned: true },
  'cloth-dots': { ...cloth, jaw: [4, 12], patterned: true },
  'cloth-floral': { ...cloth, jaw: [4, 12], patterned: true },
  a: { jaw: [4, 12], bridge: -25, cup: false },
};

const distance = ([ax, ay]: Point, [bx, by]: Point) => Math.hypot(ax - bx, ay - by);
const centre = (points: readonly Point[]): Point => [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];

/** Places where the matte crosses one half, between neighbouring pixels. */
function contourOf({ width, height, data }: Plane): Point[] {
  const places: Point[] = [];
  const between = (i: number, j: number, x: number, y: number, dx: number, dy: number) => {
    const [a, b] = [data[i] as number, data[j] as number];
    if (a >= 127.5 === b >= 127.5) return;
    const share = (127.5 - a) / (b - a);
    places.push([x + share * dx, y + share * dy]);
  };
  for (let y = 0; y < height - 1; y++)
    for (let x = 0; x < width - 1; x++) {
      const i = y * width + x;
      between(i, i + 1, x, y, 1, 0);
      between(i, i + width, x, y, 0, 1);
    }
  return places;
}

/** Signed distances, over d, of hand-marked places from the mask's contour: positive where the mask reaches beyond them. */
function fitOf({ matte, d }: Drawn, contour: Point[], { jaw, noseRoot, noseTip }: Outline, claim: Claim): number[] {
  const away = ([x, y]: Point) => {
    const nearest = Math.min(...contour.map((place) => distance(place, [x, y])));
    return (sample(matte, x, y) >= 127.5 ? nearest : -nearest) / d;
  };
  const marks = Object.entries(jaw).filter(([at]) => Number(at) >= claim.jaw[0] && Number(at) <= claim.jaw[1]);
  const found = marks.map(([, place]) => away(place));
  // The marked root and tip of the nose are 25 above and 553 below on the canonical face.
  const share = (claim.bridge + 25) / 578;
  const bridge: Point = [
    noseRoot[0] + share * (noseTip[0] - noseRoot[0]),
    noseRoot[1] + share * (noseTip[1] - noseRoot[1]),
  ];
  return [...found, away(bridge)];
}

/** How the mask's border looks along its normals. */
function edgesOf({ before, after, matte }: Drawn, contour: Point[], grain: number) {
  const widths: number[] = [];
  let [good, all] = [0, 0];
  for (const [x, y] of contour) {
    const nx = sample(matte, x + 1, y) - sample(matte, x - 1, y);
    const ny = sample(matte, x, y + 1) - sample(matte, x, y - 1);
    const length = Math.hypot(nx, ny);
    if (length === 0 || x < 6 || y < 6 || x > matte.width - 7 || y > matte.height - 7) continue;
    // Inwards.
    const [ux, uy] = [nx / length, ny / length];
    const along = (plane: Plane, s: number) => sample(plane, x + s * ux, y + s * uy);
    // Bands are thinner than what is looked at on both sides.
    if (along(matte, 4) < 250 || along(matte, 2.5) < 250 || along(matte, -3) > 5) continue;
    let [low, high] = [Number.NaN, Number.NaN];
    for (let s = -3; s <= 3; s += 0.05) {
      const alpha = along(matte, s);
      if (alpha >= 25.5 && Number.isNaN(low)) low = s;
      if (alpha >= 229.5 && Number.isNaN(high)) high = s;
    }
    widths.push(high - low);
    const profile = (plane: Plane, from: number, to: number) =>
      Array.from({ length: 5 }, (_, i) => along(plane, from + ((to - from) * i) / 4));
    // The photo's own pixels show through half-transparent ones, and its grain is everywhere.
    const room = 8 + 3 * grain;
    const fine = [0, 1, 2].every((channel) => {
      const now = after[channel] as Plane;
      const photo = before[channel] as Plane;
      const inside = quantile(profile(now, 2, 4), 0.5);
      const outside = quantile(profile(now, -4, -2), 0.5);
      return [-1.5, -1, -0.5, 0, 0.5, 1, 1.5].every((s) => {
        const value = along(now, s);
        const own = along(photo, s);
        return value <= Math.max(inside, outside, own) + room && value >= Math.min(inside, outside, own) - room;
      });
    });
    all++;
    if (fine) good++;
  }
  return { widths, good, all };
}

/** Pixels of the face that a mask may cover, without lips and nostrils. */
function skinOf({ landmarks, d, matte }: Drawn): number[] {
  const at = (i: number) => landmarks[i] as Point;
  const face = [
    ...landmarks.slice(1, 16),
    [at(46)[0], at(46)[1] + 0.2 * d] as const,
    at(28),
    [at(41)[0], at(41)[1] + 0.2 * d] as const,
  ];
  const mouth = centre([at(48), at(51), at(54), at(57)]);
  const lips = landmarks
    .slice(48, 60)
    .map(([x, y]) => [mouth[0] + 1.35 * (x - mouth[0]), mouth[1] + 1.35 * (y - mouth[1])] as const);
  const nostrils = [...landmarks.slice(31, 36), at(30)];
  const pixels: number[] = [];
  for (let y = 2; y < matte.height - 2; y++)
    for (let x = 2; x < matte.width - 2; x++) {
      const i = y * matte.width + x;
      if ((matte.data[i] as number) < 250) continue;
      if (isInside(face, x, y) && !isInside(lips, x, y) && !isInside(nostrils, x, y)) pixels.push(i);
    }
  return pixels;
}

/** Correlation of the light on the skin with that on the mask; nothing where the skin is lit evenly. */
function lightOf(drawn: Drawn, skin: number[]): number | undefined {
  const sigma = 0.15 * drawn.d;
  const weights = new Float32Array(drawn.matte.data.length);
  for (const i of skin) weights[i] = 1;
  const ratio = luminance(drawn.after);
  ratio.data.forEach((value, i) => {
    ratio.data[i] = value / Math.max(8, drawn.unlit.data[i] as number);
  });
  const below = lowPass(luminance(drawn.before), weights, sigma);
  const above = lowPass(ratio, weights, sigma);
  const a = skin.map((i) => below[i] as number);
  const b = skin.map((i) => above[i] as number);
  const varies = (quantile(a, 0.95) - quantile(a, 0.05)) / mean(a);
  const spread = quantile(b, 0.99) - quantile(b, 0.01);
  if (varies <= 0.05) return undefined;
  return spread < 1e-6 ? 0 : correlation(a, b);
}

function cheekGrain({ landmarks, d, before }: Drawn): number {
  const plane = luminance(before);
  const patches = [
    centre([landmarks[40], landmarks[41]] as Point[]),
    centre([landmarks[46], landmarks[47]] as Point[]),
  ];
  return Math.min(
    ...patches.map(([x, y]) => {
      const pixels: number[] = [];
      for (let py = Math.round(y + 0.1 * d); py < y + 0.34 * d; py++)
        for (let px = Math.round(x - 0.12 * d); px < x + 0.12 * d; px++)
          if (px > 0 && py > 0 && px < plane.width - 1 && py < plane.height - 1) pixels.push(py * plane.width + px);
      return pixels.length > 8 ? grainOf(plane, pixels) : Number.POSITIVE_INFINITY;
    }),
  );
}

/** Whether nose tip, mouth and chin are under the mask. */
const covers = ({ landmarks, matte }: Drawn) =>
  [30, ...Array.from({ length: 12 }, (_, i) => 48 + i), 8].every((i) => {
    const [x, y] = landmarks[i] as Point;
    return x < 0 || y < 0 || x >= matte.width || y >= matte.height || sample(matte, x, y) >= 127.5;
  });

interface Figures {
  fit: number[];
  widths: number[];
  good: number;
  edges: number;
  light: number[];
  grain: number[];
  uncovered: string[];
}

function look(drawn: Drawn, outline: Outline | undefined, claim: Claim, figures: Figures): void {
  const contour = contourOf(drawn.matte);
  if (outline) figures.fit.push(...fitOf(drawn, contour, outline, claim));
  const cheek = cheekGrain(drawn);
  const { widths, good, all } = edgesOf(drawn, contour, cheek);
  figures.widths.push(...widths);
  figures.good += good;
  figures.edges += all;
  const skin = skinOf(drawn);
  if (skin.length < 50) return;
  const light = lightOf(drawn, skin);
  if (light !== undefined) figures.light.push(light);
  const inner = skin.filter((i) =>
    [-2, 2, -2 * drawn.matte.width, 2 * drawn.matte.width].every((off) => (drawn.matte.data[i + off] ?? 0) >= 250),
  );
  if (cheek > 0.3 && Number.isFinite(cheek)) figures.grain.push(grainOf(luminance(drawn.after), inner) / cheek);
  if (!covers(drawn)) figures.uncovered.push(drawn.name);
}

const percent = (value: number) => `${(100 * value).toFixed(1)}%`;
const mark = (good: boolean) => (good ? '' : ' ✘');

function print(title: string, { cup, patterned }: Claim, figures: Figures, faces: number): void {
  // A cup may stand out by a tenth of d.
  const errors = figures.fit.map((value) => (cup && value > 0 ? Math.max(0, value - 0.1) : Math.abs(value)));
  const [average, worst] = [mean(errors), quantile(errors, 0.95)];
  const share = figures.good / figures.edges;
  const [thin, wide] = [quantile(figures.widths, 0.05), quantile(figures.widths, 0.95)];
  const light = quantile(figures.light, 0.05);
  const [least, most] = [quantile(figures.grain, 0.1), quantile(figures.grain, 0.9)];
  console.log(
    [
      title.padEnd(24),
      (errors.length === 0
        ? 'fit: no face is marked'
        : `fit ${percent(average)} / ${percent(worst)}${mark(average <= 0.03 && worst <= 0.08)}`
      ).padEnd(24),
      `edge ${percent(share)}${mark(share >= 0.995)}, ${thin.toFixed(1)}–${wide.toFixed(1)} px${mark(thin >= 1 && wide <= 3)}`.padEnd(
        34,
      ),
      `light ${light.toFixed(2)}, median ${quantile(figures.light, 0.5).toFixed(2)}${mark(light >= 0.8)}`.padEnd(30),
      patterned
        ? 'grain: patterned'.padEnd(22)
        : `grain ${least.toFixed(2)}–${most.toFixed(2)}${mark(least >= 0.7 && most <= 1.4)}`.padEnd(22),
      `covered ${faces - figures.uncovered.length}/${faces}${mark(figures.uncovered.length === 0)} ${figures.uncovered.slice(0, 4).join(' ')}`,
    ].join(' '),
  );
}

const shared = process.env.MASKBENCH_SHARED ?? path.join(import.meta.dirname, '../../shared');
const golden = path.join(shared, 'golden/images');
const demo = path.join(
  path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')),
  'demo',
);

interface Photo {
  name: string;
  file: string;
  landmarks: Point[];
}

/** The photos with a face that is 60 pixels wide or more: those of ../shared, where it is, and the sample photos, made smaller. */
async function photosWithFaces(quick: boolean, folder: string): Promise<Photo[]> {
  const files: { name: string; file: string }[] = [];
  for (let i = 1; i <= 6; i++) {
    const file = path.join(folder, `sample${i}.png`);
    await sharp(path.join(demo, `sample${i}.jpg`))
      .resize({ width: 700 })
      .png()
      .toFile(file);
    files.push({ name: `sample${i}`, file });
  }
  if (existsSync(golden) && !quick) {
    const names: { image: string; landmarks?: Point[] }[] = JSON.parse(
      readFileSync(path.join(shared, 'golden/seed-masks.json'), 'utf8'),
    );
    for (const { image, landmarks } of names)
      if (landmarks && /^(lfw|celeba)/.test(image)) files.push({ name: image, file: path.join(golden, image) });
  }
  const masker = await Masker.open();
  const found: Photo[] = [];
  for (const { name, file } of files) {
    const { faces } = await masker.detect(file);
    const width = ({ box }: (typeof faces)[number]) => box.right - box.left + 1;
    const [face] = [...faces].sort((a, b) => width(b) - width(a));
    if (face && width(face) >= 60) found.push({ name, file, landmarks: face.landmarks });
  }
  await masker.close();
  return found;
}

/** A template's parts as one picture, and where its six points lie. */
export async function flatten(name: string, folder: string) {
  const template = drawnTemplates.find((it) => it.name === name) as (typeof drawnTemplates)[number];
  const [first, ...rest] = await Promise.all(template.front.parts.map(({ file }) => file?.() as Promise<Uint8Array>));
  const file = path.join(folder, `${name}.png`);
  await sharp(first)
    .composite(rest.map((input) => ({ input: Buffer.from(input as Uint8Array) })))
    .png()
    .toFile(file);
  const [left, , , top] = template.front.anchors as [
    { x: number; y: number },
    unknown,
    unknown,
    { x: number; y: number },
  ];
  const face = native.canonicalFace;
  const scale = ((template.front.anchors[2]?.x ?? 0) - left.x) / ((face[16]?.[0] ?? 0) - (face[0]?.[0] ?? 0));
  const at = (landmark: number): Point => {
    const [x, y] = placeOf(face, landmark);
    return [left.x + scale * (x - (face[0]?.[0] ?? 0)), top.y + scale * (y - (face[27]?.[1] ?? 0))];
  };
  return { file, points: sixLandmarks.map(at) };
}

const empty = (): Figures => ({ fit: [], widths: [], good: 0, edges: 0, light: [], grain: [], uncovered: [] });

/** Looks at what templates, a homography with the same templates, and the flat polygon leave on faces. */
export async function benchRealism({ quick }: BenchOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-realism-'));
  const photos = await photosWithFaces(quick, folder);
  const outlines: Record<string, Outline> = JSON.parse(
    readFileSync(path.join(import.meta.dirname, '../test/mask/outlines.json'), 'utf8'),
  );
  const d = (landmarks: Point[]) => distance(centre(landmarks.slice(36, 42)), centre(landmarks.slice(42, 48)));
  const marked = photos.filter(({ name }) => outlines[name]).length;
  console.log(`\nrealism: ${photos.length} faces, ${marked} of them marked by hand; ✘ where a bound is missed`);
  console.log(
    '  fit: mean / 95th percentile of the distance from marks, over the eyes’ distance (3%, 8%); edge: share without fringe',
  );
  console.log(
    '  (99.5%), widths of the middle 90% (1–3 px); light: correlation, 5th percentile (0.8); grain: middle 80% (0.7–1.4)',
  );
  const stretches = photos.map(({ landmarks }) =>
    native.meshStretch([{ box: { left: 0, top: 0, right: 1, bottom: 1 }, landmarks: landmarks as [number, number][] }]),
  );
  console.log(
    `  mesh: greatest stretch ratio ${Math.max(...stretches).toFixed(2)}${mark(Math.max(...stretches) <= 3)}`,
  );
  const planes = new Map(
    await Promise.all(photos.map(async ({ name, file }) => [name, await readPlanes(file)] as const)),
  );
  const names = quick ? ['surgical', 'a'] : Object.keys(claims);
  for (const style of names) {
    const claim = claims[style] as Claim;
    const masker = await Masker.open({ style, color: claim.color ?? 'white' });
    const figures = empty();
    for (const { name, file, landmarks } of photos) {
      const faces = [{ box: { left: 0, top: 0, right: 1, bottom: 1 }, landmarks: landmarks as [number, number][] }];
      const matteOutput = path.join(folder, 'matte.png');
      const { image } = await masker.mask(file, { faces, format: 'png', matteOutput });
      const before = planes.get(name) as [Plane, Plane, Plane];
      const { width, height } = before[0];
      const grey = { data: Buffer.alloc(width * height * 3, 200), width, height, channels: 3 as const };
      const even = await masker.mask(grey, { faces, format: 'png' });
      look(
        {
          name,
          landmarks,
          d: d(landmarks),
          before,
          after: await readPlanes(image as Buffer),
          unlit: luminance(await readPlanes(even.image as Buffer)),
          matte: (await readPlanes(matteOutput))[0],
        },
        outlines[name],
        claim,
        figures,
      );
    }
    await masker.close();
    print(`  ${style}`, claim, figures, photos.length);
  }
  const chain = buildChain(folder);
  for (const style of chain ? names.filter((name) => name !== 'a' && !claims[name]?.patterned) : []) {
    const claim = claims[style] as Claim;
    const { file: template, points } = await flatten(style, folder);
    const figures = empty();
    for (const { name, file, landmarks } of photos) {
      const photo = path.join(folder, 'photo.png');
      await sharp(file).removeAlpha().png().toFile(photo);
      const outputs = Object.fromEntries(
        ['out', 'unlit', 'alpha'].map((kind) => [kind, path.join(folder, `${kind}.png`)]),
      );
      const { out, unlit, alpha } = outputs as Record<'out' | 'unlit' | 'alpha', string>;
      const files = { photo, template, out, unlit, alpha };
      runChain(chain as string, files, { template: points, face: sixLandmarks.map((at) => placeOf(landmarks, at)) }, 1);
      look(
        {
          name,
          landmarks,
          d: d(landmarks),
          before: planes.get(name) as [Plane, Plane, Plane],
          after: await readPlanes(out),
          unlit: luminance(await readPlanes(unlit)),
          matte: (await readPlanes(alpha))[0],
        },
        outlines[name],
        claim,
        figures,
      );
    }
    print(`  homography, ${style}`, claim, figures, photos.length);
  }
  rmSync(folder, { recursive: true });
}
