#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh TARGET...: builds the benchmark optimised and prints the folder of its programs. Used by the scripts here.
# MLSEL_BENCH_OUT is where everything goes (default build/bench); CC chooses the compiler.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=${MLSEL_BENCH_OUT:-$root/build/bench}
mkdir -p "$out"
log=$out/build.log
if ! { cmake -S "$root" -B "$out/release" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMLSEL_BUILD_BENCH=ON \
    -DMLSEL_BUILD_TESTS=OFF -DMLSEL_BUILD_TOOL=OFF -DMLSEL_BUILD_EXAMPLES=OFF \
    ${MLSEL_BENCH_CMAKE:+"$MLSEL_BENCH_CMAKE"} && cmake --build "$out/release" --target "$@"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
echo "$out/release/bench"
