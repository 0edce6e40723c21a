import type { NativeHead } from '../../binding.js';
import type { Resampled } from '../metrics/intervals.js';
import type { VectorSimilarity } from '../models/similarity.js';
import { native } from '../native.js';
import { NamedRandom } from '../random.js';
import type { TwinVectors } from './vectors.js';

/** Which vectors are compared: references and probes. */
export type Condition = 'plain-plain' | 'plain-masked' | 'masked-masked';

/** Rows of some people's vectors. */
interface Side {
  /** Rows of the vectors `plain` or `masked`. */
  rows: Int32Array;
  /** For each of `rows`, the plain vector of the same photo, which stands for the photo. */
  photos: Int32Array;
  masked: boolean;
}

/** The vectors of one set of people, and what is compared. */
export class PeoplePairs {
  readonly #vectors: TwinVectors;
  readonly #sides: Record<'plain' | 'masked', Side>;
  /** These people, counted from 0, by their numbers among all people. */
  readonly #numbers: ReadonlyMap<number, number>;

  constructor(
    vectors: TwinVectors,
    people: ReadonlySet<number>,
    readonly seed: number,
  ) {
    this.#vectors = vectors;
    this.#numbers = new Map(Array.from(people, (person, i) => [person, i]));
    const { identities, twins } = vectors;
    const plain = Int32Array.from(identities.keys()).filter((row) => people.has(identities[row] as number));
    const masked = Int32Array.from(twins.keys()).filter((row) =>
      people.has(identities[twins[row] as number] as number),
    );
    this.#sides = {
      plain: { rows: plain, photos: plain, masked: false },
      masked: { rows: masked, photos: masked.map((row) => twins[row] as number), masked: true },
    };
  }

  /**
   * Every genuine pair of different photos, and the impostor pairs, or a random sample of them.
   * @returns identities and labels by pair, and the pairs' places among plain and then masked vectors
   */
  pairs(condition: Condition, mostImpostors: number) {
    const [first, second] = condition.split('-').map((side) => this.#sides[side as 'plain' | 'masked']) as [Side, Side];
    const { identities } = this.#vectors;
    const within = first === second;
    const who = ({ photos }: Side, place: number) =>
      this.#numbers.get(identities[photos[place] as number] as number) as number;
    const places = new Map<number, number[]>();
    for (const place of second.rows.keys()) {
      const person = who(second, place);
      const known = places.get(person);
      if (known) known.push(place);
      else places.set(person, [place]);
    }
    const genuine: [number, number][] = [];
    let same = 0;
    for (const a of first.rows.keys())
      for (const b of places.get(who(first, a)) ?? []) {
        if (within && b <= a) continue;
        same++;
        if (first.photos[a] !== second.photos[b]) genuine.push([a, b]);
      }
    const all = within ? (first.rows.length * (first.rows.length - 1)) / 2 : first.rows.length * second.rows.length;
    const impostors = this.#impostors(first, second, { all: all - same, most: mostImpostors, within, condition });
    const offset = (side: Side) => (side.masked ? this.#sides.plain.rows.length : 0);
    const pairs = [...genuine, ...impostors];
    return {
      first: Int32Array.from(pairs, ([a]) => a + offset(first)),
      second: Int32Array.from(pairs, ([, b]) => b + offset(second)),
      labels: Uint8Array.from(pairs, (_, i) => (i < genuine.length ? 1 : 0)),
      identities: {
        first: Int32Array.from(pairs, ([a]) => who(first, a)),
        second: Int32Array.from(pairs, ([, b]) => who(second, b)),
        count: this.#numbers.size,
      },
      genuine: genuine.length,
      impostors: impostors.length,
    };
  }

  #impostors(
    first: Side,
    second: Side,
    { all, most, within, condition }: { all: number; most: number; within: boolean; condition: Condition },
  ): [number, number][] {
    const { identities } = this.#vectors;
    const differ = (a: number, b: number) =>
      identities[first.photos[a] as number] !== identities[second.photos[b] as number];
    const found: [number, number][] = [];
    if (all <= most) {
      for (const a of first.rows.keys())
        for (let b = within ? a + 1 : 0; b < second.rows.length; b++) if (differ(a, b)) found.push([a, b]);
      return found;
    }
    const random = new NamedRandom(this.seed, `impostors ${condition}`);
    while (found.length < most) {
      const a = random.below(first.rows.length);
      const b = random.below(second.rows.length);
      if (differ(a, b)) found.push([a, b]);
    }
    return found;
  }

  /** Scores pairs of these people, their masked vectors corrected by a head or as they are. */
  async score(
    { first, second, labels, identities }: ReturnType<PeoplePairs['pairs']>,
    similarity: VectorSimilarity,
    head: NativeHead | undefined,
    concurrency: number,
  ): Promise<Resampled> {
    const { dimensions, plain, masked } = this.#vectors;
    const { plain: plainSide, masked: maskedSide } = this.#sides;
    const all = new Float32Array((plainSide.rows.length + maskedSide.rows.length) * dimensions);
    const copy = (from: Float32Array, rows: Int32Array, offset: number) => {
      for (const [place, row] of rows.entries())
        all.set(from.subarray(row * dimensions, (row + 1) * dimensions), (offset + place) * dimensions);
    };
    copy(plain, plainSide.rows, 0);
    if (head)
      all.set(
        await native.applyHead(head, masked, dimensions, maskedSide.rows, concurrency),
        plainSide.rows.length * dimensions,
      );
    else copy(masked, maskedSide.rows, plainSide.rows.length);
    const scores = await native.similarities(all, dimensions, first, second, { kind: similarity });
    return { scores, labels, identities };
  }
}
