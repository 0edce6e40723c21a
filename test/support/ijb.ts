import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { faceCrops } from './faces.js';
import { uniform } from './scores.js';

/** An image of {@link writeIjb}. */
export interface IjbImage {
  name: string;
  points: [number, number][];
  score: number;
  template: number;
  medium: number;
}

/** A line of its list of pairs. */
export interface TemplatePair {
  first: number;
  second: number;
  label: number;
}

/** Writes a small set as IJB-C lies on disk, of the sample photos' faces: three people, two templates each. */
export async function writeIjb(set: string) {
  for (const name of ['loose_crop', 'meta']) mkdirSync(path.join(set, name), { recursive: true });
  const crops = (await faceCrops()).slice(0, -1);
  const next = uniform(3);
  const images: IjbImage[] = [];
  for (let i = 0; i < 24; i++) {
    const person = i % 3;
    const [width, height] = [150 + 5 * i, 160 + 4 * i];
    const name = `${i + 1}.jpg`;
    await sharp(crops[person])
      .resize(width, height, { fit: 'fill' })
      .modulate({ brightness: 0.8 + 0.4 * next() })
      .jpeg({ quality: 95 })
      .toFile(path.join(set, 'loose_crop', name));
    const at = (x: number, y: number): [number, number] => [(x + 0.04 * next()) * width, (y + 0.04 * next()) * height];
    images.push({
      name,
      points: [at(0.35, 0.38), at(0.62, 0.38), at(0.48, 0.52), at(0.38, 0.66), at(0.6, 0.66)],
      score: 0.5 + 0.5 * next(),
      // Templates and media are not in order, and a medium's number is used by two templates.
      template: 100 - 7 * (person + 4 * ((i >> 2) % 2)),
      medium: i % 5 === 0 ? -1 : i >> 3,
    });
  }
  const templates = [...new Set(images.map(({ template }) => template))];
  const pairs: TemplatePair[] = [];
  for (const first of templates)
    for (const second of templates)
      pairs.push({ first, second, label: Number((100 - first) % 28 === (100 - second) % 28) });
  const text = (lines: string[]) => `${lines.join('\n')}\n`;
  const meta = (name: string) => path.join(set, 'meta', `ijbc_${name}.txt`);
  writeFileSync(
    meta('name_5pts_score'),
    text(images.map(({ name, points, score }) => `${name} ${points.flat().join(' ')} ${score}`)),
  );
  writeFileSync(
    meta('face_tid_mid'),
    text(images.map(({ name, template, medium }) => `${name} ${template} ${medium}`)),
  );
  writeFileSync(
    meta('template_pair_label'),
    text(pairs.map(({ first, second, label }) => `${first} ${second} ${label}`)),
  );
  return { images, pairs, meta };
}
