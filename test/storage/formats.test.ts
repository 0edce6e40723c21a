import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { readManifest } from 'maskbench';
import { readVerificationSet, writeVerificationSet } from 'maskbench/datasets';
import { readScores } from 'maskbench/metrics';
import { openSink, openSource, type Sink, type StoredPhoto } from 'maskbench/storage';
import sharp from 'sharp';
import { faceCrops } from '../support/faces.js';
import { hasShared, maskbench, shared, temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

/** Two photos of each person: of the sample photos, and where they are there of the golden ones. */
async function peoplesPhotos(): Promise<Buffer[]> {
  const golden = ['lfw_000.jpg', 'lfw_004.jpg', 'lfw_009.jpg', 'celeba_000.png', 'celeba_008.png', 'odd_rgba.png'];
  const crops = (await faceCrops()).slice(0, -1);
  const first = [
    ...(await Promise.all(
      [...crops, ...crops].map((crop, i) =>
        sharp(crop)
          .resize(250)
          .flop(i >= crops.length)
          .jpeg({ quality: 95 })
          .toBuffer(),
      ),
    )),
    ...(hasShared ? golden.map((name) => readFileSync(path.join(shared, 'golden/images', name))) : []),
  ];
  const second = await Promise.all(first.map((photo) => sharp(photo).modulate({ brightness: 0.9 }).toBuffer()));
  return first.flatMap((photo, i) => [photo, second[i] as Buffer]);
}

/** A plain photo and the masked twin of another, by their numbers. */
interface MixedPair {
  reference: number;
  probe: number;
  genuine: boolean;
}

test('a .rec, a .bin, tars and a folder of the same photos give the same pixels, scores and reports', async (t) => {
  t.timeout(600_000);
  const folder = temporaryFolder(t);
  const at = (...names: string[]) => path.join(folder, ...names);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await maskbench(args);
    t.is(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  };
  const photos = await peoplesPhotos();
  const names: string[] = await Promise.all(
    photos.map(async (photo, i) => `p${i >> 1}/${i}.${(await sharp(photo).metadata()).format}`),
  );
  // Each person's two photos, and one of each with the next one's.
  const pairs: MixedPair[] = [
    ...photos.flatMap((_, i) => (i % 2 === 0 ? [{ reference: i, probe: i + 1, genuine: true }] : [])),
    ...photos.flatMap((_, i) =>
      i % 2 === 0 ? [{ reference: i, probe: (i + 3) % photos.length, genuine: false }] : [],
    ),
  ];
  for (const [i, name] of names.entries()) {
    mkdirSync(path.dirname(at('files', name)), { recursive: true });
    writeFileSync(at('files', name), photos[i] as Buffer);
  }
  for (const name of ['rec/faces.rec', 'tars/000000.tar', 'tars/000001.tar']) {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    const sink = (await openSink(at(name), [])) as Sink;
    await sink.open();
    for (const [i, photo] of photos.entries())
      if (name.endsWith('.rec') || i % 2 === Number(name.includes('1.tar')))
        sink.put({ key: name.endsWith('.rec') ? String(i) : (names[i] as string), labels: [i >> 1] }, photo);
    await sink.finish();
    await sink.close();
  }
  const images = pairs.flatMap(({ reference, probe }) => [photos[reference], photos[probe]] as [Buffer, Buffer]);
  await writeVerificationSet(at('faces.bin'), { images, genuine: pairs.map(({ genuine }) => genuine) });
  const model = await writeModel(folder, 'model');
  writeFileSync(at('model.json'), JSON.stringify(describeModel()));

  const masks = ['--style', 'f', '--color', 'lightblue'];
  await run('mask', at('files'), '--out', at('twins'), ...masks);
  await run('mask', at('rec/faces.rec'), '--out', at('rec-out/faces.rec'), '--contents', 'both', ...masks);
  await run('mask', at('tars'), '--out', at('tars-out'), '--contents', 'both', ...masks);
  await run('mask', at('faces.bin'), '--out', at('bin-out/faces.bin'), ...masks);

  // Pixels.
  const twinOf = (i: number) => String(names[i]).replace('/', '/masked_');
  const twins = photos.map((_, i) => readFileSync(at('twins', twinOf(i))));
  const stored = async (input: string): Promise<StoredPhoto[]> => {
    const all: StoredPhoto[] = [];
    for await (const group of (await openSource([input])).photos(0)) all.push(...group);
    return all;
  };
  // What a photo and its twin are called in the output, by the photo's number.
  const places = async (output: string, numberOf: (input: string, i: number) => number) => {
    const found: { copy: string; output: string }[] = [];
    let i = 0;
    for await (const line of readManifest(at(output, 'manifest.jsonl'))) {
      t.is(line.status, 'masked', line.input);
      found[numberOf(line.input, i++)] = line as { copy: string; output: string };
    }
    return found;
  };
  const inRecord = await places('rec-out', (_, i) => i);
  const inTars = await places('tars-out', (input) => Number(path.parse(input).name));
  const records = new Map((await stored(at('rec-out/faces.rec'))).map(({ key, input }) => [key, input]));
  const members = new Map<string, Uint8Array>(
    (await stored(at('tars-out'))).flatMap(({ sample }) =>
      (sample?.members ?? []).map(({ name, data }) => [`${sample?.tar}/${name}`, data] as const),
    ),
  );
  for (const [i, twin] of twins.entries()) {
    t.deepEqual(records.get(inRecord[i]?.copy as string), photos[i]);
    t.deepEqual(records.get(inRecord[i]?.output as string), twin, `record ${i}`);
    t.deepEqual(members.get(inTars[i]?.output as string), twin, `member ${i}`);
  }
  const set = await readVerificationSet(at('bin-out/faces.bin'));
  for (const [k, { reference, probe }] of pairs.entries()) {
    t.deepEqual(set.images[2 * k], photos[reference]);
    t.deepEqual(set.images[2 * k + 1], twins[probe], `image ${2 * k + 1}`);
  }

  // Vectors, scores and reports.
  const listOf = (nameOf: (i: number, masked: boolean) => string) =>
    pairs
      .map(
        ({ reference, probe, genuine }) =>
          `${nameOf(reference, false)} ${nameOf(probe, true)} 0 1 ${Number(genuine)}\n`,
      )
      .join('');
  const inputs: Record<string, [inputs: string[], list: string | undefined]> = {
    files: [[at('files'), at('twins')], listOf((i, masked) => (masked ? twinOf(i) : (names[i] as string)))],
    rec: [
      [at('rec-out/faces.rec')],
      listOf((i, masked) => (masked ? inRecord[i]?.output : inRecord[i]?.copy) as string),
    ],
    tars: [[at('tars-out')], listOf((i, masked) => (masked ? inTars[i]?.output : inTars[i]?.copy) as string)],
    bin: [[at('bin-out/faces.bin')], undefined],
  };
  const results: Record<string, { scores: unknown; measures: unknown }> = {};
  for (const [name, [sources, list]] of Object.entries(inputs)) {
    const listFile = list === undefined ? (sources[0] as string) : at(`${name}.txt`);
    if (list !== undefined) writeFileSync(listFile, list);
    const vectors = at(`${name}.npy`);
    await run('embed', ...sources, '--model', model, '--out', vectors);
    await run('score', '--vectors', vectors, '--pairs', listFile, '--out', at(`${name}.csv`));
    const report = at(`${name}-report`);
    const evaluated = await run(
      ...['evaluate', '--vectors', vectors, '--pairs', listFile, '--protocol', 'insightface'],
      ...['--draws', '0', '--out', report, '--json'],
    );
    t.true(existsSync(path.join(report, 'report.html')), name);
    const { genuine, impostor, measures, folds, fnmrAtFmr } = JSON.parse(evaluated).systems[0];
    t.is(genuine, photos.length / 2);
    t.is(impostor, photos.length / 2);
    const { scores } = await readScores(at(`${name}.csv`));
    results[name] = { scores: [...scores], measures: { measures, folds, fnmrAtFmr } };
  }
  for (const name of ['rec', 'tars', 'bin']) t.deepEqual(results[name], results.files, name);
});
