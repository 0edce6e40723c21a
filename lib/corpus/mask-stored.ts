import path from 'node:path';
import { checkChoice, checkObject, checkPath, checkText, invalid } from '../errors.js';
import { type ImageFormat, imageFormats } from '../image/image.js';
import type { Sink, Source } from '../storage/source.js';
import { checkRunOptions, type MaskSummary, type RunOptions, runJobs } from './run.js';

/** Options of {@link maskStored}, beside those of the `Masker`. */
export interface StoredOptions extends Omit<RunOptions, 'writeAlpha' | 'writeLandmarks'> {
  /** Where the manifest is written. Without one the run can't be resumed. */
  manifest?: string;
  /** Format of the twins. Default: the photo's. */
  format?: ImageFormat;
  /** What else decides the output: a run is only resumed with the same. */
  settings?: string;
}

/**
 * Masks the photos of a source into a sink, in order. The manifest has one line a photo. Photos that fail are reported
 * and skipped; a resumed run begins again at the first that failed because it could not be read at that moment.
 * @throws `MaskbenchError` as `maskFiles`
 * @example
 * const [source, sink] = [await openSource(['train.rec']), await openSink('masked.rec', ['train.rec'])];
 * if (sink) await maskStored(source, sink, { aligned: 'arcface', manifest: 'masked.jsonl' });
 */
export async function maskStored(source: Source, sink: Sink, options: StoredOptions = {}): Promise<MaskSummary> {
  checkMethods('source', source, ['count', 'photos']);
  checkMethods('sink', sink, ['open', 'put', 'flush', 'finish', 'close']);
  await checkRunOptions(options);
  checkText('settings', options.settings ?? '');
  const { manifest, format, settings = '', ...run } = options;
  if (format !== undefined) checkChoice('format', format, imageFormats);
  if (manifest !== undefined) checkPath('manifest', manifest);
  return runJobs(
    {
      jobs: async function* (from) {
        for await (const photos of source.photos(from)) yield photos.map((photo) => ({ photos: [photo] }));
      },
      total: () => source.count(),
      sink,
      root: manifest === undefined ? '.' : path.dirname(manifest),
      ...(format && { format }),
      source: source.name,
      ...(manifest !== undefined && { manifest }),
      settings: [format ?? 'same', settings].filter((part) => part !== '').join('-'),
    },
    run,
  );
}

function checkMethods(name: string, value: unknown, methods: string[]): void {
  const given = checkObject(name, value, `an object with ${methods.join(', ')}`);
  for (const method of methods)
    if (typeof given[method] !== 'function') throw invalid(`${name}.${method}`, 'a function', given[method]);
}
