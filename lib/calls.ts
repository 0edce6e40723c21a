import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { fromNative, MaskbenchError } from './errors.js';
import { native } from './native.js';

type Call<T> = (cancellation?: InstanceType<typeof native.Cancellation>) => Promise<T>;

/** Makes a call into the addon. Rejects with the signal's reason when aborted, else as the call does. */
export async function callNative<T>(call: Call<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  const cancellation = signal && new native.Cancellation();
  const work = call(cancellation).catch((error) => {
    throw fromNative(error);
  });
  if (!signal) return work;
  // One signal for many calls is the normal use; Node would warn of a leak at the eleventh.
  setMaxListeners(0, signal);
  return new Promise((resolve, reject) => {
    const abort = () => {
      cancellation?.cancel();
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The calls of an object into the addon, and its end. */
export class Calls {
  readonly #pending = new Set<Promise<unknown>>();
  #closed = false;

  /** @param name Of the object, for errors. */
  constructor(readonly name: string) {}

  /** As {@link callNative}; rejects with `CLOSED` after {@link Calls.close}. */
  async run<T>(call: Call<T>, signal?: AbortSignal): Promise<T> {
    if (this.#closed) throw new MaskbenchError('CLOSED', this.name, `the ${this.name} is closed`);
    return callNative((cancellation) => {
      // The call itself is waited for at the end, not its answer to an abort.
      const work: Promise<T> = call(cancellation).finally(() => this.#pending.delete(work));
      this.#pending.add(work);
      return work;
    }, signal);
  }

  /** Waits for the calls under way; later ones reject. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#pending);
    // A turn of the event loop, in which the callers' own promises settle too.
    await setImmediate();
  }
}
