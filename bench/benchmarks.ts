import { benchAdapt } from './adapt.js';
import { benchAllPairs } from './all-pairs.js';
import { benchCluster } from './cluster.js';
import { benchDataset } from './dataset.js';
import { benchEmbedding } from './embedding.js';
import { benchEventLoop } from './event-loop.js';
import { benchFasterSearch } from './faster-search.js';
import { benchMasking } from './masking.js';
import { benchMetrics } from './metrics.js';
import type { BenchOptions } from './options.js';
import { benchRealism } from './realism.js';
import { benchRealMasks } from './realism-real.js';
import { benchRecall } from './recall.js';
import { benchResizing } from './resizing.js';
import { benchSearch } from './search.js';
import { benchStages } from './stages.js';
import { benchStorage } from './storage.js';
import { benchTemplates } from './templates.js';

export const benchmarks: Record<string, (options: BenchOptions) => Promise<void>> = {
  masking: benchMasking,
  stages: benchStages,
  'faster-search': benchFasterSearch,
  search: benchSearch,
  recall: benchRecall,
  'event-loop': benchEventLoop,
  dataset: benchDataset,
  metrics: benchMetrics,
  embedding: benchEmbedding,
  resizing: benchResizing,
  adapt: benchAdapt,
  'all-pairs': benchAllPairs,
  storage: benchStorage,
  cluster: benchCluster,
  templates: benchTemplates,
  realism: (options) =>
    options.real === undefined ? benchRealism(options) : benchRealMasks(options.real, options.photos),
};
