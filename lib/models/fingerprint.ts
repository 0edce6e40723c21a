import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { toPath } from '../files/path.js';
import type { ModelDescription } from './description.js';

/** A hash of what a model's vectors depend on: the file, and how faces become its input. */
export async function fingerprint(file: string, { input, cut, margin, output }: ModelDescription): Promise<string> {
  const { width, height, layout, colors, mean, scale } = input;
  const hash = createHash('sha256');
  hash.update(JSON.stringify([width, height, layout, colors, mean, scale, cut, margin, output]));
  for await (const chunk of createReadStream(toPath(file))) hash.update(chunk);
  return hash.digest('hex').slice(0, 16);
}
