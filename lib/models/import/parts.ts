import { invalid, MaskbenchError } from '../../errors.js';
import type { StoredTensor } from '../weights.js';
import { topLevel } from './torch.js';

type Tensors = Map<string, StoredTensor>;
type Shapes = Map<string, number[]>;

/** A network in a checkpoint: tensors of one dictionary whose names begin alike. */
interface Part {
  /** As it is asked for: the dictionary's place and the prefix. */
  name: string;
  prefix: string;
  all: Tensors;
  /** The first name that the network needs and that is missing or has another shape. */
  lacks: string | undefined;
}

/** Prefixes are as many as blocks in a network; a file that has more is not one of weights. */
const mostPrefixes = 200;

function fits({ all, prefix }: Pick<Part, 'all' | 'prefix'>, [name, shape]: [string, number[]]): boolean {
  const found = all.get(prefix + name)?.shape;
  return found?.length === shape.length && shape.every((size, i) => size === -1 || size === found[i]);
}

/** Where networks may lie: in each dictionary at every name that ends as the network's first does. */
function partsOf(dictionaries: Map<string, Tensors>, needed: Shapes): Part[] {
  const [first = ''] = needed.keys();
  return [...dictionaries].flatMap(([place, all]) => {
    const prefixes = [...all.keys()]
      .filter((key) => key === first || key.endsWith(`.${first}`))
      .map((key) => key.slice(0, key.length - first.length))
      .sort((a, b) => a.length - b.length)
      .slice(0, mostPrefixes);
    // A dictionary without that name is a part too, so that what it lacks can be said.
    return (prefixes.length > 0 ? prefixes : ['']).map((prefix) => {
      const name = [
        ...(place === topLevel && prefix !== '' ? [] : [place]),
        ...(prefix === '' ? [] : [prefix.slice(0, -1)]),
      ];
      const lacks = [...needed].find((entry) => !fits({ all, prefix }, entry))?.[0];
      return { name: name.join('/'), prefix, all, lacks };
    });
  });
}

/** The tensors by their names in the network; those of others keep their own. */
function tensorsOf({ prefix, all }: Part): Tensors {
  return new Map([...all].map(([key, tensor]) => [key.startsWith(prefix) ? key.slice(prefix.length) : key, tensor]));
}

/**
 * The tensors of the one complete network of a checkpoint. Whatever comes before every name of it is taken off:
 * `module.`, `_orig_mod.`, `model.`, `backbone.`.
 * @param dictionaries By their place in the checkpoint.
 * @param needed The shapes of what the network is built from, by name.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`: there are several, or none of that name; `MODEL_CORRUPT`: none of
 * several is one
 */
export function choosePart(
  dictionaries: Map<string, Tensors>,
  needed: Shapes,
  { file, arch, part }: { file: string; arch: string; part: string | undefined },
): Tensors {
  const parts = partsOf(dictionaries, needed);
  const complete = parts.filter(({ lacks }) => lacks === undefined);
  const choices = complete.length > 0 ? complete : parts;
  const names = choices.map(({ name }) => name).join(', ');
  if (part !== undefined) {
    const chosen = choices.find(({ name }) => name === part);
    if (!chosen) throw invalid('part', `one of ${names}`, part);
    return tensorsOf(chosen);
  }
  const [only, second] = complete;
  if (only && !second) return tensorsOf(only);
  // Contrastive training keeps a slow copy of the encoder beside it; the paper takes the encoder of queries.
  const queries = complete.find(({ prefix }) => prefix.endsWith('encoder_q.'));
  if (queries && complete.every(({ prefix }) => /encoder_[qk]\.$/.test(prefix))) return tensorsOf(queries);
  if (only)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'part',
      `${file}: holds ${complete.length} complete networks of ${arch}: ${names}; expected part to be one of them`,
    );
  const found = (one: Part) => [...needed].filter((entry) => fits(one, entry)).length;
  const [best] = parts.map((one) => ({ one, found: found(one) })).sort((a, b) => b.found - a.found);
  // What is lacking is then said as it is asked for.
  if (best && (parts.length === 1 || best.found > 0)) return tensorsOf(best.one);
  const described = parts.slice(0, 5).map(({ name, all, lacks }) => `${name} (${all.size} tensors) has no ${lacks}`);
  throw new MaskbenchError(
    'MODEL_CORRUPT',
    file,
    `${file}: holds no ${arch}: ${described.join('; ')}${parts.length > 5 ? `; and ${parts.length - 5} more` : ''}`,
  );
}
