import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { checkIsManifest } from '../corpus/manifest.js';
import { checkRunOptions, type Job, type MaskSummary, type RunOptions, runJobs } from '../corpus/run.js';
import { checkArray, checkChoice, checkInteger, checkObject, checkPath, invalid, MaskbenchError } from '../errors.js';
import { makeFolder, removeTemporaries, writeAtomically } from '../files/atomic.js';
import { withFolderLocked } from '../files/lock.js';
import { toBytes, toPath } from '../files/path.js';
import { isWithin, listFolder, type OnIgnored, realPath } from '../files/walk.js';
import { type CopyMode, copyModes } from '../mask/masker.js';
import { defaultDetector } from '../models/detectors/presets.js';
import { packageRoot } from '../package-root.js';
import {
  type CorpusDescription,
  corpusFiles,
  countCorpus,
  partsOf,
  readDescription,
  writeDescription,
} from './corpus.js';
import { type IdentityPhotos, innerFolder, type Layout, type SourcePhoto } from './layouts/layout.js';
import { layoutNamed, layouts } from './registry.js';

/**
 * Options of {@link generateCorpora}, beside those of the `Masker`. `select` is `central` by default for data sets that
 * have the person in the middle of the photo.
 */
export interface GenerateOptions extends Omit<RunOptions, 'overwrite'> {
  /** Names of data sets. Default: all whose folder is in `base`. */
  only?: string[];
  /** How photos get into the corpus. `auto` (default): a reflink where the file system can, else a copy. */
  copy?: CopyMode;
  /** Leave out identities with fewer photos. Default 1; the paper's program itself uses 2. */
  minPhotos?: number;
  /** Do part `index` (from 1) of `count`, so that several machines can share the work; then {@link mergeShards}. */
  shard?: { index: number; count: number };
}

/** The result for one data set. */
export interface GeneratedCorpus {
  name: string;
  folder: string;
  /** Absent if the corpus was already complete. */
  summary?: MaskSummary;
  /** Why it was not made. Others may have been. */
  error?: Pick<MaskbenchError, 'code' | 'subject' | 'message'>;
}

/** A photo's place among `count` shards, the same on every machine. */
function shardOf(key: string, count: number): number {
  return (createHash('sha256').update(toBytes(key)).digest().readUInt32LE() % count) + 1;
}

function toJobs(root: string, { identity, photos, wanted }: IdentityPhotos, layout: Layout): Job[] {
  const toPhoto = (photo: SourcePhoto) => ({
    key: photo.path,
    input: photo.file ?? path.join(root, photo.path),
    identity,
    copy: `${identity}/${photo.name}`,
    ...(layout.realMasks ? { masked: photo.masked ?? false } : { twin: `${identity}/masked_${photo.name}` }),
    copyWithoutFace: layout.withoutFace === 'copied',
    ...(photo.problem !== undefined && { problem: photo.problem, passing: photo.passing ?? false }),
  });
  if (wanted !== undefined) return [{ photos: photos.map(toPhoto), wanted }];
  return photos.map((photo) => ({ photos: [toPhoto(photo)] }));
}

/** Throws `INVALID_ARGUMENT` with the differences, where two runs into one corpus do not want the same. */
function checkSame(file: string, found: CorpusDescription, wanted: CorpusDescription): void {
  const differences = [];
  if (found.layout !== wanted.layout) differences.push(`layout ${found.layout}, not ${wanted.layout}`);
  for (const name of new Set([...Object.keys(found.options), ...Object.keys(wanted.options)]))
    if (found.options[name] !== wanted.options[name])
      differences.push(`${name} ${found.options[name] ?? 'not given'}, not ${wanted.options[name] ?? 'given'}`);
  if (differences.length > 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      file,
      `${file}: the corpus was started with ${differences.join('; ')}`,
    );
}

function describe(layout: Layout, options: GenerateOptions, minPhotos: number): CorpusDescription {
  const { version } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const { style = 'a', seed = 0, select = 'largest', upsample = 1 } = options;
  const { tintWeight = 1, wear = 'correct', jitter = 0, maxPixels = 100_000_000 } = options;
  const { color, templates, quality, pngLevel, landmarkModel, minFace, maxSize, detector, minScore, pad } = options;
  const given = { color, templates, quality, pngLevel, landmarkModel, minFace, maxSize, detector, minScore, pad };
  return {
    layout: layout.name,
    title: layout.title,
    terms: `${layout.terms} (a masked corpus is a derivative under the same terms)`,
    maskbench: version,
    options: {
      ...{ style, seed, select, upsample, minPhotos, tintWeight, wear, jitter, maxPixels },
      acceptDamaged: options.acceptDamaged ?? false,
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    },
    complete: false,
  };
}

