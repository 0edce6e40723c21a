import { z } from 'zod';
import { invalid } from '../../errors.js';
import { checkBySchema, inputSchema, type ModelDescription, number, oneOf, readBeside, text } from '../description.js';

export const decoders = ['boxes', 'ssd-anchors', 'retinaface', 'scrfd', 'yunet', 'blazeface'] as const;

const share = number.min(0, 'a number from 0 to 1').max(1, 'a number from 0 to 1');
const positive = number.gt(0, 'a number above 0');
const boxShift = z.object({ x: number, y: number, width: positive, height: positive }, '{ x, y, width, height }');
const pair = z.tuple([positive, positive], 'two numbers above 0');

const schema = z.strictObject(
  {
    $schema: text.optional().describe('For editors.'),
    name: text,
    input: inputSchema.extend({
      multiple: z
        .int('a whole number from 1 to 256')
        .min(1, 'a whole number from 1 to 256')
        .max(256, 'a whole number from 1 to 256')
        .optional()
        .describe('The network also takes other sizes, which are multiples of this. Default: it does not.'),
    }),
    decoder: oneOf(decoders).describe('What the outputs mean.'),
    layers: z
      .array(
        z.object(
          {
            stride: z.int('a whole number from 1 to 1024').min(1).max(1024),
            sizes: z.array(pair, 'an array of widths and heights').min(1, 'an array of widths and heights'),
          },
          '{ stride, sizes }',
        ),
        'an array of layers',
      )
      .optional()
      .describe("Anchors in the outputs' order, in pixels of the input. For ssd-anchors; retinaface has usual ones."),
    variances: pair.optional().describe("Of a box's centre and of its sides, for anchors. Default 0.1 and 0.2."),
    scores: oneOf(['share', 'sigmoid', 'softmax'] as const)
      .optional()
      .describe('Whether scores are 0 to 1 already (default), or logits of one number, or of two: no face, and face.'),
    unit: oneOf(['share', 'pixel'] as const)
      .optional()
      .describe("For boxes: whether sides are shares of the input's (default), or its pixels."),
    minScore: share.describe('Faces with a lower score are left out by default.'),
    expectedScore: share
      .optional()
      .describe("The same for the face that a data set's manifest expects at a place: minScore (default) or less."),
    overlap: share.optional().describe('Boxes that share more of their union are one face. Default 0.4.'),
    smallest: z
      .int('a whole number from 1 to 4096')
      .min(1, 'a whole number from 1 to 4096')
      .max(4096, 'a whole number from 1 to 4096')
      .describe('The sides of the smallest face that is found dependably, in pixels of the input.'),
    pad: number
      .min(0, 'a number from 0 to 2')
      .max(2, 'a number from 0 to 2')
      .optional()
      .describe(
        'The border around a photo, as a share of its longer side. Default 0.3: that a face that fills it is found.',
      ),
    confirm: number
      .min(1, 'a number from 1 to 10')
      .max(10, 'a number from 1 to 10')
      .optional()
      .describe(
        'Each box is looked at again, alone in a window of so many of its longer sides, and score, sides and points are the means of all looks: false alarms seldom look like a face twice. Networks of any size also look mirrored and, where no face reaches 0.5, with a wider border and for smaller faces. Default: it is not.',
      ),
    faceBox: boxShift
      .optional()
      .describe(
        "The face's box, from forehead to chin, where the network's is another: the centre's offset, and the sides, as shares of the network's box. Default: the same box.",
      ),
    landmarkBox: boxShift
      .optional()
      .describe(
        "Where dlib's detector would have its box, which the landmark model expects: the centre's offset, and the sides, as shares of this detector's sides. Default: the same box.",
      ),
    training: text.describe('Training data.'),
    licence: text,
  },
  "a detector's description, an object",
);

/** A JSON Schema of {@link DetectorDescription}, for editors and other programs. */
export const detectorDescriptionSchema = z.toJSONSchema(schema);

