/**
 * The contract between TypeScript and the native addon. Both sides are reviewed against this file. The classes here are
 * not the public API (that is `lib/index.ts`), and they check only what would be unsafe: their callers have checked the
 * rest.
 *
 * A rejected promise carries an `Error` with `code` (`ErrorCode`) and `subject` (the file or argument it is about).
 */

/** What went wrong, for programs. The last three are raised by the TypeScript side. */
export type ErrorCode =
  /** An argument or option is not what the call takes. */
  | 'INVALID_ARGUMENT'
  /** An input file does not exist. */
  | 'NOT_FOUND'
  /** An input's bytes are no image, or no file of the expected kind. */
  | 'UNREADABLE'
  /**
   * The bytes of an input cannot be read: no permission, a disk or network error, too many open files. It may be
   * temporary.
   */
  | 'READ_FAILED'
  /** An input is truncated or its data are corrupt. */
  | 'DAMAGED'
  /** An image has more pixels than the limit. */
  | 'TOO_LARGE'
  /** Not enough memory. It may be temporary. */
  | 'OUT_OF_MEMORY'
  /** The image format is not built in. */
  | 'UNSUPPORTED_FORMAT'
  /** A model file does not exist. */
  | 'MODEL_MISSING'
  /** A model file is damaged or of another kind. */
  | 'MODEL_CORRUPT'
  /** An output exists and overwriting was not asked for. */
  | 'OUTPUT_EXISTS'
  /** An output cannot be written. */
  | 'WRITE_FAILED'
  /** No face was found in an image that needs one. */
  | 'NO_FACE'
  /** Faces were found in an image, but not the one that it needs. */
  | 'WRONG_FACE'
  /** A model could not be run, or its output has NaN or infinity. */
  | 'INFERENCE_FAILED'
  /** ONNX Runtime or the requested device is missing. */
  | 'UNAVAILABLE'
  /** The call was aborted. */
  | 'ABORTED'
  /** The object was closed before the call. */
  | 'CLOSED'
  /** Another run uses the folder. */
  | 'LOCKED'
  /** Ranks of a plan are not done. */
  | 'INCOMPLETE';

export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'bmp' | 'tiff' | 'pnm';

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
  /** [68 × 2]: x and y of each point, in pixels, iBUG order. Flat, because many small arrays take long to make. */
  landmarks: Int32Array;
  /** Key points that the network gave, [x, y], in its order. */
  points?: [number, number][];
  /** Present where the face was masked. */
  look?: NativeLook;
}

/** Where a template's picture and places of a face meet. */
export interface NativeAnchor {
  /** 0 to 67; 28.5 is midway between 28 and 29. */
  landmark: number;
  /** Pixels of the picture. */
  x: number;
  y: number;
}

/** How a template looks from one side. */
export interface NativeTemplateView {
  /**
   * PNGs with an alpha channel, all of one size, lowest first: at `path`, or `file` with `path` as its name in errors.
   */
  parts: { path: string; file?: Uint8Array; tinted: boolean }[];
  /** At least three, not on a line. */
  anchors: NativeAnchor[];
}

export interface NativeTemplate {
  name: string;
  front: NativeTemplateView;
  /** For faces turned to the left and right of the photo. */
  left?: NativeTemplateView;
  right?: NativeTemplateView;
}

/** One way for a mask to look: `letter`, `nist` or `template` says its shape. */
export interface NativeStyle {
  name: string;
  /** A whole number, below 2^32. */
  weight: number;
  /** 'a' to 'f'. */
  letter?: string;
  nist?: { wide: boolean; coverage: 'low' | 'medium' | 'high' };
  /** A number in `templates`. */
  template?: number;
  /** 0xRRGGBB, one of which is drawn for each face; empty: a template keeps its own colours. */
  colors: number[];
  /** Any colour is drawn. */
  anyColor: boolean;
  /** A picture that fills the template's tinted parts, repeated; empty: none. */
  texture: string;
}

export type Wear = 'correct' | 'under-nose' | 'chin';

/** What was drawn on a face, or is to be drawn again. */
export interface NativeLook {
  /** A number in `styles`. */
  style: number;
  /** 0xRRGGBB; absent: the template's own. */
  color?: number;
  wear: Wear;
  /** To the right and down in distances between the eyes, turned clockwise in degrees, size less 1. */
  shift: [number, number, number, number];
  /** In results: whether the style is a template's. */
  template?: boolean;
}

