import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { IndexLine } from 'maskbench';
import {
  type AllScores,
  evaluateAllPairs,
  mergeScores,
  ratesAtEdges,
  ratesAtFmr,
  readAllPairs,
  readExcluded,
  type ScoreAllOptions,
  ScoreSet,
  scoreAll,
} from 'maskbench/metrics';
import type { VectorSimilarity } from 'maskbench/models';
import { worstImpostors } from '../../lib/all-pairs/evaluate.js';
import { npyHeader } from '../../lib/files/npy.js';
import { writePhotos } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';
import { normal, uniform } from '../support/scores.js';

/** Index lines: identity i has `photos` photos, each plain and masked, in an order that is not that of identities. */
function indexOf(identities: number, photos: number): IndexLine[] {
  const lines: IndexLine[] = [];
  for (let photo = 0; photo < photos; photo++)
    for (let identity = 0; identity < identities; identity++)
      for (const masked of [false, true])
        lines.push({
          row: lines.length,
          path: `p${identity}/v${photo >> 1}/${masked ? 'masked_' : ''}${photo}.jpg`,
          identity: `p${identity}`,
          photo: `p${identity}/v${photo >> 1}/${photo}.jpg`,
          masked,
          status: 'detected',
        });
  return lines;
}

/** Every pair by itself, in numbers that single precision holds exactly. */
function direct(
  data: Float32Array,
  dimensions: number,
  index: readonly IndexLine[],
  similarity: VectorSimilarity,
  sides: { within?: string; between?: readonly [string, string] },
  scores: AllScores,
  excluded: Set<string>,
) {
  const of = (side: string) => index.filter(({ masked }) => side === 'all' || masked === (side === 'masked'));
  const [probes, references] = sides.between
    ? sides.between.map(of)
    : [of(sides.within ?? 'all'), of(sides.within ?? 'all')];
  const impostor = new Float64Array(scores.impostor.length);
  const genuine: number[] = [];
  const best = new Map<string, Map<string, number>>();
  const mates = new Map<string, number>();
  let samePhoto = 0;
  for (const [i, a] of (probes as IndexLine[]).entries())
    for (const [j, b] of (references as IndexLine[]).entries()) {
      if ((!sides.between && i >= j) || excluded.has(`${a.path} ${b.path}`) || excluded.has(`${b.path} ${a.path}`))
        continue;
      const at = (line: IndexLine) =>
        data.subarray((line.row as number) * dimensions, ((line.row as number) + 1) * dimensions);
      const [x, y] = [at(a), at(b)];
      let dot = 0;
      let distance = 0;
      for (let k = 0; k < dimensions; k++) {
        dot += (x[k] as number) * (y[k] as number);
        distance += ((x[k] as number) - (y[k] as number)) ** 2;
      }
      // Vectors of ±1: their length is √dimensions.
      const d = Math.fround(Math.sqrt(distance));
      const score =
        similarity === 'cosine' ? dot / dimensions : similarity === 'l2' ? 0 - d : Math.fround(1 / Math.fround(1 + d));
      if (a.identity === b.identity) {
        const source = scores.sameVideo === 'exclude' ? path.dirname : (photo: string) => photo;
        const same = source(a.photo) === source(b.photo);
        samePhoto += same ? 1 : 0;
        if (scores.samePhotoMode !== 'include' && same !== (scores.samePhotoMode === 'only')) continue;
        genuine.push(score);
        for (const probe of sides.between ? [a] : [a, b])
          mates.set(probe.path, Math.max(score, mates.get(probe.path) ?? Number.NEGATIVE_INFINITY));
        continue;
      }
      const factor = Math.fround(impostor.length / Math.fround(scores.high - scores.low));
      const bin = Math.min(
        impostor.length - 1,
        Math.max(0, Math.trunc(Math.fround(Math.fround(score - scores.low) * factor))),
      );
      impostor[bin] = (impostor[bin] as number) + 1;
      const offer = (probe: string, identity: string) => {
        const list = best.get(probe) ?? new Map<string, number>();
        list.set(identity, Math.max(list.get(identity) ?? Number.NEGATIVE_INFINITY, score));
        best.set(probe, list);
      };
      offer(a.path, b.identity);
      if (!sides.between) offer(b.path, a.identity);
    }
  return { impostor, genuine, samePhoto, best, mates };
}

