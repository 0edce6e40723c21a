import { Embedder, resolveModel } from '../embed/embedder.js';
import {
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  checkPath,
  checkPaths,
  invalid,
  MaskbenchError,
} from '../errors.js';
import { checkReplaceable, writeFileAtomically } from '../files/atomic.js';
import { adapterKey, encodeAdapter } from '../models/adapter.js';
import type { ModelDescription } from '../models/description.js';
import { fingerprint } from '../models/fingerprint.js';
import type { VectorSimilarity } from '../models/similarity.js';
import { native } from '../native.js';
import { type Change, measureChanges, type Tested, target } from './measure.js';
import { foldPeople, type Split, splitPeople } from './split.js';
import { type Method, methods, type Trained, trainHead } from './train.js';
import { readTwins, type TwinVectors } from './vectors.js';

/** Options of {@link trainAdapter}. */
export interface AdaptOptions {
  /** The model that made the vectors, as for `Embedder.open`. Default `dlib-resnet-128`. */
  model?: string;
  description?: string | ModelDescription;
  /** Default: all of them are tried, and the validation people decide. */
  method?: Method;
  /**
   * `published`: `srt` as Boutros et al. trained it (10 epochs, batches of 512, learning rate 0.1, which becomes a
   * tenth every 3 epochs), from random weights. Negatives are drawn from all photos, not from about 80 files as an
   * index error of the published program does.
   */
  preset?: 'published';
  /** Share of the people that choose method, parameters and update. Default 0.15. */
  validation?: number;
  /** Share of the people that the result is measured on. Default 0.2. */
  test?: number;
  /**
   * The number of folds, instead of `test`: each person is tested once, in one fold, and each fold has a head and a
   * threshold of its own. The head that is written has no test people.
   */
  folds?: number;
  /** The same seed gives the same head, on any number of threads. Default 0. */
  seed?: number;
  /** Draws of the intervals. Default 1000. */
  draws?: number;
  /** Default: the processors this process may use. */
  concurrency?: number;
  /** Aborting keeps the best head so far in `out`. */
  signal?: AbortSignal;
  /** Called as training goes: `done` of `total` heads, with fractions. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** The result of {@link trainAdapter}. */
export interface Adaptation {
  adapter: string;
  model: string;
  method: Method;
  parameters: Record<string, number | string>;
  people: { train: number; validation: number; test: number };
  /** Masked vectors with a plain twin, and plain ones. */
  masked: number;
  plain: number;
  /** FNMR at an FMR of 1e-2 of the validation people. They chose the head, so this is too low for a result. */
  validationFnmr: number;
  /** Without and with the adapter, on people that the head was not trained or chosen on. */
  changes: Change[];
  /**
   * By plain–masked FNMR at an FMR of 1e-2: `unclear` where the interval of its difference includes 0, or where there
   * are too few pairs to measure it.
   */
  verdict: 'better' | 'worse' | 'unclear';
  notes: string[];
  seconds: number;
}

const presetNames = ['published'] as const;

function checkAdapt(options: AdaptOptions) {
  checkOptions(options);
  const { method, preset, folds } = options;
  if (method !== undefined) checkChoice('method', method, methods);
  if (preset !== undefined) checkChoice('preset', preset, presetNames);
  if (preset !== undefined && method !== undefined && method !== 'srt')
    throw invalid('method', `srt, with the preset ${preset}`, method);
  if (folds !== undefined && options.test !== undefined) throw invalid('test', 'nothing, with folds', options.test);
  return {
    methods: preset !== undefined ? (['srt'] as const) : method !== undefined ? [method] : methods,
    published: preset !== undefined,
    validation: checkNumber('validation', options.validation ?? 0.15, 0.01, 0.9),
    test: checkNumber('test', options.test ?? 0.2, 0.01, 0.9),
    folds: folds === undefined ? undefined : checkInteger('folds', folds, 2, 1000),
    seed: checkInteger('seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER),
    draws: checkInteger('draws', options.draws ?? 1000, 1, 1_000_000),
    concurrency: checkInteger('concurrency', options.concurrency ?? native.systemInfo().processors, 1, 256),
  };
}

/**
 * Trains a small network, or a linear map, that corrects a model's vectors of masked faces, and measures it on people
 * that it was not trained on. The people are divided into three sets: for training, for choosing, for measuring.
 * @param vectors Files of vectors with their indices, as `embedFiles` writes them; for example one for each mask style.
 * A photo's plain vector counts once.
 * @param out The adapter to write, `<name>.onnx`. An adapter is replaced.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (options; vectors without masked twins, of too few people, with NaN, or
 * of another model's length; a model whose vectors are compared by a network), `NOT_FOUND`, `UNREADABLE`,
 * `WRITE_FAILED`; the signal's reason when aborted, with the best head so far in `out`
 * @example
 * const { verdict, changes } = await trainAdapter(['surgical.npy', 'cloth.npy'], 'head.onnx', { seed: 1 });
 */
export async function trainAdapter(
  vectors: readonly string[],
  out: string,
  options: AdaptOptions = {},
): Promise<Adaptation> {
  const start = performance.now();
  checkPaths('vectors', vectors);
  if (vectors.length === 0) throw invalid('vectors', 'at least one file', vectors);
  if (!/\.onnx$/i.test(checkPath('out', out))) throw invalid('out', 'a name that ends in .onnx', out);
  const checked = checkAdapt(options);
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  await checkReplaceable(out, 'an adapter', (head) => head.includes(adapterKey));
  const { file, description } = await resolveModel(options);
  const { name: model, similarity } = description;
  if (similarity.kind === 'sigmoid')
    throw invalid('model', 'one whose vectors are compared by cosine or distance', `${model} (sigmoid)`);
  const embedder = await Embedder.open({
    ...(options.model !== undefined && { model: options.model }),
    description,
    maxBatch: 1,
    concurrency: 1,
  });
  await embedder.close();
  const twins = await readTwins(vectors);
  if (twins.dimensions !== embedder.dimensions)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'vectors',
      `vectors: ${model} gives vectors of ${embedder.dimensions} numbers, found ${twins.dimensions} in ${vectors.join(', ')}`,
    );
  const about = { model, fingerprint: await fingerprint(file, description), dimensions: twins.dimensions };
  const folds = checked.folds === undefined ? undefined : foldPeople(twins, checked.folds, checked);
  const main = folds ? withoutTest(folds[0] as Split) : splitPeople(twins, checked);
  const rounds = [main, ...(folds ?? [])];
  const training = `${twins.twins.length} masked vectors of ${main.train.size} people: ${vectors.join(', ')}`;
  const write = async ({ head, method, parameters }: Trained) =>
    writeFileAtomically(out, await encodeAdapter(head, { ...about, method, parameters, training }));
  const trained: Trained[] = [];
  for (const [i, split] of rounds.entries()) {
    const found = await trainHead(twins, split, {
      ...checked,
      similarity: similarity.kind,
      signal,
      onProgress: (share) => onProgress?.({ done: i + share, total: rounds.length }),
    });
    if (found && i === 0) await write(found);
    signal?.throwIfAborted();
    trained.push(found as Trained);
    onProgress?.({ done: i + 1, total: rounds.length });
  }
  const tested: Tested[] = rounds
    .map(({ test }, i) => ({ people: test, head: (trained[i] as Trained).head }))
    .filter(({ people }) => people.size > 0);
  const changes = await measureChanges(twins, tested, {
    ...checked,
    similarity: similarity.kind as VectorSimilarity,
    signal,
  });
  const { method, parameters, validationFnmr } = trained[0] as Trained;
  return {
    ...{ adapter: out, model, method, parameters },
    people: {
      train: main.train.size,
      validation: main.validation.size,
      test: tested.reduce((sum, { people }) => sum + people.size, 0),
    },
    ...{ masked: twins.twins.length, plain: twins.identities.length, validationFnmr, changes },
    verdict: verdictOf(changes),
    notes: notesOf(twins, changes),
    seconds: (performance.now() - start) / 1000,
  };
}

/** The split in which a fold's test people are trained on. */
function withoutTest({ train, validation, test }: Split): Split {
  return { train: new Set([...train, ...test]), validation, test: new Set() };
}

const headline = (changes: readonly Change[]) =>
  changes.find(
    (change) => change.condition === 'plain-masked' && change.measure === 'FNMR' && change.target === target,
  );

function verdictOf(changes: readonly Change[]): Adaptation['verdict'] {
  const [low, high] = headline(changes)?.difference.interval ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return high < 0 ? 'better' : low > 0 ? 'worse' : 'unclear';
}

function notesOf({ alone }: TwinVectors, changes: readonly Change[]): string[] {
  return [
    ...(alone > 0 ? [`${alone} masked vectors have no plain vector of the same photo, and were left out`] : []),
    ...(headline(changes) ? [] : [`the test people have too few pairs to measure FNMR at an FMR of ${target}`]),
  ];
}
