import sharp from 'sharp';
import { faceCrops } from './faces.js';

/** Crops of 112×112 as face sets hold them. */
export async function alignedCrops(count: number): Promise<Buffer[]> {
  const crops = await faceCrops();
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      sharp(crops[i % (crops.length - 1)])
        .resize(112, 112, { fit: 'fill' })
        .modulate({ brightness: 0.8 + 0.02 * (i % 20) })
        .jpeg({ quality: 95 })
        .toBuffer(),
    ),
  );
}
