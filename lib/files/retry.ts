import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { type ErrorCode, MaskbenchError } from '../errors.js';

const passing = new Set<ErrorCode>(['NOT_FOUND', 'READ_FAILED', 'OUT_OF_MEMORY', 'WRITE_FAILED']);

/**
 * Whether an error is of the disk, the network or the memory, and not of what a file holds: it may be gone the next
 * time.
 */
export function mayPass(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  if (error instanceof MaskbenchError) return passing.has(error.code);
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
}

const waits = [50, 200, 800];

/** Does work that only reads or replaces, and tries it again, later and later, while its error {@link mayPass}. */
export async function withBackOff<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  // One signal for many calls is the normal use; Node would warn of a leak at the eleventh.
  if (signal) setMaxListeners(0, signal);
  for (const wait of waits) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error) || signal?.aborted) throw error;
    }
    await setTimeout(wait, undefined, { signal }).catch(() => {}); // aborted: the last try
  }
  return work();
}
