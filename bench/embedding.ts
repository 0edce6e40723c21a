import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Embedder, type MaskbenchError } from 'maskbench';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { resolveModel } from '../lib/embed/embedder.js';
import { faceApiDescriptor } from '../test/support/models.js';
import { makeCorpus, shapes } from './corpus.js';
import type { BenchOptions } from './options.js';

const batch = 32;

/** Milliseconds a face of work on `count` faces. */
async function perFace(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / count;
}

/** The same in processor time. */
async function perFaceOfProcessor(count: number, work: () => Promise<unknown>): Promise<number> {
  const { user, system } = process.cpuUsage();
  await work();
  const after = process.cpuUsage();
  return (after.user + after.system - user - system) / 1000 / count;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/**
 * Prints what a model takes, and its throughput in turns with the bare session on ready tensors: by the clock on all
 * cores, inside one run as its users have it, and by processor time on one thread, which other programs disturb less.
 */
async function besideBareSession(
  model: string,
  files: readonly string[],
  { rounds, device }: { rounds: number; device: string },
): Promise<void> {
  const found = await resolveModel({ model }).catch((error: MaskbenchError) => {
    if (error.code !== 'MODEL_MISSING') throw error;
    console.log(`\nleft out: ${error.message}`);
  });
  if (!found) return;
  const { width, height } = found.description.input;
  const crops = await rawCrops(files, width, height);
  const buffers = files.map((name) => readFileSync(name));
  const values = new Float32Array(batch * 3 * width * height).fill(0.1);
  const tensor = new Tensor('float32', values, [batch, 3, height, width]);
  for (const isSingle of [false, true]) {
    const embedder = await Embedder.open({ model, maxBatch: batch, device, ...(isSingle && { concurrency: 1 }) });
    const bare = await InferenceSession.create(found.file, isSingle ? { intraOpNumThreads: 1 } : {});
    const [input = ''] = bare.inputNames;
    const runBare = async () => {
      for (let done = 0; done < files.length; done += batch) await bare.run({ [input]: tensor });
    };
    const runs = {
      'raw crops': () => embedder.embed(crops, { crops: true }),
      '250×250 JPEG files, not searched': () => embedder.embed(buffers, { crops: true }),
    };
    const time = isSingle ? perFaceOfProcessor : perFace;
    await runBare();
    console.log(`\n${model}, batch ${batch}, ${isSingle ? 'one thread, processor time' : 'all cores'}:`);
    for (const [name, run] of Object.entries(runs)) {
      await run();
      const times: number[] = [];
      const ratios: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const ours = await time(files.length, run);
        times.push(ours);
        ratios.push((await time(files.length, runBare)) / ours);
      }
      console.log(
        `  ${name}: ${median(times).toFixed(2)} ms a face, ${median(ratios).toFixed(3)} × the bare session's throughput`,
      );
    }
    await bare.release();
    await embedder.close();
  }
}

const rawCrops = (files: readonly string[], width: number, height: number) =>
  Promise.all(
    files.map(async (file) => ({
      data: await sharp(file).resize(width, height).removeAlpha().raw().toBuffer(),
      ...{ width, height, channels: 3 as const },
    })),
  );

/**
 * Throughput of `dlib-resnet-128` and `mobilefacenet-512` beside the bare session, of the former beside face-api,
 * memory, and the event loop's delay.
 */
export async function benchEmbedding({ quick, photos, device }: BenchOptions): Promise<void> {
  const [shape] = shapes;
  if (!shape) return;
  const folder = await makeCorpus(shape, quick ? 40 : 600);
  const names = readdirSync(folder);
  const files = Array.from({ length: quick ? batch : 640 }, (_, i) =>
    path.join(folder, names[i % names.length] as string),
  );
  const crops = await rawCrops(files, 150, 150);
  // First, while nothing else has been loaded.
  const server = await Embedder.open({ device });
  const total = quick ? 100 : photos;
  const memory: number[] = [];
  for (let done = 0, marks = 0; done < total; ) {
    const size = Math.min(total - done, 1 + Math.floor(Math.random() * 100));
    await server.embed(crops.slice(0, size), { crops: true });
    done += size;
    if (done >= marks) {
      memory.push(process.memoryUsage.rss() / 2 ** 20);
      marks += Math.max(1000, total / 20);
    }
  }
  console.log(
    `\n${total} embeddings in random batches, resident memory: ${memory.map((value) => value.toFixed(0)).join(', ')} MiB`,
  );
  for (const model of ['dlib-resnet-128', 'mobilefacenet-512'])
    await besideBareSession(model, files, { rounds: quick ? 1 : 7, device });

  const single = await Embedder.open({ concurrency: 1, maxBatch: batch, device });
  const describe = await faceApiDescriptor();
  const some = crops.slice(0, quick ? 4 : 128);
  await describe(new Uint8Array(some[0]?.data ?? []));
  const ours = await perFace(some.length, () => single.embed(some, { crops: true }));
  const theirs = await perFace(some.length, async () => {
    for (const { data } of some) await describe(new Uint8Array(data));
  });
  console.log(
    `one thread: ${ours.toFixed(2)} ms a face; face-api's WebAssembly backend ${theirs.toFixed(2)} ms: ${(theirs / ours).toFixed(1)} × as fast`,
  );
  await single.close();

  const delays = async (work: () => Promise<unknown>) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await work();
    delay.disable();
    return delay.percentile(99) / 1e6;
  };
  const idle = await delays(() => sleep(quick ? 200 : 2000));
  const callers = async (calls: number) => {
    let left = calls;
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (left-- > 0) await server.embedOne(crops[left % crops.length] as (typeof crops)[0], { crops: true });
      }),
    );
  };
  const busy = await delays(() => callers(quick ? 128 : 2000));
  console.log(`event loop delay, 99th percentile: idle ${idle.toFixed(2)} ms, with 64 callers ${busy.toFixed(2)} ms`);

  await server.close();
}
