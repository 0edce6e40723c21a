import { invalid } from '../errors.js';
import { type RawImage, toSource } from './image.js';

/** What is used of a Mat of opencv4nodejs or @u4/opencv4nodejs. */
export interface Mat {
  readonly rows: number;
  readonly cols: number;
  readonly dims: number;
  readonly depth: number;
  readonly channels: number;
  readonly elemSize: number;
  /** Bytes from a row to the next. */
  readonly step: number;
  copyAsync(): Promise<Mat>;
  convertToAsync(type: number, alpha?: number): Promise<Mat>;
  getDataAsync(): Promise<Uint8Array>;
}

/** The class `Mat` of opencv4nodejs or @u4/opencv4nodejs. */
export type MatClass<M> = new (data: Buffer, rows: number, cols: number, type: number) => M;

// OpenCV's numbers of depths and types.
const unsigned8 = 0;
const unsigned16 = 2;
const float32 = 5;
const float64 = 6;
const bgr8 = 16;

/** What the values of each depth are multiplied by, as OpenCV's `imshow` does. */
const scales = new Map([
  [unsigned8, 1],
  [unsigned16, 1 / 256],
  [float32, 255],
  [float64, 255],
]);

/** The pixels of an 8-bit Mat. */
async function dataOf(mat: Mat): Promise<Uint8Array> {
  // getData takes rows as they lie, without looking at the step; it refuses regions of other Mats.
  if (mat.step === mat.cols * mat.elemSize) {
    try {
      return await mat.getDataAsync();
    } catch {}
  }
  return (await mat.copyAsync()).getDataAsync();
}

/**
 * The pixels of a Mat of opencv4nodejs, as `Masker`, `Embedder` and `verifyPhotos` take them. Regions of other Mats are
 * taken, too.
 * @param mat One channel is grey, three are BGR, four BGRA. Values are 8-bit; 16-bit without a sign, which are divided
 * by 256; or floats from 0 to 1.
 * @returns a copy, for the Mat's own memory cannot be reached from outside
 * @throws `MaskbenchError` `INVALID_ARGUMENT`; opencv4nodejs' own errors
 * @example
 * const { faces } = await masker.detect(await fromMat(await cv.imreadAsync('group.jpg')));
 */
export async function fromMat(mat: Mat): Promise<RawImage> {
  if (typeof mat?.getDataAsync !== 'function') throw invalid('mat', 'a Mat of opencv4nodejs', mat);
  const { rows, cols, dims, channels, depth } = mat;
  if (dims !== 2 || rows === 0 || cols === 0)
    throw invalid('mat', 'a picture', `${dims} dimensions, ${cols} × ${rows}`);
  if (channels !== 1 && channels !== 3 && channels !== 4) throw invalid('channels', '1, 3 or 4', channels);
  const scale = scales.get(depth);
  if (scale === undefined) throw invalid('depth', 'CV_8U, CV_16U, CV_32F or CV_64F', depth);
  const data = await dataOf(depth === unsigned8 ? mat : await mat.convertToAsync(unsigned8, scale));
  return { data, width: cols, height: rows, channels, colors: 'BGR' };
}

/**
 * A Mat (`CV_8UC3`, BGR) of masked pixels.
 * @param raw What `Masker.mask` gave for the pixels of a Mat.
 * @param Mat The class of the package in use, `cv.Mat`. It copies the pixels: a Mat laid over them would outlive them.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 * @example
 * const { status, raw } = await masker.mask(await fromMat(mat));
 * if (raw !== undefined) await cv.imwriteAsync('masked.jpg', toMat(raw, cv.Mat));
 */
export function toMat<M>(raw: RawImage, Mat: MatClass<M>): M {
  // The class reads as many bytes as the size says.
  toSource(raw, 'raw');
  const { data, width, height, channels, colors } = raw;
  if (channels !== 3 || colors !== 'BGR') throw invalid('raw', 'BGR pixels of three channels', raw);
  return new Mat(Buffer.from(data.buffer, data.byteOffset, data.byteLength), height, width, bgr8);
}
