import { createReadStream, createWriteStream } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { type ManifestLine, ManifestWriter, readManifest } from '../corpus/manifest.js';
import { jobsOf, jobsOfStored, type MaskFilesOptions, withFacesOf, withListed } from '../corpus/mask-files.js';
import { maskStored } from '../corpus/mask-stored.js';
import { checkRunOptions, type MaskSummary, type PhotoJob, type Job as PhotoJobs, runJobs } from '../corpus/run.js';
import { invalid, MaskbenchError } from '../errors.js';
import { removeTemporaries, writeAtomically } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { standardStream } from '../files/standard-input.js';
import { isFile, isFolder, isPhotoName, listFolder } from '../files/walk.js';
import { checkMasker } from '../mask/masker.js';
import { hashOf } from '../models/fingerprint.js';
import { isSetName } from '../pairs/verification-set.js';
import { FolderSource } from '../storage/folder.js';
import { isOneFile, isPacked, isRecordName, openSink } from '../storage/open.js';
import { indexOf, RecordSource, recordNumber } from '../storage/recordio.js';
import { isRemote } from '../storage/s3.js';
import type { Sink, Source, StoredPhoto } from '../storage/source.js';
import { sizeOfStored, streamStored } from '../storage/stored-file.js';
import { TarSource } from '../storage/tar.js';
import { tarsOf } from '../storage/tar-names.js';
import { below, checkThere, putMade } from './places.js';
import { checkEnough, type Division, type Job, type Part, type Plan, readInputs } from './plan.js';
import type { Done, Output, Task, Work, Worked } from './task.js';

interface MaskJob extends Job {
  options: MaskFilesOptions & Record<string, unknown>;
}

/** A tar that is a rank's, as the plan lists it. */
interface ListedTar {
  tar: string;
  bytes: number;
}

const manifestName = 'manifest.jsonl';
const tarEnd = 1024;
/** Records that are joined before they are written. */
const recordsAtOnce = 64;

/** Options that say what ranks do by themselves. */
export function refuseRunOptions(options: Record<string, unknown>): void {
  for (const name of ['resume', 'retry'])
    if (options[name]) throw invalid(name, 'nothing, in a plan: ranks resume by themselves', options[name]);
}

const isSunk = async ({ inputs, out }: Job) => isOneFile(out) || (await tarsOf(inputs[0] ?? '')).length > 0;

/** What the inputs are: one .rec file, tars, or files and folders. */
async function kindOf({ inputs }: Job): Promise<'records' | 'tars' | 'files'> {
  const [first = ''] = inputs;
  if (!(await Promise.all(inputs.map(isPacked))).includes(true)) return 'files';
  if (inputs.length > 1)
    throw new MaskbenchError('INVALID_ARGUMENT', first, `${first}: expected no other input beside it`);
  return isRecordName(first) ? 'records' : 'tars';
}

const isThere = (file: string) =>
  sizeOfStored(file).then(
    () => true,
    (error) => {
      if (error.code !== 'NOT_FOUND') throw error;
      return false;
    },
  );

const manifestOf = ({ out, options }: MaskJob) => options.manifest ?? below(outputFolder({ out }), manifestName);

const outputFolder = ({ out }: Pick<Job, 'out'>) => {
  if (!isOneFile(out)) return out;
  return isRemote(out) ? path.posix.dirname(out).replace(/^s3:\/(?!\/)/, 's3://') : path.dirname(out);
};

