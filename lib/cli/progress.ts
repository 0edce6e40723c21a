import { SingleBar } from 'cli-progress';
import { MaskbenchError } from '../errors.js';
import { exitCodes, warn } from './output.js';

/** Shows progress on standard error: a bar on a terminal, elsewhere a line every few seconds. */
export class Progress {
  readonly #start = performance.now();
  readonly #bar: SingleBar | undefined;
  readonly #unit: string;
  #lastLine = performance.now();
  #done = 0;

  constructor(unit: string) {
    this.#unit = unit;
    if (process.stderr.isTTY)
      this.#bar = new SingleBar({
        format: `{bar} {percentage}% | {value}/{total} ${unit} | {rate}/s | {eta_formatted} left`,
        stream: process.stderr,
        hideCursor: true,
        etaBuffer: 200,
      });
  }

  update(done: number, total: number): void {
    this.#done = done;
    const now = performance.now();
    const rate = (1000 * done) / (now - this.#start);
    if (this.#bar) {
      if (!this.#bar.isActive) this.#bar.start(total, 0, { rate: 0 });
      this.#bar.update(done, { rate: rate.toFixed(0) });
    } else if (now - this.#lastLine > 5000) {
      this.#lastLine = now;
      const left = Math.max(0, Math.ceil((total - done) / rate));
      process.stderr.write(`${done}/${total} ${this.#unit}, ${rate.toFixed(0)}/s, about ${left} s left\n`);
    }
  }

  /** Clears the bar, then runs `print`. */
  interrupt(print: () => void): void {
    if (this.#bar?.isActive) process.stderr.write('\r\u001b[K');
    print();
  }

  stop(): void {
    if (this.#done > 0) this.#bar?.stop();
  }
}

/** For commands that have `--resume`. */
export const resumeAdvice = '; to resume, run the same command with --resume';

/**
 * Runs work that Ctrl-C aborts; a second Ctrl-C ends the process at once. Throws `ABORTED` if the work was aborted.
 * @param advice What the user can do then.
 */
export async function runInterruptibly<T>(
  progress: Progress,
  work: (signal: AbortSignal) => Promise<T>,
  advice = '',
): Promise<T> {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(exitCodes.interrupted);
    stop.abort();
    progress.interrupt(() => warn('finishing the work in progress; press Ctrl-C again to stop at once'));
  };
  process.on('SIGINT', interrupt);
  try {
    return await work(stop.signal);
  } catch (error) {
    throw error === stop.signal.reason ? new MaskbenchError('ABORTED', 'interrupt', `interrupted${advice}`) : error;
  } finally {
    progress.stop();
    process.off('SIGINT', interrupt);
  }
}
