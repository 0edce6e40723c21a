import type { NativeFace } from '../../binding.js';

/** Inclusive pixels. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** x and y, in pixels. */
export type Point = readonly [number, number];
/**
 * A face by the left eye of the image, the right one, the tip of the nose, the left and right corners of the mouth: [x,
 * y] in pixels.
 */
export type FivePoints = readonly [Point, Point, Point, Point, Point];

/** A face whose place is known already. */
export interface KnownFace {
  box: Box;
  score?: number;
  /** What found it. */
  detector?: string;
  /** 68 points [x, y] in pixels, iBUG order. Absent: they are predicted from the box. */
  landmarks?: readonly (readonly [number, number])[];
}

/** A face that was found. */
export interface Face {
  box: Box;
  /** What found it: `hog` (dlib's frontal detector), or a neural detector's name. Absent where it was given. */
  detector?: string;
  /**
   * The detector's confidence. Of `hog` above its threshold: 0 and more, seldom above 4; of neural detectors 0 to 1.
   * Scores of different detectors do not compare.
   */
  score: number;
  /** 68 points [x, y] in pixels, iBUG order, index 0 first. */
  landmarks: [number, number][];
  /** Key points that a neural detector gave, [x, y] in pixels, in its order: often eyes, nose, corners of the mouth. */
  points?: [number, number][];
}

/** A face that the addon gives, found by `detector`. */
export function toFace({ box, score, landmarks, points }: NativeFace, detector: string | undefined): Face {
  const pairs: [number, number][] = [];
  for (let i = 0; i < landmarks.length; i += 2) pairs.push([landmarks[i] as number, landmarks[i + 1] as number]);
  // Objects that are spread into others take most of the time of a face that was not searched.
  const face: Face =
    detector === undefined ? { box, score, landmarks: pairs } : { box, detector, score, landmarks: pairs };
  if (points) face.points = points;
  return face;
}
