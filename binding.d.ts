/**
 * The contract between TypeScript and the native addon. Both sides are reviewed against this file. The classes here are not
 * the public API (that is `lib/index.ts`), and they check only what would be unsafe: their callers have checked the rest.
 *
 * A rejected promise carries an `Error` with `code` (`ErrorCode`) and `subject` (the file or argument it is about).
 */

/** What went wrong, for programs. The last two are raised by the TypeScript side. */
export type ErrorCode =
  /** An argument or option is not what the call takes. */
  | 'INVALID_ARGUMENT'
  /** An input file does not exist. */
  | 'NOT_FOUND'
  /** An input cannot be opened, or is no image. */
  | 'UNREADABLE'
  /** An input is truncated or its data are corrupt. */
  | 'DAMAGED'
  /** An image has more pixels than the limit, or than memory allows. */
  | 'TOO_LARGE'
  /** The image format is not built in. */
  | 'UNSUPPORTED_FORMAT'
  /** A model file does not exist. */
  | 'MODEL_MISSING'
  /** A model file is not what it should be. */
  | 'MODEL_CORRUPT'
  /** An output exists and overwriting was not asked for. */
  | 'OUTPUT_EXISTS'
  /** An output cannot be written. */
  | 'WRITE_FAILED'
  /** The call was aborted. */
  | 'ABORTED'
  /** The object was closed before the call. */
  | 'CLOSED'
  /** Another run uses the folder. */
  | 'LOCKED';

export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'bmp' | 'tiff';

export interface NativeBox {
  left: number;
  top: number;
  /** Inclusive. */
  right: number;
  /** Inclusive. */
  bottom: number;
}

export interface NativeFace {
  box: NativeBox;
  score: number;
  /** 68 points [x, y], in pixels, iBUG order. */
  landmarks: [number, number][];
  masked: boolean;
  /** Present where `masked`. */
  style?: string;
  /** 0xRRGGBB. Present where `masked`. */
  color?: number;
}

export interface NativeMaskerOptions {
  /** 'a' to 'f', or 'random'. */
  style: string;
  /** 0xRRGGBB; absent: drawn for each face. */
  color: number | undefined;
  /** 0 to 2^53 - 1. */
  seed: number;
  select: 'largest' | 'all' | 'only';
  /** 0 to 4. */
  upsample: number;
  /** Path of a dlib shape predictor with 68 points. */
  landmarkModel: string;
  maxPixels: number;
  acceptDamaged: boolean;
  /** 1 to 100; absent: 95 for JPEG, lossless for WebP. */
  quality: number | undefined;
  drawLandmarks: boolean;
  /** Calls that run at once; at least 1. */
  concurrency: number;
}

/**
 * One photo. The source is `path`; or `data`, a file's bytes; or `data` with `width`, `height` and `channels` (1 grey, 3 RGB,
 * 4 RGBA): rows of pixels without padding. `data` is read where it lies and must not change until the promise settles.
 */
export interface NativeMaskRequest {
  path?: string;
  data?: Uint8Array;
  width?: number;
  height?: number;
  channels?: number;
  detectOnly: boolean;
  /** Where to write the result (format by extension, through a temporary file; missing folders are made); absent: it comes back as `image`. */
  output?: string | undefined;
  overwrite: boolean;
  /** Also copy the source, a path, here: if a face is masked, or `always`. Missing folders are made. */
  copy?: { path: string; mode: 'auto' | 'link' | 'reflink' | 'copy'; always: boolean } | undefined;
  /** Of `image`; absent: the source's. */
  format?: ImageFormat | undefined;
  /** With the seed, what random choices are drawn from. */
  key: string;
  /** Faces that need not be searched; without landmarks these are predicted. */
  faces?: { box: NativeBox; score?: number | undefined; landmarks?: [number, number][] | undefined }[] | undefined;
}

export interface NativeMaskResult {
  status: 'masked' | 'no-face' | 'several-faces' | 'detected';
  copied: boolean;
  /** Of the decoded image, after EXIF orientation. */
  width: number;
  height: number;
  /** In detector order. */
  faces: NativeFace[];
  /** A file's bytes in `format`, or where `format` is absent RGB pixels. Present if masked and no `output` was given. */
  image?: Buffer;
  format?: ImageFormat;
  /** On the worker thread, waiting excluded. */
  milliseconds: number;
}

export declare class Cancellation {
  /** Calls given this object reject with ABORTED at their next stage. */
  cancel(): void;
}

export declare class Masker {
  constructor(options: NativeMaskerOptions);
  mask(request: NativeMaskRequest, cancellation: Cancellation): Promise<NativeMaskResult>;
  /** Loads the landmark model. Rejects with MODEL_MISSING or MODEL_CORRUPT. */
  load(): Promise<void>;
}

export interface SystemInfo {
  /** Instruction sets of this processor that matter here. */
  cpuFeatures: string[];
  /** Processors this process may use, by affinity and cgroup quota. */
  processors: number;
  /** Bytes this process may use. */
  memory: number;
  /** Where derived model files are kept; empty if none can be made. */
  cacheFolder: string;
  /** Versions by library name. */
  libraries: Record<string, string>;
}

export declare function systemInfo(): SystemInfo;
