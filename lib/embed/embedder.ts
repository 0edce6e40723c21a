import { existsSync } from 'node:fs';
import type { NativeEmbedRequest, NativeSimilarity } from '../../binding.js';
import { Calls } from '../calls.js';
import { fallbackProblem, nativeDevice } from '../device.js';
import { checkInteger, fromNative, invalid, MaskbenchError, type Problem } from '../errors.js';
import { checkSearch, type SearchOptions } from '../face/search.js';
import { defaultLandmarkModel, type Face, type ImageInput, toSource } from '../mask/masker.js';
import { checkDescription, type ModelDescription, readDescription } from '../models/description.js';
import { defaultModelFile, presets } from '../models/presets.js';
import { native } from '../native.js';
import { onnxRuntimeLibrary } from './runtime.js';

/** What an {@link Embedder} is made from. */
export interface EmbedderOptions extends SearchOptions {
  /** A preset that comes with its model, or an ONNX file. Default `dlib-resnet-128`. */
  model?: string;
  /** Of an ONNX file: a preset's name or a description. Default: the JSON file beside it. */
  description?: string | ModelDescription;
  /**
   * `cpu` (default), `cuda`, `cuda:1` for another device, or `auto`: the first device, and the CPU where there is none
   * ({@link Embedder.deviceProblem}). On a device the model runs, faces are searched, and crops become its input, which stays there. Never run on a GPU yet: docs/gpu.md.
   */
  device?: string;
  /** MiB of the device that may be taken, beside the model's own. Default: half of it, 8 GiB at most. */
  deviceMemory?: number;
  /** Photos worked on, or batches run, at once, 1 to 256. Default: the processors this process may use. */
  threads?: number;
  /** Faces a batch at most, 1 to 1024. Default 16. */
  maxBatch?: number;
  /** Milliseconds that a batch that is not full waits for more, 0 to 1000. Default 0: it runs as soon as nothing else is on its way. */
  maxWaitMs?: number;
  /** dlib's 68-point shape predictor. Default: as for the {@link Masker}. */
  landmarkModel?: string;
  /** Refuse photos that declare more pixels. Default 100,000,000. */
  maxPixels?: number;
  /** Use what can be read of truncated JPEGs. */
  acceptDamaged?: boolean;
}

/** A photo, or a photo and its faces, found already; the largest is embedded. */
export type EmbedInput = ImageInput | { image: ImageInput; faces: Pick<Face, 'box' | 'landmarks'>[] };

export interface EmbedOptions {
  /** The images are ready crops: stretched to the model's input where they have another size, nothing is searched. */
  crops?: boolean;
  /** A photo without a face or that can't be read: `error` (default) rejects the call, `nan` gives a row of NaN. */
  missing?: 'error' | 'nan';
  signal?: AbortSignal;
}

/** One vector, and the face that it is of. */
export interface Embedding {
  vector: Float32Array;
  /** Absent for whole images and ready crops. */
  face?: Face;
}

/** Errors that are a photo's own fault, and what an index calls them. */
export const photoStatuses: Partial<Record<string, string>> = {
  NO_FACE: 'no-face',
  NOT_FOUND: 'not-found',
  UNREADABLE: 'unreadable',
  DAMAGED: 'damaged',
  TOO_LARGE: 'too-large',
  UNSUPPORTED_FORMAT: 'unsupported',
};

/** Resolves what a model's name and description mean. The default model is built on first use. */
export async function resolveModel({
  model = 'dlib-resnet-128',
  description,
}: Pick<EmbedderOptions, 'model' | 'description'>): Promise<{ file: string; description: ModelDescription }> {
  if (model === 'dlib-resnet-128')
    return { file: await defaultModelFile(), description: presets[model] as ModelDescription };
  if (!existsSync(model))
    throw new MaskbenchError(
      'MODEL_MISSING',
      model,
      model in presets
        ? `${model}: comes without a model; give your ONNX file, with ${model} as its description`
        : `${model}: there is no such model file`,
    );
  if (typeof description === 'object')
    return { file: model, description: checkDescription(description, 'description') };
  if (description === undefined) return { file: model, description: readDescription(model) };
  const preset = presets[description];
  if (!preset) throw invalid('description', `one of ${Object.keys(presets).join(', ')}, or an object`, description);
  return { file: model, description: preset };
}

/**
 * Turns faces into vectors, many at once, on threads of the addon's own. One embedder serves any number of callers: what arrives while
 * a batch runs forms the next one. Embedders of the same model share its weights.
 */
