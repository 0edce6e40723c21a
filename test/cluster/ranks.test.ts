import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openSink, type Sink } from 'maskbench/storage';
import { buildFaults } from '../disturb/disturb.js';
import { alignedCrops } from '../support/aligned.js';
import { writePhotos } from '../support/faces.js';
import { hashTree, maskbench, repository, temporaryFolder } from '../support/files.js';

const photos = Array.from({ length: 13 }, (_, i) => ({
  name: `${['a', 'b/c', 'd'][i % 3]}/${i}.${i === 5 ? 'png' : 'jpg'}`,
  face: i % 6 !== 4,
}));

async function runs(t: ExecutionContext, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await maskbench(words);
  t.is(code, 0, stderr);
  return stdout;
}

/** Plans a command, does its ranks in an odd order, some of them twice, and merges. */
async function inRanks(t: ExecutionContext, plan: string, ranks: number, words: string[]): Promise<void> {
  await runs(t, 'cluster', 'plan', '--plan', plan, '--ranks', String(ranks), ...words);
  for (let rank = ranks - 1; rank >= 0; rank--) await runs(t, 'cluster', 'work', plan, '--rank', String(rank));
  t.regex(await runs(t, 'cluster', 'work', plan, '--rank', '0'), /was done already/);
  t.regex(await runs(t, 'cluster', 'status', plan), new RegExp(`^${ranks} of ${ranks} ranks done`));
  await runs(t, 'cluster', 'merge', plan);
  t.deepEqual(
    readdirSync(plan).filter((name) => ['outputs', 'attempts'].includes(name)),
    [],
  );
}

test('a folder of photos in ranks', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('in'), photos);
  writeFileSync(at('in/a/broken.jpg'), 'no photo');
  const words = (out: string) => [
    'mask',
    at('in'),
    '--out',
    out,
    '--style',
    'random',
    '--seed',
    '3',
    '--write-landmarks',
  ];
  await maskbench(words(at('whole')));
  await inRanks(t, at('plan'), 4, words(at('ranks')));
  t.deepEqual(hashTree(at('ranks')), hashTree(at('whole')));
  for (const [out, plan] of [
    ['photos.tar', 'tar'],
    ['photos.rec', 'rec'],
  ] as const) {
    const both = (where: string) => ['mask', at('in'), '--out', at(`${where}/${out}`), '--contents', 'both'];
    await maskbench(both(`whole-${plan}`));
    await inRanks(t, at(`plan-${plan}`), 3, both(`ranks-${plan}`));
    t.deepEqual(hashTree(at(`ranks-${plan}`)), hashTree(at(`whole-${plan}`)));
  }
});

async function fill(file: string, from: number, count: number): Promise<void> {
  const crops = await alignedCrops(6);
  const sink = (await openSink(file, [])) as Sink;
  await sink.open();
  for (let i = from; i < from + count; i++) sink.put({ key: `${i}`, labels: [i >> 1] }, crops[i % 6]);
  await sink.finish();
  await sink.close();
}

test('records and tars in ranks', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await fill(at('train.rec'), 0, 11);
  for (let i = 0; i < 5; i++) await fill(at(`tars/0000${i}.tar`), 10 * i, 4);
  for (const [input, out, ranks] of [
    ['train.rec', 'train.rec', 4],
    ['train.rec', 'train.tar', 3],
    ['train.rec', 'loose', 2],
    ['tars', 'tars', 3],
    ['tars', 'all.tar', 2],
  ] as const) {
    const words = (where: string) => ['mask', at(input), '--out', at(`${where}/${out}`), '--aligned', 'arcface'];
    await runs(t, ...words(`whole ${input} ${out}`));
    await inRanks(t, at(`plan ${input} ${out}`), ranks, words(`ranks ${input} ${out}`));
    t.deepEqual(hashTree(at(`ranks ${input} ${out}`)), hashTree(at(`whole ${input} ${out}`)), `${input} → ${out}`);
  }
  for (const input of ['train.rec', 'tars']) {
    const words = (out: string) => ['embed', at(input), '--out', at(`${out} ${input}.npy`), '--crops'];
    await runs(t, ...words('whole'));
    await inRanks(t, at(`plan embed ${input}`), 3, words('ranks'));
    for (const end of ['npy', 'jsonl'])
      t.deepEqual(readFileSync(at(`ranks ${input}.${end}`)), readFileSync(at(`whole ${input}.${end}`)), input);
  }
});