const signs = (count: number, seed: number) => {
  const next = uniform(seed);
  return Float32Array.from({ length: count }, () => (next() < 0.5 ? -1 : 1));
};

test('histograms, genuine scores and best impostors equal a direct count, whatever the sizes, sides, threads and shards', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        identities: fc.integer({ min: 2, max: 70 }),
        photos: fc.integer({ min: 1, max: 8 }),
        dimensions: fc.constantFrom(4, 16, 64),
        similarity: fc.constantFrom('cosine', 'l2', 'inverse-l2'),
        sides: fc.constantFrom({ within: 'all' }, { within: 'masked' }, { between: ['masked', 'plain'] }),
        same: fc.constantFrom(
          { samePhoto: 'exclude' },
          { samePhoto: 'include' },
          { samePhoto: 'only' },
          { sameVideo: 'exclude' },
        ),
        exclusions: fc.integer({ min: 0, max: 30 }),
        top: fc.integer({ min: 0, max: 4 }),
        bins: fc.constantFrom(7, 256, 65_536),
        concurrency: fc.constantFrom(1, 2, 5),
        seed: fc.nat(1000),
      }),
      async ({ identities, photos, dimensions, seed, sides, same, exclusions, ...options }) => {
        const index = indexOf(identities, photos);
        const data = signs(index.length * dimensions, seed);
        const next = uniform(seed);
        const some = () => (index[Math.floor(next() * index.length)] as IndexLine).path;
        const exclude = Array.from({ length: exclusions }, (): [string, string] => [some(), some()]);
        const request = { ...options, ...sides, ...same, exclude } as ScoreAllOptions & { top: number };
        const scores = await scoreAll({ data, dimensions }, index, request);
        const left = new Set(exclude.map((names) => names.join(' ')));
        const expected = direct(
          data,
          dimensions,
          index,
          options.similarity as VectorSimilarity,
          sides as never,
          scores,
          left,
        );
        t.deepEqual(scores.impostor, expected.impostor);
        t.is(scores.samePhoto, expected.samePhoto);
        t.deepEqual(
          [...scores.genuine].sort((a, b) => a - b),
          expected.genuine.sort((a, b) => a - b),
        );
        for (const [slot, { path: probe }] of scores.probes.entries()) {
          const ours = [...scores.bestScores.subarray(slot * options.top, (slot + 1) * options.top)].filter(
            Number.isFinite,
          );
          const theirs = [...(expected.best.get(probe)?.values() ?? [])].sort((a, b) => b - a).slice(0, options.top);
          t.deepEqual(ours, theirs);
          const mate = expected.mates.get(probe) ?? Number.POSITIVE_INFINITY;
          t.is(scores.mates[slot], mate);
          t.is(scores.above[slot], [...(expected.best.get(probe)?.values() ?? [])].filter((of) => of >= mate).length);
        }
        const parts = await Promise.all(
          [1, 2, 3].map((part) =>
            scoreAll({ data, dimensions }, index, { ...request, shard: { index: part, count: 3 } }),
          ),
        );
        t.deepEqual(mergeScores(parts), scores);
      },
    ),
    { numRuns: 60 },
  );
});

/** People whose photos are alike, in 32 dimensions. */
function people(
  identities: number,
  photos: number,
  seed = 1,
): { data: Float32Array; dimensions: number; index: IndexLine[] } {
  const dimensions = 32;
  const index = indexOf(identities, photos);
  const deviate = normal(uniform(seed));
  const centres = Array.from({ length: identities }, () => Float32Array.from({ length: dimensions }, deviate));
  const data = new Float32Array(index.length * dimensions);
  for (const { row, identity } of index)
    for (let k = 0; k < dimensions; k++)
      data[(row as number) * dimensions + k] = (centres[Number(identity.slice(1))]?.[k] as number) + 0.9 * deviate();
  return { data, dimensions, index };
}

