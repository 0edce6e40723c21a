import { holdsPhotos, identityFolders, type Layout } from './layout.js';

export const lfw: Layout = {
  name: 'lfw',
  title: 'Labeled Faces in the Wild, funneled (Aaron_Eckhart/Aaron_Eckhart_0001.jpg)',
  site: 'http://vis-www.cs.umass.edu/lfw/',
  terms: 'unknown; see the site',
  size: '243 MB',
  addresses: [
    {
      url: 'http://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz',
      sha256: 'b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a',
    },
  ],
  archiveFolder: 'lfw_funneled',
  withoutFace: 'left out',
  select: 'central',
  holds: (root) => holdsPhotos(root, 1),
  read: identityFolders,
};
