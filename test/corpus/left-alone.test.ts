import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { embedFiles, type ManifestLine, maskFiles } from 'maskbench';
import { generateCorpora } from 'maskbench/datasets';
import sharp from 'sharp';
import { faceCrops } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';

/** A grey PNM file of a picture. */
async function pgm(picture: Buffer): Promise<Buffer> {
  const { data, info } = await sharp(picture).greyscale().raw().toBuffer({ resolveWithObject: true });
  return Buffer.concat([Buffer.from(`P5\n${info.width} ${info.height}\n255\n`), data]);
}

/** Photos whose names do not say what they are, as ORL and Yale have them, among files that are none. */
async function writeOddNames(t: ExecutionContext): Promise<(name: string) => string> {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const [face] = (await faceCrops()) as [Buffer];
  const files: Record<string, Buffer | string> = {
    's1/1.pgm': await pgm(face),
    's2/subject02.happy': await pgm(face),
    's3/photo.jfif': await sharp(face).jpeg().toBuffer(),
    's4/photo': face,
    's5/subject05.gif': await sharp(face).gif().toBuffer(),
    's1/notes.txt': 'P1 is the first person',
    's1/README': 'BMVC data set',
    's2/masked_1.png': face,
    's6/manual.pdf': '%PDF-1.4',
    'loose.png': face,
  };
  for (const [name, data] of Object.entries(files)) {
    mkdirSync(path.dirname(at(`base/folders/${name}`)), { recursive: true });
    writeFileSync(at(`base/folders/${name}`), data);
  }
  return at;
}

test('photos are recognised by content, and files that are none are counted by kind', async (t) => {
  const at = await writeOddNames(t);
  const { counts, ignored, problems } = await maskFiles([at('base/folders')], at('masked'));
  t.like(counts, { masked: 6, unreadable: 1 });
  t.deepEqual(ignored, { '.txt': 1, 'without extension': 1, '.pdf': 1 });
  t.regex(problems[0]?.message ?? '', /subject05.gif: the file is GIF, which is not read/);
  const lines: ManifestLine[] = readFileSync(at('masked/manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const twins = lines.flatMap(({ output }) => output ?? []).sort();
  t.deepEqual(twins.slice(1, 5), [
    's1/masked_1.pgm',
    's2/masked_masked_1.png',
    's2/masked_subject02.happy',
    's3/masked_photo.jfif',
  ]);
  t.regex(readFileSync(at('masked/s2/masked_subject02.happy')).toString('latin1', 0, 3), /^P6\n/);
  t.is((await sharp(at('masked/s3/masked_photo.jfif')).metadata()).format, 'jpeg');
  t.is((await sharp(at('masked/s4/masked_photo')).metadata()).format, 'png');
  const again = await maskFiles([at('base/folders')], at('masked'), { resume: true });
  t.is(again.skipped, 7);
});

test('a data set loses no identity because of its names, and masked_* photos are counted', async (t) => {
  const at = await writeOddNames(t);
  const { stdout, stderr, code } = await maskbench(['dataset', 'generate', '--base', at('base'), '--out', at('out')]);
  t.is(code, 1);
  t.regex(
    stdout,
    /4 masked, 1 unreadable .*left alone: 1 \.pdf, 1 \.txt, 1 masked_\*, 1 photos outside the folders, 1 without extension/,
  );
  t.regex(stderr, /subject05.gif: the file is GIF/);
  for (const name of ['s1/1.pgm', 's2/subject02.happy', 's3/photo.jfif', 's4/photo'])
    t.true(existsSync(at(`out/folders/${name}`)), name);
  const { counts } = await embedFiles([at('out/folders')], at('v.npy'));
  t.is(
    Object.values(counts.plain).reduce((sum, count) => sum + count, 0),
    4,
  );
  const photos = await maskbench(['embed', at('base/folders'), '--out', at('photos.npy')]);
  t.regex(photos.stdout, /left alone: 1 \.pdf, 1 \.txt, 1 without extension/);
});

test('a folder without any photo is an error that says what lies there', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  mkdirSync(at('base/folders/a'), { recursive: true });
  writeFileSync(at('base/folders/a/x.gifv'), 'text');
  writeFileSync(at('base/folders/a/x.txt'), 'text');
  const message = /no photos found; left alone: 1 \.gifv, 1 \.txt/;
  await t.throwsAsync(maskFiles([at('base/folders')], at('out')), { code: 'NOT_FOUND', message });
  await t.throwsAsync(embedFiles([at('base/folders')], at('v.npy')), { code: 'NOT_FOUND', message });
  await t.throwsAsync(generateCorpora(at('base'), at('out')), { code: 'NOT_FOUND', message });
});
