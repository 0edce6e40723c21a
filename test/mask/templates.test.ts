import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  knownStyles,
  type ManifestLine,
  Masker,
  type MaskerOptions,
  maskFiles,
  parseMaskTheFaceCode,
  readTemplates,
  styles,
} from 'maskbench';
import sharp from 'sharp';
import { faceCrops } from '../support/faces.js';
import { hashTree, hasShared, maskbench, sha256, shared, temporaryFolder } from '../support/files.js';

const masktheface = path.join(shared, 'templates/masktheface');
const withShared = hasShared ? test : test.skip;

/** Masks the first face crop; gives the mask's matte too. */
async function maskOne(t: ExecutionContext, options: MaskerOptions, crop = 0) {
  const photo = (await faceCrops())[crop] as Buffer;
  const matteOutput = path.join(temporaryFolder(t), 'matte.png');
  const masker = await Masker.open(options);
  const { image, faces, status } = await masker.mask(photo, { matteOutput, format: 'png' });
  await masker.close();
  if (status !== 'masked') throw new Error(`${options.style}: ${status}`);
  const pixels = async (picture: ReturnType<typeof sharp>) => picture.raw().toBuffer({ resolveWithObject: true });
  const [before, after, matte] = await Promise.all([
    pixels(sharp(photo)),
    pixels(sharp(image as Buffer)),
    pixels(sharp(matteOutput).extractChannel(0)),
  ]);
  const [face] = faces;
  if (!face) throw new Error('no face');
  const covered = (landmark: number) => {
    const [x, y] = face.landmarks[landmark] as [number, number];
    return (matte.data[y * matte.info.width + x] as number) >= 128;
  };
  return { before, after, matte, face, covered, image: image as Buffer };
}

test('every style covers mouth and chin, and leaves alone what its matte does not reach or shade', async (t) => {
  for (const { name } of knownStyles) {
    const { before, after, matte, covered } = await maskOne(t, { style: name });
    t.true(covered(57), `${name}: lower lip`);
    const { width } = matte.info;
    let changed = 0;
    let brighter = 0;
    for (let i = 0; i < width * matte.info.height; i++) {
      const at = (pixels: typeof before, channel: number) => pixels.data[3 * i + channel] as number;
      const differs = [0, 1, 2].some((channel) => at(before, channel) !== at(after, channel));
      if (differs) changed++;
      // Beside a mask lies its shadow only.
      if (matte.data[i] === 0 && [0, 1, 2].some((channel) => at(after, channel) > at(before, channel))) brighter++;
    }
    t.true(changed > 500, `${name}: ${changed} pixels`);
    t.true(brighter < 20, `${name}: ${brighter} pixels beside the mask became brighter`);
  }
});

test('pictures of drawn templates are kept in the cache folder, and made again where they are damaged or cannot be kept', async (t) => {
  const folder = temporaryFolder(t);
  const photo = path.join(folder, 'photo.png');
  writeFileSync(photo, (await faceCrops())[0] as Buffer);
  const kept = path.join(folder, 'cache/templates');
  const draw = async (cache: string) => {
    const out = path.join(folder, 'masked.bmp');
    const { code, stderr } = await maskbench(['mask', photo, '--style', 'n95', '--out', out, '--overwrite'], {
      MASKBENCH_CACHE: cache,
    });
    t.is(code, 0, stderr);
    return sha256(readFileSync(out));
  };
  const first = await draw(path.join(folder, 'cache'));
  const pictures = hashTree(kept);
  const [cut, changed, whole] = Object.keys(pictures).map((name) => path.join(kept, name)) as [string, string, string];
  t.is(Object.keys(pictures).length, 3);
  // A picture that is made again is another file.
  const written = () => [cut, changed, whole].map((file) => statSync(file).ino);
  const before = written();
  t.is(await draw(path.join(folder, 'cache')), first);
  t.deepEqual(written(), before);
  writeFileSync(cut, readFileSync(cut).subarray(0, 20));
  writeFileSync(changed, Buffer.from(readFileSync(changed)).fill(0, 1000, 1010));
  t.is(await draw(path.join(folder, 'cache')), first);
  t.deepEqual(hashTree(kept), pictures);
  t.is(written()[2], before[2]);
  writeFileSync(path.join(folder, 'file'), '');
  t.is(await draw(path.join(folder, 'file')), first);
});

