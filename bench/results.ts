/**
 * Writes docs/results.md: recognition of plain and masked faces of a data set in LFW's layout, without and with adapters.
 * `npm run results -- <folder of identities> <folder to work in>`; what lies in the latter is used again.
 */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Change, measureChanges, mostImpostors, type Tested } from '../lib/adapt/measure.js';
import { applyHead, type Condition, PeoplePairs } from '../lib/adapt/pairs.js';
import { foldPeople, type Split, splitPeople } from '../lib/adapt/split.js';
import { type Method, type Trained, trainHead } from '../lib/adapt/train.js';
import { readTwins, type TwinVectors } from '../lib/adapt/vectors.js';
import { generateCorpora } from '../lib/datasets/generate.js';
import { resolveModel } from '../lib/embed/embedder.js';
import { embedFiles, type FaceSource } from '../lib/embed/files.js';
import { readIndex } from '../lib/embed/index-lines.js';
import { bootstrap, type Estimate, percentileInterval } from '../lib/metrics/intervals.js';
import { ScoreSet } from '../lib/metrics/score-set.js';
import type { VectorSimilarity } from '../lib/models/description.js';
import { native } from '../lib/native.js';
import { NamedRandom } from '../lib/random.js';
import { type NamedRate, ratesChart, standalone } from '../lib/report/charts.js';
import { toPng } from '../lib/report/pictures.js';

const styles = ['a', 'surgical', 'cloth', 'realistic'];
/** Those that adapters learn from. */
const learned = ['a', 'surgical', 'cloth'];
const sources: Exclude<FaceSource, 'auto'>[] = ['manifest', 'search'];
const sourceNames = { manifest: 'manifest faces', search: 'searched faces' };
const models = ['dlib-resnet-128'];
const seed = 7;
const draws = 100;
const folds = 5;
const concurrency = native.systemInfo().processors;

const [photos, work] = process.argv.slice(2);
if (photos === undefined || work === undefined)
  throw new Error('usage: npm run results -- <folder of identities> <folder to work in>');
const docs = path.join(import.meta.dirname, '../docs');
const log = (text: string) => process.stderr.write(`${text}\n`);

const percent = (value: number) => `${(100 * value).toPrecision(3)}%`;
const shown = ({ value, interval }: Estimate) =>
  `${percent(value)} (${(interval ?? [value, value]).map(percent).join(' to ')})`;
const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The vectors of a style, made where they are missing. */
async function vectorsOf(model: string, style: string, source: FaceSource): Promise<string> {
  const base = path.join(work as string, 'base');
  const corpora = path.join(work as string, 'corpora', style);
  const file = path.join(work as string, `${model}-${style}-${source}.npy`);
  if (!existsSync(base)) {
    mkdirSync(base, { recursive: true });
    symlinkSync(path.resolve(photos as string), path.join(base, 'lfw'));
  }
  await generateCorpora(base, corpora, { only: ['lfw'], style, seed, resume: existsSync(corpora) });
  if (!existsSync(file)) {
    log(`embedding ${file}`);
    await embedFiles([path.join(corpora, 'lfw')], file, { model, faceSource: source });
  }
  return file;
}

/** Shares of images without a face: plain, masked. */
async function failures(file: string): Promise<[number, number]> {
  const lines = await readIndex(file.replace(/npy$/, 'jsonl'));
  return [false, true].map((masked) => {
    const side = lines.filter((line) => line.masked === masked);
    return side.filter(({ row }) => row === null).length / side.length;
  }) as [number, number];
}

