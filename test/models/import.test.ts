import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import * as h5wasm from 'h5wasm/node';
import { Embedder } from 'maskbench';
import { importModel, type ModelDescription } from 'maskbench/models';
import { PickleError, unpickle } from '../../lib/files/pickle.js';
import { readTorch } from '../../lib/models/import/torch.js';
import {
  type NamedTensor,
  pickleState,
  stored,
  writeKeras,
  writeTorchLegacy,
  writeTorchZip,
} from '../support/checkpoints.js';
import { writePhotos } from '../support/faces.js';
import { maskbench, shared, temporaryFolder } from '../support/files.js';
import { pythonHas } from '../support/python.js';

// One after another: some of the networks take a quarter of a gigabyte.
const numpy = pythonHas('numpy') ? test.serial : test.serial.skip;

/** Random weights of a network, and what NumPy makes of an image with them. */
function forward(
  folder: string,
  arch: string,
  image: Uint8Array,
  size: number,
  options: { head?: string; per_image?: boolean } = {},
) {
  const file = path.join(folder, `${arch}.bin`);
  const input = arch.startsWith('iresnet')
    ? { mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5] }
    : arch.startsWith('resnet')
      ? { mean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375] }
      : arch === 'paper-resnet50'
        ? { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] }
        : { mean: [0, 0, 0], deviation: [1, 1, 1] };
  const planes = Array.from({ length: 3 * size * size }, (_, i) => {
    const channel = Math.floor(i / size / size);
    return (
      ((image[3 * (i % (size * size)) + channel] as number) - (input.mean[channel] as number)) /
      (input.deviation[channel] as number)
    );
  });
  const request = { arch, seed: 5, size, image: planes, file, ...options };
  const printed = execFileSync('/usr/bin/python3', [path.join(import.meta.dirname, 'forward.py')], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const { names, vector } = JSON.parse(printed) as { names: [string, number[]][]; vector: number[] };
  const data = readFileSync(file);
  let at = 0;
  const tensors = names.map(([name, shape]): NamedTensor => {
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const tensor = { name, shape, data: new Float32Array(data.buffer, data.byteOffset + at, count) };
    at += 4 * count;
    return tensor;
  });
  return { tensors, vector };
}

const picture = (size: number) => ({
  data: Uint8Array.from({ length: 3 * size * size }, (_, i) => 128 + 100 * Math.sin(i / 37) + 20 * Math.cos(i * i)),
  ...{ width: size, height: size, channels: 3 as const },
});

/** The largest difference, of the vector's own size. */
function difference(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  let largest = 0;
  let size = 0;
  for (let i = 0; i < theirs.length; i++) {
    largest = Math.max(largest, Math.abs((ours[i] as number) - (theirs[i] as number)));
    size = Math.max(size, Math.abs(theirs[i] as number));
  }
  return ours.length === theirs.length ? largest / size : Number.NaN;
}

const torchCases: {
  arch: string;
  options?: { head?: string; per_image?: boolean };
  legacy?: boolean;
  prefix?: string;
  wrap?: boolean;
}[] = [
  { arch: 'paper-resnet50', options: { head: '2048', per_image: true }, prefix: 'module.', wrap: true },
  { arch: 'paper-resnet50', options: { head: '512', per_image: false }, legacy: true, prefix: 'module.encoder_q.' },
  { arch: 'resnet18' },
  { arch: 'resnet34', legacy: true, wrap: true },
  { arch: 'resnet50' },
  { arch: 'resnet101' },
  { arch: 'iresnet18', wrap: true },
  { arch: 'iresnet34' },
  { arch: 'iresnet50' },
  { arch: 'iresnet100' },
];
for (const { arch, options = {}, legacy = false, prefix = '', wrap = false } of torchCases)
  numpy(
    `${arch}${options.head ? `, head ${options.head}` : ''}: a PyTorch file gives what NumPy computes`,
    async (t) => {
      const folder = temporaryFolder(t);
      const size = arch.startsWith('iresnet') ? 112 : 224;
      const image = picture(size);
      const { tensors, vector } = forward(folder, arch, image.data, size, options);
      const file = path.join(folder, 'weights.pth');
      if (legacy) writeTorchLegacy(file, stored(tensors), { prefix, wrap });
      else await writeTorchZip(file, stored(tensors), { prefix, wrap });
      const out = path.join(folder, 'model.onnx');
      const { head, per_image } = options;
      const imported = await importModel([file], out, {
        arch,
        ...(head !== undefined && { head }),
        ...(per_image !== undefined && { batchNorm: per_image ? 'per-image' : 'running' }),
      });
      t.deepEqual([imported.outputs, imported.input], [[[vector.length]], [3, size, size]]);
      const embedder = await Embedder.open({ model: out });
      const ours = await embedder.embed([image], { crops: true });
      t.true(difference(ours, vector) < 1e-4, `difference ${difference(ours, vector)}`);
      if (per_image === false) t.regex(embedder.description.name, /not as published/);
      if (arch.startsWith('resnet')) t.deepEqual(imported.unused, ['fc.weight', 'fc.bias']);
    },
  );

