#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dump_abi.sh LIBRARY: prints the binary interface of a libmlsel.so with debug information: what the public headers show,
# and nothing that depends on the machine or compiler, as are lines, folders and the libraries needed.
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

abidw --headers-dir "$source_dir/include" --drop-private-types --exported-interfaces-only --drop-undefined-syms \
    --no-show-locs --no-comp-dir-path --no-corpus-path --no-elf-needed --type-id-style hash "$1" >"$work/abi"
sed "s|path='[^']*/src/|path='src/|" "$work/abi"
