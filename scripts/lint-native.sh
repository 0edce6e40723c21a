#!/usr/bin/env bash
# clang-format and clang-tidy over native/; needs a build for its compile commands.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files 'native/*.cc' 'native/*.h')
clang-format --dry-run -Werror "${files[@]}"
git ls-files 'native/*.cc' | xargs -P "$(nproc)" -n 2 clang-tidy -p build --quiet --warnings-as-errors='*'
