# shellcheck shell=bash
# To be sourced. Fetches the sources of libraries from Debian's archive and makes static, position-independent libraries of them,
# by $CC with $CFLAGS. Libraries and headers go to <folder>/<name>, where a library finds those made before it.

# apt_get <folder> <arguments>: apt-get without root, with package lists of its own.
apt_get() {
  local lists=$1/apt
  mkdir -p "$lists/lists/partial" "$lists/archives/partial"
  # The release that this machine takes its packages from; mirrors of security updates may lack sources.
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Component: main' |
    grep -v -- -security | sort -u | sed 's/.*/deb &\ndeb-src &/' >"$lists/sources.list"
  apt-get -qq -o "Dir::Etc::SourceList=$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists" -o "APT::Sandbox::User=$(id -un)" "${@:2}"
}

# fetch_sources <folder> <package>…: unpacks and patches them in <folder>/sources.
fetch_sources() {
  rm -rf "$1/sources.partial"
  mkdir -p "$1/sources.partial"
  apt_get "$1" update
  (cd "$1/sources.partial" && apt_get "$1" source "${@:2}")
  mv "$1/sources.partial" "$1/sources"
}

# make_codec <folder> <name> <source> <options of CMake>
make_codec() {
  local folder=$1 prefix=$1/$2 source=$3
  local build=$prefix-build/${source%%-*}
  # shellcheck disable=SC2086
  cmake -S "$folder"/sources/$source -B "$build" -G Ninja -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR="$prefix/lib" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DBUILD_SHARED_LIBS=OFF "${@:4}"
  cmake --build "$build" --target install
}
make_jpeg() { make_codec "$1" "$2" 'libjpeg-turbo-[0-9]*' -DENABLE_SHARED=OFF -DWITH_TURBOJPEG=OFF "${@:3}"; }
make_webp() {
  local without=()
  for program in ANIM_UTILS CWEBP DWEBP EXTRAS GIF2WEBP IMG2WEBP VWEBP WEBPINFO WEBPMUX; do
    without+=("-DWEBP_BUILD_$program=OFF")
  done
  make_codec "$1" "$2" 'libwebp-[0-9]*' "${without[@]}" "${@:3}"
}
make_tiff() {
  make_codec "$1" "$2" 'tiff-[0-9]*' -Dtiff-tools=OFF -Dtiff-tests=OFF -Dtiff-contrib=OFF -Dtiff-docs=OFF -Djbig=OFF -Dlerc=OFF \
    -Dlzma=OFF -Dcxx=OFF "${@:3}"
}
make_zstd() {
  make_codec "$1" "$2" 'libzstd-[0-9]*/build/cmake' -DZSTD_BUILD_PROGRAMS=OFF -DZSTD_BUILD_TESTS=OFF -DZSTD_BUILD_SHARED=OFF \
    -DZSTD_LEGACY_SUPPORT=OFF "${@:3}"
}
make_highway() {
  make_codec "$1" "$2" 'highway-[0-9]*' -DHWY_ENABLE_CONTRIB=OFF -DHWY_ENABLE_EXAMPLES=OFF -DBUILD_TESTING=OFF "${@:3}"
}

# make_archive <prefix> <library> <options and sources of the compiler>: a library without CMake.
make_archive() {
  local objects=$1-build/$2
  mkdir -p "$1/include" "$1/lib" "$objects"
  # shellcheck disable=SC2086
  (cd "$objects" && "$CC" ${CFLAGS-} -fPIC "-I$1/include" -c "${@:3}")
  "${AR:-ar}" rcs "$1/lib/lib$2.a" "$objects"/*.o
}
make_spng() {
  make_archive "$1/$2" spng "$1"/sources/libspng-*/spng/spng.c
  cp "$1"/sources/libspng-*/spng/spng.h "$1/$2/include"
}
make_deflate() {
  local source processor=x86
  source=$(echo "$1"/sources/libdeflate-[0-9]*)
  if [[ $CC == aarch64-* ]]; then processor=arm; fi
  make_archive "$1/$2" deflate "-I$source" "$source"/lib/*.c "$source/lib/$processor"/*.c
  cp "$source/libdeflate.h" "$1/$2/include"
}
make_zlib() {
  local source
  source=$(echo "$1"/sources/zlib-[0-9]*)
  make_archive "$1/$2" z -DZ_HAVE_UNISTD_H "$source"/*.c
  cp "$source"/{zlib,zconf}.h "$1/$2/include"
}
