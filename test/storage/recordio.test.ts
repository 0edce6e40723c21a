import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { embedFiles, type ManifestLine, maskFiles, readIndex } from 'maskbench';
import { maskStored, openSink, openSource, type Sink, type Source, type StoredPhoto } from 'maskbench/storage';
import sharp from 'sharp';
import { alignedCrops } from '../support/aligned.js';
import { killMaskbench, maskbench, sha256, temporaryFolder } from '../support/files.js';
import { pythonHas, runPython } from '../support/python.js';

interface PlainRecord {
  key: number;
  labels: number[];
  image: Buffer;
}

const script = readFileSync(path.join(import.meta.dirname, 'recordio.py'), 'utf8').replace(
  'json.load(sys.stdin)',
  'data',
);
const withPython = pythonHas('struct') ? test : test.skip;

function writeByPython(prefix: string, records: PlainRecord[]): void {
  runPython(script, { prefix, records: records.map((record) => ({ ...record, image: record.image.toString('hex') })) });
}

function readByPython(prefix: string): (PlainRecord & { flag: number })[] {
  return runPython<{ key: number; flag: number; labels: number[]; image: string }[]>(script, { prefix }).map(
    (record) => ({ ...record, image: Buffer.from(record.image, 'hex') }),
  );
}

const manifestOf = (folder: string): ManifestLine[] =>
  readFileSync(path.join(folder, 'manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

async function photosOf(source: Source, from = 0): Promise<StoredPhoto[]> {
  const all: StoredPhoto[] = [];
  for await (const photos of source.photos(from)) all.push(...photos);
  return all;
}

/** A set as InsightFace lays it out: record 0, the images of identities of three each, the identities' ranges. */
async function insightFaceSet(t: ExecutionContext, count: number): Promise<{ folder: string; images: Buffer[] }> {
  const folder = path.join(temporaryFolder(t), 'faces');
  mkdirSync(folder);
  const images = await alignedCrops(count);
  const identities = Math.ceil(count / 3);
  writeByPython(path.join(folder, 'train'), [
    { key: 0, labels: [count + 1, count + 1 + identities], image: Buffer.alloc(0) },
    ...images.map((image, i) => ({ key: i + 1, labels: [Math.floor(i / 3)], image })),
    ...Array.from({ length: identities }, (_, i) => ({
      key: count + 1 + i,
      labels: [1 + 3 * i, Math.min(1 + 3 * (i + 1), count + 1)],
      image: Buffer.alloc(0),
    })),
  ]);
  writeFileSync(path.join(folder, 'property'), `${identities},112,112\n`);
  return { folder, images };
}

const magic = Buffer.from([0x0a, 0x23, 0xd7, 0xce]);
const payload = fc
  .array(fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.constant(magic), fc.constant(Buffer.concat([magic, magic]))), {
    minLength: 1,
    maxLength: 8,
  })
  .map((pieces) => Buffer.concat(pieces))
  .filter(({ length }) => length > 0);
// JSON, by which Python gets them, has no negative zero.
const label = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0);
const labels = fc.oneof(fc.tuple(label), fc.array(label, { minLength: 2, maxLength: 4 }));
const records = fc.uniqueArray(fc.record({ key: fc.nat(1_000_000), labels, image: payload }), {
  selector: ({ key }) => key,
  minLength: 1,
  maxLength: 12,
});

withPython('any records survive our reader and writer byte for byte, and Python reads what is written', async (t) => {
  const folder = temporaryFolder(t);
  let number = 0;
  await fc.assert(
    fc.asyncProperty(records, async (given) => {
      const prefix = path.join(folder, String(number++));
      writeByPython(prefix, given);
      const source = await openSource([`${prefix}.rec`]);
      const photos = await photosOf(source);
      t.is(await source.count(), given.length);
      t.deepEqual(
        photos.map(({ key, labels, input }) => [key, labels, Buffer.from(input as Uint8Array)]),
        given.map(({ key, labels, image }) => [`${path.basename(prefix)}.rec/${key}`, labels, image]),
      );
      const out = `${prefix}-out`;
      const sink = (await openSink(`${out}.rec`, [])) as Sink;
      await sink.open();
      for (const photo of photos) sink.put(photo, photo.input as Uint8Array);
      await sink.finish();
      t.deepEqual(
        readByPython(out).map(({ flag: _, ...record }) => record),
        readByPython(prefix).map(({ flag: _, ...record }) => record),
      );
      t.deepEqual(readFileSync(`${out}.rec`), readFileSync(`${prefix}.rec`));
      t.deepEqual(readFileSync(`${out}.idx`), readFileSync(`${prefix}.idx`));
    }),
    { numRuns: 40 },
  );
});

