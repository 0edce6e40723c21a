import { ByteBuffer } from 'flatbuffers';

/** Reads nothing outside its bytes: the library's own gives zeros there. */
class CheckedBuffer extends ByteBuffer {
  check(offset: number, size: number): void {
    if (offset < 0 || offset + size > this.capacity())
      throw new Error(`is damaged: it points to byte ${offset + size} of ${this.capacity()}`);
  }

  override readUint8(offset: number): number {
    this.check(offset, 1);
    return super.readUint8(offset);
  }

  override readUint16(offset: number): number {
    this.check(offset, 2);
    return super.readUint16(offset);
  }

  override readInt32(offset: number): number {
    this.check(offset, 4);
    return super.readInt32(offset);
  }
}

const numberReaders = {
  int8: [1, (bytes, at) => bytes.readInt8(at)],
  uint8: [1, (bytes, at) => bytes.readUint8(at)],
  uint16: [2, (bytes, at) => bytes.readUint16(at)],
  int32: [4, (bytes, at) => bytes.readInt32(at)],
  uint32: [4, (bytes, at) => bytes.readUint32(at)],
  int64: [8, (bytes, at) => Number(bytes.readInt64(at))],
  uint64: [8, (bytes, at) => Number(bytes.readUint64(at))],
  float: [4, (bytes, at) => bytes.readFloat32(at)],
} satisfies Record<string, [number, (bytes: CheckedBuffer, at: number) => number]>;
export type NumberType = keyof typeof numberReaders;

/**
 * A table of a FlatBuffers file. Fields are named by their place in the schema, from 0. What points outside the file
 * throws; nothing is read ahead.
 */
export class Table {
  readonly #bytes: CheckedBuffer;
  readonly #at: number;

  private constructor(bytes: CheckedBuffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The file's first table. */
  static root(file: Uint8Array): Table {
    const bytes = new CheckedBuffer(file);
    return new Table(bytes, bytes.readUint32(0));
  }

  /** Where a field lies, or 0 if the file leaves it out. */
  #field(field: number): number {
    const offset = this.#bytes.__offset(this.#at, 4 + 2 * field);
    return offset === 0 ? 0 : this.#at + offset;
  }

  number(field: number, type: NumberType, otherwise = 0): number {
    const at = this.#field(field);
    return at === 0 ? otherwise : numberReaders[type][1](this.#bytes, at);
  }

  table(field: number): Table | undefined {
    const at = this.#field(field);
    return at === 0 ? undefined : new Table(this.#bytes, at + this.#bytes.readUint32(at));
  }

  /** Where a vector's items lie, and how many there are. */
  #vector(field: number, size: number): [at: number, length: number] | undefined {
    const at = this.#field(field);
    if (at === 0) return undefined;
    const start = at + this.#bytes.readUint32(at);
    const length = this.#bytes.readUint32(start);
    this.#bytes.check(start + 4, length * size);
    return [start + 4, length];
  }

  tables(field: number): Table[] {
    const [start, length] = this.#vector(field, 4) ?? [0, 0];
    return Array.from({ length }, (_, i) => {
      const at = start + 4 * i;
      return new Table(this.#bytes, at + this.#bytes.readUint32(at));
    });
  }

  numbers(field: number, type: NumberType): number[] {
    const [size, read] = numberReaders[type];
    const [start, length] = this.#vector(field, size) ?? [0, 0];
    return Array.from({ length }, (_, i) => read(this.#bytes, start + size * i));
  }

  /** A copy, so that numbers of any size can be read from it. */
  bytes(field: number): Uint8Array<ArrayBuffer> {
    const [start, length] = this.#vector(field, 1) ?? [0, 0];
    return Uint8Array.from(this.#bytes.bytes().subarray(start, start + length));
  }

  text(field: number): string {
    return Buffer.from(this.bytes(field).buffer).toString('utf8');
  }
}
