import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Masker, maskFiles } from 'maskbench';
import sharp from 'sharp';
import { Bench } from 'tinybench';
import { makeCorpus, shapes } from './corpus.js';
import type { BenchOptions } from './options.js';

/** The paper's Python program on one core of this kind of machine, photos a second, by corpus (stated in docs/speed.md). */
const paper: Record<string, number> = { 'lfw-size': 38, 'celeba-size': 47 };

async function stages(folder: string, milliseconds: number, device: string): Promise<void> {
  const photo = path.join(folder, readdirSync(folder).sort()[0] as string);
  const bytes = readFileSync(photo);
  const { data, info } = await sharp(photo).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const raw = { data, width: info.width, height: info.height, channels: 3 as const };
  const masker = await Masker.open({ concurrency: 1, device });
  const { faces } = await masker.detect(raw);
  const boxes = faces.map(({ box }) => ({ box }));
  const bench = new Bench({ time: milliseconds, warmupTime: milliseconds / 4 })
    .add('draw on pixels, face known', () => masker.mask(raw, { faces }))
    .add('decode, draw, encode, face known', () => masker.mask(bytes, { faces }))
    .add('landmarks and draw, box known', () => masker.mask(raw, { faces: boxes }))
    .add('detect, landmarks', () => masker.detect(raw))
    .add('everything', () => masker.mask(bytes));
  await bench.run();
  for (const { name, result } of bench.tasks)
    if (result.state === 'completed')
      console.log(`  ${name.padEnd(36)} ${result.latency.p50.toFixed(2).padStart(8)} ms (median), one thread`);
  await masker.close();
}

/** Masks corpora folder to folder, and times the stages of one photo. */
export async function benchMasking({ quick, concurrencies, device }: BenchOptions): Promise<void> {
  for (const shape of shapes) {
    const count = quick ? 40 : 600;
    const folder = await makeCorpus(shape, count);
    console.log(`\n${shape.name}: ${count} photos of ${shape.width}×${shape.height}, ${shape.format}`);
    await stages(folder, quick ? 100 : 1000, device);
    // Removed at the end: a file system is slow to make files just after it has removed as many.
    const outputs: string[] = [];
    for (const concurrency of concurrencies) {
      const out = mkdtempSync(path.join(tmpdir(), 'maskbench-bench-'));
      outputs.push(out);
      const { seconds, counts } = await maskFiles([folder], out, { concurrency, device });
      const rate = count / seconds;
      const memory = process.resourceUsage().maxRSS / 1024;
      console.log(
        `  folder to folder, ${concurrency} thread${concurrency > 1 ? 's' : ''}: ${rate.toFixed(1)} photos/s ` +
          `(${(1000 / rate).toFixed(2)} ms a photo), ${counts.masked} masked, peak memory ${memory.toFixed(0)} MiB, ` +
          `${(rate / (paper[shape.name] as number)).toFixed(2)} × the paper's Python on one core`,
      );
    }
    for (const out of outputs) rmSync(out, { recursive: true });
  }
}
