import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { Masker, maskFiles, readIndex } from 'maskbench';
import {
  exportPairs,
  importVerificationSet,
  type Pair,
  pairings,
  pairTwins,
  readPairs,
  readVerificationSet,
  writeVerificationSet,
} from 'maskbench/datasets';
import { alignedCrops } from '../support/aligned.js';
import { faceCrops, writePhotos } from '../support/faces.js';
import { hashTree, killMaskbench, maskbench, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';
import { pythonHas, runPython } from '../support/python.js';

const numpy = pythonHas('numpy') ? test : test.skip;
const python = pythonHas('pickle') ? test : test.skip;

const anySet = fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), fc.boolean()), {
  minLength: 1,
  maxLength: 6,
});
const toSet = (pairs: [Uint8Array, Uint8Array, boolean][]) => ({
  images: pairs.flatMap(([a, b]) => [Buffer.from(a), Buffer.from(b)]),
  genuine: pairs.map(([, , genuine]) => genuine),
});
const base64 = (data: Uint8Array) => Buffer.from(data).toString('base64');

test('a set is read back as it was written', async (t) => {
  const file = path.join(temporaryFolder(t), 'set.bin');
  await fc.assert(
    fc.asyncProperty(anySet, async (pairs) => {
      const set = toSet(pairs);
      await writeVerificationSet(file, set);
      t.deepEqual(await readVerificationSet(file), set);
    }),
    { numRuns: 50 },
  );
});

python("Python's pickle reads a set of ours, as text of Python 3 and as bytes", async (t) => {
  const file = path.join(temporaryFolder(t), 'set.bin');
  const set = toSet(fc.sample(anySet, { seed: 1, numRuns: 20 }).flat());
  await writeVerificationSet(file, set);
  for (const encoding of ['ASCII', 'bytes']) {
    const script = `
import base64, pickle
images, same = pickle.load(open(data, 'rb'), encoding='${encoding}')
assert type(images) is list and type(same) is list and all(type(x) is bytes for x in images)
print(json.dumps([[base64.b64encode(x).decode() for x in images], same]))`;
    t.deepEqual(runPython(script, file), [set.images.map(base64), set.genuine]);
  }
});

// Python 2 wrote texts as repr() of Python 3 shows bytes, and NumPy 1 had its functions in numpy.core.
numpy('sets of Python 2 and 3, protocols 0 to 5, of bytes and of NumPy arrays are read', async (t) => {
  const folder = temporaryFolder(t);
  const images = [
    Buffer.from('\xff\xd8\'"\\\n\r\t\0é€', 'latin1'),
    Buffer.alloc(0),
    Buffer.alloc(70_000, 7),
    Buffer.from('abc'),
  ];
  const names = runPython<string[]>(
    `
import base64, pickle, pickletools, struct
import numpy as np
images, folder = [base64.b64decode(x) for x in data['images']], data['folder']
names = []
def write(name, content):
    names.append(folder + '/' + name + '.bin')
    open(names[-1], 'wb').write(content)
for protocol in range(6):
    write(f'bytes-{protocol}', pickle.dumps((images, [True, False]), protocol))
    write(f'list-{protocol}', pickle.dumps([images, [1, 0]], protocol))
    arrays = [np.frombuffer(x, np.uint8).copy() for x in images]
    content = pickle.dumps((arrays, [np.bool_(True), np.bool_(False)]), protocol)
    write(f'arrays-{protocol}', content)
    if protocol < 4:
        write(f'numpy1-{protocol}', content.replace(b'numpy._core', b'numpy.core'))
    write(f'labels-{protocol}', pickle.dumps((images, np.array([True, False])), protocol))
write('python2-0', b'(lp0\\n' + b''.join(b'S' + repr(x)[1:].encode() + b'\\np%d\\na' % i for i, x in enumerate(images, 1)) + b'(lp9\\nI01\\naI00\\na\\x86.')
def short(x): return b'U' + bytes([len(x)]) + x if len(x) < 256 else b'T' + struct.pack('<I', len(x)) + x
write('python2-2', b'\\x80\\x02](' + b''.join(map(short, images)) + b'e](\\x88\\x89e\\x86.')
print(json.dumps(names))`,
    { images: images.map(base64), folder },
  );
  t.is(names.length, 6 * 4 + 4 + 2);
  for (const name of names) t.deepEqual(await readVerificationSet(name), { images, genuine: [true, false] }, name);
});

