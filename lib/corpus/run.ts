import { existsSync, statSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { tellOnce } from '../device.js';
import { checkArray, checkChoice, checkFlag, checkOptions, MaskbenchError, type Problem } from '../errors.js';
import { makeFolder, writeAtomically, writeFileAtomically } from '../files/atomic.js';
import { withFileLocked } from '../files/lock.js';
import { toPath } from '../files/path.js';
import { withBackOff } from '../files/retry.js';
import { readBytes } from '../files/text.js';
import { listFolder, noPhotos, type OnIgnored } from '../files/walk.js';
import type { ImageFormat } from '../image/image.js';
import {
  type CopyMode,
  checkMasker,
  type Look,
  type MaskedFace,
  Masker,
  type MaskerOptions,
  type MaskResult,
} from '../mask/masker.js';
import type { Maskings } from '../pairs/twins.js';
import type { Sink, StoredPhoto } from '../storage/source.js';
import {
  checkIsManifest,
  cutTornLine,
  type ManifestLine,
  ManifestWriter,
  type PhotoStatus,
  readManifest,
} from './manifest.js';

export const retryStatuses = ['unreadable', 'damaged', 'no-face', 'several-faces'] as const;
/** The status of a photo that a resumed run does again only where that is asked for. */
export type RetryStatus = (typeof retryStatuses)[number];

/** Options of a run. */
export interface RunOptions extends MaskerOptions {
  /** Replace outputs that exist, and start the manifest anew. */
  overwrite?: boolean;
  /**
   * Resume an interrupted run. Photos in its manifest are skipped, except those that failed, could not be used, or have
   * changed since then.
   */
  resume?: boolean;
  /** When resuming, also do photos of these statuses again. */
  retry?: readonly RetryStatus[];
  /**
   * After an abort no further photo is started. Photos in progress are finished and recorded; the call then rejects
   * with the signal's reason.
   */
  signal?: AbortSignal;
  /**
   * Also write the matte of each mask: `alpha/<twin>.png`, grey, the size of the photo, 255 where the mask is opaque.
   */
  writeAlpha?: boolean;
  /** Also write the boxes and landmarks of each masked photo: `landmarks/<twin>.json`. */
  writeLandmarks?: boolean;
  /** Called after each photo. */
  onProgress?: (progress: MaskProgress) => void;
  /** Called with one line for each photo or folder that failed. */
  onProblem?: (problem: Problem) => void;
}

export interface MaskProgress {
  /** Photos done in this run. */
  done: number;
  /** Photos to do in this run; `Number.MAX_SAFE_INTEGER` where the source does not know. */
  total: number;
}

/** What a run did. */
export interface MaskSummary {
  /** Photos of this run by status. */
  counts: Record<PhotoStatus, number>;
  /** Photos that an earlier run completed. */
  skipped: number;
  /** Photos that are unreadable, damaged, unusable or failed. */
  problems: Problem[];
  /** Files that were left alone, by extension or what else distinguishes them. */
  ignored: Record<string, number>;
  manifest?: string;
  /** The pairs by who wears a mask, if a verification set was written. */
  maskings?: Maskings;
  seconds: number;
}

/** Throws `INVALID_ARGUMENT`, `NOT_FOUND` (templates). */
export async function checkRunOptions(options: RunOptions): Promise<void> {
  checkOptions(options);
  for (const name of ['overwrite', 'resume', 'writeAlpha', 'writeLandmarks'] as const) checkFlag(name, options[name]);
  if (options.retry !== undefined) {
    checkArray('retry', options.retry, (name, status) => checkChoice(name, status, retryStatuses));
    if (!options.resume) throw new MaskbenchError('INVALID_ARGUMENT', 'retry', 'retry has no effect: it needs resume');
  }
  await checkMasker(options);
}

/** What a run has done with a photo. */
interface Done {
  masked: boolean;
  source: ManifestLine['source'];
}

/** Size and time of a file; undefined if it can't be found, or if the input is not a file. */
async function sourceOf(file: PhotoJob['input']): Promise<ManifestLine['source']> {
  if (typeof file !== 'string') return undefined;
  const about = await stat(toPath(file)).catch(() => undefined);
  return about && { bytes: about.size, modified: Math.trunc(about.mtimeMs) };
}

/** One photo of a run, and where it goes in an output folder. */
export interface PhotoJob extends StoredPhoto {
  /** Where its masked twin goes, relative to the output folder; absent: it is only copied. */
  twin?: string;
  /** Where the photo itself is copied to, relative to the output folder. */
  copy?: string;
  /** Copy it even if no face is found. */
  copyWithoutFace?: boolean;
  /** The person wears a real mask. */
  masked?: boolean;
  /** The faces of an earlier manifest; they get the same masks again. */
  faces?: MaskedFace[];
  /** How its mask looks. */
  look?: Look;
}

/**
 * Photos done one after another until `wanted` of them are masked; absent: each on its own. Without photos: another
 * shard's.
 */
export interface Job {
  photos: PhotoJob[];
  wanted?: number;
}

/** Where and how a run writes. */
export interface RunPlan {
  /**
   * Called twice: to count, where `total` does not say how many there are, and to do the work. The order and the jobs
   * must be the same. Jobs for a sink are of one photo each.
   * @param from Photos of an earlier run into a sink; they are left out.
   */
  jobs: (from: number, onIgnored?: OnIgnored) => AsyncIterable<Job[]>;
  /** Gives the number of photos, if the source knows it without reading them all. */
  total?: () => Promise<number | undefined>;
  /** Takes the twins; absent: they are files below `root`, written by the native core. */
  sink?: Sink;
  /** Format of the twins in the sink; absent: the photo's. */
  format?: ImageFormat;
  /** The output folder. */
  root: string;
  /** What the photos come from, for messages. */
  source: string;
  /** Absent: none is written. */
  manifest?: string;
  /** What else decides the result, beside the Masker's options. */
  settings: string;
  copyMode?: CopyMode;
  /**
   * A run has finished already: what its source has got since is only done where `resume`, else the call is refused.
   */
  finished?: { resume: boolean } | undefined;
  /** Called before anything is written. */
  begin?: () => Promise<void>;
}

/** Codes that are verdicts on bytes that were read. All others may be temporary, so a resumed run tries again. */
const verdicts: Partial<Record<string, PhotoStatus>> = {
  DAMAGED: 'damaged',
  UNREADABLE: 'unreadable',
  TOO_LARGE: 'unreadable',
  UNSUPPORTED_FORMAT: 'unreadable',
};

/** What errors call a photo. */
const nameOf = ({ input, key }: PhotoJob) => (typeof input === 'string' ? input : key);

/** Photos that are written to a sink before their manifest lines are. */
const photosAtOnce = 256;
const bytesAtOnce = 1 << 20;

/** Codes that every other photo of the run would get too. */
const fatalCodes = new Set(['UNAVAILABLE', 'MODEL_MISSING', 'MODEL_CORRUPT', 'CLOSED']);

/** After so many failures in a row the disk is gone, not busy. Photos are then tried once each until one succeeds. */
const patience = 16;

const isRegularOrAbsent = (file: string) => statSync(toPath(file), { throwIfNoEntry: false })?.isFile() ?? true;

const alphaOf = (twin: string) => `alpha/${twin}.png`;
const landmarksOf = (twin: string) => `landmarks/${twin}.json`;

/** One run: a Masker, a manifest, and what has been done so far. */
class Run {
  readonly #plan: RunPlan;
  readonly #options: RunOptions;
  readonly #settings: string;
  readonly #landmarkModel: string;
  #masker!: Masker;
  /** Photos that an earlier run completed. */
  readonly #done = new Map<string, Done>();
  /** How many photos of a sink an earlier run completed. */
  #from = 0;
  /** Manifest lines of photos that the sink keeps in memory. */
  #lines: ManifestLine[] = [];
  #pendingBytes = 0;
  /** Sinks and manifests take photos in order: resolves when the last one has been put there. */
  #turn: Promise<void> = Promise.resolve();
  /** The manifest has lines of other photos too, which get new ones. */
  #stale = false;
  /** There is an earlier run to resume. Without one, outputs that exist are somebody else's. */
  #resumed = false;
  #failedInARow = 0;
  #writer: ManifestWriter | undefined;
  #finished = 0;
  #total = 0;
  readonly summary: MaskSummary = {
    counts: {
      masked: 0,
      'no-face': 0,
      'several-faces': 0,
      copied: 0,
      unreadable: 0,
      damaged: 0,
      unusable: 0,
      failed: 0,
    },
    skipped: 0,
    problems: [],
    ignored: {},
    seconds: 0,
  };

  constructor(plan: RunPlan, options: RunOptions, { settings, search }: Awaited<ReturnType<typeof checkMasker>>) {
    this.#plan = plan;
    this.#options = options;
    this.#settings = `${settings}-${plan.settings}`;
    this.#landmarkModel = search.landmarkModel;
  }

  async run(): Promise<MaskSummary | undefined> {
    const start = performance.now();
    const { root, manifest, finished } = this.#plan;
    let opening: Promise<Masker> | undefined;
    const open = () => {
      opening ??= Masker.open(this.#options);
      return opening;
    };
    if (!finished) open().catch(() => {}); // awaited below
    await makeFolder(root);
    try {
      if (manifest !== undefined) await this.#readManifest(manifest);
      // Before anything is written: gives the total for the remaining time, and refuses collisions and missing inputs.
      const pending = await this.#count();
      if (finished && pending === 0) return undefined;
      if (finished && !finished.resume)
        throw new MaskbenchError(
          'OUTPUT_EXISTS',
          root,
          `${root}: complete except for ${pending} photos that are new or changed in the source, or missing here; resume the run to do them`,
        );
      this.#masker = await open();
      const tellDevice = tellOnce(this.#masker, this.#options.onProblem);
      tellDevice();
      await this.#plan.begin?.();
      if (manifest !== undefined) await this.#openManifest(manifest);
      await this.#plan.sink?.open(manifest !== undefined && this.#resumed ? this.#earlierLines(manifest) : undefined);
      await this.#work();
      tellDevice();
    } finally {
      await (await opening?.catch(() => undefined))?.close();
      await this.#plan.sink?.close();
      await this.#writer?.close();
    }
    this.summary.seconds = (performance.now() - start) / 1000;
    return this.summary;
  }

  /** Walks the jobs, and returns how many photos certainly remain to be done. */
  async #count(): Promise<number> {
    const { root, jobs, total } = this.#plan;
    if (total) return this.#countKnown(await total());
    const { overwrite } = this.#options;
    const isOwn = ({ name }: { name: string }) => name.startsWith('.maskbench-');
    const isFresh = !this.#resumed && !overwrite && !(await listFolder(root)).every(isOwn);
    let listed = 0;
    let pending = 0;
    const { ignored } = this.summary;
    const onIgnored = (kind: string) => {
      ignored[kind] = (ignored[kind] ?? 0) + 1;
    };
    for await (const group of jobs(0, onIgnored))
      for (const { photos, wanted = Number.POSITIVE_INFINITY } of group) {
        listed++;
        let masked = 0;
        for (const { key, input, twin, problem } of photos) {
          const before = await this.#unchanged(key, input);
          if (before === undefined) {
            this.#total++;
            if (problem === undefined && masked < wanted) pending++;
          }
          masked += Number(before?.masked ?? false);
          if (!isFresh || twin === undefined || problem !== undefined) continue;
          for (const file of [twin, alphaOf(twin), landmarksOf(twin)].map((name) => path.join(root, name)))
            if (existsSync(toPath(file)))
              throw new MaskbenchError(
                'OUTPUT_EXISTS',
                file,
                `${file}: the output exists already; replace outputs with overwrite`,
              );
        }
      }
    if (listed === 0) throw noPhotos(this.#plan.source, ignored);
    return pending;
  }

  #countKnown(total: number | undefined): number {
    if (total === 0) throw noPhotos(this.#plan.source, {});
    this.summary.skipped = this.#from;
    this.#total = total === undefined ? Number.POSITIVE_INFINITY : total - this.#from - this.#done.size;
    return this.#total;
  }

  /** What an earlier run did with a photo, unless the photo has changed since then. */
  async #unchanged(key: string, input: PhotoJob['input']): Promise<Done | undefined> {
    const done = this.#done.get(key);
    if (done?.source === undefined) return done;
    const found = await sourceOf(input);
    // One that is gone may come back.
    if (!found || (found.bytes === done.source.bytes && found.modified === done.source.modified)) return done;
    this.#done.delete(key);
    this.#stale = true;
    return undefined;
  }

  async #readManifest(manifest: string): Promise<void> {
    const { resume, overwrite } = this.#options;
    const isOrdinary = isRegularOrAbsent(manifest);
    const exists = isOrdinary && existsSync(toPath(manifest));
    await checkIsManifest(manifest);
    if (exists && !resume && !overwrite)
      throw new MaskbenchError(
        'OUTPUT_EXISTS',
        manifest,
        `${manifest}: another run wrote this manifest; resume that run, or replace its outputs (overwrite)`,
      );
    if (!isOrdinary && resume)
      throw new MaskbenchError('INVALID_ARGUMENT', manifest, `${manifest}: expected a regular file to resume from`);
    this.summary.manifest = manifest;
    if (!resume) return;
    this.#resumed = exists;
    const retried = new Set<PhotoStatus>(['failed', 'unusable', ...(this.#options.retry ?? [])]);
    for await (const { settings, status, input, source, ...line } of readManifest(manifest)) {
      if (settings !== this.#settings)
        throw new MaskbenchError(
          'INVALID_ARGUMENT',
          manifest,
          `${manifest}: the run was started with other options (style, color, seed, …); resume it with the same options`,
        );
      if (this.#plan.sink) {
        // What follows a photo that failed stands behind it in the output, and is made again.
        this.#stale ||= status === 'failed';
        if (!this.#stale) this.#from++;
        continue;
      }
      const outputs = [line.output, line.alpha, line.landmarks, line.copy].filter((file) => file !== undefined);
      if (!retried.has(status) && outputs.every((file) => existsSync(toPath(path.join(this.#plan.root, file)))))
        this.#done.set(input, { masked: status === 'masked', source });
      else this.#stale = true;
    }
  }

  async #openManifest(manifest: string): Promise<void> {
    const append = this.#options.resume ?? false;
    await makeFolder(path.dirname(manifest));
    if (this.#stale) await this.#dropStaleLines(manifest);
    else if (append) await cutTornLine(manifest);
    this.#writer = new ManifestWriter(manifest, { append });
  }

  /** Removes the lines of photos that are done again, and what was written for them: it may not be written again. */
  async #dropStaleLines(manifest: string): Promise<void> {
    await writeAtomically(manifest, async (temporary) => {
      const kept = new ManifestWriter(temporary, { append: false });
      let number = 0;
      for await (const line of readManifest(manifest))
        if (this.#isKept(line, number++)) await kept.write(line);
        else if (!this.#plan.sink)
          for (const file of [line.output, line.alpha, line.landmarks, line.copy])
            if (file !== undefined) await rm(toPath(path.join(this.#plan.root, file)), { force: true });
      await kept.close();
    });
  }

  /** The lines of photos that are not done again. */
  async *#earlierLines(manifest: string): AsyncGenerator<ManifestLine> {
    let number = 0;
    for await (const line of readManifest(manifest)) if (this.#isKept(line, number++)) yield line;
  }

  /** Whether a manifest's line of this number, from 0, stands for a photo that is not done again. */
  #isKept({ input }: ManifestLine, number: number): boolean {
    return this.#plan.sink ? number < this.#from : this.#done.has(input);
  }

  async #work(): Promise<void> {
    const running = new Set<Promise<void>>();
    const { sink, source } = this.#plan;
    // Enough to keep every thread busy while finished photos wait for their turn.
    const inFlight = Math.max(4 * (this.#options.concurrency ?? 16), sink ? 64 : 0);
    let fatal: unknown;
    let left = 0;
    try {
      for await (const group of this.#plan.jobs(this.#from))
        for (const job of group) {
          if (this.#options.signal?.aborted || fatal) {
            left++;
            continue;
          }
          const work: Promise<void> = this.#doJob(job)
            .catch((error) => {
              fatal ??= error;
            })
            .finally(() => running.delete(work));
          running.add(work);
          // They end in order, because each waits for its turn.
          if (running.size >= inFlight) await running.values().next().value;
        }
    } finally {
      await Promise.all(running);
      await this.#turn.catch((error) => {
        fatal ??= error;
      });
      await this.#flush();
    }
    if (fatal) throw fatal;
    if (this.#total === Number.POSITIVE_INFINITY && this.#finished + this.#from + left === 0)
      throw new MaskbenchError('NOT_FOUND', source, `${source}: no photos found`);
    const lost = this.#total - this.#finished;
    if (left > 0 && lost > 0) this.#options.signal?.throwIfAborted();
    await sink?.finish();
    if (lost > 0 && lost !== Number.POSITIVE_INFINITY) {
      this.summary.counts.failed += lost;
      this.#reportProblem(source, `${source}: ${lost} photos disappeared during the run; resume it when they are back`);
    }
  }

  async #doJob(job: Job): Promise<void> {
    if (this.#plan.sink) return this.#doPhotos(job, (photo) => this.#putPhoto(photo));
    // Lines in the order of the photos: the same run writes the same manifest.
    const before = this.#turn;
    const take = async () => {
      const lines: ManifestLine[] = [];
      const done = this.#doPhotos(job, async (photo) => {
        const { line } = await this.#maskPhoto(photo);
        this.#tell(photo, line);
        lines.push(line);
        return line.status;
      });
      await Promise.allSettled([done, before]);
      await before;
      for (const line of lines) await this.#writer?.write(line);
      await done;
    };
    const taken = take();
    this.#turn = taken;
    // Whoever takes the next turn gets the error too.
    this.#turn.catch(() => {});
    return taken;
  }

  async #doPhotos(
    { photos, wanted = Number.POSITIVE_INFINITY }: Job,
    doPhoto: (photo: PhotoJob) => Promise<PhotoStatus>,
  ): Promise<void> {
    const isSequence = wanted !== Number.POSITIVE_INFINITY;
    let masked = 0;
    let isCutOff = false;
    for (const photo of photos) {
      if (photo.input === undefined && photo.problem === undefined) {
        this.#passOn(photo);
        continue;
      }
      const before = this.#done.get(photo.key);
      if (masked >= wanted || (isCutOff && before === undefined)) {
        this.#progress();
        continue;
      }
      if (before !== undefined) {
        this.summary.skipped++;
        masked += Number(before.masked);
        continue;
      }
      // A resumed run continues the sequence at the same photo.
      if (this.#options.signal?.aborted && isSequence) return;
      const status = await doPhoto(photo);
      masked += Number(status === 'masked');
      isCutOff = isSequence && status === 'failed';
      this.#progress();
    }
  }

  /** Gives a sink an entry that is not a photo, in its turn. */
  #passOn(photo: PhotoJob): void {
    this.#turn = this.#turn.then(() => {
      this.#plan.sink?.put(photo, undefined);
    });
    this.#turn.catch(() => {});
  }

  #reportProblem(file: string, message: string): void {
    this.summary.problems.push({ file, message });
    this.#options.onProblem?.({ file, message });
  }

  #progress(): void {
    this.#finished++;
    this.#options.onProgress?.({ done: this.#finished, total: Math.min(this.#total, Number.MAX_SAFE_INTEGER) });
  }

  async #putPhoto(photo: PhotoJob): Promise<PhotoStatus> {
    const sink = this.#plan.sink as Sink;
    const before = this.#turn;
    const take = async (): Promise<PhotoStatus> => {
      const { line, twin } = await this.#maskPhoto(photo);
      await before;
      this.#tell(photo, line);
      Object.assign(line, sink.put(photo, twin));
      this.#lines.push(line);
      this.#pendingBytes += (twin?.length ?? 0) + (photo.input?.length ?? 0);
      if (this.#lines.length >= photosAtOnce || this.#pendingBytes >= bytesAtOnce) await this.#flush();
      return line.status;
    };
    const taken = take();
    this.#turn = taken.then(() => {});
    // Whoever takes the next turn gets the error too.
    this.#turn.catch(() => {});
    return taken;
  }

  /** Writes what the sink has taken, then the manifest lines. */
  async #flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#pendingBytes = 0;
    if (lines.length === 0) return;
    await this.#plan.sink?.flush();
    await this.#writer?.write(...lines);
  }

  #tell(photo: PhotoJob, line: ManifestLine): void {
    if (line.error !== undefined) this.#reportProblem(nameOf(photo), line.error);
    this.summary.counts[line.status]++;
  }

  /** Masks a photo, and returns its manifest line, and for a sink the twin. */
  async #maskPhoto(photo: PhotoJob): Promise<{ line: ManifestLine; twin?: Buffer | undefined }> {
    const { key, identity } = photo;
    const source = photo.problem === undefined ? await sourceOf(photo.input) : undefined;
    const line = { input: key } as ManifestLine;
    if (source) line.source = source;
    if (identity !== undefined) line.identity = identity;
    line.status = 'copied';
    if (photo.masked !== undefined) line.wearsMask = photo.masked;
    line.faces = [];
    line.seed = this.#options.seed ?? 0;
    line.settings = this.#settings;
    line.landmarkModel = this.#landmarkModel;
    let twin: Buffer | undefined;
    try {
      if (photo.problem !== undefined) {
        Object.assign(line, {
          status: photo.passing ? 'failed' : 'unusable',
          error: `${nameOf(photo)}: ${photo.problem}`,
        });
      } else if (this.#plan.sink) {
        if (typeof photo.input === 'string') photo.input = await readBytes(photo.input);
        if (this.#plan.sink.wants?.(photo) ?? true) {
          const { status, faces, image } = await this.#maskBytes(photo);
          Object.assign(line, { status, faces });
          twin = image;
        }
      } else Object.assign(line, await this.#mask(photo));
      this.#failedInARow = 0;
    } catch (error) {
      // Without its device or model no photo can be done: the run ends, and can be resumed.
      if (!(error instanceof MaskbenchError) || fatalCodes.has(error.code)) throw error;
      const status = verdicts[error.code] ?? 'failed';
      this.#failedInARow = status === 'failed' ? this.#failedInARow + 1 : 0;
      const message = typeof photo.input === 'string' ? error.message : error.message.replace(/^input:/, `${key}:`);
      Object.assign(line, { status, error: message });
    }
    return { line, twin };
  }

  /** Masks a photo's bytes for a sink. */
  async #maskBytes({ key, input, faces, look }: PhotoJob): Promise<MaskResult> {
    const { format } = this.#plan;
    const { signal } = this.#options;
    const mask = () =>
      this.#masker.mask(input as Uint8Array, {
        key,
        ...(format && { format }),
        ...(faces && { faces }),
        ...(look && { look }),
      });
    return this.#failedInARow < patience ? withBackOff(mask, signal) : mask();
  }

  /** Masks and copies a photo, and returns the results for its manifest line. */
  async #mask(photo: PhotoJob): Promise<Partial<ManifestLine>> {
    const { key, twin, copy } = photo;
    const { root } = this.#plan;
    const { overwrite = false, writeAlpha, writeLandmarks, signal } = this.#options;
    const alpha = writeAlpha && twin !== undefined ? alphaOf(twin) : undefined;
    const mask = () =>
      this.#masker.mask(photo.input as string | Uint8Array, {
        key,
        overwrite: overwrite || this.#resumed,
        // Without a twin the photo is only copied, after it was found to be readable.
        ...(twin === undefined ? { faces: [] } : { output: path.join(root, twin) }),
        ...(photo.faces && { faces: photo.faces }),
        ...(photo.look && { look: photo.look }),
        ...(alpha !== undefined && { matteOutput: path.join(root, alpha) }),
        ...(copy !== undefined && {
          copy: {
            path: path.join(root, copy),
            mode: this.#plan.copyMode ?? 'auto',
            always: twin === undefined || (photo.copyWithoutFace ?? false),
          },
        }),
      });
    const result = await (this.#failedInARow < patience ? withBackOff(mask, signal) : mask());
    const isMasked = result.status === 'masked' && twin !== undefined;
    return {
      ...(twin !== undefined && { status: result.status }),
      faces: result.faces,
      ...(isMasked && { output: twin }),
      ...(isMasked && alpha !== undefined && { alpha }),
      ...(isMasked && writeLandmarks && { landmarks: await this.#writeLandmarks(twin, result) }),
      ...(result.copied && copy !== undefined && { copy }),
    };
  }

  /** Returns the path of the file below the output folder. */
  async #writeLandmarks(twin: string, { width, height, faces }: MaskResult): Promise<string> {
    const name = landmarksOf(twin);
    const file = path.join(this.#plan.root, name);
    const text = `${JSON.stringify({ width, height, faces })}\n`;
    await makeFolder(path.dirname(file));
    await withBackOff(() => writeFileAtomically(file, text), this.#options.signal);
    return name;
  }
}

/**
 * Masks photos into a folder, with a manifest, so that a run can be killed at any moment and resumed. Photos that fail
 * are reported and skipped. Returns undefined if the plan is finished already.
 */
export function runJobs(plan: RunPlan & { finished?: undefined }, options: RunOptions): Promise<MaskSummary>;
export function runJobs(plan: RunPlan, options: RunOptions): Promise<MaskSummary | undefined>;
export function runJobs(plan: RunPlan, options: RunOptions): Promise<MaskSummary | undefined> {
  const { manifest } = plan;
  const run = async () => new Run(plan, options, await checkMasker(options)).run();
  return manifest !== undefined && isRegularOrAbsent(manifest) ? withFileLocked(manifest, run) : run();
}
