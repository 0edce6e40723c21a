import path from 'node:path';
import { Header, Pax } from 'tar';
import { MaskbenchError } from '../errors.js';
import { parquetColumns, readParquet } from '../files/parquet.js';
import { standardStream, streamInput } from '../files/standard-input.js';
import { isFile, isPhotoName } from '../files/walk.js';
import { isRemote } from './s3.js';
import type { Source, StoredPhoto, TarMember } from './source.js';
import { streamStored } from './stored-file.js';

/*
 * Tar shards as WebDataset and img2dataset write them: members that stand together and whose names are the same up to
 * the first dot of the base name are one sample, such as 00017.jpg, 00017.json and 00017.cls.
 */

const blockBytes = 512;
/** The largest member that is read. */
const mostBytes = 512 << 20;

const padded = (bytes: number) => Math.ceil(bytes / blockBytes) * blockBytes;

/** A stream of bytes, taken in pieces of any length. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer[] = [];
  #length = 0;

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Fewer bytes at the end of the stream. */
  async take(length: number): Promise<Buffer> {
    while (this.#length < length) {
      const { value, done } = await this.#chunks.next();
      if (done) break;
      this.#rest.push(value);
      this.#length += value.length;
    }
    const all = this.#rest.length === 1 ? (this.#rest[0] as Buffer) : Buffer.concat(this.#rest);
    const taken = all.subarray(0, length);
    this.#rest = [all.subarray(taken.length)];
    this.#length = all.length - taken.length;
    return taken;
  }
}

/** Why the rest of a tar can't be read. */
class CutOff extends Error {}

/** Throws {@link CutOff}. */
function headerOf(block: Buffer, next: Pax | undefined, global: Pax | undefined): Header {
  try {
    const header = new Header(block, 0, next, global);
    if (!header.cksumValid) throw new Error('its checksum is wrong');
    if (!((header.size ?? 0) >= 0)) throw new Error(`its size is ${header.size}`);
    return header;
  } catch (error) {
    throw new CutOff(`no member begins here: ${(error as Error).message}`);
  }
}

/** Members of a tar, with the long names and attributes that stand before them. Throws {@link CutOff}. */
async function* membersOf(bytes: Bytes, file: string): AsyncGenerator<TarMember> {
  let raw: Buffer[] = [];
  let next: Pax | undefined;
  let global: Pax | undefined;
  /** The attributes before the next member say that it is a sparse file. */
  let isSparse = false;
  const taking = async (length: number) => {
    const taken = await bytes.take(length);
    if (taken.length < length) throw new CutOff('the tar is cut off');
    raw.push(taken);
    return taken;
  };
  for (;;) {
    const block = await bytes.take(blockBytes);
    if (block.length === 0) return;
    if (block.length < blockBytes) throw new CutOff('the tar is cut off');
    if (block.every((byte) => byte === 0)) {
      // Two such blocks end a tar. What follows them is another one, or padding.
      raw = [];
      continue;
    }
    raw.push(block);
    const header = headerOf(block, next, global);
    const { type, size = 0, path: name = '' } = header;
    if (size > mostBytes)
      throw new MaskbenchError('UNREADABLE', file, `${file}: ${name} declares ${size} bytes, more than ${mostBytes}`);
    // The map of a sparse file may take further blocks.
    if (block[156] === 0x53 && block[482] !== 0) while ((await taking(blockBytes))[504] !== 0);
    const data = (await taking(padded(size))).subarray(0, size);
    if (type === 'ExtendedHeader') {
      const attributes = data.toString();
      next = Pax.parse(attributes, next, false);
      isSparse = attributes.includes(' GNU.sparse.');
      const [, real] = / GNU\.sparse\.name=(.*)/.exec(attributes) ?? [];
      if (real !== undefined) Object.assign(next, { path: real });
    } else if (type === 'GlobalExtendedHeader') global = Pax.parse(data.toString(), global, true);
    else if (type === 'NextFileHasLongPath' || type === 'OldGnuLongPath')
      next = Object.assign(next ?? new Pax({}), { path: data.toString().replace(/\0.*$/s, '') });
    else if (type !== 'NextFileHasLongLinkpath') {
      const isFile = type === 'File' || type === 'OldFile' || type === 'ContiguousFile';
      yield { name, data, raw: raw.length === 1 ? block : Buffer.concat(raw), isFile: isFile && !isSparse };
      next = undefined;
      isSparse = false;
      raw = [];
    }
  }
}

/** A member's headers, data and padding. */
export function encodeMember(name: string, data: Uint8Array): Uint8Array[] {
  const header = new Header({ path: name, size: data.length, mode: 0o644, type: 'File', mtime: new Date(0) });
  const needsPax = header.encode();
  const pieces = [header.block as Buffer, data, Buffer.alloc(padded(data.length) - data.length)];
  return needsPax ? [new Pax({ path: name, size: data.length }).encode(), ...pieces] : pieces;
}

/** A name up to the first dot of its base name, and what follows. */
export function sampleName(name: string): { key: string; extension: string } {
  const [, key = '', extension = ''] = /^((?:.*\/)?[^./][^./]*|(?:.*\/)?)(.*)$/s.exec(name) ?? [];
  return { key, extension };
}

