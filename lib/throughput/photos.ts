import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { makeFolder, writeFileAtomically } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { noPhotos, photosBelow } from '../files/walk.js';
import { Masker } from '../mask/masker.js';
import { native } from '../native.js';

const require = createRequire(import.meta.url);

/** Photos that are measured together. Their names differ. */
export interface PhotoGroup {
  /** `small`, `large`, or the name of the user's folder. */
  name: string;
  /** Paths of the photos. */
  files: string[];
}

/** Width and height of the small photos. */
const side = 250;
/** Changes with the small photos. */
const version = 1;

async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((name) => path.join(folder, name));
}

/** Cuts faces out of photos, in several sizes and places, and writes them as PNG files of 250×250 pixels. */
async function writeCrops(photos: readonly string[], folder: string): Promise<void> {
  const [{ Resvg }, masker] = await Promise.all([import('@resvg/resvg-js'), Masker.open()]);
  await makeFolder(folder);
  for (const photo of photos) {
    const { faces, width, height } = await masker.detect(photo);
    const uri = `data:image/jpeg;base64,${(await readFile(photo)).toString('base64')}`;
    for (const [i, { box }] of faces.filter(({ score }) => score > 0.3).entries())
      for (let variant = 0; variant < 3; variant++) {
        // In Labeled Faces in the Wild a face is a little under half as wide as its photo.
        const scale = side / ((box.right - box.left + 1) * (2.1 + 0.15 * variant));
        const left = side / 2 - (scale * (box.left + box.right)) / 2 + 4 * variant;
        const top = side / 2 - (scale * (box.top + box.bottom)) / 2 - 3 * variant;
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><image href="${uri}" width="${width}" height="${height}" transform="translate(${left} ${top}) scale(${scale})"/></svg>`;
        const name = `${path.parse(photo).name}-${i}-${variant}.png`;
        await writeFileAtomically(path.join(folder, name), new Resvg(svg, { background: '#808080' }).render().asPng());
      }
  }
  await masker.close();
}

/**
 * The photos that maskbench measures itself with: the six sample photos of @vladmandic/face-api (1280 to 1920 pixels
 * wide) and crops of their faces. The crops are made once a machine, in the cache folder.
 */
export async function ownPhotos(): Promise<PhotoGroup[]> {
  const samples = path.join(path.dirname(require.resolve('@vladmandic/face-api/package.json')), 'demo');
  const large = (await filesOf(samples)).filter((file) => /sample\d\.jpg$/.test(file));
  const cache = native.systemInfo().cacheFolder || path.join(tmpdir(), 'maskbench');
  const folder = path.join(cache, `throughput-${version}`);
  const crops = path.join(folder, 'small');
  // The last file that is written.
  const done = path.join(folder, 'done');
  if (!existsSync(done)) {
    await writeCrops(large, crops);
    await writeFileAtomically(done, '');
  }
  return [
    { name: 'small', files: await filesOf(crops) },
    { name: 'large', files: large },
  ];
}

/**
 * Copies of at most `limit` of the photos below a folder, evenly spread, which have names of their own.
 * @param temporary An empty folder for them.
 * @throws `MaskbenchError` `NOT_FOUND` where there are none
 */
export async function photosOf(source: string, limit: number, temporary: string): Promise<PhotoGroup> {
  const found: string[] = [];
  const ignored: Record<string, number> = {};
  for await (const photos of photosBelow(source, undefined, (kind) => {
    ignored[kind] = (ignored[kind] ?? 0) + 1;
  }))
    for (const { path: relative, problem } of photos) if (problem === undefined) found.push(relative);
  if (found.length === 0) throw noPhotos(source, ignored);
  const step = Math.max(1, found.length / limit);
  const chosen = Array.from({ length: Math.min(limit, found.length) }, (_, i) => found[Math.floor(i * step)] as string);
  const files: string[] = [];
  for (const [i, relative] of chosen.entries()) {
    const file = path.join(temporary, `${String(i).padStart(6, '0')}${path.extname(relative)}`);
    await copyFile(toPath(path.join(source, relative)), file).catch((error: Error) => {
      throw new MaskbenchError('READ_FAILED', relative, `${relative}: ${error.message}`);
    });
    files.push(file);
  }
  return { name: path.basename(path.resolve(source)), files };
}
