import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { temporaryFolder } from '../support/files.js';

test('worker threads that write files into one folder at once do not mix them up', async (t) => {
  const folder = temporaryFolder(t);
  const lists = 100;
  const source = `
    import { writePairs } from 'maskbench/datasets';
    import { workerData } from 'node:worker_threads';
    const { folder, name, lists } = workerData;
    const photo = (number) => name + '_' + String(number).padStart(4, '0') + '.jpg';
    for (let i = 0; i < lists; i++)
      await writePairs(folder + '/' + name + i + '.txt', {
        pairs: [
          { reference: photo(1), probe: photo(i + 2), referenceMasked: false, probeMasked: true, genuine: true },
        ],
        separator: ' ',
        lineEnd: '\\n',
      });`;
  const code = source.replaceAll("'maskbench/datasets'", `'${import.meta.resolve('maskbench/datasets')}'`);
  const names = ['Ann', 'Bob', 'Eve'];
  await Promise.all(
    names.map(
      (name) =>
        new Promise((resolve, reject) => {
          const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
          new Worker(url, { workerData: { folder, name, lists } }).once('exit', resolve).once('error', reject);
        }),
    ),
  );
  for (const name of names)
    for (let i = 0; i < lists; i++)
      t.regex(readFileSync(path.join(folder, `${name}${i}.txt`), 'utf8'), new RegExp(`${name}_0001.*${i + 2}`));
});
