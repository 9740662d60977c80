#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# coverage.sh: builds the preset coverage, runs its tests and prints what they ran of the sources; the same by file and line
# as HTML in build/coverage/html, where lcov is there. Fails if a test fails or if less is covered than docs/checks.md
# promises.
set -eu
cd "$(dirname "$0")/.."

build=build/coverage
cmake --preset coverage >/dev/null
cmake --build --preset coverage
find "$build" -name '*.gcda' -exec rm -f {} +
ctest --preset coverage --parallel "$(nproc)" --output-junit ctest.xml
status=0
python3 scripts/checks/coverage.py "$build" || status=1
if command -v genhtml >/dev/null 2>&1; then
    # Debian 12's lcov warns of itself on every run
    if ! { lcov --quiet --capture --directory "$build" --output-file "$build/all.info" --rc lcov_branch_coverage=1 &&
        lcov --quiet --extract "$build/all.info" "$(pwd)/src/*" "$(pwd)/tools/*" --output-file "$build/sources.info" \
            --rc lcov_branch_coverage=1 &&
        genhtml --quiet --branch-coverage --prefix "$(pwd)" --output-directory "$build/html" "$build/sources.info"; } \
        >"$build/lcov.log" 2>&1; then
        cat "$build/lcov.log" >&2
        exit 1
    fi
    echo "by file and line: $build/html/index.html"
else
    echo "no HTML: lcov is missing (Debian: apt-get install lcov)"
fi
exit "$status"
