import fc from 'fast-check';

/** Scores with ties, and labels with at least one of each kind. */
export const labelledScores = fc
  .record({
    genuine: fc.array(fc.integer({ min: -20, max: 40 }), { minLength: 1, maxLength: 60 }),
    impostor: fc.array(fc.integer({ min: -40, max: 20 }), { minLength: 1, maxLength: 60 }),
  })
  .map(({ genuine, impostor }) => ({
    scores: [...genuine, ...impostor].map((score) => score / 8),
    labels: [...genuine.map(() => 1), ...impostor.map(() => 0)],
  }));

/** A stream of uniform numbers in [0, 1), the same for a seed (Park and Miller's generator). */
export function uniform(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Standard normal deviates, by Box and Muller. */
export function normal(next: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}