for (const arch of ['vgg19', 'vggface-vgg16', 'vggface2-senet50', 'mobilenetv2'])
  numpy(`${arch}: a Keras file gives what NumPy computes, and its pair head what loops compute`, async (t) => {
    const folder = temporaryFolder(t);
    const image = picture(224);
    const { tensors, vector } = forward(folder, arch, image.data, 224);
    const file = path.join(folder, 'weights.h5');
    await writeKeras(file, tensors, arch === 'vggface-vgg16' ? 'vggface_vgg16' : undefined);
    const out = path.join(folder, 'model.onnx');
    await importModel([file], out, { arch });
    const embedder = await Embedder.open({ model: out });
    const ours = await embedder.embed([image], { crops: true });
    t.true(difference(ours, vector) < 1e-4, `difference ${difference(ours, vector)}`);
    const other = ours.map((value, i) => value + Math.sin(i) / 50);
    const named = new Map(tensors.map((tensor) => [tensor.name, tensor.data]));
    const heads = { vgg19: ['dense_0', 'dense_1', 'dense_2'], mobilenetv2: ['dense'] } as Record<string, string[]>;
    t.true(Math.abs(embedder.similarity(ours, other) - siamese(ours, other, heads[arch] ?? ['dense_8'], named)) < 1e-6);
  });

/** The paper's siamese end, in plain loops. */
function siamese(
  a: Float32Array,
  b: Float32Array,
  layers: string[],
  weights: ReadonlyMap<string, ArrayLike<number>>,
): number {
  let values = Array.from(a, (value, i) => (value - (b[i] as number)) ** 2);
  for (const [k, layer] of layers.entries()) {
    const kernel = weights.get(`${layer}/kernel`) as ArrayLike<number>;
    const bias = Array.from(weights.get(`${layer}/bias`) as ArrayLike<number>);
    values = bias.map((start, o) =>
      values.reduce((sum, value, i) => sum + value * (kernel[i * bias.length + o] as number), start),
    );
    if (k + 1 < layers.length) values = values.map((value) => Math.max(0, value));
  }
  return 1 / (1 + Math.exp(-(values[0] as number)));
}

const real = path.join(shared, 'paper/models/benchmark_1');
(pythonHas('numpy') && existsSync(real) ? test : test.skip)(
  "the paper's own Keras files give what a direct computation from them gives",
  async (t) => {
    const folder = temporaryFolder(t);
    const { tensors } = forward(folder, 'vgg19', picture(224).data, 224);
    const trunk = path.join(folder, 'trunk.h5');
    await writeKeras(
      trunk,
      tensors.filter(({ name }) => name.startsWith('block')),
    );
    const files = readdirSync(real).map((name) => path.join(real, name));
    t.is(files.length, 2);
    const out = path.join(folder, 'vgg19.onnx');
    await importModel([trunk, ...files], out, { arch: 'vgg19' });
    const embedder = await Embedder.open({ model: out });
    await h5wasm.ready;
    const direct = new h5wasm.File(files.find((file) => file.includes('distance')) as string, 'r');
    const weights = new Map(
      ['dense', 'dense_1', 'dense_2'].flatMap((layer) =>
        ['kernel', 'bias'].map((kind) => {
          const dataset = direct.get(`model_weights/${layer}/${layer}/${kind}:0`) as h5wasm.Dataset;
          return [`${layer}/${kind}`, dataset.value as Float32Array] as const;
        }),
      ),
    );
    direct.close();
    const a = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
    for (const step of [0, 0.01, 0.3, 2]) {
      const b = a.map((value, i) => value + step * Math.cos(i));
      const expected = siamese(a, b, ['dense', 'dense_1', 'dense_2'], weights);
      t.true(
        Math.abs(embedder.similarity(a, b) - expected) < 1e-6,
        `${step}: ${embedder.similarity(a, b)} and ${expected}`,
      );
    }
  },
);

