#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# update_baseline.sh [FOLDER]
# Records the binary interfaces of the libraries in abi/libmlsel.abi and abi/libmlsel_train.abi, which
# tests/abi/check_abidiff.sh compares with. FOLDER has libmlsel.so and libmlsel_train.so with debug information; by default
# they are built for this in a temporary folder. Look at the diff before it is committed: until the next release it is
# what "compatible" means. Runs on x86_64 Linux.
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ "$(uname -sm)" = "Linux x86_64" ] || {
    echo "update_baseline.sh: the baseline is that of x86_64 Linux, this is $(uname -sm)" >&2
    exit 1
}
command -v abidw >/dev/null 2>&1 || {
    echo "update_baseline.sh: abidw is missing (Debian: apt-get install abigail-tools)" >&2
    exit 1
}
folder=${1:-$work/build}
build() {
    cmake -S "$source_dir" -B "$work/build" -DCMAKE_C_COMPILER=gcc -DCMAKE_C_FLAGS=-g -DMLSEL_BUILD_TESTS=OFF \
        -DMLSEL_BUILD_EXAMPLES=OFF -DMLSEL_BUILD_TOOL=OFF &&
        cmake --build "$work/build" --target mlsel --target mlsel_train --parallel 2
}
if [ $# -eq 0 ] && ! build >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
fi
for library in libmlsel libmlsel_train; do
    sh "$source_dir/abi/dump_abi.sh" "$folder/$library.so" >"$work/abi"
    cp "$work/abi" "$source_dir/abi/$library.abi"
    echo "abi/$library.abi: $(grep -c '<elf-symbol ' "$work/abi") functions"
done
