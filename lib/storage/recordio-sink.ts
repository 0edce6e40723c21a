import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { makeFolder } from '../files/atomic.js';
import { readBytes } from '../files/text.js';
import { isFile } from '../files/walk.js';
import { GrowingFile } from './growing-file.js';
import { asBuffer, frameRecord, headOf, indexOf, indexUpTo, makeHead, recordNumber, withLabels } from './recordio.js';
import type { Contents, Placed, Sink, StoredPhoto } from './source.js';

const noImage = Buffer.alloc(0);
/** Where the labels of a head that has some begin. */
const firstLabel = 24;

export interface RecordSinkOptions {
  contents: Contents;
  /** What the source's `property` file says. */
  property?: Uint8Array | undefined;
  /** Where the files are copied to in S3 when they are whole. */
  remote?: string | undefined;
  /** Replace a file that exists. */
  overwrite: boolean;
}

/**
 * A .rec file and its index. Twins alone keep the keys of their photos. Photos and twins together (`both`) are numbered
 * anew, each twin behind its photo, and so are the ranges of keys in record 0 and in the records of identities.
 */
export class RecordSink implements Sink {
  readonly name: string;
  readonly #file: string;
  readonly #records: GrowingFile;
  readonly #index: GrowingFile;
  readonly #both: boolean;
  readonly #property: { bytes: Uint8Array; path: string; file: GrowingFile } | undefined;
  readonly #overwrite: boolean;
  /** Lines of the index that are not written yet. */
  #lines = '';
  /** The next number, where records are numbered anew. */
  #next = 1;
  #hasFrame = false;
  #identities: { first: number; end: number } | undefined;
  /** Keys of renumbered photos, before and after. */
  readonly #before: number[] = [];
  readonly #after: number[] = [];
  #isOrdered = true;
  /** Class numbers of identities that have none. */
  readonly #classes = new Map<string, number>();

