#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-tidy.sh BUILD: clang-tidy with .clang-tidy over the library and the tool, from BUILD/compile_commands.json.
set -eu
cd "$(dirname "$0")/.."
git ls-files -z --cached --others --exclude-standard -- 'src/*.c' 'tools/*.c' |
    xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$1" --quiet --warnings-as-errors='*' 2>/dev/null
