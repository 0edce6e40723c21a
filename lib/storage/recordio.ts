import { stat } from 'node:fs/promises';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { toPath } from '../files/path.js';
import type { Source, StoredPhoto } from './source.js';
import { openStored, type StoredFile, sizeOfStored, streamStored } from './stored-file.js';

/*
 * RecordIO as MXNet writes it (dmlc-core's recordio.h). A record: magic, then 3 bits of continuation flag (0 whole, 1
 * first part, 2 middle, 3 last) above 29 bits of length, then the data, padded to 4 bytes. Where the magic stands in
 * the data at a multiple of 4, the data are split and the magic is left out, so that a reader can find the next record
 * anywhere. An image record's data begin with its head: flag u32, label f32, id u64, id2 u64, and where the flag is not
 * 0 so many f32 labels.
 */

const magic = Buffer.from([0x0a, 0x23, 0xd7, 0xce]);
const magicWord = magic.readUInt32LE();
const headBytes = 24;
const greatestLength = 2 ** 29 - 1;

/**
 * The data of a record, as they stand in a .rec file.
 * @param head A multiple of 4 bytes.
 * @throws `MaskbenchError` `WRITE_FAILED` for more than 2^29 - 1 bytes
 */
export function frameRecord(head: Buffer, image: Buffer): Buffer[] {
  const length = head.length + image.length;
  if (length > greatestLength)
    throw new MaskbenchError('WRITE_FAILED', 'record', `a record holds ${greatestLength} bytes at most, not ${length}`);
  const padding = padded(length) - length;
  const pieces =
    head.includes(magic) || image.includes(magic)
      ? splitRecord(Buffer.concat([head, image]))
      : [partStart(0, length), head, image];
  if (padding > 0) pieces.push(zeros.subarray(0, padding));
  return pieces;
}

const zeros = Buffer.alloc(4);

/** The same bytes. */
export const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength);

const padded = (length: number) => Math.ceil(length / 4) * 4;

function partStart(flag: number, length: number): Buffer {
  const start = Buffer.allocUnsafe(8);
  start.set(magic);
  start.writeUInt32LE(flag * 2 ** 29 + length, 4);
  return start;
}

function splitRecord(data: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = data.indexOf(magic); at >= 0; at = data.indexOf(magic, at + 1)) {
    if (at % 4 !== 0) continue;
    pieces.push(partStart(from === 0 ? 1 : 2, at - from), data.subarray(from, at));
    from = at + 4;
  }
  return [...pieces, partStart(from === 0 ? 0 : 3, data.length - from), data.subarray(from)];
}

/** Why a record can't be read. */
class BadRecord extends Error {
  /** It runs behind the end of the bytes. */
  constructor(
    message: string,
    readonly cutOff = false,
  ) {
    super(message);
  }
}

const isStart = (bytes: Buffer, at = 0) => bytes.length >= at + 4 && bytes.compare(magic, 0, 4, at, at + 4) === 0;

/** Whether the first part of the record at the beginning of `bytes` is there. */
const isWhole = (bytes: Buffer) => bytes.length >= 8 && 8 + (bytes.readUInt32LE(4) % 2 ** 29) <= bytes.length;

/** The data of the record at the beginning of `bytes`, and where it ends. Throws {@link BadRecord}. */
function unframeRecord(bytes: Buffer): { data: Buffer; end: number } {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    if (at + 8 > bytes.length) throw new BadRecord('it ends before its length', true);
    if (!isStart(bytes, at)) throw new BadRecord('no record begins here');
    const word = bytes.readUInt32LE(at + 4);
    const flag = Math.floor(word / 2 ** 29);
    const length = word % 2 ** 29;
    if (flag > 3 || (flag > 1 ? parts.length === 0 : parts.length > 0))
      throw new BadRecord(`its parts are out of order (continuation flag ${flag})`);
    at += 8;
    if (at + length > bytes.length)
      throw new BadRecord(`it declares ${length} bytes, ${bytes.length - at} are left`, true);
    const part = bytes.subarray(at, at + length);
    at += padded(length);
    if (flag === 0) return { data: part, end: at };
    parts.push(part);
    if (flag === 3) return { data: Buffer.concat(parts), end: at };
    parts.push(magic);
  }
}

/** An image record's parts. */
export interface ImageRecord {
  /** All before the image. */
  head: Buffer;
  labels: number[];
  image: Buffer;
}

