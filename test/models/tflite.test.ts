import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { importModel } from 'maskbench/models';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type PackageFile, packageFiles } from '../../lib/models/presets.js';
import { native } from '../../lib/native.js';
import { temporaryFolder } from '../support/files.js';
import { packageFile } from '../support/packages.js';
import { pythonHas, runPython } from '../support/python.js';
import { type TfliteModel, type TfliteOperator, type TfliteTensor, writeTflite } from '../support/tflite.js';

const numpy = pythonHas('numpy') ? test : test.skip;
const reference = readFileSync(path.join(import.meta.dirname, 'tflite_forward.py'), 'utf8');

interface Output {
  name: string;
  shape: number[];
  values: number[];
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** A file, what it was imported as, and images [n, height, width, channels]. */
interface Run {
  file: string;
  model: string;
  shape: number[];
  values: Float32Array;
}

/** Runs files in NumPy and, imported, in ONNX Runtime, and compares all outputs. */
async function compare(t: ExecutionContext, runs: Run[]) {
  const requests = runs.map(({ file, shape, values }) => ({ file, input: { shape, values: [...values] } }));
  const expected = runPython<Output[][]>(reference, requests);
  for (const [i, run] of runs.entries()) await compareOne(t, run, expected[i] as Output[]);
}

async function compareOne(t: ExecutionContext, { model, shape, values }: Run, expected: Output[]) {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const [n, height, width, channels] = shape as [number, number, number, number];
  const turned = new Float32Array(values.length);
  for (let i = 0; i < turned.length; i++) {
    const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / width / height) % channels];
    turned[i] = values[((Math.floor(i / width / height / channels) * height + y) * width + x) * channels + c] as number;
  }
  const image = shape.length === 4;
  const sizes = image ? [n, channels, height, width] : shape;
  const outputs = await session.run({
    [session.inputNames[0] as string]: new Tensor('float32', image ? turned : values, sizes),
  });
  for (const { name, shape, values } of expected) {
    const ours = outputs[name];
    t.deepEqual(ours?.dims, shape, name);
    const numbers = ours?.data as Float32Array;
    const size = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const difference = values.reduce((most, value, i) => Math.max(most, Math.abs(value - (numbers[i] as number))), 0);
    t.true(difference / size < 1e-4, `${name}: ${difference} of ${size}`);
  }
}

/** A network of one operator: tensor 0 is the input, the last the output, those between are constants. */
function single(
  code: number,
  input: number[],
  constants: TfliteTensor[],
  output: number[],
  operator: Partial<TfliteOperator> = {},
): TfliteModel {
  const last = constants.length + 1;
  const inputs = Array.from({ length: last }, (_, i) => i);
  return {
    tensors: [{ name: 'image', shape: input }, ...constants, { name: 'result', shape: output }],
    operators: [{ code, inputs, outputs: [last], ...operator }],
    inputs: [0],
    outputs: [last],
  };
}

/** Numbers of a seed, from −2 to 2, none of them near 0. */
function numbers(length: number, seed: number): Float32Array {
  const value = (i: number) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 43758.5453;
  return Float32Array.from({ length }, (_, i) => {
    const fraction = value(i) - Math.floor(value(i));
    return (fraction < 0.5 ? -1 : 1) * (0.1 + 1.9 * Math.abs(2 * fraction - 1));
  });
}
const floats = (shape: number[], seed: number): TfliteTensor => ({ shape, data: numbers(count(shape), seed) });
const whole = (...values: number[]): TfliteTensor => ({
  shape: [values.length],
  type: 2,
  data: Int32Array.from(values),
});

/** What windows give: sizes by TensorFlow's two paddings. */
const slide = (length: number, size: number, stride: number, same: boolean, dilation = 1) =>
  same ? Math.ceil(length / stride) : Math.floor((length - (size - 1) * dilation - 1) / stride) + 1;

interface Shape {
  n: number;
  height: number;
  width: number;
  channels: number;
  size: number;
  stride: number;
  dilation: number;
  same: boolean;
  activation: number;
  seed: number;
}

