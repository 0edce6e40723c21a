import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { Embedder, type ImageInput, Masker, maskFiles, type RawImage, type SearchOptions } from 'maskbench';
import type { DetectorDescription } from 'maskbench/models';
import sharp from 'sharp';
import { OnnxGraph, type Size, type Value } from '../../lib/models/onnx/graph.js';
import { samplePhoto, temporaryFolder } from '../support/files.js';
import { uniform } from '../support/scores.js';

type Four = [number, number, number, number];
/** A face as a test expects it: left, top, right, bottom (exclusive), score, points. */
interface Expected {
  box: Four;
  score: number;
  points: [number, number][];
}

const size = 64;
const blank: RawImage = { data: new Uint8Array(size * size * 3), width: size, height: size, channels: 3 };

function describe(changes: Partial<DetectorDescription>): DetectorDescription {
  return {
    name: 'small',
    input: { width: size, height: size, layout: 'NCHW', colors: 'RGB', mean: [0, 0, 0], scale: [1, 1, 1] },
    decoder: 'boxes',
    minScore: 0.5,
    overlap: 0.4,
    smallest: 8,
    pad: 0,
    training: 'nothing',
    licence: 'MIT',
    ...changes,
  };
}

/** Writes a network with its description beside it. `build` names its outputs and their shapes. */
async function writeNetwork(
  folder: string,
  name: string,
  description: DetectorDescription | string,
  build: (graph: OnnxGraph, input: Value) => void,
  shape: Size[] = [1, 3, size, size],
): Promise<string> {
  const graph = new OnnxGraph(name);
  build(graph, graph.input('input', shape));
  const file = path.join(folder, `${name}.onnx`);
  writeFileSync(file, await graph.encode());
  const text = typeof description === 'string' ? description : JSON.stringify(description);
  writeFileSync(path.join(folder, `${name}.json`), text);
  return file;
}

/** Outputs that are always the same. */
function constants(graph: OnnxGraph, input: Value, outputs: { shape: number[]; data: Float32Array }[]): void {
  const mean = graph.node('ReduceMean', [input], { keepdims: 0 });
  const nothing = graph.node('Mul', [mean, graph.constant(Float32Array.of(0), [])]);
  for (const [i, { shape, data }] of outputs.entries())
    graph.output(graph.node('Add', [graph.constant(data, shape), nothing]), `output${i}`, shape);
}

const numbers = (random: () => number, count: number, low: number, high: number) =>
  Float32Array.from({ length: count }, () => low + (high - low) * random());

/** The rule of suppression, written down once more. */
function suppress(found: Expected[], overlap = 0.4): Expected[] {
  const area = ([left, top, right, bottom]: Four) => (right - left) * (bottom - top);
  const kept: Expected[] = [];
  for (const face of found.sort((a, b) => b.score - a.score)) {
    if (face.box[2] <= face.box[0] || face.box[3] <= face.box[1]) continue;
    const same = kept.some(({ box }) => {
      const width = Math.min(box[2], face.box[2]) - Math.max(box[0], face.box[0]);
      const height = Math.min(box[3], face.box[3]) - Math.max(box[1], face.box[1]);
      const common = Math.max(0, width) * Math.max(0, height);
      const least = Math.min(area(box), area(face.box));
      return common > overlap * (area(box) + area(face.box) - common) || common > 0.8 * least;
    });
    if (!same) kept.push(face);
  }
  return kept;
}

async function detect(detector: string, photo: ImageInput = blank, options: SearchOptions = {}) {
  const masker = await Masker.open({ detector, minFace: 64, ...options, concurrency: 1 });
  try {
    return (await masker.detect(photo)).faces;
  } finally {
    await masker.close();
  }
}

const decoders: Record<
  string,
  (random: () => number) => {
    outputs: { shape: number[]; data: Float32Array }[];
    expected: Expected[];
    changes?: Partial<DetectorDescription>;
  }
