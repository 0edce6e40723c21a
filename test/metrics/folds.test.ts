import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { evaluate } from 'maskbench/metrics';
import { maskbench, temporaryFolder } from '../support/files.js';
import { pythonHas, runPython } from '../support/python.js';
import { normal, uniform } from '../support/scores.js';

/** Cosines of a list in ten folds, genuine before impostor in each. */
function draw(seed: number, pairs: number, spread: number) {
  const next = normal(uniform(seed));
  const labels = Uint8Array.from({ length: pairs }, (_, i) => Number(i % Math.ceil(pairs / 10) < pairs / 20));
  const scores = Float64Array.from(labels, (label) =>
    Math.max(-1, Math.min(1, (label ? 0.6 : 0.05) + spread * next())),
  );
  return { labels, scores };
}

// The protocol as its paper and program describe it, in NumPy and SciPy.
const reference = `
import numpy as np
from scipy.interpolate import interp1d
out = []
for case in data:
    same = np.array(case['labels'], bool)
    distance = 2 - 2 * np.array(case['scores'])
    parts = np.array_split(np.arange(len(same)), 10)
    accuracies, tars, fars = [], [], []
    for part in parts:
        rest = np.setdiff1d(np.arange(len(same)), part)
        coarse, fine = np.arange(0, 4, 0.01), np.arange(0, 4, 0.001)
        right = [np.mean((distance[rest] < t) == same[rest]) for t in coarse]
        accuracies.append(np.mean((distance[part] < coarse[np.argmax(np.round(right, 12))]) == same[part]))
        far = np.array([np.mean(distance[rest][~same[rest]] < t) for t in fine])
        threshold = 0.0
        if far.max() >= 1e-3:
            far, at = np.unique(far, return_index=True)
            last = np.append(at[1:] - 1, len(fine) - 1)
            # Between the last threshold with a lower rate and the first with a higher or equal one.
            k = int(np.argmax(far >= 1e-3))
            threshold = float(interp1d([far[k - 1], far[k]], [fine[last[k - 1]], fine[at[k]]])(1e-3))
        tars.append(np.mean(distance[part][same[part]] < threshold))
        fars.append(np.mean(distance[part][~same[part]] < threshold))
    out.append([np.mean(accuracies), np.std(accuracies), np.mean(tars), np.std(tars), np.mean(fars)])
print(json.dumps(out))`;

(pythonHas('numpy', 'scipy') ? test : test.skip)(
  'the protocol insightface gives the numbers of NumPy and SciPy, of cosines and of squared distances',
  async (t) => {
    const cases = [1, 2, 3, 4, 5, 6].map((seed) =>
      draw(seed, [200, 203, 6000, 47, 600, 1000][seed - 1] as number, 0.1 + seed / 30),
    );
    const expected = runPython<number[][]>(
      reference,
      cases.map(({ labels, scores }) => ({ labels: [...labels], scores: [...scores] })),
    );
    for (const [i, { labels, scores }] of cases.entries())
      for (const distance of [false, true]) {
        const system = {
          name: 'x',
          scores: distance ? scores.map((score) => 2 - 2 * score) : scores,
          failed: new Set<number>(),
          distance,
        };
        const { systems } = await evaluate([system], { labels }, { draws: 0, protocol: 'insightface' });
        const folds = systems[0]?.folds;
        const found = [folds?.accuracy, folds?.accuracyDeviation, folds?.tar, folds?.tarDeviation, folds?.far];
        for (const [k, value] of found.entries())
          t.true(
            Math.abs((value as number) - (expected[i]?.[k] as number)) < 1e-9,
            `case ${i}, ${k}: ${value}, ${expected[i]?.[k]}`,
          );
      }
  },
);

test('pairs without a score are left out, and folds without impostors have no TAR', async (t) => {
  const { labels, scores } = draw(1, 200, 0.1);
  const withFailed = { name: 'x', scores: Float64Array.from([...scores, Number.NaN]), failed: new Set([200]) };
  const whole = await evaluate(
    [{ name: 'x', scores, failed: new Set() }],
    { labels },
    { draws: 0, protocol: 'insightface' },
  );
  const found = await evaluate(
    [withFailed],
    { labels: Uint8Array.from([...labels, 1]) },
    { draws: 0, protocol: 'insightface' },
  );
  t.deepEqual(found.systems[0]?.folds, whole.systems[0]?.folds);
  const sorted = [...labels.keys()].sort((a, b) => (labels[b] as number) - (labels[a] as number));
  const system = {
    name: 'x',
    scores: Float64Array.from(sorted, (i) => scores[i] as number),
    failed: new Set<number>(),
  };
  const lacking = await evaluate(
    [system],
    { labels: Uint8Array.from(sorted, (i) => labels[i] as number) },
    { draws: 0, protocol: 'insightface' },
  );
  t.is(lacking.systems[0]?.folds?.tar, null);
  t.true((lacking.systems[0]?.folds?.accuracy as number) > 0.5);
});

test('evaluate --protocol insightface prints its rates, and refuses other scores and short lists', async (t) => {
  const folder = temporaryFolder(t);
  const write = (name: string, { labels, scores }: { labels: Uint8Array; scores: Float64Array }, factor = 1) => {
    const rows = Array.from(labels, (label, i) => `${(scores[i] as number) * factor},${label}`);
    writeFileSync(path.join(folder, name), `score,label\n${rows.join('\n')}\n`);
    return path.join(folder, name);
  };
  const run = (file: string, ...more: string[]) =>
    maskbench(['evaluate', '--scores', file, '--protocol', 'insightface', '--draws', '0', ...more]);
  const good = await run(write('good.csv', draw(2, 600, 0.1)));
  t.is(good.code, 0, good.stderr);
  t.regex(good.stdout, /accuracy ± deviation \(InsightFace, 10 folds\) +0\.\d+ ± 0\.\d+/);
  t.regex(good.stdout, /TAR ± deviation at FAR 0\.001/);
  const wrong = await run(write('wrong.csv', draw(2, 600, 0.1), 3));
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /cosine similarities for the protocol insightface/);
  const few = await run(write('few.csv', { labels: Uint8Array.of(1, 0, 1, 0, 1), scores: new Float64Array(5) }));
  t.is(few.code, 2);
  t.regex(few.stderr, /at least 10 pairs/);
  t.is((await run(write('other.csv', draw(2, 600, 0.1)), '--protocol', 'other')).code, 2);
});