/** Networks of one operator by a shape at random. */
const cases: Record<string, (shape: Shape) => TfliteModel> = {};
const full = ({ height, width, channels }: Shape) => [1, height, width, channels];
for (const [name, code] of Object.entries({
  RELU: 19,
  RELU6: 21,
  RELU_N1_TO_1: 20,
  TANH: 28,
  LOGISTIC: 14,
  ABS: 101,
  NEG: 59,
  EXP: 47,
  SQUARE: 92,
  FLOOR: 8,
  ELU: 111,
  HARD_SWISH: 117,
}))
  cases[name] = (shape) => single(code, full(shape), [], full(shape));
// These take numbers above 0 only: squares.
for (const [name, code] of Object.entries({ LOG: 73, SQRT: 75, RSQRT: 76 }))
  cases[name] = (shape) => ({
    tensors: [{ name: 'image', shape: full(shape) }, { shape: full(shape) }, { name: 'result', shape: full(shape) }],
    operators: [
      { code: 92, inputs: [0], outputs: [1] },
      { code, inputs: [1], outputs: [2] },
    ],
    inputs: [0],
    outputs: [2],
  });
for (const [name, code] of Object.entries({ ADD: 0, SUB: 41, MUL: 18, DIV: 42 }))
  cases[name] = (shape) =>
    single(code, full(shape), [floats(shape.same ? [shape.channels] : full(shape), shape.seed)], full(shape), {
      options: [[0, 'int8', shape.activation]],
    });
for (const [name, code] of Object.entries({ MAXIMUM: 55, MINIMUM: 57, SQUARED_DIFFERENCE: 99 }))
  cases[name] = (shape) => single(code, full(shape), [floats([1, 1, shape.channels], shape.seed)], full(shape));
cases['a constant first'] = (shape) =>
  single(41, full(shape), [floats([shape.channels], shape.seed)], full(shape), { inputs: [1, 0] });
cases.POW = (shape) => single(78, full(shape), [{ shape: [1], data: Float32Array.of(2) }], full(shape));
cases.PRELU = (shape) => single(54, full(shape), [floats([1, 1, shape.channels], shape.seed)], full(shape));
cases.LEAKY_RELU = (shape) => single(98, full(shape), [], full(shape), { options: [[0, 'float', 0.3]] });
cases.CONV_2D = (shape) => {
  const { height, width, channels, size, stride, dilation, same, activation, seed } = shape;
  const outputs = 1 + (seed % 5);
  const result = [1, slide(height, size, stride, same, dilation), slide(width, size, stride, same, dilation), outputs];
  return single(3, full(shape), [floats([outputs, size, size, channels], seed), floats([outputs], seed + 1)], result, {
    options: [
      ...(
        [
          [0, 'int8', same ? 0 : 1],
          [1, 'int32', stride],
          [2, 'int32', stride],
          [3, 'int8', activation],
          [4, 'int32', dilation],
          [5, 'int32', dilation],
        ] as const
      ).map((field): [number, 'int8' | 'int32', number] => [...field]),
    ],
  });
};
cases['CONV_2D of groups, without a bias'] = (shape) => {
  const { height, width, seed, channels } = shape;
  const input = [1, height, width, 2 * channels];
  return single(3, input, [floats([4, 1, 1, channels], seed)], [1, height, width, 4], {
    inputs: [0, 1, -1],
    options: [
      [1, 'int32', 1],
      [2, 'int32', 1],
    ],
  });
};
cases.DEPTHWISE_CONV_2D = (shape) => {
  const { height, width, channels, size, stride, dilation, same, activation, seed } = shape;
  const outputs = channels * (1 + (seed % 2));
  const result = [1, slide(height, size, stride, same, dilation), slide(width, size, stride, same, dilation), outputs];
  return single(4, full(shape), [floats([1, size, size, outputs], seed), floats([outputs], seed + 1)], result, {
    options: [
      [0, 'int8', same ? 0 : 1],
      [1, 'int32', stride],
      [2, 'int32', stride],
      [3, 'int32', outputs / channels],
      [4, 'int8', activation],
      [5, 'int32', dilation],
      [6, 'int32', dilation],
    ],
  });
};
cases.TRANSPOSE_CONV = (shape) => {
  const { height, width, channels, size, stride, same, activation, seed } = shape;
  const lengths = [height, width].map((length) =>
    same ? length * stride - (seed % stride) : (length - 1) * stride + size,
  );
  const outputs = 1 + (seed % 3);
  const result = [1, ...lengths, outputs];
  return {
    tensors: [
      { name: 'image', shape: full(shape) },
      whole(...result),
      floats([outputs, size, size, channels], seed),
      floats([outputs], seed + 1),
      { name: 'result', shape: result },
    ],
    operators: [
      {
        code: 67,
        inputs: [1, 2, 0, 3],
        outputs: [4],
        options: [
          [0, 'int8', same ? 0 : 1],
          [1, 'int32', stride],
          [2, 'int32', stride],
          [3, 'int8', activation],
        ],
      },
    ],
    inputs: [0],
    outputs: [4],
  };
};
for (const [name, code] of Object.entries({ MAX_POOL_2D: 17, AVERAGE_POOL_2D: 1 }))
  cases[name] = (shape) => {
    const { height, width, channels, size, stride, same, activation } = shape;
    return single(
      code,
      full(shape),
      [],
      [1, slide(height, size, stride, same), slide(width, size, stride, same), channels],
      {
        options: [
          [0, 'int8', same ? 0 : 1],
          [1, 'int32', stride],
          [2, 'int32', stride],
          [3, 'int32', size],
          [4, 'int32', size],
          [5, 'int8', activation],
        ],
      },
    );
  };
