// node mask-hashes.mjs <folder>: masks every photo of a folder in each flat style and in a template, by the maskbench that lies
// in the working folder, and prints a hash of faces and pixels a line, so that binaries and processors can be compared.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const entry = createRequire(path.resolve('package.json')).resolve('maskbench/package.json');
const { Masker } = await import(pathToFileURL(path.join(path.dirname(entry), 'dist/index.js')).href);
const [folder] = process.argv.slice(2);
for (const options of [
  ...['a', 'b', 'c', 'd', 'e', 'f'].map((style) => ({ style })),
  { style: 'surgical' },
  { style: 'a', detector: 'dlib' },
]) {
  const masker = await Masker.open({ ...options, seed: 1 });
  for (const name of readdirSync(folder).sort()) {
    const { image, faces } = await masker.mask(path.join(folder, name), { format: 'bmp' });
    const hash = createHash('sha256')
      .update(JSON.stringify(faces))
      .update(image ?? '');
    console.log(Object.values(options).join(' '), name, hash.digest('hex'));
  }
  await masker.close();
}