test('a pickle that asks for anything else, or is not a set, is refused', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'set.bin');
  const refused = async (content: string, message: RegExp) => {
    writeFileSync(file, Buffer.from(content, 'latin1'));
    await t.throwsAsync(readVerificationSet(file), { code: 'UNREADABLE', message });
  };
  await refused("cposix\nsystem\n(S'touch harm'\ntR.", /asks for posix\.system, which is not allowed/);
  await refused('cbuiltins\neval\n(S"1"\ntR.', /builtins\.eval/);
  await refused('', /ends early/);
  await refused('](C\x01a', /ends early/);
  await refused('](T\xff\xff\xff\xffabc', /ends early/);
  await refused('](e](\x88e\x86.', /0 images and 1 labels/);
  await refused('](C\x01aC\x01be](\x88\x88e\x86.', /2 images and 2 labels/);
  await refused('](C\x01aK\x07e](\x88e\x86.', /image 1: expected the bytes of an image file, found number/);
  await refused('](C\x01aC\x01be](K\x02e\x86.', /label 0: expected true or false, found 2/);
  await refused('N.', /expected a list of images and a list of labels/);
  const array = (shape: string, type: string) =>
    `cnumpy.core.numeric\n_frombuffer\n(C\x01acnumpy\ndtype\n(X\x02\0\0\0${type}tR${shape}X\x01\0\0\0CtR`;
  await refused(`](C\x01a${array('K\x01\x85', 'f4')}e](\x88e\x86.`, /numbers of the type "f4"/);
  await refused(`](C\x01a${array('J\xff\xff\xff\x7f\x85', 'u1')}e](\x88e\x86.`, /array of 1 bytes with the shape/);
  await refused(`](C\x01a${array('K\x01K\x01\x86', 'u1')}e](\x88e\x86.`, /an array of the shape \(1, 1\)/);
  await t.throwsAsync(readVerificationSet(path.join(folder, 'none.bin')), { code: 'NOT_FOUND' });
  await t.throwsAsync(readVerificationSet(folder), { code: 'READ_FAILED' });
  await t.throwsAsync(writeVerificationSet(file, { images: [Buffer.from('a')], genuine: [true] }), {
    code: 'INVALID_ARGUMENT',
    message: /two for each of 1 labels/,
  });
  t.deepEqual(readdirSync(folder), ['set.bin']);
});

test('a damaged set is read or refused with its name', async (t) => {
  const file = path.join(temporaryFolder(t), 'set.bin');
  await writeVerificationSet(file, { images: [Buffer.from('abc'), Buffer.alloc(300, 1)], genuine: [true] });
  const whole = readFileSync(file);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), async (at, byte, length) => {
      const data = Buffer.from(whole.subarray(0, Math.max(at + 1, length)));
      data[at] = byte;
      writeFileSync(file, data);
      await readVerificationSet(file).catch((error) => {
        t.is(error.code, 'UNREADABLE');
        t.true(error.message.startsWith(`${file}: not a verification set: `));
      });
    }),
    { numRuns: 300 },
  );
});

const plain = (reference: string, probe: string): Pair => ({
  ...{ reference, probe, referenceMasked: false, probeMasked: false, genuine: true },
});

test('each pairing masks what it says', (t) => {
  const pairs = [
    plain('a/1.jpg', 'a/2.jpg'),
    plain('3.jpg', './b\\4.jpg'),
    plain('5.jpg', '6.jpg'),
    plain('7.jpg', '8.jpg'),
  ];
  const shown = (pairing: 'one-of-each' | 'both' | 'as-published') =>
    pairTwins(pairs, pairing).map(({ reference, probe, referenceMasked, probeMasked }) => {
      t.is(/(^|\/)masked_/.test(reference), referenceMasked);
      t.is(/(^|\/)masked_/.test(probe), probeMasked);
      return `${Number(referenceMasked)}${Number(probeMasked)}`;
    });
  t.deepEqual(shown('one-of-each'), ['01', '01', '01', '01']);
  t.deepEqual(shown('both'), ['11', '11', '11', '11']);
  t.deepEqual(shown('as-published'), ['00', '00', '11', '11']);
  t.is(pairTwins(pairs, 'one-of-each')[1]?.probe, 'b/masked_4.jpg');
  t.deepEqual(
    pairTwins(pairs.slice(0, 3), 'as-published').map(({ referenceMasked, probeMasked }) => [
      referenceMasked,
      probeMasked,
    ]),
    [
      [false, false],
      [false, true],
      [true, true],
    ],
  );
});

