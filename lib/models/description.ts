import { z } from 'zod';
import { invalid, MaskbenchError } from '../errors.js';
import { parseJson, readText } from '../files/text.js';
import { type DenseLayer, type Similarity, similarityKinds, vectorSimilarities } from './similarity.js';

export const cuts = ['letterbox', 'box', 'align5', 'align68'] as const;
/**
 * How a face is cut out of an image: `letterbox`, the whole image with its longer side at the input's size, centred on
 * black (as the paper); `box`, the square around the detected box with a margin; `align5`, by the least-squares
 * similarity of five points to ArcFace's 112-pixel template; `align68`, dlib's face chip.
 */
export type Cut = (typeof cuts)[number];

export const text = z.string('a text');
export const number = z.number('a finite number');
const perChannel = z.tuple([number, number, number], 'three numbers');
const pixels = z
  .int('a whole number from 8 to 4096')
  .min(8, 'a whole number from 8 to 4096')
  .max(4096, 'a whole number from 8 to 4096');
export const oneOf = <T extends string>(choices: readonly T[]) => z.enum(choices, `one of ${choices.join(', ')}`);

/** A model's input. */
export const inputSchema = z.object(
  {
    width: pixels,
    height: pixels,
    layout: oneOf(['NCHW', 'NHWC'] as const),
    colors: oneOf(['RGB', 'BGR'] as const),
    mean: perChannel.describe('Subtracted from values 0 to 255, in the order of the colours.'),
    scale: perChannel.describe('Multiplied with the differences.'),
  },
  '{ width, height, layout, colors, mean, scale }',
);

const layer = z.object(
  {
    weights: z.array(number, 'inputs × outputs numbers').min(1, 'inputs × outputs numbers'),
    bias: z.array(number, 'a number for each output').min(1, 'a number for each output'),
  },
  '{ weights, bias }',
);

const similarity = z.discriminatedUnion(
  'kind',
  [
    z.object({ kind: oneOf(vectorSimilarities) }),
    z.object({
      kind: z.literal('sigmoid'),
      layers: z.array(layer, 'layers of weights and bias').min(1, 'layers of weights and bias'),
      squared: z.boolean('true or false').optional(),
    }),
  ],
  `{ kind }, one of ${similarityKinds.join(', ')}`,
);

const modelDescription = z.strictObject(
  {
    $schema: text.optional().describe('For editors.'),
    name: text,
    input: inputSchema,
    cut: oneOf(cuts).describe('How a face is cut out of an image.'),
    margin: number
      .min(0, 'a number from 0 to 10')
      .max(10, 'a number from 0 to 10')
      .optional()
      .describe("For box: added to the longer side, as a share of it. For align68: dlib's padding. Default 0.25."),
    output: text.optional().describe("The output's name. Default: the model's first."),
    similarity,
    normalized: z.boolean('true or false').describe('Whether vectors have length 1.'),
    batchNorm: oneOf(['per-image', 'running']).optional().describe('What batch normalisation normalises by.'),
    training: text.describe('Training data.'),
    licence: text,
    overlaps: z
      .array(text, 'an array of names of data sets')
      .optional()
      .describe('Data sets whose identities may be among those it was trained on.'),
  },
  "a model's description, an object",
);

/** A JSON Schema of {@link ModelDescription}, for editors and other programs. */
export const modelDescriptionSchema = z.toJSONSchema(modelDescription);

/** Input and output of an ONNX model: the JSON file beside it (`model.json` for `model.onnx`). */
export interface ModelDescription {
  /** Address of a JSON Schema, for editors. */
  $schema?: string;
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

function checkLayers(name: string, layers: readonly DenseLayer[]): void {
  for (const [i, { weights, bias }] of layers.entries()) {
    const inputs = weights.length / bias.length;
    const before = layers[i - 1]?.bias.length;
    if (!Number.isInteger(inputs) || (before !== undefined && inputs !== before))
      throw invalid(`${name}[${i}].weights`, 'inputs × outputs numbers', weights.length);
  }
  if (layers.at(-1)?.bias.length !== 1) throw invalid(name, 'a last layer with one output', layers);
}

/** Throws `INVALID_ARGUMENT` naming the field that is missing, unknown or out of range. */
export function checkBySchema<T extends z.ZodObject>(schema: T, description: unknown, source: string): z.infer<T> {
  const { data, error, success } = schema.safeParse(description);
  if (success) return data;
  const [issue] = error.issues as [z.core.$ZodIssue];
  const named = issue.path.length === 0 ? source : `${source}: ${z.core.toDotPath(issue.path)}`;
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    const known = Object.keys(schema.shape).join(', ');
    throw invalid(`${source}: ${issue.keys[0]}`, `one of ${known}`, issue.keys[0]);
  }
  const received = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown>)[key],
    description,
  );
  // Zod says "Invalid input: expected string, received undefined", and "nonoptional" for some fields that are missing.
  const expected = /^Invalid input: expected (.*), received/.exec(issue.message)?.[1] ?? issue.message;
  throw invalid(named, expected === 'nonoptional' ? 'a value' : expected, received);
}

/** Throws `INVALID_ARGUMENT` naming the field of a description that is missing, unknown or out of range. */
export function checkDescription(description: unknown, source: string): ModelDescription {
  const data = checkBySchema(modelDescription, description, source);
  if (data.similarity.kind === 'sigmoid') checkLayers(`${source}: similarity.layers`, data.similarity.layers);
  return data as ModelDescription;
}

/** Reads the description beside a model. Throws `MODEL_MISSING`, `MODEL_CORRUPT`, `INVALID_ARGUMENT`. */
export function readDescription(model: string): Promise<ModelDescription> {
  return readBeside(model, 'ModelDescription', checkDescription);
}

/**
 * Reads the JSON file beside a model, as `check` gives it. Throws `MODEL_MISSING`, `MODEL_CORRUPT`, and what `check`
 * throws.
 * @param type What the file holds, for messages.
 */
export async function readBeside<T>(
  model: string,
  type: string,
  check: (description: unknown, source: string) => T,
): Promise<T> {
  const file = model.replace(/(\.onnx)?$/i, '.json');
  let content: string;
  try {
    content = await readText(file);
  } catch (error) {
    if ((error as MaskbenchError).code === 'UNREADABLE')
      throw new MaskbenchError('MODEL_CORRUPT', file, (error as Error).message);
    throw new MaskbenchError(
      'MODEL_MISSING',
      file,
      `${file}: expected the model's description (see ${type}), or name one of the presets as the description`,
    );
  }
  try {
    return check(parseJson(content, file), file);
  } catch (error) {
    if (error instanceof MaskbenchError && error.code !== 'UNREADABLE') throw error;
    const { message } = error as Error;
    throw new MaskbenchError('MODEL_CORRUPT', file, message.startsWith(file) ? message : `${file}: ${message}`);
  }
}
