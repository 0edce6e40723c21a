#!/usr/bin/env bash
# static-libraries.sh x64|arm64: makes what a prebuilt addon contains, from Debian's sources, in build-static/<architecture>
# (CMake's MASKBENCH_STATIC); once, the folder is a cache. arm64 is cross-compiled. Needs Debian's archive, and releasePackages of
# system-packages.mjs.
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=$1
folder=$PWD/build-static
prefix=$folder/$architecture
[ ! -e "$prefix/.complete" ] || exit 0
. scripts/codecs.sh
[ -d "$folder/sources" ] ||
  fetch_sources "$folder" highway libdeflate libjpeg-turbo libspng libwebp libzstd tiff zlib
export CC=gcc AR=ar CFLAGS="-O2 -DNDEBUG -ffile-prefix-map=$folder=."
options=()
if [ "$architecture" = arm64 ]; then
  export CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar
  options=("--toolchain=$PWD/scripts/arm64.cmake")
fi
export CXXFLAGS=$CFLAGS
for library in zlib zstd deflate spng jpeg webp tiff highway; do
  make_$library "$folder" "$architecture" "${options[@]}"
done

# dlib's templates are part of the addon; its library serves programs of the build and of the tests, which run here or under
# qemu-user.
if [ "$architecture" = arm64 ]; then
  packages=$folder/arm64-packages
  foreign=(-o APT::Architecture=arm64 -o APT::Architectures=arm64)
  mkdir -p "$packages"
  apt_get "$packages" "${foreign[@]}" update
  (cd "$packages" && apt_get "$packages" "${foreign[@]}" download libdlib-dev)
  dpkg-deb --extract "$packages"/libdlib-dev_*.deb "$packages/root"
  cp -r "$packages/root/usr/include/dlib" "$prefix/include"
  cp "$packages"/root/usr/lib/*/libdlib.a "$prefix/lib"
fi
touch "$prefix/.complete"
