#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gpu-check.sh [BUILD_DIR]
# On a machine with an NVIDIA card and the CUDA toolkit: builds mlsel with its plugin, runs the conformance cases on the
# card, the same under compute-sanitizer, trains on it, and measures single queries, batches and training, the last beside
# the CPU and, where it is installed, PyTorch. The last lines are a table. What cannot be run is reported as skipped, with
# the reason.
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
run "training steps" "$build/tests/cuda/cuda_train_steps"
if command -v compute-sanitizer >/dev/null 2>&1; then
    for tool in memcheck racecheck initcheck; do
        run "random shapes, $tool" compute-sanitizer --tool "$tool" --error-exitcode 1 "$build/tests/cuda/cuda_shapes"
        run "training steps, $tool" compute-sanitizer --tool "$tool" --error-exitcode 1 \
            "$build/tests/cuda/cuda_train_steps"
    done
else
    note "compute-sanitizer" "skipped: it is not installed"
fi
# Two trainings give the same bytes.
train() { # FOLDER
    "$build/mlsel" train --data-file "$build/records.jsonl" --embedding-model builtin --algorithm mlp --mlp-epochs 20 \
        --device cuda --output-dir "$build/$1"
}
train_twice() {
    awk -v n=1000 -f examples/make_records.awk >"$build/records.jsonl"
    train trained && train again && cmp "$build/trained/mlp_model.json" "$build/again/mlp_model.json"
}
run "training, twice the same" train_twice
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
# training, 22000 rows an epoch, in turns
train_epochs() {
    for device in cpu cuda cpu cuda; do
        "$build/bench/bench_train_mlp" --device "$device" || return 1
        "$build/bench/bench_train_mlp" --device "$device" --batch 1000 || return 1
    done
}
benchmark training train_epochs
if python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    benchmark training-pytorch python3 bench/peers/train_mlp.py "$build/bench/bench_train_mlp" --threads 1 --device cuda
else
    note "benchmark: training-pytorch" "skipped: PyTorch is not installed, or sees no card"
fi
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
