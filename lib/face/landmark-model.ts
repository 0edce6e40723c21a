import { existsSync } from 'node:fs';
import path from 'node:path';
import { native } from '../native.js';

const debianLandmarks = '/usr/share/dlib/shape_predictor_68_face_landmarks.dat';

/** Where `maskbench models fetch dlib-68` puts the landmark model; nothing without a cache folder. */
export function fetchedLandmarkModel(): string | undefined {
  const { cacheFolder } = native.systemInfo();
  return cacheFolder === '' ? undefined : path.join(cacheFolder, path.basename(debianLandmarks));
}

/** The landmark model that is used when no option names one. */
export function defaultLandmarkModel(): string {
  if (process.env.MASKBENCH_LANDMARKS) return process.env.MASKBENCH_LANDMARKS;
  const fetched = fetchedLandmarkModel();
  return !existsSync(debianLandmarks) && fetched !== undefined && existsSync(fetched) ? fetched : debianLandmarks;
}
