import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Embedder, embedFiles, trainAdapter } from 'maskbench';
import { mergeAdapter, readAdapter } from 'maskbench/models';
import sharp from 'sharp';
import { encodeAdapter } from '../../lib/models/adapter.js';
import { fingerprint } from '../../lib/models/fingerprint.js';
import { native } from '../../lib/native.js';
import { maskbench, repository, sha256, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';
import { writeTwins } from '../support/twins.js';

const dimensions = 192;

/** A model of vectors of 192 numbers, the pixels of an image. */
async function writePixels(folder: string, name = 'pixels', similarity: 'cosine' | 'l2' | 'inverse-l2' = 'cosine') {
  const model = await writeModel(folder, name);
  return { model, description: describeModel({ name, similarity: { kind: similarity } }) };
}

/** That model, and a linear adapter of it. */
async function writeLinear(folder: string) {
  const { model, description } = await writePixels(folder);
  const adapter = path.join(folder, 'head.onnx');
  const vectors = writeTwins(folder, ['one'], { dimensions });
  await trainAdapter(vectors, adapter, { model, description, method: 'linear', draws: 10 });
  return { model, description, adapter };
}

const image = (seed: number) => ({
  data: Buffer.from(Array.from({ length: dimensions }, (_, i) => ((i + 7) * (seed + 3) * 97) % 256)),
  ...{ width: 8, height: 8, channels: 3 as const },
});

test('products equal sums, and gradients equal finite differences within 1e-5, on every target', (t) => {
  const output = execFileSync(path.join(repository, 'build/Release/adapt_tests'), { encoding: 'utf8' });
  for (const kind of ['products of floats', 'products of doubles', 'gradients of srt', 'gradients of infonce'])
    t.true(output.includes(kind), output);
});

for (const method of ['linear', 'srt', 'infonce'] as const)
  for (const similarity of ['cosine', 'l2'] as const)
    test(`${method} heads help people that they have not seen, by ${similarity}, and the ONNX file does what was measured`, async (t) => {
      const folder = temporaryFolder(t);
      const { model, description } = await writePixels(folder, 'pixels', similarity);
      const vectors = writeTwins(folder, ['one', 'two'], { dimensions, people: 100 });
      const out = path.join(folder, 'head.onnx');
      const made = await trainAdapter(vectors, out, {
        model,
        description,
        method,
        draws: 200,
        ...(method === 'linear' && { folds: 3 }),
      });
      t.is(made.method, method);
      t.is(made.people.test, method === 'linear' ? 100 : 20);
      t.is(made.masked, 600);
      t.is(made.plain, 300, 'a plain photo of two files counts once');
      const change = made.changes.find(({ measure, target }) => measure === 'FNMR' && target === 0.01);
      t.is(change?.condition, 'plain-masked');
      t.is(made.verdict, 'better', JSON.stringify(change));
      const about = await readAdapter(out);
      t.is(about.model, 'pixels');
      t.is(about.dimensions, dimensions);
      t.deepEqual(about.parameters, made.parameters);
      const embedder = await Embedder.open({ model, description, adapter: out });
      const { vector: plain } = await embedder.embedOne(image(1));
      const { vector: corrected } = await embedder.embedOne(image(1), { masked: true });
      t.deepEqual(await embedder.embed([image(1)]), plain);
      t.notDeepEqual(corrected, plain);
      const length = Math.hypot(...corrected);
      t.true(similarity === 'cosine' ? Math.abs(length - 1) < 1e-5 : length > 2, `length ${length}`);
      await embedder.close();
    });

test('an ONNX head gives what the trained head gives', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description } = await writePixels(folder);
  const numbers = (count: number, scale: number) =>
    Float32Array.from({ length: count }, (_, i) => scale * Math.sin(i * 12.9898 + count));
  const layer = (outputs = dimensions) => ({
    weights: numbers(dimensions * outputs, 0.2),
    bias: numbers(outputs, 0.1),
  });
  const head = {
    stages: [
      { residual: false, layers: [layer(), layer()], gate: layer(2) },
      { residual: true, layers: [layer(), layer(), layer()] },
    ],
    length: 1.5,
  };
  const adapter = path.join(folder, 'head.onnx');
  const about = { model: 'pixels', fingerprint: await fingerprint(model, description), dimensions };
  writeFileSync(adapter, await encodeAdapter(head, { ...about, method: 'any', parameters: {}, training: 'none' }));
  const embedder = await Embedder.open({ model, description, adapter });
  const images = [1, 2, 3].map(image);
  const before = await embedder.embed(images);
  const rows = Int32Array.of(0, 1, 2);
  const expected = await native.applyHead(head, before, dimensions, rows, 2);
  const got = await embedder.embed(images, { masked: true });
  for (const [i, number] of got.entries()) t.true(Math.abs(number - (expected[i] as number)) < 1e-5);
  await embedder.close();
});

