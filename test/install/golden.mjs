// node golden.mjs <folder>: masks the golden photos of <folder>/images by the maskbench that lies in the working folder, and compares
// faces and pixels with the paper's program's in <folder>/seed-masks.json.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const entry = createRequire(path.resolve('package.json')).resolve('maskbench/package.json');
const { Masker } = await import(pathToFileURL(path.join(path.dirname(entry), 'dist/index.js')).href);
const [folder] = process.argv.slice(2);
const open = (style, color) => Masker.open({ style, color, acceptDamaged: true, landmarkModel: 'dlib-68' });
const white = Object.fromEntries(
  await Promise.all([...'abcdef'].map(async (style) => [style, await open(style, 'white')])),
);
const blue = await open('a', '#ff901e');

/** The hash of BGR pixels, of a PPM. */
function hashOf(ppm, { width, height }) {
  const pixels = ppm.subarray(-3 * width * height);
  for (let i = 0; i < pixels.length; i += 3) [pixels[i], pixels[i + 2]] = [pixels[i + 2], pixels[i]];
  return createHash('sha256').update(pixels).digest('hex');
}

let masks = 0;
const placeOf = ({ image }) => path.join(folder, 'images', image);
const all = JSON.parse(readFileSync(path.join(folder, 'seed-masks.json'), 'utf8'));
const golden = all.filter((expected) => existsSync(placeOf(expected)));
for (const expected of golden) {
  const file = placeOf(expected);
  if (expected.readable === false) {
    await assert.rejects(white.a.mask(file), { code: 'UNREADABLE' }, expected.image);
    continue;
  }
  const { faces } = await white.a.detect(file);
  assert.deepEqual(
    faces.map(({ box }) => [box.left, box.top, box.right, box.bottom]),
    expected.boxes,
    expected.image,
  );
  const check = async (masker, hash) => {
    const result = await masker.mask(file, { faces, format: 'pnm' });
    assert.equal(hashOf(result.image, result), hash, expected.image);
    assert.deepEqual(result.faces.find((face) => face.masked).landmarks, expected.landmarks, expected.image);
    masks++;
  };
  for (const [style, hash] of Object.entries(expected.masked_bgr_sha256 ?? {})) await check(white[style], hash);
  const colored = expected.masked_bgr_sha256_color_b30_g144_r255;
  if (colored) await check(blue, colored.a ?? colored);
}
console.log(`${golden.length} golden photos, ${masks} masks equal`);
