import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { copyFile, mkdir, open, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Masker } from 'maskbench';
import { openSink, openSource, type Sink } from 'maskbench/storage';
import sharp from 'sharp';
import { median } from '../lib/throughput/compare.js';
import { describeMachine } from '../lib/throughput/machine.js';
import { makeCorpus } from './corpus.js';
import type { BenchOptions } from './options.js';

/** Cut so that the eyes lie where ArcFace's template has them. */
async function alignedCrops(count: number): Promise<Buffer[]> {
  const folder = await makeCorpus({ name: 'lfw-size', width: 250, height: 250, format: 'jpeg' }, count);
  const masker = await Masker.open();
  const crops: Buffer[] = [];
  for (const name of readdirSync(folder).sort()) {
    const photo = path.join(folder, name);
    const [face] = (await masker.detect(photo)).faces;
    if (!face) continue;
    const [left, right] = [36, 42].map((first) => {
      const eye = face.landmarks.slice(first, first + 6);
      return [0, 1].map((axis) => eye.reduce((sum, point) => sum + (point[axis] as number), 0) / eye.length);
    }) as [[number, number], [number, number]];
    const side = Math.round(((right[0] - left[0]) * 112) / 35.2);
    const place = {
      left: Math.round((left[0] + right[0]) / 2 - side / 2),
      top: Math.round((left[1] + right[1]) / 2 - (51.6 / 112) * side),
    };
    if (place.left < 0 || place.top < 0 || Math.max(place.left, place.top) + side > 250) continue;
    const crop = sharp(photo).extract({ ...place, width: side, height: side });
    crops.push(await crop.resize(112, 112).jpeg({ quality: 95 }).toBuffer());
  }
  await masker.close();
  return crops;
}

/** A .rec file of aligned crops, eight a person. Files of up to 20,000 are made once a machine. */
async function makeRecords(count: number, scratch: string): Promise<string> {
  const folder = path.join(count > 20_000 ? scratch : tmpdir(), `maskbench-records-2-${count}`);
  if (existsSync(folder)) return path.join(folder, 'train.rec');
  const crops = await alignedCrops(200);
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
async function sync(file: string): Promise<void> {
  const handle = await open(file);
  await handle.sync();
  await handle.close();
}

/** From a source into a sink, as a run does it, but each photo is its own twin. */
async function readAndWrite(from: string, to: string): Promise<void> {
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
}

interface Usage {
  /** Of the call, without the start of the program. */
  seconds: number;
  /** Of the processor, in seconds. */
  processor: number;
  /** Most resident memory of the program, MiB. */
  memory: number;
}

// Linux counts what the program that starts another one takes in the other's greatest resident set (getrusage), but not
// in VmHWM.
const child = `
import { readFileSync } from 'node:fs';
const [entry, name, ...args] = JSON.parse(process.argv[1]);
const { [name]: call } = await import(entry);
const [start, before] = [performance.now(), process.cpuUsage()];
await call(...args);
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - start) / 1000;
const memory = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
console.log(JSON.stringify({ seconds, processor: (user + system) / 1e6, memory }));`;

/** Calls one exported function in a program of its own. */
function callAlone(entry: string, name: string, ...args: unknown[]): Usage {
  const request = JSON.stringify([entry, name, ...args]);
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', child, request], {
    cwd: path.dirname(import.meta.dirname),
    encoding: 'utf8',
  });
  return JSON.parse(printed.trim().split('\n').at(-1) as string);
}

/** Calls all in turns, every second time from the last to the first, and gives each one's results. */
async function inTurns<Result>(rounds: number, ways: (() => Result | Promise<Result>)[]): Promise<Result[][]> {
  const results: Result[][] = ways.map(() => []);
  const forth = [...ways.entries()];
  for (let round = 0; round < rounds; round++)
    for (const [i, way] of round % 2 === 0 ? forth : forth.toReversed()) results[i]?.push(await way());
  return results;
}

const middle = (usages: Usage[] | undefined, key: keyof Usage) => median((usages ?? []).map((usage) => usage[key]));

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/**
 * What is done with a .rec file of aligned crops: copying, reading and writing alone, masking, and embedding and
 * scoring beside the same crops in a folder. `--photos 1000000` makes a million records.
 */
