import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MaskbenchError, type Problem } from '../errors.js';
import { withFileLocked } from '../files/lock.js';
import { isRemote } from '../storage/s3.js';
import { below, copyHere, drop } from './places.js';
import { type Plan, readPart, readPlan } from './plan.js';
import {
  type Completion,
  dropCompletion,
  inWords,
  isMerged,
  missingRanks,
  readCompletion,
  readCompletions,
  recordedRanks,
  writeMerged,
} from './records.js';
import type { Done } from './task.js';
import { taskOf } from './tasks.js';
import { faultOf, keptIn } from './work.js';

/**
 * Joins the outputs of all ranks, after each was compared with its completion. What ranks have kept with the plan is
 * then removed.
 * @param onProblem Called with what may make outputs differ in their last bits: ranks of different machines.
 * @returns Whether there was something to join.
 * @throws `MaskbenchError` `INCOMPLETE` (names the ranks that are missing, or whose files are not those of their
 * completions: these are to be done again), `LOCKED` (another merge), `NOT_FOUND`, `WRITE_FAILED`
 */
export async function mergeRanks(place: string, onProblem: (problem: Problem) => void): Promise<boolean> {
  const plan = await readPlan(place);
  // Two at once in S3 write the same bytes.
  if (isRemote(place)) return merge(place, plan, onProblem);
  return withFileLocked(path.join(place, 'merged.json'), () => merge(place, plan, onProblem));
}

async function merge(place: string, plan: Plan, onProblem: (problem: Problem) => void): Promise<boolean> {
  if (await isMerged(place)) return false;
  const missing = await missingRanks(place, plan);
  if (missing.length > 0)
    throw new MaskbenchError(
      'INCOMPLETE',
      place,
      `${place}: ${missing.length} of ${plan.ranks} ranks are not done: ${inWords(missing)}`,
    );
  tellMixtures(place, await readCompletions(place, plan, (await recordedRanks(place)).done), onProblem);
  const task = await taskOf(plan.job.command);
  await task.merge(plan, verified(place, plan));
  await writeMerged(place);
  for (const leftover of ['outputs', 'attempts']) await drop(below(place, leftover));
  return true;
}

/** Vectors are equal on machines with the same instructions and the same ONNX Runtime. */
function tellMixtures(place: string, completions: Completion[], onProblem: (problem: Problem) => void): void {
  const kinds = new Map<string, number[]>();
  for (const { rank, machine } of completions) {
    if (machine.onnxRuntime === undefined) continue;
    const kind = `${machine.simd} with ONNX Runtime ${machine.onnxRuntime}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), rank]);
  }
  if (kinds.size < 2) return;
  const words = [...kinds].map(([kind, ranks]) => `${kind} (ranks ${inWords(ranks.sort((a, b) => a - b))})`);
  onProblem({
    file: place,
    message: `ranks ran on different machines, so vectors may differ in their last bits: ${words.join('; ')}`,
  });
}

/** The ranks in order, each after its files were compared with its completion. */
async function* verified(place: string, plan: Plan): AsyncGenerator<Done> {
  const faults: { rank: number; fault: string }[] = [];
  for (let rank = 0; rank < plan.ranks; rank++) {
    const completion = (await readCompletion(place, plan, rank)) as Completion;
    const kept = keptIn(place, rank);
    const folder = isRemote(place) ? await mkdtemp(path.join(tmpdir(), 'maskbench-rank-')) : kept;
    try {
      if (folder !== kept)
        for (const { name } of completion.outputs.filter((output) => output.kept === 'plan'))
          await copyHere(below(kept, name), path.join(folder, name));
      const fault = await faultOf(place, plan, completion, folder);
      if (fault !== undefined) {
        faults.push({ rank, fault });
        await dropCompletion(place, rank);
      } else if (faults.length === 0) yield { rank, part: await readPart(place, plan, rank), folder };
    } finally {
      if (folder !== kept) await rm(folder, { recursive: true });
    }
  }
  const [first] = faults;
  if (first)
    throw new MaskbenchError(
      'INCOMPLETE',
      place,
      `${place}: ranks ${inWords(faults.map(({ rank }) => rank))} are not as they were completed, and must be done again: ${first.fault}`,
    );
}
