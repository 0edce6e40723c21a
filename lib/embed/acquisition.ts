import { checkArray, checkFlag, checkObject, checkText } from '../errors.js';
import type { IndexLine } from './index-lines.js';

/** How photos of one kind became vectors, or did not. */
export interface AcquisitionCounts {
  /** Photos that could be read. */
  photos: number;
  /** In how many of them the search found no face (failures to acquire, FTA), also if the manifest's was taken instead. */
  withoutFace: number;
  /** In how many it found faces, but not the one that the manifest has there. */
  wrongFace: number;
  /** How many were cut by the face of the manifest. */
  fromManifest: number;
  /** Photos that could not be read. They are not counted elsewhere. */
  unreadable: number;
}

/** How the photos that one detector searched became vectors. */
export interface Acquisition {
  /** `none` where no face was searched: the manifest's was taken, or the photo is a crop. */
  detector: string;
  plain: AcquisitionCounts;
  masked: AcquisitionCounts;
}

/** What an acquisition is counted from. */
export type AcquiredPhoto = Pick<IndexLine, 'masked' | 'status' | 'detector' | 'search'>;

const nothing = (): AcquisitionCounts => ({ photos: 0, withoutFace: 0, wrongFace: 0, fromManifest: 0, unreadable: 0 });

/** The states of photos that could be read. */
const read = ['detected', 'manifest', 'crop', 'whole', 'no-face', 'wrong-face'];

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
