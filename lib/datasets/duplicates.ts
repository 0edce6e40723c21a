import { existsSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { bmvbhash } from 'blockhash-core';
import pLimit from 'p-limit';
import { readManifest } from '../corpus/manifest.js';
import { checkArray, checkObject, checkOptions, checkPath, checkText, fromNative, MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { csvField } from '../files/csv.js';
import { toPath } from '../files/path.js';
import { readBytes } from '../files/text.js';
import { addTo } from '../multimap.js';
import { native } from '../native.js';

/** Two photos of a corpus that show the same. */
export interface Duplicate {
  /** Paths in the corpus. */
  first: string;
  second: string;
  /** Their masked twins, where they have them. */
  firstTwin?: string;
  secondTwin?: string;
  sameIdentity: boolean;
  /** `equal`: byte for byte. `near`: their perceptual hashes differ in few bits. */
  kind: 'equal' | 'near';
  /** Bits of 256 that differ. */
  distance: number;
}

/** Options of {@link findDuplicates}. */
export interface DuplicateOptions {
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number }) => void;
}

interface Listed {
  photo: string;
  twin?: string;
  identity: string;
}

interface Hashed extends Listed {
  /** 16 numbers of 16 bits. */
  look: number[];
}

const side = 128;
const bits = 16;
/** 180,000 pairs of different LFW photos differed in at least 30 bits; 100 made smaller or coarser, in at most 10. */
const nearest = 12;

async function hash(corpus: string, photo: Listed): Promise<Hashed> {
  const pixels = await native.thumbnail({ path: path.join(corpus, photo.photo), side }).catch((error) => {
    throw fromNative(error);
  });
  const digits = bmvbhash({ width: side, height: side, data: pixels as unknown as Uint8ClampedArray }, bits);
  return { ...photo, look: (digits.match(/.{4}/g) ?? []).map((word) => Number.parseInt(word, 16)) };
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word; rest > 0; rest &= rest - 1) count++;
  return count;
}

/** Comparisons in one go: a few milliseconds. Photos with equal margins share words, so there may be very many. */
const comparedAtOnce = 100_000;

/** Pairs that differ in at most {@link nearest} bits: of 16 words at least one is equal. */
async function* nearPairs(photos: readonly Hashed[], signal?: AbortSignal): AsyncGenerator<[Hashed, Hashed, number]> {
  const seen = new Set<number>();
  let compared = 0;
  for (let word = 0; word < bits; word++) {
    const alike = new Map<number, number[]>();
    for (const [i, { look }] of photos.entries()) addTo(alike, look[word] as number, i);
    for (const group of alike.values())
      for (const [at, i] of group.entries())
        for (let other = at + 1; other < group.length; other++) {
          if (++compared % comparedAtOnce === 0) {
            await setImmediate();
            signal?.throwIfAborted();
          }
          const k = group[other] as number;
          const [a, b] = [photos[i] as Hashed, photos[k] as Hashed];
          let distance = 0;
          for (let w = 0; w < bits && distance <= nearest; w++)
            distance += ones((a.look[w] as number) ^ (b.look[w] as number));
          const pair = i * photos.length + k;
          if (distance > nearest || seen.has(pair)) continue;
          seen.add(pair);
          yield [a, b, distance];
        }
  }
}

/**
 * Finds plain photos of a corpus that are equal byte for byte or nearly equal to the eye, by a perceptual hash of 256
 * bits (blockhash). Look at near ones: they may be different photos of one scene.
 * @throws `MaskbenchError` `NOT_FOUND`, `READ_FAILED` and `UNREADABLE` (a photo of the corpus); the signal's reason
 * when aborted
 * @example
 * await writeDuplicates('duplicates.csv', await findDuplicates('corpora/celeba'));
 */
export async function findDuplicates(corpus: string, options: DuplicateOptions = {}): Promise<Duplicate[]> {
  checkPath('corpus', corpus);
  checkOptions(options);
  const { signal, onProgress } = options;
  const listed: Listed[] = [];
  for await (const { copy, output, identity = '' } of readManifest(path.join(corpus, 'manifest.jsonl')))
    if (copy !== undefined) listed.push({ photo: copy, identity, ...(output !== undefined && { twin: output }) });
  if (listed.length === 0)
    throw new MaskbenchError('NOT_FOUND', corpus, `${corpus}: expected a corpus made by "dataset generate"`);
  listed.sort((a, b) => (a.photo < b.photo ? -1 : 1));
  const limit = pLimit(2 * native.systemInfo().processors);
  let done = 0;
  const photos = await Promise.all(
    listed.map((photo) =>
      limit(async () => {
        signal?.throwIfAborted();
        const hashed = await hash(corpus, photo);
        onProgress?.({ done: ++done, total: listed.length });
        return hashed;
      }),
    ),
  );
  const bytesOf = ({ photo }: Hashed) => readBytes(path.join(corpus, photo));
  const found: Duplicate[] = [];
  for await (const [a, b, distance] of nearPairs(photos, signal))
    found.push({
      ...{ first: a.photo, second: b.photo },
      ...(a.twin !== undefined && { firstTwin: a.twin }),
      ...(b.twin !== undefined && { secondTwin: b.twin }),
      sameIdentity: a.identity === b.identity,
      kind: distance === 0 && (await bytesOf(a)).equals(await bytesOf(b)) ? 'equal' : 'near',
      distance,
    });
  return found.sort((a, b) => a.distance - b.distance || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
}

/**
 * Writes duplicates as CSV that `readExcluded` takes: each pair with its twins, as they would be compared.
 * @throws `MaskbenchError` `OUTPUT_EXISTS`, `WRITE_FAILED`
 * @example
 * await writeDuplicates('duplicates.csv', await findDuplicates('corpora/lfw'));
 */
export async function writeDuplicates(file: string, duplicates: readonly Duplicate[]): Promise<void> {
  checkPath('file', file);
  checkArray('duplicates', duplicates, (name, pair) => {
    const { first, second } = checkObject(name, pair);
    checkText(`${name}.first`, first);
    checkText(`${name}.second`, second);
  });
  if (existsSync(toPath(file))) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  const lines = duplicates.flatMap(({ first, second, firstTwin, secondTwin, sameIdentity, kind, distance }) =>
    [first, firstTwin].flatMap((one) =>
      [second, secondTwin].flatMap((other) =>
        one === undefined || other === undefined
          ? []
          : [[csvField(one), csvField(other), kind, distance, sameIdentity ? 1 : 2].join(',')],
      ),
    ),
  );
  await writeFileAtomically(file, `${['probe,reference,kind,distance,identities', ...lines].join('\n')}\n`);
}
