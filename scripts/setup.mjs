// Makes a clone ready to run: system packages, npm packages, native build, TypeScript build. Each step is skipped when done.
// With --tests also what only the tests use.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { isPrebuilt } from './prebuilt.mjs';
import {
  buildPackages,
  installCommand,
  missingPackages,
  releasePackages,
  runPackages,
  testPackages,
} from './system-packages.mjs';

const root = path.dirname(import.meta.dirname);

function run(title, command, args, env = {}) {
  console.log(`== ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) {
    console.error(`${title} failed: ${command} ${args.join(' ')}`);
    process.exit(1);
  }
}

const wanted = [
  ...(isPrebuilt ? [] : buildPackages),
  ...runPackages,
  ...(process.argv.includes('--tests') ? [...testPackages, ...releasePackages] : []),
];
const missing = missingPackages(wanted);
if (missing.length > 0) {
  if (process.getuid?.() !== 0) {
    console.error(
      `These system packages are missing; as root, run\n  ${installCommand(missing)}\nand then this again.`,
    );
    process.exit(1);
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  run('system package lists', 'apt-get', ['update', '-qq'], env);
  run(`system packages: ${missing.join(' ')}`, 'sh', ['-c', `${installCommand(missing)} -qq >/dev/null`], env);
}

const installed = path.join(root, 'node_modules/.package-lock.json');
const lock = path.join(root, 'package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) run('npm packages', 'npm', ['ci']);

run('native addon', 'node', ['scripts/build-native.mjs']);

const output = path.join(root, 'dist/index.js');
const sources = readdirSync(path.join(root, 'lib'), { recursive: true }).map((name) => path.join(root, 'lib', name));
const built = existsSync(output) ? statSync(output).mtimeMs : 0;
if (sources.some((file) => statSync(file).mtimeMs > built)) run('TypeScript', 'npm', ['run', '--silent', 'build:ts']);