for (const [name, code, first] of [
  ['RESIZE_BILINEAR', 23, 2],
  ['RESIZE_NEAREST_NEIGHBOR', 97, 0],
] as const)
  cases[name] = (shape) => {
    const { height, width, channels, size, seed } = shape;
    const sizes = [height * size + (seed % 3), width + size];
    // Neither, corners aligned, or centres of pixels.
    const options: TfliteOperator['options'] = seed % 3 === 0 ? [] : [[first + (seed % 3) - 1, 'int8', 1]];
    return single(code, full(shape), [whole(...sizes)], [1, ...sizes, channels], { options });
  };
cases.FULLY_CONNECTED = (shape) => {
  const inputs = count(full(shape));
  const outputs = 1 + (shape.seed % 7);
  return single(9, full(shape), [floats([outputs, inputs], shape.seed), floats([outputs], 1)], [1, outputs], {
    options: [[0, 'int8', shape.activation]],
  });
};
cases['FULLY_CONNECTED of the last dimension'] = (shape) => {
  const { channels, height, width, seed } = shape;
  return single(9, full(shape), [floats([4, channels], seed)], [1, height, width, 4], { options: [[2, 'int8', 1]] });
};
cases['FULLY_CONNECTED of 8-bit weights'] = (shape) => {
  const inputs = count(full(shape));
  const data = Int8Array.from({ length: 3 * inputs }, (_, i) => ((i * 37) % 255) - 127);
  const quantization = { scale: [0.01, 0.02, 0.03], zero: [0, 3, -5] };
  return single(9, full(shape), [{ shape: [3, inputs], type: 9, data, quantization }], [1, 3]);
};
cases['DEQUANTIZE of 16-bit floats'] = (shape) => ({
  tensors: [
    { name: 'image', shape: full(shape) },
    { shape: [shape.channels], type: 1, data: native.toHalves(numbers(shape.channels, shape.seed)) },
    { shape: [shape.channels] },
    { name: 'result', shape: full(shape) },
  ],
  operators: [
    { code: 6, inputs: [1], outputs: [2] },
    { code: 0, inputs: [0, 2], outputs: [3] },
  ],
  inputs: [0],
  outputs: [3],
});
cases['DENSIFY, with blocks'] = (shape) => {
  const outputs = 8;
  const { height, width, channels, seed } = shape;
  // Each output keeps some channels; outputs are in blocks of 4.
  const kept = [0, 1].map((row) =>
    Array.from({ length: channels }, (_, i) => i).filter((i) => (i + row + seed) % 3 !== 0),
  );
  const segments = [0, kept[0]?.length ?? 0, kept.flat().length];
  return {
    tensors: [
      { name: 'image', shape: full(shape) },
      {
        shape: [outputs, 1, 1, channels],
        data: numbers(4 * kept.flat().length + 4, seed).subarray(4),
        sparsity: { order: [0, 1, 2, 3, 4], blocked: [0], levels: [2, 1, 1, { segments, indices: kept.flat() }, 4] },
      },
      { shape: [outputs, 1, 1, channels] },
      { name: 'result', shape: [1, height, width, outputs] },
    ],
    operators: [
      { code: 124, inputs: [1], outputs: [2] },
      {
        code: 3,
        inputs: [0, 2],
        outputs: [3],
        options: [
          [1, 'int32', 1],
          [2, 'int32', 1],
        ],
      },
    ],
    inputs: [0],
    outputs: [3],
  };
};
cases.RESHAPE = (shape) =>
  single(22, full(shape), [whole(1, -1, shape.width)], [1, shape.height * shape.channels, shape.width]);
