// node mask-hashes.mjs <folder> [<runs>]: masks the photos of a folder in turn, so many in all (default: each once), in the flat
// styles and a template, by the maskbench that lies in the working folder. Prints a hash of faces and pixels a line, so that binaries
// and processors can be compared. On x86-64 dlib's own program finds every tenth photo's faces, which are the same; on arm64 it
// divides by estimates.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const entry = createRequire(path.resolve('package.json')).resolve('maskbench/package.json');
const { Masker } = await import(pathToFileURL(path.join(path.dirname(entry), 'dist/index.js')).href);
const [folder, runs] = process.argv.slice(2);
const photos = readdirSync(folder).sort();
const styles = ['a', 'b', 'c', 'd', 'e', 'f', 'surgical'];
const open = (options) => Masker.open({ detector: 'hog', acceptDamaged: true, seed: 1, ...options });
const dlib = open(process.arch === 'x64' ? { detector: 'dlib' } : {});
const maskers = await Promise.all([...styles.map((style) => open({ style })), dlib]);
for (let run = 0; run < Number(runs ?? photos.length); run++) {
  const photo = photos[run % photos.length];
  // Another style in the next round.
  const style = (run + Math.floor(run / photos.length)) % styles.length;
  const masker = maskers[run % 10 === 9 ? styles.length : style];
  const hash = createHash('sha256');
  try {
    const { image, faces } = await masker.mask(path.join(folder, photo), { format: 'bmp' });
    hash.update(JSON.stringify(faces)).update(image ?? '');
  } catch (error) {
    hash.update(error.code);
  }
  console.log(run, photo, hash.digest('hex'));
}
