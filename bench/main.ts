// npm run bench -- [--quick] [--only <name>] [--threads 1,2] [--photos 2000]
import { parseArgs } from 'node:util';
import { benchAllPairs } from './all-pairs.js';
import { benchDataset } from './dataset.js';
import { benchEmbedding } from './embedding.js';
import { benchEventLoop } from './event-loop.js';
import { benchMasking } from './masking.js';
import { benchMetrics } from './metrics.js';

export interface BenchOptions {
  /** Small enough for a smoke test; the figures mean nothing. */
  quick: boolean;
  threads: number[];
  /** Photos of the event loop and data set benchmarks. */
  photos: number;
}

const benchmarks: Record<string, (options: BenchOptions) => Promise<void>> = {
  masking: benchMasking,
  'event-loop': benchEventLoop,
  dataset: benchDataset,
  metrics: benchMetrics,
  embedding: benchEmbedding,
  'all-pairs': benchAllPairs,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    photos: { type: 'string', default: '2000' },
  },
});
for (const [name, run] of Object.entries(benchmarks)) {
  if (values.only === undefined || values.only === name)
    await run({ quick: values.quick, threads: values.threads.split(',').map(Number), photos: Number(values.photos) });
}
