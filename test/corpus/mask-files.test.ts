import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ManifestLine, Masker, type MaskFilesOptions, maskFiles } from 'maskbench';
import { faceCrops } from '../support/faces.js';
import { hashTree, killMaskbench, temporaryFolder, temporaryOf } from '../support/files.js';

/** Face crops and a picture without a face, 96 to 200 pixels, in folders. */
async function makePhotos(folder: string, count: number): Promise<string> {
  const crops = await faceCrops();
  for (let i = 0; i < count; i++) {
    const person = path.join(folder, `person ${i % 7}`);
    mkdirSync(person, { recursive: true });
    writeFileSync(path.join(person, `photo_${i}.png`), crops[i % crops.length] as Buffer);
  }
  return folder;
}

const lines = (manifest: string): ManifestLine[] =>
  readFileSync(manifest, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const comparable = (manifest: string) => readFileSync(manifest, 'utf8');
const outputs = (folder: string) => {
  const { 'manifest.jsonl': _, ...rest } = hashTree(folder);
  return rest;
};

test('a folder keeps its tree, with one manifest line a photo', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 12);
  writeFileSync(path.join(input, 'notes.txt'), 'not a photo');
  writeFileSync(path.join(input, 'text.jpg'), 'not a photo');
  const before = hashTree(input);
  const out = path.join(folder, 'out');
  const summary = await maskFiles([input], out);
  t.deepEqual(hashTree(input), before);
  t.is(summary.counts.masked + summary.counts['no-face'], 12);
  t.true(summary.counts.masked >= 8 && summary.counts['no-face'] >= 3);
  t.is(summary.counts.unreadable, 1);
  t.is(summary.problems.length, 1);
  const written = lines(path.join(out, 'manifest.jsonl'));
  t.is(written.length, 13);
  for (const line of written) {
    t.is(line.output !== undefined, line.status === 'masked');
    if (line.output === undefined) continue;
    t.is(line.output, line.input.replace('photo_', 'masked_photo_'));
    t.true(existsSync(path.join(out, line.output)));
    t.is(line.faces.find((face) => face.masked)?.landmarks.length, 68);
  }
  t.is(Object.keys(outputs(out)).length, summary.counts.masked);
});

test('the result is the same at every thread count, and a photo can be made again alone', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 12);
  const options: MaskFilesOptions = { style: 'random', color: 'random', seed: 5 };
  for (const concurrency of [1, 2, 8])
    await maskFiles([input], path.join(folder, `${concurrency}`), { ...options, concurrency });
  t.deepEqual(outputs(path.join(folder, '1')), outputs(path.join(folder, '2')));
  t.deepEqual(outputs(path.join(folder, '1')), outputs(path.join(folder, '8')));
  t.deepEqual(comparable(path.join(folder, '1/manifest.jsonl')), comparable(path.join(folder, '8/manifest.jsonl')));
  const line = lines(path.join(folder, '1/manifest.jsonl')).find(({ status }) => status === 'masked') as ManifestLine;
  const { style, color } = line.faces.find((face) => face.masked) as { style: 'a'; color: string };
  const { image } = await (await Masker.open({ style, color })).mask(path.join(input, line.input));
  t.deepEqual(image, readFileSync(path.join(folder, '1', line.output as string)));
});

test('a run killed at any moment and resumed equals an uninterrupted one', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 60);
  const whole = path.join(folder, 'whole');
  const killed = path.join(folder, 'killed');
  const options = { style: 'random', color: 'random', seed: 3 } as const;
  await maskFiles([input], whole, options);
  const args = ['mask', input, '--out', killed, '--resume', '--style', 'random', '--color', 'random', '--seed', '3'];
  for (const milliseconds of [250, 350, 450, 550]) await killMaskbench(args, milliseconds);
  mkdirSync(killed, { recursive: true });
  writeFileSync(path.join(killed, temporaryOf(1)), 'left by a kill');
  const summary = await maskFiles([input], killed, { ...options, resume: true });
  t.is(summary.skipped + Object.values(summary.counts).reduce((a, b) => a + b), 60);
  t.deepEqual(outputs(killed), outputs(whole));
  t.deepEqual(comparable(path.join(killed, 'manifest.jsonl')), comparable(path.join(whole, 'manifest.jsonl')));
  const again = await maskFiles([input], killed, { ...options, resume: true });
  t.is(again.skipped, 60);
});

test('a text instead of an array is refused, not read letter by letter', async (t) => {
  await t.throwsAsync(maskFiles('/tmp/photos' as unknown as string[], temporaryFolder(t)), {
    code: 'INVALID_ARGUMENT',
    message: /expected an array .* for inputs/,
  });
});