test('a seed gives the same head on any number of threads', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description } = await writePixels(folder);
  const vectors = writeTwins(folder, ['one', 'two'], { dimensions });
  for (const method of ['linear', 'srt', 'infonce'] as const) {
    const hashes = [];
    for (const [concurrency, seed] of [
      [1, 1],
      [5, 1],
      [2, 2],
    ] as const) {
      const out = path.join(folder, `${method}-${concurrency}-${seed}.onnx`);
      await trainAdapter(vectors, out, { model, description, method, concurrency, seed, draws: 10 });
      hashes.push(sha256(readFileSync(out)));
    }
    t.is(new Set(hashes.slice(0, 2)).size, 1, method);
    t.not(hashes[0], hashes[2], method);
  }
});

test('the published preset trains from random weights for 10 epochs', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description } = await writePixels(folder);
  const vectors = writeTwins(folder, ['one'], { dimensions });
  const out = path.join(folder, 'head.onnx');
  const { parameters, method } = await trainAdapter(vectors, out, {
    model,
    description,
    preset: 'published',
    draws: 10,
  });
  t.is(method, 'srt');
  t.is(parameters.start, 'direct');
  t.is(parameters.rate, 0.1);
  t.is(parameters.margin, 2);
  t.true((parameters.updates as number) <= 10);
});

test('an adapter is not called better where masks change nothing', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description } = await writePixels(folder);
  const vectors = writeTwins(folder, ['one'], { dimensions, shift: 0 });
  const out = path.join(folder, 'head.onnx');
  const { verdict } = await trainAdapter(vectors, out, { model, description, method: 'linear', draws: 200 });
  t.not(verdict, 'better');
  const json = JSON.stringify(description);
  writeFileSync(path.join(folder, 'pixels.json'), json);
  const run = await maskbench(['adapt', '--vectors', ...vectors, '--model', model, '--out', out, '--method', 'linear']);
  t.is(run.code, 0, run.stderr);
  t.regex(run.stdout, /The adapter is (not shown to be better|worse)/);
});

async function refused(t: ExecutionContext, work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(work);
  t.is((error as { code?: string }).code, code, error?.message);
  t.regex(error?.message ?? '', message);
}

