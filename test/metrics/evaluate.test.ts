import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { Pair } from 'maskbench/datasets';
import {
  calibrate,
  cllr,
  evaluate,
  evaluateFiles,
  evaluateIdentification,
  fuse,
  readGroups,
  readLabels,
  readScores,
  type SystemScores,
} from 'maskbench/metrics';
import { temporaryFolder } from '../support/files.js';
import { normal, uniform } from '../support/scores.js';

const system = (scores: number[], name = 'one', failed: number[] = []): SystemScores => ({
  name,
  scores: Float64Array.from(scores),
  failed: new Set(failed),
});

/** Pairs of identities p0, p1 … with photos 1 and 2, the second masked. */
function pairsOf(count: number, kinds: [boolean, boolean][] = [[false, true]]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < count; i++)
    for (const [referenceMasked, probeMasked] of kinds)
      for (const other of [i, (i + 1) % count, (i + 2) % count])
        pairs.push({
          reference: `p${i}/${referenceMasked ? 'masked_' : ''}1.jpg`,
          probe: `p${other}/${probeMasked ? 'masked_' : ''}2.jpg`,
          referenceMasked,
          probeMasked,
          genuine: i === other,
        });
  return pairs;
}

function simulated(pairs: Pair[], seed = 1, shift = 2): SystemScores {
  const deviate = normal(uniform(seed));
  return system(
    pairs.map(({ genuine }) => deviate() + (genuine ? shift : 0)),
    `seed ${seed}`,
  );
}

const labelsOf = (pairs: Pair[]) => Uint8Array.from(pairs, ({ genuine }) => Number(genuine));

test('failed comparisons are counted apart: FTA by kind of photo, FRR and FAR over all', async (t) => {
  const pairs = pairsOf(40);
  // p0's plain photo gave no template: its three comparisons failed.
  const one = { ...simulated(pairs), failed: new Set([0, 1, 2]) };
  for (const i of one.failed) one.scores[i] = Number.NaN;
  const { systems, identities } = await evaluate([one], { labels: labelsOf(pairs), pairs }, { draws: 50, fmr: [0.1] });
  const [of] = systems;
  t.is(identities, 40);
  t.deepEqual([of?.genuine, of?.impostor, of?.failed], [39, 78, { genuine: 1, impostor: 2 }]);
  t.deepEqual([of?.acquisition?.plain.errors, of?.acquisition?.plain.of], [1, 40]);
  t.deepEqual([of?.acquisition?.masked.errors, of?.acquisition?.masked.of], [0, 40]);
  const [point] = of?.fnmrAtFmr ?? [];
  t.is(point?.frr.errors, (point?.fnmr.errors as number) + 1);
  t.deepEqual([point?.frr.of, point?.far.of, point?.fnmr.of], [40, 80, 39]);
  t.is(point?.far.errors, point?.fmr.errors);
  // A NaN that nobody explained.
  await t.throwsAsync(evaluate([{ ...one, failed: new Set([0, 1]) }], { labels: labelsOf(pairs) }), {
    message: /score 3 is NaN/,
  });
});

test('intervals: none or all errors get the exact bound, two systems share draws, pairs alone are named', async (t) => {
  const pairs = pairsOf(60);
  const labels = labelsOf(pairs);
  const perfect = system(
    pairs.map(({ genuine }) => Number(genuine)),
    'perfect',
  );
  const good = simulated(pairs, 2);
  const result = await evaluate(
    [good, perfect, { ...good, name: 'twin' }],
    { labels, pairs },
    { draws: 200, fmr: [0.1] },
  );
  t.regex(result.intervals, /of identities/);
  const eer = result.systems[1]?.measures.eer;
  t.is(eer?.value, 0);
  t.deepEqual(eer?.interval, [0, 1 - 0.05 ** (1 / 60)]);
  t.true(result.systems[1]?.notes.some((note) => /EER is 0 of 60: .*up to 0\.050 \(3\/N\)/.test(note)));
  t.deepEqual(
    result.differences.map(({ name }) => name),
    ['perfect − seed 2', 'twin − seed 2'],
  );
  t.deepEqual(result.differences[1]?.eer, { value: 0, interval: [0, 0] });
  const { differences } = await evaluate([good, simulated(pairs, 3)], { labels }, { draws: 200, fmr: [0.1] });
  t.true((differences[0]?.eer.interval?.[0] as number) < (differences[0]?.eer.interval?.[1] as number));
  const alone = await evaluate([good], { labels }, { draws: 200 });
  t.regex(alone.intervals, /assumes independent pairs/);
  t.is((await evaluate([good], { labels }, { draws: 0 })).intervals, 'none');
  t.true(alone.systems[0]?.notes.some((note) => /120 comparisons cannot support FMR targets below 0.00833/.test(note)));
});

