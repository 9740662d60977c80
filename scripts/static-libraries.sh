#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# static-libraries.sh [FOLDER [tests]]: makes archives of the libraries that mlsel needs, libcjson.a and libyaml.a, in FOLDER
# with the compiler $CC (default gcc), from Debian's source packages: for programs without shared libraries, where Debian has
# no archive or not one for this compiler. Headers go to FOLDER/include. Default FOLDER: build/static/TRIPLE, where cmake finds
# it. With "tests" also what the tests are linked with where Debian has nothing for this compiler: libcmocka.a, and both
# libraries shared, as some tests take the place of their functions and others tell their calls from mlsel's.
# Does nothing if they are there. Status 3: the sources cannot be had here.
set -eu
cd "$(dirname "$0")/.."

CC=${CC:-gcc}
triple=$("$CC" -print-multiarch 2>/dev/null || true)
[ -n "$triple" ] || triple=native
mkdir -p "${1:-build/static/$triple}"
folder=$(cd "${1:-build/static/$triple}" && pwd)
packages="cjson libyaml"
wanted="libcjson.a libyaml.a"
for_tests=${2:-}
if [ -n "$for_tests" ]; then
    packages="$packages cmocka"
    wanted="$wanted libcjson.so libyaml.so libcmocka.a"
fi
missing=""
for file in $wanted; do
    [ -s "$folder/$file" ] || missing="$missing $file"
done
[ -n "$missing" ] || exit 0

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
# shellcheck disable=SC2086 # the packages are words
apt-get "$@" update >"$work/log" 2>&1 && (cd "$work/source" && apt-get "$@" source $packages) >>"$work/log" 2>&1 || {
    cat "$work/log" >&2
    cannot "apt-get cannot fetch the source packages $packages"
}

# archive NAME HEADER_FOLDER SOURCE_FOLDER PATTERN FLAG...: FOLDER/libNAME.a
archive() {
    name=$1
    headers=$2
    from=$3
    pattern=$4
    shift 4
    mkdir -p "$work/$name" "$folder/include/$headers"
    # shellcheck disable=SC2086 # the pattern and CFLAGS are words
    (cd "$work/$name" && "$CC" -O2 -fPIC -fvisibility=hidden "$@" ${CFLAGS:-} -c "$from"/$pattern)
    "${AR:-ar}" qcsD "$work/lib$name.a" "$work/$name"/*.o
    mv "$work/lib$name.a" "$folder/lib$name.a"
    echo "$folder/lib$name.a"
}
# shared NAME SOURCE_FOLDER PATTERN FLAG...: FOLDER/libNAME.so, with all its functions visible
shared() {
    name=$1
    from=$2
    pattern=$3
    shift 3
    # shellcheck disable=SC2086 # the pattern and CFLAGS are words
    "$CC" -O2 -fPIC -shared "$@" ${CFLAGS:-} "$from"/$pattern -Wl,-soname,"lib$name.so" -o "$work/lib$name.so"
    mv "$work/lib$name.so" "$folder/lib$name.so"
    echo "$folder/lib$name.so"
}
cjson=$(dirname "$(find "$work/source" -name cJSON.c | head -n 1)")
archive cjson cjson "$cjson" cJSON.c -std=c99 -DCJSON_HIDE_SYMBOLS
cp "$cjson/cJSON.h" "$folder/include/cjson/"
yaml=$(dirname "$(find "$work/source" -name yaml_private.h | head -n 1)")
version=$(basename "$(dirname "$yaml")" | sed 's/^[^0-9]*//')
major=${version%%.*}
patch=${version##*.}
minor=${version#*.}
set -- -I"$yaml/../include" -DYAML_VERSION_STRING="\"$version\"" -DYAML_VERSION_MAJOR="$major" \
    -DYAML_VERSION_MINOR="${minor%%.*}" -DYAML_VERSION_PATCH="$patch" -DYAML_DECLARE_STATIC
archive yaml . "$yaml" '*.c' "$@"
cp "$yaml/../include/yaml.h" "$folder/include/"
[ -n "$for_tests" ] || exit 0
shared cjson "$cjson" cJSON.c -std=c99 -DCJSON_EXPORT_SYMBOLS
shared yaml "$yaml" '*.c' "$@"
cmocka=$(dirname "$(find "$work/source" -name cmocka.c | head -n 1)")
archive cmocka . "$cmocka" cmocka.c -I"$cmocka/../include" -DHAVE_INTTYPES_H -DHAVE_MALLOC_H -DHAVE_SIGNAL_H -DHAVE_STRINGS_H \
    -DHAVE_STRUCT_TIMESPEC -DHAVE_CLOCK_REALTIME -DHAVE_GCC_THREAD_LOCAL_STORAGE
cp "$cmocka"/../include/cmocka*.h "$folder/include/"
