const debianLandmarks = '/usr/share/dlib/shape_predictor_68_face_landmarks.dat';

/** The landmark model that is used when no option names one. */
export function defaultLandmarkModel(): string {
  return process.env.MASKBENCH_LANDMARKS || debianLandmarks;
}
