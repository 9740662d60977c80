#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_device.sh SOURCE_DIR
# Compiles the Objective-C of the Metal backend as far as a machine without Apple's frameworks can: against declarations
# of what it uses of them, with automatic reference counting.
set -eu
clang=${CLANG:-clang}
command -v "$clang" >/dev/null 2>&1 || {
    echo "skipped: clang, which knows Objective-C with automatic reference counting, is not installed"
    exit 0
}
cd "$1"
check() {
    "$clang" -x objective-c -std=c11 -fobjc-runtime=macosx-13.0 -fobjc-arc -fobjc-exceptions -fblocks -fsyntax-only \
        -Wall -Wextra -Wconversion -Werror -isystem tests/metal/apple_declarations -Iinclude -Isrc -Isrc/metal "$1"
}
check src/metal/device.m
# the check has to see something: a message that no declaration has
broken=$(mktemp)
trap 'rm -f "$broken"' EXIT
sed 's/newCommandQueue/newCommandQueueOfSorts/' src/metal/device.m >"$broken"
if check "$broken" >/dev/null 2>&1; then
    echo "FAILED: a method that does not exist is not noticed"
    exit 1
fi
echo "src/metal/device.m compiles against the declarations"
