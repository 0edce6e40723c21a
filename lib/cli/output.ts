import { CommanderError } from 'commander';
import { MaskbenchError } from '../errors.js';
import { toBytes } from '../files/path.js';

/** Exit codes of every command. */
export const exitCodes = { ok: 0, someFailed: 1, usage: 2, interrupted: 130 } as const;

/** Writes a text, and the names in it as the bytes that they are. */
function write(stream: NodeJS.WriteStream, text: string): void {
  stream.write(toBytes(text));
}

/**
 * Keeps a command running when its output is no longer read, as after `| head -1`: its results are in files. Any other
 * error of standard output is printed, and the exit code is 1.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return;
      process.exitCode = exitCodes.someFailed;
      if (stream === process.stdout) warn(`standard output cannot be written: ${error.message}`);
    });
}

/** Prints an error that ended a command, and gives the exit code for it. */
export function fail(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  // Errors of the operating system explain themselves; a stack is for bugs.
  const isExpected = error instanceof MaskbenchError || (error instanceof Error && 'syscall' in error);
  const message = isExpected ? error.message : error instanceof Error ? error.stack : error;
  write(process.stderr, `maskbench: ${message}\n`);
  if (error instanceof MaskbenchError && error.code === 'ABORTED') return exitCodes.interrupted;
  return error instanceof MaskbenchError && ['INVALID_ARGUMENT', 'OUTPUT_EXISTS', 'LOCKED'].includes(error.code)
    ? exitCodes.usage
    : exitCodes.someFailed;
}

/** A line about one file, on standard error so that it never mixes with results. */
export function warn(message: string): void {
  // File names may hold anything; one problem is one line.
  write(process.stderr, `${message.replaceAll('\n', '\\n')}\n`);
}

export function print(text: string): void {
  write(process.stdout, `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** Rows of cells in columns that are as wide as they need. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