const leadsOutside = (name: string) => name.startsWith('/') || name.split('/').includes('..');

/** What the table that img2dataset writes beside a tar says of a sample. */
interface Listed {
  /** The sample was downloaded, so it must be in the tar. */
  isStored: boolean;
  label?: number;
  identity?: string;
}

/** The samples of the table beside a tar by their keys; none where there is no such table. */
async function readTable(tar: string): Promise<Map<string, Listed>> {
  const table = tar.replace(/\.tar$/i, '.parquet');
  const samples = new Map<string, Listed>();
  if (isRemote(tar) || table === tar || !(await isFile(table))) return samples;
  if (!(await parquetColumns(table)).includes('key')) return samples;
  for await (const { key, status, label, identity } of readParquet(table, ['key', 'status', 'label', 'identity']))
    samples.set(String(key), {
      isStored: status === 'success',
      ...(Number.isSafeInteger(label) && { label: label as number }),
      ...(identity !== undefined && { identity: String(identity) }),
    });
  return samples;
}

/** Samples of tar shards, one after another. A sample's photo is its first image. */
export class TarSource implements Source {
  readonly name: string;
  readonly #files: readonly string[];

  /** @param input What the files were found by, for messages. */
  constructor(input: string, files: readonly string[]) {
    this.name = input === standardStream ? 'standard input' : input;
    this.#files = files;
  }

  /** Only known when all has been read. */
  async count(): Promise<undefined> {
    return undefined;
  }

  async *photos(from: number): AsyncGenerator<StoredPhoto[]> {
    let left = from;
    for (const file of this.#files)
      for await (const photo of this.#photosOf(file)) {
        if (left === 0) yield [photo];
        else if (photo.input !== undefined || photo.problem !== undefined) left--;
      }
  }

  async *#photosOf(file: string): AsyncGenerator<StoredPhoto> {
    const tar = file === standardStream ? 'stdin.tar' : path.basename(file);
    const listed = await readTable(file);
    const seen = new Set<string>();
    let members: TarMember[] = [];
    let current: string | undefined;
    const take = (): StoredPhoto => {
      const photo = toPhoto(tar, members, listed);
      if (current !== undefined && seen.has(current) && (photo.input ?? photo.problem) !== undefined)
        refuse(photo, 'an earlier sample of this tar has the same name');
      if (current !== undefined) seen.add(current);
      members = [];
      return photo;
    };
    const stream = file === standardStream ? streamInput() : streamStored(file);
    try {
      for await (const member of membersOf(new Bytes(stream), file)) {
        const { key, extension } = sampleName(member.name);
        const isAgain = members.some(({ name }) => name === member.name);
        if (members.length > 0 && (key !== current || isAgain || extension === '')) yield take();
        current = key;
        members.push(member);
      }
      if (members.length > 0) yield take();
      for (const [key, { isStored }] of listed)
        if (isStored && !seen.has(key))
          yield { key: `${tar}/${key}`, problem: 'the table beside the tar has this sample, the tar has not' };
    } catch (error) {
      if (!(error instanceof CutOff)) throw error;
      // The last sample may be incomplete; it is made again when the tar is whole.
      const name = members.at(-1)?.name;
      const after = name === undefined ? '' : ` after ${name}`;
      yield { key: `${tar}/end`, problem: `${error.message}${after}`, passing: true };
    }
  }
}

function refuse(photo: StoredPhoto, problem: string): void {
  delete photo.input;
  photo.problem = problem;
}

function toPhoto(tar: string, members: TarMember[], listed: ReadonlyMap<string, Listed>): StoredPhoto {
  const photo = members.find(({ name }) => isPhotoName(`x${sampleName(name).extension}`) && isSingle(name));
  const [first] = members as [TarMember];
  const stored: StoredPhoto = { key: `${tar}/${photo?.name ?? first.name}`, sample: { tar, members, photo } };
  if (members.some(({ name }) => leadsOutside(name))) {
    delete stored.sample;
    return { ...stored, problem: 'the name of a member leads outside; it is left out' };
  }
  if (photo === undefined) return stored;
  if (!photo.isFile) return { ...stored, problem: 'the member is a link or a sparse file, not a photo' };
  const number = members.find(({ name }) => sampleName(name).extension === '.cls');
  const { key } = sampleName(photo.name);
  const { identity: named, label: numbered } = listed.get(key) ?? {};
  const label = number ? Number(Buffer.from(number.data).toString().trim()) : numbered;
  const identity =
    named ?? (label !== undefined ? String(label) : key.includes('/') ? path.posix.dirname(key) : undefined);
  return {
    ...stored,
    input: photo.data,
    ...(identity !== undefined && { identity }),
    ...(label !== undefined && Number.isFinite(label) && { labels: [label] }),
  };
}

/** Whether a name has one extension only: key.jpg, not key.depth.png. */
const isSingle = (name: string) => sampleName(name).extension.lastIndexOf('.') === 0;
