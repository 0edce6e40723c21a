import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Box, type Face, hogDetectors, knownStyles, Masker } from 'maskbench';
import { printTable } from '../lib/cli/output.js';
import { resolveSearch } from '../lib/models/detectors/search.js';
import { samplePhoto, shared } from '../test/support/files.js';
import { largest, liesIn, sameFace } from './boxes.js';
import { share } from './counts.js';
import { openDetector } from './detectors.js';
import type { BenchOptions } from './options.js';
import { photosWithoutFaces } from './photos-without-faces.js';

/** A mark made by hand: x, y, width, height in pixels. */
type Mark = [number, number, number, number];

/** A photo's entry in test/face/real-masks.json. */
interface Marks {
  faces: { box: Mark; masked?: true; turned?: true }[];
  /** Regions with faces that are drawn, or too small, blurred or hidden to count. Boxes there count neither way. */
  ignored?: Mark[];
}

interface Photo {
  file: string;
  /** Odd photos choose thresholds; even ones are reported. */
  odd: boolean;
}

interface Searched extends Photo {
  /** All boxes, whatever their score. */
  faces: Pick<Face, 'box' | 'score'>[];
  ms: number;
}

interface Marked extends Searched {
  group: string;
  marks: { box: Box; masked: boolean; turned: boolean }[];
  ignored: Box[];
}

interface Detector {
  name: string;
  /** Finds every box from the lowest score on. */
  all: Masker;
  /** The detector's default least score. */
  usual: number;
}

const toBox = ([x, y, width, height]: Mark): Box => ({ left: x, top: y, right: x + width - 1, bottom: y + height - 1 });

/** Lower scores are not looked at: they are of no use, and there are thousands of them. */
const lowest = (name: string) => ((hogDetectors as readonly string[]).includes(name) ? 0 : 0.3);

const groups = ['portraits', 'street', 'tight', 'crowd', 'crops'];

async function openAt(name: string): Promise<Detector | undefined> {
  const all = await openDetector(name, { minScore: lowest(name) });
  if (!all) return undefined;
  return { name, all, usual: (await resolveSearch({ detector: name }, 'hog')).native.minScore };
}

async function search<P extends Photo>({ all }: Detector, photos: readonly P[]): Promise<(P & Searched)[]> {
  const found: (P & Searched)[] = [];
  for (const photo of photos) {
    const { faces, milliseconds } = await all.detect(photo.file);
    found.push({ ...photo, faces, ms: milliseconds });
  }
  return found;
}

const above = (faces: Searched['faces'], threshold: number) => faces.filter(({ score }) => score >= threshold);
const alarms = (photos: readonly Searched[], threshold: number) =>
  photos.filter(({ faces }) => above(faces, threshold).length > 0).length;

/** The lowest threshold, in thousandths, with a false alarm in at most 1 of 100 photos. */
function thresholdOf(withoutFaces: readonly Searched[], least: number): number {
  const best = withoutFaces.map(({ faces }) => Math.max(-1, ...faces.map(({ score }) => score))).sort((a, b) => b - a);
  const refused = best[Math.floor(withoutFaces.length / 100)] ?? -1;
  return refused < least ? least : (Math.floor(refused * 1000) + 1) / 1000;
}

const halves = <P extends Photo>(photos: readonly P[]): [string, P[]][] => [
  ['even', photos.filter(({ odd }) => !odd)],
  ['all', [...photos]],
];

const isFound = (box: Box, faces: Searched['faces']) => faces.some((face) => sameFace(face.box, box));

