import pLimit, { type LimitFunction } from 'p-limit';
import type { NativeEmbedRequest, NativeSimilarity } from '../../binding.js';
import { Calls } from '../calls.js';
import { fallbackProblem, nativeDevice } from '../device.js';
import {
  checkArray,
  checkChoice,
  checkFlag,
  checkInteger,
  checkNumbers,
  checkOptions,
  checkPath,
  fromNative,
  invalid,
  MaskbenchError,
  type Problem,
} from '../errors.js';
import { type FaceChoice, faceChoices } from '../face/choice.js';
import { type Box, type Face, type FivePoints, type KnownFace, toFace } from '../face/face.js';
import { checkBox, checkFace, checkFivePoints } from '../face/known.js';
import type { SearchOptions } from '../face/search.js';
import { isFile, isFolder } from '../files/walk.js';
import { type ImageInput, toSource } from '../image/image.js';
import { readAdapter } from '../models/adapter.js';
import { type ModelDescription, readDescription } from '../models/description.js';
import { defaultDetector } from '../models/detectors/presets.js';
import { checkDetection, resolveSearch, type Search } from '../models/detectors/search.js';
import { fingerprint } from '../models/fingerprint.js';
import { knownDescription } from '../models/known-description.js';
import { presetModelFile, presets } from '../models/presets.js';
import { onnxRuntimeLibrary } from '../models/runtime.js';
import type { Similarity } from '../models/similarity.js';
import { native } from '../native.js';

/** Options of {@link Embedder.open}. */
export interface EmbedderOptions extends SearchOptions {
  /** A preset that comes with its model or whose model was fetched, or an ONNX file. Default `dlib-resnet-128`. */
  model?: string;
  /** Description of an ONNX file: the name of a preset, or an object. Default: the JSON file beside the model. */
  description?: string | ModelDescription;
  /** An adapter of this model, as `trainAdapter` writes it: it corrects the vectors of masked faces. */
  adapter?: string;
  /**
   * `cpu` (default), `cuda`, `cuda:1` for another device, or `auto`: the first device, and the CPU for what it cannot
   * do ({@link Embedder.deviceProblem}). On a device the model runs, faces are searched, and crops become its input,
   * which stays there. A neural detector searches on the CPU. Not with `dlib`, or `hog` and `minFace`, `maxSize` or
   * `pad`. Not run on a GPU yet: docs/gpu.md.
   */
  device?: string;
  /** MiB of the device that may be taken, beside the model's own. Default: half of it, 8 GiB at most. */
  deviceMemory?: number;
  /** Photos or batches processed at once, 1 to 256. Default: the processors this process may use. */
  concurrency?: number;
  /** Faces in one batch at most, 1 to 1024. Default 16. */
  maxBatch?: number;
  /**
   * Milliseconds that an incomplete batch waits for more photos, 0 to 1000. Default 0: it runs once no photo is in
   * preparation.
   */
  maxWaitMs?: number;
  /** Photos with more pixels are refused. Default 100,000,000. */
  maxPixels?: number;
  /** Accept truncated JPEGs and use the readable part. */
  acceptDamaged?: boolean;
  /**
   * A vector is the mean of those of the cut face and of its mirror image, as published protocols have it (they add the
   * two and normalise the sum). Takes twice the time. Default false.
   */
  mirror?: boolean;
}

/**
 * A photo; or a photo with known faces, which are not searched; or a photo with the box where its face is expected: of
 * the faces found, the one that overlaps it most is embedded, with an intersection over union of 0.3 or more, and the
 * detector's `expectedScore` is enough; or a photo with five points of its face, which is cut by them, for models whose
 * cut is `align5`.
 */
export type EmbedInput =
  | ImageInput
  | { image: ImageInput; faces: readonly KnownFace[] }
  | { image: ImageInput; expected: Box }
  | { image: ImageInput; points: FivePoints };

const missingModes = ['error', 'nan'] as const;

export interface EmbedOptions {
  /** Which of several faces is embedded, where none is expected. Default `largest`. */
  select?: FaceChoice;
  /** The images are faces that are already cropped: they are resized to the model's input, and no face is searched. */
  crops?: boolean;
  /**
   * The faces wear masks: landmarks that dlib's predictor finds in them are corrected, and with an adapter their vectors
   * are, too. Landmarks that are given stay as they are.
   */
  masked?: boolean;
  /** A photo without a face or that can't be read: `error` (default) rejects the call, `nan` gives a row of NaN. */
  missing?: 'error' | 'nan';
  signal?: AbortSignal;
}

/** One vector and its face. */
export interface Embedding {
  vector: Float32Array;
  /** Absent for whole images and ready crops. */
  face?: Face;
}

