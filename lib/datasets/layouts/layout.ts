import path from 'node:path';
import { MaskbenchError } from '../../errors.js';
import type { FaceChoice } from '../../face/choice.js';
import { byBytes } from '../../files/path.js';
import { mayPass } from '../../files/retry.js';
import {
  enter,
  entriesOf as entriesIn,
  type Followed,
  isPhoto,
  isPhotoName,
  kindOf,
  type OnIgnored,
  type Place,
  placeOf,
  type WalkProblem,
} from '../../files/walk.js';
import { addTo } from '../../multimap.js';

/** A photo of a data set. */
export interface SourcePhoto extends Partial<WalkProblem> {
  /** Relative to the data set's folder, with `/`. */
  path: string;
  /** Its file name in a corpus, below its identity's folder. */
  name: string;
  /** In data sets with real masks: whether it shows one. */
  masked?: boolean;
  /** Where it lies, if not at `path` below the data set's folder. */
  file?: string;
}

/** Photos of one identity. */
export interface IdentityPhotos {
  identity: string;
  photos: SourcePhoto[];
  /** Take the photos in their order until so many are masked; absent: all. */
  wanted?: number;
}

/** How one public data set lies on disk, and what is known of it. */
export interface Layout {
  name: string;
  title: string;
  site: string;
  /** The data set's terms as its site states them; "unknown" where that is not known. A corpus is under the same. */
  terms: string;
  /** About what a download weighs, for people. */
  size: string;
  /** Direct addresses, where there are any; `sha256` where the site or the paper's authors state it. */
  addresses?: { url: string; sha256?: string }[];
  /** Folder in the archives that holds the photos, where it is not the archive itself. */
  archiveFolder?: string;
  /** How to get it by hand, step by step. */
  steps?: string[];
  /** Whether a photo without a face is copied without a twin or left out. */
  withoutFace: 'copied' | 'left out';
  /** Which face is the person's, where the data set has the person in the middle. Default `largest`. */
  select?: FaceChoice;
  /** The data set has real masks; nothing is generated. */
  realMasks?: boolean;
  /** Whether a folder is the data set's own: it has what the layout reads. */
  holds(root: string): Promise<boolean>;
  /** Reads the data set lazily, in byte order of identities. */
  read(root: string, options: ReadOptions): AsyncGenerator<IdentityPhotos>;
}

/** Options of {@link Layout.read}. */
export interface ReadOptions {
  /** For layouts that draw photos at random. */
  seed: number;
  /** Called for each file that is left alone. */
  onIgnored?: OnIgnored;
}

/** The entries of a folder: see {@link entriesIn}. Throws `NOT_FOUND` or `READ_FAILED` with what was expected. */
export async function entriesOf(folder: string, expected: string): Promise<Followed[]> {
  return entriesIn(folder).catch((error: MaskbenchError) => {
    throw new MaskbenchError(error.code, folder, `${folder}: expected ${expected}: ${error.message}`);
  });
}

const isTwinName = (name: string) => name.startsWith('masked_');

/** The photos among the entries of a folder, without what somebody has masked already. */
export async function sourcesIn(
  folder: string,
  entries: readonly Followed[],
  onIgnored?: OnIgnored,
): Promise<string[]> {
  const names: string[] = [];
  for (const { name, folder: isFolder, problem } of entries) {
    if (isFolder) continue;
    // A lost link that is named like a photo fails with its own error when it is opened.
    if (problem !== undefined) onIgnored?.('broken links');
    else if (!(await isPhoto(folder, name))) onIgnored?.(kindOf(name));
    else if (isTwinName(name)) onIgnored?.('masked_*');
    else names.push(name);
  }
  return names;
}

/** Whether a folder has photos itself (0), in its folders (1), or in theirs (2). */
export async function holdsPhotos(folder: string, depth: 0 | 1 | 2): Promise<boolean> {
  for (const { name, folder: isFolder } of await entriesIn(folder).catch(() => [])) {
    if (
      depth === 0
        ? !isFolder && !isTwinName(name) && (await isPhoto(folder, name))
        : isFolder && (await holdsPhotos(path.join(folder, name), --depth as 0 | 1))
    )
      return true;
  }
  return false;
}

const deepest = 3;

/**
 * The folder that holds what is looked for: `folder` itself or, for archives unpack into folders of their own, the only
 * one in it that does, up to three deeper; `folder` where there is none. Throws `INVALID_ARGUMENT` where several do.
 */
