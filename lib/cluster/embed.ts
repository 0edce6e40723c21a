import { createReadStream } from 'node:fs';
import { appendFile, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { checkEmbedder, resolveModel } from '../embed/embedder.js';
import { type EmbedFilesOptions, embedListed, type Item, itemsOf, itemsOfPacked, tableOf } from '../embed/files.js';
import { type IndexLine, indexColumns } from '../embed/index-lines.js';
import { invalid, MaskbenchError } from '../errors.js';
import { npyHeader, readNpyRows } from '../files/npy.js';
import { isParquetName, writeParquet } from '../files/parquet.js';
import { toPath } from '../files/path.js';
import { standardStream } from '../files/standard-input.js';
import { indexOf } from '../files/vectors.js';
import { isFile } from '../files/walk.js';
import { defaultDetector } from '../models/detectors/presets.js';
import { resolveSearch } from '../models/detectors/search.js';
import { fingerprint, hashOf } from '../models/fingerprint.js';
import { onnxRuntimeLibrary } from '../models/runtime.js';
import { native } from '../native.js';
import { isSetName } from '../pairs/verification-set.js';
import { isPacked } from '../storage/open.js';
import { divideStored, sourceOf } from './mask.js';
import { checkThere, moveTo } from './places.js';
import { type Job, type Plan, readInputs } from './plan.js';
import type { Done, Task, Work } from './task.js';

const optionsOf = ({ options }: Job) => options as EmbedFilesOptions;
const vectorsName = 'vectors.npy';
const indexName = indexOf(vectorsName);
const headerBytes = 128;

async function isStored({ inputs }: Job): Promise<boolean> {
  return (await Promise.all(inputs.map(isPacked))).includes(true);
}

async function* listed(inputs: readonly string[]): AsyncGenerator<Item[]> {
  for await (const item of itemsOf(inputs)) yield [item];
}

async function* itemsIn({ plan, place, part, ...work }: Work): AsyncGenerator<Item> {
  const { inputs } = plan.job;
  if (await isStored(plan.job)) yield* itemsOfPacked(inputs[0] ?? '', await sourceOf({ plan, place, part, ...work }));
  else for await (const group of readInputs<Item>(place, part)) yield* group;
}

async function countIn(work: Work): Promise<number> {
  let total = 0;
  for await (const _ of itemsIn(work)) total++;
  return total;
}

export const embedTask = {
  async check({ inputs, out, options }: Job) {
    if (options.resume) throw invalid('resume', 'nothing, in a plan: ranks resume by themselves', options.resume);
    checkEmbedder(options);
    for (const input of inputs)
      if (input === standardStream || isSetName(input))
        throw invalid('inputs', 'files, folders, .rec files and tars, in a plan', input);
    await checkThere(inputs);
    if (!/\.(npy|parquet)$/i.test(out)) throw invalid('out', 'a name that ends in .npy or .parquet', out);
    for (const file of [out, indexOf(out)])
      if (await isFile(file)) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  },

  async settings({ command, inputs, out, options }: Job) {
    const given = options as EmbedFilesOptions;
    const { file, description } = await resolveModel(given);
    return {
      ...{ command, inputs, out, options },
      model: await fingerprint(file, description),
      search: (await resolveSearch(given, defaultDetector)).settings,
      ...(given.adapter !== undefined && { adapter: await hashOf(given.adapter) }),
      ...(given.masked !== undefined && { masked: await hashOf(given.masked) }),
    };
  },

  async divide(job: Job, ranks: number) {
    if (await isStored(job)) return { job, division: await divideStored(job, ranks) };
    return { job, division: { by: 'lines' as const, lines: listed(job.inputs) } };
  },

  async work(work: Work) {
    const { plan, part, folder, signal, onProgress, onProblem } = work;
    const { inputs } = plan.job;
    const out = path.join(folder, vectorsName);
    const total = (await isStored(plan.job)) ? await countIn(work) : part.inputs;
    const options = { ...optionsOf(plan.job), signal, onProgress, onProblem };
    const { counts } = await embedListed(inputs, out, options, { total, items: () => itemsIn(work) });
    const both: Record<string, number> = {};
    for (const [status, count] of Object.values(counts).flatMap(Object.entries))
      both[status] = (both[status] ?? 0) + count;
    return {
      counts: both,
      outputs: [vectorsName, indexName].map((name) => ({ name, kept: 'plan' as const })),
      onnxRuntime: native.onnxRuntime(await onnxRuntimeLibrary()).version ?? '',
    };
  },

  outputFolder: ({ out }: Job) => path.dirname(out),

  async merge({ job }: Plan, done: AsyncIterable<Done>) {
    const { out } = job;
    const folder = await mkdtemp(path.join(tmpdir(), 'maskbench-merge-'));
    const [vectors, index] = [path.join(folder, vectorsName), path.join(folder, indexName)];
    try {
      await join(done, vectors, index, optionsOf(job).bits === 16 ? '<f2' : '<f4');
      if (isParquetName(out))
        return await writeParquet(out, { ...indexColumns, vector: 'floats' }, tableOf(index, vectors));
      await moveTo(index, indexOf(out));
      await moveTo(vectors, out);
    } finally {
      await rm(toPath(folder), { recursive: true, force: true });
    }
  },
} satisfies Task;

/** Puts the rows of all ranks behind each other, and numbers them through. */
async function join(done: AsyncIterable<Done>, vectors: string, index: string, kind: '<f2' | '<f4'): Promise<void> {
  const file = await open(toPath(vectors), 'w');
  let rows = 0;
  let columns = 0;
  try {
    await file.write(Buffer.alloc(headerBytes));
    for await (const { folder } of done) {
      const part = path.join(folder, vectorsName);
      const before = rows;
      const read = await readNpyRows(part, 1);
      for await (const _ of read.chunks) break;
      columns = read.columns;
      for await (const bytes of createReadStream(toPath(part), { start: headerBytes })) await file.appendFile(bytes);
      rows += read.rows;
      let text = '';
      for await (const line of createInterface({ input: createReadStream(toPath(path.join(folder, indexName))) })) {
        const { row, ...rest } = JSON.parse(line) as IndexLine;
        text += `${JSON.stringify({ row: row === null ? null : before + row, ...rest })}\n`;
      }
      await appendFile(toPath(index), text);
    }
    await file.write(npyHeader(kind, [rows, columns]), 0, headerBytes, 0);
  } finally {
    await file.close();
  }
}
