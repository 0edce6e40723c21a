import path from 'node:path';
import type { IndexLine } from '../embed/index-lines.js';
import { MaskbenchError } from '../errors.js';
import { pairPath } from '../pairs/list.js';
import type { CheckedOptions, Side } from './options.js';
import type { ScoredImage } from './scores.js';

/** One side's images in the order of identities, and where each row of the vectors goes. */
function sideOf(index: readonly IndexLine[], side: Side) {
  const wanted = index.filter(({ masked }) => side === 'all' || masked === (side === 'masked'));
  const lines = wanted.filter(({ row }) => row !== null);
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  lines.sort((a, b) => compare(a.identity, b.identity) || (a.row as number) - (b.row as number));
  return {
    lines,
    failed: wanted.length - lines.length,
    places: new Map(lines.map(({ row }, place) => [row as number, place])),
  };
}

export type SortedSide = ReturnType<typeof sideOf>;

/** A number for each name, in the order that they come. */
class Numbering {
  readonly #numbers = new Map<string, number>();

  of(name: string): number {
    const known = this.#numbers.get(name);
    if (known === undefined) this.#numbers.set(name, this.#numbers.size);
    return known ?? this.#numbers.size - 1;
  }
}

/**
 * The places of pairs to leave out: probe, reference; within one side ascending. Throws `INVALID_ARGUMENT` for an
 * unknown path.
 */
function excludedPlaces(
  exclude: readonly (readonly [string, string])[],
  index: readonly IndexLine[],
  { lines: probes }: SortedSide,
  references: SortedSide | undefined,
): Int32Array {
  if (exclude.length === 0) return new Int32Array();
  const known = new Set(index.map(({ path }) => path));
  const placesOf = (lines: readonly IndexLine[]) => new Map(lines.map(({ path }, place) => [path, place]));
  const probePlaces = placesOf(probes);
  const referencePlaces = references ? placesOf(references.lines) : probePlaces;
  const found = new Map<string, [number, number]>();
  for (const names of exclude) {
    const [one, other] = names.map(pairPath) as [string, string];
    for (const name of [one, other])
      if (!known.has(name))
        throw new MaskbenchError('INVALID_ARGUMENT', 'exclude', `exclude: ${name} is not a path of the index`);
    for (const [a, b] of [
      [one, other],
      [other, one],
    ] as const) {
      const probe = probePlaces.get(a);
      const reference = referencePlaces.get(b);
      if (probe !== undefined && reference !== undefined && (references || probe < reference))
        found.set(`${probe} ${reference}`, [probe, reference]);
    }
  }
  return Int32Array.from([...found.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]).flat());
}

/** Who is compared with whom. */
export interface Sides {
  probes: SortedSide;
  /** Absent within one side. */
  references: SortedSide | undefined;
  identities: string[];
  /** [2 × pairs]: places of probe and reference. */
  excluded: Int32Array;
}

/** Sorts an index into its sides. Throws `INVALID_ARGUMENT` for a path to exclude that the index hasn't. */
export function sidesOf(index: readonly IndexLine[], { within, between, exclude }: CheckedOptions): Sides {
  const probes = sideOf(index, between?.[0] ?? within);
  const references = between && sideOf(index, between[1]);
  const lines = [...probes.lines, ...(references?.lines ?? [])];
  return {
    probes,
    references,
    identities: [...new Set(lines.map(({ identity }) => identity))].sort(),
    excluded: excludedPlaces(exclude, index, probes, references),
  };
}

/**
 * Where the faces of the sides come from, where it is more than one way: scores of faces that were found or placed
 * differently differ for that reason too.
 * @example 'faces come in 2 ways: detected by hog (120), manifest (10)'
 */
export function mixedRoutes({ probes, references }: Sides): string | undefined {
  const counts = new Map<string, number>();
  for (const { status, detector } of [...probes.lines, ...(references?.lines ?? [])]) {
    const route = status === 'detected' && detector !== undefined ? `detected by ${detector}` : status;
    counts.set(route, (counts.get(route) ?? 0) + 1);
  }
  const named = Array.from(counts, ([route, count]) => `${route} (${count})`).sort();
  return counts.size > 1 ? `faces come in ${counts.size} ways: ${named.join(', ')}` : undefined;
}

/** Numbers for the identities and the sources of each side's images: what the addon compares them by. */
export function numbersOf({ probes, references, identities }: Sides, { sameVideo }: CheckedOptions) {
  const numbers = new Map(identities.map((identity, i) => [identity, i]));
  const sources = new Numbering();
  const sourceOf = sameVideo === 'exclude' ? path.posix.dirname : (photo: string) => photo;
  return [probes, ...(references ? [references] : [])].map((side) => ({
    side,
    identities: Int32Array.from(side.lines, ({ identity }) => numbers.get(identity) as number),
    sources: Int32Array.from(side.lines, ({ photo }) => sources.of(sourceOf(photo))),
  }));
}

/** A side's images as results name them. */
export function imagesOf({ lines }: SortedSide): ScoredImage[] {
  return lines.map(({ path, identity, photo, masked }) => ({ path, identity, photo, masked }));
}
