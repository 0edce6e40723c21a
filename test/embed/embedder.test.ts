import { execFile } from 'node:child_process';
import { cpSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { Embedder, Masker } from 'maskbench';
import { type ModelDescription, presets } from 'maskbench/models';
import sharp from 'sharp';
import { faceCrops } from '../support/faces.js';
import { repository, samplePhoto, smallPhoto, temporaryFolder } from '../support/files.js';
import { describeModel, faceApiDescriptor, writeModel } from '../support/models.js';
import { pythonHas, runPython } from '../support/python.js';

const cosine = (a: Float32Array, b: Float32Array) => {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

async function crop(number: number, size = 150): Promise<{ data: Buffer; width: number; height: number; channels: 3 }> {
  const data = await sharp(samplePhoto(number)).resize(size, size, { fit: 'cover' }).removeAlpha().raw().toBuffer();
  return { data, width: size, height: size, channels: 3 };
}

test('dlib-resnet-128 gives the descriptors of face-api', async (t) => {
  const describe = await faceApiDescriptor();
  const embedder = await Embedder.open();
  t.is(embedder.dimensions, 128);
  const crops = await Promise.all([1, 2, 3, 4, 5, 6].map((number) => crop(number)));
  const vectors = await embedder.embed(crops, { crops: true });
  for (const [i, { data }] of crops.entries()) {
    const theirs = await describe(new Uint8Array(data));
    const ours = vectors.subarray(128 * i, 128 * (i + 1));
    t.true(cosine(ours, theirs) >= 0.9999, `sample ${i + 1}: ${cosine(ours, theirs)}`);
  }
  // However they are batched.
  const [alone] = await Promise.all([
    embedder.embed([crops[2] as (typeof crops)[0]], { crops: true }),
    embedder.embed(crops, { crops: true }),
  ]);
  for (const [i, value] of alone.entries()) t.true(Math.abs(value - (vectors[256 + i] as number)) < 1e-5);
});

test('a face is itself at another size and place, and nobody else', async (t) => {
  // dlib's detector sees one of the two people in sample 2. Sample 3 shows others.
  const embedder = await Embedder.open({ detector: 'hog' });
  const small = [await smallPhoto(t, 2), await smallPhoto(t, 3)];
  const shifted = path.join(temporaryFolder(t), 'shifted.png');
  await sharp(small[0]).resize(500).extend({ left: 41, top: 17, right: 5, bottom: 30 }).toFile(shifted);
  const vectors = await embedder.embed([...small, shifted]);
  const row = (i: number) => vectors.subarray(128 * i, 128 * (i + 1));
  t.true(-embedder.similarity(row(0), row(2)) < 0.3);
  t.true(-embedder.similarity(row(0), row(1)) > 0.6);
  // A face that is known already is not searched.
  const masker = await Masker.open();
  const { faces } = await masker.detect(small[0] as string);
  const { vector, face } = await embedder.embedOne({ image: small[0] as string, faces });
  t.deepEqual(vector, row(0).slice());
  t.deepEqual(face?.landmarks, faces[0]?.landmarks);
});

test('landmarks of a masked face are nearer those of the bare one where it is known to be masked', async (t) => {
  const folder = temporaryFolder(t);
  const embedder = await Embedder.open();
  const masker = await Masker.open({ style: 'a,surgical,cloth,n95' });
  const apart = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]) =>
    a.reduce((sum, [x = 0, y = 0], i) => sum + Math.hypot(x - (b[i]?.[0] ?? 0), y - (b[i]?.[1] ?? 0)), 0) / a.length;
  for (const style of ['a', 'surgical', 'cloth', 'n95']) {
    const errors = { found: 0, corrected: 0 };
    for (const [i, crop] of (await faceCrops()).slice(0, -1).entries()) {
      const image = path.join(folder, `${style}${i}.png`);
      const { faces } = await masker.mask(crop, { look: { style }, output: image });
      const face = faces[0];
      if (!face) continue;
      const masked = await embedder.embedOne({ image, expected: face.box }, { masked: true });
      const found = await embedder.embedOne({ image, expected: face.box });
      errors.found += apart(found.face?.landmarks ?? [], face.landmarks);
      errors.corrected += apart(masked.face?.landmarks ?? [], face.landmarks);
      // Those that are given stay as they are, and those that are predicted from a given box do not.
      const given = await embedder.embedOne({ image, faces: [face] }, { masked: true });
      t.deepEqual(given.face?.landmarks, face.landmarks);
      const [plain, corrected] = await Promise.all(
        [false, true].map((masked) => embedder.embedOne({ image, faces: [{ box: face.box }] }, { masked })),
      );
      t.notDeepEqual(corrected?.face?.landmarks, plain?.face?.landmarks);
    }
    t.true(errors.corrected < 0.9 * errors.found, `${style}: ${errors.corrected} and ${errors.found}`);
  }
  // The map is for dlib's predictor.
  const network = await Embedder.open({ landmarkModel: 'face-api-68' });
  const image = path.join(folder, 'surgical0.png');
  const [plain, masked] = await Promise.all([false, true].map((masked) => network.embedOne(image, { masked })));
  t.deepEqual(masked?.face?.landmarks, plain?.face?.landmarks);
});