/** The options of one data set. */
function optionsFor(layout: Layout, given: GenerateOptions): GenerateOptions {
  const options = { ...given, select: given.select ?? layout.select ?? 'largest' };
  // Nothing is drawn where masks are real, and dlib's detector does not see most who wear them.
  return layout.realMasks ? { ...options, detector: options.detector ?? defaultDetector } : options;
}

async function checkIsApart(outer: string, folder: string): Promise<void> {
  const [source, corpus] = [await realPath(outer), await realPath(folder)];
  if (isWithin(corpus, source) || isWithin(source, corpus))
    throw new MaskbenchError('INVALID_ARGUMENT', folder, `${folder}: this corpus and ${outer} are nested`);
}

async function generateOne(
  base: string,
  out: string,
  layout: Layout,
  options: GenerateOptions,
): Promise<GeneratedCorpus> {
  const { name } = layout;
  const outer = path.join(base, name);
  const folder = path.join(out, name);
  const summary = await withFolderLocked(folder, options.shard !== undefined, async () => {
    await checkIsApart(outer, folder);
    return generateInto(folder, await innerFolder(outer, layout.holds), layout, optionsFor(layout, options));
  });
  return { name, folder, ...(summary && { summary }) };
}

/** The photos of a layout, without identities that have too few. */
async function* jobsOf(
  root: string,
  layout: Layout,
  options: GenerateOptions,
  onIgnored?: OnIgnored,
): AsyncGenerator<Job[]> {
  const reading = { seed: options.seed ?? 0, ...(onIgnored && { onIgnored }) };
  for await (const { photos, ...identity } of layout.read(root, reading)) {
    const unusable = photos.filter(({ problem }) => problem !== undefined);
    const isKept = photos.length - unusable.length >= (options.minPhotos ?? 1);
    yield toJobs(root, { ...identity, photos: isKept ? photos : unusable }, layout);
  }
}

/** One corpus whose photos are listed first, to be made by several machines. */
export interface ListedCorpus {
  folder: string;
  /** What {@link makeShard} takes. */
  options: GenerateOptions;
  jobs: AsyncIterable<Job[]>;
}

/**
 * Lists the photos of one data set, for a corpus that is new.
 * @throws `MaskbenchError` as {@link generateCorpora}; `INVALID_ARGUMENT` where there are several data sets
 */
export async function listCorpus(base: string, out: string, given: GenerateOptions): Promise<ListedCorpus> {
  const [layout, ...others] = await chooseLayouts(base, out, given);
  if (!layout || others.length > 0) throw invalid('only', 'one data set', others.map(({ name }) => name).join(', '));
  const options = { ...optionsFor(layout, given), only: [layout.name] };
  const folder = path.join(out, layout.name);
  await makeFolder(folder);
  await checkIsApart(path.join(base, layout.name), folder);
  await checkIsBegun(folder, await partsOf(folder), '', false);
  return {
    folder,
    options,
    jobs: jobsOf(await innerFolder(path.join(base, layout.name), layout.holds), layout, options),
  };
}

/** Where a shard's files are made, before they lie in the corpus. */
export interface ShardFiles {
  shard: { index: number; count: number };
  jobs: () => AsyncIterable<Job[]>;
  folder: string;
}

/** The names of a shard's files. */
export const shardFiles = (folder: string, { index, count }: ShardFiles['shard']) =>
  corpusFiles(folder, `.${index}-of-${count}`);

/**
 * Makes one shard of a listed corpus; its photos lie in the corpus, and its manifest and description in a folder of
 * their own until all shards are done.
 */
export async function makeShard(
  base: string,
  out: string,
  options: GenerateOptions,
  { shard, jobs, folder }: ShardFiles,
): Promise<MaskSummary> {
  const [layout] = (await chooseLayouts(base, out, options)) as [Layout];
  const { manifest, description } = shardFiles(folder, shard);
  const summary = await runJobs(
    {
      ...{
        jobs,
        root: path.join(out, layout.name),
        source: path.join(base, layout.name),
        manifest,
        settings: 'corpus',
      },
      copyMode: options.copy ?? 'auto',
    },
    { ...options, resume: true, overwrite: true },
  );
  const described = describe(layout, options, options.minPhotos ?? 1);
  await writeDescription(description, { ...described, complete: true, counts: await countCorpus([manifest]) });
  return summary;
}