> = {
  'boxes, as shares of the sides': (random) => {
    const n = 200;
    const boxes = numbers(random, n * 4, 0, 1);
    const scores = numbers(random, n, 0, 1);
    const places = numbers(random, n * 6, 0, 1);
    const expected = Array.from({ length: n }, (_, i): Expected => {
      const point = (p: number) =>
        Array.from(places.subarray(6 * i + 2 * p, 6 * i + 2 * p + 2), (share) => share * size);
      return {
        box: Array.from(boxes.subarray(4 * i, 4 * i + 4), (share) => share * size) as Four,
        score: scores[i] as number,
        points: [0, 1, 2].map(point) as [number, number][],
      };
    });
    const outputs = [
      { shape: [1, n, 4], data: boxes },
      { shape: [1, n, 1], data: scores },
      { shape: [1, n, 6], data: places },
    ];
    return { outputs, expected, changes: { minScore: 0.8 } };
  },
  'ssd-anchors': (random) => {
    const layers: DetectorDescription['layers'] = [
      { stride: 16, sizes: [[12, 20]] },
      {
        stride: 32,
        sizes: [
          [30, 18],
          [40, 50],
        ],
      },
    ];
    const anchors = layers.flatMap(({ stride, sizes }) =>
      Array.from({ length: (size / stride) ** 2 }, (_, cell): [number, number] => [
        ((cell % (size / stride)) + 0.5) * stride,
        (Math.floor(cell / (size / stride)) + 0.5) * stride,
      ]).flatMap(([x, y]) => sizes.map(([width, height]) => ({ x, y, width, height }))),
    );
    const n = anchors.length;
    const [offsets, logits] = [numbers(random, n * 4, -2, 2), numbers(random, n, -3, 3)];
    const expected = anchors.map(({ x, y, width, height }, i): Expected => {
      const at = (k: number) => offsets[4 * i + k] as number;
      const [w, h] = [width * Math.exp(at(2) * 0.3), height * Math.exp(at(3) * 0.3)];
      const [cx, cy] = [x + at(0) * 0.2 * width, y + at(1) * 0.2 * height];
      const score = 1 / (1 + Math.exp(-(logits[i] as number)));
      return { box: [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], score, points: [] };
    });
    const outputs = [
      { shape: [1, n, 4], data: offsets },
      { shape: [1, n, 1], data: logits },
    ];
    return { outputs, expected, changes: { decoder: 'ssd-anchors', layers, variances: [0.2, 0.3], scores: 'sigmoid' } };
  },
  scrfd: (random) => scrfd(random, true, true),
  'scrfd without points': (random) => scrfd(random, false, true),
  'scrfd without an axis of images': (random) => scrfd(random, true, false),
  'yunet of 2023': (random) => {
    const cells = [64, 16, 4];
    const cls = cells.map((n) => numbers(random, n, -0.2, 1.2));
    const obj = cells.map((n) => numbers(random, n, 0, 1));
    const bbox = cells.map((n) => numbers(random, n * 4, -0.5, 0.5));
    const kps = cells.map((n) => numbers(random, n * 10, -1, 1));
    const expected: Expected[] = [];
    for (const [layer, stride] of [8, 16, 32].entries())
      for (let row = 0; row < size / stride; row++)
        for (let column = 0; column < size / stride; column++) {
          const i = row * (size / stride) + column;
          const part = (of: Float32Array[], at: number) => of[layer]?.[at] as number;
          const score = Math.sqrt(Math.min(1, Math.max(0, part(cls, i))) * part(obj, i));
          const x = (column + part(bbox, 4 * i)) * stride;
          const y = (row + part(bbox, 4 * i + 1)) * stride;
          const width = Math.exp(part(bbox, 4 * i + 2)) * stride;
          const height = Math.exp(part(bbox, 4 * i + 3)) * stride;
          const points = Array.from({ length: 5 }, (_, p): [number, number] => [
            (column + part(kps, 10 * i + 2 * p)) * stride,
            (row + part(kps, 10 * i + 2 * p + 1)) * stride,
          ]);
          expected.push({ box: [x - width / 2, y - height / 2, x + width / 2, y + height / 2], score, points });
        }
    const outputs = [cls, obj, bbox, kps].flatMap((kind, k) =>
      kind.map((data, layer) => ({ shape: [1, cells[layer] as number, [1, 1, 4, 10][k] as number], data })),
    );
    return { outputs, expected, changes: { decoder: 'yunet', minScore: 0.8 } };
  },
  'yunet of 2022': (random) => {
    const anchors: [number, number, number][] = [];
    for (const [stride, sides] of [
      [8, [10, 16, 24]],
      [16, [32, 48]],
      [32, [64, 96]],
      [64, [128, 192, 256]],
    ] as const)
      for (let y = 0; y < size / stride; y++)
        for (let x = 0; x < size / stride; x++)
          for (const side of sides) anchors.push([(x + 0.5) * stride, (y + 0.5) * stride, side]);
    const n = anchors.length;
    const loc = numbers(random, n * 14, -1, 1);
    const conf = numbers(random, n * 2, 0, 1);
    const iou = numbers(random, n, 0, 1);
    const expected = anchors.map(([x, y, side], i): Expected => {
      const at = (k: number) => loc[14 * i + k] as number;
      const [w, h] = [side * Math.exp(at(2) * 0.2), side * Math.exp(at(3) * 0.2)];
      const [cx, cy] = [x + at(0) * 0.1 * side, y + at(1) * 0.1 * side];
      return {
        box: [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2],
        score: Math.sqrt((conf[2 * i + 1] as number) * (iou[i] as number)),
        points: Array.from({ length: 5 }, (_, p) => [x + at(4 + 2 * p) * 0.1 * side, y + at(5 + 2 * p) * 0.1 * side]),
      };
    });
    const outputs = [
      { shape: [1, n, 14], data: loc },
      { shape: [1, n, 2], data: conf },
      { shape: [1, n, 1], data: iou },
    ];
    return { outputs, expected, changes: { decoder: 'yunet', minScore: 0.8 } };
  },
  retinaface: (random) => {
    const anchors: [number, number, number][] = [];
    for (const [stride, sides] of [
      [8, [16, 32]],
      [16, [64, 128]],
      [32, [256, 512]],
    ] as const)
      for (let y = 0; y < size / stride; y++)
        for (let x = 0; x < size / stride; x++)
          for (const side of sides) anchors.push([(x + 0.5) * stride, (y + 0.5) * stride, side]);
    const n = anchors.length;
    const loc = numbers(random, n * 4, -2, 2);
    const conf = numbers(random, n * 2, -3, 3);
    const landms = numbers(random, n * 10, -3, 3);
    const expected = anchors.map(([x, y, side], i): Expected => {
      const at = (k: number) => loc[4 * i + k] as number;
      const [w, h] = [side * Math.exp(at(2) * 0.2), side * Math.exp(at(3) * 0.2)];
      const [cx, cy] = [x + at(0) * 0.1 * side, y + at(1) * 0.1 * side];
      const [no, yes] = [conf[2 * i] as number, conf[2 * i + 1] as number];
      return {
        box: [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2],
        score: Math.exp(yes) / (Math.exp(no) + Math.exp(yes)),
        points: Array.from({ length: 5 }, (_, p) => [
          x + (landms[10 * i + 2 * p] as number) * 0.1 * side,
          y + (landms[10 * i + 2 * p + 1] as number) * 0.1 * side,
        ]),
      };
    });
    const outputs = [
      { shape: [1, n, 4], data: loc },
      { shape: [1, n, 2], data: conf },
      { shape: [1, n, 10], data: landms },
    ];
    return { outputs, expected, changes: { decoder: 'retinaface', scores: 'softmax', minScore: 0.95 } };
  },
  blazeface: (random) => {
    // 64 pixels: 8² cells of two anchors, 4² of six.
    const anchors: [number, number][] = [];
    for (const [stride, of] of [
      [8, 2],
      [16, 6],
    ] as const)
      for (let y = 0; y < size / stride; y++)
        for (let x = 0; x < size / stride; x++)
          for (let i = 0; i < of; i++) anchors.push([(x + 0.5) * stride, (y + 0.5) * stride]);
    const n = anchors.length;
    const regressors = numbers(random, n * 16, -10, 10);
    for (let i = 0; i < n; i++) for (const k of [2, 3]) regressors[16 * i + k] = 5 + 20 * random();
    const logits = numbers(random, n, -200, 200);
    const expected = anchors.map(([x, y], i): Expected => {
      const at = (k: number) => regressors[16 * i + k] as number;
      const [cx, cy] = [x + at(0), y + at(1)];
      const logit = Math.min(100, Math.max(-100, logits[i] as number));
      return {
        box: [cx - at(2) / 2, cy - at(3) / 2, cx + at(2) / 2, cy + at(3) / 2],
        // Ties at 1 in 32-bit floats are decided by the order.
        score: Math.fround(1 / (1 + Math.exp(-logit))),
        points: Array.from({ length: 6 }, (_, p) => [x + at(4 + 2 * p), y + at(5 + 2 * p)]),
      };
    });
    const outputs = [
      { shape: [1, n, 16], data: regressors },
      { shape: [1, n, 1], data: logits },
    ];
    return { outputs, expected, changes: { decoder: 'blazeface' } };
  },
};

