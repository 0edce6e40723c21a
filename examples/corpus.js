// From a data set to error rates: node examples/corpus.js <folder of data sets> <output folder> <data set>
import path from 'node:path';
import { Embedder } from 'maskbench';
import { generateCorpora, samplePairs } from 'maskbench/datasets';
import { evaluate } from 'maskbench/metrics';
import { writeEvaluationReport } from 'maskbench/report';

const [base, out, name] = process.argv.slice(2);

// 1. Each photo beside its masked twin. The same call on a complete corpus does nothing.
const [corpus] = await generateCorpora(base, out, { only: [name], style: 'realistic', seed: 7 });

// 2. Pairs of a plain and a masked photo.
const pairs = await samplePairs(corpus.folder, 'paper', { seed: 1 });
const labels = Uint8Array.from(pairs, ({ genuine }) => Number(genuine));

// 3. One vector for each photo. A photo without a face gives a row of NaN, and its comparisons count as failed.
const photos = [...new Set(pairs.flatMap(({ reference, probe }) => [reference, probe]))];
const rows = new Map(photos.map((photo, row) => [photo, row]));
const embedder = await Embedder.open();
const vectors = await embedder.embed(
  photos.map((photo) => path.join(corpus.folder, photo)),
  { missing: 'nan' },
);

// 4. A similarity for each pair, and what the similarities say.
const scores = await embedder.similarities(
  vectors,
  pairs.map(({ reference }) => rows.get(reference)),
  pairs.map(({ probe }) => rows.get(probe)),
);
const failed = new Set([...scores.keys()].filter((row) => Number.isNaN(scores[row])));
const systems = [{ name: embedder.description.name, scores, failed }];
const comparisons = { labels, pairs };
const evaluation = await evaluate(systems, comparisons, { seed: 1 });
const page = await writeEvaluationReport(path.join(out, 'report'), { evaluation, systems, comparisons });
await embedder.close();

console.log(`${pairs.length} pairs, ${failed.size} without a score`);
console.log(`EER ${evaluation.systems[0].measures.eer.value}, report: ${page}`);
