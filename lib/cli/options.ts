import { type Command, Option } from 'commander';
import { MaskbenchError } from '../errors.js';

/** The landmark model, for every command that searches faces. */
export const landmarksOption = () =>
  new Option(
    '--landmarks <file>',
    'dlib\'s 68-point shape predictor (default: the environment variable MASKBENCH_LANDMARKS, Debian\'s libdlib-data, or what "models fetch dlib-68" downloaded)',
  );

/**
 * Refuses options that were given but have no effect.
 * @param rules The name of the option among the flags, whether it has an effect, and what it needs to have one.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`
 */
export function refuseIdle(command: Command, rules: [flag: string, hasEffect: boolean, needed: string][]): void {
  for (const [flag, hasEffect, needed] of rules) {
    if (hasEffect || command.getOptionValueSource(flag) !== 'cli') continue;
    const name = command.options.find((option) => option.attributeName() === flag)?.long ?? flag;
    throw new MaskbenchError('INVALID_ARGUMENT', name, `${name} has no effect: it needs ${needed}`);
  }
}
