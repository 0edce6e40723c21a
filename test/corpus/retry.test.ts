import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type ManifestLine, maskFiles } from 'maskbench';
import { generateCorpora, samplePairs, summarizeCorpora } from 'maskbench/datasets';
import { faceCrops, writePhotos } from '../support/faces.js';
import { hashTree, maskbench, temporaryFolder } from '../support/files.js';

const statuses = (manifest: string) =>
  Object.fromEntries(
    readFileSync(manifest, 'utf8')
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as ManifestLine)
      .map(({ input, status }) => [input, status]),
  );

test('a photo that was repaired is done again, and one that was emptied is noticed', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('base/folders'), [{ name: 'p/1.png' }, { name: 'p/2.png' }, { name: 'q/1.png' }]);
  const [whole] = (await faceCrops()) as [Buffer];
  writeFileSync(at('base/folders/p/3.png'), 'no photo yet');
  await generateCorpora(at('base'), at('out'));
  t.is(statuses(at('out/folders/manifest.jsonl'))['p/3.png'], 'unreadable');
  const [idle] = await generateCorpora(at('base'), at('out'));
  t.is(idle?.summary, undefined);
  writeFileSync(at('base/folders/p/3.png'), whole);
  writeFileSync(at('base/folders/q/1.png'), '');
  await t.throwsAsync(generateCorpora(at('base'), at('out')), {
    code: 'OUTPUT_EXISTS',
    message: /except for 2 photos that are new or changed in the source/,
  });
  const [again] = await generateCorpora(at('base'), at('out'), { resume: true });
  t.like(again?.summary, { skipped: 2, counts: { masked: 1, unreadable: 1 } });
  t.deepEqual(statuses(at('out/folders/manifest.jsonl')), {
    'p/1.png': 'masked',
    'p/2.png': 'masked',
    'p/3.png': 'masked',
    'q/1.png': 'unreadable',
  });
  // The photo of its twin does not exist any more.
  for (const name of ['q/1.png', 'q/masked_1.png']) t.false(existsSync(at(`out/folders/${name}`)), name);
  const [description] = [JSON.parse(readFileSync(at('out/folders/dataset.json'), 'utf8'))];
  t.like(description, { complete: true, counts: { masked: { identities: 1, images: 3 } } });
});

test('photos of a status are tried again with --retry', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('photos'), [{ name: 'a.png' }]);
  writeFileSync(at('photos/b.png'), 'no photo');
  await maskFiles([at('photos')], at('out'));
  // The photo is mended by a program that keeps size and time.
  const lines = readFileSync(at('out/manifest.jsonl'), 'utf8');
  const [face] = (await faceCrops()) as [Buffer];
  writeFileSync(at('photos/b.png'), face);
  const modified = 1_000_000_000;
  utimesSync(at('photos/b.png'), modified, modified);
  const source = JSON.stringify({ bytes: face.length, modified: 1000 * modified });
  writeFileSync(
    at('out/manifest.jsonl'),
    lines.replace(/("input":"b.png",)"source":\{[^}]*\}/, `$1"source":${source}`),
  );
  const idle = await maskFiles([at('photos')], at('out'), { resume: true });
  t.is(idle.skipped, 2);
  const { code, stdout, stderr } = await maskbench([
    ...['mask', at('photos'), '--out', at('out'), '--resume', '--retry', 'damaged,unreadable', '--json'],
  ]);
  t.is(code, 0, stderr);
  t.like(JSON.parse(stdout), { skipped: 1, counts: { masked: 1 } });
  await t.throwsAsync(maskFiles([at('photos')], at('out'), { retry: ['damaged'] }), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(maskFiles([at('photos')], at('out'), { resume: true, retry: ['masked' as 'damaged'] }), {
    code: 'INVALID_ARGUMENT',
  });
});

test('a resumed run does nothing where nothing changed', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('base/lfw'), [{ name: 'p/1.jpg' }, { name: 'q/1.jpg' }]);
  await generateCorpora(at('base'), at('out'));
  const before = hashTree(at('out'));
  await generateCorpora(at('base'), at('out'), { resume: true });
  t.deepEqual(hashTree(at('out')), before);
});

test('a corpus that was edited by hand is not trusted', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('base/folders'), [{ name: 'p/1.png' }, { name: 'p/2.png' }, { name: 'q/1.png' }]);
  await generateCorpora(at('base'), at('out'));
  const corpus = at('out/folders');
  const manifest = path.join(corpus, 'manifest.jsonl');
  const lines = readFileSync(manifest, 'utf8');
  const [line] = lines.split('\n') as [string];
  t.deepEqual((await summarizeCorpora(corpus))[0]?.faults, { missing: [], doubled: [] });
  for (const wrong of [
    line.replace(/"copy":"[^"]*"/, '"copy":"../../base/p/1.png"'),
    line.replace(/"copy":"[^"]*"/, '"copy":"/etc/passwd"'),
    line.replace(/"identity":"[^"]*"/, '"identity":7'),
  ]) {
    writeFileSync(manifest, lines.replace(line, wrong));
    await t.throwsAsync(samplePairs(corpus, 'paper'), { code: 'UNREADABLE', message: /line 1: not a line/ });
    await t.throwsAsync(summarizeCorpora(corpus), { code: 'UNREADABLE' });
  }
  writeFileSync(manifest, `${lines}${line}\n`);
  await t.throwsAsync(samplePairs(corpus, 'paper'), { message: /1 photos are listed twice, among them/ });
  writeFileSync(manifest, lines);
  rmSync(path.join(corpus, 'p/masked_2.png'));
  await t.throwsAsync(samplePairs(corpus, 'paper'), {
    code: 'UNREADABLE',
    message: /1 of its files are not there, among them p\/masked_2.png/,
  });
  const { code, stderr } = await maskbench(['dataset', 'summary', corpus]);
  t.is(code, 1);
  t.regex(stderr, /folders: 1 of its files are not there, among them p\/masked_2.png/);
});

test('a data set that cannot be made does not keep the others from being made', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('base'), [{ name: 'celeba/images/1.png' }, { name: 'lfw/p/1.jpg' }]);
  const { code, stdout, stderr } = await maskbench(['dataset', 'generate', '--base', at('base'), '--out', at('out')]);
  t.is(code, 1);
  t.regex(stderr, /identity_CelebA.txt/);
  t.regex(stdout, /celeba: not made: [\s\S]*lfw: 1 masked/);
  t.true(existsSync(at('out/lfw/p/masked_1.jpg')));
  await t.throwsAsync(generateCorpora(at('base'), at('alone'), { only: ['celeba'] }), { code: 'NOT_FOUND' });
});
