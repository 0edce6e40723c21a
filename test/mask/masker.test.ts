import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { MaskbenchError, Masker, type MaskerOptions, type Placement } from 'maskbench';
import sharp from 'sharp';
import { bmpPixels, sha256, smallPhoto, temporaryFolder } from '../support/files.js';

const smallFace = { box: { left: 10, top: 10, right: 60, bottom: 60 } };

test('a path, its bytes and its pixels give the same mask', async (t) => {
  const photo = await smallPhoto(t, 2);
  const masker = await Masker.open({ style: 'c', color: 'orange' });
  const fromPath = await masker.mask(photo, { format: 'bmp' });
  const fromBytes = await masker.mask(readFileSync(photo), { format: 'bmp' });
  t.is(fromPath.status, 'masked');
  t.deepEqual(fromBytes.image, fromPath.image);

  const bgr = bmpPixels(fromPath.image as Buffer);
  const { width, height, faces } = fromPath;
  const rgb = Buffer.from(bgr);
  for (let i = 0; i < rgb.length; i += 3) [rgb[i], rgb[i + 2]] = [rgb[i + 2] as number, rgb[i] as number];
  // The mask is drawn already: drawing it again on the pixels changes nothing.
  const again = await masker.mask({ data: rgb, width, height, channels: 3 }, { faces });
  t.is(sha256(again.raw?.data as Uint8Array), sha256(rgb));
});

test('grey and RGBA pixels are read, alpha is dropped', async (t) => {
  const masker = await Masker.open({ color: '#010203' });
  const grey = await masker.mask(
    { data: new Uint8Array(64 * 64).fill(7), width: 64, height: 64, channels: 1 },
    { faces: [smallFace] },
  );
  const rgba = await masker.mask(
    { data: new Uint8Array(64 * 64 * 4).fill(7), width: 64, height: 64, channels: 4 },
    { faces: [smallFace] },
  );
  t.deepEqual(grey.raw, rgba.raw);
  t.is(grey.raw?.data[0], 7);
  t.true(Buffer.from(grey.raw?.data ?? []).includes(Buffer.from([1, 2, 3])));
});

test('each selection masks its faces', async (t) => {
  const photo6 = await smallPhoto(t, 6);
  const count = async (options: MaskerOptions) => {
    const { status, faces } = await (await Masker.open(options)).mask(photo6);
    return { status, found: faces.length, masked: faces.filter((face) => face.masked).length };
  };
  t.deepEqual(await count({ select: 'largest' }), { status: 'masked', found: 4, masked: 1 });
  t.deepEqual(await count({ select: 'all' }), { status: 'masked', found: 4, masked: 4 });
  t.deepEqual(await count({ select: 'only' }), { status: 'several-faces', found: 4, masked: 0 });
});

test('random choices depend on seed and key alone', async (t) => {
  const looks = async (seed: number, key: string, concurrency: number) => {
    const masker = await Masker.open({ style: 'random', color: 'random', select: 'all', seed, concurrency });
    const { faces } = await masker.mask(
      { data: new Uint8Array(100 * 100), width: 100, height: 100, channels: 1 },
      { key, faces: Array(8).fill(smallFace) },
    );
    return faces.map(({ style, color }) => `${style}${color}`);
  };
  const first = await looks(1, 'x.jpg', 1);
  t.deepEqual(await looks(1, 'x.jpg', 8), first);
  t.notDeepEqual(await looks(2, 'x.jpg', 1), first);
  t.notDeepEqual(await looks(1, 'y.jpg', 1), first);
  t.true(new Set(first).size > 4);
});

test('drawn landmarks are an outline, not a fill', async (t) => {
  const photo = await smallPhoto(t, 2);
  const { image: outline } = await (await Masker.open({ drawLandmarks: true, color: 'lime' })).mask(photo, {
    format: 'bmp',
  });
  const { image: filled } = await (await Masker.open({ color: 'lime' })).mask(photo, { format: 'bmp' });
  const lime = (file: Buffer) =>
    bmpPixels(file)
      .toString('hex')
      .match(/.{6}/g)
      ?.filter((pixel) => pixel === '00ff00').length ?? 0;
  t.true(lime(outline as Buffer) > 68);
  t.true(lime(filled as Buffer) > 2 * lime(outline as Buffer));
});

