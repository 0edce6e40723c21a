import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Embedder, embedFiles, readIndex } from 'maskbench';
import { benchmarkIjb } from 'maskbench/report';
import sharp from 'sharp';
import { readNpy } from '../../lib/files/npy.js';
import { maskbench, temporaryFolder } from '../support/files.js';
import { type IjbImage, writeIjb } from '../support/ijb.js';
import { describeModel, writeModel } from '../support/models.js';

const side = 112;

/** A small set, and a model that takes it. */
async function prepare(t: ExecutionContext) {
  const folder = temporaryFolder(t);
  const set = path.join(folder, 'IJBX');
  const model = await writeModel(folder, 'model', { size: side });
  writeFileSync(path.join(folder, 'model.json'), JSON.stringify(describeModel({ cut: 'align5' }, side)));
  return { folder, set, model, ...(await writeIjb(set)) };
}

const arcface = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
] as const;

/** The crop by the least-squares similarity of the points to the template, as planes of R, G and B. */
async function alignedBy(file: string, points: readonly (readonly [number, number])[]): Promise<Float64Array> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const mean = (of: readonly (readonly number[])[], axis: number) =>
    of.reduce((sum, point) => sum + (point[axis] as number), 0) / of.length;
  const [tx, ty, px, py] = [mean(arcface, 0), mean(arcface, 1), mean(points, 0), mean(points, 1)];
  // In complex numbers: a is the sum of conj(point) × template over that of |point|², both about their means.
  let [re, im, square] = [0, 0, 0];
  for (const [i, [u, v]] of arcface.entries()) {
    const [x, y] = points[i] as readonly [number, number];
    const [du, dv, dx, dy] = [u - tx, v - ty, x - px, y - py];
    re += dx * du + dy * dv;
    im += dx * dv - dy * du;
    square += dx * dx + dy * dy;
  }
  const [a, b] = [re / square, im / square];
  const size = a * a + b * b;
  const crop = new Float64Array(3 * side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const u = px + (a * (x - tx) + b * (y - ty)) / size;
      const v = py + (-b * (x - tx) + a * (y - ty)) / size;
      const [left, top] = [Math.floor(u), Math.floor(v)];
      if (left < 0 || top < 0 || left + 1 >= info.width || top + 1 >= info.height) continue;
      for (let c = 0; c < 3; c++) {
        const at = (column: number, row: number) => data[3 * (row * info.width + column) + c] as number;
        const upper = at(left, top) * (left + 1 - u) + at(left + 1, top) * (u - left);
        const lower = at(left, top + 1) * (left + 1 - u) + at(left + 1, top + 1) * (u - left);
        crop[(c * side + y) * side + x] = upper * (top + 1 - v) + lower * (v - top);
      }
    }
  return crop;
}

test('images are aligned by the five points of the list, with fractions of pixels', async (t) => {
  const { folder, set, images, model } = await prepare(t);
  const { rows, acquisition } = await embedFiles([set], path.join(folder, 'v.npy'), { model });
  t.is(rows, images.length);
  t.is(acquisition[0]?.detector, 'none');
  const { data } = await readNpy(path.join(folder, 'v.npy'));
  const index = await readIndex(path.join(folder, 'v.jsonl'));
  t.deepEqual(
    index.map(({ path: name, status, identity }) => [name, status, identity]),
    images.map(({ name, template }) => [`loose_crop/${name}`, 'points', String(template)]),
  );
  const size = 3 * side * side;
  for (const i of [0, 5, 11]) {
    const { name, points } = images[i] as IjbImage;
    const expected = await alignedBy(path.join(set, 'loose_crop', name), points);
    let worst = 0;
    let sum = 0;
    for (const [k, value] of expected.entries()) {
      const difference = Math.abs(value - (data[i * size + k] as number));
      worst = Math.max(worst, difference);
      sum += difference;
    }
    t.true(worst <= 3 && sum / size < 0.5, `${name}: ${worst}, ${sum / size}`);
  }
});

