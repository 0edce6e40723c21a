import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { faceCrops } from '../support/faces.js';
import { maskbench, repository, sha256, temporaryFolder } from '../support/files.js';

test('kernels over rows equal the same functions a pixel or a pair at a time, on every target', (t) => {
  const output = execFileSync(path.join(repository, 'build/Release/kernel_tests'), { encoding: 'utf8' });
  const compared = [...output.matchAll(/^(\w+) on \w+: (\d+) of (\d+) rows differ$/gm)];
  for (const kernel of ['warp', 'shade', 'blend', 'product', 'score'])
    t.true(compared.some(([, name]) => name === kernel));
  for (const [line, , wrong, rows] of compared) {
    t.is(wrong, '0', line);
    t.true(Number(rows) > 1000);
  }
});

test('masks are the same with lesser vector instructions', async (t) => {
  const folder = temporaryFolder(t);
  const photo = path.join(folder, 'face.png');
  writeFileSync(photo, (await faceCrops())[0] as Buffer);
  const hashes = [];
  for (const simd of ['', 'AVX2', 'SSE4']) {
    const out = path.join(folder, `${simd}.png`);
    const run = await maskbench(['mask', photo, '--out', out, '--style', 'n95'], { MASKBENCH_SIMD: simd });
    t.is(run.code, 0, run.stderr);
    hashes.push(sha256(readFileSync(out)));
  }
  t.is(new Set(hashes).size, 1);
});
