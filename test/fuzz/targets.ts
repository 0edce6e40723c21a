import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Embedder, MaskbenchError, maskFiles, readIndex, readManifest } from 'maskbench';
import {
  parsePairs,
  parsePublished,
  publishedProtocols,
  readPairs,
  readVerificationSet,
  writeVerificationSet,
} from 'maskbench/datasets';
import { readExcluded, readGroups, readLabels, readScores, scoreAll } from 'maskbench/metrics';
import { importModel } from 'maskbench/models';
import { openSink, openSource, type Sink } from 'maskbench/storage';
import yazl from 'yazl';
import { writeParquet } from '../../lib/files/parquet.js';
import {
  pickleState,
  type StoredTensor,
  stored,
  writeKeras,
  writeKeras3,
  writeTorchLegacy,
} from '../support/checkpoints.js';
import { describeModel, writeModel } from '../support/models.js';
import { writeTflite } from '../support/tflite.js';

/** Reads all of a set. Photos that cannot be read are told of one by one. */
async function readSet(file: string): Promise<void> {
  let sound = 0;
  for await (const photos of (await openSource([file])).photos(0))
    for (const { input } of photos) sound += Number(input !== undefined);
  if (sound === 0) throw new MaskbenchError('UNREADABLE', file, `${file}: no photo`);
}

/** A kind of file that users hand over. */
export interface Target {
  /** Sound files, which are mutated. */
  seeds: Buffer[];
  /** Reads a mutated file in every way that there is. */
  read: ((data: Buffer) => Promise<unknown>)[];
}

const text = (...lines: string[]) => Buffer.from(`${lines.join('\n')}\n`);

const tensors: StoredTensor[] = stored(
  ['conv1.weight', 'layer1.0.bn1.bias', 'fc.weight'].map((name, i) => ({
    ...{ name, shape: [2, i + 1], data: new Float32Array(2 * (i + 1)).fill(i) },
  })),
);

async function zipped(entries: [string, Buffer][]): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, data] of entries) zip.addBuffer(data, name, { compress: false });
  zip.end();
  return buffer(zip.outputStream);
}

const inArchive = (pickle: Buffer) =>
  zipped([
    ['a/data.pkl', pickle],
    ...tensors.map(({ key, data }) => [`a/data/${key}`, Buffer.from(data.buffer)] as [string, Buffer]),
    ['a/byteorder', Buffer.from('little')],
  ]);

/** More operations than a state dictionary has: texts, numbers, sets, sizes, calls. */
const operations = Buffer.from(
  [
    '\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94G?\xf0\x00\x00\x00\x00\x00\x00',
    '\x8c\x01c]\x94(K\x01M\x00\x01J\xff\xff\xff\xffe\x8c\x01d\x8f\x94(K\x01K\x02\x90\x8c\x01e(K\x01\x91\x94',
    '\x8c\x01f\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80\x8c\x01gC\x02ab\x8c\x01hN\x8c\x01i\x88\x8c\x01jh\x00',
    '\x8c\x01kccollections\nCounter\n}(K\x1eK\x01u\x85R\x8c\x01lctorch\ndevice\n\x8c\x03cpu\x85R',
    "\x8c\x01mI12\n\x8c\x01nL12345678901234567890L\n\x8c\x01oF1.5\n\x8c\x01pS'x'\n\x8c\x01qVy\n\x8c\x01r(K\x01lK\x00d2u.",
  ].join(''),
  'latin1',
);

async function numpySeeds(): Promise<Buffer[]> {
  const npy = (descr: string, shape: string, data: ArrayBufferView, version = 1) => {
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
    const start = version === 1 ? 10 : 12;
    const padded = `${header.padEnd(Math.ceil((header.length + start + 1) / 64) * 64 - start - 1)}\n`;
    const size = Buffer.alloc(start - 8);
    size.writeUIntLE(padded.length, 0, size.length);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return Buffer.concat([
      Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'),
      size,
      Buffer.from(padded),
      bytes,
    ]);
  };
  return [
    npy('<f4', '(6,)', Float32Array.of(0.9, 0.8, 0.1, 0.4, 0.5, 0.2)),
    npy('<f8', '(4,)', Float64Array.of(0.9, 0.8, 0.1, Number.NaN), 2),
    npy(
      '<f4',
      '(4, 3)',
      Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    ),
    npy(
      '<f2',
      '(4, 3)',
      Uint16Array.from({ length: 12 }, (_, i) => 0x3800 + i),
    ),
    npy('|u1', '(6,)', Uint8Array.of(1, 1, 0, 0, 1, 0)),
    npy('<i8', '(6,)', BigInt64Array.of(1n, 0n, 1n, 0n, 1n, 0n), 3),
  ];
}

