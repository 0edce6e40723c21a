// Every step from a data set to error rates, for several styles of masks:
// node examples/styles-compared.js <folder of data sets> <output folder> <data set> <style>...
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { embedFiles } from 'maskbench';
import { generateCorpora, samplePairs, writePairs } from 'maskbench/datasets';
import {
  evaluateAllPairs,
  evaluateFiles,
  scoreAll,
  scorePairs,
  writeAllPairs,
  writePairScores,
} from 'maskbench/metrics';
import { writeAllPairsReport, writeEvaluationReport } from 'maskbench/report';

const [base, out, name, ...styles] = process.argv.slice(2);
const percent = (rate) => `${(100 * rate).toFixed(2)}%`;

for (const style of styles) {
  const at = (file) => path.join(out, style, file);

  // 1. Each photo beside its masked twin.
  await mkdir(out, { recursive: true });
  const [{ folder }] = await generateCorpora(base, at('corpora'), { only: [name], style, seed: 7 });

  // 2. One vector for each image whose face is found where the mask was drawn.
  const { acquisition } = await embedFiles([folder], at('vectors.npy'), { faceSource: 'search' });
  for (const side of ['plain', 'masked']) {
    const { photos, withoutFace, wrongFace } = acquisition[0][side];
    const lost = percent((withoutFace + wrongFace) / photos);
    console.log(`${style}, ${side}: FTA ${lost} of ${photos}, ${wrongFace} wrong faces`);
  }

  // 3. NIST's protocol: the threshold of plain photos, applied to masked ones.
  const pairs = await samplePairs(folder, 'nist');
  await writePairs(at('pairs.txt'), { pairs, separator: '::', lineEnd: '\n' });
  // 1%, or what so few pairs support.
  const impostors = pairs.filter(({ genuine, probeMasked }) => !genuine && !probeMasked).length;
  const thresholdFmr = Math.max(0.01, 1 / impostors);
  const scored = await scorePairs(at('vectors.npy'), at('pairs.txt'));
  await writePairScores(at('scores.csv'), scored);
  const evaluated = await evaluateFiles([at('scores.csv')], {
    ...{ pairs: at('pairs.txt'), thresholdFrom: 'plain-plain', thresholdFmr, seed: 1 },
  });
  console.log(`report: ${await writeEvaluationReport(at('report'), evaluated)}`);
  for (const { name: kind, fnmr } of evaluated.evaluation.systems[0].maskings)
    console.log(`${style}, ${kind}: FNMR ${percent(fnmr.value)} at a plain–plain FMR of ${percent(thresholdFmr)}`);

  // 4. Every pair of the corpus, a kind of masking at a time.
  for (const [kind, sides] of Object.entries({
    'plain-plain': { within: 'plain' },
    'plain-masked': { between: ['plain', 'masked'] },
    'masked-masked': { within: 'masked' },
  })) {
    const scores = await scoreAll(at('vectors.npy'), at('vectors.jsonl'), sides);
    const evaluation = evaluateAllPairs(scores);
    await writeAllPairs(at(kind), scores, () => writeAllPairsReport(at(kind), { scores, evaluation }));
    const { value, interval } = evaluation.eer;
    const reach = interval ? ` [${interval.map(percent).join(', ')}]` : '';
    console.log(`${style}, ${kind}: EER ${percent(value)}${reach}`);
  }
}
