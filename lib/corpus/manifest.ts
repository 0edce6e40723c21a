import { createWriteStream, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { checkPath, MaskbenchError } from '../errors.js';
import { checkReplaceable } from '../files/atomic.js';
import { type ColumnType, isParquetName, readParquet } from '../files/parquet.js';
import { toPath } from '../files/path.js';
import { withBackOff } from '../files/retry.js';
import { standardStream, streamInput } from '../files/standard-input.js';
import { decodeText, parseJson } from '../files/text.js';
import type { MaskedFace } from '../mask/masker.js';
import type { Placed } from '../storage/source.js';

/**
 * The result for a photo. `copied`: the photo is in the corpus as it is, because its data set has real masks, or in a
 * verification set because it is to be plain. `unreadable` and `damaged` are verdicts on bytes that were read. A
 * resumed run tries the last two again: `unusable` (its name, a link or a list of the data set does not say how to use
 * it) and `failed` (it could not be read or written).
 */
export type PhotoStatus =
  | 'masked'
  | 'no-face'
  | 'several-faces'
  | 'copied'
  | 'unreadable'
  | 'damaged'
  | 'unusable'
  | 'failed';

/** One line of a manifest: the result for one photo. */
export interface ManifestLine {
  /** Relative to the input folder; of a .rec file or a tar, the file's name and the key or the member's name. */
  input: string;
  /** Size in bytes and time of change (ms since 1970) of the photo; a resumed run does a changed photo again. */
  source?: { bytes: number; modified: number };
  /** The person in the photo, if the data set says so. */
  identity?: string;
  /** The masked twin, relative to the output folder; present if the status is `masked`. */
  output?: string;
  /** The matte of the mask and the landmarks of the faces, relative to the output folder; present if requested. */
  alpha?: string;
  landmarks?: string;
  /** The copy of the photo, relative to the output folder; in corpora only. */
  copy?: string;
  /** Whether the person wears a real mask; in data sets with real masks only. */
  wearsMask?: boolean;
  status: PhotoStatus;
  /** Why the photo is unreadable, damaged, unusable or failed. */
  error?: string;
  /** As {@link Masker.mask} gives and takes them. */
  faces: MaskedFace[];
  seed: number;
  /** Hash of the Masker's options, and the output format. A run can only be resumed with the same settings. */
  settings: string;
  /**
   * What predicted landmarks that were not given: `dlib-68`, `face-api-68`, or the name of a file. Absent in manifests
   * of 0.1.
   */
  landmarkModel?: string;
  /** How large the output file was when this photo's part stood in it; in runs into a .rec file or tar shards only. */
  end?: Placed['end'];
}

/** A manifest as a table. */
export const manifestColumns: Record<keyof ManifestLine, ColumnType> = {
  input: 'text',
  identity: 'text',
  output: 'text',
  alpha: 'text',
  landmarks: 'text',
  copy: 'text',
  wearsMask: 'boolean',
  status: 'text',
  error: 'text',
  faces: 'json',
  seed: 'whole',
  settings: 'text',
  landmarkModel: 'text',
  source: 'json',
  end: 'json',
};

/**
 * Reads a manifest line by line, from JSON lines (`-`: on standard input) or a Parquet file. An incomplete last line,
 * left by a killed run or just being written, is skipped.
 * @throws {@link MaskbenchError} `UNREADABLE`, naming the line; `READ_FAILED`
 * @example
 * for await (const { input, status, faces } of readManifest('masked/manifest.jsonl'))
 *   if (status === 'masked') console.log(input, faces.length);
 */
export async function* readManifest(file: string): AsyncGenerator<ManifestLine> {
  checkPath('file', file);
  if (isParquetName(file)) {
    let row = 0;
    for await (const line of readParquet(file))
      yield checkLine(line as Partial<ManifestLine>, `${file}, row ${++row}`, file);
    return;
  }
  let number = 0;
  let rest = Buffer.alloc(0);
  for await (const chunk of file === standardStream ? streamInput() : chunksOf(file)) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      number++;
      yield parseLine(decodeText(rest.subarray(0, end), file), file, number);
      rest = rest.subarray(end + 1);
    }
  }
}

/** The bytes of a file; none where it does not exist. Throws `READ_FAILED`. */
async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  const refuse = (error: Error) => {
    throw new MaskbenchError('READ_FAILED', file, `${file}: cannot be read: ${error.message}`);
  };
  const handle = await withBackOff(() =>
    open(toPath(file)).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    }),
  ).catch(refuse);
  if (!handle) return;
  try {
    const chunks = (handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    for (let next = await chunks.next().catch(refuse); !next.done; next = await chunks.next().catch(refuse))
      yield next.value;
  } finally {
    await handle.close();
  }
}

