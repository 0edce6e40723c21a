import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { embedFiles, type IndexLine } from 'maskbench';
import { defaultDetector, presets } from 'maskbench/models';
import { writePhotos } from '../support/faces.js';
import { killMaskbench, maskbench, sha256, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

const linesOf = (file: string): IndexLine[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a corpus from generate to embed, pairs, models and the report', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const photos = [1, 2, 3].flatMap((identity) => [1, 2].map((number) => ({ name: `p${identity}/${number}.png` })));
  await writePhotos(at('base/folders'), photos);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await maskbench(args);
    t.is(code, 0, stderr);
    return stdout;
  };
  await run('dataset', 'generate', '--base', at('base'), '--out', at('corpora'));
  await run('embed', at('corpora/folders'), '--out', at('v.npy'));
  // In the order of the manifest, which is that of finishing.
  const index = linesOf(at('v.jsonl'));
  t.deepEqual(
    index.map(({ row }) => row),
    [...index.keys()],
  );
  index.sort((a, b) => (a.path < b.path ? -1 : 1));
  t.is(index.length, 12);
  t.deepEqual(index[0], {
    row: index[0]?.row,
    path: 'p1/1.png',
    identity: 'p1',
    photo: 'p1/1.png',
    masked: false,
    status: 'detected',
    model: 'dlib-resnet-128',
    similarity: 'l2',
    detector: defaultDetector,
  });
  t.deepEqual([index[2]?.path, index[2]?.photo, index[2]?.masked], ['p1/masked_1.png', 'p1/1.png', true]);
  t.is(readFileSync(at('v.npy')).length, 128 + 12 * 128 * 4);
  // A photo whose face is not found again under the mask is cut by its plain twin's landmarks.
  t.true(index.every(({ status }) => status === 'detected' || status === 'manifest'));
  await run('embed', at('corpora/folders'), '--out', at('h.npy'), '--bits', '16', '--face-source', 'manifest');
  t.is(readFileSync(at('h.npy')).length, 128 + 12 * 128 * 2);
  t.true(linesOf(at('h.jsonl')).every(({ status }) => status === 'manifest'));

  await run('pairs', at('corpora/folders'), '--seed', '1', '--out', at('folders.txt'));
  mkdirSync(at('lists'));
  renameSync(at('folders.txt'), at('lists/folders.txt'));
  const model = await writeModel(folder, 'pixels', { size: 224 });
  writeFileSync(at('pixels.json'), JSON.stringify({ ...presets['paper-resnet50'], name: 'pixels' }));
  const printed = await run(
    ...['benchmark', 'models', '--base', at('corpora'), '--pairs', at('lists'), '--out', at('report'), '--draws', '50'],
    ...['--models', 'dlib-resnet-128', `pixels=${model}`, '--ensemble', 'dlib-resnet-128,pixels', '--limit', '20'],
  );
  t.regex(printed, /pixels: trained on CelebA/);
  for (const name of ['dlib-resnet-128', 'pixels', 'Ensemble'])
    t.is(
      readFileSync(at(`report/scores/${name}/score_folders.txt`), 'utf8')
        .trim()
        .split('\n').length,
      20,
    );
  const page = readFileSync(at('report/report.html'), 'utf8');
  t.regex(page, /<h2>folders<\/h2>[\s\S]*Ensemble/);
  // The score files evaluate as any others do.
  const list = readFileSync(at('lists/folders.txt'), 'utf8').split('\n').slice(0, 20);
  writeFileSync(at('list.txt'), `${list.join('\n')}\n`);
  await run(
    'evaluate',
    '--pairs',
    at('list.txt'),
    '--scores',
    at('report/scores/pixels/score_folders.txt'),
    '--draws',
    '20',
  );
});

test('photos that give no vector keep their line; outputs are not replaced', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('photos'), [{ name: 'a/1.png' }, { name: 'b/1.png' }]);
  writeFileSync(at('photos/a/2.jpg'), 'no photo');
  const summary = await embedFiles([at('photos')], at('v.npy'));
  t.deepEqual(summary.counts, { plain: { detected: 2, unreadable: 1 }, masked: {} });
  const index = linesOf(at('v.jsonl'));
  t.deepEqual(
    index.map(({ row, path: name, identity }) => [row, name, identity]),
    [
      [0, 'a/1.png', 'a'],
      [null, 'a/2.jpg', 'a'],
      [1, 'b/1.png', 'b'],
    ],
  );
  t.regex(index[1]?.error ?? '', /2\.jpg/);
  await t.throwsAsync(embedFiles([at('photos')], at('v.npy')), { code: 'OUTPUT_EXISTS' });
  await t.throwsAsync(embedFiles([at('photos')], at('v.txt')), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(embedFiles([at('nowhere')], at('w.npy')), { code: 'NOT_FOUND' });
  // Nothing is left that would look like an interrupted run.
  t.deepEqual(readdirSync(folder).sort(), ['photos', 'v.jsonl', 'v.npy']);
  // Killed between its last two renames.
  writeFileSync(at('w.jsonl'), 'stale');
  writeFileSync(at('w.jsonl.part'), '');
  await embedFiles([at('photos')], at('w.npy'), { resume: true });
  t.deepEqual(readFileSync(at('w.jsonl')), readFileSync(at('v.jsonl')));
});

