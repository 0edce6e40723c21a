import { chmodSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeVerificationSet } from 'maskbench/datasets';
import { openSink, type Sink } from 'maskbench/storage';
import sharp from 'sharp';
import { npyFile } from '../../lib/files/npy.js';
import { alignedCrops } from './aligned.js';
import { maskPicture, writePhotos } from './faces.js';
import { repository, samplePhoto } from './files.js';
import { writeModel } from './models.js';
import { normal, uniform } from './scores.js';

/** A fenced block of a Markdown file. */
export interface Block {
  /** The file, relative to the repository, and the line of the fence. */
  file: string;
  line: number;
  language: string;
  text: string;
  /** Why it is not run, where a comment before it says so. */
  notRun?: string;
}

/** The fenced blocks of a Markdown file, in order. */
export function blocksOf(file: string): Block[] {
  const lines = readFileSync(path.join(repository, file), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let start = 0; start < lines.length; start++) {
    const [, language] = /^```(.*)$/.exec(lines[start] ?? '') ?? [];
    if (language === undefined) continue;
    const end = lines.indexOf('```', start + 1);
    if (end < 0) throw new Error(`${file}, line ${start + 1}: the block has no end`);
    const [, notRun] = /^<!-- not run: (.+) -->$/.exec(lines[start - 1] ?? '') ?? [];
    const text = lines.slice(start + 1, end).join('\n');
    blocks.push({ file, line: start + 1, language, text, ...(notRun !== undefined && { notRun }) });
    start = end;
  }
  return blocks;
}

/** The one JSON block of a page, which the samples below use as a reader would. */
function jsonOf(file: string): string {
  const [block] = blocksOf(file).filter(({ language }) => language === 'json');
  if (!block) throw new Error(`${file}: has no JSON block`);
  return block.text;
}

/** Makes a folder in which `npx maskbench` and `import 'maskbench'` are this repository's. */
export function installPackage(folder: string): void {
  const bin = path.join(folder, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(repository, path.join(folder, 'node_modules/maskbench'));
  const program = path.join(bin, 'maskbench');
  writeFileSync(program, `#!/bin/sh\nexec node '${path.join(repository, 'dist/cli/main.js')}' "$@"\n`);
  chmodSync(program, 0o755);
}

/** Writes a small data set as LFW lies on disk: three identities, two photos each. */
export async function writeLfw(folder: string): Promise<void> {
  const photos = ['Ann_Example', 'Bob_Example', 'Cy_Example'].flatMap((name) =>
    [1, 2].map((number) => ({ name: `${name}/${name}_000${number}.jpg` })),
  );
  await writePhotos(path.join(folder, 'lfw'), photos);
}

/** Writes what the documentation's examples begin with: photos, crops, a data set, a template and a model. */
export async function writeSamples(folder: string): Promise<void> {
  await writeLfw(path.join(folder, 'datasets'));
  await writePhotos(folder, [
    ...['a.jpg', 'b.jpg', 'crops/1.png', 'crops/2.png'].map((name) => ({ name })),
    ...['photos/one.jpg', 'photos/two.jpg', 'photos/2020/three.png'].map((name) => ({ name })),
    { name: 'no-face.jpg', face: false },
  ]);
  for (const [name, number] of [
    ['portrait.jpg', 2],
    ['group.jpg', 6],
  ] as const)
    await sharp(samplePhoto(number)).resize(640).jpeg().toFile(path.join(folder, name));
  mkdirSync(path.join(folder, 'leaf'));
  renameSync(await maskPicture(folder), path.join(folder, 'leaf/leaf.png'));
  writeFileSync(path.join(folder, 'leaf/leaf.json'), jsonOf('docs/templates.md'));
  await writeModel(folder, 'my', { size: 112 });
  writeFileSync(path.join(folder, 'my.json'), jsonOf('docs/models.md'));
}

/** Writes a .rec file, two tar shards, and a published log of masks for {@link writeLfw}. */
export async function writeFaceSets(folder: string): Promise<void> {
  const crops = await alignedCrops(12);
  for (const name of ['faces/train.rec', 'shards/000000.tar', 'shards/000001.tar']) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    const sink = (await openSink(path.join(folder, name), [])) as Sink;
    await sink.open();
    for (const [i, crop] of crops.entries()) sink.put({ key: String(i), labels: [i >> 1] }, crop);
    await sink.finish();
  }
  writeFileSync(path.join(folder, 'faces/property'), '6,112,112\n');
  const lines = ['Ann_Example', 'Bob_Example', 'Cy_Example'].flatMap((name) =>
    [1, 2].map((number) => `${name}/${name}_000${number}.jpg f 239.2 152.9 103.1\n`),
  );
  writeFileSync(path.join(folder, 'LFW-log.txt'), lines.join(''));
}

