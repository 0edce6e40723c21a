import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { embedFiles, type ManifestLine, maskFiles, readIndex } from 'maskbench';
import { openSink, openSource, type Sink, type StoredPhoto } from 'maskbench/storage';
import { alignedCrops } from '../support/aligned.js';
import { hashTree, killMaskbench, maskbench, repository, sha256, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';
import { pythonHas, runPython } from '../support/python.js';

const withPython = pythonHas('tarfile') ? test : test.skip;

interface Member {
  name: string;
  data: Buffer;
  link?: string;
}

/** Writes a tar by Python's tarfile. */
function writeTar(file: string, members: Member[], format: 'GNU' | 'PAX' = 'GNU'): void {
  runPython(
    `import tarfile, io
with tarfile.open(data['file'], 'w', format=getattr(tarfile, data['format'] + '_FORMAT')) as tar:
    for member in data['members']:
        info = tarfile.TarInfo(member['name'])
        body = bytes.fromhex(member['data'])
        if 'link' in member:
            info.type, info.linkname = tarfile.SYMTYPE, member['link']
            tar.addfile(info)
        else:
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
print('null')`,
    { file, format, members: members.map((member) => ({ ...member, data: member.data.toString('hex') })) },
  );
}

/** Reads a tar by Python's tarfile. */
function readTar(file: string): { name: string; data: Buffer }[] {
  return runPython<[string, string][]>(
    `import tarfile
with tarfile.open(data) as tar:
    print(json.dumps([[m.name, tar.extractfile(m).read().hex() if m.isfile() else ''] for m in tar]))`,
    file,
  ).map(([name, data]) => ({ name, data: Buffer.from(data, 'hex') }));
}

/** Two shards as WebDataset writes them, of so many samples each. */
async function writeShards(t: ExecutionContext, count: number): Promise<{ folder: string; images: Buffer[] }> {
  const folder = path.join(temporaryFolder(t), 'shards');
  mkdirSync(folder);
  const images = await alignedCrops(2 * count);
  for (const shard of [0, 1])
    writeTar(
      path.join(folder, `00000${shard}.tar`),
      images.slice(shard * count, (shard + 1) * count).flatMap((data, i) => {
        const key = `${shard}${String(i).padStart(8, '0')}`;
        return [
          { name: `${key}.jpg`, data },
          { name: `${key}.json`, data: Buffer.from(`{"key": "${key}"}`) },
          { name: `${key}.cls`, data: Buffer.from(String(i >> 1)) },
        ];
      }),
    );
  return { folder, images };
}

const manifestOf = (folder: string): ManifestLine[] =>
  readFileSync(path.join(folder, 'manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const tarsIn = (folder: string) =>
  Object.fromEntries(Object.entries(hashTree(folder)).filter(([name]) => name.endsWith('.tar')));

async function photosOf(inputs: string[]): Promise<StoredPhoto[]> {
  const all: StoredPhoto[] = [];
  for await (const photos of (await openSource(inputs)).photos(0)) all.push(...photos);
  return all;
}

withPython('twins take the places of photos, or stand beside them, as in the same files', async (t) => {
  const { folder, images } = await writeShards(t, 3);
  const [twins, both, files] = ['twins', 'both', 'files'].map((name) => path.join(folder, '..', name)) as [
    string,
    string,
    string,
  ];
  await maskFiles([folder], twins, { aligned: 'arcface' });
  await maskFiles([folder], both, { aligned: 'arcface', contents: 'both' });
  mkdirSync(files);
  for (const [i, image] of images.entries()) writeFileSync(path.join(files, `${i}.jpg`), image);
  await maskFiles([files], path.join(folder, '..', 'masked'), { aligned: 'arcface' });
  for (const shard of [0, 1]) {
    const name = `00000${shard}.tar`;
    const before = readTar(path.join(folder, name));
    const masked = (i: number) =>
      readFileSync(path.join(folder, '..', `masked/masked_${shard * 3 + Math.floor(i / 3)}.jpg`));
    const byName = (members: { name: string; data: Buffer }[]) =>
      new Map(members.map(({ name: key, data }) => [key, sha256(data)] as const).sort());
    t.deepEqual(
      byName(readTar(path.join(twins, name))),
      byName(before.map(({ name: key, data }, i) => ({ name: key, data: key.endsWith('.jpg') ? masked(i) : data }))),
    );
    t.deepEqual(
      byName(readTar(path.join(both, name))),
      byName(
        before.flatMap(({ name: key, data }, i) =>
          key.endsWith('.jpg')
            ? [
                { name: key, data },
                { name: key.replace('.jpg', '.masked.jpg'), data: masked(i) },
              ]
            : [{ name: key, data }],
        ),
      ),
    );
  }
  const [line] = manifestOf(both);
  t.is(line?.input, '000000.tar/000000000.jpg');
  t.is(line?.copy, '000000.tar/000000000.jpg');
  t.is(line?.output, '000000.tar/000000000.masked.jpg');
  t.is(line?.identity, '0');
  const { rows } = await embedFiles([both], path.join(folder, '..', 'v.npy'), { crops: true });
  t.is(rows, 12);
  const index = await readIndex(path.join(folder, '..', 'v.jsonl'));
  t.deepEqual(
    index.map(({ masked }) => masked),
    index.map((_, i) => i % 2 === 1),
  );
  t.is(index[1]?.photo, '000000.tar/000000000.jpg');
});

const word = fc
  .string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcä漢 -_') })
  .map((text) => `n${text}`);

withPython('any members survive reading and writing, and Python reads what is written', async (t) => {
  const folder = temporaryFolder(t);
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(word, fc.nat(3), fc.uint8Array({ maxLength: 1100 })), {
        selector: ([name]) => name,
        minLength: 1,
        maxLength: 6,
      }),
      fc.constantFrom('GNU' as const, 'PAX' as const),
      async (samples, format) => {
        const members = samples.flatMap(([name, depth, data]) => {
          const key = `${'a long folder name/'.repeat(7 * depth)}${name}`;
          return [
            { name: `${key}.jpg`, data: Buffer.from(data) },
            { name: `${key}.txt`, data: Buffer.from(name) },
          ];
        });
        const file = path.join(folder, `${number++}.tar`);
        writeTar(file, members, format);
        const photos = await photosOf([file]);
        t.deepEqual(
          photos.map(({ key, input }) => [key, Buffer.from(input as Uint8Array)]),
          members
            .filter(({ name }) => name.endsWith('.jpg'))
            .map(({ name, data }) => [`${path.basename(file)}/${name}`, data]),
        );
        const out = path.join(folder, `out${number}.tar`);
        const sink = (await openSink(out, [], { contents: 'both' })) as Sink;
        await sink.open();
        for (const photo of photos) sink.put(photo, Buffer.from('twin'));
        await sink.finish();
        t.deepEqual(
          readTar(out).filter(({ name }) => !name.includes('.masked.')),
          members,
        );
        t.is(readTar(out).filter(({ data }) => data.toString() === 'twin').length, samples.length);
      },
    ),
    { numRuns: 25 },
  );
});

