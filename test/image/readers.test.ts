import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflateSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { Masker } from 'maskbench';
import sharp from 'sharp';
import { bmpPixels, maskbench, repository, sha256, smallPhoto, temporaryFolder } from '../support/files.js';
import { pythonHas, runPython } from '../support/python.js';

const withPillow = pythonHas('PIL', 'numpy') ? test : test.skip;

/** A face outside every image: masking it changes no pixel. */
const outside = {
  box: { left: -9, top: -9, right: -8, bottom: -8 },
  landmarks: Array.from({ length: 68 }, () => [-9000, -9000] as [number, number]),
};

/** The size and the pixels B, G, R that a file is read as; or the code of the error. */
async function read(file: string | Buffer, acceptDamaged = false): Promise<string> {
  try {
    const masker = await Masker.open({ acceptDamaged });
    const { width, height, image } = await masker.mask(file, { faces: [outside], format: 'bmp' });
    return `${width}x${height} ${sha256(bmpPixels(image as Buffer))}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const uint32 = (value: number, bigEndian = true) => {
  const bytes = Buffer.alloc(4);
  if (bigEndian) bytes.writeUInt32BE(value);
  else bytes.writeUInt32LE(value);
  return bytes;
};

function pngChunk(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([uint32(data.length), named, uint32(crc32(named))]);
}

/** A black PNG of 16×16 pixels, with chunks before its image. */
function smallPng(...chunks: Buffer[]): Buffer {
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', Buffer.concat([uint32(16), uint32(16), Buffer.from([8, 2, 0, 0, 0])])),
    ...chunks,
    pngChunk('IDAT', deflateSync(Buffer.alloc(16 * 49))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Compiles a library that is loaded before others and replaces their functions. */
function compileShim(t: ExecutionContext, source: string): string {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, 'shim.c'), `#define _GNU_SOURCE\n${source}`);
  const library = path.join(folder, 'shim.so');
  execFileSync('g++', ['-x', 'c', '-shared', '-fPIC', '-o', library, path.join(folder, 'shim.c'), '-ldl']);
  return library;
}

/** A file by this name is never opened: the thread that tries is lost. */
const endlessOpen = `
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
static int Open(const char* symbol, const char* path, int flags, int mode) {
  if (strstr(path, "endless.jpg") != NULL && (flags & O_ACCMODE) == O_RDONLY) {
    write(2, "lost\\n", 5);
    for (;;) pause();
  }
  return ((int (*)(const char*, int, ...))dlsym(RTLD_NEXT, symbol))(path, flags, mode);
}
#define WRAP(name)                            \\
  int name(const char* path, int flags, ...) { \\
    va_list more;                             \\
    va_start(more, flags);                    \\
    int mode = va_arg(more, int);             \\
    va_end(more);                             \\
    return Open(#name, path, flags, mode);    \\
  }
WRAP(open)
WRAP(open64)
`;

test('L1: no length in a file makes a reader run for ever or beyond it', async (t) => {
  const webp = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .webp()
    .toBuffer();
  const tiff = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .tiff()
    .toBuffer();
  const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
  const lengths = [0, 1, 7, 8, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffff7, 0xfffffff8, 0xfffffff9, 0xffffffff];
  for (const length of lengths) {
    // A chunk after the image; around it, the file's own length.
    t.regex(await read(Buffer.concat([webp, Buffer.from('JUNK'), uint32(length, false)])), /^2x2 /);
    const extended = Buffer.from(webp);
    uint32(length, false).copy(extended, 4);
    t.regex(await read(extended), /^(2x2 |UNREADABLE|DAMAGED)/);
    uint32(length, false).copy(extended, 16);
    t.regex(await read(extended), /^(2x2 |UNREADABLE|DAMAGED)/);
    // A TIFF's directory, and every count and value in it.
    const start = tiff.readUInt32LE(4);
    for (let at = start - (start % 2); at + 4 <= tiff.length; at += 2) {
      const changed = Buffer.from(tiff);
      uint32(length, false).copy(changed, at);
      t.regex(await read(changed), /^(\d+x\d+ |UNREADABLE|DAMAGED|TOO_LARGE)/);
    }
    const elsewhere = Buffer.from(tiff);
    uint32(length, false).copy(elsewhere, 4);
    t.is(await read(elsewhere), 'UNREADABLE');
    // A PNG's chunk, and both sides.
    for (const at of [8, 16, 20, 33]) {
      const png = smallPng();
      uint32(length).copy(png, at);
      t.regex(await read(png), /^(\d+x\d+ |UNREADABLE|TOO_LARGE)/);
    }
    // A JPEG's segments.
    for (let at = 2; at + 4 < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2)) {
      const changed = Buffer.from(jpeg);
      changed.writeUInt16BE(length & 0xffff, at + 2);
      t.regex(await read(changed), /^(\d+x\d+ |UNREADABLE|DAMAGED)/);
      if (jpeg[at + 1] === 0xda) break;
    }
  }
});