test('a data set in ranks, its vectors, and all their pairs', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(
    at('base/folders'),
    photos.map(({ name, face }) => ({ name: name.replace('/c/', '/'), face })),
  );
  const generate = (out: string) => [
    'dataset',
    'generate',
    '--base',
    at('base'),
    '--out',
    at(out),
    '--style',
    'random',
  ];
  await runs(t, ...generate('whole'));
  await inRanks(t, at('plan generate'), 3, generate('ranks'));
  t.deepEqual(hashTree(at('ranks')), hashTree(at('whole')));

  for (const [name, bits] of [
    ['v.npy', '32'],
    ['h.npy', '16'],
    ['v.parquet', '32'],
  ] as const) {
    const embed = (out: string) => [
      'embed',
      at('whole/folders'),
      '--out',
      at(out),
      '--face-source',
      'manifest',
      '--bits',
      bits,
    ];
    await runs(t, ...embed(name));
    await inRanks(t, at(`plan ${name}`), 3, embed(`ranks-${name}`));
    t.deepEqual(readFileSync(at(`ranks-${name}`)), readFileSync(at(name)), name);
  }
  t.deepEqual(readFileSync(at('ranks-v.jsonl')), readFileSync(at('v.jsonl')));

  const score = (out: string) => ['score-all', '--vectors', at('v.npy'), '--out', at(out), '--fmr', '0.1'];
  await runs(t, ...score('scores'));
  await inRanks(t, at('plan scores'), 3, score('ranks-scores'));
  t.deepEqual(hashTree(at('ranks-scores')), hashTree(at('scores')));
});

test('a worker that gets SIGUSR1 finishes what is in progress, and the next one does the rest', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(
    at('in'),
    Array.from({ length: 120 }, (_, i) => ({ name: `${i}.jpg` })),
  );
  const words = ['mask', at('in'), '--out', at('out'), '--concurrency', '1'];
  await runs(t, 'cluster', 'plan', '--plan', at('plan'), '--ranks', '1', ...words);
  const worker = spawn(process.execPath, [
    path.join(repository, 'dist/cli/main.js'),
    'cluster',
    'work',
    at('plan'),
    '--rank',
    '0',
  ]);
  const ended = once(worker, 'close');
  const attempts = at('plan/attempts/0');
  const begun = () => {
    try {
      return statSync(path.join(attempts, readdirSync(attempts)[0] ?? '', 'manifest.jsonl')).size > 0;
    } catch {
      return false;
    }
  };
  while (!begun()) await setTimeout(20);
  worker.kill('SIGUSR1');
  t.deepEqual(await ended, [75, null]);
  const finished = readdirSync(at('out')).filter((name) => name.startsWith('masked_'));
  t.true(finished.length > 0 && finished.length < 120, String(finished.length));
  const written = (name: string) => statSync(path.join(at('out'), name)).ino;
  const before = finished.map(written);
  t.regex(await runs(t, 'cluster', 'status', at('plan')), /^0 of 1 ranks done, 1 interrupted/);
  const secondsIn = (name: string) => JSON.parse(readFileSync(at(`plan/${name}/0.json`), 'utf8')).seconds;
  const interrupted = secondsIn('states');
  t.true(interrupted > 0);
  await runs(t, 'cluster', 'work', at('plan'), '--rank', '0');
  t.true(secondsIn('completions') > interrupted);
  await runs(t, 'cluster', 'merge', at('plan'));
  t.deepEqual(finished.map(written), before);
  t.is(readFileSync(at('out/manifest.jsonl'), 'utf8').trim().split('\n').length, 120);
});