/** Writes a verification set of the photos of {@link writeLfw}. */
export async function writeSet(folder: string): Promise<void> {
  const photo = (name: string, number: number) =>
    readFileSync(path.join(folder, `datasets/lfw/${name}_Example/${name}_Example_000${number}.jpg`));
  const images = [photo('Ann', 1), photo('Ann', 2), photo('Bob', 1), photo('Cy', 1)];
  await writeVerificationSet(path.join(folder, 'lfw.bin'), { images, genuine: [true, false] });
}

/** Writes a pair list of 40 people, scores of two systems, their attributes, and a score matrix. */
export function writeScoreSamples(folder: string): void {
  const write = (name: string, data: string | Buffer) => writeFileSync(path.join(folder, name), data);
  const people = Array.from({ length: 40 }, (_, i) => `p${i}`);
  const pairs = Array.from({ length: 12_000 }, (_, i) => {
    const genuine = i % 2 === 0;
    const person = Math.floor(i / 2) % 40;
    const other = genuine ? person : (person + 1 + (i % 39)) % 40;
    const [referenceMasked, probeMasked] = [i % 3 === 2, i % 3 >= 1];
    const photo = (who: number, number: number, masked: boolean) =>
      `${people[who]}/${masked ? 'masked_' : ''}${number}.jpg`;
    return {
      genuine,
      line: `${photo(person, 1, referenceMasked)} ${photo(other, 2, probeMasked)} ${Number(referenceMasked)} ${Number(probeMasked)} ${Number(genuine)}`,
    };
  });
  const next = normal(uniform(1));
  const scores = () => pairs.map(({ genuine }) => (genuine ? 0.7 : 0.3) + 0.1 * next());
  const [ours, theirs] = [scores(), scores()];
  const lines = (words: readonly unknown[]) => `${words.join('\n')}\n`;
  write('pairs.txt', lines(pairs.map(({ line }) => line)));
  write('ours.txt', lines(ours));
  write('cosines.txt', lines(ours.map((score) => Math.max(-1, Math.min(1, score)))));
  write('ours.npy', npyFile(Float32Array.from(ours), [ours.length]));
  write('theirs.csv', `score,label\n${lines(theirs.map((score, i) => `${score},${Number(pairs[i]?.genuine)}`))}`);
  write('people.csv', `identity,sex\n${lines(people.map((name, i) => `${name},${i % 2 ? 'm' : 'f'}`))}`);
  const matrix = people.flatMap((_, row) => people.map((__, column) => (row === column ? 0.7 : 0.3) + 0.1 * next()));
  write('scores.npy', npyFile(Float32Array.from(matrix), [40, 40]));
  const photos = ['Ann', 'Bob', 'Cy'].flatMap((name) => [1, 2].map((number) => `${name}/${name}_000${number}.jpg`));
  const vectors = photos.flatMap((_, i) => Array.from({ length: 4 }, (__, k) => Number(k === i >> 1) + 0.1 * next()));
  write('lfw.npy', npyFile(Float32Array.from(vectors), [photos.length, 4]));
  write(
    'lfw.jsonl',
    lines(
      photos.map((photo, row) =>
        JSON.stringify({
          ...{ row, path: photo, identity: path.dirname(photo), photo, masked: false, status: 'detected' },
          ...{ model: 'dlib-resnet-128', similarity: 'l2' },
        }),
      ),
    ),
  );
  write('lfw-pairs.txt', lines(['2', 'Ann\t1\t2', 'Bob\t1\t2', 'Ann\t1\tBob\t1', 'Ann\t2\tCy\t1']));
  write('probes.txt', lines(people.map((name) => `${name}/masked_1.jpg`)));
  write('gallery.txt', lines(people.map((name) => `${name}/2.jpg`)));
}
