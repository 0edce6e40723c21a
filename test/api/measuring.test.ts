import test from 'ava';
import * as main from 'maskbench';
import * as datasets from 'maskbench/datasets';
import * as metrics from 'maskbench/metrics';
import * as models from 'maskbench/models';
import * as report from 'maskbench/report';
import { type Argument, options, path, refusesArguments } from '../support/arguments.js';

const maskbench = { ...main, ...datasets, ...metrics, ...models, ...report };

const scores = Float64Array.of(0.9, 0.8, 0.4, 0.2);
const labels = Uint8Array.of(1, 1, 0, 0);
const system = { name: 'a', scores, failed: new Set<number>() };
const pair = { reference: 'a/1.png', probe: 'b/1.png', referenceMasked: false, probeMasked: true };
const systems: Argument = {
  kind: 'objects',
  good: [system],
  bad: [
    [{ ...system, name: 7 }],
    [{ ...system, scores: 'text' }],
    [{ ...system, failed: [1] }],
    [{ ...system, distance: 'yes' }],
  ],
};
const marks: Argument = { kind: 'numbers', good: labels };
const measuring = [
  ...[{ fmr: 'text' }, { fmr: [null] }, { fmr: 0.1 }, { seed: -1 }, { seed: '1' }, { threshold: '0.5' }],
  ...[{ draws: -1 }, { draws: 'x' }],
];
const text: Argument = { kind: 'text', good: 'a' };

const all = await maskbench.scoreAll(
  { data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)), dimensions: 3 },
  [0, 1, 2, 3].map((row) => ({
    row,
    path: `${row}`,
    identity: `${row % 2}`,
    photo: `${row}`,
    masked: false,
    status: 'x',
  })),
);
const allScores: Argument = {
  kind: 'object',
  good: all,
  bad: [{}, { ...all, genuine: 'text' }, { ...all, probes: null }],
};
const line = { row: 0, path: 'a', identity: 'a', photo: 'a', masked: false, status: 'x' };

