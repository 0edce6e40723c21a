import test from 'ava';
import { bootstrap, percentileInterval, type Resampled } from 'maskbench/metrics';
import { normal, uniform } from '../support/scores.js';

/** 200 identities, some easier than others: two genuine comparisons of each, and impostor comparisons with the next ones. */
function simulate(seed: number, impostors: number): Resampled {
  const next = uniform(seed * 7919 + 1);
  const deviate = normal(next);
  const count = 200;
  const effects = Array.from({ length: count }, deviate);
  const scores: number[] = [];
  const labels: number[] = [];
  const first: number[] = [];
  const second: number[] = [];
  const add = (label: number, i: number, j: number, score: number) => {
    scores.push(score);
    labels.push(label);
    first.push(i);
    second.push(j);
  };
  for (let i = 0; i < count; i++) {
    const own = effects[i] as number;
    for (let k = 0; k < 2; k++) add(1, i, i, 2 + 0.6 * own + 0.8 * deviate());
    for (let k = 1; k <= impostors; k++) {
      const j = (i + k) % count;
      add(0, i, j, 0.5 * own + 0.5 * (effects[j] as number) + Math.SQRT1_2 * deviate());
    }
  }
  return {
    scores: Float64Array.from(scores),
    labels: Uint8Array.from(labels),
    identities: { first: Int32Array.from(first), second: Int32Array.from(second), count },
  };
}

test('95% intervals cover the true rates in 92 to 98 of 100 simulated sets', async (t) => {
  // Genuine scores are N(2, 1), impostors' N(0, 1): at 0.5 FNMR is Φ(−1.5), at 1.645 FMR is 5%.
  const truths = { fnmr: 0.0668072, fmr: 0.05 };
  const covered = { fnmr: 0, fmr: 0 };
  const sets = 1000;
  for (let seed = 0; seed < sets; seed++) {
    const { at } = await bootstrap(simulate(seed, 40), { draws: 400, seed, thresholds: [0.5, 1.6448536] });
    const inside = (draws: Float64Array | undefined, truth: number) => {
      const [low, high] = percentileInterval(draws as Float64Array) as [number, number];
      return low <= truth && truth <= high ? 1 : 0;
    };
    covered.fnmr += inside(at[0]?.fnmr, truths.fnmr);
    covered.fmr += inside(at[1]?.fmr, truths.fmr);
  }
  t.log(covered);
  for (const count of Object.values(covered)) t.true(count >= 0.92 * sets && count <= 0.98 * sets, String(count));
});

test('a draw depends on the seed alone, whatever the order of calls, and whoever is compared', async (t) => {
  const set = simulate(3, 4);
  const options = { draws: 300, seed: 9, fmr: [0.1, 0.01], thresholds: [0.2, 1.5] };
  const whole = await bootstrap(set, options);
  t.deepEqual(whole, await bootstrap(set, options));
  const fewer = await bootstrap(set, { ...options, draws: 100 });
  t.deepEqual(fewer.eer, whole.eer.slice(0, 100));
  t.notDeepEqual((await bootstrap(set, { ...options, seed: 10 })).eer, whole.eer);
  // Another system on the same comparisons: identical scores, shifted, give the same draws.
  const shifted = await bootstrap(
    { ...set, scores: set.scores.map((score) => 2 * score + 1) },
    { ...options, thresholds: [1.4, 4] },
  );
  t.deepEqual(shifted.eer, whole.eer);
  t.deepEqual(shifted.fnmrAtFmr, whole.fnmrAtFmr);
  t.deepEqual(shifted.at, whole.at);
  // Fixed thresholds in any order.
  const swapped = await bootstrap(set, { ...options, thresholds: [1.5, 0.2] });
  t.deepEqual(swapped.at, [whole.at[1], whole.at[0]] as typeof whole.at);
});

test('weights that are all one give the plain rates, and draws without a side give NaN', async (t) => {
  // One identity only: every draw takes it once.
  const identities = { first: new Int32Array(4), second: new Int32Array(4), count: 1 };
  const set = { scores: Float64Array.of(3, 1, 2, 0), labels: Uint8Array.of(1, 1, 0, 0), identities };
  const { eer, auc, fnmrAtFmr, at } = await bootstrap(set, { draws: 3, seed: 1, fmr: [0.5, 0.1], thresholds: [2] });
  t.deepEqual([...eer], [0.5, 0.5, 0.5]);
  t.deepEqual([...auc], [0.75, 0.75, 0.75]);
  t.deepEqual(
    fnmrAtFmr.map((draws) => draws[0]),
    [0, 0.5],
  );
  t.deepEqual([at[0]?.fmr[0], at[0]?.fnmr[0]], [0.5, 0.5]);
  t.is(percentileInterval(Float64Array.of(Number.NaN, Number.NaN)), undefined);
  t.deepEqual(percentileInterval(Float64Array.of(1, Number.NaN, 3)), [1.05, 2.95]);
  const stop = AbortSignal.abort(new Error('enough'));
  await t.throwsAsync(bootstrap(set, { draws: 10, seed: 1, signal: stop }), { message: 'enough' });
});