function scrfd(random: () => number, withPoints: boolean, axis: boolean) {
  const strides = [8, 16, 32];
  const counts = strides.map((stride) => 2 * (size / stride) ** 2);
  const scores = counts.map((n) => numbers(random, n, 0, 1));
  const distances = counts.map((n) => numbers(random, n * 4, -0.1, 1.5));
  const places = counts.map((n) => numbers(random, n * 10, -1, 1));
  const expected: Expected[] = [];
  for (const [layer, stride] of strides.entries())
    for (let i = 0; i < (counts[layer] as number); i++) {
      const cell = Math.floor(i / 2);
      const [x, y] = [(cell % (size / stride)) * stride, Math.floor(cell / (size / stride)) * stride];
      const at = (k: number) => (distances[layer]?.[4 * i + k] as number) * stride;
      const point = (k: number) => (places[layer]?.[10 * i + k] as number) * stride;
      expected.push({
        box: [x - at(0), y - at(1), x + at(2), y + at(3)],
        score: scores[layer]?.[i] as number,
        points: withPoints ? Array.from({ length: 5 }, (_, p) => [x + point(2 * p), y + point(2 * p + 1)]) : [],
      });
    }
  const outputs = [scores, distances, ...(withPoints ? [places] : [])].flatMap((kind, k) =>
    kind.map((data, layer) => ({
      shape: [...(axis ? [1] : []), counts[layer] as number, [1, 4, 10][k] as number],
      data,
    })),
  );
  return { outputs, expected, changes: { decoder: 'scrfd' as const, minScore: 0.8 } };
}

