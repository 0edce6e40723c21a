import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { copyFile, open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { embedFiles, type MaskFilesOptions, maskFiles } from 'maskbench';
import { openSink, openSource, type Sink } from 'maskbench/storage';
import sharp from 'sharp';
import { makeCorpus } from './corpus.js';
import type { BenchOptions } from './options.js';

/** A .rec file of aligned crops, the same every time, and made once a machine. */
async function makeRecords(count: number): Promise<string> {
  const folder = path.join(tmpdir(), `maskbench-records-1-${count}`);
  if (existsSync(folder)) return path.join(folder, 'train.rec');
  const photos = await makeCorpus({ name: 'lfw-size', width: 250, height: 250, format: 'jpeg' }, 40);
  const crops = await Promise.all(
    readdirSync(photos).map((name) =>
      sharp(path.join(photos, name))
        .extract({ left: 55, top: 55, width: 140, height: 140 })
        .resize(112, 112)
        .jpeg({ quality: 95 })
        .toBuffer(),
    ),
  );
  const making = `${folder}-${process.pid}`;
  mkdirSync(making);
  const sink = (await openSink(path.join(making, 'train.rec'), [])) as Sink;
  await sink.open();
  for (let i = 0; i < count; i++) {
    sink.put({ key: String(i), labels: [i >> 3] }, crops[i % crops.length] as Buffer);
    if (i % 1000 === 0) await sink.flush();
  }
  await sink.finish();
  renameSync(making, folder);
  return path.join(folder, 'train.rec');
}

/** Flushed to the disk, so that a copy that only lies in memory is not faster. */
async function copied(from: string, to: string): Promise<number> {
  const start = performance.now();
  await copyFile(from, to);
  const handle = await open(to);
  await handle.sync();
  await handle.close();
  return (performance.now() - start) / 1000;
}

async function readAndWritten(from: string, to: string): Promise<number> {
  const start = performance.now();
  const source = await openSource([from]);
  const sink = (await openSink(to, [])) as Sink;
  await sink.open();
  let bytes = 0;
  let writing = Promise.resolve();
  for await (const photos of source.photos(0))
    for (const photo of photos) {
      sink.put(photo, photo.input as Uint8Array);
      bytes += photo.input?.length ?? 0;
      if (bytes < 1 << 20) continue;
      await writing;
      writing = sink.flush();
      bytes = 0;
    }
  await writing;
  await sink.finish();
  const handle = await open(to);
  await handle.sync();
  await handle.close();
  return (performance.now() - start) / 1000;
}

/** Masks and embeds a .rec file of aligned crops, beside the same crops as a folder. */
export async function benchStorage({ quick, concurrencies, photos }: BenchOptions): Promise<void> {
  const count = quick ? 2000 : Math.max(photos, 20_000);
  const file = await makeRecords(count);
  const out = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
  const megabytes = (await stat(file)).size / 2 ** 20;
  console.log(`\nRecordIO: ${count} aligned crops of 112×112, ${megabytes.toFixed(0)} MiB`);
  const cp = await copied(file, path.join(out, 'copy'));
  const ours = await readAndWritten(file, path.join(out, 'ours.rec'));
  console.log(
    `  copied by the system in ${cp.toFixed(2)} s, read and written by us in ${ours.toFixed(2)} s (${(cp / ours).toFixed(2)} ×)`,
  );
  const ways: [string, MaskFilesOptions][] = [
    ['style a, landmarks of the template', { landmarks: 'template' }],
    ['style a, refined landmarks', {}],
    ['realistic, landmarks of the template', { style: 'realistic', landmarks: 'template' }],
  ];
  for (const concurrency of concurrencies)
    for (const [i, [name, options]] of ways.entries()) {
      const before = process.cpuUsage();
      const made = path.join(out, `${concurrency}-${i}`, 'train.rec');
      const { seconds, counts } = await maskFiles([file], made, { aligned: 'arcface', ...options, concurrency });
      const { user, system } = process.cpuUsage(before);
      console.log(
        `  ${name}, ${concurrency} thread${concurrency > 1 ? 's' : ''}: ${(counts.masked / seconds).toFixed(0)} faces/s, ` +
          `${((user + system) / counts.masked).toFixed(0)} µs of processor a face, ` +
          `peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
      );
    }
  const some = path.join(out, 'some');
  mkdirSync(some);
  const few = quick ? 200 : 2000;
  const part = await makeRecords(few);
  for await (const group of (await openSource([part])).photos(0))
    for (const { key, input } of group) {
      const handle = await open(path.join(some, `${key.replace('/', '-')}.jpg`), 'w');
      await handle.writeFile(input as Uint8Array);
      await handle.close();
    }
  const rates: number[] = [];
  for (const [i, input] of [some, part].entries()) {
    const before = process.cpuUsage();
    const { rows, seconds } = await embedFiles([input], path.join(out, `${i}.npy`), { crops: true });
    const { user, system } = process.cpuUsage(before);
    rates.push((user + system) / rows);
    console.log(`  embed ${i === 0 ? 'a folder' : 'a .rec'}: ${(rows / seconds).toFixed(0)} crops/s`);
  }
  console.log(
    `  processor time of embedding a folder and a .rec: ${((rates[0] as number) / (rates[1] as number)).toFixed(3)} ×`,
  );
  rmSync(out, { recursive: true });
}
