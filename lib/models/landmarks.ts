import path from 'node:path';
import type { NativeSearchOptions } from '../../binding.js';
import { MaskbenchError } from '../errors.js';
import { dlibLandmarkModel } from '../face/landmark-model.js';
import { builtModel } from './presets.js';
import { onnxRuntimeLibrary } from './runtime.js';

/** A landmark model, and how the addon takes it. */
export interface LandmarkModel {
  /** What manifests call it: `dlib-68`, `face-api-68`, or the name of a file. */
  name: string;
  native: Pick<NativeSearchOptions, 'landmarkModel' | 'landmarkLibrary'>;
}

const whatToDo =
  'run "npx maskbench models fetch dlib-68", install the Debian package libdlib-data, or set MASKBENCH_LANDMARKS to its file';

let warned = false;

/** The landmark model where no option names one. Warns once a process where it is not dlib's. */
export function defaultLandmarks(): string {
  if (dlibLandmarkModel() !== undefined) return 'dlib-68';
  if (!warned)
    process.emitWarning(
      `dlib's landmark model is missing: landmarks come from face-api-68, a small network, and masks differ from the paper's; ${whatToDo}`,
    );
  warned = true;
  return 'face-api-68';
}

/**
 * The landmark model of a name, or of a file in dlib's format. The network is built on first use.
 * @throws `MaskbenchError` `MODEL_MISSING` (with what to do), `MODEL_CORRUPT`, `WRITE_FAILED`
 */
export async function resolveLandmarks(model: string): Promise<LandmarkModel> {
  if (model === 'face-api-68') {
    const file = await builtModel(model, '@vladmandic/face-api', async (folder) => {
      // Needed once a machine.
      const [{ landmarkNetworkOnnx }, { readTfjsWeights }] = await Promise.all([
        import('./landmark-network.js'),
        import('./tfjs.js'),
      ]);
      return landmarkNetworkOnnx(
        await readTfjsWeights(path.join(folder, 'model/face_landmark_68_model-weights_manifest.json')),
      );
    });
    return { name: model, native: { landmarkModel: file, landmarkLibrary: await onnxRuntimeLibrary() } };
  }
  if (model !== 'dlib-68') return { name: path.basename(model), native: { landmarkModel: model } };
  const file = dlibLandmarkModel();
  if (file === undefined)
    throw new MaskbenchError('MODEL_MISSING', model, `${model}: dlib's landmark model is missing; ${whatToDo}`);
  return { name: model, native: { landmarkModel: file } };
}
