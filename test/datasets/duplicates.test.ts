import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { embedFiles } from 'maskbench';
import { findDuplicates, generateCorpora, writeDuplicates } from 'maskbench/datasets';
import { readExcluded, scoreAll } from 'maskbench/metrics';
import sharp from 'sharp';
import { writePhotos } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';

test('equal and nearly equal photos are found under one identity and two, and score-all leaves them out', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writePhotos(at('base/folders'), [{ name: 'p/1.jpg' }, { name: 'q/2.jpg' }, { name: 'r/3.jpg' }]);
  copyFileSync(at('base/folders/p/1.jpg'), at('base/folders/p/copy.jpg'));
  mkdirSync(at('base/folders/s'));
  await sharp(at('base/folders/q/2.jpg')).resize(180).jpeg({ quality: 70 }).toFile(at('base/folders/s/again.jpg'));
  await sharp(at('base/folders/r/3.jpg')).png().toFile(at('base/folders/r/same-pixels.png'));
  await generateCorpora(at('base'), at('out'));
  const corpus = at('out/folders');
  const found = await findDuplicates(corpus);
  t.deepEqual(
    found.map(({ first, second, kind, sameIdentity }) => [first, second, kind, sameIdentity]),
    [
      ['p/1.jpg', 'p/copy.jpg', 'equal', true],
      ['q/2.jpg', 's/again.jpg', 'near', false],
      ['r/3.jpg', 'r/same-pixels.png', 'near', true],
    ],
  );
  const { code, stdout, stderr } = await maskbench(['dataset', 'duplicates', corpus, '--out', at('same.csv')]);
  t.is(code, 0, stderr);
  t.is(stdout, 'equal: 1 pairs under one identity, 0 under two\nnear: 1 pairs under one identity, 1 under two\n');
  const [head, ...lines] = readFileSync(at('same.csv'), 'utf8').trim().split('\n');
  t.is(head, 'probe,reference,kind,distance,identities');
  t.is(lines[0], 'p/1.jpg,p/copy.jpg,equal,0,1');
  t.true(lines.some((line) => line.startsWith('q/masked_2.jpg,s/masked_again.jpg,near,')));
  await embedFiles([corpus], at('v.npy'), { faceSource: 'manifest' });
  const index = at('v.jsonl');
  const all = await scoreAll(at('v.npy'), index);
  const without = await scoreAll(at('v.npy'), index, { exclude: await readExcluded(at('same.csv')) });
  t.is(all.genuine.length - without.genuine.length, 8);
  t.is(all.impostors - without.impostors, 4);
  await t.throwsAsync(writeDuplicates(at('same.csv'), found), { code: 'OUTPUT_EXISTS' });
  await t.throwsAsync(findDuplicates(at('base')), { code: 'NOT_FOUND' });
});