test('how a mask is worn decides what it covers, and is recorded', async (t) => {
  const correct = await maskOne(t, { style: 'surgical' });
  const under = await maskOne(t, { style: 'surgical', wear: 'under-nose' });
  const chin = await maskOne(t, { style: 'surgical', wear: 'chin' });
  const covered = ({ covered }: typeof correct) => [30, 51, 57].map(covered);
  t.deepEqual(covered(correct), [true, true, true]);
  t.deepEqual(covered(under), [false, true, true]);
  t.deepEqual(covered(chin), [false, false, false]);
  t.deepEqual(
    [correct, under, chin].map(({ face }) => face.wear),
    ['correct', 'under-nose', 'chin'],
  );
  t.true(correct.matte.data.some((value) => value > 0) && chin.matte.data.some((value) => value === 255));
});

test('colours are the style’s own, one that is asked for, or usual ones by chance', async (t) => {
  t.is((await maskOne(t, { style: 'surgical' })).face.color, '#a9d0e8');
  t.is((await maskOne(t, { style: 'cloth', color: 'red' })).face.color, '#ff0000');
  const usual = knownStyles.find(({ name }) => name === 'cloth')?.colors ?? [];
  const drawn = new Set<string | undefined>();
  for (let seed = 0; seed < 12; seed++)
    drawn.add((await maskOne(t, { style: 'cloth', color: 'random', seed })).face.color);
  t.true(drawn.size > 2);
  t.deepEqual(
    [...drawn].filter((color) => !usual.includes(color as string)),
    [],
  );
  // What is tinted takes the colour.
  const { after, matte } = await maskOne(t, { style: 'cloth', color: '#0000ff' });
  const inside = matte.data.lastIndexOf(255);
  const [red, , blue] = after.data.subarray(3 * inside, 3 * inside + 3);
  t.true((blue as number) > 2 * (red as number), `${red}, ${blue}`);
});

test('a photo without colours gets a mask without colours', async (t) => {
  const grey = await sharp((await faceCrops())[0])
    .greyscale()
    .toColourspace('srgb')
    .png()
    .toBuffer();
  const { image } = await (await Masker.open({ style: 'cloth#ff0000' })).mask(grey);
  const { data } = await sharp(image as Buffer)
    .raw()
    .toBuffer({ resolveWithObject: true });
  let most = 0;
  for (let i = 0; i < data.length; i += 3)
    most = Math.max(most, Math.abs((data[i] as number) - (data[i + 2] as number)));
  t.true(most <= 2, `${most} levels`);
});

const mixed = {
  style: 'surgical:3,cloth#e54294:1,n95,b:0.5',
  wear: 'correct:3,under-nose:1,chin:1',
  jitter: 0.03,
  seed: 5,
};

async function writeCrops(folder: string): Promise<string> {
  mkdirSync(path.join(folder, 'in/sub'), { recursive: true });
  for (const [i, crop] of (await faceCrops()).entries())
    for (const copy of [0, 1, 2])
      writeFileSync(path.join(folder, 'in', copy === 2 ? 'sub' : '.', `${i}_${copy}.png`), crop);
  return path.join(folder, 'in');
}

