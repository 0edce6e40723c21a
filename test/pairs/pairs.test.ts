import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {
  formatPairs,
  generateCorpora,
  isSamePhoto,
  type Pair,
  type PairList,
  pairIdentity,
  pairPath,
  parsePairs,
  parsePublished,
  samplePairs,
} from 'maskbench/datasets';
import { writePhotos } from '../support/faces.js';
import { hasShared, maskbench, shared, temporaryFolder } from '../support/files.js';

const published = path.join(shared, 'paper/training_pairs_data');

(hasShared ? test : test.skip)(
  'the published lists are read, agree with the names, and are written back byte for byte',
  (t) => {
    const counts: Record<string, number> = {};
    for (const dataset of readdirSync(published))
      for (const name of readdirSync(path.join(published, dataset))) {
        const file = path.join(published, dataset, name);
        const text = readFileSync(file, 'utf8');
        const list = parsePairs(text, file);
        counts[name] = list.pairs.length;
        t.is(formatPairs(list), text.endsWith('\n') ? text : `${text}\n`, name);
        for (const pair of list.pairs) {
          const same = pairIdentity(pair.reference) === pairIdentity(pair.probe);
          if (pair.genuine !== undefined) t.is(pair.genuine, same, `${name}: ${pair.reference} ${pair.probe}`);
          t.is(pair.referenceMasked, /\/(masked_|mask\/)/.test(pair.reference));
        }
      }
    t.deepEqual(counts, {
      'evaluation_fei_face_frontal.txt': 1600,
      'landmark_evaluation_input_fei_face_frontal.txt': 37,
      'evaluation_fei_face_original.txt': 4708,
      'landmark_evaluation_input_fei_face_original.txt': 4708,
      'evaluation_georgia_tech.txt': 3000,
      'landmark_evaluation_input_georgia_tech.txt': 3000,
      'evaluation_in_house_dataset.txt': 160,
      'landmark_evaluation_input_in_house_dataset.txt': 160,
      'landmark_evaluation_input_lfw.txt': 4000,
      'evaluation_sof_original.txt': 5768,
      'landmark_evaluation_input_sof_original.txt': 5449,
    });
  },
);

(hasShared ? test : test.skip)(
  'in the published LFW list 105 of the first 501 genuine pairs are one photo and its twin',
  (t) => {
    const file = path.join(published, 'lfw/landmark_evaluation_input_lfw.txt');
    const { pairs } = parsePairs(readFileSync(file, 'utf8'), file);
    const genuine = pairs
      .filter(({ reference, probe }) => pairIdentity(reference) === pairIdentity(probe))
      .slice(0, 501);
    t.is(genuine.filter(isSamePhoto).length, 105);
  },
);

const name = (separator: string) =>
  fc
    .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
    .filter(
      (text) => !text.includes(separator) && !/[\r\n]/.test(text) && !text.startsWith(':') && !text.endsWith(':'),
    );
const anyList = fc.constantFrom(' ' as const, '::' as const).chain((separator) =>
  fc.record({
    separator: fc.constant(separator),
    lineEnd: fc.constantFrom('\n' as const, '\r\n' as const),
    pairs: fc.boolean().chain((labelled) =>
      fc.array(
        fc.record({
          reference: name(separator),
          probe: name(separator),
          referenceMasked: fc.boolean(),
          probeMasked: fc.boolean(),
          ...(labelled && { genuine: fc.boolean() }),
        }),
        { minLength: 1, maxLength: 8 },
      ),
    ),
  }),
);

test('a list that is written is read back the same', (t) => {
  fc.assert(
    fc.property(anyList, (list) => {
      // A first line without '::' is one with spaces, whatever the names hold.
      fc.pre(
        list.separator === '::' || !list.pairs.some(({ reference, probe }) => `${reference} ${probe}`.includes('::')),
      );
      t.deepEqual(parsePairs(formatPairs(list as PairList), 'x'), list as PairList);
    }),
  );
});

