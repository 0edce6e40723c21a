import { parseJson } from '../files/text.js';
import { below, type Digest, drop, find, namesIn, put } from './places.js';
import type { Plan } from './plan.js';
import type { Output } from './task.js';

/** `completions/<rank>.json`: a rank is done. */
export interface Completion {
  rank: number;
  settings: string;
  /** Inputs by status. */
  counts: Record<string, number>;
  inputs: number;
  outputs: (Output & Digest)[];
  /** Files that lie in the output one by one, all together: the hash of their hashes. */
  loose?: { files: number } & Digest;
  /** How long all attempts worked, as far as they reported it. */
  seconds: number;
  machine: Machine;
}

/** Where a rank was done, and what may make a difference in the last bits of vectors. */
export interface Machine {
  host: string;
  /** The vector instructions that are used, by Highway's name. */
  simd: string;
  /** The version of ONNX Runtime, if the command runs a model. */
  onnxRuntime?: string;
}

/** `states/<rank>.json`: what a rank does that is not done. */
export interface State {
  rank: number;
  state: 'running' | 'interrupted' | 'failed';
  host: string;
  /** Milliseconds since 1970. */
  since: number;
  at: number;
  done: number;
  total: number;
  /** How long all attempts have worked. */
  seconds: number;
  /** Attempts that failed, or ended without a report. */
  failures: number;
  error?: string;
}

const completionFile = (place: string, rank: number) => below(place, 'completions', `${rank}.json`);
const stateFile = (place: string, rank: number) => below(place, 'states', `${rank}.json`);

async function readRecord<T>(file: string): Promise<T | undefined> {
  const bytes = await find(file);
  try {
    return bytes && (parseJson(bytes.toString(), file) as T);
  } catch {
    return undefined;
  }
}

/** A rank's completion, if it has one of this plan. Its files are not looked at. */
export async function readCompletion(place: string, plan: Plan, rank: number): Promise<Completion | undefined> {
  const found = await readRecord<Completion>(completionFile(place, rank));
  return found?.settings === plan.settings && found.rank === rank ? found : undefined;
}

export async function writeCompletion(place: string, completion: Completion): Promise<void> {
  await put(completionFile(place, completion.rank), `${JSON.stringify(completion)}\n`);
  await drop(stateFile(place, completion.rank));
}

/** Withdraws a completion: the rank must be done again. */
export const dropCompletion = (place: string, rank: number) => drop(completionFile(place, rank));

export const readState = (place: string, rank: number) => readRecord<State>(stateFile(place, rank));
export const writeState = (place: string, state: State) =>
  put(stateFile(place, state.rank), `${JSON.stringify(state)}\n`);
export const dropState = (place: string, rank: number) => drop(stateFile(place, rank));

const numbersIn = async (folder: string) =>
  new Set((await namesIn(folder)).flatMap((name) => (/^\d+\.json$/.test(name) ? [Number.parseInt(name, 10)] : [])));

/** The ranks that have a completion, and those that have a state. */
export async function recordedRanks(place: string): Promise<{ done: Set<number>; begun: Set<number> }> {
  return {
    done: await numbersIn(below(place, 'completions')),
    begun: await numbersIn(below(place, 'states')),
  };
}

/** Ranks in words: 0-3, 7. */
export function inWords(ranks: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const rank of ranks) {
    const last = ranges.at(-1);
    if (last && last[1] === rank - 1) last[1] = rank;
    else ranges.push([rank, rank]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

const readsAtOnce = 64;

export async function readAll<T>(
  ranks: Iterable<number>,
  read: (rank: number) => Promise<T | undefined>,
): Promise<T[]> {
  const found: T[] = [];
  const left = ranks[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: readsAtOnce }, async () => {
      for (let next = left.next(); !next.done; next = left.next()) {
        const record = await read(next.value);
        if (record !== undefined) found.push(record);
      }
    }),
  );
  return found;
}

export const readCompletions = (place: string, plan: Plan, ranks: Iterable<number>) =>
  readAll(ranks, (rank) => readCompletion(place, plan, rank));

/** The ranks without a completion. */
export async function missingRanks(place: string, plan: Plan): Promise<number[]> {
  const completions = await readCompletions(place, plan, (await recordedRanks(place)).done);
  const done = new Set(completions.map(({ rank }) => rank));
  return Array.from({ length: plan.ranks }, (_, rank) => rank).filter((rank) => !done.has(rank));
}

const mergedFile = (place: string) => below(place, 'merged.json');
export const isMerged = async (place: string) => (await find(mergedFile(place))) !== undefined;
export const writeMerged = (place: string) => put(mergedFile(place), '{}\n');
