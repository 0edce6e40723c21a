import { flatFolder, holdsPhotos, type Layout } from './layout.js';

const site = 'https://fei.edu.br/~cet/facedatabase.html';
const address = (name: string) => ({ url: `https://fei.edu.br/~cet/${name}.zip` });

export const feiFaceFrontal: Layout = {
  name: 'fei_face_frontal',
  title: 'FEI Face Database, frontal photos (12a.jpg neutral, 12b.jpg smiling)',
  site,
  terms: 'unknown; see the site',
  size: 'about 10 MB',
  addresses: [address('frontalimages_manuallyaligned_part1'), address('frontalimages_manuallyaligned_part2')],
  withoutFace: 'copied',
  select: 'central',
  holds: (root) => holdsPhotos(root, 0),
  read: (root, options) => flatFolder(root, (stem) => stem.slice(0, -1), options),
};

/** The near-frontal ones of the fourteen photos of each person. */
const views = new Set(['05', '06', '11', '12', '13', '14']);

function identityOfView(stem: string): string | undefined {
  const [, identity, view] = /^(.*)-(\d+)$/.exec(stem) ?? [];
  if (identity === undefined) return '';
  return views.has(view as string) ? identity : undefined;
}

export const feiFaceOriginal: Layout = {
  name: 'fei_face_original',
  title: 'FEI Face Database, original photos (1-05.jpg: person 1, view 05)',
  site,
  terms: 'unknown; see the site',
  size: 'about 140 MB',
  addresses: [1, 2, 3, 4].map((part) => address(`originalimages_part${part}`)),
  withoutFace: 'copied',
  select: 'central',
  holds: (root) => holdsPhotos(root, 0),
  read: (root, options) => flatFolder(root, identityOfView, options),
};
