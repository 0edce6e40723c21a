import {
  checkArray,
  checkFlag,
  checkInteger,
  checkNumbers,
  checkObject,
  checkOptions,
  checkText,
  invalid,
} from '../errors.js';

/** Throws unless `value` is a number; infinities are. */
function checkThreshold(name: string, value: unknown): void {
  if (typeof value !== 'number' || Number.isNaN(value)) throw invalid(name, 'a number', value);
}

/** Throws unless `value` is the scores of a system. */
export function checkSystem(name: string, value: unknown): void {
  const system = checkObject(name, value, "a system's scores: { name, scores, failed }");
  checkText(`${name}.name`, system.name);
  checkNumbers(`${name}.scores`, system.scores);
  if (!(system.failed instanceof Set)) throw invalid(`${name}.failed`, 'a Set of row numbers', system.failed);
  checkFlag(`${name}.distance`, system.distance);
}

/** Throws unless `value` is an array of systems' scores. */
export function checkSystems(value: unknown): void {
  checkArray('systems', value, checkSystem, "an array of systems' scores");
}

/** Throws unless `value` is two photos to compare. */
export function checkPair(name: string, value: unknown): void {
  const pair = checkObject(name, value, 'a pair: { reference, probe, … }');
  checkText(`${name}.reference`, pair.reference);
  checkText(`${name}.probe`, pair.probe);
}

/** Throws unless `value` is an array of pairs. */
export function checkPairs(value: unknown): void {
  checkArray('pairs', value, checkPair, 'an array of pairs');
}

/** Throws unless `value` is what scores are about. */
export function checkComparisons(value: unknown): void {
  const { labels, pairs } = checkObject('comparisons', value, '{ labels, pairs }');
  checkNumbers('labels', labels);
  if (pairs !== undefined) checkPairs(pairs);
}

/** Throws unless those of the options that are there are numbers, lists of them, and flags. */
export function checkMeasuring(options: object): void {
  checkOptions(options);
  for (const [name, value] of Object.entries(options))
    if (value === undefined) continue;
    else if (['fmr', 'fnmr', 'fpir', 'thresholds'].includes(name)) checkNumbers(name, value);
    else if (name === 'threshold' && typeof value === 'object')
      for (const [system, threshold] of Object.entries(checkObject(name, value, 'a number, or one a system')))
        checkThreshold(`${name}.${system}`, threshold);
    else if (['threshold', 'plainFmr', 'prior', 'nonMated'].includes(name)) checkThreshold(name, value);
    else if (name === 'intervals') checkFlag(name, value);
    else if (name === 'seed') checkInteger(name, value, 0, Number.MAX_SAFE_INTEGER);
    else if (name === 'rank') checkInteger(name, value, 1, 2 ** 31 - 1);
    else if (name === 'groups' && typeof value !== 'function') throw invalid(name, 'what readGroups gives', value);
}

/** Throws unless `value` is what scoreAll gives. */
export function checkAllScores(name: string, value: unknown): void {
  const scores = checkObject(name, value, 'what scoreAll gives');
  checkText(`${name}.similarity`, scores.similarity);
  for (const part of [
    'impostor',
    'genuine',
    'genuineProbes',
    'genuineReferences',
    'excluded',
    'bestScores',
    'bestRows',
  ])
    if (!ArrayBuffer.isView(scores[part])) throw invalid(`${name}.${part}`, 'a typed array', scores[part]);
  for (const part of ['probes', 'references', 'identities'])
    if (!Array.isArray(scores[part])) throw invalid(`${name}.${part}`, 'an array', scores[part]);
  checkObject(`${name}.shard`, scores.shard);
}
