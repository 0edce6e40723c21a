import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { type ManifestLine, readManifest } from '../corpus/manifest.js';
import { MaskbenchError } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { readJson } from '../files/text.js';
import { listFolder } from '../files/walk.js';

/** Identities and photos of a corpus, as the paper counts them. */
export interface CorpusCounts {
  unmasked: { identities: number; images: number };
  masked: { identities: number; images: number };
  /** Photos by status. */
  statuses: Partial<Record<ManifestLine['status'], number>>;
}

/** `dataset.json`: what a corpus is, and how it was made. */
export interface CorpusDescription {
  layout: string;
  title: string;
  /** Terms of the data set. A masked corpus is a derivative under the same terms. */
  terms: string;
  maskbench: string;
  /** Options that decide the corpus. A run can only be resumed with the same options. */
  options: Record<string, string | number | boolean>;
  complete: boolean;
  /** Present where `complete`. */
  counts?: CorpusCounts;
}

/** The files that describe a corpus, or one shard's part of it. */
export function corpusFiles(folder: string, part: string): { manifest: string; description: string } {
  return {
    manifest: path.join(folder, `manifest${part}.jsonl`),
    description: path.join(folder, `dataset${part}.json`),
  };
}

/** The parts that have been begun in a corpus folder: '' for a whole run, '.1-of-4' for a shard. */
export async function partsOf(folder: string): Promise<string[]> {
  if (!existsSync(toPath(folder))) return [];
  const names = (await readdir(toPath(folder))).sort();
  return names.flatMap((name) => /^dataset((\.\d+-of-\d+)?)\.json$/.exec(name)?.[1] ?? []);
}

/** Throws `UNREADABLE` where the file is not a corpus description. */
export async function readDescription(file: string): Promise<CorpusDescription> {
  try {
    const description = (await readJson(file)) as CorpusDescription;
    if (typeof description.layout === 'string' && typeof description.options === 'object') return description;
  } catch {
    // reported below
  }
  throw new MaskbenchError('UNREADABLE', file, `${file}: not the description of a maskbench corpus`);
}

export function writeDescription(file: string, description: CorpusDescription): Promise<void> {
  return writeFileAtomically(file, `${JSON.stringify(description, undefined, 2)}\n`);
}

/** Where a corpus is no longer what was generated. */
export interface CorpusFaults {
  /** Files that the manifest lists and that are not there. */
  missing: string[];
  /** Photos that the manifest lists twice. */
  doubled: string[];
}

/** Compares manifests with what lies in the corpus. */
export async function checkCorpus(folder: string, manifests: readonly string[]): Promise<CorpusFaults> {
  const faults: CorpusFaults = { missing: [], doubled: [] };
  const seen = new Set<string>();
  // A folder is listed once, whatever the order of the photos.
  const listed = new Map<string, Set<string>>();
  const isThere = async (file: string) => {
    const { dir, base } = path.posix.parse(file);
    const names =
      listed.get(dir) ?? new Set((await listFolder(path.join(folder, dir)).catch(() => [])).map(({ name }) => name));
    listed.set(dir, names);
    return names.has(base);
  };
  for (const manifest of manifests)
    for await (const { input, copy, output } of readManifest(manifest)) {
      if (seen.has(input)) faults.doubled.push(input);
      seen.add(input);
      for (const file of [copy, output]) if (file !== undefined && !(await isThere(file))) faults.missing.push(file);
    }
  return faults;
}

/** Faults in words; empty where there are none. */
export function describeFaults({ missing, doubled }: CorpusFaults): string {
  return [
    ...(missing.length > 0 ? [`${missing.length} of its files are not there, among them ${missing[0]}`] : []),
    ...(doubled.length > 0 ? [`${doubled.length} photos are listed twice, among them ${doubled[0]}`] : []),
  ].join('; ');
}

/** Counts a corpus by its manifests. */
export async function countCorpus(manifests: string[]): Promise<CorpusCounts> {
  const people = { unmasked: new Set<string>(), masked: new Set<string>() };
  const images = { unmasked: 0, masked: 0 };
  const statuses = new Map<ManifestLine['status'], number>();
  for (const manifest of manifests)
    for await (const { identity = '', status, copy, output, wearsMask } of readManifest(manifest)) {
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (copy !== undefined && !wearsMask) {
        images.unmasked++;
        people.unmasked.add(identity);
      }
      if (output !== undefined || (copy !== undefined && wearsMask)) {
        images.masked++;
        people.masked.add(identity);
      }
    }
  return {
    unmasked: { identities: people.unmasked.size, images: images.unmasked },
    masked: { identities: people.masked.size, images: images.masked },
    // In one order, whatever the manifest's: the same corpus has the same description.
    statuses: Object.fromEntries([...statuses].sort()),
  };
}
