import { createWriteStream, existsSync, type WriteStream } from 'node:fs';
import { open, truncate } from 'node:fs/promises';
import { checkPath, MaskbenchError } from '../errors.js';
import { decodeText, parseJson } from '../files/text.js';
import type { Look } from '../mask/masker.js';

/** What became of a photo. `copied`: it is part of the corpus as it is, because its data set has real masks. */
export type PhotoStatus = 'masked' | 'no-face' | 'several-faces' | 'copied' | 'unreadable' | 'damaged';

/** A face as a manifest keeps it, with the look of its mask where `masked`. */
export interface ManifestFace extends Partial<Look> {
  /** Left, top, right, bottom; inclusive pixels. */
  box: [number, number, number, number];
  score: number;
  landmarks: [number, number][];
  masked: boolean;
}

/** One line of a manifest: what was done with a photo, or why nothing was. */
export interface ManifestLine {
  /** Relative to the input folder. */
  input: string;
  /** Who is on it, where the data set says so. */
  identity?: string;
  /** The masked twin, relative to the output folder; present where status is `masked`. */
  output?: string;
  /** The mask's matte and the faces' landmarks, relative to the output folder; where they were asked for. */
  alpha?: string;
  landmarks?: string;
  /** The photo's own copy, relative to the output folder; in corpora only. */
  copy?: string;
  /** Whether the person wears a real mask; in data sets that have them. */
  wearsMask?: boolean;
  status: PhotoStatus;
  /** Why the photo is unreadable or damaged. */
  error?: string;
  faces: ManifestFace[];
  seed: number;
  /** Of the Masker, and the output format: a run can only go on with the same. */
  settings: string;
  milliseconds: number;
}

/**
 * Reads a manifest line by line. A last line without its end, left by a killed run or just being written, is not given.
 * @param repair Cut such a line off the file; only for whoever writes it.
 * @throws {@link MaskbenchError} `UNREADABLE`, naming the line
 */
export async function* readManifest(file: string, { repair = false } = {}): AsyncGenerator<ManifestLine> {
  if (!existsSync(checkPath('file', file))) return;
  const handle = await open(file);
  let number = 0;
  let whole = 0;
  try {
    let rest = Buffer.alloc(0);
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        number++;
        yield parseLine(decodeText(rest.subarray(0, end), file), file, number);
        whole += end + 1;
        rest = rest.subarray(end + 1);
      }
    }
  } finally {
    await handle.close();
  }
  if (repair) await truncate(file, whole);
}

function parseLine(text: string, file: string, number: number): ManifestLine {
  try {
    const line = parseJson(text, file) as ManifestLine;
    if (typeof line.input === 'string' && typeof line.status === 'string') return line;
  } catch {
    // told below
  }
  throw new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: not a line of a maskbench manifest`);
}

/** Appends lines to a manifest. */
export class ManifestWriter {
  readonly #stream: WriteStream;
  #failure: Error | undefined;
  #drained: Promise<void> | undefined;

  constructor(file: string, { append }: { append: boolean }) {
    this.#stream = createWriteStream(file, { flags: append ? 'a' : 'w' });
    this.#stream.on('error', (error) => {
      this.#failure = new MaskbenchError('WRITE_FAILED', file, `${file}: cannot be written: ${error.message}`);
    });
  }

  /** Throws `WRITE_FAILED` once a write has failed. */
  async write(line: ManifestLine): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#stream.write(`${JSON.stringify(line)}\n`) || this.#stream.destroyed) return;
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
