import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ScoreSet } from 'maskbench/metrics';
import { pythonHas, runPython } from '../support/python.js';
import { labelledScores, normal, uniform } from '../support/scores.js';

const close = (t: ExecutionContext, a: number, b: number, name: string, tolerance = 1e-9) =>
  t.true(Math.abs(a - b) <= tolerance, `${name}: ${a} and ${b}`);

/** The definitions of ISO/IEC 19795-1, counted one by one. */
function direct(scores: number[], labels: number[]) {
  const genuine = scores.filter((_, i) => labels[i] === 1);
  const impostor = scores.filter((_, i) => labels[i] === 0);
  const share = (values: number[], is: (value: number) => boolean) => values.filter(is).length / values.length;
  const thresholds = [...new Set(scores), Number.POSITIVE_INFINITY].sort((a, b) => a - b);
  const points = thresholds.map((threshold) => ({
    threshold,
    fmr: share(impostor, (score) => score >= threshold),
    fnmr: share(genuine, (score) => score < threshold),
  }));
  const after = points.findIndex(({ fmr, fnmr }) => fnmr >= fmr);
  const [a, b] = [points[after - 1], points[after]] as [(typeof points)[0], (typeof points)[0]];
  const part = (a.fmr - a.fnmr) / (a.fmr - a.fnmr - (b.fmr - b.fnmr));
  let won = 0;
  for (const g of genuine) for (const i of impostor) won += g > i ? 1 : g === i ? 0.5 : 0;
  // The lowest line over the diagonal between any two points is the hull's.
  let hull = 1;
  for (const p of points)
    for (const q of points) {
      const gaps = [p.fnmr - p.fmr, q.fnmr - q.fmr] as const;
      if (gaps[0] > 0 || gaps[1] < 0) continue;
      const share = gaps[1] === gaps[0] ? 0 : -gaps[0] / (gaps[1] - gaps[0]);
      hull = Math.min(hull, p.fmr + share * (q.fmr - p.fmr));
    }
  return { points, eer: a.fmr + part * (b.fmr - a.fmr), auc: won / genuine.length / impostor.length, hull };
}

test('rates, EER, hull and AUC equal a direct count', async (t) => {
  await fc.assert(
    fc.asyncProperty(labelledScores, async ({ scores, labels }) => {
      const set = await ScoreSet.from(scores, labels);
      const { points, eer, auc, hull } = direct(scores, labels);
      const curve = await set.curve();
      t.deepEqual(
        [...curve.thresholds],
        points.map(({ threshold }) => threshold),
      );
      t.deepEqual(
        [...curve.fmr],
        points.map(({ fmr }) => fmr),
      );
      t.deepEqual(
        [...curve.fnmr],
        points.map(({ fnmr }) => fnmr),
      );
      for (const point of points) t.deepEqual(set.at(point.threshold), point);
      const measures = await set.measure();
      close(t, measures.eer, eer, 'EER');
      close(t, measures.auc, auc, 'AUC');
      close(t, measures.eerHull, hull, 'EER of the hull');
      for (const target of [1, 0.5, 0.2, 0.1, 1 / 3])
        if (target * set.impostor >= 1)
          t.deepEqual(set.fnmrAtFmr(target), {
            target,
            ...(points.find(({ fmr }) => fmr <= target) as (typeof points)[0]),
          });
      for (const target of [1, 0.5, 0.2, 0.1, 1 / 3])
        if (target * set.genuine >= 1) {
          const found = points.filter(({ fnmr }) => fnmr <= target).at(-1) as (typeof points)[0];
          t.is(set.fmrAtFnmr(target).fmr, found.fmr);
        }
    }),
  );
});

