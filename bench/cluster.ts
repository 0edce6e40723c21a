import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { median } from '../lib/throughput/compare.js';
import { makeCorpus } from './corpus.js';
import type { BenchOptions } from './options.js';

const main = path.join(import.meta.dirname, '../dist/cli/main.js');

interface Measured {
  seconds: number;
  /** Processor seconds. */
  busy: number;
  /** The greatest resident memory, in MiB. */
  memory: number;
  stdout: string;
}

/** Runs our command line in a process of its own. */
async function measure(...words: string[]): Promise<Measured> {
  const script = `
    process.argv.splice(1, 1);
    process.on('exit', () => process.stderr.write('\\n' + JSON.stringify(process.resourceUsage())));
    await import(${JSON.stringify(main)});`;
  const start = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, 'x', 'x', ...words]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) throw new Error(`maskbench ${words.join(' ')}: ${stderr}`);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(stderr.trim().split('\n').at(-1) as string);
  return { seconds, busy: (userCPUTime + systemCPUTime) / 1e6, memory: maxRSS / 1024, stdout };
}

/** What ranks cost beside a plain run, and what a second worker gains. */
async function benchRanks(folder: string, photos: string, turns: number): Promise<void> {
  const ranks = 4;
  const overheads: number[] = [];
  const gains: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const at = (name: string) => path.join(folder, `${turn}-${name}`);
    const words = (out: string) => ['mask', photos, '--out', at(out), '--concurrency', '1'];
    // What every process needs before its first photo, and what the others need.
    const first = await measure('mask', path.join(photos, readdirSync(photos)[0] ?? ''), '--out', at('first.jpg'));
    const idle = await measure('cluster', '--help');
    const whole = await measure(...words('whole'));
    let busy = 0;
    const cluster = async (start: Measured, ...given: string[]) => {
      busy += (await measure('cluster', ...given)).busy - start.busy;
    };
    const plan = (name: string) =>
      cluster(idle, 'plan', '--plan', at(name), '--ranks', String(ranks), ...words(`of ${name}`));
    const work = async (name: string, workers: number) => {
      const start = performance.now();
      const some = async (_: unknown, worker: number) => {
        for (let rank = worker; rank < ranks; rank += workers)
          await cluster(first, 'work', at(name), '--rank', String(rank));
      };
      await Promise.all(Array.from({ length: workers }, some));
      return performance.now() - start;
    };
    await plan('one');
    const one = await work('one', 1);
    await cluster(idle, 'merge', at('one'));
    overheads.push(busy / (whole.busy - first.busy) - 1);
    await plan('two');
    gains.push(one / (await work('two', 2)));
  }
  console.log(
    `  plan, ${ranks} ranks and merge need ${(100 * median(overheads)).toFixed(1)}% more processor time than one run ` +
      `(starts of processes apart); two workers are ${median(gains).toFixed(2)} × as fast as one`,
  );
}

/** A plan of very many records, and the status of very many ranks. Nothing is masked. */
async function benchPlan(folder: string, records: number, ranks: number): Promise<void> {
  const at = (name: string) => path.join(folder, name);
  const size = 8000;
  const index = openSync(at('train.idx'), 'w');
  for (let key = 1; key <= records; ) {
    let text = '';
    for (const end = Math.min(records, key + 99_999); key <= end; key++) text += `${key}\t${(key - 1) * size}\n`;
    writeSync(index, text);
  }
  closeSync(index);
  // Never read: a file of holes.
  writeFileSync(at('train.rec'), '');
  truncateSync(at('train.rec'), records * size);
  const words = ['mask', at('train.rec'), '--out', at('masked.rec'), '--aligned', 'arcface'];
  const say = ({ seconds, memory }: Measured, what: string) =>
    console.log(`  ${what}: ${seconds.toFixed(2)} s, ${memory.toFixed(0)} MiB`);
  say(
    await measure('cluster', 'plan', '--plan', at('plan'), '--ranks', String(ranks), ...words),
    `plan of ${records} records in ${ranks} ranks`,
  );
  const { settings } = JSON.parse(readFileSync(at('plan/plan.json'), 'utf8'));
  const outputs = ['manifest.jsonl', 'masked.rec', 'masked.idx'].map((name) => ({
    ...{ name, kept: 'plan', bytes: 1, sha256: 'a'.repeat(64) },
  }));
  mkdirSync(at('plan/completions'));
  for (let rank = 0; rank < ranks; rank++)
    writeFileSync(
      at(`plan/completions/${rank}.json`),
      JSON.stringify({ rank, settings, counts: { masked: 10_000 }, inputs: 10_000, outputs, seconds: 30, machine: {} }),
    );
  say(await measure('cluster', 'status', at('plan')), `status of ${ranks} ranks`);
}

/** Runs in ranks beside a plain run, and very large plans. */
export async function benchCluster({ quick, photos }: BenchOptions): Promise<void> {
  const corpus = await makeCorpus({ name: 'lfw-size', width: 250, height: 250, format: 'jpeg' }, quick ? 100 : photos);
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
  console.log(`\ncluster: ${quick ? 100 : photos} photos of 250×250`);
  try {
    await benchRanks(folder, corpus, quick ? 1 : 3);
    await benchPlan(folder, quick ? 1_000_000 : 100_000_000, quick ? 1000 : 10_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
