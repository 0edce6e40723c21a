/**
 * The whole disturbance test: 200 runs that are killed and 100 of each other kind, over mask, generate, embed and score-all. Prints counts,
 * and each run that did not come right; `npm run disturb -- 0.1` does a tenth.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildFaults, disturb, disturbances, makeSubjects } from './disturb.js';

const share = Number(process.argv[2] ?? 1);
const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-disturb-'));
const subjects = await makeSubjects(folder);
const faults = buildFaults(folder);
let wrong = 0;
for (const disturbance of disturbances) {
  const runs = Math.ceil((disturbance === 'kill' ? 200 : 100) * share);
  const start = performance.now();
  const before = wrong;
  for (let seed = 0; seed < runs; seed++) {
    const subject = subjects[seed % subjects.length] as (typeof subjects)[number];
    await disturb(subject, disturbance, { folder, seed, faults }).catch((error) => {
      wrong++;
      console.log(String(error));
    });
  }
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(`${disturbance}: ${runs} runs, ${wrong - before} wrong (${seconds} s)`);
}
rmSync(folder, { recursive: true });
process.exitCode = wrong > 0 ? 1 : 0;