test('templates, scores and rates are those of an independent arithmetic', async (t) => {
  const { folder, set, images, pairs, model } = await prepare(t);
  await embedFiles([set], path.join(folder, 'v.npy'), { model, mirror: true });
  const { data } = await readNpy(path.join(folder, 'v.npy'));
  const size = 3 * side * side;
  const vectorOf = (i: number) => Array.from(data.subarray(i * size, (i + 1) * size), Number);
  for (const detectorScores of [true, false]) {
    const templates = new Map<number, number[]>();
    for (const template of new Set(images.map((image) => image.template))) {
      const members = images.flatMap((image, i) => (image.template === template ? [{ ...image, i }] : []));
      const sum = new Array<number>(size).fill(0);
      for (const medium of new Set(members.map((image) => image.medium))) {
        const frames = members.filter((image) => image.medium === medium);
        for (const { i, score } of frames)
          for (const [k, value] of vectorOf(i).entries())
            sum[k] = (sum[k] as number) + (value * (detectorScores ? score : 1)) / frames.length;
      }
      const length = Math.hypot(...sum);
      templates.set(
        template,
        sum.map((value) => value / length),
      );
    }
    const expected = pairs.map(({ first, second }) => {
      const [a, b] = [templates.get(first), templates.get(second)] as [number[], number[]];
      return a.reduce((sum, value, k) => sum + value * (b[k] as number), 0);
    });
    const out = path.join(folder, String(detectorScores));
    const result = await benchmarkIjb(set, path.join(folder, 'v.npy'), out, { detectorScores });
    const scores = (await readNpy(path.join(out, 'scores.npy'))).data as Float32Array;
    const labels = (await readNpy(path.join(out, 'labels.npy'))).data;
    t.deepEqual(
      [...labels],
      pairs.map(({ label }) => label),
    );
    for (const [i, score] of expected.entries()) t.true(Math.abs(score - (scores[i] as number)) < 1e-6);
    const of = (label: number) => [...scores].filter((_, i) => pairs[i]?.label === label).sort((a, b) => b - a);
    const [genuine, impostor] = [of(1), of(0)];
    t.is(result.genuine, genuine.length);
    t.is(result.impostor, impostor.length);
    for (const { far, tar } of result.rates) {
      if (impostor.length * far < 1) {
        t.is(tar, null);
        continue;
      }
      // The least threshold at which no more impostors match than allowed.
      const allowed = Math.floor(impostor.length * far + 1e-9);
      const thresholds = [...scores].filter((at) => impostor.filter((score) => score >= at).length <= allowed);
      const least = Math.min(...thresholds);
      t.is(tar, 1 - genuine.filter((score) => score < least).length / genuine.length);
    }
    t.true(result.rates.some(({ tar }) => tar !== null));
  }
});

test('a mirrored vector is half the sum of those of the image and its mirror image', async (t) => {
  const { folder, set, images, model } = await prepare(t);
  const [{ name, points }] = images as [IjbImage];
  const image = path.join(set, 'loose_crop', name);
  const [both, plain] = await Promise.all(
    [true, false].map(async (mirror) => {
      const embedder = await Embedder.open({ model, mirror });
      const { vector } = await embedder.embedOne({ image, points: points as never });
      await embedder.close();
      return vector;
    }),
  );
  for (let i = 0; i < 3 * side * side; i++) {
    const opposite = i - (i % side) + side - 1 - (i % side);
    t.true(Math.abs(2 * (both?.[i] as number) - (plain?.[i] as number) - (plain?.[opposite] as number)) < 1e-3);
  }
  t.true(folder.length > 0);
});

test('a long list is read in parts, and the command prints rates', async (t) => {
  const { folder, set, pairs, meta, model } = await prepare(t);
  t.is((await maskbench(['embed', set, '--model', model, '--mirror', '--out', path.join(folder, 'v.npy')])).code, 0);
  const times = 3000;
  const long = Array.from({ length: times }, () => pairs).flat();
  writeFileSync(
    meta('template_pair_label'),
    long
      .map(({ first, second, label }, i) => `${first} ${second}${i % 7 ? ' ' : '\t'}${label}${i % 5 ? '\n' : '\r\n'}`)
      .join('')
      .trimEnd(),
  );
  const out = path.join(folder, 'out');
  const run = await maskbench(['benchmark', 'ijb', set, '--vectors', path.join(folder, 'v.npy'), '--out', out]);
  t.is(run.code, 0, run.stderr);
  t.regex(run.stdout, /^6 templates of 24 images; 36000 genuine and 72000 impostor pairs; weighed .*: yes\n/);
  t.regex(
    run.stdout,
    /1e-4 +[01].*\n1e-5 +– +–\n1e-6 +– +–\nnote: 72000 impostor pairs cannot support a FAR below 0.0000139/,
  );
  const { data } = await readNpy(path.join(out, 'scores.npy'));
  t.is(data.length, long.length);
  t.deepEqual(data.subarray(0, pairs.length), data.subarray(data.length - pairs.length));
  const evaluated = await maskbench([
    ...['evaluate', '--scores', path.join(out, 'scores.npy'), '--labels', path.join(out, 'labels.npy')],
    ...['--draws', '0', '--fmr', '0.1,1e-4', '--json'],
  ]);
  t.is(evaluated.code, 0, evaluated.stderr);
});

