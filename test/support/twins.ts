import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { npyFile } from '../../lib/files/npy.js';
import { normal, uniform } from './scores.js';

export interface TwinSample {
  people?: number;
  photos?: number;
  dimensions?: number;
  /** How far masks move vectors: in one direction a file, some far and some a little. */
  shift?: number;
  /** Changes the vectors before they are written. */
  change?: (vectors: Float32Array) => void;
  /** Changes the lines of the index before they are written. */
  lines?: (lines: TwinLine[]) => TwinLine[];
}

export interface TwinLine {
  row: number;
  path: string;
  identity: string;
  photo: string;
  masked: boolean;
  status: string;
}

/**
 * Writes vectors of people and of their masked twins, one file for each name, as `embed` does.
 * @returns the files
 */
export function writeTwins(
  folder: string,
  names: readonly string[],
  { people = 40, photos = 3, dimensions = 16, shift = 1, change, lines = (all) => all }: TwinSample = {},
): string[] {
  const next = normal(uniform(5));
  const draw = (scale: number) => Float32Array.from({ length: dimensions }, () => scale * next());
  const sum = (a: Float32Array, b: Float32Array, factor = 1) =>
    a.map((number, k) => number + factor * (b[k] as number));
  // People differ in a few directions.
  const directions = Array.from({ length: 8 }, () => draw(1));
  const persons = Array.from({ length: people }, () =>
    directions.reduce((vector, direction) => sum(vector, direction, next()), draw(0.1)),
  );
  const plain = persons.flatMap((person) => Array.from({ length: photos }, () => sum(person, draw(0.8))));
  return names.map((name) => {
    const style = draw(1);
    const rows = plain.flatMap((vector) => [vector, sum(sum(vector, draw(0.8)), style, shift * (2 + 2 * next()))]);
    const vectors = new Float32Array(rows.length * dimensions);
    for (const [i, row] of rows.entries()) vectors.set(row, i * dimensions);
    change?.(vectors);
    const index = rows.map((_, row): TwinLine => {
      const photo = Math.floor(row / 2);
      const identity = `p${Math.floor(photo / photos)}`;
      const masked = row % 2 === 1;
      const file = `${photo % photos}.jpg`;
      return {
        ...{ row, path: `${identity}/${masked ? 'masked_' : ''}${file}`, identity, photo: `${identity}/${file}` },
        ...{ masked, status: 'detected' },
      };
    });
    writeFileSync(path.join(folder, `${name}.npy`), npyFile(vectors, [rows.length, dimensions]));
    const text = lines(index).map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(path.join(folder, `${name}.jsonl`), text.join(''));
    return path.join(folder, `${name}.npy`);
  });
}