/** The vectors with the masked ones of one file only. */
function ofStyle(vectors: TwinVectors, style: number): TwinVectors {
  const rows = Array.from(vectors.styles.keys()).filter((row) => vectors.styles[row] === style);
  const { dimensions, masked } = vectors;
  const kept = new Float32Array(rows.length * dimensions);
  for (const [i, row] of rows.entries())
    kept.set(masked.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
  return {
    ...vectors,
    masked: kept,
    twins: Int32Array.from(rows, (row) => vectors.twins[row] as number),
    styles: Int32Array.from(rows, () => 0),
  };
}

const everyone = ({ people }: TwinVectors): ReadonlySet<number> => new Set(people.keys());

/** EER, and FNMR at FMR 1e-2 and 1e-3, of everyone. */
async function measured(vectors: TwinVectors, condition: Condition, similarity: VectorSimilarity): Promise<Estimate[]> {
  const sets = new PeoplePairs(vectors, everyone(vectors), seed);
  const resampled = await sets.score(sets.pairs(condition, mostImpostors), similarity, undefined, concurrency);
  const set = await ScoreSet.from(resampled.scores, resampled.labels);
  const fmr = [1e-2, 1e-3];
  const drawn = await bootstrap(resampled, { draws, seed, fmr });
  return [
    { value: (await set.measure()).eer, draws: drawn.eer },
    ...fmr.map((target, i) => ({ value: set.fnmrAtFmr(target).fnmr, draws: drawn.fnmrAtFmr[i] as Float64Array })),
  ].map((found) => ({ value: found.value, interval: percentileInterval(found.draws) as [number, number] }));
}

async function trained(
  vectors: TwinVectors,
  split: Split,
  similarity: VectorSimilarity,
  given: { methods: readonly Method[]; published?: boolean },
): Promise<Trained> {
  const common = { published: false, similarity, seed, concurrency, signal: undefined, onProgress: () => {} };
  // Undefined only where it is aborted.
  return (await trainHead(vectors, split, { ...common, ...given })) as Trained;
}

/** Heads of each fold, and the people that they have not seen, by their numbers in `measuredOn`. */
async function foldHeads(
  files: readonly string[],
  measuredOn: TwinVectors,
  similarity: VectorSimilarity,
): Promise<Tested[]> {
  const vectors = await readTwins(files);
  const numbers = new Map(measuredOn.people.map((name, number) => [name, number]));
  const tested: Tested[] = [];
  for (const split of foldPeople(vectors, folds, { validation: 0.15, seed })) {
    const { head } = await trained(vectors, split, similarity, { methods: ['linear'] });
    const people = [...split.test].flatMap((person) => numbers.get(vectors.people[person] as string) ?? []);
    tested.push({ people: new Set(people), head });
  }
  return tested;
}

const changesOf = (vectors: TwinVectors, tested: readonly Tested[], similarity: VectorSimilarity) =>
  measureChanges(vectors, tested, { similarity, draws, seed, concurrency });

const find = (changes: readonly Change[], condition: Condition, measure: Change['measure'], target?: number) =>
  changes.find(
    (change) => change.condition === condition && change.measure === measure && change.target === target,
  ) as Change;

const changeRow = (name: string, { before, after, difference }: Change) => [
  name,
  ...[before, after, difference].map(shown),
  `${((100 * difference.value) / before.value).toFixed(0)}%`,
];
const changeHeader = (name: string) => [name, 'without', 'with', 'difference', 'relative'];

const sections: string[] = [];

async function resultsOf(model: string): Promise<void> {
  const { description } = await resolveModel({ model });
  const similarity = description.similarity.kind as VectorSimilarity;
  const files: Record<string, string[]> = {};
  for (const source of sources) {
    files[source] = [];
    for (const style of styles) files[source]?.push(await vectorsOf(model, style, source));
  }

  const rows: string[][] = [];
  const adapted: string[][] = [];
  const rates: NamedRate[] = [];
  for (const source of sources) {
    const own = files[source] as string[];
    const all = await readTwins(own);
    const heads = await foldHeads(own.slice(0, learned.length), all, similarity);
    for (const [i, style] of styles.entries()) {
      log(`${model}, ${source}, ${style}`);
      const vectors = ofStyle(all, i);
      const [plainFta, maskedFta] = await failures(own[i] as string);
      if (i === 0)
        rows.push([
          sourceNames[source],
          'none',
          'plain–plain',
          ...(await measured(vectors, 'plain-plain', similarity)).map(shown),
          percent(plainFta),
        ]);
      for (const condition of ['plain-masked', 'masked-masked'] as const)
        rows.push([
          ...[sourceNames[source], style, condition.replace('-', '–')],
          ...(await measured(vectors, condition, similarity)).map(shown),
          percent(maskedFta),
        ]);
      const changes = await changesOf(vectors, heads, similarity);
      for (const condition of ['plain-masked', 'masked-masked'] as const) {
        const name = `${sourceNames[source]}, ${style}, ${condition.replace('-', '–')}`;
        for (const target of [1e-2, 1e-3])
          adapted.push(changeRow(`${name}, FMR ${target}`, find(changes, condition, 'FNMR', target)));
        const { before, after } = find(changes, condition, 'FNMR', 1e-2);
        rates.push({ name, way: 'as it is', ...before }, { name, way: 'with the adapter', ...after });
      }
    }
  }

  log(`${model}, pooled`);
  const own = files.manifest as string[];
  const pooled = await readTwins(own.slice(0, learned.length));
  const heads = await foldHeads(own.slice(0, learned.length), pooled, similarity);
  const changes = await changesOf(pooled, heads, similarity);
  const pooledRows = changes.map((change) => {
    const { condition, measure, target } = change;
    const at = target === undefined ? '' : measure === 'FNMR' ? ` at FMR ${target}` : ` of FMR ${target}`;
    return changeRow(`${condition.replace('-', '–')}, ${measure}${at}`, change);
  });

  const methodRows: string[][] = [];
  const split = splitPeople(pooled, { validation: 0.15, test: 0.2, seed });
  for (const way of ['linear', 'published'] as const) {
    log(`${model}, ${way}`);
    const published = way === 'published';
    const made = await trained(pooled, split, similarity, { methods: [published ? 'srt' : 'linear'], published });
    const tested = [{ people: split.test, head: made.head }];
    const change = find(await changesOf(pooled, tested, similarity), 'plain-masked', 'FNMR', 1e-2);
    methodRows.push([...changeRow(published ? 'srt, published preset' : way, change), percent(made.validationFnmr)]);
  }

  const leftOut: string[][] = [];
  for (const style of learned) {
    log(`${model}, without ${style}`);
    const others = learned.filter((name) => name !== style).map((name) => own[styles.indexOf(name)] as string);
    const tested = await foldHeads(others, pooled, similarity);
    const vectors = ofStyle(pooled, styles.indexOf(style));
    leftOut.push(changeRow(style, find(await changesOf(vectors, tested, similarity), 'plain-masked', 'FNMR', 1e-2)));
  }

  log(`${model}, wrong labels`);
  const wrong = find(
    await changesOf(await mislabelled(pooled, heads), heads, similarity),
    'plain-masked',
    'FNMR',
    1e-2,
  );
  const right = find(changes, 'plain-masked', 'FNMR', 1e-2);

  const chart = `results-${model}`;
  writeFileSync(
    path.join(docs, `${chart}.png`),
    await toPng(standalone(await ratesChart(chart, 'FNMR at FMR 1e-2', rates)), { zoom: 2, background: '#ffffff' }),
  );
  const [low, high] = right.difference.interval as [number, number];
  const relative = (100 * -right.difference.value) / right.before.value;
  sections.push(
    `## ${model}`,
    `Trained on: ${description.training}. Licence: ${description.licence}.`,
    `On manifest faces, pooled over ${learned.join(', ')}, the linear adapter brings plain–masked FNMR at FMR 1e-2 from ${percent(right.before.value)} to ${percent(right.after.value)}: ${relative.toFixed(0)}% less, a difference of ${percent(right.difference.value)} (${percent(low)} to ${percent(high)}).`,
    `![FNMR at FMR 1e-2 of each style, as the model is and with the adapter](${chart}.png)`,
    '### As it is',
    table(['faces', 'style', 'pairs', 'EER', 'FNMR at FMR 1e-2', 'FNMR at FMR 1e-3', 'FTA'], rows),
    'FTA is the share of photos in which no face was found: of plain photos in the row plain–plain, of masked ones in the others. Errors are of the photos that have a vector.',
    '### With an adapter, by style',
    `FNMR. The adapter has learned from ${learned.join(', ')}; \`realistic\` draws one of all templates, most of which it has not seen.`,
    table(changeHeader('faces, style, pairs'), adapted),
    `### Pooled over ${learned.join(', ')}, manifest faces`,
    table(changeHeader('measure'), pooledRows),
    'At a threshold that was set on plain pairs, the adapter raises FMR: corrected vectors score higher. A system that uses it needs a threshold of its own for masked faces.',
    '### Methods',
    'Plain–masked FNMR at FMR 1e-2 on one division of the people (15% to choose, 20% to test), with the FNMR of the validation people that chose the head:',
    table([...changeHeader('method'), 'validation'], methodRows),
    '### A style left out of training',
    'Plain–masked FNMR at FMR 1e-2 of one style, with an adapter that has learned from the two others:',
    table(changeHeader('style left out'), leftOut),
    '### Wrong labels',
    `Where 5% of the masked test faces are taken for plain ones, and so are not corrected, and 5% of the plain ones for masked ones, plain–masked FNMR at FMR 1e-2 is ${shown(wrong.before)}; with right labels it is ${shown(right.after)}, without an adapter ${shown(right.before)}.`,
  );
}

/**
 * The vectors as the folds' heads correct them, where 5% of the masked ones are taken for plain and 5% of the plain ones
 * for masked.
 */
async function mislabelled(vectors: TwinVectors, tested: readonly Tested[]): Promise<TwinVectors> {
  const random = new NamedRandom(seed, 'labels');
  const { twins, identities, dimensions } = vectors;
  const twentieth = (count: number) => new Set(random.sample([...Array(count).keys()], Math.round(count / 20)));
  const wrongMasked = twentieth(twins.length);
  const wrongPlain = twentieth(identities.length);
  const masked = vectors.masked.slice();
  const plain = vectors.plain.slice();
  for (const { people, head } of tested)
    for (const [to, rows] of [
      [
        masked,
        Array.from(twins.keys()).filter(
          (row) => people.has(identities[twins[row] as number] as number) && !wrongMasked.has(row),
        ),
      ],
      [
        plain,
        Array.from(identities.keys()).filter((row) => people.has(identities[row] as number) && wrongPlain.has(row)),
      ],
    ] as const) {
      const from = to === masked ? vectors.masked : vectors.plain;
      const corrected = await applyHead(head, { masked: from, dimensions }, Int32Array.from(rows), concurrency);
      for (const [i, row] of rows.entries())
        to.set(corrected.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
    }
  return { ...vectors, masked, plain };
}

for (const model of models) await resultsOf(model);
const people = `${mostImpostors.toLocaleString('en')} impostor pairs at most for each set of people`;
writeFileSync(
  path.join(docs, 'results.md'),
  `${[
    '# Recognition of masked faces, without and with adapters',
    `Made by the command below on ${new Date().toISOString().slice(0, 10)}, from photos of Labeled Faces in the Wild (LFW) with masks drawn on them. LFW's people may be among those that the models were trained on, so the absolute rates are too good for new people; differences are between the same photos.`,
    '<!-- not run: needs a download of LFW -->\n```sh\nnpm run results -- lfw/ work/\n```',
    `Every genuine pair of different photos counts, and ${people}, drawn at random. \`manifest faces\` are cut out where the plain twin's landmarks are, which is optimistic; \`searched faces\` are found in the masked photo itself. Intervals hold 95%: people are drawn with replacement ${draws} times, with and without an adapter alike. Adapters are tested on ${folds} folds of people that they were neither trained nor chosen on, each with its own threshold. [adapt.md](adapt.md) says how they are trained; unless another method is named, it is \`linear\`.`,
    ...sections,
  ].join('\n\n')}\n`,
);