test('rates at edges are exact, both edges around a target are given, intervals hold the rate', async (t) => {
  const { data, dimensions, index } = people(60, 2);
  const scores = await scoreAll({ data, dimensions }, index, { within: 'plain', bins: 4096 });
  t.is(scores.impostors, (120 * 119) / 2 - 60);
  t.is(scores.genuine.length, 60);
  // Counted from the scores themselves, at every edge.
  const all: number[] = [];
  const length = (row: number) => Math.hypot(...data.subarray(row * dimensions, (row + 1) * dimensions));
  const plain = index.filter(({ masked }) => !masked);
  for (const [i, a] of plain.entries())
    for (const b of plain.slice(i + 1)) {
      if (a.identity === b.identity) continue;
      let dot = 0;
      for (let k = 0; k < dimensions; k++)
        dot +=
          (data[(a.row as number) * dimensions + k] as number) * (data[(b.row as number) * dimensions + k] as number);
      all.push(dot / length(a.row as number) / length(b.row as number));
    }
  const set = await ScoreSet.from(
    [...all, ...scores.genuine],
    [...all.map(() => 0), ...scores.genuine].map((_, i) => (i < all.length ? 0 : 1)),
  );
  for (const { threshold, falseMatches, falseNonMatches } of ratesAtEdges(scores)) {
    const near = all.filter((score) => Math.abs(score - threshold) < 1e-6).length;
    t.true(Math.abs(set.at(threshold).fmr * all.length - falseMatches) <= near + 1e-6);
    t.true(Math.abs(set.at(threshold).fnmr * scores.genuine.length - falseNonMatches) <= 1e-6);
  }
  const evaluation = evaluateAllPairs(scores, {
    fmr: [0.01],
    fnmr: [0.05],
    threshold: 0.4,
    fpir: [0.1, 1e-4],
    rank: 2,
  });
  const measures = await set.measure();
  t.true(Math.abs((evaluation.eer?.value as number) - measures.eer) < 2e-3);
  t.true((evaluation.eer?.at.threshold as number) - (evaluation.eer?.below?.threshold as number) <= 2 / 4096 + 1e-12);
  t.true(Math.abs((evaluation.auc as number) - measures.auc) < 1e-4);
  t.true(Math.abs((evaluation.dPrime as number) - (measures.dPrime as number)) < 1e-3);
  const [fmrPoint] = evaluation.fmrAtFnmr;
  t.true((fmrPoint?.at.fnmr as number) <= 0.05 && (fmrPoint?.above?.fnmr as number) > 0.05);
  t.true((evaluation.atThreshold?.at.threshold as number) >= 0.4);
  t.true((evaluation.atThreshold?.below?.threshold as number) < 0.4);
  // Each image searched with its mates left out is a non-mated search, with them a mated one.
  const { identification } = evaluation;
  t.is(identification?.mated, 120);
  t.is(identification?.nonMated, 120);
  const [point] = identification?.fnirAtFpir ?? [];
  const tops = [...scores.bestScores].filter((_, at) => at % scores.top === 0).sort((a, b) => b - a);
  t.is(point?.threshold, Math.min(...[...tops, ...scores.mates].filter((score) => score > (tops[12] as number))));
  t.is(point?.fpir.errors, tops.filter((top) => top >= (point?.threshold as number)).length);
  const missed = [...scores.mates].filter(
    (mate, i) => mate < (point?.threshold as number) || (scores.above[i] as number) >= 2,
  );
  t.is(point?.fnir.errors, missed.length);
  t.deepEqual(evaluation.notes, ['FPIR 0.0001 needs at least 10000 non-mated searches, there are 120']);
  const found = ratesAtFmr(scores, [0.01, 0.001, 1e-7]);
  t.deepEqual(
    found.map(({ target }) => target),
    [0.01, 0.001],
  );
  for (const { target, at, below, fmr, fnmr } of found) {
    t.true(at.fmr <= target && (below?.fmr as number) > target);
    if (target > 1 / 500) continue;
    t.true((fmr.interval?.[0] as number) <= at.fmr && at.fmr <= (fmr.interval?.[1] as number));
    t.true((fnmr.interval?.[0] as number) <= at.fnmr && at.fnmr <= (fnmr.interval?.[1] as number));
    t.true((fmr.interval?.[1] as number) - (fmr.interval?.[0] as number) > 0);
  }
});

