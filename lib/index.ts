export { isPhotoName } from './corpus/files.js';
export {
  type ManifestFace,
  type ManifestLine,
  type PhotoStatus,
  readManifest,
} from './corpus/manifest.js';
export {
  type MaskFilesOptions,
  type MaskProgress,
  type MaskSummary,
  maskFiles,
  type Problem,
} from './corpus/mask-files.js';
export { type Diagnosis, diagnose } from './doctor.js';
export { type ErrorCode, MaskbenchError } from './errors.js';
export {
  type Box,
  type DetectOptions,
  type DetectResult,
  type Face,
  type ImageFormat,
  type ImageInput,
  type MaskedFace,
  Masker,
  type MaskerOptions,
  type MaskOptions,
  type MaskResult,
  type RawImage,
  type Selection,
  type Style,
  selections,
  styles,
} from './mask/masker.js';
export { contactSheet } from './report/contact-sheet.js';
