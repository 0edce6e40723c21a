import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ManifestLine, Masker, maskFiles } from 'maskbench';
import sharp from 'sharp';
import { toBytes, toPath, toText } from '../../lib/files/path.js';
import { buildFaults } from '../disturb/disturb.js';
import { faceCrops, writePhotos } from '../support/faces.js';
import { hashTree, maskbench, repository, temporaryFolder, temporaryOf } from '../support/files.js';

const cli = path.join(repository, 'dist/cli/main.js');

const lines = (manifest: string): ManifestLine[] =>
  readFileSync(manifest, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** A folder with a photo of a face for each name, and where outputs go. */
async function photos(
  t: ExecutionContext,
  ...names: string[]
): Promise<{ input: string; out: string; folder: string }> {
  const folder = temporaryFolder(t);
  await writePhotos(
    path.join(folder, 'in'),
    names.map((name) => ({ name })),
  );
  return { folder, input: path.join(folder, 'in'), out: path.join(folder, 'out') };
}

const manifestOf = (out: string) => path.join(out, 'manifest.jsonl');

test('L2: a photo that could not be read is failed, not unreadable, and a resumed run looks again', async (t) => {
  const { folder, input, out } = await photos(t, 'a.jpg', 'b.jpg');
  const faults = buildFaults(folder);
  const broken = ['eio', 'emfile'].map((fault) => ({
    LD_PRELOAD: faults,
    MASKBENCH_FAULT: fault,
    MASKBENCH_FAULT_BELOW: path.join(input, 'b.jpg'),
    MASKBENCH_FAULT_ONE_IN: '1',
  }));
  for (const env of broken) {
    const run = await maskbench(['mask', input, '--out', out, '--resume'], env);
    t.is(run.code, 1, run.stderr);
    t.regex(run.stderr, /b\.jpg: cannot be (read: Input\/output error|opened: Too many open files)/);
    t.deepEqual(
      lines(manifestOf(out))
        .map(({ input: photo, status }) => [photo, status])
        .sort(),
      [
        ['a.jpg', 'masked'],
        ['b.jpg', 'failed'],
      ],
    );
  }
  const last = await maskbench(['mask', input, '--out', out, '--resume', '--json']);
  t.is(last.code, 0, last.stderr);
  t.like(JSON.parse(last.stdout), { counts: { masked: 1, failed: 0 }, skipped: 1 });
  t.deepEqual(
    lines(manifestOf(out)).map(({ status }) => status),
    ['masked', 'masked'],
  );
});

test('L2: a photo that comes back while a run waits is masked', async (t) => {
  const { folder, input, out } = await photos(t, 'a.jpg');
  renameSync(path.join(input, 'a.jpg'), path.join(folder, 'away'));
  symlinkSync('../back', path.join(input, 'a.jpg'));
  setTimeout(() => renameSync(path.join(folder, 'away'), path.join(folder, 'back')), 300);
  const { counts } = await maskFiles([input], out);
  t.is(counts.masked, 1);
});

test('L2: a photo that lacked memory is tried again', async (t) => {
  const { folder, input, out } = await photos(t, 'a.jpg');
  for (const type of ['png', 'jpeg'] as const)
    await sharp({ create: { width: 4000, height: 4000, channels: 3, background: 'grey' } })
      .toFormat(type)
      .toFile(path.join(input, `b.${type}`));
  const run = await maskbench(['mask', input, '--out', out, '--max-size', '200', '--json'], {
    LD_PRELOAD: buildFaults(folder),
    MASKBENCH_FAULT: 'enomem',
  });
  t.like(JSON.parse(run.stdout), { counts: { masked: 1, failed: 2 } }, run.stderr);
  t.is(run.code, 1);
});

test('L2: too few files for a process are no verdict on a photo', async (t) => {
  const { input, out } = await photos(t, ...Array.from({ length: 12 }, (_, i) => `${i}.jpg`));
  const few = spawnSync('bash', [
    '-c',
    'ulimit -n 30; exec "$@"',
    'bash',
    process.execPath,
    cli,
    'mask',
    input,
    '--out',
    out,
  ]);
  t.not(few.status, null);
  const rest = await maskFiles([input], out, { resume: true });
  t.is(rest.skipped + rest.counts.masked, 12);
  t.true(existsSync(path.join(out, 'masked_7.jpg')));
});

test('L2: a source that goes away during a run is reported', async (t) => {
  const { input, out } = await photos(t, ...Array.from({ length: 12 }, (_, i) => `${i % 3}/${i}.jpg`));
  const away = `${input} away`;
  const stop = maskFiles([input], out, {
    concurrency: 1,
    onProgress: () => existsSync(input) && renameSync(input, away),
  });
  const { counts, problems } = await stop;
  t.is(counts.masked + counts.failed, 12);
  t.true(counts.failed > 0 && problems.length > 0);
  renameSync(away, input);
  t.deepEqual((await maskFiles([input], out, { resume: true })).problems, []);
  t.is(lines(manifestOf(out)).length, 12);
});

test('L3: a folder without photos is an error', async (t) => {
  const { folder, out } = await photos(t);
  mkdirSync(path.join(folder, 'empty/deeper'), { recursive: true });
  await t.throwsAsync(maskFiles([path.join(folder, 'empty')], out), { code: 'NOT_FOUND', message: /no photos/ });
  const run = await maskbench(['mask', path.join(folder, 'empty'), '--out', out]);
  t.is(run.code, 1);
  t.false(existsSync(manifestOf(out)));
});

test('L9: closed outputs do not end a run', async (t) => {
  const { folder, input, out } = await photos(t, 'a.jpg', 'b.jpg');
  writeFileSync(path.join(input, 'c.jpg'), 'no photo');
  writeFileSync(path.join(input, 'd.jpg'), 'no photo');
  const piped = spawnSync('bash', [
    '-c',
    `"$@" 2>&1 | head -0; echo "\${PIPESTATUS[0]}"`,
    'bash',
    process.execPath,
    cli,
    'mask',
    input,
    '--out',
    out,
  ]);
  t.is(piped.stdout.toString().trim(), '1');
  t.is(lines(manifestOf(out)).length, 4);
  t.deepEqual(
    readdirSync(out).filter((name) => name.startsWith('.')),
    [],
  );
  // A manifest's own pipe.
  const closed = path.join(folder, 'other');
  const into = spawnSync('bash', [
    '-c',
    `"$@" --manifest >(exit 0); echo "$?"`,
    'bash',
    process.execPath,
    cli,
    'mask',
    input,
    '--out',
    closed,
  ]);
  t.regex(into.stdout.toString(), /^1$/m);
  t.notRegex(into.stderr.toString(), /^ {4}at /m);
  t.deepEqual(
    readdirSync(closed).filter((name) => name.startsWith('.')),
    [],
  );
  const full = spawnSync('bash', [
    '-c',
    '"$@" > /dev/full',
    'bash',
    process.execPath,
    cli,
    'detect',
    path.join(input, 'a.jpg'),
  ]);
  t.is(full.status, 1);
  t.regex(full.stderr.toString(), /standard output cannot be written: .*ENOSPC/);
});

test('L10: an output folder with a folder that cannot be read is worked in', async (t) => {
  const { folder, input, out } = await photos(t, 'a.jpg');
  mkdirSync(path.join(out, 'lost+found'), { recursive: true });
  // Root may read everything: the fault is made.
  const run = await maskbench(['mask', input, '--out', out], {
    LD_PRELOAD: buildFaults(folder),
    MASKBENCH_FAULT: 'eio',
    MASKBENCH_FAULT_BELOW: path.join(out, 'lost+found'),
    MASKBENCH_FAULT_ONE_IN: '1',
  });
  t.is(run.code, 0, run.stderr);
  t.true(existsSync(path.join(out, 'masked_a.jpg')));
});

test('L12: mask replaces nothing that is not a run of its own', async (t) => {
  const { folder, input, out } = await photos(t, 'a.jpg', 'sub/b.jpg');
  const notes = path.join(folder, 'notes.txt');
  writeFileSync(notes, 'mine, without an end of line');
  const before = hashTree(folder);
  const photo = path.join(input, 'a.jpg');
  const refused = async (...args: string[]) => {
    const run = await maskbench(['mask', ...args]);
    t.is(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
    t.notRegex(run.stderr, /^ {4}at /m);
    rmSync(out, { recursive: true, force: true });
    t.deepEqual(hashTree(folder), before, args.join(' '));
  };
  await refused(photo, '--out', out, '--manifest', photo, '--overwrite');
  await refused(photo, '--out', path.join(folder, 'x.jpg'), '--manifest', path.join(input, 'sub/b.jpg'), '--overwrite');
  await refused(input, '--out', out, '--manifest', notes, '--resume');
  await refused(input, '--out', out, '--manifest', notes, '--overwrite');
  await refused(photo, '--out', photo, '--overwrite');
  await refused(photo, '--out', path.join(folder, 'x.gif'));
  await refused(photo, '--out', '-');
  await refused(photo, '--out', out, '--manifest', '-');
  // Outputs among the inputs.
  mkdirSync(path.join(input, 'in'));
  linkSync(photo, path.join(input, 'in/a.jpg'));
  Object.assign(before, hashTree(folder));
  await refused(input, '--out', folder, '--overwrite');
});

test('L12: a twin that was there before a run is not its own', async (t) => {
  const { input, out } = await photos(t, 'a.jpg', 'b.jpg');
  mkdirSync(out);
  writeFileSync(path.join(out, 'masked_b.jpg'), 'mine');
  await t.throwsAsync(maskFiles([input], out), { code: 'OUTPUT_EXISTS', message: /masked_b\.jpg/ });
  t.deepEqual(readdirSync(out), ['masked_b.jpg']);
});

test('L12: --again does not replace the manifest it is made from', async (t) => {
  const { input, out } = await photos(t, 'a.jpg');
  await maskFiles([input], out);
  const manifest = manifestOf(out);
  await t.throwsAsync(maskFiles([input], out, { again: manifest, overwrite: true }), { code: 'INVALID_ARGUMENT' });
  t.is(lines(manifest).length, 1);
});

test('L12: styles, embed, score-all and reports replace nothing of others', async (t) => {
  const { folder, input } = await photos(t, 'a.jpg');
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('mine.png'), 'mine');
  writeFileSync(at('v.npy.part'), 'mine');
  for (const name of ['scores', 'report']) mkdirSync(at(name));
  writeFileSync(at('scores/impostor.npy'), 'mine');
  writeFileSync(at('report/report.html'), '<html>mine</html>');
  writeFileSync(at('labelled.csv'), 'score,label\n0.9,1\n0.8,1\n0.1,0\n0.2,0\n');
  const before = hashTree(folder);
  for (const args of [
    ['styles', path.join(input, 'a.jpg'), '--out', at('mine.png')],
    ['styles', path.join(input, 'a.jpg'), '--out', at('x.gif')],
    ['embed', input, '--out', at('v.npy'), '--crops'],
    ['score-all', '--vectors', at('v.npy'), '--out', at('scores')],
    ['evaluate', '--scores', at('labelled.csv'), '--out', at('report'), '--draws', '0', '--fmr', '0.5'],
    ['pairs', input, '--out', at('mine.png')],
  ]) {
    const run = await maskbench(args);
    t.true(run.code === 2 || (args[0] === 'pairs' && run.code === 1), `${args.join(' ')}: ${run.code} ${run.stderr}`);
    t.notRegex(run.stderr, /^ {4}at /m);
  }
  t.deepEqual(hashTree(folder), before);
});

test('L13: no two hold a lock in thousands of tries', async (t) => {
  const folder = temporaryFolder(t);
  const program = `
    import { openSync, closeSync, unlinkSync, existsSync } from 'node:fs';
    import { withFolderLocked } from ${JSON.stringify(path.join(repository, 'dist/files/lock.js'))};
    const [folder, tries] = process.argv.slice(1);
    let held = 0, double = 0;
    for (let i = 0; i < Number(tries); i++)
      await withFolderLocked(folder, false, async () => {
        held++;
        try { closeSync(openSync(folder + '/inside', 'wx')); } catch { double++; return; }
        if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        unlinkSync(folder + '/inside');
      }).catch((error) => { if (error.code !== 'LOCKED') throw error; });
    console.log(JSON.stringify({ held, double }));`;
  const racers = Array.from(
    { length: 4 },
    () =>
      new Promise<{ held: number; double: number }>((resolve, reject) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder, '850'], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let text = '';
        child.stdout.on('data', (data) => (text += data));
        child.on('close', () => (text ? resolve(JSON.parse(text)) : reject(new Error('a racer failed'))));
      }),
  );
  const ended = await Promise.all(racers);
  t.is(
    ended.reduce((sum, { double }) => sum + double, 0),
    0,
  );
  t.true(ended.every(({ held }) => held > 0));
  t.deepEqual(readdirSync(folder), []);
});