test('intervals of FMR are the jackknife over identities, pairs that are left out not being counted', async (t) => {
  const { data, dimensions, index } = people(40, 2);
  const plain = index.filter(({ masked }) => !masked);
  // Three pairs of p0, which has then fewer impostor pairs than the others.
  const exclude = plain
    .filter(({ identity }) => identity === 'p1' || identity === 'p2')
    .slice(0, 3)
    .map(({ path: other }): [string, string] => ['p0/v0/0.jpg', other]);
  const scores = await scoreAll({ data, dimensions }, index, { within: 'plain', bins: 256, exclude });
  t.is(scores.tailWidth, 1);
  const [found] = ratesAtFmr(scores, [0.001]);
  const threshold = found?.at.threshold as number;
  const left = new Set(exclude.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]));
  const vector = (row: number) => data.subarray(row * dimensions, (row + 1) * dimensions);
  const pairs = plain.flatMap((a, i) =>
    plain.slice(i + 1).flatMap((b) => {
      if (a.identity === b.identity || left.has(`${a.path} ${b.path}`)) return [];
      const [x, y] = [vector(a.row as number), vector(b.row as number)];
      const dot = x.reduce((sum, value, k) => sum + value * (y[k] as number), 0);
      return [{ identities: [a.identity, b.identity], match: dot / Math.hypot(...x) / Math.hypot(...y) >= threshold }];
    }),
  );
  t.is(pairs.length, scores.impostors);
  const rates = scores.identities.map((identity) => {
    const others = pairs.filter(({ identities }) => !identities.includes(identity));
    return others.filter(({ match }) => match).length / others.length;
  });
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const spread = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) * ((rates.length - 1) / rates.length);
  const above = (found?.at.fmr as number) + 1.96 * Math.sqrt(spread);
  t.true(Math.abs((found?.fmr.interval?.[1] as number) - above) < 1e-12);
});

test('two names for one person are suspected, and left out where excluded', async (t) => {
  const { data, dimensions, index } = people(30, 2);
  // Photo 0 of p7 is almost photo 0 of p3.
  const rowOf = (path: string) => index.find((line) => line.path === path)?.row as number;
  const [from, to] = [rowOf('p3/v0/0.jpg'), rowOf('p7/v0/0.jpg')];
  data.copyWithin(to * dimensions, from * dimensions, (from + 1) * dimensions);
  const options = { within: 'plain', fmr: [0.001] } as const;
  const scores = await scoreAll({ data, dimensions }, index, options);
  const [suspect] = evaluateAllPairs(scores).suspects;
  t.is(suspect?.probe.path, 'p3/v0/0.jpg');
  t.is(suspect?.reference.path, 'p7/v0/0.jpg');
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'suspects.csv');
  writeFileSync(file, 'probe,reference,score\np7/v0/0.jpg,p3/v0/0.jpg,1\n');
  const exclude = await readExcluded(file);
  const without = await scoreAll({ data, dimensions }, index, { ...options, exclude });
  t.is(without.impostors, scores.impostors - 1);
  t.true((evaluateAllPairs(without).suspects[0]?.score ?? -1) < (suspect?.score as number));
  t.is(evaluateAllPairs(without).excluded, 1);
  // The other published form of pairs.
  writeFileSync(file, './/p3/v0/0.jpg p7/v0/0.jpg 0 0\n');
  t.deepEqual(await scoreAll({ data, dimensions }, index, { ...options, exclude: await readExcluded(file) }), without);
  await t.throwsAsync(scoreAll({ data, dimensions }, index, { exclude: [['p3/v0/0.jpg', 'nobody.jpg']] }), {
    message: /nobody\.jpg is not a path of the index/,
  });
  writeFileSync(file, 'probe,reference\np7/v0/0.jpg\n');
  await t.throwsAsync(readExcluded(file), { message: /suspects\.csv, line 2: expected 2 columns, found 1/ });
  await t.throwsAsync(scoreAll({ data, dimensions }, index, { samePhoto: 'only', sameVideo: 'exclude' }), {
    message: /expected samePhoto exclude with sameVideo exclude, received only/,
  });
});

