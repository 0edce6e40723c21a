import type { NativeAdaptCorpus, NativeHead } from '../../binding.js';
import { callNative } from '../calls.js';
import { MaskbenchError } from '../errors.js';
import { ScoreSet } from '../metrics/score-set.js';
import type { VectorSimilarity } from '../models/similarity.js';
import { native } from '../native.js';
import { mostImpostors, target } from './measure.js';
import { PeoplePairs } from './pairs.js';
import type { Split } from './split.js';
import type { TwinVectors } from './vectors.js';

export const methods = ['linear', 'srt', 'infonce'] as const;
/**
 * How an adapter is trained: `linear`, ridge regression, a map for each file of vectors and a linear gate between them;
 * `srt`, a network by the self-restrained triplet loss; `infonce`, the same network by a contrastive loss.
 */
export type Method = (typeof methods)[number];

/** A head, how it was made, and how it does on the validation people. */
export interface Trained {
  head: NativeHead;
  method: Method;
  parameters: Record<string, number | string>;
  /** FNMR at an FMR of 1e-2, plain–masked. */
  validationFnmr: number;
}

export interface TrainOptions {
  methods: readonly Method[];
  /** As Boutros et al. published it. */
  published: boolean;
  similarity: VectorSimilarity;
  seed: number;
  concurrency: number;
  signal: AbortSignal | undefined;
  onProgress: (share: number) => void;
}

/** Penalties of ridge regression, in mean variances of a masked number. */
const penalties = [0.03, 0.1, 0.3, 1];

/** The margin of the self-restrained triplet loss, as published. */
const margin = 2;

/** One way to train the network. */
interface Recipe {
  method: 'srt' | 'infonce';
  /** What the network corrects: the vectors, or what ridge regression makes of them. */
  start: 'direct' | 'linear';
  rate: number;
  temperature: number;
  updates: number;
  batch: number;
  /** Updates between looks at the validation people. */
  every: number;
}

/** Where the learning rate becomes a tenth, as shares of the updates: after 3, 6 and 9 of 10 epochs. */
const drops = [0.3, 0.6, 0.9];

function recipesOf(rows: number, { methods, published }: TrainOptions): Recipe[] {
  if (published) {
    const batch = Math.min(512, rows);
    const epoch = Math.floor(rows / batch);
    return [{ method: 'srt', start: 'direct', rate: 0.1, temperature: 0, updates: 10 * epoch, batch, every: epoch }];
  }
  const batch = Math.max(2, Math.min(512, Math.floor(rows / 8)));
  const updates = Math.max(3000, 10 * Math.floor(rows / batch));
  const common = { start: 'linear', updates, batch, every: Math.ceil(updates / 20) } as const;
  return methods.flatMap((method): Recipe[] => {
    if (method === 'linear') return [];
    // A few hundred people are learned by heart within some hundred updates: small steps, and the best update is taken.
    if (method === 'srt') return [{ ...common, method, rate: 0.01, temperature: 0 }];
    return [{ ...common, method, rate: 1e-4, temperature: 0.5 }];
  });
}

/**
 * Trains a head for each recipe, and keeps the one that does best on the validation people, at whatever update. Where
 * it is aborted, that is the best until then; undefined if there is none yet.
 */
export async function trainHead(
  vectors: TwinVectors,
  split: Split,
  options: TrainOptions,
): Promise<Trained | undefined> {
  const { similarity, seed, concurrency, signal, onProgress } = options;
  const { identities, twins, styles } = vectors;
  const validated = new PeoplePairs(vectors, split.validation, seed);
  const pairs = validated.pairs('plain-masked', mostImpostors);
  if (pairs.genuine === 0 || pairs.impostors < 1 / target)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'vectors',
      `vectors: expected at least ${1 / target} impostor pairs of the validation people, and a genuine pair of different photos, found ${pairs.impostors} and ${pairs.genuine}`,
    );
  let best = undefined as Trained | undefined;
  const offer = async (candidate: Omit<Trained, 'validationFnmr'>) => {
    const { scores, labels } = await validated.score(pairs, similarity, candidate.head, concurrency);
    const trained = { ...candidate, validationFnmr: (await ScoreSet.from(scores, labels)).fnmrAtFmr(target).fnmr };
    if (best && best.validationFnmr <= trained.validationFnmr) return;
    best = trained;
  };
  const rows = Int32Array.from(twins.keys()).filter((row) =>
    split.train.has(identities[twins[row] as number] as number),
  );
  const { plain, masked, dimensions } = vectors;
  const corpus = { plain, masked, dimensions, twins, styles, identities, rows, byAngle: similarity === 'cosine' };
  const recipes = recipesOf(rows.length, options);
  const total = recipes.reduce((sum, { updates }) => sum + updates, 0);
  let done = 0;
  try {
    let linear: Trained | undefined;
    if (options.methods.includes('linear') || recipes.some(({ start }) => start === 'linear')) {
      const heads = await callNative(
        (cancellation) => native.solveRidge(corpus, Float64Array.from(penalties), concurrency, cancellation),
        signal,
      );
      for (const [i, head] of heads.entries())
        await offer({ head, method: 'linear', parameters: { penalty: penalties[i] as number } });
      linear = best;
      if (!options.methods.includes('linear')) best = undefined;
    }
    for (const { method, start, rate, temperature, updates, batch, every } of recipes) {
      const base = start === 'linear' ? linear : undefined;
      const given = base ? await correctedCorpus(corpus, base.head, concurrency) : corpus;
      const trainer = new native.AdapterTrainer(given, {
        ...{ loss: method, margin, temperature, residual: base !== undefined, batch, seed, concurrency },
      });
      for (let at = 0; at < updates; ) {
        const count = Math.min(every, updates - at);
        const dropped = drops.filter((share) => at >= share * updates).length;
        await callNative((cancellation) => trainer.train(count, rate * 0.1 ** dropped, cancellation), signal);
        at += count;
        const { stages, length } = trainer.head();
        await offer({
          head: { stages: [...(base?.head.stages ?? []), ...stages], length },
          method,
          parameters: {
            ...{ start, rate, batch, updates: at },
            ...(method === 'infonce' ? { temperature } : { margin }),
            ...base?.parameters,
          },
        });
        done += count;
        onProgress(done / total);
      }
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  if (best?.method !== 'linear' || signal?.aborted) return best;
  // A closed form chosen by the others: the validation people now teach, too.
  const all = Int32Array.from(twins.keys()).filter(
    (row) => !split.test.has(identities[twins[row] as number] as number),
  );
  const penalty = Float64Array.of(best.parameters.penalty as number);
  const [head] = await callNative((cancellation) =>
    native.solveRidge({ ...corpus, rows: all }, penalty, concurrency, cancellation),
  );
  return { ...best, head: head as NativeHead };
}

const rowsAtOnce = 8192;

/** The rows of a corpus that are learned from, their masked vectors corrected by a head. */
async function correctedCorpus(corpus: NativeAdaptCorpus, head: NativeHead, concurrency: number) {
  const { masked, dimensions, rows, twins, styles } = corpus;
  const corrected = new Float32Array(rows.length * dimensions);
  // In parts, because the addon makes them before they are copied.
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const some = rows.subarray(from, from + rowsAtOnce);
    corrected.set(await native.applyHead(head, masked, dimensions, some, concurrency), from * dimensions);
  }
  return {
    ...corpus,
    masked: corrected,
    twins: rows.map((row) => twins[row] as number),
    styles: rows.map((row) => styles[row] as number),
    rows: Int32Array.from(rows.keys()),
  };
}