/** Networks with a convolution, a PReLU in several operators, and weights in every form. */
function tfliteSeeds(): Buffer[] {
  const floats = (...shape: number[]) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i + 1)) };
  };
  const window: ['int8' | 'int32', number][] = [
    ['int8', 0],
    ['int32', 1],
    ['int32', 1],
  ];
  const options = window.map(([type, value], field): [number, 'int8' | 'int32', number] => [field, type, value]);
  const image = [1, 6, 6, 2];
  const quantization = { scale: [0.1, 0.2, 0.3, 0.4], zero: [0, 1, 2, 3] };
  const sparsity = { order: [0, 1, 2, 3], blocked: [], levels: [2, 1, 1, { segments: [0, 1, 3], indices: [1, 0, 1] }] };
  return [
    writeTflite({
      tensors: [
        { name: 'image', shape: image },
        floats(2, 3, 3, 2),
        floats(2),
        ...Array.from({ length: 5 }, () => ({ shape: image })),
        { name: 'vector', shape: [1, 4] },
        { shape: [4, 72], type: 9, data: new Int8Array(288).fill(3), quantization },
      ],
      operators: [
        { code: 3, inputs: [0, 1, 2], outputs: [3], options },
        { code: 19, inputs: [3], outputs: [4] },
        { code: 101, inputs: [3], outputs: [5] },
        { code: 41, inputs: [3, 5], outputs: [6] },
        { code: 18, inputs: [2, 6], outputs: [6] },
        { code: 0, inputs: [4, 6], outputs: [7] },
        { code: 9, inputs: [7, 9], outputs: [8] },
      ],
      inputs: [0],
      outputs: [8],
    }),
    writeTflite({
      tensors: [
        { name: 'image', shape: image },
        { shape: [2, 1, 1, 2], data: Float32Array.of(1, 2, 3), sparsity },
        { shape: [2, 1, 1, 2] },
        { shape: image },
        { shape: [2], type: 2, data: Int32Array.of(3, 9) },
        { name: 'resized', shape: [1, 3, 9, 2] },
      ],
      operators: [
        { code: 124, inputs: [1], outputs: [2] },
        { code: 3, inputs: [0, 2], outputs: [3], options },
        { code: 23, inputs: [3, 4], outputs: [5], options: [[3, 'int8', 1]] },
      ],
      inputs: [0],
      outputs: [5],
    }),
  ];
}

/** A model with a batch of 1 and a PRelu. */
async function preluModel(folder: string): Promise<Buffer> {
  const model = await writeModel(folder, 'prelu', {
    shape: [1, 3, 8, 8],
    build: (graph, input) => {
      const slopes = graph.constant(Float32Array.of(0.1, 0.2, 1.5), [3, 1, 1]);
      const sizes = graph.constant(BigInt64Array.of(1n, 192n), [2]);
      return graph.node('Reshape', [graph.node('PRelu', [input, slopes]), sizes]);
    },
  });
  return readFileSync(model);
}

const indexLines = [0, 1, 2, 3].map((row) =>
  JSON.stringify({
    row,
    path: `p${row % 2}/${row}.png`,
    identity: `p${row % 2}`,
    photo: `p${row % 2}/${row}.png`,
    masked: row > 1,
    status: 'detected',
  }),
);

