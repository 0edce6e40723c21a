import { setMaxListeners } from 'node:events';
import { fromNative, MaskbenchError } from './errors.js';
import { native } from './native.js';

/** The calls of an object into the addon: their errors, their cancellation, and its end. */
export class Calls {
  readonly #pending = new Set<Promise<unknown>>();
  #closed = false;

  /** @param name Of the object, for errors. */
  constructor(readonly name: string) {}

  /** Makes a call. Rejects with `CLOSED` after {@link Calls.close}, with the signal's reason when aborted, else as the call does. */
  async run<T>(
    call: (cancellation: InstanceType<typeof native.Cancellation>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    if (this.#closed) throw new MaskbenchError('CLOSED', this.name, `the ${this.name} is closed`);
    signal?.throwIfAborted();
    const cancellation = new native.Cancellation();
    const work: Promise<T> = call(cancellation)
      .catch((error) => {
        throw fromNative(error);
      })
      .finally(() => this.#pending.delete(work));
    this.#pending.add(work);
    if (!signal) return work;
    // One signal for many calls is the normal use; Node would warn of a leak at the eleventh.
    setMaxListeners(0, signal);
    return new Promise((resolve, reject) => {
      const abort = () => {
        cancellation.cancel();
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  /** Waits for the calls under way; later ones reject. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#pending);
  }
}
