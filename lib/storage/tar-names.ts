import path from 'node:path';
import { listStored } from './stored-file.js';

/** Standard input as the name of a tar. */
export const standardStream = '-';

export const isTarName = (name: string) => /\.tar$/i.test(name);

/** The tars that an input stands for, in byte order; none: it is something else. */
export async function tarsOf(input: string): Promise<string[]> {
  if (input === standardStream || isTarName(input)) return [input];
  return (await listStored(input)).filter((name) => isTarName(name) && !path.basename(name).startsWith('.'));
}