test('vectors that nothing can be learned from are refused', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description } = await writePixels(folder);
  const out = path.join(folder, 'head.onnx');
  const train = (vectors: string[], given: object = {}) => trainAdapter(vectors, out, { model, description, ...given });
  const invalid = (vectors: string[], message: RegExp, given: object = {}) =>
    refused(t, train(vectors, given), 'INVALID_ARGUMENT', message);
  const plainOnly = writeTwins(folder, ['plain'], {
    dimensions,
    lines: (all) => all.map((line) => ({ ...line, masked: false, photo: line.path })),
  });
  await invalid(plainOnly, /masked twins, found 240 plain ones and 0 masked/);
  const alone = writeTwins(folder, ['alone'], {
    dimensions,
    lines: (all) => all.map((line) => ({ ...line, photo: line.path })),
  });
  await invalid(alone, /found 120 plain ones and 120 masked ones of other photos/);
  const one = writeTwins(folder, ['one'], { dimensions, people: 1 });
  await invalid(one, /at least six people.* received 1 people/);
  const nan = writeTwins(folder, ['nan'], {
    dimensions,
    change: (numbers) => {
      numbers[7 * dimensions + 3] = Number.NaN;
    },
  });
  await invalid(nan, /nan\.npy: row 7 is zero or not finite/);
  const zero = writeTwins(folder, ['zero'], { dimensions, change: (numbers) => numbers.fill(0, 0, dimensions) });
  await invalid(zero, /zero\.npy: row 0 is zero or not finite/);
  const good = writeTwins(folder, ['good'], { dimensions });
  const narrow = writeTwins(folder, ['narrow'], { dimensions: 16 });
  await invalid([...good, ...narrow], /narrow\.npy: has vectors of 16 numbers, .*good\.npy of 192/);
  await invalid(narrow, /pixels gives vectors of 192 numbers, found 16/);
  const short = writeTwins(folder, ['short'], { dimensions, lines: (all) => all.slice(0, -1) });
  await invalid(short, /short\.npy: has 240 rows, its index 239/);
  const few = writeTwins(folder, ['few'], { dimensions, people: 7 });
  await invalid(few, /at least 100 impostor pairs of the validation people/);
  await invalid(good, /folds/, { folds: 30 });
  await invalid(good, /srt, with the preset published/, { preset: 'published', method: 'linear' });
  await refused(t, train([path.join(folder, 'none.npy')]), 'NOT_FOUND', /none\.jsonl/);
  await refused(
    t,
    trainAdapter(good, path.join(folder, 'none/head.onnx'), { model, description, method: 'linear' }),
    'WRITE_FAILED',
    /head\.onnx/,
  );
  writeFileSync(out, 'mine');
  await invalid(good, /expected an adapter or a new name/, { method: 'linear' });
  t.is(readFileSync(out, 'utf8'), 'mine');
  await refused(
    t,
    trainAdapter(good, model, { model, description, method: 'linear' }),
    'INVALID_ARGUMENT',
    /expected an adapter/,
  );
});

test('an adapter of another model, or a file that is none, is refused', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description, adapter } = await writeLinear(folder);
  const other = await writeModel(folder, 'other', {
    build: (graph, input) => graph.node('Neg', [graph.node('Flatten', [input])]),
  });
  const open = (given: object) => Embedder.open({ model, description, adapter, ...given });
  await refused(
    t,
    open({ model: other }),
    'INVALID_ARGUMENT',
    /trained on vectors of pixels \(.*other\.onnx is another model/,
  );
  const described = { ...description, input: { ...description.input, mean: [1, 1, 1] as [number, number, number] } };
  await refused(t, open({ description: described }), 'INVALID_ARGUMENT', /described in another way/);
  await refused(
    t,
    Embedder.open({ adapter }),
    'INVALID_ARGUMENT',
    /takes vectors of 192 numbers, dlib-resnet-128 gives 128/,
  );
  await refused(t, open({ adapter: path.join(folder, 'none.onnx') }), 'MODEL_MISSING', /none\.onnx/);
  await refused(t, open({ adapter: model }), 'MODEL_CORRUPT', /is not an adapter/);
  const damaged = path.join(folder, 'damaged.onnx');
  writeFileSync(damaged, readFileSync(adapter).subarray(0, 1000));
  await refused(t, open({ adapter: damaged }), 'MODEL_CORRUPT', /damaged\.onnx/);
});

test('an abort keeps the best head so far', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description } = await writePixels(folder);
  const vectors = writeTwins(folder, ['one'], { dimensions });
  const out = path.join(folder, 'head.onnx');
  const stop = new AbortController();
  const reason = new Error('enough');
  const onProgress = () => stop.abort(reason);
  const work = trainAdapter(vectors, out, { model, description, method: 'srt', signal: stop.signal, onProgress });
  t.is(await t.throwsAsync(work), reason);
  const { parameters } = await readAdapter(out);
  t.true((parameters.updates as number) < 3000);
});

