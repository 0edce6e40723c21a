import path from 'node:path';
import { readManifest } from '../corpus/manifest.js';
import { checkChoice, checkInteger, checkOptions, checkPath, MaskbenchError } from '../errors.js';
import { byBytes } from '../files/path.js';
import { addTo } from '../multimap.js';
import type { Pair } from '../pairs/list.js';
import { NamedRandom } from '../random.js';
import { checkCorpus, describeFaults } from './corpus.js';

export const pairProtocols = ['paper', 'all-identities', 'rmfd', 'balanced', 'nist'] as const;
export type PairProtocol = (typeof pairProtocols)[number];

/** Which side of a pair is masked; `mixed` takes both ways in turn. */
export const maskings = ['plain-masked', 'masked-plain', 'plain-plain', 'masked-masked', 'mixed'] as const;
export type Masking = (typeof maskings)[number];

/** Options of {@link samplePairs}. */
export interface SampleOptions {
  /** Default 0. The same seed gives the same pairs on every machine. */
  seed?: number;
  /** For `balanced`: pairs in all, half of them genuine. */
  count?: number;
  /** For `balanced`. Default `mixed`. */
  masking?: Masking;
}

/** A photo of a corpus: paths of the plain and the masked picture, where it has them. */
interface CorpusPhoto {
  identity: string;
  plain?: string;
  masked?: string;
}

/** A photo that has a twin. */
interface Twins {
  identity: string;
  plain: string;
  masked: string;
}

async function readPhotos(corpus: string): Promise<CorpusPhoto[]> {
  const photos: CorpusPhoto[] = [];
  const manifest = path.join(corpus, 'manifest.jsonl');
  const { missing, doubled } = await checkCorpus(corpus, [manifest]);
  if (missing.length + doubled.length > 0)
    throw new MaskbenchError('UNREADABLE', manifest, `${manifest}: ${describeFaults({ missing, doubled })}`);
  for await (const { identity = '', copy, output, wearsMask } of readManifest(manifest)) {
    if (copy === undefined) continue;
    photos.push(
      wearsMask
        ? { identity, masked: copy }
        : { identity, plain: copy, ...(output !== undefined && { masked: output }) },
    );
  }
  if (photos.length === 0)
    throw new MaskbenchError('NOT_FOUND', corpus, `${corpus}: expected a corpus made by "dataset generate"`);
  return photos;
}

