import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { addonFile } from '../../lib/native.js';
import { type Run, repository, temporaryFolder } from '../support/files.js';

const manifest = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as {
  version: string;
  prebuilt: Record<string, string>;
};
const platform = `${process.platform}-${process.arch}`;
const packageName = manifest.prebuilt[platform] ?? '';

/** A copy of the package without a native addon, as npm installs it where there is no platform package. */
function packageCopy(t: ExecutionContext, without?: string): string {
  const root = path.join(temporaryFolder(t), 'node_modules/maskbench');
  cpSync(path.join(repository, 'dist'), path.join(root, 'dist'), { recursive: true });
  cpSync(path.join(repository, 'package.json'), path.join(root, 'package.json'));
  mkdirSync(path.join(root, 'node_modules'));
  for (const name of readdirSync(path.join(repository, 'node_modules')))
    if (name !== without && name !== '@maskbench')
      symlinkSync(path.join(repository, 'node_modules', name), path.join(root, 'node_modules', name));
  return root;
}

/** Installs a platform package beside the copy. */
function installPrebuilt(root: string, version: string, addon: string | Buffer): void {
  const folder = path.join(path.dirname(root), packageName);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: packageName, version }));
  if (typeof addon === 'string') cpSync(addon, path.join(folder, 'maskbench.node'));
  else writeFileSync(path.join(folder, 'maskbench.node'), addon);
}

function run(args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

/** Runs `maskbench doctor` of the copy, on a machine that says it is of a given platform. */
async function doctor(
  root: string,
  { os = process.platform as string, cpu = process.arch as string, libc = 'glibc' } = {},
): Promise<Run> {
  const machine = path.join(root, 'machine.mjs');
  writeFileSync(
    machine,
    `Object.defineProperty(process, 'platform', { value: '${os}' });
    Object.defineProperty(process, 'arch', { value: '${cpu}' });
    if ('${libc}' === 'musl') process.report.getReport = () => ({ header: {} });`,
  );
  return run(['--import', machine, path.join(root, 'dist/cli/main.js'), 'doctor', '--json']);
}

/** Loading failed with one line that matches. */
function refused(t: ExecutionContext, { code, stderr }: Run, message: RegExp): void {
  t.is(code, 1);
  t.regex(stderr, message);
  t.is(stderr.trim().split('\n').length, 1, stderr);
}

test('a platform without a package gets one line when the addon is loaded', async (t) => {
  const root = packageCopy(t);
  for (const [platform, machine] of [
    [{ os: 'win32', cpu: 'x64' }, 'win32-x64'],
    [{ os: 'darwin', cpu: 'arm64' }, 'darwin-arm64'],
    [{ os: 'linux', cpu: 's390x' }, 'linux-s390x with glibc [0-9.]+'],
    [{ os: 'linux', cpu: 'x64', libc: 'musl' }, 'linux-x64 with no glibc'],
  ] as const)
    refused(
      t,
      await doctor(root, platform),
      new RegExp(
        `no native addon for this machine \\(${machine}\\): .* packages for linux-x64 and linux-arm64 with glibc`,
      ),
    );
});

test('a missing platform package, and one of another version, are named', async (t) => {
  const root = packageCopy(t);
  refused(
    t,
    await doctor(root),
    new RegExp(`the package ${packageName} is not installed; .*maskbench.node is missing`),
  );
  installPrebuilt(root, '0.0.1', addonFile);
  refused(t, await doctor(root), new RegExp(`${packageName} has version 0.0.1, not ${manifest.version}`));
});

test('the platform package comes before a build of the clone', async (t) => {
  const root = packageCopy(t);
  const built = path.join(root, 'build/Release/maskbench.node');
  mkdirSync(path.dirname(built), { recursive: true });
  cpSync(addonFile, built);
  t.is(JSON.parse((await doctor(root)).stdout).addon, built);
  installPrebuilt(root, manifest.version, addonFile);
  const { addon, simd } = JSON.parse((await doctor(root)).stdout);
  t.is(addon, path.join(path.dirname(root), packageName, 'maskbench.node'));
  t.regex(simd, /^(AVX3|AVX3_DL|AVX2|SSE4|SSSE3|NEON)$/);
});

test('an addon that the system cannot load says what it needs and what the machine has', async (t) => {
  const root = packageCopy(t);
  installPrebuilt(root, manifest.version, Buffer.from('not an addon'));
  refused(t, await doctor(root), /cannot be loaded: .*need glibc 2\.34 .* this machine has (glibc [\d.]+|no glibc)/);
});

test('Keras files without h5wasm are refused with what to install', async (t) => {
  const root = packageCopy(t, 'h5wasm');
  installPrebuilt(root, manifest.version, addonFile);
  writeFileSync(path.join(root, 'model.h5'), 'weights');
  const words = [
    'models',
    'import',
    path.join(root, 'model.h5'),
    '--arch',
    'vgg19',
    '--out',
    path.join(root, 'x.onnx'),
  ];
  refused(t, await run([path.join(root, 'dist/cli/main.js'), ...words]), /npm package h5wasm; install it beside/);
});