async function check(job: MaskJob): Promise<void> {
  const { inputs, out, options } = job;
  refuseRunOptions(options);
  await checkRunOptions(options);
  if ([out, ...inputs, options.masksFrom].includes(standardStream))
    throw invalid('inputs, out and masksFrom', 'files and folders, in a plan', standardStream);
  const set = [...inputs, out].find(isSetName);
  if (set !== undefined) throw invalid('inputs and out', 'no verification set, in a plan', set);
  await checkThere(inputs);
  const kind = await kindOf(job);
  if (!isOneFile(out) && isPhotoName(out)) throw invalid('out', 'a folder, a .rec file or a tar, in a plan', out);
  if (isRecordName(out) && (kind === 'tars' || (kind === 'records' && options.contents === 'both')))
    throw invalid('out', 'a folder or tars: such records are numbered from the first to the last', out);
  if (isRemote(out) && !(await isSunk(job))) throw invalid('out', 'a .rec file or tars, in S3', out);
  if (options.again !== undefined && (kind !== 'files' || (await isSunk(job))))
    throw invalid('again', 'nothing, for a .rec file or tars', options.again);
  if (options.overwrite) return;
  const isTaken = isOneFile(out)
    ? await isThere(out)
    : !isRemote(out) &&
      (await isFolder(out)) &&
      (await listFolder(out)).some(({ name }) => !name.startsWith('.maskbench-'));
  if (isTaken)
    throw new MaskbenchError('OUTPUT_EXISTS', out, `${out}: the output exists already; replace outputs with overwrite`);
}

/** Divides a .rec file by its records, and tars into whole ones. */
export async function divideStored(job: Job, ranks: number): Promise<Division> {
  const [first = ''] = job.inputs;
  if ((await kindOf(job)) === 'records') {
    const parts = await RecordSource.divide(first, ranks);
    return { by: 'records', parts: parts.map(({ records, ...part }) => ({ ...part, inputs: records })) };
  }
  const tars = await tarsOf(first);
  checkEnough(tars.length, ranks);
  return { by: 'lines', lines: listTars(tars) };
}

async function divide(given: MaskJob, ranks: number) {
  if ((await kindOf(given)) !== 'files') return { job: given, division: await divideStored(given, ranks) };
  const { again, ...rest } = given.options;
  const { options, toPhoto } =
    again === undefined ? await withListed(rest) : await withFacesOf(again, given.inputs, given.out, rest);
  // Each photo is listed with its mask, where that is known.
  const { masksFrom: _, ...known } = options;
  const job = { ...given, options: { ...known } as MaskJob['options'] };
  const lines = (await isSunk(given))
    ? new FolderSource(given.inputs).photos(0)
    : photosOf(jobsOf(given.inputs, given.out, given.options.format ?? 'same'));
  return { job, division: { by: 'lines' as const, lines: mapped(lines, toPhoto) } };
}

async function* photosOf(jobs: AsyncIterable<PhotoJobs[]>): AsyncGenerator<PhotoJob[]> {
  for await (const group of jobs) yield group.flatMap(({ photos }) => photos);
}

async function* mapped(photos: AsyncIterable<PhotoJob[]>, toPhoto: (photo: PhotoJob) => PhotoJob) {
  for await (const group of photos) yield group.map(toPhoto);
}

async function* listTars(tars: readonly string[]): AsyncGenerator<ListedTar[]> {
  for (const tar of tars) yield [{ tar, bytes: await sizeOfStored(tar) }];
}

/** The photos of a rank. */
export async function sourceOf({ plan, place, part }: Work): Promise<Source> {
  const { job } = plan;
  const [first = ''] = job.inputs;
  if (plan.by === 'records')
    return RecordSource.open(first, { ...part, end: part.end ?? null, firstIdentity: part.firstIdentity ?? null });
  if ((await kindOf(job)) === 'tars') {
    const tars: string[] = [];
    for await (const group of readInputs<ListedTar>(place, part))
      for (const { tar, bytes } of group) {
        const found = await sizeOfStored(tar);
        if (found !== bytes)
          throw new MaskbenchError(
            'INVALID_ARGUMENT',
            tar,
            `${tar}: expected the ${bytes} bytes of the plan, found ${found}`,
          );
        tars.push(tar);
      }
    return new TarSource(first, tars);
  }
  return {
    name: job.inputs.join(', '),
    count: async () => part.inputs,
    photos: async function* (from) {
      let left = from;
      for await (const group of readInputs<PhotoJob>(place, part)) {
        yield group.slice(left);
        left = Math.max(0, left - group.length);
      }
    },
  };
}

