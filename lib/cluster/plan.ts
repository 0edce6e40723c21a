import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { checkInteger, MaskbenchError } from '../errors.js';
import { makeFolder } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { decodeText, parseJson } from '../files/text.js';
import { packageRoot } from '../package-root.js';
import { isRemote } from '../storage/s3.js';
import { openStored, streamStored } from '../storage/stored-file.js';
import { below, find, moveTo, put } from './places.js';

/** A command line, as the command itself understands it. */
export interface Job {
  command: string;
  inputs: string[];
  out: string;
  options: Record<string, unknown>;
}

/** `plan.json`: what all ranks share. It is never changed. */
export interface Plan {
  /** The version that made it. */
  maskbench: string;
  /** The folder in which the command line was given; its paths are relative to it. */
  folder: string;
  job: Job;
  /** How inputs are divided: `lines` of `inputs.jsonl`, `records` of a .rec file, or shares of all pairs. */
  by: 'lines' | 'records' | 'shares';
  ranks: number;
  /** What is listed: photos, tars, or shares. */
  inputs: number;
  /** A hash of all that decides the outputs. */
  settings: string;
}

/** One rank's part: its line of `ranks.jsonl`. */
export interface Part {
  /** Bytes of `inputs.jsonl`, or of the index of the .rec file. */
  from: number;
  to: number;
  inputs: number;
  /** Parts of a .rec file have this and the next field; `RecordPart` explains both. */
  end?: number | null;
  firstIdentity?: number | null;
}

/** So many ranks have a plan at most: Kubernetes takes no more. */
export const mostRanks = 100_000;

/** Every line of `ranks.jsonl` has so many bytes, so that a rank reads its own alone. */
const partBytes = 160;

const planFile = (place: string) => below(place, 'plan.json');
const inputsFile = (place: string) => below(place, 'inputs.jsonl');
const partsFile = (place: string) => below(place, 'ranks.jsonl');

export const { version } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
};

/** How a task's inputs are listed. */
export type Division =
  | { by: 'lines'; lines: AsyncIterable<readonly unknown[]> }
  | { by: 'records' | 'shares'; parts: Part[] };

/**
 * Lists a task's inputs and writes the plan.
 * @param place A new folder, or a prefix in S3.
 * @throws `MaskbenchError` `OUTPUT_EXISTS`, `INVALID_ARGUMENT` (fewer inputs than ranks), `WRITE_FAILED`
 */
export async function writePlan(
  place: string,
  of: Pick<Plan, 'folder' | 'job' | 'settings'>,
  division: Division,
  ranks: number,
): Promise<Plan> {
  await checkIsNew(place);
  let parts: Part[];
  if (division.by === 'lines') {
    const folder = isRemote(place) ? await mkdtemp(path.join(tmpdir(), 'maskbench-plan-')) : place;
    await makeFolder(folder);
    const file = path.join(folder, 'inputs.jsonl');
    const inputs = await writeLines(file, division.lines);
    checkEnough(inputs, ranks);
    parts = await divideLines(file, inputs, ranks);
    if (folder !== place) {
      await moveTo(file, inputsFile(place));
      await rm(folder, { recursive: true });
    }
  } else parts = division.parts;
  const inputs = parts.reduce((sum, part) => sum + part.inputs, 0);
  const plan: Plan = { maskbench: version, ...of, by: division.by, ranks, inputs };
  await put(partsFile(place), parts.map((part) => `${JSON.stringify(part).padEnd(partBytes - 1)}\n`).join(''));
  // Last: a plan with it is complete.
  await put(planFile(place), `${JSON.stringify(plan, undefined, 2)}\n`);
  return plan;
}

/** Throws `OUTPUT_EXISTS` where there is a plan. */
export async function checkIsNew(place: string): Promise<void> {
  if (await find(planFile(place)))
    throw new MaskbenchError('OUTPUT_EXISTS', place, `${place}: there is a plan already, and plans are never changed`);
}

export function checkEnough(inputs: number, ranks: number): void {
  if (inputs === 0) throw new MaskbenchError('NOT_FOUND', 'inputs', 'the inputs have no photos');
  if (inputs < ranks)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'ranks',
      `expected at most ${inputs} ranks, one an input; received ${ranks}`,
    );
}

