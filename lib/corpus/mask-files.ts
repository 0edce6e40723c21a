import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkChoice, checkPath, checkPaths, invalid, MaskbenchError } from '../errors.js';
import { removeTemporaries } from '../files/atomic.js';
import { withFolderLocked } from '../files/lock.js';
import { toPath } from '../files/path.js';
import { standardStream } from '../files/standard-input.js';
import {
  type Found,
  isFolder,
  isPhotoName,
  isSystemName,
  isWithin,
  type OnIgnored,
  photosBelow,
  realPath,
} from '../files/walk.js';
import { extensionOf, extensions } from '../image/image.js';
import type { MaskedFace } from '../mask/masker.js';
import { type Pairing, pairings } from '../pairs/twins.js';
import { isOneFile, isPacked, openSink, openSource } from '../storage/open.js';
import { isRemote } from '../storage/s3.js';
import { type Contents, contents, type Sink, type Source } from '../storage/source.js';
import { SetSink } from '../storage/verification-set.js';
import { readManifest } from './manifest.js';
import { MaskList } from './mask-list.js';
import { maskStored } from './mask-stored.js';
import { checkRunOptions, type Job, type MaskSummary, type PhotoJob, type RunOptions, runJobs } from './run.js';

export const outputFormats = ['same', 'jpeg', 'png', 'webp'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Options of {@link maskFiles}, beside those of the {@link Masker}. */
export interface MaskFilesOptions extends RunOptions {
  /** Format of the outputs. Default `same`: as the input's name says. */
  format?: (typeof outputFormats)[number];
  /** Where the manifest is written. Default: `manifest.jsonl` in the output folder; none for a single output file. */
  manifest?: string;
  /**
   * What is written into a .rec file or tars: `twins` alone in the places of their photos (default), or `both`, each
   * twin behind its photo. In a .rec file that gives new keys.
   */
  contents?: Contents;
  /**
   * Which images of a verification set are replaced by their twins: `one-of-each` (default), the second of each pair;
   * `both`; `as-published`. An image without a twin stays as it is. For a set that becomes a set.
   */
  pairing?: Pairing;
  /**
   * A manifest whose masks are drawn again. No face is searched, nothing is random, and `style`, `color` and `wear` are
   * ignored. Photos that are not in the manifest, or were not masked, are reported. Your own templates must be given.
   */
  again?: string;
  /**
   * A list of masks (`-`: on standard input): style and colour of each photo are those that it says, and `style`,
   * `color` and `wear` are ignored. Faces are searched. It is a manifest, or a log of Self-restrained-Triplet-Loss
   * (`path letter blue green red`). Photos that are not in it are reported.
   */
  masksFrom?: string;
}

/** `masked_` before the name, and the extension of another format where one is asked for. */
function maskedName(relative: string, format: OutputFormat): string {
  const { dir, base, name } = path.posix.parse(relative);
  return path.posix.join(dir, `masked_${format === 'same' ? base : name + extensions[format][0]}`);
}

/** The real path, with links resolved as far as the path exists. */
async function realPlace(file: string): Promise<string> {
  const absolute = path.resolve(file);
  return realPath(absolute).catch(async () =>
    path.join(await realPlace(path.dirname(absolute)), path.basename(absolute)),
  );
}

const isSamePlace = async (a: string, b: string) => (await realPlace(a)) === (await realPlace(b));

/** The photos of the inputs, folder by folder. Throws `INVALID_ARGUMENT` where two would become one output. */
export async function* jobsOf(
  inputs: readonly string[],
  out: string,
  format: OutputFormat,
  onIgnored?: OnIgnored,
): AsyncGenerator<Job[]> {
  const place = await realPlace(out);
  const places = await Promise.all(inputs.map(realPlace));
  // One tree has no two files of one name, so a folder at a time is enough; several inputs may collide anywhere.
  let taken = new Map<string, string>();
  for (const input of inputs) {
    const folder = await isFolder(input);
    // A shell's * names what systems put beside photos too.
    if (!folder && isSystemName(path.basename(input))) continue;
    const groups: AsyncIterable<Found[]> | Found[][] = folder
      ? photosBelow(input, place, onIgnored)
      : [[{ path: path.basename(input) }]];
    for await (const photos of groups) {
      if (inputs.length === 1) taken = new Map();
      yield photos.map((photo) => {
        const job = {
          key: photo.path,
          input: folder ? path.join(input, photo.path) : input,
          twin: maskedName(photo.path, format),
        };
        if (photo.problem !== undefined)
          return { photos: [{ ...job, problem: photo.problem, passing: photo.passing ?? false }] };
        const twin = path.join(place, job.twin);
        if (places.some((read) => isWithin(twin, read) && !isWithin(place, read)))
          throw new MaskbenchError(
            'INVALID_ARGUMENT',
            out,
            `${out}: expected a folder that holds only outputs; ${path.join(out, job.twin)} would be among the inputs`,
          );
        const other = taken.get(job.twin);
        if (other !== undefined)
          throw new MaskbenchError(
            'INVALID_ARGUMENT',
            job.input,
            `${other} and ${job.input} would both become ${path.join(out, job.twin)}`,
          );
        taken.set(job.twin, job.input);
        return { photos: [job] };
      });
    }
  }
}

/** The faces of a manifest by the paths of the photos on disk; lines of other photos are skipped. */
async function facesOf(manifest: string, jobs: AsyncIterable<Job[]>): Promise<Map<string, MaskedFace[]>> {
  if (!existsSync(toPath(manifest)))
    throw new MaskbenchError('NOT_FOUND', manifest, `${manifest}: the manifest does not exist`);
  const byName = new Map<string, string[]>();
  for await (const group of jobs)
    for (const input of group.flatMap(({ photos }) => photos.map(({ input }) => input as string))) {
      const name = path.basename(input);
      byName.set(name, [...(byName.get(name) ?? []), input]);
    }
  const found = new Map<string, MaskedFace[]>();
  for await (const { input, faces, status } of readManifest(manifest))
    if (status === 'masked')
      for (const file of byName.get(path.posix.basename(input)) ?? [])
        if (`/${path.resolve(file)}`.endsWith(`/${input}`)) found.set(file, faces);
  return found;
}

/** Every look among faces as a style list. */
function stylesOf(faces: Iterable<MaskedFace[]>): string {
  const looks = [...faces].flat().filter(({ style }) => style !== undefined);
  return [...new Set(looks.map(({ style, texture }) => (texture ? `${style}@${texture}` : `${style}`)))].join(',');
}

/** Refuses to overwrite the manifest that the run reads. */
async function checkAgain(manifest: string, again: string | undefined): Promise<void> {
  if (again !== undefined && (await realPlace(again)) === (await realPlace(manifest)))
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      manifest,
      `${manifest}: expected another manifest than the one to draw again`,
    );
}