(pythonHas('cv2', 'numpy') ? test : test.skip)(
  "the paper's preprocessing has the pixels of OpenCV, and its similarities those of NumPy",
  async (t) => {
    const folder = temporaryFolder(t);
    const description: ModelDescription = { ...(presets['paper-resnet50'] as ModelDescription) };
    const model = await writeModel(folder, 'input', { size: 224 });
    const embedder = await Embedder.open({ model, description });
    const files: string[] = [];
    for (const [width, height] of [
      [224, 224],
      [250, 250],
      [178, 218],
      [333, 100],
      [100, 457],
      [640, 479],
      [1000, 9],
      [50, 20],
    ] as const) {
      const file = path.join(folder, `${width}x${height}.png`);
      await sharp(samplePhoto(1)).resize(width, height, { fit: 'fill' }).toFile(file);
      files.push(file);
    }
    const script = `
import cv2, numpy as np
out = []
for name in data:
    image = cv2.cvtColor(cv2.imread(name), cv2.COLOR_BGR2RGB)
    h, w = image.shape[:2]
    size = (int(w * (224 / h)), 224) if h > w else (224, int(h * (224 / w)))
    canvas = np.zeros((224, 224, 3), np.uint8)
    x, y = int((224 - size[0]) / 2), int((224 - size[1]) / 2)
    canvas[y:y + size[1], x:x + size[0]] = cv2.resize(image, size)
    out.append(canvas.reshape(-1).tolist())
print(json.dumps(out))`;
    const expected = runPython<number[][]>(script, files);
    const { mean, scale } = description.input;
    for (const [i, file] of files.entries()) {
      const vector = await embedder.embed([file]);
      const theirs = expected[i] as number[];
      let wrong = 0;
      for (let k = 0; k < 3; k++)
        for (let p = 0; p < 224 * 224; p++) {
          const pixel = (vector[k * 224 * 224 + p] as number) / (scale[k] as number) + (mean[k] as number);
          if (Math.abs(pixel - (theirs[3 * p + k] as number)) > 1e-3) wrong++;
        }
      t.is(wrong, 0, file);
    }
    const empty = path.join(folder, 'thin.png');
    await sharp(samplePhoto(1)).resize(1000, 2, { fit: 'fill' }).toFile(empty);
    await t.throwsAsync(embedder.embed([empty]), { code: 'UNREADABLE', message: /thin\.png.*no pixels left/ });

    const vectors = Float32Array.from({ length: 5 * 192 }, (_, i) => Math.sin(i * i) * (i % 7));
    const weights = Array.from({ length: 192 }, (_, i) => Math.cos(i) / 100);
    const heads = runPython<Record<string, number[]>>(
      `
import numpy as np
v = np.array(data['v']).reshape(5, 192); w = np.array(data['w']); a, b = v[[0, 1, 2]], v[[3, 4, 2]]
s = lambda x: (1 / (1 + np.exp(-x))).tolist()
print(json.dumps({
  'cosine': ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).tolist(),
  'l2': (-np.linalg.norm(a - b, axis=1)).tolist(),
  'inverse-l2': (1 / (1 + np.linalg.norm(a - b + 1e-6, axis=1))).tolist(),
  'sigmoid': s(np.abs(a - b) @ w + 0.25), 'squared': s(((a - b) ** 2) @ w + 0.25)}))`,
      { v: [...vectors], w: weights },
    );
    const small = await writeModel(folder, 'small');
    for (const [name, values] of Object.entries(heads)) {
      const similarity =
        name === 'sigmoid' || name === 'squared'
          ? { kind: 'sigmoid' as const, layers: [{ weights, bias: [0.25] }], squared: name === 'squared' }
          : { kind: name as 'cosine' };
      const of = await Embedder.open({ model: small, description: describeModel({ similarity }) });
      for (const [i, value] of (await of.similarities(vectors, [0, 1, 2], [3, 4, 2])).entries())
        t.true(Math.abs(value - (values[i] as number)) < 1e-6, `${name}: ${value} and ${values[i]}`);
    }
  },
);

