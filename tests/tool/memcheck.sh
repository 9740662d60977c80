#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# memcheck.sh BINARY SOURCE_FOLDER SCRATCH_FOLDER: every command of mlsel under valgrind, on the examples: no bad access, no
# use of what was never written, nothing leaked. Servers are asked for in vain, which takes the same memory. Of the
# environment: HAS_TRAIN, HAS_COLLECT, HAS_SVM, as for tool_test.sh.
set -eu
LC_ALL=C
export LC_ALL

mlsel=$1
examples=$2/examples
rm -rf "$3"
mkdir -p "$3"
cd "$3"
command -v valgrind >/dev/null 2>&1 || {
    echo "skipped: valgrind is missing (Debian: apt-get install valgrind)"
    exit 0
}
case $(uname -m) in
x86_64) MLSEL_ISA=avx2 ;; # valgrind knows no AVX-512
*) MLSEL_ISA=portable ;;
esac
export MLSEL_ISA
if ! grep -q avx2 /proc/cpuinfo 2>/dev/null; then
    MLSEL_ISA=portable
fi
valgrind --quiet true >valgrind.log 2>&1 || {
    echo "skipped: valgrind does not run here: $(head -n 1 valgrind.log)"
    exit 0
}

failed=0
commands=0
# check EXPECTED ARGUMENT...: the exit code that the command has, and no complaint of valgrind's, whose own code is 99
check() {
    expected=$1
    shift
    commands=$((commands + 1))
    code=0
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible --child-silent-after-fork=yes --log-file=valgrind.log \
        "$mlsel" "$@" >out 2>err </dev/null || code=$?
    if [ "$code" -ne "$expected" ] || [ -s valgrind.log ]; then
        failed=$((failed + 1))
        echo "FAILED: mlsel $*: exit code $code, expected $expected"
        head -n 5 err
        head -n 40 valgrind.log
    fi
}

queries=$examples/queries.jsonl
head -n 2 "$queries" >few.jsonl
head -n 120 "$examples/records.jsonl" >records.jsonl
check 0 --help
check 0 version
check 0 devices
check 2 no-such-command
for kind in knn kmeans svm mlp; do
    model=$examples/models/${kind}_model.json
    check 0 inspect "$model"
    check 0 select --model "$model" --json few.jsonl
    check 0 explain --model "$model" --limit 1 few.jsonl
    check 0 convert "$model" "$kind.safetensors"
    check 0 select --model "$kind.safetensors" few.jsonl
done
check 0 select --model "$examples/models/knn_model.json" --prefer quality=0.7,latency=0.3 few.jsonl
check 0 select --model "$examples/models/mlp_model.json" --precision int8 few.jsonl
check 0 inspect --agreement --queries few.jsonl "$examples/models/mlp_model.json"
check 0 validate "$examples/router.yaml"
check 0 route "$examples/router.yaml" few.jsonl
check 0 explain --config "$examples/router.yaml" --limit 1 few.jsonl
# what is refused
echo '{"algorithm": "knn", "trained": true, "embeddings": [[1, 2], [1]]}' >bad.json
check 1 inspect bad.json
check 1 select --model bad.json few.jsonl
printf 'decisions:\n  - name: [\n' >bad.yaml
check 1 validate bad.yaml
check 1 route nowhere.yaml few.jsonl
echo '{"text": "x", "embedding": [1, 2]}' >narrow.jsonl
check 1 select --model "$examples/models/knn_model.json" narrow.jsonl

if [ "${HAS_TRAIN:-1}" -eq 1 ]; then
    set -- --algorithm knn --algorithm kmeans --algorithm mlp
    [ "${HAS_SVM:-1}" -ne 1 ] || set -- "$@" --algorithm svm
    check 0 train --data-file records.jsonl --embedding-model builtin --folds 2 --knn-k 3 --kmeans-clusters 4 \
        --mlp-epochs 1 --mlp-hidden-dims 8 --holdout 0.3 --report report.html --output-dir models "$@"
    check 0 evaluate --data-file records.jsonl --embedding-model builtin --models-dir models --resamples 20
    check 0 calibrate --model models/knn_model.json --data-file records.jsonl --embedding-model builtin \
        --output calibrated.json
    check 1 train --data-file nowhere.jsonl --embedding-model builtin
fi
if [ "${HAS_COLLECT:-1}" -eq 1 ]; then
    nowhere=http://127.0.0.1:9/v1
    sed 's/"model_name"/"response": "a", "model_name"/' records.jsonl >part.jsonl
    printf '{"query": "one?", "ground_truth": "A", "metric": "em_mc"}\n' >ask.jsonl
    printf '{"query": "one?", "model_name": "m", "response": "A", "ground_truth": "A", "metric": "em_mc"}\n' >answers.jsonl
    check 0 merge merged.jsonl part.jsonl
    check 0 score answers.jsonl
    check 0 embed --embedding-model builtin --limit 2 --no-cache records.jsonl
    check 1 benchmark --queries ask.jsonl --models m --endpoint $nowhere --retries 0 --output results.jsonl
    check 1 embed --embedding-model e5 --embedding-endpoint $nowhere --embedding-retries 0 --no-cache ask.jsonl
    check 1 download models --mirror http://127.0.0.1:9 --retries 0 --output-dir downloaded
fi
[ "$failed" -eq 0 ] || exit 1
echo "$commands commands, none of which misuses or leaks memory"
