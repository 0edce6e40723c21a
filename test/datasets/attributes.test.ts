import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { readGroups } from 'maskbench/metrics';
import { temporaryFolder } from '../support/files.js';

test('T13: the attributes of CelebA are the same in its own form and in Kaggle’s', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('list_attr_celeba.txt'), '2\r\nMale Young \r\n000001.jpg -1  1\r\n000002.jpg  1 -1\r\n');
  writeFileSync(at('list_attr_celeba.csv'), 'image_id,Male,Young\n000001.jpg,-1,1\n000002.jpg,1,-1\n');
  for (const name of ['list_attr_celeba.txt', 'list_attr_celeba.csv']) {
    const attributes = await readGroups(at(name));
    t.deepEqual(attributes('2880/000001.png'), { Male: 'no', Young: 'yes' });
    t.deepEqual(attributes('2937/masked_000002.jpg'), { Male: 'yes', Young: 'no' });
    t.is(attributes('2937/000003.jpg'), undefined);
  }
  writeFileSync(at('bad.csv'), 'image_id,Male,Young\n000001.jpg,-1,1\n000002.jpg,1,\n');
  await t.throwsAsync(readGroups(at('bad.csv')), {
    code: 'UNREADABLE',
    message: /line 3: expected a photo and 2 values/,
  });
});
