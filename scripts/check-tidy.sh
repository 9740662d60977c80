#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-tidy.sh BUILD: clang-tidy with .clang-tidy (and tests/.clang-tidy) over all C sources that BUILD compiles.
set -eu
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null 2>&1 || {
    echo "skipped: clang-tidy is missing (Debian: apt-get install clang-tidy)"
    exit 0
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# Checked functions of the C library (_FORTIFY_SOURCE) would hide the real ones from it.
python3 scripts/checks/compile-database.py "$1" "$1/checks/tidy" src/ tools/ examples/ bench/ fuzz/ tests/ |
    xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$1/checks/tidy" --quiet --warnings-as-errors='*' \
        --extra-arg=-U_FORTIFY_SOURCE 2>"$log" || status=$?
# how many warnings of the system's headers it left out is of no interest
grep -v -e ' warnings\? generated\.$' -e '^Suppressed ' -e '^Use -header-filter' "$log" >&2 || true
exit "$status"