for (const [name, make] of Object.entries(decoders))
  test(`decoder ${name}: boxes, scores and points of random outputs`, async (t) => {
    const folder = temporaryFolder(t);
    for (let seed = 1; seed <= 5; seed++) {
      const { outputs, expected, changes } = make(uniform(seed));
      const description = describe(changes ?? {});
      const file = await writeNetwork(folder, `${seed}`, description, (graph, input) =>
        constants(graph, input, outputs),
      );
      const kept = suppress(expected.filter(({ score }) => score >= description.minScore))
        // They end at the photo's edge.
        .map((face) => ({ ...face, box: face.box.map((side) => Math.min(size, Math.max(0, side))) as Expected['box'] }))
        // Those of less than a pixel are left out.
        .filter(({ box }) => Math.round(box[2]) > Math.round(box[0]) && Math.round(box[3]) > Math.round(box[1]));
      const found = await detect(file);
      t.true(kept.length > 2);
      t.is(found.length, kept.length);
      for (const [i, { box, score, points = [], detector }] of found.entries()) {
        const face = kept[i] as Expected;
        const near = (a: number, b: number) => Math.abs(a - b) <= 0.51;
        t.is(detector, 'small');
        t.true(Math.abs(score - face.score) < 1e-5, `${score} ${face.score}`);
        const sides = [box.left, box.top, box.right + 1, box.bottom + 1];
        t.true(
          sides.every((side, k) => near(side, face.box[k] as number)),
          `${sides} ${face.box}`,
        );
        t.is(points.length, face.points.length);
        for (const [p, [x, y]] of points.entries())
          t.true(near(x, face.points[p]?.[0] as number) && near(y, face.points[p]?.[1] as number));
      }
    }
  });