test('L1: a second Ctrl-C ends a run whose thread is lost', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, 'endless.jpg'), '');
  const child = spawn(
    process.execPath,
    [path.join(repository, 'dist/cli/main.js'), 'mask', folder, '--out', path.join(folder, 'out')],
    { env: { ...process.env, LD_PRELOAD: compileShim(t, endlessOpen) }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (data) => {
    if (!said.includes('lost') && String(data).includes('lost')) child.kill('SIGINT');
    if (String(data).includes('Ctrl-C again')) child.kill('SIGINT');
    said += data;
  });
  t.deepEqual(await once(child, 'exit'), [130, null]);
});

test('L1: process.exit ends a process whose thread is lost', async (t) => {
  const script = `
    const { Masker } = await import('maskbench');
    (await Masker.open()).detect('endless.jpg');
    setTimeout(() => process.exit(7), 500);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: repository,
    env: { ...process.env, LD_PRELOAD: compileShim(t, endlessOpen) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  t.deepEqual(await once(child, 'exit'), [7, null]);
  t.is(said, 'lost\n');
});

test("L4: a PNG's compressed texts and profile take no memory beyond a bound", async (t) => {
  const folder = temporaryFolder(t);
  const bomb = Buffer.concat([Buffer.from('a\0\0'), deflateSync(Buffer.alloc(1 << 28))]);
  const files = {
    'zTXt.png': smallPng(pngChunk('zTXt', bomb), pngChunk('zTXt', bomb)),
    'iTXt.png': smallPng(pngChunk('iTXt', Buffer.concat([Buffer.from('a\0\x01\0\0\0'), bomb.subarray(3)]))),
    'iCCP.png': smallPng(pngChunk('iCCP', bomb)),
  };
  for (const [name, data] of Object.entries(files)) {
    writeFileSync(path.join(folder, name), data);
    const script = `
      import { readFileSync } from 'node:fs';
      import { Masker } from 'maskbench';
      const result = await (await Masker.open()).detect(process.argv[1]).then(() => 'read', (error) => error.code);
      const [, peak] = /VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
      console.log(JSON.stringify({ result, megabytes: peak / 1024 }));`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, path.join(folder, name)], {
      cwd: repository,
    });
    const { result, megabytes } = JSON.parse((await run).stdout);
    t.is(result, name === 'iCCP.png' ? 'UNREADABLE' : 'read', name);
    t.true(megabytes < 200, `${name}: ${megabytes} MB`);
  }
});

test('L4: a progressive JPEG has a bounded number of scans', async (t) => {
  const blank = sharp({ create: { width: 64, height: 64, channels: 3, background: 'black' } });
  const jpeg = await blank.jpeg({ progressive: true }).toBuffer();
  const scan = jpeg.subarray(jpeg.lastIndexOf(Buffer.from([0xff, 0xda])), -2);
  const times = (count: number) =>
    Buffer.concat([jpeg.subarray(0, -2), ...Array<Buffer>(count).fill(scan), jpeg.subarray(-2)]);
  t.is(await read(times(80)), await read(jpeg));
  await t.throwsAsync((await Masker.open()).detect(times(150)), { code: 'UNREADABLE', message: /more than 100 scans/ });
});

const failingThreads = `
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
typedef int (*Create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
  const char* left = getenv("THREADS_LEFT");
  if (left != NULL) {
    char less[12];
    if (atoi(left) <= 0) return EAGAIN;
    snprintf(less, sizeof(less), "%d", atoi(left) - 1);
    setenv("THREADS_LEFT", less, 1);
  }
  return ((Create)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, run, argument);
}
`;

test('L5: threads that cannot be made are a typed error, or fewer threads and a note', async (t) => {
  const script = `
    const { Embedder, Masker } = await import('maskbench');
    const { ScoreSet } = await import('maskbench/metrics');
    const warnings = [];
    process.on('warning', ({ message }) => warnings.push(message));
    const pixels = { data: new Uint8Array(100 * 100), width: 100, height: 100, channels: 1 };
    process.env.THREADS_LEFT = '0';
    const open = () => Masker.open({ concurrency: 3 });
    const refused = [];
    for (const call of [open, () => ScoreSet.from([1, 0], [1, 0]), () => Embedder.open()])
      refused.push(await call().then(() => 'done', ({ code, subject }) => [code, subject]));
    process.env.THREADS_LEFT = '1';
    const masker = await open();
    const fewer = await masker.detect(pixels);
    delete process.env.THREADS_LEFT;
    const again = await masker.detect(pixels);
    console.log(JSON.stringify({ refused, warnings, found: [fewer.faces.length, again.faces.length] }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: repository,
    env: { ...process.env, LD_PRELOAD: compileShim(t, failingThreads) },
  });
  const { refused, warnings, found } = JSON.parse(stdout);
  t.deepEqual(refused, Array(3).fill(['UNAVAILABLE', 'threads']));
  t.is(warnings.length, 1);
  t.regex(warnings[0], /^maskbench: only 1 of 3 threads could be made: /);
  t.deepEqual(found, [0, 0]);
});

