import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { embedFiles, type IndexLine, readIndex, readManifest } from 'maskbench';
import { convertTable, type Pair, readPairs, writePairs } from 'maskbench/datasets';
import { readScores, scoreAll } from 'maskbench/metrics';
import { readParquet, writeParquet } from '../../lib/files/parquet.js';
import { writePhotos } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

/** What DuckDB reads from a file. */
async function query(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

async function runs(t: ExecutionContext, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await maskbench(args);
  t.is(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

test('any rows are read back as they were written', async (t) => {
  const file = path.join(temporaryFolder(t), 'a.parquet');
  const row = fc.record({
    name: optional(text),
    whole: optional(fc.maxSafeInteger()),
    number: optional(fc.double({ noNaN: true, noDefaultInfinity: true })),
    flag: optional(fc.boolean()),
    json: optional(fc.array(fc.record({ x: fc.integer(), y: text }), { maxLength: 3 })),
    floats: optional(fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 4 })),
  });
  const columns = {
    name: 'text',
    whole: 'whole',
    number: 'number',
    flag: 'boolean',
    json: 'json',
    floats: 'floats',
  } as const;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 30 }), async (rows) => {
      await writeParquet(file, columns, rows);
      const found: unknown[] = [];
      for await (const one of readParquet(file)) found.push(one);
      t.deepEqual(
        found,
        rows.map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined))),
      );
    }),
    { numRuns: 60 },
  );
});

test('a manifest as Parquet has the same lines for DuckDB and for us, and is drawn again', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('photos'), [{ name: 'a.jpg' }, { name: 'é/b.png' }, { name: 'c.jpg', face: false }]);
  await runs(t, 'mask', at('photos'), '--out', at('masked'), '--style', 'random', '--seed', '4');
  const lines = [];
  for await (const line of readManifest(at('masked/manifest.jsonl'))) lines.push(line);
  t.is(await runs(t, 'convert', at('masked/manifest.jsonl'), at('m.parquet')), `manifest: ${at('m.parquet')}\n`);
  const again = [];
  for await (const line of readManifest(at('m.parquet'))) again.push(line);
  t.deepEqual(again, lines);
  const rows = await query(`select input, status, seed, faces->0->'box'->>'left' as l from '${at('m.parquet')}'`);
  t.deepEqual(
    rows,
    lines.map(({ input, status, seed, faces }) => ({
      ...{ input, status, seed: String(seed), l: faces[0] ? String(faces[0].box.left) : null },
    })),
  );
  await runs(t, 'mask', at('photos/a.jpg'), at('photos/é'), '--out', at('redrawn'), '--again', at('m.parquet'));
  t.deepEqual(readFileSync(at('redrawn/masked_a.jpg')), readFileSync(at('masked/masked_a.jpg')));
  await convertTable(at('m.parquet'), at('back.jsonl'));
  const back = [];
  for await (const line of readManifest(at('back.jsonl'))) back.push(line);
  t.deepEqual(back, lines);
});

test('vectors as Parquet are those of .npy, with their index, for DuckDB and for score-all', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const photos = ['a/1', 'a/2', 'b/1', 'b/2', 'c/1'].map((name) => ({ name: `${name}.jpg` }));
  await writePhotos(at('photos'), photos);
  writeFileSync(at('photos/b/1.jpg'), 'no photo');
  const model = await writeModel(folder, 'm');
  const options = { model, description: describeModel() };
  const summary = await embedFiles([at('photos')], at('v.parquet'), options);
  t.like(summary, { rows: 4, failed: 1, index: at('v.parquet'), vectors: at('v.parquet') });
  await embedFiles([at('photos')], at('v.npy'), options);
  const index = await readIndex(at('v.jsonl'));
  t.deepEqual(await readIndex(at('v.parquet')), index);
  const data = readFileSync(at('v.npy')).subarray(128);
  const rows = await query(`select path, row, vector from '${at('v.parquet')}'`);
  t.is(rows.length, 5);
  for (const [i, { path: name, row, vector }] of rows.entries()) {
    const line = index[i] as IndexLine;
    t.is(name, line.path);
    t.is(row, line.row === null ? null : String(line.row));
    if (line.row === null) t.is(vector, null);
    else
      t.deepEqual(
        Buffer.from(Float32Array.from(vector as number[]).buffer),
        data.subarray(768 * line.row, 768 * (line.row + 1)),
      );
  }
  t.deepEqual(await scoreAll(at('v.parquet'), at('v.parquet')), await scoreAll(at('v.npy'), at('v.jsonl')));
  await runs(t, 'score-all', '--vectors', at('v.parquet'), '--out', at('all'));
  t.false(existsSync(at('v.parquet.part')) || existsSync(at('v.parquet.index.part')));
  await t.throwsAsync(embedFiles([at('photos')], at('v.parquet'), options), { code: 'OUTPUT_EXISTS' });
  t.is(await convertTable(at('v.parquet'), at('index.jsonl')), 'index');
  t.is(readFileSync(at('index.jsonl'), 'utf8'), readFileSync(at('v.jsonl'), 'utf8'));
});

test('an interrupted embedding into Parquet is resumed to the same file', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(
    at('photos'),
    Array.from({ length: 300 }, (_, i) => ({ name: `${i}.png` })),
  );
  const model = await writeModel(folder, 'm');
  const options = { model, description: describeModel(), crops: true, maxBatch: 1 };
  const stop = new AbortController();
  const stopping = embedFiles([at('photos')], at('v.parquet'), {
    ...options,
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('stop')),
  });
  await t.throwsAsync(stopping, { message: 'stop' });
  t.false(existsSync(at('v.parquet')));
  await embedFiles([at('photos')], at('v.parquet'), { ...options, resume: true });
  await embedFiles([at('photos')], at('whole.parquet'), options);
  t.deepEqual(readFileSync(at('v.parquet')), readFileSync(at('whole.parquet')));
});

