import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { MaskbenchError } from '../errors.js';
import { toPath } from '../files/path.js';
import { uploadFile } from './s3.js';

const sizeOf = (file: string) =>
  stat(toPath(file)).then(
    ({ size }) => size,
    () => undefined,
  );

/**
 * A file that grows at its end. It is named `<file>.part` until it is finished. Where `remote` says so it is then
 * copied to S3.
 */
export class GrowingFile {
  readonly #file: string;
  readonly #part: string;
  readonly #remote: string | undefined;
  #handle: FileHandle | undefined;
  #pending: Uint8Array[] = [];
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
      this.size = keep + this.#pending.reduce((sum, { length }) => sum + length, 0);
    });
  }

  push(...pieces: Uint8Array[]): void {
    for (const piece of pieces) {
      this.#pending.push(piece);
      this.size += piece.length;
    }
  }

  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const pieces = this.#pending;
    this.#pending = [];
    await this.#trying(async () => {
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const { bytesWritten = length } = (await this.#handle?.writev(pieces)) ?? {};
      // A call of the system may write less.
      if (bytesWritten < length) await this.#handle?.appendFile(Buffer.concat(pieces).subarray(bytesWritten));
    });
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
