import { existsSync } from 'node:fs';
import path from 'node:path';
import { tellOnce } from '../device.js';
import { MaskbenchError, type Problem } from '../errors.js';
import { type CopyMode, type MaskedFace, Masker, type MaskerOptions, type MaskResult } from '../mask/masker.js';
import { makeFolder, writeAtomically, writeFileAtomically } from './files.js';
import { type ManifestFace, type ManifestLine, ManifestWriter, type PhotoStatus, readManifest } from './manifest.js';

/** What a run is told from outside. */
export interface RunOptions extends MaskerOptions {
  /** Replace outputs that exist, and start the manifest anew. */
  overwrite?: boolean;
  /** Go on with an interrupted run: photos in its manifest are not done again. */
  resume?: boolean;
  /** Once aborted no photo is begun; those under way are finished and recorded. */
  signal?: AbortSignal;
  /** Also write each mask's matte: `alpha/<twin>.png`, grey, of the photo's size, 255 where the mask is opaque. */
  writeAlpha?: boolean;
  /** Also write each masked photo's boxes and landmarks: `landmarks/<twin>.json`. */
  writeLandmarks?: boolean;
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

/** What a run did. */
export interface MaskSummary {
  /** Photos of this run by what became of them; `failed` could not be written. */
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
  /** Why it can't be read, where that is known already. */
  problem?: string;
  /** What an earlier manifest says of it: it is masked so again. */
  faces?: ManifestFace[];
}

/** Photos done one after another until `wanted` of them are masked; absent: each on its own. */
export interface Job {
  photos: PhotoJob[];
  wanted?: number;
}

/** Where and how a run writes. */
export interface RunPlan {
  /** Called twice: to count, and to do the work. The order and the jobs must be the same. */
  jobs: () => AsyncIterable<Job[]>;
  /** The output folder. */
  root: string;
  /** Absent: none is written. */
  manifest?: string;
  /** What else decides the result, beside the Masker's options. */
  settings: string;
  copyMode?: CopyMode;
}

/** The codes that are the photo's own fault; others are left out of the manifest, so that a resumed run tries again. */
const photoCodes: Partial<Record<string, PhotoStatus>> = {
  DAMAGED: 'damaged',
  NOT_FOUND: 'unreadable',
  UNREADABLE: 'unreadable',
  TOO_LARGE: 'unreadable',
  UNSUPPORTED_FORMAT: 'unreadable',
};

function toManifestFace({ box, ...face }: MaskedFace): ManifestFace {
  const { left, top, right, bottom } = box;
  return { box: [left, top, right, bottom], ...face };
}

function fromManifestFace({ box, ...face }: ManifestFace): MaskedFace {
  const [left, top, right, bottom] = box;
  return { box: { left, top, right, bottom }, ...face };
}

/** One run: a Masker, a manifest, and what has been done so far. */
class Run {
  readonly #plan: RunPlan;
  readonly #options: RunOptions;
  readonly #masker: Masker;
  readonly #settings: string;
  /** Photos in the manifest of an earlier run, and whether each got a mask. */
  readonly #done = new Map<string, boolean>();
  #writer: ManifestWriter | undefined;
  #finished = 0;
  #total = 0;
  readonly summary: MaskSummary = {
    counts: { masked: 0, 'no-face': 0, 'several-faces': 0, copied: 0, unreadable: 0, damaged: 0, failed: 0 },
    skipped: 0,
    problems: [],
    interrupted: false,
    seconds: 0,
  };

  constructor(plan: RunPlan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#masker = new Masker(options);
    this.#settings = `${this.#masker.settings}-${plan.settings}`;
  }

