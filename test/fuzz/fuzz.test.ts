import test from 'ava';
import { fuzz, kinds } from './fuzz.js';

for (const kind of kinds)
  test.serial(`mutations of ${kind} files end in an error with a code, soon and in little memory`, async (t) => {
    const { counts, failures } = await fuzz(kind, kind === 'hdf5' ? 60 : 300);
    t.deepEqual(failures, []);
    t.true(Object.keys(counts).length > 1, JSON.stringify(counts));
  });