/** Image formats that cannot be written. */
const foreignFormat = /\.(gif|heic|heif|avif|jp2|j2k|jxl|p[bgnp]m|tga|psd|svg|pdf|ico|exr|hdr)$/i;

async function* oneJob(photo: PhotoJob): AsyncGenerator<Job[]> {
  yield [{ photos: [photo] }];
}

/**
 * Masks files and folders into a file or a folder. The tree of a folder is kept below `out`, and the twin of a photo is
 * named `masked_<name>`; other files are left alone. The manifest has one line a photo. Photos that fail are reported
 * and skipped.
 *
 * @param inputs Photos and folders of photos; or one .rec file, verification set (.bin), tar, folder of tars, or `-`: a
 * tar on standard input.
 * @param out A folder; a .rec file, a verification set for a set, a tar, or `-`: a tar on standard output; or a file to
 * write, if the input is one photo and the name is a photo's. .rec files, sets and tars may lie in S3.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (two photos would become one output, options of another run),
 * `OUTPUT_EXISTS`, `LOCKED`, `MODEL_MISSING`, `MODEL_CORRUPT`, `WRITE_FAILED` (the manifest)
 * @example
 * const { counts, manifest } = await maskFiles(['photos'], 'masked', { style: 'random', seed: 7, resume: true });
 */
