import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { Embedder, embedFiles, type IndexLine, readIndex } from 'maskbench';
import { generateCorpora } from 'maskbench/datasets';
import { fetchModel, type ModelDescription } from 'maskbench/models';
import sharp from 'sharp';
import { type Change, measureChanges, type Tested } from '../lib/adapt/measure.js';
import { foldPeople } from '../lib/adapt/split.js';
import { type Method, trainHead } from '../lib/adapt/train.js';
import { readTwins, type TwinVectors } from '../lib/adapt/vectors.js';
import { misses } from '../lib/embed/acquisition.js';
import { resolveModel } from '../lib/embed/embedder.js';
import { writeFileAtomically } from '../lib/files/atomic.js';
import { indexOf } from '../lib/files/vectors.js';
import { type Estimate, estimateShare } from '../lib/metrics/intervals.js';
import type { MeasuredPreset } from '../lib/models/measured.js';
import { packageFiles } from '../lib/models/presets.js';
import type { VectorSimilarity } from '../lib/models/similarity.js';
import { native } from '../lib/native.js';
import { NamedRandom } from '../lib/random.js';

/** Styles that adapters learn from. */
export const learned = ['a', 'surgical', 'cloth'] as const;
export const styles = [...learned, 'realistic'] as const;
export const sources = ['manifest', 'search'] as const;
export const folds = 5;
export const draws = 300;
const allConditions = ['plain-plain', 'plain-masked', 'masked-masked'] as const;
const seed = 7;
const concurrency = native.systemInfo().processors;

type Source = (typeof sources)[number];
type Style = (typeof styles)[number];

/** What was measured of a style on faces of one source. */
export interface StyleResults {
  source: Source;
  style: Style;
  changes: Change[];
  /** Shares of photos without a face. */
  failures: { plain: Estimate; masked: Estimate };
}

/** What was measured of a model. Adapters are linear where nothing else is said. */
export interface ModelResults {
  byStyle: StyleResults[];
  /** Of the styles that adapters learn from, on faces of the manifest, as is all below. */
  pooled: Change[];
  leftOut: { style: Style; changes: Change[] }[];
  wrongLabels: Change[];
  /** Of the default model only. */
  methods: { method: string; changes: Change[] }[];
  preset: MeasuredPreset;
  /** Where its time was measured. */
  machine: string;
}

const log = (text: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);

/** Corpora, vectors and figures in a folder, made where they are missing. */
export class LfwResults {
  /**
   * @param photos LFW: a folder a person.
   * @param work Where everything is kept.
   */
  constructor(
    readonly photos: string,
    readonly work: string,
  ) {}

  async measure(model: string): Promise<ModelResults> {
    if (packageFiles[model]) await fetchModel(model);
    const { file, description } = await resolveModel({ model });
    const similarity = description.similarity.kind as VectorSimilarity;
    const changesOf = (vectors: TwinVectors, tested: readonly Tested[], more = {}) =>
      measureChanges(vectors, tested, { similarity, draws, seed, concurrency, ...more });
    const byStyle: StyleResults[] = [];
    for (const source of sources) {
      const files: string[] = [];
      for (const style of styles) files.push(await this.#vectors(model, style, source));
      const found = await this.#kept(`${model}-${source}`, async () => {
        const all = await readTwins(files);
        const heads = await foldHeads(files.slice(0, learned.length), all, similarity);
        const results: Omit<StyleResults, 'failures'>[] = [];
        for (const [i, style] of styles.entries())
          results.push({
            source,
            style,
            changes: await changesOf(ofStyle(all, i), heads, { conditions: allConditions }),
          });
        return results;
      });
      const indices = await Promise.all(files.map((name) => readIndex(indexOf(name))));
      const plain = new Map(indices.flat().flatMap((line) => (line.masked ? [] : [[line.photo, line]])));
      for (const [i, one] of found.entries()) {
        const masked = indices[i]?.filter((line) => line.masked) ?? [];
        byStyle.push({ ...one, failures: { plain: failuresOf([...plain.values()]), masked: failuresOf(masked) } });
      }
    }

