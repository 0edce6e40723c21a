import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { diagnose, type Face, hogDetectors, Masker, type RawImage, type SearchOptions } from 'maskbench';
import sharp from 'sharp';
import { rawSamples } from '../support/faces.js';
import { maskbench, repository, samplePhoto, smallPhoto, temporaryFolder } from '../support/files.js';
import { uniform } from '../support/scores.js';

/** Faces of both detectors: boxes, scores and landmarks must be the same, in the same order. */
async function bothDetect(upsample: number) {
  const maskers = hogDetectors.map((detector) => Masker.open({ detector, upsample }));
  const [hog, dlib] = (await Promise.all(maskers)) as [Masker, Masker];
  return async (photo: RawImage) => {
    const [ours, theirs] = await Promise.all([hog.detect(photo), dlib.detect(photo)]);
    return { ours: ours.faces, theirs: theirs.faces };
  };
}

async function rawOf(image: ReturnType<typeof sharp>): Promise<RawImage> {
  const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}

/** Crops of the sample photos: shifted, scaled and mirrored, with faces cut off and whole. */
async function crops(count: number, seed: number): Promise<RawImage[]> {
  const next = uniform(seed);
  const photos = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((number) => rawOf(sharp(samplePhoto(number)).resize({ width: 640 }))),
  );
  return Promise.all(
    Array.from({ length: count }, (_, i) => {
      const photo = photos[i % photos.length] as RawImage;
      const width = 60 + Math.floor(next() * 340);
      const height = 60 + Math.floor(next() * 340);
      const raw = { width: photo.width, height: photo.height, channels: 3 as const };
      const crop = sharp(photo.data, { raw }).extract({
        left: Math.floor(next() * (photo.width - width)),
        top: Math.floor(next() * (photo.height - height)),
        width,
        height,
      });
      return rawOf(i % 4 === 3 ? crop.flop() : crop);
    }),
  );
}

test('the detector hog finds what dlib finds on crops of photos: boxes, scores, order, landmarks', async (t) => {
  let faces = 0;
  for (const upsample of [0, 1, 2]) {
    const detect = await bothDetect(upsample);
    for (const photo of await crops(upsample === 2 ? 20 : 120, upsample)) {
      const { ours, theirs } = await detect(photo);
      t.deepEqual(ours, theirs);
      faces += theirs.length;
    }
  }
  t.true(faces > 50, `${faces} faces`);
});

test('each instruction set finds what dlib finds on 2,000 more crops', async (t) => {
  const words = ['2000', ...(await rawSamples(temporaryFolder(t), 500))];
  const program = path.join(repository, 'build/Release/detector_tests');
  const seen = new Set<string>();
  for (const simd of ['', 'AVX3', 'AVX2']) {
    const output = execFileSync(program, words, {
      encoding: 'utf8',
      env: { ...process.env, MASKBENCH_SIMD: simd },
    });
    const [, target = '', wrong, faces] = /^(\w+): (\d+) of 2000 crops differ, (\d+) faces equal$/m.exec(output) ?? [];
    t.is(wrong, '0', output);
    t.true(Number(faces) > 300, output);
    seen.add(target);
  }
  // Each was another one, where the processor has it.
  if ((await diagnose()).cpuFeatures.includes('avx512bw')) t.true(seen.size >= 2, [...seen].join());
  t.log(`compared on ${[...seen].join(', ')}`);
});

test('the detector hog agrees with dlib on odd sizes and on noise', async (t) => {
  const next = uniform(5);
  const noise = (width: number, height: number): RawImage => ({
    data: Uint8Array.from({ length: 3 * width * height }, () => Math.floor(next() * 256)),
    width,
    height,
    channels: 3,
  });
  const sizes = [
    ...Array.from({ length: 40 }, (_, i) => [i + 1, i + 1]),
    ...[17, 19, 23, 31, 37].flatMap((prime) => [
      [prime, 127],
      [127, prime],
    ]),
    ...[
      [1, 5000],
      [5000, 1],
      [2, 3000],
      [3000, 3],
      [251, 257],
    ],
  ] as [number, number][];
  for (const upsample of [0, 1]) {
    const detect = await bothDetect(upsample);
    for (const [width, height] of sizes) {
      const { ours, theirs } = await detect(noise(width, height));
      t.deepEqual(ours, theirs, `${width}×${height}`);
    }
  }
});

test('large photos, which idle threads help with, give what dlib finds', async (t) => {
  for (const number of [1, 3, 6]) {
    const photo = await rawOf(sharp(samplePhoto(number)).resize({ width: 1100 + number }));
    const [many, one, dlib] = [
      await Masker.open({ concurrency: 8 }),
      await Masker.open({ concurrency: 1 }),
      await Masker.open({ detector: 'dlib' }),
    ] as const;
    const theirs = (await dlib.detect(photo)).faces;
    t.true(theirs.length > 0);
    // Alone, and beside others that take the threads away.
    t.deepEqual((await many.detect(photo)).faces, theirs);
    t.deepEqual((await one.detect(photo)).faces, theirs);
    for (const { faces } of await Promise.all(Array.from({ length: 5 }, () => many.detect(photo))))
      t.deepEqual(faces, theirs);
  }
});