export async function maskFiles(inputs: string[], out: string, options: MaskFilesOptions = {}): Promise<MaskSummary> {
  // Each letter of a text would be a path of its own, "/" among them.
  checkPaths('inputs', inputs);
  checkPath('out', out);
  await checkRunOptions(options);
  checkChoice('format', options.format ?? 'same', outputFormats);
  checkChoice('contents', options.contents ?? 'twins', contents);
  checkChoice('pairing', options.pairing ?? 'one-of-each', pairings);
  for (const name of ['manifest', 'again', 'masksFrom'] as const)
    if (options[name] !== undefined) checkPath(name, options[name]);
  const { again, masksFrom } = options;
  if (again !== undefined && masksFrom !== undefined) throw invalid('masksFrom', 'nothing, beside again', masksFrom);
  if (masksFrom === standardStream && inputs.includes(standardStream))
    throw invalid('masksFrom', 'a file, where standard input has the photos', masksFrom);
  const isPackedRun = again === undefined || (await Promise.all([out, ...inputs].map(isPacked))).includes(true);
  const known = isPackedRun ? await withListed(options) : await withFacesOf(again, inputs, out, options);
  const packed = await maskPacked(inputs, out, known);
  return packed ?? maskInto(inputs, out, known);
}

/** A run whose masks are known, and what gives them to its photos. */
export interface KnownMasks {
  options: MaskFilesOptions;
  toPhoto: (photo: PhotoJob) => PhotoJob;
}

/** The masks of the list `masksFrom`, if there is one. */
export async function withListed(options: MaskFilesOptions): Promise<KnownMasks> {
  if (options.masksFrom === undefined) return { options, toPhoto: (photo) => photo };
  const list = await MaskList.read(options.masksFrom);
  return { options: { ...options, style: list.styles }, toPhoto: (photo) => list.withLook(photo) };
}

/** The masks of the manifest `again`. Throws `INVALID_ARGUMENT` where it has none of the inputs. */
export async function withFacesOf(
  again: string,
  inputs: readonly string[],
  out: string,
  options: MaskFilesOptions,
): Promise<KnownMasks> {
  const known = await facesOf(again, jobsOf(inputs, out, 'same'));
  if (known.size === 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      again,
      `${again}: expected lines of masked photos among the inputs, found none`,
    );
  return {
    options: { ...options, style: stylesOf(known.values()) },
    toPhoto: (photo) => {
      const faces = known.get(photo.input as string);
      return faces ? { ...photo, faces } : { ...photo, problem: `not a masked photo of ${again}` };
    },
  };
}

/** The photos of a .rec file or tars as jobs of a run into a folder. */
export async function* jobsOfStored(photos: AsyncIterable<PhotoJob[]>, format: OutputFormat): AsyncGenerator<Job[]> {
  for await (const group of photos)
    yield group.map((photo) => ({
      photos: [{ ...photo, twin: maskedName(`${photo.key}${extensionOf(photo.input, '.jpg')}`, format) }],
    }));
}

