import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { maskFiles } from '../corpus/mask-files.js';
import { diagnose } from '../doctor.js';
import { Embedder } from '../embed/embedder.js';
import { checkArray, checkInteger, checkOptions, checkPath, checkText, MaskbenchError } from '../errors.js';
import { isFolder } from '../files/walk.js';
import { Masker } from '../mask/masker.js';
import { describeMachine, type Machine } from './machine.js';
import { ownPhotos, type PhotoGroup, photosOf } from './photos.js';

/** Options of {@link measureThroughput}. */
export interface ThroughputOptions {
  /** Measure on copies of the photos below this folder. Default: photos that come with maskbench's dependencies. */
  photos?: string;
  /** Take this many of them at most, 1 to 100,000. Default 200. */
  limit?: number;
  /** Threads of runs from folder to folder, 1 to 256 each. Default: 1, and as many as there are processors. */
  concurrency?: number[];
  /** Mask styles of runs from folder to folder. Default `a` and `surgical`. */
  styles?: string[];
  /** Embedding models: presets or ONNX files. Default `dlib-resnet-128`. */
  models?: string[];
  /** Batch sizes of embedding, 1 to 1,024 each. Default 1, 8 and 32. */
  maxBatch?: number[];
  /** `cpu` (default), `cuda`, `cuda:<n>` or `auto`. */
  device?: string;
  /** How often everything is measured, in turns; 1 to 1,000. Default 5. */
  rounds?: number;
  signal?: AbortSignal;
  /** Called after every measurement. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** One thing that was measured. */
export interface ThroughputCase {
  /** Says all that was set, such as `mask, small photos, a, 2 threads`. */
  name: string;
  /** Stages of one photo on one thread; runs from folder to folder; embedding of photos as crops. */
  kind: 'stage' | 'mask' | 'embed';
  /** Photos a second in each round. */
  rates: number[];
  /** For `mask`. */
  threads?: number;
  /** What is the same in cases that differ by threads only. */
  series?: string;
}

/** What {@link measureThroughput} found. */
export interface Throughput {
  /** ISO 8601. */
  date: string;
  maskbench: string;
  machine: Machine;
  device: string;
  /** The photos, by group. */
  photos: { name: string; files: number }[];
  cases: ThroughputCase[];
}

/** A case before it is measured. */
interface Plan extends Omit<ThroughputCase, 'rates'> {
  photos: number;
  /** Does the work once; resolves with the seconds it took. */
  run: () => Promise<number>;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Stages of one photo after the other, on one thread, from bytes in memory to bytes in memory. */
async function planStages({ name, files }: PhotoGroup, masker: Masker): Promise<Plan[]> {
  const photos: { bytes: Buffer; faces: Awaited<ReturnType<Masker['detect']>>['faces'] }[] = [];
  // A dozen photos suffice for a stage, and do not fill the memory.
  for (const file of files.slice(0, 12)) {
    const bytes = await readFile(file);
    const faces = await masker.detect(bytes).then(
      (found) => found.faces,
      () => [],
    );
    if (faces.length > 0) photos.push({ bytes, faces });
  }
  if (photos.length === 0)
    throw new MaskbenchError(
      'NO_FACE',
      name,
      `${name}: no face was found in the first ${Math.min(12, files.length)} photos`,
    );
  const stages: Record<string, (photo: (typeof photos)[number]) => Promise<unknown>> = {
    'decode, draw, encode': ({ bytes, faces }) => masker.mask(bytes, { faces }),
    'decode, landmarks, draw, encode': ({ bytes, faces }) =>
      masker.mask(bytes, { faces: faces.map(({ box }) => ({ box })) }),
    'decode, search, landmarks': ({ bytes }) => masker.detect(bytes),
    'decode, search, landmarks, draw, encode': ({ bytes }) => masker.mask(bytes),
  };
  return Object.entries(stages).map(([stage, work]) => ({
    name: `${stage}, ${name} photos`,
    kind: 'stage',
    photos: photos.length,
    run: () =>
      seconds(async () => {
        for (const photo of photos) await work(photo);
      }),
  }));
}

function planMasking(group: PhotoGroup, style: string, threads: number, device: string, folder: string): Plan {
  const series = `${group.name} photos, ${style}`;
  return {
    name: `mask, ${series}, ${threads} thread${threads === 1 ? '' : 's'}`,
    kind: 'mask',
    ...{ threads, series },
    photos: group.files.length,
    run: async () => {
      // It stays to the end: for some seconds after files are deleted ext4 makes new ones more slowly.
      const out = await mkdtemp(path.join(folder, 'masked-'));
      return (await maskFiles(group.files, out, { style, concurrency: threads, device })).seconds;
    },
  };
}

function planEmbedding({ name, files }: PhotoGroup, model: string, maxBatch: number, embedder: Embedder): Plan {
  return {
    name: `embed, ${name} photos as crops, ${model}, batch ${maxBatch}`,
    kind: 'embed',
    photos: files.length,
    run: () => seconds(() => embedder.embed(files, { crops: true })),
  };
}

const whole = (min: number, max: number) => (name: string, value: unknown) => checkInteger(name, value, min, max);

/** The options with their defaults. Throws `INVALID_ARGUMENT`. */
function check(options: ThroughputOptions, processors: number) {
  checkOptions(options);
  const { styles = ['a', 'surgical'], models = ['dlib-resnet-128'], device = 'cpu' } = options;
  if (options.photos !== undefined) checkPath('photos', options.photos);
  return {
    limit: checkInteger('limit', options.limit ?? 200, 1, 100_000),
    concurrency: checkArray('concurrency', options.concurrency ?? [...new Set([1, processors])], whole(1, 256)),
    styles: checkArray('styles', styles, checkText),
    models: checkArray('models', models, checkPath),
    maxBatch: checkArray('maxBatch', options.maxBatch ?? [1, 8, 32], whole(1, 1024)),
    rounds: checkInteger('rounds', options.rounds ?? 5, 1, 1000),
    device: checkText('device', device),
  };
}

/**
 * Measures how many photos a second this machine masks and embeds: stages of one photo, whole runs from folder to
 * folder by threads and styles, and embedding by models and batch sizes. Everything is measured in turns, so that what
 * else the machine does hits all cases alike; a round before the first warms up.
 * @example
 * const { cases } = await measureThroughput({ concurrency: [1, 2], rounds: 3 });
 * for (const { name, rates } of cases) console.log(name, Math.max(...rates));
 * @throws `MaskbenchError` `INVALID_ARGUMENT`, `NOT_FOUND` (no photos), `NO_FACE`, `MODEL_MISSING`, `UNAVAILABLE`
 */
export async function measureThroughput(options: ThroughputOptions = {}): Promise<Throughput> {
  const machine = await describeMachine();
  const { limit, concurrency, styles, models, maxBatch, rounds, device } = check(options, machine.processors);
  const { signal, onProgress } = options;
  const temporary = await mkdtemp(path.join(tmpdir(), 'maskbench-throughput-'));
  const open: { close: () => Promise<void> }[] = [];
  try {
    if (options.photos !== undefined && !(await isFolder(options.photos)))
      throw new MaskbenchError('NOT_FOUND', options.photos, `${options.photos}: expected a folder of photos`);
    const groups =
      options.photos === undefined ? await ownPhotos() : [await photosOf(options.photos, limit, temporary)];
    const plans: Plan[] = [];
    const [style] = styles;
    if (style !== undefined) {
      const masker = await Masker.open({ style, concurrency: 1, device });
      open.push(masker);
      for (const group of groups) plans.push(...(await planStages(group, masker)));
    }
    for (const group of groups)
      for (const one of styles)
        for (const threads of concurrency) plans.push(planMasking(group, one, threads, device, temporary));
    for (const model of models)
      for (const size of maxBatch) {
        const embedder = await Embedder.open({ model, maxBatch: size, device });
        open.push(embedder);
        plans.push(planEmbedding(groups[0] as PhotoGroup, model, size, embedder));
      }
    const cases = plans.map(({ run: _, photos: __, ...plan }): ThroughputCase => ({ ...plan, rates: [] }));
    const total = plans.length * (rounds + 1);
    for (let done = 0; done < total; done++) {
      signal?.throwIfAborted();
      const at = done % plans.length;
      const { photos, run } = plans[at] as Plan;
      const rate = photos / (await run());
      if (done >= plans.length) cases[at]?.rates.push(rate);
      onProgress?.({ done: done + 1, total });
    }
    const { maskbench } = await diagnose();
    return {
      date: new Date().toISOString(),
      ...{ maskbench, machine, device, cases },
      photos: groups.map(({ name, files }) => ({ name, files: files.length })),
    };
  } finally {
    await Promise.all(open.map((one) => one.close()));
    await rm(temporary, { recursive: true, force: true });
  }
}