/** Errors caused by a photo itself, and their status in an index. */
export const photoStatuses: Partial<Record<string, string>> = {
  NO_FACE: 'no-face',
  WRONG_FACE: 'wrong-face',
  NOT_FOUND: 'not-found',
  UNREADABLE: 'unreadable',
  DAMAGED: 'damaged',
  TOO_LARGE: 'too-large',
  UNSUPPORTED_FORMAT: 'unsupported',
};

/** Resolves the name and the description of a model. The default model is built on first use. */
export async function resolveModel({
  model = 'dlib-resnet-128',
  description,
}: {
  model?: string | undefined;
  description?: EmbedderOptions['description'] | undefined;
}): Promise<{ file: string; description: ModelDescription }> {
  checkPath('model', model);
  if (Object.hasOwn(presets, model))
    return { file: await presetModelFile(model), description: knownDescription(description ?? model) };
  if (!(await isFile(model)))
    throw new MaskbenchError(
      'MODEL_MISSING',
      model,
      (await isFolder(model))
        ? `${model}: expected a model file, found a folder`
        : `${model}: the model file does not exist`,
    );
  return {
    file: model,
    description: description === undefined ? await readDescription(model) : knownDescription(description),
  };
}

/** A similarity as the addon takes it. */
export function toNativeSimilarity(similarity: Similarity): NativeSimilarity {
  if (similarity.kind !== 'sigmoid') return similarity;
  const layers = similarity.layers.map(({ weights, bias }) => ({
    weights: Float32Array.from(weights),
    bias: Float32Array.from(bias),
  }));
  return { ...similarity, layers };
}

/** The options with their defaults, except the model. Throws `INVALID_ARGUMENT`. */
export function checkEmbedder(options: EmbedderOptions) {
  checkOptions(options);
  checkFlag('acceptDamaged', options.acceptDamaged);
  if (options.adapter !== undefined) checkPath('adapter', options.adapter);
  checkFlag('mirror', options.mirror);
  const device = nativeDevice(options);
  const { detector, isHog, minFace, maxSize, pad = 0 } = checkDetection(options, defaultDetector);
  if (device !== undefined && (detector === 'dlib' || (isHog && minFace + maxSize + pad > 0)))
    throw invalid('device', 'cpu, with the detector dlib, or hog with minFace, maxSize or pad', options.device);
  return {
    device,
    concurrency: checkInteger('concurrency', options.concurrency ?? native.systemInfo().processors, 1, 256),
    maxBatch: checkInteger('maxBatch', options.maxBatch ?? 16, 1, 1024),
    maxWaitMs: checkInteger('maxWaitMs', options.maxWaitMs ?? 0, 0, 1000),
    maxPixels: checkInteger('maxPixels', options.maxPixels ?? 100_000_000, 1, Number.MAX_SAFE_INTEGER),
    acceptDamaged: options.acceptDamaged ?? false,
    mirror: options.mirror ?? false,
  };
}

/**
 * Opens an adapter. Throws `INVALID_ARGUMENT` where it is for another model, `MODEL_MISSING`, `MODEL_CORRUPT`,
 * `UNAVAILABLE`.
 */
async function openAdapter(
  adapter: string,
  { file, description }: Awaited<ReturnType<typeof resolveModel>>,
  { dimensions, concurrency, library }: { dimensions: number; concurrency: number; library: string },
): Promise<InstanceType<typeof native.Adapter>> {
  const trained = await readAdapter(adapter);
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', adapter, `${adapter}: ${problem}`);
  if (trained.dimensions !== dimensions)
    throw refuse(`the adapter takes vectors of ${trained.dimensions} numbers, ${description.name} gives ${dimensions}`);
  if (trained.fingerprint !== (await fingerprint(file, description)))
    throw refuse(
      `the adapter was trained on vectors of ${trained.model} (${trained.fingerprint}), and ${file} is another model or is described in another way`,
    );
  const opened = new native.Adapter({ library, model: adapter, concurrency });
  await opened.load();
  return opened;
}

/** A photo as the addon takes it. Throws `INVALID_ARGUMENT`. */
function toRequest(name: string, input: EmbedInput): Omit<NativeEmbedRequest, 'crop' | 'masked' | 'select'> {
  if (typeof input !== 'object' || input === null || !('image' in input)) return toSource(input, name);
  const { image, faces, expected, points } = input as {
    image: ImageInput;
    faces?: readonly KnownFace[];
    expected?: Box;
    points?: FivePoints;
  };
  const source = toSource(image, `${name}: image`);
  if (faces !== undefined) checkArray(`${name}: faces`, faces, checkFace, 'an array of faces');
  if (expected !== undefined) {
    if (faces !== undefined) throw invalid(`${name}: expected`, 'nothing, with faces', expected);
    checkBox(`${name}: expected`, expected);
  }
  if (points !== undefined) checkFivePoints(`${name}: points`, points);
  return {
    ...source,
    ...(faces !== undefined && { faces }),
    ...(expected !== undefined && { expected }),
    ...(points !== undefined && { points }),
  };
}

