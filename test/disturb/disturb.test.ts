import test from 'ava';
import { temporaryFolder } from '../support/files.js';
import { buildFaults, disturb, disturbances, makeSubjects } from './disturb.js';

test('disturbed runs come to what undisturbed ones make (in short; npm run disturb does all)', async (t) => {
  t.timeout(300_000);
  const folder = temporaryFolder(t);
  const subjects = await makeSubjects(folder);
  const faults = buildFaults(folder);
  for (const [i, disturbance] of disturbances.entries())
    for (const [seed, subject] of subjects.entries())
      if (disturbance === 'kill' || seed % 2 === i % 2)
        await t.notThrowsAsync(disturb(subject, disturbance, { folder, seed, faults }));
});
