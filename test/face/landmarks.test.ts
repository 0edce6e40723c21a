import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ManifestLine, Masker, maskFiles, readManifest } from 'maskbench';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { resolveLandmarks } from '../../lib/models/landmarks.js';
import { type Run, repository, samplePhoto, smallPhoto, temporaryFolder } from '../support/files.js';
import { faceApiLandmarks } from '../support/models.js';

/** Runs the command line on a machine where dlib's landmark model is nowhere. */
function withoutDlib(t: ExecutionContext, args: string[]): Promise<Run> {
  const folder = temporaryFolder(t);
  const machine = path.join(folder, 'machine.mjs');
  writeFileSync(
    machine,
    `import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { existsSync } = fs;
    fs.existsSync = (file) => !String(file).includes('shape_predictor_68') && existsSync(file);
    syncBuiltinESMExports();`,
  );
  const { MASKBENCH_LANDMARKS: _, ...env } = process.env;
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      ['--import', machine, path.join(repository, 'dist/cli/main.js'), ...args],
      { env },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    ),
  );
}

async function linesOf(folder: string): Promise<ManifestLine[]> {
  const lines: ManifestLine[] = [];
  for await (const line of readManifest(path.join(folder, 'manifest.jsonl'))) lines.push(line);
  return lines.sort((a, b) => a.input.localeCompare(b.input));
}

test("face-api-68 gives what face-api's own program gives", async (t) => {
  const { landmarkModel } = (await resolveLandmarks('face-api-68')).native;
  const session = await InferenceSession.create(landmarkModel);
  const expected = await faceApiLandmarks();
  const mean = [122.782, 117.001, 104.298];
  for (const seed of [1, 2]) {
    const rgb = Uint8Array.from({ length: 3 * 112 * 112 }, (_, i) => (i * i * seed + 7 * i) % 256);
    const input = new Float32Array(rgb.length);
    for (let i = 0; i < 112 * 112; i++)
      for (let c = 0; c < 3; c++) input[c * 112 * 112 + i] = ((rgb[3 * i + c] as number) - (mean[c] as number)) / 255;
    const { landmarks } = await session.run({ input: new Tensor('float32', input, [1, 3, 112, 112]) });
    const found = landmarks?.data as Float32Array;
    for (const [i, { x, y }] of (await expected(rgb)).entries()) {
      t.true(Math.abs((found[2 * i] as number) - x) < 1e-4, `${i}: ${found[2 * i]} ${x}`);
      t.true(Math.abs((found[2 * i + 1] as number) - y) < 1e-4);
    }
  }
});

test("face-api-68 puts landmarks near dlib's, also where a face leaves the photo", async (t) => {
  const [dlib, network] = await Promise.all(
    ['dlib-68', 'face-api-68'].map((landmarkModel) => Masker.open({ landmarkModel })),
  );
  let faces = 0;
  for (const number of [1, 2, 3, 4, 5, 6]) {
    const photo = await smallPhoto(t, number);
    const known = (await (dlib as Masker).detect(photo)).faces;
    for (const [i, { landmarks }] of (await (network as Masker).detect(photo)).faces.entries()) {
      const expected = (known[i] as (typeof known)[number]).landmarks;
      const distance = (a: readonly number[], b: readonly number[]) =>
        Math.hypot((a[0] as number) - (b[0] as number), (a[1] as number) - (b[1] as number));
      const eyes = distance(expected[36] as [number, number], expected[45] as [number, number]);
      const error = landmarks.reduce((sum, point, k) => sum + distance(point, expected[k] as [number, number]), 0) / 68;
      t.true(error < 0.15 * eyes, `sample${number}, face ${i}: ${error / eyes} of the distance between the eyes`);
      faces++;
    }
  }
  t.true(faces >= 6);
  for (const box of [
    { left: -200, top: -100, right: 60, bottom: 160 },
    { left: -60_000, top: -5, right: 60_000, bottom: 5 },
    { left: 9, top: 9, right: 9, bottom: 9 },
  ]) {
    const { faces } = await (network as Masker).mask(await smallPhoto(t, 1), { faces: [{ box, score: 1 }] });
    t.is(faces[0]?.landmarks.length, 68);
  }
});

test("without dlib's landmark model mask warns once, and the manifest names the network", async (t) => {
  const folder = temporaryFolder(t);
  const photos = path.join(folder, 'photos');
  mkdirSync(photos);
  for (const number of [1, 2]) copyFileSync(await smallPhoto(t, number), path.join(photos, `${number}.jpg`));
  const out = path.join(folder, 'out');
  const { code, stderr } = await withoutDlib(t, ['mask', photos, '--out', out]);
  t.is(code, 0, stderr);
  t.is(stderr.match(/dlib's landmark model is missing/g)?.length, 1, stderr);
  t.regex(stderr, /face-api-68.*maskbench models fetch dlib-68/);
  const lines = await linesOf(out);
  t.deepEqual(
    lines.map(({ status, landmarkModel }) => [status, landmarkModel]),
    [
      ['masked', 'face-api-68'],
      ['masked', 'face-api-68'],
    ],
  );

  const resumed = await withoutDlib(t, ['mask', photos, '--out', out, '--resume', '--landmarks', 'dlib-68']);
  t.is(resumed.code, 1);
  t.regex(resumed.stderr, /^maskbench: dlib-68: dlib's landmark model is missing; run "npx maskbench models fetch/);

  const own = path.join(folder, 'own');
  const { stderr: silence } = await withoutDlib(t, ['mask', photos, '--out', own, '--landmarks', 'face-api-68']);
  t.notRegex(silence, /missing/);
  t.deepEqual(
    (await linesOf(own)).map(({ faces }) => faces),
    lines.map(({ faces }) => faces),
  );
});

test("benchmark and the detector dlib refuse to do without dlib's landmark model", async (t) => {
  const folder = temporaryFolder(t);
  const out = path.join(folder, 'out');
  const missing = /^maskbench: dlib-68: dlib's landmark model is missing; run "npx maskbench models fetch dlib-68"/;
  const dlib = await withoutDlib(t, ['mask', samplePhoto(1), '--out', path.join(out, 'x.jpg'), '--detector', 'dlib']);
  t.is(dlib.code, 1);
  t.regex(dlib.stderr, missing);
  mkdirSync(path.join(folder, 'pairs'));
  writeFileSync(path.join(folder, 'pairs/lfw.txt'), 'a.jpg b.jpg 0 1\n');
  const words = ['benchmark', 'models', '--base', folder, '--pairs', path.join(folder, 'pairs'), '--out', out];
  const benchmark = await withoutDlib(t, [...words, '--models', 'dlib-resnet-128']);
  t.is(benchmark.code, 1);
  t.regex(benchmark.stderr, missing);
  await t.throwsAsync(Masker.open({ detector: 'dlib', landmarkModel: 'face-api-68' }), {
    code: 'INVALID_ARGUMENT',
    message: /^expected dlib's model, with the detector dlib for landmarkModel, received face-api-68/,
  });
});

test("manifests name dlib's model, or a file in its format", async (t) => {
  const folder = temporaryFolder(t);
  const { landmarkModel } = (await resolveLandmarks('dlib-68')).native;
  for (const [given, name] of [
    [undefined, 'dlib-68'],
    [landmarkModel, path.basename(landmarkModel)],
  ] as const) {
    const out = path.join(folder, name);
    await maskFiles([await smallPhoto(t, 2)], out, { ...(given !== undefined && { landmarkModel: given }) });
    t.is((await linesOf(out))[0]?.landmarkModel, name);
  }
});
