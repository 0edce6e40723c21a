import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { MaskbenchError } from '../errors.js';
import { makeFolder } from '../files/atomic.js';
import { isRemote } from '../storage/s3.js';
import { type Plan, readPlan } from './plan.js';
import { dropState, inWords, missingRanks } from './records.js';

const run = promisify(execFile);

export interface SlurmOptions {
  partition?: string;
  /** As `sbatch` takes it. */
  time?: string;
  mem?: string;
  /** Processors for each rank. */
  cpus: number;
  /** So often a rank is tried. */
  attempts: number;
  /** The words that run maskbench on the nodes. */
  maskbench: readonly string[];
}

/** A word as the shell takes it. */
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Throws `UNAVAILABLE`: Slurm's commands are not there, or refuse. */
async function slurm(command: string, args: readonly string[], input?: string): Promise<string> {
  try {
    const running = run(command, [...args]);
    // A command that ends before it reads its input says in its exit code whether it succeeded.
    running.child.stdin?.on('error', () => {});
    running.child.stdin?.end(input);
    return (await running).stdout;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new MaskbenchError('UNAVAILABLE', command, `${command}: ${stderr?.trim() || message}`);
  }
}

/** The name of a plan's jobs. */
const nameOf = ({ settings }: Plan) => `maskbench-${settings.slice(0, 12)}`;

const exitToTryAgain = 75;

/** The script of an array job; `first` is the rank of its task 0. */
function arrayScript(
  place: string,
  plan: Plan,
  tasks: readonly number[],
  first: number,
  options: SlurmOptions,
): string {
  const { partition, time, mem, cpus, attempts, maskbench } = options;
  const log = isRemote(place) ? 'maskbench-%A_%a.log' : path.join(place, 'logs', '%A_%a.log');
  const directives = [
    `--job-name=${nameOf(plan)}`,
    `--array=${inWords(tasks)}`,
    '--requeue',
    '--open-mode=append',
    '--signal=B:USR1@60',
    `--output=${log}`,
    `--cpus-per-task=${cpus}`,
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(time === undefined ? [] : [`--time=${time}`]),
    ...(mem === undefined ? [] : [`--mem=${mem}`]),
  ];
  const words = [...maskbench, 'cluster', 'work', place].map(quoted).join(' ');
  return `#!/bin/bash
${directives.map((directive) => `#SBATCH ${directive}`).join('\n')}
# The time is nearly over: the worker finishes what is in progress, and the rank is queued again.
trap 'again=1; kill -TERM "$worker"' USR1
trap 'stopped=1; kill -TERM "$worker"' TERM
${words} --rank $((SLURM_ARRAY_TASK_ID + ${first})) --attempts ${attempts} &
worker=$!
# A signal ends the wait, and not the worker.
while :; do
  wait "$worker"
  code=$?
  kill -0 "$worker" 2>/dev/null || break
done
# ${exitToTryAgain}: it can be resumed, or tried again. 128 and more: it was killed.
if [ $code -eq ${exitToTryAgain} ] || [ $code -ge 128 ]; then
  [ -n "$stopped" ] && [ -z "$again" ] || scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
`;
}

/** The greatest number of an array's task, and one more. */
async function maxArraySize(): Promise<number> {
  const found = /^MaxArraySize\s*=\s*(\d+)/m.exec(await slurm('scontrol', ['show', 'config']));
  return Number(found?.[1] ?? 1001);
}

/**
 * Cancels the jobs of an earlier submission that would wait for ever: those that Slurm holds because it could not
 * launch them, and the merge. Throws `LOCKED` where others are in the queue.
 */
async function clearQueue(place: string, name: string): Promise<void> {
  const text = await slurm('squeue', ['--noheader', '--array', '--format=%i|%j|%r', `--name=${name},${name}-merge`]);
  const jobs = text.split('\n').flatMap((line) => {
    const [id, job, reason] = line.split('|');
    return id ? [{ id, isIdle: job === `${name}-merge` || /held/i.test(reason ?? '') }] : [];
  });
  const busy = jobs.filter(({ isIdle }) => !isIdle).map(({ id }) => id);
  if (busy.length > 0)
    throw new MaskbenchError(
      'LOCKED',
      place,
      `${place}: its jobs are still in the queue (${busy.join(', ')}); wait for them, or cancel them`,
    );
  if (jobs.length > 0)
    await slurm(
      'scancel',
      jobs.map(({ id }) => id),
    );
}

export interface Submitted {
  ranks: number[];
  /** The numbers of the array jobs, and of the job that merges. */
  jobs: string[];
}

/**
 * Submits the ranks without a completion as array jobs, and a job that merges when they have ended.
 * @returns No jobs, where all ranks are done and merged or only the merge is left to do.
 * @throws `MaskbenchError` `UNAVAILABLE` (Slurm), `LOCKED` (jobs of the plan are in the queue), `NOT_FOUND`
 */
export async function submitToSlurm(place: string, options: SlurmOptions): Promise<Submitted> {
  const plan = await readPlan(place);
  const name = nameOf(plan);
  await clearQueue(place, name);
  const ranks = await missingRanks(place, plan);
  // Attempts are counted from zero.
  for (const rank of ranks) await dropState(place, rank);
  if (!isRemote(place)) await makeFolder(path.join(place, 'logs'));
  const size = await maxArraySize();
  const jobs: string[] = [];
  for (let first = 0; first < plan.ranks; first += size) {
    const tasks = ranks.filter((rank) => rank >= first && rank < first + size).map((rank) => rank - first);
    if (tasks.length === 0) continue;
    jobs.push((await slurm('sbatch', ['--parsable'], arrayScript(place, plan, tasks, first, options))).trim());
  }
  const merge = [...options.maskbench, 'cluster', 'merge', place].map(quoted).join(' ');
  const after = jobs.length > 0 ? [`--dependency=afterany:${jobs.join(':')}`] : [];
  const log = isRemote(place) ? 'maskbench-merge-%j.log' : path.join(place, 'logs', 'merge-%j.log');
  const where = options.partition === undefined ? [] : [`--partition=${options.partition}`];
  const script = `#!/bin/bash\nexec ${merge}\n`;
  const args = [
    '--parsable',
    '--requeue',
    '--open-mode=append',
    `--job-name=${name}-merge`,
    `--output=${log}`,
    ...after,
    ...where,
  ];
  jobs.push((await slurm('sbatch', args, script)).trim());
  return { ranks, jobs };
}