async function writeLines(file: string, groups: AsyncIterable<readonly unknown[]>): Promise<number> {
  const stream = createWriteStream(toPath(file));
  const ended = finished(stream);
  ended.catch(() => {}); // awaited below
  let lines = 0;
  try {
    for await (const group of groups) {
      if (group.length === 0) continue;
      lines += group.length;
      const text = group.map((line) => `${JSON.stringify(line)}\n`).join('');
      if (!stream.write(text)) await Promise.race([once(stream, 'drain'), ended]);
    }
    stream.end();
    await ended;
  } catch (error) {
    stream.destroy();
    if (error instanceof MaskbenchError) throw error;
    throw new MaskbenchError('WRITE_FAILED', file, `${file}: cannot be written: ${(error as Error).message}`);
  }
  return lines;
}

/** Parts of equally many lines, as far as possible. */
async function divideLines(file: string, lines: number, ranks: number): Promise<Part[]> {
  const starts = [0];
  let line = 0;
  let at = 0;
  const firstOf = (rank: number) => Math.floor((rank * lines) / ranks);
  for await (const chunk of streamStored(file)) {
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, end + 1)) {
      line++;
      if (line === firstOf(starts.length)) starts.push(at + end + 1);
    }
    at += chunk.length;
  }
  return Array.from({ length: ranks }, (_, rank) => ({
    from: starts[rank] as number,
    to: starts[rank + 1] ?? at,
    inputs: firstOf(rank + 1) - firstOf(rank),
  }));
}

/** Throws `NOT_FOUND`, `UNREADABLE`, `INVALID_ARGUMENT` (a plan of another version). */
export async function readPlan(place: string): Promise<Plan> {
  const file = planFile(place);
  const bytes = await find(file);
  if (!bytes) throw new MaskbenchError('NOT_FOUND', place, `${place}: expected a plan, found no plan.json in it`);
  const plan = parseJson(decodeText(bytes, file), file) as Plan;
  const isPlan =
    typeof plan?.settings === 'string' &&
    Number.isInteger(plan.ranks) &&
    plan.ranks <= mostRanks &&
    typeof plan.folder === 'string' &&
    typeof plan.job?.command === 'string';
  if (!isPlan) throw new MaskbenchError('UNREADABLE', file, `${file}: not a plan of maskbench`);
  if (plan.maskbench !== version)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      file,
      `${file}: the plan was made by maskbench ${plan.maskbench}; expected ${version}, which runs here`,
    );
  return plan;
}

/** Reads one rank's part, and nothing of the others. Throws `INVALID_ARGUMENT` (a rank beyond the plan). */
export async function readPart(place: string, plan: Plan, rank: number): Promise<Part> {
  checkInteger('rank', rank, 0, plan.ranks - 1);
  const file = partsFile(place);
  const stored = await openStored(file);
  try {
    const bytes = await stored.read(rank * partBytes, partBytes);
    const part = parseJson(decodeText(bytes, file), file) as Part;
    for (const number of [part?.from, part?.to, part?.inputs])
      if (!Number.isSafeInteger(number) || number < 0)
        throw new MaskbenchError('UNREADABLE', file, `${file}: not the part of rank ${rank}`);
    return part;
  } finally {
    await stored.close();
  }
}

const linesAtOnce = 1024;

/** The listed inputs of a part, in groups. Throws `UNREADABLE` where they are not those that were listed. */
export async function* readInputs<Input>(place: string, { from, to, inputs }: Part): AsyncGenerator<Input[]> {
  const file = inputsFile(place);
  let rest = Buffer.alloc(0);
  let group: Input[] = [];
  let lines = 0;
  for await (const chunk of streamStored(file, from, to)) {
    rest = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      group.push(parseJson(rest.toString('utf8', start, end), file) as Input);
      lines++;
      start = end + 1;
      if (group.length < linesAtOnce) continue;
      yield group;
      group = [];
    }
    rest = rest.subarray(start);
  }
  if (lines !== inputs)
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected ${inputs} lines from byte ${from}, found ${lines}`);
  if (group.length > 0) yield group;
}

/** A hash of a value's JSON. */
export const hashOfJson = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