/**
 * A network that finds what is bright in one channel: each cell of 8 pixels is a box, its score the mean of the
 * channel.
 */
function brightCells(graph: OnnxGraph, input: Value, width: number, height: number, channel: number): void {
  const whole = (...values: number[]) => graph.constant(BigInt64Array.from(values.map(BigInt)), [values.length]);
  const one = graph.node('Slice', [input, whole(channel), whole(channel + 1), whole(1)]);
  const pooled = graph.node('AveragePool', [one], { kernel_shape: [8, 8], strides: [8, 8] });
  const cells = (width / 8) * (height / 8);
  const boxes = Float32Array.from({ length: cells * 4 }, (_, i) => {
    const cell = Math.floor(i / 4);
    const [column, row] = [cell % (width / 8), Math.floor(cell / (width / 8))];
    return [column * 8, row * 8, column * 8 + 8, row * 8 + 8][i % 4] as number;
  });
  const scores = graph.node('Reshape', [pooled, whole(0, -1, 1)]);
  const nothing = graph.node('Mul', [scores, graph.constant(Float32Array.of(0), [])]);
  graph.output(graph.node('Add', [graph.constant(boxes, [1, cells, 4]), nothing]), 'boxes', ['n', cells, 4]);
  graph.output(scores, 'scores', ['n', cells, 1]);
}

/** A black photo with a square of one colour. */
function square(width: number, height: number, left: number, top: number, side: number, color: number[]): RawImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = top; y < top + side; y++) for (let x = left; x < left + side; x++) data.set(color, (y * width + x) * 3);
  return { data, width, height, channels: 3 };
}

test('small things in a large photo are found in tiles, once, at their place', async (t) => {
  const folder = temporaryFolder(t);
  const description = describe({
    input: { ...describe({}).input, scale: [1 / 255, 1 / 255, 1 / 255] },
    unit: 'pixel',
    smallest: 8,
  });
  const build = (graph: OnnxGraph, input: Value) => brightCells(graph, input, size, size, 0);
  const file = await writeNetwork(folder, 'cells', description, build, ['n', 3, size, size]);
  const random = uniform(7);
  for (let i = 0; i < 8; i++) {
    const [width, height] = [300 + Math.floor(random() * 500), 300 + Math.floor(random() * 500)];
    const [left, top] = [Math.floor(random() * (width - 60)), Math.floor(random() * (height - 60))];
    const photo = square(width, height, left, top, 60, [255, 0, 0]);
    const faces = await detect(file, photo, { minFace: 20 });
    const inside = faces.filter(
      ({ box }) => box.left >= left - 25 && box.right <= left + 85 && box.top >= top - 25 && box.bottom <= top + 85,
    );
    t.true(faces.length > 0);
    t.is(inside.length, faces.length);
    // Only the square's colour is looked at, and the whole photo shows less of it than the tiles.
    t.is((await detect(file, square(width, height, left, top, 60, [0, 255, 255]), { minFace: 20 })).length, 0);
  }
});

test('colours and layout are those of the description', async (t) => {
  const folder = temporaryFolder(t);
  const red = square(size, size, 16, 16, 32, [255, 0, 0]);
  for (const layout of ['NCHW', 'NHWC'] as const)
    for (const colors of ['RGB', 'BGR'] as const) {
      const description = describe({
        input: { ...describe({}).input, layout, colors, mean: [0, 0, 0], scale: [1 / 255, 1 / 255, 1 / 255] },
        unit: 'pixel',
      });
      const build = (graph: OnnxGraph, input: Value) => {
        const first = layout === 'NCHW' ? input : graph.node('Transpose', [input], { perm: [0, 3, 1, 2] });
        brightCells(graph, first, size, size, colors === 'RGB' ? 0 : 2);
      };
      const shape = layout === 'NCHW' ? ['n', 3, size, size] : ['n', size, size, 3];
      const file = await writeNetwork(folder, `${layout}-${colors}`, description, build, shape);
      const faces = await detect(file, red);
      t.is(faces.length, 16);
      t.true(faces.every(({ box, score }) => box.left >= 16 && box.bottom < 48 && score === 1));
    }
});

