// Builds the native addon into build/Release, unless it is newer than its sources, or the platform package of this version is
// installed. Extra arguments go to CMake.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { isPrebuilt } from './prebuilt.mjs';
import { buildPackages, installCommand, missingPackages, runPackages } from './system-packages.mjs';

const root = path.dirname(import.meta.dirname);
const addon = path.join(root, 'build/Release/maskbench.node');
const sources = [
  path.join(root, 'CMakeLists.txt'),
  ...readdirSync(path.join(root, 'native'), { recursive: true }).map((name) => path.join(root, 'native', name)),
];
const definitions = process.argv.slice(2);
const built = existsSync(addon) ? statSync(addon).mtimeMs : 0;
if (definitions.length === 0 && (isPrebuilt || sources.every((file) => statSync(file).mtimeMs <= built)))
  process.exit(0);

const missing = missingPackages([...buildPackages, ...runPackages]);
if (missing.length > 0) {
  console.error(`maskbench: these system packages are needed and missing; as root, run\n  ${installCommand(missing)}`);
  process.exit(1);
}
const bin = path.join(root, 'node_modules/.bin/cmake-js');
const command = existsSync(bin) ? bin : 'cmake-js';
const { status } = spawnSync(command, ['compile', '-O', path.join(root, 'build'), ...definitions], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exit(status ?? 1);