/** Every kind, whose files are written below `folder`. */
export async function targetsIn(folder: string): Promise<Record<string, Target>> {
  mkdirSync(folder, { recursive: true });
  const at = (name: string) => path.join(folder, name);
  const file = (name: string, read: (file: string) => Promise<unknown>) => (data: Buffer) => {
    writeFileSync(at(name), data);
    return read(at(name));
  };
  for (const name of ['a.rec', 'b.rec', 'c.tar']) {
    const sink = (await openSink(at(name), [], { overwrite: true })) as Sink;
    await sink.open();
    for (const i of [1, 2, 3]) sink.put({ key: String(i), labels: [i] }, Buffer.alloc(40 * i, i));
    await sink.finish();
  }
  const setFiles = ['b.rec', 'b.idx', 'c.tar'].map((name) => readFileSync(at(name)));
  const asText = (read: (text: string) => unknown) => async (data: Buffer) => read(data.toString('utf8'));
  // The files hold a few weights of no whole network: to come so far is to be read.
  const importing = (arch: string) => (name: string) =>
    importModel([name], at('out.onnx'), { arch }).catch((error) => {
      if (!/: has no \S+ of shape|: \S+ has the shape|: holds no /.test(error.message)) throw error;
    });
  const importingWhole = async (name: string) => {
    rmSync(at('whole.onnx'), { force: true });
    await importModel([name], at('whole.onnx'));
  };
  writeTorchLegacy(at('legacy'), tensors, { prefix: 'module.', wrap: true });
  const ofKeras = ['Conv1/kernel', 'bn/gamma', 'bn/beta', 'bn/moving_mean', 'bn/moving_variance', 'fc/kernel'].map(
    (name) => ({
      ...{
        name,
        shape: name === 'Conv1/kernel' ? [1, 1, 1, 2] : name === 'fc/kernel' ? [1, 2] : [2],
        data: Float32Array.of(1, 2),
      },
    }),
  );
  await writeKeras(at('two.h5'), ofKeras);
  const config = await writeKeras3(at('three.h5'), ofKeras, false);
  await writeKeras3(at('named.h5'), ofKeras, true);
  const model = await writeModel(folder, 'm');
  writeFileSync(at('vectors.npy'), (await numpySeeds())[2] as Buffer);
  writeFileSync(at('vectors.jsonl'), text(...indexLines));
  await writeVerificationSet(at('set.bin'), { images: [Buffer.from('abc'), Buffer.alloc(300, 7)], genuine: [true] });
  const arrays = Buffer.from(
    [
      '\x80\x02]q\x00(cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R',
      '(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb',
      '\x89U\x02abtbc_codecs\nencode\nX\x02\x00\x00\x00xyX\x06\x00\x00\x00latin1\x86Re]\x88a\x86.',
    ].join(''),
    'latin1',
  );
  const table = async (columns: Parameters<typeof writeParquet>[1], rows: Record<string, unknown>[]) => {
    await writeParquet(at('seed.parquet'), columns, rows);
    return readFileSync(at('seed.parquet'));
  };
  const pair = { reference: 'a/1.png', probe: 'b/2.png', referenceMasked: false, probeMasked: true };
  const similarity = { kind: 'sigmoid' as const, layers: [{ weights: new Array(192).fill(0.5), bias: [0.1] }] };
  return {
    pickle: {
      seeds: [pickleState(tensors), pickleState(tensors, { wrap: true, prefix: 'module.' }), operations],
      read: [async (data) => file('a.pt', importing('resnet18'))(await inArchive(data))],
    },
    checkpoint: {
      seeds: [readFileSync(at('legacy')), await inArchive(pickleState(tensors))],
      read: [file('a.pth', importing('resnet18'))],
    },
    hdf5: {
      seeds: [
        ...['two.h5', 'three.h5', 'named.h5'].map((name) => readFileSync(at(name))),
        await zipped([
          ['config.json', Buffer.from(config)],
          ['model.weights.h5', readFileSync(at('three.h5'))],
        ]),
      ],
      read: [file('a.h5', importing('mobilenetv2'))],
    },
    tflite: { seeds: tfliteSeeds(), read: [file('a.tflite', importingWhole)] },
    onnx: { seeds: [readFileSync(model), await preluModel(folder)], read: [file('a.onnx', importingWhole)] },
    numpy: {
      seeds: await numpySeeds(),
      read: [
        file('a.npy', (name) => readScores(name)),
        file('a.npy', readLabels),
        file('a.npy', (name) => scoreAll(name, at('vectors.jsonl'), { concurrency: 1, bins: 1024 })),
      ],
    },
    csv: {
      seeds: [
        text('reference,probe,score,label', 'a/1.png,a/masked_1.png,0.9,1', '"a/1.png","b,""/2.png",,0', 'c,d,NaN,0'),
        text('score', '0.5', '', '-1e-3'),
        text('photo,age,sex', 'a/1.png,30,f', 'b/2.png,,m'),
        text('identity,age', 'a,30'),
        text('image_id,Male,Young', '000001.jpg,-1,1'),
        text('2', 'Male Young', '000001.jpg -1  1', '000002.jpg  1 -1'),
        text('probe,reference', 'a/1.png,b/2.png'),
      ],
      read: [file('a.csv', (name) => readScores(name)), file('a.csv', readGroups), file('a.csv', readExcluded)],
    },
    json: {
      seeds: [
        text(...indexLines),
        text('{"row":null,"path":"a","identity":"a","photo":"a","masked":false,"status":"no-face","error":"x"}'),
        text(
          JSON.stringify({
            input: 'a/1.jpg',
            status: 'masked',
            identity: 'a',
            output: 'a/masked_1.jpg',
            seed: 0,
            faces: [
              {
                box: { left: 0, top: 0, right: 9, bottom: 9 },
                score: 1,
                landmarks: [[1, 2]],
                masked: true,
                style: 'a',
              },
            ],
          }),
          JSON.stringify({ input: 'b.jpg', status: 'unreadable', faces: [], error: 'x' }),
        ),
        text('[0.5, null, 0.25, 1e-3]'),
      ],
      read: [
        file('a.jsonl', readIndex as never),
        file('a.jsonl', (name) => scoreAll(at('vectors.npy'), name, { concurrency: 1, bins: 1024 })),
        file('a.jsonl', async (name) => {
          for await (const _ of readManifest(name));
        }),
        file('a.json', (name) => readScores(name)),
      ],
    },
    storage: {
      seeds: [...setFiles, text('P/P_0001.jpg f 239.227 152.9 103.1', 'Q/Q_0001.jpg a 1 2 3')],
      read: [
        file('a.rec', (name) => readSet(name)),
        file('b.idx', () => readSet(at('b.rec'))),
        file('a.tar', (name) => readSet(name)),
        file('log.txt', (masksFrom) => maskFiles([at('none.jpg')], at('none'), { masksFrom, overwrite: true })),
      ],
    },
    set: {
      seeds: [readFileSync(at('set.bin')), arrays, text('((lp0', "S'ab\\xff'", "aS'cd'", 'a(lI01', 'at.')],
      read: [file('a.bin', readVerificationSet)],
    },
    parquet: {
      seeds: [
        await table(
          { reference: 'text', probe: 'text', referenceMasked: 'boolean', probeMasked: 'boolean', genuine: 'boolean' },
          [pair, { ...pair, genuine: false }],
        ),
        await table({ score: 'number', label: 'whole' }, [{ score: 0.5, label: 1 }, { label: 0 }]),
        await table(
          { row: 'whole', path: 'text', identity: 'text', photo: 'text', masked: 'boolean', vector: 'floats' },
          [0, 1].map((row) => ({
            row,
            path: `${row}`,
            identity: `${row}`,
            photo: 'a',
            masked: false,
            vector: [1, row],
          })),
        ),
        await table({ input: 'text', status: 'text', faces: 'json' }, [{ input: 'a', status: 'no-face', faces: [] }]),
      ],
      read: [
        file('a.parquet', readPairs),
        file('a.parquet', (name) => readScores(name)),
        file('a.parquet', readIndex as never),
        file('a.parquet', (name) => scoreAll(name, name, { concurrency: 1, bins: 1024 })),
        file('a.parquet', async (name) => {
          for await (const _ of readManifest(name));
        }),
      ],
    },
    pairs: {
      seeds: [
        text('a/1.png a/masked_1.png 0 1', 'b/2.png a/1.png 0 0'),
        text('a/1.png::a/masked_1.png::0::1::1', 'b/2.png::a/1.png::0::0::0'),
        text('2\t1', 'Ann_Lee\t1\t2', 'Ann_Lee\t1\tBo_Ek\t1'),
        text('10 300', 'Ann 1 2', 'Ann 1 Bo 1'),
        text('split number, first name, second name, is same, is same', '1, Ann/0, Bo/1, 0, 0'),
        Buffer.from('a/1.png a/2.png 0 0 1\r\nb/2.png a/1.png 1 0 0\r\n'),
      ],
      read: [
        asText((list) => parsePairs(list, 'list.txt')),
        ...publishedProtocols.map((protocol) => asText((list) => parsePublished(protocol, list, 'list.txt'))),
      ],
    },
    description: {
      seeds: [
        describeModel(),
        describeModel({ similarity, cut: 'box', margin: 0.1 }),
        describeModel({ batchNorm: 'running' }),
      ].map((description) => Buffer.from(JSON.stringify(description))),
      read: [
        file('m.json', async () => {
          const embedder = await Embedder.open({ model, concurrency: 1 });
          const vector = new Float32Array(embedder.dimensions).fill(1);
          embedder.similarity(vector, vector);
          await embedder.close();
        }),
      ],
    },
  };
}
