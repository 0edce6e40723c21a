import { existsSync } from 'node:fs';
import { open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { photosBelow } from '../corpus/files.js';
import { withFolderLocked } from '../corpus/lock.js';
import { readManifest } from '../corpus/manifest.js';
import { tellOnce } from '../device.js';
import { checkChoice, MaskbenchError, type Problem } from '../errors.js';
import type { Face } from '../mask/masker.js';
import { native } from '../native.js';
import { npyHeader } from '../npy.js';
import { pairIdentity } from '../pairs/list.js';
import { Embedder, type EmbedderOptions, type EmbedInput, photoStatuses } from './embedder.js';

export const faceSources = ['auto', 'detect', 'manifest'] as const;
/**
 * Where a corpus's faces come from: `detect` searches each image anew, masked or not; `manifest` takes the landmarks of its plain twin, which
 * is optimistic for masked photos; `auto` searches, and takes the manifest's where nothing is found.
 */
export type FaceSource = (typeof faceSources)[number];

/** Options of {@link embedFiles}. */
export interface EmbedFilesOptions extends EmbedderOptions {
  /** Of corpora. Default `auto`. */
  faces?: FaceSource;
  /** The files are ready crops. */
  crops?: boolean;
  /** 16-bit or 32-bit floats. Default 32. */
  bits?: 16 | 32;
  /** Go on with an interrupted run. */
  resume?: boolean;
  signal?: AbortSignal;
  /** Called as photos are done. */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Called for each photo that gives no vector. */
  onProblem?: (problem: Problem) => void;
}

/** One line of the index beside the vectors. */
export interface IndexLine {
  /** Row of the vectors; null where the photo gave none: a failure to acquire. */
  row: number | null;
  /** As it was found: relative to the corpus or the folder. */
  path: string;
  identity: string;
  /** The photo that it is of: a masked twin has its source's. */
  photo: string;
  masked: boolean;
  /** How the face was found (`detected`, `manifest`, `crop`, `whole`), or why there is none. */
  status: string;
  error?: string;
}

/** What {@link embedFiles} did. */
export interface EmbedSummary {
  /** Images by their status. */
  counts: Record<string, number>;
  dimensions: number;
  vectors: string;
  index: string;
  interrupted: boolean;
  seconds: number;
}

/** An image to embed. */
export interface Item {
  /** On disk. */
  file: string;
  line: Omit<IndexLine, 'row' | 'status'>;
  /** Of a corpus's manifest. */
  faces?: Pick<Face, 'box' | 'landmarks'>[];
}

/** A corpus's photos and their twins, with the landmarks of the face that wears the mask. */
async function* itemsOfCorpus(folder: string): AsyncGenerator<Item> {
  for await (const { input, identity = '', copy, output, wearsMask, faces } of readManifest(
    path.join(folder, 'manifest.jsonl'),
  )) {
    const worn = faces.find(({ style }) => style !== undefined) ?? faces[0];
    const [left = 0, top = 0, right = 0, bottom = 0] = worn?.box ?? [];
    const known = worn && { faces: [{ box: { left, top, right, bottom }, landmarks: worn.landmarks }] };
    for (const [name, masked] of [
      [copy, wearsMask ?? false],
      [output, true],
    ] as const)
      if (name !== undefined)
        yield { file: path.join(folder, name), line: { path: name, identity, photo: input, masked }, ...known };
  }
}

/** Images of files, folders, corpora and lists (.txt, a path a line), in order. */
export async function* itemsOf(inputs: readonly string[]): AsyncGenerator<Item> {
  for (const input of inputs) {
    const about = await stat(input).catch((error) => {
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
        for (const name of (await readFile(input, 'utf8')).split(/\r?\n/))
          if (name !== '') yield plain(path.dirname(input), name);
    } else if (existsSync(path.join(input, 'dataset.json'))) yield* itemsOfCorpus(input);
    else
      for await (const group of photosBelow(input))
        for (const { path: name, problem } of group) if (problem === undefined) yield plain(input, name);
  }
}

/** Embeds one image as a corpus's images are. Problems of the photo become a status. */
export async function embedItem(
  embedder: Embedder,
  { file, faces }: Pick<Item, 'file' | 'faces'>,
  { source, crops, signal }: { source: FaceSource; crops: boolean; signal?: AbortSignal | undefined },
): Promise<{ status: string; vector?: Float32Array; error?: string }> {
  const whole = embedder.description.cut === 'letterbox';
  const embed = async (input: EmbedInput, status: string) => ({
    status: crops ? 'crop' : whole ? 'whole' : status,
    vector: (await embedder.embedOne(input, { crops, ...(signal && { signal }) })).vector,
  });
  const known = faces && !crops && !whole ? { image: file, faces } : undefined;
  try {
    if (known && source === 'manifest') return await embed(known, 'manifest');
    return await embed(file, 'detected').catch((error) => {
      if (known && source === 'auto' && error.code === 'NO_FACE') return embed(known, 'manifest');
      throw error;
    });
  } catch (error) {
    const status = error instanceof MaskbenchError && photoStatuses[error.code];
    if (!status) throw error;
    return { status, error: (error as Error).message };
  }
}

const atOnce = 256;
const headerBytes = 128;

/**
 * Embeds files, folders, lists or corpora into `out` (.npy, [rows × dimensions]) with an index of JSON lines beside it
 * ({@link IndexLine}). A photo that gives no vector keeps its line, with the reason. Corpora larger than memory stream; a
 * run can be killed at any moment and gone on with.
 * @throws {@link MaskbenchError} as {@link Embedder.open}; `OUTPUT_EXISTS`, `NOT_FOUND` (an input), `WRITE_FAILED`, `LOCKED`
 */
export async function embedFiles(
  inputs: readonly string[],
  out: string,
  options: EmbedFilesOptions = {},
): Promise<EmbedSummary> {
  if (!/\.npy$/i.test(out))
    throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: expected a name that ends in .npy`);
  checkChoice('faces', options.faces ?? 'auto', faceSources);
  const index = out.replace(/\.npy$/i, '.jsonl');
  // An index alone may be what a run that was killed at its very end has left; it is made again.
  const ending = options.resume && existsSync(`${index}.part`);
  for (const file of ending ? [out] : [out, index])
    if (existsSync(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  return withFolderLocked(path.dirname(out), `-${path.basename(out)}`, () => run(inputs, out, index, options));
}

async function run(
  inputs: readonly string[],
  out: string,
  index: string,
  options: EmbedFilesOptions,
): Promise<EmbedSummary> {
  const start = performance.now();
  const { faces: source = 'auto', crops = false, bits = 32, signal, resume } = options;
  const part = { vectors: `${out}.part`, index: `${index}.part` };
  if (!resume && existsSync(part.index))
    throw new MaskbenchError(
      'OUTPUT_EXISTS',
      part.index,
      `${part.index}: an earlier run was interrupted; go on with it (resume), or delete it`,
    );
  // Before anything is written: the total tells the remaining time.
  let total = 0;
  for await (const _ of itemsOf(inputs)) total++;
  if (total === 0) throw new MaskbenchError('NOT_FOUND', inputs.join(', '), `${inputs.join(', ')}: hold no photos`);
  const embedder = await Embedder.open(options);
  const tellDevice = tellOnce(embedder, options.onProblem);
  tellDevice();
  const kind = bits === 16 ? '<f2' : '<f4';
  const settings = JSON.stringify({ model: embedder.description.name, source, crops, bits, inputs });
  const before = resume ? await takeUp(part, settings) : { lines: 0, rows: 0, counts: {} };
  const vectors = await open(part.vectors, before.lines > 0 ? 'r+' : 'w');
  const lines = await open(part.index, before.lines > 0 ? 'a' : 'w');
  const { dimensions } = embedder;
  const { counts } = before;
  let { rows, lines: done } = before;
  let interrupted = false;
  try {
    if (done === 0) await lines.write(`${settings}\n`);
    const flush = async (items: Item[]) => {
      const results = await Promise.all(items.map((item) => embedItem(embedder, item, { source, crops, signal })));
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
      // Vectors before their lines: what a kill leaves without a line is cut off.
      await vectors.write(Buffer.concat(data), 0, null, headerBytes + (first * dimensions * bits) / 8);
      await lines.write(text.join(''));
      done += items.length;
      options.onProgress?.({ done, total });
    };
    let items: Item[] = [];
    let skip = done;
    for await (const item of itemsOf(inputs)) {
      if (skip-- > 0) continue;
      if (signal?.aborted) {
        interrupted = true;
        break;
      }
      items.push(item);
      if (items.length < atOnce) continue;
      await flush(items);
      items = [];
    }
    if (!interrupted && items.length > 0) await flush(items);
    if (!interrupted) {
      await vectors.truncate(headerBytes + (rows * dimensions * bits) / 8);
      await vectors.write(npyHeader(kind, [rows, dimensions]), 0, headerBytes, 0);
    }
    tellDevice();
  } catch (error) {
    if (!signal?.aborted) throw error;
    interrupted = true;
  } finally {
    await vectors.close();
    await lines.close();
    await embedder.close();
  }
  if (!interrupted) await finish(part, out, index);
  return { counts, dimensions, vectors: out, index, interrupted, seconds: (performance.now() - start) / 1000 };
}

/** The first line of an unfinished index tells its settings; a finished one is without it. */
async function finish(part: { vectors: string; index: string }, out: string, index: string): Promise<void> {
  const text = await readFile(part.index);
  const whole = `${part.index}.whole`;
  const file = await open(whole, 'w');
  await file.write(text, text.indexOf(10) + 1);
  await file.close();
  await rename(whole, index);
  await rename(part.vectors, out);
  await rm(part.index);
}

/** Where an interrupted run stopped; half-written lines and vectors without a line are cut off. */
async function takeUp(part: { vectors: string; index: string }, settings: string) {
  const nothing = { lines: 0, rows: 0, counts: {} as Record<string, number> };
  if (!existsSync(part.index) || !existsSync(part.vectors)) return nothing;
  const text = await readFile(part.index, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const [first, ...lines] = whole.split('\n').slice(0, -1);
  if (first === undefined) return nothing;
  if (first !== settings)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      part.index,
      `${part.index}: the run was begun with other inputs or options: ${first}`,
    );
  await truncate(part.index, Buffer.byteLength(whole));
  const counts: Record<string, number> = {};
  let rows = 0;
  for (const line of lines) {
    const { row, status } = JSON.parse(line) as IndexLine;
    counts[status] = (counts[status] ?? 0) + 1;
    if (row !== null) rows++;
  }
  return { lines: lines.length, rows, counts };
}
