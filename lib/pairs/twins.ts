import { checkChoice } from '../errors.js';
import { checkPairs, type Pair, pairPath } from './list.js';

export const pairings = ['one-of-each', 'both', 'as-published'] as const;
/**
 * Which photos of a list of plain pairs are replaced by their masked twins: the probe of each pair; both photos; or all
 * photos of the second half of the list, as a published script does, which gives plain–plain and masked–masked pairs
 * and none of a plain and a masked photo.
 */
export type Pairing = (typeof pairings)[number];

/** Whether the photo with this number, counted through the list, is masked. */
export const isMasked: Record<Pairing, (photo: number, photos: number) => boolean> = {
  'one-of-each': (photo) => photo % 2 === 1,
  both: () => true,
  'as-published': (photo, photos) => photo >= photos / 2,
};

const twinOf = (name: string) => pairPath(name).replace(/([^/]*)$/, 'masked_$1');

/**
 * A list of plain pairs with masked twins in place of some photos.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 * @example
 * const mixed = pairTwins(pairs, 'one-of-each');
 * mixed[0].probe; // 'Ann/masked_2.jpg'
 */
export function pairTwins(pairs: readonly Pair[], pairing: Pairing): Pair[] {
  checkPairs(pairs);
  const masked = isMasked[checkChoice('pairing', pairing, pairings)];
  return pairs.map((pair, i) => {
    const [referenceMasked, probeMasked] = [0, 1].map((side) => masked(2 * i + side, 2 * pairs.length)) as [
      boolean,
      boolean,
    ];
    return {
      ...pair,
      ...(referenceMasked && { reference: twinOf(pair.reference), referenceMasked }),
      ...(probeMasked && { probe: twinOf(pair.probe), probeMasked }),
    };
  });
}

/** How many pairs are of two plain photos, of a plain and a masked one, and of two masked ones. */
export interface Maskings {
  plain: number;
  mixed: number;
  masked: number;
}

/**
 * Counts pairs by who wears a mask.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 * @example
 * const { mixed } = countMaskings((await readPairs('pairs.txt')).pairs);
 */
export function countMaskings(pairs: readonly Pair[]): Maskings {
  checkPairs(pairs);
  return countMasked(pairs.flatMap(({ referenceMasked, probeMasked }) => [referenceMasked, probeMasked]));
}

/** {@link countMaskings} from who wears a mask: both photos of the first pair, then of the second. */
export function countMasked(masks: readonly boolean[]): Maskings {
  const counts: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < masks.length; i += 2) counts[(Number(masks[i]) + Number(masks[i + 1])) as 0 | 1 | 2]++;
  const [plain, mixed, masked] = counts;
  return { plain, mixed, masked };
}
