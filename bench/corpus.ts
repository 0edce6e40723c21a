import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Masker } from 'maskbench';
import sharp from 'sharp';

const faceApi = path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));

export interface CorpusShape {
  name: string;
  width: number;
  height: number;
  format: 'jpeg' | 'png';
}

/** As LFW and CelebA lie on disk. */
export const shapes: CorpusShape[] = [
  { name: 'lfw-size', width: 250, height: 250, format: 'jpeg' },
  { name: 'celeba-size', width: 178, height: 218, format: 'png' },
];

/**
 * A folder of `count` face crops of the sample photos of @vladmandic/face-api, shifted, flipped and of varied
 * brightness; the same every time, and made once a machine.
 */
export async function makeCorpus({ name, width, height, format }: CorpusShape, count: number): Promise<string> {
  const folder = path.join(tmpdir(), `maskbench-corpus-1-${name}-${count}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}-${process.pid}`;
  mkdirSync(making, { recursive: true });
  const faces: { photo: string; x: number; y: number; size: number }[] = [];
  const masker = await Masker.open();
  for (let number = 1; number <= 6; number++) {
    const photo = path.join(faceApi, `demo/sample${number}.jpg`);
    const found = await masker.detect(photo);
    for (const { box, score } of found.faces) {
      const size = box.right - box.left + 1;
      if (score > 0.3) faces.push({ photo, x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, size });
    }
  }
  for (let i = 0; i < count; i++) {
    const face = faces[i % faces.length] as (typeof faces)[number];
    const round = Math.floor(i / faces.length);
    // In both data sets a face is a little under half as wide as its photo.
    const cropWidth = Math.round(face.size * (2.1 + 0.1 * (round % 5)));
    const cropHeight = Math.round((cropWidth * height) / width);
    const { width: fullWidth = 0, height: fullHeight = 0 } = await sharp(face.photo).metadata();
    const left = Math.round(face.x - cropWidth / 2 + ((round * 7) % 13) - 6);
    const top = Math.round(face.y - cropHeight / 2 + ((round * 5) % 11) - 5);
    const inside = {
      left: Math.max(0, Math.min(left, fullWidth - cropWidth)),
      top: Math.max(0, Math.min(top, fullHeight - cropHeight)),
      width: Math.min(cropWidth, fullWidth),
      height: Math.min(cropHeight, fullHeight),
    };
    const image = sharp(face.photo)
      .extract(inside)
      .resize(width, height, { fit: 'fill' })
      .flop(round % 2 === 1)
      .modulate({ brightness: 0.8 + 0.1 * (round % 5) });
    const file = path.join(making, `${String(i).padStart(5, '0')}.${format === 'jpeg' ? 'jpg' : 'png'}`);
    await (format === 'jpeg' ? image.jpeg({ quality: 95 }) : image.png()).toFile(file);
  }
  await masker.close();
  rmSync(folder, { recursive: true, force: true });
  renameSync(making, folder);
  return folder;
}
