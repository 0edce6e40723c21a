import { open } from 'node:fs/promises';
import path from 'node:path';
import { findIjb, type IjbSet, ijbImages, ijbPairs } from '../datasets/ijb.js';
import { readIndex } from '../embed/index-lines.js';
import { checkFlag, checkOptions, checkPath, MaskbenchError } from '../errors.js';
import { makeFolder, writeAtomically, writeFileAtomically } from '../files/atomic.js';
import { npyHeader } from '../files/npy.js';
import { toPath } from '../files/path.js';
import { indexOf, readVectors } from '../files/vectors.js';
import { isFile } from '../files/walk.js';
import { ScoreSet, supports } from '../metrics/score-set.js';
import { native } from '../native.js';

/** Options of {@link benchmarkIjb}. */
export interface IjbOptions {
  /** Weigh each image by the detector's score. Default true. */
  detectorScores?: boolean;
}

/** What {@link benchmarkIjb} measured. */
export interface IjbBenchmark {
  templates: number;
  images: number;
  /** Images without a vector; templates are made of the others. */
  failedImages: number;
  /** Templates none of whose images has a vector. */
  failedTemplates: number;
  genuine: number;
  impostor: number;
  /** Pairs of templates without a vector; they are left out. */
  failedPairs: number;
  /**
   * The share of genuine pairs that match at the smallest threshold whose FAR is at most `far`; null where there are
   * fewer than 1 / `far` impostor pairs.
   */
  rates: { far: number; tar: number | null; threshold: number | null }[];
}

/** Targets of FAR that are published for these sets. */
const targets = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/** The images of a set as its templates take them. */
interface Members {
  /** [images] */
  paths: string[];
  /** [images]: the row of the image's template. */
  rows: Int32Array;
  /** [images] */
  scores: Float64Array;
  /** [images]: a number for each medium of each template. */
  media: Int32Array;
  mediaCount: number;
  /** The row of each template number, -1 for none. */
  rowOf: Int32Array;
  templates: number;
}

async function readMembers(set: IjbSet): Promise<Members> {
  const paths: string[] = [];
  const rows: number[] = [];
  const scores: number[] = [];
  const media: number[] = [];
  const numbers = new Map<number, number>();
  const mediaOf: Map<number, number>[] = [];
  let mediaCount = 0;
  for await (const { path: name, template, medium, score } of ijbImages(set)) {
    const row = numbers.get(template) ?? numbers.size;
    numbers.set(template, row);
    const known = mediaOf[row] ?? new Map<number, number>();
    mediaOf[row] = known;
    if (!known.has(medium)) known.set(medium, mediaCount++);
    paths.push(name);
    rows.push(row);
    scores.push(score);
    media.push(known.get(medium) as number);
  }
  const rowOf = new Int32Array(1 + [...numbers.keys()].reduce((most, number) => Math.max(most, number), 0)).fill(-1);
  for (const [number, row] of numbers) rowOf[number] = row;
  return {
    ...{ paths, mediaCount, rowOf, templates: numbers.size },
    rows: Int32Array.from(rows),
    scores: Float64Array.from(scores),
    media: Int32Array.from(media),
  };
}

const rowsAtOnce = 2048;

/** Templates, [templates × columns]: of each the sum over its media of the mean of the medium's weighted images. */
async function makeTemplates(vectors: string, members: Members, weighted: boolean) {
  const index = indexOf(vectors);
  const lines = await readIndex(index);
  const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', vectors, `${vectors}: ${problem}`);
  const count = Math.max(lines.length, members.paths.length);
  for (let i = 0; i < count; i++)
    if (lines[i]?.path !== members.paths[i])
      throw refuse(
        `expected ${members.paths[i] ?? 'no more images'} in line ${i + 1} of the index, found ${lines[i]?.path ?? 'its end'}`,
      );
  // The images with a vector, in the order of the rows.
  const there = Int32Array.from(lines.flatMap(({ row }, i) => (row === null ? [] : [i])));
  const counts = new Int32Array(members.mediaCount);
  for (const i of there) counts[members.media[i] as number] = 1 + (counts[members.media[i] as number] as number);
  const { rows, columns, chunks } = await readVectors(vectors, rowsAtOnce);
  if (rows !== there.length) {
    await chunks.return(undefined);
    throw refuse(`has ${rows} rows, its index ${there.length}`);
  }
  const sums = new Float64Array(members.templates * columns);
  let from = 0;
  for await (const chunk of chunks) {
    const images = there.subarray(from, from + chunk.length / columns);
    from += images.length;
    const weightOf = (i: number) => (weighted ? (members.scores[i] as number) : 1);
    await native.addToRows(
      ...([sums, chunk, columns] as const),
      images.map((i) => members.rows[i] as number),
      Float64Array.from(images, (i) => weightOf(i) / (counts[members.media[i] as number] as number)),
    );
  }
  return {
    ...{ vectors: new Float32Array(sums), columns, failedImages: lines.length - there.length },
    failedTemplates: members.templates - new Set(there.map((i) => members.rows[i] as number)).size,
  };
}

const pairsInFlight = 4;

