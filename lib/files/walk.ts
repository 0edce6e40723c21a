import { constants } from 'node:fs';
import { open as openFile, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { checkText, MaskbenchError } from '../errors.js';
import { native } from '../native.js';
import { toPath, toText } from './path.js';
import { withBackOff } from './retry.js';

const photoName = /\.(jpe?g|jpe|jfif|png|webp|bmp|dib|tiff?|p[bgpn]m)$/i;

/**
 * Whether a file's name says that it is a photo of a format that is read.
 * @example
 * isPhotoName('portrait.JPG'); // true
 * isPhotoName('notes.txt'); // false
 */
export function isPhotoName(name: string): boolean {
  checkText('name', name);
  return photoName.test(name);
}

const startBytes = 64;

/** Whether a file is a photo: by its name, or where that does not say, by its first bytes. */
export async function isPhoto(folder: string, name: string): Promise<boolean> {
  if (isPhotoName(name)) return true;
  // A pipe must not be waited for.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const handle = await openFile(toPath(path.join(folder, name)), flags).catch(() => undefined);
  if (!handle) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(startBytes), 0, startBytes, 0);
    return native.imageKind({ data: buffer.subarray(0, bytesRead) }) !== undefined;
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/** Called with the kind of each file that is left alone: its extension, or what else distinguishes it. */
export type OnIgnored = (kind: string) => void;

/** The extension of a file that is not a photo. */
export const kindOf = (name: string) => path.extname(name).toLowerCase() || 'without extension';

const shownKinds = 8;

/** Counts of files that were left alone, in words. */
export function describeIgnored(ignored: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(ignored).sort(([a, i], [b, k]) => k - i || (a < b ? -1 : 1));
  const others = kinds.slice(shownKinds).reduce((sum, [, count]) => sum + count, 0);
  const words = kinds.slice(0, shownKinds).map(([kind, count]) => `${count} ${kind}`);
  return [...words, ...(others > 0 ? [`${others} of other kinds`] : [])].join(', ');
}

/** The error where a source has no photo. */
export function noPhotos(source: string, ignored: Readonly<Record<string, number>>): MaskbenchError {
  const others = describeIgnored(ignored);
  return new MaskbenchError(
    'NOT_FOUND',
    source,
    `${source}: no photos found${others === '' ? '' : `; left alone: ${others}`}`,
  );
}

/** Whether a name is of a file that systems put beside photos. */
export function isSystemName(name: string): boolean {
  return /^(\._.*|\.DS_Store|thumbs\.db|desktop\.ini)$/i.test(name);
}

/** Whether a name is left alone in a folder: a hidden one, or one that systems keep for themselves. */
function isLeftAlone(name: string): boolean {
  return name.startsWith('.') || isSystemName(name) || name === '__MACOSX' || name === '@eaDir';
}

const look = (file: string) => stat(toPath(file)).catch(() => undefined);

/** Whether a path, links followed, is a file's. */
export const isFile = async (file: string): Promise<boolean> => (await look(file))?.isFile() ?? false;

/** Whether a path, links followed, is a folder's. */
export const isFolder = async (file: string): Promise<boolean> => (await look(file))?.isDirectory() ?? false;

/** What lies in a folder. */
export interface Entry {
  name: string;
  kind: 'file' | 'folder' | 'link';
}

/** Everything in a folder, in byte order. */
export async function listFolder(folder: string): Promise<Entry[]> {
  const entries = await readdir(toPath(folder), { withFileTypes: true, encoding: 'buffer' });
  // The types of Node 20 do not know that names are Buffers here.
  const named = entries.map((entry) => ({ entry, bytes: entry.name as unknown as Buffer }));
  return named
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry, bytes }) => ({
      name: toText(bytes),
      kind: entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file',
    }));
}

/** Why something below a folder can't be used. */
export interface WalkProblem {
  problem: string;
  /** The problem may be temporary. */
  passing: boolean;
}

/** A file or folder, with links followed; or the problem that kept it from being read. */
export interface Followed extends Partial<WalkProblem> {
  name: string;
  folder: boolean;
}

/** A folder whose real place is known. */
export interface Place {
  folder: string;
  /** The real paths of the folder and of those that led to it, the folder's own last. */
  real: string[];
}

