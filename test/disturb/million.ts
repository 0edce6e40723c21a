/**
 * A million photos in one run: 3,000 different crops of the sample photos under a million names (hard links), masked
 * for so many minutes. Prints resident memory and the manifest's size as it goes on: `npm run million -- [photos]
 * [minutes]`.
 */
import { spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { NamedRandom } from '../../lib/random.js';
import { repository, samplePhoto } from '../support/files.js';

const photos = Number(process.argv[2] ?? 1_000_000);
const minutes = Number(process.argv[3] ?? 60);
const different = 3000;
const perFolder = 1000;
const side = 80;

const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-million-'));
const [crops, input, out] = ['crops', 'in', 'out'].map((name) => path.join(folder, name)) as [string, string, string];
mkdirSync(crops);
const random = new NamedRandom(1, 'crops');
for (let number = 1; number <= 6; number++) {
  const { data, info } = await sharp(samplePhoto(number)).resize(400).raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  for (let i = number - 1; i < different; i += 6)
    await sharp(data, { raw: { width, height, channels } })
      .extract({ left: random.below(width - side), top: random.below(height - side), width: side, height: side })
      .jpeg()
      .toFile(path.join(crops, `${i}.jpg`));
}
for (let i = 0; i < photos; i++) {
  const inner = path.join(input, String(Math.floor(i / perFolder)));
  if (i % perFolder === 0) mkdirSync(inner, { recursive: true });
  linkSync(path.join(crops, `${i % different}.jpg`), path.join(inner, `${i}.jpg`));
}

const manifest = path.join(out, 'manifest.jsonl');
const child = spawn(process.execPath, [path.join(repository, 'dist/cli/main.js'), 'mask', input, '--out', out], {
  stdio: ['ignore', 'inherit', 'pipe'],
});
let done = 0;
child.stderr.on('data', (data) => {
  const [, count] = /^(\d+)\/\d+ photos/m.exec(String(data)) ?? [];
  if (count === undefined) process.stderr.write(data);
  else done = Number(count);
});
const start = performance.now();
const ended = new Promise((resolve) => child.once('exit', resolve));
const tell = () => {
  const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  const bytes = existsSync(manifest) ? statSync(manifest).size : 0;
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(
    `${seconds} s: ${done} photos, ${Math.round(Number(resident) / 1024)} MiB resident, manifest ${bytes} bytes`,
  );
};
console.log(`${photos} names of ${different} photos`);
const ticking = setInterval(tell, 30_000);
const stop = setTimeout(() => child.kill('SIGINT'), minutes * 60_000);
const code = await ended;
clearInterval(ticking);
clearTimeout(stop);
const text = existsSync(manifest) ? statSync(manifest).size : 0;
console.log(`exit ${code} after ${Math.round((performance.now() - start) / 1000)} s; manifest ${text} bytes`);
rmSync(folder, { recursive: true });