  async run(): Promise<MaskSummary> {
    const start = performance.now();
    const { root, manifest } = this.#plan;
    const tellDevice = tellOnce(this.#masker, this.#options.onProblem);
    const loading = this.#masker.load();
    loading.catch(() => {}); // awaited below
    await makeFolder(root);
    try {
      if (manifest !== undefined) await this.#openManifest(manifest);
      // Counted first: the total tells the remaining time, and colliding names are refused before anything is written.
      for await (const group of this.#plan.jobs())
        for (const { photos } of group) this.#total += photos.filter(({ key }) => !this.#done.has(key)).length;
      await loading;
      tellDevice();
      if (manifest !== undefined)
        this.#writer = new ManifestWriter(manifest, { append: this.#options.resume ?? false });
      await this.#work();
      tellDevice();
      await this.#writer?.close();
    } finally {
      await this.#masker.close();
    }
    this.summary.seconds = (performance.now() - start) / 1000;
    return this.summary;
  }

  async #openManifest(manifest: string): Promise<void> {
    const { resume, overwrite } = this.#options;
    if (existsSync(manifest) && !resume && !overwrite)
      throw new MaskbenchError(
        'OUTPUT_EXISTS',
        manifest,
        `${manifest} exists: another run wrote it; go on with it (resume) or replace its outputs (overwrite)`,
      );
    if (resume) {
      let stale = false;
      for await (const line of readManifest(manifest, { repair: true })) {
        if (line.settings !== this.#settings)
          throw new MaskbenchError(
            'INVALID_ARGUMENT',
            manifest,
            `${manifest}: the run was begun with other options (style, color, seed, …); resume with the same`,
          );
        const outputs = [line.output, line.alpha, line.landmarks, line.copy].filter((file) => file !== undefined);
        if (outputs.every((file) => existsSync(path.join(this.#plan.root, file))))
          this.#done.set(line.input, line.status === 'masked');
        else stale = true;
      }
      if (stale) await this.#dropStaleLines(manifest);
    }
    await makeFolder(path.dirname(manifest));
    this.summary.manifest = manifest;
  }

  /** Takes out the lines of photos whose outputs somebody has deleted: they are made again, and get new lines. */
  async #dropStaleLines(manifest: string): Promise<void> {
    await writeAtomically(manifest, async (temporary) => {
      const kept = new ManifestWriter(temporary, { append: false });
      for await (const line of readManifest(manifest)) if (this.#done.has(line.input)) await kept.write(line);
      await kept.close();
    });
  }

  async #work(): Promise<void> {
    const running = new Set<Promise<void>>();
    // Enough to keep every thread busy while finished photos wait for their manifest lines.
    const inFlight = 4 * (this.#options.concurrency ?? 16);
    let fatal: unknown;
    let left = 0;
    for await (const group of this.#plan.jobs()) {
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
    }
    await Promise.all(running);
    if (fatal) throw fatal;
    this.summary.interrupted = left > 0 && this.#finished < this.#total;
  }

  async #doJob({ photos, wanted = Number.POSITIVE_INFINITY }: Job): Promise<void> {
    let masked = 0;
    for (const photo of photos) {
      if (masked >= wanted) {
        this.#progress();
        continue;
      }
      const before = this.#done.get(photo.key);
      if (before !== undefined) {
        this.summary.skipped++;
        masked += Number(before);
        continue;
      }
      // A sequence that is cut off here is taken up at the same photo.
      if (this.#options.signal?.aborted && wanted !== Number.POSITIVE_INFINITY) return;
      masked += Number(await this.#doPhoto(photo));
      this.#progress();
    }
  }

  #progress(): void {
    this.#finished++;
    this.#options.onProgress?.({ done: this.#finished, total: this.#total });
  }

  /** Gives whether the photo was masked. */
  async #doPhoto(photo: PhotoJob): Promise<boolean> {
    const { key, identity, twin, copy } = photo;
    const { root } = this.#plan;
    const line: ManifestLine = {
      input: key,
      ...(identity !== undefined && { identity }),
      status: 'copied',
      ...(photo.masked !== undefined && { wearsMask: photo.masked }),
      faces: [],
      seed: this.#options.seed ?? 0,
      settings: this.#settings,
      milliseconds: 0,
    };
    try {
      if (photo.problem !== undefined)
        throw new MaskbenchError('UNREADABLE', photo.input, `${photo.input}: ${photo.problem}`);
      const { resume, overwrite, writeAlpha, writeLandmarks } = this.#options;
      const alpha = writeAlpha && twin !== undefined ? `alpha/${twin}.png` : undefined;
      const result = await this.#masker.mask(photo.input, {
        key,
        overwrite: (overwrite || resume) ?? false,
        // Without a twin the photo is only copied, once it has been seen to be readable.
        ...(twin === undefined ? { faces: [] } : { output: path.join(root, twin) }),
        ...(photo.faces && { faces: photo.faces.map(fromManifestFace) }),
        ...(alpha !== undefined && { matteOutput: path.join(root, alpha) }),
        ...(copy !== undefined && {
          copy: {
            path: path.join(root, copy),
            mode: this.#plan.copyMode ?? 'auto',
            always: twin === undefined || (photo.copyWithoutFace ?? false),
          },
        }),
      });
      if (twin !== undefined) line.status = result.status;
      line.faces = result.faces.map(toManifestFace);
      line.milliseconds = Math.round(result.milliseconds * 100) / 100;
      if (result.status === 'masked' && twin !== undefined) {
        line.output = twin;
        if (alpha !== undefined) line.alpha = alpha;
        if (writeLandmarks) line.landmarks = await this.#writeLandmarks(twin, result);
      }
      if (result.copied && copy !== undefined) line.copy = copy;
    } catch (error) {
      // Without its device no photo can be done: the run ends, and can be gone on with.
      if (!(error instanceof MaskbenchError) || error.code === 'UNAVAILABLE') throw error;
      this.summary.problems.push({ file: photo.input, message: error.message });
      this.#options.onProblem?.({ file: photo.input, message: error.message });
      const status = photoCodes[error.code];
      if (status === undefined) {
        this.summary.counts.failed++;
        return false;
      }
      Object.assign(line, { status, error: error.message });
    }
    this.summary.counts[line.status]++;
    await this.#writer?.write(line);
    return line.status === 'masked';
  }

  /** Gives the file's path below the output folder. */
  async #writeLandmarks(twin: string, { width, height, faces }: MaskResult): Promise<string> {
    const name = `landmarks/${twin}.json`;
    const file = path.join(this.#plan.root, name);
    await makeFolder(path.dirname(file));
    await writeFileAtomically(file, `${JSON.stringify({ width, height, faces: faces.map(toManifestFace) })}\n`);
    return name;
  }
}

/**
 * Masks photos into a folder, with a manifest, so that a run can be killed at any moment and gone on with. A photo that fails
 * is reported and the rest goes on.
 */
export function runJobs(plan: RunPlan, options: RunOptions): Promise<MaskSummary> {
  return new Run(plan, options).run();
}
