import { loadavg } from 'node:os';
import type { Masker, RawImage } from 'maskbench';
import sharp from 'sharp';
import { printTable } from '../lib/cli/output.js';
import { samplePhoto } from '../test/support/files.js';
import { openDetector } from './detectors.js';
import type { BenchOptions } from './options.js';

/** Processor time in milliseconds: what else the machine does changes it little. */
async function processorTime(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** What is timed. The search alone is what is left of `pixels` without the photo's way into the addon and landmarks. */
type Work = Record<'pixels' | 'file' | 'way' | 'boxes' | 'faces', () => Promise<unknown>>;

async function planWork(masker: Masker, raw: RawImage, file: Buffer): Promise<Work> {
  const { faces } = await masker.detect(raw);
  const boxes = faces.map(({ box, score }) => ({ box, score }));
  return {
    pixels: () => masker.detect(raw),
    file: () => masker.detect(file),
    way: () => masker.mask(raw, { faces: [] }),
    boxes: () => masker.mask(raw, { faces: boxes }),
    faces: () => masker.mask(raw, { faces }),
  };
}

/**
 * Times the search of one photo on one core, from decoded pixels to boxes, and all of `detect` beside it. Detectors and
 * stages take turns, and the least of all rounds counts.
 */
export async function benchSearch({ quick, detectors }: BenchOptions): Promise<void> {
  const face = { left: 640, top: 130, width: 500, height: 500 };
  const photos = [
    { photo: sharp(samplePhoto(6)).extract(face).resize(250, 250), rounds: quick ? 2 : 60 },
    ...(quick ? [] : [{ photo: sharp(samplePhoto(1)).resize(1920, 1280), rounds: 20 }]),
  ];
  for (const { photo, rounds } of photos) {
    const { data, info } = await photo.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const raw: RawImage = { data, width: info.width, height: info.height, channels: 3 };
    const file = await photo.jpeg({ quality: 95 }).toBuffer();
    const opened: { name: string; masker: Masker; work: Work; least: Record<string, number> }[] = [];
    for (const name of detectors) {
      const masker = await openDetector(name, { minFace: 40 });
      if (masker) opened.push({ name, masker, work: await planWork(masker, raw, file), least: {} });
    }
    for (let round = 0; round < rounds; round++)
      for (const { work, least } of opened)
        for (const [name, run] of Object.entries(work))
          least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, await processorTime(run));
    console.log(
      `\nms of processor time for a photo of ${info.width}×${info.height}, faces from 40 pixels, least of ${rounds} (load ${loadavg()[0]?.toFixed(1)})`,
    );
    const rows = [['detector', 'faces', 'search alone', 'landmarks', 'all of detect, from a JPEG file']];
    for (const { name, masker, least } of opened) {
      const { pixels = 0, file: whole = 0, way = 0, boxes = 0, faces: drawn = 0 } = least;
      const landmarks = Math.max(0, boxes - drawn);
      const { faces } = await masker.detect(raw);
      rows.push([
        name,
        String(faces.length),
        ...[pixels - way - landmarks, landmarks, whole].map((ms) => ms.toFixed(2)),
      ]);
      await masker.close();
    }
    printTable(rows);
  }
}
