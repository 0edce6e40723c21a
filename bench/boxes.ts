import type { Box } from 'maskbench';

const area = ({ left, top, right, bottom }: Box) => Math.max(0, right - left + 1) * Math.max(0, bottom - top + 1);

/** The shared part of two boxes, as a share of what they cover together: 0 to 1. */
function overlap(a: Box, b: Box): number {
  const shared = area({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  });
  return shared / (area(a) + area(b) - shared);
}

/** Whether two boxes show the same face: they share at least half of what they cover. */
export const sameFace = (a: Box, b: Box) => overlap(a, b) >= 0.5;

/** The face with the largest box. */
export const largest = <Face extends { box: Box }>(faces: readonly Face[]): Face | undefined =>
  faces.reduce<Face | undefined>((best, face) => (best && area(best.box) >= area(face.box) ? best : face), undefined);

/** Whether the middle of `a` lies in `b`. */
export function liesIn(a: Box, b: Box): boolean {
  const [x, y] = [(a.left + a.right) / 2, (a.top + a.bottom) / 2];
  return x >= b.left && x <= b.right && y >= b.top && y <= b.bottom;
}