    const files: string[] = [];
    for (const style of learned) files.push(await this.#vectors(model, style, 'manifest'));
    const vectors = await readTwins(files);
    let made: Promise<Required<Tested>[]> | undefined;
    const headsOnce = () => {
      made ??= foldHeads(files, vectors, similarity);
      return made;
    };
    const pooled = await this.#kept(`${model}-pooled`, async () =>
      changesOf(vectors, await headsOnce(), { conditions: allConditions }),
    );
    const leftOut: ModelResults['leftOut'] = [];
    for (const [i, style] of learned.entries()) {
      const others = files.filter((_, other) => other !== i);
      const changes = await this.#kept(`${model}-without-${style}`, async () =>
        changesOf(ofStyle(vectors, i), await foldHeads(others, vectors, similarity)),
      );
      leftOut.push({ style, changes });
    }
    const wrongLabels = await this.#kept(`${model}-wrong-labels`, async () => {
      const heads = await headsOnce();
      const people = heads.map((tested) => ({ people: tested.people }));
      return changesOf(vectors, people, { after: await mislabelled(vectors, heads) });
    });
    const methods: ModelResults['methods'] = [];
    if (model === 'dlib-resnet-128')
      for (const method of ['srt', 'infonce', 'published'] as const) {
        const changes = await this.#kept(`${model}-${method}`, async () =>
          changesOf(vectors, await foldHeads(files, vectors, similarity, method)),
        );
        methods.push({ method, changes });
      }
    const { preset, machine } = await this.#kept(`${model}-preset`, async () => ({
      preset: {
        bytes: (await stat(file)).size,
        dimensions: vectors.dimensions,
        milliseconds: await this.#timeAFace(model, description.input),
        eer: Object.fromEntries(
          pooled.flatMap(({ condition, measure, before }) =>
            measure === 'EER' ? [[condition, Number(before.value.toPrecision(3))]] : [],
          ),
        ) as MeasuredPreset['eer'],
      },
      machine: `${cpus()[0]?.model}, ${concurrency} processors, load average ${(loadavg()[0] as number).toFixed(1)}`,
    }));
    return { byStyle, pooled, leftOut, wrongLabels, methods, preset, machine };
  }

  /** What `make` gave, now or in an earlier run. */
  async #kept<T>(name: string, make: () => Promise<T>): Promise<T> {
    const file = path.join(this.work, `${name}.json`);
    if (!existsSync(file)) {
      log(`${file}: measuring`);
      await writeFileAtomically(file, JSON.stringify(await make()));
    }
    return JSON.parse(readFileSync(file, 'utf8'));
  }

  /** The vectors of a style's corpus. */
  async #vectors(model: string, style: Style, faceSource: Source): Promise<string> {
    const base = path.join(this.work, 'base');
    const corpora = path.join(this.work, 'corpora', style);
    if (!existsSync(base)) {
      mkdirSync(base, { recursive: true });
      symlinkSync(path.resolve(this.photos), path.join(base, 'lfw'));
    }
    const file = path.join(this.work, `${model}-${style}-${faceSource}.npy`);
    if (existsSync(file)) return file;
    log(`${file}: masking and embedding`);
    await generateCorpora(base, corpora, { only: ['lfw'], style, seed, resume: existsSync(corpora) });
    await embedFiles([path.join(corpora, 'lfw')], file, { model, faceSource, resume: true });
    return file;
  }

  /** Processor time in milliseconds: the least of 30 times of 32 ready crops on one thread. */
  async #timeAFace(model: string, { width, height }: ModelDescription['input']) {
    const [person = ''] = readdirSync(this.photos, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? entry.name : [],
    );
    const [photo = ''] = readdirSync(path.join(this.photos, person));
    const data = await sharp(path.join(this.photos, person, photo))
      .resize(width, height, { fit: 'fill' })
      .removeAlpha()
      .raw()
      .toBuffer();
    const crops = Array.from({ length: 32 }, () => ({ data, width, height, channels: 3 as const }));
    const embedder = await Embedder.open({ model, concurrency: 1 });
    const times: number[] = [];
    for (let run = 0; run < 30; run++) {
      const { user, system } = process.cpuUsage();
      await embedder.embed(crops, { crops: true });
      const after = process.cpuUsage();
      times.push((after.user + after.system - user - system) / 1000 / crops.length);
    }
    await embedder.close();
    return Number(Math.min(...times).toPrecision(2));
  }
}

