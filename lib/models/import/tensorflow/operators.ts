import { elementwise } from './elementwise.js';
import type { Build } from './inputs.js';
import { shapes } from './shapes.js';
import { windows } from './windows.js';

/** The operators that can be converted, by TFLite's names. */
export const operators: Record<string, Build> = { ...elementwise, ...windows, ...shapes };
