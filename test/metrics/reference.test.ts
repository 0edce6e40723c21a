import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { IndexLine } from 'maskbench';
import { type Pair, pairIdentity } from 'maskbench/datasets';
import {
  cllr,
  evaluate,
  evaluateAllPairs,
  evaluateIdentification,
  type Side,
  scoreAll,
  sides,
} from 'maskbench/metrics';
import { type VectorSimilarity, vectorSimilarities } from 'maskbench/models';
import { toJson } from '../../lib/report/page.js';
import { pythonHas, runPython } from '../support/python.js';
import { normal, uniform } from '../support/scores.js';

const cases = 200;

/** A stream of small random choices. */
function chooser(seed: number) {
  const next = uniform(seed);
  for (let i = 0; i < 10; i++) next();
  const deviate = normal(next);
  return {
    below: (bound: number) => Math.floor(next() * bound),
    from: (low: number, high: number) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability: number) => next() < probability,
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
    deviate,
  };
}
type Chooser = ReturnType<typeof chooser>;

/** Scores with ties (quarters, or a single value), or without. */
function scorer(choose: Chooser): (genuine: boolean) => number {
  const kind = choose.below(5);
  const shift = choose.pick([0, 1, 2, 5]);
  if (kind === 0) return () => 0.1;
  return (genuine) => {
    const score = choose.deviate() + (genuine ? shift : 0);
    return kind < 3 ? Math.round(score * 4) / 4 : score;
  };
}

async function verification(number: number) {
  const choose = chooser(1000 + number);
  const people = choose.from(2, 9);
  const score = scorer(choose);
  const pairs: Pair[] = [];
  const photo = (identity: number, masked: boolean) => `p${identity}/${masked ? 'masked_' : ''}${choose.below(4)}.jpg`;
  const add = (one: number, other: number) => {
    const [referenceMasked, probeMasked] = [choose.chance(0.4), choose.chance(0.4)];
    const pair = { reference: photo(one, referenceMasked), probe: photo(other, probeMasked) };
    pairs.push({ ...pair, referenceMasked, probeMasked, genuine: one === other });
  };
  add(0, 0);
  add(0, 1);
  for (let i = choose.from(0, 60); i > 0; i--) {
    const one = choose.below(people);
    add(one, choose.chance(0.4) ? one : choose.below(people));
  }
  const labels = Uint8Array.from(pairs, ({ genuine }) => Number(genuine));
  const distance = choose.chance(0.4);
  const failed = new Set([...pairs.keys()].filter((i) => i > 1 && choose.chance(0.08)));
  const scores = Float64Array.from(pairs, ({ genuine }, i) =>
    failed.has(i) ? Number.NaN : (distance ? -1 : 1) * score(genuine === true),
  );
  const plainImpostors = pairs.filter(
    (pair, i) => !failed.has(i) && !pair.genuine && !pair.referenceMasked && !pair.probeMasked,
  ).length;
  const plainGenuine = pairs.filter(
    (pair, i) => !failed.has(i) && pair.genuine && !pair.referenceMasked && !pair.probeMasked,
  ).length;
  const named = choose.chance(0.7);
  const plainFmr =
    named && plainImpostors > 0 && plainGenuine > 0 && choose.chance(0.7)
      ? choose.pick([1, Math.max(0.5, 1 / plainImpostors), 1 / plainImpostors])
      : undefined;
  const options = {
    ...{ fmr: [choose.pick([1, 0.5, 1 / 3]), choose.pick([0.2, 0.1]), 0.01], fnmr: [choose.pick([0.5, 0.25]), 0.1] },
    ...{ draws: choose.pick([0, 1, 12, 25]), seed: choose.below(1000), ...(plainFmr !== undefined && { plainFmr }) },
  };
  const { systems } = await evaluate(
    [{ name: 'one', scores, failed, distance }],
    { labels, ...(named && { pairs }) },
    options,
  );
  const numbers = new Map<string, number>();
  const numberOf = (name: string) => {
    const identity = pairIdentity(name);
    if (!numbers.has(identity)) numbers.set(identity, numbers.size);
    return numbers.get(identity) as number;
  };
  const first = pairs.map(({ reference }) => numberOf(reference));
  const second = pairs.map(({ probe }) => numberOf(probe));
  const masks = pairs.map(({ referenceMasked, probeMasked }) => Number(referenceMasked) + Number(probeMasked));
  const { curve, histogram, ...found } = systems[0] as (typeof systems)[0];
  const given = {
    ...{ scores, labels, failed, distance, first, second, masks, ...options },
    identities: named ? numbers.size : 0,
  };
  return { kind: 'evaluate', given, found };
}

function ratios(number: number) {
  const choose = chooser(2000 + number);
  const labels = [1, 0, ...Array.from({ length: choose.below(40) }, () => choose.below(2))];
  const llrs = labels.map((label) => choose.pick([1, 10, 300]) * (choose.deviate() + label));
  return { kind: 'cllr', given: { labels, llrs }, found: cllr(llrs, labels) };
}

async function identification(number: number) {
  const choose = chooser(3000 + number);
  const enrolled = choose.from(2, 8);
  const gallery = Array.from({ length: enrolled + choose.below(8) }, (_, i) =>
    i < enrolled ? `p${i}` : `p${choose.below(enrolled)}`,
  );
  const probes = ['p0', ...Array.from({ length: choose.from(1, 30) }, () => `p${choose.below(enrolled + 4)}`)];
  const score = scorer(choose);
  const matrix = Float64Array.from({ length: probes.length * gallery.length }, (_, i) =>
    score(probes[Math.floor(i / gallery.length)] === gallery[i % gallery.length]),
  );
  const options = {
    ...{ gallery: choose.pick(['all', 'first'] as const), nonMated: 0, rank: choose.from(1, enrolled + 1) },
    fpir: [choose.pick([1, 0.5]), 0.2, 0.1],
  };
  const found = await evaluateIdentification(matrix, probes, gallery, options);
  return {
    kind: 'identify',
    given: { probes, gallery, matrix, photos: options.gallery, rank: options.rank, fpir: options.fpir },
    found,
  };
}

