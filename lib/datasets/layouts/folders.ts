import { holdsPhotos, identityFolders, type Layout } from './layout.js';

export const folders: Layout = {
  name: 'folders',
  title: 'any data set with one folder an identity',
  site: '(your own)',
  terms: 'those of your data',
  size: '(your own)',
  withoutFace: 'copied',
  holds: (root) => holdsPhotos(root, 1),
  read: identityFolders,
};
