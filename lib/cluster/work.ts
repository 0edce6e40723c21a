import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { MaskbenchError, type Problem } from '../errors.js';
import { toPath } from '../files/path.js';
import { isFolder } from '../files/walk.js';
import { native } from '../native.js';
import { isRemote } from '../storage/s3.js';
import { below, type Digest, digestOf, find, moveTo } from './places.js';
import { hashOfJson, type Part, type Plan, readPart, readPlan } from './plan.js';
import {
  type Completion,
  dropCompletion,
  isMerged,
  readCompletion,
  readState,
  type State,
  writeCompletion,
  writeState,
} from './records.js';
import type { Output } from './task.js';
import { taskOf } from './tasks.js';

export interface WorkOptions {
  /** How many attempts of a rank may fail or end without a report. Default: any number. */
  attempts?: number;
  /** After an abort no further input is started; those in progress are finished and recorded. */
  signal: AbortSignal;
  onProgress: (progress: { done: number; total: number }) => void;
  onProblem: (problem: Problem) => void;
}

/** How a rank's work has ended. */
export type Ended = 'done' | 'was done already' | 'was resumed by another worker';

const stateMilliseconds = 60_000;

/**
 * Does one rank of a plan: what an earlier attempt has left of it, or nothing where it is done. Its outputs depend on
 * the plan alone, so that it may be done twice, at the same time even.
 * @param rank From 0.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (a rank beyond the plan, a plan of other settings), `NOT_FOUND` (no
 * plan), `INCOMPLETE` (all attempts failed), and those of the command; the signal's reason when aborted
 */
export async function workRank(place: string, rank: number, options: WorkOptions): Promise<Ended> {
  const plan = await readPlan(place);
  const part = await readPart(place, plan, rank);
  await checkSettings(place, plan);
  if ((await isMerged(place)) || (await isDone(place, plan, rank))) return 'was done already';
  const before = await readState(place, rank);
  const now = Date.now();
  const state: State = {
    ...{ rank, state: 'running', host: hostname(), since: before?.since ?? now, at: now, done: 0, total: part.inputs },
    seconds: before?.seconds ?? 0,
    // One that is still called running was ended.
    failures: (before?.failures ?? 0) + Number(before?.state === 'running'),
    ...(before?.error !== undefined && { error: before.error }),
  };
  if (before?.state === 'running') state.error ??= `ended without a report on ${before.host}`;
  if (options.attempts !== undefined && state.failures >= options.attempts) {
    await writeState(place, { ...state, state: 'failed' });
    throw new MaskbenchError(
      'INCOMPLETE',
      String(rank),
      `rank ${rank}: failed ${state.failures} times, the last time: ${state.error}`,
    );
  }
  await writeState(place, state);
  const start = performance.now();
  const worked = () => (before?.seconds ?? 0) + (performance.now() - start) / 1000;
  const tell = setInterval(() => {
    Object.assign(state, { at: Date.now(), seconds: worked() });
    void writeState(place, state).catch(() => {}); // the next one may succeed
  }, stateMilliseconds);
  const own = await claim(place, plan, rank);
  try {
    const completion = await doRank(place, plan, part, rank, own, {
      ...options,
      onProgress: (progress) => {
        Object.assign(state, progress);
        options.onProgress(progress);
      },
    });
    await writeCompletion(place, { ...completion, seconds: worked() });
    await rm(toPath(path.dirname(own)), { recursive: true, force: true });
  } catch (error) {
    // Another worker, which thought this one lost, has removed what it was working on.
    if (!(await isFolder(own))) return 'was resumed by another worker';
    const isInterrupted = options.signal.aborted && error === options.signal.reason;
    Object.assign(state, { at: Date.now(), seconds: worked(), state: isInterrupted ? 'interrupted' : 'failed' });
    if (!isInterrupted) Object.assign(state, { failures: state.failures + 1, error: (error as Error).message });
    await writeState(place, state).catch(() => {}); // on a full disk; the first error counts
    throw error;
  } finally {
    clearInterval(tell);
  }
  return 'done';
}

async function checkSettings(place: string, plan: Plan): Promise<void> {
  const found = await settingsOf(plan);
  if (found !== plan.settings)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      place,
      `${place}: the settings here are others than the plan's: its options, its .rec file, a model or a template have changed since it was made`,
    );
}

/** The settings of a plan, as they are on this machine. */
export const settingsOf = async ({ job }: Pick<Plan, 'job'>): Promise<string> =>
  hashOfJson(await (await taskOf(job.command)).settings(job));

const nothing: Digest = { bytes: 0, sha256: '' };

/** Where outputs of a rank are that are kept with the plan. */
export const keptIn = (place: string, rank: number) => below(place, 'outputs', String(rank));

async function placeOf(place: string, { job }: Plan, rank: number, { name, kept }: Output): Promise<string> {
  return below(kept === 'plan' ? keptIn(place, rank) : (await taskOf(job.command)).outputFolder(job), name);
}

/** Whether a rank's outputs are those of its completion. A completion that is not true is removed. */
async function isDone(place: string, plan: Plan, rank: number): Promise<boolean> {
  const completion = await readCompletion(place, plan, rank);
  if (!completion) return false;
  if ((await faultOf(place, plan, completion, keptIn(place, rank))) === undefined) return true;
  await dropCompletion(place, rank);
  return false;
}

