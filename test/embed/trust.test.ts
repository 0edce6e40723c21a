import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { Embedder, type EmbedInput, embedFiles, type RawImage } from 'maskbench';
import { writePhotos } from '../support/faces.js';
import { maskbench, repository, shared, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

const image = (value: number, width = 8, height = 8): RawImage => ({
  data: Buffer.alloc(3 * width * height, value),
  ...{ width, height, channels: 3 },
});

/** A model whose vector is the input times `factor`. */
const scaling = (folder: string, name: string, factor: number) =>
  writeModel(folder, name, {
    build: (graph, input) =>
      graph.node('Mul', [graph.node('Flatten', [input]), graph.constant(Float32Array.of(factor), [1])]),
  });

test.serial('T8: a relative path after chdir is the other folder’s model', async (t) => {
  const folder = temporaryFolder(t);
  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  const open = [];
  for (const factor of [1, 2]) {
    const inner = path.join(folder, String(factor));
    mkdirSync(inner);
    await scaling(inner, 'm', factor);
    process.chdir(inner);
    open.push(await Embedder.open({ model: 'm.onnx', description: describeModel() }));
  }
  const [one, two] = await Promise.all(open.map((embedder) => embedder.embed([image(10)])));
  t.deepEqual([one?.[0], two?.[0]], [10, 20]);
});

test('T8: a file that was replaced is read anew, by its old name and with its old size and time', async (t) => {
  const folder = temporaryFolder(t);
  const model = await scaling(folder, 'm', 1);
  const other = await scaling(folder, 'other', 2);
  utimesSync(model, 1000, 1000);
  const options = { model, description: describeModel() };
  const first = await Embedder.open(options);
  t.is((await first.embed([image(10)]))[0], 10);
  copyFileSync(other, model);
  utimesSync(model, 1000, 1000);
  const second = await Embedder.open(options);
  t.is((await second.embed([image(10)]))[0], 20);
  // Who has the first one open keeps it.
  t.is((await first.embed([image(10)]))[0], 10);
  await first.close();
  await t.throwsAsync(first.embed([image(10)]), { code: 'CLOSED' });
  t.is((await second.embed([image(10)]))[0], 20);
});

test('T8: a run does not resume with a model that was replaced', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('photos'), [{ name: 'a.png' }]);
  await scaling(folder, 'm', 1);
  writeFileSync(at('m.json'), JSON.stringify(describeModel()));
  const stop = new AbortController();
  const options = { model: at('m.onnx'), crops: true, signal: stop.signal };
  const reason = new Error('enough');
  stop.abort(reason);
  t.is(await t.throwsAsync(embedFiles([at('photos')], at('v.npy'), options)), reason);
  copyFileSync(await scaling(folder, 'other', 2), at('m.onnx'));
  await t.throwsAsync(embedFiles([at('photos')], at('v.npy'), { model: at('m.onnx'), crops: true, resume: true }), {
    code: 'INVALID_ARGUMENT',
    message: /started with other inputs or options/,
  });
});

test('T9: a model whose vectors depend on the batch runs each image alone, and says so', async (t) => {
  const folder = temporaryFolder(t);
  const models = {
    // As a normalisation in training mode does: by what is common to the batch.
    mean: await writeModel(folder, 'mean', {
      build: (graph, input) => {
        const flat = graph.node('Flatten', [input]);
        return graph.node('Sub', [flat, graph.node('ReduceMean', [flat], { axes: [0], keepdims: 1 })]);
      },
    }),
    // A batch of one baked into a Reshape: fails, or mixes images up.
    fails: await writeModel(folder, 'fails', {
      build: (graph, input) => graph.node('Reshape', [input, graph.constant(BigInt64Array.of(1n, 192n), [2])]),
    }),
    joins: await writeModel(folder, 'joins', {
      build: (graph, input) => graph.node('Reshape', [input, graph.constant(BigInt64Array.of(1n, -1n), [2])]),
    }),
    mixes: await writeModel(folder, 'mixes', {
      build: (graph, input) => {
        const turned = graph.node('Transpose', [graph.node('Flatten', [input])], { perm: [1, 0] });
        return graph.node('Reshape', [turned, graph.constant(BigInt64Array.of(-1n, 192n), [2])]);
      },
    }),
  };
  for (const [name, model] of Object.entries(models)) {
    const embedder = await Embedder.open({ model, description: describeModel() });
    t.regex(embedder.batchProblem ?? '', new RegExp(`${name}\\.onnx: .*each is run alone`), name);
    const values = [10, 200, 30, 10, 90];
    const rows = await embedder.embed(values.map((value) => image(value)));
    for (const [i, value] of values.entries()) {
      const alone = await embedder.embed([image(value)]);
      t.deepEqual(rows.slice(192 * i, 192 * (i + 1)), alone, name);
    }
  }
  const sound = await Embedder.open({ model: await writeModel(folder, 'sound'), description: describeModel() });
  t.is(sound.batchProblem, undefined);
});