test('a photo and its own twin are marked, and rates given without them', async (t) => {
  const pairs: Pair[] = pairsOf(20);
  pairs.push({
    reference: 'p1/1.jpg',
    probe: 'p1/masked_1.jpg',
    referenceMasked: false,
    probeMasked: true,
    genuine: true,
  });
  const scores = simulated(pairs);
  const result = await evaluate([scores], { labels: labelsOf(pairs), pairs }, { draws: 0, fmr: [0.1] });
  t.is(result.samePhoto, 1);
  t.is(result.systems[0]?.withoutSamePhoto?.genuine, 20);
  t.regex(result.notes[0] as string, /^1 genuine comparisons are of a photo/);
});

test("NIST's protocol: the threshold comes from plain–plain comparisons, and holds for the others", async (t) => {
  const pairs = pairsOf(100, [
    [false, false],
    [false, true],
    [true, true],
  ]);
  const scores = simulated(pairs);
  const result = await evaluate([scores], { labels: labelsOf(pairs), pairs }, { draws: 100, plainFmr: 0.01 });
  const parts = result.systems[0]?.maskings ?? [];
  t.deepEqual(
    parts.map(({ name, genuine, impostor }) => [name, genuine, impostor]),
    [
      ['plain–plain', 100, 200],
      ['plain–masked', 100, 200],
      ['masked–masked', 100, 200],
    ],
  );
  t.is(parts[0]?.fmr.errors, 2);
  t.is(new Set(parts.map(({ threshold }) => threshold)).size, 1);
  for (const [i, part] of parts.entries()) {
    const of = pairs
      .map((pair, k) => ({ pair, score: scores.scores[k] as number }))
      .filter(({ pair }) => Number(pair.referenceMasked) + Number(pair.probeMasked) === i);
    t.is(part.fmr.errors, of.filter(({ pair, score }) => !pair.genuine && score >= part.threshold).length);
    t.is(part.fnmr.errors, of.filter(({ pair, score }) => pair.genuine && score < part.threshold).length);
  }
  await t.throwsAsync(evaluate([scores], { labels: labelsOf(pairs), pairs }, { plainFmr: 1e-5 }), {
    message: /plain–plain.*needs at least 100000/,
  });
});

