#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh MINUTES [FUZZER...]: see usage() below and docs/fuzzing.md.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
usage: scripts/fuzz.sh MINUTES [FUZZER...]

Builds the fuzzers (preset fuzz: clang, libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) and runs each of them, or
those named, for MINUTES of processor time (a fraction is fine: 0.5), so that a busy machine does not make the run a
smaller one. Starts from the seeds in fuzz/corpus/FUZZER and what earlier runs found,
which stays in build/fuzz/corpus/FUZZER. A fuzzer ends at its first finding, which is kept in build/fuzz/findings/FUZZER with
the output beside it in build/fuzz/logs. Exit status 1 if there is any finding, also one of an earlier run that is still there.

       scripts/fuzz.sh --list               the fuzzers there are
       scripts/fuzz.sh --minimise FUZZER    picks from fuzz/corpus/FUZZER and build/fuzz/corpus/FUZZER the inputs that cover most,
                                            at most FILES and BYTES in all, and makes them the committed seeds; those
                                            there that have a name rather than a hash stay

Environment: JOBS   fuzzers at once (the number of processors); with fewer fuzzers than that, each runs several times on
                    one corpus
             FILES  for --minimise: 90
             BYTES  for --minimise: 180000

A finding becomes a test: see what is wrong with  build/fuzz/fuzz/fuzz_FUZZER build/fuzz/findings/FUZZER/crash-...,  make it
small with  build/fuzz/fuzz/fuzz_FUZZER -minimize_crash=1 -runs=100000 FILE,  mend the cause, and commit the input under a name
that says what it was as fuzz/regressions/FUZZER/NAME. Every build replays these as the test fuzz_replay_FUZZER. Then
remove it from the findings.
END
}

fail() {
    echo "fuzz.sh: $*" >&2
    exit 2
}

bin=build/fuzz/fuzz

build() {
    cmake --preset fuzz >build/fuzz.log 2>&1 && cmake --build --preset fuzz --target fuzzers >>build/fuzz.log 2>&1 ||
        { cat build/fuzz.log >&2 && fail "the build failed"; }
}

list() { ls "$bin" | sed -n 's/^fuzz_\(.*\)\.options$/\1/p'; }

# Seconds of processor time that a process and the children it waited for have used; nothing once it has ended.
cpu_seconds() { # PROCESS
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk -v ticks="$(getconf CLK_TCK)" '{ print ($12 + $13 + $14 + $15) / ticks }'
}

# One process of a fuzzer, told to end once it has had its time; its output, and then how it ended, go to its log.
run_one() { # NAME NUMBER SECONDS
    log=build/fuzz/logs/$1.$2.log
    # shellcheck disable=SC2046
    "$bin/fuzz_$1" $(sed 's/^/-/' "$bin/fuzz_$1.options") -handle_usr1=1 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$1/" "build/fuzz/corpus/$1" "fuzz/corpus/$1" >"$log" 2>&1 &
    process=$!
    used=0
    while now=$(cpu_seconds "$process") && [ -n "$now" ]; do
        used=$now
        if awk -v now="$now" -v end="$3" 'BEGIN { exit !(now >= end) }'; then
            kill -USR1 "$process" 2>/dev/null || true
        fi
        sleep 1
    done
    status=0
    wait "$process" || status=$?
    echo "fuzz.sh: processor seconds $used" >>"$log"
    echo "fuzz.sh: exit status $status" >>"$log"
}

sum() { # PATTERN NAME: of the last numbers behind PATTERN in every log
    for log in build/fuzz/logs/"$2".[0-9]*.log; do
        sed -n "s/.*$1 *\\([0-9][0-9]*\\).*/\\1/p" "$log" | tail -n 1
    done | awk '{ n += $1 } END { print n + 0 }'
}

count_files() { find "$1" -type f ! -name '.*' | wc -l; }

row() { # NAME
    cpu=$(sum 'fuzz.sh: processor seconds' "$1")
    runs=$(sum 'stat::number_of_executed_units:' "$1")
    edges=$(for log in build/fuzz/logs/"$1".[0-9]*.log; do sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1; done | sort -n | tail -n 1)
    printf '%s %s %s %s %s %s %s\n' "$1" "$cpu" "$runs" "$(awk -v n="$runs" -v t="$cpu" 'BEGIN { printf "%.0f", (t > 0 ? n / t : 0) }')" \
        "${edges:-0}" "$(count_files "build/fuzz/corpus/$1")" "$(count_files "build/fuzz/findings/$1")"
}

