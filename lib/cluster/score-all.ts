import { type AllPairsTargets, evaluateAllPairs } from '../all-pairs/evaluate.js';
import { checkScoresFolder, readAllPairs, readExcluded, writeAllPairs } from '../all-pairs/files.js';
import { mergeScores } from '../all-pairs/merge.js';
import { checkScoreAll, type ScoreAllOptions } from '../all-pairs/options.js';
import { scoreAll } from '../all-pairs/run.js';
import type { AllScores } from '../all-pairs/scores.js';
import { invalid } from '../errors.js';
import { indexOf } from '../files/vectors.js';
import { listFolder } from '../files/walk.js';
import { hashOf } from '../models/fingerprint.js';
import { writeAllPairsReport } from '../report/all-pairs.js';
import type { Job, Plan } from './plan.js';
import type { Done, Task, Work } from './task.js';

/** The options of the command: those of the API, and the files that it reads. */
type Options = Omit<ScoreAllOptions, 'exclude'> &
  AllPairsTargets & { index?: string; exclude?: string; images?: string };

const optionsOf = ({ options }: Job) => options as Options;
const vectorsOf = ({ inputs }: Job) => inputs[0] ?? '';
const indexFileOf = (job: Job) => optionsOf(job).index ?? indexOf(vectorsOf(job));

export const scoreAllTask = {
  async check(job: Job) {
    const { exclude: _, ...options } = optionsOf(job);
    if (options.shard !== undefined) throw invalid('shard', 'nothing, in a plan: its ranks are shards', 'a shard');
    checkScoreAll(options);
    await checkScoresFolder(job.out);
  },

  async settings(job: Job) {
    const { command, inputs, out, options } = job;
    const { exclude } = optionsOf(job);
    const files = [vectorsOf(job), indexFileOf(job), ...(exclude === undefined ? [] : [exclude])];
    return { ...{ command, inputs, out, options }, files: await Promise.all(files.map((file) => hashOf(file))) };
  },

  async divide(job: Job, ranks: number) {
    const parts = Array.from({ length: ranks }, () => ({ from: 0, to: 0, inputs: 1 }));
    return { job, division: { by: 'shares' as const, parts } };
  },

  async work({ plan, rank, folder, signal, onProgress, onProblem }: Work) {
    const { job } = plan;
    const { exclude, index: _, images: __, ...options } = optionsOf(job);
    const scores = await scoreAll(vectorsOf(job), indexFileOf(job), {
      ...options,
      ...(exclude !== undefined && { exclude: await readExcluded(exclude) }),
      ...{ shard: { index: rank + 1, count: plan.ranks }, signal, onProgress, onProblem },
    });
    await writeAllPairs(folder, scores);
    const made = (await listFolder(folder)).filter(({ name }) => !name.startsWith('.'));
    return {
      counts: { impostors: scores.impostors, genuine: scores.genuine.length },
      outputs: made.map(({ name }) => ({ name, kept: 'plan' as const })),
    };
  },

  outputFolder: ({ out }: Job) => out,

  async merge({ job }: Plan, done: AsyncIterable<Done>) {
    const shards: AllScores[] = [];
    for await (const { folder } of done) shards.push(await readAllPairs(folder));
    const scores = mergeScores(shards);
    const { images, ...targets } = optionsOf(job);
    const evaluation = evaluateAllPairs(scores, targets);
    await writeAllPairs(job.out, scores, () =>
      writeAllPairsReport(job.out, { scores, evaluation }, { ...(images !== undefined && { images }) }),
    );
  },
} satisfies Task;
