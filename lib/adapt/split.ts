import { invalid } from '../errors.js';
import { NamedRandom } from '../random.js';
import type { TwinVectors } from './vectors.js';

/** Three sets of people, by their numbers; no person is in two. */
export interface Split {
  train: ReadonlySet<number>;
  validation: ReadonlySet<number>;
  test: ReadonlySet<number>;
}

export interface SplitOptions {
  /** Shares of the people. */
  validation: number;
  test: number;
  seed: number;
}

/** The people with a masked vector, in random order. Throws `INVALID_ARGUMENT` where there are fewer than six. */
function shuffledPeople({ twins, identities }: TwinVectors, seed: number): number[] {
  const people = new Set(Array.from(twins, (twin) => identities[twin] as number));
  if (people.size < 6)
    throw invalid(
      'vectors',
      'masked twins of at least six people, two for each of training, validation and test',
      `${people.size} people`,
    );
  return new NamedRandom(seed, 'split').shuffled([...people].sort((a, b) => a - b));
}

/** Two people are the fewest that have an impostor pair. */
const atLeastTwo = (share: number, people: number) => Math.max(2, Math.round(share * people));

function divide(people: readonly number[], test: readonly number[], validation: number): Split {
  const tested = new Set(test);
  const others = people.filter((person) => !tested.has(person));
  const validated = new Set(others.slice(0, validation));
  return { test: tested, validation: validated, train: new Set(others.filter((person) => !validated.has(person))) };
}

/** Divides the people into three sets. */
export function splitPeople(vectors: TwinVectors, { validation, test, seed }: SplitOptions): Split {
  const people = shuffledPeople(vectors, seed);
  const tested = people.slice(0, atLeastTwo(test, people.length));
  const split = divide(people, tested, atLeastTwo(validation, people.length));
  if (split.train.size < 2)
    throw invalid(
      'validation, test',
      'shares that leave two people to train on',
      `${validation}, ${test} of ${people.length} people`,
    );
  return split;
}

/** Divides the people into folds, each of which is tested once. */
export function foldPeople(
  vectors: TwinVectors,
  folds: number,
  { validation, seed }: Pick<SplitOptions, 'validation' | 'seed'>,
): Split[] {
  const people = shuffledPeople(vectors, seed);
  if (people.length < 2 * folds) throw invalid('folds', `at most half of the ${people.length} people`, folds);
  return Array.from({ length: folds }, (_, fold) => {
    const tested = people.filter((_, i) => i % folds === fold);
    const split = divide(people, tested, atLeastTwo(validation, people.length));
    if (split.train.size < 2) throw invalid('folds', 'so few that two people are left to train on', folds);
    return split;
  });
}
