import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import test from 'ava';
import { writeLfw } from '../support/examples.js';
import { writePhotos } from '../support/faces.js';
import { hasShared, repository, shared, temporaryFolder } from '../support/files.js';

const example = (name: string) => path.join(repository, 'examples', name);
const runExample = (name: string, ...words: string[]) =>
  promisify(execFile)(process.execPath, [example(name), ...words]);

test('the Fastify service masks photos, gives vectors, and says what a photo lacks', async (t) => {
  const folder = temporaryFolder(t);
  await writePhotos(folder, [{ name: 'face.jpg' }, { name: 'nobody.jpg', face: false }]);
  const service = spawn(process.execPath, [example('fastify-service.js'), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => service.kill('SIGKILL'));
  const [line] = await once(createInterface(service.stdout), 'line');
  const address = String(line).replace('listening on ', '');
  const send = (route: string, name: string) =>
    fetch(`${address}/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: readFileSync(path.join(folder, name)),
    });
  const masked = await send('mask', 'face.jpg');
  t.is(masked.status, 200);
  t.is(masked.headers.get('content-type'), 'image/jpeg');
  t.deepEqual([...new Uint8Array(await masked.arrayBuffer()).subarray(0, 2)], [0xff, 0xd8]);
  const { vector, box } = (await (await send('vector', 'face.jpg')).json()) as { vector: number[]; box: object };
  t.is(vector.length, 128);
  t.deepEqual(Object.keys(box).sort(), ['bottom', 'left', 'right', 'top']);
  for (const route of ['mask', 'vector']) {
    const refused = await send(route, 'nobody.jpg');
    t.is(refused.status, 422);
    t.like(await refused.json(), { code: 'NO_FACE' });
  }
  const ended = once(service, 'exit');
  service.kill('SIGTERM');
  t.is((await ended)[0], 0);
});

test('a worker thread masks photos', async (t) => {
  const folder = temporaryFolder(t);
  await writePhotos(path.join(folder, 'photos'), [{ name: 'face.jpg' }, { name: 'nobody.jpg', face: false }]);
  const out = path.join(folder, 'out');
  const { stdout } = await runExample('mask-in-worker.js', out, path.join(folder, 'photos'));
  t.is(stdout, '1 masked, 1 without a face\n');
  t.true(existsSync(path.join(out, 'masked_face.jpg')));
});

test('the corpus script leads from a data set to error rates and a report', async (t) => {
  const folder = temporaryFolder(t);
  await writeLfw(path.join(folder, 'datasets'));
  const out = path.join(folder, 'out');
  const { stdout } = await runExample('corpus.js', path.join(folder, 'datasets'), out, 'lfw');
  t.regex(stdout, /^\d+ pairs, \d+ without a score\nEER [\d.]+, report: /);
  t.true(existsSync(path.join(out, 'lfw/dataset.json')));
  t.true(existsSync(stdout.trim().replace(/^.*report: /s, '')));
});

(hasShared ? test : test.skip)(
  'the styles script goes every step from photos of LFW to error rates by kind of masking',
  async (t) => {
    const folder = temporaryFolder(t);
    const sample = path.join(shared, 'lfw-sample');
    mkdirSync(path.join(folder, 'datasets/lfw'), { recursive: true });
    const people = readdirSync(sample, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && readdirSync(path.join(sample, entry.name)).length > 2)
      .map(({ name }) => name)
      .sort();
    for (const name of people.slice(0, 12))
      symlinkSync(path.join(sample, name), path.join(folder, 'datasets/lfw', name));
    const out = path.join(folder, 'out');
    const { stdout } = await runExample(
      ...(['styles-compared.js', path.join(folder, 'datasets'), out, 'lfw', 'a', 'realistic'] as const),
    );
    for (const style of ['a', 'realistic']) {
      t.regex(stdout, new RegExp(`^${style}, plain: FTA 0.00% of \\d+, 0 wrong faces$`, 'm'));
      t.regex(stdout, new RegExp(`^${style}, masked: FTA [\\d.]+% of \\d+, \\d+ wrong faces$`, 'm'));
      for (const kind of ['plain-plain', 'plain-masked', 'masked-masked']) {
        t.true(existsSync(path.join(out, style, kind, 'report.html')), kind);
        t.regex(stdout, new RegExp(`^${style}, ${kind}: EER [\\d.]+%`, 'm'));
      }
      t.regex(stdout, new RegExp(`^${style}, plain–masked: FNMR [\\d.]+%`, 'm'));
      t.true(existsSync(path.join(out, style, 'report/report.html')));
    }
  },
);
