#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_readme.sh SOURCE WORK LIBRARY_FOLDER COMPILER [FLAG]...; the environment's EMULATOR runs programs of another processor
set -eu
source=$1
work=$2
libraries=$3
shift 3
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$source/README.md" >"$work/first.c"
grep -q 'int main' "$work/first.c" || {
    echo "README.md has no C program" >&2
    exit 1
}
"$@" -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$source/include" "$work/first.c" -L"$libraries" -lmlsel \
    "-Wl,-rpath,$libraries" -o "$work/first"
cd "$source"
answer=$(${EMULATOR:-} "$work/first")
echo "$answer"
# the name of a model and its score
echo "$answer" | grep -Eq '^[a-z0-9.-]+ [0-9]+\.[0-9]{3}$'
