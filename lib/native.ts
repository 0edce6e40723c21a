import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as binding from '../binding.js';
import { MaskbenchError } from './errors.js';
import { packageRoot } from './package-root.js';

const require = createRequire(import.meta.url);
const { version, prebuilt } = require('../package.json') as { version: string; prebuilt: Record<string, string> };
const platform = `${process.platform}-${process.arch}`;

/** Where the addon may be, in the order in which places are tried; and what was looked for in vain. */
function findAddon(): { file?: string; tried: string[] } {
  const tried: string[] = [];
  const name = prebuilt[platform];
  if (name !== undefined) {
    try {
      const found = require(`${name}/package.json`) as { version: string };
      if (found.version === version) return { file: require.resolve(`${name}/maskbench.node`), tried };
      tried.push(`${name} is of version ${found.version}, not ${version}`);
    } catch {
      tried.push(`the package ${name} is not installed`);
    }
  } else tried.push(`there are packages for ${Object.keys(prebuilt).join(' and ')} only`);
  const local = path.join(packageRoot, 'build/Release/maskbench.node');
  if (existsSync(local)) return { file: local, tried };
  tried.push(`${local} is missing`);
  return { tried };
}

function findOrThrow(): string {
  const { file, tried } = findAddon();
  if (file === undefined)
    throw new MaskbenchError(
      'UNAVAILABLE',
      platform,
      `maskbench has no native addon for ${platform}: ${tried.join('; ')}. Run "npm run build" in the package's folder, on Linux.`,
    );
  return file;
}

function load(file: string): typeof binding {
  // Before loading: on a lesser processor the addon's first instructions could already stop the process.
  if (process.arch === 'x64' && !/^flags.* sse4_2( |$)/m.test(readFileSync('/proc/cpuinfo', 'utf8')))
    throw new MaskbenchError('UNAVAILABLE', file, 'maskbench needs a processor with SSE4.2, which this one lacks');
  try {
    return require(file) as typeof binding;
  } catch (error) {
    const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
    const libc = header.glibcVersionRuntime === undefined ? 'no glibc' : `glibc ${header.glibcVersionRuntime}`;
    throw new MaskbenchError(
      'UNAVAILABLE',
      file,
      `maskbench's native addon cannot be loaded: ${(error as Error).message}. Prebuilt addons need glibc 2.34 (Debian 12, Ubuntu 22.04, RHEL 9) or later; this machine has ${libc}. Elsewhere run "npm run build" in a clone of maskbench's repository.`,
    );
  }
}

/** The native addon's file, beside which libraries of its platform package lie. */
export const addonFile = findOrThrow();

/** The native addon (see binding.d.ts). */
export const native: typeof binding = load(addonFile);
