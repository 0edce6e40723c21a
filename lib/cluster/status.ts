import { readPlan } from './plan.js';
import { isMerged, readAll, readCompletions, readState, recordedRanks, type State } from './records.js';

/** How far a plan is. */
export interface Status {
  ranks: number;
  done: number;
  /** Ranks that no worker has begun. */
  waiting: number[];
  running: State[];
  /** Ranks whose worker was interrupted; another worker resumes them. */
  interrupted: State[];
  failed: State[];
  /** Ranks that are called running and have said nothing for three minutes. */
  silent: State[];
  /** Inputs that are done, of all. */
  inputs: { done: number; total: number };
  /** Inputs a second that one worker did, on average. */
  rate: number;
  isMerged: boolean;
}

const silentMilliseconds = 180_000;
/**
 * Reads how far a plan is. Files of outputs are not looked at.
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE`, `INVALID_ARGUMENT` (a plan of another version)
 */
export async function readStatus(place: string): Promise<Status> {
  const plan = await readPlan(place);
  const recorded = await recordedRanks(place);
  const completions = await readCompletions(place, plan, recorded.done);
  const done = new Set(completions.map(({ rank }) => rank));
  const states = await readAll(
    [...recorded.begun].filter((rank) => !done.has(rank)),
    (rank) => readState(place, rank),
  );
  states.sort((a, b) => a.rank - b.rank);
  const begun = new Set(states.map(({ rank }) => rank));
  const isSilent = ({ at }: State) => Date.now() - at > silentMilliseconds;
  const running = states.filter(({ state }) => state === 'running');
  const inputs = completions.reduce((sum, completion) => sum + completion.inputs, 0);
  const seconds = completions.reduce((sum, completion) => sum + completion.seconds, 0);
  return {
    ...{ ranks: plan.ranks, done: done.size },
    waiting: Array.from({ length: plan.ranks }, (_, rank) => rank).filter(
      (rank) => !done.has(rank) && !begun.has(rank),
    ),
    running: running.filter((state) => !isSilent(state)),
    interrupted: states.filter(({ state }) => state === 'interrupted'),
    failed: states.filter(({ state }) => state === 'failed'),
    silent: running.filter(isSilent),
    inputs: { done: inputs + states.reduce((sum, state) => sum + state.done, 0), total: plan.inputs },
    rate: seconds > 0 ? inputs / seconds : 0,
    isMerged: await isMerged(place),
  };
}