test('what is wrong with a plan, a rank or its outputs is said, and other ranks finish', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('in'), photos.slice(0, 6));
  const words = ['mask', at('in'), '--out', at('out'), '--style', 'random'];
  const fails = async (code: number, expected: RegExp, ...of: string[]) => {
    const { code: found, stderr } = await maskbench(['cluster', ...of]);
    t.is(found, code, stderr);
    t.regex(stderr, expected);
    t.notRegex(stderr, /^ {4}at /m);
  };
  const plan = at('plan');
  await fails(2, /expected at most 6 ranks/, 'plan', '--plan', at('many'), '--ranks', '7', ...words);
  await fails(
    2,
    /one of mask, dataset generate, embed, score-all/,
    'plan',
    '--plan',
    plan,
    '--ranks',
    '2',
    'detect',
    at('in'),
  );
  await fails(2, /ranks resume by themselves/, 'plan', '--plan', plan, '--ranks', '2', ...words, '--resume');
  for (const inSet of [
    ['mask', 'lfw.bin', '--out', at('masked.bin')],
    ['embed', 'lfw.bin', '--out', at('v.npy')],
  ])
    await fails(2, /in a plan.*lfw\.bin/, 'plan', '--plan', plan, '--ranks', '2', ...inSet);
  const gone = ['plan', '--plan', plan, '--ranks', '2', 'mask', at('gone'), '--out', at('out')];
  await fails(1, /gone.*(does not exist|no such file)/i, ...gone);
  await fails(1, /expected a plan, found no plan.json/, 'work', at('none'), '--rank', '0');
  await runs(t, 'cluster', 'plan', '--plan', plan, '--ranks', '3', ...words);
  await fails(2, /plans are never changed/, 'plan', '--plan', plan, '--ranks', '2', ...words);
  await fails(2, /rank/, 'work', plan, '--rank', '3');
  await fails(2, /rank/, 'work', plan);
  await fails(1, /3 of 3 ranks are not done: 0-2/, 'merge', plan);
  const full = { MASKBENCH_FAULT: 'enospc', MASKBENCH_FAULT_BELOW: plan, MASKBENCH_FAULT_ONE_IN: '1' };
  const onFullDisk = await maskbench(['cluster', 'work', plan, '--rank', '0'], {
    ...{ LD_PRELOAD: buildFaults(folder), ...full, MASKBENCH_FAULT_SEED: '1' },
  });
  t.is(onFullDisk.code, 75);
  t.regex(onFullDisk.stderr, /cannot be (written|created).*no space/i);

  // Plans that were changed.
  const changes: [string, RegExp, (text: string) => string][] = [
    ['plan.json', /not a plan/, (text) => text.replace('"ranks": 3', '"ranks": 1000000000')],
    ['plan.json', /one of mask, dataset generate/, (text) => text.replace('"mask"', '"__proto__"')],
    ['ranks.jsonl', /not the part of rank 0/, (text) => text.replace('"from":0', '"from":-1')],
    ['ranks.jsonl', /expected \d+ lines from byte 99999/, (text) => text.replace('"from":0', '"from":99999')],
    ['inputs.jsonl', /inputs\.jsonl: Unexpected token/, (text) => `nothing${text.slice(7)}`],
  ];
  for (const [i, [name, expected, change]] of changes.entries()) {
    const changed = at(`changed-${i}`);
    cpSync(plan, changed, { recursive: true });
    rmSync(path.join(changed, 'states'), { recursive: true });
    const file = path.join(changed, name);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    const { code, stderr } = await maskbench(['cluster', 'work', changed, '--rank', '0']);
    t.not(code, 0, name);
    t.regex(stderr, expected);
    t.notRegex(stderr, /^ {4}at /m);
  }

  // An input that is gone, and comes back.
  renameSync(at('in/a/3.jpg'), at('3.jpg'));
  const without: number[] = [];
  for (const rank of ['0', '1', '2']) {
    const { code, stderr } = await maskbench(['cluster', 'work', plan, '--rank', rank, '--attempts', '2']);
    if (code === 0) continue;
    t.is(code, 75, stderr);
    t.regex(stderr, /in\/a\/3\.jpg/);
    without.push(Number(rank));
  }
  t.is(without.length, 1);
  const rank = String(without[0]);
  const status = await maskbench(['cluster', 'status', plan]);
  t.is(status.code, 1);
  t.regex(
    status.stdout,
    new RegExp(`2 of 3 ranks done, 1 failed.*\\nrank ${rank}: 1 photos could not be read.*3\\.jpg`),
  );
  await fails(75, /3\.jpg/, 'work', plan, '--rank', rank, '--attempts', '2');
  await fails(1, /failed 2 times, the last time: .*3\.jpg/, 'work', plan, '--rank', rank, '--attempts', '2');
  renameSync(at('3.jpg'), at('in/a/3.jpg'));
  await runs(t, 'cluster', 'work', plan, '--rank', rank);

  // Outputs that are no longer what was completed.
  const other = without[0] === 0 ? 1 : 0;
  writeFileSync(path.join(plan, `outputs/${other}/manifest.jsonl`), 'other');
  await fails(
    1,
    new RegExp(`ranks ${other} are not as they were completed, and must be done again: .*SHA-256`),
    'merge',
    plan,
  );
  await runs(t, 'cluster', 'work', plan, '--rank', String(other));
  const merges = await Promise.all([1, 2].map(() => maskbench(['cluster', 'merge', plan])));
  for (const { code, stdout, stderr } of merges) t.true(code === 0 || /another run/.test(stderr), stdout + stderr);
  await runs(t, 'cluster', 'merge', plan);
  await runs(t, ...words.map((word) => (word === at('out') ? at('whole') : word)));
  t.deepEqual(hashTree(at('out')), hashTree(at('whole')));

  // Another version, and other settings.
  const text = readFileSync(path.join(plan, 'plan.json'), 'utf8');
  writeFileSync(path.join(plan, 'plan.json'), text.replace('"random"', '"b"'));
  await fails(2, /settings here are others than the plan's/, 'work', plan, '--rank', '0');
  writeFileSync(path.join(plan, 'plan.json'), text.replace(/"maskbench": "[^"]*"/, '"maskbench": "0.0.1"'));
  await fails(2, /made by maskbench 0\.0\.1/, 'work', plan, '--rank', '0');
});