test('L13: a run leaves the temporary files of live ones alone, and takes those of the dead', async (t) => {
  const { input, out } = await photos(t, 'a.jpg');
  const inner = path.join(out, 'inner');
  mkdirSync(inner, { recursive: true });
  const child = spawn('sleep', ['60']);
  t.teardown(() => child.kill());
  const start = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')[19];
  const live = temporaryOf(child.pid as number).replace(/-1-0$/, `-${start}-0`);
  const elsewhere = '.maskbench-tmp-00000000-1-1-0';
  for (const name of [live, elsewhere, temporaryOf(1)]) writeFileSync(path.join(inner, name), '');
  await maskFiles([input], out);
  t.deepEqual(readdirSync(inner).sort(), [elsewhere, live].sort());
});

test('L13: a lock that a killed run has left stops nobody, and two runs do not share a manifest', async (t) => {
  const { folder, input, out } = await photos(t, ...Array.from({ length: 8 }, (_, i) => `${i}.jpg`));
  mkdirSync(out);
  writeFileSync(path.join(out, '.maskbench-lock'), JSON.stringify({ host: 'elsewhere', pid: 1 }));
  // Either may come first.
  const runs = await Promise.allSettled([
    maskFiles([input], out),
    maskFiles([input], path.join(folder, 'two'), { manifest: manifestOf(out), resume: true }),
  ]);
  const ended = runs.map((run) => (run.status === 'fulfilled' ? run.value.counts.masked : run.reason.code));
  t.deepEqual(ended.sort(), [8, 'LOCKED']);
  t.false(existsSync(path.join(out, '.maskbench-lock')));
});

