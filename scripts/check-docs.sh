#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-docs.sh [OUT]: makes the reference of the C interface (in OUT, default a folder that is removed) and fails if the
# headers leave anything without a word; and looks whether the links in all Markdown files lead somewhere.
set -eu
cd "$(dirname "$0")/.."
if command -v python3 >/dev/null 2>&1; then
    python3 scripts/check_links.py
else
    echo "skipped: links: python3 is missing (Debian: apt-get install python3)"
fi

if ! command -v doxygen >/dev/null 2>&1; then
    echo "skipped: reference of the C interface: doxygen is missing (Debian: apt-get install doxygen)"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=${1:-$work/out}
version=$(sed -nE 's/^#define MLSEL_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+).*/\2/p' include/mlsel.h | paste -sd. -)
mkdir -p "$out"
sed -e "s|@PROJECT_VERSION@|$version|" -e "s|@PROJECT_SOURCE_DIR@|$(pwd)|g" -e "s|@MLSEL_DOCS_OUTPUT@|$out|" \
    docs/doxygen/Doxyfile.in >"$work/Doxyfile"
status=0
doxygen "$work/Doxyfile" >"$work/log" 2>&1 || status=$?
# Some versions warn without failing.
if [ "$status" -ne 0 ] || grep -q 'warning: ' "$work/log"; then
    sed "s|$(pwd)/||" "$work/log"
    echo "the reference of the C interface has the errors above"
    exit 1
fi
# What is exported is there: a group or file that lost its comment would drop functions without a warning.
missing=0
sed -nE 's/^(mlsel_[a-z0-9_]+) .*/\1/p' abi/symbols-in-versions* | sort -u >"$work/symbols"
[ -s "$work/symbols" ]
cat "$out"/html/*.html | sed 's/<[^>]*>//g' | grep -oE 'mlsel_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u >"$work/documented"
for symbol in $(comm -23 "$work/symbols" "$work/documented"); do
    echo "$symbol is exported, but not in the reference"
    missing=1
done
[ "$missing" -eq 0 ] || exit 1
echo "reference: $(wc -l <"$work/symbols") functions, no warnings"
