import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Embedder, type Face, Masker, readManifest } from 'maskbench';
import { printTable } from '../lib/cli/output.js';
import { isPhotoName } from '../lib/files/walk.js';
import { defaultDetector } from '../lib/models/detectors/presets.js';
import { addTo } from '../lib/multimap.js';
import { shared } from '../test/support/files.js';
import { largest } from './boxes.js';
import { mean, quantile } from './pixels.js';

interface Photo {
  identity: string;
  file: string;
}

/** A photo's face and its vector; the same face under each style. */
interface Person extends Photo {
  face: Face;
  vector: Float32Array;
  masked: Map<string, Float32Array>;
}

const styles = ['a', 'surgical', 'kn95', 'n95', 'cloth', 'realistic'];
/** Smaller faces say more about the photo than about the mask. */
const leastWidth = 40;

/** So many photos at most: one of each identity, then another of each. */
function spread(photos: readonly Photo[], most: number): Photo[] {
  const people = new Map<string, Photo[]>();
  for (const photo of photos) addTo(people, photo.identity, photo);
  const rounds = Math.max(0, ...[...people.values()].map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => [...people.values()].flatMap((own) => own[round] ?? []))
    .flat()
    .slice(0, most);
}

/** The photos of a corpus: people who wear masks first where both kinds are wanted of the same people. */
async function readCorpus(corpus: string, most: number): Promise<{ bare: Photo[]; masked: Photo[] }> {
  const bare: Photo[] = [];
  const masked: Photo[] = [];
  for await (const { identity, copy, wearsMask } of readManifest(path.join(corpus, 'manifest.jsonl')))
    if (identity !== undefined && copy !== undefined && wearsMask !== undefined)
      (wearsMask ? masked : bare).push({ identity, file: path.join(corpus, copy) });
  const wearers = new Set(masked.map(({ identity }) => identity));
  const known = bare.filter(({ identity }) => wearers.has(identity));
  return { bare: spread(known.length > 0 ? known : bare, most), masked: spread(masked, most) };
}

/** Photos of masks in one folder, each of another person, and people without masks: a folder of folders. */
function readFolders(folder: string, people: string, most: number): { bare: Photo[]; masked: Photo[] } {
  const photos = (inFolder: string, identity: (name: string) => string): Photo[] =>
    readdirSync(inFolder, { recursive: true, encoding: 'utf8' })
      .filter(isPhotoName)
      .sort()
      .map((name) => ({ identity: identity(name), file: path.join(inFolder, name) }));
  return {
    masked: photos(folder, (name) => path.join(folder, name)).slice(0, most),
    bare: spread(photos(people, path.dirname), most),
  };
}

/** A mean of one number a face, with its interval of 95% over faces. */
function estimate(
  ofFaces: readonly number[],
  { digits, percent = false, spread = 1 }: { digits: number; percent?: boolean; spread?: number },
): string {
  const average = mean(ofFaces);
  const deviation = Math.sqrt(mean(ofFaces.map((value) => (value - average) ** 2)));
  const half = (1.96 * spread * deviation) / Math.sqrt(Math.max(1, ofFaces.length - 1));
  const show = (value: number) => (percent ? 100 * value : value).toFixed(digits);
  return `${show(average)}${percent ? '%' : ''} [${show(average - half)}, ${show(average + half)}]`;
}

/**
 * Compares real masks with synthetic ones. Where people are known by photos with and without masks (a corpus that
 * `dataset generate` made of in_house, rmfd or mfr2): how far genuine scores move, and FNMR at the threshold where
 * plain photos have an FMR of 1 in 1,000. Otherwise (a folder) as much as people who are known once can tell: each
 * template is drawn over the real masks themselves, so that only the mask differs, and impostor scores and vectors are
 * compared.
 */