cases['RESHAPE, sizes among the options'] = (shape) =>
  single(22, full(shape), [], [1, count(full(shape))], { list: [1, count(full(shape))] });
cases['RESHAPE to sizes that are computed'] = (shape) => ({
  tensors: [
    { name: 'image', shape: full(shape) },
    { shape: [4], type: 2 },
    whole(0),
    whole(1),
    whole(1),
    { shape: [], type: 2 },
    { shape: [], type: 2, data: Int32Array.of(-1) },
    { shape: [2], type: 2 },
    { name: 'result', shape: [1, count(full(shape))] },
  ],
  operators: [
    { code: 77, inputs: [0], outputs: [1] },
    { code: 45, inputs: [1, 2, 3, 4], outputs: [5], options: [[4, 'int32', 1]] },
    { code: 83, inputs: [5, 6], outputs: [7] },
    { code: 22, inputs: [0, 7], outputs: [8] },
  ],
  inputs: [0],
  outputs: [8],
});
cases.SQUEEZE = ({ height, channels }) =>
  single(43, [1, height, 1, channels], [], [1, height, channels], { list: [2] });
cases.EXPAND_DIMS = (shape) => single(70, full(shape), [whole(1)], [1, 1, ...full(shape).slice(1)]);
cases.TRANSPOSE = (shape) =>
  single(39, full(shape), [whole(0, 3, 1, 2)], [1, shape.channels, shape.height, shape.width]);
cases.STRIDED_SLICE = (shape) => {
  const { height, width, channels } = shape;
  const constants = [whole(0, 1, 0, 0), whole(0, height, -1, 0), whole(1, 2, 1, 1)];
  // The batch and the channels as they are; of the columns all but the last.
  return single(45, full(shape), constants, [1, Math.ceil((height - 1) / 2), width - 1, channels], {
    options: [[1, 'int32', 9]],
  });
};
cases.CONCATENATION = (shape) => {
  const axis = 1 + (shape.seed % 3);
  const wider = full(shape).map((size, i) => (i === axis ? size + 1 : size));
  const joined = full(shape).map((size, i) => (i === axis ? 2 * size + 1 : size));
  const amounts = Int32Array.from({ length: 8 }, (_, i) => (i === 2 * axis ? 1 : 0));
  return {
    tensors: [
      { name: 'image', shape: full(shape) },
      { shape: [4, 2], type: 2, data: amounts },
      { shape: wider },
      { name: 'result', shape: joined },
    ],
    operators: [
      { code: 34, inputs: [0, 1], outputs: [2] },
      {
        code: 2,
        inputs: [2, 0],
        outputs: [3],
        options: [
          [0, 'int32', shape.same ? axis : axis - 4],
          [1, 'int8', shape.activation],
        ],
      },
    ],
    inputs: [0],
    outputs: [3],
  };
};
cases.PAD = (shape) => {
  const sizes = full(shape).map((size, i) => size + (i === 0 ? 0 : i + 2));
  const amounts = { shape: [4, 2], type: 2, data: Int32Array.of(0, 0, 1, 2, 2, 2, 0, 5) };
  return single(34, full(shape), [amounts], sizes);
};
cases.PADV2 = (shape) => {
  const amounts = { shape: [4, 2], type: 4, data: BigInt64Array.of(0n, 0n, 1n, 0n, 0n, 3n, 0n, 0n) };
  const [n, height = 0, width = 0, channels] = full(shape);
  return single(
    60,
    full(shape),
    [amounts, { shape: [1], data: Float32Array.of(-7) }],
    [...[n as number, height + 1, width + 3, channels as number]],
  );
};
for (const [name, code] of Object.entries({ MEAN: 40, SUM: 74, REDUCE_MAX: 82, REDUCE_MIN: 89 })) {
  cases[name] = (shape) => single(code, full(shape), [whole(1, 2)], [1, shape.channels]);
  cases[`${name} of rows, which stay`] = (shape) =>
    single(code, full(shape), [whole(-3)], [1, 1, shape.width, shape.channels], { options: [[0, 'int8', 1]] });
  cases[`${name} of channels`] = (shape) => single(code, full(shape), [whole(3)], [1, shape.height, shape.width]);
}
cases.SOFTMAX = (shape) => single(25, full(shape), [], full(shape), { options: [[0, 'float', 1.5]] });
cases.L2_NORMALIZATION = (shape) => single(11, full(shape), [], full(shape));
cases.DEPTH_TO_SPACE = ({ height, width, channels }) =>
  single(5, [1, height, width, 4 * channels], [], [1, 2 * height, 2 * width, channels], { options: [[0, 'int32', 2]] });
