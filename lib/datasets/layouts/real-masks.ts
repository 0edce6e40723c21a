import { existsSync } from 'node:fs';
import path from 'node:path';
import { toPath } from '../../files/path.js';
import { readNames, textLines } from '../../files/text.js';
import { addTo } from '../../multimap.js';
import { inHouseIdentity } from '../../pairs/list.js';
import {
  entriesOf,
  type IdentityPhotos,
  identityFolders,
  inOrder,
  type Layout,
  type ReadOptions,
  type SourcePhoto,
  sourcesIn,
} from './layout.js';

const has = (root: string, names: string[]) => names.every((name) => existsSync(toPath(path.join(root, name))));

async function* readInHouse(root: string, { onIgnored }: ReadOptions): AsyncGenerator<IdentityPhotos> {
  const groups = new Map<string, SourcePhoto[]>();
  for (const folder of ['mask', 'no_mask']) {
    const masked = folder === 'mask';
    const place = path.join(root, folder);
    const entries = await entriesOf(place, `the photos ${masked ? 'with' : 'without'} masks`);
    for (const name of await sourcesIn(place, entries, onIgnored)) {
      const identity = inHouseIdentity(path.parse(name).name);
      const photo = { path: `${folder}/${name}`, name: masked ? `masked_${name}` : name, masked };
      addTo(groups, identity, identity === '' ? { ...photo, problem: 'its name has no identity' } : photo);
    }
  }
  yield* inOrder(groups);
}

export const inHouse: Layout = {
  name: 'in_house',
  title: "photos with and without real masks (mask/, no_mask/), as the paper's own data set",
  site: '(your own)',
  terms: 'yours',
  size: '(your own)',
  steps: ['put your photos into in_house/mask/ and in_house/no_mask/'],
  withoutFace: 'copied',
  realMasks: true,
  holds: async (root) => has(root, ['mask', 'no_mask']),
  read: readInHouse,
};

const rmfdFolders = ['AFDB_face_dataset', 'AFDB_masked_face_dataset'];

async function* readRmfd(root: string, options: ReadOptions): AsyncGenerator<IdentityPhotos> {
  const groups = new Map<string, SourcePhoto[]>();
  for (const folder of rmfdFolders) {
    const masked = folder.includes('masked');
    for await (const { identity, photos } of identityFolders(path.join(root, folder), options))
      for (const { name, ...photo } of photos)
        addTo(groups, identity, {
          ...photo,
          path: `${folder}/${photo.path}`,
          name: masked ? `masked_${name}` : name,
          masked,
        });
  }
  yield* inOrder(groups);
}

export const rmfd: Layout = {
  name: 'rmfd',
  title: 'Real-World Masked Face Dataset (AFDB_face_dataset, AFDB_masked_face_dataset)',
  site: 'https://github.com/X-zhangyang/Real-World-Masked-Face-Dataset',
  terms: 'unknown; see the site',
  size: 'about 2 GB',
  steps: ['download both archives from the site and unpack them into rmfd/'],
  withoutFace: 'copied',
  select: 'central',
  realMasks: true,
  holds: async (root) => has(root, rmfdFolders),
  read: readRmfd,
};

const mfr2Labels = 'mfr2_labels.txt';

/**
 * Which photos show a mask: lines of person, photo number and kind of mask ("no-mask" for none), with commas between.
 */
async function readMfr2Labels(file: string): Promise<Map<string, boolean>> {
  const text = await readNames(file, 'the labels of MFR2 (person, number, mask type a line)');
  const labels = new Map<string, boolean>();
  for (const line of textLines(text)) {
    const [person, number, mask] = line.split(/\s*[,\t]\s*/);
    if (person && number && mask && /^\d+$/.test(number))
      labels.set(`${person}_${number.padStart(4, '0')}`, !/^(no[-_ ]?mask|unmasked|none)$/i.test(mask.trim()));
  }
  return labels;
}

async function* readMfr2(root: string, options: ReadOptions): AsyncGenerator<IdentityPhotos> {
  const labels = await readMfr2Labels(path.join(root, mfr2Labels));
  for await (const { identity, photos } of identityFolders(root, options))
    yield {
      identity,
      photos: photos.map((photo) => {
        if (photo.problem !== undefined) return photo;
        const masked = labels.get(path.parse(photo.name).name);
        if (masked === undefined) return { ...photo, problem: `not in ${mfr2Labels}` };
        return { ...photo, name: masked ? `masked_${photo.name}` : photo.name, masked };
      }),
    };
}

export const mfr2: Layout = {
  name: 'mfr2',
  title: 'Masked Faces in Real World for Face Recognition (53 persons)',
  site: 'https://github.com/aqeelanwar/MaskTheFace',
  terms: 'unknown; see the site',
  size: '17 MB',
  steps: [
    "follow the link to MFR2 in the site's README, and unpack it into mfr2/ (persons' folders, mfr2_labels.txt, pairs.txt)",
  ],
  withoutFace: 'copied',
  select: 'central',
  realMasks: true,
  holds: async (root) => has(root, [mfr2Labels]),
  read: readMfr2,
};