withPython('hostile and odd members are reported, and the rest goes through', async (t) => {
  const folder = temporaryFolder(t);
  const [image] = (await alignedCrops(1)) as [Buffer];
  const file = path.join(folder, 'odd.tar');
  writeTar(file, [
    { name: '../outside.jpg', data: image },
    { name: '/etc/absolute.jpg', data: image },
    { name: 'link.jpg', data: Buffer.alloc(0), link: '/etc/passwd' },
    { name: 'text.jpg', data: Buffer.from('no image') },
    { name: 'alone.json', data: Buffer.from('{}') },
    { name: 'good.jpg', data: image },
    { name: 'other.jpg', data: image },
    { name: 'good.jpg', data: image },
    { name: 'empty.jpg', data: Buffer.alloc(0) },
  ]);
  const holes = path.join(folder, 'holes.jpg');
  writeFileSync(holes, 'x');
  truncateSync(holes, 3_000_000);
  execFileSync('tar', ['--format=gnu', '-Srf', file, '-C', folder, 'holes.jpg']);
  execFileSync('tar', ['-rf', file, '-C', path.dirname(holes), 'holes.jpg', '--transform=s/holes/last/']);
  // By attributes, as newer tars write sparse files.
  execFileSync('tar', ['--format=posix', '-Scf', path.join(folder, 'posix.tar'), '-C', folder, 'holes.jpg']);
  t.deepEqual(
    (await photosOf([path.join(folder, 'posix.tar')])).map(({ key, problem }) => [key, problem]),
    [['posix.tar/holes.jpg', 'the member is a link or a sparse file, not a photo']],
  );
  const out = path.join(folder, 'out/odd.tar');
  const summary = await maskFiles([file], out, { aligned: 'arcface', contents: 'both' });
  const results = Object.fromEntries(
    manifestOf(path.join(folder, 'out')).map(({ input, status, error }) => [input, `${status} ${error}`]),
  );
  t.regex(results['odd.tar/../outside.jpg'] ?? '', /unusable .*leads outside/);
  t.regex(results['odd.tar//etc/absolute.jpg'] ?? '', /unusable .*leads outside/);
  t.regex(results['odd.tar/link.jpg'] ?? '', /unusable .*is a link or a sparse file/);
  t.regex(results['odd.tar/holes.jpg'] ?? '', /unusable .*is a link or a sparse file/);
  t.regex(results['odd.tar/text.jpg'] ?? '', /unreadable odd\.tar\/text\.jpg/);
  t.regex(results['odd.tar/empty.jpg'] ?? '', /unreadable/);
  t.regex(results['odd.tar/good.jpg'] ?? '', /unusable .*same name/);
  t.regex(results['odd.tar/last.jpg'] ?? '', /unreadable/);
  t.is(summary.counts.masked, 2);
  t.is(summary.counts.failed, 0);
  const names = readTar(out).map(({ name }) => name);
  t.true(names.includes('alone.json'));
  t.false(names.some((name) => name.includes('outside') || name.includes('absolute')));
});

