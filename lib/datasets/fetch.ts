import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { x as extractTar } from 'tar';
import yauzl from 'yauzl';
import { checkArray, checkInteger, checkOptions, checkPath, checkText, MaskbenchError } from '../errors.js';
import { type DownloadOptions, download } from '../files/download.js';
import { withFileLocked } from '../files/lock.js';
import type { Layout } from './layouts/layout.js';
import { layoutNamed } from './registry.js';

/** Options of {@link fetchDataset}. */
export interface FetchOptions extends DownloadOptions {
  /** Download from these addresses (a mirror) instead. Known checksums are still verified. */
  addresses?: string[];
  /** Refuse archives that unpack to more bytes. Default 20 GiB. */
  maxUnpackedBytes?: number;
}

function refuse(file: string, problem: string, code: 'UNREADABLE' | 'DAMAGED' | 'TOO_LARGE' = 'UNREADABLE'): never {
  throw new MaskbenchError(code, file, `${file}: ${problem}`);
}

/** Counts unpacked bytes over a whole archive and stops at the limit, whatever the archive itself declares. */
class UnpackLimit {
  #left: number;
  constructor(
    readonly archive: string,
    readonly limit: number,
  ) {
    this.#left = limit;
  }
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) refuse(this.archive, `the archive unpacks to more than ${this.limit} bytes`, 'TOO_LARGE');
  }
}

/** A name in an archive as a path below a folder, or an error. */
function safeName(archive: string, name: string): string {
  const parts = name.split('/');
  if (
    name.startsWith('/') ||
    name.includes('\\') ||
    name.includes('\0') ||
    /^[A-Za-z]:/.test(name) ||
    parts.includes('..')
  )
    refuse(archive, `the archive has a path that leads outside (${JSON.stringify(name)}); nothing was unpacked`);
  return name;
}

const fileTypeMask = 0o170000;
const symbolicLink = 0o120000;

async function unpackZip(archive: string, to: string, limit: UnpackLimit): Promise<void> {
  const zip = await yauzl
    .openPromise(archive, { lazyEntries: true })
    .catch((error) => refuse(archive, `not a complete zip file: ${error.message}`, 'DAMAGED'));
  try {
    for await (const entry of zip.eachEntry()) {
      const name = safeName(archive, entry.fileName);
      if (((entry.externalFileAttributes >>> 16) & fileTypeMask) === symbolicLink)
        refuse(archive, `the archive has a link (${JSON.stringify(name)}); nothing was unpacked`);
      if (name.endsWith('/')) continue;
      const file = path.join(to, name);
      await mkdir(path.dirname(file), { recursive: true });
      const count = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          try {
            limit.take(chunk.length);
            done(null, chunk);
          } catch (error) {
            done(error as Error);
          }
        },
      });
      await pipeline(await zip.openReadStreamPromise(entry), count, createWriteStream(file, { flags: 'wx' }));
    }
  } finally {
    zip.close();
  }
}

async function unpackTar(archive: string, to: string, limit: UnpackLimit): Promise<void> {
  // What a filter throws would reach nobody: kept, and thrown when the archive has been read to its end.
  let problem: unknown;
  const check = (name: string, type: string, size: number) => {
    safeName(archive, name);
    if (type !== 'File' && type !== 'OldFile' && type !== 'Directory')
      refuse(archive, `expected files and folders only, found a ${type} (${JSON.stringify(name)})`);
    limit.take(size);
  };
  await extractTar({
    file: archive,
    cwd: to,
    strict: true,
    filter: (name, entry) => {
      try {
        if (problem === undefined) check(name, 'type' in entry ? entry.type : '', entry.size ?? 0);
      } catch (error) {
        problem = error;
      }
      return problem === undefined;
    },
  });
  if (problem !== undefined) throw problem;
}

/** Unpacks an archive into a folder of its own, which appears only when all went well. */
async function unpack(archive: string, options: FetchOptions): Promise<string> {
  const to = `${archive}.unpacked`;
  await rm(to, { recursive: true, force: true });
  await mkdir(to);
  const limit = new UnpackLimit(
    archive,
    checkInteger('maxUnpackedBytes', options.maxUnpackedBytes ?? 20 * 2 ** 30, 1, 2 ** 50),
  );
  try {
    await (archive.endsWith('.zip') ? unpackZip : unpackTar)(archive, to, limit);
  } catch (error) {
    await rm(to, { recursive: true, force: true });
    if (error instanceof MaskbenchError) throw error;
    refuse(archive, `cannot be unpacked: ${(error as Error).message}`, 'DAMAGED');
  }
  return to;
}

/** Moves what is in one folder into another, folder by folder. A file that is there already is kept. */
async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const target = path.join(to, entry.name);
    if (entry.isDirectory()) await moveInto(path.join(from, entry.name), target);
    else if (!existsSync(target)) await rename(path.join(from, entry.name), target);
  }
}

/**
 * Downloads a data set that has direct addresses, and unpacks it to `<base>/<name>`. An interrupted download resumes
 * where it stopped; sizes, and SHA-256 where known, are checked; nothing is written outside the folder.
 *
 * @returns The data set's folder.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (unknown, or without a direct address: the message says how to get
 * it), `OUTPUT_EXISTS`, `LOCKED`, `NOT_FOUND`, `UNREADABLE`, `DAMAGED`, `TOO_LARGE`
 * @example
 * const folder = await fetchDataset('lfw', 'datasets');
 */
export async function fetchDataset(name: string, base: string, options: FetchOptions = {}): Promise<string> {
  const layout = layoutNamed(name);
  const target = path.join(checkPath('base', base), name);
  checkOptions(options);
  if (options.addresses !== undefined) checkArray('addresses', options.addresses, checkText, 'an array of addresses');
  const sources =
    options.addresses?.map((url, i) => ({ url, sha256: layout.addresses?.[i]?.sha256 })) ?? layout.addresses;
  if (!sources)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      name,
      [`${name} cannot be downloaded automatically; to get it:`, ...(layout.steps ?? [])].join('\n  - '),
    );
  if (existsSync(target)) throw new MaskbenchError('OUTPUT_EXISTS', target, `${target} exists already`);
  return withFileLocked(target, () => fetchInto(target, sources, layout, options));
}

async function fetchInto(
  target: string,
  sources: readonly { url: string; sha256?: string | undefined }[],
  layout: Layout,
  options: FetchOptions,
): Promise<string> {
  const store = path.join(path.dirname(target), `.maskbench-download-${layout.name}`);
  await mkdir(store, { recursive: true });
  const archives = [];
  for (const { url, sha256 } of sources) {
    const archive = path.join(store, path.basename(new URL(url).pathname));
    if (!existsSync(archive)) await download(url, archive, sha256, options);
    archives.push(archive);
  }
  const whole = path.join(store, 'whole');
  await rm(whole, { recursive: true, force: true });
  for (const archive of archives) {
    options.signal?.throwIfAborted();
    const unpacked = await unpack(archive, options);
    const inner = layout.archiveFolder ? path.join(unpacked, layout.archiveFolder) : unpacked;
    await moveInto(existsSync(inner) ? inner : unpacked, whole);
  }
  await rename(whole, target);
  await rm(store, { recursive: true });
  return target;
}