/** Returns undefined if the corpus was already complete. */
async function generateInto(
  folder: string,
  root: string,
  layout: Layout,
  options: GenerateOptions,
): Promise<MaskSummary | undefined> {
  const minPhotos = checkInteger('minPhotos', options.minPhotos ?? 1, 1, 1_000_000);
  const { shard, resume = false } = options;
  const part = shard ? `.${shard.index}-of-${shard.count}` : '';
  const wanted = describe(layout, options, minPhotos);
  const parts = await partsOf(folder);
  for (const begun of parts) checkSame(folder, await readDescription(corpusFiles(folder, begun).description), wanted);
  let finished: string | undefined;
  for (const begun of ['', part])
    if (parts.includes(begun) && (await readDescription(corpusFiles(folder, begun).description)).complete)
      finished ??= begun;
  if (finished === undefined) await checkIsBegun(folder, parts, part, resume);
  // Killed runs of other shards are cleaned up when these are resumed or merged.
  if (!shard) await removeTemporaries(folder);

  async function* jobs(_: number, onIgnored?: OnIgnored): AsyncGenerator<Job[]> {
    for await (const group of jobsOf(root, layout, options, onIgnored))
      yield group.map((job) =>
        shard && shardOf(job.photos[0]?.key ?? '', shard.count) !== shard.index ? { photos: [] } : job,
      );
  }
  const files = corpusFiles(folder, finished ?? part);
  const summary = await runJobs(
    {
      jobs,
      root: folder,
      source: root,
      manifest: files.manifest,
      settings: 'corpus',
      copyMode: checkChoice('copy', options.copy ?? 'auto', copyModes),
      // A merged corpus is resumed as a whole.
      finished: finished === undefined ? undefined : { resume: resume && finished === part },
      begin: () => writeDescription(files.description, wanted),
    },
    { ...options, resume: true },
  );
  if (summary && summary.counts.failed === 0)
    await writeDescription(files.description, {
      ...wanted,
      complete: true,
      counts: await countCorpus([files.manifest]),
    });
  return summary;
}

/** Refuses a corpus folder that holds something else, or that this run cannot resume. */
async function checkIsBegun(folder: string, parts: string[], part: string, resume: boolean): Promise<void> {
  const foreign = parts.find((begun) => begun.replace(/\d+-/, '') !== part.replace(/\d+-/, ''));
  if (foreign !== undefined)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      folder,
      `${folder}: the corpus was started ${foreign === '' ? 'without shards' : `in other shards (${foreign.slice(1)})`}`,
    );
  if (parts.includes(part) && !resume)
    throw new MaskbenchError('OUTPUT_EXISTS', folder, `${folder}: an earlier run is unfinished; resume it`);
  const other = (await listFolder(folder)).find(({ name }) => !name.startsWith('.maskbench-') && name !== 'lost+found');
  if (parts.length === 0 && other !== undefined)
    throw new MaskbenchError(
      'OUTPUT_EXISTS',
      folder,
      `${folder}: expected a new or empty folder; it holds ${other.name}, which does not belong to a corpus`,
    );
}

/**
 * Masks public data sets into corpora: `<out>/<data set>/<identity>/<name>` and its twin `masked_<name>`, a manifest
 * and a `dataset.json`. Source photos are never modified. The same call on a complete corpus changes nothing. Where
 * there are several data sets, one that cannot be made has an `error`, and the others are made.
 *
 * @param base Holds the data sets, a folder each.
 * @param out A folder for the corpora.
 * @throws `MaskbenchError` `NOT_FOUND` (a data set, or a file that its layout needs), `INVALID_ARGUMENT` (a
 * corpus of other options; the message says the difference), `OUTPUT_EXISTS` (begun and not finished, without
 * `resume`), `LOCKED`, `UNREADABLE` (a list that a layout reads), and those of `maskFiles`
 * @example
 * const [lfw] = await generateCorpora('datasets', 'corpora', { only: ['lfw'], style: 'random', seed: 7 });
 * console.log(lfw.folder, lfw.summary?.counts.masked);
 */
export async function generateCorpora(
  base: string,
  out: string,
  options: GenerateOptions = {},
): Promise<GeneratedCorpus[]> {
  const chosen = await chooseLayouts(base, out, options);
  const generated: GeneratedCorpus[] = [];
  for (const layout of chosen) {
    options.signal?.throwIfAborted();
    const made = await generateOne(base, out, layout, options).catch((error): GeneratedCorpus => {
      // One data set's error does not keep the others from being made; alone it is the call's.
      if (chosen.length === 1 || !(error instanceof MaskbenchError) || options.signal?.aborted) throw error;
      options.onProblem?.({ file: layout.name, message: error.message });
      const { code, subject, message } = error;
      return { name: layout.name, folder: path.join(out, layout.name), error: { code, subject, message } };
    });
    generated.push(made);
  }
  return generated;
}