/** Throws {@link BadRecord}. */
function parseImageRecord(data: Buffer): ImageRecord {
  if (data.length < headBytes) throw new BadRecord(`it has ${data.length} bytes, an image record has at least 24`);
  const count = data.readUInt32LE(0);
  if (count > (data.length - headBytes) / 4)
    throw new BadRecord(`it declares ${count} labels, but has ${data.length} bytes`);
  const end = headBytes + 4 * count;
  const labels: number[] = [];
  if (count === 0) labels.push(data.readFloatLE(4));
  else for (let at = headBytes; at < end; at += 4) labels.push(data.readFloatLE(at));
  return { head: data.subarray(0, end), labels, image: data.subarray(end) };
}

/** All before the image of a record that was read. */
export function headOf(record: Uint8Array): Buffer {
  return parseImageRecord(unframeRecord(asBuffer(record)).data).head;
}

/** The head of an image record with one label. */
export function makeHead(label: number, id: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeFloatLE(label, 4);
  head.writeBigUInt64LE(BigInt(id), 8);
  return head;
}

/** Replaces the labels of a head that has some. */
export function withLabels(head: Uint8Array, labels: readonly number[]): Buffer {
  const changed = Buffer.from(head);
  for (const [i, label] of labels.entries()) changed.writeFloatLE(label, headBytes + 4 * i);
  return changed;
}

/** The number of a record in a photo's key. */
export const recordNumber = (key: string) => Number(key.slice(key.lastIndexOf('/') + 1));

/** The index beside a .rec file. */
export const indexOf = (file: string) => file.replace(/\.rec$/i, '.idx');

/** Keys and offsets, ascending by offset: 16 bytes a record. */
interface RecordIndex {
  keys: Float64Array;
  offsets: Float64Array;
  /** Keys that stand in more than one line. */
  repeated: Set<number>;
}

const isAscending = (numbers: Float64Array) => {
  for (let i = 1; i < numbers.length; i++) if (!((numbers[i - 1] as number) < (numbers[i] as number))) return false;
  return true;
};

/** Records of a .rec file that stand together, so that several machines can share the file. */
export interface RecordPart {
  /** Their lines: the bytes [from, to) of the index. */
  from: number;
  to: number;
  /** Where the first record behind them begins in the file; null: there is none. */
  end: number | null;
  /** The first key behind the images, as record 0 says; null: there is no such record. */
  firstIdentity: number | null;
}

const shownBytes = 60;
const [tab, lineFeed, carriageReturn, zero, nine] = [9, 10, 13, 48, 57];
/** Longer keys are no exact numbers. */
const mostDigits = { key: 15, offset: 16 };

/**
 * Reads an index, or a part of it, line by line, until `onLine` returns true. `start` is the place of the line in the
 * index. Throws `NOT_FOUND`, `READ_FAILED`, `UNREADABLE`.
 */
async function scanIndex(
  file: string,
  onLine: (key: number, offset: number, start: number) => unknown,
  part: Pick<RecordPart, 'from' | 'to'> = { from: 0, to: Number.POSITIVE_INFINITY },
): Promise<void> {
  let start = part.from;
  let at = start;
  let number = 1;
  let key = -1;
  let value = 0;
  let digits = 0;
  let isOver = false;
  const endLine = () => {
    if (key < 0 || digits === 0) return false;
    isOver = onLine(key, value, start) === true;
    number++;
    key = -1;
    value = 0;
    digits = 0;
    return true;
  };
  const refuse = async () => {
    const stored = await openStored(file);
    const [text = ''] = (await stored.read(start, 2 * shownBytes)).toString('latin1').split('\n');
    await stored.close();
    return new MaskbenchError(
      'UNREADABLE',
      file,
      `${file}, line ${number}: expected a key, a tab and an offset, found ${JSON.stringify(text.slice(0, shownBytes))}`,
    );
  };
  for await (const chunk of streamStored(file, part.from, part.to))
    for (let i = 0; i < chunk.length; i++, at++) {
      const byte = chunk[i] as number;
      if (byte >= zero && byte <= nine && digits < (key < 0 ? mostDigits.key : mostDigits.offset)) {
        value = value * 10 + byte - zero;
        digits++;
      } else if (byte === tab && key < 0 && digits > 0) {
        key = value;
        value = 0;
        digits = 0;
      } else if (byte === lineFeed) {
        if (!endLine()) throw await refuse();
        if (isOver) return;
        start = at + 1;
      } else if (byte !== carriageReturn || digits === 0 || key < 0) throw await refuse();
    }
  if (at > start && !endLine()) throw await refuse();
}

