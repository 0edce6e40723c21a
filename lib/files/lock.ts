import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { fromNative, MaskbenchError } from '../errors.js';
import { native } from '../native.js';
import { makeFolder } from './atomic.js';
import { toPath } from './path.js';

/** The file that a run keeps in its output folder; a lock of one output has its name after it. */
const lockName = '.maskbench-lock';

/** The holder of a lock, read from its file; empty if it was just released. */
function holderOf(file: string): string {
  try {
    const { pid, host } = JSON.parse(readFileSync(toPath(file), 'utf8'));
    return ` (process ${pid} on ${host})`;
  } catch {
    return '';
  }
}

/**
 * Does work while no other can take the same lock. Throws `LOCKED` with `subject` where another holds it,
 * `WRITE_FAILED`.
 */
async function withLock<T>(file: string, subject: string, shared: boolean, work: () => Promise<T>): Promise<T> {
  await makeFolder(path.dirname(file));
  const lock = new native.FileLock();
  const holder = JSON.stringify({ host: hostname(), pid: process.pid });
  let held: boolean;
  try {
    held = lock.try({ path: file, shared, holder });
  } catch (error) {
    throw fromNative(error);
  }
  if (!held)
    throw new MaskbenchError(
      'LOCKED',
      subject,
      `${subject}: another run${holderOf(file)} is writing here; try again later`,
    );
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * Does work in an output folder, made where it is missing, while no other run can.
 * @param shared Only keep out those that do not share the folder too.
 */
export function withFolderLocked<T>(folder: string, shared: boolean, work: () => Promise<T>): Promise<T> {
  return withLock(path.join(folder, lockName), folder, shared, work);
}

/** Does work on one output while no other run can. */
export function withFileLocked<T>(file: string, work: () => Promise<T>): Promise<T> {
  return withLock(path.join(path.dirname(file), `${lockName}-${path.basename(file)}`), file, false, work);
}