/** The similarity of each pair of the list, its label, and the pairs without a similarity: a template has no vector. */
async function scorePairs(
  set: IjbSet,
  { rowOf }: Members,
  templates: Float32Array,
  columns: number,
): Promise<{ scores: Float32Array; labels: Uint8Array; failed: number[] }> {
  const scores: Float32Array[] = [];
  const labels: Uint8Array[] = [];
  const failed: number[] = [];
  const pending: Promise<Float64Array>[] = [];
  let [done, taken] = [0, 0];
  const take = async () => {
    const part = new Float32Array(await (pending.shift() as Promise<Float64Array>));
    for (let i = 0; i < part.length; i++) if (Number.isNaN(part[i])) failed.push(taken + i);
    taken += part.length;
    scores.push(part);
  };
  for await (const pairs of ijbPairs(set)) {
    const [first, second] = [pairs.first, pairs.second].map((numbers) =>
      numbers.map((number, i) => {
        const row = rowOf[number] ?? -1;
        if (row < 0)
          throw new MaskbenchError(
            'UNREADABLE',
            set.pairs,
            `${set.pairs}: pair ${done + i + 1} names template ${number}, of which ${set.media} has no image`,
          );
        return row;
      }),
    ) as [Int32Array, Int32Array];
    const similarities = native.similarities(templates, columns, first, second, { kind: 'cosine' });
    similarities.catch(() => {}); // awaited below, or not at all
    pending.push(similarities);
    labels.push(pairs.labels);
    done += first.length;
    if (pending.length === pairsInFlight) await take();
  }
  while (pending.length > 0) await take();
  return { scores: joined(Float32Array, scores, done), labels: joined(Uint8Array, labels, done), failed };
}

function joined<T extends Float32Array | Uint8Array>(
  kind: new (length: number) => T,
  parts: readonly T[],
  length: number,
): T {
  const whole = new kind(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function writeNpy(
  file: string,
  kind: string,
  { buffer, byteOffset, byteLength, length }: Float32Array | Uint8Array,
) {
  await writeAtomically(file, async (temporary) => {
    const handle = await open(toPath(temporary), 'w');
    try {
      await handle.appendFile(npyHeader(kind, [length]));
      await handle.appendFile(new Uint8Array(buffer, byteOffset, byteLength));
    } finally {
      await handle.close();
    }
  });
}

/**
 * Measures the 1:1 verification of IJB-B or IJB-C from vectors that `embedFiles` made of the set's folder, as
 * InsightFace's program does: each vector times the detector's score, mean within a medium, sum within a template, and
 * the cosine of each listed pair of templates. With `mirror` the vectors are those of image and mirror image, summed.
 * @param out A folder for `scores.npy` and `labels.npy`, in the list's order, and where a pair has no score
 * `failures.txt`: what `evaluate` reads.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (no such set; vectors of other images; only genuine or only impostor
 * pairs), `UNREADABLE` naming a list and its line, `OUTPUT_EXISTS`, `WRITE_FAILED`
 * @example
 * await embedFiles(['IJBC'], 'ijbc.npy', { model: 'arcface.onnx', mirror: true });
 * const { rates } = await benchmarkIjb('IJBC', 'ijbc.npy', 'scores');
 */
export async function benchmarkIjb(
  folder: string,
  vectors: string,
  out: string,
  options: IjbOptions = {},
): Promise<IjbBenchmark> {
  for (const [name, value] of Object.entries({ folder, vectors, out })) checkPath(name, value);
  checkOptions(options);
  checkFlag('detectorScores', options.detectorScores);
  const set = await findIjb(folder);
  if (!set)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      folder,
      `${folder}: expected loose_crop/ and meta/ with the lists of an IJB set`,
    );
  await makeFolder(out);
  const [scoreFile, labelFile, failureFile] = ['scores.npy', 'labels.npy', 'failures.txt'].map((name) =>
    path.join(out, name),
  ) as [string, string, string];
  for (const file of [scoreFile, labelFile, failureFile])
    if (await isFile(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  const members = await readMembers(set);
  const templates = await makeTemplates(vectors, members, options.detectorScores ?? true);
  const { scores, labels, failed } = await scorePairs(set, members, templates.vectors, templates.columns);
  await writeNpy(scoreFile, '<f4', scores);
  await writeNpy(labelFile, '|u1', labels);
  if (failed.length > 0) await writeFileAtomically(failureFile, `${failed.join('\n')}\n`);
  for (const i of failed) labels[i] = leftOut;
  const measured = await ScoreSet.from(scores, labels, { source: set.pairs });
  return {
    ...{ templates: members.templates, images: members.paths.length },
    ...{ failedImages: templates.failedImages, failedTemplates: templates.failedTemplates },
    ...{ genuine: measured.genuine, impostor: measured.impostor, failedPairs: failed.length },
    rates: targets.map((far) => {
      if (!supports(measured.impostor, far)) return { far, tar: null, threshold: null };
      const { fnmr, threshold } = measured.fnmrAtFmr(far);
      return { far, tar: 1 - fnmr, threshold };
    }),
  };
}

/** As `ScoreSet` takes it. */
const leftOut = 2;