/** A run from or into a .rec file or tars; undefined where there is none. */
async function maskPacked(
  inputs: string[],
  out: string,
  { options, toPhoto }: KnownMasks,
): Promise<MaskSummary | undefined> {
  const { format = 'same', contents, pairing, overwrite = false } = options;
  const staging = options.manifest === undefined ? undefined : path.dirname(options.manifest);
  if (isRemote(out) && staging === undefined)
    throw invalid('manifest', 'a local file, beside which an output in S3 is made', staging);
  const sink = await openSink(out, inputs, {
    overwrite,
    ...(contents && { contents }),
    ...(pairing && { pairing }),
    ...(staging !== undefined && { staging }),
  });
  const packed = await Promise.all(inputs.map(isPacked));
  if (!sink && !packed.includes(true) && !inputs.includes(standardStream)) {
    if (contents !== undefined) throw invalid('contents', 'nothing, for files in a folder', contents);
    return undefined;
  }
  const source = await openSource(inputs);
  for (const name of ['again', 'writeAlpha', 'writeLandmarks'] as const)
    if (options[name]) throw invalid(name, 'nothing, for a .rec file or tars', options[name]);
  const isStream = out === standardStream;
  for (const input of inputs)
    if (input === out ? !isStream : !isRemote(input) && !isRemote(out) && !isStream && (await isSamePlace(input, out)))
      throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: the output is the input itself`);
  const photos: Source = {
    name: source.name,
    count: () => source.count(),
    photos: async function* (from) {
      for await (const group of source.photos(from)) yield group.map(toPhoto);
    },
  };
  const { format: _, manifest: given, ...run } = options;
  const settings = sink instanceof SetSink ? (pairing ?? 'one-of-each') : (contents ?? 'twins');
  if (isStream) return maskStored(photos, sink as Sink, { ...run, ...(given !== undefined && { manifest: given }) });
  const root = isRemote(out) ? (staging as string) : sink && isOneFile(out) ? path.dirname(out) : out;
  const manifest = given ?? path.join(root, 'manifest.jsonl');
  return withFolderLocked(root, false, async () => {
    if (!sink)
      return runJobs(
        {
          jobs: () => jobsOfStored(photos.photos(0), format),
          total: () => photos.count(),
          root,
          source: photos.name,
          manifest,
          settings: format,
        },
        options,
      );
    const summary = await maskStored(photos, sink, {
      ...run,
      manifest,
      settings,
      ...(format !== 'same' && { format }),
    });
    return sink instanceof SetSink ? { ...summary, maskings: sink.maskings } : summary;
  });
}

async function maskInto(inputs: string[], out: string, { options, toPhoto }: KnownMasks): Promise<MaskSummary> {
  const { format = 'same' } = options;
  const [first] = inputs;
  if (first === undefined)
    throw new MaskbenchError('INVALID_ARGUMENT', 'inputs', 'expected at least one file or folder');
  for (const input of inputs) {
    if (await isSamePlace(input, out))
      throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: the output is the input itself`);
  }
  if (options.manifest !== undefined && (isPhotoName(options.manifest) || options.manifest === '-'))
    throw invalid('manifest', 'a name that does not end like a photo, such as manifest.jsonl', options.manifest);
  const source = inputs.join(', ');
  const given = options.manifest !== undefined && { manifest: options.manifest };
  if (!isPhotoName(out) || (await isFolder(out))) {
    if ((out === standardStream || foreignFormat.test(out)) && !(await isFolder(out)))
      throw invalid('out', 'a folder, or a name that ends in .jpg, .png, .webp, .bmp or .tif', out);
    const plan = {
      jobs: async function* (_: number, onIgnored?: OnIgnored) {
        for await (const group of jobsOf(inputs, out, format, onIgnored))
          yield group.map((job) => ({ ...job, photos: job.photos.map(toPhoto) }));
      },
      root: out,
      source,
      manifest: path.join(out, 'manifest.jsonl'),
      ...given,
      settings: format,
    };
    await checkAgain(plan.manifest, options.again);
    return withFolderLocked(out, false, async () => {
      await removeTemporaries(out);
      return runJobs(plan, options);
    });
  }
  if (inputs.length > 1)
    throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: expected a folder as the output of several inputs`);
  if (await isFolder(first))
    throw new MaskbenchError('INVALID_ARGUMENT', first, `${first}: a folder cannot be masked into the file ${out}`);
  if (format !== 'same')
    throw new MaskbenchError('INVALID_ARGUMENT', 'format', `the name of ${out} decides its format; leave format out`);
  const photo = { key: path.basename(first), input: first, twin: path.basename(out) };
  if (options.manifest !== undefined) await checkAgain(options.manifest, options.again);
  const plan = { jobs: () => oneJob(toPhoto(photo)), root: path.dirname(out), source, ...given, settings: format };
  return runJobs(plan, options);
}
