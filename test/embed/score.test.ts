import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { IndexLine } from 'maskbench';
import { readPairs } from 'maskbench/datasets';
import { scorePairs } from 'maskbench/metrics';
import { npyFile } from '../../lib/files/npy.js';
import { maskbench, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

/** Writes vectors of three numbers with their index; a photo without one has no row. */
function writeVectors(
  file: string,
  photos: { path: string; photo?: string; vector?: number[]; masked?: boolean }[],
  made: Partial<IndexLine> = { model: 'small', similarity: 'l2' },
): void {
  const rows = photos.flatMap(({ vector }) => (vector ? [vector] : []));
  let row = 0;
  const lines = photos.map(({ path: name, photo = name, vector, masked = false }) => ({
    ...{ row: vector ? row++ : null, path: name, identity: name.split('/')[0], photo, masked },
    ...{ status: vector ? 'detected' : 'no-face', ...made },
  }));
  writeFileSync(file, npyFile(Float32Array.from(rows.flat()), [rows.length, 3]));
  writeFileSync(file.replace(/npy$/, 'jsonl'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
}

const photos = [
  { path: 'Ann/Ann_0001.jpg', vector: [0, 0, 0] },
  { path: 'Ann/Ann_0002.jpg', vector: [3, 4, 0] },
  { path: 'Bob/Bob_0001.jpg', vector: [0, 0, 2] },
  { path: 'Bob/Bob_0002.jpg' },
];

test('vectors and a pair list give scores, and evaluate takes both', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  writeVectors(at('v.npy'), photos);
  writeFileSync(
    at('pairs.txt'),
    [
      'Ann/Ann_0001.jpg Ann/Ann_0002.jpg 0 0 1',
      'Bob/Bob_0001.jpg Bob/Bob_0002.jpg 0 0 1',
      'Ann/Ann_0001.jpg Bob/Bob_0001.jpg 0 0 0',
      'Ann/Ann_0002.jpg Bob/Bob_0009.jpg 0 0 0',
    ].join('\n'),
  );
  const scored = await maskbench(['score', '--vectors', at('v.npy'), '--pairs', at('pairs.txt'), '--out', at('s.csv')]);
  t.is(scored.code, 0, scored.stderr);
  t.is(scored.stdout, '4 pairs, 2 without a score; l2 similarity of small\n');
  t.regex(scored.stderr, /1 photos of .*pairs.txt are not in .*v.jsonl, among them Bob\/Bob_0009.jpg/);
  t.deepEqual(readFileSync(at('s.csv'), 'utf8').split('\n'), [
    'reference,probe,score,label,model,similarity',
    'Ann/Ann_0001.jpg,Ann/Ann_0002.jpg,-5,1,small,l2',
    'Bob/Bob_0001.jpg,Bob/Bob_0002.jpg,,1,small,l2',
    'Ann/Ann_0001.jpg,Bob/Bob_0001.jpg,-2,0,small,l2',
    'Ann/Ann_0002.jpg,Bob/Bob_0009.jpg,,0,small,l2',
    '',
  ]);
  const json = async (...args: string[]) => {
    const { stdout, stderr } = await maskbench([
      'evaluate',
      '--pairs',
      at('pairs.txt'),
      '--draws',
      '0',
      '--json',
      ...args,
    ]);
    t.notThrows(() => JSON.parse(stdout), stderr);
    return JSON.parse(stdout);
  };
  const [fromScores, fromVectors] = [await json('--scores', at('s.csv')), await json('--vectors', at('v.npy'))];
  const [system] = fromVectors.systems;
  t.like(system, { model: 'small', similarity: 'l2', genuine: 1, impostor: 1, failed: { genuine: 1, impostor: 1 } });
  t.deepEqual(system.measures, fromScores.systems[0].measures);
  t.like(fromScores.systems[0], { model: 'small', similarity: 'l2' });
  const other = await json('--vectors', at('v.npy'), '--similarity', 'inverse-l2');
  t.is(other.systems[0].similarity, 'inverse-l2');
  t.true(other.notes.includes('scores are by inverse-l2; the description of small says l2'));
  const wrong = await maskbench(['evaluate', '--pairs', at('pairs.txt'), '--scores', at('v.npy')]);
  t.regex(wrong.stderr, /expected scores, one dimension, found 2; .*maskbench score/);
  const neither = await maskbench(['evaluate', '--pairs', at('pairs.txt')]);
  t.is(neither.code, 2);
});

test('the lists of LFW, MFR2 and YouTube Faces are taken as they are', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  writeVectors(at('v.npy'), [
    ...photos,
    { path: 'Cy/masked_Cy_0001.png', photo: 'Cy/Cy_0001.png', vector: [0, 0, 4], masked: true },
    { path: 'Di/0_1.jpg', photo: 'Di/0/1.jpg', vector: [0, 1, 0] },
    { path: 'Di/0_2.jpg', photo: 'Di/0/2.jpg', vector: [0, 3, 0] },
    { path: 'Di/masked_0_2.jpg', photo: 'Di/0/2.jpg', vector: [9, 9, 9], masked: true },
    { path: 'Ed/1_1.jpg', photo: 'Ed/1/1.jpg', vector: [0, 0, 0] },
  ]);
  const scoresOf = async (name: string, text: string) => {
    writeFileSync(at(name), text);
    return scorePairs(at('v.npy'), at(name));
  };
  const lfw = await scoresOf('lfw.txt', '2\nAnn\t1\t2\nBob\t1\t2\nAnn\t1\tBob\t1\nAnn\t2\tBob\t1\n');
  t.deepEqual([...lfw.system.scores], [-5, Number.NaN, -2, -Math.sqrt(29)]);
  t.deepEqual([...lfw.system.failed], [1]);
  t.deepEqual(
    lfw.pairs.map(({ genuine }) => genuine),
    [true, true, false, false],
  );
  const mfr2 = await scoresOf('mfr2.txt', 'Ann 1 Cy 1\n');
  t.deepEqual([...mfr2.system.scores], [-4]);
  t.like(mfr2.pairs[0], { referenceMasked: false, probeMasked: true, genuine: false });
  const ytf = await scoresOf('ytf.txt', 'split number, first name, second name, is same\n1, Di/0, Ed/1, 0\n');
  t.deepEqual([...ytf.system.scores], [-2]);
  t.is((await readPairs(at('ytf.txt'))).pairs.length, 1);
});

test('an index that names no model, or two, and lists of other photos are refused', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('pairs.txt'), 'Ann/Ann_0001.jpg Ann/Ann_0002.jpg 0 0 1\n');
  writeVectors(at('old.npy'), photos, {});
  await t.throwsAsync(scorePairs(at('old.npy'), at('pairs.txt')), {
    code: 'INVALID_ARGUMENT',
    message: /old.jsonl does not name a model/,
  });
  t.is((await scorePairs(at('old.npy'), at('pairs.txt'), { similarity: 'l2' })).system.scores[0], -5);
  const index = readFileSync(at('old.jsonl'), 'utf8').split('\n');
  writeVectors(at('two.npy'), photos);
  const first = readFileSync(at('two.jsonl'), 'utf8').split('\n')[0] as string;
  writeFileSync(at('two.jsonl'), [first, ...index.slice(1)].join('\n'));
  await t.throwsAsync(scorePairs(at('two.npy'), at('pairs.txt')), { message: /expected vectors of one model/ });
  writeFileSync(at('other.txt'), 'Zoe/1.jpg Zoe/2.jpg 0 0 1\n');
  writeVectors(at('v.npy'), photos);
  await t.throwsAsync(scorePairs(at('v.npy'), at('other.txt')), { message: /has a vector of none of its photos/ });
  writeVectors(at('twice.npy'), [...photos, ...photos]);
  await t.throwsAsync(scorePairs(at('twice.npy'), at('pairs.txt')), { message: /stands there twice/ });
});

test('a similarity that only the description has needs the model', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const layers = [{ weights: [1, 1, 1], bias: [-1] }];
  writeVectors(at('v.npy'), photos, { model: 'small', similarity: 'sigmoid' });
  writeFileSync(at('pairs.txt'), 'Ann/Ann_0001.jpg Ann/Ann_0002.jpg 0 0 1\n');
  await t.throwsAsync(scorePairs(at('v.npy'), at('pairs.txt')), { code: 'INVALID_ARGUMENT', message: /its file/ });
  const model = await writeModel(folder, 'm');
  const description = describeModel({ similarity: { kind: 'sigmoid', layers } });
  const { system } = await scorePairs(at('v.npy'), at('pairs.txt'), { model, description });
  t.true(Math.abs((system.scores[0] as number) - 1 / (1 + Math.exp(-6))) < 1e-6);
  await t.throwsAsync(
    scorePairs(at('v.npy'), at('pairs.txt'), { model, description: describeModel({ name: 'other' }) }),
    {
      message: /other, but .* names small/,
    },
  );
});
