import type { Command } from 'commander';
import { MaskbenchError } from '../errors.js';

/**
 * Refuses options that were given but have no effect.
 * @param rules The option as the command's flags name it, whether it has an effect, and what it would need for one.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`
 */
export function refuseIdle(command: Command, rules: [flag: string, hasEffect: boolean, needed: string][]): void {
  for (const [flag, hasEffect, needed] of rules) {
    if (hasEffect || command.getOptionValueSource(flag) !== 'cli') continue;
    const name = command.options.find((option) => option.attributeName() === flag)?.long ?? flag;
    throw new MaskbenchError('INVALID_ARGUMENT', name, `${name} has no effect: it needs ${needed}`);
  }
}
