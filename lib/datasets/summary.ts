import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { checkPath, MaskbenchError } from '../errors.js';
import {
  type CorpusCounts,
  type CorpusFaults,
  checkCorpus,
  corpusFiles,
  countCorpus,
  partsOf,
  readDescription,
} from './corpus.js';

/** Identities and images as the paper's table has them. */
export type PublishedCounts = Pick<CorpusCounts, 'masked' | 'unmasked'>;

const counts = (
  unmaskedIdentities: number,
  unmasked: number,
  maskedIdentities: number,
  masked: number,
): PublishedCounts => ({
  unmasked: { identities: unmaskedIdentities, images: unmasked },
  masked: { identities: maskedIdentities, images: masked },
});

/**
 * The paper's table "Summary of the datasets" (README of its repository). Its header there is mis-split: the columns
 * are identities/images unmasked, then masked. Its "FEI Face" is fei_face_original.
 */
export const publishedCounts: Partial<Record<string, PublishedCounts>> = {
  celeba: counts(10177, 202599, 10174, 197499),
  fei_face_original: counts(200, 1177, 200, 1177),
  georgia_tech: counts(50, 750, 50, 750),
  sof_original: counts(93, 1443, 90, 1393),
  youtube_faces: counts(1595, 20252, 1589, 19960),
  lfw: counts(5749, 13167, 5718, 13138),
};

/** Masked twins, identities and images, that occur in the published pair lists. */
export const publishedTwins: Partial<Record<string, PublishedCounts['masked']>> = {
  fei_face_original: { identities: 200, images: 1177 },
  georgia_tech: { identities: 50, images: 750 },
  sof_original: { identities: 90, images: 1447 },
  lfw: { identities: 5718, images: 13168 },
};

/** Why our counts and the published ones differ. */
export const publishedNote =
  'the published counts exclude photos that a second face detector rejected, so they can be lower than ours; the published pair lists have more twins than the published table';

/** One corpus beside what the paper published. */
export interface CorpusSummary extends CorpusCounts {
  name: string;
  complete: boolean;
  /** Where the corpus was changed by hand. */
  faults: CorpusFaults;
  published?: PublishedCounts;
  publishedTwins?: PublishedCounts['masked'];
}

/**
 * Counts the corpora in a folder, or one corpus.
 * @throws `MaskbenchError` `NOT_FOUND` where there is none
 * @example
 * for (const { name, complete } of await summarizeCorpora('corpora')) console.log(name, complete);
 */
export async function summarizeCorpora(out: string): Promise<CorpusSummary[]> {
  checkPath('out', out);
  const names = existsSync(out) ? (await readdir(out)).sort() : [];
  const folders = [out, ...names.map((name) => path.join(out, name))];
  const summaries: CorpusSummary[] = [];
  for (const folder of folders) {
    const parts = await partsOf(folder).catch(() => []);
    if (parts.length === 0) continue;
    const files = parts.map((part) => corpusFiles(folder, part));
    const descriptions = await Promise.all(files.map(({ description }) => readDescription(description)));
    const layout = descriptions[0]?.layout ?? '';
    const published = publishedCounts[layout];
    const twins = publishedTwins[layout];
    const manifests = files.map(({ manifest }) => manifest);
    summaries.push({
      name: layout,
      faults: await checkCorpus(folder, manifests),
      complete: parts.length === 1 && parts[0] === '' && descriptions.every(({ complete }) => complete),
      ...(await countCorpus(manifests)),
      ...(published && { published }),
      ...(twins && { publishedTwins: twins }),
    });
  }
  if (summaries.length === 0)
    throw new MaskbenchError('NOT_FOUND', out, `${out}: expected corpora made by "dataset generate"`);
  return summaries;
}
