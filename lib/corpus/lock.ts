import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { makeFolder, removeTemporaries } from './files.js';

/** The file that a run keeps in its output folder. */
const lockName = '.maskbench-lock';

/** When a process started, in clock ticks since boot, so that a reused process number is not mistaken for the old one. */
function startTime(pid: number): string | undefined {
  try {
    // Field 22; the second field, the name, may hold spaces and ends with the last parenthesis.
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
}

/**
 * Does work in an output folder, made where it is missing, while no other run can: the folder, or a named part of its work,
 * is claimed for this process. A claim whose process has died is taken over; what it left half-written is removed, where no
 * other part can be under way. Throws `LOCKED` where a live process, or one on another machine, holds the folder.
 */
export async function withFolderLocked<T>(folder: string, part: string, work: () => Promise<T>): Promise<T> {
  await makeFolder(folder);
  const unlock = lock(folder, part);
  try {
    if (part === '') await removeTemporaries(folder);
    return await work();
  } finally {
    unlock();
  }
}

function lock(folder: string, part: string): () => void {
  const file = path.join(folder, lockName + part);
  const claim = JSON.stringify({ host: hostname(), pid: process.pid, start: startTime(process.pid) });
  for (;;) {
    try {
      writeFileSync(file, claim, { flag: 'wx' });
      return () => unlinkSync(file);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST')
        throw new MaskbenchError('WRITE_FAILED', folder, `${folder}: cannot be written: ${message}`);
    }
    let holder: { host?: string; pid?: number; start?: string } = {};
    try {
      holder = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      // Torn by a kill, or just released: treated as left behind.
    }
    const elsewhere = holder.host !== undefined && holder.host !== hostname();
    if (elsewhere || (holder.pid !== undefined && startTime(holder.pid) === holder.start))
      throw new MaskbenchError(
        'LOCKED',
        folder,
        `${folder}: another run (process ${holder.pid} on ${holder.host}) is writing here; if it is gone, delete ${file}`,
      );
    unlinkSync(file);
  }
}