/** A face detector's network: an ONNX file, and what it takes and gives (`DetectorDescription`). */
export interface NativeNetwork {
  /** ONNX Runtime's shared library. */
  library: string;
  model: string;
  decoder: 'boxes' | 'ssd-anchors' | 'retinaface' | 'scrfd' | 'yunet' | 'blazeface';
  /** Pixels of the input. */
  width: number;
  height: number;
  /** The input's sides may be any multiples of this; 0: only `width` and `height`. */
  multiple: number;
  channelsFirst: boolean;
  blueFirst: boolean;
  /** Three each, in the input's colour order: (value - mean) * scale. */
  mean: number[];
  scale: number[];
  /** Anchors, in pixels of the input; may be empty where the decoder has its own. */
  layers: readonly { stride: number; sizes: readonly (readonly [width: number, height: number])[] }[];
  variances: readonly [number, number];
  scores: 'share' | 'sigmoid' | 'softmax';
  /** For `boxes`: sides are pixels of the input, not shares. */
  pixels: boolean;
  /** Boxes that share more of their union are one face, 0 to 1. */
  overlap: number;
  /** Pixels of the input. */
  smallest: number;
  /** Each box is looked at again in a window of so many of its longer sides; what is found is the mean; 0: not. */
  confirm: number;
  /** From the network's box to the whole face's. */
  faceBox: NativeBoxShift;
  /** From the network's box to the one that the landmark model expects. */
  landmarkBox: NativeBoxShift;
}

