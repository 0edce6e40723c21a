import { flatFolder, holdsPhotos, type Layout } from './layout.js';

export const sofOriginal: Layout = {
  name: 'sof_original',
  title: 'Specs on Faces, original photos (AbdA_00001_m_31_….jpg)',
  site: 'https://sites.google.com/view/sof-dataset',
  terms: 'unknown; see the site',
  size: 'about 800 MB',
  steps: [
    'open https://drive.google.com/file/d/1ufydwhMYtOhxgQuHs9SjERnkX0fXxorO/ and download the original images',
    'unpack them into sof_original/',
  ],
  withoutFace: 'copied',
  holds: (root) => holdsPhotos(root, 0),
  read: (root, options) =>
    flatFolder(root, (stem) => (stem.includes('_') ? stem.slice(0, stem.indexOf('_')) : ''), options),
};