withPython('a shard that is cut off is reported, and resumed when it is whole', async (t) => {
  const { folder } = await writeShards(t, 6);
  const [expected, out] = ['expected', 'out'].map((name) => path.join(folder, '..', name)) as [string, string];
  await maskFiles([folder], expected, { aligned: 'arcface', contents: 'both' });
  const first = path.join(folder, '000000.tar');
  const whole = readFileSync(first);
  truncateSync(first, Math.floor(whole.length / 2));
  const { counts, problems } = await maskFiles([folder], out, { aligned: 'arcface', contents: 'both' });
  t.is(counts.failed, 1);
  t.regex(problems[0]?.message ?? '', /000000\.tar\/end: the tar is cut off after/);
  t.true(counts.masked > 6);
  writeFileSync(first, whole);
  t.is((await maskFiles([folder], out, { aligned: 'arcface', contents: 'both', resume: true })).counts.failed, 0);
  t.deepEqual(tarsIn(out), tarsIn(expected));
});

withPython('a tar goes through pipes', async (t) => {
  const { folder } = await writeShards(t, 2);
  const expected = path.join(folder, '..', 'expected.tar');
  const file = path.join(folder, '000000.tar');
  await maskFiles([file], expected, { aligned: 'arcface', contents: 'both' });
  const words = [
    path.join(repository, 'dist/cli/main.js'),
    ...'mask - --out - --aligned arcface --contents both'.split(' '),
  ];
  const made = execFileSync(process.execPath, words, { input: readFileSync(file), stdio: ['pipe', 'pipe', 'ignore'] });
  t.is(sha256(made), sha256(readFileSync(expected)));
});

