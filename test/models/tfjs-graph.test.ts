import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'ava';
import { importModel } from 'maskbench/models';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { temporaryFolder } from '../support/files.js';

const text = (value: string) => ({ s: Buffer.from(value).toString('base64') });
const texts = (...values: string[]) => ({ list: { s: values.map((value) => text(value).s) } });
const whole = (...values: number[]) => ({ list: { i: values.map(String) } });
const window = (stride: number, padding: string) => ({
  strides: whole(1, stride, stride, 1),
  padding: text(padding),
  data_format: text('NHWC'),
  dilations: whole(1, 1, 1, 1),
  T: { type: 'DT_FLOAT' },
});

/** A graph model of most operators that TensorFlow.js writes for networks of faces. */
function writeGraph(folder: string, changes: { op?: string; input?: string } = {}): string {
  const weights: { name: string; shape: number[]; dtype: string; data: Float32Array | Int32Array }[] = [];
  const constant = (name: string, shape: number[], values?: number[]) => {
    const length = shape.reduce((product, size) => product * size, 1);
    // No variance is negative.
    const number = (value: number) => (name === 'variance' ? 1 + value ** 2 : value);
    const data = values
      ? Int32Array.from(values)
      : Float32Array.from({ length }, (_, i) => number(Math.sin(7 * i + weights.length) / 2));
    weights.push({ name, shape, dtype: values ? 'int32' : 'float32', data });
    return { name, op: 'Const', attr: { dtype: { type: values ? 'DT_INT32' : 'DT_FLOAT' } } };
  };
  const node = [
    {
      name: 'image',
      op: 'Placeholder',
      attr: {
        shape: { shape: { dim: [-1, 12, 10, 3].map((size) => ({ size: String(size) })) } },
        dtype: { type: 'DT_FLOAT' },
      },
    },
    ...[
      constant('w1', [3, 3, 3, 4]),
      constant('b1', [4]),
      constant('w2', [3, 3, 4, 1]),
      constant('b2', [4]),
      constant('slopes', [1, 1, 4]),
    ],
    ...[
      constant('scale', [4]),
      constant('offset', [4]),
      constant('mean', [4]),
      constant('variance', [4]),
      constant('w3', [1, 1, 4, 4]),
    ],
    ...[constant('pads', [4, 2], [0, 0, 1, 0, 0, 2, 0, 0]), constant('sizes', [2], [8, 9]), constant('axis', [], [3])],
    ...[
      constant('flat', [2], [-1, 288]),
      constant('w4', [288, 5]),
      constant('b4', [5]),
      constant('places', [2], [1, 2]),
    ],
    {
      name: 'conv1',
      op: '_FusedConv2D',
      input: ['image', 'w1', 'b1'],
      attr: { ...window(2, 'SAME'), fused_ops: texts('BiasAdd', 'Relu6'), num_args: { i: '1' } },
    },
    {
      name: 'conv2',
      op: 'FusedDepthwiseConv2dNative',
      input: ['conv1', 'w2', 'b2', 'slopes'],
      attr: { ...window(1, 'SAME'), fused_ops: texts('BiasAdd', 'Prelu'), num_args: { i: '2' } },
    },
    {
      name: 'norm',
      op: 'FusedBatchNormV3',
      input: ['conv2', 'scale', 'offset', 'mean', 'variance'],
      attr: { epsilon: { f: 0.001 }, is_training: { b: false }, data_format: text('NHWC'), T: { type: 'DT_FLOAT' } },
    },
    { name: 'conv3', op: 'Conv2D', input: ['norm:0', 'w3'], attr: window(1, 'VALID') },
    { name: 'sum', op: 'AddV2', input: ['conv3', 'conv1'], attr: { T: { type: 'DT_FLOAT' } } },
    {
      name: 'padded',
      op: 'Pad',
      input: ['sum', 'pads'],
      attr: { T: { type: 'DT_FLOAT' }, Tpaddings: { type: 'DT_INT32' } },
    },
    { name: 'pooled', op: 'MaxPool', input: ['padded'], attr: { ...window(1, 'VALID'), ksize: whole(1, 2, 2, 1) } },
    { name: 'averaged', op: 'AvgPool', input: ['padded'], attr: { ...window(1, 'VALID'), ksize: whole(1, 2, 2, 1) } },
    {
      name: 'joined',
      op: 'ConcatV2',
      input: ['pooled', 'averaged', 'axis'],
      attr: { N: { i: '2' }, T: { type: 'DT_FLOAT' } },
    },
    {
      name: 'named',
      op: changes.op ?? 'Identity',
      input: [changes.input ?? 'joined', '^conv1'],
      attr: { T: { type: 'DT_FLOAT' } },
    },
    { name: 'reshaped', op: 'Reshape', input: ['named', 'flat'], attr: { T: { type: 'DT_FLOAT' } } },
    {
      name: 'dense',
      op: '_FusedMatMul',
      input: ['reshaped', 'w4', 'b4'],
      attr: {
        fused_ops: texts('BiasAdd'),
        num_args: { i: '1' },
        transpose_a: { b: false },
        transpose_b: { b: false },
        T: { type: 'DT_FLOAT' },
      },
    },
    { name: 'vector', op: 'Softmax', input: ['dense'], attr: { T: { type: 'DT_FLOAT' } } },
    {
      name: 'resized',
      op: 'ResizeBilinear',
      input: ['sum', 'sizes'],
      attr: { align_corners: { b: false }, half_pixel_centers: { b: true }, T: { type: 'DT_FLOAT' } },
    },
    {
      name: 'means',
      op: 'Mean',
      input: ['resized', 'places'],
      attr: { keep_dims: { b: false }, T: { type: 'DT_FLOAT' } },
    },
  ];
  const manifest = [
    { paths: ['weights.bin'], weights: weights.map(({ name, shape, dtype }) => ({ name, shape, dtype })) },
  ];
  const outputs = { vector: { name: 'vector:0' }, means: { name: 'means:0' } };
  const model = {
    format: 'graph-model',
    modelTopology: { node, versions: { producer: 1 } },
    weightsManifest: manifest,
    signature: { outputs },
  };
  writeFileSync(path.join(folder, 'weights.bin'), Buffer.concat(weights.map(({ data }) => Buffer.from(data.buffer))));
  writeFileSync(path.join(folder, 'model.json'), JSON.stringify(model));
  return path.join(folder, 'model.json');
}

