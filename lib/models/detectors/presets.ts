import path from 'node:path';
import { builtModel } from '../presets.js';
import { readTfjsWeights } from '../tfjs.js';
import type { DetectorDescription } from './description.js';
import { ssdMobilenetOnnx } from './ssd-mobilenet.js';

/** A neural detector that is known by name. */
export interface DetectorPreset {
  description: DetectorDescription;
  /** The ONNX file. */
  file: () => Promise<string>;
}

const perChannel = (value: number): [number, number, number] => [value, value, value];

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

/** The neural detectors that are known by name, built from what npm packages carry on first use. */
export const detectorPresets: Record<string, DetectorPreset> = {
  'ssd-mobilenet-v1': {
    description: {
      name: 'ssd-mobilenet-v1',
      input: {
        width: 512,
        height: 512,
        multiple: 32,
        layout: 'NCHW',
        colors: 'RGB',
        mean: perChannel(127.5),
        scale: perChannel(1 / 127.5),
      },
      decoder: 'ssd-anchors',
      layers: ssdLayers(),
      variances: [0.1, 0.2],
      scores: 'sigmoid',
      minScore: 0.5,
      overlap: 0.4,
      smallest: 40,
      training: 'WIDER FACE (github.com/yeephycho/tensorflow-face-detection)',
      licence: 'MIT with @vladmandic/face-api; WIDER FACE is for non-commercial research',
    },
    file: () =>
      builtModel('ssd-mobilenet-v1', '@vladmandic/face-api', 1, async (folder) =>
        ssdMobilenetOnnx(await readTfjsWeights(path.join(folder, 'model/ssd_mobilenetv1_model-weights_manifest.json'))),
      ),
  },
};
