import path from 'node:path';
import { placeOf } from '../../files/walk.js';
import { NamedRandom } from '../../random.js';
import { holdsPhotos, type IdentityPhotos, type Layout, photoFolders, type ReadOptions } from './layout.js';

const framesDrawn = 15;
const framesMasked = 6;

async function* read(root: string, { seed, onIgnored }: ReadOptions): AsyncGenerator<IdentityPhotos> {
  for await (const found of photoFolders(await placeOf(root), 2, onIgnored)) {
    if ('photos' in found) {
      yield found;
      continue;
    }
    const video = path.posix.basename(found.path);
    yield {
      identity: path.posix.dirname(found.path),
      photos: new NamedRandom(seed, found.path)
        .sample(found.names, framesDrawn)
        .map((frame) => ({ path: `${found.path}/${frame}`, name: `${video}_${frame}` })),
      wanted: framesMasked,
    };
  }
}

export const youtubeFaces: Layout = {
  name: 'youtube_faces',
  title: 'YouTube Faces, frames (person/video/frame.jpg)',
  site: 'https://www.cs.tau.ac.il/~wolf/ytfaces/',
  terms: 'unknown; see the site',
  size: '24 GB',
  steps: [
    'fill in the form on the site with your name and e-mail address; the answer holds a user name and a password',
    'on the site go to frame_images_DB and download YouTubeFaces.tar.gz',
    "unpack frame_images_DB into youtube_faces/, so that the persons' folders lie in it",
  ],
  withoutFace: 'copied',
  holds: (root) => holdsPhotos(root, 2),
  read,
};
