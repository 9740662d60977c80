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
if [ -x "$build/bench/bench_train_mlp" ]; then
    echo "== training, 22000 rows an epoch"
    measured=above
    for device in cpu cuda cpu cuda; do
        for batch in 32 1000; do
            "$build/bench/bench_train_mlp" --device "$device" --batch "$batch" || measured=FAILED
        done
    done
    note "training benchmark" "$measured"
    [ "$measured" = above ] || failed=1
    if python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        measured=above
        python3 bench/peers/train_mlp.py "$build/bench/bench_train_mlp" --threads 1 --device cuda || measured=FAILED
        note "training beside PyTorch" "$measured"
        [ "$measured" = above ] || failed=1
    else
        note "training beside PyTorch" "skipped: it is not installed, or sees no card"
    fi
fi
if [ -x "$build/bench/bench_batcher" ]; then
    echo "== benchmark"
    if "$build/bench/bench_batcher" --device cuda --running 2 | tee -a "$log"; then
        note "benchmark" "above"
    else
        note "benchmark" "FAILED"
        failed=1
    fi
fi
echo
echo "$card"
printf '%s' "$results" | awk -F'|' '{ printf "%-28s  %s\n", $1, $2 }'
exit "$failed"