test('an aborted run keeps what it embedded, and is resumed from there', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(folder, [{ name: 'a.png' }]);
  writeFileSync(at('list.txt'), 'a.png\n'.repeat(300));
  const options = { model: await writeModel(folder, 'm'), description: describeModel(), crops: true };
  const stop = new AbortController();
  await t.throwsAsync(
    embedFiles([at('list.txt')], at('v.npy'), {
      ...options,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    }),
    { message: 'enough' },
  );
  const kept = readFileSync(at('v.jsonl.part'), 'utf8').trim().split('\n').length - 1;
  t.true(kept > 0 && kept < 300, `${kept}`);
  const { rows } = await embedFiles([at('list.txt')], at('v.npy'), { ...options, resume: true });
  t.is(rows, 300);
});

test('killed and resumed, vectors and index equal an uninterrupted run', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(
    at('photos'),
    Array.from({ length: 12 }, (_, i) => ({ name: `p${i}/1.png` })),
  );
  const list = Array.from({ length: 900 }, (_, i) => `photos/p${i % 12}/1.png`);
  writeFileSync(at('list.txt'), list.join('\n'));
  const args = (out: string) => ['embed', at('list.txt'), '--crops', '--out', at(out), '--resume'];
  t.is((await maskbench(args('whole.npy'))).code, 0);
  for (const milliseconds of [900, 1700, 2300]) await killMaskbench(args('parts.npy'), milliseconds);
  t.is((await maskbench(args('parts.npy'))).code, 0);
  for (const kind of ['npy', 'jsonl'])
    t.is(sha256(readFileSync(at(`parts.${kind}`))), sha256(readFileSync(at(`whole.${kind}`))), kind);
});

test('T3: verify refuses a threshold of another direction, definition, model or similarity', async (t) => {
  const folder = temporaryFolder(t);
  await writePhotos(folder, [{ name: 'a.png' }]);
  const photo = path.join(folder, 'a.png');
  const saved = path.join(folder, 't.json');
  const system = { distance: false, model: 'dlib-resnet-128', similarity: 'l2' };
  const verify = (changes: object, definition = 'exact') => {
    const of = { ...system, ...changes, fnmrAtFmr: [{ target: 0.001, threshold: -0.6 }] };
    writeFileSync(saved, JSON.stringify({ definition, systems: [of] }));
    return maskbench(['verify', photo, photo, '--crops', '--threshold-from', saved]);
  };
  const fits = await verify({});
  t.regex(fits.stdout, /^match at the threshold -0\.6/m);
  t.is(fits.stderr, '');
  for (const [changes, message, definition] of [
    [{ distance: true }, /direction distances, expected similarities/],
    [{ model: 'arcface' }, /model arcface, expected dlib-resnet-128/],
    [{ similarity: 'cosine' }, /similarity cosine, expected l2/],
    [{}, /definition paper, expected exact/, 'paper'],
  ] as const) {
    const { code, stdout, stderr } = await verify(changes, definition);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, message);
  }
});

test('verify prints a similarity, and with a threshold the decision', async (t) => {
  const folder = temporaryFolder(t);
  await writePhotos(folder, [{ name: 'a.png' }, { name: 'b.png' }]);
  const [a, b] = ['a.png', 'b.png'].map((name) => path.join(folder, name)) as [string, string];
  const saved = path.join(folder, 't.json');
  writeFileSync(saved, JSON.stringify({ systems: [{ fnmrAtFmr: [{ target: 0.001, threshold: -0.6 }] }] }));
  const same = await maskbench(['verify', a, a, '--threshold-from', saved]);
  t.regex(same.stdout, /dlib-resnet-128, l2 similarity: -?0\.000000\nmatch at the threshold -0\.6/);
  const other = JSON.parse((await maskbench(['verify', a, b, '--json', '--threshold-from', saved])).stdout);
  t.is(other.match, other.similarity >= -0.6);
  t.regex(same.stderr, /note: model of the threshold from .*t\.json not checked: the file does not state it/);
  const missing = await maskbench(['verify', a, path.join(folder, 'none.png')]);
  t.is(missing.code, 1);
  t.regex(missing.stderr, /none\.png/);
});
