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

# Sources without asking for root or changing the machine's package lists.
fetch() {
  local lists=$folder/apt
  mkdir -p "$lists/lists/partial" "$lists/archives/partial" "$folder/sources"
  # The release that this machine takes its packages from; mirrors of security updates may lack sources.
  apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Component: main' |
    grep -v -- -security | sort -u >"$lists/sources.list"
  local options=(-qq -o "Dir::Etc::SourceList=$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists" -o APT::Sandbox::User="$(id -un)")
  apt-get "${options[@]}" update
  (cd "$folder/sources" && apt-get "${options[@]}" source libjpeg-turbo libspng libwebp tiff)
}

# codecs <name> <flags>: static libraries and headers in $folder/<name>.
codecs() {
  local prefix=$folder/$1 flags="-g -O1 -fno-omit-frame-pointer $2"
  local common=(-G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS="$flags" -DCMAKE_INSTALL_PREFIX="$prefix"
    -DCMAKE_INSTALL_LIBDIR="$prefix/lib" -DCMAKE_PREFIX_PATH="$prefix" -DBUILD_SHARED_LIBS=OFF)
  local sources=$folder/sources
  make_codec() {
    local name=$1
    shift
    cmake -S "$sources"/$name-[0-9]* -B "$prefix-build/$name" "${common[@]}" "$@"
    cmake --build "$prefix-build/$name" --target install
  }
  make_codec libjpeg-turbo -DENABLE_SHARED=OFF -DWITH_TURBOJPEG=OFF -DWITH_SIMD=OFF
  local programs=(ANIM_UTILS CWEBP DWEBP EXTRAS GIF2WEBP IMG2WEBP VWEBP WEBPINFO WEBPMUX) without=()
  for program in "${programs[@]}"; do without+=("-DWEBP_BUILD_$program=OFF"); done
  make_codec libwebp "${without[@]}"
  make_codec tiff -Dtiff-tools=OFF -Dtiff-tests=OFF -Dtiff-contrib=OFF -Dtiff-docs=OFF -Djbig=OFF -Dlerc=OFF -Dlzma=OFF -Dcxx=OFF
  mkdir -p "$prefix/include" "$prefix/lib"
  cp "$sources"/libspng-*/spng/spng.h "$prefix/include"
  # shellcheck disable=SC2086
  clang $flags -c "$sources"/libspng-*/spng/spng.c -o "$prefix-build/spng.o"
  ar rcs "$prefix/lib/libspng.a" "$prefix-build/spng.o"
}

sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
[ -d "$folder/sources" ] || quietly fetch
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
