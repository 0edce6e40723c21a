// node networks.mjs <photo> <file>: finds the faces of a photo, their landmarks and a vector by networks alone, by the maskbench that
// lies in the working folder. Writes them to the file, or where it exists compares them with it: another processor's networks may
// round in another way, so places may differ by a pixel.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const entry = createRequire(path.resolve('package.json')).resolve('maskbench/package.json');
const { Embedder, Masker } = await import(pathToFileURL(path.join(path.dirname(entry), 'dist/index.js')).href);
const [photo, file] = process.argv.slice(2);
const search = { detector: 'blazeface-short-range', landmarkModel: 'face-api-68' };
const { faces } = await (await Masker.open(search)).detect(photo);
const [vector] = [[...(await (await Embedder.open(search)).embed([photo]))]];
if (!existsSync(file)) {
  writeFileSync(file, JSON.stringify({ faces, vector }));
} else {
  const expected = JSON.parse(readFileSync(file, 'utf8'));
  const places = (found) => found.flatMap(({ box, landmarks }) => [...Object.values(box), ...landmarks.flat()]);
  const [own, other] = [places(faces), places(expected.faces)];
  assert.equal(own.length, other.length, 'numbers of faces');
  for (const [i, place] of own.entries())
    assert.ok(Math.abs(place - other[i]) <= 1, `place ${i}: ${place}, not ${other[i]}`);
  const product = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const cosine =
    product(vector, expected.vector) / Math.sqrt(product(vector, vector) * product(expected.vector, expected.vector));
  assert.ok(cosine > 0.9999, `cosine of vectors: ${cosine}`);
}
console.log(`${faces.length} faces, ${vector.length} numbers of a vector`);
