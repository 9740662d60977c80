#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-headers.sh [COMPILER]: each header of include/, src/, tools/ and bindings/go compiles alone, with nothing included
# before it; the public ones as C99 too. (That they do so as C++ is a test in tests/abi.)
set -eu
cd "$(dirname "$0")/.."
CC=${1:-gcc}
command -v "$CC" >/dev/null 2>&1 || {
    echo "skipped: $CC is missing"
    exit 0
}

# Not headers but texts that are included several times, each time with other macros defined.
templates="src/train/mlp_kernels_generic.h"

flags="-Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude -Isrc -Isrc/collect -Isrc/metal"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files --cached --others --exclude-standard -- 'include/*.h' 'src/*.h' 'tools/*.h' 'bindings/go/*.h' >"$work/all"
for template in $templates; do
    grep -Fxq "$template" "$work/all" || {
        echo "FAILED: there is no $template any more"
        exit 1
    }
    sed -i "\\|^$template\$|d" "$work/all"
done
[ "$(wc -l <"$work/all")" -gt 100 ] || {
    echo "FAILED: only $(wc -l <"$work/all") headers found"
    exit 1
}
: >"$work/empty.c"
export CC flags work
# The headers for CUDA are C++, read with those that stand in for the ones of the toolkit.
compile='
    language=c
    own=
    case $2 in
    src/cuda/*)
        set -- c++17 "$2"
        language=c++
        own="-Itests/cuda/fake -Itests/emulator"
        ;;
    *_avx512*) own="-mavx512f -mavx512bw -mavx512dq -mavx512vl" ;;
    esac
    if ! $CC -x $language -std=$1 $flags $own -include "./$2" "$work/empty.c" 2>"$work/log.$$"; then
        cat "$work/log.$$"
        echo "FAILED: $2 does not compile alone as $1"
        exit 1
    fi'
{
    sed 's/^/c11 /' "$work/all"
    grep '^include/' "$work/all" | sed 's/^/c99 /'
} | xargs -n 2 -P "$(nproc)" sh -c "$compile" sh
echo "$(wc -l <"$work/all") headers compile alone"
