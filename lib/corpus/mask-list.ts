import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { isParquetName } from '../files/parquet.js';
import { standardStream, startOfInput } from '../files/standard-input.js';
import { numberedLines, readNames } from '../files/text.js';
import { isFile } from '../files/walk.js';
import type { Look, MaskedFace } from '../mask/masker.js';
import { openStored } from '../storage/stored-file.js';
import { isManifestStart, readManifest } from './manifest.js';
import type { PhotoJob } from './run.js';

/** The look of each photo's mask, by the paths that a list gives. */
export class MaskList {
  readonly #file: string;
  readonly #byName = new Map<string, { path: string; look: Look }[]>();

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Reads a manifest of ours, or a log of Self-restrained-Triplet-Loss: `path letter blue green red` a line, with the
   * paper's letters a to f and colours from 0 to 255, not whole. `-` is standard input.
   * @throws {@link MaskbenchError} `NOT_FOUND`, `READ_FAILED`, `UNREADABLE` (a line that is neither)
   */
  static async read(file: string): Promise<MaskList> {
    if (file !== standardStream && !(await isFile(file)))
      throw new MaskbenchError('NOT_FOUND', file, `${file}: the list of masks does not exist`);
    const list = new MaskList(file);
    if (isParquetName(file) || isManifestStart(await startOf(file)))
      for await (const { input, faces } of readManifest(file)) {
        const worn = faces.find(({ style }) => style !== undefined);
        if (worn) list.#add(input, lookOf(worn));
      }
    else
      for (const { line, number } of numberedLines(await readNames(file))) list.#add(...parseLine(line, file, number));
    if (list.#byName.size === 0)
      throw new MaskbenchError('UNREADABLE', file, `${file}: expected a manifest or a log of masks, found no mask`);
    return list;
  }

  #add(name: string, look: Look): void {
    const base = path.posix.basename(name);
    this.#byName.set(base, [...(this.#byName.get(base) ?? []), { path: name, look }]);
  }

  /** Every style of the list, as a Masker takes it. */
  get styles(): string {
    const looks = [...this.#byName.values()].flat().map(({ look }) => look);
    return [...new Set(looks.map(({ style, texture }) => (texture ? `${style}@${texture}` : style)))].join(',');
  }

  /** A photo with its look: of the path that is its key, the key's end, or of which the key is the end. */
  withLook<Photo extends PhotoJob>(photo: Photo): Photo {
    const { key } = photo;
    if (photo.input === undefined) return photo;
    const found = (this.#byName.get(path.posix.basename(key)) ?? []).filter(
      (entry) => `/${key}`.endsWith(`/${entry.path}`) || `/${entry.path}`.endsWith(`/${key}`),
    );
    const [first] = found;
    if (first !== undefined && found.length === 1) return { ...photo, look: first.look };
    return { ...photo, problem: `expected one mask in ${this.#file} for this photo, found ${found.length}` };
  }
}

/** The first bytes of a list. */
async function startOf(file: string): Promise<Buffer> {
  const length = 65_536;
  if (file === standardStream) return startOfInput(length);
  const stored = await openStored(file);
  try {
    return await stored.read(0, length);
  } finally {
    await stored.close();
  }
}

function lookOf({ style, color, texture, wear, placement }: MaskedFace): Look {
  return {
    style: style as string,
    ...(color !== undefined && { color }),
    ...(texture !== undefined && { texture }),
    ...(wear !== undefined && { wear }),
    ...(placement !== undefined && { placement }),
  };
}

function parseLine(line: string, file: string, number: number): [name: string, look: Look] {
  const [, name, style, ...colors] = /^(\S.*?)\s+([a-f])\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)$/.exec(line) ?? [];
  // OpenCV rounds a colour to whole numbers, and takes blue first.
  const [red, green, blue] = colors.map(Number).map(roundEven).reverse();
  if (name === undefined || style === undefined || ![red, green, blue].every((value) => (value ?? 256) <= 255))
    throw new MaskbenchError(
      'UNREADABLE',
      file,
      `${file}, line ${number}: expected a path, a letter from a to f, and blue, green and red from 0 to 255`,
    );
  const color = [red, green, blue].map((value) => (value as number).toString(16).padStart(2, '0')).join('');
  return [name, { style, color: `#${color}` }];
}

/** The nearest whole number; of two that are as near the even one. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}
