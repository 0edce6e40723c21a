import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import type { Job as PhotoJobs } from '../corpus/run.js';
import { type GenerateOptions, listCorpus, makeShard, mergeShards, shardFiles } from '../datasets/generate.js';
import { invalid } from '../errors.js';
import { removeTemporaries } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { isFile } from '../files/walk.js';
import { checkMasker } from '../mask/masker.js';
import { looseFiles, refuseFailed, refuseRunOptions, sortManifest } from './mask.js';
import { type Job, type Plan, readInputs } from './plan.js';
import type { Done, Task, Work } from './task.js';

const baseOf = ({ inputs }: Job) => inputs[0] ?? '';
const optionsOf = ({ options }: Job) => options as GenerateOptions;
const corpusOf = (job: Job) => path.join(job.out, optionsOf(job).only?.[0] ?? '');
const shardOf = ({ ranks }: Plan, rank: number) => ({ index: rank + 1, count: ranks });

export const generateTask = {
  async check(job: Job) {
    refuseRunOptions(job.options);
    if (job.options.shard !== undefined) throw invalid('shard', 'nothing, in a plan: its ranks are shards', 'a shard');
  },

  async settings({ command, inputs, out, options }: Job) {
    return { ...{ command, inputs, out, options }, masker: (await checkMasker(options)).settings };
  },

  async divide(job: Job) {
    const { options, jobs } = await listCorpus(baseOf(job), job.out, optionsOf(job));
    return { job: { ...job, options: { ...options } }, division: { by: 'lines' as const, lines: jobs } };
  },

  async work({ plan, place, part, rank, folder, signal, onProgress, onProblem }: Work) {
    const { job } = plan;
    const jobs = () => readInputs<PhotoJobs>(place, part);
    const shard = shardOf(plan, rank);
    const { manifest, description } = shardFiles(folder, shard);
    const isResumed = await isFile(manifest);
    const options = { ...optionsOf(job), signal, onProgress, onProblem };
    const summary = await makeShard(baseOf(job), job.out, options, { shard, jobs, folder });
    refuseFailed(summary);
    if (isResumed) await sortManifest(manifest, photosOf(jobs()));
    const names = [manifest, description].map((file) => path.basename(file));
    return { counts: summary.counts, outputs: names.map((name) => ({ name, kept: 'plan' as const })) };
  },

  async *loose(plan: Plan, folder: string, rank: number) {
    yield* looseFiles(shardFiles(folder, shardOf(plan, rank)).manifest, corpusOf(plan.job));
  },

  outputFolder: corpusOf,

  async merge(plan: Plan, done: AsyncIterable<Done>) {
    const corpus = corpusOf(plan.job);
    for await (const { rank, folder } of done)
      for (const file of Object.values(shardFiles('.', shardOf(plan, rank))))
        await copyFile(toPath(path.join(folder, file)), toPath(path.join(corpus, file)));
    await mergeShards(corpus);
    await removeTemporaries(corpus, true);
  },
} satisfies Task;

async function* photosOf(jobs: AsyncIterable<PhotoJobs[]>) {
  for await (const group of jobs) yield group.flatMap(({ photos }) => photos);
}
