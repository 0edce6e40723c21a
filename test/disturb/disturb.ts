import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import sharp from 'sharp';
import { npyFile } from '../../lib/files/npy.js';
import { NamedRandom } from '../../lib/random.js';
import { faceCrops } from '../support/faces.js';
import { hashTree, repository, sha256 } from '../support/files.js';

export const disturbances = ['kill', 'eio', 'enospc', 'emfile', 'vanish', 'pipe'] as const;
export type Disturbance = (typeof disturbances)[number];

/** A command that is disturbed: its words, and what undisturbed runs of it make. */
export interface Subject {
  name: string;
  /** Where its photos or vectors come from, absolute. */
  source: string;
  words: (out: string) => string[];
  /** Goes on by `--resume`; else by itself. */
  resumes: boolean;
  /** What makes the rest where the command refuses its output: the report, where only that could not be written. */
  finish?: (out: string) => string[];
  /** Throws where something in an output folder says that it is complete, and is not. */
  checkHonest: (out: string) => void;
  /** All of an output folder that must be the same. */
  made: (out: string) => Record<string, string>;
  /** How long an undisturbed run takes. */
  milliseconds: number;
  expected: Record<string, string>;
}

interface Ended {
  code: number | null;
  stderr: string;
}

/** A library for LD_PRELOAD that makes calls of the system fail. */
export function buildFaults(folder: string): string {
  const library = path.join(folder, 'faults.so');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, path.join(import.meta.dirname, 'faults.c'), '-ldl']);
  return library;
}

/** Manifest lines in the order of photos: those that failed at first stand behind the others. */
const manifestOf = (file: string) => readFileSync(file, 'utf8').trim().split('\n').sort().join('\n');

function tree(out: string): Record<string, string> {
  const hashes = hashTree(out);
  for (const file of Object.keys(hashes))
    if (path.basename(file) === 'manifest.jsonl') hashes[file] = sha256(Buffer.from(manifestOf(path.join(out, file))));
  return hashes;
}

const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** The four commands on small inputs, with their undisturbed results. */
export async function makeSubjects(folder: string): Promise<Subject[]> {
  const base = path.join(folder, 'base');
  const photos = path.join(base, 'folders');
  const crops = await faceCrops();
  for (let i = 0; i < 24; i++) {
    const person = path.join(photos, `person ${i % 6}`);
    mkdirSync(person, { recursive: true });
    writeFileSync(
      path.join(person, `${i}.jpg`),
      await sharp(crops[i % crops.length])

        .jpeg({ quality: 90 })
        .toBuffer(),
    );
  }
  writeFileSync(path.join(photos, 'person 1', 'broken.jpg'), 'no photo');
  const vectors = path.join(folder, 'vectors');
  mkdirSync(vectors);
  const random = new NamedRandom(1, 'vectors');
  const numbers = Float32Array.from({ length: 60 * 16 }, () => random.below(2001) / 1000 - 1);
  writeFileSync(path.join(vectors, 'v.npy'), npyFile(numbers, [60, 16]));
  const lines = Array.from({ length: 60 }, (_, row) =>
    JSON.stringify({
      row,
      path: `p${row % 12}/${row}.jpg`,
      identity: `p${row % 12}`,
      photo: `${row}.jpg`,
      masked: false,
      status: 'detected',
    }),
  );
  writeFileSync(path.join(vectors, 'v.jsonl'), `${lines.join('\n')}\n`);
  const nothing = () => {};
  const subjects: Omit<Subject, 'milliseconds' | 'expected'>[] = [
    {
      name: 'mask',
      source: photos,
      words: (out) => ['mask', photos, '--out', out, '--style', 'random', '--write-landmarks'],
      resumes: true,
      checkHonest: nothing,
      made: tree,
    },
    {
      name: 'generate',
      source: base,
      words: (out) => ['dataset', 'generate', '--base', base, '--out', out],
      resumes: true,
      checkHonest: (out) => {
        const corpus = path.join(out, 'folders');
        if (!read(path.join(corpus, 'dataset.json')).includes('"complete": true')) return;
        if (manifestOf(path.join(corpus, 'manifest.jsonl')).split('\n').length !== 25)
          throw new Error('a corpus is called complete that is not');
        if (manifestOf(path.join(corpus, 'manifest.jsonl')).includes('"failed"'))
          throw new Error('a corpus is called complete that has failed photos');
      },
      made: tree,
    },
    {
      name: 'embed',
      source: photos,
      words: (out) => ['embed', photos, '--out', path.join(out, 'v.npy'), '--crops'],
      resumes: true,
      checkHonest: (out) => {
        if (existsSync(path.join(out, 'v.npy')) && read(path.join(out, 'v.jsonl')).split('\n').length !== 26)
          throw new Error('vectors are there that are not whole');
      },
      made: tree,
    },
    {
      name: 'score-all',
      source: vectors,
      words: (out) => ['score-all', '--vectors', path.join(vectors, 'v.npy'), '--out', out, '--fmr', '0.1'],
      resumes: false,
      checkHonest: nothing,
      finish: (out) => ['evaluate', '--all-pairs', out, '--out', out, '--fmr', '0.1'],
      made: tree,
    },
  ];
  const finished: Subject[] = [];
  for (const subject of subjects) {
    const out = path.join(folder, `expected-${subject.name}`);
    mkdirSync(out);
    const start = performance.now();
    const ended = await runCommand(subject.words(out), {});
    const milliseconds = performance.now() - start;
    if (ended.code !== 0 && ended.code !== 1) throw new Error(`${subject.name}: ${ended.stderr}`);
    finished.push({ ...subject, milliseconds, expected: subject.made(out) });
  }
  return finished;
}