withPillow('L7: no format carries on the profile of a grey or CMYK photo', async (t) => {
  const folder = temporaryFolder(t);
  // A header (ICC.1, 7.2) that says which colours the profile is of.
  const profiles = runPython<Record<string, string>>(
    `
import os
from PIL import Image
for space in (b'RGB ', b'GRAY', b'CMYK'):
    profile = bytes(16) + space + b'XYZ ' + bytes(12) + b'acsp' + bytes(400)
    mode = {b'RGB ': 'RGB', b'GRAY': 'L', b'CMYK': 'CMYK'}[space]
    image = Image.new(mode, (32, 32), 77 if mode == 'L' else tuple(range(70, 70 + len(mode))))
    for kind in ('jpg', 'png', 'webp', 'tif'):
        name = os.path.join(data, f'{mode}.{kind}')
        if kind in ('png', 'webp') and mode == 'CMYK' or kind == 'webp' and mode == 'L': continue
        image.save(name, icc_profile=profile)
print(json.dumps({}))`,
    folder,
  );
  t.deepEqual(profiles, {});
  for (const mode of ['RGB', 'L', 'CMYK'])
    for (const kind of ['jpg', 'png', 'webp', 'tif']) {
      if ((kind === 'png' && mode === 'CMYK') || (kind === 'webp' && mode !== 'RGB')) continue;
      for (const format of ['jpeg', 'webp', 'tiff'] as const) {
        const file = path.join(folder, `${mode}.${kind}`);
        const { image } = await (await Masker.open()).mask(file, { faces: [outside], format });
        t.is((image as Buffer).includes('acsp'), mode === 'RGB', `${mode} ${kind} to ${format}`);
      }
      const { image } = await (await Masker.open()).mask(path.join(folder, `${mode}.${kind}`), {
        faces: [outside],
        format: 'png',
      });
      t.is((image as Buffer).includes('iCCP'), mode === 'RGB', `${mode} ${kind} to png`);
    }
});

withPillow('L8: EXIF orientation is applied to WebP as to PNG and JPEG', async (t) => {
  const folder = temporaryFolder(t);
  runPython(
    `
import os
from PIL import Image
image = Image.effect_noise((7, 5), 90).convert('RGB')
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = orientation
    plain = exif.tobytes()
    for kind in ('png', 'webp'):
        image.save(os.path.join(data, f'{orientation}.{kind}'), exif=exif, **({'lossless': True} if kind == 'webp' else {}))
    image.save(os.path.join(data, f'{orientation}-bare.webp'), exif=plain[6:] if plain.startswith(b'Exif') else plain, lossless=True)
print(0)`,
    folder,
  );
  const seen = new Set<string>();
  for (let orientation = 1; orientation <= 8; orientation++) {
    const expected = await read(path.join(folder, `${orientation}.png`));
    t.is(expected.split(' ')[0], orientation < 5 ? '7x5' : '5x7');
    t.is(await read(path.join(folder, `${orientation}.webp`)), expected);
    t.is(await read(path.join(folder, `${orientation}-bare.webp`)), expected);
    seen.add(expected);
  }
  t.is(seen.size, 8);
});