test('L12: --resume without an earlier run replaces nothing', async (t) => {
  const { input, out } = await photos(t, 'a.jpg', 'b.jpg');
  mkdirSync(out);
  const [twin, single] = [path.join(out, 'masked_a.jpg'), path.join(out, 'single.jpg')];
  for (const file of [twin, single]) writeFileSync(file, 'mine');
  for (const args of [
    [input, '--out', out],
    [path.join(input, 'a.jpg'), '--out', single],
  ]) {
    const { code, stderr } = await maskbench(['mask', ...args, '--resume']);
    t.is(code, 2);
    t.regex(stderr, /the output exists already/);
  }
  for (const file of [twin, single]) t.is(readFileSync(file, 'utf8'), 'mine');
});

test('L15: outputs that lie in the input are not masked again, whatever leads there', async (t) => {
  const { folder, input } = await photos(t, 'a.jpg', 'out/old.jpg');
  symlinkSync(input, path.join(folder, 'link'));
  const { counts } = await maskFiles([input], path.join(folder, 'link/out'));
  t.is(counts.masked, 1);
  // A link in the input that leads into the outputs.
  const other = path.join(folder, 'other');
  await maskFiles([input], other, { manifest: path.join(folder, 'first.jsonl') });
  symlinkSync(path.join(other, 'out'), path.join(input, 'back'));
  const again = await maskFiles([input], other, { manifest: path.join(folder, 'second.jsonl'), overwrite: true });
  t.false(lines(again.manifest as string).some(({ input: photo }) => photo.startsWith('back')));
});

