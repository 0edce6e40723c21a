import test from 'ava';
import { Progress } from '../../lib/cli/progress.js';

/** What a Progress writes while `use` updates it, with a clock that `use` sets. */
function written(use: (progress: Progress, clock: { now: number }) => void): string[] {
  const lines: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = ((text: string) => lines.push(text)) as unknown as typeof write;
  try {
    const clock = { now: 0 };
    use(new Progress('photos', () => clock.now), clock);
  } finally {
    process.stderr.write = write;
  }
  return lines;
}

test('remaining time is estimated from the work, not from what is opened before it', (t) => {
  const lines = written((progress, clock) => {
    // A model that takes a minute to open.
    clock.now = 60_000;
    progress.update(1, 36_001);
    clock.now = 66_000;
    progress.update(61, 36_001);
    clock.now = 72_000;
    progress.update(18_001, 36_001);
  });
  t.deepEqual(lines, ['61/36001 photos, 10/s, about 60 min left\n', '18001/36001 photos, 1500/s, about 12 s left\n']);
});

test('no total and no remaining time are shown where the total is unknown', (t) => {
  const lines = written((progress, clock) => {
    clock.now = 1000;
    progress.update(1, Number.MAX_SAFE_INTEGER);
    clock.now = 7000;
    progress.update(61, Number.MAX_SAFE_INTEGER);
  });
  t.deepEqual(lines, ['61 photos, 10/s\n']);
});