/**
 * Embeds faces as vectors, in batches, on the addon's own threads. One embedder serves any number of callers: photos
 * that arrive while a batch runs form the next batch. Embedders of the same model share its weights.
 * @example
 * const embedder = await Embedder.open();
 * const vectors = await embedder.embed(['a.jpg', 'b.jpg']);
 * const { dimensions } = embedder;
 * console.log(embedder.similarity(vectors.subarray(0, dimensions), vectors.subarray(dimensions)));
 * await embedder.close();
 */
export class Embedder {
  readonly #calls = new Calls('Embedder');
  readonly #native: InstanceType<typeof native.Embedder>;
  readonly #similarity: NativeSimilarity;
  /** Corrects the vectors of masked faces. */
  readonly #adapter: InstanceType<typeof native.Adapter> | undefined;
  /** The addon holds no more requests than keep it busy. */
  readonly #gate: LimitFunction;

  private constructor(
    core: InstanceType<typeof native.Embedder>,
    /** Input and output of the model. */
    readonly description: ModelDescription,
    /** Length of a vector. */
    readonly dimensions: number,
    /** Where it runs: `cpu` or `cuda:<n>`. */
    readonly device: string,
    /**
     * Why images run one by one although the model takes batches: its vectors depend on the other images of a batch.
     */
    readonly batchProblem: string | undefined,
    /** What decides which faces are found: the detector's name and its options. */
    readonly search: Search,
    adapter: InstanceType<typeof native.Adapter> | undefined,
    inFlight: number,
  ) {
    this.#native = core;
    this.#adapter = adapter;
    const { similarity } = description;
    this.#similarity = toNativeSimilarity(similarity);
    this.#gate = pLimit(inFlight);
  }

