import { uniform } from '../support/scores.js';

/** What files of text break on, and what binary ones hold as sizes. */
const words = [
  ...[
    '',
    '0',
    '-1',
    '1e999',
    'NaN',
    'Infinity',
    'null',
    '{}',
    '[]',
    '"',
    '""',
    ',',
    '\r',
    '\n',
    '\r\n',
    '\ufeff',
    '\0',
    '::',
    ' ',
    '\t',
  ],
  ...[
    '9'.repeat(30),
    '../',
    '/',
    '\ud83d\ude00',
    '\\u0000',
    '[['.repeat(500),
    '{"a":'.repeat(500),
    '"'.repeat(999),
    'x'.repeat(3000),
  ],
].map((word) => Buffer.from(word));
const numbers = [0, 1, 2, 4, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** The `number`th mutation of `seeds`: one of them with up to five changes. The same number gives the same bytes. */
export function mutate(seeds: readonly Buffer[], number: number): Buffer {
  const next = uniform(number + 1);
  for (let i = 0; i < 8; i++) next();
  const below = (count: number) => Math.floor(next() * count);
  const pick = <T>(items: readonly T[]) => items[below(items.length)] as T;
  let data = Buffer.from(pick(seeds));
  const splice = (from: number, to: number, between: Buffer) => {
    data = Buffer.concat([data.subarray(0, from), between, data.subarray(to)]);
  };
  for (let changes = 1 + below(1 + below(5)); changes > 0; changes--) {
    const at = below(data.length + 1);
    const length = below(4) === 0 ? below(data.length - at + 1) : Math.min(below(9), data.length - at);
    const kinds = [
      () => data.fill(below(256), at, Math.min(at + 1, data.length)),
      () => {
        if (at < data.length) data[at] = (data[at] as number) ^ (1 << below(8));
      },
      () => {
        const size = pick([1, 2, 4]);
        if (at + size > data.length) return;
        const value = pick(numbers);
        data.writeUIntLE(value % 2 ** (8 * size), at, size);
      },
      () => splice(at, at + length, Buffer.alloc(0)),
      () => splice(at, at, data.subarray(at, at + length)),
      () => splice(at, at + length, pick(words)),
      () => {
        const other = pick(seeds);
        const from = below(other.length);
        splice(at, at + length, other.subarray(from, from + below(64)));
      },
      () => splice(at, data.length, Buffer.alloc(0)),
      () => data.fill(pick([0, 0xff, below(256)]), at, at + length),
    ];
    // Cutting everything off is seldom of interest.
    pick(kinds.filter((_, i) => i !== 7 || next() < 0.2))();
  }
  return data;
}
