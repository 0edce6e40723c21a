import path from 'node:path';
import { tellOnce } from '../device.js';
import { checkFlag, checkOptions, checkPath, checkPaths, MaskbenchError, type Problem } from '../errors.js';
import { type DetectResult, Masker, type MaskerOptions } from '../mask/masker.js';
import { defaultDetector } from '../models/detectors/presets.js';
import { FolderSource } from '../storage/folder.js';

/** Options of {@link detectFiles}, beside those of a search. */
export interface DetectFilesOptions
  extends Pick<
    MaskerOptions,
    | 'detector'
    | 'minScore'
    | 'pad'
    | 'upsample'
    | 'minFace'
    | 'maxSize'
    | 'landmarkModel'
    | 'maxPixels'
    | 'acceptDamaged'
    | 'device'
    | 'deviceMemory'
    | 'concurrency'
  > {
  /** A folder for pictures of what was found: each photo, under its own name, with boxes, scores and points. */
  draw?: string;
  /** Replace pictures that exist. Default false: `OUTPUT_EXISTS`. */
  overwrite?: boolean;
  signal?: AbortSignal;
  /** Called when a device is lost that the CPU stands in for. */
  onProblem?: (problem: Problem) => void;
}

/** The faces of one file, or why there is no result. */
export type DetectedFile = { file: string } & (DetectResult | { error: string });

/**
 * Finds the faces of photos and of folders of photos, in their order; other files in folders are left alone. Photos
 * that fail have an `error`, and the others follow.
 * @throws `MaskbenchError` as {@link Masker.open}; `NOT_FOUND`: a folder; `READ_FAILED`; the signal's reason when
 * aborted
 * @example
 * for await (const found of detectFiles(['photos']))
 *   if ('faces' in found) console.log(found.file, found.faces.length);
 */
export async function* detectFiles(
  inputs: readonly string[],
  options: DetectFilesOptions = {},
): AsyncGenerator<DetectedFile> {
  checkPaths('inputs', inputs);
  checkOptions(options);
  const { draw, overwrite, signal, onProblem, ...search } = options;
  if (draw !== undefined) checkPath('draw', draw);
  checkFlag('overwrite', overwrite);
  const masker = await Masker.open({ ...search, detector: search.detector ?? defaultDetector });
  const tellDevice = tellOnce(masker, onProblem);
  // The photos by the names of their pictures. Those of one folder all have names of their own.
  const drawn = draw !== undefined && inputs.length > 1 ? new Map<string, string>() : undefined;
  const detect = async (file: string, name: string, problem?: string): Promise<DetectedFile> => {
    if (problem !== undefined) return { file, error: `${file}: ${problem}` };
    const other = drawn?.get(name);
    if (other !== undefined)
      return { file, error: `${other} and ${file} would both become ${path.join(draw as string, name)}` };
    drawn?.set(name, file);
    try {
      const drawing = draw !== undefined && { output: path.join(draw, name), overwrite: overwrite ?? false };
      return { file, ...(await masker.detect(file, { ...drawing, ...(signal && { signal }) })) };
    } catch (error) {
      if (!(error instanceof MaskbenchError)) throw error;
      return { file, error: error.message };
    }
  };
  try {
    // Enough to keep the addon busy.
    const most = 64;
    const running: Promise<DetectedFile>[] = [];
    for await (const photos of new FolderSource(inputs).photos(0))
      for (const { input, key, problem } of photos) {
        signal?.throwIfAborted();
        const found = detect(input, key, problem);
        // It is awaited in its turn.
        found.catch(() => {});
        running.push(found);
        if (running.length >= most) yield await (running.shift() as Promise<DetectedFile>);
        tellDevice();
      }
    while (running.length > 0) yield await (running.shift() as Promise<DetectedFile>);
    tellDevice();
  } finally {
    await masker.close();
  }
}
