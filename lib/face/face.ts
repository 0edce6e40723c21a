/** Inclusive pixels. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A face whose place is known already. */
export interface KnownFace {
  box: Box;
  score?: number;
  /** 68 points [x, y] in pixels, iBUG order. Absent: they are predicted from the box. */
  landmarks?: readonly (readonly [number, number])[];
}

/** A face that was found. */
export interface Face {
  box: Box;
  /** The detector's confidence above its threshold; 0 and more, seldom above 4. */
  score: number;
  /** 68 points [x, y] in pixels, iBUG order, index 0 first. */
  landmarks: [number, number][];
}