export async function innerFolder(folder: string, holds: (folder: string) => Promise<boolean>): Promise<string> {
  if (await holds(folder)) return folder;
  let outer = folder;
  for (let depth = 0; depth < deepest; depth++) {
    const inner = (await entriesIn(outer).catch(() => [])).filter((entry) => entry.folder);
    const found: string[] = [];
    for (const { name } of inner) if (await holds(path.join(outer, name))) found.push(name);
    if (found.length > 1)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        folder,
        `${folder}: expected one folder with photos, found ${found.length}: ${found.slice(0, 5).join(', ')}; leave one of them there`,
      );
    if (found[0] !== undefined) return path.join(outer, found[0]);
    if (inner.length !== 1) break;
    outer = path.join(outer, inner[0]?.name as string);
  }
  return folder;
}

/** Reports something in the place of photos. */
const problemAt = (below: string, { problem, passing = false }: Partial<WalkProblem>): IdentityPhotos => ({
  identity: '',
  photos: [{ path: below, name: path.posix.basename(below), problem: problem as string, passing }],
});

/** A folder of photos: its place, its path below the data set's folder, and the photos' names. */
export interface PhotoFolder {
  place: Place;
  path: string;
  names: string[];
}

/**
 * The folders in a place, links followed, with their photos or, `depth` being 2, the folders in them. What can't be
 * followed or read, and folders whose photos lie deeper, are given as problems; empty folders and loose files are left
 * alone.
 */
export async function* photoFolders(
  outer: Place,
  depth: 1 | 2,
  onIgnored?: OnIgnored,
  below = '',
): AsyncGenerator<PhotoFolder | IdentityPhotos> {
  for (const { name, folder, ...entryProblem } of await entriesIn(outer.folder)) {
    const at = below === '' ? name : `${below}/${name}`;
    if (entryProblem.problem !== undefined && !isPhotoName(name)) yield problemAt(at, entryProblem);
    if (!folder) {
      onIgnored?.((await isPhoto(outer.folder, name)) ? 'photos outside the folders' : kindOf(name));
      continue;
    }
    const place = await enter(outer, name);
    if ('problem' in place) {
      yield problemAt(at, place);
      continue;
    }
    try {
      if (depth === 2) {
        yield* photoFolders(place, 1, onIgnored, at);
        continue;
      }
      const entries = await entriesIn(place.folder);
      const names = await sourcesIn(place.folder, entries, onIgnored);
      if (names.length > 0) yield { place, path: at, names };
      else if (await holdsPhotos(place.folder, 1))
        yield problemAt(at, { problem: 'its photos lie a folder deeper than expected' });
    } catch (error) {
      if (!mayPass(error)) throw error;
      yield problemAt(at, { problem: (error as Error).message, passing: true });
    }
  }
}

/** One folder an identity; loose files among the folders are left alone. */
export async function* identityFolders(root: string, { onIgnored }: ReadOptions): AsyncGenerator<IdentityPhotos> {
  for await (const found of photoFolders(await placeOf(root), 1, onIgnored)) {
    if ('photos' in found) yield found;
    else yield { identity: found.path, photos: found.names.map((name) => ({ path: `${found.path}/${name}`, name })) };
  }
}

/**
 * All photos in one folder. `identityOf` gives the identity of a name: undefined to skip the photo, '' if the name has
 * none.
 */
export async function* flatFolder(
  root: string,
  identityOf: (stem: string) => string | undefined,
  { onIgnored }: ReadOptions,
): AsyncGenerator<IdentityPhotos> {
  const byIdentity = new Map<string, SourcePhoto[]>();
  for (const name of await sourcesIn(root, await entriesOf(root, 'photos'), onIgnored)) {
    const identity = identityOf(path.parse(name).name);
    if (identity === undefined) {
      onIgnored?.('other views');
      continue;
    }
    addTo(byIdentity, identity, { path: name, name, ...(identity === '' && { problem: 'its name has no identity' }) });
  }
  yield* inOrder(byIdentity);
}

/** Photos gathered by identity, in byte order of identities. */
export function* inOrder(byIdentity: Map<string, SourcePhoto[]>): Generator<IdentityPhotos> {
  for (const [identity, photos] of [...byIdentity].sort(([a], [b]) => byBytes(a, b))) yield { identity, photos };
}
