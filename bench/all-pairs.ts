import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { npyHeader } from '../lib/files/npy.js';
import type { BenchOptions } from './options.js';

const dimensions = 512;

/** Vectors of `identities` people, whose own cosine is about 0.5; and their index. */
function writeVectors(folder: string, count: number, identities: number): void {
  const file = openSync(path.join(folder, 'v.npy'), 'w');
  writeSync(file, npyHeader('<f4', [count, dimensions]));
  // People and photos are stretches of one table, at places that look random.
  const table = Float32Array.from({ length: 2 ** 20 }, () => Math.random() - 0.5);
  const stretch = (number: number) => (number * 7919) % (table.length - dimensions);
  const block = new Float32Array(1024 * dimensions);
  for (let row = 0; row < count; row++) {
    const person = stretch(Math.floor((row * identities) / count));
    const photo = stretch(count + row);
    const at = (row % 1024) * dimensions;
    for (let k = 0; k < dimensions; k++) block[at + k] = (table[person + k] as number) + (table[photo + k] as number);
    if (row % 1024 === 1023 || row === count - 1) writeSync(file, block.subarray(0, at + dimensions));
  }
  closeSync(file);
  const lines = Array.from({ length: count }, (_, row) => {
    const identity = `p${String(Math.floor((row * identities) / count)).padStart(6, '0')}`;
    return JSON.stringify({
      row,
      path: `${identity}/${row}.jpg`,
      identity,
      photo: `${identity}/${row}.jpg`,
      masked: false,
      status: 'detected',
    });
  });
  writeFileSync(path.join(folder, 'v.jsonl'), `${lines.join('\n')}\n`);
}

const measure = `
import { scoreAll } from 'maskbench/metrics';
const [folder, concurrency, device] = process.argv.slice(-3);
const start = performance.now();
const scores = await scoreAll(folder + '/v.npy', folder + '/v.jsonl', { concurrency: Number(concurrency), device });
console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, memory: process.resourceUsage().maxRSS / 1024, pairs: scores.impostors + scores.genuine.length }));`;

/** OpenBLAS' sgemm, and numpy's blocked product with a histogram, as a researcher writes it. */
const numpy = `
import json, sys, time
import numpy as np
n, d = int(sys.argv[1]), ${dimensions}
v = np.random.rand(n, d).astype(np.float32) - 0.5
v /= np.linalg.norm(v, axis=1, keepdims=True)
# Of two arrays: of one and its own transpose NumPy computes half.
a, b = v[:4096], v[:4096].copy()
a @ b.T
start = time.perf_counter()
for _ in range(4): a @ b.T
rate = 4 * 2 * len(a) ** 2 * d / (time.perf_counter() - start)
counts = np.zeros(65536, np.int64)
start = time.perf_counter()
for i in range(0, n, 2048):
    for j in range(i, n, 2048):
        counts += np.histogram(v[i:i + 2048] @ v[j:j + 2048].T, 65536, (-1, 1))[0]
print(json.dumps({'rate': rate, 'seconds': time.perf_counter() - start}))`;

/** Every pair of sets as large as LFW and CelebA, beside OpenBLAS and numpy. */
export async function benchAllPairs({ quick, concurrencies, device }: BenchOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
  const most = Math.max(...concurrencies);
  console.log(`\nevery pair, ${dimensions} dimensions, ${most} threads, intervals and best impostors included:`);
  for (const [count, identities] of quick
    ? [[1000, 300]]
    : [
        [13_233, 5749],
        [50_000, 5000],
        [202_599, 10_177],
      ]) {
    writeVectors(folder, count as number, identities as number);
    // In a process of its own, whose memory is only that.
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', measure, folder, String(most), device], {
      cwd: path.resolve(import.meta.dirname, '..'),
      encoding: 'utf8',
    });
    if (run.status !== 0) throw new Error(run.stderr);
    const { seconds, memory, pairs } = JSON.parse(run.stdout) as { seconds: number; memory: number; pairs: number };
    const rate = (2 * pairs * dimensions) / seconds;
    console.log(
      `  ${count} vectors, ${pairs} pairs: ${seconds.toFixed(2)} s, ${(rate / 1e9).toFixed(0)} GFLOPS, peak memory ${memory.toFixed(0)} MiB`,
    );
    if ((count as number) > 20_000) continue;
    const theirs = spawnSync('/usr/bin/python3', ['-c', numpy, String(count)], {
      encoding: 'utf8',
      env: { ...process.env, OPENBLAS_NUM_THREADS: String(most) },
    });
    if (theirs.status !== 0) {
      console.log('  (no numpy to compare with)');
      continue;
    }
    const { rate: sgemm, seconds: histogram } = JSON.parse(theirs.stdout) as { rate: number; seconds: number };
    console.log(
      `    sgemm of numpy's BLAS: ${(sgemm / 1e9).toFixed(0)} GFLOPS: ours is ${((100 * rate) / sgemm).toFixed(0)}% of it; numpy's product and np.histogram ${histogram.toFixed(2)} s: ${(histogram / seconds).toFixed(1)} × as long`,
    );
  }
  rmSync(folder, { recursive: true });
}