test('a TensorFlow.js graph model gives what TensorFlow.js computes, for any batch', async (t) => {
  const folder = temporaryFolder(t);
  const file = writeGraph(folder);
  const { model, input, outputs } = await importModel([file], path.join(folder, 'imported.onnx'));
  t.deepEqual({ input, outputs }, { input: [3, 12, 10], outputs: [[5], [4]] });
  const tf = createRequire(import.meta.url)('@tensorflow/tfjs');
  await tf.setBackend('cpu');
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(file, 'utf8'));
  const bytes = Uint8Array.from(readFileSync(path.join(folder, 'weights.bin')));
  const theirs = await tf.loadGraphModel(
    tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData: bytes.buffer }),
  );
  const size = 2 * 12 * 10 * 3;
  const image = Float32Array.from({ length: size }, (_, i) => Math.sin(i) + Math.cos(i / 5));
  // [n, height, width, channels] with channels first.
  const turned = image.map((_, i) => {
    const [place, plane] = [i % 120, Math.floor(i / 120)];
    return image[(Math.floor(plane / 3) * 120 + place) * 3 + (plane % 3)] as number;
  });
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const ours = await session.run({ image: new Tensor('float32', turned, [2, 3, 12, 10]) });
  for (const name of ['vector', 'means']) {
    const expected = theirs.execute({ image: tf.tensor(image, [2, 12, 10, 3]) }, name).dataSync() as Float32Array;
    const numbers = ours[name]?.data as Float32Array;
    t.is(numbers.length, expected.length);
    expected.forEach((value, i) => void t.true(Math.abs(value - (numbers[i] as number)) < 1e-5, `${name} ${i}`));
  }
});

test('TensorFlow.js graph models: what is wrong is said', async (t) => {
  const folder = temporaryFolder(t);
  const out = path.join(folder, 'out.onnx');
  const refused = async (message: RegExp, code = 'MODEL_CORRUPT') =>
    t.throwsAsync(importModel([path.join(folder, 'model.json')], out), { code, message });
  writeGraph(folder, { op: 'FFT' });
  await refused(/uses operators that are not supported: FFT/);
  writeGraph(folder, { input: 'vector' });
  await refused(/goes in a circle at/);
  writeGraph(folder, { input: 'nowhere' });
  await refused(/has no node nowhere/);
  const file = writeGraph(folder);
  writeFileSync(path.join(folder, 'weights.bin'), new Uint8Array(100));
  await refused(/weights\.bin end before/);
  writeFileSync(file, '{"format":"graph-model","modelTopology":7}');
  await refused(/modelTopology/);
  writeFileSync(file, '{"format":"graph-model"');
  await refused(/JSON/);
});