interface RunHow {
  env?: Record<string, string>;
  /** Called once it has started. */
  meanwhile?: (child: ReturnType<typeof spawn>) => Promise<void>;
  /** Stop reading standard error after the first piece, and close it after a while. */
  deaf?: boolean;
}

async function runCommand(words: string[], { env = {}, meanwhile, deaf = false }: RunHow): Promise<Ended> {
  const child = spawn(process.execPath, [path.join(repository, 'dist/cli/main.js'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stderr = '';
  child.stdout?.resume();
  if (deaf) {
    child.stdout?.destroy();
    child.stderr?.once('data', () => child.stderr?.destroy());
  } else child.stderr?.on('data', (data) => (stderr += data));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await meanwhile?.(child);
  return { code: await ended, stderr };
}

/** What a run does to its command: each of these once, then the command is gone on with in peace. */
async function runDisturbed(
  { words, source, milliseconds, resumes }: Subject,
  out: string,
  disturbance: Disturbance,
  random: NamedRandom,
  faults: string,
  again: boolean,
): Promise<Ended> {
  const all = [...words(out), ...(resumes && (again || random.below(2) === 0) ? ['--resume'] : [])];
  const moment = () => setTimeout(random.below(Math.ceil(milliseconds * 1.1)));
  if (disturbance === 'kill')
    return runCommand(all, {
      meanwhile: async (child) => {
        await moment();
        child.kill('SIGKILL');
      },
    });
  if (disturbance === 'pipe') return runCommand(all, { deaf: true });
  if (disturbance === 'vanish') {
    const away = `${source} away`;
    return runCommand(all, {
      meanwhile: async () => {
        await moment();
        renameSync(source, away);
        await setTimeout(random.below(Math.ceil(milliseconds)));
        renameSync(away, source);
      },
    });
  }
  const below = { eio: source, enospc: out, emfile: random.below(2) === 0 ? source : out }[disturbance];
  return runCommand(all, {
    env: {
      LD_PRELOAD: faults,
      MASKBENCH_FAULT: disturbance,
      MASKBENCH_FAULT_BELOW: below,
      MASKBENCH_FAULT_ONE_IN: String(random.pick([1, 2, 3, 5, 10, 30])),
      MASKBENCH_FAULT_SEED: String(random.below(1_000_000)),
    },
  });
}

/** Two runs that are disturbed, and one that is not: throws unless it makes what an undisturbed one makes, and nothing is left over. */
export async function disturb(
  subject: Subject,
  disturbance: Disturbance,
  { folder, seed, faults }: { folder: string; seed: number; faults: string },
): Promise<void> {
  const random = new NamedRandom(seed, `${subject.name} ${disturbance}`);
  const out = path.join(folder, `${subject.name} ${disturbance} ${seed}`);
  mkdirSync(out);
  let said = '';
  for (const again of [false, true]) {
    const { code, stderr } = await runDisturbed(subject, out, disturbance, random, faults, again);
    said += `[exit ${code}] ${stderr}`;
    subject.checkHonest(out);
    if (/^ {4}at .*\n/m.test(stderr)) throw new Error(`${subject.name}, ${disturbance} ${seed}: a stack: ${stderr}`);
  }
  let last = await runCommand([...subject.words(out), ...(subject.resumes ? ['--resume'] : [])], {});
  if (last.code === 2 && subject.finish) last = await runCommand(subject.finish(out), {});
  const made = subject.made(out);
  if (JSON.stringify(made) !== JSON.stringify(subject.expected)) {
    const names = new Set([...Object.keys(made), ...Object.keys(subject.expected)]);
    const wrong = [...names].filter((name) => made[name] !== subject.expected[name]);
    throw new Error(
      `${subject.name}, ${disturbance} ${seed}: not as undisturbed: ${wrong.join(', ')}\n${said}\n[exit ${last.code}] ${last.stderr}`,
    );
  }
  rmSync(out, { recursive: true });
}
