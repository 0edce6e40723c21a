import { MaskbenchError } from '../errors.js';
import { isGenuine, type Pair, pairPath } from '../pairs/list.js';
import type { SystemScores } from './score-files.js';

/** What the scores are about. */
export interface Comparisons {
  /** 1 genuine, 0 impostor; one for each comparison. */
  labels: Uint8Array;
  /** The photos compared, where a pair list tells; identities are taken from their names. */
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

/** What sources say of the same comparisons: labels, photos, and how many there are. Throws `INVALID_ARGUMENT` where two disagree. */
export function checkAgreement(systems: readonly SystemScores[], { labels, pairs, sources }: Comparisons): void {
  const labelsFrom = sources?.labels ?? 'labels';
  const pairsFrom = sources?.pairs ?? 'pairs';
  const wrong = labels.findIndex((label) => label !== 0 && label !== 1);
  if (wrong >= 0) refuse(labelsFrom, `${labelsFrom}: label ${wrong + 1} is ${labels[wrong]}, expected 0 or 1`);
  if (pairs && pairs.length !== labels.length)
    refuse(pairsFrom, `${pairsFrom}: ${pairs.length} pairs for ${labels.length} labels`);
  for (const [i, pair] of pairs?.entries() ?? []) {
    const genuine = isGenuine(pair);
    if (Number(genuine) !== labels[i])
      refuse(
        labelsFrom,
        `${labelsFrom}, label ${i + 1}: says ${kinds[labels[i] as number]}; ${pairsFrom}, pair ${i + 1}: says ${kinds[Number(genuine)]}${pair.genuine === undefined ? ' by its names' : ''}`,
      );
  }
  const named = pairs ? undefined : systems.find(({ names }) => names);
  const seen = new Set<string>();
  for (const system of systems) {
    const { name, scores, failed, dropped } = system;
    if (seen.has(name)) refuse(name, `expected systems of different names, found two named ${name}`);
    seen.add(name);
    if (scores.length !== labels.length)
      refuse(name, `${name}: ${scores.length} scores for ${labels.length} comparisons`);
    for (const row of [...failed, ...(dropped ?? [])])
      if (!(Number.isInteger(row) && row >= 0 && row < scores.length))
        refuse(name, `${name}: row ${row} is said to have failed, there are ${scores.length} (rows count from 0)`);
    for (const [i, names] of system.names?.entries() ?? [])
      for (const side of ['reference', 'probe'] as const) {
        const other = pairs ? pairs[i]?.[side] : named?.names?.[i]?.[side];
        const own = names[side];
        if (own !== undefined && other !== undefined && pairPath(own) !== pairPath(other))
          refuse(
            system.file ?? name,
            `${place(system, i)}: is about ${own}; ${named ? place(named, i) : `${pairsFrom}, pair ${i + 1}`}: about ${other}: another order`,
          );
      }
    for (const [i, label] of system.labels?.entries() ?? [])
      if (label !== labels[i])
        refuse(
          system.file ?? name,
          `${place(system, i)}: says ${kinds[label]}; ${labelsFrom}, label ${i + 1}: says ${kinds[labels[i] as number]}`,
        );
  }
}
