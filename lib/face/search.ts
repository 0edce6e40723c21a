import { checkInteger, checkNumber, checkPath, invalid } from '../errors.js';

/** The two programs of dlib's frontal detector. */
export const hogDetectors = ['hog', 'dlib'] as const;

/** How faces are searched. */
export interface SearchOptions {
  /**
   * `hog`: dlib's frontal face detector in our own kernels; `dlib`: the library's program, slower, with the same boxes,
   * scores and order; the name of a neural detector (`detectorPresets`); or an ONNX file with its description beside it
   * (`<name>.json`, a `DetectorDescription`). Default: `hog` where flat masks are drawn, as in the paper; elsewhere
   * `defaultDetector`.
   */
  detector?: string;
  /**
   * Faces with a lower score are left out. Scores of different detectors do not compare. Default: 0 for `hog` and
   * `dlib` (their scores are 0 and more), else the detector's own (its scores are 0 to 1).
   */
  minScore?: number;
  /**
   * A border that is put around the photo before the search, as a share of its longer side, 0 to 2, so that a face that
   * fills the photo is found. Default: 0 for `hog` and `dlib`, else the detector's own.
   */
  pad?: number;
  /**
   * How often the photo is doubled before the search, 0 to 4: 1 finds faces from about 40 pixels (default, the
   * paper's), 0 those from about 80, several times as fast. What it finds of the others' faces: docs/speed.md. For
   * `hog` and `dlib` only.
   */
  upsample?: number;
  /**
   * For speed: boxes narrower than this, in the photo's pixels, are not looked for. With `hog` wider ones are found as
   * without it; a face whose best box is a little narrower may get a wider one; default 0: all that the model can find.
   * A neural detector may still find narrower ones; default: a 96th of the photo's longer side, at least 20, and 12
   * where `blazeface-full-range` finds none. Not for `dlib`.
   */
  minFace?: number;
  /**
   * For speed: before the search a photo is made smaller until no side is longer; landmarks are still those of the
   * whole photo. At least 80. Default: never. For `hog` only.
   */
  maxSize?: number;
  /**
   * What predicts landmarks: `dlib-68`, dlib's 68-point shape predictor (of Debian's libdlib-data, or fetched);
   * `face-api-68`, a small network of \@vladmandic/face-api; or a file in the format of dlib's. Default: the
   * environment's MASKBENCH_LANDMARKS, else `dlib-68` where it is found, else `face-api-68`, with a warning. Not
   * `face-api-68` with the detector `dlib`.
   */
  landmarkModel?: string;
}

/**
 * The options with their defaults, but for those that a detector has its own for. Throws `INVALID_ARGUMENT`.
 * @param usual The detector where none is named.
 */
export function checkSearch(options: SearchOptions, usual: string) {
  const { upsample, minFace, maxSize, minScore, pad, landmarkModel } = options;
  const detector = checkPath('detector', options.detector ?? usual);
  const isHog = (hogDetectors as readonly string[]).includes(detector);
  const search = {
    detector,
    isHog,
    upsample: checkInteger('upsample', upsample ?? 1, 0, 4),
    minFace: checkInteger('minFace', minFace ?? 0, 0, 65535),
    maxSize: maxSize === undefined ? 0 : checkInteger('maxSize', maxSize, 80, 65535),
    minScore: minScore === undefined ? undefined : checkNumber('minScore', minScore, 0, isHog ? 1000 : 1),
    pad: pad === undefined ? undefined : checkNumber('pad', pad, 0, 2),
    landmarkModel: landmarkModel === undefined ? undefined : checkPath('landmarkModel', landmarkModel),
  };
  if (detector === 'dlib' && search.minFace + search.maxSize > 0)
    throw invalid('detector', 'hog, with minFace or maxSize', detector);
  if (!isHog && (upsample !== undefined || maxSize !== undefined))
    throw invalid('detector', 'hog or dlib, with upsample; hog, with maxSize', detector);
  return search;
}