test('a file is written whole, never over the input, and over another only if asked', async (t) => {
  const photo = await smallPhoto(t, 2);
  const folder = temporaryFolder(t);
  const input = path.join(folder, 'in.jpg');
  const output = path.join(folder, 'out.png');
  copyFileSync(photo, input);
  const masker = await Masker.open();
  const result = await masker.mask(input, { output });
  t.is(result.image, undefined);
  t.is(readFileSync(output).subarray(1, 4).toString(), 'PNG');
  await t.throwsAsync(masker.mask(input, { output }), {
    code: 'OUTPUT_EXISTS',
    message: `${output}: the output exists already`,
  });
  await masker.mask(input, { output, overwrite: true });
  await t.throwsAsync(masker.mask(input, { output: input, overwrite: true }), { code: 'INVALID_ARGUMENT' });
  t.deepEqual(readFileSync(input), readFileSync(photo));
  await masker.mask(input, { output: path.join(folder, 'new/folder/out.png') });
  await t.throwsAsync(masker.mask(input, { output: path.join(input, 'out.png') }), { code: 'WRITE_FAILED' });
});

test('the photo itself is put beside its twin as asked', async (t) => {
  const photo = await smallPhoto(t, 2);
  const folder = temporaryFolder(t);
  const masker = await Masker.open();
  for (const mode of ['auto', 'copy', 'link'] as const) {
    const copy = { path: path.join(folder, mode, 'photo.jpg'), mode, always: false };
    for (let twice = 0; twice < 2; twice++)
      t.true(
        (await masker.mask(photo, { copy, output: path.join(folder, mode, 'masked_photo.jpg'), overwrite: true }))
          .copied,
      );
    t.deepEqual(readFileSync(copy.path), readFileSync(photo));
    t.is(statSync(copy.path).ino === statSync(photo).ino, mode === 'link');
    t.deepEqual(readdirSync(path.join(folder, mode)), ['masked_photo.jpg', 'photo.jpg']);
    t.false((await masker.mask(photo, { copy, faces: [] })).copied);
    t.true((await masker.mask(photo, { copy: { ...copy, always: true }, faces: [] })).copied);
  }
  const copy = { path: path.join(folder, 'x.jpg'), mode: 'copy' as const, always: true };
  await t.throwsAsync(masker.mask(readFileSync(photo), { copy }), { code: 'INVALID_ARGUMENT' });
});

test('PNG is compressed as hard as asked, to the same pixels', async (t) => {
  const photo = await smallPhoto(t, 2);
  const encode = async (pngLevel?: number) =>
    (await (await Masker.open({ ...(pngLevel !== undefined && { pngLevel }) })).mask(photo, { format: 'png' }))
      .image as Buffer;
  const [stored, usual, hardest] = [await encode(0), await encode(), await encode(12)] as const;
  t.true(stored.length > usual.length && usual.length > hardest.length);
  const pixels = await Promise.all([stored, usual, hardest].map((image) => sharp(image).raw().toBuffer()));
  t.deepEqual(pixels[0], pixels[1] as Buffer);
  t.deepEqual(pixels[2], pixels[1] as Buffer);
  await t.throwsAsync(Masker.open({ pngLevel: 13 }), { code: 'INVALID_ARGUMENT' });
});

test('an ICC profile is kept in every format that can hold one', async (t) => {
  const photo = await smallPhoto(t, 2);
  const photoBytes = readFileSync(photo);
  const masker = await Masker.open();
  // The sample photos carry one (ICC.1, annex B.4: after the segment's length, a name, a sequence number and a count).
  const name = photoBytes.indexOf('ICC_PROFILE\0');
  const profile = photoBytes.subarray(name + 14, name - 2 + photoBytes.readUInt16BE(name - 2));
  t.true(profile.length > 500);
  for (const format of ['jpeg', 'png', 'webp', 'tiff'] as const) {
    const { image } = await masker.mask(photo, { format });
    // PNG packs it: read back through our own reader instead of searching for the bytes.
    const back = await masker.mask(image as Buffer, { format: 'jpeg', faces: [smallFace] });
    t.true((back.image as Buffer).includes(profile), format);
    if (format !== 'png') t.true((image as Buffer).includes(profile), format);
  }
});

test('bad files reject with a code and the name, and leave the Masker usable', async (t) => {
  const photo = await smallPhoto(t, 2);
  const folder = temporaryFolder(t);
  const write = (name: string, data: Uint8Array) => {
    writeFileSync(path.join(folder, name), data);
    return path.join(folder, name);
  };
  const jpeg = readFileSync(photo);
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452000186a0000186a00802000000', 'hex');
  mkdirSync(path.join(folder, 'folder.jpg'));
  const cases: [string, string][] = [
    [write('empty.jpg', Buffer.alloc(0)), 'UNREADABLE'],
    [write('text.jpg', Buffer.from('not a photo')), 'UNREADABLE'],
    [write('header.png', png.subarray(0, 12)), 'UNREADABLE'],
    [write('bomb.png', png), 'TOO_LARGE'],
    [write('cut.jpg', jpeg.subarray(0, jpeg.length / 2)), 'DAMAGED'],
    [path.join(folder, 'folder.jpg'), 'READ_FAILED'],
    [path.join(folder, 'absent.jpg'), 'NOT_FOUND'],
  ];
  const masker = await Masker.open();
  for (const [file, code] of cases) {
    const error = await t.throwsAsync<MaskbenchError>(masker.mask(file), { code, instanceOf: MaskbenchError }, file);
    t.is(error?.subject, file);
    t.true(error?.message.startsWith(file));
  }
  const accepted = await (await Masker.open({ acceptDamaged: true })).detect(path.join(folder, 'cut.jpg'));
  t.true(accepted.width > 0);
  t.is((await masker.mask(photo)).status, 'masked');
});

