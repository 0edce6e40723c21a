// npm run release:pack [-- <platform>…]: makes the tarballs of a release in release/: maskbench, and a package for each platform
// (package.json's `prebuilt`: those named, or all), with their SHA-256. The same commit and the same packages of npm and Debian
// give the same bytes. Needs buildPackages and releasePackages of system-packages.mjs.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildPackages, installCommand, missingPackages, releasePackages } from './system-packages.mjs';

const root = path.dirname(import.meta.dirname);
const work = path.join(root, 'build-static');
const out = path.join(root, 'release');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const { name, version, description, license, engines, prebuilt } = manifest;
const platforms = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(prebuilt);

for (const platform of platforms)
  if (!Object.hasOwn(prebuilt, platform)) {
    console.error(`${platform}: expected one of ${Object.keys(prebuilt).join(', ')}`);
    process.exit(2);
  }
const missing = missingPackages([...buildPackages, ...releasePackages]);
if (missing.length > 0) {
  console.error(`These system packages are missing; as root, run\n  ${installCommand(missing)}`);
  process.exit(1);
}

const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
const output = (command, args) => execFileSync(command, args, { cwd: root, encoding: 'utf8' }).trim();
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
const commit = output('git', ['describe', '--always', '--dirty', '--abbrev=40']);

function emptyFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Debian's sources that were built: their descriptions (.dsc) and their licences. */
function debianSources() {
  const folder = path.join(work, 'sources');
  const files = readdirSync(folder).sort();
  return files
    .filter((file) => file.endsWith('.dsc'))
    .map((file) => {
      const text = readFileSync(path.join(folder, file), 'utf8');
      const field = (key) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)[1];
      const source = field('Source');
      const unpacked = files.find((name) => new RegExp(`^${source}-[0-9][^_]*$`).test(name));
      const licence = readFileSync(path.join(folder, unpacked, 'debian/copyright'), 'utf8');
      const fields = { name: source, version: field('Version') };
      return {
        ...fields,
        purl: `pkg:deb/debian/${source}@${fields.version}?arch=source`,
        sha256: sha256(path.join(folder, file)),
        licence,
      };
    });
}

/** What comes from installed packages of Debian: dlib's templates, and the compiler's C++ library. */
function debianPackages(compiler) {
  const libstdcxx = output('dpkg-query', ['-S', output(compiler, ['-print-file-name=libstdc++.a'])]).split(':')[0];
  return ['libdlib-dev', libstdcxx].map((name) => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format
    const version = output('dpkg-query', ['-W', '-f=${Version}', name]);
    const licence = readFileSync(path.join('/usr/share/doc', name, 'copyright'), 'utf8');
    return { name, version, purl: `pkg:deb/debian/${name}@${version}`, licence };
  });
}

/** What comes from npm packages: headers, and ONNX Runtime's library. */
function npmPackages() {
  return [
    ['node-addon-api', 'node_modules/node-addon-api/LICENSE.md'],
    ['onnxruntime-node', 'third_party/onnxruntime/LICENSE'],
  ].map(([name, file]) => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8'));
    return { name, version, purl: `pkg:npm/${name}@${version}`, licence: readFileSync(path.join(root, file), 'utf8') };
  });
}

/** Gives the folder of a platform's package. */
function makePlatformPackage(platform) {
  const [os, cpu] = platform.split('-');
  const isForeign = cpu !== process.arch;
  const compiler = isForeign ? 'aarch64-linux-gnu-g++' : 'g++';
  run('scripts/static-libraries.sh', [cpu]);
  // The objects of the local build are linked once more.
  const build = isForeign ? path.join(work, `${cpu}-addon`) : path.join(root, 'build');
  const definitions = [`--CDMASKBENCH_STATIC=${path.join(work, cpu)}`];
  if (isForeign) definitions.push(`--CDCMAKE_TOOLCHAIN_FILE=${path.join(root, `scripts/${cpu}.cmake`)}`);
  run('npx', ['--no-install', 'cmake-js', 'configure', '-O', build, ...definitions]);
  run('cmake', ['--build', build, '--target', 'prebuilt']);

  const folder = emptyFolder(path.join(work, `${cpu}-package`));
  const addon = path.join(folder, 'maskbench.node');
  copyFileSync(path.join(build, 'Prebuilt/maskbench.node'), addon);
  run('scripts/check-binary.sh', [addon]);
  copyFileSync(
    path.join(root, `node_modules/onnxruntime-node/bin/napi-v6/${os}/${cpu}/libonnxruntime.so.1`),
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
    type: 'commonjs',
    main: 'maskbench.node',
  });
  writeFileSync(
    path.join(folder, 'README.md'),
    `The native part of ${name} for ${os} on ${cpu}. Install ${name}, which chooses it.\n`,
  );
  const parts = [...debianSources(), ...debianPackages(compiler), ...npmPackages()];
  writeFileSync(
    path.join(folder, 'THIRD-PARTY-LICENSES.txt'),
    parts.map(({ name, version, licence }) => `== ${name} ${version}\n\n${licence.trim()}\n`).join('\n'),
  );
  writeJson(path.join(folder, 'sbom.cdx.json'), {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'library', name: prebuilt[platform], version } },
    components: parts.map(({ name, version, purl }) => ({ type: 'library', name, version, purl })),
  });
  writeJson(path.join(folder, 'provenance.json'), {
    commit,
    compiler: output(compiler, ['--version']).split('\n')[0],
    parts: parts.map(({ licence: _, ...part }) => part),
  });
  return folder;
}

/** Gives the folder of the main package. */
function makeMainPackage() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const folder = emptyFolder(path.join(work, 'main-package'));
  // (It compiles lib/.)
  run('npm', ['pack', '--silent', '--pack-destination', work]);
  run('tar', ['--extract', '--strip-components=1', `--file=${work}/${name}-${version}.tgz`, `--directory=${folder}`]);
  const { scripts, devDependencies, ava, binary, overrides, files, ...published } = manifest;
  const packages = Object.fromEntries(Object.values(prebuilt).map((name) => [name, version]));
  writeJson(path.join(folder, 'package.json'), {
    ...published,
    optionalDependencies: { ...published.optionalDependencies, ...packages },
  });
  const sbom = JSON.parse(
    output('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--omit=peer', '--package-lock-only']),
  );
  // What differs from run to run, and the name of this folder.
  sbom.metadata.component.name = name;
  delete sbom.serialNumber;
  delete sbom.metadata.timestamp;
  writeJson(path.join(folder, 'sbom.cdx.json'), sbom);
  writeJson(path.join(folder, 'provenance.json'), { commit });
  return folder;
}

const folders = [...platforms.map(makePlatformPackage), makeMainPackage()];
for (const folder of folders) run('npx', ['--no-install', 'publint', '--strict', folder]);
emptyFolder(out);
for (const folder of folders) run('npm', ['pack', '--silent', '--pack-destination', out, folder]);
const sums = readdirSync(out)
  .sort()
  .map((file) => `${sha256(path.join(out, file))}  ${file}\n`);
writeFileSync(path.join(out, 'SHA256SUMS'), sums.join(''));