test('bad vectors, indexes and shards are refused with the reason', async (t) => {
  const { data, dimensions, index } = people(4, 1);
  const refused = (message: RegExp, change: () => Parameters<typeof scoreAll>) =>
    t.throwsAsync(scoreAll(...change()), { message });
  const broken = (row: number, value: number) => {
    const copy = data.slice();
    copy.fill(value, row * dimensions, (row + 1) * dimensions);
    return { data: copy, dimensions };
  };
  await refused(/vectors: row 3 is zero or not finite/, () => [broken(3, Number.NaN), index]);
  await refused(/vectors: row 2 is zero or not finite/, () => [broken(2, 0), index]);
  t.truthy(await scoreAll(broken(2, 0), index, { similarity: 'l2' }));
  // Its square is finite in double precision only.
  await refused(/vectors: row 2 is longer than 6e18 or not finite/, () => [
    broken(2, 1e19),
    index,
    { similarity: 'l2' },
  ]);
  t.truthy(await scoreAll(broken(2, 1e19), index));
  const first = { ...(index[1] as IndexLine), row: 0 };
  await refused(/expected each row from 0 to 7 once for index, received 0/, () => [
    { data, dimensions },
    index.map((line, i) => (i === 1 ? first : line)),
  ]);
  await refused(/has 8 rows, its index 7/, () => [{ data, dimensions }, index.slice(0, 7)]);
  await refused(/two identities, found 1/, () => [
    { data: data.subarray(0, 2 * dimensions), dimensions },
    index.slice(0, 2),
  ]);
  await refused(/one of cosine, l2/, () => [{ data, dimensions }, index, { similarity: 'dot' as VectorSimilarity }]);
  const stop = AbortSignal.abort(new Error('enough'));
  await refused(/enough/, () => [{ data, dimensions }, index, { signal: stop }]);
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'index.jsonl');
  writeFileSync(file, `${[index[1], index[0]].map((line) => JSON.stringify(line)).join('\n')}\n`);
  await refused(/index\.jsonl, line 1: expected row 0, found 1/, () => [{ data, dimensions }, file]);
  const empty = path.join(folder, 'empty.npy');
  writeFileSync(empty, npyHeader('<f4', [8, 0]));
  await refused(/empty\.npy: expected rows of 16-bit or 32-bit floats, found <f4 \(8, 0\)/, () => [empty, index]);
  // Images without a vector stay out, and are counted.
  const some = index.map((line, i) => (i === 7 ? { ...line, row: null } : line));
  const scores = await scoreAll({ data: data.subarray(0, 7 * dimensions), dimensions }, some);
  t.is(scores.failed.probes, 1);
  const parts = await Promise.all(
    [1, 2].map((part) => scoreAll({ data, dimensions }, index, { shard: { index: part, count: 2 } })),
  );
  const [one, two] = parts as [AllScores, AllScores];
  t.throws(() => mergeScores([one]), { message: /part 2 of 2 is missing/ });
  t.throws(() => mergeScores([one, two, two]), { message: /part 2 of 2 is there twice/ });
  t.throws(() => mergeScores([one, { ...two, similarity: 'l2' }]), { message: /different vectors or options/ });
});

test('scores whose counts do not add up, or whose rows are not there, are refused with the part', async (t) => {
  const { data, dimensions, index } = people(6, 2);
  const scores = await scoreAll({ data, dimensions }, index, { bins: 1000 });
  t.truthy(evaluateAllPairs(scores).eer);
  const short = Object.entries(scores).flatMap(([part, value]) =>
    ArrayBuffer.isView(value) && !['excluded', 'impostor'].includes(part)
      ? [{ [part]: (value as Float32Array).subarray(1) }]
      : [],
  );
  t.is(short.length, 8);
  const numbers = { impostors: -5, samePhoto: 0.5, low: 1, high: Number.NaN, top: -1, tailBin: -1, tailWidth: -5 };
  const changes: Record<string, unknown>[] = [
    ...short,
    ...Object.entries(numbers).map(([part, value]) => ({ [part]: value })),
    { impostor: scores.impostor.map((count) => -count) },
    { impostor: Float64Array.from([...scores.impostor, 0, 1]) },
    { impostors: scores.impostors + 1 },
    { genuine: scores.genuine.map(() => Number.NaN) },
    { genuine: Float64Array.from(scores.genuine) },
    { genuineProbes: scores.genuineProbes.map(() => scores.probes.length) },
    { bestRows: scores.bestRows.map(() => -2) },
    { mates: scores.mates.map(() => Number.NaN) },
    { above: scores.above.map(() => 2 ** 31) },
    { tail: scores.tail.map(() => 2 ** 31) },
    { probes: scores.probes.slice(1) },
    { probes: [null, ...scores.probes.slice(1)] },
    { identities: [] },
    { similarity: 'x' },
    { samePhotoMode: 'x' },
    { sameVideo: null },
    { within: 1 },
    { failed: null },
    { shard: { index: 2, count: 1 } },
  ];
  for (const change of changes) {
    const wrong = { ...scores, ...change } as AllScores;
    for (const call of [() => evaluateAllPairs(wrong), () => ratesAtEdges(wrong), () => ratesAtFmr(wrong, [0.5])])
      t.throws(call, { code: 'INVALID_ARGUMENT', message: / for scores\.\w/ }, JSON.stringify(Object.keys(change)));
  }
});

