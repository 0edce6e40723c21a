import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type {
  ImageFormat,
  NativeFace,
  NativeLook,
  NativeMaskRequest,
  NativeMaskResult,
  NativeTemplateView,
  Wear,
} from '../../binding.js';
import { Calls } from '../calls.js';
import { fallbackProblem, nativeDevice } from '../device.js';
import {
  checkArray,
  checkChoice,
  checkFlag,
  checkInteger,
  checkNumber,
  checkObject,
  checkOptions,
  checkPath,
  checkText,
  fromNative,
  invalid,
  MaskbenchError,
  type Problem,
} from '../errors.js';
import { faceChoices } from '../face/choice.js';
import { type Face, type KnownFace, toFace } from '../face/face.js';
import { checkFace } from '../face/known.js';
import type { SearchOptions } from '../face/search.js';
import { toPath } from '../files/path.js';
import { type ImageInput, imageFormats, type RawImage, toSource } from '../image/image.js';
import { defaultDetector } from '../models/detectors/presets.js';
import { resolveSearch, type Search } from '../models/detectors/search.js';
import { native } from '../native.js';
import { parseStyles, parseWears, type StyleList, wears } from './styles.js';
import { formatColor, parseColor } from './templates/color.js';
import { readTemplates } from './templates/folder.js';
import type { TemplateDescription, TemplateView } from './templates/template.js';

export type { Wear } from '../../binding.js';

/** Which faces of a photo are masked. */
export const selections = [...faceChoices, 'all', 'only'] as const;
export type Selection = (typeof selections)[number];

/** How a photo is placed beside its twin. */
export const copyModes = ['auto', 'link', 'reflink', 'copy'] as const;
export type CopyMode = (typeof copyModes)[number];

/** Templates that crops are aligned to. */
export const alignments = ['arcface'] as const;
/** Where the landmarks of aligned crops come from. */
export const landmarkSources = ['refined', 'template'] as const;

/** Options of a {@link Masker}. */
export interface MaskerOptions extends SearchOptions {
  /**
   * How the mask looks: a style's name (`knownStyles`), or a list of `name[#rrggbb][@texture][:weight]` with
   * commas between, of which one is drawn for each face: `surgical:3,cloth#e54294:1,n95:1`. `random` stands for the
   * paper's six, `realistic` for every template. Default `a`.
   */
  style?: string;
  /**
   * `#rrggbb`, a CSS colour name, or `random`: one of the style's usual colours, of the paper's styles any. Default:
   * the style's own, white for the paper's. A colour in the style list comes first; NIST's styles have theirs in their
   * names.
   */
  color?: string;
  /**
   * A folder of templates of your own, or MaskTheFace's library as it is. Their names are styles. See
   * {@link readTemplates}.
   */
  templates?: string;
  /**
   * How strongly a colour or texture replaces the own colour of a template's tinted part, 0 to 1. Default 1;
   * MaskTheFace uses 0.5.
   */
  tintWeight?: number;
  /**
   * How templates are worn: `correct` (default), `under-nose`, `chin`, or a list with weights:
   * `correct:8,under-nose:1,chin:1`.
   */
  wear?: string;
  /**
   * The most that a template is moved off its place, in distances between the eyes, 0 to 0.5; 0.02 also turns it by up
   * to 2 degrees and resizes it by up to 2%. Default 0.
   */
  jitter?: number;
  /** Random seed, 0 to 2^53 − 1. The same seed and key give the same choices. Default 0. */
  seed?: number;
  /**
   * `largest` (default) or `central`: see `FaceChoice`; `all`; or `only`: the one face, and photos with several are
   * skipped.
   */
  select?: Selection;
  /**
   * Photos that declare more pixels are refused with `TOO_LARGE`. Default 100 million. Whatever this is, a JPEG of more
   * than 100 scans and a PNG whose decompressed profile has more than 32 MB are `UNREADABLE`, and a PNG's texts are not
   * read.
   */
  maxPixels?: number;
  /**
   * Mask the readable part of a truncated or corrupt JPEG, WebP, TIFF, BMP or PNM. Default false: such a photo is
   * refused with `DAMAGED`.
   */
  acceptDamaged?: boolean;
  /** Quality of JPEG (default 95) and WebP (default lossless), 1 to 100. */
  quality?: number;
  /** Compression level of PNG, 0 (none, fastest) to 12 (smallest, slowest). Default 1. */
  pngLevel?: number;
  /**
   * `arcface`: photos are crops aligned to ArcFace's template, 112×112 or 96×112 or scaled. No face is searched: the
   * template places it. Crops of other proportions are refused with `UNSUPPORTED_FORMAT`. Default: faces are searched.
   */
  aligned?: (typeof alignments)[number];
  /**
   * Landmarks of aligned crops: `refined` (default) predicts them in the template's box, `template` takes the
   * template's own, the same for every crop, and is faster.
   */
  landmarks?: (typeof landmarkSources)[number];
  /** Draw the outline of the mask and the numbered landmarks instead of the mask. */
  drawLandmarks?: boolean;
  /**
   * Where faces are searched and masks drawn: `cpu` (default), `cuda`, `cuda:1` for another device, or `auto`: the
   * first device, and the CPU where there is none or it is lost ({@link Masker.deviceProblem}). Faces and pixels are
   * the same everywhere. Without `auto` calls reject with `UNAVAILABLE`. A neural detector searches on the CPU. Not
   * with `dlib`, or `hog` and `minFace`, `maxSize` or `pad`. Never run on a GPU yet:
   * docs/gpu.md.
   */
  device?: string;
  /** Device memory in MiB to use at most; photos that need more run on the CPU. Default: half of it, up to 8 GiB. */
  deviceMemory?: number;
  /** Photos processed at once, 1 to 256. Default: the processors this process may use; 32 with a device. */
  concurrency?: number;
}

