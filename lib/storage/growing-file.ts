import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { MaskbenchError } from '../errors.js';
import { toPath } from '../files/path.js';
import { uploadFile } from './s3.js';

const sizeOf = (file: string) =>
  stat(toPath(file)).then(
    ({ size }) => size,
    () => undefined,
  );

/** Room for what is not written yet. It grows where a piece needs more, and is then not kept. */
const room = 2 << 20;

/**
 * A file that grows at its end. It is named `<file>.part` until it is finished. Where `remote` says so it is then
 * copied to S3.
 */
export class GrowingFile {
  readonly #file: string;
  readonly #part: string;
  readonly #remote: string | undefined;
  #handle: FileHandle | undefined;
  #pending: Buffer = Buffer.allocUnsafeSlow(room);
  #filled = 0;
  /** What was written last, to be filled again. */
  #spare: Buffer | undefined;
  /** Bytes of the file, with those that are not on the disk yet. */
  size = 0;

  constructor(file: string, remote?: string | undefined) {
    this.#file = file;
    this.#remote = remote;
    this.#part = `${file}.part`;
  }

  /**
   * Opens the file, emptied, or with the first `keep` bytes of what an earlier run has left.
   * @param replace A file that exists may be replaced.
   * @throws `MaskbenchError` `OUTPUT_EXISTS`; `WRITE_FAILED` (also: fewer bytes are left)
   */
  async open(replace: boolean, keep = 0): Promise<void> {
    await this.#trying(async () => {
      for (const file of replace ? [] : [this.#file, this.#part])
        if ((await sizeOf(file)) !== undefined)
          throw new MaskbenchError(
            'OUTPUT_EXISTS',
            file,
            `${file}: the output exists already; replace outputs with overwrite`,
          );
      if (keep > 0 && (await sizeOf(this.#part)) === undefined && (await sizeOf(this.#file)) !== undefined)
        await rename(toPath(this.#file), toPath(this.#part));
      const left = (await sizeOf(this.#part)) ?? 0;
      if (left < keep)
        throw new MaskbenchError(
          'WRITE_FAILED',
          this.#file,
          `${this.#part}: expected the ${keep} bytes that the manifest says, found ${left}; start the run anew`,
        );
      this.#handle = await open(toPath(this.#part), 'a');
      await this.#handle.truncate(keep);
      this.size = keep + this.#filled;
    });
  }

  /** Takes a copy of each piece; a text is of Latin-1. */
  push(...pieces: (Uint8Array | string)[]): void {
    for (const piece of pieces) {
      const end = this.#filled + piece.length;
      if (end > this.#pending.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#pending.length));
        this.#pending.copy(larger, 0, 0, this.#filled);
        this.#pending = larger;
      }
      if (typeof piece === 'string') this.#pending.write(piece, this.#filled, 'latin1');
      else this.#pending.set(piece, this.#filled);
      this.#filled = end;
      this.size += piece.length;
    }
  }

  async flush(): Promise<void> {
    if (this.#filled === 0) return;
    const full = this.#pending;
    const bytes = full.subarray(0, this.#filled);
    this.#pending = this.#spare ?? Buffer.allocUnsafeSlow(room);
    this.#spare = undefined;
    this.#filled = 0;
    await this.#trying(async () => {
      // A call of the system may write less.
      for (let done = 0; this.#handle && done < bytes.length; )
        done += (await this.#handle.write(bytes, done, bytes.length - done)).bytesWritten;
    });
    if (full.length === room) this.#spare = full;
  }

  /** Writes over bytes that were flushed. */
  async replace(bytes: Uint8Array, position: number): Promise<void> {
    await this.#trying(async () => {
      // A file that is open for appending cannot be written anywhere else.
      const handle = await open(toPath(this.#part), 'r+');
      try {
        await handle.write(bytes, 0, bytes.length, position);
      } finally {
        await handle.close();
      }
    });
  }

  /** Gives the file its name. */
  async finish(): Promise<void> {
    await this.flush();
    await this.close();
    await this.#trying(() => rename(toPath(this.#part), toPath(this.#file)));
    if (this.#remote !== undefined) await uploadFile(this.#file, this.#remote);
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #trying(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof MaskbenchError) throw error;
      throw new MaskbenchError(
        'WRITE_FAILED',
        this.#file,
        `${this.#file}: cannot be written: ${(error as Error).message}`,
      );
    }
  }
}
