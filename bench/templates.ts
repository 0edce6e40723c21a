import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Masker, type MaskResult, type RawImage } from 'maskbench';
import sharp from 'sharp';
import { buildChain, placeOf, runChain, sixLandmarks } from './opencv-chain.js';
import type { BenchOptions } from './options.js';
import { flatten } from './realism.js';

const demo = path.join(
  path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')),
  'demo',
);

/** A photo of this size with a face `faceWidth` pixels wide in its middle. */
async function photoWith(width: number, height: number, faceWidth: number): Promise<RawImage> {
  const source = path.join(demo, 'sample6.jpg');
  const masker = await Masker.open();
  const { faces } = await masker.detect(source);
  await masker.close();
  const [face] = faces;
  if (!face) throw new Error('no face in sample6.jpg');
  const { left, right, top, bottom } = face.box;
  const scale = (right - left + 1) / faceWidth;
  const { width: fullWidth = 0, height: fullHeight = 0 } = await sharp(source).metadata();
  const wanted = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const x = Math.round((left + right - wanted.width) / 2);
  const y = Math.round((top + bottom - wanted.height) / 2);
  const edges = {
    left: Math.max(0, -x),
    top: Math.max(0, -y),
    right: Math.max(0, x + wanted.width - fullWidth),
    bottom: Math.max(0, y + wanted.height - fullHeight),
  };
  const extended = await sharp(source)
    .extend({ ...edges, extendWith: 'mirror' })
    .toBuffer();
  const { data, info } = await sharp(extended)
    .extract({ left: x + edges.left, top: y + edges.top, ...wanted })
    .resize(width, height, { fit: 'fill' })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}

/** The least times of a call that draws a mask and of one that draws none, in turns, on the worker thread. */
async function timesOf(drawing: () => Promise<MaskResult>, nothing: () => Promise<MaskResult>, runs: number) {
  const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number];
  for (let i = 0; i < runs; i++)
    for (const [which, work] of [drawing, nothing].entries())
      least[which as 0 | 1] = Math.min(least[which as 0 | 1], (await work()).milliseconds);
  return least;
}

/** Times a template on a known face against the chain of OpenCV calls on the same photo and template, one thread each. */
export async function benchTemplates({ quick }: BenchOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-templates-'));
  const chain = buildChain(folder);
  console.log('\ntemplates: drawing alone, detection and landmarks known; least of the runs, one thread');
  for (const [width, height, faceWidth] of [
    [250, 250, 110],
    [1920, 1280, 560],
  ] as const) {
    const photo = await photoWith(width, height, faceWidth);
    const finder = await Masker.open({ upsample: 0 });
    const { faces } = await finder.detect(photo);
    await finder.close();
    const [face] = faces;
    if (!face) throw new Error('no face in the made photo');
    // Pixels in and out cost the same; a mask beyond the photo costs nothing.
    const nowhere = { ...face, landmarks: face.landmarks.map((): [number, number] => [-9000, -9000]) };
    const runs = quick ? 3 : Math.round(4e7 / (width * height));
    for (const style of quick ? ['surgical'] : ['surgical', 'n95', 'cloth-check', 'gaiter']) {
      const masker = await Masker.open({ style, concurrency: 1 });
      const [drawing, call] = await timesOf(
        () => masker.mask(photo, { faces: [face] }),
        () => masker.mask(photo, { faces: [nowhere] }),
        runs,
      );
      const ours = drawing - call;
      await masker.close();
      let beside = '';
      if (chain) {
        const { file: template, points } = await flatten(style, folder);
        const file = path.join(folder, 'photo.png');
        await sharp(photo.data, { raw: { width, height, channels: 3 } })
          .png()
          .toFile(file);
        const [out, unlit, alpha] = ['out', 'unlit', 'alpha'].map((name) => path.join(folder, `${name}.png`)) as [
          string,
          string,
          string,
        ];
        const files = { photo: file, template, out, unlit, alpha };
        const theirs = runChain(
          chain,
          files,
          { template: points, face: sixLandmarks.map((at) => placeOf(face.landmarks, at)) },
          quick ? 3 : 60,
        );
        beside = `, OpenCV's chain ${theirs.toFixed(2)} ms: ${(theirs / ours).toFixed(1)} ×`;
      }
      const size = `${width}×${height}, face of ${face.box.right - face.box.left + 1}`;
      console.log(`  ${size.padEnd(26)} ${style.padEnd(12)} ${ours.toFixed(2)} ms${beside}`);
    }
  }
  rmSync(folder, { recursive: true });
}
