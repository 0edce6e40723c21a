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
import { checkPairs } from '../pairs/list.js';

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
    else if (['distance', 'intervals'].includes(name)) checkFlag(name, value);
    else if (name === 'seed') checkInteger(name, value, 0, Number.MAX_SAFE_INTEGER);
    else if (name === 'rank') checkInteger(name, value, 1, 2 ** 31 - 1);
    else if (name === 'groups' && typeof value !== 'function') throw invalid(name, 'what readGroups gives', value);
}