test('L11: a JPEG that lacks its end marker alone is read, one that lacks pixels is damaged', async (t) => {
  const photo = readFileSync(await smallPhoto(t, 2));
  const trailer = Buffer.concat([
    Buffer.alloc(40, 0x11),
    Buffer.from('SEFH\xff\xc9\0\x04\xff\xdd\xff\xda\0\0SEFT', 'latin1'),
  ]);
  for (const progressive of [false, true]) {
    const jpeg = await sharp(photo).jpeg({ progressive }).toBuffer();
    const whole = await read(jpeg);
    t.regex(whole, /^640x/);
    const open = jpeg.subarray(0, -2);
    t.is(await read(open), whole);
    t.is(await read(Buffer.concat([open, trailer])), whole);
    t.is(await read(Buffer.concat([jpeg, trailer])), whole);
    t.is(await read(open.subarray(0, -9)), 'DAMAGED');
    t.is(await read(open.subarray(0, jpeg.length / 2)), 'DAMAGED');
    // Whole scans, but not all of them.
    const lastScan = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]));
    if (progressive) t.is(await read(jpeg.subarray(0, lastScan)), 'DAMAGED');
  }
});

withPillow('L11: of an animated WebP the first frame is read, also one smaller than the image', async (t) => {
  const folder = temporaryFolder(t);
  const [first] = runPython<string[]>(
    `
import hashlib, os
from PIL import Image
frames = [Image.effect_noise((40, 30), sigma).convert('RGB') for sigma in (40, 90, 120)]
frames[0].save(os.path.join(data, 'animated.webp'), save_all=True, append_images=frames[1:], lossless=True)
frames[0].save(os.path.join(data, 'first.png'))
print(json.dumps([os.path.join(data, 'first.png')]))`,
    folder,
  );
  const animated = readFileSync(path.join(folder, 'animated.webp'));
  const expected = await read(first as string);
  t.is(await read(animated), expected);
  // The same frame two pixels to the right in an image that is so much wider (sizes are stored less one, offsets
  // halved).
  const moved = Buffer.from(animated);
  moved.writeUIntLE(41, 24, 3);
  moved.writeUIntLE(1, moved.indexOf('ANMF') + 8, 3);
  const { width, image } = await (await Masker.open()).mask(moved, { faces: [outside], format: 'bmp' });
  t.is(width, 42);
  const rows = bmpPixels(image as Buffer);
  const inner = Buffer.concat(Array.from({ length: 30 }, (_, y) => rows.subarray(y * 126 + 6, (y + 1) * 126)));
  t.is(`40x30 ${sha256(inner)}`, expected);
});

test('L11: files of formats that are not read are told by their true name', async (t) => {
  const box = (brand: string, compatible = '') => {
    const body = Buffer.from(`ftyp${brand}\0\0\0\0${compatible}`, 'latin1');
    return Buffer.concat([uint32(body.length + 4), body, Buffer.alloc(64)]);
  };
  const files: [Buffer, string][] = [
    [box('heic', 'mif1heic'), 'HEIC'],
    [box('mif1', 'mif1heic'), 'HEIC'],
    [box('avif', 'avifmif1'), 'AVIF'],
    [box('mif1', 'miafavif'), 'AVIF'],
    [
      await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .avif()
        .toBuffer(),
      'AVIF',
    ],
    [
      await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .gif()
        .toBuffer(),
      'GIF',
    ],
    [Buffer.from('\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ', 'latin1'), 'JPEG 2000'],
    [Buffer.from('\xff\x4f\xff\x51\0\x2f\0\0', 'latin1'), 'JPEG 2000'],
  ];
  const folder = temporaryFolder(t);
  for (const [data, name] of files) {
    const file = path.join(folder, 'photo.jpg');
    writeFileSync(file, data);
    const { code, stderr } = await maskbench(['detect', file]);
    t.is(code, 1);
    t.true(stderr.startsWith(`${file}: the file is ${name}, which is not read`), stderr);
  }
});