/** How far a template sits off its place. */
export interface Placement {
  /** To the right, in distances between the eyes. */
  x: number;
  /** Down, in distances between the eyes. */
  y: number;
  /** Clockwise, in degrees. */
  rotation: number;
  /** Times its size. */
  scale: number;
}

/** The look of a mask. A face with a look gets the same mask again. */
export interface Look {
  /** A style's name. */
  style: string;
  /** `#rrggbb`; absent where a template keeps its own colours. */
  color?: string;
  /** The picture that fills a template. */
  texture?: string;
  /** How a template is worn. */
  wear?: Wear;
  /** How far a template sits off its place. */
  placement?: Placement;
}

/** A face, and the mask it got: a {@link Look} where `masked`. */
export interface MaskedFace extends Face, Partial<Look> {
  masked: boolean;
}

/** Options of {@link Masker.detect}. */
export interface DetectOptions {
  /**
   * Write the photo with boxes, scores in hundredths, landmarks and key points to this file (format by extension).
   * Missing folders are created.
   */
  output?: string;
  /** Replace `output` if it exists. Default false: `OUTPUT_EXISTS`. The input itself is never replaced. */
  overwrite?: boolean;
  /** Aborts the call; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of {@link Masker.mask}. */
export interface MaskOptions extends DetectOptions {
  /**
   * Write the result to this file (format by extension) through a temporary file and a rename, and return no image.
   * Missing folders are created.
   */
  output?: string;
  /**
   * Also put the photo itself here, where a face is masked or `always`; the input must be a path. `auto` shares the
   * file's blocks where the file system can and copies elsewhere, `link` is a hard link.
   */
  copy?: { path: string; mode: CopyMode; always: boolean };
  /** Format of the image given back. Default: the input's; pixels for pixels. */
  format?: ImageFormat;
  /** What random choices are drawn from, beside the seed: in a corpus the photo's relative path. Default empty. */
  key?: string;
  /**
   * Faces already known: they are not searched again. Without landmarks, these are predicted from the box. Where a face
   * has a `style`, those that have one are masked, and look as they say. So the faces of a manifest's line draw its
   * photo again. The style must be among this Masker's.
   */
  faces?: readonly (KnownFace & Partial<Look>)[];
  /** How the mask looks, instead of a choice by the seed. The style must be among this Masker's. */
  look?: Look;
  /**
   * Write the mask's matte here: a grey PNG of the photo's size, 255 where the mask is opaque; only where a face is
   * masked.
   */
  matteOutput?: string;
}

export interface DetectResult {
  /** Size of the decoded image, after EXIF orientation. */
  width: number;
  height: number;
  /** Best score first. */
  faces: Face[];
  /** Time on the worker thread, without waiting. */
  milliseconds: number;
}

export interface MaskResult {
  status: 'masked' | 'no-face' | 'several-faces';
  /** Whether the photo itself was put where `copy` says. */
  copied: boolean;
  width: number;
  height: number;
  faces: MaskedFace[];
  /** The masked image as a file's bytes, where status is `masked`, no output was given, and the input was a file. */
  image?: Buffer;
  /** Format of `image`. */
  format?: ImageFormat;
  /** The masked image as pixels, RGB or BGR as the input, where that was pixels and no format was asked for. */
  raw?: RawImage;
  milliseconds: number;
}

const unmoved: Placement = { x: 0, y: 0, rotation: 0, scale: 1 };

function toPlacement([x, y, rotation, growth]: NativeLook['shift']): Placement {
  return { x, y, rotation, scale: 1 + growth };
}

/** A template's pictures as the addon takes them. */
async function loadView({ parts, anchors }: TemplateView): Promise<NativeTemplateView> {
  const loaded = parts.map(async ({ file, ...part }) => ({ ...part, ...(file && { file: await file() }) }));
  return { parts: await Promise.all(loaded), anchors };
}

async function loadTemplate({ name, front, left, right }: TemplateDescription) {
  return {
    name,
    front: await loadView(front),
    ...(left && { left: await loadView(left) }),
    ...(right && { right: await loadView(right) }),
  };
}

/** What decides the look of a picture, except its content. */
async function fingerprint(file: string): Promise<unknown> {
  const found = await stat(toPath(file)).catch(() => undefined);
  return found ? [file, found.size, found.mtimeMs] : file;
}

/** The options of a Masker, checked, with their defaults. Throws `INVALID_ARGUMENT`, `NOT_FOUND`. */
export async function checkMasker(options: MaskerOptions) {
  checkOptions(options);
  for (const name of ['style', 'color', 'wear'] as const)
    if (options[name] !== undefined) checkText(name, options[name]);
  checkFlag('acceptDamaged', options.acceptDamaged);
  checkFlag('drawLandmarks', options.drawLandmarks);
  const { aligned, landmarks } = options;
  if (aligned !== undefined) checkChoice('aligned', aligned, alignments);
  if (landmarks !== undefined && aligned === undefined)
    throw invalid('landmarks', 'nothing, without aligned', landmarks);
  const own = options.templates === undefined ? [] : await readTemplates(checkPath('templates', options.templates));
  const list = parseStyles(options.style ?? 'a', options.color, own);
  // Flat masks are the paper's, drawn on the faces that its program finds.
  const search = await resolveSearch(options, list.templates.length === 0 ? 'hog' : defaultDetector);
  const { dlib, minFace, maxSize, pad, network, landmarkModel } = search.native;
  const deciding = {
    styles: list.styles,
    tintWeight: checkNumber('tintWeight', options.tintWeight ?? 1, 0, 1),
    wears: parseWears(options.wear ?? 'correct'),
    jitter: checkNumber('jitter', options.jitter ?? 0, 0, 0.5),
    seed: checkInteger('seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER),
    select: checkChoice('select', options.select ?? 'largest', selections),
    maxPixels: checkInteger('maxPixels', options.maxPixels ?? 100_000_000, 1, 2 ** 40),
    acceptDamaged: options.acceptDamaged ?? false,
    quality: options.quality === undefined ? undefined : checkInteger('quality', options.quality, 1, 100),
    pngLevel: options.pngLevel === undefined ? undefined : checkInteger('pngLevel', options.pngLevel, 0, 12),
    drawLandmarks: options.drawLandmarks ?? false,
    aligned: aligned && checkChoice('landmarks', landmarks ?? 'refined', landmarkSources),
  };
  const device = nativeDevice(options);
  if (device !== undefined && (dlib || (!network && minFace + maxSize + pad > 0)))
    throw invalid('device', 'cpu, with the detector dlib, or hog with minFace, maxSize or pad', options.device);
  const usual = device !== undefined ? 32 : native.systemInfo().processors;
  const pictures = list.templates.map(({ front, left, right }) =>
    Promise.all(
      [front, left, right].map(
        async (view) =>
          view && [view.anchors, ...(await Promise.all(view.parts.map((part) => fingerprint(part.path))))],
      ),
    ),
  );
  const textures = list.styles.flatMap(({ texture }) => (texture === '' ? [] : [fingerprint(texture)]));
  const decided = {
    ...deciding,
    ...search.settings,
    landmarkModel,
    pictures: await Promise.all(pictures),
    textures: await Promise.all(textures),
  };
  return {
    list,
    search,
    /** All that the addon takes but the templates. */
    native: {
      ...deciding,
      ...search.native,
      device,
      pngLevel: deciding.pngLevel ?? 1,
      concurrency: checkInteger('concurrency', options.concurrency ?? usual, 1, 256),
    },
    /** See {@link Masker.settings}. */
    settings: createHash('sha256').update(JSON.stringify(decided)).digest('hex').slice(0, 12),
  };
}

/**
 * Draws synthetic masks on faces: decode, detect (dlib's frontal face detector), 68 landmarks (dlib's shape predictor),
 * draw and encode run on the addon's own threads. One Masker serves any number of callers at once; work beyond
 * `concurrency` queues, and photos are admitted to memory by their estimated size.
 * @example
 * const masker = await Masker.open({ style: 'a', color: 'lightblue' });
 * const { status, image } = await masker.mask(await readFile('portrait.jpg'));
 */
export class Masker {
  readonly #calls = new Calls('Masker');
  readonly #native: InstanceType<typeof native.Masker>;
  readonly #list: StyleList;
  readonly #detector: string;

  private constructor(
    core: InstanceType<typeof native.Masker>,
    list: StyleList,
    search: Search,
    /**
     * A hash of the options that decide the result. A manifest keeps it, so that a run is only resumed with the same
     * options.
     */
    readonly settings: string,
  ) {
    this.#native = core;
    this.#list = list;
    this.#detector = search.name;
  }

  /**
   * Reads templates and the landmark model, and opens the device.
   * @throws {@link MaskbenchError} `INVALID_ARGUMENT`, `MODEL_MISSING`, `MODEL_CORRUPT`, `UNAVAILABLE` (the device); of
   * a template, its pictures or a texture also `NOT_FOUND`, `UNREADABLE`, `TOO_LARGE`
   * @example
   * const masker = await Masker.open({ style: 'surgical:3,n95:1', wear: 'correct:9,chin:1', seed: 7 });
   */
  static async open(options: MaskerOptions = {}): Promise<Masker> {
    const { list, search, native: checked, settings } = await checkMasker(options);
    try {
      const templates = await Promise.all(list.templates.map(loadTemplate));
      const core = new native.Masker({ ...checked, templates });
      await core.load();
      return new Masker(core, list, search, settings);
    } catch (error) {
      throw fromNative(error);
    }
  }

  /**
   * Masks one photo.
   * @throws {@link MaskbenchError} with code `NOT_FOUND`, `UNREADABLE`, `DAMAGED`, `TOO_LARGE`, `MODEL_MISSING`,
   * `MODEL_CORRUPT`, `OUTPUT_EXISTS`, `WRITE_FAILED`, `UNAVAILABLE`, `INVALID_ARGUMENT` or `CLOSED`; the signal's
   * reason when aborted.
   * @example
   * const { status, faces } = await masker.mask('portrait.jpg', { output: 'masked.jpg' });
   */
  async mask(input: ImageInput, options: MaskOptions = {}): Promise<MaskResult> {
    checkOptions(options);
    const { output, copy, format, faces, signal } = options;
    for (const name of ['output', 'matteOutput'] as const)
      if (options[name] !== undefined) checkPath(name, options[name]);
    checkFlag('overwrite', options.overwrite);
    if (options.key !== undefined) checkText('key', options.key);
    if (options.look !== undefined) checkObject('look', options.look, 'a look: { style, color, … }');
    if (copy !== undefined) {
      checkObject('copy', copy);
      checkPath('copy: path', copy.path);
      checkChoice('copy: mode', copy.mode, copyModes);
      if (typeof copy.always !== 'boolean') throw invalid('copy: always', 'true or false', copy.always);
    }
    if (copy !== undefined && typeof input !== 'string') throw invalid('input', 'a path, for a copy of it', input);
    if (faces !== undefined) checkArray('faces', faces, checkFace, 'an array of faces');
    const source = toSource(input);
    const result = await this.#run(
      {
        ...source,
        detectOnly: false,
        output,
        overwrite: options.overwrite ?? false,
        copy,
        format: format === undefined ? undefined : checkChoice('format', format, imageFormats),
        key: options.key ?? '',
        faces: faces?.map(({ box, score, landmarks, style, ...look }) => ({
          box,
          score,
          landmarks,
          look: style === undefined ? undefined : this.#toNative({ style, ...look }),
        })),
        look: options.look === undefined ? undefined : this.#toNative(options.look),
        matteOutput: options.matteOutput,
      },
      signal,
    );
    const { status, copied, width, height, milliseconds, image } = result;
    const masked: MaskResult = {
      status: status as MaskResult['status'],
      copied,
      width,
      height,
      faces: result.faces.map((face, i) =>
        this.#toFace(face, faces === undefined ? this.#detector : faces[i]?.detector),
      ),
      milliseconds,
    };
    if (image && result.format) Object.assign(masked, { image, format: result.format });
    else if (image) masked.raw = { data: image, width, height, channels: 3, colors: source.blueFirst ? 'BGR' : 'RGB' };
    return masked;
  }

  /**
   * Finds the faces of one photo, with their landmarks. Errors as {@link Masker.mask}.
   * @example
   * const { faces } = await masker.detect('group.jpg');
   * for (const { box, score } of faces) console.log(box.left, box.top, box.right, box.bottom, score);
   */
  async detect(input: ImageInput, options: DetectOptions = {}): Promise<DetectResult> {
    checkOptions(options);
    const { output, overwrite = false } = options;
    if (output !== undefined) checkPath('output', output);
    checkFlag('overwrite', overwrite);
    const request = { ...toSource(input), detectOnly: true, output, overwrite, key: '' };
    const { width, height, faces, milliseconds } = await this.#run(request, options.signal);
    const found = faces.map((face) => toFace(face, this.#detector));
    return { width, height, faces: found, milliseconds };
  }

  /** Why the CPU does what `auto` left to a device; undefined while it does not. */
  get deviceProblem(): Problem | undefined {
    return fallbackProblem(this.#native);
  }

  /** Waits for the running calls. Later calls reject with `CLOSED`. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  #run(request: NativeMaskRequest, signal: AbortSignal | undefined): Promise<NativeMaskResult> {
    return this.#calls.run((cancellation) => this.#native.mask(request, cancellation), signal);
  }

  #toFace(native: NativeFace, detector: string | undefined): MaskedFace {
    const { look } = native;
    const face = toFace(native, detector) as MaskedFace;
    face.masked = look !== undefined;
    if (!look) return face;
    const { name, texture } = this.#list.styles[look.style] as StyleList['styles'][number];
    face.style = name;
    if (look.color !== undefined) face.color = formatColor(look.color);
    if (texture !== '') face.texture = texture;
    if (look.template) {
      face.wear = look.wear;
      face.placement = toPlacement(look.shift);
    }
    return face;
  }

  /** Throws `INVALID_ARGUMENT`. */
  #toNative({ style, color, texture = '', wear = 'correct', placement = unmoved }: Look): NativeLook {
    const number = this.#list.styles.findIndex((known) => known.name === style && known.texture === texture);
    if (number < 0) throw invalid('look: style', "one of this Masker's styles", style);
    checkChoice('look: wear', wear, wears);
    checkObject('look: placement', placement, '{ x, y, rotation, scale }');
    for (const name of ['x', 'y', 'rotation', 'scale'] as const)
      if (!Number.isFinite(placement[name])) throw invalid(`look: placement.${name}`, 'a number', placement[name]);
    const { x, y, rotation, scale } = placement;
    const shift: NativeLook['shift'] = [x, y, rotation, scale - 1];
    return { style: number, ...(color !== undefined && { color: parseColor(color) }), wear, shift };
  }
}