test('Ctrl-C keeps the best head so far', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description } = await writePixels(folder);
  writeFileSync(path.join(folder, 'pixels.json'), JSON.stringify(description));
  const vectors = writeTwins(folder, ['one'], { dimensions, people: 300 });
  const out = path.join(folder, 'head.onnx');
  const args = ['adapt', '--vectors', ...vectors, '--model', model, '--out', out, '--method', 'infonce'];
  const child = spawn(process.execPath, [path.join(repository, 'dist/cli/main.js'), ...args]);
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
    // A second one would end the process at once.
    if (!child.killed && /\d\/100 %/.test(stderr)) child.kill('SIGINT');
  });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  t.is(code, 130, stderr);
  t.true(existsSync(out));
  t.regex(stderr, /the best adapter so far, if there was one, is /);
});

test('embed and benchmark models correct masked faces: by name, by manifest, by the user’s column', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description, adapter } = await writeLinear(folder);
  const photos = path.join(folder, 'photos');
  mkdirSync(path.join(photos, 'ann'), { recursive: true });
  for (const [i, name] of ['1.png', 'masked_1.png', '2.png'].entries()) {
    const { data, width, height, channels } = image(i);
    await sharp(data, { raw: { width, height, channels } })
      .png()
      .toFile(path.join(photos, 'ann', name));
  }
  const embed = async (name: string, given: object) => {
    const out = path.join(folder, `${name}.npy`);
    await embedFiles([photos], out, { model, description, ...given });
    const numbers = readFileSync(out).subarray(128);
    const index = readFileSync(path.join(folder, `${name}.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    return new Map<string, string>(
      index.map(({ row, path: file }) => [
        file,
        numbers.subarray(row * 4 * dimensions, (row + 1) * 4 * dimensions).toString('hex'),
      ]),
    );
  };
  const changed = (before: Map<string, string>, after: Map<string, string>) =>
    [...before.keys()].filter((file) => before.get(file) !== after.get(file)).sort();
  const plain = await embed('plain', {});
  t.deepEqual(changed(plain, await embed('named', { adapter })), ['ann/masked_1.png']);
  const masked = path.join(folder, 'masked.csv');
  writeFileSync(masked, 'path,masked\nann/masked_1.png,0\nann/2.png,1\n');
  t.deepEqual(changed(plain, await embed('column', { adapter, masked })), ['ann/2.png']);
  writeFileSync(masked, 'path,masked\nann/2.png,yes\n');
  await refused(t, embed('wrong', { adapter, masked }), 'UNREADABLE', /line 2: expected 0 or 1 for masked, found yes/);
  writeFileSync(masked, 'path,masked\nbob/2.png,1\n');
  await refused(t, embed('none', { adapter, masked }), 'INVALID_ARGUMENT', /names none of the 3 photos/);

  writeFileSync(path.join(folder, 'pixels.json'), JSON.stringify(description));
  mkdirSync(path.join(folder, 'lists'));
  const lines = ['ann/1.png ann/masked_1.png 0 1 1', 'ann/2.png ann/masked_1.png 0 1 0', 'ann/1.png ann/2.png 0 0 1'];
  writeFileSync(path.join(folder, 'lists/photos.txt'), `${lines.join('\n')}\n`);
  const run = await maskbench([
    ...['benchmark', 'models', '--base', folder, '--pairs', path.join(folder, 'lists'), '--draws', '0'],
    ...['--out', path.join(folder, 'report'), '--models', `as-is=${model}`, `adapted=${model}`],
    ...['--adapters', `adapted=${adapter}`],
  ]);
  t.is(run.code, 0, run.stderr);
  const scores = (name: string) =>
    readFileSync(path.join(folder, `report/scores/${name}/score_photos.txt`), 'utf8')
      .trim()
      .split('\n');
  t.not(scores('as-is')[0], scores('adapted')[0]);
  t.is(scores('as-is')[2], scores('adapted')[2]);
});

test('models merge writes one file that gives what model and adapter give for masked faces', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description, adapter } = await writeLinear(folder);
  // As some files are: an older operator set, vectors [n, d, 1, 1] among several outputs, and names that look like
  // ours.
  const odd = await writeModel(folder, 'odd', {
    build: (graph, input) => {
      const vector = graph.node('Flatten', [input]);
      graph.output(graph.node('Neg', [vector]), 'adapter_vector', ['n', dimensions]);
      return graph.node('Reshape', [vector, graph.constant(BigInt64Array.of(0n, -1n, 1n, 1n), [4])]);
    },
  });
  const twoStages = path.join(folder, 'two.onnx');
  const layer = (outputs: number, scale: number) => ({
    weights: Float32Array.from({ length: dimensions * outputs }, (_, i) => scale * Math.sin(i * 12.9898)),
    bias: new Float32Array(outputs).fill(0.01),
  });
  const stages = [
    { residual: false, layers: [layer(dimensions, 0.1), layer(dimensions, 0.2)], gate: layer(2, 1) },
    { residual: true, layers: [layer(dimensions, 0.1), layer(dimensions, 0.1)] },
  ];
  const oddDescription = { ...description, output: 'vector' };
  const about = { model: 'odd', fingerprint: await fingerprint(odd, oddDescription), dimensions };
  const head = await encodeAdapter(
    { stages, length: 2 },
    { ...about, method: 'any', parameters: {}, training: 'none' },
  );
  writeFileSync(twoStages, head);
  const images = Array.from({ length: 20 }, (_, i) => image(i));
  for (const [file, described, used] of [
    [model, description, adapter],
    [odd, oddDescription, twoStages],
  ] as const) {
    const out = path.join(folder, `merged-${path.basename(file)}`);
    const merged = await mergeAdapter(used, out, { model: file, description: described });
    t.is(merged.dimensions, dimensions);
    const adapted = await Embedder.open({ model: file, description: described, adapter: used });
    const expected = await adapted.embed(images, { masked: true });
    await adapted.close();
    const whole = await Embedder.open({ model: out });
    const got = await whole.embed(images);
    t.is(whole.batchProblem, undefined);
    t.regex(whole.description.training, /nothing; its adapter \((linear|any)\): /);
    await whole.close();
    for (const [i, number] of got.entries()) t.true(Math.abs(number - (expected[i] as number)) < 1e-6);
  }
});

test('models merge refuses what does not belong together, and leaves nothing', async (t) => {
  const folder = temporaryFolder(t);
  const { model, description, adapter } = await writeLinear(folder);
  writeFileSync(path.join(folder, 'pixels.json'), JSON.stringify(description));
  const out = path.join(folder, 'merged.onnx');
  const merge = (more: object, to = out) => mergeAdapter(adapter, to, { model, ...more });
  const other = await writeModel(folder, 'other', {
    build: (graph, input) => graph.node('Neg', [graph.node('Flatten', [input])]),
  });
  await refused(
    t,
    merge({ model: other, description }),
    'INVALID_ARGUMENT',
    /trained on vectors of pixels .* another model/,
  );
  await refused(
    t,
    merge({ model: 'dlib-resnet-128' }),
    'INVALID_ARGUMENT',
    /vectors of 192 numbers, dlib-resnet-128 gives 128/,
  );
  await refused(t, merge({ model: path.join(folder, 'none.onnx') }), 'MODEL_MISSING', /none\.onnx/);
  await refused(t, merge({}, path.join(folder, 'merged.bin')), 'INVALID_ARGUMENT', /ends in \.onnx/);
  await refused(t, merge({}, path.join(folder, 'none/merged.onnx')), 'WRITE_FAILED', /merged\.onnx/);
  await refused(t, merge({}, model), 'OUTPUT_EXISTS', /pixels\.onnx/);
  await refused(t, mergeAdapter(model, out, { model }), 'MODEL_CORRUPT', /is not an adapter/);
  t.false(existsSync(out));
  const args = ['models', 'merge', '--model', model, '--adapter', adapter, '--out', out];
  const run = await maskbench(args);
  t.is(run.code, 0, run.stderr);
  t.regex(run.stdout, /gives corrected vectors of 192 numbers; run it on masked faces only/);
  t.is((await maskbench(args)).code, 2);
  t.is((await maskbench(['models', 'merge', '--model', model, '--out', out])).code, 2);
});
