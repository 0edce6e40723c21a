import { SingleBar } from 'cli-progress';

/** Shows how far long work is: a bar on a terminal, a plain line every few seconds elsewhere. On standard error. */
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
      const left = Math.ceil((total - done) / rate);
      process.stderr.write(`${done}/${total} ${this.#unit}, ${rate.toFixed(0)}/s, about ${left} s left\n`);
    }
  }

  /** Runs `print` with the bar out of the way. */
  interrupt(print: () => void): void {
    if (this.#bar?.isActive) process.stderr.write('\r\u001b[K');
    print();
  }

  stop(): void {
    if (this.#done > 0) this.#bar?.stop();
  }
}