# A process that ended otherwise than by its time without leaving a finding has to be seen too.
broken() { # NAME
    for log in build/fuzz/logs/"$1".[0-9]*.log; do
        grep -q '^fuzz.sh: exit status 0$' "$log" || { [ "$(count_files "build/fuzz/findings/$1")" -gt 0 ] || echo "$log"; }
    done
}

minimise() { # NAME
    control=build/fuzz/merge.$1
    merged=build/fuzz/merged.$1
    rm -rf "$control" "$merged"
    mkdir -p "$merged" "build/fuzz/corpus/$1"
    # Everything that an input covers is in the control file; what libFuzzer picks by itself is more than we want to keep.
    log=build/fuzz/logs/$1.merge.log
    "$bin/fuzz_$1" -set_cover_merge=1 -merge_control_file="$control" -artifact_prefix="$control." \
        "$merged" "fuzz/corpus/$1" "build/fuzz/corpus/$1" >"$log" 2>&1 || fail "the merge failed, see $log"
    if grep -q 'caused a failure' "$log"; then
        grep 'caused a failure' "$log" >&2
        fail "there are findings in the corpus"
    fi
    ls "$merged" >"$control.merged"
    awk -v files="${FILES:-90}" -v bytes="${BYTES:-180000}" -v merged="$control.merged" -f scripts/fuzz-pick.awk "$control" >"$control.picked"
    [ -s "$control.picked" ] || fail "the merge found nothing"
    rm -rf "$merged"
    mkdir "$merged"
    while read -r file; do
        case $file in
        fuzz/corpus/*) cp "$file" "$merged/" ;;
        *) cp "$file" "$merged/$(sha1sum "$file" | cut -c 1-12)" ;;
        esac
    done <"$control.picked"
    # libFuzzer leaves out an empty input; who named it wants it replayed
    find "fuzz/corpus/$1" -type f -size 0 -exec cp '{}' "$merged/" \;
    rm -rf "fuzz/corpus/$1"
    mv "$merged" "fuzz/corpus/$1"
    echo "fuzz/corpus/$1: $(count_files "fuzz/corpus/$1") files, $(cat "fuzz/corpus/$1"/* | wc -c) bytes"
}

mkdir -p build build/fuzz/logs
case ${1:-} in
--run) # by xargs below
    run_one "$2" "$3" "$4"
    exit 0
    ;;
--list)
    build
    list
    exit 0
    ;;
--minimise)
    [ $# -eq 2 ] || fail "--minimise takes the name of a fuzzer"
    build
    [ -x "$bin/fuzz_$2" ] || fail "there is no fuzzer $2; scripts/fuzz.sh --list names them"
    minimise "$2"
    exit 0
    ;;
-h | --help)
    usage
    exit 0
    ;;
'' | *[!0-9.]*)
    usage >&2
    exit 2
    ;;
esac
seconds=$(awk -v m="$1" 'BEGIN { s = int(60 * m + 0.5); print s }')
[ "$seconds" -ge 1 ] || fail "$1 minutes are too few"
shift
build
fuzzers=${*:-$(list)}
n=0
for name in $fuzzers; do
    [ -x "$bin/fuzz_$name" ] || fail "there is no fuzzer $name; scripts/fuzz.sh --list names them"
    mkdir -p "build/fuzz/corpus/$name" "build/fuzz/findings/$name"
    rm -f build/fuzz/logs/"$name".*.log
    n=$((n + 1))
done
jobs=${JOBS:-$(nproc)}
each=$((jobs > n ? jobs / n : 1))

for name in $fuzzers; do
    i=0
    while [ "$i" -lt "$each" ]; do
        echo "$name $i $seconds"
        i=$((i + 1))
    done
done >build/fuzz/work
echo "$n fuzzers, $each of each on one corpus, $jobs processes at once, $seconds seconds of processor time each"
xargs -n 3 -P "$jobs" sh scripts/fuzz.sh --run <build/fuzz/work

{
    echo "FUZZER CPU_S EXECUTIONS EXEC/S EDGES CORPUS FINDINGS"
    for name in $fuzzers; do
        row "$name"
    done
} | column -t
bad=0
for name in $fuzzers; do
    if [ "$(count_files "build/fuzz/findings/$name")" -gt 0 ]; then
        bad=1
        find "build/fuzz/findings/$name" -type f
    fi
    ended_badly=$(broken "$name")
    if [ -n "$ended_badly" ]; then
        bad=1
        echo "ended before its time, without a finding:" $ended_badly
    fi
done
exit "$bad"
