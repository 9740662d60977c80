#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh [PRESET ...]: installs what is missing, then builds and tests with both compilers, their sanitizers and for arm64 (or
# only the presets named; arm64-all is arm64 with the tests that take long), checks formatting and runs the static checks;
# without presets named it also tests the packages and static programs for musl and arm64. The last lines say how long each
# step took and how it ended.
set -eu
cd "$(dirname "$0")/.."
exec </dev/null # where there is no standard input, the first file that a test opens must not become it

presets=${*:-gcc clang asan-ubsan tsan msan}
# On other processors Debian has no such compiler, and arm64 itself needs none.
if [ $# -eq 0 ] && [ "$(uname -m)" = x86_64 ]; then
    presets="$presets arm64"
fi
passed=0
failed=0
skipped=0
skips=$(mktemp)
output=$(mktemp)
spent=$(mktemp)
trap 'rm -f "$skips" "$output" "$spent"' EXIT

table=""
running=""
started=0
used=0

# step NAME: the step before it has ended. Processor time says how long it would have taken on a machine that is not busy.
step() {
    now=$(date +%s)
    times >"$spent" # not in a substitution, which is a process of its own
    used_now=$(awk 'NR == 2 { split($1 "m" $2, t, /[ms]+/); printf "%d", 60 * (t[1] + t[3]) + t[2] + t[4] }' "$spent")
    [ -z "$running" ] || table="$table$(printf '%6d %6d   %s' $((now - started)) $((used_now - used)) "$running")
"
    running=$*
    started=$now
    used=$used_now
    printf '\n== %s\n' "$*"
}

# A check that is one command: counts as one test, and as skipped if its output says so.
check() {
    name=$1
    shift
    step "$name"
    if ! "$@" >"$output" 2>&1; then
        failed=$((failed + 1))
        cat "$output"
        echo "FAILED: $name"
        return
    fi
    cat "$output"
    if grep -q '^skipped: ' "$output"; then
        skipped=$((skipped + 1))
        sed -n 's/^skipped: //p' "$output" >>"$skips"
    else
        passed=$((passed + 1))
    fi
}

# libraries_of PRESET: builds the libraries of others that it needs compiled in its own way; status 3 where they cannot be
# had, with the reason in $output
libraries_of() {
    case $1 in
    msan) # MemorySanitizer has to see into them
        CC=clang CFLAGS="-g -fsanitize=memory -fno-omit-frame-pointer" \
            sh scripts/static-libraries.sh build/static/msan >"$output" 2>&1
        ;;
    arm64)
        for program in aarch64-linux-gnu-gcc qemu-aarch64; do
            command -v "$program" >/dev/null 2>&1 || {
                echo "$program is missing (Debian: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)" >"$output"
                return 3
            }
        done
        CC=aarch64-linux-gnu-gcc sh scripts/static-libraries.sh build/static/arm64 tests >"$output" 2>&1 || return
        # the one header of the system's that needs nothing of this processor
        [ -s /usr/include/xxhash.h ] || {
            echo "xxhash.h is missing (Debian: apt-get install libxxhash-dev)" >"$output"
            return 3
        }
        cp /usr/include/xxhash.h build/static/arm64/include/
        ;;
    esac
}

run_preset() {
    preset=$1
    built=${preset%-all}
    case $built in
    msan | arm64)
        step "$preset: libraries"
        status=0
        libraries_of "$built" || status=$?
        cat "$output"
        if [ "$status" -eq 3 ]; then
            skipped=$((skipped + 1))
            echo "$preset: $(tail -n 1 "$output")" >>"$skips"
            return
        elif [ "$status" -ne 0 ]; then
            failed=$((failed + 1))
            echo "FAILED: $preset: libraries"
            return
        fi
        ;;
    esac
    step "$preset: build"
    if ! { cmake --preset "$built" >/dev/null && cmake --build --preset "$built"; }; then
        failed=$((failed + 1))
        echo "FAILED: build of $preset"
        return
    fi
    case $preset in # what its filter in CMakePresets.json leaves out
    clang)
        echo "clang: emulated GPUs, Go and failing calls, which gcc's build runs" >>"$skips"
        echo "clang: nine tenths of the random cases that gcc's build runs (MLSEL_TEST_SHORT)" >>"$skips"
        ;;
    tsan) echo "tsan: tests that run in one thread" >>"$skips" ;;
    msan)
        echo "msan: training, the tool and C++, whose libraries it cannot see into; AVX-512; failing calls" >>"$skips"
        echo "msan: unit_test_batch, unit_test_isa_agreement, conformance_trained and _precisions, which take minutes; api_container on each level" >>"$skips"
        ;;
    arm64) echo "arm64: what takes long in an emulator (docs/checks.md, scripts/test.sh arm64-all)" >>"$skips" ;;
    esac
    step "$preset: test"
    report=build/$built/ctest.xml
    rm -f "$report"
    status=0
    # one more than there are processors, as some tests mostly wait
    ctest --preset "$preset" --parallel "$(($(nproc) + 1))" --output-junit ctest.xml || status=$?
    if [ ! -s "$report" ]; then
        failed=$((failed + 1))
        echo "FAILED: ctest of $preset left no report"
        return
    fi
    tests=$(tr '\n\t' '  ' <"$report" | sed -n 's/.*<testsuite [^>]* tests="\([0-9]*\)".*/\1/p')
    bad=$(tr '\n\t' '  ' <"$report" | sed -n 's/.*<testsuite [^>]* failures="\([0-9]*\)".*/\1/p')
    not_run=$(tr '\n\t' '  ' <"$report" | sed -n 's/.*<testsuite [^>]* skipped="\([0-9]*\)".*/\1/p')
    # A test that could not be started counts as skipped there, but ctest itself has failed.
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        failed=$((failed + 1))
        echo "FAILED: $preset: tests could not run"
    fi
    passed=$((passed + tests - bad - not_run))
    failed=$((failed + bad))
    skipped=$((skipped + not_run))
    sed -n -e "s/^skipped: /$preset: /p" -e "s/^SKIP /$preset: part of a test: /p" "build/$built/Testing/Temporary/LastTest.log" >>"$skips" || true
}

step "packages of the system"
sh scripts/install-packages.sh test
check "format" sh scripts/check-format.sh
check "documentation" sh scripts/check-docs.sh
# For the programs without shared libraries; where it cannot be had, their tests report themselves skipped.
step "static libraries"
status=0
sh scripts/static-libraries.sh || status=$?
if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then
    failed=$((failed + 1))
    echo "FAILED: static libraries"
fi
for preset in $presets; do
    run_preset "$preset"
done
if [ -f build/gcc/compile_commands.json ]; then
    check "static checks" sh scripts/check-sources.sh build/gcc
fi
if [ $# -eq 0 ]; then
    check "packages" sh scripts/check-packages.sh
    check "static programs with musl" sh scripts/check-static.sh musl
    check "static programs for arm64" sh scripts/check-static.sh arm64
fi

step "result"
if [ -s "$skips" ]; then
    echo "Skipped:"
    sort -u "$skips" | sed 's/^/  /'
fi
printf '%s\n' "" "Seconds, and seconds of processor time:"
printf '%s' "$table"
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