test('groups: by identity, photo, CelebA attributes and SoF names; both sides must belong', async (t) => {
  const folder = temporaryFolder(t);
  const pairs = pairsOf(30);
  const labels = labelsOf(pairs);
  const file = path.join(folder, 'groups.csv');
  writeFileSync(
    file,
    `identity,sex,"age, years"\n${Array.from({ length: 30 }, (_, i) => `p${i},${i < 15 ? 'f' : 'm'},${i === 0 ? '' : 'old'}`).join('\n')}\n`,
  );
  const result = await evaluate(
    [simulated(pairs)],
    { labels, pairs },
    { groups: await readGroups(file), draws: 50, threshold: 1 },
  );
  const groups = result.systems[0]?.groups ?? [];
  t.deepEqual(
    groups.map(({ name, genuine, impostor }) => [name, genuine, impostor]),
    [
      ['age, years: old', 29, 56],
      ['sex: f', 15, 27],
      ['sex: m', 15, 27],
    ],
  );
  t.true(groups.every(({ threshold }) => threshold === 1));
  // Photos of one name in two folders are two photos; a name without a folder is any of them.
  writeFileSync(file, 'photo,light\np0/1.jpg,indoor\np1/1.jpg,outdoor\n2.jpg,dim\n');
  const lights = await readGroups(file);
  t.deepEqual(['p0/masked_1.jpg', './/p1/1.jpg', 'p7/2.jpg', 'p2/1.jpg'].map(lights), [
    { light: 'indoor' },
    { light: 'outdoor' },
    { light: 'dim' },
    undefined,
  ]);
  const attributes = path.join(folder, 'list_attr_celeba.txt');
  writeFileSync(attributes, '2\nEyeglasses Male\n000001.jpg -1  1\n000002.jpg  1 -1\n');
  const celeba = await readGroups(attributes);
  t.deepEqual(celeba('2880/masked_000001.png'), { Eyeglasses: 'no', Male: 'yes' });
  t.is(celeba('2880/000003.png'), undefined);
  const sof = await readGroups('sof');
  t.deepEqual(sof('AbdA/masked_AbdA_00001_m_31_i_fr_nc_no_2016_2_e0_nl_o.jpg'), {
    sex: 'm',
    age: '30 to 49',
    light: 'indoor',
    view: 'frontal',
    emotion: 'no',
  });
  writeFileSync(file, 'name,sex\na,b\n');
  await t.throwsAsync(readGroups(file), { code: 'UNREADABLE', message: /line 1/ });
  writeFileSync(file, 'identity,sex\na\n');
  await t.throwsAsync(readGroups(file), { message: /line 2: expected 2 columns/ });
  await t.throwsAsync(readGroups(path.join(folder, 'none.csv')), { code: 'NOT_FOUND' });
});

test('fusion and calibration', async (t) => {
  const pairs = pairsOf(200);
  const labels = labelsOf(pairs);
  const one = simulated(pairs, 4);
  const other = simulated(pairs, 5);
  const fused = { ...one, scores: one.scores.map((score, i) => (score + (other.scores[i] as number)) / 2) };
  t.deepEqual(fuse([one, other], labels, 'mean').scores, fused.scores);
  t.is(fuse([one, other], labels, 'max').scores[5], Math.max(one.scores[5] as number, other.scores[5] as number));
  const scaled = { ...other, scores: other.scores.map((score) => 7 * score - 3) };
  const [before, after] = [other, scaled].map((second) => fuse([one, second], labels, 'z-norm').scores) as [
    Float64Array,
    Float64Array,
  ];
  for (const [i, score] of before.entries()) t.true(Math.abs(score - (after[i] as number)) < 1e-9);
  const identities = pairs.map(
    ({ reference, probe }) => [reference.split('/')[0], probe.split('/')[0]] as [string, string],
  );
  const ratios = calibrate([one, other], labels, identities, { seed: 3 });
  const used = [...labels.keys()].filter((i) => !ratios.dropped.has(i));
  t.is(used.length + ratios.dropped.size, labels.length);
  t.true(used.every((i) => Number.isFinite(ratios.scores[i])));
  t.true([...ratios.dropped].every((i) => labels[i] === 0 && Number.isNaN(ratios.scores[i])));
  const result = await evaluate([ratios], { labels, pairs }, { draws: 0 });
  const cost = result.systems[0]?.cllr as number;
  // Two systems with d′ 2 are one with d′ 2.83; a calibrated Cllr is near its minimum, and far below a shifted one.
  t.true(Math.abs((result.systems[0]?.measures.dPrime as number) - 2 * Math.SQRT2) < 0.5);
  t.true(
    cost >= (result.systems[0]?.measures.minCllr as number) &&
      cost < (result.systems[0]?.measures.minCllr as number) + 0.1,
  );
  t.true(
    cllr(
      ratios.scores.map((score) => score + 3),
      labels,
    ) >
      cost + 0.1,
  );
  t.is(cllr([0, 0], [1, 0]), 1);
  t.throws(() => fuse([one, system([1])], labels, 'mean'), { message: /1 scores, seed 4 has 600/ });
  t.throws(() => fuse([system([1, 1, 1])], Uint8Array.of(1, 0, 0), 'z-norm'), {
    message: /impostor scores that differ/,
  });
  t.throws(
    () =>
      calibrate([system([1, 2])], Uint8Array.of(1, 0), [
        ['a', 'a'],
        ['a', 'b'],
      ]),
    { message: /needs 5 identities/ },
  );
});

