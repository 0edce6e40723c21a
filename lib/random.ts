import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Random numbers that depend on a seed and a name only: the same on every machine. */
export class NamedRandom {
  readonly #generator;

  constructor(seed: number, name: string) {
    this.#generator = xoroshiro128plus(createHash('sha256').update(`${seed}\0${name}`).digest().readInt32LE());
  }

  /** Uniform over the whole numbers 0 to bound − 1. */
  below(bound: number): number {
    return uniformInt(this.#generator, 0, bound - 1);
  }

  /** One of `items`. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** `count` different items in the order drawn; or all items in their own order, if there are not more. */
  sample<T>(items: readonly T[], count: number): T[] {
    if (items.length <= count) return [...items];
    const pool = [...items];
    return Array.from({ length: count }, () => pool.splice(this.below(pool.length), 1)[0] as T);
  }

  /** All of `items`, in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }
}
