/** Which of several faces in a photo is the person's. */
export const faceChoices = ['largest', 'central'] as const;
/**
 * `largest`: the face with the largest box, the first in detector order where boxes are equal (the paper's choice).
 * `central`: the face nearest the photo's centre, weighted by size: the area of its box less twice the squared distance
 * of the box's centre from the photo's is the greatest.
 */
export type FaceChoice = (typeof faceChoices)[number];
