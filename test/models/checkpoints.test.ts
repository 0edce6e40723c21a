import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import type * as h5wasm from 'h5wasm/node';
import { importModel } from 'maskbench/models';
import yazl from 'yazl';
import { readKeras } from '../../lib/models/import/keras.js';
import { readTorch } from '../../lib/models/import/torch.js';
import { torchNetworks } from '../../lib/models/import/torch-networks.js';
import { Layers } from '../../lib/models/onnx/layers.js';
import { NeededWeights } from '../../lib/models/weights.js';
import { createHdf5, pickleState, writeKeras, writeKeras3 } from '../support/checkpoints.js';
import { maskbench, shared, temporaryFolder } from '../support/files.js';
import { pythonHas } from '../support/python.js';

const cases = path.join(shared, 'cases');
const numpy = pythonHas('numpy') ? test.serial : test.serial.skip;
const withCases = existsSync(cases) ? test : test.skip;

/** What resnet18 is built from. */
const needed = new NeededWeights();
torchNetworks.resnet18?.build(new Layers('resnet18', 'running', false), needed, 'input', 'features');

/** Writes a checkpoint of `checkpoints.py`, whose weights are all zero. */
function write(file: string, name: string, protocol = 2): string {
  const names = [...needed.shapes];
  const counts = names.map(([, shape]) => shape.reduce((product, size) => product * size, 1));
  execFileSync('/usr/bin/python3', [path.join(import.meta.dirname, 'checkpoints.py')], {
    input: JSON.stringify({ file, case: name, names, counts, protocol }),
  });
  return file;
}

for (const [name, protocol] of [
  ['imagenet', 2],
  ['inert', 2],
  ['inert', 4],
  ['compiled', 2],
  ['lightning', 2],
] as const)
  numpy(`T14: what is saved beside weights does not hide them: ${name}, protocol ${protocol}`, async (t) => {
    const folder = temporaryFolder(t);
    const file = write(path.join(folder, 'a.pth'), name, protocol);
    const out = path.join(folder, 'a.onnx');
    const imported = await importModel([file], out, { arch: 'resnet18' });
    t.deepEqual(imported.outputs, [[512]]);
    t.deepEqual(imported.unused, name === 'lightning' ? ['criterion.weight'] : []);
  });

numpy('T14: nothing that runs code is named as data', async (t) => {
  const folder = temporaryFolder(t);
  const file = write(path.join(folder, 'a.pth'), 'code');
  await t.throwsAsync(importModel([file], path.join(folder, 'a.onnx'), { arch: 'resnet18' }), {
    code: 'MODEL_CORRUPT',
    message: /asks for posix\.system, which is not allowed/,
  });
});

test('T14: a file of a big-endian machine has the same numbers', async (t) => {
  const file = path.join(temporaryFolder(t), 'a.pt');
  const tensors = [
    { name: 'float', shape: [2], data: Float32Array.of(1.5, -3), key: '0', kind: 'Float' as const },
    { name: 'half', shape: [2], data: Float32Array.of(0.5, -2), key: '1', kind: 'Half' as const },
    { name: 'double', shape: [1], data: Float32Array.of(7), key: '2', kind: 'Double' as const },
  ];
  const zip = new yazl.ZipFile();
  const add = (name: string, data: Buffer) => zip.addBuffer(data, `a/${name}`, { compress: false });
  add('data.pkl', pickleState(tensors));
  add('byteorder', Buffer.from('big'));
  add('data/0', Buffer.from('3fc00000c0400000', 'hex'));
  add('data/1', Buffer.from('3800c000', 'hex'));
  add('data/2', Buffer.from('401c000000000000', 'hex'));
  zip.end();
  writeFileSync(file, await buffer(zip.outputStream));
  const read = (await readTorch(file)).get('top level');
  t.deepEqual(
    [...(read ?? [])].map(([name, tensor]) => [name, [...tensor.read()]]),
    [
      ['float', [1.5, -3]],
      ['half', [0.5, -2]],
      ['double', [7]],
    ],
  );
});

withCases('T14: PyTorch’s ImageNet example, and a scheduler with milestones', async (t) => {
  const folder = temporaryFolder(t);
  for (const name of ['torch-best-acc1', 'torch-multistep'])
    await t.throwsAsync(
      importModel([path.join(cases, `${name}.pth`)], path.join(folder, 'a.onnx'), { arch: 'resnet18' }),
      { code: 'MODEL_CORRUPT', message: /has no conv1\.weight/ },
    );
});