(pythonHas('cv2', 'numpy') ? test : test.skip)(
  "align5 cuts as a least-squares similarity to ArcFace's template does",
  async (t) => {
    const folder = temporaryFolder(t);
    const model = await writeModel(folder, 'input', { size: 112 });
    const description = { ...(presets['arcface-112'] as ModelDescription) };
    const file = path.join(folder, 'photo.png');
    await sharp(samplePhoto(3)).resize(400).toFile(file);
    const masker = await Masker.open();
    const { faces } = await masker.detect(file);
    const embedder = await Embedder.open({ model, description });
    const [face] = faces;
    const ours = await embedder.embed([{ image: file, faces: faces.slice(0, 1) }]);
    const theirs = runPython<number[]>(
      `
import cv2, numpy as np
p = np.array(data['landmarks'], float)
src = np.array([p[36:42].mean(0), p[42:48].mean(0), p[30], p[48], p[54]])
dst = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
# Umeyama's solution.
sm, dm = src.mean(0), dst.mean(0)
u, d, v = np.linalg.svd((dst - dm).T @ (src - sm) / 5)
r = u @ np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(v))]) @ v
s = (d * [1, np.sign(np.linalg.det(u) * np.linalg.det(v))]).sum() / ((src - sm) ** 2).sum() * 5
m = np.hstack([s * r, (dm - s * r @ sm)[:, None]])
out = cv2.warpAffine(cv2.cvtColor(cv2.imread(data['file']), cv2.COLOR_BGR2RGB), m, (112, 112))
print(json.dumps(((out.transpose(2, 0, 1).reshape(-1) - 127.5) / 127.5).tolist()))`,
      { file, landmarks: face?.landmarks },
    );
    // OpenCV's own sampling has steps of 1/32 pixel.
    const differences = [...ours].map((value, i) => Math.abs(value - (theirs[i] as number)) * 127.5);
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    t.true(mean < 1.5, `mean difference ${mean} levels`);
  },
);

