#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-tidy.sh BUILD [FOLDER/...]: clang-tidy with .clang-tidy (and those of the folders) over the C sources that BUILD
# compiles: the libraries and the command, or what is in the folders named, as in "tests/ fuzz/ bench/ examples/".
set -eu
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null 2>&1 || {
    echo "skipped: clang-tidy is missing (Debian: apt-get install clang-tidy)"
    exit 0
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
build=$1
shift
[ $# -gt 0 ] || set -- src/ tools/
status=0
# Checked functions of the C library (_FORTIFY_SOURCE) would hide the real ones from it.
python3 scripts/checks/compile-database.py "$build" "$build/checks/tidy" "$@" |
    xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$build/checks/tidy" --quiet --warnings-as-errors='*' \
        --extra-arg=-U_FORTIFY_SOURCE 2>"$log" || status=$?
# how many warnings of the system's headers it left out is of no interest
grep -v -e ' warnings\? generated\.$' -e '^Suppressed ' -e '^Use -header-filter' "$log" >&2 || true
exit "$status"
