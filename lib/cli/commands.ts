import type { Command } from 'commander';

/** Every command of the CLI, by its name; only the one that is run is loaded. */
export const commands: Record<string, () => Promise<Command>> = {
  mask: async () => (await import('./mask.js')).maskCommand(),
  styles: async () => (await import('./styles.js')).stylesCommand(),
  detect: async () => (await import('./detect.js')).detectCommand(),
  dataset: async () => (await import('./dataset.js')).datasetCommand(),
  pairs: async () => (await import('./pairs.js')).pairsCommand(),
  embed: async () => (await import('./embed.js')).embedCommand(),
  verify: async () => (await import('./verify.js')).verifyCommand(),
  convert: async () => (await import('./convert.js')).convertCommand(),
  models: async () => (await import('./models.js')).modelsCommand(),
  score: async () => (await import('./score.js')).scoreCommand(),
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand(),
  identify: async () => (await import('./identify.js')).identifyCommand(),
  'score-all': async () => (await import('./score-all.js')).scoreAllCommand(),
  adapt: async () => (await import('./adapt.js')).adaptCommand(),
  benchmark: async () => (await import('./benchmark.js')).benchmarkCommand(),
  bench: async () => (await import('./bench.js')).benchCommand(),
  cluster: async () => (await import('./cluster.js')).clusterCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
};