test('colour order, layout, box and ready crops', async (t) => {
  const folder = temporaryFolder(t);
  const pixels = { data: Buffer.alloc(8 * 8 * 3).map((_, i) => i), width: 8, height: 8, channels: 3 as const };
  const model = await writeModel(folder, 'first');
  const last = await writeModel(folder, 'last', { shape: ['n', 8, 8, 3] });
  const first = await (await Embedder.open({ model, description: describeModel() })).embed([pixels]);
  t.deepEqual([first[0], first[1], first[64], first[128]], [0, 3, 1, 2]);
  const { input } = describeModel();
  const bgr = describeModel({ input: { ...input, colors: 'BGR', layout: 'NHWC', mean: [1, 0, 0], scale: [2, 1, 1] } });
  const changed = await (await Embedder.open({ model: last, description: bgr })).embed([pixels]);
  t.deepEqual([...changed.slice(0, 6)], [2, 1, 0, 8, 4, 3]);
  // The square around a box without a margin is that part of the image, a pixel for a pixel.
  const boxed = await Embedder.open({ model, description: describeModel({ cut: 'box', margin: 0 }) });
  const wide = {
    data: Buffer.alloc(20 * 16 * 3).map((_, i) => (i * 7) % 256),
    width: 20,
    height: 16,
    channels: 3 as const,
  };
  const landmarks = Array.from({ length: 68 }, () => [0, 0] as [number, number]);
  const cut = await boxed.embed([
    { image: wide, faces: [{ box: { left: 5, top: 4, right: 12, bottom: 11 }, landmarks }] },
  ]);
  for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) t.is(cut[8 * y + x], wide.data[3 * (20 * (y + 4) + x + 5)]);
  t.is((await boxed.embed([{ ...wide }], { crops: true })).length, 192);
});