test('L11: PBM, PGM and PPM are read and written', async (t) => {
  const folder = temporaryFolder(t);
  const pgm = Buffer.concat([Buffer.from('P5\n# made\n92 112\n255\n'), Buffer.alloc(92 * 112, 7)]);
  writeFileSync(path.join(folder, '1.pgm'), pgm);
  const { code, stdout } = await maskbench(['mask', folder, '--out', path.join(folder, 'out'), '--json']);
  t.is(code, 0);
  t.is(JSON.parse(stdout).counts['no-face'], 1);
  const { image, format } = await (await Masker.open()).mask(pgm, { faces: [outside] });
  t.is(format, 'pnm');
  t.deepEqual(image, Buffer.concat([Buffer.from('P6\n92 112\n255\n'), Buffer.alloc(92 * 112 * 3, 7)]));
  t.is(await read(image as Buffer), await read(pgm));
  t.is(await read(pgm.subarray(0, -1)), 'DAMAGED');
});

withPillow('L14: corrupt or missing data in a strip or tile of a TIFF are damage', async (t) => {
  const folder = temporaryFolder(t);
  // Zeros over a part of a strip's data, or less of them.
  const made = runPython<Record<string, { offset: number; size: number }>>(
    `
import io, os
import numpy as np
from PIL import Image
x, y = np.meshgrid(np.linspace(0, 1, 120), np.linspace(0, 1, 90))
image = Image.fromarray((255 * np.stack([x, y, (x + y) / 2], -1)).astype(np.uint8) // 24 * 24)
made = {}
for compression in ('tiff_lzw', 'tiff_adobe_deflate', 'packbits', 'jpeg'):
    name = os.path.join(data, compression + '.tif')
    image.save(name, compression=compression)
    tags = Image.open(name).tag_v2
    made[name] = {'offset': tags[273][0], 'size': tags[279][0]}
print(json.dumps(made))`,
    folder,
  );
  for (const [name, { offset, size }] of Object.entries(made)) {
    const file = readFileSync(name);
    const good = await read(file);
    t.regex(good, /^120x90 /, name);
    const corrupt = (from: number, to: number, value: number) => {
      const changed = Buffer.from(file);
      changed.fill(value, offset + Math.floor(from * size), offset + Math.floor(to * size));
      return changed;
    };
    for (const changed of [corrupt(0.4, 0.6, 0), corrupt(0.3, 0.9, 0xff), corrupt(0.8, 0.9, 0x55)]) {
      t.is(await read(changed), 'DAMAGED', name);
      t.regex(await read(changed, true), /^120x90 /, name);
    }
    // Less data than there were.
    const sizes = file.lastIndexOf(uint32(size, false));
    const short = Buffer.from(file);
    uint32(Math.floor(size / 2), false).copy(short, sizes);
    if (sizes > 0) t.is(await read(short), 'DAMAGED', name);
  }
});

(pythonHas('PIL', 'cv2', 'numpy') ? test : test.skip)(
  'every kind of image has the pixels that OpenCV reads',
  async (t) => {
    const folder = temporaryFolder(t);
    const output = execFileSync('/usr/bin/python3', [path.join(import.meta.dirname, 'variants.py'), folder], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const expected = JSON.parse(output) as Record<string, string | null>;
    const readByBoth = Object.values(expected).filter((hash) => hash !== null);
    t.true(readByBoth.length > 240);
    for (const [name, hash] of Object.entries(expected)) {
      const ours = (await read(path.join(folder, name))).split(' ').at(-1);
      // OpenCV turns each tile, but not the tiles' places.
      const turnedTiles = /^orientation[2367](?=-tiled\.tif)/.exec(name);
      if (turnedTiles) t.is(ours, expected[`${turnedTiles[0]}-strips.tif`] ?? undefined, name);
      else t.is(ours, hash ?? 'UNREADABLE', name);
    }
  },
);
