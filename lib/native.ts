import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as binding from '../binding.js';
import { MaskbenchError } from './errors.js';
import { packageRoot } from './package-root.js';

const require = createRequire(import.meta.url);
const { version, prebuilt } = require('../package.json') as { version: string; prebuilt: Record<string, string> };

/** This machine's C library. */
function libc(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'no glibc' : `glibc ${header.glibcVersionRuntime}`;
}

/**
 * The addon's file: of the platform package, else of a local build.
 * @throws `MaskbenchError` `UNAVAILABLE`, with all that was looked for
 */
function findAddon(): string {
  const platform = `${process.platform}-${process.arch}`;
  const tried: string[] = [];
  const name = prebuilt[platform];
  if (name !== undefined) {
    try {
      const found = require(`${name}/package.json`) as { version: string };
      if (found.version === version) return require.resolve(`${name}/maskbench.node`);
      tried.push(`${name} has version ${found.version}, not ${version}`);
    } catch {
      tried.push(`the package ${name} is not installed`);
    }
  }
  const local = path.join(packageRoot, 'build/Release/maskbench.node');
  if (existsSync(local)) return local;
  tried.push(`${local} is missing`);
  const machine = process.platform === 'linux' ? `${platform} with ${libc()}` : platform;
  throw new MaskbenchError(
    'UNAVAILABLE',
    platform,
    `maskbench has no native addon for this machine (${machine}): ${tried.join('; ')}. There are packages for ${Object.keys(prebuilt).join(' and ')} with glibc; npm installs them unless optional dependencies are left out. On other Linux machines run "npm run build" in a clone of maskbench's repository.`,
  );
}

function load(file: string): typeof binding {
  // Before loading: on a lesser processor the addon's first instructions could already stop the process.
  if (process.arch === 'x64' && !/^flags.* sse4_2( |$)/m.test(readFileSync('/proc/cpuinfo', 'utf8')))
    throw new MaskbenchError('UNAVAILABLE', file, 'maskbench needs a processor with SSE4.2, which this one lacks');
  try {
    return require(file) as typeof binding;
  } catch (error) {
    throw new MaskbenchError(
      'UNAVAILABLE',
      file,
      `maskbench's native addon cannot be loaded: ${(error as Error).message}. Packages with prebuilt addons need glibc 2.34 or later (Debian 12, Ubuntu 22.04, RHEL 9); this machine has ${libc()}. Elsewhere run "npm run build" in a clone of maskbench's repository.`,
    );
  }
}

/** The native addon's file; libraries of its platform package lie beside it. */
export const addonFile = findAddon();

/** The native addon (see binding.d.ts). */
export const native: typeof binding = load(addonFile);
