#!/usr/bin/env bash
# check-binary.sh FILE…: that addons run where platform packages promise to: no symbol beyond glibc 2.34, none but glibc's, libgcc_s's
# and Node's, no other library, nothing exported but what Node looks for. Prints what breaks it and ends with 1.
set -euo pipefail
newest=2.34
code=0
for file in "$@"; do
  problems=$({
    readelf --version-info --wide "$file" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | while IFS=_ read -r _ version; do
      [ "$(printf '%s\n' "$version" $newest | sort -V | tail -n 1)" = $newest ] || echo "needs glibc $version"
    done
    readelf --dynamic --wide "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
      grep -vE '^(lib(c|m|dl|pthread|gcc_s)\.so\.[0-9]+|ld-linux-(x86-64|aarch64)\.so\.[0-9]+)$' | sed 's/^/needs /'
    readelf --dyn-syms --wide "$file" | awk '$5 == "GLOBAL" && $7 == "UND" && $8 !~ /@|^(napi|node_api)_/ { print "lacks " $8 }'
    readelf --dyn-syms --wide "$file" | awk '$5 != "LOCAL" && $7 ~ /^[0-9]+$/ { print "exports " $8 }' |
      grep -vE 'exports (napi_register_module_v1|node_api_module_get_api_version_v1)$'
  } || true)
  if [ -n "$problems" ]; then
    code=1
    sed "s|^|$file: |" <<<"$problems" >&2
  fi
done
exit $code