/** Vectors whose similarities are exact in single precision: of signs under a cosine, of small whole numbers else. */
async function allPairs(number: number) {
  const choose = chooser(4000 + number);
  const similarity: VectorSimilarity = choose.pick(vectorSimilarities);
  // Jackknife intervals need some 500 impostors.
  const large = number % 4 === 0;
  const dimensions = similarity === 'cosine' ? (large ? 64 : 16) : choose.from(large ? 6 : 1, 6);
  const people = large ? 24 : choose.from(2, 7);
  const images: IndexLine[] = [];
  const alone = choose.chance(0.1) && !large;
  for (let identity = 0; identity < people; identity++)
    for (let photo = alone ? 1 : choose.from(1, 4); photo > 0; photo--)
      for (const masked of choose.pick(alone ? [[false]] : [[false], [false, true], [true]]))
        images.push({
          ...{
            row: images.length,
            path: `p${identity}/${masked ? 'masked_' : ''}${photo}.jpg`,
            identity: `p${identity}`,
          },
          ...{ photo: `p${identity}/${photo}.jpg`, masked, status: 'detected' },
        });
  const centres = Array.from({ length: people * dimensions }, () => choose.pick([-1, 1]) * choose.pick([1, 2, 3]));
  const vectors = Float32Array.from({ length: images.length * dimensions }, (_, i) => {
    const centre = centres[
      Number(images[Math.floor(i / dimensions)]?.identity.slice(1)) * dimensions + (i % dimensions)
    ] as number;
    if (similarity === 'cosine') return Math.sign(centre) * (choose.chance(0.25) ? -1 : 1);
    return centre + choose.from(-1, 1);
  });
  const both = new Set(images.map(({ masked }) => masked)).size === 2;
  const between = both && choose.chance(0.4) ? (['masked', 'plain'] as const) : undefined;
  const enough = (side: Side) =>
    new Set(
      images.filter(({ masked }) => side === 'all' || masked === (side === 'masked')).map(({ identity }) => identity),
    ).size > 1;
  const within = choose.pick(sides.filter(enough));
  const bins = choose.pick(large ? [256, 4096] : [2, 16, 256, 4096]);
  const scores = await scoreAll({ data: vectors, dimensions }, images, {
    ...{ similarity, bins, top: 3, concurrency: choose.from(1, 2), ...(between ? { between } : { within }) },
  });
  const targets = {
    fmr: [choose.pick([0.5, 0.2]), 0.05, 0.01, 0.002, 0.0015, 0.001],
    fnmr: [0.3],
    rank: choose.from(1, 3),
    fpir: [1, 0.3, 0.1],
  };
  const { suspects, notes, ...found } = evaluateAllPairs(scores, targets);
  const { low, high, identities, tailBin, tailWidth } = scores;
  const given = {
    ...{ images, vectors, sides: between ?? [within, within], within: !between, similarity, bins, low, high },
    ...{ identities, tailBin, tailWidth, ...targets },
  };
  return { kind: 'score-all', given, found };
}

/** Checks cases against reference.py, and says how often what a kind must contain was there. */
async function checked(t: import('ava').ExecutionContext, make: (number: number) => unknown) {
  const made = [];
  for (let number = 0; number < cases; number++) made.push(await make(number));
  const script = readFileSync(path.join(import.meta.dirname, 'reference.py'), 'utf8');
  const problems = runPython<string[]>(script, JSON.parse(toJson(made)));
  t.deepEqual(problems.slice(0, 20), []);
  return made;
}

const withNumPy = pythonHas('numpy') ? test : test.skip;

withNumPy('evaluate equals an independent implementation in NumPy on 200 random cases', async (t) => {
  const made = (await checked(t, verification)) as Awaited<ReturnType<typeof verification>>[];
  const count = (has: (of: (typeof made)[0]) => boolean) => made.filter(has).length;
  t.true(count(({ found }) => found.maskings !== undefined) > 20);
  t.true(count(({ found }) => found.measures.dPrime === null) > 10);
  t.true(count(({ given }) => given.failed.size > 0) > 50);
  t.true(count(({ given }) => given.distance && given.draws > 0) > 30);
});

withNumPy('Cllr equals an independent implementation in NumPy on 200 random cases', (t) =>
  checked(t, ratios).then(() => t.pass()),
);

withNumPy('identify equals an independent implementation in NumPy on 200 random cases', async (t) => {
  const made = (await checked(t, identification)) as Awaited<ReturnType<typeof identification>>[];
  t.true(made.filter(({ found }) => found.nonMated > 0).length > 100);
});

withNumPy('score-all equals an independent implementation in NumPy on 200 random cases', async (t) => {
  const made = (await checked(t, allPairs)) as Awaited<ReturnType<typeof allPairs>>[];
  const count = (has: (of: (typeof made)[0]) => boolean) => made.filter(has).length;
  t.true(count(({ found }) => found.genuine === 0) > 5);
  t.true(count(({ found }) => found.fnmrAtFmr.some((point) => point.fmr.interval !== undefined)) > 20);
  t.true(count(({ found }) => found.fnmrAtFmr.some((point) => point.fnmr.interval !== undefined)) > 20);
  t.true(count(({ found }) => found.identification !== undefined) > 100);
});
