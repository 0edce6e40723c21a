import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/** The name of standard input and output. */
export const standardStream = '-';

/** What was read to see what it is. */
let start = Buffer.alloc(0);

/** The first bytes of standard input, fewer where it has fewer. Whoever reads it later gets them too. */
export async function startOfInput(length: number): Promise<Buffer> {
  const { stdin } = process;
  while (start.length < length && !stdin.readableEnded) {
    const chunk: Buffer | null = stdin.read();
    if (chunk) start = Buffer.concat([start, chunk]);
    else await Promise.race([once(stdin, 'readable'), once(stdin, 'end')]);
  }
  return start.subarray(0, length);
}

/** The bytes of standard input, which can be read once. */
export async function* streamInput(): AsyncGenerator<Buffer> {
  if (start.length > 0) yield start;
  if (!process.stdin.readableEnded) yield* process.stdin as AsyncIterable<Buffer>;
}

let whole: Promise<Buffer> | undefined;

/** All of standard input, also for those who ask again. */
export function readInput(): Promise<Buffer> {
  whole ??= buffer(streamInput());
  return whole;
}
