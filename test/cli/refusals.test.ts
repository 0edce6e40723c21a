import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { embedFiles, readIndex } from 'maskbench';
import { writePhotos } from '../support/faces.js';
import { maskbench, samplePhoto, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

test('a usage error is one line and the way to the help', async (t) => {
  for (const [args, message, help] of [
    [['mask'], /required option '--out <path>'/, 'maskbench mask'],
    [['dataset', 'fetch', 'lfw'], /required option '--base <folder>'/, 'maskbench dataset fetch'],
    [['pairs', 'sample', 'x', '--seed', 'y', '--out', 'z'], /expected a whole number/, 'maskbench pairs sample'],
    [['nonsense'], /unknown command 'nonsense'/, 'maskbench'],
  ] as const) {
    const { code, stdout, stderr } = await maskbench([...args]);
    t.is(code, 2);
    t.is(stdout, '');
    const lines = stderr
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    t.is(lines.length, 2, stderr);
    t.regex(lines[0] as string, message);
    t.is(lines[1], `see ${help} --help`);
  }
});

test('--out that is a file or a device where a folder is expected is wrong usage, and is said so', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'file');
  writeFileSync(file, 'x');
  writeFileSync(path.join(folder, 'scores.csv'), 'score,label\n0.5,1\n0.1,0\n');
  await writePhotos(path.join(folder, 'photos'), [{ name: 'a/1.jpg' }]);
  await writePhotos(path.join(folder, 'base/folders'), [{ name: 'a/1.jpg' }]);
  const commands = (out: string) => [
    ['mask', path.join(folder, 'photos'), '--out', out],
    ['dataset', 'generate', '--base', path.join(folder, 'base'), '--out', out],
    ['evaluate', '--scores', path.join(folder, 'scores.csv'), '--draws', '0', '--out', out],
  ];
  for (const out of [file, path.join(file, 'below'), '/dev/null'])
    for (const args of commands(out)) {
      const { code, stderr } = await maskbench(args);
      t.is(code, 2, `${args.join(' ')}: ${stderr}`);
      t.regex(stderr, /: expected a folder or a new name, found (something else|a file above it)\n$/);
      t.true(stderr.startsWith(`maskbench: ${out}`), stderr);
    }
  t.is(readFileSync(file, 'utf8'), 'x');
});

test('a folder in the place of a model is said to be one', async (t) => {
  const folder = temporaryFolder(t);
  const landmarks = await maskbench(['detect', samplePhoto(2), '--landmarks', folder]);
  t.is(landmarks.code, 1);
  t.regex(landmarks.stderr, /expected the file of a landmark model, found a folder/);
  const model = await maskbench(['verify', samplePhoto(2), samplePhoto(2), '--model', folder]);
  t.is(model.code, 1);
  t.regex(model.stderr, /expected a model file, found a folder/);
});

test('a wrong weight of a style is named, not the styles', async (t) => {
  const out = path.join(temporaryFolder(t), 'x.jpg');
  for (const [option, list] of [
    ['--style', 'a:-1'],
    ['--style', 'a:x'],
    ['--style', 'b,a:'],
    ['--style', 'surgical#112233:1001'],
    ['--wear', 'chin:-2'],
  ] as const) {
    const { code, stderr } = await maskbench(['mask', samplePhoto(2), '--out', out, option, list]);
    t.is(code, 2);
    t.regex(stderr, /expected name or name:weight with a weight from 0 to 1000/, list);
    t.regex(stderr, new RegExp(`received ${list.split(',').at(-1)} `));
  }
});

test('scores.json that is something else is named', async (t) => {
  const folder = temporaryFolder(t);
  for (const text of ['{}', 'null', '{"similarity":"cosine"}', '{"probes":[']) {
    writeFileSync(path.join(folder, 'scores.json'), text);
    const { code, stderr } = await maskbench(['score-all', 'evaluate', folder]);
    t.is(code, 1, text);
    t.regex(stderr, /scores\.json: |impostor\.npy: /, text);
  }
});

test('dataset list says where a data set of one folder an identity is put', async (t) => {
  const { stdout } = await maskbench(['dataset', 'list']);
  t.regex(stdout, /into folders\/: <base>\/folders\/<identity>\/<photo>/);
});

test('a folder and a dangling link in a list are reported, and the rest is embedded', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(folder, [{ name: 'a.png' }, { name: 'b.png' }]);
  mkdirSync(at('sub.png'));
  symlinkSync(at('nowhere'), at('link.png'));
  writeFileSync(at('list.txt'), 'a.png\nsub.png\nlink.png\nb.png\n');
  const model = await writeModel(folder, 'm');
  writeFileSync(at('m.json'), JSON.stringify(describeModel()));
  const { code, stdout, stderr } = await maskbench(['embed', at('list.txt'), '--model', model, '--out', at('v.npy')]);
  t.is(code, 1, stderr);
  t.regex(stdout, /2 unusable/);
  t.regex(stderr, /sub\.png: expected a photo, found a folder/);
  t.regex(stderr, /link\.png: the link leads nowhere/);
  t.deepEqual(
    (await readIndex(at('v.jsonl'))).map(({ row, status }) => [row, status]),
    [
      [0, 'whole'],
      [null, 'unusable'],
      [null, 'unusable'],
      [1, 'whole'],
    ],
  );
});

test('embed --resume on a finished run says what it gave, and refuses other photos', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('photos'), [{ name: 'a.png' }, { name: 'b.png' }]);
  writeFileSync(at('photos/c.png'), 'x');
  const options = { model: await writeModel(folder, 'm'), description: describeModel(), resume: true };
  for (const out of ['v.npy', 'v.parquet']) {
    const first = await embedFiles([at('photos')], at(out), options);
    const bytes = readFileSync(at(out));
    t.deepEqual(await embedFiles([at('photos')], at(out), options), { ...first, seconds: 0 });
    t.deepEqual(readFileSync(at(out)), bytes);
    await t.throwsAsync(embedFiles([at('photos'), at('photos/a.png')], at(out), options), {
      code: 'INVALID_ARGUMENT',
      message: /complete, but of other photos: it has no more photos, the inputs have .*a\.png/,
    });
    await t.throwsAsync(embedFiles([at('photos/a.png')], at(out), options), { code: 'INVALID_ARGUMENT' });
  }
});

test('what an interrupted embedding advises to delete is all that there is to delete', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(
    at('photos'),
    Array.from({ length: 200 }, (_, i) => ({ name: `${i}.png` })),
  );
  const options = { model: await writeModel(folder, 'm'), description: describeModel() };
  const stop = new AbortController();
  await t.throwsAsync(
    embedFiles([at('photos')], at('v.npy'), {
      ...options,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('stop')),
    }),
    { message: 'stop' },
  );
  await t.throwsAsync(embedFiles([at('photos')], at('v.npy'), options), {
    code: 'OUTPUT_EXISTS',
    message: /v\.jsonl\.part: an earlier run was interrupted; resume it, or delete this file and \S+v\.npy\.part$/,
  });
});
