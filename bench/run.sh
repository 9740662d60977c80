#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [option...]: builds the benchmark and runs it, with every row different and with every row four times, as
# trainers write them. Options are those of `bench --help`. The results go to build/bench (MLSEL_BENCH_OUT) too:
# bench.txt and bench.jsonl, bench-repeat.txt and bench-repeat.jsonl. Some ten minutes without options.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${MLSEL_BENCH_OUT:-$here/../build/bench}
programs=$("$here/build.sh" bench)
"$programs/bench" "--json=$out/bench.jsonl" "$@" | tee "$out/bench.txt"
echo
echo "Each KNN row four times:"
"$programs/bench" "--json=$out/bench-repeat.jsonl" --kinds knn --repeat 4 "$@" | tee "$out/bench-repeat.txt"