numpy('T10: of several complete networks one must be chosen', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  for (const [name, parts] of [
    ['two', ['model', 'ema/module']],
    ['pair', ['state_dict/student.backbone', 'state_dict/teacher.backbone']],
  ] as const) {
    const file = write(at(`${name}.pth`), name);
    const run = (...more: string[]) =>
      maskbench(['models', 'import', file, '--arch', 'resnet18', '--out', at(`${name}.onnx`), ...more]);
    const asked = await run();
    t.is(asked.code, 2);
    t.true(asked.stderr.includes(`2 complete networks of resnet18: ${parts.join(', ')}`), asked.stderr);
    const wrong = await run('--part', 'other');
    t.is(wrong.code, 2);
    t.true(wrong.stderr.includes(`one of ${parts.join(', ')} for part`), wrong.stderr);
    const chosen = await run('--part', parts[1], '--json');
    t.is(chosen.code, 0, chosen.stderr);
  }
  // The paper's program takes the encoder of queries.
  const contrast = write(at('contrast.pth'), 'contrast');
  const { unused } = await importModel([contrast], at('contrast.onnx'), { arch: 'resnet18' });
  t.true(unused.includes('module.encoder_k.conv1.weight'));
  await t.throwsAsync(importModel([write(at('partial.pth'), 'partial')], at('partial.onnx'), { arch: 'resnet18' }), {
    code: 'MODEL_CORRUPT',
    message: /holds no resnet18: a \(1 tensors\) has no conv1\.weight; b \(2 tensors\) has no conv1\.weight/,
  });
});

/** A zip whose entries are stored as they are. */
function zipped(entries: Record<string, Buffer>): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, data] of Object.entries(entries)) zip.addBuffer(data, name, { compress: false });
  zip.end();
  return buffer(zip.outputStream);
}

const ofKeras = [
  { name: 'Conv1/kernel', shape: [3, 3, 1, 2], data: Float32Array.from({ length: 18 }, (_, i) => i) },
  { name: 'Conv1/bias', shape: [2], data: Float32Array.of(1, 2) },
  { name: 'deep/depthwise_kernel', shape: [1, 1, 2, 1], data: Float32Array.of(3, 4) },
  ...['gamma', 'beta', 'moving_mean', 'moving_variance'].map((name, i) => ({
    ...{ name: `bn/${name}`, shape: [1], data: Float32Array.of(i) },
  })),
  { name: 'Conv2/kernel', shape: [1, 1, 1, 1], data: Float32Array.of(9) },
  { name: 'fc/kernel', shape: [1, 2], data: Float32Array.of(5, 6) },
];
const valuesOf = async (file: string) =>
  [...(await readKeras(file))].map(([name, { shape, read }]) => ({ name, shape, data: read() }));

test('T15: the files of Keras 2 and 3 hold the same weights', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const sorted = (tensors: { name: string }[]) => tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  await writeKeras(at('two.h5'), ofKeras);
  t.deepEqual(sorted(await valuesOf(at('two.h5'))), sorted(ofKeras));
  await writeKeras3(at('named.weights.h5'), ofKeras, true);
  t.deepEqual(sorted(await valuesOf(at('named.weights.h5'))), sorted(ofKeras));
  const config = await writeKeras3(at('early.weights.h5'), ofKeras, false);
  const whole = { 'config.json': Buffer.from(config), 'model.weights.h5': readFileSync(at('early.weights.h5')) };
  writeFileSync(at('whole.keras'), await zipped(whole));
  t.deepEqual(sorted(await valuesOf(at('whole.keras'))), sorted(ofKeras));
  await t.throwsAsync(readKeras(at('early.weights.h5')), {
    code: 'MODEL_CORRUPT',
    message: /early\.weights\.h5: has no names of layers/,
  });
  writeFileSync(at('other.keras'), await zipped({ 'config.json': Buffer.from('{}') }));
  await t.throwsAsync(readKeras(at('other.keras')), { code: 'MODEL_CORRUPT', message: /expected config\.json and/ });
});

