import { checkArray, invalid, MaskbenchError } from '../errors.js';
import { type AllScores, checkAllScores } from './scores.js';

// The addon adds up the threads of one run. Shards are runs of their own, of other machines even, which meet as files:
// too few numbers for a call into it.

function refuse(problem: string): never {
  throw new MaskbenchError('INVALID_ARGUMENT', 'shards', `shards: ${problem}`);
}

/** What all shards of a run share. */
const shared = ({ model, similarity, low, high, impostor, samePhotoMode, sameVideo, excluded, ...of }: AllScores) =>
  JSON.stringify([
    ...[model, similarity, low, high, impostor.length, samePhotoMode, sameVideo, [...excluded]],
    ...[of.probes, of.references, of.top, of.tailBin, of.tailWidth],
  ]);

/** Throws unless the shards are each part of one run once. */
function checkShards(shards: readonly AllScores[], first: AllScores): void {
  const { count } = first.shard;
  for (let index = 1; index <= count; index++) {
    const found = shards.filter(({ shard }) => shard.index === index && shard.count === count).length;
    if (found !== 1) refuse(`part ${index} of ${count} is ${found === 0 ? 'missing' : 'there twice'}`);
  }
  const expected = shared(first);
  if (shards.some((of) => shared(of) !== expected))
    refuse('expected parts of one run, found different vectors or options');
}

/** Counts of the same length, added up. */
function sumOf<T extends Float64Array | Uint32Array>(counts: readonly T[]): T {
  const [sum, ...others] = counts.map((of, i) => (i === 0 ? (of.slice() as T) : of)) as [T, ...T[]];
  for (const other of others) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (other[i] as number);
  return sum;
}

/** Genuine pairs in the order of one run. */
function genuineOf(shards: readonly AllScores[]) {
  const pairs = shards.flatMap(({ genuine, genuineProbes, genuineReferences }) =>
    Array.from(genuine, (score, i) => ({
      score,
      probe: genuineProbes[i] as number,
      reference: genuineReferences[i] as number,
    })),
  );
  pairs.sort((a, b) => a.probe - b.probe || a.reference - b.reference);
  return {
    genuine: Float32Array.from(pairs, ({ score }) => score),
    genuineProbes: Int32Array.from(pairs, ({ probe }) => probe),
    genuineReferences: Int32Array.from(pairs, ({ reference }) => reference),
  };
}

/** The best impostor identities of each row among those of the shards. */
function bestOf(shards: readonly AllScores[], { top, probes, references, ...first }: AllScores) {
  const bestScores = first.bestScores.slice();
  const bestRows = first.bestRows.slice();
  for (let slot = 0; slot * top < bestRows.length; slot++) {
    const others = slot < probes.length ? references : probes;
    const candidates = shards.flatMap((of) =>
      Array.from({ length: top }, (_, k) => ({
        score: of.bestScores[slot * top + k] as number,
        row: of.bestRows[slot * top + k] as number,
      })),
    );
    candidates.sort((a, b) => b.score - a.score || a.row - b.row);
    const seen = new Set<string>();
    const kept = candidates.filter(({ row }) => {
      const identity = others[row]?.identity;
      return identity !== undefined && !seen.has(identity) && seen.add(identity);
    });
    for (let k = 0; k < top; k++) {
      bestScores[slot * top + k] = kept[k]?.score ?? Number.NEGATIVE_INFINITY;
      bestRows[slot * top + k] = kept[k]?.row ?? -1;
    }
  }
  return { bestScores, bestRows };
}

/**
 * Adds up the shards of one {@link scoreAll}. The result equals that of one run exactly.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` where a shard is missing, doubled, or of another run
 * @example
 * const whole = mergeScores(await Promise.all(['part1', 'part2'].map(readAllPairs)));
 */
export function mergeScores(shards: readonly AllScores[]): AllScores {
  checkArray('shards', shards, checkAllScores, 'an array of what scoreAll gives');
  const [first] = shards;
  if (!first) throw invalid('shards', 'at least one part', shards);
  checkShards(shards, first);
  return {
    ...first,
    impostor: sumOf(shards.map(({ impostor }) => impostor)),
    impostors: shards.reduce((sum, { impostors }) => sum + impostors, 0),
    samePhoto: shards.reduce((sum, { samePhoto }) => sum + samePhoto, 0),
    tail: sumOf(shards.map(({ tail }) => tail)),
    above: sumOf(shards.map(({ above }) => above)),
    ...genuineOf(shards),
    ...bestOf(shards, first),
    shard: { index: 1, count: 1 },
  };
}
