import { MaskbenchError } from '../errors.js';
import { isGenuine, type Pair, pairPath } from '../pairs/list.js';
import type { SystemScores } from './score-files.js';

/** The comparisons that scores belong to. */
export interface Comparisons {
  /** 1 genuine, 0 impostor; one for each comparison. */
  labels: Uint8Array;
  /** The compared photos, if a pair list names them. Identities are taken from their names. */
  pairs?: readonly Pair[];
  /** Where these were read, for errors. */
  sources?: { labels?: string; pairs?: string };
}

const kinds = ['impostor', 'genuine'];

/** Row `row` of a system, as a person finds it. */
function place({ name, file, lines }: SystemScores, row: number): string {
  return lines ? `${file}, line ${lines[row]}` : `${name}, row ${row}`;
}

function refuse(subject: string, message: string): never {
  throw new MaskbenchError('INVALID_ARGUMENT', subject, message);
}

/**
 * What sources say of the same comparisons: labels, photos, and how many there are. Throws `INVALID_ARGUMENT` where two
 * disagree.
 */
export function checkAgreement(systems: readonly SystemScores[], { labels, pairs, sources }: Comparisons): void {
  const labelsFrom = sources?.labels ?? 'labels';
  const pairsFrom = sources?.pairs ?? 'pairs';
  const wrong = labels.findIndex((label) => label !== 0 && label !== 1);
  if (wrong >= 0) refuse(labelsFrom, `${labelsFrom}: label ${wrong + 1} is ${labels[wrong]}, expected 0 or 1`);
  if (pairs && pairs.length !== labels.length)
    refuse(pairsFrom, `${pairsFrom}: ${pairs.length} pairs for ${labels.length} labels`);
  for (let i = 0; i < (pairs?.length ?? 0); i++) {
    const pair = pairs?.[i] as Pair;
    const genuine = isGenuine(pair);
    if (Number(genuine) !== labels[i])
      refuse(
        labelsFrom,
        `${labelsFrom}, label ${i + 1}: says ${kinds[labels[i] as number]}; ${pairsFrom}, pair ${i + 1}: says ${kinds[Number(genuine)]}${pair.genuine === undefined ? ' by its names' : ''}`,
      );
  }
  const seen = new Set<string>();
  for (const system of systems) {
    const { name, scores, failed, dropped } = system;
    if (seen.has(name)) refuse(name, `expected systems of different names, found two named ${name}`);
    seen.add(name);
    if (scores.length !== labels.length)
      refuse(name, `${name}: ${scores.length} scores for ${labels.length} comparisons`);
    for (const row of [...failed, ...(dropped ?? [])])
      if (!(Number.isInteger(row) && row >= 0 && row < scores.length))
        refuse(name, `${name}: expected failed rows from 0 to ${scores.length - 1}, found ${row}`);
    for (const side of ['reference', 'probe'] as const) {
      const own = system[`${side}s`];
      const first = pairs ? undefined : systems.find((other) => other[`${side}s`]);
      for (let i = 0; own && i < own.length; i++) {
        const mine = own[i] as string;
        const other = (pairs ? pairs[i]?.[side] : first?.[`${side}s`]?.[i]) as string;
        if (mine !== other && pairPath(mine) !== pairPath(other))
          refuse(
            system.file ?? name,
            `${place(system, i)}: names ${mine}, but ${first ? place(first, i) : `${pairsFrom}, pair ${i + 1}`} names ${other}: they are in another order`,
          );
      }
    }
    const stated = system.labels;
    for (let i = 0; stated && i < stated.length; i++)
      if (stated[i] !== labels[i])
        refuse(
          system.file ?? name,
          `${place(system, i)}: says ${kinds[stated[i] as number]}; ${labelsFrom}, label ${i + 1}: says ${kinds[labels[i] as number]}`,
        );
  }
}
