import { holdsPhotos, identityFolders, type Layout } from './layout.js';

export const georgiaTech: Layout = {
  name: 'georgia_tech',
  title: 'Georgia Tech face database (s01/01.jpg)',
  site: 'http://www.anefian.com/research/face_reco.htm',
  terms: 'unknown; see the site',
  size: '128 MB',
  addresses: [{ url: 'http://www.anefian.com/research/gt_db.zip' }],
  archiveFolder: 'gt_db',
  withoutFace: 'left out',
  select: 'central',
  holds: (root) => holdsPhotos(root, 1),
  read: identityFolders,
};