cases.SPACE_TO_DEPTH = ({ height, width, channels }) =>
  single(26, [1, 2 * height, 2 * width, channels], [], [1, height, width, 4 * channels], {
    options: [[0, 'int32', 2]],
  });
cases['RELU after two RESHAPEs'] = (shape) => {
  const { height, width, channels } = shape;
  return {
    tensors: [
      { name: 'image', shape: full(shape) },
      whole(1, height * width, channels),
      { shape: [1, height * width, channels] },
      whole(1, width, height, channels),
      { shape: [1, width, height, channels] },
      { name: 'result', shape: [1, width, height, channels] },
    ],
    operators: [
      { code: 22, inputs: [0, 1], outputs: [2] },
      { code: 22, inputs: [2, 3], outputs: [4] },
      { code: 19, inputs: [4], outputs: [5] },
    ],
    inputs: [0],
    outputs: [5],
  };
};

const shapes = fc
  .record({
    n: fc.integer({ min: 1, max: 3 }),
    height: fc.integer({ min: 5, max: 11 }),
    width: fc.integer({ min: 5, max: 11 }),
    channels: fc.integer({ min: 1, max: 6 }),
    size: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    same: fc.boolean(),
    activation: fc.integer({ min: 0, max: 4 }),
    seed: fc.integer({ min: 0, max: 1000 }),
  })
  .chain((shape) =>
    fc.integer({ min: 1, max: shape.stride === 1 ? 2 : 1 }).map((dilation) => ({ ...shape, dilation })),
  );

for (const [name, model] of Object.entries(cases))
  numpy(`${name}: an imported operator gives what NumPy computes, for any batch`, async (t) => {
    const folder = temporaryFolder(t);
    const runs: Run[] = [];
    for (const [number, shape] of fc.sample(shapes, { numRuns: 4, seed: 1 }).entries()) {
      const built = model(shape);
      const file = path.join(folder, `${number}.tflite`);
      writeFileSync(file, writeTflite(built));
      const { model: imported, outputs } = await importModel([file], path.join(folder, `${number}.onnx`));
      t.deepEqual(outputs, [built.tensors.at(-1)?.shape.slice(1)] as number[][]);
      const input = [shape.n, ...(built.tensors[0]?.shape.slice(1) ?? [])];
      runs.push({ file, model: imported, shape: input, values: numbers(count(input), shape.seed) });
    }
    await compare(t, runs);
  });

const blazeFace = (file: string, sha256: string): PackageFile => ({
  ...{ package: '@mediapipe/face_detection', version: '0.4.1657300184', file, sha256 },
});
const wholeNetworks: Record<string, PackageFile> = {
  'mobilefacenet-192': packageFiles['mobilefacenet-192'] as PackageFile,
  'BlazeFace, short range': blazeFace(
    'face_detection_short_range.tflite',
    '3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633',
  ),
  'BlazeFace, full range': blazeFace(
    'face_detection_full_range.tflite',
    '99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3',
  ),
  'BlazeFace, full range, sparse': blazeFace(
    'face_detection_full_range_sparse.tflite',
    '671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce',
  ),
};

for (const [name, source] of Object.entries(wholeNetworks))
  numpy(`${name}: the whole imported network gives what NumPy computes, for two images`, async (t) => {
    const bytes = await packageFile(t, source);
    if (!bytes) return;
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'a.tflite');
    writeFileSync(file, bytes);
    const { model, input } = await importModel([file], path.join(folder, 'a.onnx'));
    const [channels, height, width] = input as [number, number, number];
    const shape = [2, height, width, channels];
    const values = Float32Array.from({ length: count(shape) }, (_, i) => Math.sin(i / 7) * Math.cos(i / 1234));
    await compare(t, [{ file, model, shape, values }]);
  });
