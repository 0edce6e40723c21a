import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type ManifestLine, maskFiles } from 'maskbench';
import { alignedCrops } from '../support/aligned.js';
import { maskbench, repository, temporaryFolder } from '../support/files.js';

const manifestOf = (folder: string): ManifestLine[] =>
  readFileSync(path.join(folder, 'manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('masks come from a published log, and from a manifest', async (t) => {
  const folder = temporaryFolder(t);
  const photos = path.join(folder, 'lfw');
  for (const [i, image] of (await alignedCrops(3)).entries()) {
    mkdirSync(path.join(photos, `P_${i}`), { recursive: true });
    writeFileSync(path.join(photos, `P_${i}/P_${i}_0001.jpg`), image);
  }
  const log = path.join(folder, 'log.txt');
  // Blue, green, red; halves go to the even number, as OpenCV rounds them.
  writeFileSync(log, 'P_0/P_0_0001.jpg f 239.227545145 152.5 103.5\nP_1/P_1_0001.jpg c 0.4 1.6 254.9\n');
  const options = { aligned: 'arcface', masksFrom: log, jitter: 0 } as const;
  const summary = await maskFiles([photos], path.join(folder, 'out'), options);
  t.is(summary.counts.masked, 2);
  t.is(summary.counts.unusable, 1);
  const looks = (lines: ManifestLine[]) =>
    Object.fromEntries(lines.map(({ input, faces }) => [input, `${faces[0]?.style} ${faces[0]?.color}`]));
  const made = looks(manifestOf(path.join(folder, 'out')));
  t.is(made['P_0/P_0_0001.jpg'], 'f #6898ef');
  t.is(made['P_1/P_1_0001.jpg'], 'c #ff0200');
  t.regex(summary.problems[0]?.message ?? '', /P_2_0001\.jpg: expected one mask in .*log\.txt.*, found 0/);

  // From the folder of one person, a part of each path of the list.
  const again = path.join(folder, 'again');
  await maskFiles([path.join(photos, 'P_0')], again, {
    aligned: 'arcface',
    masksFrom: path.join(folder, 'out/manifest.jsonl'),
  });
  t.deepEqual(
    readFileSync(path.join(again, 'masked_P_0_0001.jpg')),
    readFileSync(path.join(folder, 'out/P_0/masked_P_0_0001.jpg')),
  );
});

test('a list comes from standard input', async (t) => {
  const folder = temporaryFolder(t);
  const photo = path.join(folder, 'a.jpg');
  writeFileSync(photo, (await alignedCrops(1))[0] as Buffer);
  const mask = (out: string, input: string, photos = photo) =>
    spawnSync(
      process.execPath,
      [
        ...[path.join(repository, 'dist/cli/main.js'), 'mask', photos, '--out', path.join(folder, out)],
        ...['--aligned', 'arcface', '--masks-from', '-'],
      ],
      { input, encoding: 'utf8' },
    );
  t.is(mask('log', 'a.jpg e 10 20 30\n').status, 0);
  const manifest = readFileSync(path.join(folder, 'log/manifest.jsonl'), 'utf8');
  t.like(JSON.parse(manifest).faces[0], { style: 'e', color: '#1e140a' });
  t.is(mask('manifest', manifest).status, 0);
  t.deepEqual(
    readFileSync(path.join(folder, 'manifest/masked_a.jpg')),
    readFileSync(path.join(folder, 'log/masked_a.jpg')),
  );
  t.regex(mask('none', '').stderr, /-: expected a manifest or a log of masks, found no mask/);
  t.regex(mask('both.tar', manifest, '-').stderr, /masksFrom/);
});

test('a list is a manifest in Parquet', async (t) => {
  const folder = temporaryFolder(t);
  const photo = path.join(folder, 'a.jpg');
  writeFileSync(photo, (await alignedCrops(1))[0] as Buffer);
  const at = (name: string) => path.join(folder, name);
  await maskFiles([photo], at('first'), { aligned: 'arcface', style: 'c', color: 'pink' });
  t.is((await maskbench(['convert', at('first/manifest.jsonl'), at('manifest.parquet')])).code, 0);
  await maskFiles([photo], at('second'), { aligned: 'arcface', masksFrom: at('manifest.parquet') });
  t.deepEqual(readFileSync(at('second/masked_a.jpg')), readFileSync(at('first/masked_a.jpg')));
});

test('lists that are none are errors', async (t) => {
  const folder = temporaryFolder(t);
  const log = path.join(folder, 'log.txt');
  const photo = path.join(folder, 'a.jpg');
  writeFileSync(photo, (await alignedCrops(1))[0] as Buffer);
  const run = (text: string) => {
    writeFileSync(log, text);
    return maskFiles([photo], path.join(folder, 'out'), { masksFrom: log });
  };
  await t.throwsAsync(run('a.jpg g 1 2 3\n'), { code: 'UNREADABLE', message: /line 1: expected a path, a letter/ });
  await t.throwsAsync(run('a.jpg a 1 2 256\n'), { code: 'UNREADABLE' });
  await t.throwsAsync(run('a.jpg a 1 2\n'), { code: 'UNREADABLE' });
  await t.throwsAsync(run('\n'), { code: 'UNREADABLE', message: /found no mask/ });
  await t.throwsAsync(maskFiles([photo], path.join(folder, 'out'), { masksFrom: `${log}.none` }), {
    code: 'NOT_FOUND',
  });
});
