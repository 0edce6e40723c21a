import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { splitPeople } from '../lib/adapt/split.js';
import { type Method, trainHead } from '../lib/adapt/train.js';
import type { TwinVectors } from '../lib/adapt/vectors.js';
import { native } from '../lib/native.js';
import type { BenchOptions } from './options.js';

const photosOfPerson = 4;

/** Random vectors of photos, and of their masked twins in two styles. */
function makeTwins(pairs: number, dimensions: number): TwinVectors {
  // One draw for each number would take longer than training.
  const noise = Float32Array.from({ length: 1_000_003 }, () => Math.random() - 0.5);
  const made = () => {
    const numbers = new Float32Array(pairs * dimensions);
    for (let from = 0; from < numbers.length; from += noise.length)
      numbers.set(noise.subarray(0, numbers.length - from), from);
    return numbers;
  };
  const rows = Int32Array.from({ length: pairs }, (_, i) => i);
  const plain = made();
  const masked = made();
  const step = 977;
  // Twins that are alike, and not equal.
  for (let row = 0; row < pairs; row++)
    masked[row * dimensions + (row % dimensions)] = noise[(row * step) % noise.length] as number;
  return {
    ...{ dimensions, plain, masked, twins: rows, alone: 0 },
    styles: rows.map((row) => row % 2),
    identities: rows.map((row) => Math.floor(row / photosOfPerson)),
    people: Array.from({ length: Math.ceil(pairs / photosOfPerson) }, (_, person) => String(person)),
  };
}

/** In a process of its own, so that its peak memory is that of one method. */
async function train(method: Method, pairs: number, dimensions: number): Promise<void> {
  const vectors = makeTwins(pairs, dimensions);
  const split = splitPeople(vectors, { validation: 0.02, test: 0.001, seed: 1 });
  const concurrency = native.systemInfo().processors;
  const { user, system } = process.cpuUsage();
  const start = performance.now();
  const trained = await trainHead(vectors, split, {
    ...{ methods: [method], published: false, similarity: 'cosine', seed: 1, concurrency },
    signal: undefined,
    onProgress: () => {},
  });
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage();
  const { batch, updates } = trained?.parameters ?? {};
  const steps = updates === undefined ? '' : `, batches of ${batch}`;
  console.log(
    `${method}, ${pairs} pairs of ${dimensions} numbers${steps}: ${seconds.toFixed(1)} s, ${((used.user + used.system - user - system) / 1e6).toFixed(1)} s of processor time, peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  );
}

/** Time and memory of training adapters on many random vectors: ridge regression, and 10 epochs of SRT after it. */
export async function benchAdapt({ quick }: BenchOptions): Promise<void> {
  console.log();
  for (const method of ['linear', 'srt']) {
    const child = fork(fileURLToPath(import.meta.url), [method, ...(quick ? ['2000', '16'] : ['200000', '512'])]);
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`training by ${method} failed`);
  }
}

const [method, pairs, dimensions] = process.argv.slice(2);
if (process.argv[1] === fileURLToPath(import.meta.url))
  await train(method as Method, Number(pairs), Number(dimensions));
