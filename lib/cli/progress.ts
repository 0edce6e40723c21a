import { SingleBar } from 'cli-progress';
import { MaskbenchError } from '../errors.js';
import { exitCodes, warn } from './output.js';

/** Seconds as people say them: "40 s", "12 min", "3 h 5 min". */
function inWords(seconds: number): string {
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Shows progress on standard error: a bar on a terminal, elsewhere a line every few seconds. */
export class Progress {
  /** The time and the count of the first update. The rate leaves out the time of opening before it. */
  #first: { time: number; done: number } | undefined;
  readonly #bar: SingleBar | undefined;
  readonly #unit: string;
  #lastLine = 0;
  #done = 0;

  readonly #now: () => number;

  /** `now` is a clock in milliseconds. */
  constructor(unit: string, now = () => performance.now()) {
    this.#unit = unit;
    this.#now = now;
    if (process.stderr.isTTY)
      this.#bar = new SingleBar({
        format: `{bar} {percentage}% | {value}/{total} ${unit} | {rate}/s | {eta_formatted} left`,
        stream: process.stderr,
        hideCursor: true,
        etaBuffer: 200,
      });
  }

  /** A `total` of `Number.MAX_SAFE_INTEGER` is unknown: there is no bar then, and no time left. */
  update(done: number, total: number): void {
    this.#done = done;
    const now = this.#now();
    this.#first ??= { time: now, done };
    this.#lastLine ||= now;
    const elapsed = now - this.#first.time;
    const rate = elapsed > 0 ? (1000 * (done - this.#first.done)) / elapsed : 0;
    const isKnown = total < Number.MAX_SAFE_INTEGER;
    if (this.#bar && isKnown) {
      if (!this.#bar.isActive) this.#bar.start(total, done, { rate: 0 });
      this.#bar.update(done, { rate: rate.toFixed(0) });
    } else if (rate > 0 && now - this.#lastLine > 5000) {
      this.#lastLine = now;
      const left = Math.max(0, Math.ceil((total - done) / rate));
      const [all, end] = isKnown ? [`/${total}`, `, about ${inWords(left)} left`] : ['', ''];
      process.stderr.write(`${done}${all} ${this.#unit}, ${rate.toFixed(0)}/s${end}\n`);
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
