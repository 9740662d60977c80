#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-sources.sh BUILD [CHECK...]: all static checks (headers cppcheck analyzer tidy), or those named, one after the
# other, and at the end how each went and how long it took. BUILD was configured with gcc (preset "gcc").
set -eu
cd "$(dirname "$0")/.."
build=$1
shift
checks=${*:-headers cppcheck analyzer tidy}
output=$(mktemp)
trap 'rm -f "$output"' EXIT
summary=""
failed=0
for check in $checks; do
    start=$(date +%s)
    status=0
    argument=$build
    [ "$check" != headers ] || argument=gcc
    sh "scripts/check-$check.sh" "$argument" >"$output" 2>&1 || status=$?
    cat "$output"
    result=ok
    if [ "$status" -ne 0 ]; then
        result=FAILED
        failed=1
    elif grep -q '^skipped: ' "$output"; then
        result=skipped
    fi
    summary="$summary$(printf '%-9s %-7s %4d s' "$check" "$result" $(($(date +%s) - start)))
"
done
printf '%s' "$summary"
exit "$failed"