test('halves, doubles, strided views and shared storages are read', async (t) => {
  const file = path.join(temporaryFolder(t), 'a.pt');
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  await writeTorchZip(file, [
    { name: 'half', shape: [2, 3], data: Float32Array.of(0.5, -2, 0, 1.25, 3, -0.75), key: 'h', kind: 'Half' },
    { name: 'double', shape: [6], data, key: 'd', kind: 'Double' },
    { name: 'turned', shape: [3, 2], strides: [1, 3], data, key: 's', kind: 'Float' },
    { name: 'part', shape: [2], offset: 3, data, key: 's', kind: 'Float' },
    { name: 'scalar', shape: [], offset: 5, data, key: 's', kind: 'Float' },
  ]);
  const [tensors] = (await readTorch(file)).values();
  const values = Object.fromEntries([...(tensors ?? [])].map(([name, tensor]) => [name, [...tensor.read()]]));
  t.deepEqual(values, {
    half: [0.5, -2, 0, 1.25, 3, -0.75],
    double: [1, 2, 3, 4, 5, 6],
    turned: [1, 4, 2, 5, 3, 6],
    part: [4, 5],
    scalar: [6],
  });
});

test('a file that is not a checkpoint of weights is refused in one line, and nothing is left', async (t) => {
  const folder = temporaryFolder(t);
  const out = path.join(folder, 'out/model.onnx');
  mkdirSync(path.dirname(out));
  const file = path.join(folder, 'bad.pt');
  const refused = async (message: RegExp, arch = 'resnet18', name = file) => {
    const error = await t.throwsAsync(importModel([name], out, { arch }), { message });
    t.is((error as { code?: string }).code, 'MODEL_CORRUPT');
    t.false(error?.message.includes('\n'));
    t.deepEqual(readdirSync(path.dirname(out)), []);
  };
  const tensor = {
    name: 'conv1.weight',
    shape: [2, 2],
    data: Float32Array.of(1, 2, 3, 4),
    key: '0',
    kind: 'Float' as const,
  };
  const withPickle = (pickle: Buffer) => writeTorchZip(file, [tensor], { pickle });
  // What an attacker would write: os.system('…').
  await withPickle(Buffer.from('\x80\x02cos\nsystem\n(X\x04\x00\x00\x00truetR.', 'latin1'));
  await refused(/asks for os\.system, which is not allowed/);
  await withPickle(Buffer.from("cbuiltins\neval\n(S'1'\ntR.", 'latin1'));
  await refused(/asks for builtins\.eval/);
  await withPickle(Buffer.from('\x80\x02ctorch\nFloatStorage\n)R.', 'latin1'));
  await refused(/calls torch\.FloatStorage/);
  await withPickle(pickleState([tensor]).subarray(0, 40));
  await refused(/ends early/);
  await withPickle(pickleState([{ ...tensor, count: 100, shape: [10, 10] }]));
  await refused(/storage 0 is missing or too short/);
  await withPickle(pickleState([{ ...tensor, shape: [2, 3] }]));
  await refused(/larger than its storage/);
  await withPickle(pickleState([{ ...tensor, shape: [2, 100_000_000], strides: [0, 0] }]));
  await refused(/repeats the numbers/);
  await withPickle(Buffer.from('\x80\x02}.', 'latin1'));
  await refused(/found no dictionary of tensors/);
  await writeTorchZip(file, [tensor]);
  await refused(/conv1\.weight has the shape \(2, 2\), expected \(64, 3, 7, 7\)/);
  await refused(
    /has no conv\.0\.weight of shape .*is it of this architecture\? It has conv1\.weight/,
    'paper-resnet50',
  );
  truncateSync(file, readFileSync(file).length - 40);
  await refused(/bad\.pt/);
  // A claim of 10 GB in the central directory.
  await writeTorchZip(file, [tensor]);
  const zip = readFileSync(file);
  const central = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'), zip.lastIndexOf('data/0'));
  zip.writeUInt32LE(0xfffffff0, central + 20);
  zip.writeUInt32LE(0xfffffff0, central + 24);
  writeFileSync(file, zip);
  await refused(/bad\.pt/);
  writeFileSync(file, 'hello');
  await refused(/neither of the two formats/);
  await refused(/not an HDF5 file/, 'vgg19');
  await h5wasm.ready;
  const other = path.join(folder, 'other.h5');
  const opened = new h5wasm.File(other, 'w');
  opened.create_dataset({ name: 'x', data: new Float32Array(3) });
  opened.close();
  await refused(/not of Keras/, 'vgg19', other);
  await t.throwsAsync(importModel([path.join(folder, 'none.pt')], out, { arch: 'resnet18' }), {
    code: 'MODEL_MISSING',
  });
  await t.throwsAsync(importModel([file], out, { arch: 'resnet19' }), {
    code: 'INVALID_ARGUMENT',
    message: /resnet18/,
  });
  await t.throwsAsync(importModel([file], out, { arch: 'paper-resnet50', head: '7' }), { code: 'INVALID_ARGUMENT' });
});

