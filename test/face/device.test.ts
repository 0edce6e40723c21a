import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { diagnose, Masker, type Problem } from 'maskbench';
import { scoreAll } from 'maskbench/metrics';
import { maskPicture, rawSamples } from '../support/faces.js';
import { maskbench, repository, smallPhoto, temporaryFolder } from '../support/files.js';

const run = (program: string, words: string[]) =>
  execFileSync(path.join(repository, 'build/Release', program), words, { encoding: 'utf8' });

/** What a test without a device must say; with one it is not run. */
const withoutDevice = (await diagnose()).cuda.devices.length === 0 ? test : test.skip;

test('walked grids give the faces, masks, inputs of models and counts of pairs of the CPU; lost devices are told', async (t) => {
  const folder = temporaryFolder(t);
  const [model = '', ...photos] = await rawSamples(folder, 400);
  const cases = path.join(folder, 'cases');
  const words = ['--record', cases, '60', model, await maskPicture(folder), ...photos];
  const output = run('device_tests', words);
  const counts = (pattern: RegExp) => (pattern.exec(output) ?? []).slice(1).map(Number);
  const [wrong, faces = 0] = counts(/^(\d+) of 136 images differ, (\d+) faces, 2 of 2 shortages of memory told$/m);
  const [otherMasks, masks = 0] = counts(/^(\d+) of (\d+) masks differ$/m);
  const [otherInputs, inputs = 0] = counts(/^(\d+) of (\d+) inputs of models differ$/m);
  const [otherCounts, countsOfPairs] = counts(/^(\d+) of (\d+) counts of pairs differ$/m);
  t.deepEqual([wrong, otherMasks, otherInputs, otherCounts, countsOfPairs], [0, 0, 0, 0, 13], output);
  t.true(faces > 8 && masks > 50 && inputs > 80, output);
  t.regex(output, /^0 of 2 losses handled otherwise$/m);
  // What is carried to other machines asks the same.
  const replayed = run('device_replay', [cases]);
  t.regex(replayed, /^0 of 68 photos searched differ/m);
  t.regex(replayed, new RegExp(`^0 of ${masks} masks differ`, 'm'));
  t.regex(replayed, new RegExp(`^0 of ${inputs} inputs of models differ`, 'm'));
  t.regex(replayed, /^0 of 13 counts of pairs differ$/m);
});

withoutDevice(
  'without a device --device cuda ends with one line, auto falls back to the CPU and says so',
  async (t) => {
    const photo = await smallPhoto(t, 2);
    const folder = temporaryFolder(t);
    const [usual, out] = [path.join(folder, 'usual.png'), path.join(folder, 'out.png')];
    t.is((await maskbench(['mask', photo, '--out', usual])).code, 0);
    const refused = await maskbench(['mask', photo, '--out', out, '--device', 'cuda']);
    t.is(refused.code, 1);
    // Not that the module can't be loaded.
    t.regex(
      refused.stderr,
      /^maskbench: cuda:0: (NVIDIA's driver is|(there is|found) no CUDA device|the CUDA module .* is missing).*\n$/,
    );
    const auto = await maskbench(['mask', photo, '--out', out, '--device', 'auto']);
    t.is(auto.code, 0);
    t.regex(auto.stderr, /^cuda:0: .+; falling back to the CPU\n$/);
    t.deepEqual(readFileSync(out), readFileSync(usual));
    await t.throwsAsync(Masker.open({ device: 'cuda:1' }), { code: 'UNAVAILABLE' });
  },
);

withoutDevice('pairs are scored on the CPU where auto finds no device', async (t) => {
  const dimensions = 3;
  const data = Float32Array.from({ length: 20 * dimensions }, (_, i) => Math.sin(i));
  const index = Array.from({ length: 20 }, (_, row) => {
    const photo = `${row}.jpg`;
    return { path: photo, row, identity: `${row % 5}`, photo, masked: false, status: 'embedded' as const };
  });
  const problems: Problem[] = [];
  const usual = await scoreAll({ data, dimensions }, index);
  const options = { device: 'auto', onProblem: (problem: Problem) => problems.push(problem) };
  t.deepEqual(await scoreAll({ data, dimensions }, index, options), usual);
  t.is(problems.length, 1);
  t.regex(problems[0]?.message ?? '', /^cuda:0: /);
  await t.throwsAsync(scoreAll({ data, dimensions }, index, { device: 'cuda' }), { code: 'UNAVAILABLE' });
});

test('bad devices are refused', async (t) => {
  for (const options of [{ device: 'gpu' }, { device: 'cuda:x' }, { device: 'cuda', deviceMemory: 1 }])
    await t.throwsAsync(Masker.open(options), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(Masker.open({ device: 'auto', minFace: 90 }), { code: 'INVALID_ARGUMENT' });
});
