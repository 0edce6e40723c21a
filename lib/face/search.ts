import type { NativeSearchOptions } from '../../binding.js';
import { checkChoice, checkInteger, invalid } from '../errors.js';

export const detectors = ['fast', 'dlib'] as const;
/** Whose program searches for faces. */
export type Detector = (typeof detectors)[number];

/** How faces are searched. */
export interface SearchOptions {
  /** `fast` (default): our own kernels; `dlib`: the library's, slower. Boxes, scores and their order are the same. */
  detector?: Detector;
  /**
   * How often the photo is doubled before the search, 0 to 4: 1 finds faces from about 40 pixels (default, the
   * paper's), 0 those from about 80, several times as fast. What it finds of the others' faces: docs/speed.md.
   */
  upsample?: number;
  /**
   * For speed: boxes narrower than this, in the photo's pixels, are not looked for. Wider ones are found as without it;
   * a face whose best box is a little narrower may get a wider one. Default 0: all that the model can find. Not for
   * `dlib`.
   */
  minFace?: number;
  /**
   * For speed: before the search a photo is made smaller until no side is longer; landmarks are still those of the
   * whole photo. At least 80. Default: never. Not for `dlib`.
   */
  maxSize?: number;
}

/** The options with their defaults. Throws `INVALID_ARGUMENT`. */
export function checkSearch(options: SearchOptions): NativeSearchOptions {
  const { minFace, maxSize } = options;
  const search = {
    detector: checkChoice('detector', options.detector ?? 'fast', detectors),
    upsample: checkInteger('upsample', options.upsample ?? 1, 0, 4),
    minFace: checkInteger('minFace', minFace ?? 0, 0, 65535),
    maxSize: maxSize === undefined ? 0 : checkInteger('maxSize', maxSize, 80, 65535),
  };
  if (search.detector === 'dlib' && search.minFace + search.maxSize > 0)
    throw invalid('detector', 'fast, with minFace or maxSize', 'dlib');
  return search;
}