test('10,000 damaged pickles never execute, hang or crash', (t) => {
  const tensors = ['a', 'b', 'c'].map((name, i) => ({
    name,
    shape: [2, 2],
    data: new Float32Array(4),
    key: String(i),
    kind: 'Float' as const,
  }));
  const whole = pickleState(tensors, { wrap: true, prefix: 'module.' });
  const globals = new Map<string, (args: unknown[]) => unknown>([
    ['collections.OrderedDict', () => new Map()],
    ['torch._utils._rebuild_tensor_v2', (args) => args.length],
  ]);
  let understood = 0;
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          at: fc.nat(whole.length - 1),
          byte: fc.nat(255),
          kind: fc.constantFrom('set', 'insert', 'cut', 'double'),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      (changes) => {
        let data = Buffer.from(whole);
        for (const { at, byte, kind } of changes) {
          const place = Math.min(at, data.length);
          if (kind === 'set' && place < data.length) data[place] = byte;
          if (kind === 'insert')
            data = Buffer.concat([data.subarray(0, place), Buffer.from([byte]), data.subarray(place)]);
          if (kind === 'cut') data = Buffer.concat([data.subarray(0, place), data.subarray(place + (byte % 16))]);
          if (kind === 'double')
            data = Buffer.concat([data.subarray(0, place), data.subarray(Math.max(0, place - byte))]);
        }
        try {
          unpickle(data, { globals, persistentLoad: () => 0 });
          understood++;
        } catch (error) {
          if (!(error instanceof PickleError)) throw error;
        }
      },
    ),
    { numRuns: 10_000 },
  );
  t.true(understood < 10_000);
});

numpy('imported models of all five architectures of the paper run the benchmark', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(
    at('corpora/lfw'),
    [1, 2].flatMap((identity) => ['1', 'masked_1'].map((name) => ({ name: `p${identity}/${name}.png` }))),
  );
  mkdirSync(at('lists'));
  writeFileSync(
    at('lists/lfw.txt'),
    'p1/1.png p1/masked_1.png 0 1 1\np1/1.png p2/masked_1.png 0 1 0\np2/1.png p2/masked_1.png 0 1 1\np2/1.png p1/masked_1.png 0 1 0\n',
  );
  const names: Record<string, string> = {
    'EX1.1-sigmoid': 'paper-resnet50',
    ImageNet_VGG19: 'vgg19',
    ImageNet_MobileNet: 'mobilenetv2',
    VGGFace2_SENET: 'vggface2-senet50',
    VGGFace2_VGG16: 'vggface-vgg16',
  };
  const models: string[] = [];
  for (const [name, arch] of Object.entries(names)) {
    const { tensors } = forward(folder, arch, picture(224).data, 224, { head: '512', per_image: true });
    const torch = arch === 'paper-resnet50';
    const file = at(torch ? 'w.pt' : `${arch}.h5`);
    if (torch) await writeTorchZip(file, stored(tensors));
    else await writeKeras(file, tensors);
    const out = at(`${arch}.onnx`);
    const { code, stdout, stderr } = await maskbench([
      'models',
      'import',
      file,
      '--arch',
      arch,
      '--out',
      out,
      ...(torch ? ['--head', 'sigmoid'] : ['--halves']),
    ]);
    t.is(code, 0, stderr);
    t.regex(stdout, /n × 3 × 224 × 224 to n × \d+, \d+ parameters, opset 13; runs/);
    t.is((JSON.parse(readFileSync(at(`${arch}.json`), 'utf8')) as ModelDescription).similarity.kind, 'sigmoid');
    models.push(`${name}=${out}`);
  }
  const { code, stdout, stderr } = await maskbench([
    'benchmark',
    'models',
    '--base',
    at('corpora'),
    '--pairs',
    at('lists'),
    '--out',
    at('report'),
    '--draws',
    '10',
    '--models',
    ...models,
  ]);
  t.is(code, 0, stderr);
  t.regex(stdout, /lfw +≠ \d\.\d+ \(0\.361\)/);
});
