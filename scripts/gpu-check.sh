#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gpu-check.sh [BUILD_DIR]
# On a machine with an NVIDIA card and the CUDA toolkit: builds mlsel with its plugin, runs the conformance cases on the
# card, the same under compute-sanitizer, and a benchmark of single queries and batches. The last lines are a table. What
# cannot be run is reported as skipped, with the reason.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/gpu}
log=$build/gpu-check.log
results=""

note() {
    results="$results$1|$2
"
}

mkdir -p "$build"
: >"$log"
run() { # NAME COMMAND...
    name=$1
    shift
    echo "== $name"
    if "$@" >>"$log" 2>&1; then
        note "$name" passed
    else
        note "$name" "FAILED (see $log)"
        failed=1
    fi
}

failed=0
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMLSEL_CUDA=ON -DMLSEL_BUILD_BENCH=ON >>"$log" 2>&1 &&
    cmake --build "$build" >>"$log" 2>&1 || {
    tail -n 20 "$log"
    echo "gpu-check.sh: the build failed; scripts/install-packages.sh test installs what it needs" >&2
    exit 1
}
MLSEL_PLUGIN_PATH=$build/src/cuda
MLSEL_TEST_DEVICE=cuda
export MLSEL_PLUGIN_PATH MLSEL_TEST_DEVICE
if ! card=$("$build/mlsel" devices cuda 2>&1); then
    echo "skipped: $card"
    exit 3
fi
echo "$card"
run "fixtures" "$build/tests/cuda/cuda_fixtures"
ctest --test-dir "$build" -R '^conformance_unpack$' >>"$log" 2>&1 || true
if [ -s "$build/tests/trained/expected.jsonl" ]; then
    TEST_DATA_DIR=$build/tests/trained
    export TEST_DATA_DIR
    run "trained artifacts" "$build/tests/cuda/cuda_trained"
else
    note "trained artifacts" "skipped: the folder of the measuring data (MLSEL_TEST_DATA) is not here"
fi
run "f16 and bf16" "$build/tests/cuda/cuda_precisions"
run "random shapes" "$build/tests/cuda/cuda_shapes"
if command -v compute-sanitizer >/dev/null 2>&1; then
    for tool in memcheck racecheck initcheck; do
        run "random shapes, $tool" compute-sanitizer --tool "$tool" --error-exitcode 1 "$build/tests/cuda/cuda_shapes"
    done
else
    note "compute-sanitizer" "skipped: it is not installed"
fi
# benchmark NAME COMMAND...: prints what the command prints, and keeps it in the build folder
benchmark() {
    name=$1
    shift
    echo "== benchmark: $name"
    if "$@" >"$build/bench-$name.txt" 2>&1; then
        cat "$build/bench-$name.txt"
        note "benchmark: $name" "in $build/bench-$name.txt"
    else
        cat "$build/bench-$name.txt"
        note "benchmark: $name" "FAILED"
        failed=1
    fi
}
benchmark selectors "$build/bench/bench_card" --device cuda "--json=$build/bench-selectors.jsonl"
benchmark batcher "$build/bench/bench_batcher" --device cuda --running 2
echo
echo "$card"
printf '%s' "$results" | awk -F'|' '{ printf "%-28s  %s\n", $1, $2 }'
# what docs/backends.md has targets for; the columns are those of the benchmark's table
awk '$1 == "mlp-512-256" && $3 == "default" && $4 == 1 && $5 == "float" {
         printf "%-28s  %s us, p99 %s us (at most 50 us)\n", "MLP, one query, median", $6, $7 }
     $1 == "mlp-512-256" && $3 == "default" && $4 == 4096 {
         printf "%-28s  %.1f million queries/s, %s of the bound (%s)\n", "MLP, batch of 4096", $9 / 1e6, $13, $12 }
     $1 == "knn-100k" && $4 == 256 {
         printf "%-28s  %s of the bound (%s), at least 0.7 of the product in f32\n", "KNN 100k, batch of 256", $13, $12 }' \
    "$build/bench-selectors.txt"
exit "$failed"
