import { existsSync } from 'node:fs';
import path from 'node:path';
import { MaskbenchError } from '../../errors.js';
import { toPath } from '../../files/path.js';
import { numberedLines, readNames } from '../../files/text.js';
import { addTo } from '../../multimap.js';
import {
  entriesOf,
  holdsPhotos,
  type IdentityPhotos,
  innerFolder,
  inOrder,
  type Layout,
  type ReadOptions,
  type SourcePhoto,
  sourcesIn,
} from './layout.js';

const folders = ['images', 'img_align_celeba', 'img_align_celeba_png'];
const annotations = 'identity_CelebA.txt';

async function* read(root: string, { onIgnored }: ReadOptions): AsyncGenerator<IdentityPhotos> {
  const file = path.join(root, annotations);
  const list = await readNames(file, 'the identity file of CelebA ("000001.jpg 2880" a line)');
  const folder = folders.find((name) => existsSync(toPath(path.join(root, name))));
  if (folder === undefined)
    throw new MaskbenchError('NOT_FOUND', root, `${root}: expected a folder named ${folders.join(' or ')}`);
  // CelebA's own archive unpacks into a folder of the same name again.
  const place = await innerFolder(path.join(root, folder), (inner) => holdsPhotos(inner, 0));
  const photo = (name: string): SourcePhoto => ({ path: `${folder}/${name}`, name, file: path.join(place, name) });
  // The annotations say .jpg whatever the photos are.
  const names = new Map<string, string>();
  for (const name of await sourcesIn(place, await entriesOf(place, 'photos'), onIgnored))
    names.set(path.parse(name).name, name);
  const byIdentity = new Map<string, SourcePhoto[]>();
  for (const { line, number } of numberedLines(list)) {
    const [, listed, identity] = /^\s*(\S+)\s+(\S+)$/.exec(line) ?? [];
    if (listed === undefined || identity === undefined)
      throw new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: expected a file name and an identity`);
    const stem = path.parse(listed).name;
    const name = names.get(stem);
    if (name === undefined)
      addTo(byIdentity, identity, { ...photo(listed), problem: `listed in ${annotations}, but not there` });
    else addTo(byIdentity, identity, photo(name));
    names.delete(stem);
  }
  yield* inOrder(byIdentity);
  const strays = [...names.values()].map((name) => ({ ...photo(name), problem: `not in ${annotations}` }));
  if (strays.length > 0) yield { identity: '', photos: strays };
}

export const celeba: Layout = {
  name: 'celeba',
  title: 'Large-scale CelebFaces Attributes (CelebA), aligned and cropped',
  site: 'http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html',
  terms: 'non-commercial research only; no redistribution of the photos or of parts of them',
  size: '1.4 GB (JPEG) or 9.9 GB (PNG)',
  steps: [
    'open https://drive.google.com/drive/folders/0B7EVK8r0v71pTUZsaXdaSnZBZzg',
    'from img_align_celeba_png download img_align_celeba_png.7z.001 to .016, join and unpack them with 7-Zip into celeba/images',
    '(or unpack img_align_celeba.zip into celeba/img_align_celeba)',
    'download Anno/identity_CelebA.txt into celeba/',
  ],
  withoutFace: 'left out',
  select: 'central',
  holds: async (root) => existsSync(toPath(path.join(root, annotations))),
  read,
};
