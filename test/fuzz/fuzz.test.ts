import test from 'ava';
import { fuzz, kinds } from './fuzz.js';

for (const kind of kinds)
  test.serial(`mutations of ${kind} files end in an error with a code, soon and in little memory`, async (t) => {
    const count = kind === 'hdf5' ? 60 : 300;
    const { counts, failures } = await fuzz(kind, count);
    t.deepEqual(failures, []);
    t.log(counts);
    // Some are read all the same, or nothing has been tried.
    t.true((counts.read ?? 0) > 0 && (counts.read ?? 0) < count);
  });