test('nothing changes under increasing maps; flipped labels and negated scores exchange FMR and FNMR', async (t) => {
  await fc.assert(
    fc.asyncProperty(labelledScores, async ({ scores, labels }) => {
      const set = await ScoreSet.from(scores, labels);
      const mapped = await ScoreSet.from(
        scores.map((score) => Math.exp(score) - 3),
        labels,
      );
      const flipped = await ScoreSet.from(
        scores.map((score) => -score),
        labels.map((label) => 1 - label),
      );
      const [one, same, other] = await Promise.all([set, mapped, flipped].map((of) => of.measure()));
      for (const name of ['eer', 'eerHull', 'auc', 'minCllr'] as const) {
        t.is(one?.[name], same?.[name], name);
        close(t, one?.[name] as number, other?.[name] as number, `${name}, flipped`);
      }
      const [curve, mappedCurve, flippedCurve] = await Promise.all([set, mapped, flipped].map((of) => of.curve()));
      t.deepEqual(curve?.fmr, mappedCurve?.fmr);
      t.deepEqual(curve?.fnmr, mappedCurve?.fnmr);
      t.deepEqual(curve?.fmr, flippedCurve?.fnmr.slice().reverse());
      t.deepEqual(curve?.fnmr, flippedCurve?.fmr.slice().reverse());
    }),
  );
});

(pythonHas('sklearn') ? test : test.skip)(
  'AUC, every ROC point, hull EER and minCllr equal scikit-learn',
  async (t) => {
    const next = uniform(5);
    const deviate = normal(next);
    for (const [genuine, impostor, digits] of [
      [400, 900, 12],
      [400, 900, 1],
      [7, 3, 12],
      [1, 1, 12],
    ] as const) {
      const labels = [...Array(genuine).fill(1), ...Array(impostor).fill(0)];
      const scores = labels.map((label) => Number((deviate() + 1.4 * label).toFixed(digits)));
      const script = `
import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.isotonic import IsotonicRegression
s, y = np.array(data['scores']), np.array(data['labels'])
fpr, tpr, thresholds = roc_curve(y, s, drop_intermediate=False)
p = IsotonicRegression(y_min=0, y_max=1, out_of_bounds='clip').fit(s, y).predict(s)
order = np.argsort(s, kind='stable')
with np.errstate(divide='ignore'):
    llr = np.log(p) - np.log1p(-p) - np.log(y.mean() / (1 - y.mean()))
cost = (np.mean(np.log2(1 + np.exp(-llr[y == 1]))) + np.mean(np.log2(1 + np.exp(llr[y == 0])))) / 2
# ROC of the calibrated scores is the convex hull's corners.
hf, ht, _ = roc_curve(y, p, drop_intermediate=False)
gap = (1 - ht) - hf
k = np.argmax(gap <= 0)
share = gap[k - 1] / (gap[k - 1] - gap[k])
print(json.dumps({'auc': roc_auc_score(y, s), 'fpr': fpr.tolist(), 'tpr': tpr.tolist(), 'cllr': cost,
                  'hull': hf[k - 1] + share * (hf[k] - hf[k - 1])}))`;
      const theirs = runPython<{ auc: number; fpr: number[]; tpr: number[]; cllr: number; hull: number }>(script, {
        scores,
        labels,
      });
      const set = await ScoreSet.from(scores, labels);
      const measures = await set.measure();
      close(t, measures.auc, theirs.auc, 'AUC');
      close(t, measures.minCllr, theirs.cllr, 'minCllr');
      close(t, measures.eerHull, theirs.hull, 'hull EER');
      const curve = await set.curve(1e6);
      t.is(curve.fmr.length, theirs.fpr.length);
      for (const [i, fmr] of curve.fmr.slice().reverse().entries()) {
        close(t, fmr, theirs.fpr[i] as number, `FPR ${i}`);
        close(t, 1 - (curve.fnmr.at(-1 - i) as number), theirs.tpr[i] as number, `TPR ${i}`);
      }
    }
  },
);