export async function benchRealMasks(real: string, mostPhotos: number): Promise<void> {
  const { bare, masked } = existsSync(path.join(real, 'manifest.jsonl'))
    ? await readCorpus(real, mostPhotos)
    : readFolders(real, path.join(shared, 'lfw-sample'), mostPhotos);
  if (bare.length < 2 || masked.length < 2)
    throw new Error(`${real}: expected photos with and without real masks, found ${masked.length} and ${bare.length}`);
  const embedder = await Embedder.open();
  const finder = await Masker.open({ detector: defaultDetector });
  const maskers = await Promise.all(
    styles.map((style) => Masker.open({ style, color: 'random', detector: defaultDetector })),
  );
  const people = async (photos: readonly Photo[]): Promise<Person[]> => {
    const found: Person[] = [];
    for (const photo of photos) {
      const face = largest((await finder.detect(photo.file)).faces);
      if (!face || face.box.right - face.box.left + 1 < leastWidth) continue;
      const faces = [face];
      const { vector } = await embedder.embedOne({ image: photo.file, faces });
      const person: Person = { ...photo, face, vector, masked: new Map() };
      for (const [i, masker] of maskers.entries()) {
        const { image } = await masker.mask(photo.file, { faces, key: photo.file, format: 'png' });
        if (image) person.masked.set(styles[i] as string, (await embedder.embedOne({ image, faces })).vector);
      }
      found.push(person);
    }
    return found;
  };
  const [plain, wearers] = [await people(bare), await people(masked)];
  await Promise.all([finder, ...maskers].map((opened) => opened.close()));
  const under = (style: string) => (person: Person) => person.masked.get(style) as Float32Array;
  const asIs = ({ vector }: Person) => vector;
  /** For each of `probes` its scores with other photos of the people it shows, or of others. */
  const scores = (
    probes: readonly Person[],
    look: typeof asIs,
    against: readonly Person[],
    their: typeof asIs,
    genuine: boolean,
  ) =>
    probes.map((probe) =>
      against
        .filter((other) => other.file !== probe.file && (other.identity === probe.identity) === genuine)
        .map((other) => embedder.similarity(look(probe), their(other))),
    );
  const fmr = 1e-3;
  const threshold = quantile(scores(plain, asIs, plain, asIs, false).flat(), 1 - fmr);
  const passing = (ofFace: readonly number[]) => ofFace.filter((score) => score > threshold).length / ofFace.length;
  console.log(
    `\nreal masks: ${masked.length} photos, ${wearers.length} with a face ${leastWidth} pixels wide; ${bare.length} without masks, ${plain.length} with a face (${defaultDetector})`,
  );
  console.log(
    `${embedder.description.name}, threshold ${threshold.toFixed(4)} (FMR ${fmr} of plain photos); intervals of 95% over faces`,
  );
  const digits = 4;
  const looks: [name: string, Person[], typeof asIs][] = [
    ['plain', plain, asIs],
    ['real masks', wearers, asIs],
    ...styles.map((style): (typeof looks)[number] => [`${style} over real masks`, wearers, under(style)]),
    ...styles.map((style): (typeof looks)[number] => [`${style} on plain faces`, plain, under(style)]),
  ];
  const rows = [['against plain photos', 'genuine pairs', 'mean score', 'FNMR', 'impostor pairs', 'mean score', 'FMR']];
  for (const [name, probes, look] of looks) {
    const genuine = scores(probes, look, plain, asIs, true).filter(({ length }) => length > 0);
    const impostor = scores(probes, look, plain, asIs, false);
    rows.push([
      name,
      String(genuine.flat().length),
      ...(genuine.length > 0
        ? [
            estimate(genuine.map(mean), { digits }),
            estimate(
              genuine.map((ofFace) => 1 - passing(ofFace)),
              { digits: 2, percent: true },
            ),
          ]
        : ['', '']),
      String(impostor.flat().length),
      estimate(impostor.map(mean), { digits }),
      estimate(impostor.map(passing), { digits: 2, percent: true }),
    ]);
  }
  printTable(rows);
  // Every pair counts for both of its faces, which doubles the spread of the mean.
  const pairs = { spread: 2 };
  const among = [['among masked photos', 'impostor pairs', 'mean score', 'FMR']];
  for (const [name, probes, look] of looks) {
    const impostor = scores(probes, look, probes, look, false);
    among.push([
      name,
      String(impostor.flat().length / 2),
      estimate(impostor.map(mean), { digits, ...pairs }),
      estimate(impostor.map(passing), { digits: 2, percent: true, ...pairs }),
    ]);
  }
  printTable(among);
  const same = [
    [
      'the same face, drawn over its real mask',
      'score with the real mask, median',
      'with other styles, median',
      'FMR against plain photos, minus that of the real mask',
      'FMR among masked photos, minus that of real masks',
    ],
  ];
  const realPlain = scores(wearers, asIs, plain, asIs, false).map(passing);
  const realMasked = scores(wearers, asIs, wearers, asIs, false).map(passing);
  for (const style of styles) {
    const look = under(style);
    const others = styles.filter((other) => other !== style);
    const difference = (of: number[], minus: readonly number[]) => of.map((value, i) => value - (minus[i] as number));
    same.push([
      style,
      quantile(
        wearers.map((person) => embedder.similarity(look(person), person.vector)),
        0.5,
      ).toFixed(digits),
      quantile(
        wearers.flatMap((person) => others.map((other) => embedder.similarity(look(person), under(other)(person)))),
        0.5,
      ).toFixed(digits),
      estimate(difference(scores(wearers, look, plain, asIs, false).map(passing), realPlain), {
        digits: 2,
        percent: true,
      }),
      estimate(difference(scores(wearers, look, wearers, look, false).map(passing), realMasked), {
        digits: 2,
        percent: true,
        ...pairs,
      }),
    ]);
  }
  printTable(same);
  await embedder.close();
}
