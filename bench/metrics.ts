import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bootstrap } from 'maskbench/metrics';
import { npyHeader } from '../lib/files/npy.js';
import type { BenchOptions } from './options.js';

const chunk = 1_000_000;

/** Writes a one-dimensional `.npy` file a million elements at a time. */
function writeNpy(
  file: string,
  kind: string,
  count: number,
  make: (from: number, size: number) => NodeJS.ArrayBufferView,
): void {
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, npyHeader(kind, [count]));
  for (let from = 0; from < count; from += chunk) writeSync(descriptor, make(from, Math.min(chunk, count - from)));
  closeSync(descriptor);
}

/** Exact metrics with every curve of many scores by the CLI on one core, and intervals of 10,000 draws. */
export async function benchMetrics({ quick }: BenchOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
  const [scores, labels] = ['scores.npy', 'labels.npy'].map((name) => path.join(folder, name)) as [string, string];
  const report = `process.on('exit', () => console.error(process.resourceUsage().maxRSS))`;
  for (const count of quick ? [100_000] : [10_000_000, 100_000_000]) {
    const isGenuine = (i: number) => Number(i % 5 === 0);
    writeNpy(scores, '<f8', count, (from, size) =>
      Float64Array.from(
        { length: size },
        (_, i) => Math.random() + Math.random() + Math.random() + isGenuine(from + i),
      ),
    );
    writeNpy(labels, '|u1', count, (from, size) => Uint8Array.from({ length: size }, (_, i) => isGenuine(from + i)));
    const cli = path.resolve(import.meta.dirname, '../dist/cli/main.js');
    const start = performance.now();
    const { stderr, status } = spawnSync(
      'taskset',
      [
        '-c',
        '0',
        process.execPath,
        '--import',
        `data:text/javascript,${report}`,
        cli,
        'evaluate',
        '--scores',
        scores,
        '--labels',
        labels,
        '--json',
      ],
      { encoding: 'utf8', maxBuffer: 1 << 28 },
    );
    if (status !== 0) throw new Error(stderr);
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `\nevaluate ${count} scores from .npy on one core: ${seconds.toFixed(2)} s, peak memory ${(Number(stderr) / 1024).toFixed(0)} MiB`,
    );
  }
  rmSync(folder, { recursive: true });

  const pairs = quick ? 1000 : 100_000;
  const draws = quick ? 100 : 10_000;
  const identities = pairs / 20;
  const pick = () => Int32Array.from({ length: pairs }, () => Math.floor(Math.random() * identities));
  const start = performance.now();
  await bootstrap(
    {
      scores: Float64Array.from({ length: pairs }, (_, i) => Math.random() + (i % 2)),
      labels: Uint8Array.from({ length: pairs }, (_, i) => i % 2),
      identities: { first: pick(), second: pick(), count: identities },
    },
    { draws, seed: 1, fmr: [0.01, 0.001], thresholds: [0.5] },
  );
  console.log(`${draws} draws of identities on ${pairs} scores: ${((performance.now() - start) / 1000).toFixed(2)} s`);
}
