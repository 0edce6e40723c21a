import type { NativeNetwork, NativeSearchOptions } from '../../../binding.js';
import { invalid, MaskbenchError } from '../../errors.js';
import { checkSearch, hogDetectors, type SearchOptions } from '../../face/search.js';
import { isFile } from '../../files/walk.js';
import { hashOf } from '../fingerprint.js';
import { defaultLandmarks, resolveLandmarks } from '../landmarks.js';
import { onnxRuntimeLibrary } from '../runtime.js';
import type { DetectorDescription } from './description.js';
import { detectorPresets } from './presets.js';

/** A search as the addon takes it, and what decides what is found. */
export interface Search {
  /** What manifests call the detector: `hog`, or its description's name. */
  name: string;
  /** What manifests call the landmark model: `dlib-68`, `face-api-68`, or the name of a file. */
  landmarkModel: string;
  /** @hidden */
  native: NativeSearchOptions;
  /** All that decides which faces are found. */
  settings: Record<string, unknown>;
}

/** As {@link checkSearch}, and a detector that has a name is one that is known. Throws `INVALID_ARGUMENT`. */
export function checkDetection(options: SearchOptions, usual: string) {
  const search = checkSearch(options, usual);
  const names = [...hogDetectors, ...Object.keys(detectorPresets)];
  if (!names.includes(search.detector) && !/\.onnx$|\//i.test(search.detector))
    throw invalid('detector', `one of ${names.join(', ')}, or an ONNX file`, search.detector);
  if (search.detector === 'dlib' && search.landmarkModel === 'face-api-68')
    throw invalid('landmarkModel', "dlib's model, with the detector dlib", search.landmarkModel);
  return search;
}

const sameBox = { x: 0, y: 0, width: 1, height: 1 };

async function resolveDetector(detector: string): Promise<{ file: string; description: DetectorDescription }> {
  const preset = Object.hasOwn(detectorPresets, detector) ? detectorPresets[detector] : undefined;
  if (preset) return { file: await preset.file(), description: preset.description };
  if (!(await isFile(detector)))
    throw new MaskbenchError('MODEL_MISSING', detector, `${detector}: the detector's file does not exist`);
  const { readDetectorDescription } = await import('./description.js');
  return { file: detector, description: await readDetectorDescription(detector) };
}

/**
 * The options with their defaults. A preset's network is built on first use.
 * @param usual The detector where none is named.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`, `MODEL_MISSING`, `MODEL_CORRUPT`, `WRITE_FAILED`
 */
export async function resolveSearch(options: SearchOptions, usual: string): Promise<Search> {
  const { detector, isHog, minScore, pad, landmarkModel, ...search } = checkDetection(options, usual);
  const landmarks = await resolveLandmarks(landmarkModel ?? (detector === 'dlib' ? 'dlib-68' : defaultLandmarks()));
  const predicting = landmarks.name === 'dlib-68' ? {} : { landmarkModel: landmarks.name };
  if (isHog) {
    // Both programs find the same faces, so which of them searches is not a setting.
    const chosen = { ...search, minScore: minScore ?? 0, pad: pad ?? 0 };
    return {
      name: 'hog',
      landmarkModel: landmarks.name,
      native: { ...chosen, expectedScore: chosen.minScore, ...landmarks.native, dlib: detector === 'dlib' },
      settings: { ...chosen, ...predicting },
    };
  }
  const { file, description } = await resolveDetector(detector);
  const { input } = description;
  const network: NativeNetwork = {
    library: await onnxRuntimeLibrary(),
    model: file,
    decoder: description.decoder,
    width: input.width,
    height: input.height,
    multiple: input.multiple ?? 0,
    channelsFirst: input.layout === 'NCHW',
    blueFirst: input.colors === 'BGR',
    mean: input.mean,
    scale: input.scale,
    layers: description.layers ?? [],
    variances: description.variances ?? [0.1, 0.2],
    scores: description.scores ?? 'share',
    pixels: description.unit === 'pixel',
    overlap: description.overlap ?? 0.4,
    smallest: description.smallest,
    confirm: description.confirm ?? 0,
    faceBox: description.faceBox ?? sameBox,
    landmarkBox: description.landmarkBox ?? sameBox,
  };
  const chosen = { ...search, minScore: minScore ?? description.minScore, pad: pad ?? description.pad ?? 0.3 };
  const expectedScore = minScore ?? description.expectedScore ?? description.minScore;
  return {
    name: description.name,
    landmarkModel: landmarks.name,
    native: { ...chosen, expectedScore, ...landmarks.native, dlib: false, network },
    settings: { ...chosen, ...predicting, network: [description, await hashOf(file)] },
  };
}
