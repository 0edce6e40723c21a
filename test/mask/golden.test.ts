import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { Masker, type Style } from 'maskbench';
import { bmpPixels, hasShared, samplePhoto, sha256, shared } from '../support/files.js';

interface Golden {
  image: string;
  readable?: boolean;
  width: number;
  height: number;
  decoded_bgr_sha256: string;
  boxes: number[][];
  chosen?: number[];
  landmarks?: [number, number][];
  masked_bgr_sha256?: Record<Style, string>;
  masked_bgr_sha256_color_b30_g144_r255?: Record<Style, string> | string;
}

const golden: Golden[] = hasShared ? JSON.parse(readFileSync(path.join(shared, 'golden/seed-masks.json'), 'utf8')) : [];

const find = (image: string) => {
  const own = path.join(shared, 'golden/images', image);
  return existsSync(own) ? own : samplePhoto(Number(/\d/.exec(image)?.[0]));
};

/** A face outside every image: masking it changes no pixel. */
const outside = {
  box: { left: -9, top: -9, right: -8, bottom: -8 },
  landmarks: Array.from({ length: 68 }, () => [-9000, -9000] as [number, number]),
};

for (const expected of golden) {
  const file = find(expected.image);
  if (expected.readable === false) {
    test(`${expected.image} is unreadable, as for the paper's program`, async (t) => {
      await t.throwsAsync((await Masker.open()).mask(file), { code: 'UNREADABLE' });
    });
    continue;
  }
  test(`${expected.image}: pixels, boxes, landmarks and masks equal the paper's program`, async (t) => {
    const masker = await Masker.open({ acceptDamaged: true });
    const decoded = await masker.mask(file, { faces: [outside], format: 'bmp' });
    t.deepEqual([decoded.width, decoded.height], [expected.width, expected.height]);
    t.is(sha256(bmpPixels(decoded.image as Buffer)), expected.decoded_bgr_sha256);

    const { faces } = await masker.detect(file);
    t.deepEqual(
      faces.map(({ box }) => [box.left, box.top, box.right, box.bottom]),
      expected.boxes,
    );
    const check = async (style: Style, color: string, hash: string) => {
      const result = await (await Masker.open({ style, color, acceptDamaged: true })).mask(file, {
        faces,
        format: 'bmp',
      });
      t.is(sha256(bmpPixels(result.image as Buffer)), hash, `style ${style} in ${color}`);
      const chosen = result.faces.find((face) => face.masked);
      t.deepEqual(chosen && Object.values(chosen.box), expected.chosen);
      t.deepEqual(chosen?.landmarks, expected.landmarks);
    };
    for (const [style, hash] of Object.entries(expected.masked_bgr_sha256 ?? {}))
      await check(style as Style, 'white', hash);
    const colored = expected.masked_bgr_sha256_color_b30_g144_r255;
    if (colored) await check('a', '#ff901e', typeof colored === 'string' ? colored : colored.a);
    t.is(faces.length > 0, colored !== undefined);
  });
}

if (golden.length === 0) test.skip('the golden images (../shared is absent)', () => {});