async function work(rank: Work): Promise<Worked> {
  const { plan, folder, signal, onProgress, onProblem } = rank;
  const { inputs, out, options } = plan.job as MaskJob;
  const { format = 'same', contents = 'twins' } = options;
  const manifest = path.join(folder, manifestName);
  const { options: known, toPhoto } = await withListed(options);
  const run = { ...known, resume: true, overwrite: true, signal, onProgress, onProblem };
  const source = await sourceOf(rank);
  const photos = (from: number) => mapped(source.photos(from), toPhoto);
  const isStored = plan.by === 'records' || (await isPacked(inputs[0] ?? ''));
  const isInSink = await isSunk(plan.job);
  const isResumed = await isFile(manifest);
  let summary: MaskSummary;
  const outputs: Output[] = [{ name: manifestName, kept: 'plan' }];
  if (isInSink) {
    const local = isOneFile(out) ? path.join(folder, path.posix.basename(out)) : folder;
    const sink = (await openSink(local, inputs, { contents, overwrite: true })) as Sink;
    const { format: _, ...rest } = run;
    summary = await maskStored({ ...source, count: () => source.count(), photos }, sink, {
      ...rest,
      manifest,
      settings: contents,
      ...(format !== 'same' && { format }),
    });
    const made = (await listFolder(folder)).filter(({ name }) => name !== manifestName && !name.startsWith('.'));
    outputs.push(...made.map(({ name }) => ({ name, kept: isOneFile(out) ? ('plan' as const) : ('output' as const) })));
  } else {
    const jobs = isStored
      ? () => jobsOfStored(photos(0), format)
      : async function* () {
          for await (const group of photos(0)) yield group.map((photo) => ({ photos: [photo] }));
        };
    const total = () => source.count();
    summary = await runJobs(
      { jobs, ...(isStored && { total }), root: out, source: source.name, manifest, settings: format },
      run,
    );
  }
  refuseFailed(summary);
  if (!isInSink && isResumed) await sortManifest(manifest, photos(0));
  return { counts: summary.counts, outputs };
}

/** Throws where photos could not be read or written: the rank is not done. */
export function refuseFailed({ counts, problems }: MaskSummary): void {
  if (counts.failed > 0)
    throw new MaskbenchError(
      'READ_FAILED',
      problems.at(-1)?.file ?? '',
      `${counts.failed} photos could not be read or written, among them: ${problems.at(-1)?.message}`,
    );
}

/** Puts lines in the order of the photos: those of photos that were done again stand behind the others. */
export async function sortManifest(manifest: string, photos: AsyncIterable<{ key: string }[]>): Promise<void> {
  const lines = new Map<string, string[]>();
  const order: string[] = [];
  for await (const text of createInterface({ input: createReadStream(toPath(manifest)) })) {
    const { input } = JSON.parse(text) as ManifestLine;
    lines.set(input, [...(lines.get(input) ?? []), text]);
    order.push(input);
  }
  const sorted: string[] = [];
  let isSorted = true;
  for await (const group of photos)
    for (const { key } of group) {
      const text = lines.get(key)?.shift();
      if (text === undefined) continue;
      isSorted &&= order[sorted.length] === key;
      sorted.push(`${text}\n`);
    }
  if (!isSorted) await writeAtomically(manifest, (temporary) => writeFile(toPath(temporary), sorted));
}

/** The files of a manifest's photos. */
export async function* looseFiles(manifest: string, root: string): AsyncGenerator<string> {
  for await (const { output, alpha, landmarks, copy } of readManifest(manifest))
    for (const file of [output, alpha, landmarks, copy]) if (file !== undefined) yield path.join(root, file);
}

/** Joins what ranks have kept: their manifests, and the parts of one tar or .rec file. */
async function merge(plan: Plan, done: AsyncIterable<Done>): Promise<void> {
  const job = plan.job as MaskJob;
  const { out } = job;
  await putMade(manifestOf(job), async (manifest) => {
    if (isRecordName(out)) await joinRecords(job, done, manifest);
    else if (isOneFile(out)) await putMade(out, (tar) => joinTars(done, path.posix.basename(out), tar, manifest));
    else for await (const { folder } of done) await append(path.join(folder, manifestName), manifest);
  });
  if (!isRemote(out) && !isOneFile(out)) await removeTemporaries(out, true);
}

