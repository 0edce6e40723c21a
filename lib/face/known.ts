import { checkArray, checkInteger, checkNumber, checkObject, invalid } from '../errors.js';
import type { FivePoints } from './face.js';

/** The farthest that a side or a point may lie from an image's corner: the greatest size of an image. */
const farthest = 65535;

/** Throws `INVALID_ARGUMENT` unless `box` has four sides, whole numbers, and is not inverted. */
export function checkBox(name: string, box: unknown): void {
  const sides = checkObject(name, box, '{ left, top, right, bottom }');
  const [left, top, right, bottom] = (['left', 'top', 'right', 'bottom'] as const).map((side) =>
    checkInteger(`${name}.${side}`, sides[side], -farthest, farthest),
  ) as [number, number, number, number];
  if (right < left) throw invalid(`${name}.right`, `at least left (${left})`, right);
  if (bottom < top) throw invalid(`${name}.bottom`, `at least top (${top})`, bottom);
}

/**
 * Throws `INVALID_ARGUMENT` unless `face` is one as the addon takes it: a box of whole numbers, not inverted, and if
 * there are landmarks 68 points.
 */
export function checkFace(name: string, face: unknown): void {
  const { box, landmarks } = checkObject(name, face, 'a face: { box, landmarks }');
  checkBox(`${name}.box`, box);
  if (landmarks === undefined) return;
  checkPoints(`${name}.landmarks`, landmarks, 68);
}

function checkPoints(name: string, points: unknown, count: number): void {
  const checked = checkArray(
    name,
    points,
    (point, value) => {
      if (!Array.isArray(value) || value.length !== 2) throw invalid(point, '[x, y]', value);
      for (const [i, axis] of ['x', 'y'].entries()) checkNumber(`${point}: ${axis}`, value[i], -farthest, farthest);
    },
    `${count} points`,
  );
  if (checked.length !== count) throw invalid(name, `${count} points`, checked.length);
}

/** Throws `INVALID_ARGUMENT` unless `points` are five points that are not all one. */
export function checkFivePoints(name: string, points: unknown): asserts points is FivePoints {
  checkPoints(name, points, 5);
  const [[left, top], ...others] = points as FivePoints;
  if (others.every(([x, y]) => x === left && y === top))
    throw invalid(name, 'five points that are not all one', points);
}
