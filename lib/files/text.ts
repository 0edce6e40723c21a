import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { MaskbenchError } from '../errors.js';
import { toPath, toText } from './path.js';
import { withBackOff } from './retry.js';
import { readInput, standardStream } from './standard-input.js';

/** UTF-16 is recognised by its byte order mark, or without one by the zero byte of every ASCII character. */
function encodingOf([first, second]: Uint8Array): string {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le';
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0 && second !== undefined)) return 'utf-16be';
  return 'utf-8';
}

/**
 * The text of a file that a user hands over: UTF-8, or UTF-16 of either byte order.
 * @param file Its name, for errors.
 * @throws {@link MaskbenchError} `UNREADABLE`: bytes that are not text
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const encoding = encodingOf(bytes);
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected UTF-8 or UTF-16, found other bytes`);
  }
  if (text.includes('\0'))
    throw new MaskbenchError('UNREADABLE', file, `${file}: expected text, found a zero character`);
  return text;
}

/** The error for a file that cannot be read: `NOT_FOUND`, `READ_FAILED`. */
export const cannotRead = (file: string, error: unknown, expected?: string) => {
  const { code, message } = error as NodeJS.ErrnoException;
  return new MaskbenchError(
    code === 'ENOENT' ? 'NOT_FOUND' : 'READ_FAILED',
    file,
    `${file}: ${expected === undefined ? 'cannot be read' : `expected ${expected}`}: ${message}`,
  );
};

/**
 * Reads a whole file; `-` is standard input.
 * @param expected What the file is, for errors.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `READ_FAILED`
 */
export function readBytes(file: string, expected?: string): Promise<Buffer> {
  return withBackOff(() => (file === standardStream ? readInput() : readFile(toPath(file)))).catch((error) => {
    throw cannotRead(file, error, expected);
  });
}

/**
 * Reads a text file as {@link decodeText} does.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`
 */
export async function readText(file: string): Promise<string> {
  return decodeText(await readBytes(file), file);
}

/**
 * Reads a list of file names. Names are bytes: where they are neither UTF-8 nor UTF-16, other bytes are kept
 * ({@link toText}).
 * @param expected What the list is, for errors.
 * @throws {@link MaskbenchError} `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`
 */
export async function readNames(file: string, expected?: string): Promise<string> {
  const bytes = await readBytes(file, expected);
  return encodingOf(bytes) === 'utf-8' && !isUtf8(bytes) ? toText(bytes) : decodeText(bytes, file);
}

/** Text without byte order marks; files that were joined have one inside. */
function withoutMarks(text: string): string {
  return text.includes('\uFEFF') ? text.replace(/^\uFEFF/gm, '') : text;
}

/**
 * The lines of a text, whatever ends them (`\n`, `\r\n` or `\r`): line i + 1 is at i. Blanks at the end of a line, and
 * empty lines at the end of the text, are not given; empty lines before it are, so that a line's number is its place.
 */
export function textLines(text: string): string[] {
  const lines = withoutMarks(text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text).split('\n');
  for (const [i, line] of lines.entries()) lines[i] = line.trimEnd();
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Lines that are not empty, with their numbers from 1. */
export function numberedLines(text: string): { line: string; number: number }[] {
  return textLines(text).flatMap((line, i) => (line === '' ? [] : [{ line, number: i + 1 }]));
}

/** A value of JSON text. Throws `UNREADABLE`. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(withoutMarks(text));
  } catch (error) {
    throw new MaskbenchError('UNREADABLE', file, `${file}: ${(error as Error).message}`);
  }
}

/** Reads a JSON file. Throws `NOT_FOUND`, `UNREADABLE`. */
export async function readJson(file: string): Promise<unknown> {
  return parseJson(await readText(file), file);
}
