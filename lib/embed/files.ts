import { createReadStream, createWriteStream, existsSync as exists } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readManifest } from '../corpus/manifest.js';
import { tellOnce } from '../device.js';
import { checkChoice, checkFlag, checkPath, checkPaths, invalid, MaskbenchError, type Problem } from '../errors.js';
import type { KnownFace } from '../face/face.js';
import { parseCsv } from '../files/csv.js';
import { withFileLocked } from '../files/lock.js';
import { npyHeader } from '../files/npy.js';
import { toPath } from '../files/path.js';
import { mayPass, withBackOff } from '../files/retry.js';
import { numberedLines, readNames, readText } from '../files/text.js';
import { photosBelow } from '../files/walk.js';
import { fingerprint, hashOf } from '../models/fingerprint.js';
import { native } from '../native.js';
import { pairIdentity } from '../pairs/list.js';
import {
  checkEmbedder,
  Embedder,
  type EmbedderOptions,
  type EmbedInput,
  photoStatuses,
  resolveModel,
} from './embedder.js';
import type { IndexLine } from './index-lines.js';

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
   * A CSV file with the columns `path` (as in the index) and `masked` (0 or 1): which faces wear masks, where manifest or
   * names (`masked_…`) do not say it.
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
  /** Called for each photo without a vector. */
  onProblem?: (problem: Problem) => void;
}

/** The result of {@link embedFiles}. */
export interface EmbedSummary {
  /** Images by status. */
  counts: Record<string, number>;
  /** Images with a vector. */
  rows: number;
  /** Images that could not be read. Images without a face are not counted. */
  failed: number;
  dimensions: number;
  vectors: string;
  index: string;
  seconds: number;
}

const existsSync = (file: string) => exists(toPath(file));

/** An image to embed. */
export interface Item {
  /** On disk. */
  file: string;
  line: Omit<IndexLine, 'row' | 'status'>;
  /** Known from the manifest of a corpus. */
  faces?: KnownFace[];
}

/** A corpus's photos and their twins, with the landmarks of the face that wears the mask. */
async function* itemsOfCorpus(folder: string): AsyncGenerator<Item> {
  for await (const { input, identity = '', copy, output, wearsMask, faces } of readManifest(
    path.join(folder, 'manifest.jsonl'),
  )) {
    const worn = faces.find(({ style }) => style !== undefined) ?? faces[0];
    const known = worn && { faces: [worn] };
    for (const [name, masked] of [
      [copy, wearsMask ?? false],
      [output, true],
    ] as const)
      if (name !== undefined)
        yield { file: path.join(folder, name), line: { path: name, identity, photo: input, masked }, ...known };
  }
}

/**
 * Images of files, folders, corpora and lists (.txt, a path a line, absolute or relative to the list's folder), in
 * order.
 */
export async function* itemsOf(inputs: readonly string[]): AsyncGenerator<Item> {
  for (const input of inputs) {
    const about = await stat(toPath(input)).catch((error) => {
      throw new MaskbenchError('NOT_FOUND', input, `${input}: ${error.message}`);
    });
    const plain = (folder: string, name: string): Item => {
      const base = path.posix.basename(name);
      const photo = path.posix.join(path.posix.dirname(name), base.replace(/^masked_/, ''));
      return {
        file: path.join(folder, name),
        line: { path: name, identity: pairIdentity(name), photo, masked: base.startsWith('masked_') },
      };
    };
    if (!about.isDirectory()) {
      if (!/\.txt$/i.test(input)) yield plain('', input);
      else
        for (const { line } of numberedLines(await readNames(input)))
          yield plain(path.isAbsolute(line) ? '' : path.dirname(input), line);
    } else if (existsSync(path.join(input, 'dataset.json'))) yield* itemsOfCorpus(input);
    else
      for await (const group of photosBelow(input))
        for (const { path: name, problem, passing } of group) {
          if (passing) throw new MaskbenchError('READ_FAILED', name, `${path.join(input, name)}: ${problem}`);
          if (problem === undefined) yield plain(input, name);
        }
  }
}

