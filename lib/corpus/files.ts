import type { Dirent } from 'node:fs';
import { mkdir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';

const photoName = /\.(jpe?g|jpe|png|webp|bmp|dib|tiff?|p[bgpn]m)$/i;

/** Whether a file's name says that it is a photo of a format that is read. */
export function isPhotoName(name: string): boolean {
  return photoName.test(name);
}

/** What lies below a folder: a photo, or something that could not be followed. */
export interface Found {
  /** Relative to the folder, with `/`. */
  path: string;
  /** Why it can't be read. */
  problem?: string;
}

/** Order of UTF-8 bytes, the same on every machine. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * The photos of each folder at and below `root`, one array a folder, in byte order. Symbolic links are followed; a link back
 * to a folder that leads to it is reported as a problem. `excluded` (absolute) is not entered.
 */
export async function* photosBelow(root: string, excluded?: string): AsyncGenerator<Found[]> {
  yield* visit('', [await realpath(root)]);

  async function* visit(relative: string, ancestors: string[]): AsyncGenerator<Found[]> {
    const folder = path.join(root, relative);
    if (excluded !== undefined && path.resolve(folder) === excluded) return;
    let entries: Dirent[];
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      yield [{ path: relative, problem: `the folder cannot be read: ${(error as Error).message}` }];
      return;
    }
    const photos: Found[] = [];
    const folders: { below: string; link: boolean }[] = [];
    for (const entry of entries.sort((a, b) => byBytes(a.name, b.name))) {
      const below = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const link = entry.isSymbolicLink();
      // A link that leads nowhere is left to whoever opens it, if its name is a photo's.
      const target = link ? await stat(path.join(root, below)).catch(() => undefined) : entry;
      if (target?.isDirectory()) folders.push({ below, link });
      else if (isPhotoName(entry.name)) photos.push({ path: below });
    }
    yield photos;
    for (const { below, link } of folders) {
      const real = link
        ? await realpath(path.join(root, below))
        : path.join(ancestors.at(-1) as string, path.basename(below));
      if (ancestors.includes(real)) yield [{ path: below, problem: 'a symbolic link to a folder that contains it' }];
      else yield* visit(below, [...ancestors, real]);
    }
  }
}

/** Throws `WRITE_FAILED`. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new MaskbenchError('WRITE_FAILED', folder, `${folder}: cannot be made: ${error.message}`);
  });
}

const temporaryPrefix = '.maskbench-tmp-';
let temporaries = 0;

/** A name beside `file` for what is being made; the native core names its own the same way. */
function temporaryName(file: string): string {
  return path.join(path.dirname(file), `${temporaryPrefix}${process.pid}-js-${temporaries++}`);
}

/** Removes what killed runs have left below a folder; only where no other run can be under way. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTemporaries(path.join(folder, entry.name));
    else if (entry.name.startsWith(temporaryPrefix)) await rm(path.join(folder, entry.name));
  }
}

/** Makes `file` through a temporary file and a rename. Throws `WRITE_FAILED`. */
export async function writeAtomically(file: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(file);
  try {
    await make(temporary);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof MaskbenchError) throw error;
    throw new MaskbenchError('WRITE_FAILED', file, `${file}: cannot be written: ${(error as Error).message}`);
  }
}

/** Writes a whole file. Throws `WRITE_FAILED`. */
export function writeFileAtomically(file: string, data: string | Uint8Array): Promise<void> {
  return writeAtomically(file, (temporary) => writeFile(temporary, data));
}
