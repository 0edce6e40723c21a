import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { generateCorpora, samplePairs } from 'maskbench/datasets';
import { writePhotos } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';

test('NIST’s protocol is one list of all kinds of masking, which gives a plain–plain threshold', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const photos = ['p/1.png', 'p/2.png', 'q/1.png', 'q/2.png', 'r/1.png'];
  await writePhotos(
    at('base/folders'),
    photos.map((name) => ({ name })),
  );
  await generateCorpora(at('base'), at('out'));
  const corpus = at('out/folders');
  const drawn = await maskbench(['pairs', corpus, '--protocol', 'nist', '--seed', '3', '--out', at('nist.txt')]);
  t.is(drawn.code, 0, drawn.stderr);
  const pairs = await samplePairs(corpus, 'nist', { seed: 3 });
  // Two pairs of each of the four photos that have a mate, each in three kinds.
  t.is(pairs.length, 4 * 2 * 3);
  t.is(readFileSync(at('nist.txt'), 'utf8').trim().split('\n').length, pairs.length);
  for (let i = 0; i < pairs.length; i += 3) {
    const kinds = pairs.slice(i, i + 3);
    t.deepEqual(
      kinds.map(({ referenceMasked, probeMasked }) => [referenceMasked, probeMasked]),
      [
        [false, false],
        [false, true],
        [true, true],
      ],
    );
    const plain = (name: string) => name.replace('masked_', '');
    t.is(
      new Set(kinds.map(({ reference, probe, genuine }) => `${plain(reference)} ${plain(probe)} ${genuine}`)).size,
      1,
    );
    for (const { reference, probe } of kinds)
      for (const name of [reference, probe]) t.true(existsSync(path.join(corpus, name)));
  }
  await maskbench(['embed', corpus, '--face-source', 'manifest', '--out', at('v.npy')]);
  const { code, stdout, stderr } = await maskbench([
    ...['evaluate', '--vectors', at('v.npy'), '--pairs', at('nist.txt'), '--draws', '0'],
    ...['--threshold-from', 'plain-plain', '--threshold-fmr', '0.5', '--json'],
  ]);
  t.is(code, 0, stderr);
  const [system] = JSON.parse(stdout).systems;
  t.is(system.operating.by, 'plain–plain FMR');
  t.deepEqual(
    system.maskings.map(({ name, genuine, impostor }: Record<string, unknown>) => [name, genuine, impostor]),
    ['plain–plain', 'plain–masked', 'masked–masked'].map((name) => [name, 4, 4]),
  );
});

test('the protocol balanced says that it needs a count', async (t) => {
  const folder = temporaryFolder(t);
  const { code, stderr } = await maskbench([
    'pairs',
    folder,
    '--protocol',
    'balanced',
    '--out',
    path.join(folder, 'p'),
  ]);
  t.is(code, 2);
  t.regex(stderr, /expected count, how many pairs, with the protocol balanced; received none/);
});
