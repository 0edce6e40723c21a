import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type Box, Embedder, embedFiles, type IndexLine, type ManifestLine, Masker, verifyPhotos } from 'maskbench';
import { generateCorpora } from 'maskbench/datasets';
import { writeBystanders } from '../support/faces.js';
import { hasShared, maskbench, shared, temporaryFolder } from '../support/files.js';

const jsonLines = <T>(file: string): T[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const isCentral = ({ left, right }: Box) => left < 360 && right > 360;

test('the face nearest the centre is masked, embedded and verified with select central', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writeBystanders(folder, ['a.jpg', 'b.jpg']);
  const { code, stderr } = await maskbench(['mask', at('a.jpg'), '--out', at('masked'), '--select', 'central']);
  t.is(code, 0, stderr);
  const [line] = jsonLines<ManifestLine>(at('masked/manifest.jsonl'));
  t.is(line?.faces.length, 2);
  t.deepEqual(
    line?.faces.filter(({ masked }) => masked).map(({ box }) => isCentral(box)),
    [true],
  );
  const masker = await Masker.open();
  const { faces } = await masker.mask(at('a.jpg'));
  t.deepEqual(
    faces.filter(({ masked }) => masked).map(({ box }) => isCentral(box)),
    [false],
  );
  const embedder = await Embedder.open();
  const central = await embedder.embedOne(at('a.jpg'), { select: 'central' });
  t.true(isCentral(central.face?.box as Box));
  const largest = await embedder.embedOne(at('a.jpg'));
  t.false(isCentral(largest.face?.box as Box));
  const other = await embedder.embedOne(at('b.jpg'), { select: 'central' });
  const { similarity } = await verifyPhotos(at('a.jpg'), at('b.jpg'), { select: 'central' });
  t.is(similarity, embedder.similarity(central.vector, other.vector));
  const verified = await maskbench(['verify', at('a.jpg'), at('b.jpg'), '--select', 'central', '--json']);
  t.is(JSON.parse(verified.stdout).similarity, similarity);
  const embedded = await maskbench(['embed', at('a.jpg'), '--select', 'central', '--out', at('a.npy')]);
  t.is(embedded.code, 0, embedded.stderr);
  t.deepEqual(readFileSync(at('a.npy')).subarray(128), Buffer.from(central.vector.buffer));
});

test('data sets with the person in the middle are masked there, others as the paper does', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  for (const name of ['lfw', 'folders']) await writeBystanders(at(`base/${name}`), ['p/1.jpg']);
  await generateCorpora(at('base'), at('out'));
  await generateCorpora(at('base'), at('paper'), { only: ['lfw'], select: 'largest' });
  for (const [corpus, expected] of [
    ['out/lfw', 'central'],
    ['out/folders', 'largest'],
    ['paper/lfw', 'largest'],
  ] as const) {
    t.is(JSON.parse(readFileSync(at(`${corpus}/dataset.json`), 'utf8')).options.select, expected);
    const masked = jsonLines<ManifestLine>(at(`${corpus}/manifest.jsonl`)).flatMap(({ faces }) =>
      faces.filter((face) => face.masked),
    );
    t.deepEqual(
      masked.map(({ box }) => isCentral(box)),
      [expected === 'central'],
    );
  }
});

// The masked person is one whom dlib's detector does not see.
test('a bystander is never embedded as the masked person', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writeBystanders(at('base/lfw'), ['p/1.jpg']);
  await generateCorpora(at('base'), at('out'));
  const statuses = (name: string) =>
    jsonLines<IndexLine>(at(name))
      .map(({ masked, status, search, row }) => [masked, status, search ?? '', row !== null])
      .sort();
  const auto = await embedFiles([at('out/lfw')], at('auto.npy'), { detector: 'hog' });
  t.deepEqual(statuses('auto.jsonl'), [
    [false, 'detected', '', true],
    [true, 'manifest', 'wrong-face', true],
  ]);
  t.deepEqual(auto.counts, { plain: { detected: 1 }, masked: { manifest: 1 } });
  t.deepEqual(
    auto.acquisition.map(({ plain, masked }) => [plain.wrongFace, masked.wrongFace]),
    [[0, 1]],
  );
  const { code, stdout, stderr } = await maskbench([
    'embed',
    at('out/lfw'),
    '--face-source',
    'search',
    '--detector',
    'hog',
    '--out',
    at('search.npy'),
  ]);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  t.regex(stdout, /^plain: 1 detected\nmasked: 1 wrong-face\n/);
  t.deepEqual(statuses('search.jsonl')[1], [true, 'wrong-face', '', false]);
  const embedder = await Embedder.open({ detector: 'hog' });
  const twin = at('out/lfw/p/masked_1.jpg');
  const { face } = await embedder.embedOne(twin);
  const box = face?.box as Box;
  const expected = { left: 310, top: 310, right: 410, bottom: 410 };
  await t.throwsAsync(embedder.embed([{ image: twin, expected }]), { code: 'WRONG_FACE' });
  t.true((await embedder.embed([{ image: twin, expected }], { missing: 'nan' })).every(Number.isNaN));
  t.truthy((await embedder.embedOne({ image: twin, expected: box })).face);
  await t.throwsAsync(embedder.embed([{ image: twin, expected: { ...box, right: -1 } }]), { code: 'INVALID_ARGUMENT' });
});

test('an unfinished corpus is embedded with a warning, and shards are refused', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writeBystanders(at('base/lfw'), ['p/1.jpg', 'q/1.jpg']);
  await generateCorpora(at('base'), at('out'));
  const description = JSON.parse(readFileSync(at('out/lfw/dataset.json'), 'utf8'));
  writeFileSync(at('out/lfw/dataset.json'), JSON.stringify({ ...description, complete: false }));
  const { code, stderr } = await maskbench(['embed', at('out/lfw'), '--out', at('v.npy')]);
  t.is(code, 0);
  t.regex(stderr, /lfw: the corpus is not finished; only its photos so far are embedded/);
  await generateCorpora(at('base'), at('shards'), { shard: { index: 1, count: 2 } });
  await t.throwsAsync(embedFiles([at('shards/lfw')], at('w.npy')), {
    code: 'INVALID_ARGUMENT',
    message: /expected a whole corpus, found shards; merge them/,
  });
});

(hasShared ? test : test.skip)(
  'in photos of LFW with a larger face than the person’s, the person is chosen',
  async (t) => {
    const masker = await Masker.open({ select: 'central' });
    for (const name of ['Gwyneth_Paltrow_0003', 'Rita_Moreno_0002', 'Heather_Mills_0002', 'Ali_Naimi_0003']) {
      const photo = path.join(shared, 'lfw-sample', name.slice(0, -5), `${name}.jpg`);
      const { faces } = await masker.mask(photo);
      const area = ({ box: { left, top, right, bottom } }: { box: Box }) => (right - left + 1) * (bottom - top + 1);
      const [largest] = faces.toSorted((a, b) => area(b) - area(a));
      const chosen = faces.find(({ masked }) => masked);
      t.false(largest?.masked, name);
      t.true((chosen?.box.left as number) < 125 && (chosen?.box.right as number) > 125, name);
    }
  },
);
