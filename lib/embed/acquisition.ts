import { checkArray, checkFlag, checkObject, checkText } from '../errors.js';
import type { IndexLine } from './index-lines.js';

/** Counts of plain or of masked photos. */
export interface AcquisitionCounts {
  /** Photos that could be read. */
  photos: number;
  /**
   * Photos in which the search found no face (failures to acquire, FTA), including those that got the manifest's face
   * instead.
   */
  withoutFace: number;
  /** Photos in which it found faces, but not the one that the manifest has there. */
  wrongFace: number;
  /** Photos that were cut by the face of the manifest. */
  fromManifest: number;
  /** Photos that could not be read, for whatever reason. They are not counted elsewhere. */
  unreadable: number;
}

/** Counts of the photos that one detector searched. */
export interface Acquisition {
  /** `none` where no face was searched: the manifest's was taken, or the photo is a crop. */
  detector: string;
  plain: AcquisitionCounts;
  masked: AcquisitionCounts;
}

/** The fields of an index line that {@link countAcquisition} reads. */
export type AcquiredPhoto = Pick<IndexLine, 'masked' | 'status' | 'detector' | 'search'>;

const nothing = (): AcquisitionCounts => ({ photos: 0, withoutFace: 0, wrongFace: 0, fromManifest: 0, unreadable: 0 });

/** The statuses of photos in which the search did not find the face. */
export const misses: readonly string[] = ['no-face', 'wrong-face'];
/** The statuses of photos that could be read. */
const read = ['detected', 'manifest', 'points', 'crop', 'whole', ...misses];

/** Adds a photo to what was counted before. */
export function addAcquired(before: Acquisition[], { masked, status, search, detector = 'none' }: AcquiredPhoto) {
  const known = before.find((counted) => counted.detector === detector);
  const found = known ?? { detector, plain: nothing(), masked: nothing() };
  if (!known) before.push(found);
  const counts = masked ? found.masked : found.plain;
  if (!read.includes(status)) {
    counts.unreadable++;
    return;
  }
  counts.photos++;
  if (status === 'manifest') counts.fromManifest++;
  if ((search ?? status) === 'no-face') counts.withoutFace++;
  if ((search ?? status) === 'wrong-face') counts.wrongFace++;
}

function checkAcquired(name: string, line: unknown): void {
  const { masked, status } = checkObject(name, line, 'a line of an index');
  checkFlag(`${name}.masked`, masked);
  checkText(`${name}.status`, status);
}

/**
 * Counts, for each detector of an index, the photos without a face, with a wrong face, and unreadable ones, plain and
 * masked apart.
 * @example
 * for (const { detector, masked } of countAcquisition(await readIndex('lfw.jsonl')))
 *   console.log(detector, masked.withoutFace / masked.photos);
 */
export function countAcquisition(lines: readonly AcquiredPhoto[]): Acquisition[] {
  checkArray('lines', lines, checkAcquired, 'an array of index lines');
  const counted: Acquisition[] = [];
  for (const line of lines) addAcquired(counted, line);
  return counted;
}
