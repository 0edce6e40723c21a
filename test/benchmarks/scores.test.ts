import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { benchmarkScores } from 'maskbench/report';
import { shared, temporaryFolder } from '../support/files.js';

const data = path.join(shared, 'paper');
const withPaper = existsSync(data) ? test : test.skip;

withPaper('every published number that the score files hold is regenerated', async (t) => {
  const { tables } = await benchmarkScores(data);
  t.deepEqual(
    Object.fromEntries(tables.map(({ name, counts }) => [name, [counts.equal, counts.different, counts.missing]])),
    {
      'benchmark-1': [18, 6, 11],
      'benchmark-2': [36, 0, 13],
      overall: [12, 0, 16],
      fnmr1000: [36, 0, 6],
      fnmr0: [36, 0, 6],
      'pairs-1000': [36, 0, 13],
    },
  );
  const [first] = tables;
  const different = first?.rows.flatMap(({ cells }) =>
    cells.flatMap((cell, i) => (cell.equal === false ? [first.columns[i]] : [])),
  );
  t.deepEqual(new Set(different), new Set(['SENET']));
  const house = first?.rows.find(({ dataSet }) => dataSet === 'in_house_dataset')?.cells[1];
  t.deepEqual([house?.published, house?.value?.toFixed(3), house?.equal], ['0.244', '0.244', true]);
  const video = first?.rows.find(({ dataSet }) => dataSet === 'youtube_faces')?.cells;
  t.true(video?.every(({ missing }) => missing === 'its pair list was not published'));
});

withPaper('lists and scores that do not fit are refused by name', async (t) => {
  const copy = path.join(temporaryFolder(t), 'paper');
  cpSync(data, copy, { recursive: true });
  const scores = path.join(copy, 'benchmark_data/experiment_2/CP1/score_lfw.txt');
  writeFileSync(scores, '0.5\nbad\n');
  await t.throwsAsync(benchmarkScores(copy), { code: 'UNREADABLE', message: /score_lfw\.txt, line 2/ });
  writeFileSync(scores, '0.5\n0.25\n');
  await t.throwsAsync(benchmarkScores(copy), { message: /lfw: 2 scores for 1001 pairs|lfw: 1001 scores for 2 pairs/ });
  cpSync(path.join(data, 'benchmark_data/experiment_2/CP1/score_lfw.txt'), scores);
  const list = path.join(copy, 'training_pairs_data/georgia_tech/evaluation_georgia_tech.txt');
  writeFileSync(list, './a/1.jpg ./a/masked_2.jpg 0 1 1\n');
  await t.throwsAsync(benchmarkScores(copy), {
    message: /landmark_evaluation_input_georgia_tech\.txt, line 1: not found in/,
  });
  rmSync(path.join(copy, 'benchmark_data'), { recursive: true });
  await t.throwsAsync(benchmarkScores(copy), { code: 'NOT_FOUND', message: /benchmark_data/ });
});
