#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make_archive.sh ARCHIVE MAP FILE...: an archive of one object, linked from the object files and from what they need of
# the archives among FILE, in which only the symbols that the version script MAP names are visible.
set -eu

archive=$1
map=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -nE 's/^ *([a-z][a-z0-9_]*);.*/\1/p' "$map" >"$work/symbols"
[ -s "$work/symbols" ] || {
    echo "$0: no symbols in $map" >&2
    exit 1
}
object=$work/$(basename "$archive" .a).o
"${LD:-ld}" -r -o "$object" "$@"
"${OBJCOPY:-objcopy}" --keep-global-symbols="$work/symbols" "$object"
rm -f "$archive"
"${AR:-ar}" qcsD "$archive" "$object"
