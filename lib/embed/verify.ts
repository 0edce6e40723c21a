import { checkChoice, checkFlag, checkOptions, checkPath, checkRates, MaskbenchError } from '../errors.js';
import { type FaceChoice, faceChoices } from '../face/choice.js';
import { readThreshold } from '../metrics/threshold-files.js';
import type { Similarity } from '../models/similarity.js';
import { Embedder, type EmbedderOptions, type EmbedInput } from './embedder.js';

/** Options of {@link verifyPhotos}. */
export interface VerifyOptions extends EmbedderOptions {
  /** Which of several faces is compared. Default `largest`. */
  select?: FaceChoice;
  /** The photos are ready crops. */
  crops?: boolean;
  /** The saved evaluation (JSON of `evaluate`) of the same model to take the threshold from. */
  thresholdFrom?: string;
  /** The FMR of that threshold. Default 1e-3. */
  thresholdFmr?: number;
}

/** What {@link verifyPhotos} found. */
export interface Verification {
  model: string;
  kind: Similarity['kind'];
  similarity: number;
  /** With a threshold: it, its FMR, and whether the similarity reaches it. */
  threshold?: number;
  fmr?: number;
  match?: boolean;
  /** What could not be checked about the threshold, and what the model or the device could not do. */
  notes: string[];
}

/**
 * Compares the faces of two photos, and with a threshold says whether they match.
 * @throws {@link MaskbenchError} as {@link Embedder.open} and {@link Embedder.embed}; `INFERENCE_FAILED` for a vector
 * of zeros, which has no cosine; `INVALID_ARGUMENT` for a threshold of another model, similarity, direction or
 * definition
 * @example
 * const { similarity, match } = await verifyPhotos('a.jpg', 'b.jpg', { thresholdFrom: 'evaluation.json' });
 */
export async function verifyPhotos(a: EmbedInput, b: EmbedInput, options: VerifyOptions = {}): Promise<Verification> {
  checkOptions(options);
  checkFlag('crops', options.crops);
  if (options.thresholdFrom !== undefined) checkPath('thresholdFrom', options.thresholdFrom);
  checkRates('thresholdFmr', [options.thresholdFmr ?? 1e-3]);
  const select = checkChoice('select', options.select ?? 'largest', faceChoices);
  const { crops = false, thresholdFrom, thresholdFmr = 1e-3, ...opening } = options;
  const embedder = await Embedder.open(opening);
  try {
    const vectors = await embedder.embed([a, b], { crops, select });
    const { dimensions, deviceProblem, batchProblem } = embedder;
    const { name: model, similarity: described } = embedder.description;
    const { kind } = described;
    const zero = Object.entries({ a, b })
      .filter((_, i) => vectors.subarray(i * dimensions, (i + 1) * dimensions).every((value) => value === 0))
      .map(([name, photo]) => (typeof photo === 'string' ? photo : name));
    if (kind === 'cosine' && zero.length > 0)
      throw new MaskbenchError(
        'INFERENCE_FAILED',
        zero.join(', '),
        `${zero.join(', ')}: ${model} gives a vector of zeros, which has no cosine similarity`,
      );
    const similarity = embedder.similarity(vectors.subarray(0, dimensions), vectors.subarray(dimensions));
    const notes = [deviceProblem?.message, batchProblem].filter((problem) => problem !== undefined);
    if (thresholdFrom === undefined) return { model, kind, similarity, notes };
    const { threshold, notes: unchecked } = await readThreshold(thresholdFrom, thresholdFmr, {
      ...{ name: model, alone: true, definition: 'exact', distance: false, model, similarity: kind },
    });
    notes.push(...unchecked);
    return { model, kind, similarity, threshold, fmr: thresholdFmr, match: similarity >= threshold, notes };
  } finally {
    await embedder.close();
  }
}
