import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { compareThroughput, measureThroughput, type Throughput } from 'maskbench';
import sharp from 'sharp';
import { hashTree, maskbench, samplePhoto, temporaryFolder } from '../support/files.js';

/** A measurement of the given rates. */
const measured = (cases: Record<string, number[]>, changes: Partial<Throughput> = {}): Throughput => ({
  date: '2026-01-01T00:00:00.000Z',
  maskbench: '0.2.0',
  machine: { processor: 'one', processors: 2, simd: 'AVX2', load: 0, node: 'v20.19.0' },
  device: 'cpu',
  photos: [{ name: 'small', files: 3 }],
  cases: Object.entries(cases).map(([name, rates]) => ({ name, kind: 'stage', rates })),
  ...changes,
});

test('bench measures a folder by threads, styles, models and batches, writes a report and compares', async (t) => {
  const folder = temporaryFolder(t);
  const photos = path.join(temporaryFolder(t), 'mine');
  // A face in the one, none in the other.
  await maskbench(['mask', samplePhoto(1), '--out', path.join(photos, 'x.jpg')]);
  await sharp(samplePhoto(1)).resize(640).jpeg().toFile(path.join(photos, 'a.jpg'));
  await sharp({ create: { width: 64, height: 64, channels: 3, background: 'white' } }).toFile(
    path.join(photos, 'b.png'),
  );
  const before = hashTree(photos);
  const out = path.join(folder, 'report');
  const words = ['bench', '--photos', photos, '--concurrency', '1,2', '--styles', 'a,surgical', '--max-batch', '2,3'];
  const first = await maskbench([...words, '--rounds', '1', '--out', out, '--json']);
  t.is(first.code, 0, first.stderr);
  const { cases, photos: groups, machine } = JSON.parse(first.stdout) as Throughput;
  t.deepEqual(groups, [{ name: 'mine', files: 3 }]);
  t.deepEqual(
    cases.map(({ name }) => name),
    [
      'decode, draw, encode, mine photos',
      'decode, landmarks, draw, encode, mine photos',
      'decode, search, landmarks, mine photos',
      'decode, search, landmarks, draw, encode, mine photos',
      'mask, mine photos, a, 1 thread',
      'mask, mine photos, a, 2 threads',
      'mask, mine photos, surgical, 1 thread',
      'mask, mine photos, surgical, 2 threads',
      'embed, mine photos as crops, dlib-resnet-128, batch 2',
      'embed, mine photos as crops, dlib-resnet-128, batch 3',
    ],
  );
  for (const { name, rates } of cases) t.true(rates.length === 1 && (rates[0] as number) > 0, name);
  t.true(machine.processors >= 1);
  t.deepEqual(hashTree(photos), before);
  t.true(existsSync(path.join(out, 'charts/scaling.svg')));
  const less = [
    'bench',
    '--photos',
    photos,
    '--concurrency',
    '1',
    '--styles',
    'a',
    '--max-batch',
    '2',
    '--rounds',
    '1',
  ];
  const second = await maskbench([...less, '--limit', '2', '--compare', path.join(out, 'report.json')]);
  t.is(second.code, 0, second.stderr);
  t.regex(second.stdout, /2 mine photos; medians of 1 rounds/);
  t.regex(second.stdout, /mask, mine photos, a, 1 thread +[\d.]+ × +- +too few rounds/);
  t.notRegex(second.stdout.split('Against')[1] as string, /2 threads/);
});

test('a change is shown where the rounds show it, and only there', (t) => {
  const before = measured({
    same: [9, 10, 11, 10, 9],
    up: [9, 10, 11, 10, 9],
    down: [9, 10, 11, 10, 9],
    few: [1, 1, 1],
    old: [1],
  });
  const after = measured({
    same: [11, 10, 9, 9, 10],
    up: [14, 13, 15, 14, 14],
    down: [7, 6, 7, 7, 6],
    few: [9, 9, 9],
    new: [1],
  });
  const changes = compareThroughput(before, after);
  t.deepEqual(
    changes.map(({ name, verdict }) => [name, verdict]),
    [
      ['same', 'same'],
      ['up', 'faster'],
      ['down', 'slower'],
      ['few', 'too-few-rounds'],
    ],
  );
  t.is(changes[1]?.ratio, 1.4);
});

test('a measurement against itself is no change, and one times k gives k', (t) => {
  const rates = fc.array(fc.double({ min: 0.01, max: 1e5, noNaN: true }), { minLength: 4, maxLength: 12 });
  t.notThrows(() =>
    fc.assert(
      fc.property(rates, fc.integer({ min: 2, max: 9 }), (values, k) => {
        const [own] = compareThroughput(measured({ a: values }), measured({ a: values }));
        const times = measured({ a: values.map((value) => k * value) });
        const [faster] = compareThroughput(measured({ a: values }), times);
        return (
          own?.ratio === 1 &&
          own.verdict === 'same' &&
          own.interval !== undefined &&
          own.interval[0] <= 1 &&
          own.interval[1] >= 1 &&
          Math.abs((faster?.ratio as number) - k) < 1e-9
        );
      }),
    ),
  );
});

test('folders without photos or faces, and files that are not measurements, are refused before anything is measured', async (t) => {
  const folder = temporaryFolder(t);
  const blank = path.join(folder, 'blank');
  const empty = temporaryFolder(t);
  writeFileSync(path.join(folder, 'other.json'), '{"cases": 3}');
  await maskbench(['mask', samplePhoto(1), '--out', path.join(blank, 'x.jpg')]);
  await sharp({ create: { width: 64, height: 64, channels: 3, background: 'white' } }).toFile(
    path.join(blank, 'x.jpg'),
  );
  await t.throwsAsync(measureThroughput({ photos: empty }), { code: 'NOT_FOUND' });
  await t.throwsAsync(measureThroughput({ photos: path.join(folder, 'missing') }), {
    code: 'NOT_FOUND',
    message: /missing/,
  });
  await t.throwsAsync(measureThroughput({ photos: blank, models: [] }), { code: 'NO_FACE', message: /blank/ });
  await t.throwsAsync(measureThroughput({ rounds: 0 }), { code: 'INVALID_ARGUMENT', message: /rounds/ });
  await t.throwsAsync(measureThroughput({ concurrency: [0] }), { code: 'INVALID_ARGUMENT', message: /concurrency/ });
  const { code, stderr } = await maskbench(['bench', '--compare', path.join(folder, 'other.json')]);
  t.is(code, 1);
  t.regex(stderr, /other\.json: expected what measureThroughput gives/);
  t.is((await maskbench(['bench', '--concurrency', 'two'])).code, 2);
  t.is(readFileSync(path.join(folder, 'other.json'), 'utf8'), '{"cases": 3}');
});