  /**
   * Opens a model.
   * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (options; the model's input does not fit its description),
   * `MODEL_MISSING`, `MODEL_CORRUPT`, `INFERENCE_FAILED` (it returned NaN or infinity, or different vectors for the
   * same image), `UNAVAILABLE` (ONNX Runtime or the device is missing); `INVALID_ARGUMENT` also for an adapter of
   * another model
   */
  static async open(options: EmbedderOptions = {}): Promise<Embedder> {
    const { device, concurrency, maxBatch, ...checked } = checkEmbedder(options);
    const search = await resolveSearch(options, defaultDetector);
    const model = await resolveModel(options);
    const { file, description } = model;
    const { input, cut, margin = 0.25, output = '' } = description;
    const library = await onnxRuntimeLibrary();
    const request = {
      library,
      model: file,
      concurrency,
      maxBatch,
      width: input.width,
      height: input.height,
      channelsFirst: input.layout === 'NCHW',
      blueFirst: input.colors === 'BGR',
      mean: input.mean,
      scale: input.scale,
      cut,
      margin,
      output,
      ...search.native,
      ...checked,
    };
    try {
      const core = new native.Embedder({ ...request, device });
      const { dimensions, batchProblem } = await core.load();
      const [first] = description.similarity.kind === 'sigmoid' ? description.similarity.layers : [];
      if (first && first.weights.length !== dimensions * first.bias.length)
        throw invalid(
          'description: similarity.layers[0].weights',
          `${dimensions} × ${first.bias.length} numbers, for vectors of ${dimensions}`,
          first.weights.length,
        );
      return new Embedder(
        core,
        description,
        dimensions,
        core.onDevice ? `cuda:${device?.number}` : 'cpu',
        batchProblem || undefined,
        search,
        options.adapter === undefined
          ? undefined
          : await openAdapter(options.adapter, model, { dimensions, concurrency, library }),
        4 * maxBatch + 2 * concurrency,
      );
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** Why the CPU does a part of what `auto` left to a device; undefined while it does not. */
  get deviceProblem(): Problem | undefined {
    return fallbackProblem(this.#native);
  }

  /**
   * Embeds photos.
   * @returns [n × d], row-major, in the order of `inputs`
   * @throws {@link MaskbenchError} `NO_FACE`, `WRONG_FACE` (not the expected one), `NOT_FOUND`, `UNREADABLE`,
   * `DAMAGED`, `TOO_LARGE`, `INFERENCE_FAILED` (also if the model returns NaN), `INVALID_ARGUMENT`, `CLOSED`; the
   * signal's reason when aborted. No row is returned then.
   */
  async embed(inputs: readonly EmbedInput[], options: EmbedOptions = {}): Promise<Float32Array> {
    checkOptions(options);
    const missing = checkChoice('missing', options.missing ?? 'error', missingModes);
    checkChoice('select', options.select ?? 'largest', faceChoices);
    // All inputs are checked first, so that a wrong one does not waste the work on the others.
    checkArray('inputs', inputs, (name, input) => toRequest(name, input as EmbedInput), 'an array of photos');
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const vectors = await Promise.all(
      inputs.map((input) =>
        this.embedOne(input, { ...options, signal }).then(
          ({ vector }) => vector,
          (error) => {
            if (missing === 'nan' && error instanceof MaskbenchError && error.code in photoStatuses) return undefined;
            stop.abort(error);
            throw error;
          },
        ),
      ),
    );
    const { dimensions } = this;
    const rows = new Float32Array(inputs.length * dimensions).fill(Number.NaN);
    for (const [i, vector] of vectors.entries()) if (vector) rows.set(vector, i * dimensions);
    return rows;
  }

  /** Embeds one photo, and returns the face that was found. Throws as {@link Embedder.embed}. */
  async embedOne(input: EmbedInput, options: Omit<EmbedOptions, 'missing'> = {}): Promise<Embedding> {
    checkOptions(options);
    checkFlag('crops', options.crops);
    checkFlag('masked', options.masked);
    const { crops = false, masked = false, signal } = options;
    const select = checkChoice('select', options.select ?? 'largest', faceChoices);
    const request: NativeEmbedRequest = { ...toRequest('input', input), crop: crops, masked, select };
    if (request.points !== undefined && this.description.cut !== 'align5')
      throw invalid('input: points', 'a model whose cut is align5', this.description.cut);
    const { vector, face } = await this.#calls.run(
      (cancellation) => this.#gate(() => this.#native.embed(request, cancellation)),
      signal,
    );
    const adapter = this.#adapter;
    const corrected =
      masked && adapter ? await this.#calls.run(() => this.#gate(() => adapter.correct(vector)), signal) : vector;
    const detector = request.faces === undefined ? this.search.name : undefined;
    return { vector: corrected, ...(face && { face: toFace(face, detector) }) };
  }

  /**
   * The similarity of two vectors as the model's description defines it. Higher is more alike. Throws
   * `INVALID_ARGUMENT` for vectors of other lengths, with NaN, or of zeros if the similarity is a cosine.
   */
  similarity(a: Float32Array, b: Float32Array): number {
    for (const [name, vector] of Object.entries({ a, b }))
      if (!(vector instanceof Float32Array) || vector.length !== this.dimensions)
        throw invalid(name, `a Float32Array of ${this.dimensions} numbers`, vector?.length ?? vector);
    const similarity = native.similarity(a, b, this.#similarity);
    if (!Number.isNaN(similarity)) return similarity;
    for (const [name, vector] of [['a', a] as const, ['b', b] as const])
      if (vector.every((value) => value === 0))
        throw new MaskbenchError(
          'INVALID_ARGUMENT',
          name,
          `${name}: a zero vector has no ${this.#similarity.kind} similarity`,
        );
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'a',
      'a, b: the similarity of vectors with NaN or infinities is undefined',
    );
  }

  /**
   * Similarities of pairs of rows of [n × dimensions] vectors.
   * @param first [pairs]: row numbers, from 0
   * @param second [pairs]: row numbers, from 0
   * @returns [pairs]; NaN where a vector is missing
   * @throws {@link MaskbenchError} `INVALID_ARGUMENT`: an incomplete row, sides of different lengths, or row numbers
   * out of range
   */
  async similarities(
    vectors: Float32Array,
    first: ArrayLike<number>,
    second: ArrayLike<number>,
  ): Promise<Float64Array> {
    if (!(vectors instanceof Float32Array) || vectors.length % this.dimensions !== 0)
      throw invalid('vectors', `a Float32Array of rows of ${this.dimensions} numbers`, vectors?.length ?? vectors);
    const last = vectors.length / this.dimensions - 1;
    const toRows = (name: string, side: ArrayLike<number>) =>
      Int32Array.from(checkNumbers(name, side), (row, i) => checkInteger(`${name}[${i}]`, row, 0, last));
    const rows = [toRows('first', first), toRows('second', second)] as const;
    if (rows[0].length !== rows[1].length) throw invalid('second', `${rows[0].length} row numbers`, rows[1].length);
    return native.similarities(vectors, this.dimensions, ...rows, this.#similarity);
  }

  /** Waits for the running calls and releases the model. Later calls reject with `CLOSED`. */
  async close(): Promise<void> {
    await this.#calls.close();
    this.#native.close();
  }
}
