import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { embedFiles, readIndex, readManifest, readTemplates } from 'maskbench';
import { layouts, parsePairs, parsePublished } from 'maskbench/datasets';
import { readExcluded, readGroups, readLabels, readScores } from 'maskbench/metrics';
import { parseCsv } from '../../lib/files/csv.js';
import { numberedLines, readText, textLines } from '../../lib/files/text.js';
import { readDescription } from '../../lib/models/description.js';
import { writePhotos } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

/** One text in the ways that editors write it. Its lines end with \n. */
const forms: Record<string, (text: string) => Buffer> = {
  plain: (text) => Buffer.from(text),
  'byte order mark': (text) => Buffer.from(`\uFEFF${text}`),
  CRLF: (text) => Buffer.from(text.replaceAll('\n', '\r\n')),
  CR: (text) => Buffer.from(text.replaceAll('\n', '\r')),
  'UTF-16 LE': (text) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
  'UTF-16 BE': (text) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
  'UTF-16 LE without a mark': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16 BE without a mark': (text) => Buffer.from(text, 'utf16le').swap16(),
  'blanks and empty lines at the end': (text) => Buffer.from(`${text.replaceAll('\n', ' \t\n')}\n \n`),
};
const marked = Object.entries(forms).filter(([form]) => !form.startsWith('blanks'));

test('T2: every text file that a user hands over is read in every form', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const readers: Record<string, [text: string, read: (file: string) => Promise<unknown>]> = {
    'scores.txt': ['0.5\n0.25\n', readScores],
    'scores.csv': ['score,label\n0.5,1\n,0\n', readScores],
    'scores.json': ['[0.5,\nnull]\n', readScores],
    'labels.txt': ['1\n0\n', readLabels],
    'groups.csv': ['identity,sex\nAnn,f\nBärbel,f\n', async (file) => (await readGroups(file))('Bärbel/1.jpg')],
    'list_attr_celeba.txt': ['1\nMale\n1.jpg -1\n', async (file) => (await readGroups(file))('x/1.jpg')],
    'exclude.csv': ['probe,reference\na/1.jpg,b/1.jpg\n', readExcluded],
    'exclude.txt': ['a/1.jpg b/1.jpg 0 0\n', readExcluded],
    'index.jsonl': [
      '{"row":0,"path":"a/1.jpg","identity":"a","photo":"a/1.jpg","masked":false}\n{"row":1,"path":"b/1.jpg","identity":"b","photo":"b/1.jpg","masked":false}\n',
      readIndex,
    ],
    'pairs.txt': [
      'a/1.jpg a/masked_1.jpg 0 1\na/1.jpg b/1.jpg 0 0\n',
      async (file) => parsePairs(await readText(file), file).pairs,
    ],
    'lfw.txt': ['1\nAnn 1 2\nAnn 1 Bob 2\n', async (file) => parsePublished('lfw', await readText(file), file)],
    'ytf.txt': [
      '1, a/0, a/1, x, 1\n2, a/0, b/1, x, 0\n',
      async (file) => parsePublished('ytf', await readText(file), file),
    ],
    'm.json': [
      `${JSON.stringify(describeModel(), undefined, 2)}\n`,
      async (file) => readDescription(file.replace('.json', '.onnx')),
    ],
  };
  for (const [name, [text, read]] of Object.entries(readers)) {
    const file = at(name);
    writeFileSync(file, text);
    const expected = await read(file);
    for (const [form, write] of Object.entries(forms)) {
      writeFileSync(file, write(text));
      t.deepEqual(await read(file), expected, `${name}: ${form}`);
    }
    writeFileSync(file, Buffer.from([0x61, 0xff, 0xff, 0x0a]));
    await t.throwsAsync(read(file), { message: /expected UTF-8 or UTF-16|m\.json/ }, name);
  }
  const templates = { picture: 'x.png', anchors: { 1: [0, 0], 8: [5, 9], 15: [9, 0] } };
  for (const [form, write] of marked) {
    const only = temporaryFolder(t);
    writeFileSync(path.join(only, 'leaf.json'), write(`${JSON.stringify(templates, undefined, 1)}\n`));
    t.is((await readTemplates(only))[0]?.name, 'leaf', form);
  }
});

