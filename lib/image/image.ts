import type { ImageFormat, NativeMaskRequest } from '../../binding.js';
import { checkChoice, checkInteger, checkPath, invalid } from '../errors.js';
import { native } from '../native.js';

export type { ImageFormat } from '../../binding.js';

export const imageFormats = ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'pnm'] as const satisfies readonly ImageFormat[];

/** How names of image files end, the usual ending first. */
export const extensions: Record<ImageFormat, readonly [string, ...string[]]> = {
  jpeg: ['.jpg', '.jpeg', '.jpe', '.jfif'],
  png: ['.png'],
  webp: ['.webp'],
  bmp: ['.bmp', '.dib'],
  tiff: ['.tiff', '.tif'],
  pnm: ['.pnm', '.pbm', '.pgm', '.ppm'],
};

/**
 * How the name of an image file ends: as `own`, unless its first bytes are of another format that is read.
 * @param image The file's bytes, where they are known.
 */
export function extensionOf(image: string | Uint8Array | undefined, own: string): string {
  const kind = image instanceof Uint8Array ? native.imageKind({ data: image }) : undefined;
  return kind === undefined || kind === 'other' || extensions[kind].includes(own.toLowerCase())
    ? own
    : extensions[kind][0];
}

/** Rows of 8-bit pixels without padding, top first: grey (1 channel), RGB (3) or RGBA (4; alpha is dropped). */
export interface RawImage {
  data: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  /** `BGR`: pixels are BGR or BGRA, as OpenCV's. Default `RGB`. */
  colors?: 'RGB' | 'BGR';
}

/** A path, an image file's bytes, or pixels. Bytes and pixels must not change until the call's promise settles. */
export type ImageInput = string | Uint8Array | RawImage;

/** A photo as the addon takes it. Throws `INVALID_ARGUMENT`. */
export function toSource(
  input: ImageInput,
  name = 'input',
): Pick<NativeMaskRequest, 'path' | 'data' | 'width' | 'height' | 'channels' | 'blueFirst'> {
  if (typeof input === 'string') return { path: checkPath(name, input) };
  if (input instanceof Uint8Array) return { data: input };
  if (typeof input !== 'object' || input === null || !(input.data instanceof Uint8Array))
    throw invalid(name, 'a path, a Buffer or { data, width, height, channels }', input);
  const width = checkInteger('width', input.width, 1, 65535);
  const height = checkInteger('height', input.height, 1, 65535);
  const { channels, data } = input;
  if (channels !== 1 && channels !== 3 && channels !== 4) throw invalid('channels', '1, 3 or 4', channels);
  if (data.length !== width * height * channels)
    throw invalid('data', `${width * height * channels} bytes (width × height × channels)`, data.length);
  const colors = checkChoice('colors', input.colors ?? 'RGB', ['RGB', 'BGR']);
  return { data, width, height, channels, blueFirst: colors === 'BGR' };
}
