#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-cppcheck.sh BUILD: cppcheck over the library, the tool, the examples, the benchmarks and the headers of the Go
# package, as BUILD compiles them. scripts/checks/cppcheck.cfg tells it what it cannot know,
# scripts/checks/cppcheck.suppressions what it need not say.
set -eu
cd "$(dirname "$0")/.."
command -v cppcheck >/dev/null 2>&1 || {
    echo "skipped: cppcheck is missing (Debian: apt-get install cppcheck)"
    exit 0
}
set -- "$1" --library=posix --library=scripts/checks/cppcheck.cfg --suppressions-list=scripts/checks/cppcheck.suppressions \
    --enable=warning,performance,portability,style --inline-suppr --error-exitcode=1 --quiet \
    --template='{file}:{line}:{column}: {severity}: {message} [{id}]'
build=$1
shift
python3 scripts/checks/compile-database.py "$build" "$build/checks/cppcheck" src/ tools/ examples/ bench/ >/dev/null
cppcheck --project="$build/checks/cppcheck/compile_commands.json" -j "$(nproc)" "$@"
cppcheck --language=c --std=c11 -I include "$@" bindings/go/*.h