/** The bytes of an index before the first line whose record lies at `end` or behind; the first and the last key there. */
export async function indexUpTo(file: string, end: number): Promise<{ bytes: number; keys: number[] }> {
  const keys: number[] = [];
  let bytes: number | undefined;
  await scanIndex(file, (key, offset, start) => {
    if (offset >= end) bytes = start;
    else keys[Math.min(keys.length, 1)] = key;
    return bytes !== undefined;
  });
  return { bytes: bytes ?? (await stat(toPath(file))).size, keys };
}

async function readRecordIndex(file: string, part?: RecordPart): Promise<RecordIndex> {
  let length = 0;
  await scanIndex(file, () => void length++, part);
  let keys = new Float64Array(length);
  let offsets = new Float64Array(length);
  let i = 0;
  const keep = (key: number, offset: number) => {
    keys[i] = key;
    offsets[i++] = offset;
  };
  await scanIndex(file, keep, part);
  if (!isAscending(offsets)) {
    const order = Uint32Array.from({ length }, (_, at) => at);
    order.sort((a, b) => (offsets[a] as number) - (offsets[b] as number) || a - b);
    keys = Float64Array.from(order, (at) => keys[at] as number);
    offsets = Float64Array.from(order, (at) => offsets[at] as number);
  }
  const repeated = new Set<number>();
  if (!isAscending(keys)) {
    const sorted = keys.slice().sort();
    for (let at = 1; at < length; at++) if (sorted[at] === sorted[at - 1]) repeated.add(sorted[at] as number);
  }
  return { keys, offsets, repeated };
}

/** Records that are read at once. */
const blockBytes = 1 << 20;
/** Blocks on their way: no more than so many megabytes of buffers. */
const blocksInFlight = 4;
/** The longest record that is read. */
const mostBytes = 48 << 20;
/** A label is a 32-bit float, so that record 0 of a large set may name a key so far off. */
const roundedBy = 8;

/**
 * The records of a .rec file, with its .idx file beside it. Records are read in the order of their offsets, in blocks.
 * In InsightFace's sets record 0 says where the images end; it and the records of identities behind are no photos.
 */
export class RecordSource implements Source {
  readonly name: string;
  readonly #file: string;
  #index!: RecordIndex;
  #size = 0;
  /** The first key behind the images; infinity where there is no record 0 that says it. */
  #firstIdentity = Number.POSITIVE_INFINITY;
  #hasFrame = false;

  private constructor(file: string) {
    this.#file = file;
    this.name = path.basename(file);
  }