test('identification: an identity is its best photo, ties count against the mate', async (t) => {
  const gallery = ['a', 'a', 'b', 'c'];
  const matrix = Float64Array.of(
    ...[0.1, 0.9, 0.5, 0.2], // a: first by its second photo
    ...[0.1, 0.6, 0.6, 0.2], // b: a tie, so second
    ...[0.7, 0.1, 0.2, 0.4], // c: second
    ...[0.3, 0.2, 0.1, 0.8], // x, who is not enrolled
  );
  const all = await evaluateIdentification(matrix, ['a', 'b', 'c', 'x'], gallery, { nonMated: 0, fpir: [1] });
  t.deepEqual([all.enrolled, all.mated, all.nonMated], [3, 3, 1]);
  t.deepEqual(
    [...all.cmc].map((rate) => Number(rate.toFixed(9))),
    [0.333333333, 1, 1],
  );
  const [open] = all.fnirAtFpir;
  t.is(open?.threshold, 0.4);
  t.is(open?.fnir.errors, 2);
  const ranked = await evaluateIdentification(matrix, ['a', 'b', 'c', 'x'], gallery, {
    nonMated: 0,
    fpir: [1],
    rank: 2,
  });
  t.is(ranked.fnirAtFpir[0]?.fnir.errors, 0);
  // With the first photo only, a's best is 0.1: third, behind b and c.
  const first = await evaluateIdentification(matrix, ['a', 'b', 'c', 'x'], gallery, { nonMated: 0, gallery: 'first' });
  t.deepEqual(
    [...first.cmc].map((rate) => Number(rate.toFixed(9))),
    [0.333333333, 0.666666667, 1],
  );
  const out = await evaluateIdentification(matrix, ['a', 'b', 'c', 'x'], gallery, { nonMated: 0.34, seed: 1 });
  t.deepEqual([out.enrolled, out.mated, out.nonMated], [2, 2, 2]);
  await t.throwsAsync(evaluateIdentification(matrix, ['a'], gallery), { message: /expected 1 × 4 scores, found 16/ });
  await t.throwsAsync(evaluateIdentification(Float32Array.of(Number.NaN), ['a'], ['a']), {
    message: /row 0, column 0 is NaN/,
  });
});

test('evaluateFiles reads scores, labels and thresholds, and evaluates as evaluate does', async (t) => {
  const folder = temporaryFolder(t);
  const write = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const scores = [0.9, 0.6, 0.7, 0.2, 0.4, 0.1];
  const labels = [1, 1, 1, 0, 0, 0];
  const file = write('ours.txt', scores.map((score) => `${score}\n`).join(''));
  const labelFile = write('labels.txt', labels.map((label) => `${label}\n`).join(''));
  const options = { fmr: [0.5], fnmr: [], draws: 0 };
  const { evaluation, systems, comparisons } = await evaluateFiles([file], { labels: labelFile, ...options });
  t.deepEqual(systems, [system(scores, 'ours')]);
  t.deepEqual(comparisons.labels, Uint8Array.from(labels));
  t.deepEqual(evaluation, await evaluate(systems, comparisons, options));
  const saved = write('saved.json', JSON.stringify(evaluation));
  const again = await evaluateFiles([file], {
    ...{ labels: labelFile, thresholdFrom: saved, thresholdFmr: 0.5, model: ['m'] },
    ...options,
  });
  t.is(again.evaluation.systems[0]?.atThreshold?.threshold, evaluation.systems[0]?.fnmrAtFmr[0]?.threshold);
  t.regex(again.evaluation.notes.join('\n'), /model of the threshold .* not checked: the file does not state it/);
  await t.throwsAsync(evaluateFiles([file], { labels: labelFile, threshold: 1, thresholdFrom: saved }), {
    message: /received both/,
  });
  await t.throwsAsync(evaluateFiles([file]), { message: /expected pairs, labels/ });
});