test('T15: 16-bit floats are read', async (t) => {
  const file = path.join(temporaryFolder(t), 'a.h5');
  const halves = Uint16Array.of(0x3800, 0xc000, 0x3e00, 0x0001, 0, 0, 0, 0);
  await writeKeras(file, [{ name: 'a/kernel', shape: [4], data: new Float32Array(halves.buffer) }]);
  // HDF5's description of a 32-bit float, made that of a 16-bit one.
  const data = readFileSync(file);
  const place = data.indexOf(Buffer.from('11201f000400000000002000170800177f000000', 'hex'));
  data.write('11200f0002000000000010000a05000a0f000000', place, 'hex');
  writeFileSync(file, data);
  t.deepEqual(await valuesOf(file), [{ name: 'a/kernel', shape: [4], data: Float32Array.of(0.5, -2, 1.5, 2 ** -24) }]);
});

test('T15: what is damaged or lies elsewhere is refused by name, and the next file is read', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writeKeras(at('good.h5'), ofKeras);
  const good = readFileSync(at('good.h5'));
  const refused = (name: string, message: RegExp) =>
    t.throwsAsync(importModel([at(name)], at('a.onnx'), { arch: 'vgg19' }), { code: 'MODEL_CORRUPT', message });
  // In each place a group's or an object's header is lost.
  for (const sign of ['TREE', 'HEAP', 'SNOD', 'GCOL']) {
    for (let at_ = good.indexOf(sign), i = 0; at_ > 0; at_ = good.indexOf(sign, at_ + 1), i++) {
      const damaged = Buffer.from(good);
      damaged.fill(0xa5, at_, at_ + 8);
      writeFileSync(at('damaged.h5'), damaged);
      if (i < 4)
        await refused('damaged.h5', /damaged\.h5: (is damaged: .+|lists .+, which is not in the file|.*has no)/);
    }
  }
  writeFileSync(at('cut.h5'), good.subarray(0, good.length / 2));
  await refused('cut.h5', /cut\.h5: is/);
  const links = await createHdf5(at('links.h5'));
  links.create_attribute('layer_names', ['a']);
  const group = links.create_group('a');
  group.create_attribute('weight_names', ['kernel:0']);
  group.create_external_link(at('good.h5'), '/model_weights/Conv1/Conv1/kernel:0', 'kernel:0');
  links.close();
  await refused('links.h5', /links\.h5: lists kernel, which is not in the file/);
  const huge = await createHdf5(at('huge.h5'));
  huge.create_attribute('layer_names', ['a']);
  const inner = huge.create_group('a');
  inner.create_attribute('weight_names', ['kernel:0']);
  inner.create_dataset({ name: 'kernel:0', data: new Float32Array(1), shape: [1], maxshape: [null], chunks: [1] });
  (inner.get('kernel:0') as h5wasm.Dataset).resize([2 ** 40]);
  huge.close();
  await refused('huge.h5', /kernel claims 1099511627776 numbers, more than the file can hold/);
  t.is((await readKeras(at('good.h5'))).size, ofKeras.length);
});

withCases('T15: a damaged file and one of 16-bit floats that were found', async (t) => {
  const folder = temporaryFolder(t);
  const importing = (name: string) =>
    importModel([path.join(cases, name)], path.join(folder, 'a.onnx'), { arch: 'mobilenetv2' });
  await t.throwsAsync(importing('keras-damaged.h5'), { code: 'MODEL_CORRUPT', message: /damaged\.h5: is damaged/ });
  await t.throwsAsync(importing('keras-f2.h5'), {
    code: 'MODEL_CORRUPT',
    message: /has no Conv1\/kernel .*It has conv1/,
  });
  t.deepEqual(
    (await readKeras(path.join(cases, 'keras-f2.h5'))).get('conv1/kernel')?.read().slice(0, 3),
    Float32Array.of(0, 1, 2),
  );
});

withCases('T10: two dictionaries, neither of which is a network, are both named', async (t) => {
  const out = path.join(temporaryFolder(t), 'a.onnx');
  await t.throwsAsync(importModel([path.join(cases, 'torch-two.pth')], out, { arch: 'resnet18' }), {
    code: 'MODEL_CORRUPT',
    message: /ema \(1 tensors\) .*weights \(1 tensors\)/,
  });
});
