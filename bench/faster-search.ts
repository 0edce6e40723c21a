import { readdirSync } from 'node:fs';
import path from 'node:path';
import { type DetectResult, Masker, type SearchOptions } from 'maskbench';
import { samplePhoto } from '../test/support/files.js';
import { largest, sameFace } from './boxes.js';
import { makeCorpus, shapes } from './corpus.js';
import type { BenchOptions } from './options.js';

async function search(photos: string[], options: SearchOptions): Promise<{ found: DetectResult[]; ms: number }> {
  const masker = await Masker.open({ ...options, concurrency: 1 });
  const found = [];
  for (const photo of photos) found.push(await masker.detect(photo));
  await masker.close();
  return { found, ms: found.reduce((sum, { milliseconds }) => sum + milliseconds, 0) };
}

/** Measures how many of the exact search's faces faster searches find, and how much faster they are. */
export async function benchFasterSearch({ quick }: BenchOptions): Promise<void> {
  const corpora: { name: string; photos: string[]; ways: SearchOptions[] }[] = [
    {
      name: '6 sample photos, 1920 pixels wide',
      photos: [1, 2, 3, 4, 5, 6].map(samplePhoto),
      ways: [{ upsample: 0 }, { minFace: 60 }, { minFace: 100 }, { maxSize: 1280 }, { maxSize: 960 }, { maxSize: 640 }],
    },
  ];
  for (const shape of shapes) {
    const folder = await makeCorpus(shape, quick ? 40 : 600);
    const photos = readdirSync(folder).map((name) => path.join(folder, name));
    const ways = [{ upsample: 0 }, { minFace: 60 }, { minFace: 80 }, { maxSize: 200 }, { maxSize: 150 }];
    corpora.push({ name: `${photos.length} photos, ${shape.name}`, photos, ways });
  }
  for (const { name, photos, ways } of quick ? corpora.slice(1, 2) : corpora) {
    const exact = await search(photos, {});
    const faces = exact.found.reduce((sum, result) => sum + result.faces.length, 0);
    const shown = exact.found.filter((result) => result.faces.length > 0).length;
    console.log(`\n${name}: ${faces} faces in ${shown} photos by the exact search`);
    console.log('  search               faces found   largest found   others   times as fast');
    for (const way of ways) {
      const { found, ms } = await search(photos, way);
      let kept = 0;
      let others = 0;
      let largestKept = 0;
      for (const [i, { faces: theirs }] of exact.found.entries()) {
        const ours = (found[i] as DetectResult).faces;
        kept += theirs.filter(({ box }) => ours.some((face) => sameFace(face.box, box))).length;
        others += ours.filter(({ box }) => !theirs.some((face) => sameFace(face.box, box))).length;
        const [our, their] = [largest(ours), largest(theirs)];
        if (our && their && sameFace(our.box, their.box)) largestKept++;
      }
      const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)}%`;
      console.log(
        `  ${JSON.stringify(way).replace(/[{}"]/g, '').padEnd(20)}${percent(kept, faces).padStart(12)}` +
          `${percent(largestKept, shown).padStart(16)}${String(others).padStart(9)}${(exact.ms / ms).toFixed(2).padStart(16)}`,
      );
    }
  }
}
