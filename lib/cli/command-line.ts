import { readFileSync } from 'node:fs';
import { toText } from '../files/path.js';

/** The arguments of the command line. Unlike `process.argv` they keep the bytes of names that are not UTF-8. */
export function commandLine(): string[] {
  const words = process.argv.slice(2);
  if (!words.some((word) => word.includes('\ufffd'))) return words;
  const bytes = readFileSync('/proc/self/cmdline');
  const ends = [...bytes.keys()].filter((i) => bytes[i] === 0);
  const all = ends.map((end, i) => toText(bytes.subarray(i === 0 ? 0 : (ends[i - 1] as number) + 1, end)));
  return all.slice(-words.length);
}