test('images without a vector are left out, and templates without any', async (t) => {
  const { folder, set, images, model } = await prepare(t);
  const last = images.at(-1)?.template;
  for (const { name, template } of images)
    if (template === last || name === '1.jpg') writeFileSync(path.join(set, 'loose_crop', name), 'no image');
  await embedFiles([set], path.join(folder, 'v.npy'), { model });
  const out = path.join(folder, 'out');
  const result = await benchmarkIjb(set, path.join(folder, 'v.npy'), out);
  t.is(result.failedTemplates, 1);
  t.is(result.failedImages, 1 + images.filter(({ template }) => template === last).length);
  t.is(result.failedPairs, 11);
  t.is(result.genuine + result.impostor, 25);
  const options = ['--labels', path.join(out, 'labels.npy'), '--failures', path.join(out, 'failures.txt')];
  const run = await maskbench(['evaluate', '--scores', path.join(out, 'scores.npy'), ...options, '--draws', '0']);
  t.is(run.code, 0, run.stderr);
  await t.throwsAsync(benchmarkIjb(set, path.join(folder, 'v.npy'), out), { code: 'OUTPUT_EXISTS' });
});

test('lists that are damaged or contradict each other are told apart', async (t) => {
  const { folder, set, meta, model } = await prepare(t);
  const vectors = path.join(folder, 'v.npy');
  await embedFiles([set], vectors, { model });
  const wrong = async (name: string, change: (text: string) => string, message: RegExp) => {
    const before = readFileSync(meta(name), 'utf8');
    writeFileSync(meta(name), change(before));
    await t.throwsAsync(benchmarkIjb(set, vectors, path.join(folder, 'out')), { message }, `${name} ${message}`);
    writeFileSync(meta(name), before);
  };
  const second = (text: string) => (all: string) => all.replace(/\n.*\n/, `\n${text}\n`);
  await wrong(
    'name_5pts_score',
    second('2.jpg 1 2 3 4 5 6 7 8 9 0.9'),
    /score\.txt, line 2: expected a name, five points/,
  );
  await wrong('name_5pts_score', second('2.jpg 1 2 3 4 5 6 7 8 9 x 0.9'), /line 2: expected a name, five points/);
  await wrong('name_5pts_score', second('../2.jpg 1 2 3 4 5 6 7 8 9 10 0.9'), /line 2: expected a name, five points/);
  await wrong('name_5pts_score', second('2.jpg 1 2 1 2 1 2 1 2 1 2 0.9'), /line 2: expected five points, found one/);
  await wrong('name_5pts_score', (all) => all.replace(/.*\n$/, ''), /mid\.txt, line 24: .* has no more images/);
  await wrong('face_tid_mid', (all) => all.replace(/.*\n$/, ''), /score\.txt, line 24: .* ends before 24\.jpg/);
  await wrong('face_tid_mid', second('3.jpg 1 1'), /mid\.txt, line 2: expected 2\.jpg/);
  await wrong('face_tid_mid', second('2.jpg 99999999 1'), /line 2: expected a name, a template below/);
  await wrong('template_pair_label', second('100 93 2'), /label\.txt, line 2: expected two templates below/);
  await wrong('template_pair_label', second('100 93'), /line 2: expected two templates/);
  await wrong('template_pair_label', second('100 93 1 1'), /line 2: expected two templates/);
  await wrong('template_pair_label', second('100 -3 1'), /line 2: expected two templates/);
  await wrong('template_pair_label', second('100 5 1'), /pair 2 names template 5, of which .* has no image/);
  await wrong('template_pair_label', second('100 99999999999 1'), /line 2: expected two templates/);
  await wrong('template_pair_label', () => '100 100 1\n', /expected genuine and impostor comparisons/);
  writeFileSync(meta('two_face_tid_mid'), '');
  await t.throwsAsync(embedFiles([set], path.join(folder, 'w.npy'), { model }), {
    message: /expected one list .*found/,
  });
  await t.throwsAsync(benchmarkIjb(folder, vectors, path.join(folder, 'out')), { message: /lists of an IJB set/ });
});

test('models of another cut and wrong points are refused', async (t) => {
  const { folder, set } = await prepare(t);
  const other = await writeModel(folder, 'other');
  writeFileSync(path.join(folder, 'other.json'), JSON.stringify(describeModel()));
  await t.throwsAsync(embedFiles([set], path.join(folder, 'o.npy'), { model: other }), {
    code: 'INVALID_ARGUMENT',
    message: /a model whose cut is align5/,
  });
  const embedder = await Embedder.open({ model: path.join(folder, 'model.onnx') });
  const image = path.join(set, 'loose_crop/1.jpg');
  const five = (point: number[]) => Array.from({ length: 5 }, (_, i) => [(point[0] as number) + i, point[1]]);
  await t.throwsAsync(embedder.embedOne({ image, points: five([1, 2]).slice(1) as never }), { message: /5 points/ });
  await t.throwsAsync(embedder.embedOne({ image, points: five([1, Number.NaN]) as never }), {
    code: 'INVALID_ARGUMENT',
  });
  await t.throwsAsync(embedder.embedOne({ image, points: five([5000, 2]) as never }), {
    code: 'NO_FACE',
    message: /the five points lie outside the image/,
  });
  await embedder.close();
});