test('L16: names are bytes, from the command line to the manifest and back', async (t) => {
  const { folder, input } = await photos(t, 'a.jpg');
  const [latin, twin] = ['caf\udce9', 'masked_f\udcfcr.jpg'];
  mkdirSync(toPath(path.join(input, latin)));
  renameSync(path.join(input, 'a.jpg'), toPath(path.join(input, latin, 'f\udcfcr.jpg')));
  t.is(toText(toBytes(latin)), latin);
  const out = path.join(folder, '\udcff out');
  const run = spawnSync('bash', [
    '-c',
    `cd "$1"; exec "$2" "$3" mask $'in/caf\\xe9' --out $'\\xff out'`,
    'bash',
    folder,
    process.execPath,
    cli,
  ]);
  t.is(run.status, 0, run.stderr.toString());
  t.true(existsSync(toPath(path.join(out, twin))));
  const [line] = readFileSync(toPath(manifestOf(out)), 'utf8')
    .trim()
    .split('\n');
  t.like(JSON.parse(line as string), { input: 'f\udcfcr.jpg', output: twin, status: 'masked' });
  t.is((await maskFiles([path.join(input, latin)], out, { resume: true })).skipped, 1);
  // The native core names files so too.
  const absent = path.join(input, 'na\udcefve.jpg');
  await t.throwsAsync((await Masker.open()).detect(absent), { code: 'NOT_FOUND', message: /na\udcefve/ });
  for (const text of ['\u{1F600}\udc80é', '\udcc3(', '\udced\udca0\udc80', 'plain']) t.is(toText(toBytes(text)), text);
});

