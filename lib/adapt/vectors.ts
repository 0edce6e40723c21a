import { type IndexLine, readIndex } from '../embed/index-lines.js';
import { MaskbenchError } from '../errors.js';
import { readNpyRows } from '../files/npy.js';
import { native } from '../native.js';

/** Vectors of photos and of their masked twins. */
export interface TwinVectors {
  dimensions: number;
  /** [plain × dimensions] */
  plain: Float32Array;
  /** [masked × dimensions] */
  masked: Float32Array;
  /** [masked]: the plain vector of the same photo. */
  twins: Int32Array;
  /** [masked]: the file that it came from, from 0. */
  styles: Int32Array;
  /** [plain]: a number for each person. */
  identities: Int32Array;
  /** The person of each number. */
  people: string[];
  /** Masked vectors without a plain one of the same photo. */
  alone: number;
}

const rowsAtOnce = 4096;

/** The index beside a file of vectors, as `embed` names it. */
const indexOf = (file: string) => file.replace(/(\.npy)?$/i, '.jsonl');

/** Where each row of a file goes: a plain place, or a masked one. */
type Place = { side: 'plain' | 'masked'; at: number } | undefined;

/**
 * Reads files of vectors with their indices, and pairs masked vectors with the plain ones of the same photos. A plain
 * photo that several files hold counts once.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`: vectors of different lengths, no masked twin, NaN or a vector of zeros,
 * an index of another length; `NOT_FOUND`, `UNREADABLE`
 */
export async function readTwins(files: readonly string[]): Promise<TwinVectors> {
  const indices: IndexLine[][] = [];
  for (const file of files) indices.push((await readIndex(indexOf(file))).filter(({ row }) => row !== null));
  const photoOf = ({ identity, photo }: IndexLine) => `${identity}\0${photo}`;
  const numbers = new Map<string, number>();
  const identities: number[] = [];
  const plainPlaces = new Map<string, number>();
  const people: string[] = [];
  const places: Place[][] = indices.map((lines) =>
    lines.map((line) => {
      if (line.masked || plainPlaces.has(photoOf(line))) return undefined;
      const at = identities.length;
      plainPlaces.set(photoOf(line), at);
      if (!numbers.has(line.identity)) numbers.set(line.identity, people.push(line.identity) - 1);
      identities.push(numbers.get(line.identity) as number);
      return { side: 'plain', at };
    }),
  );
  const twins: number[] = [];
  const styles: number[] = [];
  let alone = 0;
  for (const [i, lines] of indices.entries())
    for (const [row, line] of lines.entries()) {
      if (!line.masked) continue;
      const twin = plainPlaces.get(photoOf(line));
      if (twin === undefined) alone++;
      else {
        styles.push(i);
        (places[i] as Place[])[row] = { side: 'masked', at: twins.push(twin) - 1 };
      }
    }
  const subject = files.join(', ');
  if (twins.length === 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      subject,
      `${subject}: expected vectors of photos and of their masked twins, found ${identities.length} plain ones and ${alone} masked ones of other photos`,
    );
  let read: Pick<TwinVectors, 'plain' | 'masked' | 'dimensions'> | undefined;
  for (const [i, file] of files.entries()) {
    const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', file, `${file}: ${problem}`);
    const { rows, columns, chunks } = await readNpyRows(file, rowsAtOnce);
    const count = (places[i] as Place[]).length;
    read ??= {
      dimensions: columns,
      plain: new Float32Array(identities.length * columns),
      masked: new Float32Array(twins.length * columns),
    };
    const { dimensions } = read;
    if (rows !== count) throw refuse(`has ${rows} rows, its index ${count}`);
    if (columns === 0) throw refuse('has vectors of 0 numbers, expected at least 1');
    if (columns !== dimensions) throw refuse(`has vectors of ${columns} numbers, ${files[0]} of ${dimensions}`);
    let from = 0;
    for await (const chunk of chunks) {
      const unusable = native.firstUnusable(chunk, dimensions);
      if (unusable >= 0) throw refuse(`row ${from + unusable} is zero or not finite`);
      for (let row = 0; row * dimensions < chunk.length; row++, from++) {
        const place = (places[i] as Place[])[from];
        if (place)
          read[place.side].set(chunk.subarray(row * dimensions, (row + 1) * dimensions), place.at * dimensions);
      }
    }
  }
  const { plain, masked, dimensions } = read as NonNullable<typeof read>;
  return {
    ...{ dimensions, plain, masked, people, alone },
    twins: Int32Array.from(twins),
    styles: Int32Array.from(styles),
    identities: Int32Array.from(identities),
  };
}
