// npm run test:gpu: holds the faces that a CUDA device finds, the masks that it draws and the inputs that it makes of them to the
// CPU's, on crops of the sample photos. Without a device it says so and ends well.
// npm run test:gpu -- --record <file> [<crops>]: writes the requests and the CPU's answers, for device_replay elsewhere.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';

const root = path.dirname(import.meta.dirname);
const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-gpu-'));
const photos = [];
for (const number of [1, 2, 3, 4, 5, 6]) {
  const photo = path.join(root, `node_modules/@vladmandic/face-api/demo/sample${number}.jpg`);
  const image = sharp(photo).resize({ width: 500 }).removeAlpha();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const file = path.join(folder, `${number}.raw`);
  await writeFile(file, data);
  photos.push(file, String(info.width), String(info.height));
}
const model = process.env.MASKBENCH_LANDMARKS ?? '/usr/share/dlib/shape_predictor_68_face_landmarks.dat';
const mask = path.join(folder, 'mask.png');
const shape = 'M20 95Q300 -60 580 95Q560 330 300 470Q40 330 20 95Z';
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="480"><path d="${shape}" fill="#7ac" fill-opacity="0.93"/></svg>`;
await sharp(Buffer.from(svg)).png().toFile(mask);
const [first, file, crops] = process.argv.slice(2);
const asked = first === '--record' ? ['--record', file, crops ?? '64'] : ['--cuda', first ?? '0', '2000'];
const words = [...asked, model, mask, ...photos];
const { status } = spawnSync(path.join(root, 'build/Release/device_tests'), words, { stdio: 'inherit' });
rmSync(folder, { recursive: true });
process.exit(status ?? 1);