test('score files: text, CSV, JSON and NumPy; errors name file and line', async (t) => {
  const folder = temporaryFolder(t);
  const write = (name: string, data: string | Buffer) => {
    writeFileSync(path.join(folder, name), data);
    return path.join(folder, name);
  };
  t.deepEqual([...(await readScores(write('a.txt', '0.5\r\n1e-3\n'))).scores], [0.5, 0.001]);
  const csv = await readScores(
    write('a.csv', `reference,probe,score,label\np0/1.jpg,p0/masked_2.jpg,0.5,1\n"p0/1.jpg",p0/masked_2.jpg,,0\n`),
  );
  t.deepEqual([csv.scores[0], csv.failed, csv.labels], [0.5, new Set([1]), Uint8Array.of(1, 0)]);
  t.deepEqual((await readScores(write('a.json', '[0.5, null]'))).failed, new Set([1]));
  const npy = (kind: string, shape: string, data: Buffer, order = 'False') => {
    const header = `{'descr': '${kind}', 'fortran_order': ${order}, 'shape': ${shape}, }`.padEnd(117);
    return Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      Buffer.from([118, 0]),
      Buffer.from(`${header}\n`),
      data,
    ]);
  };
  const doubles = Buffer.from(Float64Array.of(0.25, 0.75).buffer);
  t.deepEqual([...(await readScores(write('a.npy', npy('<f8', '(2,)', doubles)))).scores], [0.25, 0.75]);
  const halves = Buffer.from(Uint16Array.of(0x3800, 0xc000, 0x0001).buffer);
  t.deepEqual([...(await readScores(write('h.npy', npy('<f2', '(3,)', halves)))).scores], [0.5, -2, 2 ** -24]);
  t.deepEqual(await readLabels(write('l.txt', '1\n0\n')), Uint8Array.of(1, 0));
  const refused = async (file: string, message: RegExp, options = {}) =>
    t.throwsAsync(readScores(file, options), { message, code: 'UNREADABLE' });
  await refused(write('b.txt', '0.5\nx\n'), /b\.txt, line 2: .*"x"/);
  await refused(write('b.txt', '0.5\n\n0.5\n'), /b\.txt, line 2/);
  await refused(write('b.txt', '0.5\ninf\n'), /line 2/);
  await refused(write('b.txt', ''), /is empty/);
  await refused(write('b.csv', 'a,b\n1,2\n'), /column "score"/);
  await refused(write('b.csv', 'score,label\n1,2\n'), /b\.csv, line 2: expected a label of 0 or 1, found "2"/);
  await refused(write('b.csv', 'score,label\n1\n'), /line 2: expected 2 columns/);
  await refused(write('b.json', '[1, "2"]'), /array of numbers/);
  await refused(write('b.json', '[1,'), /JSON/);
  await refused(write('b.npy', 'no'), /not a NumPy/);
  await refused(write('b.npy', npy('<f8', '(3,)', doubles)), /expected 24 bytes/);
  await refused(write('b.npy', npy('>f8', '(2,)', doubles)), /big-endian/);
  await refused(write('b.npy', npy('<f8', '(2,1)', doubles, 'True')), /Fortran/);
  await refused(write('b.npy', npy('<f8', '(2,1)', doubles)), /one dimension/);
  await refused(write('b.npy', npy('<c8', '(2,)', doubles)), /found <c8/);
  await refused(write('b.npy', npy('<f8', '(2,)', Buffer.from(Float64Array.of(1, Number.NaN).buffer))), /row 1 is NaN/);
  await t.throwsAsync(readLabels(write('l.txt', '1\n2\n')), { message: /l\.txt, line 2/ });
  await t.throwsAsync(readScores(path.join(folder, 'none.txt')), { code: 'NOT_FOUND' });
});
