import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Masker } from 'maskbench';
import { generateCorpora, layouts } from 'maskbench/datasets';
import { makeCorpus, shapes } from './corpus.js';
import type { BenchOptions } from './options.js';

/** Time and memory of listing a data set of 200,000 photos, and what generating costs beside masking itself. */
export async function benchDataset({ quick, photos }: BenchOptions): Promise<void> {
  const base = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
  const listed = quick ? 2000 : 200_000;
  const empty = path.join(base, 'celeba/img_align_celeba');
  mkdirSync(empty, { recursive: true });
  let annotations = '';
  for (let i = 0; i < listed; i++) {
    const name = `${String(i).padStart(6, '0')}.jpg`;
    writeFileSync(path.join(empty, name), '');
    annotations += `${name} ${(i * 7919) % 10177}\n`;
  }
  writeFileSync(path.join(base, 'celeba/identity_CelebA.txt'), annotations);
  const start = performance.now();
  let found = 0;
  const celeba = layouts.find(({ name }) => name === 'celeba');
  if (celeba)
    for await (const group of celeba.read(path.join(base, 'celeba'), { seed: 0 })) found += group.photos.length;
  const seconds = (performance.now() - start) / 1000;
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(`\nlisting ${found} photos of celeba: ${seconds.toFixed(2)} s, peak memory ${peak.toFixed(0)} MiB`);

  const [shape] = shapes;
  if (!shape) return;
  const source = await makeCorpus(shape, quick ? 40 : 600);
  const names = readdirSync(source);
  const total = quick ? 40 : photos;
  const files = Array.from({ length: total }, (_, i) => {
    const file = path.join(base, `lfw/P${i % 97}/P${i % 97}_${i}.jpg`);
    mkdirSync(path.dirname(file), { recursive: true });
    copyFileSync(path.join(source, names[i % names.length] as string), file);
    return file;
  });
  // Nothing is deleted between the rounds: ext4 searches long for a new inode where many were freed in the last minute.
  let round = 0;
  const masking = async () => {
    const masker = await Masker.open();
    const out = path.join(base, `masked${round}`);
    const begin = performance.now();
    await Promise.all(files.map((file, i) => masker.mask(file, { output: path.join(out, `${i}.jpg`) })));
    return performance.now() - begin;
  };
  const generating = async () => {
    const begin = performance.now();
    await generateCorpora(base, path.join(base, `out${round}`), { only: ['lfw'] });
    return performance.now() - begin;
  };
  // In turns, and in both orders: the machine's speed drifts by more than the difference.
  const ratios: number[] = [];
  for (; round < (quick ? 1 : 8); round++) {
    const first = await (round % 2 ? masking : generating)();
    const second = await (round % 2 ? generating : masking)();
    ratios.push(round % 2 ? second / first : first / second);
  }
  ratios.sort((a, b) => a - b);
  const middle = ratios.length / 2;
  const median = ((ratios[Math.ceil(middle) - 1] as number) + (ratios[Math.floor(middle)] as number)) / 2;
  console.log(
    `generating ${total} photos takes ${median.toFixed(3)} × masking alone (median of ${ratios.length} pairs: ${ratios.map((ratio) => ratio.toFixed(3)).join(', ')})`,
  );
  rmSync(base, { recursive: true });
}
