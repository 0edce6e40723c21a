import type { Command } from 'commander';
import { detectCommand } from './detect.js';
import { doctorCommand } from './doctor.js';
import { maskCommand } from './mask.js';

/** Every command of the CLI. */
export const commands: (() => Command)[] = [maskCommand, detectCommand, doctorCommand];
