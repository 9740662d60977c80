#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [option...]: builds the benchmark and runs it: every case, then KNN with rows that repeat as trainers write
# them, with rows of one category, with rows that have to be scanned in f32, and with two threads. Options are those of `bench --help`.
# The results go to build/bench (MLSEL_BENCH_OUT) too, as bench*.txt and bench*.jsonl. Some ten minutes without options.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${MLSEL_BENCH_OUT:-$here/../build/bench}
programs=$("$here/build.sh" bench)

# run NAME OPTION...: one run of the program
run() {
    name=$1
    shift
    echo
    "$programs/bench" "--json=$out/$name.jsonl" "$@" | tee "$out/$name.txt"
}

run bench "$@"
run bench-repeat --kinds knn --isa best --repeat 4 "$@"
run bench-one-category --kinds knn --isa best --rows one-category "$@"
run bench-threads --kinds knn,svm,mlp --isa best --threads 2 "$@"
run bench-alike-threads --kinds knn --isa best --rows alike --threads 2 "$@"
run bench-alike --kinds knn --isa best --rows alike "$@"
