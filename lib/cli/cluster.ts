import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { kubernetesJob } from '../cluster/kubernetes.js';
import { mergeRanks } from '../cluster/merge.js';
import { checkIsNew, mostRanks, readPlan, writePlan } from '../cluster/plan.js';
import { inWords } from '../cluster/records.js';
import { submitToSlurm } from '../cluster/slurm.js';
import { readStatus, type Status } from '../cluster/status.js';
import { commandsInRanks, taskOf } from '../cluster/tasks.js';
import { settingsOf, workRank } from '../cluster/work.js';
import { checkInteger, invalid, MaskbenchError } from '../errors.js';
import { isRemote } from '../storage/s3.js';
import { integer } from './numbers.js';
import { exitCodes, print, printJson, warn } from './output.js';

/** The rank can be resumed, or tried again. */
const tryAgain = 75;

const placeOf = (given: string) => (isRemote(given) ? given : path.resolve(given));

/** Makes the plan's folder the current one: the paths of its command line are relative to it. */
async function enter(place: string): Promise<void> {
  const { folder } = await readPlan(place);
  try {
    process.chdir(folder);
  } catch {
    throw new MaskbenchError(
      'NOT_FOUND',
      folder,
      `${folder}: expected the folder in which the plan was made, found none`,
    );
  }
}

function planCommand(): Command {
  return new Command('plan')
    .description('list the inputs of a command, and divide them among ranks')
    .argument('<command...>', `the command line: ${commandsInRanks.join(', ')}, with its options`)
    .requiredOption('--plan <folder>', 'write the plan to this new folder, or s3://<bucket>/<prefix>')
    .requiredOption('--ranks <n>', 'parts; each is done by one worker', integer)
    .passThroughOptions()
    .addHelpText(
      'after',
      `
Example:
  maskbench cluster plan --plan run1 --ranks 500 mask faces/train.rec --out masked/train.rec --aligned arcface`,
    )
    .action(async (words: string[], { plan: given, ranks }: { plan: string; ranks: number }) => {
      checkInteger('ranks', ranks, 1, mostRanks);
      const place = placeOf(given);
      await checkIsNew(place);
      // Workers load no command but their own.
      const { readJob } = await import('./cluster-jobs.js');
      const asked = await readJob(words);
      const task = await taskOf(asked.command);
      await task.check(asked);
      const { job, division } = await task.divide(asked, ranks);
      const folder = process.cwd();
      const plan = await writePlan(place, { folder, job, settings: await settingsOf({ job }) }, division, ranks);
      print(`${place}: ${plan.inputs} inputs in ${plan.ranks} ranks`);
    });
}

/** The rank that the engine gives this process. */
function rankOfEngine(): number {
  const { SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX } = process.env;
  const rank = SLURM_ARRAY_TASK_ID ?? JOB_COMPLETION_INDEX;
  if (rank === undefined)
    throw invalid('rank', 'a number from --rank, SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX', rank);
  return Number(rank);
}

const lineMilliseconds = 60_000;

function workCommand(): Command {
  return new Command('work')
    .description("do one rank of a plan; what an earlier attempt has finished isn't done again")
    .argument('<plan>', 'the plan')
    .option('--rank <n>', 'from 0 (default: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX)', integer)
    .option('--attempts <n>', 'give up a rank that has failed so often (default: never)', integer)
    .addHelpText(
      'after',
      `
SIGUSR1, SIGTERM or Ctrl-C: what is in progress is finished and recorded.
Exit codes: 0 done, ${tryAgain} interrupted or failed (the same command resumes), 1 given up, 2 wrong usage.`,
    )
    .action(async (given: string, { rank = rankOfEngine(), attempts }: { rank?: number; attempts?: number }) => {
      const place = placeOf(given);
      await enter(place);
      const stop = new AbortController();
      const interrupt = () => stop.abort();
      const signals = ['SIGUSR1', 'SIGTERM', 'SIGINT'] as const;
      for (const signal of signals) process.on(signal, interrupt);
      const start = performance.now();
      let progress = { done: 0, total: 0 };
      const line = () => {
        const seconds = (performance.now() - start) / 1000;
        warn(`rank ${rank}: ${progress.done}/${progress.total}, ${(progress.done / seconds).toFixed(0)}/s`);
      };
      const timer = setInterval(line, lineMilliseconds);
      try {
        const ended = await workRank(place, rank, {
          signal: stop.signal,
          ...(attempts !== undefined && { attempts }),
          onProgress: (now) => {
            progress = now;
          },
          onProblem: ({ message }) => warn(message),
        });
        print(`rank ${rank}: ${ended}`);
      } catch (error) {
        const isOurs = error instanceof MaskbenchError;
        if (isOurs && ['INVALID_ARGUMENT', 'INCOMPLETE'].includes(error.code) && !stop.signal.aborted) throw error;
        if (!isOurs && error !== stop.signal.reason) throw error;
        line();
        warn(error === stop.signal.reason ? `rank ${rank}: interrupted` : `rank ${rank}: ${(error as Error).message}`);
        process.exitCode = tryAgain;
      } finally {
        clearInterval(timer);
        for (const signal of signals) process.off(signal, interrupt);
      }
    });
}

