// What `npm start` runs: masks the sample photos of @vladmandic/face-api and draws a before/after contact sheet.
import { createRequire } from 'node:module';
import path from 'node:path';
import { maskFiles } from 'maskbench';
import { writeContactSheet } from 'maskbench/report';

const faceApi = path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));
const photos = [1, 2, 3, 4, 5, 6].map((number) => path.join(faceApi, `demo/sample${number}.jpg`));
const out = path.resolve('out/demo');

const looks = [
  { name: 'a', options: { style: 'a', select: 'all' } },
  { name: 'random', options: { style: 'random', color: 'random', seed: 1, select: 'all' } },
  { name: 'realistic', options: { style: 'realistic', color: 'random', seed: 2, select: 'all' } },
];
for (const { name, options } of looks) {
  const { counts, seconds } = await maskFiles(photos, path.join(out, name), { ...options, overwrite: true });
  console.log(`style ${name}: ${counts.masked} photos masked in ${seconds.toFixed(1)} s`);
}
const rows = photos.map((photo) => {
  const name = path.basename(photo);
  return { caption: name, files: [photo, ...looks.map((look) => path.join(out, look.name, `masked_${name}`))] };
});
const sheet = path.join(out, 'before-after.png');
await writeContactSheet(sheet, rows);
console.log(`\nMasked photos and manifests: ${out}\nBefore and after, side by side: ${sheet}`);