const throughput = {
  ...{ date: '', maskbench: '', device: 'cpu', photos: [], cases: [] },
  machine: { processor: '', processors: 1, simd: '', load: 0, node: '' },
};
const functions: [name: string, call: (...args: never[]) => unknown, args: Argument[]][] = [
  [
    'evaluate',
    maskbench.evaluate,
    [
      systems,
      {
        kind: 'object',
        good: { labels },
        bad: [{}, { labels: 'text' }, { labels, pairs: 'text' }, { labels, pairs: [null] }],
      },
      options(
        ...measuring,
        ...[{ definition: 'other' }, { fnmr: 'text' }, { plainFmr: '1e-5' }, { groups: 'people.csv' }],
      ),
    ],
  ],
  ['fuse', maskbench.fuse, [systems, marks, { good: 'mean', bad: [undefined, null, 7, 'other', 'toString'] }]],
  [
    'calibrate',
    maskbench.calibrate,
    [
      systems,
      marks,
      { good: [['a', 'b']], bad: [undefined, null, 'text', ['text'], [[7, 8]], [null]] },
      options({ seed: -1 }, { prior: '1' }),
    ],
  ],
  ['cllr', maskbench.cllr, [{ kind: 'numbers', good: scores }, marks]],
  ['readGroups', maskbench.readGroups, [path()]],
  ['readLabels', maskbench.readLabels, [path()]],
  ['readScores', maskbench.readScores, [path(), options({ failures: [1] })]],
  [
    'evaluateIdentification',
    maskbench.evaluateIdentification,
    [
      { good: Float32Array.of(1, 0, 0, 1), bad: [undefined, null, 'text', [1, 0, 0, 1], Buffer.alloc(4)] },
      { kind: 'texts', good: ['a', 'b'] },
      { kind: 'texts', good: ['a', 'b'] },
      options({ gallery: 'some' }, { nonMated: 'x' }, { rank: 0 }, { fpir: 'text' }, { seed: -1 }),
    ],
  ],
  [
    'bootstrap',
    maskbench.bootstrap,
    [
      { kind: 'object', good: { scores, labels }, bad: [{}, { scores: [1], labels }, { scores, labels: [1] }] },
      {
        kind: 'object',
        good: { draws: 1, seed: 1 },
        bad: [{}, { draws: 0, seed: 1 }, { draws: 1, seed: -1 }, { draws: 1, seed: 1, fmr: 'x' }],
      },
    ],
  ],
  ['percentileInterval', maskbench.percentileInterval, [{ good: scores, bad: [undefined, null, 'text', [1], 7] }]],
  [
    'ScoreSet.from',
    maskbench.ScoreSet.from,
    [{ kind: 'numbers', good: scores }, marks, options({ distance: 'yes' }, { source: 7 })],
  ],
  [
    'formatPairs',
    maskbench.formatPairs,
    [
      {
        kind: 'object',
        good: { pairs: [pair], separator: ' ', lineEnd: '\n' },
        bad: [
          {},
          { pairs: 'text', separator: ' ', lineEnd: '\n' },
          { pairs: [pair], separator: ',', lineEnd: '\n' },
          { pairs: [pair], separator: ' ', lineEnd: '' },
        ],
      },
    ],
  ],
  [
    'writePairs',
    maskbench.writePairs,
    [path(), { kind: 'object', good: { pairs: [pair], separator: ' ', lineEnd: '\n' }, bad: [{}] }],
  ],
  ['isSamePhoto', maskbench.isSamePhoto, [{ kind: 'object', good: pair, bad: [{}, { ...pair, probe: 7 }] }]],
  ['pairIdentity', maskbench.pairIdentity, [text]],
  ['pairPath', maskbench.pairPath, [text]],
  ['parsePairs', maskbench.parsePairs, [text, text]],
  ['parsePublished', maskbench.parsePublished, [{ good: 'lfw', bad: [undefined, null, 7, 'other'] }, text, text]],
  [
    'samplePairs',
    maskbench.samplePairs,
    [
      path(),
      { good: 'balanced', bad: [undefined, null, 7, 'other'] },
      options({ seed: -1 }, { masking: 'other' }, { count: 1 }, {}),
    ],
  ],
  [
    'writeAllPairsReport',
    maskbench.writeAllPairsReport,
    [
      path(),
      {
        kind: 'object',
        good: { scores: all, evaluation: maskbench.evaluateAllPairs(all) },
        bad: [{}, { scores: {}, evaluation: {} }, { scores: all, evaluation: 7 }],
      },
      options({ images: 7 }, { images: 'a\0b' }),
    ],
  ],
  [
    'writeIdentificationReport',
    maskbench.writeIdentificationReport,
    [path(), { kind: 'object', good: { enrolled: 1, mated: 1, nonMated: 0, notes: [], rank: 1, fnirAtFpir: [] } }],
  ],
  [
    'writeBenchmarkReport',
    maskbench.writeBenchmarkReport,
    [
      path(),
      { kind: 'object', good: { tables: [], dataSets: [] }, bad: [{}, { tables: 'text', dataSets: [] }] },
      options({ seed: -1 }, { introduction: 'text' }, { introduction: [7] }),
    ],
  ],
  [
    'writeEvaluationReport',
    maskbench.writeEvaluationReport,
    [
      path(),
      {
        kind: 'object',
        good: { evaluation: { systems: [] }, systems: [], comparisons: { labels } },
        bad: [
          {},
          { evaluation: { systems: 'text' }, systems: [], comparisons: { labels } },
          { evaluation: { systems: [] }, systems: 'text', comparisons: { labels } },
          { evaluation: { systems: [] }, systems: [], comparisons: null },
        ],
      },
      options({ images: 7 }),
    ],
  ],
  [
    'writeContactSheet',
    maskbench.writeContactSheet,
    [path(), { kind: 'objects', good: [], bad: [[{ caption: 7, files: [] }], [{ caption: 'a', files: 'text' }]] }],
  ],
  [
    'writeStyleSheet',
    maskbench.writeStyleSheet,
    [
      path(),
      {
        kind: 'object',
        good: { photos: ['/nowhere/a.jpg'], styles: ['a'] },
        bad: [
          ...[{}, { photos: [], styles: ['a'] }, { photos: '/nowhere/a.jpg', styles: ['a'] }],
          ...[
            { photos: ['/nowhere/a.jpg'], styles: ['other'] },
            { photos: ['/nowhere/a.jpg'], styles: [7] },
          ],
        ],
      },
      options({ cell: 0 }, { color: 'nocolor' }, { templates: 7 }, { wear: 'other' }, { seed: -1 }, { onProgress: 7 }),
    ],
  ],
  [
    'evaluateAllPairs',
    maskbench.evaluateAllPairs,
    [allScores, options({ fmr: 'text' }, { rank: 0 }, { fpir: 'text' }, { threshold: 'x' })],
  ],
  [
    'compareThroughput',
    maskbench.compareThroughput,
    [
      { kind: 'object', good: throughput, bad: [{ ...throughput, cases: 'a' }] },
      { kind: 'object', good: throughput, bad: [{ ...throughput, cases: [{ name: 'a', kind: 'mask', rates: [0] }] }] },
    ],
  ],
  ['readAllPairs', maskbench.readAllPairs, [path()]],
  [
    'evaluateAllPairsFiles',
    maskbench.evaluateAllPairsFiles,
    [path(), options({ model: 7 }, { fmr: 'text' }, { rank: 0 }, { threshold: 'x' }, { thresholdFrom: 7 })],
  ],
  [
    'evaluateFiles',
    maskbench.evaluateFiles,
    [
      { kind: 'paths', good: ['/nowhere/a.txt'], bad: [[]] },
      options(
        ...measuring.filter((wrong) => !('draws' in wrong)),
        ...[{ pairs: 7 }, { labels: null }, { failures: 7 }, { groups: {} }, { model: 'm' }, { similarity: 7 }],
        ...[{ distance: 'yes' }, { fuse: 'some' }, { prior: 'x' }, { thresholdFrom: 7 }, { thresholdFmr: 'x' }],
      ),
    ],
  ],
  [
    'evaluateIdentificationFiles',
    maskbench.evaluateIdentificationFiles,
    [path(), path(), path(), options({ rank: 0 })],
  ],
  ['readExcluded', maskbench.readExcluded, [path()]],
  ['scorePairs', maskbench.scorePairs, [path(), path(), options({ index: 7 }, { similarity: 'other' }, { model: 7 })]],
  [
    'writePairScores',
    maskbench.writePairScores,
    [
      path(),
      {
        kind: 'object',
        good: { system: { ...system, similarity: 'l2' }, pairs: [pair, pair, pair, pair], notes: [] },
        bad: [{ system }, { system: 7, pairs: [] }],
      },
    ],
  ],
  ['countAcquisition', maskbench.countAcquisition, [{ kind: 'objects', good: [line], bad: [[{}]] }]],
  [
    'pairTwins',
    maskbench.pairTwins,
    [
      { kind: 'objects', good: [pair], bad: [[{}]] },
      { kind: 'text', good: 'both', bad: ['some'] },
    ],
  ],
  ['countMaskings', maskbench.countMaskings, [{ kind: 'objects', good: [pair], bad: [[{}]] }]],
  ['findDuplicates', maskbench.findDuplicates, [path(), options({ onProgress: 7 })]],
  ['writeDuplicates', maskbench.writeDuplicates, [path(), { kind: 'objects', good: [], bad: [[{ first: 'a' }]] }]],
  ['writeAllPairs', maskbench.writeAllPairs, [path(), allScores]],
  ['ratesAtEdges', maskbench.ratesAtEdges, [allScores]],
  ['ratesAtFmr', maskbench.ratesAtFmr, [allScores, { kind: 'numbers', good: [0.1] }]],
  ['mergeScores', maskbench.mergeScores, [{ kind: 'objects', good: [all], bad: [[{}], []] }]],
  ['readIndex', maskbench.readIndex, [path()]],
  [
    'scoreAll',
    maskbench.scoreAll,
    [
      {
        kind: 'path',
        good: '/nowhere/v.npy',
        bad: [
          { data: [1], dimensions: 1 },
          { data: new Float32Array(3), dimensions: 0 },
        ],
      },
      {
        good: '/nowhere/v.jsonl',
        bad: [undefined, null, 7, {}, 'a\0b', [null], [{}], [{ ...line, row: 'x' }], [{ ...line, identity: 7 }]],
      },
      options(
        ...[
          { similarity: 'other' },
          { within: 'other' },
          { between: 'masked' },
          { between: ['masked', 'other'] },
          { bins: 1 },
        ],
        ...[{ samePhoto: 'some' }, { sameVideo: 'some' }, { exclude: 'text' }, { exclude: ['ab'] }, { top: -1 }],
        ...[
          { intervals: 'yes' },
          { shard: 7 },
          { shard: { index: 2, count: 1 } },
          { concurrency: 0 },
          { device: 'tpu' },
        ],
        ...[{ device: 'cuda', deviceMemory: 1 }, { onProgress: 7 }, { onProblem: 'print' }],
      ),
    ],
  ],
];
for (const [name, call, args] of functions)
  test(`T12: ${name} refuses what it can not take`, (t) => refusesArguments(t, name, call, args));

