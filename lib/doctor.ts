import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { CudaDevice } from '../binding.js';
import { debianLandmarkModel, dlibLandmarkModel } from './face/landmark-model.js';
import { isFile } from './files/walk.js';
import { presets } from './models/presets.js';
import { onnxRuntimeLibrary } from './models/runtime.js';
import { addonFile, native } from './native.js';
import { packageRoot } from './package-root.js';

/** What `maskbench doctor` prints. */
export interface Diagnosis {
  maskbench: string;
  node: string;
  /** The native addon's file: of a platform package, or of a build of one's own. */
  addon: string;
  cpuFeatures: string[];
  /** The best vector instructions that are used: `AVX3_DL`, `AVX3` (AVX-512), `AVX2`, `SSE4`, `SSSE3` or `NEON`. */
  simd: string;
  processors: number;
  /** Bytes this process may use. */
  memory: number;
  cacheFolder: string;
  libraries: Record<string, string>;
  models: { name: string; file: string; found: boolean; bytes?: number; licence: string }[];
  gpus: string[];
  /** What `--device cuda` could use, or why there is nothing. */
  cuda: { devices: CudaDevice[]; problem?: string };
  /**
   * ONNX Runtime's library, version and providers, or why it can't be loaded; and whether its CUDA provider lies beside
   * it.
   */
  onnxRuntime: { file: string; version?: string; providers?: string[]; cuda?: boolean; problem?: string };
}

const landmarkLicence =
  'CC0 in Debian; trained on iBUG 300-W, whose terms exclude commercial use, so the MIT licence of maskbench does not cover it';

async function gpus(): Promise<string[]> {
  const folder = '/proc/driver/nvidia/gpus';
  const found = await readdir(folder).catch(() => []);
  return Promise.all(
    found.map(
      async (gpu) => /Model:\s*(.*)/.exec(await readFile(path.join(folder, gpu, 'information'), 'utf8'))?.[1] ?? gpu,
    ),
  );
}

async function onnxRuntime(): Promise<Diagnosis['onnxRuntime']> {
  const file = await onnxRuntimeLibrary();
  try {
    const cuda = await isFile(path.join(path.dirname(file), 'libonnxruntime_providers_cuda.so'));
    return { file, ...native.onnxRuntime(file), cuda };
  } catch (error) {
    return { file, problem: (error as Error).message };
  }
}

/**
 * Looks at what maskbench finds on this machine: versions, processor, model files with their licences, GPUs.
 * @example
 * const { cuda, onnxRuntime } = await diagnose();
 * console.log(cuda.devices.length, onnxRuntime.version ?? onnxRuntime.problem);
 */
export async function diagnose(): Promise<Diagnosis> {
  const read = async (file: string) => JSON.parse(await readFile(path.join(packageRoot, file), 'utf8'));
  const { version } = (await read('package.json')) as { version: string };
  const landmarks = dlibLandmarkModel() ?? debianLandmarkModel;
  const found = await stat(landmarks).catch(() => undefined);
  return {
    maskbench: version,
    node: process.version,
    addon: addonFile,
    ...native.systemInfo(),
    models: [
      {
        name: "dlib's 68-point shape predictor",
        file: landmarks,
        found: found !== undefined,
        ...(found && { bytes: found.size }),
        licence: landmarkLicence,
      },
      {
        name: 'face-api-68',
        file: '(built from @vladmandic/face-api on first use)',
        found: true,
        licence: 'MIT with @vladmandic/face-api; trained on photos that its authors do not name',
      },
      {
        name: "dlib's frontal face detector",
        file: '(compiled in)',
        found: true,
        licence: 'Boost Software License 1.0',
      },
      {
        name: 'dlib-resnet-128',
        file: '(built from @vladmandic/face-api on first use)',
        found: true,
        licence: presets['dlib-resnet-128']?.licence ?? '',
      },
    ],
    gpus: await gpus(),
    cuda: native.cudaDevices(),
    onnxRuntime: await onnxRuntime(),
  };
}