test('few probes have as many worst impostors as were kept', async (t) => {
  const { data, dimensions, index } = people(20, 2);
  // One masked photo against all plain ones.
  const lines = index.filter(({ masked, path: name }) => !masked || name.startsWith('p0/v0/'));
  const rows = lines.map((line, row) => ({ ...line, row }));
  const vectors = Float32Array.from(
    lines.flatMap(({ row }) => [...data.subarray((row as number) * dimensions, ((row as number) + 1) * dimensions)]),
  );
  const scores = await scoreAll({ data: vectors, dimensions }, rows, { between: ['masked', 'plain'], top: 7 });
  const probes = scores.probes.length;
  const worst = worstImpostors(scores, 24);
  t.is(worst.length, Math.min(24, 7 * probes));
  t.deepEqual(
    worst.map(({ score }) => score),
    Array.from(scores.bestScores.subarray(0, 7 * probes))
      .sort((a, b) => b - a)
      .slice(0, 24),
  );
});

test('the whole chain on a corpus: generate, embed, score-all in shards, merge, report with pictures', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(
    at('base/folders'),
    [1, 2, 3, 4].flatMap((identity) => [1, 2].map((number) => ({ name: `p${identity}/${number}.png` }))),
  );
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await maskbench(args);
    t.is(code, 0, stderr);
    return stdout;
  };
  await run('dataset', 'generate', '--base', at('base'), '--out', at('corpora'));
  await run('embed', at('corpora/folders'), '--out', at('v.npy'));
  const options = [
    '--vectors',
    at('v.npy'),
    '--between',
    'masked,plain',
    '--similarity',
    'l2',
    '--fmr',
    '0.1,0.05,1e-6',
  ];
  const whole = await run('score-all', ...options, '--out', at('whole'), '--images', at('corpora/folders'));
  t.regex(whole, /8 genuine and 48 impostor pairs, 8 of one source photo \(exclude\)/);
  t.regex(whole, /note: 48 impostor pairs cannot support an FMR of 0\.000001/);
  t.regex(whole, /rank 1 of 8 searches with a mate: /);
  for (const part of ['1/2', '2/2']) await run('score-all', ...options, '--shard', part, '--out', at(`part${part[0]}`));
  const merged = await run(
    'score-all',
    'merge',
    at('part1'),
    at('part2'),
    '--out',
    at('merged'),
    '--fmr',
    '0.1,0.05,1e-6',
  );
  t.is(merged.replace(/report: .*/, ''), whole.replace(/report: .*/, ''));
  const evaluated = await run('score-all', 'evaluate', at('merged'), '--fmr', '0.1,0.05,1e-6');
  t.is(evaluated, whole.replace(/report: .*\n/, '').replace(' in suspects.csv', ''));
  t.true(existsSync(at('whole/suspects.csv')));
  const again = await maskbench(['score-all', ...options, '--out', at('whole')]);
  t.is(again.code, 2);
  t.regex(again.stderr, /the output exists already/);
});

