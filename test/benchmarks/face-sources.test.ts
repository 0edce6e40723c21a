import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { countAcquisition, embedFiles, type IndexLine, Masker, readIndex } from 'maskbench';
import sharp from 'sharp';
import { faceCrops } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';

const none = { photos: 0, withoutFace: 0, wrongFace: 0, fromManifest: 0, unreadable: 0 };

/** A corpus of three people: the twin of the first shows no face, the second photo has a larger face beside its own. */
async function writeCorpus(t: ExecutionContext): Promise<string> {
  const base = temporaryFolder(t);
  const corpus = path.join(base, 'corpora/hand');
  const crops = await faceCrops();
  const masker = await Masker.open();
  const lines: string[] = [];
  for (const [i, person] of ['p1', 'p2', 'p3'].entries()) {
    const photo = crops[i] as Buffer;
    const { faces } = await masker.detect(photo);
    const { width: side, height } = await sharp(photo).metadata();
    const blank = sharp({ create: { width: side, height, channels: 3, background: '#888' } });
    const twin = i === 0 ? await blank.png().toBuffer() : photo;
    const big = sharp(crops[2] as Buffer).resize(2 * side, 2 * side, { fit: 'fill' });
    const pair = sharp({ create: { width: 3 * side, height: 2 * side, channels: 3, background: '#888' } }).composite([
      { input: photo, left: 0, top: 0 },
      { input: await big.toBuffer(), left: side, top: 0 },
    ]);
    mkdirSync(path.join(corpus, person), { recursive: true });
    writeFileSync(path.join(corpus, person, '1.png'), i === 1 ? await pair.png().toBuffer() : photo);
    writeFileSync(path.join(corpus, person, 'masked_1.png'), twin);
    // The second one's are a little off, so that its vector is another than with the face that is found.
    const landmarks = faces[0]?.landmarks.map(([x, y]) => [x + (i === 1 ? 4 : 0), y]);
    lines.push(
      JSON.stringify({
        ...{ input: `${person}/1.png`, identity: person, output: `${person}/masked_1.png`, copy: `${person}/1.png` },
        ...{ status: 'masked', faces: [{ ...faces[0], landmarks, masked: true, style: 'a' }] },
        ...{ seed: 0, settings: '' },
      }),
    );
  }
  await masker.close();
  writeFileSync(path.join(corpus, 'manifest.jsonl'), `${lines.join('\n')}\n`);
  writeFileSync(
    path.join(corpus, 'dataset.json'),
    JSON.stringify({ layout: 'folders', title: '', terms: '', maskbench: '', options: {}, complete: true }),
  );
  mkdirSync(path.join(base, 'lists'));
  const pairs = ['p1', 'p2', 'p3'].flatMap((a) =>
    ['p1', 'p2', 'p3'].map((b) => `./${a}/1.png ./${b}/masked_1.png 0 1 ${Number(a === b)}`),
  );
  writeFileSync(path.join(base, 'lists/hand.txt'), `${pairs.join('\n')}\n`);
  return base;
}

test('an index says what searched, where it found no face, and where it found another', async (t) => {
  const base = await writeCorpus(t);
  const at = (name: string) => path.join(base, name);
  const { counts, acquisition } = await embedFiles([at('corpora/hand')], at('v.npy'), {
    ...{ detector: 'hog', faceSource: 'search' },
  });
  t.deepEqual(counts, { plain: { detected: 3 }, masked: { detected: 2, 'no-face': 1 } });
  const expected = [
    {
      detector: 'hog',
      plain: { ...none, photos: 3 },
      masked: { ...none, photos: 3, withoutFace: 1 },
    },
  ];
  t.deepEqual(acquisition, expected);
  const index = await readIndex(at('v.jsonl'));
  t.deepEqual(countAcquisition(index), expected);
  t.true(index.every(({ detector }) => detector === 'hog'));
  // The manifest's face takes the place of one that was not found, and still counts as not found.
  const auto = await embedFiles([at('corpora/hand')], at('auto.npy'), { detector: 'hog' });
  t.deepEqual(auto.acquisition[0]?.masked, { ...none, photos: 3, withoutFace: 1, fromManifest: 1 });
  const manifest = await embedFiles([at('corpora/hand')], at('m.npy'), { detector: 'hog', faceSource: 'manifest' });
  const all = { ...none, photos: 3, fromManifest: 3 };
  t.deepEqual(manifest.acquisition, [{ detector: 'none', plain: all, masked: all }]);

  const { code, stdout } = await maskbench(['dataset', 'summary', at('corpora'), '--index', at('v.jsonl')]);
  t.is(code, 0);
  t.regex(stdout, /v\.jsonl +hog +3\/3 +0\/1 +0\.00%\/33\.33% +0\/0 +0\/0 +0\/0/);
  const json = await maskbench(['dataset', 'summary', at('corpora'), '--json', '--index', at('v.jsonl')]);
  t.deepEqual(JSON.parse(json.stdout).acquisition, [{ index: at('v.jsonl'), ...expected[0] }]);
  const missing = await maskbench(['dataset', 'summary', at('corpora'), '--index', at('w.jsonl')]);
  t.is(missing.code, 1);
  t.regex(missing.stderr, /w\.jsonl/);
});

