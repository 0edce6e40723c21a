import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { Masker } from 'maskbench';
import { bmpPixels, samplePhoto, sha256, temporaryFolder } from '../support/files.js';

const python = '/usr/bin/python3';
function hasOpenCv(): boolean {
  try {
    execFileSync(python, ['-c', 'import cv2'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

(hasOpenCv() ? test : test.skip)('a JPEG and a PNG are written with the pixels that OpenCV writes', async (t) => {
  const folder = temporaryFolder(t);
  const masker = new Masker();
  const { image: bmp } = await masker.mask(samplePhoto(2), { format: 'bmp' });
  const source = path.join(folder, 'source.bmp');
  writeFileSync(source, bmp as Buffer);
  const script = `
import cv2, hashlib, sys
image = cv2.imread(sys.argv[1])
for name, parameters in (('.jpg', []), ('.jpg', [cv2.IMWRITE_JPEG_QUALITY, 60]), ('.png', [])):
    _, data = cv2.imencode(name, image, parameters)
    print(hashlib.sha256(cv2.imdecode(data, cv2.IMREAD_COLOR).tobytes()).hexdigest())`;
  const theirs = execFileSync(python, ['-c', script, source], { encoding: 'utf8' }).trim().split('\n');
  const ours = [];
  for (const [format, quality] of [['jpeg'], ['jpeg', 60], ['png']] as const) {
    const encoder = new Masker(quality === undefined ? {} : { quality });
    const { image } = await encoder.mask(samplePhoto(2), { format });
    const outside = { box: { left: 0, top: 0, right: 1, bottom: 1 }, landmarks: Array(68).fill([-9000, -9000]) };
    const { image: decoded } = await masker.mask(image as Buffer, { faces: [outside], format: 'bmp' });
    ours.push(sha256(bmpPixels(decoded as Buffer)));
  }
  t.deepEqual(ours, theirs);
});
