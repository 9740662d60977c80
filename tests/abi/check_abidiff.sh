#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_abidiff.sh SOURCE_DIR SHARED: compares the library's binary interface, as its debug information describes it,
# with the one recorded in abi/, as in abi/libmlsel.abi. gcc and clang give the same.
set -eu

source_dir=$1
shared=$2
baseline=$source_dir/abi/$(basename "$shared" | sed 's/\.so.*//').abi

skip() {
    echo "skipped: $1"
    exit 0
}
command -v abidiff >/dev/null 2>&1 || skip "abidiff is missing (Debian: apt-get install abigail-tools)"
[ "$(uname -sm)" = "Linux x86_64" ] || skip "${baseline##*/} was recorded on x86_64 Linux, this is $(uname -sm)"
[ -f "$shared" ] || {
    echo "FAILED: there is no $shared"
    exit 1
}
readelf -S "$shared" | grep -q '\.debug_info' ||
    skip "the library has no debug information (add -g, as the presets gcc and clang do)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh "$source_dir/abi/dump_abi.sh" "$shared" >"$work/abi" || {
    echo "FAILED: abidw cannot describe $shared"
    exit 1
}

# Also changes that abidiff calls harmless, as the renaming of a field: sources would not compile any more.
# Status 1 and 2 are failures of abidiff itself, 4 says that something changed, 8 that it is surely incompatible.
status=0
abidiff --harmless "$baseline" "$work/abi" || status=$?
if [ $((status & 3)) -ne 0 ]; then
    echo "FAILED: abidiff ended with status $status"
    exit 1
fi
[ "$status" -ne 0 ] || exit 0

if abidiff --harmless --no-added-syms "$baseline" "$work/abi" >/dev/null 2>&1; then
    echo "FAILED: functions were added that ${baseline##*/} does not have. That is compatible: record them with" \
        "abi/update_baseline.sh"
else
    echo "FAILED: the binary interface changed, see above. Programs compiled earlier may break. Only where the header" \
        "permits it (a struct with struct_size grown at its end) may abi/update_baseline.sh record the change"
fi
exit 1