/** Prints what is found on photos of real masks, against marks made by hand. */
function printRealMasks(photos: readonly Marked[], threshold: number): void {
  for (const [half, chosen] of halves(photos)) {
    const rows = [[`real masks, ${half}`, 'photos without a box', 'no marked face found', 'marked faces found', 'ms']];
    for (const group of groups) {
      const members = chosen.filter((photo) => photo.group === group);
      const found = members.map(({ marks, faces }) => marks.map(({ box }) => isFound(box, above(faces, threshold))));
      rows.push([
        group,
        share(members.length - alarms(members, threshold), members.length),
        share(found.filter((marks) => !marks.includes(true)).length, members.length),
        share(found.flat().filter(Boolean).length, found.flat().length),
        medianMs(members),
      ]);
    }
    printTable(rows);
  }
  const marks = photos.flatMap(({ marks, faces }) =>
    marks.map((mark) => ({ ...mark, found: isFound(mark.box, above(faces, threshold)) })),
  );
  const narrower = ({ left, top, right, bottom }: Box) => Math.min(right - left + 1, bottom - top + 1);
  const kinds: [string, (mark: (typeof marks)[number]) => boolean][] = [
    ['narrower than 16 pixels', ({ box }) => narrower(box) < 16],
    ['16 to 31', ({ box }) => narrower(box) >= 16 && narrower(box) < 32],
    ['32 to 63', ({ box }) => narrower(box) >= 32 && narrower(box) < 64],
    ['64 to 127', ({ box }) => narrower(box) >= 64 && narrower(box) < 128],
    ['128 and more', ({ box }) => narrower(box) >= 128],
    ['masked', ({ masked }) => masked],
    ['bare', ({ masked }) => !masked],
    ['turned away', ({ turned }) => turned],
  ];
  printTable([
    ['marked faces', 'found'],
    ...kinds.map(([kind, belongs]) => {
      const members = marks.filter(belongs);
      return [kind, share(members.filter(({ found }) => found).length, members.length)];
    }),
  ]);
  const boxes = photos.flatMap(({ marks, ignored, faces }) =>
    above(faces, threshold).map(({ box }) => ({
      right: marks.some((mark) => sameFace(mark.box, box)),
      counts: !ignored.some((region) => liesIn(box, region)),
    })),
  );
  const counted = boxes.filter(({ right, counts }) => right || counts);
  console.log(`  boxes that show a marked face: ${share(counted.filter(({ right }) => right).length, counted.length)}`);
}

const medianMs = (photos: readonly Searched[]) =>
  (photos.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(photos.length / 2)] ?? 0).toFixed(1);

/** Prints how many of the faces that dlib's detector finds each detector finds, bare and under synthetic masks. */
async function printSynthetic(
  detectors: readonly (Detector & { threshold: number })[],
  photos: readonly Photo[],
): Promise<void> {
  const hog = await Masker.open({ detector: 'hog', concurrency: 1 });
  const plain: { file: string; face: Face; found: (Box | undefined)[] }[] = [];
  const ms: number[] = [];
  const find = async (image: string | Buffer, wanted: readonly (Box | undefined)[]) => {
    const boxes: (Box | undefined)[] = [];
    for (const [i, { all, threshold }] of detectors.entries()) {
      const { faces, milliseconds } = await all.detect(image);
      ms[i] = (ms[i] ?? 0) + milliseconds;
      const box = wanted[i];
      boxes.push(box && above(faces, threshold).find((face) => sameFace(face.box, box))?.box);
    }
    return boxes;
  };
  for (const { file } of photos) {
    const face = largest((await hog.detect(file)).faces);
    if (face)
      plain.push({
        file,
        face,
        found: await find(
          file,
          detectors.map(() => face.box),
        ),
      });
  }
  await hog.close();
  const rows = [[`faces of ${plain.length} photos`, ...detectors.map(({ name }) => name)]];
  rows.push([
    "found of dlib's",
    ...detectors.map((_, i) => share(plain.filter(({ found }) => found[i]).length, plain.length)),
  ]);
  rows.push(['mean ms a photo', ...ms.map((sum) => (sum / plain.length).toFixed(1))]);
  for (const { name: style } of knownStyles.filter(({ name }) => !name.startsWith('nist-'))) {
    const masker = await Masker.open({ style, color: 'random', concurrency: 1 });
    const lost = detectors.map(() => 0);
    for (const { file, face, found } of plain) {
      const { image } = await masker.mask(file, { faces: [face], key: path.basename(file), format: 'png' });
      for (const [i, box] of (await find(image as Buffer, found)).entries())
        if (found[i] && !box) (lost[i] as number)++;
    }
    await masker.close();
    rows.push([
      `lost under ${style}`,
      ...lost.map((count, i) => share(count, plain.filter(({ found }) => found[i]).length)),
    ]);
  }
  printTable(rows);
}

