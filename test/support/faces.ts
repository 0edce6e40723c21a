import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Masker } from 'maskbench';
import sharp from 'sharp';
import { samplePhoto } from './files.js';

let made: Promise<Buffer[]> | undefined;

/** Face crops of the sample photos as PNG, about 100 to 200 pixels wide; the last picture shows no face. */
export function faceCrops(): Promise<Buffer[]> {
  made ??= (async () => {
    const photo = samplePhoto(3);
    const { faces } = await (await Masker.open()).detect(photo);
    const crops = faces.map(({ box: { left, top, right, bottom } }) => {
      const margin = Math.round((right - left) / 2);
      const region = {
        left: left - margin,
        top: top - margin,
        width: right - left + 2 * margin,
        height: bottom - top + 2 * margin,
      };
      return sharp(photo).extract(region).png().toBuffer();
    });
    const nobody = sharp(photo).extract({ left: 0, top: 1000, width: 100, height: 100 }).png().toBuffer();
    return Promise.all([...crops, nobody]);
  })();
  return made;
}

/** Writes photos by relative path: a face, or with `face: false` a picture without one. JPEG names get JPEG data. */
export async function writePhotos(folder: string, photos: { name: string; face?: boolean }[]): Promise<void> {
  const crops = await faceCrops();
  for (const [i, { name, face = true }] of photos.entries()) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    const crop = (face ? crops[i % (crops.length - 1)] : crops.at(-1)) as Buffer;
    writeFileSync(file, name.endsWith('.png') ? crop : await sharp(crop).jpeg({ quality: 95 }).toBuffer());
  }
}

/** Arguments of the native test programs: the landmark model, and the sample photos, so wide, as files of raw RGB pixels. */
export async function rawSamples(folder: string, width: number): Promise<string[]> {
  const words = [process.env.MASKBENCH_LANDMARKS ?? '/usr/share/dlib/shape_predictor_68_face_landmarks.dat'];
  for (const number of [1, 2, 3, 4, 5, 6]) {
    const image = sharp(samplePhoto(number)).resize({ width }).removeAlpha();
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    const file = path.join(folder, `${number}.raw`);
    writeFileSync(file, data);
    words.push(file, String(info.width), String(info.height));
  }
  return words;
}

/** Writes a mask's picture, partly transparent, with the anchors that device_tests expects. */
export async function maskPicture(folder: string): Promise<string> {
  const file = path.join(folder, 'mask.png');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="480">
    <path d="M20 95Q300 -60 580 95Q560 330 300 470Q40 330 20 95Z" fill="#7ac" fill-opacity="0.93"/>
    <path d="M40 180H560M60 260H540" stroke="#567" stroke-width="6"/></svg>`;
  await sharp(Buffer.from(svg)).png().toFile(file);
  return file;
}

/**
 * Writes photos of the person in the middle and a bystander whose face is larger. Under a mask of style `a` the search
 * finds only the bystander.
 */
export async function writeBystanders(folder: string, names: readonly string[]): Promise<void> {
  const crops = await faceCrops();
  const face = (i: number, width: number) =>
    sharp(crops[i % 3])
      .resize(width, width, { fit: 'fill' })
      .toBuffer();
  for (const [i, name] of names.entries()) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    await sharp({ create: { width: 720, height: 720, channels: 3, background: '#888' } })
      .composite([
        { input: await face(i + 1, 180), left: 270, top: 270 },
        { input: await face(i, 260), left: 0, top: 0 },
      ])
      .jpeg({ quality: 95 })
      .toFile(file);
  }
}
