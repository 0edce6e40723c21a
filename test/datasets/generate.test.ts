import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { ManifestLine } from 'maskbench';
import { generateCorpora, layouts, mergeShards, summarizeCorpora } from 'maskbench/datasets';
import { writePhotos } from '../support/faces.js';
import { hashTree, killMaskbench, maskbench, temporaryFolder } from '../support/files.js';

const lines = (corpus: string): ManifestLine[] =>
  readFileSync(path.join(corpus, 'manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const comparable = (corpus: string) =>
  lines(corpus)
    .map((line) => JSON.stringify(line))
    .sort();
/** The photos of a corpus, by relative path. */
const photos = (corpus: string) =>
  Object.fromEntries(
    Object.entries(hashTree(corpus)).filter(([name]) => !/^(manifest.*\.jsonl|dataset.*\.json)$/.test(name)),
  );

interface Case {
  files: { name: string; face?: boolean }[];
  texts?: Record<string, string>;
  expected: string[];
  problems?: string[];
}

/** Each layout in small, and every path that must come of it. */
const cases: Record<string, Case> = {
  celeba: {
    files: [
      { name: 'images/000001.png' },
      { name: 'images/000002.png', face: false },
      { name: 'images/000003.png' },
      { name: 'images/000009.png' },
    ],
    texts: { 'identity_CelebA.txt': '000001.jpg 2880\n000002.jpg 2880\n000003.jpg 11\n000004.jpg 11\n' },
    expected: ['11/000003.png', '11/masked_000003.png', '2880/000001.png', '2880/masked_000001.png'],
    problems: [
      'celeba/images/000004.jpg: listed in identity_CelebA.txt, but not there',
      'celeba/images/000009.png: not in identity_CelebA.txt',
    ],
  },
  fei_face_frontal: {
    files: [{ name: '1a.jpg' }, { name: '1b.jpg', face: false }, { name: '12a.jpg' }],
    expected: ['1/1a.jpg', '1/1b.jpg', '1/masked_1a.jpg', '12/12a.jpg', '12/masked_12a.jpg'],
  },
  fei_face_original: {
    files: [{ name: '1-05.jpg' }, { name: '1-01.jpg' }, { name: '1-14.jpg', face: false }, { name: '12-11.jpg' }],
    expected: ['1/1-05.jpg', '1/1-14.jpg', '1/masked_1-05.jpg', '12/12-11.jpg', '12/masked_12-11.jpg'],
  },
  georgia_tech: {
    files: [
      { name: 's01/01.jpg' },
      { name: 's01/02.jpg', face: false },
      { name: 's01/masked_01.jpg' },
      { name: 'loose.jpg' },
    ],
    expected: ['s01/01.jpg', 's01/masked_01.jpg'],
  },
  lfw: {
    files: [
      { name: 'Ana María Ñ/Ana_0001.jpg' },
      { name: 'Ana María Ñ/Ana_0002.jpg' },
      { name: 'Bo/Bo_0001.jpg', face: false },
      { name: 'Line\nBreak/x.jpg' },
    ],
    expected: [
      'Ana María Ñ/Ana_0001.jpg',
      'Ana María Ñ/Ana_0002.jpg',
      'Ana María Ñ/masked_Ana_0001.jpg',
      'Ana María Ñ/masked_Ana_0002.jpg',
      'Line\nBreak/masked_x.jpg',
      'Line\nBreak/x.jpg',
    ],
  },
  sof_original: {
    files: [
      { name: 'AbdA_00001_m_31.jpg' },
      { name: 'AbdA_00002_m_31.jpg', face: false },
      { name: '_x.jpg' },
      { name: 'noidentity.jpg' },
    ],
    expected: ['AbdA/AbdA_00001_m_31.jpg', 'AbdA/AbdA_00002_m_31.jpg', 'AbdA/masked_AbdA_00001_m_31.jpg'],
    problems: [
      'sof_original/_x.jpg: its name has no identity',
      'sof_original/noidentity.jpg: its name has no identity',
    ],
  },
  in_house: {
    files: [{ name: 'mask/p001_1.jpg' }, { name: 'no_mask/p001_2.jpg' }, { name: 'no_mask/x_-_p002.jpg', face: false }],
    expected: ['p001/masked_p001_1.jpg', 'p001/p001_2.jpg', 'p002/x_-_p002.jpg'],
  },
  rmfd: {
    files: [{ name: 'AFDB_face_dataset/li/0.jpg' }, { name: 'AFDB_masked_face_dataset/li/0.jpg' }],
    expected: ['li/0.jpg', 'li/masked_0.jpg'],
  },
  mfr2: {
    files: [{ name: 'Adele/Adele_0001.png' }, { name: 'Adele/Adele_0002.png' }, { name: 'Adele/Adele_0003.png' }],
    texts: { 'mfr2_labels.txt': 'person, number, mask type\nAdele, 1, no-mask\nAdele, 2, surgical\n' },
    expected: ['Adele/Adele_0001.png', 'Adele/masked_Adele_0002.png'],
    problems: ['mfr2/Adele/Adele_0003.png: not in mfr2_labels.txt'],
  },
  folders: {
    files: [{ name: 'me/1.png' }, { name: 'me/2.png', face: false }],
    expected: ['me/1.png', 'me/2.png', 'me/masked_1.png'],
  },
};

for (const [name, { files, texts = {}, expected, problems = [] }] of Object.entries(cases))
  test(`${name}: every path of the corpus is as its rules say`, async (t) => {
    const folder = temporaryFolder(t);
    const base = path.join(folder, 'base');
    const out = path.join(folder, 'out');
    await writePhotos(path.join(base, name), files);
    for (const [file, text] of Object.entries(texts)) writeFileSync(path.join(base, name, file), text);
    const before = hashTree(base);
    const [done] = await generateCorpora(base, out);
    t.deepEqual(hashTree(base), before);
    t.deepEqual(Object.keys(photos(path.join(out, name))).sort(), [...expected].sort());
    t.deepEqual(done?.summary?.problems.map(({ message }) => path.relative(base, message)).sort(), problems);
    const description = JSON.parse(readFileSync(path.join(out, name, 'dataset.json'), 'utf8'));
    t.is(description.layout, name);
    t.true(description.complete);
    t.regex(description.terms, /derivative under the same terms/);
    for (const { copy, output } of lines(path.join(out, name)))
      for (const file of [copy, output]) t.true(file === undefined || existsSync(path.join(out, name, file)));
  });

test('every layout has a test here', (t) => {
  t.deepEqual([...Object.keys(cases), 'youtube_faces'].sort(), layouts.map(({ name }) => name).sort());
});

test('youtube_faces: up to 15 frames are drawn a video, in that order until 6 are masked', async (t) => {
  const folder = temporaryFolder(t);
  const base = path.join(folder, 'base');
  const frames = Array.from({ length: 20 }, (_, i) => ({ name: `Ann/0/${i}.jpg`, face: i % 3 > 0 }));
  await writePhotos(path.join(base, 'youtube_faces'), [
    ...frames,
    { name: 'Ann/1/1.png' },
    { name: 'Bob/2/5.jpg', face: false },
  ]);
  const make = async (out: string, seed: number) => {
    await generateCorpora(base, path.join(folder, out), { seed });
    return lines(path.join(folder, out, 'youtube_faces'));
  };
  const met = await make('a', 1);
  const first = met.filter(({ input }) => input.startsWith('Ann/0/'));
  t.is(first.filter(({ status }) => status === 'masked').length, 6);
  t.is(first.at(-1)?.status, 'masked');
  t.true(first.length <= 15);
  for (const { input, copy } of met) t.is(copy, input.replace(/^(\w+)\/(\d)\//, '$1/$2_'));
  t.is(met.find(({ input }) => input.startsWith('Bob'))?.status, 'no-face');
  t.deepEqual((await make('b', 1)).map(({ input }) => input).sort(), met.map(({ input }) => input).sort());
  t.notDeepEqual((await make('c', 2)).map(({ input }) => input).sort(), met.map(({ input }) => input).sort());
});

async function lfwOf(folder: string, count: number): Promise<string> {
  const base = path.join(folder, 'base');
  await writePhotos(
    path.join(base, 'lfw'),
    Array.from({ length: count }, (_, i) => ({ name: `P${i % 11}/P${i % 11}_${i}.jpg`, face: i % 9 > 0 })),
  );
  return base;
}

test('killed at random moments and resumed, a corpus equals an uninterrupted one', async (t) => {
  const folder = temporaryFolder(t);
  const base = await lfwOf(folder, 60);
  const options = { style: 'random', color: 'random', seed: 4 } as const;
  await generateCorpora(base, path.join(folder, 'whole'), options);
  const args = [
    'dataset',
    'generate',
    '--base',
    base,
    '--out',
    path.join(folder, 'killed'),
    '--resume',
    '--style',
    'random',
    '--color',
    'random',
    '--seed',
    '4',
  ];
  for (const milliseconds of [200, 320, 430, 560, 700]) await killMaskbench(args, milliseconds);
  t.is((await maskbench(args)).code, 0);
  const [whole, killed] = [path.join(folder, 'whole/lfw'), path.join(folder, 'killed/lfw')];
  t.deepEqual(photos(killed), photos(whole));
  t.deepEqual(comparable(killed), comparable(whole));
  t.is(new Set(lines(killed).map(({ input }) => input)).size, 60);
  const before = hashTree(killed);
  const again = await maskbench(args.filter((arg) => arg !== '--resume'));
  t.is(again.code, 0);
  t.regex(again.stdout, /nothing to do/);
  t.deepEqual(hashTree(killed), before);
});

test('shards merged equal one run', async (t) => {
  const folder = temporaryFolder(t);
  const base = await lfwOf(folder, 30);
  const options = { style: 'random', color: 'random', seed: 9 } as const;
  await generateCorpora(base, path.join(folder, 'whole'), options);
  const out = path.join(folder, 'shards');
  const corpus = path.join(out, 'lfw');
  await generateCorpora(base, out, { ...options, shard: { index: 2, count: 2 } });
  await t.throwsAsync(mergeShards(corpus), { code: 'INVALID_ARGUMENT', message: /shard 1-of-2 is missing/ });
  await t.throwsAsync(generateCorpora(base, out, { ...options, shard: { index: 1, count: 3 } }), {
    message: /other shards/,
  });
  await t.throwsAsync(generateCorpora(base, out, options), { message: /other shards/ });
  await generateCorpora(base, out, { ...options, shard: { index: 1, count: 2 } });
  const { counts } = await mergeShards(corpus);
  const whole = path.join(folder, 'whole/lfw');
  t.deepEqual(photos(corpus), photos(whole));
  t.deepEqual(comparable(corpus), comparable(whole));
  t.deepEqual(Object.keys(hashTree(corpus)), Object.keys(hashTree(whole)));
  t.deepEqual(counts, JSON.parse(readFileSync(path.join(whole, 'dataset.json'), 'utf8')).counts);
  t.deepEqual(await generateCorpora(base, out, options), [{ name: 'lfw', folder: corpus }]);
});

test('another layout, other options, a second run at once and missing lists are refused with the reason', async (t) => {
  const folder = temporaryFolder(t);
  const base = await lfwOf(folder, 12);
  const out = path.join(folder, 'out');
  const atOnce = await Promise.allSettled([1, 2].map(() => generateCorpora(base, out, { resume: true })));
  const [refused, ...others] = atOnce.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  t.is(refused?.reason.code, 'LOCKED');
  t.is(others.length, 0);
  await t.throwsAsync(generateCorpora(base, out, { style: 'b', seed: 2 }), {
    message: /started with style a, not b; seed 0, not 2/,
  });
  await t.throwsAsync(generateCorpora(base, out, { only: ['celeba'] }), {
    code: 'NOT_FOUND',
    message: /a folder celeba/,
  });
  await t.throwsAsync(generateCorpora(base, out, { only: ['nothing'] }), { code: 'INVALID_ARGUMENT' });
  mkdirSync(path.join(base, 'celeba/images'), { recursive: true });
  await t.throwsAsync(generateCorpora(base, out, { only: ['celeba'] }), {
    code: 'NOT_FOUND',
    message: /identity_CelebA\.txt/,
  });
  writeFileSync(path.join(base, 'celeba/identity_CelebA.txt'), '000001.jpg 1\nnonsense\n');
  await t.throwsAsync(generateCorpora(base, path.join(folder, 'o2'), { only: ['celeba'] }), { message: /line 2/ });
});

test('photos are copied, linked, and identities of one photo left out as asked', async (t) => {
  const folder = temporaryFolder(t);
  const base = path.join(folder, 'base');
  await writePhotos(path.join(base, 'folders'), [{ name: 'a/1.png' }, { name: 'a/2.png' }, { name: 'b/1.png' }]);
  const inode = (file: string) => statSync(path.join(folder, file)).ino;
  await generateCorpora(base, path.join(folder, 'linked'), { copy: 'link' });
  t.is(inode('linked/folders/a/1.png'), inode('base/folders/a/1.png'));
  await generateCorpora(base, path.join(folder, 'copied'), { copy: 'copy', minPhotos: 2 });
  t.not(inode('copied/folders/a/1.png'), inode('base/folders/a/1.png'));
  t.false(existsSync(path.join(folder, 'copied/folders/b')));
});

test('the summary counts identities and images beside the published ones', async (t) => {
  const folder = temporaryFolder(t);
  const base = await lfwOf(folder, 12);
  const out = path.join(folder, 'out');
  await generateCorpora(base, out);
  const [summary] = await summarizeCorpora(out);
  const files = Object.keys(photos(path.join(out, 'lfw')));
  t.is(summary?.masked.images, files.filter((file) => path.basename(file).startsWith('masked_')).length);
  t.is(summary?.unmasked.images, files.length / 2);
  t.is(
    summary?.unmasked.identities,
    readdirSync(path.join(out, 'lfw'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).length,
  );
  t.deepEqual(summary?.published?.unmasked, { identities: 5749, images: 13167 });
  const run = await maskbench(['dataset', 'summary', out]);
  t.regex(run.stdout, /lfw +\d+\/\d+ +\d+\/\d+ +5749\/13167 +5718\/13138 +5718\/13168/);
  t.is((await maskbench(['dataset', 'summary', folder])).code, 1);
  t.is(JSON.parse((await maskbench(['dataset', 'list', '--json'])).stdout).length, layouts.length);
  rmSync(out, { recursive: true });
});

test("many photos of one person are written at once without getting in each other's way", async (t) => {
  const folder = temporaryFolder(t);
  const base = path.join(folder, 'base');
  const count = 120;
  await writePhotos(
    path.join(base, 'folders'),
    Array.from({ length: count }, (_, i) => ({ name: `one/${i}.jpg` })),
  );
  const [done] = await generateCorpora(base, path.join(folder, 'out'), { concurrency: 8, upsample: 0 });
  t.deepEqual(done?.summary?.problems, []);
  for (let i = 0; i < count; i++)
    t.deepEqual(
      readFileSync(path.join(folder, `out/folders/one/${i}.jpg`)),
      readFileSync(path.join(base, `folders/one/${i}.jpg`)),
    );
});
