#!/usr/bin/env bash
# Runs the tests of native code in a copy of the tree: on an addon built with AddressSanitizer and UndefinedBehaviorSanitizer,
# and, for ThreadSanitizer can't look into Node, in a program of its own that masks photos on many threads. Faces
# are also found by lesser vector instructions than those of other tests.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -a package.json package-lock.json CMakeLists.txt binding.d.ts tsconfig*.json native third_party lib scripts test "$copy"
ln -s "$root/node_modules" "$copy/node_modules"
if [ -e "$root/../shared" ]; then export MASKBENCH_SHARED="$root/../shared"; fi
cd "$copy"
cmake -S . -B build-threads -G Ninja -DCMAKE_BUILD_TYPE=Release -DMASKBENCH_SANITIZE=thread -DMASKBENCH_CUDA=OFF \
  >build.log
cmake --build build-threads --target thread_tests detector_tests >>build.log 2>&1 || { cat build.log; exit 1; }
photos=$(node --input-type=module -e '
  import { writeFileSync } from "node:fs";
  import sharp from "sharp";
  for (const [number, width] of [[2, 260], [5, 400], [3, 900]]) {
    const { data, info } = await sharp(`node_modules/@vladmandic/face-api/demo/sample${number}.jpg`)
      .resize({ width }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    writeFileSync(`${number}.raw`, data);
    console.log(`${number}.raw ${info.width} ${info.height}`);
  }')
model=${MASKBENCH_LANDMARKS:-/usr/share/dlib/shape_predictor_68_face_landmarks.dat}
# shellcheck disable=SC2086
TSAN_OPTIONS=halt_on_error=1 build-threads/Release/thread_tests "$model" $photos
for simd in SSSE3 SSE4; do
  # (A name that the processor lacks leaves its best.)
  # shellcheck disable=SC2086
  MASKBENCH_SIMD=$simd build-threads/Release/detector_tests 50 "$model" $photos
done

node scripts/build-native.mjs --CDMASKBENCH_SANITIZE=address,undefined --CDMASKBENCH_CUDA=OFF >build.log 2>&1 || { cat build.log; exit 1; }
npx tsc -p tsconfig.build.json
# Node itself is not built with the sanitizers: their library comes first, and leaks of Node's own are not ours to report.
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) $(gcc -print-file-name=libstdc++.so.6)"
export ASAN_OPTIONS=detect_leaks=0:alloc_dealloc_mismatch=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
ava() { node node_modules/ava/entrypoints/cli.mjs --serial --timeout=10m "$@"; }
# Small photos only: dlib's detector is twenty times slower here.
ava test/mask/masker.test.ts test/mask/kernels.test.ts test/metrics/score-set.test.ts test/metrics/evaluate.test.ts
ava test/image/readers.test.ts --match='L1: no*' --match='L7*' --match='L8*' --match='L11: *damaged' --match='L11: *animated*' --match='L14*'
ava test/face/device.test.ts --match='*walked*'
ava test/mask/templates.test.ts --match='how a mask*' --match='bad templates*' --match='a template of the user*'
# ONNX Runtime is not built with the sanitizers; what is around it is.
ava test/embed/embedder.test.ts --match='colour*' --match='models of single*' --match='bad models*' --match='align5*' --match='*preprocessing*'
ava test/face/networks.test.ts
ava test/adapt/adapt.test.ts --match='*gradients*'
if [ -n "${MASKBENCH_SHARED-}" ]; then ava test/mask/golden.test.ts --match='*lfw_00*' --match='*odd_*' --match='*broken_*' --match='*noface_t*'; fi
