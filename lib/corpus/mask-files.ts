import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { checkChoice, MaskbenchError } from '../errors.js';
import { type MaskedFace, Masker, type MaskerOptions, type MaskResult } from '../mask/masker.js';
import { isPhotoName, photosBelow } from './files.js';
import { lockFolder } from './lock.js';
import { type ManifestFace, ManifestWriter, type PhotoStatus, readManifest } from './manifest.js';

export const outputFormats = ['same', 'jpeg', 'png', 'webp'] as const;

/** Options of {@link maskFiles}, beside those of the {@link Masker}. */
export interface MaskFilesOptions extends MaskerOptions {
  /** Format of the outputs. Default `same`: as the input's name says. */
  format?: (typeof outputFormats)[number];
  /** Replace outputs that exist, and start the manifest anew. */
  overwrite?: boolean;
  /** Go on with an interrupted run: photos in its manifest are not done again. */
  resume?: boolean;
  /** Where the manifest is written. Default: `manifest.jsonl` in the output folder; none for a single output file. */
  manifest?: string;
  /** Once aborted no photo is begun; those under way are finished and recorded. */
  signal?: AbortSignal;
  /** Called after each photo. */
  onProgress?: (progress: MaskProgress) => void;
  /** Called for each photo or folder that failed, with one clear line. */
  onProblem?: (problem: Problem) => void;
}

export interface MaskProgress {
  /** Photos done in this run. */
  done: number;
  /** Photos to do in this run. */
  total: number;
}

export interface Problem {
  file: string;
  message: string;
}

/** What a run did. */
export interface MaskSummary {
  /** Photos of this run by what became of them; `failed` could not be written, or their folder not be read. */
  counts: Record<PhotoStatus | 'failed', number>;
  /** Photos that an earlier run had done. */
  skipped: number;
  /** Photos that are unreadable, damaged or failed. */
  problems: Problem[];
  /** Whether the run was aborted before its end. */
  interrupted: boolean;
  manifest?: string;
  seconds: number;
}

interface Job {
  /** Relative path in the tree, which names the photo in the manifest and for random choices. */
  key: string;
  input: string;
  /** Relative to the output folder. */
  output: string;
  problem?: string;
}

const formatExtensions = { jpeg: '.jpg', png: '.png', webp: '.webp' };

/** `masked_` before the name, and the extension of another format where one is asked for. */
function maskedName(relative: string, format: (typeof outputFormats)[number]): string {
  const { dir, base, name } = path.posix.parse(relative);
  return path.posix.join(dir, `masked_${format === 'same' ? base : name + formatExtensions[format]}`);
}

function toManifestFace({ box, color, style, ...face }: MaskedFace): ManifestFace {
  const { left, top, right, bottom } = box;
  return { box: [left, top, right, bottom], ...face, ...(style && { style }), ...(color && { color }) };
}

/** The photos of the inputs, folder by folder. Throws `INVALID_ARGUMENT` where two would become one output. */
async function* jobsOf(inputs: string[], out: string, format: (typeof outputFormats)[number]): AsyncGenerator<Job[]> {
  // One tree has no two files of one name, so a folder at a time is enough; several inputs may collide anywhere.
  let taken = new Map<string, string>();
  for (const input of inputs) {
    const isFolder = (await stat(input).catch(() => undefined))?.isDirectory() ?? false;
    const groups = isFolder ? photosBelow(input, path.resolve(out)) : [[{ path: path.basename(input) }]];
    for await (const photos of groups) {
      if (inputs.length === 1) taken = new Map();
      yield photos.map((photo) => {
        const job: Job = {
          key: photo.path,
          input: isFolder ? path.join(input, photo.path) : input,
          output: maskedName(photo.path, format),
        };
        if ('problem' in photo && photo.problem !== undefined) return { ...job, problem: photo.problem };
        const other = taken.get(job.output);
        if (other !== undefined)
          throw new MaskbenchError(
            'INVALID_ARGUMENT',
            job.input,
            `${other} and ${job.input} would both become ${path.join(out, job.output)}`,
          );
        taken.set(job.output, job.input);
        return job;
      });
    }
  }
}

async function removeTemporaries(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTemporaries(path.join(folder, entry.name));
    else if (entry.name.startsWith('.maskbench-tmp-')) await rm(path.join(folder, entry.name));
  }
}

/**
 * Masks files and folders into a file or a folder. Folders are walked, their tree is kept below `out`, and each photo's twin
 * is named `masked_<name>`; other files are left alone. One manifest line a photo is written. A photo that fails is reported
 * and the rest goes on.
 *
 * @param inputs Photos and folders of photos.
 * @param out A folder; or a file to write, if the input is one photo and the name is a photo's.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (two photos would become one output, options of another run),
 * `OUTPUT_EXISTS`, `LOCKED`, `MODEL_MISSING`, `MODEL_CORRUPT`, `WRITE_FAILED` (the manifest)
 */