withPython('embed takes a tar or a list through a pipe', async (t) => {
  const { folder, images } = await writeShards(t, 3);
  const place = (name: string) => path.join(folder, '..', name);
  const shard = path.join(folder, '000000.tar');
  const model = await writeModel(place('.'), 'model');
  writeFileSync(place('model.json'), JSON.stringify(describeModel()));
  const pipe = (input: Buffer | string, ...words: string[]) =>
    execFileSync(process.execPath, [path.join(repository, 'dist/cli/main.js'), ...words], {
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: place('.'),
    }).toString();
  const embed = (input: Buffer | string, out: string) =>
    pipe(input, 'embed', '-', '--crops', '--model', model, '--out', place(out));
  const vectors = (name: string) => readFileSync(place(name)).subarray(128);
  embed(readFileSync(shard), 'tar.npy');
  for (const [i, image] of images.slice(0, 3).entries()) writeFileSync(place(`${i}.jpg`), image);
  embed(`${place('0.jpg')}\n1.jpg\r\n2.jpg\n`, 'list.npy');
  t.deepEqual(vectors('list.npy'), vectors('tar.npy'));
  embed('0.jpg', 'short.npy');
  t.is(vectors('short.npy').length * 3, vectors('list.npy').length);
  t.deepEqual(
    (await readIndex(place('tar.jsonl'))).map(({ path: name, identity, masked }) => [name, identity, masked]),
    ['0', '0', '1'].map((person, i) => [`stdin.tar/00000000${i}.jpg`, person, false]),
  );
  const scored = pipe(
    `${place('0.jpg')} 1.jpg 0 0 1\n1.jpg 2.jpg 0 0 0\n`,
    ...['score', '--vectors', place('list.npy'), '--pairs', '-', '--out', place('scores.csv')],
  );
  t.regex(scored, /^2 pairs, 0 without a score/);
  const refused = (input: string, ...words: string[]) => {
    const error = t.throws(() => pipe(input, ...words)) as unknown as { stderr: Buffer };
    return error.stderr.toString();
  };
  t.regex(
    refused('a.jpg\n', 'mask', '-', '--out', place('out')),
    /standard input: expected a tar, found something else/,
  );
  t.regex(refused('', 'mask', '-', '--out', place('out')), /standard input: expected a tar/);
  t.regex(refused('', 'embed', '-', '--out', place('x.npy')), /-: no photos found/);
});

withPython("img2dataset's table beside a tar says who is there and what must be there", async (t) => {
  const folder = temporaryFolder(t);
  const images = await alignedCrops(3);
  const tar = path.join(folder, '00000.tar');
  writeTar(
    tar,
    images.flatMap((data, i) => [
      { name: `00000000${i}.jpg`, data },
      { name: `00000000${i}.txt`, data: Buffer.from(`caption ${i}`) },
    ]),
  );
  const table = tar.replace('.tar', '.parquet');
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(`COPY (SELECT * FROM (VALUES
    ('000000000', 'caption 0', 'success', 7), ('000000001', 'caption 1', 'success', 9),
    ('000000002', 'caption 2', 'success', NULL), ('000000003', NULL, 'failed_to_download', 1),
    ('000000004', 'lost', 'success', 2)) AS samples(key, caption, status, label)) TO '${table}' (FORMAT parquet)`);
  connection.closeSync();
  const photos = await photosOf([tar]);
  t.deepEqual(
    photos.map(({ key, identity, labels, problem }) => [key, identity, labels, problem]),
    [
      ['00000.tar/000000000.jpg', '7', [7], undefined],
      ['00000.tar/000000001.jpg', '9', [9], undefined],
      ['00000.tar/000000002.jpg', undefined, undefined, undefined],
      ['00000.tar/000000004', undefined, undefined, 'the table beside the tar has this sample, the tar has not'],
    ],
  );
  const { counts } = await maskFiles([tar], path.join(folder, 'out/train.rec'), { aligned: 'arcface' });
  t.is(counts.masked, 3);
  t.is(counts.unusable, 1);
  writeFileSync(table, 'no table');
  await t.throwsAsync(photosOf([tar]), { code: 'UNREADABLE', message: /00000\.parquet: not a readable Parquet file/ });
});

withPython('killed runs are resumed to the same bytes', async (t) => {
  t.timeout(600_000);
  const { folder } = await writeShards(t, 200);
  const place = (out: string) => path.join(folder, '..', out);
  const words = (out: string) => [
    ...['mask', folder, '--out', place(out), '--aligned', 'arcface', '--landmarks', 'template'],
    ...['--contents', 'both', '--resume'],
  ];
  const start = performance.now();
  t.is((await maskbench(words('expected'))).code, 0);
  const milliseconds = performance.now() - start;
  const kills = Number(process.env.MASKBENCH_KILLS ?? 2);
  for (let i = 0; i < kills; i++) {
    await killMaskbench(words(`out${i}`), milliseconds * (0.2 + 0.8 * Math.random()));
    const again = await maskbench(words(`out${i}`));
    t.is(again.code, 0, again.stderr);
    t.deepEqual(tarsIn(place(`out${i}`)), tarsIn(place('expected')));
    t.deepEqual(readdirSync(place(`out${i}`)).sort(), readdirSync(place('expected')).sort());
  }
});