test('T9: a model that gives other vectors for the same image is refused', async (t) => {
  const model = await writeModel(temporaryFolder(t), 'dropout', {
    build: (graph, input) => {
      const flat = graph.node('Flatten', [input]);
      return graph.node('Add', [flat, graph.node('RandomNormalLike', [flat])]);
    },
  });
  for (const maxBatch of [1, 16])
    await t.throwsAsync(Embedder.open({ model, description: describeModel(), maxBatch }), {
      code: 'INFERENCE_FAILED',
      message: /dropout\.onnx.*other vectors for the same image/,
    });
});

const cases = path.join(shared, 'cases');
(existsSync(cases) ? test : test.skip)('T9: exported models that were found in use', async (t) => {
  const folder = temporaryFolder(t);
  for (const name of ['bntrain', 'bake1']) {
    const args = (out: string) => [
      ...['embed', path.join(cases, 'img16'), '--crops', '--model', path.join(cases, `${name}.onnx`)],
      ...['--out', path.join(folder, out), '--json'],
    ];
    const [first, second] = [await maskbench(args(`${name}1.npy`)), await maskbench(args(`${name}2.npy`))];
    t.is(first.code, 0, first.stderr);
    t.regex(first.stderr, /each is run alone/);
    t.is(second.code, 0);
    const one = await embedFiles([path.join(cases, 'img16')], path.join(folder, `${name}3.npy`), {
      ...{ crops: true, model: path.join(cases, `${name}.onnx`), maxBatch: 1 },
    });
    t.is(one.rows, 40);
    const files = [1, 2, 3].map((i) => readVectors(path.join(folder, `${name}${i}.npy`)));
    t.deepEqual(files[0], files[1]);
    t.deepEqual(files[0], files[2]);
  }
});

function readVectors(file: string): Buffer {
  return readFileSync(file).subarray(128);
}

test('T11: given faces that are none are refused', async (t) => {
  const folder = temporaryFolder(t);
  const box = { left: 2, top: 2, right: 12, bottom: 12 };
  const landmarks = Array.from({ length: 68 }, (_, i) => [2 + (i % 10), 2 + (i % 9)] as [number, number]);
  const description = (cut: 'box' | 'align5' | 'align68') => describeModel({ cut });
  const model = await writeModel(folder, 'm');
  const photo = image(100, 20, 16);
  for (const cut of ['box', 'align5', 'align68'] as const) {
    const embedder = await Embedder.open({ model, description: description(cut) });
    const refused = (face: object, message: RegExp) =>
      t.throwsAsync(embedder.embedOne({ image: photo, faces: [face] } as EmbedInput), {
        code: 'INVALID_ARGUMENT',
        message,
      });
    t.is((await embedder.embedOne({ image: photo, faces: [{ box, landmarks }] })).vector.length, 192);
    await refused({ box: { ...box, left: Number.NaN }, landmarks }, /faces\[0\]\.box\.left, received NaN/);
    await refused({ box: { ...box, left: 13 }, landmarks }, /at least left \(13\) for .*right, received 12/);
    await refused({ box: { ...box, top: 13 }, landmarks }, /at least top/);
    await refused({ box: { left: 1e6, top: 0, right: 2e6, bottom: 9 }, landmarks }, /from -65535 to 65535/);
    await refused({ box: [2, 2, 12, 12], landmarks }, /\{ left, top, right, bottom \}/);
    await refused({ landmarks }, /box/);
    await refused({ box: { left: 20, top: 0, right: 30, bottom: 9 }, landmarks }, /lies outside the image.*20x16/);
    await refused({ box, landmarks: landmarks.slice(1) }, /68 points/);
    await refused({ box, landmarks: landmarks.with(7, [1e7, 3]) }, /landmarks\[7\]: x, received 10000000/);
    await refused({ box, landmarks: landmarks.with(7, [3, Number.NaN]) }, /landmarks\[7\]: y, received NaN/);
    if (cut === 'box') continue;
    await refused({ box, landmarks: landmarks.map(([x, y]) => [x + 500, y]) }, /landmarks lie outside/);
    await refused({ box, landmarks: landmarks.map(() => [5, 5]) }, /all one point/);
  }
});

