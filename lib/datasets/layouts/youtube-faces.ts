import path from 'node:path';
import { NamedRandom } from '../../random.js';
import { entriesOf, type IdentityPhotos, isSourceName, type Layout } from '../layout.js';

const framesDrawn = 15;
const framesMasked = 6;

async function* read(root: string, { seed }: { seed: number }): AsyncGenerator<IdentityPhotos> {
  for (const person of await entriesOf(root, 'a folder for each person')) {
    if (!person.isDirectory()) continue;
    const identity = person.name;
    for (const video of await entriesOf(path.join(root, identity), 'a folder for each video')) {
      if (!video.isDirectory()) continue;
      const below = `${identity}/${video.name}`;
      const frames = (await entriesOf(path.join(root, below), 'frames')).map(({ name }) => name).filter(isSourceName);
      const drawn = new NamedRandom(seed, below).sample(frames, framesDrawn);
      if (drawn.length > 0)
        yield {
          identity,
          photos: drawn.map((frame) => ({ path: `${below}/${frame}`, name: `${video.name}_${frame}` })),
          wanted: framesMasked,
        };
    }
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
  read,
};