test('any text is read or refused with file and line', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        parsePairs(text, 'list.txt');
      } catch (error) {
        t.regex((error as Error).message, /^list\.txt(, line \d+)?: /);
      }
    }),
  );
  t.throws(() => parsePairs('a b 0 1 1\na b 0 1 2\n', 'l'), { message: /l, line 2/ });
  t.throws(() => parsePairs('a b 0 1\na b 0 1 1\n', 'l'), { message: /l, line 2/ });
  t.throws(() => parsePairs('', 'l'), { message: /empty/ });
});

test('names lose their prefixes and back slashes, and say who is on them', (t) => {
  t.is(pairPath('.//1/1a.jpg'), '1/1a.jpg');
  t.is(pairPath('./mask/x.jpg'), 'mask/x.jpg');
  t.is(pairPath('a\\b c.jpg'), 'a/b c.jpg');
  t.is(pairIdentity('./mask/9_-_ann_b.jpg'), 'ann_b');
  t.is(pairIdentity('./no_mask/p001_2.jpg'), 'p001');
  t.is(pairIdentity('.\\s01\\masked_01.jpg'), 's01');
  const pair: Pair = { reference: './/a/1.jpg', probe: 'a\\masked_1.jpg', referenceMasked: false, probeMasked: true };
  t.true(isSamePhoto(pair));
  t.false(isSamePhoto({ ...pair, probe: 'a/masked_2.jpg' }));
});

test('published protocols are read', (t) => {
  t.deepEqual(parsePublished('lfw', '2\t1\nAnn\t1\t12\nAnn\t1\tBo\t3\nBo\t2\t3\nBo\t1\tAnn\t4\n', 'p'), [
    { reference: 'Ann/Ann_0001.jpg', probe: 'Ann/Ann_0012.jpg', genuine: true, fold: 1 },
    { reference: 'Ann/Ann_0001.jpg', probe: 'Bo/Bo_0003.jpg', genuine: false, fold: 1 },
    { reference: 'Bo/Bo_0002.jpg', probe: 'Bo/Bo_0003.jpg', genuine: true, fold: 2 },
    { reference: 'Bo/Bo_0001.jpg', probe: 'Ann/Ann_0004.jpg', genuine: false, fold: 2 },
  ]);
  t.deepEqual(parsePublished('mfr2', 'Adele 1 2\nAdele 1 Bono 3\n', 'p'), [
    { reference: 'Adele/Adele_0001.png', probe: 'Adele/Adele_0002.png', genuine: true },
    { reference: 'Adele/Adele_0001.png', probe: 'Bono/Bono_0003.png', genuine: false },
  ]);
  t.deepEqual(parsePublished('ytf', 'split, first, second, same\n1, Ann/0, Ann/1, 1\n10, Ann/0, Bo/2, 0\n', 'p'), [
    { reference: 'Ann/0', probe: 'Ann/1', genuine: true, fold: 1 },
    { reference: 'Ann/0', probe: 'Bo/2', genuine: false, fold: 10 },
  ]);
  t.throws(() => parsePublished('lfw', 'Ann 1\n', 'p.txt'), { message: /^p\.txt, line 1/ });
  t.throws(() => parsePublished('lfw', '10 300\nAnn 1 2\n', 'p.txt'), { message: /6000 pairs/ });
  t.throws(() => parsePublished('ytf', 'h\nx\n', 'p.txt'), { message: /^p\.txt, line 2/ });
});

