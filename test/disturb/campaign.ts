/**
 * The whole disturbance test: 200 runs that are killed and 100 of each other kind, over mask, generate, embed and
 * score-all; two one after the other, then one in peace. Prints counts, and each that did not come right; `npm run
 * disturb -- 0.1 kill pipe` does a tenth of two kinds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildFaults, disturb, disturbances, makeSubjects } from './disturb.js';

const [share = '1', ...kinds] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-disturb-'));
const subjects = await makeSubjects(folder);
const faults = buildFaults(folder);
let wrong = 0;
for (const disturbance of disturbances) {
  if (kinds.length > 0 && !kinds.includes(disturbance)) continue;
  const runs = 2 * Math.ceil((disturbance === 'kill' ? 100 : 50) * Number(share));
  const start = performance.now();
  const before = wrong;
  for (let seed = 0; seed < runs / 2; seed++) {
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