test('pairs and scores as Parquet are those of text', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const pairs: Pair[] = [
    { reference: 'a b/1.jpg', probe: 'a b/masked_2.jpg', referenceMasked: false, probeMasked: true, genuine: true },
    { reference: 'é/1.jpg', probe: 'c/1.jpg', referenceMasked: false, probeMasked: false, genuine: false },
  ];
  await writePairs(at('p.parquet'), { pairs, separator: '::', lineEnd: '\n' });
  t.deepEqual(await readPairs(at('p.parquet')), { pairs, separator: '::', lineEnd: '\n' });
  t.is(await convertTable(at('p.parquet'), at('p.txt')), 'pairs');
  t.deepEqual((await readPairs(at('p.txt'))).pairs, pairs);
  t.deepEqual(await query(`from '${at('p.parquet')}'`), pairs as never);
  writeFileSync(at('s.csv'), 'score,label,reference,probe\n0.5,1,a b/1.jpg,a b/masked_2.jpg\n,0,é/1.jpg,c/1.jpg\n');
  t.is(await convertTable(at('s.csv'), at('s.parquet')), 'scores');
  const { lines: _, file: __, ...fromText } = await readScores(at('s.csv'));
  const { file: ___, ...fromTable } = await readScores(at('s.parquet'));
  t.deepEqual(fromTable, fromText);
  await convertTable(at('s.parquet'), at('back.csv'));
  t.is(readFileSync(at('back.csv'), 'utf8'), readFileSync(at('s.csv'), 'utf8'));
  const many = Array.from({ length: 400 }, (_, i) => [i / 400, Number(i > 150 && i % 2)] as const);
  writeFileSync(at('many.csv'), `score\n${many.map(([score]) => score).join('\n')}\n`);
  writeFileSync(at('list.txt'), many.map(([, label], i) => `a/${i}.jpg b/${i}.jpg 0 1 ${label}\n`).join(''));
  await convertTable(at('many.csv'), at('many.parquet'));
  await convertTable(at('list.txt'), at('list.parquet'));
  const evaluated = (scores: string, list: string) =>
    runs(t, 'evaluate', '--scores', at(scores), '--pairs', at(list), '--draws', '0');
  t.is(
    (await evaluated('many.parquet', 'list.parquet')).replaceAll('parquet', 'csv'),
    await evaluated('many.csv', 'list.txt'),
  );
});

test("files of DuckDB, in Parquet's other forms, are read", async (t) => {
  const folder = temporaryFolder(t);
  for (const codec of ['snappy', 'gzip', 'brotli', 'uncompressed']) {
    const file = path.join(folder, `${codec}.parquet`);
    await query(
      `copy (select i / 1000.0 as score, (i % 2)::integer as label from range(1000) t(i)) to '${file}' (format parquet, codec '${codec}')`,
    );
    const { scores, labels } = await readScores(file);
    t.is(scores[999], 0.999);
    t.is(labels?.[999], 1);
  }
});

test('files that are no tables of ours are refused with their name', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const refused = (work: Promise<unknown>, code: string, message: RegExp) => t.throwsAsync(work, { code, message });
  await writeParquet(at('other.parquet'), { x: 'number' }, [{ x: 1 }]);
  writeFileSync(at('text.parquet'), 'no table at all, but long enough for a footer');
  writeFileSync(at('short.parquet'), 'PAR1');
  writeFileSync(at('cut.parquet'), readFileSync(at('other.parquet')).subarray(0, -9));
  for (const name of ['text.parquet', 'short.parquet', 'cut.parquet'])
    for (const read of [readPairs, readScores, readIndex])
      await refused(
        read(at(name)) as Promise<unknown>,
        'UNREADABLE',
        new RegExp(`${name}: not a readable Parquet file`),
      );
  await refused(readPairs(at('none.parquet')), 'NOT_FOUND', /none\.parquet: cannot be read/);
  await refused(readPairs(at('other.parquet')), 'UNREADABLE', /expected columns of reference, probe/);
  await refused(readScores(at('other.parquet')), 'UNREADABLE', /expected columns of score/);
  await refused(readIndex(at('other.parquet')), 'UNREADABLE', /expected columns of row, path/);
  await refused(convertTable(at('other.parquet'), at('a.jsonl')), 'UNREADABLE', /found something else/);
  await refused(convertTable(at('other.parquet'), at('b.parquet')), 'INVALID_ARGUMENT', /\.parquet/);
  await refused(convertTable(at('a.csv'), at('b.txt')), 'INVALID_ARGUMENT', /\.parquet/);
  await writeParquet(at('s.parquet'), { score: 'number', label: 'whole' }, [{ score: 1, label: 2 }]);
  await refused(readScores(at('s.parquet')), 'UNREADABLE', /s\.parquet, row 1: expected a label of 0 or 1/);
  await refused(convertTable(at('s.parquet'), at('a.txt')), 'INVALID_ARGUMENT', /scores/);
  await refused(
    writeParquet(at('name.parquet'), { name: 'text' }, [{ name: '\udce9' }]),
    'INVALID_ARGUMENT',
    /is not UTF-8/,
  );
  t.false(existsSync(at('name.parquet')));
});