export async function maskFiles(inputs: string[], out: string, options: MaskFilesOptions = {}): Promise<MaskSummary> {
  const start = performance.now();
  const format = checkChoice('format', options.format ?? 'same', outputFormats);
  const masker = new Masker(options);
  const loading = masker.load();
  loading.catch(() => {}); // awaited below
  const settings = `${masker.settings}-${format}`;
  const summary: MaskSummary = {
    counts: { masked: 0, 'no-face': 0, 'several-faces': 0, unreadable: 0, damaged: 0, failed: 0 },
    skipped: 0,
    problems: [],
    interrupted: false,
    seconds: 0,
  };
  const [first] = inputs;
  if (first === undefined)
    throw new MaskbenchError('INVALID_ARGUMENT', 'inputs', 'expected at least one file or folder');
  for (const input of inputs) {
    if (path.resolve(input) === path.resolve(out))
      throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: the output is the input itself`);
  }

  const toFile = isPhotoName(out) && !(await stat(out).catch(() => undefined))?.isDirectory();
  if (toFile) {
    if (inputs.length > 1)
      throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: expected a folder as the output of several inputs`);
    if ((await stat(first).catch(() => undefined))?.isDirectory())
      throw new MaskbenchError('INVALID_ARGUMENT', first, `${first}: a folder cannot be masked into the file ${out}`);
    if (format !== 'same')
      throw new MaskbenchError('INVALID_ARGUMENT', 'format', `the name of ${out} decides its format; leave format out`);
  }
  const root = toFile ? path.dirname(out) : out;
  await mkdir(root, { recursive: true }).catch((error) => {
    throw new MaskbenchError('WRITE_FAILED', root, `${root}: cannot be made: ${error.message}`);
  });
  const manifest = options.manifest ?? (toFile ? undefined : path.join(out, 'manifest.jsonl'));
  const unlock = toFile ? undefined : lockFolder(out);
  try {
    const done = new Set<string>();
    if (manifest !== undefined) {
      if (existsSync(manifest) && !options.resume && !options.overwrite)
        throw new MaskbenchError(
          'OUTPUT_EXISTS',
          manifest,
          `${manifest} exists: another run wrote it; go on with it (resume) or replace its outputs (overwrite)`,
        );
      if (options.resume) {
        for await (const line of readManifest(manifest)) {
          if (line.settings !== settings)
            throw new MaskbenchError(
              'INVALID_ARGUMENT',
              manifest,
              `${manifest}: the run was begun with other options (style, color, seed, …); resume with the same`,
            );
          if (line.output === undefined || existsSync(path.join(root, line.output))) done.add(line.input);
        }
        if (!toFile) await removeTemporaries(out);
      }
      await mkdir(path.dirname(manifest), { recursive: true });
      summary.manifest = manifest;
    }

    const jobs = () =>
      toFile
        ? (async function* () {
            yield [{ key: path.basename(first), input: first, output: path.basename(out) } as Job];
          })()
        : jobsOf(inputs, out, format);
    // Counted first: the total tells the remaining time, and colliding names are refused before anything is written.
    let total = 0;
    for await (const folder of jobs()) total += folder.filter((job) => !done.has(job.key)).length;
    await loading;

    const writer =
      manifest === undefined ? undefined : new ManifestWriter(manifest, { append: options.resume ?? false });
    let finished = 0;
    let fatal: unknown;
    const report = (file: string, message: string) => {
      summary.problems.push({ file, message });
      options.onProblem?.({ file, message });
    };
    const record = async (job: Job, result: Pick<MaskResult, 'status' | 'faces' | 'milliseconds'> | MaskbenchError) => {
      const failed = result instanceof MaskbenchError;
      let status: PhotoStatus;
      if (!failed) status = result.status;
      else if (result.code === 'DAMAGED') status = 'damaged';
      else if (['NOT_FOUND', 'UNREADABLE', 'TOO_LARGE', 'UNSUPPORTED_FORMAT'].includes(result.code))
        status = 'unreadable';
      else {
        // Not the photo's fault (a full disk, an output in the way): left out of the manifest, so that a resumed run retries.
        summary.counts.failed++;
        report(job.input, result.message);
        return;
      }
      summary.counts[status]++;
      if (failed) report(job.input, result.message);
      await writer?.write({
        input: job.key,
        ...(status === 'masked' && { output: job.output }),
        status,
        ...(failed && { error: result.message }),
        faces: failed ? [] : result.faces.map(toManifestFace),
        seed: options.seed ?? 0,
        settings,
        milliseconds: failed ? 0 : Math.round(result.milliseconds * 100) / 100,
      });
    };
    const maskOne = async (job: Job) => {
      try {
        if (job.problem !== undefined)
          throw new MaskbenchError('UNREADABLE', job.input, `${job.input}: ${job.problem}`);
        const output = path.join(root, job.output);
        await mkdir(path.dirname(output), { recursive: true }).catch((error) => {
          throw new MaskbenchError('WRITE_FAILED', output, `${output}: cannot be written: ${error.message}`);
        });
        const overwrite = (options.overwrite || options.resume) ?? false;
        await record(job, await masker.mask(job.input, { output, overwrite, key: job.key }));
      } catch (error) {
        if (!(error instanceof MaskbenchError) || error.subject === manifest) throw error;
        await record(job, error);
      }
      finished++;
      options.onProgress?.({ done: finished, total });
    };

    const running = new Set<Promise<void>>();
    // Enough to keep every thread busy while finished photos wait for their manifest lines.
    const inFlight = 4 * (options.concurrency ?? 16);
    feeding: for await (const folder of jobs()) {
      for (const job of folder) {
        if (options.signal?.aborted || fatal) break feeding;
        if (done.has(job.key)) {
          summary.skipped++;
          continue;
        }
        const work: Promise<void> = maskOne(job)
          .catch((error) => {
            fatal ??= error;
          })
          .finally(() => running.delete(work));
        running.add(work);
        if (running.size >= inFlight) await Promise.race(running);
      }
    }
    await Promise.all(running);
    await writer?.close();
    if (fatal) throw fatal;
    summary.interrupted = (options.signal?.aborted ?? false) && finished < total;
  } finally {
    await masker.close();
    unlock?.();
  }
  summary.seconds = (performance.now() - start) / 1000;
  return summary;
}
