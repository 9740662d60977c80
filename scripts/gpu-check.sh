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
