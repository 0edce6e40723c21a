import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { byBytes, isPhotoName } from '../corpus/files.js';
import { MaskbenchError } from '../errors.js';
import { addTo } from '../groups.js';

/** A photo of a data set. */
export interface SourcePhoto {
  /** Relative to the data set's folder, with `/`. */
  path: string;
  /** Its file name in a corpus, below its identity's folder. */
  name: string;
  /** In data sets with real masks: whether it shows one. */
  masked?: boolean;
  /** Why it can't be used. */
  problem?: string;
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
  /** What becomes of a photo in which no face is found: copied without a twin, or left out. */
  withoutFace: 'copied' | 'left out';
  /** The data set has real masks; nothing is generated. */
  realMasks?: boolean;
  /** Reads the data set lazily, in byte order of identities. `seed` is for layouts that draw photos at random. */
  read(root: string, options: { seed: number }): AsyncGenerator<IdentityPhotos>;
}

/** The entries of a folder in byte order. Throws `NOT_FOUND` with what was expected there. */
export async function entriesOf(folder: string, expected: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new MaskbenchError('NOT_FOUND', folder, `${folder}: expected ${expected}: ${error.message}`);
  });
  return entries.sort((a, b) => byBytes(a.name, b.name));
}

/** Names of photos that are not somebody's masked twins already. */
export const isSourceName = (name: string) => isPhotoName(name) && !name.startsWith('masked_');

/** One folder an identity; loose files among the folders are left alone. */
export async function* identityFolders(root: string): AsyncGenerator<IdentityPhotos> {
  for (const entry of await entriesOf(root, 'a folder for each identity')) {
    if (!entry.isDirectory()) continue;
    const identity = entry.name;
    const names = (await entriesOf(path.join(root, identity), 'photos')).map(({ name }) => name).filter(isSourceName);
    if (names.length > 0) yield { identity, photos: names.map((name) => ({ path: `${identity}/${name}`, name })) };
  }
}

/** All photos in one folder; `identityOf` tells whose a name is: undefined to leave a photo out, '' where it does not say. */
export async function* flatFolder(
  root: string,
  identityOf: (stem: string) => string | undefined,
): AsyncGenerator<IdentityPhotos> {
  const byIdentity = new Map<string, SourcePhoto[]>();
  for (const { name } of (await entriesOf(root, 'photos')).filter(
    (entry) => !entry.isDirectory() && isSourceName(entry.name),
  )) {
    const identity = identityOf(path.parse(name).name);
    if (identity === undefined) continue;
    addTo(byIdentity, identity, { path: name, name, ...(identity === '' && { problem: 'its name has no identity' }) });
  }
  yield* inOrder(byIdentity);
}

/** Photos gathered by identity, in byte order of identities. */
export function* inOrder(byIdentity: Map<string, SourcePhoto[]>): Generator<IdentityPhotos> {
  for (const [identity, photos] of [...byIdentity].sort(([a], [b]) => byBytes(a, b))) yield { identity, photos };
}
