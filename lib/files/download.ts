import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MaskbenchError } from '../errors.js';

/** Options of what downloads files. */
export interface DownloadOptions {
  signal?: AbortSignal;
  /** Called as bytes arrive. `total` is absent if the server does not send it. */
  onProgress?: (progress: { file: string; bytes: number; total?: number }) => void;
}

const attempts = 5;

const sizeOf = async (file: string) => (await stat(file).catch(() => undefined))?.size ?? 0;

/** Requests the rest of a file. Returns the whole length if the server sends it. */
async function request(url: string, file: string, options: DownloadOptions): Promise<number | undefined> {
  const have = await sizeOf(file);
  const response = await fetch(url, {
    headers: have > 0 ? { range: `bytes=${have}-` } : {},
    ...(options.signal && { signal: options.signal }),
  });
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  // Asked for what comes after the last byte: the file is whole if it is as long as the server says.
  if (response.status === 416) {
    const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]);
    await response.body?.cancel();
    if (total === have) return total;
    await rm(file, { force: true });
    throw new Error("the partial file is longer than the server's");
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    const error = new Error(`the server answered ${response.status} ${response.statusText}`);
    // What will not get better by asking again.
    throw response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429
      ? new MaskbenchError('NOT_FOUND', url, `${url}: ${error.message}`)
      : error;
  }
  const resumed = response.status === 206 && Number(range?.[1]) === have;
  if (response.status === 206 && !resumed) throw new Error('the server sent another range than requested');
  const length = response.headers.get('content-length');
  const total = range ? Number(range[2]) : length === null ? undefined : Number(length);
  let bytes = resumed ? have : 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      options.onProgress?.({ file, bytes, ...(total !== undefined && { total }) });
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body), count, createWriteStream(file, { flags: resumed ? 'a' : 'w' }));
  return total;
}

/**
 * Downloads into `file`, through `file`.part, from where an earlier download stopped.
 * @throws `MaskbenchError` `NOT_FOUND`, `UNREADABLE`, `DAMAGED` (its SHA-256)
 */
export async function download(
  url: string,
  file: string,
  sha256: string | undefined,
  options: DownloadOptions,
): Promise<void> {
  const partial = `${file}.part`;
  for (let attempt = 1; ; attempt++) {
    try {
      const total = await request(url, partial, options);
      const have = await sizeOf(partial);
      if (total !== undefined && have > total) await rm(partial);
      if (total !== undefined && have !== total) throw new Error(`received ${have} of ${total} bytes`);
      break;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof MaskbenchError) throw error;
      if (attempt === attempts)
        throw new MaskbenchError(
          'UNREADABLE',
          url,
          `${url}: the download failed ${attempts} times: ${(error as Error).message}; run the same command to resume it`,
        );
    }
  }
  if (sha256 !== undefined) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(partial), hash);
    const found = hash.digest('hex');
    if (found !== sha256) {
      await rm(partial);
      throw new MaskbenchError(
        'DAMAGED',
        url,
        `${url}: SHA-256 is ${found}, expected ${sha256}; the download was deleted`,
      );
    }
  }
  await rename(partial, file);
}
