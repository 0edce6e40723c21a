import { existsSync, statSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { tellOnce } from '../device.js';
import { checkArray, checkChoice, checkFlag, checkOptions, MaskbenchError, type Problem } from '../errors.js';
import { makeFolder, writeAtomically, writeFileAtomically } from '../files/atomic.js';
import { withFileLocked } from '../files/lock.js';
import { toPath } from '../files/path.js';
import { withBackOff } from '../files/retry.js';
import { listFolder, noPhotos, type OnIgnored } from '../files/walk.js';
import {
  type CopyMode,
  checkMasker,
  type MaskedFace,
  Masker,
  type MaskerOptions,
  type MaskResult,
} from '../mask/masker.js';
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
  /** Photos to do in this run. */
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

/** Size and time of a file; undefined where it can't be found. */
async function sourceOf(file: string): Promise<ManifestLine['source']> {
  const about = await stat(toPath(file)).catch(() => undefined);
  return about && { bytes: about.size, modified: Math.trunc(about.mtimeMs) };
}

/** One photo of a run. */
export interface PhotoJob {
  /** Names the photo in the manifest, and for random choices. */
  key: string;
  input: string;
  /** Where its masked twin goes, relative to the output folder; absent: it is only copied. */
  twin?: string;
  /** Where the photo itself is copied to, relative to the output folder. */
  copy?: string;
  /** Copy it even if no face is found. */
  copyWithoutFace?: boolean;
  identity?: string;
  /** The person wears a real mask. */
  masked?: boolean;
  /** Why it can't be used, where that is known already. */
  problem?: string;
  /** The problem may be temporary, so a resumed run tries the photo again. */
  passing?: boolean;
  /** The faces of an earlier manifest; they get the same masks again. */
  faces?: MaskedFace[];
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
  /** Called twice: to count, and to do the work. The order and the jobs must be the same. */
  jobs: (onIgnored?: OnIgnored) => AsyncIterable<Job[]>;
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
  #masker!: Masker;
  /** Photos that an earlier run completed. */
  readonly #done = new Map<string, Done>();
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

  constructor(plan: RunPlan, options: RunOptions, settings: string) {
    this.#plan = plan;
    this.#options = options;
    this.#settings = `${settings}-${plan.settings}`;
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
      await this.#work();
      tellDevice();
    } finally {
      await (await opening?.catch(() => undefined))?.close();
      await this.#writer?.close();
    }
    this.summary.seconds = (performance.now() - start) / 1000;
    return this.summary;
  }

  /** Walks the jobs, and returns how many photos certainly remain to be done. */
  async #count(): Promise<number> {
    const { root, jobs } = this.#plan;
    const { overwrite } = this.#options;
    const isOwn = ({ name }: { name: string }) => name.startsWith('.maskbench-');
    const isFresh = !this.#resumed && !overwrite && !(await listFolder(root)).every(isOwn);
    let listed = 0;
    let pending = 0;
    const { ignored } = this.summary;
    const onIgnored = (kind: string) => {
      ignored[kind] = (ignored[kind] ?? 0) + 1;
    };
    for await (const group of jobs(onIgnored))
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

  /** What an earlier run did with a photo, unless the photo has changed since then. */
  async #unchanged(key: string, input: string): Promise<Done | undefined> {
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
      for await (const line of readManifest(manifest))
        if (this.#done.has(line.input)) await kept.write(line);
        else
          for (const file of [line.output, line.alpha, line.landmarks, line.copy])
            if (file !== undefined) await rm(toPath(path.join(this.#plan.root, file)), { force: true });
      await kept.close();
    });
  }

  async #work(): Promise<void> {
    const running = new Set<Promise<void>>();
    // Enough to keep every thread busy while finished photos wait for their manifest lines.
    const inFlight = 4 * (this.#options.concurrency ?? 16);
    let fatal: unknown;
    let left = 0;
    try {
      for await (const group of this.#plan.jobs())
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
          if (running.size >= inFlight) await Promise.race(running);
        }
    } finally {
      await Promise.all(running);
    }
    if (fatal) throw fatal;
    const lost = this.#total - this.#finished;
    if (left > 0 && lost > 0) this.#options.signal?.throwIfAborted();
    if (lost > 0) {
      this.summary.counts.failed += lost;
      const { source } = this.#plan;
      this.#reportProblem(source, `${source}: ${lost} photos disappeared during the run; resume it when they are back`);
    }
  }

  async #doJob({ photos, wanted = Number.POSITIVE_INFINITY }: Job): Promise<void> {
    const isSequence = wanted !== Number.POSITIVE_INFINITY;
    let masked = 0;
    let isCutOff = false;
    for (const photo of photos) {
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
      const status = await this.#doPhoto(photo);
      masked += Number(status === 'masked');
      isCutOff = isSequence && status === 'failed';
      this.#progress();
    }
  }

  #reportProblem(file: string, message: string): void {
    this.summary.problems.push({ file, message });
    this.#options.onProblem?.({ file, message });
  }

  #progress(): void {
    this.#finished++;
    this.#options.onProgress?.({ done: this.#finished, total: this.#total });
  }

  async #doPhoto(photo: PhotoJob): Promise<PhotoStatus> {
    const { key, identity } = photo;
    const source = photo.problem === undefined ? await sourceOf(photo.input) : undefined;
    const line: ManifestLine = {
      input: key,
      ...(source && { source }),
      ...(identity !== undefined && { identity }),
      status: 'copied',
      ...(photo.masked !== undefined && { wearsMask: photo.masked }),
      faces: [],
      seed: this.#options.seed ?? 0,
      settings: this.#settings,
      milliseconds: 0,
    };
    try {
      if (photo.problem === undefined) Object.assign(line, await this.#mask(photo));
      else
        Object.assign(line, {
          status: photo.passing ? 'failed' : 'unusable',
          error: `${photo.input}: ${photo.problem}`,
        });
      this.#failedInARow = 0;
    } catch (error) {
      // Without its device or model no photo can be done: the run ends, and can be resumed.
      if (!(error instanceof MaskbenchError) || fatalCodes.has(error.code)) throw error;
      const status = verdicts[error.code] ?? 'failed';
      this.#failedInARow = status === 'failed' ? this.#failedInARow + 1 : 0;
      Object.assign(line, { status, error: error.message });
    }
    if (line.error !== undefined) this.#reportProblem(photo.input, line.error);
    this.summary.counts[line.status]++;
    await this.#writer?.write(line);
    return line.status;
  }

  /** Masks and copies a photo, and returns the results for its manifest line. */
  async #mask(photo: PhotoJob): Promise<Partial<ManifestLine>> {
    const { key, twin, copy } = photo;
    const { root } = this.#plan;
    const { overwrite = false, writeAlpha, writeLandmarks, signal } = this.#options;
    const alpha = writeAlpha && twin !== undefined ? alphaOf(twin) : undefined;
    const mask = () =>
      this.#masker.mask(photo.input, {
        key,
        overwrite: overwrite || this.#resumed,
        // Without a twin the photo is only copied, after it was found to be readable.
        ...(twin === undefined ? { faces: [] } : { output: path.join(root, twin) }),
        ...(photo.faces && { faces: photo.faces }),
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
      milliseconds: Math.round(result.milliseconds * 100) / 100,
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
  const run = async () => new Run(plan, options, (await checkMasker(options)).settings).run();
  return manifest !== undefined && isRegularOrAbsent(manifest) ? withFileLocked(manifest, run) : run();
}