/** How far a box's centre is moved, and its sides, as shares of its sides. */
export interface NativeBoxShift {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** How faces are searched. */
export interface NativeSearchOptions {
  /** Without a network: the library's own program instead of our kernels. Both give the same faces. */
  dlib: boolean;
  /** 0 to 4; without a network only, as is `maxSize`. */
  upsample: number;
  /** Pixels of the photo; 0: all that can be found, with a network a 96th of the longer side and at least 20. */
  minFace: number;
  /** Pixels that the longer side is made smaller to; 0: never. Not with `dlib`, as `minFace`. */
  maxSize: number;
  /** Faces with a lower score are left out. */
  minScore: number;
  /** The same where a request has an `expected` box. */
  expectedScore: number;
  /** The border around the photo, as a share of its longer side, 0 to 2. */
  pad: number;
  /** What searches; absent: dlib's frontal detector. */
  network?: NativeNetwork;
  /** Path of a dlib shape predictor with 68 points, or of face-api's network with as many. */
  landmarkModel: string;
  /** ONNX Runtime's shared library, where `landmarkModel` is a network. */
  landmarkLibrary?: string;
}

/** The device that work is left to. */
export interface NativeDevice {
  /** A CUDA device's number. */
  number: number;
  /** Bytes of the device that may be taken; 0: half of what it has, 8 GiB at most. */
  memory: number;
  /** If the device is missing or lost: fall back to the CPU. Without it calls reject with UNAVAILABLE. */
  fallback: boolean;
}

/** Why the CPU does what was left to a device. */
export interface NativeDeviceProblem {
  /** As `cuda:0`. */
  device: string;
  reason: string;
}

export interface NativeMaskerOptions extends NativeSearchOptions {
  /** Draws masks and searches faces; absent: the CPU. */
  device?: NativeDevice | undefined;
  /** One is drawn for each face, by weight. */
  styles: NativeStyle[];
  templates: NativeTemplate[];
  /** How much of its own colour a tinted part loses to a colour or texture, 0 to 1. */
  tintWeight: number;
  /** Weights of correct, under-nose and chin. */
  wears: [number, number, number];
  /** The most that a template is moved off its place, in distances between the eyes, 0 to 0.5. */
  jitter: number;
  /** 0 to 2^53 - 1. */
  seed: number;
  /** `central`: the greatest area less twice the squared distance of the box's centre from the image's. */
  select: 'largest' | 'central' | 'all' | 'only';
  maxPixels: number;
  acceptDamaged: boolean;
  /** 1 to 100; absent: 95 for JPEG, lossless for WebP. */
  quality: number | undefined;
  /** libdeflate's 0 to 12. */
  pngLevel: number;
  drawLandmarks: boolean;
  /**
   * Photos are crops aligned to ArcFace's template, which places the face: it gives the landmarks, or the box in which
   * they are predicted. Absent: faces are searched.
   */
  aligned: 'refined' | 'template' | undefined;
  /** Calls that run at once; at least 1. */
  concurrency: number;
}

/**
 * One photo. The source is `path`; or `data`, a file's bytes; or `data` with `width`, `height` and `channels` (1 grey,
 * 3 RGB, 4 RGBA; BGR and BGRA with `blueFirst`): rows of pixels without padding. `data` is read where it lies and must
 * not change until the promise settles.
 */
export interface NativeMaskRequest {
  path?: string;
  data?: Uint8Array;
  width?: number;
  height?: number;
  channels?: number;
  blueFirst?: boolean;
  /** Faces are only found; the result at `output` is the photo with boxes, scores and points. */
  detectOnly: boolean;
  /**
   * Where to write the result (format by extension, through a temporary file; missing folders are made); absent: it
   * comes back as `image`.
   */
  output?: string | undefined;
  overwrite: boolean;
  /** Also copy the source, a path, here: if a face is masked, or `always`. Missing folders are made. */
  copy?: { path: string; mode: 'auto' | 'link' | 'reflink' | 'copy'; always: boolean } | undefined;
  /** Format of `image`. Absent: that of the source. */
  format?: ImageFormat | undefined;
  /** With the seed, what random choices are drawn from. */
  key: string;
  /**
   * Faces that need not be searched; without landmarks these are predicted. Where one has a look, these are masked that
   * have one, and so.
   */
  faces?:
    | readonly {
        box: NativeBox;
        score?: number | undefined;
        landmarks?: readonly (readonly [number, number])[] | undefined;
        look?: NativeLook | undefined;
      }[]
    | undefined;
  /** How masks look; absent: it is drawn from the styles. Looks of faces come first. */
  look?: NativeLook | undefined;
  /** Where the mask's matte goes: a grey PNG of the photo's size, 255 where the mask is opaque. */
  matteOutput?: string | undefined;
}

export interface NativeMaskResult {
  status: 'masked' | 'no-face' | 'several-faces' | 'detected';
  copied: boolean;
  /** Size of the decoded image, after EXIF orientation. */
  width: number;
  height: number;
  /** In detector order. */
  faces: NativeFace[];
  /**
   * A file's bytes in `format`, or where `format` is absent pixels, RGB or as `blueFirst` says. Present if masked and no
   * `output` was given.
   */
  image?: Buffer;
  format?: ImageFormat;
  /** On the worker thread, waiting excluded. */
  milliseconds: number;
}

/** A call without one can't be aborted. */
export declare class Cancellation {
  /** Calls given this object reject with ABORTED at their next stage. */
  cancel(): void;
}

export declare class Masker {
  constructor(options: NativeMaskerOptions);
  mask(request: NativeMaskRequest, cancellation?: Cancellation): Promise<NativeMaskResult>;
  /**
   * Loads the landmark model, the detector's network and the templates, and opens the device. Rejects with
   * MODEL_MISSING, MODEL_CORRUPT, UNAVAILABLE, of a network INVALID_ARGUMENT (its description does not fit) and
   * INFERENCE_FAILED; of a template's picture or a texture INVALID_ARGUMENT, NOT_FOUND, UNREADABLE, TOO_LARGE.
   */
  load(): Promise<void>;
  /** Absent while the device does its work. */
  readonly deviceProblem?: NativeDeviceProblem;
}

/**
 * The face that templates are drawn on, seen from the front: 68 landmarks [x, y]. 1 is the distance between the eyes'
 * centres, [0, 0] lies midway between them, y grows downwards.
 */
export declare const canonicalFace: [number, number][];

/**
 * The greatest ratio between the two stretches of a triangle of the mesh that templates are bent over, on the first of
 * `faces`, which has landmarks. Infinity where a triangle is flipped. At most 3 for landmarks of a face.
 */
export declare function meshStretch(faces: { box: NativeBox; landmarks: [number, number][] }[]): number;

/**
 * A photo, resized to `side` × `side` (8 to 1024) whatever its shape: [side × side × 4], R, G, B and 255. Rejects with
 * NOT_FOUND, READ_FAILED, UNREADABLE.
 */
export declare function thumbnail(request: { path: string; side: number }): Promise<Uint8Array>;

/**
 * The format of a file that begins with `data`; `other`: an image of a format that is not read, such as GIF; undefined:
 * it is not an image. 64 bytes suffice.
 */
export declare function imageKind(start: { data: Uint8Array }): ImageFormat | 'other' | undefined;

export interface NativeRates {
  /** A score, or +Infinity. */
  threshold: number;
  fmr: number;
  fnmr: number;
}

export interface NativeMeasures {
  eerCrossing: number;
  eerThreshold: number;
  eerHull: number;
  auc: number;
  /** Null where the scores do not deviate but by rounding. */
  dPrime: number | null;
  minCllr: number;
}

/** Genuine and impostor scores, sorted. Every method but `load` needs a `load` that has resolved to `undefined`. */
export declare class ScoreSet {
  constructor();
  /**
   * Takes the scores over (they are copied, and may be changed once the promise has settled).
   * @param scores [n]; used as they are, or negated where `negate`
   * @param labels [n]: 1 genuine, 0 impostor, 2 left out; at least one of each of the first two
   * @returns the index of the first score that is not finite and not left out, if there is one
   */
  load(scores: Float64Array | Float32Array, labels: Uint8Array, negate: boolean): Promise<number | undefined>;
  measure(): Promise<NativeMeasures>;
  /**
   * One point for every distinct score and +Infinity, ascending; or about 2,000 of them where there are more than
   * `most`.
   */
  curve(most: number): Promise<{ thresholds: Float64Array; fmr: Float64Array; fnmr: Float64Array }>;
  /** Counts in `bins` (1 or more) equal bins over [low, high], the range of all scores. */
  histogram(bins: number): Promise<{ low: number; high: number; genuine: Float64Array; impostor: Float64Array }>;
  /** A match is score >= threshold, or where `strict` score > threshold. */
  at(threshold: number, strict: boolean): NativeRates;
  /** At the smallest threshold with FMR <= target. */
  atFmr(target: number): NativeRates;
  /** At the largest threshold with FNMR <= target. */
  atFnmr(target: number): NativeRates;
}

/** Resampling of comparisons by identity, or where `identities` is 0 of each on its own. */
export declare class Bootstrap {
  /**
   * @param scores [n], finite
   * @param labels [n]: 1 genuine, 0 impostor
   * @param first, second [n]: identities compared, 0 to identities - 1
   * @param fmr targets, [0, 1]
   * @param thresholds descending
   */
  constructor(comparisons: {
    scores: Float64Array;
    labels: Uint8Array;
    first: Int32Array;
    second: Int32Array;
    identities: number;
    fmr: Float64Array;
    thresholds: Float64Array;
    seed: number;
  });
  /**
   * Draws `from` to `from + count - 1`, one row each: EER by crossing, AUC, FNMR for each `fmr`, then FMR and FNMR for
   * each of `thresholds`. NaN where a draw has no genuine or no impostor comparison. Rejects with ABORTED.
   */
  draw(from: number, count: number, cancellation?: Cancellation): Promise<Float64Array>;
}

/**
 * The place of each probe's mate in a score matrix. An identity's score is that of its best photo.
 * @param matrix [probes × gallery], row-major, finite
 * @param probes [probes]: identity of each row
 * @param gallery [gallery]: identity of each column, -1 for one that is not enrolled
 * @param identities identities are numbered below this
 * @returns for each probe: its mate's score (NaN where not enrolled), how many other identities score at least as high,
 * and the highest score of another identity (-Infinity where there is none)
 */
export declare function identify(
  matrix: Float32Array | Float64Array,
  probes: Int32Array,
  gallery: Int32Array,
  identities: number,
): Promise<{ mate: Float64Array; above: Float64Array; best: Float64Array }>;

/** Where pixels come from: `path`, or `data`: a file's bytes, or with `width`, `height` and `channels` raw pixels. */
export interface NativeSource {
  path?: string;
  data?: Uint8Array;
  width?: number;
  height?: number;
  /** 1 grey, 3 RGB, 4 RGBA. */
  channels?: number;
  /** BGR and BGRA. */
  blueFirst?: boolean;
}

export interface NativeEmbedderOptions extends NativeSearchOptions {
  /** ONNX Runtime's shared library. */
  library: string;
  /** An ONNX file. */
  model: string;
  /**
   * Runs the model, makes its input and, where `minFace`, `maxSize` and `pad` are 0 and neither `dlib` nor a network
   * searches, searches faces; absent: the CPU.
   */
  device?: NativeDevice | undefined;
  /** Requests worked on at once, 1 to 256. */
  concurrency: number;
  maxBatch: number;
  maxWaitMs: number;
  /** Pixels of the model's input. */
  width: number;
  height: number;
  channelsFirst: boolean;
  blueFirst: boolean;
  /** Three each, in the input's colour order: (value - mean) * scale. */
  mean: number[];
  scale: number[];
  cut: 'letterbox' | 'box' | 'align5' | 'align68';
  margin: number;
  /** The output's name; empty: the first. */
  output: string;
  /** A vector is the mean of those of the crop and of its mirror image. */
  mirror: boolean;
  maxPixels: number;
  acceptDamaged: boolean;
}

export interface NativeEmbedRequest extends NativeSource {
  /** The image is a ready crop. */
  crop: boolean;
  /** The face wears a mask: landmarks that dlib's predictor finds are corrected. */
  masked: boolean;
  /** Which face is used, where `expected` does not say it. As for the Masker. */
  select: 'largest' | 'central';
  /**
   * Used is the face that overlaps this box most. Rejects with WRONG_FACE where faces are found, but none with an
   * intersection over union of 0.3 or more.
   */
  expected?: NativeBox;
  /** Faces that need not be searched. */
  faces?: readonly { box: NativeBox; score?: number; landmarks?: readonly (readonly [number, number])[] }[];
  /**
   * Eyes, nose tip, corners of the mouth, [x, y] in pixels: five, by which the face is cut; none is searched. For the
   * cut `align5`. Rejects with NO_FACE where all lie outside the image.
   */
  points?: readonly (readonly [number, number])[];
}

export interface NativeEmbedding {
  vector: Float32Array;
  /** The face that was cut out, where one was needed. */
  face?: NativeFace;
}

export declare class Embedder {
  constructor(options: NativeEmbedderOptions);
  /**
   * Opens the model and tries it: `batchProblem` says why each image is run alone, if it is. Rejects with UNAVAILABLE,
   * MODEL_MISSING, MODEL_CORRUPT, INVALID_ARGUMENT (it does not fit the options), INFERENCE_FAILED (also: other numbers
   * for the same image).
   */
  load(): Promise<{ dimensions: number; batchProblem: string }>;
  /** Rejects as `load`, as `Masker.mask`, and with NO_FACE and INFERENCE_FAILED. */
  embed(request: NativeEmbedRequest, cancellation?: Cancellation): Promise<NativeEmbedding>;
  /** Releases the model when no call is running; no other call may follow. */
  close(): void;
  /** Whether the model runs on the device; once `load` has resolved. */
  readonly onDevice: boolean;
  /** Absent while the device does its work. */
  readonly deviceProblem?: NativeDeviceProblem;
}

/**
 * ONNX Runtime's version and providers. Throws UNAVAILABLE. The first call, or the first model, decides which file is
 * loaded.
 */
export declare function onnxRuntime(library: string): { version: string; providers: string[] };

/** IEEE 754 half precision, rounded to nearest even, and back. */
export declare function toHalves(numbers: Float32Array): Uint16Array;
export declare function fromHalves(halves: Uint16Array): Float32Array;

/** Vectors sorted by identity, as the product of all pairs reads them. */
export declare class PackedVectors {
  /**
   * @param identities [rows], from 0, ascending
   * @param sources [rows]: a number for each source photo or video
   * @param similarity what they are for: under cosine they are made of length 1
   */
  constructor(
    identities: Int32Array,
    sources: Int32Array,
    dimensions: number,
    similarity: 'cosine' | 'l2' | 'inverse-l2',
  );
  /**
   * @param vectors [n × dimensions]
   * @param rows [n]: each vector's place in the order of identities, -1 to leave it out; every place is set once, and
   * all before they are counted
   * @returns the index of the first vector that is not finite, under cosine zero, or otherwise longer than 6e18; -1 where
   * there is none
   */
  set(vectors: Float32Array, rows: Int32Array): number;
  /** The greatest squared length. */
  readonly greatestSquare: number;
}

export interface NativeAllPairsOptions {
  /** Scores pairs; absent: the CPU. */
  device?: NativeDevice | undefined;
  /** Bins over [low, high]. */
  bins: number;
  low: number;
  high: number;
  /** Genuine pairs of one source. */
  sameSource: 'exclude' | 'include' | 'only';
  /** [2 × pairs], left out of every count: probe, reference; without references by ascending rows. */
  excluded: Int32Array;
  /** Only where identities are shared: every genuine pair, and a sample of impostors. */
  nearOnly: boolean;
  /** [probes]: the score of each one's best mate, infinity where it has none. */
  mates?: Float32Array;
  /** Impostor identities kept for each row; 0: none. */
  top: number;
  /** Impostor scores from `bin` on are also counted by identity, in 512 bins of `width` bins each. */
  tail?: { bin: number; width: number };
  /** Identities are numbered below this. */
  identities: number;
  /** Part `index` (from 0) of `count`. */
  shard: { index: number; count: number };
  /** Strips counted at once, 1 or more. */
  concurrency: number;
}

export declare class AllPairs {
  /** All pairs of probes × references, or without references all unordered pairs of the probes. */
  constructor(probes: PackedVectors, references: PackedVectors | undefined, options: NativeAllPairsOptions);
  /** Strips of this shard. */
  readonly strips: number;
  /** Strips counted so far. */
  readonly done: number;
  /** Absent while the device does its work. */
  readonly deviceProblem?: NativeDeviceProblem;
  /** Counts every strip; to be called once. Rejects with ABORTED, or UNAVAILABLE (the device). */
  count(cancellation?: Cancellation): Promise<{
    /** [bins], whole numbers below 2^53. */
    impostor: Float64Array;
    impostors: number;
    /** Genuine pairs of one source, counted whether or not they are scored. */
    sameSource: number;
    /** Genuine pairs, by probe and reference. */
    genuine: { scores: Float32Array; probes: Int32Array; references: Int32Array };
    /** [identities × 512], where a tail was asked for. */
    tail: Uint32Array;
    /** [rows × top]: rows of probes, then of references. Row -1: none. */
    best: { scores: Float32Array; rows: Int32Array };
    /** [probes]: other identities with a score of at least the mate's, where mates were given. */
    above: Uint32Array;
  }>;
}

/** [scores]: the bins in which AllPairs counts these scores. */
export declare function binsOf(scores: Float32Array, low: number, high: number, bins: number): Int32Array;

export interface NativeSimilarity {
  /**
   * `cosine`; `l2`: the negated distance; `inverse-l2`: 1 / (1 + ‖a − b + 1e-6‖); `sigmoid` of `layers` over |a − b|,
   * or where `squared` over (a − b)².
   */
  kind: 'cosine' | 'l2' | 'inverse-l2' | 'sigmoid';
  squared?: boolean;
  /** With ReLU between them: weights [inputs × outputs], bias [outputs]; the last has one output. */
  layers?: { weights: Float32Array; bias: Float32Array }[];
}

/** The similarity of two vectors of the same length. */
export declare function similarity(a: Float32Array, b: Float32Array, similarity: NativeSimilarity): number;

/**
 * Similarities of pairs of rows.
 * @param vectors [n × dimensions]
 * @param first, second [pairs]: row numbers
 * @returns [pairs]; NaN where a vector has NaN
 */
export declare function similarities(
  vectors: Float32Array,
  dimensions: number,
  first: Int32Array,
  second: Int32Array,
  similarity: NativeSimilarity,
): Promise<Float64Array>;

/**
 * Adds weighted vectors to rows of sums, which must not be touched until the promise settles.
 * @param sums [groups × dimensions]
 * @param vectors [n × dimensions]
 * @param rows [n]: the row that each vector is added to; below 0: none
 * @param weights [n]
 */
export declare function addToRows(
  sums: Float64Array,
  vectors: Float32Array,
  dimensions: number,
  rows: Int32Array,
  weights: Float64Array,
): Promise<void>;

/** Weights [inputs × outputs], by rows of inputs; bias [outputs]. */
export interface NativeLayer {
  weights: Float32Array;
  bias: Float32Array;
}

export interface NativeStage {
  /** The stage's input is added to its layers' output. */
  residual: boolean;
  /**
   * Each takes d numbers and gives d numbers. They run one after the other, with leaky ReLU (slope 0.2) between them;
   * with a gate, they run side by side.
   */
  layers: NativeLayer[];
  /** The softmax of its outputs, one a layer, weighs the layers' outputs. */
  gate?: NativeLayer;
}

/** A network that corrects the vectors of masked faces. Vectors are scaled to length 1 before and after each stage. */
export interface NativeHead {
  stages: NativeStage[];
  /** The length of corrected vectors. */
  length: number;
}

/** Masked vectors to learn from, and the plain ones beside them. The arrays are read where they lie. */
export interface NativeAdaptCorpus {
  dimensions: number;
  /** [plain × dimensions] */
  plain: Float32Array;
  /** [masked × dimensions] */
  masked: Float32Array;
  /** [masked]: the plain vector of the same photo. */
  twins: Int32Array;
  /** [plain]: a number for who it shows. */
  identities: Int32Array;
  /** [masked]: a number for each mask style, or whatever else the vectors were made in. */
  styles: Int32Array;
  /** The masked vectors to learn from, of at least two people. */
  rows: Int32Array;
  /** Vectors are compared by their angles: corrected ones get length 1, else that of the plain ones. */
  byAngle: boolean;
}

export interface NativeTrainerOptions {
  loss: 'srt' | 'infonce';
  /** For `srt`. */
  margin: number;
  /** For `infonce`. */
  temperature: number;
  /** The network corrects its input, and begins as the identity. */
  residual: boolean;
  /** Rows of a batch, from 2 to those of the corpus. */
  batch: number;
  /** A whole number below 2^53. */
  seed: number;
  /** Threads, 1 or more; the result does not depend on them. */
  concurrency: number;
}

/** Trains the network of an adapter. One call at a time. */
export declare class AdapterTrainer {
  constructor(corpus: NativeAdaptCorpus, options: NativeTrainerOptions);
  /** Makes so many updates. Rejects with ABORTED. */
  train(updates: number, rate: number, cancellation?: Cancellation): Promise<void>;
  /** As trained so far. */
  head(): NativeHead;
}

/**
 * Solves a linear head by ridge regression for each penalty (in mean variances of a masked number). The head of one
 * style is a map that is held to the identity. The head of several styles has a map for each, which is held to the map
 * of all styles together, and a gate between them. Rejects with ABORTED.
 */
export declare function solveRidge(
  corpus: NativeAdaptCorpus,
  penalties: Float64Array,
  concurrency: number,
  cancellation?: Cancellation,
): Promise<NativeHead[]>;

/** Corrects some rows of [n × dimensions] vectors: [rows × dimensions]. */
export declare function applyHead(
  head: NativeHead,
  vectors: Float32Array,
  dimensions: number,
  rows: Int32Array,
  concurrency: number,
): Promise<Float32Array>;

/** The index of the first vector that is zero or not finite; -1 where there is none. */
export declare function firstUnusable(vectors: Float32Array, dimensions: number): number;

/** An adapter's ONNX file. */
export declare class Adapter {
  constructor(options: { library: string; model: string; concurrency: number });
  /** Opens it. Rejects with UNAVAILABLE, MODEL_MISSING, MODEL_CORRUPT. */
  load(): Promise<void>;
  /** [dimensions] to [dimensions]. Rejects with INFERENCE_FAILED. */
  correct(vector: Float32Array): Promise<Float32Array>;
}

export interface SystemInfo {
  /** Instruction sets of this processor that matter here. */
  cpuFeatures: string[];
  /** The best vector instructions that are used, by Highway's name. */
  simd: string;
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

export interface CudaDevice {
  name: string;
  /** Bytes. */
  memory: number;
  /** Compute capability, as `9.0`. */
  architecture: string;
  /** The CUDA version that the driver knows. */
  driver: string;
}

/** The CUDA devices; `problem` says why they can't be asked for. */
export declare function cudaDevices(): { devices: CudaDevice[]; problem?: string };

/**
 * The operating system's own exclusion (flock) on a file. It ends with `release`, with this object, and with the
 * process, however that ends.
 */
export declare class FileLock {
  constructor();
  /**
   * Takes the lock, and says whether it could: not where another holds it, here or elsewhere. `shared` locks exclude
   * only those that are not. The file is made, and holds `holder` for those that are refused. Throws `WRITE_FAILED`.
   */
  try(request: { path: string; shared: boolean; holder: string }): boolean;
  /** Ends the lock and removes the file. */
  release(): void;
}

/**
 * What the names of this process's temporary files begin with: machine, process and its start, with `-` between and
 * after.
 */
export declare const temporaryPrefix: string;