test('T11: rows of similarities that are none are refused', async (t) => {
  const model = await writeModel(temporaryFolder(t), 'm');
  const embedder = await Embedder.open({ model, description: describeModel() });
  const vectors = new Float32Array(2 * 192).fill(1);
  for (const row of [Number.NaN, 2 ** 32, 2, -1, 0.5, '0', null]) {
    const expectation = { code: 'INVALID_ARGUMENT', message: /first/ };
    await t.throwsAsync(embedder.similarities(vectors, [row as number], [0]), expectation, String(row));
  }
  await t.throwsAsync(embedder.similarities(vectors, [0], [0, 1]), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(embedder.similarities(vectors.subarray(1), [0], [0]), { code: 'INVALID_ARGUMENT' });
  t.deepEqual([...(await embedder.similarities(vectors, [0, 1], Int32Array.of(1, 0)))].map(Math.fround), [1, 1]);
});

test('T5: verify refuses the similarity of a vector of zeros', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(folder, [{ name: 'a.png' }]);
  await scaling(folder, 'zero', 0);
  writeFileSync(at('zero.json'), JSON.stringify(describeModel()));
  for (const more of [[], ['--json']]) {
    const args = ['verify', at('a.png'), at('a.png'), '--crops', '--model', at('zero.onnx'), ...more];
    const { code, stdout, stderr } = await maskbench(args);
    t.deepEqual([code, stdout], [1, '']);
    t.regex(stderr, /a\.png.*a vector of zeros, which has no cosine similarity/);
  }
});

test('T13: a list may hold absolute paths', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('photos'), [{ name: 'p1/a.png' }, { name: 'p2/b.png' }]);
  await writeModel(folder, 'm');
  writeFileSync(at('m.json'), JSON.stringify(describeModel()));
  writeFileSync(at('list.txt'), `${at('photos/p1/a.png')}\nphotos/p2/b.png\n`);
  const options = { model: at('m.onnx'), crops: true };
  t.deepEqual((await embedFiles([at('list.txt')], at('v.npy'), options)).counts, { crop: 2 });
  const lines = readFileSync(at('v.jsonl'), 'utf8').trim().split('\n');
  t.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ path: name, identity }) => [name, identity]),
    [
      [at('photos/p1/a.png'), 'p1'],
      ['photos/p2/b.png', 'p2'],
    ],
  );
});

test('T15: an exit while a batch runs ends in silence', async (t) => {
  const script = `
import('maskbench').then(async ({ Embedder }) => {
  const embedder = await Embedder.open({ maxBatch: 4 });
  const image = { data: new Uint8Array(67500).fill(9), width: 150, height: 150, channels: 3 };
  void embedder.embed(Array(200).fill(image), { crops: true }).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, Number(process.argv[1])));
  ending;
});`;
  for (const [ending, expected] of [
    ['process.exit(3)', 3],
    ["process.on('exit', () => void embedder.embed([image], { crops: true })); process.exit(3)", 3],
    ["setTimeout(() => { throw new Error('enough'); })", 1],
  ] as const)
    for (const milliseconds of [20, 60, 120]) {
      const args = ['-e', script.replace('ending', ending), String(milliseconds)];
      const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) =>
        execFile(process.execPath, args, { cwd: repository }, (error, _, stderr) =>
          resolve({ code: error?.code, stderr }),
        ),
      );
      t.is(code, expected);
      t.notRegex(stderr, /onnxruntime|terminate/i);
      if (expected === 3) t.is(stderr, '');
    }
});

test('T16: the exit code of embed says whether photos failed', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('good'), [{ name: 'a.png' }, { name: 'nobody.png', face: false }]);
  await writePhotos(at('nobody'), [{ name: 'nobody.png', face: false }]);
  await writePhotos(at('mixed'), [{ name: 'a.png' }]);
  writeFileSync(at('mixed/bad.jpg'), 'no photo');
  mkdirSync(at('bad'));
  writeFileSync(at('bad/bad.jpg'), 'no photo');
  for (const [name, expected] of Object.entries({ good: 0, nobody: 1, mixed: 1, bad: 1 })) {
    const { code, stderr } = await maskbench(['embed', at(name), '--out', at(`${name}.npy`)]);
    t.is(code, expected, name);
    t.is(/no photo has a vector/.test(stderr), name === 'nobody' || name === 'bad', stderr);
    t.true(existsSync(at(`${name}.jsonl`)));
  }
});