withPython('a set keeps its keys, labels, record 0 and ranges; its twins are those of the same files', async (t) => {
  const { folder, images } = await insightFaceSet(t, 20);
  const out = path.join(folder, 'out/train.rec');
  const summary = await maskFiles([path.join(folder, 'train.rec')], out, {
    aligned: 'arcface',
    landmarks: 'template',
    color: 'lightblue',
  });
  t.is(summary.counts.masked, 20);
  t.is(readFileSync(path.join(folder, 'out/property'), 'utf8'), '7,112,112\n');
  const [before, after] = [path.join(folder, 'train'), path.join(folder, 'out/train')].map(readByPython);
  t.deepEqual(
    after?.map(({ key, labels, flag }) => [key, labels, flag]),
    before?.map(({ key, labels, flag }) => [key, labels, flag]),
  );
  const files = path.join(folder, 'files');
  mkdirSync(files);
  for (const [i, image] of images.entries()) writeFileSync(path.join(files, `${i + 1}.jpg`), image);
  await maskFiles([files], path.join(folder, 'masked'), {
    aligned: 'arcface',
    landmarks: 'template',
    color: 'lightblue',
  });
  for (const { key, image } of after?.slice(1, 21) ?? [])
    t.deepEqual(image, readFileSync(path.join(folder, `masked/masked_${key}.jpg`)));
  const lines = manifestOf(path.join(folder, 'out'));
  t.deepEqual(
    lines.map(({ input, output, identity }) => [input, output, identity]),
    images.map((_, i) => [`train.rec/${i + 1}`, `train.rec/${i + 1}`, String(Math.floor(i / 3))]),
  );
});

withPython('an identity without a range of keys is named where records are numbered anew', async (t) => {
  const folder = path.join(temporaryFolder(t), 'faces');
  mkdirSync(folder);
  const [image] = await alignedCrops(1);
  writeByPython(path.join(folder, 'train'), [
    { key: 0, labels: [2, 3], image: Buffer.alloc(0) },
    { key: 1, labels: [0], image: image as Buffer },
    { key: 2, labels: [1], image: Buffer.alloc(0) },
  ]);
  const out = path.join(folder, 'both/train.rec');
  const masked = maskFiles([path.join(folder, 'train.rec')], out, { aligned: 'arcface', contents: 'both' });
  await t.throwsAsync(masked, {
    code: 'UNREADABLE',
    message: /^train.rec\/2: expected a range of two keys in the record of an identity$/,
  });
});

withPython('photos and twins together are numbered anew, with record 0 and the ranges', async (t) => {
  const { folder, images } = await insightFaceSet(t, 8);
  const out = path.join(folder, 'both/train.rec');
  await maskFiles([path.join(folder, 'train.rec')], out, { aligned: 'arcface', contents: 'both' });
  const made = readByPython(path.join(folder, 'both/train'));
  t.deepEqual(made[0]?.labels, [17, 20]);
  t.deepEqual(
    made.slice(17).map(({ key, labels }) => [key, labels]),
    [
      [17, [1, 7]],
      [18, [7, 13]],
      [19, [13, 17]],
    ],
  );
  for (const [i, image] of images.entries()) {
    t.deepEqual(made[1 + 2 * i]?.image, image);
    t.notDeepEqual(made[2 + 2 * i]?.image, image);
    t.deepEqual(made[2 + 2 * i]?.labels, [Math.floor(i / 3)]);
  }
  t.deepEqual(
    manifestOf(path.join(folder, 'both')).map(({ copy, output }) => [copy, output]),
    images.map((_, i) => [`train.rec/${1 + 2 * i}`, `train.rec/${2 + 2 * i}`]),
  );
});

