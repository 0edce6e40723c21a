import { checkArray, checkInteger, checkNumber, checkObject, invalid } from '../errors.js';

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
  const points = checkArray(
    `${name}.landmarks`,
    landmarks,
    (point, value) => {
      if (!Array.isArray(value) || value.length !== 2) throw invalid(point, '[x, y]', value);
      for (const [i, axis] of ['x', 'y'].entries()) checkNumber(`${point}: ${axis}`, value[i], -farthest, farthest);
    },
    '68 points',
  );
  if (points.length !== 68) throw invalid(`${name}.landmarks`, '68 points', points.length);
}