const watchMilliseconds = 10_000;

function describeStatus({
  ranks,
  done,
  waiting,
  running,
  interrupted,
  failed,
  silent,
  inputs,
  rate,
  isMerged,
}: Status): string {
  const counts = { running, waiting, interrupted, failed, silent };
  const words = Object.entries(counts).flatMap(([name, { length }]) => (length > 0 ? [`${length} ${name}`] : []));
  return [
    `${done} of ${ranks} ranks done`,
    ...words,
    `${inputs.done} of ${inputs.total} inputs`,
    ...(rate > 0 ? [`${rate.toFixed(1)}/s a rank`] : []),
    ...(isMerged ? ['merged'] : []),
  ].join(', ');
}

function statusCommand(): Command {
  return new Command('status')
    .description('say which ranks are done, running and failed, and why')
    .argument('<plan>', 'the plan')
    .option('--watch', 'print a line every ten seconds, until all ranks are done or failed')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExit codes: 0 no rank has failed, 1 some have, 2 wrong usage.')
    .action(async (given: string, { watch, json }: { watch?: boolean; json?: boolean }) => {
      const place = placeOf(given);
      let status = await readStatus(place);
      while (watch && status.done + status.failed.length < status.ranks) {
        print(describeStatus(status));
        await setTimeout(watchMilliseconds);
        status = await readStatus(place);
      }
      if (json) printJson(status);
      else {
        print(describeStatus(status));
        for (const { rank, host, error } of [...status.failed, ...status.silent])
          print(`rank ${rank}: ${error ?? `nothing was heard of it from ${host}`}`);
      }
      if (status.failed.length > 0) process.exitCode = exitCodes.someFailed;
    });
}

function mergeCommand(): Command {
  return new Command('merge')
    .description('compare what all ranks have made with their completions, and join it')
    .argument('<plan>', 'the plan')
    .action(async (given: string) => {
      const place = placeOf(given);
      await enter(place);
      const isNew = await mergeRanks(place, ({ message }) => warn(message));
      print(`${place}: ${isNew ? 'merged' : 'was merged already'}`);
    });
}

interface SubmitFlags {
  engine: 'slurm' | 'kubernetes';
  partition?: string;
  time?: string;
  mem?: string;
  cpus: number;
  attempts: number;
  image?: string;
  parallelism: number;
  claim?: string;
  secret?: string;
}

function submitCommand(): Command {
  return new Command('submit')
    .description('start the ranks that are not done: as Slurm array jobs, or print a Kubernetes Job')
    .argument('<plan>', 'the plan')
    .addOption(
      new Option('--engine <engine>', 'what runs the ranks').choices(['slurm', 'kubernetes']).makeOptionMandatory(),
    )
    .option('--partition <name>', 'Slurm: the partition')
    .option('--time <limit>', 'Slurm: the time limit; a rank that needs more is queued again and resumed')
    .option('--mem <size>', 'memory of each rank, as 2G (Slurm) or 2Gi (Kubernetes)')
    .option('--cpus <n>', 'processors of each rank', integer, 1)
    .option('--attempts <n>', 'how often a rank is tried', integer, 3)
    .option('--image <image>', 'Kubernetes: an image that has maskbench')
    .option('--parallelism <n>', 'Kubernetes: ranks that are done at once', integer, 100)
    .option('--claim <name:path>', 'Kubernetes: a PersistentVolumeClaim, and where it is mounted')
    .option('--secret <name>', 'Kubernetes: a Secret for environment variables, such as credentials for S3')
    .action(async (given: string, { engine, image, partition, time, mem, claim, secret, ...flags }: SubmitFlags) => {
      const place = placeOf(given);
      checkInteger('attempts', flags.attempts, 1, 1000);
      checkInteger('cpus', flags.cpus, 1, 256);
      if (engine === 'kubernetes') {
        if (image === undefined) throw invalid('image', 'an image, with the engine kubernetes', image);
        checkInteger('parallelism', flags.parallelism, 1, mostRanks);
        const more = { ...(claim !== undefined && { claim }), ...(secret !== undefined && { secret }) };
        print((await kubernetesJob(place, { ...flags, ...more, image, mem: mem ?? '2Gi' })).trimEnd());
        return;
      }
      await enter(place);
      const { ranks, jobs } = await submitToSlurm(place, {
        ...flags,
        ...(partition !== undefined && { partition }),
        ...(time !== undefined && { time }),
        ...(mem !== undefined && { mem }),
        maskbench: [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))],
      });
      print(`${ranks.length === 0 ? 'no ranks' : `ranks ${inWords(ranks)}`}, and the merge: jobs ${jobs.join(', ')}`);
    });
}

export function clusterCommand(): Command {
  return new Command('cluster')
    .description('do a command in ranks on a cluster: plan, submit or work, status, merge')
    .enablePositionalOptions()
    .addCommand(planCommand())
    .addCommand(workCommand())
    .addCommand(statusCommand())
    .addCommand(mergeCommand())
    .addCommand(submitCommand());
}