/** By identity, identities and photos in byte order. */
function grouped<T extends { identity: string }>(photos: T[], name: (photo: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  const sorted = photos.map((photo) => ({ photo, key: Buffer.from(`${photo.identity}\0${name(photo)}`) }));
  sorted.sort((a, b) => Buffer.compare(a.key, b.key));
  for (const { photo } of sorted) addTo(groups, photo.identity, photo);
  return groups;
}

class Sampler<T extends { identity: string }> {
  readonly #identities: string[];
  constructor(
    readonly groups: Map<string, T[]>,
    readonly random: NamedRandom,
    corpus: string,
  ) {
    this.#identities = [...groups.keys()].sort(byBytes);
    if (this.#identities.length < 2)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        corpus,
        `${corpus}: expected photos of at least two identities that can be paired, found ${this.#identities.length}`,
      );
  }
  anyIdentity(): string {
    return this.random.pick(this.#identities);
  }
  /** Another photo of the same identity. */
  another(photo: T): T {
    const group = this.groups.get(photo.identity) as T[];
    const index = this.random.below(group.length - 1);
    return group[index + Number(index >= group.indexOf(photo))] as T;
  }
  /** A photo of another identity: uniform over identities, then over its photos. */
  other(photo: T): T {
    const own = this.#identities.indexOf(photo.identity);
    const index = this.random.below(this.#identities.length - 1);
    return this.random.pick(this.groups.get(this.#identities[index + Number(index >= own)] as string) as T[]);
  }
}

const plainMasked = (x: Twins, y: Twins, genuine: boolean): Pair => ({
  reference: x.plain,
  probe: y.masked,
  referenceMasked: false,
  probeMasked: true,
  genuine,
});
const maskedPlain = (x: Twins, y: Twins, genuine: boolean): Pair => ({
  reference: x.masked,
  probe: y.plain,
  referenceMasked: true,
  probeMasked: false,
  genuine,
});

function* paper(sampler: Sampler<Twins>): Generator<Pair> {
  for (const group of sampler.groups.values())
    for (const x of group)
      if (group.length > 1) {
        yield plainMasked(x, sampler.another(x), true);
        yield maskedPlain(x, sampler.another(x), true);
        yield plainMasked(x, sampler.other(x), false);
        yield maskedPlain(x, sampler.other(x), false);
      } else {
        yield plainMasked(x, x, true);
        yield maskedPlain(x, sampler.other(x), false);
      }
}

function* allIdentities(sampler: Sampler<Twins>): Generator<Pair> {
  for (const group of sampler.groups.values()) {
    const x = sampler.random.pick(group);
    yield plainMasked(x, group.length > 1 ? sampler.another(x) : x, true);
    yield plainMasked(x, sampler.other(x), false);
  }
}

/** Each picture with the mask it wears, real ones too. */
interface Picture {
  identity: string;
  file: string;
  masked: boolean;
}

function* rmfd(sampler: Sampler<Picture>): Generator<Pair> {
  for (const group of sampler.groups.values())
    if (group.length > 1)
      for (const x of group)
        for (const genuine of [true, false]) {
          const y = genuine ? sampler.another(x) : sampler.other(x);
          yield { reference: x.file, probe: y.file, referenceMasked: x.masked, probeMasked: y.masked, genuine };
        }
}

function* balanced(sampler: Sampler<Twins>, count: number, masking: Masking): Generator<Pair> {
  const side = (photo: Twins, masked: boolean) => (masked ? photo.masked : photo.plain);
  const several = [...sampler.groups.values()].filter((group) => group.length > 1);
  for (let i = 0; i < count; i++) {
    const genuine = i % 2 === 0;
    const way = masking === 'mixed' ? (i % 4 < 2 ? 'plain-masked' : 'masked-plain') : masking;
    const group = genuine ? sampler.random.pick(several) : (sampler.groups.get(sampler.anyIdentity()) as Twins[]);
    const x = sampler.random.pick(group);
    const y = genuine ? sampler.another(x) : sampler.other(x);
    const referenceMasked = way.startsWith('masked');
    const probeMasked = way.endsWith('masked');
    yield { reference: side(x, referenceMasked), probe: side(y, probeMasked), referenceMasked, probeMasked, genuine };
  }
}

/** Each pair three times, so that kinds of masking are compared on the same photos. */
function* nist(sampler: Sampler<Twins>): Generator<Pair> {
  for (const group of sampler.groups.values())
    if (group.length > 1)
      for (const x of group)
        for (const genuine of [true, false]) {
          const y = genuine ? sampler.another(x) : sampler.other(x);
          const both = { genuine, referenceMasked: false, probeMasked: false };
          yield { reference: x.plain, probe: y.plain, ...both };
          yield plainMasked(x, y, genuine);
          yield { reference: x.masked, probe: y.masked, ...both, referenceMasked: true, probeMasked: true };
        }
}

function needTwoPhotos(groups: Map<string, unknown[]>, corpus: string): void {
  if (![...groups.values()].some((group) => group.length > 1))
    throw new MaskbenchError('INVALID_ARGUMENT', corpus, `${corpus}: expected an identity with two photos`);
}

/**
 * Samples a pair list from a corpus.
 *
 * - `paper`: for each photo x of an identity with several, (x, masked y), (masked x, y), both genuine, (x, masked z)
 *   and (masked x, z), impostors; y is another photo of the identity, z one of another identity (uniform over
 *   identities, then over its photos), both drawn afresh each time. For an identity with one photo, (x, masked x) and
 *   (masked x, z).
 * - `all-identities`: per identity one reference, one genuine and one impostor probe.
 * - `rmfd`: per photo of an identity with several, one genuine and one impostor pair, with whatever masks they wear.
 * - `nist`: per photo of an identity with several, one genuine and one impostor pair, each plain–plain, plain–masked
 *   and masked–masked. An evaluation takes its threshold from the plain–plain ones, as NIST's face mask reports do.
 * - `balanced`: `count` pairs, half of them genuine, between different photos, masked as `masking` says.
 *
 * Only photos with a masked twin are used, but for `rmfd`.
 *
 * @param corpus The corpus's folder.
 * @throws `MaskbenchError` `NOT_FOUND`, `INVALID_ARGUMENT` (`count` or `masking` without `balanced`, fewer than two
 * identities, or no identity with two photos)
 * @example
 * const pairs = await samplePairs('corpora/lfw', 'balanced', { count: 6000, masking: 'plain-masked' });
 */
export async function samplePairs(
  corpus: string,
  protocol: PairProtocol,
  options: SampleOptions = {},
): Promise<Pair[]> {
  checkPath('corpus', corpus);
  checkChoice('protocol', protocol, pairProtocols);
  checkOptions(options);
  for (const name of ['count', 'masking'] as const)
    if (protocol !== 'balanced' && options[name] !== undefined)
      throw new MaskbenchError('INVALID_ARGUMENT', name, `${name} has no effect: it needs the protocol balanced`);
  const masking = checkChoice('masking', options.masking ?? 'mixed', maskings);
  const random = new NamedRandom(checkInteger('seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER), protocol);
  if (protocol === 'balanced' && options.count === undefined)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'count',
      'expected count, how many pairs, with the protocol balanced; received none',
    );
  const count = protocol === 'balanced' ? checkInteger('count', options.count, 2, 100_000_000) : 0;
  const photos = await readPhotos(corpus);
  if (protocol === 'rmfd') {
    const pictures = photos.flatMap(({ identity, plain, masked }): Picture[] => [
      ...(plain === undefined ? [] : [{ identity, file: plain, masked: false }]),
      ...(masked === undefined ? [] : [{ identity, file: masked, masked: true }]),
    ]);
    const groups = grouped(pictures, ({ file }) => file);
    needTwoPhotos(groups, corpus);
    return [...rmfd(new Sampler(groups, random, corpus))];
  }
  const twins = photos.filter((photo): photo is Twins => photo.plain !== undefined && photo.masked !== undefined);
  const sampler = new Sampler(
    grouped(twins, ({ plain }) => plain),
    random,
    corpus,
  );
  if (protocol === 'paper') return [...paper(sampler)];
  if (protocol === 'all-identities') return [...allIdentities(sampler)];
  needTwoPhotos(sampler.groups, corpus);
  if (protocol === 'nist') return [...nist(sampler)];
  return [...balanced(sampler, count, masking)];
}