export async function benchStorage({ quick, concurrencies, photos }: BenchOptions): Promise<void> {
  const count = quick ? 2000 : Math.max(photos, 20_000);
  const rounds = quick || count > 100_000 ? 1 : 3;
  const out = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
  const file = await makeRecords(count, out);
  const { processor, processors, simd, load } = await describeMachine();
  const size = ((await stat(file)).size / 2 ** 20).toFixed(0);
  console.log(
    `\nRecordIO: ${count} aligned crops of 112×112, ${size} MiB; medians of ${rounds} in turns\n` +
      `  ${processor}, ${processors} processors, ${simd}, load ${load.toFixed(1)}`,
  );
  const to = path.join(out, 'copy.rec');
  const copying = await inTurns(
    rounds,
    [
      () =>
        timed(async () => {
          await copyFile(file, to);
          await sync(to);
        }),
      () => timed(() => readAndWrite(file, to).then(() => sync(to))),
    ].map((way) => async () => {
      for (const made of [to, to.replace('.rec', '.idx')]) rmSync(made, { force: true });
      return way();
    }),
  );
  const [copied, passed] = copying.map(median) as [number, number];
  console.log(
    `  copied by the system in ${copied.toFixed(2)} s, read and written by us in ${passed.toFixed(2)} s ` +
      `(${(copied / passed).toFixed(2)} × as fast)`,
  );
  rmSync(to);

  const ways = concurrencies.flatMap((concurrency) =>
    (
      [
        ['style a, landmarks of the template', { landmarks: 'template' }],
        ['style a, refined landmarks', {}],
        ['realistic, landmarks of the template', { style: 'realistic', landmarks: 'template' }],
      ] as const
    ).map(([name, options]) => ({ name, options: { aligned: 'arcface', ...options, concurrency } })),
  );
  const masking = await inTurns(
    rounds,
    ways.map(({ options }) => () => {
      const made = path.join(out, 'masked');
      const usage = callAlone('maskbench', 'maskFiles', [file], path.join(made, 'train.rec'), options);
      rmSync(made, { recursive: true });
      return usage;
    }),
  );
  for (const [i, { name, options }] of ways.entries()) {
    const [seconds, cpu, memory] = (['seconds', 'processor', 'memory'] as const).map((key) => middle(masking[i], key));
    console.log(
      `  ${name}, ${options.concurrency} thread${options.concurrency > 1 ? 's' : ''}: ` +
        `${(count / (seconds as number)).toFixed(0)} faces/s, ` +
        `${(((cpu as number) / count) * 1e6).toFixed(0)} µs of processor a face, ` +
        `peak memory ${(memory as number).toFixed(0)} MiB`,
    );
  }

  const part = await makeRecords(quick ? 200 : 2000, out);
  const folder = path.join(out, 'folder');
  let images = 0;
  for await (const group of (await openSource([part])).photos(0))
    for (const { key, input, identity } of group) {
      await mkdir(path.join(folder, identity as string), { recursive: true });
      await writeFile(path.join(folder, identity as string, `${path.basename(key)}.jpg`), input as Uint8Array);
      images++;
    }
  const inputs = [folder, part];
  const vectors = inputs.map((_, i) => path.join(out, `${i}.npy`));
  const embedding = await inTurns(
    rounds,
    inputs.map((input, i) => () => {
      for (const made of readdirSync(out).filter((name) => name.startsWith(`${i}.`))) rmSync(path.join(out, made));
      return callAlone('maskbench', 'embedFiles', [input], vectors[i], { crops: true });
    }),
  );
  // A tenth of a second each: three turns differ by more than the two ways.
  const scoring = await inTurns(
    5 * rounds,
    vectors.map((file) => () => callAlone('maskbench/metrics', 'scoreAll', file, file.replace('.npy', '.jsonl'))),
  );
  for (const [what, usages] of [
    ['embedding', embedding],
    ['score-all', scoring],
  ] as const)
    console.log(
      `  ${what} of ${images} crops, a .rec beside a folder, medians of ${usages[0]?.length}: ` +
        `${(middle(usages[0], 'seconds') / middle(usages[1], 'seconds')).toFixed(3)} × as fast, ` +
        `${(middle(usages[0], 'processor') / middle(usages[1], 'processor')).toFixed(3)} × by time of the processor`,
    );
  console.log(`  load at the end ${(await describeMachine()).load.toFixed(1)}`);
  rmSync(out, { recursive: true });
}
