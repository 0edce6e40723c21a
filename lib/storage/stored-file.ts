import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { toPath } from '../files/path.js';
import { withBackOff } from '../files/retry.js';
import { cannotRead } from '../files/text.js';
import { isFolder, listFolder } from '../files/walk.js';
import { isRemote, listObjects, objectSize, readObject, streamObject } from './s3.js';

/** A file on disk or an object in S3, to be read at any place. */
export interface StoredFile {
  /** Bytes. */
  size: number;
  /** Fewer bytes at the end of the file. Throws `READ_FAILED`. */
  read(start: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  return withBackOff(read).catch((error) => {
    throw error instanceof MaskbenchError ? error : cannotRead(file, error);
  });
}

/** Throws `NOT_FOUND`, `READ_FAILED`. */
export async function openStored(file: string): Promise<StoredFile> {
  if (isRemote(file)) {
    const size = await reading(file, () => objectSize(file));
    return {
      size,
      read: async (start, length) => {
        const most = Math.min(length, size - start);
        return most <= 0 ? Buffer.alloc(0) : reading(file, () => readObject(file, start, most));
      },
      close: async () => {},
    };
  }
  const handle = await reading(file, () => open(toPath(file)));
  const { size } = await handle.stat();
  const read = async (start: number, length: number) => {
    const buffer = Buffer.allocUnsafeSlow(Math.max(0, length));
    let done = 0;
    while (done < buffer.length) {
      const { bytesRead } = await reading(file, () => handle.read(buffer, done, buffer.length - done, start + done));
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return buffer.subarray(0, done);
  };
  return { size, read, close: () => handle.close() };
}

/** Bytes. Throws `NOT_FOUND`, `READ_FAILED`. */
export async function sizeOfStored(file: string): Promise<number> {
  const stored = await openStored(file);
  await stored.close();
  return stored.size;
}

/** The bytes [from, to) of a file; by default all of them. Throws `NOT_FOUND`, `READ_FAILED`. */
export async function* streamStored(file: string, from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  if (to <= from) return;
  if (isRemote(file)) {
    yield* streamObject(file, from, to);
    return;
  }
  try {
    yield* createReadStream(toPath(file), {
      highWaterMark: 1 << 20,
      start: from,
      end: to - 1,
    }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw cannotRead(file, error);
  }
}

/** The paths in a folder, in byte order; empty if it is not a folder. */
export async function listStored(folder: string): Promise<string[]> {
  if (isRemote(folder)) return reading(folder, () => listObjects(folder));
  return (await isFolder(folder)) ? (await listFolder(folder)).map(({ name }) => path.join(folder, name)) : [];
}