test('bad models are refused with the reason', async (t) => {
  const folder = temporaryFolder(t);
  const description = describeModel();
  const model = await writeModel(folder, 'good');
  const refused = (options: object, expectation: { code: string; message?: RegExp }) =>
    t.throwsAsync(Embedder.open(options), expectation);
  await refused({ model: path.join(folder, 'none.onnx') }, { code: 'MODEL_MISSING', message: /none\.onnx/ });
  await refused({ model: 'arcface-112' }, { code: 'MODEL_MISSING', message: /this preset has no model file/ });
  await refused({ model }, { code: 'MODEL_MISSING', message: /good\.json: expected the model's description/ });
  writeFileSync(path.join(folder, 'good.json'), '{');
  await refused({ model }, { code: 'MODEL_CORRUPT', message: /good\.json/ });
  writeFileSync(path.join(folder, 'good.json'), JSON.stringify({ ...description, colour: 1 }));
  await refused({ model }, { code: 'INVALID_ARGUMENT', message: /colour/ });
  writeFileSync(
    path.join(folder, 'good.json'),
    JSON.stringify({ ...description, input: { ...description.input, mean: [1] } }),
  );
  await refused({ model }, { code: 'INVALID_ARGUMENT', message: /three numbers for .*input\.mean/ });
  writeFileSync(path.join(folder, 'good.json'), JSON.stringify(description));
  t.is((await Embedder.open({ model })).description.name, 'small');
  const text = path.join(folder, 'text.onnx');
  writeFileSync(text, 'this is no model');
  await refused({ model: text, description }, { code: 'MODEL_CORRUPT', message: /text\.onnx/ });
  const cut = path.join(folder, 'cut.onnx');
  cpSync(model, cut);
  truncateSync(cut, 60);
  await refused({ model: cut, description }, { code: 'MODEL_CORRUPT', message: /cut\.onnx/ });
  await refused(
    { model, description: describeModel({}, 16) },
    { code: 'INVALID_ARGUMENT', message: /input is n x 3 x 8 x 8, its description says n x 3 x 16 x 16/ },
  );
  await refused(
    { model, description: describeModel({ output: 'other' }) },
    { code: 'INVALID_ARGUMENT', message: /no output other, but vector/ },
  );
  const three = await writeModel(folder, 'three', { shape: [3, 3, 8, 8] });
  await refused({ model: three, description }, { code: 'INVALID_ARGUMENT', message: /batches of 3 only/ });
  const nan = await writeModel(folder, 'nan', {
    build: (graph, input) => graph.node('Log', [graph.node('Neg', [graph.node('Flatten', [input])])]),
  });
  await refused({ model: nan, description }, { code: 'INFERENCE_FAILED', message: /nan\.onnx.*not finite/ });
  await refused({ model, device: 'tpu' }, { code: 'INVALID_ARGUMENT', message: /cpu, cuda, cuda:<n> or auto/ });
  await refused({ model, concurrency: 0 }, { code: 'INVALID_ARGUMENT' });
});

test('a device that is not there is said, or the CPU taken where that was asked for', async (t) => {
  const model = await writeModel(temporaryFolder(t), 'small');
  const options = { model, description: describeModel(), device: 'cuda' };
  try {
    t.is((await Embedder.open(options)).device, 'cuda:0');
  } catch (error) {
    t.like(error, { code: 'UNAVAILABLE' });
    t.regex((error as Error).message, /CUDA/);
    const embedder = await Embedder.open({ ...options, device: 'auto' });
    t.is(embedder.device, 'cpu');
    t.regex(embedder.deviceProblem?.message ?? '', /CUDA/);
  }
});

test('models of single images, waiting batches and thousands of requests', async (t) => {
  const folder = temporaryFolder(t);
  const single = await Embedder.open({
    model: await writeModel(folder, 'single', { shape: [1, 3, 8, 8] }),
    description: describeModel(),
  });
  const make = (i: number) => ({ data: Buffer.alloc(192, i % 256), width: 8, height: 8, channels: 3 as const });
  const inputs = Array.from({ length: 10_000 }, (_, i) => make(i));
  const rows = await single.embed(inputs.slice(0, 50));
  t.true(rows.every((value, i) => value === Math.floor(i / 192)));
  const waiting = await Embedder.open({
    model: await writeModel(folder, 'small'),
    description: describeModel(),
    maxWaitMs: 20,
    maxBatch: 64,
  });
  const many = await waiting.embed(inputs);
  t.true(many.every((value, i) => value === Math.floor(i / 192) % 256));
});

test('a full batch and the rest that are ready at once are both run', async (t) => {
  const size = 256;
  const model = await writeModel(temporaryFolder(t), 'wide', { size });
  const embedder = await Embedder.open({ model, description: describeModel({}, size), maxBatch: 2, concurrency: 3 });
  // Large ones, so that one is still being written when the other two are there.
  const images = [1, 2, 3].map((i) => ({
    data: Buffer.alloc(3 * size * size, i),
    width: size,
    height: size,
    channels: 3 as const,
  }));
  for (let round = 0; round < 300; ++round) {
    const rows = await embedder.embed(images, { crops: true });
    t.deepEqual(
      images.map((_, i) => rows[3 * size * size * i]),
      [1, 2, 3],
    );
  }
});

test('a process whose worker threads alone embedded exits well', async (t) => {
  const worker = `
import('maskbench').then(async ({ Embedder }) => {
  const embedder = await Embedder.open();
  await embedder.embed([{ data: new Uint8Array(67500), width: 150, height: 150, channels: 3 }], { crops: true });
});`;
  const script = `new (require('node:worker_threads').Worker)(${JSON.stringify(worker)}, { eval: true })`;
  const outcome = await new Promise((resolve) =>
    execFile(process.execPath, ['-e', script], { cwd: repository }, (error, _, stderr) =>
      resolve({ status: error ? (error.code ?? error.signal) : 0, stderr }),
    ),
  );
  t.deepEqual(outcome, { status: 0, stderr: '' });
});

test('photos without a face: an error or a row of NaN; the others of a failed call stop', async (t) => {
  const embedder = await Embedder.open();
  const none = { data: Buffer.alloc(100 * 100 * 3, 127), width: 100, height: 100, channels: 3 as const };
  const face = await smallPhoto(t, 4);
  await t.throwsAsync(embedder.embed([none]), { code: 'NO_FACE', message: /input: no face/ });
  await t.throwsAsync(embedder.embed([face, '/nowhere.jpg']), { code: 'NOT_FOUND', message: /nowhere\.jpg/ });
  const rows = await embedder.embed([none, face, '/nowhere.jpg'], { missing: 'nan' });
  t.deepEqual(
    [0, 1, 2].map((i) => Number.isNaN(rows[128 * i])),
    [true, false, true],
  );
  t.true(Number.isNaN((await embedder.similarities(rows, [0], [1]))[0]));
  t.is((await embedder.embed([])).length, 0);
  t.throws(() => embedder.similarity(rows, rows.subarray(1)), { code: 'INVALID_ARGUMENT' });
});

test('close, abort, worker threads and an exit in the middle', async (t) => {
  const embedder = await Embedder.open();
  const image = await crop(1);
  const stop = new AbortController();
  const aborted = embedder.embed(Array(200).fill(image), { crops: true, signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 20);
  await t.throwsAsync(aborted, { message: 'enough' });
  const last = embedder.embed(Array(20).fill(image), { crops: true });
  await embedder.close();
  t.is((await last).length, 20 * 128);
  await t.throwsAsync(embedder.embed([image], { crops: true }), { code: 'CLOSED' });

  const script = `
import('node:worker_threads').then(async ({ parentPort }) => {
  const { Embedder } = await import('maskbench');
  const embedder = await Embedder.open();
  const image = { data: new Uint8Array(67500).fill(9), width: 150, height: 150, channels: 3 };
  const row = await embedder.embed(Array(40).fill(image), { crops: true });
  parentPort?.postMessage(row[5120 - 1]);
  void embedder.embed(Array(500).fill(image), { crops: true }).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 30));
  process.exit();
});`;
  const values = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise((resolve, reject) => {
          let value: unknown;
          new Worker(script, { eval: true })
            .on('message', (sent) => {
              value = sent;
            })
            .on('error', reject)
            .on('exit', () => resolve(value));
        }),
    ),
  );
  t.is(new Set(values).size, 1);
  t.is(typeof values[0], 'number');
  const code = await new Promise((resolve) =>
    execFile(process.execPath, ['-e', script], { cwd: repository }, (error) => resolve(error ? error.code : 0)),
  );
  t.is(code, 0);
});

test('with mirror a vector is the mean of those of a crop and of its mirror image', async (t) => {
  const folder = temporaryFolder(t);
  const size = 24;
  const model = await writeModel(folder, 'input', { size });
  const photo = path.join(folder, 'photo.png');
  const flopped = path.join(folder, 'flopped.png');
  await sharp(samplePhoto(2)).resize(size, size, { fit: 'fill' }).png().toFile(photo);
  await sharp(photo).flop().toFile(flopped);
  for (const [cut, options] of [
    ['letterbox', {}],
    ['box', { crops: true }],
  ] as const) {
    const description = describeModel({ cut }, size);
    const upright = await Embedder.open({ model, description });
    for (const maxBatch of [1, 3, 16]) {
      const mirrored = await Embedder.open({ model, description, mirror: true, maxBatch });
      const photos = Array.from({ length: 5 }, (_, i) => (i % 2 === 0 ? photo : flopped));
      const [a, b] = [await upright.embed([photo], options), await upright.embed([flopped], options)];
      const mean = a.map((value, i) => (value + (b[i] as number)) / 2);
      const vectors = await mirrored.embed([...photos, path.join(folder, 'none.png')], { ...options, missing: 'nan' });
      for (const i of photos.keys()) t.deepEqual(vectors.slice(i * mean.length, (i + 1) * mean.length), mean);
      t.true(Number.isNaN(vectors.at(-1)));
      await mirrored.close();
    }
    await upright.close();
  }
});

test('with mirror the face of a photo is the same as that of the mirrored photo', async (t) => {
  const photo = await smallPhoto(t, 2);
  const folder = temporaryFolder(t);
  const model = await writeModel(folder, 'input', { size: 32 });
  const description = describeModel({ cut: 'align5' }, 32);
  const embedder = await Embedder.open({ model, description, mirror: true });
  const upright = await Embedder.open({ model, description });
  const { vector, face } = await embedder.embedOne(photo);
  const plain = await upright.embedOne(photo);
  t.deepEqual(face, plain.face);
  const row = (at: Float32Array, y: number) => at.slice(32 * y, 32 * y + 32);
  for (let y = 0; y < 3 * 32; y++) {
    const own = row(plain.vector, y);
    const turned = own.slice().reverse();
    t.deepEqual(
      row(vector, y),
      own.map((value, x) => (value + (turned[x] as number)) / 2),
    );
  }
});