withPython('embed reads a set, and the manifest beside it says what is masked', async (t) => {
  const { folder, images } = await insightFaceSet(t, 6);
  const [plain, both] = [path.join(folder, 'train.rec'), path.join(folder, 'both/train.rec')];
  await maskFiles([plain], both, { aligned: 'arcface', contents: 'both' });
  const out = path.join(folder, 'v.npy');
  const { rows } = await embedFiles([plain, both], out, { crops: true });
  t.is(rows, 18);
  const index = await readIndex(path.join(folder, 'v.jsonl'));
  t.deepEqual(
    index.slice(0, 6).map(({ path: name, identity, masked }) => [name, identity, masked]),
    [0, 1, 2, 3, 4, 5].map((i) => [`train.rec/${i + 1}`, String(Math.floor(i / 3)), false]),
  );
  t.deepEqual(
    index.slice(6).map(({ photo, masked }) => [photo, masked]),
    Array.from({ length: 12 }, (_, i) => [`train.rec/${1 + (i >> 1)}`, i % 2 === 1]),
  );
  const vectors = readFileSync(out).subarray(128);
  const row = (i: number) => vectors.subarray((i * vectors.length) / 18, ((i + 1) * vectors.length) / 18);
  t.deepEqual(row(6), row(0));
  t.notDeepEqual(row(7), row(0));
  const files = path.join(folder, 'files');
  mkdirSync(files);
  for (const [i, image] of images.entries()) writeFileSync(path.join(files, `${i}.jpg`), image);
  await embedFiles([files], path.join(folder, 'files.npy'), { crops: true });
  t.deepEqual(readFileSync(path.join(folder, 'files.npy')).subarray(128), vectors.subarray(0, vectors.length / 3));
});

withPython('folders become a set and sets become folders', async (t) => {
  const { folder } = await insightFaceSet(t, 4);
  const files = path.join(folder, 'people');
  for (const [i, image] of (await alignedCrops(4)).entries()) {
    const person = path.join(files, `p${i >> 1}`);
    mkdirSync(person, { recursive: true });
    writeFileSync(path.join(person, `${i}.jpg`), image);
  }
  await maskFiles([files], path.join(folder, 'made/train.rec'), { aligned: 'arcface' });
  t.deepEqual(
    readByPython(path.join(folder, 'made/train')).map(({ key, labels }) => [key, labels]),
    [
      [1, [0]],
      [2, [0]],
      [3, [1]],
      [4, [1]],
    ],
  );
  const { counts } = await maskFiles([path.join(folder, 'train.rec')], path.join(folder, 'tree'), {
    aligned: 'arcface',
  });
  t.is(counts.masked, 4);
  const outputs = manifestOf(path.join(folder, 'tree')).map(({ output }) => output);
  t.true(outputs.includes('train.rec/masked_1.jpg'), outputs.join());
  const png = await sharp((await alignedCrops(1))[0])
    .png()
    .toBuffer();
  writeByPython(path.join(folder, 'pngs'), [{ key: 1, labels: [0], image: png }]);
  await maskFiles([path.join(folder, 'pngs.rec')], path.join(folder, 'png-tree'), { aligned: 'arcface' });
  const twin = path.join(folder, 'png-tree/pngs.rec/masked_1.png');
  t.is((await sharp(twin).metadata()).format, 'png');
});