/**
 * The first output of a rank that is not what its completion says.
 * @param folder Where its outputs that are kept with the plan are on this machine.
 */
export async function faultOf(
  place: string,
  plan: Plan,
  { rank, outputs, loose }: Completion,
  folder: string,
): Promise<string | undefined> {
  const isLost = (error: MaskbenchError) => {
    if (error.code !== 'NOT_FOUND') throw error;
    return error.message;
  };
  const differ = (file: string, expected: Digest, found: Digest) =>
    found.sha256 === expected.sha256
      ? undefined
      : `${file}: expected SHA-256 ${expected.sha256} and ${expected.bytes} bytes, found ${found.sha256} and ${found.bytes}`;
  for (const output of outputs) {
    const file = output.kept === 'plan' ? below(folder, output.name) : await placeOf(place, plan, rank, output);
    const fault = await digestOf(file).then((found) => differ(file, output, found), isLost);
    if (fault !== undefined) return fault;
  }
  // The list of these files is read on this machine, by merge.
  if (!loose || isRemote(folder)) return undefined;
  return looseOf(plan, rank, folder).then((found) => differ(`${loose.files} files`, loose, found ?? nothing), isLost);
}

/**
 * A folder of this attempt alone, with what the attempt before it that got furthest has left. That one may still be
 * running on a machine that was thought lost, so it is copied, and not shared.
 */
async function claim(place: string, plan: Plan, rank: number): Promise<string> {
  // Files can't grow in S3.
  const attempts = isRemote(place)
    ? path.join(tmpdir(), `maskbench-${plan.settings.slice(0, 16)}-${rank}`)
    : path.join(place, 'attempts', String(rank));
  const own = path.join(attempts, `${hostname()}-${process.pid}-${Date.now()}`);
  await mkdir(toPath(own), { recursive: true });
  let furthest: { folder: string; bytes: number } | undefined;
  const others = (await readdir(toPath(attempts)))
    .map((name) => path.join(attempts, name))
    .filter((name) => name !== own);
  for (const folder of others) {
    const bytes = await linesBytes(folder);
    if (bytes > (furthest?.bytes ?? 0)) furthest = { folder, bytes };
  }
  if (furthest)
    await copyAttempt(furthest.folder, own).catch(async () => {
      // It was removed meanwhile, or cannot be read: this attempt begins anew.
      await rm(toPath(own), { recursive: true, force: true });
      await mkdir(toPath(own), { recursive: true });
    });
  for (const folder of others) await rm(toPath(folder), { recursive: true, force: true });
  return own;
}

/** Files with a line for each input that is done. */
const isLines = (name: string) => /\.jsonl(\.part)?$|\.index\.part$/.test(name);

async function linesBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of (await readdir(toPath(folder)).catch(() => [])).filter(isLines))
    bytes += (await stat(toPath(path.join(folder, name))).catch(() => undefined))?.size ?? 0;
  return bytes;
}

async function copyAttempt(from: string, to: string): Promise<void> {
  const mode = constants.COPYFILE_FICLONE;
  // Lines first: what they say was written before them.
  for (const name of (await readdir(toPath(from))).filter(isLines))
    await copyFile(toPath(path.join(from, name)), toPath(path.join(to, name)), mode);
  await cp(from, to, { recursive: true, mode, filter: (file) => !isLines(path.basename(file)) });
}

async function doRank(
  place: string,
  plan: Plan,
  part: Part,
  rank: number,
  folder: string,
  { signal, onProgress, onProblem }: WorkOptions,
): Promise<Omit<Completion, 'seconds'>> {
  const task = await taskOf(plan.job.command);
  const { counts, outputs, onnxRuntime } = await task.work({
    ...{ plan, place, rank, part, folder, signal, onProgress, onProblem },
  });
  const digests: (Output & Digest)[] = [];
  for (const output of outputs) digests.push({ ...output, ...(await digestOf(path.join(folder, output.name))) });
  const loose = await looseOf(plan, rank, folder);
  for (const output of outputs) await moveTo(path.join(folder, output.name), await placeOf(place, plan, rank, output));
  return {
    ...{ rank, settings: plan.settings, counts, inputs: part.inputs, outputs: digests },
    ...(loose && { loose }),
    machine: { host: hostname(), simd: native.systemInfo().simd, ...(onnxRuntime !== undefined && { onnxRuntime }) },
  };
}

/** A hash of the hashes of the files that a rank has written one by one. */
async function looseOf(plan: Plan, rank: number, folder: string): Promise<Completion['loose']> {
  const loose = (await taskOf(plan.job.command)).loose?.(plan, folder, rank);
  if (!loose) return undefined;
  const all = createHash('sha256');
  let files = 0;
  let bytes = 0;
  for await (const file of loose) {
    const data = await find(file);
    if (!data) throw new MaskbenchError('NOT_FOUND', file, `${file}: does not exist`);
    all.update(`${createHash('sha256').update(data).digest('hex')}\n`);
    bytes += data.length;
    files++;
  }
  return files === 0 ? undefined : { files, bytes, sha256: all.digest('hex') };
}
