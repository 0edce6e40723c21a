import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { Masker } from 'maskbench';
import { bmpPixels, repository, samplePhoto, sha256, temporaryFolder } from '../support/files.js';
import { pythonHas, runPython } from '../support/python.js';

(pythonHas('cv2') ? test : test.skip)('a JPEG and a PNG are written with the pixels that OpenCV writes', async (t) => {
  const folder = temporaryFolder(t);
  const masker = await Masker.open();
  const { image: bmp } = await masker.mask(samplePhoto(2), { format: 'bmp' });
  const source = path.join(folder, 'source.bmp');
  writeFileSync(source, bmp as Buffer);
  const script = `
import cv2, hashlib
image = cv2.imread(data)
hashes = []
for name, parameters in (('.jpg', []), ('.jpg', [cv2.IMWRITE_JPEG_QUALITY, 60]), ('.png', [])):
    _, encoded = cv2.imencode(name, image, parameters)
    hashes.append(hashlib.sha256(cv2.imdecode(encoded, cv2.IMREAD_COLOR).tobytes()).hexdigest())
print(json.dumps(hashes))`;
  const theirs = runPython<string[]>(script, source);
  const ours = [];
  for (const [format, quality] of [['jpeg'], ['jpeg', 60], ['png']] as const) {
    const encoder = await Masker.open(quality === undefined ? {} : { quality });
    const { image } = await encoder.mask(samplePhoto(2), { format });
    const outside = { box: { left: 0, top: 0, right: 1, bottom: 1 }, landmarks: Array(68).fill([-9000, -9000]) };
    const { image: decoded } = await masker.mask(image as Buffer, { faces: [outside], format: 'bmp' });
    ours.push(sha256(bmpPixels(decoded as Buffer)));
  }
  t.deepEqual(ours, theirs);
});

test('shapes are filled and images resized as by OpenCV', (t) => {
  const output = execFileSync(path.join(repository, 'build/Release/opencv_tests'), { encoding: 'utf8' });
  for (const subject of ['polygons', 'ellipses', 'sizes'])
    t.regex(output, new RegExp(`^0 of 20000 ${subject} differ$`, 'm'));
});