test('a second look halves the score of a box that it does not find again', async (t) => {
  const folder = temporaryFolder(t);
  // The network always gives the same box. In a window of twice its sides the box lies there, in one of four times not.
  const outputs = [
    { shape: [1, 1, 4], data: Float32Array.of(0.25, 0.25, 0.75, 0.75) },
    { shape: [1, 1, 1], data: Float32Array.of(0.9) },
  ];
  for (const [confirm, expected] of [
    [undefined, 0.9],
    [2, 0.9],
    [4, 0.45],
  ] as const) {
    const description = describe({ confirm });
    const file = await writeNetwork(folder, `confirm-${confirm}`, description, (graph, input) =>
      constants(graph, input, outputs),
    );
    const [face] = await detect(file, blank, { minScore: 0.4 });
    t.true(Math.abs((face?.score as number) - expected) < 1e-6);
    t.is((await detect(file)).length, expected > 0.5 ? 1 : 0);
  }
});

test('an expected face needs a lower score, and others do not', async (t) => {
  const file = await writeNetwork(
    temporaryFolder(t),
    'unsure',
    describe({ minScore: 0.5, expectedScore: 0.2 }),
    (graph, input) =>
      constants(graph, input, [
        { shape: [1, 2, 4], data: Float32Array.of(0.1, 0.1, 0.4, 0.4, 0.6, 0.6, 0.9, 0.9) },
        { shape: [1, 2, 1], data: Float32Array.of(0.3, 0.1) },
      ]),
  );
  const at = (left: number) => ({ left, top: left, right: left + 19, bottom: left + 19 });
  const embedder = await Embedder.open({ detector: file });
  const { face } = await embedder.embedOne({ image: blank, expected: at(6) });
  t.true(Math.abs((face?.score as number) - 0.3) < 1e-6);
  // Below that score; and elsewhere, where a face needs the usual score to be a wrong one.
  await t.throwsAsync(embedder.embedOne({ image: blank, expected: at(38) }), { code: 'NO_FACE' });
  await t.throwsAsync(embedder.embedOne(blank), { code: 'NO_FACE' });
  // A score that is given counts everywhere.
  const strict = await Embedder.open({ detector: file, minScore: 0.4 });
  await t.throwsAsync(strict.embedOne({ image: blank, expected: at(6) }), { code: 'NO_FACE' });
  const open = await Embedder.open({ detector: file, minScore: 0.25 });
  await t.throwsAsync(open.embedOne({ image: blank, expected: at(38) }), { code: 'WRONG_FACE' });
  t.true((await open.embedOne(blank)).face !== undefined);
  const given = { image: blank, faces: [{ box: at(6) }], expected: at(6) };
  await t.throwsAsync(open.embedOne(given), {
    code: 'INVALID_ARGUMENT',
    message: /expected nothing, with faces for input: expected/,
  });
});

test('undecided boxes are looked at mirrored too, by networks of any size', async (t) => {
  const folder = temporaryFolder(t);
  const description = describe({
    input: { ...describe({}).input, scale: [1 / 255, 1 / 255, 1 / 255], multiple: 32 },
    confirm: 2,
  });
  // Always the same box; its score is the red of the input's first column.
  const file = await writeNetwork(
    folder,
    'first-column',
    description,
    (graph, input) => {
      const whole = (...values: number[]) => graph.constant(BigInt64Array.from(values.map(BigInt)), [values.length]);
      const red = graph.node('Slice', [input, whole(0), whole(1), whole(1)]);
      const column = graph.node('Slice', [red, whole(0), whole(1), whole(3)]);
      const scores = graph.node('ReduceMean', [graph.node('Squeeze', [column, whole(1)])], { axes: [1] });
      const nothing = graph.node('Mul', [scores, graph.constant(Float32Array.of(0), [])]);
      const box = graph.constant(Float32Array.of(0.25, 0.25, 0.75, 0.75), [1, 1, 4]);
      graph.output(graph.node('Add', [box, nothing]), 'boxes', ['n', 1, 4]);
      graph.output(scores, 'scores', ['n', 1, 1]);
    },
    ['n', 3, 'height', 'width'],
  );
  for (const [share, expected] of [
    [0.6, (3 * 0.6) / 4],
    [0.8, 0.8],
  ] as const) {
    const { data, ...photo } = { ...blank, data: new Uint8Array(blank.data) };
    const red = Math.round(255 * share);
    for (let i = 0; i < size * size; i++) if (i % size < size / 2) data[3 * i] = red;
    const faces = await detect(file, { data, ...photo }, { minScore: 0.3 });
    t.is(faces.length, 1);
    t.true(Math.abs((faces[0]?.score as number) - expected) < 0.01);
  }
});

