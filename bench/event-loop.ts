import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Masker } from 'maskbench';
import { makeCorpus, shapes } from './corpus.js';
import type { BenchOptions } from './options.js';

async function p99During(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  return delay.percentile(99) / 1e6;
}

/** How much masking photos through the API delays the event loop, and whether memory stays flat. */
export async function benchEventLoop({ quick, photos }: BenchOptions): Promise<void> {
  const [shape] = shapes;
  if (!shape) return;
  const folder = await makeCorpus(shape, quick ? 40 : 600);
  const files = readdirSync(folder).map((name) => path.join(folder, name));
  const masker = await Masker.open();
  const out = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
  const total = quick ? 80 : photos;
  const idle = await p99During(() => sleep(2000));
  const memory: number[] = [];
  const busy = await p99During(async () => {
    let next = 0;
    const caller = async () => {
      for (let i = next++; i < total; i = next++) {
        await masker.mask(files[i % files.length] as string, {
          output: path.join(out, `${i % 64}.jpg`),
          overwrite: true,
        });
        if (i % 2000 === 0) memory.push(process.memoryUsage.rss() / 2 ** 20);
      }
    };
    await Promise.all(Array.from({ length: 16 }, caller));
  });
  memory.push(process.memoryUsage.rss() / 2 ** 20);
  rmSync(out, { recursive: true });
  console.log(`\n${total} photos through the API, 16 callers:`);
  console.log(`  event loop delay, 99th percentile: idle ${idle.toFixed(2)} ms, busy ${busy.toFixed(2)} ms`);
  console.log(`  resident memory every 2,000 photos: ${memory.map((value) => value.toFixed(0)).join(', ')} MiB`);
}
