import { readFileSync } from 'node:fs';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { MaskbenchError } from '../errors.js';
import { native } from '../native.js';
import { toBytes, toPath } from './path.js';
import { listFolder } from './walk.js';

/** Throws `INVALID_ARGUMENT` where a file or a device has the name of the folder, or of one above it; `WRITE_FAILED`. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(toPath(folder), { recursive: true }).catch((error) => {
    if (error.code === 'EEXIST' || error.code === 'ENOTDIR')
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        folder,
        `${folder}: expected a folder or a new name, found ${error.code === 'EEXIST' ? 'something else' : 'a file above it'}`,
      );
    throw new MaskbenchError('WRITE_FAILED', folder, `${folder}: cannot be created: ${error.message}`);
  });
}

const temporaryPrefix = '.maskbench-tmp-';
/** Each thread of a process has its own copy of this module, and numbers its own files. */
let temporaries = 0;

/** A name beside `file` for what is being made; the native core names its own the same way. */
function temporaryName(file: string): string {
  return path.join(path.dirname(file), `${native.temporaryPrefix}js-${threadId}-${temporaries++}`);
}

/** When a process started, in clock ticks since boot, so that a reused process number is not taken for the old one. */
function startTime(pid: string): string | undefined {
  try {
    // Field 22; the second field, the name, may hold spaces and ends with the last parenthesis.
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
}

const dayMilliseconds = 86_400_000;

/**
 * Whether nobody works on a temporary file any more: its process is gone, or is another machine's and the file a day
 * old.
 */
async function isAbandoned(folder: string, name: string): Promise<boolean> {
  const [, machine, pid = '', start] = /^\.maskbench-tmp-(\w+)-(\d+)-(\d+)-/.exec(name) ?? [];
  if (machine !== undefined && native.temporaryPrefix.startsWith(`${temporaryPrefix}${machine}-`))
    return startTime(pid) !== start;
  const about = await stat(toPath(path.join(folder, name))).catch(() => undefined);
  return about !== undefined && Date.now() - about.mtimeMs > dayMilliseconds;
}

/**
 * Removes temporary files of killed runs below a folder. Those of running processes, and unreadable folders, are left
 * alone.
 * @param isOver Nobody works in the folder any more, on no machine.
 */
export async function removeTemporaries(folder: string, isOver = false): Promise<void> {
  for (const { name, kind } of await listFolder(folder).catch(() => [])) {
    if (kind === 'folder') await removeTemporaries(path.join(folder, name), isOver);
    else if (name.startsWith(temporaryPrefix) && (isOver || (await isAbandoned(folder, name))))
      await rm(toPath(path.join(folder, name)), { force: true }).catch(() => {});
  }
}

/** Makes `file` through a temporary file and a rename. Throws `WRITE_FAILED`. */
export async function writeAtomically(file: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(file);
  try {
    await make(temporary);
    await rename(toPath(temporary), toPath(file));
  } catch (error) {
    await rm(toPath(temporary), { force: true }).catch(() => {});
    if (error instanceof MaskbenchError) throw error;
    throw new MaskbenchError('WRITE_FAILED', file, `${file}: cannot be written: ${(error as Error).message}`);
  }
}

/** Writes a whole file; the names in a text are written as the bytes that they are. Throws `WRITE_FAILED`. */
export function writeFileAtomically(file: string, data: string | Uint8Array): Promise<void> {
  return writeAtomically(file, (temporary) =>
    writeFile(toPath(temporary), typeof data === 'string' ? toBytes(data) : data),
  );
}

const headBytes = 65_536;

/**
 * Refuses to replace a file of another kind. A file that is missing, empty or not regular (a pipe) may be replaced.
 * @param expected The kind of file that may be replaced, for the message.
 * @param isOurs Whether the first bytes are those of a file that may be replaced.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`, `READ_FAILED`
 */
export async function checkReplaceable(
  file: string,
  expected: string,
  isOurs: (head: Buffer) => boolean,
): Promise<void> {
  const about = await stat(toPath(file)).catch(() => undefined);
  if (!about || (!about.isFile() && !about.isDirectory()) || about.size === 0) return;
  const head = about.isFile() ? await readHead(file) : Buffer.alloc(0);
  if (!isOurs(head))
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      file,
      `${file}: expected ${expected} or a new name; this file is something else and is not replaced`,
    );
}

async function readHead(file: string): Promise<Buffer> {
  try {
    const handle = await open(toPath(file));
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new MaskbenchError('READ_FAILED', file, `${file}: cannot be read: ${(error as Error).message}`);
  }
}
