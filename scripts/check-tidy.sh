#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-tidy.sh BUILD: clang-tidy with .clang-tidy over the library and the tool, as far as BUILD compiles them.
set -eu
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard -- 'src/*.c' 'tools/*.c' | while read -r file; do
    if grep -q "\"file\": \".*/$file\"" "$1/compile_commands.json"; then
        printf '%s\0' "$file"
    fi
done | xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$1" --quiet --warnings-as-errors='*' 2>/dev/null