test("a face's box is made of the network's as the description says, and ends at the photo's edge", async (t) => {
  const folder = temporaryFolder(t);
  const outputs = [
    { shape: [1, 1, 4], data: Float32Array.of(0.25, 0.25, 0.75, 0.75) },
    { shape: [1, 1, 1], data: Float32Array.of(0.9) },
  ];
  const description = describe({ faceBox: { x: 0.5, y: 0.25, width: 0.5, height: 1 } });
  const file = await writeNetwork(folder, 'shifted', description, (graph, input) => constants(graph, input, outputs));
  const [face] = await detect(file);
  const [left, right] = [size * (0.75 - 0.125), size * (0.75 + 0.125)];
  t.deepEqual(face?.box, { left, top: size * 0.375, right: right - 1, bottom: size * 0.875 - 1 });
  const wide = describe({ faceBox: { x: 0, y: 0, width: 4, height: 4 } });
  const beyond = await writeNetwork(folder, 'wide', wide, (graph, input) => constants(graph, input, outputs));
  t.deepEqual((await detect(beyond))[0]?.box, { left: 0, top: 0, right: size - 1, bottom: size - 1 });
});

test('blazeface-full-range finds the faces of a photo, and each alone where it fills the photo', async (t) => {
  const photo = samplePhoto(2);
  const faces = await detect('blazeface-full-range', photo);
  t.true(faces.length > 0);
  for (const { box } of faces) {
    const { left, top } = box;
    const crop = await sharp(photo)
      .extract({ left, top, width: box.right - left + 1, height: box.bottom - top + 1 })
      .png()
      .toBuffer();
    t.is((await detect('blazeface-full-range', crop)).length, 1);
  }
});

test('a run is not resumed with other weights of the same size', async (t) => {
  const folder = temporaryFolder(t);
  const photo = path.join(folder, 'a.png');
  await sharp({ create: { width: size, height: size, channels: 3, background: 'white' } }).toFile(photo);
  const mask = async (left: number) => {
    const outputs = [
      { shape: [1, 1, 4], data: Float32Array.of(left, 0.25, 0.75, 0.75) },
      { shape: [1, 1, 1], data: Float32Array.of(0.9) },
    ];
    const detector = await writeNetwork(folder, 'network', describe({}), (graph, input) =>
      constants(graph, input, outputs),
    );
    return maskFiles([photo], path.join(folder, 'masked'), { detector, minFace: size, resume: true });
  };
  t.is((await mask(0.25)).skipped, 0);
  t.is((await mask(0.25)).skipped, 1);
  await t.throwsAsync(mask(0.3), { code: 'INVALID_ARGUMENT', message: /started with other options/ });
});

test('a photo of 1×5000, a tiny one and one of one colour are searched', async (t) => {
  const folder = temporaryFolder(t);
  const description = describe({ unit: 'pixel', pad: 0.3 });
  const build = (graph: OnnxGraph, input: Value) => brightCells(graph, input, size, size, 0);
  const file = await writeNetwork(folder, 'cells', description, build, ['n', 3, size, size]);
  for (const [width, height] of [
    [1, 5000],
    [5000, 1],
    [1, 1],
    [3, 2],
  ] as const) {
    const photo: RawImage = { data: new Uint8Array(width * height * 3), width, height, channels: 3 };
    for (const pad of [0, 0.3, 2]) t.deepEqual(await detect(file, photo, { pad }), []);
    t.deepEqual(await detect(file, photo, { minFace: 20 }), []);
  }
});