async function append(from: string, to: string, bytes = Number.POSITIVE_INFINITY): Promise<void> {
  await pipeline(streamStored(from, 0, bytes), createWriteStream(toPath(to), { flags: 'a' }));
}

async function joinTars(done: AsyncIterable<Done>, name: string, tar: string, manifest: string): Promise<void> {
  const lines = new ManifestWriter(manifest, { append: false });
  let before = 0;
  for await (const { folder } of done) {
    const part = path.join(folder, name);
    for await (const line of readManifest(path.join(folder, manifestName))) {
      const { file = name, bytes = 0 } = line.end ?? {};
      await lines.write({ ...line, end: { file, bytes: before + bytes } });
    }
    const bytes = (await sizeOfStored(part)) - tarEnd;
    await append(part, tar, bytes);
    before += bytes;
  }
  await appendFile(toPath(tar), Buffer.alloc(tarEnd));
  await lines.close();
}

/** Puts the records of all ranks into one file again, which numbers them as one run would. */
async function joinRecords(
  { inputs, out, options }: MaskJob,
  done: AsyncIterable<Done>,
  manifest: string,
): Promise<void> {
  const staging = isRemote(out) ? await mkdtemp(path.join(tmpdir(), 'maskbench-merge-')) : undefined;
  const { contents = 'twins' } = options;
  const sink = (await openSink(out, inputs, { contents, overwrite: true, ...(staging && { staging }) })) as Sink;
  const lines = new ManifestWriter(manifest, { append: false });
  try {
    await sink.open();
    for await (const { folder, part } of done) await putRecords(path.join(folder, path.posix.basename(out)), part);
    await sink.finish();
  } finally {
    await sink.close();
    await lines.close();
    if (staging) await rm(staging, { recursive: true });
  }

  async function putRecords(file: string, { firstIdentity = null }: Part): Promise<void> {
    const source = await RecordSource.open(file, { from: 0, to: Number.POSITIVE_INFINITY, end: null, firstIdentity });
    const records = each(source.photos(0));
    const isNumbered = isRecordName(inputs[0] ?? '');
    let next = await records.next();
    const take = async () => {
      const { value } = next;
      next = await records.next();
      if (!value)
        throw new MaskbenchError('UNREADABLE', file, `${file}: expected a record for each line of its manifest`);
      return value;
    };
    const putFrame = async () => {
      const { key, record } = await take();
      sink.put({ key, ...(record && { record }) }, undefined);
    };
    if (next.value && recordNumber(next.value.key) === 0) await putFrame();
    let pending = 0;
    for await (const line of readManifest(path.join(path.dirname(file), manifestName))) {
      const photo = line.copy === undefined ? undefined : await take();
      const twin = line.output === undefined ? undefined : await take();
      const { record, labels, input } = photo ?? twin ?? {};
      const placed = sink.put(
        {
          key: line.input,
          ...(line.identity !== undefined && { identity: line.identity }),
          ...(isNumbered && { record, labels }),
          ...(input !== undefined && { input }),
        } as StoredPhoto,
        twin?.input as Uint8Array | undefined,
      );
      await lines.write({ ...line, ...placed });
      if (++pending % recordsAtOnce === 0) await sink.flush();
    }
    while (!next.done) await putFrame();
    await sink.flush();
  }
}

async function* each<Item>(groups: AsyncIterable<Item[]>): AsyncGenerator<Item, undefined> {
  for await (const group of groups) yield* group;
}

const sizesOf = (file: string) => Promise.all([file, indexOf(file)].map(sizeOfStored));

export const maskTask = {
  check: check as Task['check'],
  settings: async ({ command, inputs, out, options }: Job) => ({
    ...{ command, inputs, out, options },
    masker: (await checkMasker(options)).settings,
    ...(isRecordName(inputs[0] ?? '') && { bytes: await sizesOf(inputs[0] as string) }),
    ...(typeof options.masksFrom === 'string' && { masks: await hashOf(options.masksFrom) }),
  }),
  divide: divide as Task['divide'],
  work,
  async *loose({ job }: Plan, folder: string) {
    if (!(await isSunk(job))) yield* looseFiles(path.join(folder, manifestName), job.out);
  },
  outputFolder,
  merge,
} satisfies Task;