test('T2: text given to a parser has no marks, blanks or empty lines either, and lines keep their numbers', (t) => {
  const [one] = parsePairs('\uFEFF\n  \na/1.jpg a/2.jpg 0 0 \r\n\r\n', 'l').pairs;
  t.is(one?.reference, 'a/1.jpg');
  t.throws(() => parsePairs('\n\na b 0 1\n\nc\n', 'l'), { message: /l, line 5: .* as in line 3/ });
  // Two files with marks, joined.
  t.deepEqual(textLines('\uFEFFa\n\uFEFFb\r\rc\t\n\n'), ['a', 'b', '', 'c']);
  t.deepEqual(numberedLines('\n a \r\n\r\nb'), [
    { line: ' a', number: 2 },
    { line: 'b', number: 4 },
  ]);
  // A list of videos without a header keeps its first pair.
  t.is(parsePublished('ytf', '1, a, b, 1\n', 's').length, 1);
});

test('T2: in a manifest, a list of photos, and lists of probes', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const line = JSON.stringify({ input: 'ä/1.jpg', status: 'masked', faces: [] });
  for (const form of ['plain', 'byte order mark', 'CRLF']) {
    writeFileSync(at('manifest.jsonl'), (forms[form] as (text: string) => Buffer)(`${line}\n${line}\n`));
    const inputs = [];
    for await (const { input } of readManifest(at('manifest.jsonl'))) inputs.push(input);
    t.deepEqual(inputs, ['ä/1.jpg', 'ä/1.jpg'], form);
  }
  await writePhotos(folder, [{ name: 'a/1.png' }, { name: 'b/1.png' }]);
  const model = await writeModel(folder, 'm');
  for (const [i, [form, write]] of Object.entries(forms).entries()) {
    writeFileSync(at('list.txt'), write('a/1.png\nb/1.png\n'));
    const { counts } = await embedFiles([at('list.txt')], at(`v${i}.npy`), { model, description: describeModel() });
    t.deepEqual(counts, { plain: { whole: 2 }, masked: {} }, form);
  }
  const npy = Buffer.alloc(128 + 16);
  npy.write(`\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }`.padEnd(127), 'latin1');
  npy.write('\n', 127, 'latin1');
  for (const [i, score] of [0.9, 0.1, 0.2, 0.8].entries()) npy.writeFloatLE(score, 128 + 4 * i);
  writeFileSync(at('m.npy'), npy);
  writeFileSync(at('gallery.txt'), 'a/1.jpg\nb/1.jpg\n');
  for (const form of ['byte order mark', 'UTF-16 LE', 'CR']) {
    writeFileSync(at('probes.txt'), (forms[form] as (text: string) => Buffer)('a/2.jpg\nb/2.jpg\n'));
    const args = ['--matrix', at('m.npy'), '--probes', at('probes.txt'), '--gallery-list', at('gallery.txt')];
    const { stdout, stderr } = await maskbench(['identify', ...args, '--non-mated', '0']);
    t.regex(stdout, /2 mated and 0 non-mated searches/, `${form}: ${stderr}`);
  }
});