/** Twelve pairs of photos with faces, two of which show none. */
async function writeSet(folder: string): Promise<{ file: string; images: Buffer[]; genuine: boolean[] }> {
  const photos = Array.from({ length: 24 }, (_, i) => ({
    name: `${i}.${i % 5 === 4 ? 'png' : 'jpg'}`,
    face: i !== 7 && i !== 20,
  }));
  await writePhotos(path.join(folder, 'photos'), photos);
  const images = photos.map(({ name }) => readFileSync(path.join(folder, 'photos', name)));
  const genuine = photos.flatMap((_, i) => (i % 2 === 0 ? [i % 4 === 0] : []));
  const file = path.join(folder, 'set.bin');
  await writeVerificationSet(file, { images, genuine });
  return { file, images, genuine };
}

test('a set becomes photos and a list, and again a set, byte for byte', async (t) => {
  const folder = temporaryFolder(t);
  const { file, images, genuine } = await writeSet(folder);
  const unpacked = path.join(folder, 'unpacked');
  const { pairs, list, identities } = await importVerificationSet(file, unpacked);
  t.deepEqual(
    pairs.map((pair) => pair.genuine),
    genuine,
  );
  t.deepEqual((await readPairs(list)).pairs, pairs);
  t.true(
    pairs.every(
      ({ reference, probe }) => existsSync(path.join(unpacked, reference)) && existsSync(path.join(unpacked, probe)),
    ),
  );
  // Equal photos, of which there are some here, are one person's, and so are those of a genuine pair.
  t.is(
    identities,
    new Set(pairs.flatMap(({ reference, probe }) => [path.dirname(reference), path.dirname(probe)])).size,
  );
  for (const { reference, probe, genuine: same } of pairs) if (same) t.is(path.dirname(reference), path.dirname(probe));
  const again = path.join(folder, 'again.bin');
  const { leftOut } = await exportPairs(list, again);
  t.is(leftOut.length, 0);
  t.deepEqual(readFileSync(again), readFileSync(file));
  t.deepEqual((await readVerificationSet(again)).images, images);
  await t.throwsAsync(importVerificationSet(file, unpacked), { code: 'OUTPUT_EXISTS', message: /new or empty folder/ });
  await t.throwsAsync(exportPairs(list, again), { code: 'OUTPUT_EXISTS' });
  await t.throwsAsync(exportPairs(list, path.join(folder, 'x.bin'), { pairing: 'both' }), {
    code: 'INVALID_ARGUMENT',
    message: /no pair has both of its photos; expected .*masked_/,
  });
});

