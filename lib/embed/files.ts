import { createReadStream, createWriteStream, existsSync as exists } from 'node:fs';
import { type FileHandle, lstat, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { readManifest } from '../corpus/manifest.js';
import { type CorpusDescription, corpusFiles, partsOf, readDescription } from '../datasets/corpus.js';
import { findIjb, type IjbSet, ijbImages } from '../datasets/ijb.js';
import { tellOnce } from '../device.js';
import { checkChoice, checkFlag, checkPath, checkPaths, invalid, MaskbenchError, type Problem } from '../errors.js';
import { type FaceChoice, faceChoices } from '../face/choice.js';
import type { FivePoints, KnownFace } from '../face/face.js';
import { parseCsv } from '../files/csv.js';
import { withFileLocked } from '../files/lock.js';
import { npyHeader, readNpyRows } from '../files/npy.js';
import { isParquetName, type Row, writeParquet } from '../files/parquet.js';
import { toPath } from '../files/path.js';
import { mayPass, withBackOff } from '../files/retry.js';
import { standardStream } from '../files/standard-input.js';
import { numberedLines, readNames, readText } from '../files/text.js';
import { indexOf, readVectors } from '../files/vectors.js';
import { isFolder, noPhotos, type OnIgnored, photosBelow } from '../files/walk.js';
import { fingerprint, hashOf } from '../models/fingerprint.js';
import { native } from '../native.js';
import { pairIdentity } from '../pairs/list.js';
import { isPacked, openSource } from '../storage/open.js';
import type { Source, StoredPhoto } from '../storage/source.js';
import { type Acquisition, addAcquired, misses } from './acquisition.js';
import {
  checkEmbedder,
  Embedder,
  type EmbedderOptions,
  type EmbedInput,
  photoStatuses,
  resolveModel,
} from './embedder.js';
import { type IndexLine, indexColumns, readIndex } from './index-lines.js';

export const faceSources = ['auto', 'search', 'manifest'] as const;
/**
 * Where the faces of a corpus come from: `search` searches each image, masked or not; `manifest` takes the landmarks of
 * the plain twin, which is optimistic for masked photos; `auto` searches, and takes the manifest if no face is found.
 */
export type FaceSource = (typeof faceSources)[number];

/** Options of {@link embedFiles}. */
export interface EmbedFilesOptions extends EmbedderOptions {
  /** Where the faces of corpora come from. Default `auto`. */
  faceSource?: FaceSource;
  /**
   * Which of several faces is embedded, where no manifest knows the face. Default: that of the corpus (`dataset.json`),
   * else `largest`.
   */
  select?: FaceChoice;
  /**
   * A CSV file with the columns `path` (as in the index) and `masked` (0 or 1): which faces wear masks, where manifest
   * or names (`masked_…`) do not say it.
   */
  masked?: string;
  /** The files are faces that are already cropped. */
  crops?: boolean;
  /** 16-bit or 32-bit floats. Default 32. */
  bits?: 16 | 32;
  /** Resume an interrupted run. */
  resume?: boolean;
  signal?: AbortSignal;
  /** Called as photos are done. */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Called for each photo that could not be read, and for each corpus that is not finished. */
  onProblem?: (problem: Problem) => void;
}

/** The result of {@link embedFiles}. */
export interface EmbedSummary {
  /** Images by status: of plain photos, and of masked ones. */
  counts: { plain: Record<string, number>; masked: Record<string, number> };
  /** Images by detector, plain and masked, with a face or without. */
  acquisition: Acquisition[];
  /** Files in folders that were left alone, by extension. */
  ignored: Record<string, number>;
  /** Images with a vector. */
  rows: number;
  /** Images that could not be read. Images without the face are not counted. */
  failed: number;
  dimensions: number;
  vectors: string;
  index: string;
  seconds: number;
}

const existsSync = (file: string) => exists(toPath(file));

/** An image to embed. */
export interface Item {
  /** On disk, or the name of the photo in a .rec file, verification set or tar. */
  file: string;
  /** The bytes of a photo that is not a file of its own. */
  bytes?: Uint8Array;
  /** Why it is not a photo that can be read. */
  problem?: string;
  line: Pick<IndexLine, 'path' | 'identity' | 'photo' | 'masked'>;
  /** The one known from the manifest of a corpus. */
  face?: KnownFace;
  /** The face's points, which IJB's lists give. */
  points?: FivePoints;
  /** The choice of a corpus. */
  select?: FaceChoice;
}

/** Why a name in a list is not a photo: a folder, or a link that leads nowhere. */
async function whyUnusable(file: string): Promise<Pick<Item, 'problem'>> {
  if (await isFolder(file)) return { problem: 'expected a photo, found a folder' };
  const link = await lstat(toPath(file)).catch(() => undefined);
  if (!link?.isSymbolicLink()) return {};
  try {
    await stat(toPath(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') return { problem: 'the link leads nowhere' };
  }
  return {};
}

/** A corpus's photos and their twins, with the landmarks of the face that wears the mask. */
async function* itemsOfCorpus(folder: string, { options }: CorpusDescription): AsyncGenerator<Item> {
  const select = faceChoices.find((choice) => choice === options.select);
  for await (const { input, identity = '', copy, output, wearsMask, faces } of readManifest(
    path.join(folder, 'manifest.jsonl'),
  )) {
    const worn = faces.find(({ style }) => style !== undefined) ?? faces[0];
    const known = { ...(worn && { face: worn }), ...(select && { select }) };
    for (const [name, masked] of [
      [copy, wearsMask ?? false],
      [output, true],
    ] as const)
      if (name !== undefined)
        yield { file: path.join(folder, name), line: { path: name, identity, photo: input, masked }, ...known };
  }
}

/** The images of IJB; those of a template show one person. */
async function* itemsOfIjb(set: IjbSet): AsyncGenerator<Item> {
  for await (const { path: name, points, template } of ijbImages(set)) {
    const line = { path: name, identity: String(template), photo: name, masked: false };
    yield { file: path.join(set.folder, name), line, points };
  }
}

/** Photos and twins in the order in which a run has put them into a .rec file, set or tars. */
async function* placesOf(manifest: string): AsyncGenerator<Item['line']> {
  for await (const { input, identity = '', copy, output } of readManifest(manifest)) {
    if (copy !== undefined) yield { path: copy, identity, photo: input, masked: false };
    if (output !== undefined) yield { path: output, identity, photo: input, masked: true };
  }
}

/** The twin of key.jpg in the same sample of a tar. */
const twinName = /\.masked(\.\w+)$/;

/** A photo, and its twin in the same sample. */
function withTwins(photo: StoredPhoto): StoredPhoto[] {
  const { sample, ...rest } = photo;
  if (photo.input === undefined || !sample) return [photo];
  const twins = sample.members.filter(({ name, isFile }) => isFile && twinName.test(name));
  return [photo, ...twins.map(({ name, data }) => ({ ...rest, key: `${sample.tar}/${name}`, input: data }))];
}

/** The photos of a .rec file, verification set or tars. The manifest beside it says which are twins. */
export async function* itemsOfPacked(input: string, part?: Source): AsyncGenerator<Item> {
  const source = part ?? (await openSource([input]));
  const folder = (await isFolder(input)) ? input : path.dirname(input);
  const places = input === standardStream ? undefined : placesOf(path.join(folder, 'manifest.jsonl'));
  let next = await places?.next();
  let isAligned = false;
  for await (const group of source.photos(0))
    for (const { key, input: bytes, identity = pairIdentity(key), problem, passing } of group.flatMap(withTwins)) {
      if (passing) throw new MaskbenchError('READ_FAILED', key, `${key}: ${problem}`);
      if (problem === undefined && !(bytes instanceof Uint8Array)) continue;
      // A part begins somewhere in the manifest.
      if (part && !isAligned) while (next?.done === false && next.value.path !== key) next = await places?.next();
      isAligned = true;
      const isNext = next?.done === false && next.value.path === key;
      const photo = key.replace(twinName, '$1');
      const line = isNext ? (next?.value as Item['line']) : { path: key, identity, photo, masked: photo !== key };
      if (isNext) next = await places?.next();
      yield { file: key, line, ...(problem === undefined ? { bytes: bytes as Uint8Array } : { problem }) };
    }
}

/** A photo by its name in a folder. */
function toItem(folder: string, name: string): Item {
  const base = path.posix.basename(name);
  const photo = path.posix.join(path.posix.dirname(name), base.replace(/^masked_/, ''));
  return {
    file: path.join(folder, name),
    line: { path: name, identity: pairIdentity(name), photo, masked: base.startsWith('masked_') },
  };
}

/** The photos of a list, a path a line, absolute or relative to the folder. */
async function* itemsOfList(list: string, folder: string): AsyncGenerator<Item> {
  for (const { line } of numberedLines(await readNames(list))) {
    const item = toItem(path.isAbsolute(line) ? '' : folder, line);
    yield { ...item, ...(await whyUnusable(item.file)) };
  }
}

/** Callbacks of {@link itemsOf}. */
interface Listeners {
  onProblem?: ((problem: Problem) => void) | undefined;
  onIgnored?: OnIgnored;
}

/** Which photos show masks, by their paths, and the file that says it. */
interface Masked {
  file: string;
  byPath: ReadonlyMap<string, boolean>;
}

/**
 * The number of images of {@link itemsOf}; `Number.MAX_SAFE_INTEGER` for a tar on standard input, which can be read
 * only once. Throws `INVALID_ARGUMENT` where `masked` names none of them. */
async function countItems(
  inputs: readonly string[],
  masked: Masked | undefined,
  listeners: Listeners,
): Promise<number> {
  let total = 0;
  let isNamed = masked === undefined;
  for (const input of inputs) {
    if (input === standardStream && (await isPacked(input))) return Number.MAX_SAFE_INTEGER;
    const known = (await isPacked(input)) ? await (await openSource([input])).count() : undefined;
    total += known ?? 0;
    if (known !== undefined && isNamed) continue;
    for await (const { line } of itemsOf([input], listeners)) {
      isNamed ||= masked?.byPath.has(line.path) === true;
      if (known === undefined) total++;
      else if (isNamed) break;
    }
  }
  if (masked && !isNamed && total > 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'masked',
      `${masked.file}: names none of the ${total} photos; expected paths as in the index`,
    );
  return total;
}

/**
 * Images of files, folders, corpora, IJB sets, .rec and .bin files, tars, lists (.txt, a path a line, absolute or
 * relative to the list's folder), and of a tar or a list on standard input (`-`), in order.
 */
export async function* itemsOf(
  inputs: readonly string[],
  { onProblem, onIgnored }: Listeners = {},
): AsyncGenerator<Item> {
  for (const input of inputs) {
    if (await isPacked(input)) {
      yield* itemsOfPacked(input);
      continue;
    }
    if (input === standardStream) {
      yield* itemsOfList(input, '');
      continue;
    }
    const about = await stat(toPath(input)).catch((error) => {
      throw new MaskbenchError('NOT_FOUND', input, `${input}: ${error.message}`);
    });
    if (!about.isDirectory()) {
      if (/\.txt$/i.test(input)) yield* itemsOfList(input, path.dirname(input));
      else yield toItem('', input);
      continue;
    }
    const ijb = await findIjb(input);
    if (ijb) {
      yield* itemsOfIjb(ijb);
      continue;
    }
    const parts = await partsOf(input);
    if (parts.includes('')) {
      const description = await readDescription(corpusFiles(input, '').description);
      if (!description.complete)
        onProblem?.({
          file: input,
          message: `${input}: the corpus is not finished; only its photos so far are embedded`,
        });
      yield* itemsOfCorpus(input, description);
    } else if (parts.length > 0)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        input,
        `${input}: expected a whole corpus, found shards; merge them`,
      );
    else
      for await (const group of photosBelow(input, undefined, onIgnored))
        for (const { path: name, problem, passing } of group) {
          if (passing) throw new MaskbenchError('READ_FAILED', name, `${path.join(input, name)}: ${problem}`);
          if (problem === undefined) yield toItem(input, name);
        }
  }
}

/** Options of {@link embedItem}. */
interface ItemOptions {
  faceSource: FaceSource;
  select?: FaceChoice | undefined;
  crops: boolean;
  signal?: AbortSignal | undefined;
}

/** The result of one image: its part of an index line, and its vector if it has one. */
interface Embedded extends Pick<IndexLine, 'status' | 'search' | 'detector' | 'error'> {
  vector?: Float32Array;
}

/** Embeds one image as a corpus's images are. Problems of the photo become a status. */
export async function embedItem(
  embedder: Embedder,
  {
    file,
    bytes,
    problem,
    face,
    points,
    masked,
    select: ofCorpus,
  }: Pick<Item, 'file' | 'bytes' | 'problem' | 'face' | 'points' | 'select'> & { masked: boolean },
  { faceSource, select, crops, signal }: ItemOptions,
): Promise<Embedded> {
  if (problem !== undefined) return { status: 'unusable', error: `${file}: ${problem}` };
  const image = bytes ?? file;
  const whole = embedder.description.cut === 'letterbox';
  const known = crops || whole ? undefined : face;
  const isCut = points !== undefined && !crops;
  const isSearched = !crops && !whole && !isCut && !(known && faceSource === 'manifest');
  const searched = isSearched ? { detector: embedder.search.name } : {};
  const options = { crops, masked, select: select ?? ofCorpus ?? 'largest', ...(signal && { signal }) };
  const embed = async (input: EmbedInput, status: string) => ({
    ...{ status: crops ? 'crop' : whole ? 'whole' : status, ...searched },
    vector: (await embedder.embedOne(input, options)).vector,
  });
  const fromManifest = (one: KnownFace) => embed({ image, faces: [one] }, 'manifest');
  try {
    if (isCut) return await embed({ image, points }, 'points');
    if (known && faceSource === 'manifest') return await fromManifest(known);
    return await embed(known ? { image, expected: known.box } : image, 'detected').catch(async (error) => {
      const status = photoStatuses[error.code];
      if (!known || faceSource !== 'auto' || status === undefined || !misses.includes(status)) throw error;
      return { ...(await fromManifest(known)), search: status };
    });
  } catch (error) {
    const status = error instanceof MaskbenchError && photoStatuses[error.code];
    if (!status) throw error;
    return { status, ...searched, error: (error as Error).message.replace(/^input:/, `${file}:`) };
  }
}

/** As {@link embedItem}, but temporary errors are retried; if they persist, they end the run, which can be resumed. */
async function embedSurely(embedder: Embedder, item: Item, options: ItemOptions) {
  try {
    return await withBackOff(async () => {
      const result = await embedItem(embedder, { ...item, masked: item.line.masked }, options);
      if (result.status === photoStatuses.NOT_FOUND)
        throw new MaskbenchError('NOT_FOUND', item.file, result.error as string);
      return result;
    }, options.signal);
  } catch (error) {
    if (!(error instanceof MaskbenchError) || !mayPass(error)) throw error;
    throw new MaskbenchError(
      error.code,
      error.subject,
      `${error.message}; the run stops here; resume it when the photo is back or removed`,
    );
  }
}

/** Writes all of it, where one call of the system may write less. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === null ? null : position + done;
    done += (await handle.write(bytes, done, bytes.length - done, at)).bytesWritten;
  }
}

const headerBytes = 128;

/**
 * Embeds files, folders, lists, corpora, IJB sets, .rec and .bin files, tars, or a list or a tar on standard input
 * (`-`) into `out`: an `.npy` file, [rows × dimensions], with an index of JSON lines beside it ({@link IndexLine}); or
 * a `.parquet` file with the index and a column `vector`. A photo without a vector keeps its line, with the reason.
 * Corpora larger than memory are streamed; a run can be killed at any moment and resumed. A photo that cannot be read
 * because of a disk or network error ends the run, because that says nothing about the photo.
 * @throws {@link MaskbenchError} as {@link Embedder.open}; `OUTPUT_EXISTS`, `NOT_FOUND` and `READ_FAILED` (an input),
 * `INVALID_ARGUMENT` (to resume with other inputs), `WRITE_FAILED`, `LOCKED`
 * @example
 * const { rows, dimensions } = await embedFiles(['corpora/lfw'], 'lfw.npy', { faceSource: 'search', resume: true });
 */
export async function embedFiles(
  inputs: readonly string[],
  out: string,
  options: EmbedFilesOptions = {},
): Promise<EmbedSummary> {
  checkPaths('inputs', inputs);
  if (!/\.(npy|parquet)$/i.test(checkPath('out', out)))
    throw invalid('out', 'a name that ends in .npy or .parquet', out);
  checkEmbedder(options);
  if (options.model !== undefined) checkPath('model', options.model);
  checkChoice('faceSource', options.faceSource ?? 'auto', faceSources);
  if (options.select !== undefined) checkChoice('select', options.select, faceChoices);
  if (![16, 32, undefined].includes(options.bits)) throw invalid('bits', '16 or 32', options.bits);
  checkFlag('crops', options.crops);
  if (options.masked !== undefined) checkPath('masked', options.masked);
  checkFlag('resume', options.resume);
  const index = indexOf(out);
  // An index alone may be what a run that was killed at its very end has left; it is made again.
  const part = unfinishedFiles(out);
  const ending = options.resume && existsSync(part.index) && !existsSync(out);
  if (options.resume && existsSync(out) && existsSync(index) && !existsSync(part.vectors)) {
    const finished = await summarize(inputs, out, index);
    await rm(toPath(part.index), { force: true });
    return finished;
  }
  for (const file of ending ? [out] : [out, index])
    if (existsSync(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  return withFileLocked(out, () => run(inputs, out, index, options));
}

/** Images that are listed already. */
export interface ListedItems {
  total: number;
  items: () => AsyncIterable<Item>;
}

/** Embeds listed images as {@link embedFiles} embeds inputs, and resumes an earlier run. `out` is an `.npy` file. */
export function embedListed(
  inputs: readonly string[],
  out: string,
  options: EmbedFilesOptions,
  listed: ListedItems,
): Promise<EmbedSummary> {
  return withFileLocked(out, () => run(inputs, out, indexOf(out), { ...options, resume: true }, listed));
}

/** What a finished run gave. Throws `INVALID_ARGUMENT` where it was one of other photos. */
async function summarize(inputs: readonly string[], out: string, index: string): Promise<EmbedSummary> {
  const lines = await readIndex(index);
  const tally = new Tally();
  const ignored: EmbedSummary['ignored'] = {};
  let at = 0;
  const refuse = (found: string | undefined, expected: string | undefined) =>
    new MaskbenchError(
      'INVALID_ARGUMENT',
      out,
      `${out}: complete, but of other photos: it has ${found ?? 'no more photos'}, the inputs have ${expected ?? 'no more photos'}`,
    );
  for await (const { line } of itemsOf(inputs, { onIgnored: counterOf(ignored) })) {
    const known = lines[at++];
    if (known?.path !== line.path) throw refuse(known?.path, line.path);
    tally.add(known);
  }
  if (at < lines.length) throw refuse(lines[at]?.path, undefined);
  const { columns, chunks } = await readVectors(out, 1);
  // A generator that has not begun would leave the file open.
  for await (const _ of chunks) break;
  return { ...tally.summary, ignored, dimensions: columns, vectors: out, index, seconds: 0 };
}

async function run(
  inputs: readonly string[],
  out: string,
  index: string,
  options: EmbedFilesOptions,
  listed?: ListedItems,
): Promise<EmbedSummary> {
  const start = performance.now();
  const { faceSource = 'auto', select, crops = false, bits = 32, signal, resume } = options;
  const part = unfinishedFiles(out);
  if (!resume && existsSync(part.index))
    throw new MaskbenchError(
      'OUTPUT_EXISTS',
      part.index,
      `${part.index}: an earlier run was interrupted; resume it, or delete this file and ${part.vectors}`,
    );
  // The index is made first.
  if (existsSync(part.vectors) && !existsSync(part.index))
    throw new MaskbenchError(
      'OUTPUT_EXISTS',
      part.vectors,
      `${part.vectors}: expected an unfinished run with ${part.index}, which is missing; delete this file`,
    );
  // Before anything is written: gives the total for the remaining time.
  const ignored: EmbedSummary['ignored'] = {};
  const onIgnored = counterOf(ignored);
  const masked = options.masked === undefined ? undefined : await readMasked(options.masked);
  const total = listed?.total ?? (await countItems(inputs, masked, { onProblem: options.onProblem, onIgnored }));
  if (total === 0) throw noPhotos(inputs.join(', '), ignored);
  const embedder = await Embedder.open(options);
  const { batchProblem } = embedder;
  if (batchProblem !== undefined) options.onProblem?.({ file: 'model', message: batchProblem });
  const tellDevice = tellOnce(embedder, options.onProblem);
  tellDevice();
  const kind = bits === 16 ? '<f2' : '<f4';
  const settings = JSON.stringify({
    ...{ model: embedder.description.name, faceSource, select, crops, bits, mirror: options.mirror ?? false },
    detector: embedder.search.settings,
    inputs: inputs.map((input) => path.resolve(input)),
    // A model that was replaced since then would give other vectors.
    fingerprint: await fingerprint((await resolveModel(options)).file, embedder.description),
    ...(options.adapter !== undefined && { adapter: await hashOf(options.adapter) }),
    ...(options.masked !== undefined && { masked: await hashOf(options.masked) }),
  });
  const { dimensions } = embedder;
  const before = await readUnfinished(part, settings, (dimensions * bits) / 8).catch(async (error) => {
    await embedder.close();
    throw error;
  });
  const lines = await open(toPath(part.index), before.paths.length > 0 ? 'a' : 'w');
  const vectors = await open(toPath(part.vectors), before.paths.length > 0 ? 'r+' : 'w');
  const { tally, paths } = before;
  const { name: model, similarity } = embedder.description;
  let done = paths.length;
  try {
    if (done === 0) await lines.appendFile(`${settings}\n`);
    const flush = async (items: Item[]) => {
      const results = await Promise.all(
        items.map((item) => embedSurely(embedder, item, { faceSource, select, crops })),
      );
      const text: string[] = [];
      const data: Buffer[] = [];
      const first = tally.rows;
      for (const [i, { vector, ...result }] of results.entries()) {
        const item = items[i] as Item;
        const line: IndexLine = {
          ...{ row: vector ? tally.rows : null, ...item.line, ...result },
          ...{ model, similarity: similarity.kind },
        };
        tally.add(line);
        text.push(`${JSON.stringify(line)}\n`);
        if (result.error && !misses.includes(result.status))
          options.onProblem?.({ file: item.file, message: result.error });
        if (!vector) continue;
        const numbers = bits === 16 ? native.toHalves(vector) : vector;
        data.push(Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength));
      }
      // Vectors before their lines: vectors that a kill leaves without a line are removed on resume.
      await writeAll(vectors, Buffer.concat(data), headerBytes + (first * dimensions * bits) / 8);
      await lines.appendFile(text.join(''));
      done += items.length;
      options.onProgress?.({ done, total });
    };
    // An abort waits for a group, so that what was embedded is kept.
    const atOnce = Math.max(128, 4 * (options.maxBatch ?? 16));
    let items: Item[] = [];
    let at = 0;
    for await (const { line, ...image } of listed?.items() ?? itemsOf(inputs)) {
      // A corpus that is being written has got more since they were counted.
      if (at === total) break;
      const item: Item = { ...image, line: { ...line, masked: masked?.byPath.get(line.path) ?? line.masked } };
      const known = paths[at++];
      if (known !== undefined && known !== item.line.path)
        throw new MaskbenchError(
          'INVALID_ARGUMENT',
          part.index,
          `${part.index}: the run was started with ${known}, but found ${item.line.path}; resume it with the same photos`,
        );
      if (known !== undefined) continue;
      signal?.throwIfAborted();
      items.push(item);
      if (items.length < atOnce) continue;
      await flush(items);
      items = [];
    }
    if (at < paths.length)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        part.index,
        `${part.index}: the run was started with more photos, among them ${paths[at]}; resume it with the same photos`,
      );
    if (items.length > 0) await flush(items);
    tellDevice();
    await vectors.truncate(headerBytes + (tally.rows * dimensions * bits) / 8);
    await writeAll(vectors, npyHeader(kind, [tally.rows, dimensions]), 0);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof MaskbenchError || !mayPass(error)) throw error;
    throw new MaskbenchError('WRITE_FAILED', out, `${out}: cannot be written: ${(error as Error).message}`);
  } finally {
    await vectors.close();
    await lines.close();
    await embedder.close();
  }
  await finish(part, settings, out, index);
  const seconds = (performance.now() - start) / 1000;
  return { ...tally.summary, ignored, dimensions, vectors: out, index, seconds };
}

const counterOf =
  (ignored: EmbedSummary['ignored']): OnIgnored =>
  (kind) => {
    ignored[kind] = (ignored[kind] ?? 0) + 1;
  };

/** Counts the lines of an index. */
class Tally {
  readonly counts: EmbedSummary['counts'] = { plain: {}, masked: {} };
  readonly acquisition: Acquisition[] = [];
  rows = 0;

  add(line: IndexLine): void {
    const side = line.masked ? 'masked' : 'plain';
    this.counts[side][line.status] = (this.counts[side][line.status] ?? 0) + 1;
    addAcquired(this.acquisition, line);
    if (line.row !== null) this.rows++;
  }

  get summary(): Pick<EmbedSummary, 'counts' | 'acquisition' | 'rows' | 'failed'> {
    const { counts, acquisition, rows } = this;
    const failed = acquisition.reduce((sum, { plain, masked }) => sum + plain.unreadable + masked.unreadable, 0);
    return { counts, acquisition, rows, failed };
  }
}

/** Reads which photos show masks. Throws `UNREADABLE`. */
async function readMasked(file: string): Promise<Masked> {
  const { names, rows } = parseCsv(await readText(file), file);
  const [path, masked] = [names.indexOf('path'), names.indexOf('masked')] as [number, number];
  const refuse = (line: number, problem: string) =>
    new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: ${problem}`);
  if (path < 0 || masked < 0) throw refuse(1, `expected the columns path and masked, found ${names.join(', ')}`);
  const byPath = new Map<string, boolean>();
  for (const { fields, line } of rows) {
    const value = fields[masked] as string;
    if (value !== '0' && value !== '1') throw refuse(line, `expected 0 or 1 for masked, found ${value}`);
    byPath.set(fields[path] as string, value === '1');
  }
  return { file, byPath };
}

/** The files of an unfinished run: rows as `.npy`, and the settings of the run followed by JSON lines. */
function unfinishedFiles(out: string): Parts {
  const index = isParquetName(out) ? `${out}.index` : indexOf(out);
  return { vectors: `${out}.part`, index: `${index}.part` };
}

interface Parts {
  vectors: string;
  index: string;
}

/** The index of a finished run with its vectors. */
export async function* tableOf(index: string, vectors: string): AsyncGenerator<Row> {
  const { columns, chunks } = await readNpyRows(vectors, 2048);
  async function* each() {
    for await (const chunk of chunks)
      for (let at = 0; at < chunk.length; at += columns) yield chunk.subarray(at, at + columns);
  }
  const rows = each();
  for await (const text of createInterface({ input: createReadStream(toPath(index)) })) {
    const line = JSON.parse(text) as IndexLine;
    yield { ...line, ...(line.row !== null && { vector: (await rows.next()).value }) };
  }
}

/** Removes the first line of an unfinished index, which holds the settings of the run, and names the outputs. */
async function finish(part: Parts, settings: string, out: string, index: string): Promise<void> {
  const whole = `${part.index}.whole`;
  try {
    const start = Buffer.byteLength(settings) + 1;
    await pipeline(createReadStream(toPath(part.index), { start }), createWriteStream(toPath(whole)));
    if (isParquetName(out)) {
      await writeParquet(out, { ...indexColumns, vector: 'floats' }, tableOf(whole, part.vectors));
      await rm(toPath(whole));
      await rm(toPath(part.vectors));
    } else {
      await rename(toPath(whole), toPath(index));
      await rename(toPath(part.vectors), toPath(out));
    }
    await rm(toPath(part.index));
  } catch (error) {
    if (error instanceof MaskbenchError) throw error;
    throw new MaskbenchError('WRITE_FAILED', out, `${out}: cannot be written: ${(error as Error).message}`);
  }
}

/**
 * The state of an interrupted run: its completed photos. Incomplete lines, and lines without a whole vector, are
 * removed.
 */
async function readUnfinished(part: Parts, settings: string, vectorBytes: number) {
  const tally = new Tally();
  const paths: string[] = [];
  if (!existsSync(part.index)) return { paths, tally };
  const text = await readFile(toPath(part.index), 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const [first, ...lines] = whole.split('\n').slice(0, -1);
  if (first === undefined ? !settings.startsWith(text) : first !== settings)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      part.index,
      `${part.index}: the run was started with other inputs or options: ${first ?? text}`,
    );
  const size = (await stat(toPath(part.vectors)).catch(() => undefined))?.size ?? 0;
  let bytes = Buffer.byteLength(settings) + 1;
  for (const line of lines) {
    const parsed = JSON.parse(line) as IndexLine;
    const after = tally.rows + Number(parsed.row !== null);
    if (headerBytes + after * vectorBytes > size) break;
    bytes += Buffer.byteLength(line) + 1;
    tally.add(parsed);
    paths.push(parsed.path);
  }
  if (paths.length > 0) await truncate(toPath(part.index), bytes);
  return { paths, tally };
}
