#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer, and runs the tests of native code on it in a copy of the tree.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -a package.json package-lock.json CMakeLists.txt binding.d.ts tsconfig*.json native lib scripts test "$copy"
ln -s "$root/node_modules" "$copy/node_modules"
if [ -e "$root/../shared" ]; then export MASKBENCH_SHARED="$root/../shared"; fi
cd "$copy"
node scripts/build-native.mjs --CDMASKBENCH_SANITIZE=address,undefined >build.log 2>&1 || { cat build.log; exit 1; }
npx tsc -p tsconfig.build.json
# Node itself is not built with the sanitizers: their library comes first, and leaks of Node's own are not ours to report.
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) $(gcc -print-file-name=libstdc++.so.6)"
export ASAN_OPTIONS=detect_leaks=0:alloc_dealloc_mismatch=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
ava() { node node_modules/ava/entrypoints/cli.mjs --serial --timeout=10m "$@"; }
# Small photos only: dlib's detector is twenty times slower here.
ava test/mask/masker.test.ts test/mask/kernels.test.ts test/metrics/score-set.test.ts test/metrics/evaluate.test.ts
ava test/mask/templates.test.ts --match='how a mask*' --match='bad templates*' --match='a template of the user*'
# ONNX Runtime is not built with the sanitizers; what is around it is.
ava test/embed/embedder.test.ts --match='colour*' --match='models of single*' --match='bad models*' --match='align5*' --match='*preprocessing*'
if [ -n "${MASKBENCH_SHARED-}" ]; then ava test/mask/golden.test.ts --match='*lfw_00*' --match='*odd_*' --match='*broken_*' --match='*noface_t*'; fi