withPython('broken records are reported, and the rest goes through', async (t) => {
  const { folder } = await insightFaceSet(t, 9);
  const [rec, idx] = [path.join(folder, 'train.rec'), path.join(folder, 'train.idx')];
  const lines = readFileSync(idx, 'utf8').trim().split('\n');
  const offset = (i: number) => Number(lines[i]?.split('\t')[1]);
  const bytes = readFileSync(rec);
  bytes.writeUInt32LE(0x1fffffff, offset(2) + 4); // a length beyond the file
  bytes.writeUInt32LE(0xffffffff, offset(3) + 8); // labels
  bytes.fill(0, offset(4), offset(4) + 4); // no magic
  bytes.writeUInt32LE(0x60000010, offset(5) + 4); // a last part alone
  bytes.writeUInt32LE(0, offset(6) + 4); // nothing
  bytes.fill(7, offset(7) + 8 + 24, offset(7) + 200); // no image
  writeFileSync(rec, bytes);
  const shuffled = [...lines.slice(5), ...lines.slice(0, 5), `1\t${offset(8)}`];
  writeFileSync(idx, `${shuffled.join('\n')}\n`);
  const out = path.join(folder, 'out/train.rec');
  const summary = await maskFiles([rec], out, { aligned: 'arcface' });
  t.is(summary.counts.failed, 0);
  const results = Object.fromEntries(
    manifestOf(path.join(folder, 'out')).map(({ input, status, error }) => [input, error ?? status]),
  );
  t.is(results['train.rec/9'], 'masked');
  for (const [key, expected] of [
    [2, /train\.rec\/2: .*declares 536870911 bytes/],
    [3, /declares 4294967295 labels/],
    [4, /no record begins here/],
    [5, /continuation flag 3/],
    [6, /0 bytes/],
    [7, /train\.rec\/7: not an image|train\.rec\/7: .*/],
  ] as const)
    t.regex(results[`train.rec/${key}`] ?? '', expected);
  t.true(summary.problems.some(({ message }) => message.includes('the same key (1)') || message.includes('runs')));
});

withPython('lines of an index that point into a record do not spoil it', async (t) => {
  const { folder } = await insightFaceSet(t, 5);
  const [rec, idx] = [path.join(folder, 'train.rec'), path.join(folder, 'train.idx')];
  const lines = readFileSync(idx, 'utf8').trim().split('\n');
  const offset = (i: number) => Number(lines[i]?.split('\t')[1]);
  const inside = [offset(2) + 4, offset(2) + 100, offset(4) + 8].map((at, i) => `${50 + i}\t${at}`);
  writeFileSync(idx, `${[...inside, ...lines, `9\t${10 ** 15}`].join('\n')}\n`);
  const source = await openSource([rec]);
  const photos = await photosOf(source);
  const problems = photos.filter(({ problem }) => problem !== undefined);
  t.deepEqual(
    photos.filter(({ input }) => input !== undefined).map(({ key }) => key),
    [1, 2, 3, 4, 5].map((key) => `train.rec/${key}`),
  );
  t.deepEqual(
    problems.map(({ key }) => key),
    [50, 51, 52, 9].map((key) => `train.rec/${key}`),
  );
});

withPython('a truncated set is reported, and resumed when it is whole', async (t) => {
  const { folder } = await insightFaceSet(t, 12);
  const rec = path.join(folder, 'train.rec');
  const whole = readFileSync(rec);
  const expected = path.join(folder, 'expected/train.rec');
  await maskFiles([rec], expected, { aligned: 'arcface', contents: 'both' });
  truncateSync(rec, Math.floor(whole.length * 0.6));
  const out = path.join(folder, 'out/train.rec');
  const options = { aligned: 'arcface', contents: 'both' } as const;
  const first = await maskFiles([rec], out, options);
  t.true(first.counts.failed > 0 && first.counts.masked > 0);
  t.regex(first.problems[0]?.message ?? '', /the file is truncated/);
  writeFileSync(rec, whole);
  const second = await maskFiles([rec], out, { ...options, resume: true });
  t.is(second.counts.failed, 0);
  t.is(second.skipped + second.counts.masked, 12);
  for (const name of ['train.rec', 'train.idx'])
    t.is(
      sha256(readFileSync(path.join(folder, 'out', name))),
      sha256(readFileSync(path.join(folder, 'expected', name))),
    );
});

withPython('a truncated index and lines that are none are errors', async (t) => {
  const { folder } = await insightFaceSet(t, 9);
  const idx = path.join(folder, 'train.idx');
  const lines = readFileSync(idx, 'utf8').trim().split('\n');
  writeFileSync(idx, `${lines.slice(0, 6).join('\n')}\n`);
  const { counts, problems } = await maskFiles([path.join(folder, 'train.rec')], path.join(folder, 'a/train.rec'), {
    aligned: 'arcface',
  });
  t.is(counts.masked, 5);
  t.is(counts.failed, 1);
  t.regex(problems[0]?.message ?? '', /bytes behind the last record of the index have no line in it/);
  appendFileSync(idx, 'seven\t70\n');
  await t.throwsAsync(openSource([path.join(folder, 'train.rec')]), {
    code: 'UNREADABLE',
    message: /line 7: expected a key/,
  });
  await t.throwsAsync(openSource([path.join(folder, 'none.rec')]), { code: 'NOT_FOUND' });
});

