import test from 'ava';
import * as main from 'maskbench';
import * as datasets from 'maskbench/datasets';
import * as metrics from 'maskbench/metrics';
import * as models from 'maskbench/models';
import * as report from 'maskbench/report';
import * as storage from 'maskbench/storage';
import { type Argument, options, path, refusesArguments } from '../support/arguments.js';
import { temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

const maskbench = { ...main, ...datasets, ...metrics, ...models, ...report, ...storage };

const search = [{ detector: 'other' }, { upsample: 'x' }, { upsample: 9 }, { minFace: -1 }, { maxSize: 1 }];
const reading = [{ landmarkModel: 7 }, { maxPixels: 0 }, { acceptDamaged: 'yes' }, { device: 'tpu' }, { device: 7 }];
const networks = [{ minScore: -1 }, { minScore: '1' }, { pad: 3 }, { detector: 7 }, { detector: 'a\0b' }];
const masking = [
  ...networks,
  ...search,
  ...reading,
  ...[{ style: 'other' }, { style: 7 }, { color: 'nocolor' }, { color: 7 }, { templates: 7 }, { templates: 'a\0b' }],
  ...[
    { tintWeight: 2 },
    { wear: 'other' },
    { wear: 7 },
    { jitter: 1 },
    { seed: -1 },
    { seed: '1' },
    { select: 'some' },
  ],
  ...[
    { quality: 0 },
    { pngLevel: 13 },
    { drawLandmarks: 1 },
    { aligned: 'other' },
    { landmarks: 'template' },
    { device: 'cuda', deviceMemory: 1 },
    { concurrency: 0 },
  ],
];
const embedding = [
  ...networks,
  ...search,
  ...reading,
  { concurrency: 0 },
  { maxBatch: 0 },
  { maxWaitMs: -1 },
  { mirror: 'yes' },
];
const model = [{ model: 7 }, { model: 'a\0b' }, { model: '' }, { adapter: 7 }, { adapter: '' }];
const faces = [{ faces: 'text' }, { faces: [null] }, { faces: [{}] }, { faces: {} }];

/** Functions of files and photos: a name, what is called, its arguments. */
const functions: [name: string, call: (...args: never[]) => unknown, args: Argument[]][] = [
  ['isPhotoName', maskbench.isPhotoName, [{ kind: 'text', good: 'a' }]],
  [
    'readManifest',
    async (file: string) => {
      for await (const _ of maskbench.readManifest(file));
    },
    [path()],
  ],
  [
    'detectFiles',
    async (...args: Parameters<typeof maskbench.detectFiles>) => {
      for await (const _ of maskbench.detectFiles(...args));
    },
    [
      { kind: 'paths', good: ['/nowhere/a.jpg'] },
      options(...networks, ...search, ...reading, { draw: 7 }, { draw: 'a\0b' }, { overwrite: 1 }, { concurrency: 0 }),
    ],
  ],
  [
    'mergeAdapter',
    maskbench.mergeAdapter,
    [
      path('/nowhere/head.onnx'),
      { ...path('/nowhere/merged.onnx'), bad: ['/nowhere/merged'] },
      options({ model: 7 }, { model: 'a\0b' }),
    ],
  ],
  [
    'benchmarkIjb',
    maskbench.benchmarkIjb,
    [path('/nowhere'), path('/nowhere/v.npy'), path('/nowhere/out'), options({ detectorScores: 1 })],
  ],
  [
    'measureThroughput',
    maskbench.measureThroughput,
    [
      options(
        ...[{ photos: 7 }, { limit: 0 }, { concurrency: [0] }, { styles: 'a' }, { styles: [7] }, { models: [7] }],
        ...[{ maxBatch: [0] }, { rounds: 0 }, { device: 7 }, { onProgress: 7 }],
      ),
    ],
  ],
  [
    'maskFiles',
    maskbench.maskFiles,
    [
      { kind: 'paths', good: ['/nowhere/a.jpg'] },
      path(),
      options(
        ...masking,
        ...[
          { format: 'gif' },
          { again: 7 },
          { again: 'a\0b' },
          { masksFrom: 7 },
          { contents: 'other' },
          { manifest: 7 },
          { resume: 'yes' },
          { overwrite: 1 },
        ],
        ...[{ onProgress: 7 }, { onProblem: 'print' }, { writeAlpha: 1 }, { writeLandmarks: 1 }],
      ),
    ],
  ],
  [
    'fetchDataset',
    maskbench.fetchDataset,
    [{ kind: 'text', good: 'lfw', bad: ['other'] }, path(), options({ addresses: 'text' })],
  ],
  [
    'generateCorpora',
    maskbench.generateCorpora,
    [
      path(),
      path('/nowhere/b'),
      options(
        ...masking,
        ...[{ only: 'lfw' }, { only: ['other'] }, { only: [7] }, { copy: 'other' }, { minPhotos: -1 }],
        ...[{ shard: { index: 2, count: 1 } }, { shard: 7 }, { resume: 'yes' }, { onProgress: 7 }],
        ...[{ retry: 'damaged' }, { resume: true, retry: ['masked'] }],
      ),
    ],
  ],
  ['openSource', maskbench.openSource, [{ kind: 'paths', good: ['/nowhere/a.rec'] }]],
  [
    'openSink',
    maskbench.openSink,
    [
      path('/nowhere/a.rec'),
      { kind: 'paths', good: ['/nowhere/b.rec'] },
      options({ contents: 'other' }, { overwrite: 1 }, { staging: 7 }),
    ],
  ],
  [
    'maskStored',
    maskbench.maskStored,
    [
      { kind: 'object', good: { name: 'a', count: async () => 0, photos: async function* () {} }, bad: [{}] },
      {
        kind: 'object',
        good: { open: () => {}, put: () => {}, flush: () => {}, finish: () => {}, close: () => {} },
        bad: [{}, { open: 7 }],
      },
      options(...masking, { format: 'gif' }, { manifest: 7 }, { settings: 7 }),
    ],
  ],
  ['mergeShards', maskbench.mergeShards, [path()]],
  ['readPairs', maskbench.readPairs, [path()]],
  ['readVerificationSet', maskbench.readVerificationSet, [path()]],
  [
    'writeVerificationSet',
    maskbench.writeVerificationSet,
    [
      path(),
      {
        kind: 'object',
        good: { images: [], genuine: [] },
        bad: [
          { images: ['a'], genuine: [] },
          { images: [], genuine: [1] },
          { images: [], genuine: [true] },
        ],
      },
    ],
  ],
  ['importVerificationSet', maskbench.importVerificationSet, [path(), path('/nowhere/b')]],
  [
    'exportPairs',
    maskbench.exportPairs,
    [path(), path('/nowhere/b'), options({ photos: 7 }, { twins: 'a\0b' }, { pairing: 'some' }, { format: 'zip' })],
  ],
  ['convertTable', maskbench.convertTable, [path('/nowhere/a.jsonl'), path('/nowhere/b.parquet')]],
  ['summarizeCorpora', maskbench.summarizeCorpora, [path()]],
  ['readTemplates', maskbench.readTemplates, [path()]],
  [
    'parseMaskTheFaceCode',
    maskbench.parseMaskTheFaceCode,
    [
      { kind: 'text', good: 'N95' },
      { good: undefined, bad: [7, null, 'a\0b'] },
    ],
  ],
  [
    'embedFiles',
    maskbench.embedFiles,
    [
      { kind: 'paths', good: ['/nowhere/a.jpg'] },
      { kind: 'path', good: '/nowhere/a.npy', bad: ['/nowhere/a.txt'] },
      options(
        ...embedding,
        ...model,
        ...[
          { faceSource: 'some' },
          { select: 'all' },
          { bits: 8 },
          { bits: '16' },
          { crops: 'yes' },
          { resume: 1 },
          { onProgress: 7 },
        ],
        { masked: 7 },
      ),
    ],
  ],
  [
    'verifyPhotos',
    maskbench.verifyPhotos,
    [
      { good: '/nowhere/a.jpg' },
      { good: '/nowhere/b.jpg' },
      options(
        ...embedding,
        ...model,
        { crops: 'yes' },
        { thresholdFrom: 7 },
        { thresholdFmr: 'x' },
        { thresholdFmr: 2 },
      ),
    ],
  ],
  [
    'fetchModel',
    maskbench.fetchModel,
    [{ kind: 'text', good: 'dlib-68', bad: ['other', 'arcface-112'] }, options({ address: 7 }, { address: 'nowhere' })],
  ],
  [
    'importModel',
    maskbench.importModel,
    [
      { kind: 'paths', good: ['/nowhere/a.pt'] },
      { kind: 'path', good: '/nowhere/a.onnx', bad: ['/nowhere/a.txt'] },
      {
        kind: 'options',
        good: { arch: 'resnet18' },
        bad: [
          ...[
            { description: 'other' },
            { arch: 'other' },
            { arch: 7 },
            { arch: 'resnet18', head: 'other' },
            { arch: 'resnet18', part: 7 },
          ],
          ...[
            { arch: 'resnet18', batchNorm: 'other' },
            { arch: 'resnet18', halves: 'yes' },
            { arch: 'resnet18', description: 'arcface-112' },
            { head: '2048' },
          ],
        ],
      },
    ],
  ],
  [
    'benchmarkModels',
    maskbench.benchmarkModels,
    [
      path(),
      path(),
      { kind: 'objects', good: [{ name: 'a' }], bad: [[{ name: 7 }], [{}], []] },
      path(),
      options(
        ...embedding,
        { limit: 0 },
        { ensemble: 'text' },
        { ensemble: ['b'] },
        { faceSource: 'some' },
        { onProgress: 7 },
      ),
    ],
  ],
  [
    'trainAdapter',
    maskbench.trainAdapter,
    [
      { kind: 'paths', good: ['/nowhere/a.npy'], bad: [[]] },
      { kind: 'path', good: '/nowhere/a.onnx', bad: ['/nowhere/a.txt'] },
      options(
        ...[{ model: 7 }, { model: '' }, { method: 'other' }, { preset: 'other' }, { validation: 0 }, { test: 1 }],
        ...[{ folds: 1 }, { folds: 2, test: 0.2 }, { seed: -1 }, { draws: 0 }, { concurrency: 0 }, { onProgress: 7 }],
      ),
    ],
  ],
  ['readAdapter', maskbench.readAdapter, [path()]],
  ['benchmarkScores', maskbench.benchmarkScores, [path()]],
  ['Masker.open', (given: object) => maskbench.Masker.open(given), [options(...masking)]],
  ['Embedder.open', (given: object) => maskbench.Embedder.open(given), [options(...embedding, ...model)]],
  ...Object.values(maskbench.layouts).map(
    (layout) =>
      [
        `layout ${layout.name}`,
        async (folder: string) => {
          for await (const _ of layout.read(folder, { seed: 0 }));
        },
        [path()],
      ] as (typeof functions)[number],
  ),
];
for (const [name, call, args] of functions)
  test(`T12: ${name} refuses what it can not take`, (t) => refusesArguments(t, name, call, args));

test('T12: a Masker’s methods refuse what they can not take', async (t) => {
  const masker = await maskbench.Masker.open();
  const image: Argument = { kind: 'image', good: '/nowhere/a.jpg' };
  const masks = [
    ...[{ output: 7 }, { output: 'a\0b' }, { overwrite: 'yes' }, { format: 'gif' }, { key: 7 }, { matteOutput: 7 }],
    ...[{ look: 7 }, { look: {} }, { look: { style: 'other' } }],
    ...[{ copy: 7 }, { copy: {} }, { copy: { path: 7, mode: 'auto', always: true } }, { matteOutput: 'a\0b' }],
    ...[{ copy: { path: 'a\0b', mode: 'auto', always: true } }, { copy: { path: 'a', mode: 'other', always: true } }],
    ...[{ copy: { path: 'a', mode: 'auto', always: 1 } }],
    ...faces,
  ];
  await refusesArguments(t, 'mask', masker.mask.bind(masker), [image, options(...masks)]);
  await refusesArguments(t, 'detect', masker.detect.bind(masker), [image, options()]);
});

test('T12: an Embedder’s methods refuse what they can not take', async (t) => {
  const file = await writeModel(temporaryFolder(t), 'm');
  const embedder = await maskbench.Embedder.open({ model: file, description: describeModel() });
  const images: Argument = {
    kind: 'images',
    good: ['/nowhere/a.jpg'],
    bad: faces.map((known) => [{ image: 'a', ...known }]),
  };
  const image: Argument = {
    kind: 'image',
    good: '/nowhere/a.jpg',
    bad: faces.map((known) => ({ image: 'a', ...known })),
  };
  await refusesArguments(t, 'embed', embedder.embed.bind(embedder), [
    images,
    options({ missing: 'some' }, { crops: 1 }, { masked: 1 }),
  ]);
  await refusesArguments(t, 'embedOne', embedder.embedOne.bind(embedder), [
    image,
    options({ crops: 1 }, { masked: 1 }),
  ]);
  const vector: Argument = {
    good: new Float32Array(192),
    bad: [undefined, null, 7, 'text', [1], Buffer.alloc(192), new Float32Array(191), new Float64Array(192)],
  };
  await refusesArguments(t, 'similarity', embedder.similarity.bind(embedder), [vector, vector]);
  const rows: Argument = { kind: 'numbers', good: [0], bad: [[1], [-1], [0.5], [0, 0]] };
  await refusesArguments(t, 'similarities', embedder.similarities.bind(embedder), [vector, rows, rows]);
  const descriptions = [
    null,
    7,
    [],
    'other',
    'toString',
    {},
    { ...describeModel(), name: 7 },
    { ...describeModel(), input: null },
  ];
  await refusesArguments(t, 'open', (description: never) => maskbench.Embedder.open({ model: file, description }), [
    { good: undefined, bad: descriptions },
  ]);
});