test('bad arguments are told in one form', async (t) => {
  await t.throwsAsync(Masker.open({ style: 'z' }), {
    message: /^expected one of a, b, c, d, e, f, random, .* for style, received z of type string$/,
    code: 'INVALID_ARGUMENT',
  });
  await t.throwsAsync(Masker.open({ color: '#12' }), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(Masker.open({ upsample: 9 }), { code: 'INVALID_ARGUMENT' });
  const masker = await Masker.open();
  await t.throwsAsync(masker.mask({ data: new Uint8Array(5), width: 2, height: 1, channels: 3 }), {
    message: /expected 6 bytes .* received 5 of type number/,
  });
  await t.throwsAsync(masker.mask(7 as unknown as string), { code: 'INVALID_ARGUMENT' });
  for (const [placement, subject] of [
    [[0, 0, 0, 0], /x, y, rotation, scale/],
    [{ x: 0, y: 0, rotation: 0, scale: Number.NaN }, /placement\.scale/],
  ] as const) {
    const faces = [{ ...smallFace, style: 'a', placement: placement as unknown as Placement }];
    await t.throwsAsync(masker.mask('/nowhere/a.jpg', { faces }), { code: 'INVALID_ARGUMENT', message: subject });
  }
});

test('a missing or corrupt landmark model is named', async (t) => {
  const file = path.join(temporaryFolder(t), 'model.dat');
  await t.throwsAsync(Masker.open({ landmarkModel: file }), {
    code: 'MODEL_MISSING',
    message: new RegExp(file),
  });
  writeFileSync(file, 'not a model');
  await t.throwsAsync(Masker.open({ landmarkModel: file }), { code: 'MODEL_CORRUPT', message: new RegExp(file) });
});

test('an abort rejects at once with its reason, whether queued or running', async (t) => {
  const photo = await smallPhoto(t, 2);
  const photo1 = await smallPhoto(t, 1);
  const masker = await Masker.open({ concurrency: 1 });
  const stop = new AbortController();
  const calls = Array.from({ length: 20 }, () => masker.mask(photo1, { signal: stop.signal }));
  const settled = Promise.allSettled(calls);
  setTimeout(() => stop.abort(new Error('enough')), 20);
  for (const call of await settled) t.like(call, { status: 'rejected', reason: { message: 'enough' } });
  await t.throwsAsync(masker.mask(photo, { signal: stop.signal }), { message: 'enough' });
  t.is((await masker.mask(photo)).status, 'masked');
});

test('close waits for what is under way and refuses what comes after', async (t) => {
  const photo = await smallPhoto(t, 2);
  const masker = await Masker.open();
  const call = masker.mask(photo);
  await masker.close();
  t.is((await Promise.race([call, 'pending' as const])) === 'pending', false);
  await t.throwsAsync(masker.mask(photo), { code: 'CLOSED' });
});

test('worker threads may end while their photos are worked on', async (t) => {
  const photo = await smallPhoto(t, 2);
  const source = `
    import { Masker } from 'maskbench';
    import { parentPort, workerData } from 'node:worker_threads';
    const masker = await Masker.open();
    for (let i = 0; i < 8; i++) masker.mask(workerData).catch(() => {});
    const quick = () => masker.mask('no such file').catch(quick);
    for (let i = 0; i < 8; i++) quick();
    parentPort.postMessage('begun');`;
  const url = new URL(
    `data:text/javascript,${encodeURIComponent(source.replaceAll("'maskbench'", `'${import.meta.resolve('maskbench')}'`))}`,
  );
  await Promise.all(
    Array.from({ length: 12 }, async (_, number) => {
      const worker = new Worker(url, { workerData: photo });
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await new Promise((resolve) => setTimeout(resolve, 2 * number));
      await worker.terminate();
    }),
  );
  t.is((await (await Masker.open()).mask(photo)).status, 'masked');
});
