import { holdsPhotos, identityFolders, type Layout } from './layout.js';

export const folders: Layout = {
  name: 'folders',
  title: 'any data set with one folder an identity',
  site: '(your own)',
  terms: 'those of your data',
  size: '(your own)',
  steps: ['put a folder of photos for each identity into folders/: <base>/folders/<identity>/<photo>'],
  withoutFace: 'copied',
  holds: (root) => holdsPhotos(root, 1),
  read: identityFolders,
};
