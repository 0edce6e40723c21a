import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as binding from '../binding.js';
import { MaskbenchError } from './errors.js';
import { packageRoot } from './package-root.js';

function load(): typeof binding {
  const addon = path.join(packageRoot, 'build/Release/maskbench.node');
  const refuse = (problem: string) => new MaskbenchError('UNAVAILABLE', addon, problem);
  if (!existsSync(addon))
    throw refuse(
      `maskbench's native addon is not built (${addon} is missing); run "npm run build" in ${packageRoot}, on Linux`,
    );
  // Before loading: on a lesser processor the addon's first instructions could already stop the process.
  if (process.arch === 'x64' && !/^flags.* sse4_2( |$)/m.test(readFileSync('/proc/cpuinfo', 'utf8')))
    throw refuse('maskbench needs a processor with SSE4.2, which this one lacks');
  try {
    return createRequire(import.meta.url)(addon) as typeof binding;
  } catch (error) {
    throw refuse(
      `maskbench's native addon cannot be loaded: ${(error as Error).message}; run "npm run build" in ${packageRoot} on this machine`,
    );
  }
}

/** The native addon (see binding.d.ts). */
export const native: typeof binding = load();