test('T13: CSV fields may be empty, first ones too, quoted, and hold line ends', (t) => {
  const read = (text: string) => {
    const { names, rows } = parseCsv(text, 'f.csv');
    return { names, rows: [...rows] };
  };
  t.deepEqual(read('a,b\n,1\n"x, ""y""",\n"p\nq",2\n\n,\n').rows, [
    { fields: ['', '1'], line: 2 },
    { fields: ['x, "y"', ''], line: 3 },
    { fields: ['p\nq', '2'], line: 4 },
    { fields: ['', ''], line: 7 },
  ]);
  // Text without quotes is read as text with them.
  const field = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'é', ' ', ';', '\t') });
  fc.assert(
    fc.property(fc.array(fc.tuple(field, field, field), { minLength: 1 }), (rows) => {
      const plain = rows.map((fields) => fields.join(',')).join('\n');
      t.deepEqual(read(`a,b,c\n${plain}`), read(`"a",b,c\n${plain}`));
    }),
  );
  t.throws(() => read('a,b\n1,"x\n'), {
    code: 'UNREADABLE',
    message: /^f\.csv, line 2: Quote Not Closed/,
  });
  t.throws(() => read('a,b\n"p\nq",2\n1\n'), { message: /^f\.csv, line 4: expected 2 columns, found 1/ });
  t.throws(() => read(''), { message: /line 1: expected a header/ });
});

test('T13: scores whose first field is empty are failures to acquire', async (t) => {
  const file = path.join(temporaryFolder(t), 's.csv');
  writeFileSync(file, 'score,label\n0.9,1\n,1\n0.2,0\n');
  t.deepEqual((await readScores(file)).failed, new Set([1]));
});

test('T13: .npy with integers of any size, double quotes and shapes of Python 2', async (t) => {
  const folder = temporaryFolder(t);
  const write = (header: string, data: ArrayBufferView) => {
    const file = path.join(folder, 'x.npy');
    const start = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    writeFileSync(file, Buffer.concat([start, Buffer.from(`${header.padEnd(117)}\n`), bytes]));
    return file;
  };
  const shaped = (kind: string) => `{'descr': '${kind}', 'fortran_order': False, 'shape': (3,), }`;
  for (const [kind, data] of Object.entries({
    '|i1': Int8Array.of(1, 0, 1),
    '<i2': Int16Array.of(1, 0, 1),
    '<u2': Uint16Array.of(1, 0, 1),
    '<u8': BigUint64Array.of(1n, 0n, 1n),
  }))
    t.deepEqual(await readLabels(write(shaped(kind), data)), Uint8Array.of(1, 0, 1), kind);
  await t.throwsAsync(readLabels(write(shaped('|i1'), Int8Array.of(1, -1, 0))), { message: /row 1: .* found -1/ });
  const doubled = '{"descr": "<f8", "fortran_order": False, "shape": (2,), }';
  t.deepEqual([...(await readScores(write(doubled, Float64Array.of(0.5, 0.25)))).scores], [0.5, 0.25]);
  const old = "{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }";
  t.deepEqual([...(await readScores(write(old, Float64Array.of(0.5, 0.25)))).scores], [0.5, 0.25]);
  const columns = "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 2L), }";
  await t.throwsAsync(readLabels(write(columns, Uint8Array.of(1, 0, 1, 0))), { message: /one dimension, found 2/ });
});

test('T2: in the annotations of data sets', async (t) => {
  const folder = temporaryFolder(t);
  const read = async (name: string) => {
    const layout = layouts.find((of) => of.name === name) as (typeof layouts)[0];
    const found = [];
    for await (const { identity, photos } of layout.read(path.join(folder, name), { seed: 0 }))
      found.push([identity, ...photos.map(({ path: photo, problem, masked }) => [photo, problem, masked])]);
    return found;
  };
  for (const file of ['celeba/images/1.jpg', 'mfr2/Ann/Ann_0001.png', 'mfr2/Ann/Ann_0002.png']) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), '');
  }
  for (const [form, write] of Object.entries(forms)) {
    writeFileSync(path.join(folder, 'celeba/identity_CelebA.txt'), write('1.jpg 2880\n'));
    t.deepEqual(await read('celeba'), [['2880', ['images/1.jpg', undefined, undefined]]], form);
    writeFileSync(path.join(folder, 'mfr2/mfr2_labels.txt'), write('Ann, 1, no-mask\nAnn, 2, cloth\n'));
    t.deepEqual(
      (await read('mfr2')).map(([, ...photos]) => photos.map((photo) => [photo[1], photo[2]])),
      [
        [
          [undefined, false],
          [undefined, true],
        ],
      ],
      form,
    );
  }
});