test('a torn last line is cut, other damage is told', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 6);
  const out = path.join(folder, 'out');
  await maskFiles([input], out);
  const manifest = path.join(out, 'manifest.jsonl');
  const whole = readFileSync(manifest);
  writeFileSync(manifest, whole.subarray(0, whole.length - 20));
  t.is((await maskFiles([input], out, { resume: true })).skipped, 5);
  t.is(lines(manifest).length, 6);
  writeFileSync(manifest, `${whole}{}\n`);
  await t.throwsAsync(maskFiles([input], out, { resume: true }), { code: 'UNREADABLE', message: /line 7/ });
});

test('an output that was deleted is made again, and its photo stays one line', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 6);
  const out = path.join(folder, 'out');
  await maskFiles([input], out);
  const before = hashTree(out);
  const { output } = lines(path.join(out, 'manifest.jsonl')).find(({ status }) => status === 'masked') as ManifestLine;
  rmSync(path.join(out, output as string));
  t.is((await maskFiles([input], out, { resume: true })).skipped, 5);
  t.is(lines(path.join(out, 'manifest.jsonl')).length, 6);
  t.deepEqual(outputs(out), Object.fromEntries(Object.entries(before).filter(([name]) => name !== 'manifest.jsonl')));
});

const refused = async (
  t: ExecutionContext,
  inputs: string[],
  out: string,
  code: string,
  options: MaskFilesOptions = {},
) => t.throwsAsync(maskFiles(inputs, out, options), { code });

test('what would overwrite, collide or mix is refused before anything is written', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 3);
  const out = path.join(folder, 'out');
  copyFileSync(path.join(input, 'person 0/photo_0.png'), path.join(input, 'person 0/photo_0.bmp'));
  await refused(t, [input], out, 'INVALID_ARGUMENT', { format: 'jpeg' });
  await refused(t, [path.join(input, 'person 0'), path.join(input, 'person 0')], out, 'INVALID_ARGUMENT');
  await refused(t, [input], input, 'INVALID_ARGUMENT');
  await refused(t, [input], path.join(folder, 'x.jpg'), 'INVALID_ARGUMENT');
  t.false(existsSync(path.join(out, 'manifest.jsonl')));
  await maskFiles([input], out);
  await refused(t, [input], out, 'OUTPUT_EXISTS');
  await refused(t, [input], out, 'INVALID_ARGUMENT', { resume: true, style: 'b' });
  t.is((await maskFiles([input], out, { overwrite: true, style: 'b' })).problems.length, 0);
});

test('a folder in use by another run is refused', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 12);
  const out = path.join(folder, 'out');
  // Either may be the first to take the lock.
  const runs = await Promise.allSettled([maskFiles([input], out), maskFiles([input], out)]);
  const reasons = runs.flatMap((run) => (run.status === 'rejected' ? [run.reason] : []));
  t.deepEqual(
    reasons.map(({ code }) => code),
    ['LOCKED'],
  );
  t.regex(reasons[0].message, /another run/);
});

test('links, loops, unreadable files and an output inside the input are handled', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 7);
  symlinkSync('.', path.join(input, 'loop'));
  symlinkSync('self.jpg', path.join(input, 'self.jpg'));
  symlinkSync('person 1', path.join(input, 'linked'));
  mkdirSync(path.join(input, 'folder.jpg'));
  copyFileSync(path.join(input, 'person 0/photo_0.png'), path.join(input, 'secret.png'));
  chmodSync(path.join(input, 'secret.png'), 0);
  const out = path.join(input, 'out');
  const summary = await maskFiles([input], out);
  const problems = summary.problems.map(({ file }) => path.relative(input, file)).sort();
  // Root may read everything.
  t.deepEqual(problems, process.getuid?.() === 0 ? ['loop', 'self.jpg'] : ['loop', 'secret.png', 'self.jpg']);
  t.true(existsSync(path.join(out, 'linked')));
  t.is((await maskFiles([input], out, { resume: true })).counts.masked, 0);
});

test('an aborted run finishes the work in progress and can be resumed', async (t) => {
  const folder = temporaryFolder(t);
  const input = await makePhotos(path.join(folder, 'in'), 40);
  const out = path.join(folder, 'out');
  const stop = new AbortController();
  const options = { concurrency: 1, signal: stop.signal };
  const reason = new Error('enough');
  const onProgress = ({ done }: { done: number }) => {
    if (done === 5) stop.abort(reason);
  };
  t.is(await t.throwsAsync(maskFiles([input], out, { ...options, onProgress })), reason);
  const done = lines(path.join(out, 'manifest.jsonl')).length;
  t.true(done >= 5 && done < 40);
  t.is((await maskFiles([input], out, { resume: true })).skipped, done);
});