/** Runs the CLI, and interrupts it a moment after it has begun to listen for that. */
function interrupt(args: string[]): Promise<{ code: number; stderr: string }> {
  const listener =
    "process.on('newListener', (name) => name === 'SIGINT' && setTimeout(() => process.kill(process.pid, 'SIGINT'), 100))";
  return maskbench(args, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(listener)}` });
}

test('T16: Ctrl-C exits with 130 and without a stack', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const photos = Array.from({ length: 400 }, (_, i) => ({ name: `p${i % 20}/${i}.png` }));
  await writePhotos(at('base/folders'), photos.slice(0, 1));
  const [{ name: only = '' } = {}] = photos;
  for (const { name } of photos.slice(1)) {
    mkdirSync(path.dirname(at(`base/folders/${name}`)), { recursive: true });
    copyFileSync(at(`base/folders/${only}`), at(`base/folders/${name}`));
  }
  const pairs = photos.map(({ name }, i) => `${name} ${photos[(i + 1) % 400]?.name} 0 0`);
  mkdirSync(at('lists'));
  writeFileSync(at('lists/folders.txt'), `${pairs.join('\n')}\n`);
  const rows = 20_000;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, 128), }`.padEnd(117);
  const start = Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, 'latin1');
  const vectors = Float32Array.from({ length: rows * 128 }, (_, i) => Math.sin(i * 1.1));
  writeFileSync(at('v.npy'), Buffer.concat([start, Buffer.from(vectors.buffer)]));
  const line = (row: number) => ({ row, path: `${row}.png`, identity: String(row % 900), photo: `${row}.png` });
  const index = Array.from({ length: rows }, (_, row) =>
    JSON.stringify({ ...line(row), masked: row % 2 === 0, status: 'detected' }),
  );
  writeFileSync(at('v.jsonl'), `${index.join('\n')}\n`);
  for (const args of [
    ['embed', at('base/folders'), '--out', at('w.npy')],
    ['mask', at('base/folders'), '--out', at('masked')],
    ['dataset', 'generate', '--base', at('base'), '--out', at('corpora')],
    ['score-all', '--vectors', at('v.npy'), '--concurrency', '1', '--out', at('all')],
    [
      'benchmark',
      'models',
      '--base',
      at('base'),
      '--pairs',
      at('lists'),
      '--models',
      'dlib-resnet-128',
      '--out',
      at('r'),
    ],
  ]) {
    const { code, stderr } = await interrupt(args);
    t.is(code, 130, `${args[0]}: ${stderr}`);
    t.regex(stderr, /finishing the work in progress[\s\S]*interrupted/);
    t.notRegex(stderr, /\n +at /);
  }
});

test('T16: without the weights of the default model the error says which package has them', async (t) => {
  const folder = temporaryFolder(t);
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, 'maskbench/build'), { recursive: true });
  // As a consumer's install: without what only the development needs.
  for (const name of readdirSync(path.join(repository, 'node_modules')))
    if (name !== '@vladmandic' && !name.startsWith('.'))
      symlinkSync(path.join(repository, 'node_modules', name), path.join(modules, name));
  for (const name of ['dist', 'package.json'])
    cpSync(path.join(repository, name), path.join(modules, 'maskbench', name), { recursive: true });
  symlinkSync(path.join(repository, 'build/Release'), path.join(modules, 'maskbench/build/Release'));
  const run = (args: string[]) =>
    new Promise<{ code: unknown; stderr: string }>((resolve) =>
      execFile(process.execPath, args, { cwd: folder }, (error, _, stderr) => resolve({ code: error?.code, stderr })),
    );
  const cli = await run([path.join(modules, 'maskbench/dist/cli/main.js'), 'verify', 'a.jpg', 'b.jpg']);
  t.deepEqual(cli.code, 1);
  t.regex(cli.stderr, /^maskbench: dlib-resnet-128: .*npm install @vladmandic\/face-api/);
  const script = `import('maskbench').then(({ Embedder }) => Embedder.open()).catch(({ code }) => process.exit(code === 'MODEL_MISSING' ? 7 : 1))`;
  t.is((await run(['-e', script])).code, 7);
});

test('T16: a search that can not be done on the device is refused, not left to the CPU in silence', async (t) => {
  const model = await writeModel(temporaryFolder(t), 'm');
  const options = { model, description: describeModel({ cut: 'box' }) };
  for (const device of ['cuda', 'auto'])
    for (const search of [{ detector: 'dlib' }, { detector: 'hog', minFace: 100 }, { detector: 'hog', maxSize: 1000 }])
      await t.throwsAsync(Embedder.open({ ...options, ...search, device }), {
        code: 'INVALID_ARGUMENT',
        message: /cpu, with the detector dlib, or hog with minFace, maxSize or pad/,
      });
  try {
    const embedder = await Embedder.open({ ...options, device: 'cuda' });
    t.is(embedder.deviceProblem, undefined);
  } catch (error) {
    t.like(error, { code: 'UNAVAILABLE' });
    t.regex((error as Error).message, /^cuda:0: .*CUDA/);
  }
});
