import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import sharp from 'sharp';
import { native } from '../../lib/native.js';

export const repository = path.resolve(import.meta.dirname, '../..');
const faceApi = path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));

/** A sample photo of @vladmandic/face-api, 1 to 6. */
export const samplePhoto = (number: number) => path.join(faceApi, `demo/sample${number}.jpg`);

/** A sample photo at a third of its size, so that a test takes a tenth of the time. Keeps its ICC profile. */
export async function smallPhoto(t: ExecutionContext, number: number): Promise<string> {
  const file = path.join(temporaryFolder(t), `sample${number}.jpg`);
  await sharp(samplePhoto(number)).resize(640).keepIccProfile().jpeg({ quality: 95 }).toFile(file);
  return file;
}

/** The reference data beside the repository; tests that use it are skipped where it is absent. */
export const shared = process.env.MASKBENCH_SHARED ?? path.join(repository, '../shared');
export const hasShared = existsSync(path.join(shared, 'golden/seed-masks.json'));

/** A new folder that goes away with the test. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The name of a temporary file of a process of this machine that is long dead. */
export const temporaryOf = (pid: number) => `${native.temporaryPrefix.replace(/\d+-\d+-$/, '')}${pid}-1-0`;

export const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

/** Every file below a folder by relative path, as its hash. */
export function hashTree(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();
  return Object.fromEntries(paths.map((file) => [file, sha256(readFileSync(path.join(folder, file)))]));
}

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the CLI as a user does. */
export function maskbench(args: string[], env: Record<string, string> = {}): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(repository, 'dist/cli/main.js'), ...args],
      { env: { ...process.env, ...env }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

/** Starts the CLI and kills it after `milliseconds`, if it has not ended by then. */
export async function killMaskbench(args: string[], milliseconds: number): Promise<void> {
  const child = spawn(process.execPath, [path.join(repository, 'dist/cli/main.js'), ...args], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await Promise.race([ended, setTimeout(milliseconds)]);
  child.kill('SIGKILL');
  await ended;
}

/** The pixels of a 24-bit BMP file as rows of B, G, R from the top. */
export function bmpPixels(file: Buffer): Buffer {
  const offset = file.readUInt32LE(10);
  const width = file.readInt32LE(18);
  const height = file.readInt32LE(22);
  const stride = (width * 3 + 3) & ~3;
  const rows = Array.from({ length: height }, (_, y) => {
    const start = offset + (height - 1 - y) * stride;
    return file.subarray(start, start + width * 3);
  });
  return Buffer.concat(rows);
}