/** Throws `NOT_FOUND` or `READ_FAILED`. */
export async function placeOf(folder: string): Promise<Place> {
  return { folder, real: [await reading(folder, () => realPath(folder))] };
}

export async function realPath(file: string): Promise<string> {
  return toText(await realpath(toPath(file), { encoding: 'buffer' }));
}

/** Whether a real path is another or lies below it. */
export function isWithin(real: string, folder: string): boolean {
  return real === folder || real.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

async function reading<T>(folder: string, read: () => Promise<T>): Promise<T> {
  try {
    return await withBackOff(read);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MaskbenchError(
      code === 'ENOENT' ? 'NOT_FOUND' : 'READ_FAILED',
      folder,
      `${folder}: cannot be read: ${message}`,
    );
  }
}

/**
 * What lies in a folder, in byte order, links followed; what systems keep there is left out. Throws `NOT_FOUND` or
 * `READ_FAILED`.
 */
export async function entriesOf(folder: string): Promise<Followed[]> {
  const entries = await reading(folder, () => listFolder(folder));
  const followed: Followed[] = [];
  for (const { name, kind } of entries)
    if (!isLeftAlone(name))
      followed.push(kind === 'link' ? await follow(folder, name) : { name, folder: kind === 'folder' });
  return followed;
}

/** Whether a link leads to a folder. */
async function follow(folder: string, name: string): Promise<Followed> {
  const file = path.join(folder, name);
  const lost = (error: NodeJS.ErrnoException, passing: boolean) => ({
    name,
    folder: false,
    // A link named like a photo fails with its own error when it is opened.
    ...(!isPhotoName(name) && { problem: `the link cannot be followed: ${error.message}`, passing }),
  });
  const look = () =>
    stat(toPath(file)).then(
      (about) => ({ name, folder: about.isDirectory() }),
      (error) => {
        if (error.code !== 'ENOENT' && error.code !== 'ELOOP') throw error;
        return lost(error, false);
      },
    );
  return withBackOff(look).catch((error) => lost(error, true));
}

/** A folder in a place; or the problem, where it can't be followed or leads back to one that leads to it. */
export async function enter({ folder, real }: Place, name: string): Promise<Place | WalkProblem> {
  const below = path.join(folder, name);
  try {
    const place = await withBackOff(() => realPath(below));
    if (real.includes(place)) return { problem: 'a symbolic link to a folder that contains it', passing: false };
    return { folder: below, real: [...real, place] };
  } catch (error) {
    return { problem: `the folder cannot be read: ${(error as Error).message}`, passing: true };
  }
}

/** What lies below a folder: a photo, or something that could not be followed. */
export interface Found extends Partial<WalkProblem> {
  /** Relative to the folder, with `/`. */
  path: string;
}

/**
 * The photos of each folder at and below `root`, one array a folder, in byte order. Symbolic links are followed; a link
 * back to a folder that leads to it is reported as a problem. `excluded`, a real path, is not entered, whatever leads
 * there.
 */
export async function* photosBelow(root: string, excluded?: string, onIgnored?: OnIgnored): AsyncGenerator<Found[]> {
  const top = await placeOf(root);
  // Outputs that lie around the photos, and not among them, exclude nothing.
  const skipped = excluded !== undefined && isWithin(top.real.at(-1) as string, excluded) ? undefined : excluded;
  yield* visit('', top);

  async function* visit(relative: string, place: Place): AsyncGenerator<Found[]> {
    if (skipped !== undefined && isWithin(place.real.at(-1) as string, skipped)) return;
    let entries: Followed[];
    try {
      entries = await entriesOf(place.folder);
    } catch (error) {
      yield [{ path: relative, problem: (error as Error).message, passing: true }];
      return;
    }
    const below = (name: string) => (relative === '' ? name : `${relative}/${name}`);
    const photos: Found[] = [];
    for (const { name, folder, ...problem } of entries) {
      if (folder) continue;
      if (problem.problem !== undefined || (await isPhoto(place.folder, name)))
        photos.push({ path: below(name), ...problem });
      else onIgnored?.(kindOf(name));
    }
    yield photos;
    for (const { name, folder } of entries) {
      if (!folder) continue;
      const inner = await enter(place, name);
      if ('problem' in inner) yield [{ path: below(name), ...inner }];
      else yield* visit(below(name), inner);
    }
  }
}
