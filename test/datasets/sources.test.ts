import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ManifestLine } from 'maskbench';
import { generateCorpora, mergeShards } from 'maskbench/datasets';
import { toPath } from '../../lib/files/path.js';
import { writePhotos } from '../support/faces.js';
import { hashTree, maskbench, temporaryFolder } from '../support/files.js';

/** A data set's folder with photos of faces, and where corpora go. */
async function dataSet(t: ExecutionContext, name: string, ...files: string[]) {
  const folder = temporaryFolder(t);
  const base = path.join(folder, 'base');
  mkdirSync(path.join(base, name), { recursive: true });
  await writePhotos(
    path.join(base, name),
    files.map((file) => ({ name: file })),
  );
  return {
    folder,
    base,
    source: path.join(base, name),
    out: path.join(folder, 'out'),
    corpus: path.join(folder, 'out', name),
  };
}

const linesOf = (corpus: string): ManifestLine[] =>
  readFileSync(path.join(corpus, 'manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const descriptionOf = (corpus: string) => JSON.parse(readFileSync(path.join(corpus, 'dataset.json'), 'utf8'));
const statuses = (corpus: string) =>
  linesOf(corpus)
    .map(({ input, status }) => `${input} ${status}`)
    .sort();

const deeper: [name: string, file: string, texts: Record<string, string>, copy: string][] = [
  [
    'celeba',
    'img_align_celeba/img_align_celeba/000001.jpg',
    { 'identity_CelebA.txt': '000001.jpg 7\n' },
    '7/000001.jpg',
  ],
  ['lfw', 'lfw_funneled/Ann/Ann_0001.jpg', {}, 'Ann/Ann_0001.jpg'],
  ['lfw', 'more/lfw_funneled/Ann/Ann_0001.jpg', { 'pairs.txt': '' }, 'Ann/Ann_0001.jpg'],
  ['youtube_faces', 'frame_images_DB/Ann/0/1.jpg', {}, 'Ann/0_1.jpg'],
  ['fei_face_frontal', 'frontal/1a.jpg', {}, '1/1a.jpg'],
];
for (const [name, file, texts, copy] of deeper)
  test(`L3: ${name} is found in ${path.dirname(file)}`, async (t) => {
    const { base, source, out, corpus } = await dataSet(t, name, file);
    for (const [list, text] of Object.entries(texts)) writeFileSync(path.join(source, list), text);
    const [done] = await generateCorpora(base, out);
    t.is(done?.summary?.counts.masked, 1);
    t.true(existsSync(path.join(corpus, copy)));
    t.true(descriptionOf(corpus).complete);
  });

test('L3: an empty data set is an error, and made once its photos are there', async (t) => {
  const { base, source, out, corpus } = await dataSet(t, 'lfw');
  mkdirSync(path.join(source, 'a/b/c/d'), { recursive: true });
  await t.throwsAsync(generateCorpora(base, out), { code: 'NOT_FOUND', message: /no photos/ });
  t.false(existsSync(path.join(corpus, 'dataset.json')));
  await writePhotos(source, [{ name: 'Ann/1.jpg' }]);
  t.is((await generateCorpora(base, out))[0]?.summary?.counts.masked, 1);
});

test('L3: two folders that could both be the data set are both named', async (t) => {
  const { base, out } = await dataSet(t, 'lfw', 'lfw_funneled/Ann/1.jpg', 'lfw-deepfunneled/Ann/1.jpg');
  await t.throwsAsync(generateCorpora(base, out), {
    code: 'INVALID_ARGUMENT',
    message: /found 2: lfw-deepfunneled, lfw_funneled/,
  });
});

test('L3: a corpus is complete against what its source holds now', async (t) => {
  const { base, source, out, corpus } = await dataSet(t, 'folders', 'a/1.jpg');
  await generateCorpora(base, out);
  t.deepEqual((await generateCorpora(base, out))[0]?.summary, undefined);
  await writePhotos(source, [{ name: 'b/1.jpg' }]);
  await t.throwsAsync(generateCorpora(base, out), {
    code: 'OUTPUT_EXISTS',
    message: /1 photos that are new or changed in the source, or missing here/,
  });
  const [done] = await generateCorpora(base, out, { resume: true });
  t.like(done?.summary, { skipped: 1, counts: { masked: 1 } });
  t.true(descriptionOf(corpus).complete);
  t.is(descriptionOf(corpus).counts.masked.images, 2);
  renameSync(source, `${source} away`);
  mkdirSync(source);
  await t.throwsAsync(generateCorpora(base, out), { code: 'NOT_FOUND' });
});

test('L2: a corpus with photos that could not be read is not complete, and can be resumed', async (t) => {
  const { base, source, out, corpus } = await dataSet(t, 'folders', 'a/1.jpg');
  symlinkSync('nowhere', path.join(source, 'a/2.jpg'));
  const [done] = await generateCorpora(base, out);
  t.is(done?.summary?.counts.failed, 1);
  t.false(descriptionOf(corpus).complete);
  await t.throwsAsync(generateCorpora(base, out), { code: 'OUTPUT_EXISTS' });
  rmSync(path.join(source, 'a/2.jpg'));
  await writePhotos(source, [{ name: 'a/2.jpg' }]);
  await generateCorpora(base, out, { resume: true });
  t.deepEqual(statuses(corpus), ['a/1.jpg masked', 'a/2.jpg masked']);
  t.true(descriptionOf(corpus).complete);
});

test('L2: frames that could not be read do not let others into a video', async (t) => {
  const frames = Array.from({ length: 9 }, (_, i) => `Ann/0/${i}.jpg`);
  const { base, source, out, corpus, folder } = await dataSet(t, 'youtube_faces', ...frames);
  await generateCorpora(base, path.join(folder, 'whole'));
  const whole = statuses(path.join(folder, 'whole/youtube_faces'));
  const frame = path.join(source, 'Ann/0/2.jpg');
  renameSync(frame, path.join(folder, 'away'));
  symlinkSync('nowhere', frame);
  await generateCorpora(base, out);
  t.false(descriptionOf(corpus).complete);
  rmSync(frame);
  renameSync(path.join(folder, 'away'), frame);
  await generateCorpora(base, out, { resume: true });
  t.deepEqual(statuses(corpus), whole);
  t.true(descriptionOf(corpus).complete);
});

test('L2: a photo that a list names, and that is put there later, is done', async (t) => {
  const { base, source, out, corpus } = await dataSet(t, 'celeba', 'images/000001.jpg');
  writeFileSync(path.join(source, 'identity_CelebA.txt'), '000001.jpg 1\n000002.jpg 1\n');
  await generateCorpora(base, out);
  t.deepEqual(statuses(corpus), ['images/000001.jpg masked', 'images/000002.jpg unusable']);
  t.true(descriptionOf(corpus).complete);
  await writePhotos(source, [{ name: 'images/000002.jpg' }]);
  await generateCorpora(base, out, { resume: true });
  t.deepEqual(statuses(corpus), ['images/000001.jpg masked', 'images/000002.jpg masked']);
});

test('L6: identities and videos that are links are followed, loops told', async (t) => {
  const { folder, base, source, out, corpus } = await dataSet(t, 'folders', 'a/1.jpg');
  await writePhotos(path.join(folder, 'elsewhere'), [{ name: '1.jpg' }]);
  symlinkSync(path.join(folder, 'elsewhere'), path.join(source, 'b'));
  symlinkSync('.', path.join(source, 'c'));
  symlinkSync('nowhere', path.join(source, 'd'));
  const [done] = await generateCorpora(base, out);
  t.deepEqual(statuses(corpus), ['a/1.jpg masked', 'b/1.jpg masked', 'c unusable', 'd unusable']);
  t.deepEqual(
    done?.summary?.problems.map(({ file }) => path.basename(file)),
    ['c', 'd'],
  );
  const videos = await dataSet(t, 'youtube_faces', 'Ann/0/1.jpg');
  symlinkSync(path.join(folder, 'elsewhere'), path.join(videos.source, 'Ann/1'));
  symlinkSync('Ann', path.join(videos.source, 'Bob'));
  symlinkSync('..', path.join(videos.source, 'Ann/2'));
  await generateCorpora(videos.base, videos.out);
  t.deepEqual(statuses(videos.corpus), [
    'Ann/0/1.jpg masked',
    'Ann/1/1.jpg masked',
    'Ann/2 unusable',
    'Bob/0/1.jpg masked',
    'Bob/1/1.jpg masked',
    'Bob/2 unusable',
  ]);
});

test('L6: an identity whose photos lie deeper is told', async (t) => {
  const { base, out, corpus } = await dataSet(t, 'folders', 'a/1.jpg', 'b/more/1.jpg');
  await generateCorpora(base, out);
  t.deepEqual(statuses(corpus), ['a/1.jpg masked', 'b unusable']);
});

test('L12: a corpus is made in a new folder, and not around or in its source', async (t) => {
  const { folder, base, source, out, corpus } = await dataSet(t, 'folders', 'a/1.jpg');
  mkdirSync(path.join(corpus, 'a'), { recursive: true });
  writeFileSync(path.join(corpus, 'a/1.jpg'), 'mine');
  await t.throwsAsync(generateCorpora(base, out), {
    code: 'OUTPUT_EXISTS',
    message: /it holds a, which does not belong to a corpus/,
  });
  t.is(readFileSync(path.join(corpus, 'a/1.jpg'), 'utf8'), 'mine');
  const before = hashTree(base);
  symlinkSync(base, path.join(folder, 'link'));
  for (const place of [path.join(folder, 'link'), source])
    await t.throwsAsync(generateCorpora(base, place), { code: 'INVALID_ARGUMENT' });
  rmSync(path.join(source, 'folders'), { recursive: true, force: true });
  t.deepEqual(hashTree(base), before);
});

test('L13: a whole run and shards of it keep each other out, and a merge that was killed is finished', async (t) => {
  const { base, out, corpus } = await dataSet(t, 'folders', ...Array.from({ length: 8 }, (_, i) => `${i}/1.jpg`));
  const both = await Promise.allSettled([
    generateCorpora(base, out, { shard: { index: 1, count: 2 } }),
    generateCorpora(base, out),
  ]);
  t.deepEqual(
    both.map((ended) => (ended.status === 'rejected' ? ended.reason.code : 'done')),
    ['done', 'LOCKED'],
  );
  // Two shards share the folder.
  rmSync(out, { recursive: true });
  await Promise.all([1, 2].map((index) => generateCorpora(base, out, { shard: { index, count: 2 } })));
  const shard = { name: 'dataset.1-of-2.json', text: '' };
  shard.text = readFileSync(path.join(corpus, shard.name), 'utf8');
  const merged = await mergeShards(corpus);
  const whole = hashTree(corpus);
  writeFileSync(path.join(corpus, shard.name), shard.text);
  t.deepEqual(await mergeShards(corpus), merged);
  t.deepEqual(hashTree(corpus), whole);
});

test('L16: identities and photos whose names are no UTF-8 are in the corpus by these names', async (t) => {
  const { base, source, out, corpus } = await dataSet(t, 'folders', 'a/1.jpg', 'b/1.jpg');
  const [identity, photo] = ['Jos\udce9', 'ni\udcf1o.jpg'];
  renameSync(path.join(source, 'a/1.jpg'), toPath(path.join(source, 'a', photo)));
  renameSync(path.join(source, 'a'), toPath(path.join(source, identity)));
  t.is((await maskbench(['dataset', 'generate', '--base', base, '--out', out])).code, 0);
  t.deepEqual(statuses(corpus), [`${identity}/${photo} masked`, 'b/1.jpg masked'].sort());
  for (const name of [photo, `masked_${photo}`]) t.true(existsSync(toPath(path.join(corpus, identity, name))));
  t.regex((await maskbench(['dataset', 'generate', '--base', base, '--out', out])).stdout, /nothing to do/);
  const pairs = path.join(out, 'pairs.txt');
  t.is((await maskbench(['embed', corpus, '--out', path.join(out, 'v.npy')])).code, 0);
  t.true(readFileSync(path.join(out, 'v.jsonl'), 'utf8').includes('Jos\\udce9/masked_ni\\udcf1o.jpg'));
  t.is((await maskbench(['pairs', corpus, '--protocol', 'all-identities', '--out', pairs])).code, 0);
  t.true(readFileSync(pairs).includes(Buffer.from('Jos\xe9/', 'latin1')));
});

test('L16: hidden folders are no identities', async (t) => {
  const { base, source, out, corpus } = await dataSet(t, 'folders', 'a/1.jpg', '.ipynb_checkpoints/1.jpg');
  for (const name of ['._1.jpg', 'Thumbs.db']) writeFileSync(path.join(source, 'a', name), 'no photo');
  const [done] = await generateCorpora(base, out);
  t.deepEqual(done?.summary?.problems, []);
  t.deepEqual(statuses(corpus), ['a/1.jpg masked']);
});
