import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as binding from '../binding.js';
import { MaskbenchError } from './errors.js';
import { packageRoot } from './package-root.js';

const folder = path.join(packageRoot, 'build', 'Release');

function load(): typeof binding {
  const addon = path.join(folder, 'maskbench.node');
  if (!existsSync(addon))
    throw new MaskbenchError(
      'UNAVAILABLE',
      addon,
      `maskbench's native addon is not built (${addon} is missing); run "npm run build" in ${packageRoot}`,
    );
  // Before loading: on a lesser processor the addon's first instructions could already stop the process.
  const { cpu } = JSON.parse(readFileSync(path.join(folder, 'build.json'), 'utf8')) as { cpu: string };
  if (cpu !== 'baseline' && !readFileSync('/proc/cpuinfo', 'utf8').match(new RegExp(`^flags.* ${cpu}( |$)`, 'm')))
    throw new MaskbenchError(
      'UNAVAILABLE',
      addon,
      `maskbench's native addon was built for processors with ${cpu}, which this one lacks; run "npm run build" in ${packageRoot} on this machine`,
    );
  return createRequire(import.meta.url)(addon) as typeof binding;
}

/** The native addon (see binding.d.ts). */
export const native: typeof binding = load();
