import path from 'node:path';
import { isFolder, photosBelow } from '../files/walk.js';
import type { Source, StoredPhoto } from './source.js';

interface PhotoFile extends StoredPhoto {
  input: string;
}

/** The photos of files and folders. The person in a photo is the folder that it lies in. */
export class FolderSource implements Source {
  readonly name: string;
  readonly #inputs: readonly string[];

  constructor(inputs: readonly string[]) {
    this.#inputs = inputs;
    this.name = inputs.join(', ');
  }

  async count(): Promise<number> {
    let photos = 0;
    for await (const group of this.photos(0)) photos += group.length;
    return photos;
  }

  async *photos(from: number): AsyncGenerator<PhotoFile[]> {
    let left = from;
    for await (const group of this.#all()) {
      const rest = group.slice(left);
      left = Math.max(0, left - group.length);
      if (rest.length > 0) yield rest;
    }
  }

  async *#all(): AsyncGenerator<PhotoFile[]> {
    for (const input of this.#inputs) {
      if (!(await isFolder(input))) {
        yield [{ key: path.basename(input), input }];
        continue;
      }
      for await (const photos of photosBelow(input))
        yield photos.map(({ path: key, ...problem }) => ({
          key,
          input: path.join(input, key),
          ...(key.includes('/') && { identity: path.posix.dirname(key) }),
          ...problem,
        }));
    }
  }
}