test('T4: without a genuine or an impostor pair no EER is given, that is said, and the exit code is 1', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const next = uniform(4);
  const index = indexOf(12, 1).filter(({ masked }) => !masked);
  const lines = index.map((line, row) => ({ ...line, row }));
  const data = Float32Array.from({ length: 12 * 8 }, () => next() - 0.5);
  writeFileSync(at('v.npy'), Buffer.concat([npyHeader('<f4', [12, 8]), Buffer.from(data.buffer)]));
  writeFileSync(at('v.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const note = /note: there is no genuine pair: EER, FNMR, AUC and d′ are undefined/;
  const scored = await maskbench(['score-all', '--vectors', at('v.npy'), '--out', at('all'), '--fmr', '0.1']);
  t.is(scored.code, 1, scored.stderr);
  t.regex(scored.stdout, note);
  t.regex(scored.stdout, /^EER - +- +- +- +-$/m);
  t.regex(scored.stdout, /^FMR ≤ 0\.1 +0\.\d+ +0\.\d+ +- /m);
  t.regex(scored.stdout, /AUC -, d′ -/);
  const again = await maskbench(['score-all', 'evaluate', at('all'), '--fmr', '0.1', '--fnmr', '0.1', '--json']);
  t.is(again.code, 1);
  const { eer, auc, dPrime, fnmrAtFmr, fmrAtFnmr, notes } = JSON.parse(again.stdout);
  t.deepEqual({ eer, auc, dPrime, fmrAtFnmr }, { eer: null, auc: null, dPrime: null, fmrAtFnmr: [] });
  t.deepEqual([fnmrAtFmr[0].fnmr.value, fnmrAtFmr[0].at.fnmr], [null, null]);
  t.regex(`note: ${notes[0]}`, note);
  // Impostors keep their colour and are alone in the picture.
  const picture = readFileSync(at('all/charts/histogram-all_pairs.svg'), 'utf8');
  t.regex(picture, /#d55e00/);
  t.notRegex(picture, /#00966b|genuine/);
  const page = readFileSync(at('all/report.html'), 'utf8');
  t.regex(page, /There are no genuine pairs to compare them with/);
  t.false(existsSync(at('all/charts/det.svg')));
  // Every impostor pair is left out.
  const two = await scoreAll(
    { data: Float32Array.of(1, 0, 1, 1, 0, 1), dimensions: 2 },
    lines.slice(0, 3).map((line, i) => ({ ...line, identity: i < 2 ? 'a' : 'b' })),
    { exclude: [0, 1].map((i) => [lines[i]?.path as string, lines[2]?.path as string] as const) },
  );
  const found = evaluateAllPairs(two);
  t.deepEqual([found.genuine, found.impostors, found.eer, found.auc], [1, 0, null, null]);
  t.regex(found.notes[0] as string, /no impostor pair: EER, FMR, AUC and d′/);
});

test('T5: d′ of all pairs is undefined where scores deviate by less than a bin; targets out of range are refused', async (t) => {
  const index = indexOf(3, 2).filter(({ masked }) => !masked);
  const lines = index.map((line, row) => ({ ...line, row }));
  const data = Float32Array.from({ length: lines.length * 2 }, (_, i) => (i % 2 === 0 ? 1 : 0.5));
  const scores = await scoreAll({ data, dimensions: 2 }, lines);
  t.is(evaluateAllPairs(scores).dPrime, null);
  for (const targets of [{ fmr: [0] }, { fnmr: [2] }, { fpir: [Number.NaN] }, { rank: 0 }, { threshold: Number.NaN }])
    t.throws(() => evaluateAllPairs(scores, targets), { code: 'INVALID_ARGUMENT' }, JSON.stringify(targets));
});

test('scores are the same with lesser vector instructions', async (t) => {
  const folder = temporaryFolder(t);
  const index = indexOf(60, 6);
  const dimensions = 131;
  const next = uniform(9);
  const data = Float32Array.from({ length: index.length * dimensions }, () => next() - 0.5);
  const vectors = path.join(folder, 'v.npy');
  writeFileSync(vectors, Buffer.concat([npyHeader('<f4', [index.length, dimensions]), Buffer.from(data.buffer)]));
  writeFileSync(path.join(folder, 'v.jsonl'), index.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const scores = [];
  for (const simd of ['', 'AVX2']) {
    const out = path.join(folder, `scores${simd}`);
    const run = await maskbench(['score-all', '--vectors', vectors, '--out', out], { MASKBENCH_SIMD: simd });
    t.is(run.code, 0, run.stderr);
    scores.push(await readAllPairs(out));
  }
  t.deepEqual(scores[0], scores[1]);
});

test('the EER’s interval is the jackknife over identities', async (t) => {
  const { data, dimensions, index } = people(40, 2);
  const plain = index.filter(({ masked }) => !masked);
  const scores = await scoreAll({ data, dimensions }, index, { within: 'plain', bins: 512 });
  t.is(scores.tailWidth, 1);
  const { eer } = evaluateAllPairs(scores);
  const vector = (row: number) => data.subarray(row * dimensions, (row + 1) * dimensions);
  const pairs = plain.flatMap((a, i) =>
    plain.slice(i + 1).map((b) => {
      const [x, y] = [vector(a.row as number), vector(b.row as number)];
      const dot = x.reduce((sum, value, k) => sum + value * (y[k] as number), 0);
      return { people: [a.identity, b.identity], score: dot / Math.hypot(...x) / Math.hypot(...y) };
    }),
  );
  const eers = [];
  for (const identity of scores.identities) {
    const others = pairs.filter(({ people: two }) => !two.includes(identity));
    const set = await ScoreSet.from(
      others.map(({ score }) => score),
      others.map(({ people: [a, b] }) => Number(a === b)),
    );
    eers.push((await set.measure()).eer);
  }
  const mean = eers.reduce((sum, rate) => sum + rate, 0) / eers.length;
  const spread = eers.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) * ((eers.length - 1) / eers.length);
  const [low, high] = eer?.interval ?? [0, 0];
  t.true(low < (eer?.value as number) && (eer?.value as number) < high);
  // Ours interpolates between edges of bins, the other between scores.
  t.true(
    Math.abs((high - (eer?.value as number)) / (1.96 * Math.sqrt(spread)) - 1) < 0.15,
    `${high - (eer?.value as number)} ${1.96 * Math.sqrt(spread)}`,
  );
});

test('the index decides the similarity, and another is said', async (t) => {
  const { data, dimensions, index } = people(20, 2);
  const made = index.map((line) => ({ ...line, model: 'small', similarity: 'l2' as const }));
  const scores = await scoreAll({ data, dimensions }, made, {});
  t.like(scores, { similarity: 'l2', model: 'small' });
  const evaluation = evaluateAllPairs(scores);
  t.like(evaluation, { similarity: 'l2', model: 'small' });
  t.false(evaluation.notes.some((note) => /scores are by/.test(note)));
  const other = evaluateAllPairs(await scoreAll({ data, dimensions }, made, { similarity: 'cosine' }));
  t.true(other.notes.includes('scores are by cosine; the description of small says l2'));
  t.is((await scoreAll({ data, dimensions }, index)).similarity, 'cosine');
  const own = index.map((line) => ({ ...line, model: 'head', similarity: 'sigmoid' as const }));
  await t.throwsAsync(scoreAll({ data, dimensions }, own), { code: 'INVALID_ARGUMENT', message: /received sigmoid/ });
  const two = made.map((line, i) => (i === 3 ? { ...line, model: 'other' } : line));
  await t.throwsAsync(scoreAll({ data, dimensions }, two), { message: /expected vectors of one model/ });
});

test('suspects are one impostor pair in a million, plain ones first', async (t) => {
  const { data, dimensions, index } = people(30, 2);
  const { suspects } = evaluateAllPairs(await scoreAll({ data, dimensions }, index, { within: 'all' }));
  t.true(suspects.length <= 1);
});

test('faces that were found or placed in different ways are named', async (t) => {
  const index = indexOf(4, 2);
  const data = Float32Array.from({ length: index.length * 4 }, uniform(3));
  const problems = async (lines: readonly IndexLine[]) => {
    const found: string[] = [];
    await scoreAll({ data, dimensions: 4 }, lines, { onProblem: ({ message }) => found.push(message) });
    return found;
  };
  const ways = index.map(
    (line, i): IndexLine => ({ ...line, ...(i < 6 ? { detector: 'hog' } : { status: 'manifest' }) }),
  );
  t.deepEqual(await problems(index), []);
  t.deepEqual(await problems(ways), ['index: faces come in 2 ways: detected by hog (6), manifest (10)']);
});