  constructor(file: string, { contents, property, overwrite, remote }: RecordSinkOptions) {
    this.#file = file;
    this.name = path.basename(file);
    this.#records = new GrowingFile(file, remote);
    this.#index = new GrowingFile(indexOf(file), remote && indexOf(remote));
    this.#both = contents === 'both';
    if (property) {
      const beside = (name: string) => name.replace(/[^/]*$/, 'property');
      this.#property = {
        bytes: property,
        path: beside(file),
        file: new GrowingFile(beside(file), remote && beside(remote)),
      };
    }
    this.#overwrite = overwrite;
  }

  async open(placed?: AsyncIterable<{ input: string; identity?: string } & Partial<Placed>>): Promise<void> {
    await makeFolder(path.dirname(this.#file));
    let end = 0;
    for await (const { input, identity, copy, output, end: place } of placed ?? []) {
      if (place) end = place.bytes;
      const first = copy ?? output;
      if (first !== undefined) this.#remember(input, first, identity);
    }
    const replace = this.#overwrite || placed !== undefined;
    await this.#records.open(replace, end);
    const index = indexOf(this.#file);
    const part = (await isFile(`${index}.part`)) ? `${index}.part` : index;
    const kept = end === 0 ? { bytes: 0, keys: [] } : await indexUpTo(part, end);
    await this.#index.open(replace, kept.bytes);
    await this.#openProperty(replace);
    this.#hasFrame = kept.keys[0] === 0;
    this.#next = 1 + (kept.keys.at(-1) ?? 0);
  }

  put(photo: StoredPhoto, twin: Uint8Array | undefined): Placed {
    // Filled in one by one: an object made of others takes several times as long.
    const placed = {} as Placed;
    const { key, record, input } = photo;
    const isFrame = record !== undefined && input === undefined && photo.problem === undefined;
    if (isFrame) this.#putFrame(key, record);
    const renumbered = this.#both || record === undefined;
    if (this.#both && input instanceof Uint8Array) placed.copy = this.#putImage(photo, input, this.#next++);
    if (twin) placed.output = this.#putImage(photo, twin, renumbered ? this.#next++ : recordNumber(key));
    const first = placed.copy ?? placed.output;
    if (first !== undefined) this.#remember(key, first, photo.identity);
    placed.end = { file: this.name, bytes: this.#records.size };
    return placed;
  }

  async flush(): Promise<void> {
    this.#index.push(this.#lines);
    this.#lines = '';
    await this.#records.flush();
    await this.#index.flush();
  }

  async finish(): Promise<void> {
    await this.flush();
    if (this.#both && this.#hasFrame) {
      const { first, end } = this.#identities ?? { first: this.#next, end: this.#next };
      const labels = withLabels(Buffer.alloc(32), [first, end]).subarray(firstLabel);
      await this.#records.replace(labels, 8 + firstLabel);
    }
    await this.#records.finish();
    await this.#index.finish();
    await this.#property?.file.finish();
  }

  async close(): Promise<void> {
    for (const file of [this.#records, this.#index, this.#property?.file]) await file?.close();
  }

  async #openProperty(replace: boolean): Promise<void> {
    if (!this.#property) return;
    const { bytes, path: place, file } = this.#property;
    // The same file is there where the output lies beside the source.
    const isSame = (await isFile(place)) && (await readBytes(place)).equals(bytes);
    await file.open(replace || isSame);
    file.push(bytes);
  }

  #remember(key: string, place: string, identity: string | undefined): void {
    if (this.#both) {
      this.#isOrdered &&= recordNumber(key) > (this.#before.at(-1) ?? 0);
      this.#before.push(recordNumber(key));
      this.#after.push(recordNumber(place));
    }
    if (identity !== undefined) this.#classOf(identity);
  }

  #classOf(identity: string): number {
    const known = this.#classes.get(identity);
    if (known !== undefined) return known;
    this.#classes.set(identity, this.#classes.size);
    return this.#classes.size - 1;
  }

  #putImage({ record, input, labels, identity }: StoredPhoto, image: Uint8Array, number: number): string {
    if (record && image === input) {
      this.#pushRecord(number, record);
    } else {
      const label = labels?.[0] ?? (identity === undefined ? 0 : this.#classOf(identity));
      this.#push(number, record ? headOf(record) : makeHead(label, number), image);
    }
    return `${this.name}/${number}`;
  }

  /** Record 0, or the record of an identity, whose labels are a range of keys. */
  #putFrame(key: string, record: Uint8Array): void {
    const number = recordNumber(key);
    if (!this.#both) {
      this.#pushRecord(number, record);
    } else if (number === 0) {
      // Its labels are known at the end.
      this.#hasFrame = true;
      this.#pushRecord(0, record);
    } else {
      if (!this.#isOrdered)
        throw new MaskbenchError(
          'UNREADABLE',
          key,
          `${key}: ranges of keys can only be numbered anew where records are in the order of their keys`,
        );
      const head = headOf(record);
      if (head.length < firstLabel + 8)
        throw new MaskbenchError(
          'UNREADABLE',
          key,
          `${key}: expected a range of two keys in the record of an identity`,
        );
      const labels = [firstLabel, firstLabel + 4].map((at) => this.#numberedAnew(head.readFloatLE(at)));
      this.#identities ??= { first: this.#next, end: this.#next };
      this.#push(this.#next++, withLabels(head, labels), noImage);
      this.#identities.end = this.#next;
    }
  }

  /** The new number of the first photo whose key was `key` or more. */
  #numberedAnew(key: number): number {
    let [low, high] = [0, this.#before.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#before[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return this.#after[low] ?? this.#identities?.first ?? this.#next;
  }

  #push(number: number, head: Buffer, image: Uint8Array): void {
    this.#pushRecord(number, ...frameRecord(head, asBuffer(image)));
  }

  #pushRecord(number: number, ...pieces: Uint8Array[]): void {
    this.#lines += `${number}\t${this.#records.size}\n`;
    this.#records.push(...pieces);
  }
}
