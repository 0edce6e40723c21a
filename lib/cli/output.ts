import { CommanderError } from 'commander';
import { MaskbenchError } from '../errors.js';

/** Exit codes of every command. */
export const exitCodes = { ok: 0, someFailed: 1, usage: 2, interrupted: 130 } as const;

/** Prints an error that ended a command, and gives the exit code for it. */
export function fail(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const message = error instanceof MaskbenchError ? error.message : error instanceof Error ? error.stack : error;
  process.stderr.write(`maskbench: ${message}\n`);
  if (error instanceof MaskbenchError && error.code === 'ABORTED') return exitCodes.interrupted;
  return error instanceof MaskbenchError && ['INVALID_ARGUMENT', 'OUTPUT_EXISTS', 'LOCKED'].includes(error.code)
    ? exitCodes.usage
    : exitCodes.someFailed;
}

/** A line about one file, on standard error so that it never mixes with results. */
export function warn(message: string): void {
  // File names may hold anything; one problem is one line.
  process.stderr.write(`${message.replaceAll('\n', '\\n')}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
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
