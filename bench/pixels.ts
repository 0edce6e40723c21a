import sharp from 'sharp';

export type Point = readonly [number, number];

/** One number a pixel. */
export interface Plane {
  width: number;
  height: number;
  data: Float32Array;
}

/** Bilinear; beyond the border is what lies at it. */
export function sample({ width, height, data }: Plane, x: number, y: number): number {
  const cx = Math.max(0, Math.min(width - 1.001, x));
  const cy = Math.max(0, Math.min(height - 1.001, y));
  const [ix, iy] = [Math.floor(cx), Math.floor(cy)];
  const at = (dx: number, dy: number) => data[(iy + dy) * width + ix + dx] as number;
  const [fx, fy] = [cx - ix, cy - iy];
  return (at(0, 0) * (1 - fx) + at(1, 0) * fx) * (1 - fy) + (at(0, 1) * (1 - fx) + at(1, 1) * fx) * fy;
}

/** Red, green and blue of an image file. */
export async function readPlanes(image: string | Buffer): Promise<[Plane, Plane, Plane]> {
  const { data, info } = await sharp(image)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return [0, 1, 2].map((channel) => ({
    width,
    height,
    data: Float32Array.from(
      { length: width * height },
      (_, i) => data[i * channels + Math.min(channel, channels - 1)] as number,
    ),
  })) as [Plane, Plane, Plane];
}

export function luminance([red, green, blue]: [Plane, Plane, Plane]): Plane {
  const data = red.data.map((r, i) => 0.299 * r + 0.587 * (green.data[i] as number) + 0.114 * (blue.data[i] as number));
  return { ...red, data };
}

export function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

export const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

/** The median absolute deviation of the Laplacian at the given pixels. */
export function grainOf({ width, data }: Plane, pixels: readonly number[]): number {
  const laplacian = pixels.map((i) => {
    const at = (offset: number) => data[i + offset] as number;
    return at(-1) + at(1) + at(-width) + at(width) - 4 * at(0);
  });
  const median = quantile(laplacian, 0.5);
  return quantile(
    laplacian.map((value) => Math.abs(value - median)),
    0.5,
  );
}

/** The low frequencies of `plane` where `weights` are 1 (a normalised Gaussian), at the given pixels. */
export function lowPass(plane: Plane, weights: Float32Array, sigma: number): Float32Array {
  const { width, height } = plane;
  const radius = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
  const pass = (from: Float32Array, step: number, length: number, position: (i: number) => number) =>
    from.map((_, i) => {
      const p = position(i);
      let sum = 0;
      for (let k = Math.max(-radius, -p); k <= Math.min(radius, length - 1 - p); k++)
        sum += (kernel[k + radius] as number) * (from[i + k * step] as number);
      return sum;
    });
  const blur = (from: Float32Array) =>
    pass(
      pass(from, 1, width, (i) => i % width),
      width,
      height,
      (i) => Math.floor(i / width),
    );
  const sums = blur(plane.data.map((value, i) => value * (weights[i] as number)));
  const total = blur(weights);
  return sums.map((value, i) => value / Math.max(1e-6, total[i] as number));
}

export function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const other = (b[i] as number) - mb;
    ab += (value - ma) * other;
    aa += (value - ma) ** 2;
    bb += other ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

export function isInside(polygon: readonly Point[], x: number, y: number): boolean {
  let inside = false;
  for (const [i, [ax, ay]] of polygon.entries()) {
    const [bx, by] = polygon[(i + polygon.length - 1) % polygon.length] as Point;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
