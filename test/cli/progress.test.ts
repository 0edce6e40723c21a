import test from 'ava';
import { Progress } from '../../lib/cli/progress.js';

test('remaining time is estimated from the work, not from what is opened before it', (t) => {
  const written: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = ((text: string) => written.push(text)) as unknown as typeof write;
  try {
    let now = 0;
    const progress = new Progress('photos', () => now);
    // A model that takes a minute to open.
    now = 60_000;
    progress.update(1, 36_001);
    now = 66_000;
    progress.update(61, 36_001);
    now = 72_000;
    progress.update(18_001, 36_001);
  } finally {
    process.stderr.write = write;
  }
  t.deepEqual(written, ['61/36001 photos, 10/s, about 60 min left\n', '18001/36001 photos, 1500/s, about 12 s left\n']);
});
