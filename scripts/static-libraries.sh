#!/usr/bin/env bash
# static-libraries.sh x64|arm64: makes what a prebuilt addon contains, position-independent and static, from Debian's sources, in
# build-static/<architecture>: CMake's MASKBENCH_STATIC. arm64 is cross-compiled. Needs Debian's archive once, and
# releasePackages of system-packages.mjs.
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=$1
folder=$PWD/build-static
. scripts/codecs.sh
[ -d "$folder/sources" ] ||
  fetch_sources "$folder" highway libdeflate libjpeg-turbo libspng libwebp libzstd tiff zlib
export CC=gcc AR=ar CFLAGS="-O2 -DNDEBUG -ffile-prefix-map=$folder=."
export CXXFLAGS=$CFLAGS
options=()
if [ "$architecture" = arm64 ]; then
  export CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar
  options=("--toolchain=$PWD/scripts/arm64.cmake")
fi
for library in zlib zstd deflate jpeg webp tiff highway; do
  make_$library "$folder" "$architecture" "${options[@]}"
done
make_spng "$folder" "$architecture"

# Of dlib the addon uses templates alone; its library is for programs of the build and of the tests.
prefix=$folder/$architecture
ln -sfn /usr/include/dlib "$prefix/include/dlib"
if [ "$architecture" = arm64 ]; then
  mkdir -p "$folder/arm64-packages"
  apt_get "$folder/arm64-packages" -o APT::Architecture=arm64 -o APT::Architectures=arm64 update
  (cd "$folder/arm64-packages" && apt_get "$folder/arm64-packages" -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
    download libdlib-dev)
  dpkg-deb --extract "$folder"/arm64-packages/libdlib-dev_*.deb "$folder/arm64-packages/root"
  cp "$folder"/arm64-packages/root/usr/lib/*/libdlib.a "$prefix/lib"
else
  cp "$(g++ -print-file-name=libdlib.a)" "$prefix/lib"
fi