test('the whole way from a set to error rates equals that from the same photos in a folder', async (t) => {
  const folder = temporaryFolder(t);
  const { file, images } = await writeSet(folder);
  const at = (name: string) => path.join(folder, name);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await maskbench(args);
    t.is(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  };
  t.regex(await run('pairs', 'import', file, '--out', at('lfw')), /^12 pairs: 6 genuine, 6 impostor;/);
  await run('mask', at('lfw'), '--out', at('twins'), '--seed', '3', '--style', 'random');
  const exportPairs = (out: string, ...more: string[]) =>
    run(
      ...['pairs', 'export', at('lfw/pairs.txt'), '--twins', at('twins'), '--pairing', 'one-of-each'],
      ...[...more, '--out', at(out)],
    );
  const printed = await exportPairs('masked.bin');
  t.regex(printed, /^\d+ pairs \(0 plain–plain, (\d+) plain–masked, 0 masked–masked\)/);
  t.regex(printed, /with --pairing as-published: 6 plain–plain, 0 plain–masked, 6 masked–masked/);
  // Pixels: each second image is the mask's on the same photo.
  const packed = await readVerificationSet(at('masked.bin'));
  const masker = await Masker.open({ seed: 3, style: 'random' });
  const { pairs } = await readPairs(at('lfw/pairs.txt'));
  const kept = pairs.filter(({ probe }) => existsSync(at(`twins/${probe.replace('/', '/masked_')}`)));
  t.is(packed.images.length, 2 * kept.length);
  t.true(kept.length < pairs.length);
  for (const [i, { reference, probe }] of kept.entries()) {
    t.deepEqual(packed.images[2 * i], readFileSync(at(`lfw/${reference}`)));
    const { image } = await masker.mask(images[Number(path.parse(probe).name)] as Buffer, { key: probe });
    t.deepEqual(packed.images[2 * i + 1], image);
  }
  await masker.close();
  // Vectors: the set unpacked again, and the folders as they are.
  const model = await writeModel(folder, 'model');
  writeFileSync(at('model.json'), JSON.stringify(describeModel()));
  await run('pairs', 'import', at('masked.bin'), '--out', at('again'));
  await run('embed', at('again'), '--model', model, '--out', at('again.npy'));
  await exportPairs('mixed.txt', '--format', 'text');
  await run('embed', at('lfw'), at('twins'), '--model', model, '--out', at('folders.npy'));
  const vectors = (name: string) => {
    const index = readFileSync(at(`${name}.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const data = readFileSync(at(`${name}.npy`)).subarray(128);
    const rows = new Map(index.map(({ path: photo, row }) => [photo, row]));
    return (photo: string) => data.subarray(768 * (rows.get(photo) as number), 768 * ((rows.get(photo) as number) + 1));
  };
  const [ofSet, ofFolders] = [vectors('again'), vectors('folders')];
  const mixed = (await readPairs(at('mixed.txt'))).pairs;
  for (const [i, { reference, probe }] of (await readPairs(at('again/pairs.txt'))).pairs.entries()) {
    t.deepEqual(ofSet(reference), ofFolders((mixed[i] as Pair).reference));
    t.deepEqual(ofSet(probe), ofFolders((mixed[i] as Pair).probe));
  }
});

/** Six genuine pairs of aligned crops, then six of different people. */
async function writeAlignedSet(folder: string, pairs = 12) {
  const file = path.join(folder, 'crops.bin');
  const images = await alignedCrops(2 * pairs);
  const genuine = Array.from({ length: pairs }, (_, i) => i < pairs / 2);
  await writeVerificationSet(file, { images, genuine });
  return { file, images, genuine };
}

test('a set is masked into a set, where each pairing puts its twins', async (t) => {
  const folder = temporaryFolder(t);
  const { file, images, genuine } = await writeAlignedSet(folder);
  const masker = await Masker.open({ aligned: 'arcface' });
  const expected = {
    'one-of-each': (i: number) => i % 2 === 1,
    both: () => true,
    'as-published': (i: number) => i >= 12,
  };
  for (const pairing of pairings) {
    const out = path.join(folder, pairing, 'masked.bin');
    const { counts, maskings } = await maskFiles([file], out, { aligned: 'arcface', pairing });
    const made = await readVerificationSet(out);
    t.deepEqual(made.genuine, genuine);
    t.is(made.images.length, images.length);
    let masked = 0;
    for (const [i, image] of images.entries()) {
      const isTwin = expected[pairing](i);
      masked += Number(isTwin);
      const { image: twin } = isTwin ? await masker.mask(image, { key: `crops.bin/${i}` }) : { image };
      t.deepEqual(made.images[i], twin, `${pairing} ${i}`);
    }
    t.is(counts.masked, masked);
    t.is(counts.copied, 24 - masked);
    t.deepEqual(
      maskings,
      {
        'one-of-each': { plain: 0, mixed: 12, masked: 0 },
        both: { plain: 0, mixed: 0, masked: 12 },
        'as-published': { plain: 6, mixed: 0, masked: 6 },
      }[pairing],
    );
  }
  await masker.close();
});

test('a set is embedded and evaluated as it is, with its twins known from the manifest', async (t) => {
  const folder = temporaryFolder(t);
  const { file, images } = await writeAlignedSet(folder);
  const at = (name: string) => path.join(folder, name);
  const model = await writeModel(folder, 'model');
  writeFileSync(at('model.json'), JSON.stringify(describeModel()));
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await maskbench(args);
    t.is(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  };
  const printed = await run('mask', file, '--out', at('out/masked.bin'), '--aligned', 'arcface');
  t.regex(printed, /^12 masked, 12 copied/);
  t.regex(printed, /\npairs: 0 plain–plain, 12 plain–masked, 0 masked–masked\n/);
  t.regex(printed, /\nwith --pairing as-published: 6 plain–plain, 0 plain–masked, 6 masked–masked\n/);
  await run('embed', at('out/masked.bin'), '--crops', '--model', model, '--out', at('masked.npy'));
  const index = await readIndex(at('masked.jsonl'));
  t.deepEqual(
    index.map(({ path: name, photo, masked }) => [name, photo, masked]),
    images.map((_, i) => [`masked.bin/${i}`, `crops.bin/${i}`, i % 2 === 1]),
  );
  // People as far as the set says: six genuine pairs, and twelve others.
  t.is(new Set(index.map(({ identity }) => identity)).size, 18);
  const evaluated = JSON.parse(
    await run(
      ...['evaluate', '--vectors', at('masked.npy'), '--pairs', at('out/masked.bin')],
      ...['--protocol', 'insightface', '--draws', '0', '--json'],
    ),
  );
  t.is(evaluated.genuine, 6);
  t.is(evaluated.impostor, 6);
  t.is(typeof evaluated.systems[0].folds.accuracy, 'number');
  // The same photos as files give the same vectors and scores.
  await run('pairs', 'import', at('out/masked.bin'), '--out', at('files'));
  await run('embed', at('files'), '--crops', '--model', model, '--out', at('files.npy'));
  await run('score', '--vectors', at('files.npy'), '--pairs', at('files/pairs.txt'), '--out', at('files.csv'));
  await run('score', '--vectors', at('masked.npy'), '--pairs', at('out/masked.bin'), '--out', at('set.csv'));
  const scores = (name: string) =>
    readFileSync(at(name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(',').slice(2).join());
  t.deepEqual(scores('set.csv'), scores('files.csv'));
});

test('an image without a twin stays as it is, and the pairs stay the same', async (t) => {
  const folder = temporaryFolder(t);
  const nobody = (await faceCrops()).at(-1) as Buffer;
  const [face] = (await faceCrops()) as [Buffer];
  const file = path.join(folder, 'set.bin');
  const images = [face, face, face, nobody, face, Buffer.from('no image'), face, Buffer.alloc(0)];
  const genuine = [true, false, false, false];
  await writeVerificationSet(file, { images, genuine });
  const out = path.join(folder, 'out/set.bin');
  const { counts, problems, maskings } = await maskFiles([file], out);
  t.is(counts['no-face'], 1);
  t.is(counts.unreadable, 2);
  t.deepEqual(problems.map(({ file: name }) => name).sort(), ['set.bin/5', 'set.bin/7']);
  t.deepEqual(maskings, { plain: 3, mixed: 1, masked: 0 });
  const made = await readVerificationSet(out);
  t.deepEqual(made.genuine, genuine);
  t.notDeepEqual(made.images[1], images[1]);
  for (const i of [0, 2, 3, 4, 5, 6, 7]) t.deepEqual(made.images[i], images[i]);
});

test('an interrupted run is resumed to the same bytes', async (t) => {
  const folder = temporaryFolder(t);
  const { file } = await writeAlignedSet(folder);
  const expected = path.join(folder, 'expected/set.bin');
  await maskFiles([file], expected, { aligned: 'arcface' });
  const out = path.join(folder, 'out/set.bin');
  const manifest = path.join(folder, 'out/manifest.jsonl');
  await maskFiles([file], out, { aligned: 'arcface' });
  const lines = readFileSync(manifest, 'utf8').split('\n');
  for (const kept of [0, 1, 7, 23]) {
    writeFileSync(manifest, [...lines.slice(0, kept), lines[kept]?.slice(0, 20)].join('\n'));
    renameSync(out, `${out}.part`);
    const { skipped, maskings } = await maskFiles([file], out, { aligned: 'arcface', resume: true });
    t.is(skipped, kept);
    t.deepEqual(maskings, { plain: 0, mixed: 12, masked: 0 });
    t.deepEqual(readFileSync(out), readFileSync(expected));
  }
  await t.throwsAsync(maskFiles([file], out, { aligned: 'arcface', pairing: 'both', resume: true }), {
    code: 'INVALID_ARGUMENT',
  });
});

test('killed runs are resumed to the same bytes', async (t) => {
  t.timeout(300_000);
  const folder = temporaryFolder(t);
  const { file } = await writeAlignedSet(folder, 300);
  const words = (out: string) => [
    ...['mask', file, '--out', path.join(folder, out, 'set.bin'), '--pairing', 'both'],
    ...['--aligned', 'arcface', '--landmarks', 'template', '--resume'],
  ];
  const start = performance.now();
  const { code, stderr } = await maskbench(words('expected'));
  t.is(code, 0, stderr);
  const milliseconds = performance.now() - start;
  const expected = readFileSync(path.join(folder, 'expected/set.bin'));
  const kills = Number(process.env.MASKBENCH_KILLS ?? 3);
  for (let i = 0; i < kills; i++) {
    await killMaskbench(words(`out${i}`), milliseconds * (0.2 + 0.8 * Math.random()));
    const again = await maskbench(words(`out${i}`));
    t.is(again.code, 0, again.stderr);
    t.true(readFileSync(path.join(folder, `out${i}/set.bin`)).equals(expected));
  }
});

test('a set goes into other forms, and what is no set is refused', async (t) => {
  const folder = temporaryFolder(t);
  const { file } = await writeAlignedSet(folder);
  const at = (name: string) => path.join(folder, name);
  for (const out of ['rec/train.rec', 'tar/a.tar', 'tree'])
    t.is((await maskFiles([file], at(out), { aligned: 'arcface' })).counts.masked, 24, out);
  writeFileSync(at('wrong.bin'), 'no pickle');
  const refused = (inputs: string[], out: string, options: object, message: RegExp) =>
    t.throwsAsync(maskFiles(inputs.map(at), at(out), { aligned: 'arcface', ...options }), { message });
  await refused(['wrong.bin'], 'x/x.bin', {}, /wrong\.bin: not a verification set/);
  await refused(['tree'], 'x/x.bin', {}, /expected one verification set \(\.bin\) as the input; "pairs export"/);
  await refused(['crops.bin', 'tree'], 'x/x.bin', {}, /expected one verification set/);
  await refused(['crops.bin'], 'x/x.bin', { contents: 'both' }, /contents/);
  await refused(['crops.bin'], 'x/x.rec', { pairing: 'both' }, /pairing/);
  await refused(['crops.bin'], 'crops.bin', { overwrite: true }, /the output is the input itself/);
  await refused(['crops.bin'], 'x/x.bin', { pairing: 'odd' }, /one-of-each/);
  await refused(['none.bin'], 'x/x.bin', {}, /none\.bin: cannot be read/);
});

test('wrong uses of import and export are told apart', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('masked.txt'), 'a.jpg masked_b.jpg 0 1 1\n');
  const refused = async (args: string[], code: number, message: RegExp) => {
    const run = await maskbench(args);
    t.is(run.code, code, run.stderr);
    t.regex(run.stderr, message);
  };
  await refused(
    ['pairs', 'export', at('masked.txt'), '--pairing', 'both', '--out', at('x.bin')],
    2,
    /expected plain photos only/,
  );
  await refused(['pairs', 'export', at('none.txt'), '--out', at('x.bin')], 1, /none\.txt: cannot be read/);
  await refused(['pairs', 'import', at('masked.txt'), '--out', at('x')], 1, /masked\.txt: not a verification set/);
  await refused(['pairs', 'import', at('none.bin'), '--out', at('x')], 1, /none\.bin: cannot be read/);
  await refused(['pairs', 'export', at('masked.txt'), '--pairing', 'odd', '--out', at('x.bin')], 2, /one-of-each/);
  t.deepEqual(Object.keys(hashTree(folder)), ['masked.txt']);
});

test('images of every readable format keep their format as files', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'set.bin');
  const png = (await faceCrops())[0] as Buffer;
  const images = ['RIFFxxxxWEBP', 'BM\x40\0\0\0\0\0\0\0', 'II*\0', 'P6 1 1 255', 'GIF89a'].map((start) =>
    Buffer.from(start, 'latin1'),
  );
  await writeVerificationSet(file, { images: [png, ...images], genuine: [false, false, false] });
  const { pairs } = await importVerificationSet(file, path.join(folder, 'out'));
  t.deepEqual(
    pairs.flatMap(({ reference, probe }) => [reference, probe].map((name) => path.extname(name))),
    ['.png', '.webp', '.bmp', '.tiff', '.pnm', '.jpg'],
  );
});