test('T11: LFW-style lists with fewer pairs than their header says, or none, are refused', (t) => {
  const refused = (protocol: 'lfw' | 'ytf' | 'mfr2', text: string, message: RegExp) =>
    t.throws(() => parsePublished(protocol, text, 'p.txt'), { code: 'UNREADABLE', message });
  t.is(parsePublished('lfw', '2\nA 1 2\nB 1 2\nA 1 B 1\nB 1 A 2\n', 'p.txt').length, 4);
  refused('lfw', '2\nA 1 2\nB 1 2\nA 1 B 1\n', /line 1: expected 4 pairs.*found 2 genuine and 1 impostor/);
  refused('lfw', '2\nA 1 2\nB 1 A 2\nA 1 B 1\nB 1 A 2\n', /half of them genuine; found 1 genuine and 3 impostor/);
  refused('lfw', '10\t300\nA 1 2\n', /line 1: expected 6000 pairs/);
  refused('lfw', '0\n', /p\.txt: found no pairs/);
  for (const protocol of ['lfw', 'ytf', 'mfr2'] as const) refused(protocol, '\uFEFF \n', /p\.txt: found no pairs/);
  refused('ytf', 'split number, first, second, is same\n', /found no pairs/);
});

test('each protocol pairs as it says, the same for a seed', async (t) => {
  const folder = temporaryFolder(t);
  const base = path.join(folder, 'base');
  const files = ['b/1', 'b/2', 'b/3', 'a/1', 'a/2', 'c/1'].map((file) => ({ name: `${file}.png` }));
  await writePhotos(path.join(base, 'folders'), [...files, { name: 'd/1.png', face: false }]);
  await generateCorpora(base, folder);
  const corpus = path.join(folder, 'folders');
  const twin = (file: string) => file.replace(/([^/]*)$/, 'masked_$1');
  const check = (pair: Pair) => {
    t.is(pair.genuine, pairIdentity(pair.reference) === pairIdentity(pair.probe));
    for (const [file, masked] of [
      [pair.reference, pair.referenceMasked],
      [pair.probe, pair.probeMasked],
    ] as const) {
      t.is(path.basename(file).startsWith('masked_'), masked);
      t.true(existsSync(path.join(corpus, file)), file);
      t.true(existsSync(path.join(corpus, masked ? file : twin(file))), 'every photo used has a twin');
    }
  };

  const paper = await samplePairs(corpus, 'paper', { seed: 3 });
  t.is(paper.length, 4 * 5 + 2);
  paper.forEach(check);
  const order = ['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png', 'b/3.png'];
  for (const [i, x] of order.entries()) {
    const four = paper.slice(4 * i, 4 * i + 4);
    t.deepEqual(
      four.map(({ reference }) => reference),
      [x, twin(x), x, twin(x)],
    );
    t.deepEqual(
      four.map(({ genuine }) => genuine),
      [true, true, false, false],
    );
    t.deepEqual(
      four.map(({ probeMasked }) => probeMasked),
      [true, false, true, false],
    );
    t.false(four.some(isSamePhoto));
  }
  t.like(paper[20], { reference: 'c/1.png', probe: 'c/masked_1.png', genuine: true });
  t.like(paper[21], { reference: 'c/masked_1.png', genuine: false });

  t.deepEqual(await samplePairs(corpus, 'paper', { seed: 3 }), paper);
  t.notDeepEqual(await samplePairs(corpus, 'paper', { seed: 4 }), paper);
  const all = await samplePairs(corpus, 'all-identities');
  t.is(all.length, 6);
  all.forEach(check);
  for (const [masking, sides] of [
    ['plain-plain', [false, false]],
    ['masked-masked', [true, true]],
  ] as const) {
    const controls = await samplePairs(corpus, 'balanced', { count: 40, masking });
    t.is(controls.filter(({ genuine }) => genuine).length, 20);
    controls.forEach(check);
    for (const pair of controls) t.deepEqual([pair.referenceMasked, pair.probeMasked], [...sides]);
    t.false(controls.some(isSamePhoto));
  }
  const out = path.join(folder, 'pairs.txt');
  const run = await maskbench(['pairs', corpus, '--protocol', 'rmfd', '--out', out]);
  t.is(run.code, 0, run.stderr);
  t.regex(run.stdout, /^\d+ pairs: \d+ genuine/);
  t.is(parsePairs(readFileSync(out, 'utf8'), out).separator, '::');
  t.is((await maskbench(['pairs', corpus, '--out', out])).code, 2);
  await t.throwsAsync(samplePairs(folder, 'paper'), { code: 'NOT_FOUND' });
});
