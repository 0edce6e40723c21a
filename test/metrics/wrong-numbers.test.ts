import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Embedder } from 'maskbench';
import { type Pair, samplePairs } from 'maskbench/datasets';
import {
  calibrate,
  evaluate,
  evaluateIdentification,
  fuse,
  readScores,
  ScoreSet,
  type SystemScores,
  scoreAll,
} from 'maskbench/metrics';
import { npyFile } from '../../lib/files/npy.js';
import { thresholdChart } from '../../lib/report/charts.js';
import { maskbench, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';
import { normal, uniform } from '../support/scores.js';

/** A folder, its writer, and the CLI with words that name files in it. */
function workplace(t: ExecutionContext) {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const write = (name: string, data: string | Buffer) => {
    writeFileSync(at(name), data);
    return at(name);
  };
  const run = (words: string) =>
    maskbench(words.split(' ').map((word) => (/\.(txt|csv|json|npy|jsonl)$/.test(word) ? at(word) : word)));
  const refused = async (words: string, message: RegExp) => {
    const { code, stdout, stderr } = await run(words);
    t.is(code, 2, `${words}: ${stdout}${stderr}`);
    t.is(stdout, '');
    t.regex(stderr.replaceAll(`${folder}/`, ''), message);
    t.notRegex(stderr, /\n {4}at /);
  };
  const json = async (words: string) => {
    const { stdout, stderr } = await run(`${words} --json`);
    t.not(stdout, '', stderr);
    return JSON.parse(stdout);
  };
  return { at, write, run, refused, json };
}

/** Genuine and impostor pairs of people, with scores around `shift` and 0. */
function simulated(people: number, seed = 1, shift = 3) {
  const deviate = normal(uniform(seed));
  const pairs: Pair[] = [];
  for (let i = 0; i < people; i++)
    for (const [other, photo] of [
      [i, 2],
      [i, 3],
      [(i + 1) % people, 2],
      [(i + 2) % people, 2],
    ] as const)
      pairs.push({
        ...{ reference: `p${i}/1.jpg`, probe: `p${other}/${photo}.jpg`, genuine: i === other },
        ...{ referenceMasked: false, probeMasked: false },
      });
  return { pairs, scores: pairs.map(({ genuine }) => deviate() + (genuine ? shift : 0)) };
}

const listOf = (pairs: readonly Pair[]) =>
  pairs.map(({ reference, probe, genuine }) => `${reference} ${probe} 0 0 ${Number(genuine)}\n`).join('');

test('T1: sources that contradict each other are refused with file and line', async (t) => {
  const { write, refused, json } = workplace(t);
  write('a.csv', 'score,label\n0.9,1\n0.8,1\n0.2,0\n0.1,0\n');
  write('b.csv', 'score,label\n0.1,0\n0.2,0\n0.8,1\n0.9,1\n');
  await refused('evaluate --scores a.csv b.csv', /b\.csv, line 2: says impostor; a\.csv, label 1: says genuine/);
  write('pairs.txt', 'p/1.jpg p/2.jpg 0 0 1\nq/1.jpg q/2.jpg 0 0 1\np/1.jpg q/1.jpg 0 0 0\nq/1.jpg p/1.jpg 0 0 0\n');
  t.is((await json('evaluate --draws 0 --pairs pairs.txt --scores a.csv')).systems[0].measures.eer.value, 0);
  await refused('evaluate --pairs pairs.txt --scores b.csv', /b\.csv, line 2: says impostor; pairs\.txt, label 1/);
  // The names say who it is, where the list has no labels.
  write('names.txt', 'p/1.jpg p/2.jpg 0 0\nq/1.jpg q/2.jpg 0 0\np/1.jpg q/1.jpg 0 0\nq/1.jpg p/1.jpg 0 0\n');
  await refused('evaluate --pairs names.txt --scores b.csv', /b\.csv, line 2: says impostor/);
  write('labels.txt', '1\n0\n0\n0\n');
  await refused(
    'evaluate --pairs pairs.txt --labels labels.txt --scores a.csv',
    /labels\.txt, label 2: says impostor; pairs\.txt, pair 2: says genuine/,
  );
  await refused('evaluate --labels labels.txt --scores a.csv', /a\.csv, line 3: says genuine; labels\.txt, label 2/);
  write(
    'named.csv',
    'reference,probe,score\n./p/1.jpg,p/2.jpg,1\n\nq/2.jpg,q/1.jpg,1\np/1.jpg,q/1.jpg,0\nq/1.jpg,p/1.jpg,0\n',
  );
  await refused(
    'evaluate --pairs pairs.txt --scores named.csv',
    /named\.csv, line 4: names q\/2\.jpg, but pairs\.txt, pair 2 names q\/1\.jpg: they are in another order/,
  );
  write(
    'other.csv',
    'reference,probe,score,label\np/1.jpg,p/2.jpg,1,1\nq/1.jpg,q/2.jpg,1,1\nq/1.jpg,p/1.jpg,0,0\np/1.jpg,q/1.jpg,0,0\n',
  );
  await refused(
    'evaluate --scores other.csv named.csv',
    /named\.csv, line 4: names q\/2\.jpg, but other\.csv, line 3 names q\/1\.jpg/,
  );
  // The same in a program.
  const labels = Uint8Array.of(1, 1, 0, 0);
  const system = { name: 'one', scores: Float64Array.of(4, 3, 2, 1), failed: new Set<number>() };
  await t.throwsAsync(evaluate([{ ...system, labels: Uint8Array.of(1, 0, 0, 0) }], { labels }), {
    message: /one, row 1: says impostor/,
  });
  await t.throwsAsync(evaluate([system, system], { labels }), { message: /two named one/ });
});

test('T3: scores carry their direction', async (t) => {
  const { pairs, scores } = simulated(40);
  const { write, json, refused } = workplace(t);
  write('pairs.txt', listOf(pairs));
  write('near.txt', scores.map((score) => `${score}\n`).join(''));
  write('far.txt', scores.map((score) => `${5 - score}\n`).join(''));
  const near = await json('evaluate --draws 60 --pairs pairs.txt --scores near.txt --fuse llr --threshold 1.5');
  const far = await json(
    'evaluate --draws 60 --pairs pairs.txt --scores far.txt --fuse llr --distance --threshold 3.5',
  );
  for (const k of [0, 1]) {
    const [one, other] = [near.systems[k], far.systems[k]];
    t.deepEqual(other.measures.eer, one.measures.eer);
    t.is(other.measures.auc.value, one.measures.auc.value);
    t.deepEqual(
      other.fnmrAtFmr.map(({ fnmr }: { fnmr: object }) => fnmr),
      one.fnmrAtFmr.map(({ fnmr }: { fnmr: object }) => fnmr),
    );
  }
  t.true(far.systems[1].measures.auc.value > 0.9);
  t.true(Math.abs(far.systems[1].cllr - near.systems[1].cllr) < 1e-6);
  t.deepEqual([far.systems[0].distance, far.systems[1].distance], [true, false]);
  // Thresholds are as the scores are.
  t.is(far.systems[0].atThreshold.threshold, 3.5);
  t.deepEqual(far.systems[0].atThreshold.fmr, near.systems[0].atThreshold.fmr);
  t.deepEqual(far.systems[0].atThreshold.fnmr, near.systems[0].atThreshold.fnmr);
  t.is(far.systems[0].fnmrAtFmr[0].threshold, 5 - near.systems[0].fnmrAtFmr[0].threshold);
  // No threshold of the scores is on the scale of log-likelihood ratios.
  t.is(far.systems[1].atThreshold, undefined);
  await refused(
    'evaluate --pairs pairs.txt --scores far.txt --distance --definition paper',
    /needs similarities from 0 to 1/,
  );
  const system = (distance: boolean): SystemScores => ({
    name: `${distance}`,
    scores: Float64Array.of(1, 0),
    failed: new Set(),
    distance,
  });
  t.true(fuse([system(true)], Uint8Array.of(1, 0), 'mean').distance);
  t.throws(() => fuse([system(true), system(false)], Uint8Array.of(1, 0), 'mean'), {
    message: /similarities and distances can't be fused/,
  });
});

test('T3: thresholds in files carry definition, direction, model and similarity, and are checked', async (t) => {
  const { pairs, scores } = simulated(40);
  const { write, json, run, refused } = workplace(t);
  write('pairs.txt', listOf(pairs));
  write('near.txt', scores.map((score) => `${score}\n`).join(''));
  write('far.txt', scores.map((score) => `${5 - score}\n`).join(''));
  write('unit.txt', scores.map((score) => `${1 / (1 + Math.exp(-score))}\n`).join(''));
  const evaluated = 'evaluate --draws 0 --fmr 0.1 --pairs pairs.txt --scores';
  const save = async (name: string, words: string) => {
    const found = await json(`${evaluated} ${words}`);
    write(name, JSON.stringify(found));
    return found.systems[0].fnmrAtFmr[0].threshold;
  };
  const threshold = await save('near.json', 'near.txt --model m --similarity cosine');
  await save('far.json', 'far.txt --distance --model m --similarity l2');
  await save('paper.json', 'unit.txt --definition paper');
  const use = (file: string, words: string) => `${evaluated} ${words} --threshold-from ${file} --threshold-fmr 0.1`;
  t.is(
    (await json(use('near.json', 'near.txt --model m --similarity cosine'))).systems[0].atThreshold.threshold,
    threshold,
  );
  await refused(
    use('far.json', 'near.txt --model m --similarity l2'),
    /far\.json: .*direction distances, expected similarities/,
  );
  await refused(use('near.json', 'near.txt --model other'), /near\.json: .*model m, expected other/);
  await refused(use('near.json', 'near.txt --model m --similarity l2'), /similarity cosine, expected l2/);
  await refused(use('paper.json', 'near.txt'), /definition paper, expected exact/);
  const unsaid = await run(use('near.json', 'near.txt'));
  t.regex(
    unsaid.stdout,
    /note: model of the threshold from .*near\.json not checked: the file states m, and this command does not/,
  );
  // Each of several systems takes its own threshold.
  const both = await json(`${evaluated} near.txt unit.txt`);
  write('both.json', JSON.stringify(both));
  const taken = await json(use('both.json', 'near.txt unit.txt'));
  for (const k of [0, 1]) t.is(taken.systems[k].atThreshold.threshold, both.systems[k].fnmrAtFmr[0].threshold);
  await refused(use('both.json', 'far.txt'), /expected the threshold of far, found those of near, unit/);
  await refused(use('near.json', 'near.txt unit.txt'), /expected the threshold of unit, found those of near/);
  write('old.json', JSON.stringify({ ...both, distance: true }));
  await refused(use('old.json', 'near.txt'), /written by version 0\.1, which negated thresholds of distances/);
});

test('T5: what is undefined is said, and options out of range are refused', async (t) => {
  for (const value of [0.1, 1 / 3, -7e300, 1e-300]) {
    const set = await ScoreSet.from(new Float64Array(9).fill(value), [1, 1, 1, 0, 0, 0, 0, 0, 0]);
    t.is((await set.measure()).dPrime, null, String(value));
  }
  const rounded = await ScoreSet.from([0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3], [1, 1, 0, 0]);
  t.is((await rounded.measure()).dPrime, null);
  const single = await ScoreSet.from(Float32Array.of(0.3, 0.3 + 2 ** -25, 0.3, 0.3), [1, 1, 0, 0]);
  t.is((await single.measure()).dPrime, null);
  t.is((await (await ScoreSet.from([1, 1, 0, 0], [1, 1, 0, 0])).measure()).dPrime, null);
  t.is((await (await ScoreSet.from([3, 1, 1, -1], [1, 1, 0, 0])).measure()).dPrime, 2);
  const { write, json, refused } = workplace(t);
  write('constant.csv', 'score,label\n0.1,1\n0.1,1\n0.1,1\n0.1,0\n0.1,0\n0.1,0\n');
  t.is((await json('evaluate --scores constant.csv --draws 0')).systems[0].measures.dPrime, null);
  // A threshold where nothing matched.
  write('saved.json', JSON.stringify(await json('evaluate --scores constant.csv --draws 0 --fmr 0.4')));
  await refused(
    'evaluate --scores constant.csv --draws 0 --threshold-from saved.json --threshold-fmr 0.4',
    /saved\.json: the threshold for FMR 0\.4 is Infinity: nothing matched there/,
  );
  await refused(
    'evaluate --scores constant.csv --draws 0 --threshold-from saved.json --threshold-fmr 0.3',
    /expected a threshold for FMR 0\.3, found only those for 0\.4/,
  );
  const { pairs, scores } = simulated(20);
  write('pairs.txt', listOf(pairs));
  write('s.txt', scores.map((score) => `${score}\n`).join(''));
  for (const prior of ['1', '0', '-3'])
    await refused(
      `evaluate --pairs pairs.txt --scores s.txt --fuse llr --prior ${prior}`,
      /number above 0 and below 1 for prior/,
    );
  const matrix = Float64Array.of(1, 0, 0, 1);
  const identify = (options: object) =>
    evaluateIdentification(matrix, ['a', 'b'], ['a', 'b'], { nonMated: 0, ...options });
  for (const options of [{ rank: 0 }, { rank: 1.5 }, { fpir: [0] }, { fpir: [2] }, { seed: -1 }, { nonMated: 1 }])
    await t.throwsAsync(identify(options), { code: 'INVALID_ARGUMENT' }, JSON.stringify(options));
  const one = { name: 'one', scores: Float64Array.from(scores), failed: new Set<number>() };
  const labels = Uint8Array.from(pairs, ({ genuine }) => Number(genuine));
  for (const options of [
    { fmr: [0] },
    { fnmr: [Number.NaN] },
    { threshold: Number.POSITIVE_INFINITY },
    { plainFmr: 2 },
    { seed: 0.5 },
  ])
    await t.throwsAsync(
      evaluate([one], { labels, pairs }, options),
      { code: 'INVALID_ARGUMENT' },
      JSON.stringify(options),
    );
  t.throws(() => calibrate([one], labels, [], { prior: Number.NaN }), { code: 'INVALID_ARGUMENT' });
});

test('T5, T11: similarities of a zero vector, and of rows that are not there, are refused', async (t) => {
  const model = await writeModel(temporaryFolder(t), 'm');
  const embedder = await Embedder.open({ model, description: describeModel() });
  t.teardown(() => embedder.close());
  const { dimensions } = embedder;
  const [one, zero] = [new Float32Array(dimensions).fill(1), new Float32Array(dimensions)];
  t.throws(() => embedder.similarity(one, zero), {
    code: 'INVALID_ARGUMENT',
    message: /b: a zero vector has no cosine similarity/,
  });
  t.throws(
    () =>
      embedder.similarity(
        one.map(() => Number.NaN),
        one,
      ),
    { message: /NaN or infinities/ },
  );
  t.is((await embedder.similarities(one, [0], [0]))[0]?.toFixed(6), '1.000000');
  for (const row of [Number.NaN, 2 ** 32, 1, -1, 0.5])
    await t.throwsAsync(embedder.similarities(one, [0], [row]), {
      code: 'INVALID_ARGUMENT',
      message: /whole number from 0 to 0 for second\[0\]/,
    });
  await t.throwsAsync(embedder.similarities(one, [0, 0], [0]), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(embedder.similarities(one.subarray(1), [0], [0]), { code: 'INVALID_ARGUMENT' });
});

test('T6: failures beyond the end, and beside files that mark their own, are refused', async (t) => {
  const { write, refused, json } = workplace(t);
  write('s.npy', npyFile(Float64Array.of(0.9, 0.8, 0.7, 0.6, 0.2, 0.1), [6]));
  write('l.txt', '1\n1\n1\n0\n0\n0\n');
  write('beyond.txt', '1\n4\n99\n');
  await refused(
    'evaluate --scores s.npy --labels l.txt --failures beyond.txt',
    /expected rows from 0 to 5 of s\.npy, found 99/,
  );
  write('failed.txt', '1\n4\n');
  const { systems } = await json('evaluate --scores s.npy --labels l.txt --failures failed.txt --draws 0');
  t.deepEqual(systems[0].failed, { genuine: 1, impostor: 1 });
  const csv = write('s.csv', 'score,label\n1,1\n2,1\n0,0\n0,0\n1,1\n');
  await refused('evaluate --scores s.csv --failures failed.txt', /failures: s\.csv marks failed comparisons itself/);
  await t.throwsAsync(readScores(csv, { failures: new Set([0]) }), { code: 'INVALID_ARGUMENT' });
  const system = { name: 'one', scores: Float64Array.of(1, 0), failed: new Set([2]) };
  await t.throwsAsync(evaluate([system], { labels: Uint8Array.of(1, 0) }), {
    message: /one: expected failed rows from 0 to 1, found 2/,
  });
});

test('T6: options that have no effect are refused', async (t) => {
  const { at, write, refused } = workplace(t);
  write('s.csv', 'score,label\n0.9,1\n0.8,1\n0.2,0\n0.1,0\n');
  write('g.csv', 'identity,sex\np,f\n');
  write('m.npy', npyFile(Float64Array.of(1, 0, 0, 1), [2, 2]));
  write('p.txt', 'a/1.jpg\nb/1.jpg\n');
  write('saved.json', '{}');
  for (const [words, message] of [
    ['evaluate --scores s.csv --threshold-fmr 0.1', /--threshold-fmr has no effect: it needs --threshold-from/],
    [
      'evaluate --scores s.csv --threshold 1 --threshold-from saved.json',
      /--threshold .*cannot be used with option '--threshold-from/,
    ],
    ['evaluate --scores s.csv --prior 0.3', /--prior has no effect: it needs --fuse llr/],
    ['evaluate --scores s.csv --images photos', /--images has no effect: it needs --out/],
    [`evaluate --scores s.csv --images photos --out ${at('o')}`, /--images has no effect: it needs --pairs/],
    ['evaluate --scores s.csv --groups g.csv', /--groups has no effect: it needs --pairs/],
    ['evaluate --scores s.csv --draws 0 --seed 3', /--seed has no effect/],
    ['evaluate --scores s.csv --fuse mean', /--fuse has no effect: it needs two systems/],
    ['evaluate --vectors m.npy', /--vectors has no effect: it needs --pairs/],
    ['evaluate --draws 0', /expected --scores, or --vectors and --pairs/],
    ['evaluate --scores s.csv --model a b', /expected one for each score file \(1\), received 2/],
    [`score-all evaluate ${at('o')} --threshold-fmr 0.1`, /--threshold-fmr has no effect: it needs --threshold-from/],
    [`score-all evaluate ${at('o')} --model m`, /--model has no effect: it needs --threshold-from/],
    [`score-all evaluate ${at('o')} --images photos`, /--images has no effect: it needs --out/],
    ['identify --matrix m.npy --probes p.txt --gallery-list p.txt --non-mated 0 --seed 2', /--seed has no effect/],
    [
      `score-all --vectors m.npy --within plain --between plain,masked --out ${at('o')}`,
      /cannot be used with option '--between/,
    ],
    [`score-all --vectors m.npy --top 0 --fpir 0.1 --out ${at('o')}`, /--fpir has no effect: it needs --top above 0/],
    [`score-all --vectors m.npy --device-memory 512 --out ${at('o')}`, /deviceMemory has no effect on the CPU/],
    [`score-all --vectors m.npy --similarity l2 merge ${at('o')} --out ${at('m')}`, /too many arguments/],
    [`pairs ${at('o')} --count 3 --out l.txt`, /count has no effect: it needs the protocol balanced/],
    [`pairs ${at('o')} --masking mixed --out l.txt`, /masking has no effect/],
    [`benchmark scores --data ${at('o')} --draws 5`, /--draws has no effect: it needs --out/],
  ] as const)
    await refused(words, message);
  const labels = Uint8Array.of(1, 0);
  const one = { name: 'one', scores: Float64Array.of(1, 0), failed: new Set<number>() };
  await t.throwsAsync(evaluate([one], { labels }, { groups: () => ({ sex: 'f' }) }), {
    message: /groups need a pair list/,
  });
  await t.throwsAsync(evaluate([one], { labels }, { threshold: 1, plainFmr: 0.1 }), { message: /received both/ });
  await t.throwsAsync(samplePairs(at('o'), 'paper', { count: 3 }), { code: 'INVALID_ARGUMENT' });
  const index = [0, 1].map((row) => ({
    row,
    path: `p${row}`,
    identity: `p${row}`,
    photo: `p${row}`,
    masked: false,
    status: '',
  }));
  await t.throwsAsync(
    scoreAll({ data: Float32Array.of(1, 1), dimensions: 1 }, index, { within: 'all', between: ['all', 'all'] }),
    { message: /received both/ },
  );
});

test('T7: tables of groups say their threshold and FMR, the same FMR for all systems', async (t) => {
  const { pairs, scores } = simulated(60);
  const { write, run, json } = workplace(t);
  write('pairs.txt', listOf(pairs));
  write(
    'groups.csv',
    `identity,sex\n${Array.from({ length: 60 }, (_, i) => `p${i},${i < 30 ? 'f' : 'm'}`).join('\n')}\n`,
  );
  write('a.csv', `score,label\n${scores.map((score, i) => `${score},${Number(pairs[i]?.genuine)}`).join('\n')}\n`);
  // Half of the impostors failed: this system supports no FMR of 0.01.
  write(
    'b.csv',
    `score,label\n${scores.map((score, i) => `${pairs[i]?.genuine || i % 4 === 2 ? score : ''},${Number(pairs[i]?.genuine)}`).join('\n')}\n`,
  );
  const words = 'evaluate --draws 0 --pairs pairs.txt --groups groups.csv --fmr 0.1,0.01 --scores a.csv b.csv';
  const { systems } = await json(words);
  for (const { operating, groups } of systems) {
    t.deepEqual([operating.by, operating.target], ['FMR', 0.1]);
    t.true(groups.every((part: { threshold: number }) => part.threshold === operating.threshold));
  }
  t.deepEqual(
    systems.map(({ fnmrAtFmr }: { fnmrAtFmr: [] }) => fnmrAtFmr.length),
    [2, 1],
  );
  const { stdout } = await run(words);
  t.regex(
    stdout,
    /a: groups, impostors within the group, at the threshold \d\.\d+ \(of FMR 0\.1; FMR 0\.1 over all comparisons\)/,
  );
  t.regex(
    (await run(`${words} --threshold 1`)).stdout,
    /at the threshold 1 \(given; FMR 0\.\d+ over all comparisons\)/,
  );
});

test('T7: differences are over the comparisons that both systems have', async (t) => {
  const { pairs, scores } = simulated(60, 3, 1);
  const labels = Uint8Array.from(pairs, ({ genuine }) => Number(genuine));
  const one: SystemScores = { name: 'one', scores: Float64Array.from(scores), failed: new Set() };
  // The same scores, of which the worst genuine ones failed: no difference.
  const worst = pairs.flatMap(({ genuine }, i) => (genuine && (scores[i] as number) < 0.5 ? [i] : []));
  const some = { ...one, name: 'some', failed: new Set(worst) };
  for (const comparisons of [{ labels }, { labels, pairs }]) {
    const { differences, systems } = await evaluate([one, some], comparisons, { draws: 50, fmr: [0.1] });
    t.true((systems[1]?.measures.eer.value as number) < (systems[0]?.measures.eer.value as number));
    t.is(differences[0]?.genuine, 120 - worst.length);
    t.deepEqual(differences[0]?.eer, { value: 0, interval: [0, 0] });
    t.deepEqual(differences[0]?.fnmrAtFmr, [{ target: 0.1, value: 0, interval: [0, 0] }]);
    t.deepEqual(differences[0]?.eerRatio, { value: 1, interval: [1, 1] });
  }
  const identities = pairs.map(
    ({ reference, probe }) => [reference.split('/')[0], probe.split('/')[0]] as [string, string],
  );
  const ratios = calibrate([one], labels, identities);
  const { differences, systems } = await evaluate([one, ratios], { labels, pairs }, { draws: 0 });
  t.is(differences[0]?.impostor, systems[1]?.impostor);
  t.true((systems[1]?.impostor as number) < (systems[0]?.impostor as number));
});

test('T7: legends have whole names, tell dashes, and more systems than colours', async (t) => {
  const curve = { thresholds: Float64Array.of(0, 1), fmr: Float64Array.of(1, 0), fnmr: Float64Array.of(0, 1) };
  const long = `arcface_r100_${'with_masks_'.repeat(20)}`;
  const { svg } = await thresholdChart(
    [`${long}a`, `${long}b`].map((name) => ({ name, curve, genuine: 1, impostor: 1 })),
  );
  const texts = [...svg.matchAll(/<t(?:ext|span)[^>]*>([^<>]*)(?=<)/g)].map(([, text]) => text).join('');
  t.true(texts.includes(`${long}a`) && texts.includes(`${long}b`), texts);
  const legend = svg.slice(svg.indexOf('role-legend'));
  t.regex(legend, /stroke-dasharray="6,4"/);
  t.notRegex(legend, /opacity="0"/);
  const { write, run, at } = workplace(t);
  const names = Array.from({ length: 8 }, (_, i) => `s${i}.csv`);
  for (const name of names) write(name, 'score,label\n0.9,1\n0.3,1\n0.4,0\n0.1,0\n');
  const { code, stderr } = await run(`evaluate --draws 0 --out ${at('report')} --scores ${names.join(' ')}`);
  t.is(code, 0, stderr);
  const drawn = readFileSync(at('report/charts/fpr-tpr.svg'), 'utf8');
  t.regex(drawn.slice(drawn.indexOf('role-legend')), /stroke-dasharray="8,3"/);
  t.regex(readFileSync(at('report/charts/thresholds-2.svg'), 'utf8'), />s7</);
});
