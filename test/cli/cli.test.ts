import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { maskbench, repository, samplePhoto, temporaryFolder } from '../support/files.js';

test('mask writes one photo and says so', async (t) => {
  const out = path.join(temporaryFolder(t), 'masked.jpg');
  const run = await maskbench(['mask', samplePhoto(2), '--out', out, '--color', 'lightblue']);
  t.is(run.code, 0, run.stderr);
  t.regex(run.stdout, /^1 masked/);
  t.deepEqual([...readFileSync(out).subarray(0, 2)], [0xff, 0xd8]);
});

test('mask --json summarises, lists what failed on one line each, and exits with 1', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, 'in'));
  copyFileSync(samplePhoto(2), path.join(folder, 'in/good.jpg'));
  writeFileSync(path.join(folder, 'in/bad.jpg'), 'x');
  const run = await maskbench([
    'mask',
    path.join(folder, 'in'),
    path.join(folder, 'absent.png'),
    '--out',
    path.join(folder, 'out'),
    '--json',
  ]);
  t.is(run.code, 1);
  t.like(JSON.parse(run.stdout), { counts: { masked: 1, unreadable: 1, failed: 1 } });
  t.is(run.stderr.match(/^\/.*$/gm)?.length, 2);
  t.regex(run.stderr, /bad\.jpg: not an image/);
  t.regex(run.stderr, /absent\.png: cannot be opened/);
});

test('wrong usage exits with 2 and one clear line', async (t) => {
  const out = path.join(temporaryFolder(t), 'x.jpg');
  for (const args of [
    ['mask'],
    ['mask', samplePhoto(1)],
    ['mask', samplePhoto(1), '--out', out, '--style', 'z'],
    ['mask', samplePhoto(1), '--out', out, '--color', 'nocolor'],
    ['mask', samplePhoto(1), '--out', out, '--upsample', '77'],
    ['mask', samplePhoto(1), '--out', out, '--seed', 'x'],
    ['nonsense'],
  ]) {
    const run = await maskbench(args);
    t.is(run.code, 2, args.join(' '));
    t.true(run.stderr.length > 0);
  }
  t.false(existsSync(out));
});

test('detect prints faces', async (t) => {
  const run = await maskbench(['detect', samplePhoto(6), '--json']);
  t.is(run.code, 0);
  const [result] = JSON.parse(run.stdout);
  t.is(result.faces.length, 4);
  t.is(result.faces[0].landmarks.length, 68);
  t.regex((await maskbench(['detect', samplePhoto(6)])).stdout, /sample6\.jpg: 4 faces\n {2}\d+,\d+ to/);
});

test('doctor names models with their licences', async (t) => {
  const run = await maskbench(['doctor']);
  t.is(run.code, 0);
  t.regex(run.stdout, /68-point shape predictor: \/.*\n {2}licence: CC0 in Debian; trained on iBUG 300-W/);
});

test('the help describes every command', async (t) => {
  const run = await maskbench(['--help']);
  t.is(run.code, 0);
  for (const name of ['mask', 'detect', 'dataset', 'pairs', 'doctor']) {
    t.regex(run.stdout, new RegExp(`^ {2}${name} `, 'm'));
    t.is((await maskbench([name, '--help'])).code, 0);
  }
});

test('help marks required options, and a wrong option of any command ends with 2', async (t) => {
  for (const [words, required] of [
    ['score', ['vectors <file>', 'pairs <list>', 'out <file.csv>']],
    ['score-all', ['vectors <file>', 'out <folder>']],
    ['score-all merge', ['out <folder>']],
    ['benchmark scores', ['data <folder>']],
    ['models import', ['out <file.onnx>']],
    ['dataset generate', ['base <folder>', 'out <folder>']],
  ] as const) {
    const command = words.split(' ');
    const { code, stdout } = await maskbench([...command, '--help']);
    t.is(code, 0);
    const options = stdout.replaceAll(/\n {3,}/g, ' ').split('\n');
    for (const name of required)
      t.true(
        options.some((line) => line.trim().startsWith(`--${name} `) && line.includes('(required)')),
        name,
      );
    t.is((await maskbench([...command, '--no-such-option'])).code, 2, words);
  }
});

test('Ctrl-C finishes the work in progress, and says how to resume', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, 'in'));
  for (let i = 0; i < 30; i++) copyFileSync(samplePhoto(2), path.join(folder, `in/${i}.jpg`));
  const out = path.join(folder, 'out');
  const child = spawn(process.execPath, [
    path.join(repository, 'dist/cli/main.js'),
    'mask',
    path.join(folder, 'in'),
    '--out',
    out,
    '--concurrency',
    '1',
  ]);
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!existsSync(path.join(out, 'masked_0.jpg'))) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGINT');
  t.is(await ended, 130);
  t.regex(stderr, /to resume, run the same command with --resume/);
  t.false(existsSync(path.join(out, '.maskbench-lock')));
  t.true(readFileSync(path.join(out, 'manifest.jsonl'), 'utf8').endsWith('\n'));
});