test('one seed gives the same pixels on 1, 2 and 8 threads, and each photo again from its manifest line', async (t) => {
  const folder = temporaryFolder(t);
  const photos = await writeCrops(folder);
  const trees = [];
  for (const concurrency of [1, 2, 8]) {
    const out = path.join(folder, `out${concurrency}`);
    await maskFiles([photos], out, { ...mixed, concurrency, writeAlpha: true });
    const { 'manifest.jsonl': _, ...tree } = hashTree(out);
    trees.push(tree);
  }
  t.deepEqual(trees[1], trees[0]);
  t.deepEqual(trees[2], trees[0]);

  const manifest = path.join(folder, 'out1/manifest.jsonl');
  const lines: ManifestLine[] = readFileSync(manifest, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const looks = lines.flatMap(({ faces }) => faces.filter(({ masked }) => masked));
  t.true(new Set(looks.map(({ style }) => style)).size >= 3);
  t.true(new Set(looks.map(({ wear }) => wear)).size >= 2);
  t.true(looks.some(({ placement }) => placement && (placement.x !== 0 || placement.scale !== 1)));
  // A line's faces are given to a Masker as they were read.
  const masker = await Masker.open({ style: mixed.style });
  for (const { input, output, status, faces } of lines) {
    if (status !== 'masked') continue;
    const { image } = await masker.mask(path.join(photos, input), { faces });
    t.deepEqual(image, readFileSync(path.join(folder, 'out1', output as string)), input);
  }
  // Alone, with nothing but the manifest.
  for (const { input, output, status } of lines) {
    if (status !== 'masked') continue;
    const alone = path.join(folder, 'alone', path.basename(input));
    await maskFiles([path.join(photos, input)], alone, { again: manifest });
    t.deepEqual(readFileSync(alone), readFileSync(path.join(folder, 'out1', output as string)), input);
  }
  const all = path.join(folder, 'again');
  const { counts } = await maskFiles([photos], all, { again: manifest, concurrency: 2 });
  t.is(counts.masked, looks.length);
  const unknown = path.join(folder, 'new.png');
  copyFileSync(path.join(photos, '0_0.png'), unknown);
  await t.throwsAsync(maskFiles([unknown], path.join(folder, 'x.png'), { again: manifest }), {
    code: 'INVALID_ARGUMENT',
    message: /expected lines of masked photos/,
  });
});

test('mattes and landmarks are written beside a corpus, and named in its manifest', async (t) => {
  const folder = temporaryFolder(t);
  const photos = await writeCrops(folder);
  const run = await maskbench([
    'mask',
    photos,
    '--out',
    path.join(folder, 'out'),
    '--write-alpha',
    '--write-landmarks',
  ]);
  t.is(run.code, 0, run.stderr);
  const lines: ManifestLine[] = readFileSync(path.join(folder, 'out/manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const { output, alpha, landmarks, status, faces } of lines) {
    if (status !== 'masked') {
      t.is(alpha ?? landmarks, undefined);
      continue;
    }
    t.is(alpha, `alpha/${output}.png`);
    const { width, height, channels } = await sharp(path.join(folder, 'out', alpha as string)).metadata();
    const written = JSON.parse(readFileSync(path.join(folder, 'out', landmarks as string), 'utf8'));
    t.is(channels, 1);
    t.deepEqual([written.width, written.height], [width, height]);
    t.deepEqual(written.faces, faces);
  }
});

test('style lists, wears and numbers that are none are refused', async (t) => {
  const cases: MaskerOptions[] = [
    { style: 'z' },
    { style: 'surgical:x' },
    { style: 'surgical:0' },
    { style: 'surgical:-1' },
    { style: 'a@texture.png' },
    { style: 'cloth#12' },
    { style: '' },
    { wear: 'upside-down' },
    { jitter: 2 },
    { tintWeight: Number.NaN },
  ];
  for (const options of cases)
    await t.throwsAsync(Masker.open(options), { code: 'INVALID_ARGUMENT' }, JSON.stringify(options));
  await t.throwsAsync(Masker.open({ templates: '/nowhere' }), { code: 'NOT_FOUND', message: /nowhere/ });
});

test('a list draws its styles by their weights', async (t) => {
  const masker = await Masker.open({ style: 'c:3,d:1,e:0', select: 'all', seed: 3 });
  const box = { left: 1, top: 1, right: 2, bottom: 2 };
  const nowhere = { box, landmarks: Array.from({ length: 68 }, () => [-9, -9] as [number, number]) };
  const pixels = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 } as const;
  const { faces } = await masker.mask(pixels, { faces: Array(2000).fill(nowhere) });
  const share = (style: string) => faces.filter((face) => face.style === style).length / faces.length;
  t.true(Math.abs(share('c') - 0.75) < 0.04, `${share('c')}`);
  t.true(Math.abs(share('d') - 0.25) < 0.04, `${share('d')}`);
});

/** A folder with one template and its picture, changed as told. */
async function writeTemplate(t: ExecutionContext, json: unknown, picture?: Buffer): Promise<string> {
  const folder = temporaryFolder(t);
  const leaf =
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="240"><ellipse cx="150" cy="120" rx="140" ry="110" fill="#eee"/></svg>';
  writeFileSync(path.join(folder, 'leaf.png'), picture ?? (await sharp(Buffer.from(leaf)).png().toBuffer()));
  writeFileSync(path.join(folder, 'leaf.json'), typeof json === 'string' ? json : JSON.stringify(json));
  return folder;
}

const leaf = {
  picture: 'leaf.png',
  anchors: { '28.5': [150, 12], '1.9': [12, 60], '14.1': [288, 60], '8': [150, 230] },
};

test('a template of the user’s own is drawn, tinted where it says', async (t) => {
  const templates = await writeTemplate(t, { ...leaf, colors: ['#aa2222'], title: 'a leaf' });
  t.like((await readTemplates(templates))[0], { name: 'leaf', title: 'a leaf' });
  const { face, covered } = await maskOne(t, { style: 'leaf', templates });
  t.is(face.color, '#aa2222');
  t.true([30, 51, 57].every(covered));
  const run = await maskbench(['styles', '--templates', templates]);
  t.regex(run.stdout, /leaf\s+#aa2222\s+a leaf/);
});

test('bad templates are told, naming the file', async (t) => {
  const { picture, anchors } = leaf;
  const opaque = await sharp({ create: { width: 30, height: 30, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  const solid = await sharp({ create: { width: 30, height: 30, channels: 4, background: '#fff' } })
    .png()
    .toBuffer();
  const clear = await sharp({ create: { width: 30, height: 30, channels: 4, background: '#0000' } })
    .png()
    .toBuffer();
  // A header that declares 20,000 × 20,000 pixels.
  const huge = Buffer.from('89504e470d0a1a0a0000000d4948445200004e2000004e200806000000', 'hex');
  const read: [unknown, RegExp][] = [
    ['{', /leaf\.json: not JSON/],
    [{ ...leaf, anchor: {} }, /unknown key "anchor"; expected/],
    [{ picture }, /expected an object for anchors/],
    [{ picture, anchors: { 8: [1, 2] } }, /at least three points/],
    [{ anchors }, /either picture or parts/],
    [{ picture, anchors: { ...anchors, chin: [1, 2] } }, /expected a landmark from 0 to 67.*"chin"/],
    [{ picture, anchors: { ...anchors, 8: [1] } }, /expected \[x, y\] in pixels for landmark 8/],
    [{ parts: [{ part: 'hat', picture }], anchors }, /expected one of body, straps, seams/],
    [{ ...leaf, colors: ['no colour'] }, /CSS colour name/],
  ];
  for (const [json, message] of read) {
    const folder = await writeTemplate(t, json);
    await t.throwsAsync(
      Masker.open({ style: 'leaf', templates: folder }),
      { code: 'INVALID_ARGUMENT', message },
      String(message),
    );
  }
  const loaded: [unknown, Buffer | undefined, string, RegExp][] = [
    [leaf, opaque, 'UNREADABLE', /leaf\.png: .*alpha channel; it has none/],
    [leaf, solid, 'INVALID_ARGUMENT', /leaf\.png: .*every pixel is opaque/],
    [leaf, clear, 'INVALID_ARGUMENT', /leaf\.png: .*no pixel is opaque/],
    [leaf, Buffer.from('text'), 'UNREADABLE', /leaf\.png: not an image/],
    [leaf, huge, 'TOO_LARGE', /leaf\.png: .*20000x20000/],
    [{ ...leaf, picture: 'absent.png' }, undefined, 'NOT_FOUND', /absent\.png/],
    [
      { picture, anchors: { ...anchors, 8: [150, 2300] } },
      undefined,
      'INVALID_ARGUMENT',
      /landmark 8\.0* lies far outside/,
    ],
    [{ picture, anchors: { 27: [1, 1], 28: [1, 2], 29: [1, 3] } }, undefined, 'INVALID_ARGUMENT', /not lie on a line/],
  ];
  for (const [json, file, code, message] of loaded) {
    const folder = await writeTemplate(t, json, file);
    await t.throwsAsync(Masker.open({ style: 'leaf', templates: folder }), { code, message }, String(message));
  }
});

withShared('MaskTheFace’s library is used as it is: masks, side views, textures, code strings', async (t) => {
  const templates = await readTemplates(masktheface);
  t.deepEqual(templates.map(({ name }) => name).sort(), ['N95', 'cloth', 'surgical_blue']);
  for (const { name, left, right } of templates) {
    t.true(left !== undefined && right !== undefined, name);
    const { covered, face } = await maskOne(t, { style: name, templates: masktheface });
    t.true([51, 57].every(covered), name);
    t.is(face.color, undefined);
  }
  const code = 'cloth-#e54294, cloth-masks/textures/check/check_1.png, N95';
  const style = parseMaskTheFaceCode(code, masktheface);
  t.is(style, `cloth#e54294,cloth@${path.join(masktheface, 'masks/textures/check/check_1.png')},N95`);
  const seen = new Set<string>();
  for (let seed = 0; seed < 10; seed++) {
    const { face } = await maskOne(t, { style, templates: masktheface, seed });
    seen.add(face.texture ? 'texture' : `${face.style}${face.color ?? ''}`);
  }
  t.deepEqual([...seen].sort(), ['N95', 'cloth#e54294', 'texture']);
  // A folder within the library does too.
  t.is((await readTemplates(path.join(masktheface, 'masks'))).length, 3);
});

test('MaskTheFace’s kinds are named as supported or not', (t) => {
  t.is(parseMaskTheFaceCode('surgical_blue, N95,cloth-#112233'), 'surgical#a9d0e8,n95,cloth#112233');
  t.is(parseMaskTheFaceCode('all'), 'realistic');
  for (const kind of ['empty', 'inpaint'])
    t.throws(() => parseMaskTheFaceCode(kind), {
      code: 'INVALID_ARGUMENT',
      message: /draw no mask and are not supported/,
    });
  t.throws(() => parseMaskTheFaceCode('hat'), { code: 'INVALID_ARGUMENT', message: /received hat/ });
});

test('styles after NISTIR 8311 differ in shape, coverage and colour', async (t) => {
  const area = async (style: string) =>
    (await maskOne(t, { style })).matte.data.filter((value) => value === 255).length;
  const [low, medium, high] = [
    await area('nist-wide-low-blue'),
    await area('nist-wide-medium-blue'),
    await area('nist-wide-high-blue'),
  ];
  t.true(low < medium && medium < high, `${low} ${medium} ${high}`);
  t.true((await area('nist-round-high-black')) < high);
  t.is((await maskOne(t, { style: 'nist-round-low-black' })).face.color, '#000000');
  t.is((await maskOne(t, { style: 'nist-wide-low-blue', color: 'red' })).face.color, '#add8e6');
  const { covered } = await maskOne(t, { style: 'nist-wide-low-black' });
  t.false(covered(30));
  t.true((await maskOne(t, { style: 'nist-wide-medium-black' })).covered(30));
});

test('a contact sheet shows every style, and the list names them', async (t) => {
  const folder = temporaryFolder(t);
  const photo = path.join(folder, 'face.png');
  writeFileSync(photo, (await faceCrops())[0] as Buffer);
  const sheet = path.join(folder, 'styles.png');
  const drawn = await maskbench(['styles', photo, '--out', sheet, '--cell', '40']);
  t.is(drawn.code, 0, drawn.stderr);
  const { width = 0, height = 0 } = await sharp(sheet).metadata();
  t.true(width * height > knownStyles.length * 40 * 40);
  const listed = await maskbench(['styles', '--json']);
  t.deepEqual(
    JSON.parse(listed.stdout).map(({ name }: { name: string }) => name),
    knownStyles.map(({ name }) => name),
  );
  t.true(styles.every((style) => knownStyles.some(({ name }) => name === style)));
  const noface = await maskbench(['styles', path.join(folder, 'absent.png'), '--out', path.join(folder, 'other.png')]);
  t.is(noface.code, 1);
  t.regex(noface.stderr, /absent\.png/);
});