/** The data sets to use, after all arguments were checked. */
async function chooseLayouts(base: string, out: string, options: GenerateOptions): Promise<Layout[]> {
  checkPath('base', base);
  checkPath('out', out);
  await checkRunOptions(options);
  checkChoice('copy', options.copy ?? 'auto', copyModes);
  checkInteger('minPhotos', options.minPhotos ?? 1, 1, 1_000_000);
  const only =
    options.only === undefined
      ? undefined
      : checkArray('only', options.only, (_, name) => layoutNamed(name as string), 'an array of names of data sets');
  if (options.shard !== undefined) {
    checkObject('shard', options.shard, '{ index, count }');
    const count = checkInteger('shard count', options.shard.count, 1, 100_000);
    checkInteger('shard index', options.shard.index, 1, count);
  }
  const relative = path.relative(path.resolve(base), path.resolve(out));
  if (relative === '')
    throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: expected a folder outside the data sets`);
  const chosen = only ?? layouts.filter(({ name }) => existsSync(toPath(path.join(base, name))));
  const missing = chosen.find(({ name }) => !existsSync(toPath(path.join(base, name))));
  if (missing || chosen.length === 0)
    throw new MaskbenchError(
      'NOT_FOUND',
      base,
      `${base}: expected ${missing ? `a folder ${missing.name}` : `one of ${layouts.map(({ name }) => name).join(', ')}`}`,
    );
  return chosen;
}

/**
 * Joins the manifests of a corpus made in shards, once all have finished.
 * @param folder The corpus: `<out>/<data set>`.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` where a shard is missing, unfinished, or of another split
 * @example
 * const { counts } = await mergeShards('corpora/lfw');
 */
export async function mergeShards(folder: string): Promise<CorpusDescription> {
  checkPath('folder', folder);
  return withFolderLocked(folder, false, () => merge(folder));
}

async function merge(folder: string): Promise<CorpusDescription> {
  const parts = await partsOf(folder);
  const whole = corpusFiles(folder, '');
  if (parts.length > 1 && parts.includes('')) {
    // Killed when all was joined.
    const merged = await readDescription(whole.description);
    if (merged.complete) return removeShards(folder, parts, merged);
  }
  const count = Number(/-of-(\d+)$/.exec(parts.at(-1) ?? '')?.[1] ?? 0);
  const expected = Array.from({ length: count }, (_, i) => `.${i + 1}-of-${count}`);
  const refuse = (problem: string) => {
    throw new MaskbenchError('INVALID_ARGUMENT', folder, `${folder}: ${problem}`);
  };
  if (count === 0) refuse('found no shards to merge');
  const extra = parts.find((part) => !expected.includes(part));
  if (extra !== undefined)
    refuse(`found ${extra === '' ? 'a whole run' : `shard ${extra.slice(1)}`} beside shards of ${count}`);
  const absent = expected.filter((part) => !parts.includes(part));
  if (absent.length > 0) refuse(`shard ${absent.map((part) => part.slice(1)).join(', ')} is missing`);
  const shards = expected.map((part) => corpusFiles(folder, part));
  const descriptions = await Promise.all(shards.map(({ description }) => readDescription(description)));
  const [first] = descriptions as [CorpusDescription];
  for (const [i, description] of descriptions.entries()) {
    checkSame(folder, first, description);
    if (!description.complete) refuse(`shard ${expected[i]?.slice(1)} is not finished`);
  }
  await checkIsManifest(whole.manifest);
  await writeAtomically(whole.manifest, async (temporary) => {
    for (const { manifest } of shards)
      await pipeline(createReadStream(toPath(manifest)), createWriteStream(toPath(temporary), { flags: 'a' }));
  });
  const merged = { ...first, counts: await countCorpus([whole.manifest]) };
  await writeDescription(whole.description, merged);
  return removeShards(folder, expected, merged);
}

async function removeShards(folder: string, parts: string[], merged: CorpusDescription): Promise<CorpusDescription> {
  for (const part of parts.filter((name) => name !== '')) {
    const { manifest, description } = corpusFiles(folder, part);
    await rm(toPath(manifest), { force: true });
    await rm(toPath(description));
  }
  await removeTemporaries(folder);
  return merged;
}