withPython('a fresh run replaces nothing, and a resumed one needs the same options', async (t) => {
  const { folder } = await insightFaceSet(t, 3);
  const [rec, out] = [path.join(folder, 'train.rec'), path.join(folder, 'out/train.rec')];
  await maskFiles([rec], out, { aligned: 'arcface' });
  const before = readFileSync(out);
  await t.throwsAsync(maskFiles([rec], out, { aligned: 'arcface' }), { code: 'OUTPUT_EXISTS' });
  const manifest = path.join(folder, 'other.jsonl');
  mkdirSync(path.join(folder, 'taken'));
  writeFileSync(path.join(folder, 'taken/property'), 'of another set');
  await t.throwsAsync(maskFiles([rec], path.join(folder, 'taken/train.rec'), { aligned: 'arcface' }), {
    code: 'OUTPUT_EXISTS',
    message: /property/,
  });
  await t.throwsAsync(maskFiles([rec], out, { aligned: 'arcface', manifest }), { code: 'OUTPUT_EXISTS' });
  await t.throwsAsync(maskFiles([rec], rec, { aligned: 'arcface', manifest }), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(maskFiles([rec], out, { aligned: 'arcface', contents: 'both', resume: true }), {
    code: 'INVALID_ARGUMENT',
  });
  t.is((await maskFiles([rec], out, { aligned: 'arcface', resume: true })).skipped, 3);
  t.deepEqual(readFileSync(out), before);
  await maskFiles([rec], out, { aligned: 'arcface', overwrite: true, color: 'red' });
  t.notDeepEqual(readFileSync(out), before);
});

test('a source and a sink of your own', async (t) => {
  const images = await alignedCrops(5);
  const taken: string[] = [];
  const source: Source = {
    name: 'mine',
    count: async () => images.length,
    photos: async function* (from) {
      yield images.slice(from).map((input, i) => ({ key: `mine/${from + i}`, input }));
    },
  };
  const sink: Sink = {
    name: 'yours',
    open: async () => {},
    put: ({ key }, twin) => {
      taken.push(`${key} ${twin && twin.length > 0}`);
      return { output: key, end: { file: 'yours', bytes: taken.length } };
    },
    flush: async () => {},
    finish: async () => void taken.push('finished'),
    close: async () => {},
  };
  await maskStored(source, sink, { aligned: 'arcface' });
  t.deepEqual(taken, [...images.map((_, i) => `mine/${i} true`), 'finished']);
});

withPython('a killed run is resumed to the same bytes', async (t) => {
  t.timeout(300_000);
  const { folder } = await insightFaceSet(t, 600);
  const words = (out: string) => [
    ...['mask', path.join(folder, 'train.rec'), '--out', path.join(folder, out, 'train.rec')],
    ...['--aligned', 'arcface', '--landmarks', 'template', '--contents', 'both', '--resume'],
  ];
  const start = performance.now();
  const { code, stderr } = await maskbench(words('expected'));
  t.is(code, 0, stderr);
  const milliseconds = performance.now() - start;
  const kills = Number(process.env.MASKBENCH_KILLS ?? 3);
  for (let i = 0; i < kills; i++) {
    await killMaskbench(words(`out${i}`), milliseconds * (0.2 + 0.8 * Math.random()));
    const again = await maskbench(words(`out${i}`));
    t.is(again.code, 0, again.stderr);
    for (const name of ['train.rec', 'train.idx', 'property'])
      t.true(
        readFileSync(path.join(folder, `out${i}`, name)).equals(readFileSync(path.join(folder, 'expected', name))),
        name,
      );
    t.deepEqual(manifestOf(path.join(folder, `out${i}`)), manifestOf(path.join(folder, 'expected')));
  }
});
