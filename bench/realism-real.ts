import { existsSync } from 'node:fs';
import path from 'node:path';
import { Embedder, type EmbedInput, Masker, readManifest } from 'maskbench';
import { ScoreSet } from 'maskbench/metrics';
import { mean } from './pixels.js';

interface Photo {
  identity: string;
  file: string;
  key: string;
}

const styles = ['a', 'surgical', 'kn95', 'n95', 'cloth'];

/** Cosine or whatever the model's own similarity is, of each plain photo with each other photo. */
function scoresOf(embedder: Embedder, plain: Map<Photo, Float32Array>, others: Map<Photo, Float32Array>) {
  const scores: number[] = [];
  const labels: number[] = [];
  for (const [a, first] of plain)
    for (const [b, second] of others) {
      // A photo and its own masked twin would say nothing of masks.
      if (a.key === b.key) continue;
      scores.push(embedder.similarity(first, second));
      labels.push(a.identity === b.identity ? 1 : 0);
    }
  return { scores, labels, genuine: scores.filter((_, i) => labels[i] === 1) };
}

/**
 * Compares real masks with synthetic ones of the same people: how far genuine scores move away from those of plain photos, and
 * FNMR at the threshold where plain photos have an FMR of 1 in 1,000
 * (1 in 10 where there are few). `corpus` is one that `dataset generate` made of a data set
 * with real masks (in_house, rmfd, mfr2).
 */
export async function benchRealMasks(corpus: string, mostPhotos: number): Promise<void> {
  const manifest = path.join(corpus, 'manifest.jsonl');
  if (!existsSync(manifest)) throw new Error(`${manifest}: expected a corpus of a data set with real masks`);
  const bare: Photo[] = [];
  const masked: Photo[] = [];
  for await (const { identity, copy, wearsMask, input } of readManifest(manifest)) {
    if (identity === undefined || copy === undefined || wearsMask === undefined) continue;
    const photos = wearsMask ? masked : bare;
    if (photos.length < mostPhotos) photos.push({ identity, file: path.join(corpus, copy), key: input });
  }
  if (bare.length < 2 || masked.length === 0)
    throw new Error(
      `${manifest}: expected photos with and without real masks, found ${masked.length} and ${bare.length}`,
    );
  const embedder = await Embedder.open();
  const embed = async (photos: Photo[], read: (photo: Photo) => Promise<EmbedInput | undefined>) => {
    const vectors = new Map<Photo, Float32Array>();
    for (const photo of photos) {
      const input = await read(photo);
      const found = input && (await embedder.embedOne(input).catch(() => undefined));
      if (found) vectors.set(photo, found.vector);
    }
    return vectors;
  };
  const plain = await embed(bare, async ({ file }) => file);
  const base = scoresOf(embedder, plain, plain);
  // A rate that the plain photos can tell.
  const fmr = base.scores.length - base.genuine.length >= 1000 ? 1e-3 : 0.1;
  const { threshold } = (await ScoreSet.from(base.scores, base.labels)).fnmrAtFmr(fmr);
  console.log(
    `\nreal masks: ${masked.length} photos, ${bare.length} without; ${embedder.description.name}, threshold ${threshold.toFixed(4)} (FMR ${fmr})`,
  );
  const report = (name: string, vectors: Map<Photo, Float32Array>, photos: Photo[]) => {
    const { genuine } = scoresOf(embedder, plain, vectors);
    const misses = genuine.filter((score) => score < threshold).length;
    console.log(
      `  ${name.padEnd(20)} genuine scores move by ${(mean(genuine) - mean(base.genuine)).toFixed(4)}, FNMR ${((100 * misses) / genuine.length).toFixed(2)}% of ${genuine.length}, ${photos.length - vectors.size} photos without a face`,
    );
  };
  report('plain', plain, bare);
  report('real masks', await embed(masked, async ({ file }) => file), masked);
  for (const style of styles) {
    const masker = await Masker.open({ style, color: 'random' });
    const vectors = await embed(bare, async ({ file, key }) => {
      const { image, faces } = await masker.mask(file, { key, format: 'png' });
      // The face that was masked is known; a detector seldom finds it again.
      return image && { image, faces: faces.filter((face) => face.masked) };
    });
    report(`synthetic, ${style}`, vectors, bare);
    await masker.close();
  }
  await embedder.close();
}