/** The photos of a folder of folders. */
function photosOf(folder: string, most: number): Photo[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jpg$/.test(name))
    .sort();
  const step = Math.max(1, Math.ceil(names.length / most));
  return names.filter((_, i) => i % step === 0).map((name, i) => ({ file: path.join(folder, name), odd: i % 2 === 0 }));
}

/**
 * Measures detectors on photos of real masks whose faces were marked by hand, on photos without faces, and on photos
 * with synthetic masks. The photos of people lie beside the repository; absent ones are left out.
 */
export async function benchRecall({ quick, photos: most, detectors: names }: BenchOptions): Promise<void> {
  const real = path.join(shared, 'real-masks');
  const marks = JSON.parse(
    readFileSync(path.join(import.meta.dirname, '../test/face/real-masks.json'), 'utf8'),
  ) as Record<string, Marks>;
  const few = quick ? 10 : Number.POSITIVE_INFINITY;
  const marked = Object.entries(marks)
    .filter(([name]) => existsSync(path.join(real, name)))
    .slice(0, few)
    .map(([name, { faces, ignored = [] }]) => ({
      file: path.join(real, name),
      group: name.replace(/_.*/, ''),
      odd: Number(/\d+/.exec(name)?.[0]) % 2 === 1,
      marks: faces.map(({ box, masked = false, turned = false }) => ({ box: toBox(box), masked, turned })),
      ignored: ignored.map(toBox),
    }));
  const numbered = (files: string[]) => files.slice(0, few).map((file, i) => ({ file, odd: i % 2 === 0 }));
  console.log('\nphotos without faces');
  // Hundreds of megabytes are no smoke test.
  const { photo, drawing } = quick ? { photo: [], drawing: [] } : await photosWithoutFaces();
  const [scenes, drawings] = [numbered(photo), numbered(drawing)];
  const lfw = photosOf(path.join(shared, 'lfw-sample'), quick ? few : most);
  console.log(
    `  ${scenes.length} photos and ${drawings.length} drawings without faces, ${marked.length} photos of real masks, ${lfw.length} of LFW`,
  );
  const opened: (Detector & { threshold: number })[] = [];
  for (const name of names) {
    const detector = await openAt(name);
    if (!detector) continue;
    const without = await search(detector, scenes);
    const threshold = thresholdOf(
      without.filter(({ odd }) => odd),
      lowest(name),
    );
    opened.push({ ...detector, threshold });
    const drawn = await search(detector, drawings);
    const samples = await search(
      detector,
      [1, 2, 3, 4, 5, 6].slice(0, few).map((number) => ({ file: samplePhoto(number), odd: false })),
    );
    const faces = await search(detector, marked);
    const { usual } = detector;
    for (const value of new Set([usual, threshold])) {
      const kinds = [
        ...(value === usual ? ['the default'] : []),
        ...(value === threshold ? ['a false alarm in at most 1 of 100 odd photos'] : []),
      ];
      console.log(`\n${name}, threshold ${value} (${kinds.join('; ')}); ${medianMs(samples)} ms a photo 1920 wide`);
      for (const [half, chosen] of halves(without))
        console.log(`  false alarms, ${half} photos: ${share(alarms(chosen, value), chosen.length)}`);
      console.log(`  false alarms, drawings: ${share(alarms(drawn, value), drawn.length)}`);
      if (faces.length > 0) printRealMasks(faces, value);
    }
  }
  if (lfw.length > 0) {
    console.log('\nLFW, at the default thresholds');
    await printSynthetic(
      opened.map((detector) => ({ ...detector, threshold: detector.usual })),
      lfw,
    );
  }
  for (const { all } of opened) await all.close();
}
