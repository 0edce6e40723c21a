import type { ErrorCode } from '../binding.js';

export type { ErrorCode } from '../binding.js';

/** Every error that maskbench itself raises. */
export class MaskbenchError extends Error {
  override readonly name = 'MaskbenchError';
  /** What went wrong. */
  readonly code: ErrorCode;
  /** The file or the argument that the error is about. */
  readonly subject: string;

  constructor(code: ErrorCode, subject: string, message: string) {
    super(message);
    this.code = code;
    this.subject = subject;
  }
}

/** What went wrong with one file, or a device, of a run that continues. */
export interface Problem {
  /** The file, or the device as `cuda:0`. */
  file: string;
  message: string;
}

/** "expected … for …, received … of type …" */
export function invalid(name: string, expected: string, received: unknown): MaskbenchError {
  const shown = typeof received === 'object' && received !== null ? received.constructor?.name : String(received);
  return new MaskbenchError(
    'INVALID_ARGUMENT',
    name,
    `expected ${expected} for ${name}, received ${shown} of type ${typeof received}`,
  );
}

/** Throws unless `value` is a whole number in [min, max]. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw invalid(name, `a whole number from ${min} to ${max}`, value);
  return value;
}

/** Throws unless `value` is a number in [min, max]. */
export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max))
    throw invalid(name, `a number from ${min} to ${max}`, value);
  return value;
}

/** Throws unless `value` is one of `choices`. */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (!choices.includes(value as T)) throw invalid(name, `one of ${choices.join(', ')}`, value);
  return value as T;
}

/** The addon's errors as ours; any other unchanged. */
export function fromNative(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && 'subject' in error)
    return new MaskbenchError(error.code as ErrorCode, String(error.subject), error.message);
  return error;
}