test('L16: hidden files and folders, and what systems put beside photos, are left alone', async (t) => {
  const { input, out } = await photos(t, 'a.jpg', '.ipynb_checkpoints/b.jpg', '__MACOSX/c.jpg');
  for (const name of ['._a.jpg', 'Thumbs.db', '.DS_Store']) writeFileSync(path.join(input, name), 'no photo');
  const { counts, problems } = await maskFiles([input], out);
  t.deepEqual([counts.masked, problems], [1, []]);
  const named = ['a.jpg', '._a.jpg', 'Thumbs.db'].map((name) => path.join(input, name));
  t.deepEqual((await maskFiles(named, `${out} 2`)).problems, []);
});

test('L16: --again with bad landmarks is refused in one line', async (t) => {
  const { folder, input, out } = await photos(t, 'a.jpg');
  await maskFiles([input], out);
  const [line] = lines(manifestOf(out)) as [ManifestLine];
  for (const landmarks of [[[1, 2]], undefined, line.faces[0]?.landmarks.map(() => ['x', 1])]) {
    const manifest = path.join(folder, 'bad.jsonl');
    writeFileSync(manifest, `${JSON.stringify({ ...line, faces: [{ ...line.faces[0], landmarks }] })}\n`);
    const run = await maskbench(['mask', input, '--out', path.join(folder, 'again'), '--again', manifest]);
    t.not(run.code, 0);
    t.regex(run.stderr, /^maskbench: .*bad\.jsonl, line 1: not a line of a maskbench manifest\n$/);
  }
  const face = { box: { left: 0, top: 0, right: 50, bottom: 50 }, landmarks: Array(68).fill([1e300, Number.NaN]) };
  await t.throwsAsync((await Masker.open()).mask((await faceCrops())[0] as Buffer, { faces: [face] }), {
    code: 'INVALID_ARGUMENT',
  });
  unlinkSync(manifestOf(out));
});
