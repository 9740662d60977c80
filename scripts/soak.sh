#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# soak.sh [MINUTES]: two processes under mixed load (default: 60 minutes), one in C and, where Go is there, one in Go: models
# of all kinds asked alone, in groups and through a router that is reloaded, loading and releasing in between. Prints what
# was done and what each process holds, and fails if an answer differs or memory, files or threads grow. See docs/checks.md.
set -eu
cd "$(dirname "$0")/.."
case ${1:-60} in
*[!0-9]* | "")
    echo "usage: $0 [MINUTES]" >&2
    exit 2
    ;;
esac
seconds=$((${1:-60} * 60))
build=$(pwd)/build/soak
log=$build/build.log
mkdir -p "$build"
rm -f "$build/go.log"
if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_LIBDIR=lib -DMLSEL_CUDA=OFF -DMLSEL_BUILD_TRAIN=OFF \
    -DMLSEL_BUILD_TOOL=OFF -DMLSEL_BUILD_DROPIN=OFF -DMLSEL_BUILD_EXAMPLES=OFF &&
    cmake --build "$build" --target mlsel mlsel_static soak && cmake --install "$build" --prefix "$build/prefix"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
"$build/tests/soak/soak" "$seconds" examples &
in_c=$!
trap 'kill "$in_c" 2>/dev/null || true' EXIT
status=0
if command -v go >/dev/null 2>&1 && command -v pkg-config >/dev/null 2>&1; then
    echo "a process in Go runs beside this one and writes to $build/go.log"
    (
        cd bindings/go
        export PKG_CONFIG_LIBDIR="$build/prefix/lib/pkgconfig" LD_LIBRARY_PATH="$build/prefix/lib" MLSEL_SOAK_SECONDS="$seconds"
        export GOPROXY=off GOFLAGS=
        go test -a -count=1 -v -timeout 0 -run '^TestSoak$' .
    ) >"$build/go.log" 2>&1 || status=1
else
    echo "skipped: the process in Go: go or pkg-config is missing (Debian: apt-get install golang-go pkg-config)"
fi
wait "$in_c" || status=1
if [ -s "$build/go.log" ]; then
    echo "the process in Go:"
    cat "$build/go.log"
fi
exit "$status"
