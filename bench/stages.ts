import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { resolveLandmarks } from '../lib/models/landmarks.js';
import { samplePhoto } from '../test/support/files.js';
import type { BenchOptions } from './options.js';

const root = path.dirname(import.meta.dirname);
/** Times each stage of finding faces on one thread, ours beside dlib's and beside what this processor could do at best. */
export async function benchStages({ quick }: BenchOptions): Promise<void> {
  execFileSync('cmake', ['--build', path.join(root, 'build'), '--target', 'stages'], { stdio: 'ignore' });
  const { landmarkModel } = (await resolveLandmarks('dlib-68')).native;
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-stages-'));
  const crop = { left: 640, top: 130, width: 500, height: 500 };
  const photos = [
    { photo: sharp(samplePhoto(6)).extract(crop).resize(250, 250), runs: quick ? 2 : 60 },
    ...(quick ? [] : [{ photo: sharp(samplePhoto(1)), runs: 8 }]),
  ];
  for (const { photo, runs } of photos) {
    const { data, info } = await photo.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const file = path.join(folder, 'photo.raw');
    writeFileSync(file, data);
    // Lesser vector instructions too, where that is not what was asked for.
    for (const simd of process.env.MASKBENCH_SIMD ? [process.env.MASKBENCH_SIMD] : ['', 'AVX2']) {
      const words = [file, String(info.width), String(info.height), landmarkModel, String(runs)];
      const output = execFileSync(path.join(root, 'build/Release/stages'), words, {
        encoding: 'utf8',
        env: { ...process.env, MASKBENCH_SIMD: simd },
      });
      const [target, scores = '', ...rows] = output.trim().split('\n');
      console.log(`\nstages of finding faces, ${info.width}×${info.height}, one thread, ${target} (least of ${runs})`);
      console.log('  stage                  ours ms  dlib ms    times  bound ms  of the bound');
      for (const row of rows) {
        const [name = '', ours, theirs, bound] = row.split('\t');
        const cells = [Number(ours).toFixed(3), Number(theirs).toFixed(2), (Number(theirs) / Number(ours)).toFixed(1)];
        if (bound) cells.push(Number(bound).toFixed(3), `${((100 * Number(bound)) / Number(ours)).toFixed(0)}%`);
        const widths = [9, 9, 9, 10, 14];
        console.log(`  ${name.padEnd(20)}${cells.map((cell, i) => cell.padStart(widths[i] as number)).join('')}`);
      }
      const [computed, all] = scores.split('\t').map(Number) as [number, number];
      const share = ((100 * computed) / all).toFixed(2);
      console.log(`  ${computed} of ${all} scores computed in dlib's arithmetic: ${share}%`);
    }
  }
  rmSync(folder, { recursive: true });
}