test('faster searches: no small faces, smaller copies, fewer doublings', async (t) => {
  const photo = samplePhoto(1);
  const detect = async (options: SearchOptions) => (await (await Masker.open(options)).detect(photo)).faces;
  const all = await detect({});
  const width = ({ box }: Face) => box.right - box.left + 1;
  const large = await detect({ minFace: 150 });
  // What is left is found as before.
  t.deepEqual(
    large,
    all.filter((face) => width(face) > 150),
  );
  t.true(large.length > 0 && large.length < all.length);
  t.deepEqual(await detect({ minFace: 2000 }), []);

  for (const options of [{ maxSize: 1000 }, { maxSize: 500, upsample: 2 }, { upsample: 0 }]) {
    const found = await detect(options);
    t.true(found.length >= all.length - 1);
    for (const { box, landmarks } of found) {
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      t.true(all.some((face) => face.box.left < x && x < face.box.right && face.box.top < y && y < face.box.bottom));
      t.is(landmarks.length, 68);
    }
  }
  // Photos that are small enough are searched as they are.
  t.deepEqual(await detect({ maxSize: 5000 }), all);
  for (const [width, height] of [
    [3000, 3],
    [1, 700],
    [97, 89],
  ] as const) {
    const flat = { data: new Uint8Array(width * height).fill(9), width, height, channels: 1 as const };
    t.deepEqual((await (await Masker.open({ maxSize: 80 })).detect(flat)).faces, []);
  }
  for (const options of [{ maxSize: 20 }, { minFace: -1 }, { detector: 'dlib', minFace: 50 }] as SearchOptions[])
    await t.throwsAsync(Masker.open(options), { code: 'INVALID_ARGUMENT' });
});

test('the command takes either detector', async (t) => {
  const found = await Promise.all(
    hogDetectors.map((detector) => maskbench(['detect', '--json', '--detector', detector, samplePhoto(2)])),
  );
  t.true(found[0]?.stdout.includes('landmarks'));
  const withoutTimes = found.map(({ stdout }) => stdout.replace(/"milliseconds":[^,}]*/g, ''));
  t.is(withoutTimes[0], withoutTimes[1]);
  const { code, stderr } = await maskbench(['detect', '--detector', 'best', samplePhoto(2)]);
  t.is(code, 2);
  t.regex(stderr, /expected one of hog, dlib, ssd-mobilenet-v1.* for detector, received best/);
});

test('detect takes folders, writes JSON lines and pictures, and says which photos failed', async (t) => {
  const folder = temporaryFolder(t);
  const photos = path.join(folder, 'photos');
  await mkdir(path.join(photos, 'inner'), { recursive: true });
  await sharp(samplePhoto(2))
    .resize(640)
    .toFile(path.join(photos, 'inner', 'a.jpg'));
  writeFileSync(path.join(photos, 'broken.jpg'), 'no image');
  const out = path.join(folder, 'faces.jsonl');
  const drawn = path.join(folder, 'drawn');
  const { code, stderr } = await maskbench(['detect', photos, '--out', out, '--draw', drawn]);
  t.is(code, 1);
  t.regex(stderr, /broken\.jpg: /);
  const [broken, found] = readFileSync(out, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.regex(broken.error, /broken\.jpg/);
  t.is(found.file, path.join(photos, 'inner', 'a.jpg'));
  t.true(found.faces.length > 0);
  for (const { detector, score, landmarks, points } of found.faces) {
    t.is(detector, 'blazeface-full-range');
    t.true(score >= 0.5 && score <= 1);
    t.is(landmarks.length, 68);
    t.is(points.length, 6);
  }
  t.is((await sharp(path.join(drawn, 'inner', 'a.jpg')).metadata()).width, 640);
  t.is((await maskbench(['detect', photos, '--out', out])).code, 2);
  const inner = path.join(photos, 'inner');
  const twice = await maskbench(['detect', inner, path.join(inner, 'a.jpg'), '--draw', path.join(folder, 'twice')]);
  t.is(twice.code, 1);
  t.regex(twice.stderr, /a\.jpg and .*a\.jpg would both become .*twice\/a\.jpg/);
});

test('flat masks are drawn on the faces of hog, templates on those of the neural detector', async (t) => {
  const photo = await smallPhoto(t, 2);
  for (const [style, detector] of [
    ['a', 'hog'],
    ['surgical', 'blazeface-full-range'],
  ] as const) {
    const masker = await Masker.open({ style, select: 'all' });
    const { faces } = await masker.mask(photo);
    t.true(faces.length > 0);
    t.true(faces.every((face) => face.detector === detector));
    await masker.close();
  }
});

test('a border lets hog find a face that fills the photo', async (t) => {
  const { faces } = await (await Masker.open()).detect(samplePhoto(2));
  const { box } = faces[0] as Face;
  const size = box.right - box.left + 1;
  const tight = await rawOf(sharp(samplePhoto(2)).extract({ left: box.left, top: box.top, width: size, height: size }));
  const [plain, padded] = await Promise.all([0, 0.5].map(async (pad) => (await Masker.open({ pad })).detect(tight)));
  t.true((padded?.faces.length ?? 0) >= (plain?.faces.length ?? 0));
  t.true((padded?.faces.length ?? 0) > 0);
});
