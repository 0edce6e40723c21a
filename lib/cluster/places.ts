import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MaskbenchError } from '../errors.js';
import { makeFolder, writeAtomically, writeFileAtomically } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { cannotRead } from '../files/text.js';
import { findObject, isRemote, listObjects, removeObject, uploadFile, writeObject } from '../storage/s3.js';
import { sizeOfStored, streamStored } from '../storage/stored-file.js';

/** A file below a folder, on disk or in S3. */
export const below = (folder: string, ...names: string[]): string =>
  isRemote(folder) ? [folder.replace(/\/+$/, ''), ...names].join('/') : path.join(folder, ...names);

/** The bytes of a short file; undefined where there is none. Throws `READ_FAILED`. */
export async function find(file: string): Promise<Buffer | undefined> {
  if (isRemote(file)) return findObject(file);
  try {
    // A plan has thousands of them, and a promise for each costs five times as much.
    return readFileSync(toPath(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cannotRead(file, error);
  }
}

/** Writes a short file: all of it, or nothing. Throws `WRITE_FAILED`. */
export async function put(file: string, data: string): Promise<void> {
  if (isRemote(file)) return writeObject(file, data);
  await makeFolder(path.dirname(file));
  await writeFileAtomically(file, data);
}

/** Removes a file or a folder, if it is there. */
export async function drop(file: string): Promise<void> {
  if (!isRemote(file)) return rm(toPath(file), { recursive: true, force: true });
  for (const object of await listObjects(file, true)) await removeObject(object);
  await removeObject(file);
}

/** Throws `NOT_FOUND` where a local file or folder is not there. */
export async function checkThere(files: readonly string[]): Promise<void> {
  for (const file of files) if (!isRemote(file)) await sizeOfStored(file);
}

/** The names of the files in a folder; none where there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  if (isRemote(folder)) return (await listObjects(folder)).map((url) => path.posix.basename(url));
  return readdir(toPath(folder)).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw cannotRead(folder, error);
  });
}

/** Moves a local file to its place, where it appears whole. Throws `WRITE_FAILED`. */
export async function moveTo(file: string, place: string): Promise<void> {
  if (isRemote(place)) return uploadFile(file, place);
  await makeFolder(path.dirname(place));
  await rename(toPath(file), toPath(place)).catch(async (error) => {
    if (error.code !== 'EXDEV')
      throw new MaskbenchError('WRITE_FAILED', place, `${place}: cannot be written: ${error.message}`);
    await writeAtomically(place, (temporary) => copyFile(toPath(file), toPath(temporary)));
  });
}

/** Makes a file that appears whole at its place. */
export async function putMade(place: string, make: (file: string) => Promise<void>): Promise<void> {
  if (!isRemote(place)) {
    await makeFolder(path.dirname(place));
    return writeAtomically(place, make);
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'maskbench-made-'));
  try {
    await make(path.join(folder, 'file'));
    await uploadFile(path.join(folder, 'file'), place);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Copies a file, on disk or in S3, to the disk. */
export async function copyHere(from: string, to: string): Promise<void> {
  await makeFolder(path.dirname(to));
  await pipeline(streamStored(from), createWriteStream(toPath(to)));
}

/** What identifies the bytes of a file. */
export interface Digest {
  bytes: number;
  sha256: string;
}

/** Throws `NOT_FOUND`, `READ_FAILED`. */
export async function digestOf(file: string): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of streamStored(file)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