export class Embedder {
  readonly #calls = new Calls('Embedder');
  readonly #native: InstanceType<typeof native.Embedder>;
  readonly #similarity: NativeSimilarity;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  private constructor(
    core: InstanceType<typeof native.Embedder>,
    /** What the model takes and gives. */
    readonly description: ModelDescription,
    /** Numbers of a vector. */
    readonly dimensions: number,
    /** Where it runs: `cpu` or `cuda:<n>`. */
    readonly device: string,
    inFlight: number,
  ) {
    this.#native = core;
    const { similarity } = description;
    this.#similarity =
      similarity.kind === 'sigmoid'
        ? {
            ...similarity,
            layers: similarity.layers.map(({ weights, bias }) => ({
              weights: Float32Array.from(weights),
              bias: Float32Array.from(bias),
            })),
          }
        : similarity;
    this.#free = inFlight;
  }

  /**
   * Opens a model.
   * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (options; the model's input does not fit its description), `MODEL_MISSING`,
   * `MODEL_CORRUPT`, `INFERENCE_FAILED` (it gives no finite numbers), `UNAVAILABLE` (ONNX Runtime or the device is not there)
   */
  static async open(options: EmbedderOptions = {}): Promise<Embedder> {
    const threads = checkInteger('threads', options.threads ?? native.systemInfo().processors, 1, 256);
    const maxBatch = checkInteger('maxBatch', options.maxBatch ?? 16, 1, 1024);
    const device = nativeDevice(options);
    const { file, description } = await resolveModel(options);
    const { input, cut, margin = 0.25, output = '' } = description;
    const request = {
      library: onnxRuntimeLibrary(),
      model: file,
      concurrency: threads,
      maxBatch,
      maxWaitMs: checkInteger('maxWaitMs', options.maxWaitMs ?? 0, 0, 1000),
      width: input.width,
      height: input.height,
      channelsFirst: input.layout === 'NCHW',
      blueFirst: input.colors === 'BGR',
      mean: input.mean,
      scale: input.scale,
      cut,
      margin,
      output,
      ...checkSearch(options),
      landmarkModel: options.landmarkModel ?? defaultLandmarkModel(),
      maxPixels: checkInteger('maxPixels', options.maxPixels ?? 100_000_000, 1, Number.MAX_SAFE_INTEGER),
      acceptDamaged: options.acceptDamaged ?? false,
    };
    try {
      const core = new native.Embedder({ ...request, device });
      await core.load();
      // One run says how long vectors are, and that the model works.
      const noise = {
        data: Uint8Array.from({ length: 192 }, (_, i) => (i * 97) % 256),
        width: 8,
        height: 8,
        channels: 3,
      };
      const { vector } = await core.embed({ ...noise, crop: true }, new native.Cancellation());
      return new Embedder(
        core,
        description,
        vector.length,
        core.onDevice ? `cuda:${device?.number}` : 'cpu',
        4 * maxBatch + 2 * threads,
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
   * @throws {@link MaskbenchError} `NO_FACE`, `NOT_FOUND`, `UNREADABLE`, `DAMAGED`, `TOO_LARGE`, `INFERENCE_FAILED` (also where the
   * model gives NaN), `INVALID_ARGUMENT`, `CLOSED`; the signal's reason when aborted. No row is given then.
   */
  async embed(inputs: readonly EmbedInput[], options: EmbedOptions = {}): Promise<Float32Array> {
    const { missing = 'error' } = options;
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

  /** Embeds one photo, and tells the face it found. Throws as {@link Embedder.embed}. */
  async embedOne(input: EmbedInput, { crops = false, signal }: Omit<EmbedOptions, 'missing'> = {}): Promise<Embedding> {
    const known = typeof input === 'object' && 'faces' in input ? input : { image: input, faces: undefined };
    const request: NativeEmbedRequest = { ...toSource(known.image), crop: crops };
    if (known.faces) request.faces = known.faces;
    return this.#calls.run(async (cancellation) => {
      await this.#enter();
      try {
        const { vector, face } = await this.#native.embed(request, cancellation);
        return { vector, ...(face && { face }) };
      } finally {
        this.#leave();
      }
    }, signal);
  }

  /** How alike two vectors are by the model's own similarity. Throws `INVALID_ARGUMENT` for vectors of different lengths. */
  similarity(a: Float32Array, b: Float32Array): number {
    if (a.length !== b.length) throw invalid('b', `${a.length} numbers`, b);
    return native.similarity(a, b, this.#similarity);
  }

  /** Similarities of pairs of rows of [n × dimensions] vectors; NaN where a vector is missing. */
  similarities(vectors: Float32Array, first: ArrayLike<number>, second: ArrayLike<number>): Promise<Float64Array> {
    const rows = [first, second].map((side) => Int32Array.from(side)) as [Int32Array, Int32Array];
    return native.similarities(vectors, this.dimensions, ...rows, this.#similarity);
  }

  /** Waits for the calls under way; later ones reject with `CLOSED`. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  /** Waits until the addon holds few enough requests. */
  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
