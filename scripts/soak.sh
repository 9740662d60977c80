#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# soak.sh [MINUTES]: one process under mixed load (default: 60 minutes): models of all kinds asked alone, in groups and
# through a router that is reloaded, loading and releasing in between. Prints what was done and what the process holds, and
# fails if an answer differs or memory, files or threads grow. See docs/checks.md.
set -eu
cd "$(dirname "$0")/.."
case ${1:-60} in
*[!0-9]* | "")
    echo "usage: $0 [MINUTES]" >&2
    exit 2
    ;;
esac
build=build/soak
log=$build/build.log
mkdir -p "$build"
if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMLSEL_CUDA=OFF && cmake --build "$build" --target soak; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
exec "$build/tests/soak/soak" $((${1:-60} * 60)) examples