/** Removes an incomplete last line from a manifest. Throws `WRITE_FAILED`. */
export async function cutTornLine(file: string): Promise<void> {
  try {
    const handle = await open(toPath(file), 'r+');
    try {
      const { size } = await handle.stat();
      const chunk = Buffer.alloc(65_536);
      let end = size;
      for (let newline = -1; end > 0 && newline < 0; ) {
        const start = Math.max(0, end - chunk.length);
        const { bytesRead } = await handle.read(chunk, 0, end - start, start);
        newline = chunk.subarray(0, bytesRead).lastIndexOf(10);
        end = start + newline + 1;
      }
      if (end < size) await handle.truncate(end);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new MaskbenchError('WRITE_FAILED', file, `${file}: cannot be repaired: ${message}`);
  }
}

/** Refuses to replace or resume from a file that is not a manifest. Throws `INVALID_ARGUMENT`. */
export function checkIsManifest(file: string): Promise<void> {
  return checkReplaceable(file, 'a maskbench manifest', isManifestStart);
}

/** Whether a manifest begins with these bytes. */
export function isManifestStart(head: Buffer): boolean {
  const end = head.indexOf(10);
  if (end < 0) return head.subarray(0, lineStart.length).equals(lineStart.subarray(0, head.length));
  try {
    return isLine(JSON.parse(head.toString('utf8', 0, end)));
  } catch {
    return false;
  }
}

/** How every line begins. The first line may be incomplete, or longer than the bytes that were read. */
const lineStart = Buffer.from('{"input":"');

const isNumbers = (value: unknown, length: number): boolean =>
  Array.isArray(value) && value.length === length && value.every(Number.isFinite);

function isFace(face: Partial<MaskedFace> | null): boolean {
  const { left, top, right, bottom } = face?.box ?? {};
  return (
    [left, top, right, bottom].every(Number.isInteger) &&
    Array.isArray(face?.landmarks) &&
    face.landmarks.length === 68 &&
    face.landmarks.every((point) => isNumbers(point, 2))
  );
}

/** Whether a path, if it is there, leads to a file below the manifest's folder. */
const isBelow = (file: unknown): boolean =>
  file === undefined ||
  (typeof file === 'string' && file !== '' && !file.startsWith('/') && !file.split('/').includes('..'));

const isAbsentOr = (kind: 'string' | 'boolean', value: unknown) => value === undefined || typeof value === kind;

function isLine(line: Partial<ManifestLine> | null): line is ManifestLine {
  return (
    typeof line?.input === 'string' &&
    typeof line.status === 'string' &&
    isAbsentOr('string', line.identity) &&
    isAbsentOr('boolean', line.wearsMask) &&
    [line.output, line.alpha, line.landmarks, line.copy].every(isBelow) &&
    Array.isArray(line.faces) &&
    line.faces.every(isFace)
  );
}

function checkLine(line: Partial<ManifestLine> | null, place: string, file: string): ManifestLine {
  if (isLine(line)) return line;
  throw new MaskbenchError('UNREADABLE', file, `${place}: not a line of a maskbench manifest`);
}

function parseLine(text: string, file: string, number: number): ManifestLine {
  let line: Partial<ManifestLine> | null = null;
  try {
    line = parseJson(text, file) as Partial<ManifestLine>;
  } catch {
    // reported below
  }
  return checkLine(line, `${file}, line ${number}`, file);
}

/** Appends lines to a manifest. */
export class ManifestWriter {
  readonly #stream: WriteStream;
  #failure: Error | undefined;
  #drained: Promise<void> | undefined;

  constructor(file: string, { append }: { append: boolean }) {
    this.#stream = createWriteStream(toPath(file), { flags: append ? 'a' : 'w' });
    this.#stream.on('error', (error) => {
      this.#failure = new MaskbenchError('WRITE_FAILED', file, `${file}: cannot be written: ${error.message}`);
    });
  }

  /** Throws `WRITE_FAILED` once a write has failed. */
  async write(...lines: ManifestLine[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    if (this.#stream.write(text) || this.#stream.destroyed) return;
    // Many writers wait for one and the same moment.
    this.#drained ??= new Promise<void>((resolve) => {
      const done = () => {
        this.#stream.off('drain', done).off('close', done);
        this.#drained = undefined;
        resolve();
      };
      this.#stream.on('drain', done).on('close', done);
    });
    await this.#drained;
  }

  async close(): Promise<void> {
    if (!this.#stream.destroyed)
      await new Promise<void>((resolve) => {
        this.#stream.once('close', () => resolve()).end();
      });
    if (this.#failure) throw this.#failure;
  }
}
