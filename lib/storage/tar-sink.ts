import { once } from 'node:events';
import path from 'node:path';
import { makeFolder } from '../files/atomic.js';
import { standardStream } from '../files/standard-input.js';
import { extensionOf } from '../image/image.js';
import { GrowingFile } from './growing-file.js';
import type { Contents, Placed, Sink, StoredPhoto } from './source.js';
import { encodeMember, sampleName } from './tar.js';
import { isTarName } from './tar-names.js';

/** What a tar ends with. */
const ending = Buffer.alloc(1024);

/** Standard output as a file that grows. */
class StandardOutput {
  size = 0;

  async open(): Promise<void> {}

  push(...pieces: Uint8Array[]): void {
    for (const piece of pieces) {
      this.size += piece.length;
      process.stdout.write(piece);
    }
  }

  async flush(): Promise<void> {
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
  }

  finish(): Promise<void> {
    return this.flush();
  }

  async close(): Promise<void> {}
}

interface Shard {
  name: string;
  file: GrowingFile | StandardOutput;
  isOpen: boolean;
}

export interface TarSinkOptions {
  contents: Contents;
  /** Replace a file that exists. */
  overwrite: boolean;
  /** What `out` is in S3, where shards are copied to when they are whole. */
  remote?: string | undefined;
}

/**
 * Tar shards. A sample keeps its members. Twins alone take the place of their photos; of both, the twin of `key.jpg` is
 * `key.masked.jpg` in the same sample. Photos of tars stay in shards of the same names, where the output is a folder.
 */
export class TarSink implements Sink {
  readonly name: string;
  readonly #out: string;
  readonly #isOneFile: boolean;
  readonly #both: boolean;
  readonly #overwrite: boolean;
  readonly #remote: string | undefined;
  #replace = false;
  #shard: Shard | undefined;
  /** Shards that are complete, to be finished by the next flush. */
  #complete: Shard[] = [];

  /** @param out A .tar file, `-` for standard output, or a folder for shards with the names of the source's. */
  constructor(out: string, { contents, overwrite, remote }: TarSinkOptions) {
    this.name = path.basename(out);
    this.#out = out;
    this.#isOneFile = out === standardStream || isTarName(out);
    this.#both = contents === 'both';
    this.#overwrite = overwrite;
    this.#remote = remote;
  }

  async open(placed?: AsyncIterable<Partial<Placed>>): Promise<void> {
    if (this.#out !== standardStream) await makeFolder(this.#isOneFile ? path.dirname(this.#out) : this.#out);
    this.#replace = this.#overwrite || placed !== undefined;
    let last: Placed['end'] | undefined;
    for await (const { end } of placed ?? []) last = end ?? last;
    if (last) {
      this.#shard = this.#shardNamed(last.file);
      await this.#open(this.#shard, last.bytes);
    } else if (this.#isOneFile) {
      this.#shard = this.#shardNamed(this.name);
      await this.#open(this.#shard);
    }
  }

  put(photo: StoredPhoto, twin: Uint8Array | undefined): Placed {
    const { sample, input, key, labels } = photo;
    const shard = this.#take(this.#isOneFile ? this.name : (sample?.tar ?? key.split('/')[0] ?? ''));
    const { file } = shard;
    const placed: Omit<Placed, 'end'> = {};
    const name = sample?.photo?.name ?? fileName(key, input);
    // A sample without a photo is kept. A photo without a twin is left out of an output of twins.
    if (sample && (this.#both || twin || sample.photo === undefined)) {
      for (const member of sample.members) if (member !== sample.photo || this.#both) file.push(member.raw);
    } else if (this.#both && input instanceof Uint8Array) {
      file.push(...encodeMember(name, input));
    }
    if (!sample && labels && (twin || (this.#both && input)))
      file.push(...encodeMember(`${sampleName(name).key}.cls`, Buffer.from(String(labels[0]))));
    if (this.#both && input) placed.copy = `${shard.name}/${name}`;
    if (twin) {
      const masked = `${sampleName(name).key}${this.#both ? '.masked' : ''}${extensionOf(twin, path.posix.extname(name))}`;
      file.push(...encodeMember(masked, twin));
      placed.output = `${shard.name}/${masked}`;
    }
    return { ...placed, end: { file: shard.name, bytes: file.size } };
  }

  async flush(): Promise<void> {
    const complete = this.#complete;
    this.#complete = [];
    for (const shard of complete) await this.#finish(shard);
    if (!this.#shard) return;
    await this.#open(this.#shard);
    await this.#shard.file.flush();
  }

  async finish(): Promise<void> {
    await this.flush();
    if (this.#shard) await this.#finish(this.#shard);
  }

  async close(): Promise<void> {
    for (const shard of [...this.#complete, this.#shard]) await shard?.file.close();
  }

  #take(name: string): Shard {
    if (this.#shard?.name === name) return this.#shard;
    if (this.#shard) this.#complete.push(this.#shard);
    this.#shard = this.#shardNamed(name);
    return this.#shard;
  }

  #shardNamed(name: string): Shard {
    const file =
      this.#out === standardStream
        ? new StandardOutput()
        : this.#isOneFile
          ? new GrowingFile(this.#out, this.#remote)
          : new GrowingFile(path.join(this.#out, name), this.#remote && `${this.#remote.replace(/\/$/, '')}/${name}`);
    return { name, file, isOpen: false };
  }

  async #open(shard: Shard, keep = 0): Promise<void> {
    if (!shard.isOpen) await shard.file.open(this.#replace, keep);
    shard.isOpen = true;
  }

  async #finish(shard: Shard): Promise<void> {
    await this.#open(shard);
    shard.file.push(ending);
    await shard.file.finish();
  }
}

/** The name in a tar of a photo that comes from something else. */
function fileName(key: string, input: StoredPhoto['input']): string {
  return /\.\w+$/.test(path.posix.basename(key)) ? key : `${key}${extensionOf(input, '.jpg')}`;
}