test("the paper's definition: thresholds from 1 to 0, strict matches, 1 where no threshold does", async (t) => {
  const set = await ScoreSet.from([0.9, 0.6, 0.4, 0.5, 0.2, 0.1], [1, 1, 1, 0, 0, 0]);
  // At 0.4897… the impostor 0.5 matches and the genuine 0.4 does not.
  t.deepEqual(set.paper(), { eer: 1 / 3, fnmr100: 1 / 3, fnmr1000: 1 / 3, fnmr0: 1 / 3 });
  const rates = set.paperCurve(3);
  t.deepEqual(rates, [
    { threshold: 1, fmr: 0, fnmr: 1 },
    { threshold: 0.5, fmr: 0, fnmr: 1 / 3 },
    { threshold: 0, fmr: 1, fnmr: 0 },
  ]);
  const equal = await ScoreSet.from([0.5, 0.5], [1, 0]);
  t.deepEqual(equal.paper(), { eer: 0.5, fnmr100: 1, fnmr1000: 1, fnmr0: 1 });
  const outside = await ScoreSet.from([1.5, 0.5], [1, 0], { source: 'theirs' });
  t.throws(() => outside.paper(), { code: 'INVALID_ARGUMENT', message: /theirs.*0 to 1/ });
});

test('thresholds of distances are distances; equal scores, huge curves and unsupported targets have answers', async (t) => {
  const distances = await ScoreSet.from([0.2, 0.3, 0.9, 0.8], [1, 1, 0, 0], { distance: true });
  t.is((await distances.measure()).eer, 0);
  t.is(distances.fnmrAtFmr(0.5).threshold, 0.8);
  t.deepEqual(distances.at(0.3), { threshold: 0.3, fmr: 0, fnmr: 0 });
  t.deepEqual([...(await distances.curve()).thresholds], [0.9, 0.8, 0.3, 0.2, Number.NEGATIVE_INFINITY]);
  const { low, high, genuine, impostor } = await distances.histogram(2);
  t.deepEqual([low, high, [...genuine], [...impostor]], [0.2, 0.9, [2, 0], [0, 2]]);
  const equal = await ScoreSet.from([1, 1, 1, 1], [1, 1, 0, 0]);
  const { eer, eerHull, auc, dPrime, minCllr } = await equal.measure();
  t.deepEqual({ eer, eerHull, auc, dPrime, minCllr }, { eer: 0.5, eerHull: 0.5, auc: 0.5, dPrime: null, minCllr: 1 });
  t.deepEqual(equal.fnmrAtFmr(0.5), { target: 0.5, threshold: Number.POSITIVE_INFINITY, fmr: 0, fnmr: 1 });
  const next = uniform(1);
  const many = Float64Array.from({ length: 50_000 }, next);
  const set = await ScoreSet.from(
    many,
    many.map((_, i) => i % 2),
  );
  const { fmr } = await set.curve();
  t.true(fmr.length < 3000);
  t.is(fmr[0], 1);
  t.is(fmr.at(-1), 0);
  t.throws(() => set.fnmrAtFmr(1e-5), { message: /needs at least 100000 comparisons, there are 25000/ });
  t.throws(() => set.fnmrAtFmr(0), { code: 'INVALID_ARGUMENT' });
});

test('bad scores are refused with the reason', async (t) => {
  const refused = (scores: number[], labels: number[], message: RegExp) =>
    t.throwsAsync(ScoreSet.from(scores, labels), { code: 'INVALID_ARGUMENT', message });
  await refused([1, 2], [1], /2 scores for 1 labels/);
  await refused([1, Number.NaN], [1, 0], /score 2 is NaN/);
  await refused([Number.POSITIVE_INFINITY, 1], [1, 0], /score 1 is Infinity/);
  await refused([1, 2], [1, 1], /2 genuine and 0 impostor/);
  await refused([], [], /0 genuine and 0 impostor/);
  for (const label of [257, 256, 0.5, Number.NaN, 3, -1])
    await t.throwsAsync(ScoreSet.from([0.9, 0.5, 0.2], [1, 0, label]), {
      code: 'INVALID_ARGUMENT',
      message: new RegExp(`label 3 is ${label}, expected 0, 1 or 2`),
    });
});
