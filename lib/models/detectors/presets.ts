import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { builtModel, evenInput, fetchedModel } from '../presets.js';
import type { DetectorDescription } from './description.js';

/** A neural detector that is known by name. */
export interface DetectorPreset {
  description: DetectorDescription;
  /** The ONNX file. */
  file: () => Promise<string>;
}

/** TensorFlow's anchors for six maps of an input of 512 pixels: the finest has three shapes, the others six. */
function ssdLayers(): DetectorDescription['layers'] {
  const scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1];
  const shape = (scale: number, ratio: number): [number, number] => [
    512 * scale * Math.sqrt(ratio),
    (512 * scale) / Math.sqrt(ratio),
  ];
  return scales.slice(0, -1).map((scale, i) => ({
    stride: 16 << i,
    sizes:
      i === 0
        ? [shape(0.1, 1), shape(scale, 2), shape(scale, 1 / 2)]
        : [
            shape(scale, 1),
            shape(Math.sqrt(scale * (scales[i + 1] as number)), 1),
            ...[2, 1 / 2, 3, 1 / 3].map((ratio) => shape(scale, ratio)),
          ],
  }));
}

/** MediaPipe's BlazeFace, square inputs from −1 to 1. */
function blazeFace(
  name: string,
  side: number,
  file: string,
  differing: Pick<DetectorDescription, 'smallest' | 'pad' | 'minScore' | 'expectedScore' | 'confirm' | 'landmarkBox'>,
  multiple?: number,
): DetectorPreset {
  return {
    description: {
      name,
      input: { ...evenInput(side, side, 'RGB', 127.5, 1 / 127.5), multiple },
      decoder: 'blazeface',
      overlap: 0.3,
      // Its boxes end above the brows. The height was chosen on 300 photos whose faces were marked by hand.
      faceBox: { x: 0, y: 0, width: 1, height: 1.2 },
      ...differing,
      training: "Google's own photos (see MediaPipe's model cards)",
      licence: 'Apache-2.0',
    },
    file: () =>
      builtModel(name, '@mediapipe/face_detection', async (folder) => {
        const { convertWhole } = await import('../import/convert.js');
        const { model } = await convertWhole(file, await readFile(path.join(folder, file)), { anySize: true });
        return model;
      }),
  };
}

/** The detector where no equality with the paper is needed. */
export const defaultDetector = 'blazeface-full-range';

/**
 * The neural detectors that are known by name. `rfb-320` is fetched; the others are built on first use, from installed
 * packages.
 */
export const detectorPresets: Record<string, DetectorPreset> = {
  'ssd-mobilenet-v1': {
    description: {
      name: 'ssd-mobilenet-v1',
      input: { ...evenInput(512, 512, 'RGB', 127.5, 1 / 127.5), multiple: 32 },
      decoder: 'ssd-anchors',
      layers: ssdLayers(),
      variances: [0.1, 0.2],
      scores: 'sigmoid',
      minScore: 0.5,
      overlap: 0.4,
      smallest: 40,
      landmarkBox: { x: -0.02, y: 0.03, width: 1.1, height: 0.89 },
      training: 'WIDER FACE (github.com/yeephycho/tensorflow-face-detection)',
      licence: 'MIT with @vladmandic/face-api; WIDER FACE is for non-commercial research',
    },
    file: () =>
      builtModel('ssd-mobilenet-v1', '@vladmandic/face-api', async (folder) => {
        const [{ ssdMobilenetOnnx }, { readTfjsWeights }] = await Promise.all([
          import('./ssd-mobilenet.js'),
          import('../tfjs.js'),
        ]);
        return ssdMobilenetOnnx(
          await readTfjsWeights(path.join(folder, 'model/ssd_mobilenetv1_model-weights_manifest.json')),
        );
      }),
  },
  // It sees faces best at 48 to 64 pixels: one that fills the photo, and each that is looked at again, is shown so.
  'blazeface-full-range': blazeFace(
    'blazeface-full-range',
    128,
    'face_detection_full_range.tflite',
    {
      smallest: 13,
      pad: 0.5,
      minScore: 0.486,
      // At most 1 of 100 faces that were painted over reaches it: docs/detect.md.
      expectedScore: 0.35,
      confirm: 2,
      landmarkBox: { x: -0.03, y: 0.01, width: 0.98, height: 0.97 },
    },
    32,
  ),
  'blazeface-short-range': blazeFace('blazeface-short-range', 128, 'face_detection_short_range.tflite', {
    smallest: 24,
    pad: 0.5,
    minScore: 0.752,
    confirm: 2,
    landmarkBox: { x: -0.035, y: -0.05, width: 0.99, height: 0.98 },
  }),
  'rfb-320': {
    description: {
      name: 'rfb-320',
      input: evenInput(320, 240, 'RGB', 127, 1 / 128),
      decoder: 'boxes',
      minScore: 0.985,
      overlap: 0.4,
      smallest: 12,
      landmarkBox: { x: -0.04, y: 0.05, width: 1.16, height: 0.82 },
      training: 'WIDER FACE (github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB)',
      licence:
        'The npm package faceplugin-face-recognition-js 0.0.1 says MIT, but not where it has the file from; WIDER FACE is for non-commercial research',
    },
    file: () => fetchedModel('rfb-320'),
  },
};
