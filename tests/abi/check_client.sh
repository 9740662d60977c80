#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_client.sh OLD NEW ARGUMENT...: a program compiled with an old header and the same one compiled with today's print
# the same. The environment's EMULATOR runs programs of another processor; "@" among the arguments becomes a new folder.
set -eu

old=$1
new=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/folder"
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    [ "$argument" != "@" ] || argument=$work/folder
    set -- "$@" "$argument"
    count=$((count - 1))
done
for name in old new; do
    program=$old
    [ "$name" = old ] || program=$new
    status=0
    ${EMULATOR:-} "$program" "$@" >"$work/$name" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        cat "$work/$name"
        echo "FAILED: compiled with the $name header: status $status"
        exit 1
    fi
done
lines=$(wc -l <"$work/old")
[ "$lines" -gt 20 ] || {
    echo "FAILED: the program printed only $lines lines"
    exit 1
}
diff "$work/old" "$work/new" || {
    echo "FAILED: a program compiled with the old header (<) is told something else than a new one (>)"
    exit 1
}
echo "$lines lines, the same with the old header and today's"
