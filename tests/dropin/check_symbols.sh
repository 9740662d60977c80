#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_symbols.sh HEADER MAP SHARED ARCHIVE COUNT [CJSON_ARCHIVE]: the shared library exports, without versions, and the
# archive defines exactly the COUNT functions that the header declares; the version script lists the same. Built with an
# archive of cJSON, both hold it.
set -eu
LC_ALL=C
export LC_ALL

nm=${NM:-nm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

sed -nE 's/^MLSEL_DROPIN_API [^(]*[ *]([a-z0-9_]+)\(.*/\1/p' "$1" | sort >"$work/header"
sed -nE 's/^ +([a-z0-9_]+);$/\1/p' "$2" | sort >"$work/map"
"$nm" -D --defined-only "$3" | awk '{ print $3 }' | grep -v '^__\(odr_asan\|asan\|tsan\|ubsan\)' | sort >"$work/shared"
"$nm" -g --defined-only "$4" | awk 'NF == 3 { print $3 }' | sort >"$work/archive"
[ "$(wc -l <"$work/header")" -eq "$5" ] || {
    echo "FAILED: $1 declares $(wc -l <"$work/header") functions, expected $5"
    failed=1
}
for place in map shared archive; do
    if ! diff "$work/header" "$work/$place" >"$work/diff"; then
        echo "FAILED: $place differs from $1 (<: only declared, >: only there):"
        cat "$work/diff"
        failed=1
    fi
done
[ "$(basename "$3")" = "$(readelf -d "$3" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" ] || {
    echo "FAILED: the SONAME of $3 is not its file's name"
    failed=1
}
if readelf -d "$3" | grep -E 'RPATH|RUNPATH|NEEDED.*mlsel'; then
    echo "FAILED: $3 is not complete in one file, or has a search path"
    failed=1
fi
if [ -n "${6:-}" ] && { readelf -d "$3" | grep 'NEEDED.*cjson' || "$nm" -u "$4" | grep cJSON_; }; then
    echo "FAILED: cJSON is not in the libraries, although there is an archive of it"
    failed=1
fi
[ "$failed" -eq 0 ] || exit 1
echo "$5 functions, the same in all places"
