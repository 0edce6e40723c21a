import { checkChoice, checkInteger, checkObject, invalid, MaskbenchError } from '../errors.js';
import { parseJson, readText } from '../files/text.js';

export const cuts = ['letterbox', 'box', 'align5', 'align68'] as const;
/**
 * How a face is cut out of an image: `letterbox`, the whole image with its longer side at the input's size, centred on black (as the
 * paper); `box`, the square around the detected box with a margin; `align5`, by the least-squares similarity of five points to
 * ArcFace's 112-pixel template; `align68`, dlib's face chip.
 */
export type Cut = (typeof cuts)[number];

export const vectorSimilarities = ['cosine', 'l2', 'inverse-l2'] as const;
/** How alike two vectors are: `cosine`; `l2`, the negated distance; `inverse-l2`, 1 / (1 + distance). Higher is more alike. */
export type VectorSimilarity = (typeof vectorSimilarities)[number];
export const similarityKinds = [...vectorSimilarities, 'sigmoid'] as const;
/** A dense layer of a pair head: `weights` [inputs × outputs], row-major, and `bias` [outputs]. */
export interface DenseLayer {
  weights: number[];
  bias: number[];
}

/**
 * How a model's vectors are compared: a {@link VectorSimilarity} (`inverse-l2` adds 1e-6 to each difference, as the paper does), or
 * `sigmoid` of dense layers with ReLU between them over |a − b|, or where `squared` over (a − b)².
 */
export type Similarity = { kind: VectorSimilarity } | { kind: 'sigmoid'; layers: DenseLayer[]; squared?: boolean };

/** Input and output of an ONNX model: the JSON file beside it (`model.json` for `model.onnx`). */
export interface ModelDescription {
  name: string;
  input: {
    /** Pixels. */
    width: number;
    height: number;
    layout: 'NCHW' | 'NHWC';
    colors: 'RGB' | 'BGR';
    /** Applied to values from 0 to 255: (value − mean) · scale for each channel, in the order of `colors`. */
    mean: [number, number, number];
    scale: [number, number, number];
  };
  cut: Cut;
  /** For `box`: added to the longer side, as a share of it. For `align68`: dlib's padding. Default 0.25. */
  margin?: number;
  /** The output's name. Default: the model's first. */
  output?: string;
  similarity: Similarity;
  /** Whether vectors have length 1. */
  normalized: boolean;
  /** What batch normalisation normalises by: each image's own moments, or those of training. */
  batchNorm?: 'per-image' | 'running';
  /** Training data. */
  training: string;
  licence: string;
  /** Data sets whose identities may be among those it was trained on. */
  overlaps?: string[];
}

const keys = new Set([
  ...[
    'name',
    'input',
    'cut',
    'margin',
    'output',
    'similarity',
    'normalized',
    'batchNorm',
    'training',
    'licence',
    'overlaps',
  ],
]);

function checkLayers(name: string, layers: DenseLayer[]): void {
  const numbers = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);
  const sound =
    Array.isArray(layers) &&
    layers.length > 0 &&
    layers.every(({ weights, bias }) => numbers(weights) && numbers(bias));
  if (!sound) throw invalid(name, 'layers of weights and bias', layers);
  for (const [i, { weights, bias }] of layers.entries()) {
    const inputs = weights.length / bias.length;
    const before = layers[i - 1]?.bias.length;
    if (!Number.isInteger(inputs) || (before !== undefined && inputs !== before))
      throw invalid(`${name}[${i}].weights`, 'inputs × outputs numbers', weights.length);
  }
  if (layers.at(-1)?.bias.length !== 1) throw invalid(name, 'a last layer with one output', layers);
}

/** Throws `INVALID_ARGUMENT` naming the field of a description that is missing, unknown or out of range. */
export function checkDescription(description: ModelDescription, source: string): ModelDescription {
  const named = (name: string) => `${source}: ${name}`;
  checkObject(source, description, "a model's description, an object");
  const unknown = Object.keys(description).find((key) => !keys.has(key));
  if (unknown !== undefined) throw invalid(named(unknown), `one of ${[...keys].join(', ')}`, unknown);
  const { input, similarity, margin } = description;
  for (const name of ['name', 'training', 'licence'] as const)
    if (typeof description[name] !== 'string') throw invalid(named(name), 'a text', description[name]);
  if (typeof input !== 'object' || input === null) throw invalid(named('input'), 'an object', input);
  checkInteger(named('input.width'), input.width, 8, 4096);
  checkInteger(named('input.height'), input.height, 8, 4096);
  checkChoice(named('input.layout'), input.layout, ['NCHW', 'NHWC']);
  checkChoice(named('input.colors'), input.colors, ['RGB', 'BGR']);
  for (const name of ['mean', 'scale'] as const) {
    const value: unknown = input[name];
    if (!Array.isArray(value) || value.length !== 3 || !value.every(Number.isFinite))
      throw invalid(named(`input.${name}`), 'three numbers', value);
  }
  checkChoice(named('cut'), description.cut, cuts);
  if (margin !== undefined && !(margin >= 0 && margin <= 10))
    throw invalid(named('margin'), 'a number from 0 to 10', margin);
  checkChoice(named('similarity.kind'), similarity?.kind, similarityKinds);
  if (similarity.kind === 'sigmoid') checkLayers(named('similarity.layers'), similarity.layers);
  if (typeof description.normalized !== 'boolean')
    throw invalid(named('normalized'), 'true or false', description.normalized);
  return description;
}

/** Reads the description beside a model. Throws `MODEL_MISSING`, `MODEL_CORRUPT`, `INVALID_ARGUMENT`. */
export async function readDescription(model: string): Promise<ModelDescription> {
  const file = model.replace(/(\.onnx)?$/i, '.json');
  let text: string;
  try {
    text = await readText(file);
  } catch (error) {
    if ((error as MaskbenchError).code === 'UNREADABLE')
      throw new MaskbenchError('MODEL_CORRUPT', file, (error as Error).message);
    throw new MaskbenchError(
      'MODEL_MISSING',
      file,
      `${file}: expected the model's description (see ModelDescription), or name one of the presets as the description`,
    );
  }
  try {
    return checkDescription(parseJson(text, file) as ModelDescription, file);
  } catch (error) {
    if (error instanceof MaskbenchError && error.code !== 'UNREADABLE') throw error;
    const { message } = error as Error;
    throw new MaskbenchError('MODEL_CORRUPT', file, message.startsWith(file) ? message : `${file}: ${message}`);
  }
}
