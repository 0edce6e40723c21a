import type { Problem } from '../errors.js';
import type { Division, Job, Part, Plan } from './plan.js';

/** A file that a rank has made. */
export interface Output {
  /** Its name in the folder where it was made, and in the place where it is kept. */
  name: string;
  /** It is kept with the plan, to be joined by `merge`, or is at its place in the output already. */
  kept: 'plan' | 'output';
}

/** What a rank has done. */
export interface Worked {
  /** Inputs by status. */
  counts: Record<string, number>;
  outputs: Output[];
  /** The version of ONNX Runtime, if the command runs a model. */
  onnxRuntime?: string;
}

/** One rank's work. */
export interface Work {
  plan: Plan;
  /** Where the plan is. */
  place: string;
  rank: number;
  part: Part;
  /** A folder on this machine, where an earlier attempt's files may be. */
  folder: string;
  signal: AbortSignal;
  onProgress: (progress: { done: number; total: number }) => void;
  onProblem: (problem: Problem) => void;
}

/** A rank that is done, to be joined. */
export interface Done {
  rank: number;
  part: Part;
  /** A folder on this machine with what it keeps with the plan. */
  folder: string;
}

/** A command that ranks can do. */
export interface Task {
  /** Refuses what ranks can't do, and outputs that exist. Throws `INVALID_ARGUMENT`, `OUTPUT_EXISTS`. */
  check(job: Job): Promise<void>;
  /** Everything that decides the outputs, the models' and templates' files included. */
  settings(job: Job): Promise<unknown>;
  /** Lists the inputs. The job that it gives is the one that ranks do. */
  divide(job: Job, ranks: number): Promise<{ job: Job; division: Division }>;
  /** Does a rank's inputs, or what an earlier attempt has left of them. */
  work(work: Work): Promise<Worked>;
  /** The files that a rank has written to their places one by one, as its outputs in `folder` list them. */
  loose?(plan: Plan, folder: string, rank: number): AsyncIterable<string>;
  /** Where outputs are that are not kept with the plan. */
  outputFolder(job: Job): string;
  /** Joins what ranks have kept. `done` are all ranks, in order; each is verified when it is taken. */
  merge(plan: Plan, done: AsyncIterable<Done>): Promise<void>;
}