test('T12: a ScoreSet’s methods refuse what they can not take', async (t) => {
  const set = await maskbench.ScoreSet.from(scores, labels);
  const rate: Argument = { kind: 'number', good: 0.5, bad: [-1, 2] };
  await refusesArguments(t, 'fnmrAtFmr', set.fnmrAtFmr.bind(set), [rate]);
  await refusesArguments(t, 'fmrAtFnmr', set.fmrAtFnmr.bind(set), [rate]);
  await refusesArguments(t, 'at', set.at.bind(set), [{ kind: 'number', good: 0.5 }]);
  const count: Argument = { good: 2, bad: [null, 0, -1, 0.5, 'x', Number.NaN] };
  await refusesArguments(t, 'curve', set.curve.bind(set), [count]);
  await refusesArguments(t, 'histogram', set.histogram.bind(set), [count]);
  await refusesArguments(t, 'paperCurve', set.paperCurve.bind(set), [count]);
});

test('T12: every public function is in these tables', (t) => {
  const called = Object.entries(maskbench).filter(([, value]) => typeof value === 'function');
  const elsewhere = new Set(['MaskbenchError', 'Embedder', 'Masker', 'ScoreSet', 'diagnose']);
  const ofFiles = [
    'isPhotoName',
    'readManifest',
    'maskFiles',
    'detectFiles',
    'fetchDataset',
    'generateCorpora',
    'mergeShards',
  ];
  ofFiles.push('summarizeCorpora', 'readTemplates', 'parseMaskTheFaceCode', 'embedFiles', 'fetchModel', 'importModel');
  ofFiles.push('benchmarkModels', 'benchmarkScores', 'verifyPhotos', 'trainAdapter', 'readAdapter', 'convertTable');
  ofFiles.push('measureThroughput', 'mergeAdapter', 'benchmarkIjb');
  ofFiles.push('exportPairs', 'importVerificationSet', 'readPairs', 'readVerificationSet', 'writeVerificationSet');
  const known = new Set([...elsewhere, ...ofFiles, ...functions.map(([name]) => name)]);
  t.deepEqual(
    called.map(([name]) => name).filter((name) => !known.has(name)),
    [],
  );
});
