#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# static-cjson.sh [FOLDER]: makes FOLDER/libcjson.a from Debian's source package with the compiler $CC (default gcc), for
# programs without shared libraries; Debian's own package has none. Default FOLDER: build/static/TRIPLE, where cmake
# finds it. Does nothing if it is there. Status 3: the source cannot be had here.
set -eu
cd "$(dirname "$0")/.."

CC=${CC:-gcc}
triple=$("$CC" -print-multiarch 2>/dev/null || true)
[ -n "$triple" ] || triple=native
mkdir -p "${1:-build/static/$triple}"
folder=$(cd "${1:-build/static/$triple}" && pwd)
[ ! -s "$folder/libcjson.a" ] || exit 0

cannot() {
    echo "$0: $1" >&2
    exit 3
}
for program in apt-get dpkg-source; do
    command -v "$program" >/dev/null 2>&1 || cannot "$program is missing (Debian: apt-get install dpkg-dev)"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The system's own sources, for source packages, beside its own settings.
mkdir -p "$work/parts" "$work/lists/partial" "$work/source"
for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/parts/${file##*/}"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$file" ] || sed -n 's/^deb /deb-src /p' "$file" >"$work/parts/own-$(basename "$file" .list).list"
done
set -- -q -o Dir::Etc::sourcelist="$work/none" -o Dir::Etc::sourceparts="$work/parts" -o Dir::State::lists="$work/lists" \
    -o Dir::Cache::srcpkgcache="" -o Dir::Cache::pkgcache="" -o APT::Sandbox::User=""
apt-get "$@" update >"$work/log" 2>&1 && (cd "$work/source" && apt-get "$@" source cjson) >>"$work/log" 2>&1 || {
    cat "$work/log" >&2
    cannot "apt-get cannot fetch the source package cjson"
}
source=$(find "$work/source" -name cJSON.c | head -n 1)
[ -n "$source" ] || cannot "the source package cjson has no cJSON.c"
# shellcheck disable=SC2086 # CFLAGS are words
"$CC" -std=c99 -O2 -fPIC -fvisibility=hidden -DCJSON_HIDE_SYMBOLS ${CFLAGS:-} -c "$source" -o "$work/cJSON.o"
"${AR:-ar}" qcsD "$work/libcjson.a" "$work/cJSON.o"
mkdir -p "$folder/include/cjson"
cp "$(dirname "$source")/cJSON.h" "$folder/include/cjson/"
mv "$work/libcjson.a" "$folder/libcjson.a"
echo "$folder/libcjson.a"
