// npm run release:pack [-- <platform>…]: makes the tarballs of a release in release/: maskbench and a package for each platform
// (package.json's `prebuilt`; those named, or all), with their SHA-256. The same commit and packages of Debian give the same
// bytes. Needs releasePackages of system-packages.mjs.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildPackages, installCommand, missingPackages, releasePackages } from './system-packages.mjs';

const root = path.dirname(import.meta.dirname);
const work = path.join(root, 'build-static');
const out = path.join(root, 'release');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const { name, version, description, license, engines, prebuilt } = manifest;

const missing = missingPackages([...buildPackages, ...releasePackages]);
if (missing.length > 0) {
  console.error(`These system packages are missing; as root, run\n  ${installCommand(missing)}`);
  process.exit(1);
}

const run = (command, args, options = {}) =>
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
const output = (command, args) => execFileSync(command, args, { cwd: root, encoding: 'utf8' }).trim();
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
const commit = output('git', ['describe', '--always', '--dirty', '--abbrev=40']);

/** Debian's sources that were built: their descriptions (.dsc) and their licences. */
function debianSources() {
  const folder = path.join(work, 'sources');
  const files = readdirSync(folder).sort();
  return files
    .filter((file) => file.endsWith('.dsc'))
    .map((dsc) => {
      const text = readFileSync(path.join(folder, dsc), 'utf8');
      const field = (key) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)[1];
      const source = field('Source');
      const unpacked = files.find((file) => new RegExp(`^${source}-[0-9][^_]*$`).test(file));
      return {
        name: source,
        version: field('Version'),
        sha256: sha256(path.join(folder, dsc)),
        licence: readFileSync(path.join(folder, unpacked, 'debian/copyright'), 'utf8'),
      };
    });
}

/** What is taken from installed packages of Debian: dlib's templates, and the C++ library of the compiler. */
function debianPackages(compiler) {
  const libstdcxx = output('dpkg-query', ['-S', output(compiler, ['-print-file-name=libstdc++.a'])]).split(':')[0];
  return ['libdlib-dev', libstdcxx].map((name) => ({
    name,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format
    version: output('dpkg-query', ['-W', '-f=${Version}', name]),
    licence: readFileSync(path.join('/usr/share/doc', name, 'copyright'), 'utf8'),
  }));
}

function onnxRuntime() {
  const folder = path.join(root, 'node_modules/onnxruntime-node');
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return { folder, name: 'onnxruntime-node', version };
}

const mit = `MIT License. Copyright (c) Microsoft Corporation. Its text is that of LICENSE; notices of what it contains are at
https://github.com/microsoft/onnxruntime/blob/main/ThirdPartyNotices.txt`;

function packPlatform(platform) {
  const [os, cpu] = platform.split('-');
  const cross = cpu === 'arm64';
  run('scripts/static-libraries.sh', [cpu]);
  const build = path.join(work, `${cpu}-addon`);
  const definitions = [`--CDMASKBENCH_STATIC=${path.join(work, cpu)}`];
  if (cross)
    definitions.push(`--CDCMAKE_TOOLCHAIN_FILE=${path.join(root, 'scripts/arm64.cmake')}`, '--CDMASKBENCH_CUDA=OFF');
  run('npx', ['--no-install', 'cmake-js', 'compile', '-O', build, '-T', 'maskbench', ...definitions]);

  const folder = path.join(work, `${cpu}-package`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const runtime = onnxRuntime();
  copyFileSync(path.join(build, 'Release/maskbench.node'), path.join(folder, 'maskbench.node'));
  run('scripts/check-binary.sh', [path.join(folder, 'maskbench.node')]);
  const cuda = path.join(build, 'Release/maskbench_cuda.so');
  if (existsSync(cuda)) copyFileSync(cuda, path.join(folder, 'maskbench_cuda.so'));
  copyFileSync(
    path.join(runtime.folder, `bin/napi-v6/linux/${cpu}/libonnxruntime.so.1`),
    path.join(folder, 'libonnxruntime.so.1'),
  );
  copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  writeJson(path.join(folder, 'package.json'), {
    name: prebuilt[platform],
    version,
    description: `The native part of ${name} for ${os} on ${cpu}: ${description}`,
    license,
    engines,
    os: [os],
    cpu: [cpu],
    libc: ['glibc'],
    main: 'maskbench.node',
  });
  writeFileSync(
    path.join(folder, 'README.md'),
    `The native part of ${name} for ${os} on ${cpu}. Install ${name}, which chooses it.\n`,
  );
  const sources = debianSources();
  const compiler = cross ? 'aarch64-linux-gnu-g++' : 'g++';
  const packages = debianPackages(compiler);
  const licences = [...sources, ...packages, { ...runtime, licence: mit }];
  writeFileSync(
    path.join(folder, 'THIRD-PARTY-LICENSES.txt'),
    licences.map(({ name, version, licence }) => `== ${name} ${version}\n\n${licence.trim()}\n`).join('\n'),
  );
  writeJson(path.join(folder, 'sbom.cdx.json'), {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'library', name: prebuilt[platform], version } },
    components: [
      ...sources.map(({ name, version }) => [name, version, `pkg:deb/debian/${name}@${version}?arch=source`]),
      ...packages.map(({ name, version }) => [name, version, `pkg:deb/debian/${name}@${version}`]),
      [runtime.name, runtime.version, `pkg:npm/${runtime.name}@${runtime.version}`],
    ].map(([name, version, purl]) => ({ type: 'library', name, version, purl })),
  });
  writeJson(path.join(folder, 'provenance.json'), {
    commit,
    compiler: output(compiler, ['--version']).split('\n')[0],
    sources: sources.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
    packages: packages.map(({ name, version }) => ({ name, version })),
  });
  return folder;
}

function packMain() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const folder = path.join(work, 'main-package');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  // (It compiles lib/.)
  run('npm', ['pack', '--silent', '--pack-destination', work]);
  run('tar', ['--extract', '--strip-components=1', `--file=${work}/${name}-${version}.tgz`, `--directory=${folder}`]);
  const { scripts, devDependencies, ava, overrides, files, ...published } = manifest;
  published.optionalDependencies = Object.fromEntries(Object.values(prebuilt).map((name) => [name, version]));
  writeJson(path.join(folder, 'package.json'), published);
  const sbom = JSON.parse(
    output('npm', [
      'sbom',
      '--sbom-format=cyclonedx',
      '--omit=dev',
      '--omit=optional',
      '--omit=peer',
      '--package-lock-only',
    ]),
  );
  // What differs from run to run, and the name of this folder.
  sbom.metadata.component.name = name;
  delete sbom.serialNumber;
  delete sbom.metadata.timestamp;
  writeJson(path.join(folder, 'sbom.cdx.json'), sbom);
  writeJson(path.join(folder, 'provenance.json'), { commit });
  return folder;
}

const platforms = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(prebuilt);
const folders = [...platforms.map(packPlatform), packMain()];
rmSync(out, { recursive: true, force: true });
mkdirSync(out);
for (const folder of folders) run('npm', ['pack', '--silent', '--pack-destination', out, folder]);
const tarballs = readdirSync(out).sort();
writeFileSync(
  path.join(out, 'SHA256SUMS'),
  tarballs.map((file) => `${sha256(path.join(out, file))}  ${file}\n`).join(''),
);
