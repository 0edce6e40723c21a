import { existsSync } from 'node:fs';
import path from 'node:path';
import { native } from '../native.js';

/** Where Debian's package libdlib-data puts dlib's landmark model. */
export const debianLandmarkModel = '/usr/share/dlib/shape_predictor_68_face_landmarks.dat';

/** Where `maskbench models fetch dlib-68` puts it; nothing without a cache folder. */
export function fetchedLandmarkModel(): string | undefined {
  const { cacheFolder } = native.systemInfo();
  return cacheFolder === '' ? undefined : path.join(cacheFolder, path.basename(debianLandmarkModel));
}

/** dlib's landmark model where no option names one: the environment's, Debian's, or what was fetched. */
export function dlibLandmarkModel(): string | undefined {
  if (process.env.MASKBENCH_LANDMARKS) return process.env.MASKBENCH_LANDMARKS;
  return [debianLandmarkModel, fetchedLandmarkModel()].find((file) => file !== undefined && existsSync(file));
}