/** A box by another: how far its centre is moved, and its sides, as shares of the other's sides. */
export interface BoxShift {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Input and outputs of a face detector's ONNX model: the JSON file beside it (`detector.json` for `detector.onnx`).
 * Shares are of the box's own sides, pixels those of the network's input.
 *
 * `decoder` says what the outputs mean. It recognises outputs by their shapes, so their names do not matter; N is the
 * number of boxes.
 * - `boxes`: left, top, right, bottom [n, N, 4], scores [n, N, 1 or 2], and maybe points [n, N, 2p]
 * - `ssd-anchors`: the same as offsets from the anchors of `layers`: x, y, width, height
 * - `retinaface`: the same with RetinaFace's usual anchors
 * - `scrfd`: InsightFace's SCRFD: for each stride scores, distances and maybe points, with an axis of images or without
 * - `yunet`: OpenCV's YuNet, of 2022 (3 outputs) or 2023 (12)
 * - `blazeface`: MediaPipe's BlazeFace, near (896 anchors at 128²) or far (2,304 at 192²)
 */
export interface DetectorDescription {
  /** Address of a JSON Schema, for editors. */
  $schema?: string | undefined;
  name: string;
  input: ModelDescription['input'] & {
    /** The network also takes other sizes, which are multiples of this. Default: it does not. */
    multiple?: number | undefined;
  };
  decoder: (typeof decoders)[number];
  /** Anchors in the outputs' order, in pixels of the input. For `ssd-anchors`; `retinaface` has usual ones. */
  layers?: { stride: number; sizes: [width: number, height: number][] }[] | undefined;
  /** Variances of a box's centre and of its sides, for anchors. Default 0.1 and 0.2. */
  variances?: [number, number] | undefined;
  /** Whether scores are 0 to 1 already (default), or logits of one number, or of two: no face, and face. */
  scores?: 'share' | 'sigmoid' | 'softmax' | undefined;
  /** For `boxes`: whether sides are shares of the input's (default), or its pixels. */
  unit?: 'share' | 'pixel' | undefined;
  /** Faces with a lower score are left out by default. */
  minScore: number;
  /** The same for the face that a data set's manifest expects at a place: `minScore` (default) or less. */
  expectedScore?: number | undefined;
  /** Boxes that share more of their union are one face. Default 0.4. */
  overlap?: number | undefined;
  /** The sides of the smallest face that is found dependably, in pixels of the input. */
  smallest: number;
  /** The border around a photo, as a share of its longer side, so that a face that fills it is found. Default 0.3. */
  pad?: number | undefined;
  /**
   * Each box is looked at again, alone in a window of so many of its longer sides, and its score, sides and points are
   * the means of both looks: false alarms seldom look like a face twice. A network of any size (`multiple`) looks at
   * two sizes and, while the box is undecided, mirrored; where no face reaches 0.5, it searches with a wider border and
   * for smaller faces. Default: it is not.
   */
  confirm?: number | undefined;
  /**
   * The face's box, from forehead to chin, where the network's is another: the centre's offset, and the sides, as
   * shares of the network's box. Default: the same box. Either way it ends at the photo's edge.
   */
  faceBox?: BoxShift | undefined;
  /**
   * Where dlib's detector would have its box, which the landmark model expects: the centre's offset, and the sides, as
   * shares of this detector's sides. Default: the same box.
   */
  landmarkBox?: BoxShift | undefined;
  /** Training data. */
  training: string;
  licence: string;
}

/** Throws `INVALID_ARGUMENT` naming the field of a description that is missing, unknown or out of range. */
export function checkDetectorDescription(description: unknown, source: string): DetectorDescription {
  const data = checkBySchema(schema, description, source);
  if (data.decoder === 'ssd-anchors' && data.layers === undefined)
    return checkBySchema(schema.required({ layers: true }), description, source);
  const { minScore, expectedScore = minScore } = data;
  if (expectedScore > minScore)
    throw invalid(`${source}: expectedScore`, `minScore (${minScore}) or less`, expectedScore);
  return data;
}

/** Reads the description beside a detector. Throws `MODEL_MISSING`, `MODEL_CORRUPT`, `INVALID_ARGUMENT`. */
export function readDetectorDescription(model: string): Promise<DetectorDescription> {
  return readBeside(model, 'DetectorDescription', checkDetectorDescription);
}
