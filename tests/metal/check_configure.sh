#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_configure.sh CMAKE SOURCE_DIR WORK_DIR
# Configures the project as on macOS, with what CMake would find there set by hand, and looks at what would be built:
# the plugin of Objective-C and the shaders' text, with Apple's frameworks and one exported function, and no CUDA.
set -eu
cmake=$1
source_dir=$2
work=$3
rm -rf "$work"
mkdir -p "$work"
echo 'set(APPLE ON)' >"$work/apple.cmake"
if ! "$cmake" -S "$source_dir" -B "$work/build" -G Ninja -DCMAKE_PROJECT_mlsel_INCLUDE="$work/apple.cmake" \
    -DMLSEL_METAL=ON -DMLSEL_BUILD_DROPIN=OFF >"$work/log" 2>&1; then
    cat "$work/log"
    echo "FAILED: the project cannot be configured as on macOS"
    exit 1
fi
need() {
    grep -q -- "$1" "$work/build/build.ninja" || {
        echo "FAILED: \"$1\" is not in what would be built"
        exit 1
    }
}
need 'mlsel_metal.dir/src/metal/device.m.o'
need '-fobjc-arc'
need 'libmlsel-metal.dylib'
need '-framework Metal'
need 'exported_symbols_list'
need 'metal_source.c'
need 'tests/metal/metal_fixtures'
if grep -q 'mlsel_cuda' "$work/build/build.ninja"; then
    echo "FAILED: the CUDA plugin would be built"
    exit 1
fi
echo "configures, with the plugin for Metal"
