#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_refused.sh CMAKE SOURCE WORK: configuring for a machine that mlsel is not made for ends with the reason. The
# compiler is not looked at, so that none for such machines is needed.
set -eu
refused() { # REASON OPTION...
    reason=$1
    shift
    if "$cmake" -S "$source" -B "$work" -DCMAKE_C_COMPILER_FORCED=ON "$@" >"$work.log" 2>&1; then
        echo "FAILED: not refused: $*"
        exit 1
    fi
    grep -q "$reason" "$work.log" || {
        cat "$work.log"
        echo "FAILED: refused, but not as \"$reason\""
        exit 1
    }
}
cmake=$1
source=$2
work=$3
rm -rf "$work"
refused "needs a 64-bit processor" -DCMAKE_SIZEOF_VOID_P=4 -DCMAKE_C_BYTE_ORDER=LITTLE_ENDIAN
rm -rf "$work"
refused "needs a little-endian processor" -DCMAKE_SIZEOF_VOID_P=8 -DCMAKE_C_BYTE_ORDER=BIG_ENDIAN