test('every photo counts once', (t) => {
  const line = fc.record({
    masked: fc.boolean(),
    status: fc.constantFrom(
      'detected',
      'manifest',
      'crop',
      'whole',
      'no-face',
      'wrong-face',
      'unreadable',
      'too-large',
    ),
    detector: fc.constantFrom('hog', 'x'),
  }) as fc.Arbitrary<Pick<IndexLine, 'masked' | 'status' | 'detector'>>;
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const counted = countAcquisition(lines).flatMap(({ plain, masked }) => [plain, masked]);
      t.is(
        counted.reduce((sum, { photos, unreadable }) => sum + photos + unreadable, 0),
        lines.length,
      );
      t.true(counted.every(({ photos, withoutFace }) => withoutFace <= photos));
    }),
  );
});

test('both photos of a comparison get their faces in one way, and compare shows what the other changes', async (t) => {
  const base = await writeCorpus(t);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await maskbench([
      ...['benchmark', 'models', '--models', 'dlib-resnet-128', '--base', path.join(base, 'corpora')],
      ...['--pairs', path.join(base, 'lists'), '--draws', '20', ...args],
    ]);
    t.is(code, 0, stderr);
    return stdout;
  };
  const out = (name: string) => path.join(base, name);
  const auto = await run('--out', out('auto'));
  t.regex(auto, /both photos of 3 comparisons are cut by the manifest's faces/);
  t.regex(auto, /dlib-resnet-128 +hand +hog +3\/3 +0\/1 +0\.00%\/33\.33%/);
  const compared = await run('--out', out('compare'), '--face-source', 'compare');
  t.regex(compared, /dlib-resnet-128, hand: 3 comparisons without a template/);
  t.regex(compared, /genuine plain–masked +2 /);
  t.regex(compared, /Error rates, plain–masked[^\n]*\n[^\n]*ratio[^\n]*\nEER, 2 genuine comparisons/);
  const page = readFileSync(out('compare/report.html'), 'utf8');
  t.regex(page, /Photos without a face[\s\S]*FTE references/);
  const json = JSON.parse(await run('--out', out('json'), '--face-source', 'compare', '--json'));
  const [comparison] = json.faceSources;
  t.deepEqual(
    comparison.moves.map(({ comparisons, count }: { comparisons: string; count: number }) => [comparisons, count]),
    [
      ['genuine plain–masked', 2],
      ['impostor plain–masked', 4],
    ],
  );
  const [{ kind, common, own }, ...others] = comparison.rates;
  t.deepEqual([kind, others], ['plain–masked', []]);
  t.deepEqual([common.genuine, common.impostor, common.differences.length], [3, 6, 1]);
  t.deepEqual(
    own.systems.map(({ failed }: { failed: object }) => failed),
    [
      { genuine: 0, impostor: 0 },
      { genuine: 1, impostor: 2 },
    ],
  );
  const unknown = await maskbench([
    ...['benchmark', 'models', '--models', 'dlib-resnet-128', '--base', path.join(base, 'corpora')],
    ...['--pairs', path.join(base, 'lists'), '--out', out('unknown'), '--detector', 'nothing'],
  ]);
  t.not(unknown.code, 0);
  t.regex(unknown.stderr, /expected one of .*blazeface-full-range.* for detector/);
  // A photo and its twin are the same picture here, so only scores of different people change.
  t.true(comparison.moves[1].deviation > 0);
});
