import path from 'node:path';
import { standardStream, startOfInput } from '../files/standard-input.js';
import { listStored } from './stored-file.js';

export const isTarName = (name: string) => /\.tar$/i.test(name);

/** Where the header of a tar's member says what it is. */
const mark = { start: 257, text: 'ustar' };

/** Whether standard input is a tar, which may also begin with its end, rather than text. */
async function isTarOnInput(): Promise<boolean> {
  const start = await startOfInput(mark.start + mark.text.length);
  return start[0] === 0 || start.toString('latin1', mark.start) === mark.text;
}

/** The tars that an input stands for, in byte order; none: it is something else. */
export async function tarsOf(input: string): Promise<string[]> {
  if (input === standardStream) return (await isTarOnInput()) ? [input] : [];
  if (isTarName(input)) return [input];
  return (await listStored(input)).filter((name) => isTarName(name) && !path.basename(name).startsWith('.'));
}