test('a hundred thousand candidates, and boxes without area, end soon with what is left', async (t) => {
  const folder = temporaryFolder(t);
  const count = 100_000;
  const random = uniform(3);
  const boxes = new Float32Array(count * 4);
  for (let i = 0; i < count; i++) {
    const [x, y] = [random(), random()];
    // Every other one has no width.
    boxes.set([x, y, x + (i % 2) * 0.01 * random(), y + 0.01 * random()], 4 * i);
  }
  const outputs = [
    { shape: [1, count, 4], data: boxes },
    { shape: [1, count, 1], data: new Float32Array(count).fill(0.9) },
  ];
  const file = await writeNetwork(folder, 'many', describe({}), (graph, input) => constants(graph, input, outputs));
  const faces = await detect(file);
  t.true(faces.length > 0 && faces.length <= 5000);
  t.true(faces.every(({ box }) => box.right >= box.left && box.bottom >= box.top));
});

test('a detector that does not fit, gives no numbers, or is missing is a typed error that names it', async (t) => {
  const folder = temporaryFolder(t);
  const small = (shape: number[], value = 0) => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
  });
  const network = (name: string, description: DetectorDescription | string, outputs: ReturnType<typeof small>[]) =>
    writeNetwork(folder, name, description, (graph, input) => constants(graph, input, outputs));
  const boxes = small([1, 5, 4]);
  const cases: [file: string, code: string, message: RegExp][] = [
    [path.join(folder, 'absent.onnx'), 'MODEL_MISSING', /absent\.onnx: the detector's file does not exist/],
    ['unknown-preset', 'INVALID_ARGUMENT', /expected one of hog, dlib, .* received unknown-preset/],
    [await network('empty', '', [boxes, small([1, 5, 1])]), 'MODEL_CORRUPT', /empty\.json/],
    [await network('field', '{"name":"x"}', [boxes]), 'INVALID_ARGUMENT', /field\.json.*input/],
    [
      await network('anchors', describe({ decoder: 'ssd-anchors' }), [boxes, small([1, 5, 1])]),
      'INVALID_ARGUMENT',
      /expected a value for .*anchors\.json: layers, received undefined/,
    ],
    [
      await network('expected', describe({ expectedScore: 0.6 }), [boxes, small([1, 5, 1])]),
      'INVALID_ARGUMENT',
      /expected minScore \(0\.5\) or less for .*expected\.json: expectedScore, received 0\.6/,
    ],
    ...(await Promise.all(
      (['boxes', 'retinaface', 'scrfd', 'yunet', 'blazeface'] as const).map(
        async (decoder): Promise<[string, string, RegExp]> => [
          await network(decoder, describe({ decoder }), [boxes, small([1, 4, 1])]),
          'INVALID_ARGUMENT',
          new RegExp(`${decoder}\\.onnx: the outputs do not fit the decoder: expected .*, found 1 x 5 x 4, 1 x 4 x 1`),
        ],
      ),
    )),
    [
      await network('size', describe({ input: { ...describe({}).input, width: 32 } }), [boxes, small([1, 5, 1])]),
      'INVALID_ARGUMENT',
      /size\.onnx: the network's input is 1 x 3 x 64 x 64, its description says 32x64/,
    ],
    [
      await network('scores', describe({}), [boxes, small([1, 5, 1], Number.NaN)]),
      'INFERENCE_FAILED',
      /scores\.onnx.*not finite/,
    ],
    [
      await network('sides', describe({}), [small([1, 5, 4], Number.POSITIVE_INFINITY), small([1, 5, 1], 0.9)]),
      'INFERENCE_FAILED',
      /sides\.onnx.*not finite/,
    ],
  ];
  const broken = path.join(folder, 'broken.onnx');
  writeFileSync(broken, 'not a model');
  writeFileSync(path.join(folder, 'broken.json'), JSON.stringify(describe({})));
  cases.push([broken, 'MODEL_CORRUPT', /broken\.onnx/]);
  for (const [detector, code, message] of cases)
    await t.throwsAsync(Masker.open({ detector }), { code, message }, detector);
});
