import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { toPath } from '../files/path.js';
import type { ModelDescription } from './description.js';

/** A hash of a file's bytes, and of a text before them. */
export async function hashOf(file: string, before = ''): Promise<string> {
  const hash = createHash('sha256').update(before);
  for await (const chunk of createReadStream(toPath(file))) hash.update(chunk);
  return hash.digest('hex').slice(0, 16);
}

/** A hash of what a model's vectors depend on: its file, and how faces become its input. */
export function fingerprint(file: string, { input, cut, margin, output }: ModelDescription): Promise<string> {
  const { width, height, layout, colors, mean, scale } = input;
  return hashOf(file, JSON.stringify([width, height, layout, colors, mean, scale, cut, margin, output]));
}