/** Embeds one image as a corpus's images are. Problems of the photo become a status. */
export async function embedItem(
  embedder: Embedder,
  { file, faces, masked }: Pick<Item, 'file' | 'faces'> & { masked: boolean },
  { faceSource, crops, signal }: { faceSource: FaceSource; crops: boolean; signal?: AbortSignal | undefined },
): Promise<{ status: string; vector?: Float32Array; error?: string }> {
  const whole = embedder.description.cut === 'letterbox';
  const embed = async (input: EmbedInput, status: string) => ({
    status: crops ? 'crop' : whole ? 'whole' : status,
    vector: (await embedder.embedOne(input, { crops, masked, ...(signal && { signal }) })).vector,
  });
  const known = faces && !crops && !whole ? { image: file, faces } : undefined;
  try {
    if (known && faceSource === 'manifest') return await embed(known, 'manifest');
    return await embed(file, 'detected').catch((error) => {
      if (known && faceSource === 'auto' && error.code === 'NO_FACE') return embed(known, 'manifest');
      throw error;
    });
  } catch (error) {
    const status = error instanceof MaskbenchError && photoStatuses[error.code];
    if (!status) throw error;
    return { status, error: (error as Error).message };
  }
}

/** As {@link embedItem}, but temporary errors are retried; if they persist, they end the run, which can be resumed. */
async function embedSurely(embedder: Embedder, item: Item, options: Parameters<typeof embedItem>[2]) {
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
 * Embeds files, folders, lists or corpora into `out` (.npy, [rows × dimensions]) with an index of JSON lines beside it
 * ({@link IndexLine}). A photo without a vector keeps its line, with the reason. Corpora larger than memory are
 * streamed; a run can be killed at any moment and resumed. A photo that cannot be read because of a disk or network
 * error ends the run, because that says nothing about the photo.
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
  if (!/\.npy$/i.test(checkPath('out', out))) throw invalid('out', 'a name that ends in .npy', out);
  checkEmbedder(options);
  if (options.model !== undefined) checkPath('model', options.model);
  checkChoice('faceSource', options.faceSource ?? 'auto', faceSources);
  if (![16, 32, undefined].includes(options.bits)) throw invalid('bits', '16 or 32', options.bits);
  checkFlag('crops', options.crops);
  if (options.masked !== undefined) checkPath('masked', options.masked);
  checkFlag('resume', options.resume);
  const index = out.replace(/\.npy$/i, '.jsonl');
  // An index alone may be what a run that was killed at its very end has left; it is made again.
  const ending = options.resume && existsSync(`${index}.part`) && !existsSync(out);
  if (options.resume && existsSync(out) && existsSync(index) && !existsSync(`${out}.part`))
    await rm(toPath(`${index}.part`), { force: true });
  for (const file of ending ? [out] : [out, index])
    if (existsSync(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  return withFileLocked(out, () => run(inputs, out, index, options));
}

async function run(
  inputs: readonly string[],
  out: string,
  index: string,
  options: EmbedFilesOptions,
): Promise<EmbedSummary> {
  const start = performance.now();
  const { faceSource = 'auto', crops = false, bits = 32, signal, resume } = options;
  const part = { vectors: `${out}.part`, index: `${index}.part` };
  if (!resume && existsSync(part.index))
    throw new MaskbenchError(
      'OUTPUT_EXISTS',
      part.index,
      `${part.index}: an earlier run was interrupted; resume it, or delete this file`,
    );
  // The index is made first.
  if (existsSync(part.vectors) && !existsSync(part.index))
    throw new MaskbenchError(
      'OUTPUT_EXISTS',
      part.vectors,
      `${part.vectors}: the file exists, but there is no unfinished run`,
    );
  // Before anything is written: gives the total for the remaining time.
  const masked = options.masked === undefined ? undefined : await readMasked(options.masked);
  let total = 0;
  let named = 0;
  for await (const { line } of itemsOf(inputs)) {
    total++;
    if (masked?.has(line.path)) named++;
  }
  if (total === 0) throw new MaskbenchError('NOT_FOUND', inputs.join(', '), `${inputs.join(', ')}: no photos found`);
  if (masked && named === 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'masked',
      `${options.masked}: names none of the ${total} photos; expected paths as in the index`,
    );
  const embedder = await Embedder.open(options);
  const { batchProblem } = embedder;
  if (batchProblem !== undefined) options.onProblem?.({ file: 'model', message: batchProblem });
  const tellDevice = tellOnce(embedder, options.onProblem);
  tellDevice();
  const kind = bits === 16 ? '<f2' : '<f4';
  const settings = JSON.stringify({
    ...{ model: embedder.description.name, faceSource, crops, bits },
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
  const { counts, paths } = before;
  let { rows } = before;
  let done = paths.length;
  try {
    if (done === 0) await lines.appendFile(`${settings}\n`);
    const flush = async (items: Item[]) => {
      const results = await Promise.all(items.map((item) => embedSurely(embedder, item, { faceSource, crops })));
      const text: string[] = [];
      const data: Buffer[] = [];
      const first = rows;
      for (const [i, { status, vector, error }] of results.entries()) {
        const { line, file } = items[i] as Item;
        counts[status] = (counts[status] ?? 0) + 1;
        text.push(`${JSON.stringify({ row: vector ? rows++ : null, ...line, status, ...(error && { error }) })}\n`);
        if (error) options.onProblem?.({ file, message: error });
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
    for await (const { line, ...image } of itemsOf(inputs)) {
      const item: Item = { ...image, line: { ...line, masked: masked?.get(line.path) ?? line.masked } };
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
    await vectors.truncate(headerBytes + (rows * dimensions * bits) / 8);
    await writeAll(vectors, npyHeader(kind, [rows, dimensions]), 0);
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
  const failed = done - rows - (counts[photoStatuses.NO_FACE as string] ?? 0);
  const seconds = (performance.now() - start) / 1000;
  return { counts, rows, failed, dimensions, vectors: out, index, seconds };
}

/** Reads which photos show masks. Throws `UNREADABLE`. */
async function readMasked(file: string): Promise<Map<string, boolean>> {
  const { names, rows } = parseCsv(await readText(file), file);
  const [path, masked] = [names.indexOf('path'), names.indexOf('masked')] as [number, number];
  const refuse = (line: number, problem: string) =>
    new MaskbenchError('UNREADABLE', file, `${file}, line ${line}: ${problem}`);
  if (path < 0 || masked < 0) throw refuse(1, `expected the columns path and masked, found ${names.join(', ')}`);
  const found = new Map<string, boolean>();
  for (const { fields, line } of rows) {
    const value = fields[masked] as string;
    if (value !== '0' && value !== '1') throw refuse(line, `expected 0 or 1 for masked, found ${value}`);
    found.set(fields[path] as string, value === '1');
  }
  return found;
}

/** Removes the first line of an unfinished index, which holds the settings of the run. */
async function finish(
  part: { vectors: string; index: string },
  settings: string,
  out: string,
  index: string,
): Promise<void> {
  const whole = `${part.index}.whole`;
  try {
    const start = Buffer.byteLength(settings) + 1;
    await pipeline(createReadStream(toPath(part.index), { start }), createWriteStream(toPath(whole)));
    await rename(toPath(whole), toPath(index));
    await rename(toPath(part.vectors), toPath(out));
    await rm(toPath(part.index));
  } catch (error) {
    throw new MaskbenchError('WRITE_FAILED', out, `${out}: cannot be written: ${(error as Error).message}`);
  }
}

/**
 * The state of an interrupted run: its completed photos. Incomplete lines, and lines without a whole vector, are
 * removed.
 */
async function readUnfinished(part: { vectors: string; index: string }, settings: string, vectorBytes: number) {
  const counts: Record<string, number> = {};
  const paths: string[] = [];
  if (!existsSync(part.index)) return { paths, rows: 0, counts };
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
  let rows = 0;
  let bytes = Buffer.byteLength(settings) + 1;
  for (const line of lines) {
    const { row, status, path: name } = JSON.parse(line) as IndexLine;
    const after = rows + Number(row !== null);
    if (headerBytes + after * vectorBytes > size) break;
    rows = after;
    bytes += Buffer.byteLength(line) + 1;
    counts[status] = (counts[status] ?? 0) + 1;
    paths.push(name);
  }
  if (paths.length > 0) await truncate(toPath(part.index), bytes);
  return { paths, rows, counts };
}
