import path from 'node:path';
import { makeFolder } from '../files/atomic.js';
import { countMasked, isMasked, type Maskings, type Pairing } from '../pairs/twins.js';
import {
  encodeImage,
  encodeSetEnd,
  imageKey,
  parseVerificationSet,
  peopleOf,
  setStart,
  type VerificationSet,
} from '../pairs/verification-set.js';
import { GrowingFile } from './growing-file.js';
import { recordNumber } from './recordio.js';
import type { Placed, Sink, Source, StoredPhoto } from './source.js';
import { openStored } from './stored-file.js';

/** Throws `MaskbenchError` `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`. */
async function readSet(file: string): Promise<VerificationSet> {
  const stored = await openStored(file);
  try {
    return parseVerificationSet(await stored.read(0, stored.size), file);
  } finally {
    await stored.close();
  }
}

const imagesAtOnce = 64;

/** The images of a verification set. Who is in them is known as far as the pairs say it. */
export class SetSource implements Source {
  readonly name: string;
  readonly #images: readonly Uint8Array[];
  readonly #people: readonly number[];

  private constructor(name: string, set: VerificationSet) {
    this.name = name;
    this.#images = set.images;
    this.#people = peopleOf(set);
  }

  /** Throws `MaskbenchError` `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`. */
  static async open(file: string): Promise<SetSource> {
    return new SetSource(path.basename(file), await readSet(file));
  }

  async count(): Promise<number> {
    return this.#images.length;
  }

  async *photos(from: number): AsyncGenerator<StoredPhoto[]> {
    for (let first = from; first < this.#images.length; first += imagesAtOnce)
      yield this.#images.slice(first, first + imagesAtOnce).map((input, i) => ({
        key: imageKey(this.name, first + i),
        input,
        identity: String(this.#people[first + i]),
      }));
  }
}

export interface SetSinkOptions {
  pairing: Pairing;
  /** Replace a file that exists. */
  overwrite: boolean;
  /** Where the file is copied to in S3 when it is whole. */
  remote?: string | undefined;
}

/**
 * A verification set with the images and pairs of another, where twins stand in the places that the pairing says. An
 * image without a twin stays as it is: the set has the pairs of the other one, and so the same folds.
 */
export class SetSink implements Sink {
  readonly name: string;
  readonly #file: string;
  readonly #bytes: GrowingFile;
  readonly #genuine: readonly boolean[];
  readonly #pairing: Pairing;
  readonly #overwrite: boolean;
  /** Whether each image so far is a twin. */
  readonly #masks: boolean[] = [];

  private constructor(file: string, genuine: readonly boolean[], { pairing, overwrite, remote }: SetSinkOptions) {
    this.#file = file;
    this.name = path.basename(file);
    this.#bytes = new GrowingFile(file, remote);
    this.#genuine = genuine;
    this.#pairing = pairing;
    this.#overwrite = overwrite;
  }

  /** @param input The set whose pairs are kept. */
  static async of(file: string, input: string, options: SetSinkOptions): Promise<SetSink> {
    return new SetSink(file, (await readSet(input)).genuine, options);
  }

  /** Who wears a mask in the pairs so far. */
  get maskings(): Maskings {
    return countMasked(this.#masks);
  }

  async open(placed?: AsyncIterable<Partial<Placed>>): Promise<void> {
    await makeFolder(path.dirname(this.#file));
    let end = 0;
    for await (const { output, end: place } of placed ?? []) {
      this.#masks.push(output !== undefined);
      end = place?.bytes ?? end;
    }
    await this.#bytes.open(this.#overwrite || placed !== undefined, end);
    if (end === 0) this.#bytes.push(setStart);
  }

  wants({ key }: StoredPhoto): boolean {
    return isMasked[this.#pairing](recordNumber(key), 2 * this.#genuine.length);
  }

  put({ input }: StoredPhoto, twin: Uint8Array | undefined): Placed {
    const place = imageKey(this.name, this.#masks.length);
    this.#masks.push(twin !== undefined);
    this.#bytes.push(...encodeImage(twin ?? (input as Uint8Array)));
    return {
      ...(twin ? { output: place } : { copy: place }),
      end: { file: this.name, bytes: this.#bytes.size },
    };
  }

  flush(): Promise<void> {
    return this.#bytes.flush();
  }

  async finish(): Promise<void> {
    this.#bytes.push(encodeSetEnd(this.#genuine));
    await this.#bytes.finish();
  }

  close(): Promise<void> {
    return this.#bytes.close();
  }
}
