import type { Measured } from './measured-presets.js';

export const measured: Measured = { date: '', sample: '', command: '', presets: {} };
