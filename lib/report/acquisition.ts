import type { Acquisition, AcquisitionCounts } from '../embed/acquisition.js';

const percent = (part: number, whole: number) => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(2)}%`);

/** What the columns of {@link acquisitionRows} mean. */
export const acquisitionTitle =
  'plain/masked photos; FTA: failure to acquire, the share without a face of those that were read';

/**
 * One row an acquisition: plain and masked photos beside each other.
 * @param named The acquisitions, and what is written before each.
 */
export function acquisitionRows(
  named: readonly (readonly [names: readonly string[], Acquisition])[],
  header: readonly string[] = [],
): string[][] {
  return [
    [...header, 'detector', 'read', 'without a face', 'FTA', 'wrong face', "manifest's face", 'unreadable'],
    ...named.map(([names, { detector, plain, masked }]) => {
      const both = (show: (counts: AcquisitionCounts) => number | string) => `${show(plain)}/${show(masked)}`;
      return [
        ...names,
        detector,
        both(({ photos }) => photos),
        both(({ withoutFace }) => withoutFace),
        both(({ withoutFace, photos }) => percent(withoutFace, photos)),
        both(({ wrongFace }) => wrongFace),
        both(({ fromManifest }) => fromManifest),
        both(({ unreadable }) => unreadable),
      ];
    }),
  ];
}
