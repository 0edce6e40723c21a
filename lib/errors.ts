import type { ErrorCode } from '../binding.js';

export type { ErrorCode } from '../binding.js';

/**
 * Every error that maskbench itself raises.
 * @example
 * try {
 *   await masker.mask('photo.jpg');
 * } catch (error) {
 *   if (error instanceof MaskbenchError && error.code === 'DAMAGED') console.warn(error.subject);
 *   else throw error;
 * }
 */
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
  const shown =
    typeof received === 'object' && received !== null
      ? (received.constructor?.name ?? 'an object')
      : JSON.stringify(String(received).slice(0, 100)).slice(1, -1);
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

/** Throws unless every one of `values` is a rate above 0 and up to 1. */
export function checkRates(name: string, values: readonly number[]): readonly number[] {
  for (const value of values)
    if (typeof value !== 'number' || !(value > 0 && value <= 1))
      throw invalid(name, 'rates above 0 and up to 1', value);
  return values;
}

/** Throws unless `value` is one of `choices`. */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  // A choice may be a blank or a line end.
  const shown = choices.map((choice) => (/\s/.test(choice) ? JSON.stringify(choice) : choice));
  if (!choices.includes(value as T)) throw invalid(name, `one of ${shown.join(', ')}`, value);
  return value as T;
}

/** Throws unless `value` is a text, a path or a name, that a file system can take. */
export function checkPath(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0'))
    throw invalid(name, 'a path (a text without a NUL)', value);
  return value;
}

/** Throws unless `value` is a text. */
export function checkText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(name, 'a text', value);
  return value;
}

/** Throws unless `value` is an array without holes whose items pass `check`, which is given each one's name. */
export function checkArray<T>(
  name: string,
  value: unknown,
  check: (name: string, item: unknown) => T,
  expected = 'an array',
): T[] {
  if (!Array.isArray(value)) throw invalid(name, expected, value);
  // By number: forEach and map leave holes out.
  return Array.from(value, (item, i) => check(`${name}[${i}]`, item));
}

/** Throws unless `value` is an array of paths. */
export function checkPaths(name: string, value: unknown): string[] {
  return checkArray(name, value, checkPath, 'an array of paths');
}

/** Throws unless `value` is an array, or a typed array, of numbers. */
export function checkNumbers(name: string, value: unknown): ArrayLike<number> {
  if (ArrayBuffer.isView(value) && 'length' in value && typeof value[0 as never] !== 'bigint')
    return value as unknown as ArrayLike<number>;
  return checkArray(
    name,
    value,
    (item, number) => {
      if (typeof number !== 'number') throw invalid(item, 'a number', number);
      return number;
    },
    'an array of numbers',
  );
}

/** Throws unless `value` is an object with named parts: no array, no bytes, not null. */
export function checkObject(name: string, value: unknown, expected = 'an object'): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    throw invalid(name, expected, value);
  return value as Record<string, unknown>;
}

/** Throws unless `value` is true, false or absent. */
export function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(name, 'true or false', value);
}

/** Throws unless `options` are an object, its signal one, and its listeners (`on…`) functions. */
export function checkOptions(options: unknown): void {
  for (const [name, value] of Object.entries(checkObject('options', options)))
    if (value === undefined) continue;
    else if (name === 'signal' && !(value instanceof AbortSignal)) throw invalid(name, 'an AbortSignal', value);
    else if (/^on[A-Z]/.test(name) && typeof value !== 'function') throw invalid(name, 'a function', value);
}

/** The addon's errors as ours; any other unchanged. */
export function fromNative(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && 'subject' in error)
    return new MaskbenchError(error.code as ErrorCode, String(error.subject), error.message);
  return error;
}