/** The share of photos without the face; people are drawn with replacement. */
function failuresOf(lines: readonly IndexLine[]): Estimate {
  const people = new Map<string, { failed: number; photos: number }>();
  for (const { identity, status } of lines) {
    const { failed, photos } = people.get(identity) ?? { failed: 0, photos: 0 };
    people.set(identity, { failed: failed + Number(misses.includes(status)), photos: photos + 1 });
  }
  const counts = [...people.values()];
  const share = (of: typeof counts) => {
    const failed = of.reduce((sum, one) => sum + one.failed, 0);
    return { failed, share: failed / of.reduce((sum, one) => sum + one.photos, 0) };
  };
  const random = new NamedRandom(seed, 'failures');
  const drawn = Float64Array.from({ length: draws }, () => share(counts.map(() => random.pick(counts))).share);
  return estimateShare(share(counts).failed, lines.length, drawn);
}

/** The vectors, of the masked ones those of one file only. */
function ofStyle(vectors: TwinVectors, style: number): TwinVectors {
  const rows = Array.from(vectors.styles.keys()).filter((row) => vectors.styles[row] === style);
  const { dimensions, masked } = vectors;
  const kept = new Float32Array(rows.length * dimensions);
  for (const [i, row] of rows.entries())
    kept.set(masked.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
  return {
    ...vectors,
    masked: kept,
    twins: Int32Array.from(rows, (row) => vectors.twins[row] as number),
    styles: new Int32Array(rows.length),
  };
}

/**
 * Trains a head for each fold on vectors of some styles.
 * @returns the heads with the people whom they have not seen, by their numbers in `measuredOn`
 */
async function foldHeads(
  files: readonly string[],
  measuredOn: TwinVectors,
  similarity: VectorSimilarity,
  method: Method | 'published' = 'linear',
): Promise<Required<Tested>[]> {
  const vectors = await readTwins(files);
  const numbers = new Map(measuredOn.people.map((name, number) => [name, number]));
  const tested: Required<Tested>[] = [];
  for (const split of foldPeople(vectors, folds, { validation: 0.15, seed })) {
    const trained = await trainHead(vectors, split, {
      ...{ similarity, seed, concurrency, signal: undefined, onProgress: () => {} },
      methods: [method === 'published' ? 'srt' : method],
      published: method === 'published',
    });
    const people = [...split.test].flatMap((person) => numbers.get(vectors.people[person] as string) ?? []);
    // Undefined only where training is aborted.
    tested.push({ people: new Set(people), head: (trained as NonNullable<typeof trained>).head });
  }
  return tested;
}

/**
 * The vectors as each fold's head corrects them where 5% of the masked faces are taken for plain ones, and 5% of the
 * plain ones for masked.
 */
async function mislabelled(vectors: TwinVectors, tested: readonly Required<Tested>[]): Promise<TwinVectors> {
  const random = new NamedRandom(seed, 'labels');
  const { twins, identities, dimensions } = vectors;
  const twentieth = (count: number) => new Set(random.sample([...Array(count).keys()], Math.round(count / 20)));
  const correct = async (from: Float32Array, isCorrected: (row: number) => boolean, personOf: Int32Array) => {
    const to = from.slice();
    for (const { people, head } of tested) {
      const rows = Int32Array.from(personOf.keys()).filter(
        (row) => people.has(personOf[row] as number) && isCorrected(row),
      );
      const corrected = await native.applyHead(head, from, dimensions, rows, concurrency);
      for (const [i, row] of rows.entries())
        to.set(corrected.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
    }
    return to;
  };
  const wrongMasked = twentieth(twins.length);
  const wrongPlain = twentieth(identities.length);
  return {
    ...vectors,
    masked: await correct(
      vectors.masked,
      (row) => !wrongMasked.has(row),
      twins.map((twin) => identities[twin] as number),
    ),
    plain: await correct(vectors.plain, (row) => wrongPlain.has(row), identities),
  };
}
