#!/usr/bin/env bash
# fuzz-native.sh [seconds]: libFuzzer mutates images, templates and cached landmark models for so many seconds in all (60), in two
# builds: with AddressSanitizer and UndefinedBehaviorSanitizer, the codecs compiled from Debian's sources likewise; and without,
# where an input may take 2 s and 512 MiB at most. Needs testPackages of system-packages.mjs, and Debian's archive once.
# FUZZ_FOLDER (build-fuzz) keeps codecs, programs and corpora.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
folder=$(realpath -m "${FUZZ_FOLDER:-build-fuzz}")
mkdir -p "$folder"
log=$folder/build.log
# (Not by ||, within which a function goes on after an error.)
quietly() {
  trap 'cat "$log" >&3' ERR
  "$@" >"$log" 2>&1
  trap - ERR
}
exec 3>&2
. scripts/codecs.sh

# codecs <name> <flags>: static libraries and headers in $folder/<name>.
codecs() {
  export CC=clang CFLAGS="-g -O1 -fno-omit-frame-pointer $2"
  make_jpeg "$folder" "$1" -DWITH_SIMD=OFF
  make_webp "$folder" "$1"
  make_tiff "$folder" "$1"
  make_spng "$folder" "$1"
}

sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
[ -d "$folder/sources" ] || quietly fetch_sources "$folder" libjpeg-turbo libspng libwebp tiff
for build in sanitized plain; do
  flags=-fsanitize=fuzzer-no-link
  if [ $build = sanitized ]; then flags="$flags $sanitizers"; fi
  [ -e "$folder/$build/lib/libspng.a" ] || quietly codecs $build "$flags"
  quietly cmake -S native/fuzz -B "$folder/$build-programs" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DFUZZ_FLAGS="$flags" \
    -DCODECS="$folder/$build"
  quietly cmake --build "$folder/$build-programs"
done
quietly /usr/bin/python3 native/fuzz/seeds.py "$folder/seeds"

# fuzz <target> <build> <hundredths of the time> <options>
fuzz() {
  mkdir -p "$folder/corpus/$1"
  echo "== $1, $2"
  "$folder/$2-programs/fuzz_$1" -max_total_time=$(((seconds * $3 + 99) / 100)) -max_len=65536 -malloc_limit_mb=512 "${@:4}" \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="$folder/" "$folder/corpus/$1" "$folder/seeds/$1" 2>&1 |
    sed -E '/^(INFO|WARNING|######)|NEW_FUNC|# Uses:/d'
}
for target in "images 35" "templates 10" "landmarks 5"; do
  # shellcheck disable=SC2086
  set -- $target
  # Where every access is checked, all takes many times as long and as much.
  fuzz "$1" sanitized "$2" -timeout=20 -rss_limit_mb=4096
  fuzz "$1" plain "$2" -timeout=2 -rss_limit_mb=512
done
