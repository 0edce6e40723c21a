// The Debian packages that maskbench needs, and whether they are installed.
import { spawnSync } from 'node:child_process';

/** What each package is for stands in CMakeLists.txt, docs/ and the README. */
export const buildPackages = [
  'cmake',
  'g++',
  'make',
  'ninja-build',
  'pkg-config',
  'libdeflate-dev',
  'libdlib-dev',
  'libhwy-dev',
  'libjpeg62-turbo-dev',
  'libspng-dev',
  'libtiff-dev',
  'libwebp-dev',
];
export const runPackages = ['libdlib-data', 'fonts-dejavu-core'];
/** For `npm run release:pack`, and for trying what it makes on other processors. */
export const releasePackages = ['dpkg-dev', 'g++-aarch64-linux-gnu', 'git', 'nasm', 'ninja-build', 'qemu-user-static'];
export const testPackages = [
  'clang',
  'clang-format',
  'clang-tidy',
  'dpkg-dev',
  'iproute2',
  'libclang-rt-14-dev',
  'libopencv-calib3d-dev',
  'libopencv-core-dev',
  'libopencv-imgproc-dev',
  'python3-numpy',
  'python3-opencv',
  'python3-pil',
  'python3-sklearn',
  'chromium',
  'munge',
  'slurm-client',
  'slurmctld',
  'slurmd',
];

/** Those of `packages` that dpkg does not have installed; none where there is no dpkg. */
export function missingPackages(packages) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format
  const { status, stdout } = spawnSync('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\n', ...packages], {
    encoding: 'utf8',
  });
  if (status === null) return [];
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return packages.filter((name) => !installed.has(name));
}

export const installCommand = (packages) => `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