  /**
   * Reads the index.
   * @param part Only these records.
   * @throws `MaskbenchError` `NOT_FOUND`, `READ_FAILED`, `UNREADABLE` (a line of the index)
   */
  static async open(file: string, part?: RecordPart): Promise<RecordSource> {
    const source = new RecordSource(file);
    source.#index = await readRecordIndex(indexOf(file), part);
    await source.#reading(async (stored) => {
      source.#size = Math.min(stored.size, part?.end ?? Number.POSITIVE_INFINITY);
      if (!part) await source.#readFrame(stored);
      else if (part.firstIdentity !== null) source.#startIdentities(part.firstIdentity);
    });
    return source;
  }

  /**
   * Divides a file into parts of equally many records, as far as possible. The index is read and not kept.
   * @param count Parts.
   * @throws `MaskbenchError` `NOT_FOUND`, `READ_FAILED`, `INVALID_ARGUMENT` (fewer records than parts), `UNREADABLE` (a
   * line of the index; keys or offsets that do not ascend)
   */
  static async divide(file: string, count: number): Promise<(RecordPart & { records: number })[]> {
    const index = indexOf(file);
    const frames: [key: number, offset: number][] = [];
    const indexSize = await sizeOfStored(index);
    let lines = 0;
    let [lastKey, lastOffset] = [-1, -1];
    await scanIndex(index, (key, offset) => {
      lines++;
      if (key <= lastKey || offset <= lastOffset)
        throw new MaskbenchError(
          'UNREADABLE',
          index,
          `${index}, line ${lines}: expected keys and offsets that ascend; only such a file can be divided`,
        );
      [lastKey, lastOffset] = [key, offset];
      if (key === 0) frames.push([key, offset]);
    });
    if (lines < count)
      throw new MaskbenchError('INVALID_ARGUMENT', file, `${file}: expected at most ${lines} parts, one a record`);
    const source = new RecordSource(file);
    source.#size = await sizeOfStored(file);
    source.#know(frames);
    const frame = await source.#reading((stored) => source.#frameAt(stored, 0));
    const first = frame?.labels[0] ?? Number.NaN;
    const starts: { from: number; offset: number; line: number }[] = [];
    let line = 0;
    await scanIndex(index, (key, offset, start) => {
      if (Math.abs(key - first) <= roundedBy + 1) frames.push([key, offset]);
      if (line === Math.floor((starts.length * lines) / count)) starts.push({ from: start, offset, line });
      line++;
    });
    source.#know(frames);
    await source.#reading((stored) => source.#readFrame(stored));
    return starts.map(({ from, line: begin }, i) => {
      const next = starts[i + 1];
      return {
        ...{ from, to: next?.from ?? indexSize, end: next?.offset ?? null },
        firstIdentity: source.#hasFrame ? source.#firstIdentity : null,
        records: (next?.line ?? lines) - begin,
      };
    });
  }

  async count(): Promise<number> {
    let photos = 0;
    for (const key of this.#index.keys) photos += Number(this.#isPhoto(key));
    return photos + Number(await this.#reading((stored) => this.#unindexed(stored)).then((bytes) => bytes > 0));
  }

  async *photos(from: number): AsyncGenerator<StoredPhoto[]> {
    const { keys, offsets } = this.#index;
    const seen = new Set<number>();
    let first = 0;
    for (let left = from; left > 0 && first < keys.length; first++) {
      const key = keys[first] as number;
      if (this.#index.repeated.has(key)) seen.add(key);
      if (this.#isPhoto(key)) left--;
    }
    const stored = await openStored(this.#file);
    try {
      const pending: Promise<StoredPhoto[]>[] = [];
      while (first < keys.length || pending.length > 0) {
        while (first < keys.length && pending.length < blocksInFlight) {
          let last = first + 1;
          while (last < keys.length && this.#endOf(last) - (offsets[first] as number) <= blockBytes) last++;
          const block = this.#readBlock(stored, first, last);
          block.catch(() => {}); // awaited below, or not at all
          pending.push(block);
          first = last;
        }
        const photos = (await pending.shift()) as StoredPhoto[];
        for (const photo of this.#index.repeated.size > 0 ? photos : []) {
          const key = recordNumber(photo.key);
          if (!this.#index.repeated.has(key)) continue;
          if (seen.has(key)) refuse(photo, `an earlier record has the same key (${key})`);
          seen.add(key);
        }
        yield photos;
      }
      const bytes = await this.#unindexed(stored);
      if (bytes > 0)
        yield [
          {
            key: `${this.name}/end`,
            problem: `${bytes} bytes behind the last record of the index have no line in it; is the index truncated?`,
            passing: true,
          },
        ];
    } finally {
      await stored.close();
    }
  }

  #isPhoto(key: number): boolean {
    return !(this.#hasFrame && key === 0) && key < this.#firstIdentity;
  }

  async #reading<T>(work: (stored: StoredFile) => Promise<T>): Promise<T> {
    const stored = await openStored(this.#file);
    try {
      return await work(stored);
    } finally {
      await stored.close();
    }
  }

  /** Where the record's place ends: at the next one's, or at the end of the file. */
  #endOf(i: number): number {
    const { offsets } = this.#index;
    return Math.min(i + 1 < offsets.length ? (offsets[i + 1] as number) : this.#size, this.#size);
  }

  /** The record at `offset`, of which nothing is known; no more than `mostBytes` of it. */
  async #readAlone(stored: StoredFile, offset: number, end: number): Promise<Buffer> {
    let at = offset;
    for (let flag = 1; (flag === 1 || flag === 2) && at < end; ) {
      const start = await stored.read(at, Math.min(8, end - at));
      if (start.length < 8) break;
      const word = start.readUInt32LE(4);
      flag = Math.floor(word / 2 ** 29);
      at += 8 + padded(word % 2 ** 29);
      if (at - offset > mostBytes) throw new BadRecord(`it has more than ${mostBytes} bytes`);
    }
    return stored.read(offset, Math.min(at, end) - offset);
  }

  async #readBlock(stored: StoredFile, first: number, last: number): Promise<StoredPhoto[]> {
    const { offsets } = this.#index;
    const start = offsets[first] as number;
    const end = this.#endOf(last - 1);
    const isLong = end - start > blockBytes;
    const bytes = isLong ? undefined : await stored.read(start, end - start);
    const photos: StoredPhoto[] = [];
    for (let i = first; i < last; i++) {
      const offset = offsets[i] as number;
      const key = this.#index.keys[i] as number;
      const name = `${this.name}/${key}`;
      const usual = bytes && this.#usualPhoto(name, key, bytes, offset - start, this.#endOf(i) - start);
      if (usual) {
        photos.push(usual);
        continue;
      }
      try {
        if (offset >= this.#size) throw new BadRecord(`it begins at byte ${offset}, behind the end of the file`, true);
        const next = this.#endOf(i);
        let place = bytes?.subarray(offset - start, next - start) ?? (await this.#readAlone(stored, offset, end));
        // Where no record begins, the next line of the index is wrong, and this record may be longer.
        if (!isWhole(place) && next < this.#size && !isStart(await stored.read(next, 4)))
          place = await this.#readAlone(stored, offset, this.#size);
        photos.push(this.#toPhoto(name, key, parseImageRecord(unframeRecord(place).data)));
      } catch (error) {
        if (!(error instanceof BadRecord)) throw error;
        // What is cut off by the end of the file may still be on its way.
        const passing = error.cutOff && this.#endOf(i) === this.#size;
        const problem = `${passing ? 'the file is truncated' : 'not a readable record'}: ${error.message}`;
        photos.push({ key: name, problem, passing });
      }
    }
    return photos;
  }

  /** The photo of a record at `at` that is whole, not split, and has one label, as nearly all are; else undefined. */
  #usualPhoto(key: string, number: number, bytes: Buffer, at: number, next: number): StoredPhoto | undefined {
    const image = at + 8 + headBytes;
    if (image >= Math.min(next, bytes.length) || !this.#isPhoto(number)) return undefined;
    const length = bytes.readUInt32LE(at + 4);
    const end = at + 8 + length;
    const isUsual =
      bytes.readUInt32LE(at) === magicWord &&
      length <= greatestLength &&
      at + 8 + padded(length) <= Math.min(next, bytes.length) &&
      bytes.readUInt32LE(at + 8) === 0 &&
      end > image;
    if (!isUsual) return undefined;
    const label = bytes.readFloatLE(at + 12);
    const record = bytes.subarray(at, at + 8 + padded(length));
    return { key, labels: [label], record, input: bytes.subarray(image, end), identity: String(label) };
  }

  #toPhoto(name: string, key: number, { head, labels, image }: ImageRecord): StoredPhoto {
    const record = Buffer.concat(frameRecord(head, image));
    if (!this.#isPhoto(key)) return { key: name, labels, record };
    const identity = String(labels[0]);
    if (image.length > 0) return { key: name, labels, record, input: image, identity };
    return { key: name, labels, record, identity, problem: 'the record has no image', passing: false };
  }

  /** Reads record 0, and finds the first key behind the images. */
  async #readFrame(stored: StoredFile): Promise<void> {
    const frame = await this.#frameAt(stored, 0);
    if (!frame) return;
    let first = frame.labels[0] as number;
    if (first > 2 ** 24) {
      for (let i = 0; i < roundedBy && (await this.#frameAt(stored, first - 1)); i++) first--;
      for (let i = 0; i < roundedBy && !(await this.#frameAt(stored, first)); i++) first++;
    }
    this.#startIdentities(first);
  }

  #know(entries: readonly [key: number, offset: number][]): void {
    this.#index = {
      keys: Float64Array.from(entries, ([key]) => key),
      offsets: Float64Array.from(entries, ([, offset]) => offset),
      repeated: new Set(),
    };
  }

  #startIdentities(key: number): void {
    this.#hasFrame = true;
    this.#firstIdentity = key;
  }

  /** The record with this key, if it has several labels and no image. */
  async #frameAt(stored: StoredFile, key: number): Promise<ImageRecord | undefined> {
    const i = this.#index.keys.indexOf(key);
    if (i < 0) return undefined;
    try {
      const place = await this.#readAlone(stored, this.#index.offsets[i] as number, this.#endOf(i));
      const record = parseImageRecord(unframeRecord(place).data);
      return record.labels.length > 1 && record.image.length === 0 ? record : undefined;
    } catch (error) {
      if (error instanceof BadRecord) return undefined;
      throw error;
    }
  }

  /** Bytes behind the last record of the index. */
  async #unindexed(stored: StoredFile): Promise<number> {
    const offset = this.#index.offsets.at(-1);
    if (offset === undefined || offset >= this.#size) return 0;
    try {
      return this.#size - offset - unframeRecord(await this.#readAlone(stored, offset, this.#size)).end;
    } catch (error) {
      if (error instanceof BadRecord) return 0;
      throw error;
    }
  }
}

function refuse(photo: StoredPhoto, problem: string, passing = false): void {
  delete photo.input;
  Object.assign(photo, { problem, passing });
}
