#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quickstart.sh [RECORDS.jsonl]: installs what is missing, builds mlsel, makes selectors of all four kinds from benchmark
# records, says what they are worth on records that they have not seen, and lets them choose for two new queries. Without
# RECORDS.jsonl the records are made up. What it writes is in build/quickstart.
set -eu
records=${1:-}
case $records in
'' | /*) ;;
*) records=$PWD/$records ;;
esac
cd "$(dirname "$0")/.."

sh scripts/install-packages.sh build
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Building mlsel in build/release"
if ! { cmake --preset release -DMLSEL_BUILD_TESTS=OFF -DMLSEL_BUILD_EXAMPLES=OFF &&
    cmake --build --preset release; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "quickstart: the build failed, see above" >&2
    exit 1
fi

out=build/quickstart
mkdir -p "$out"
if [ -n "$records" ]; then
    cp "$records" "$out/records.jsonl"
else
    awk -v n=800 -v seed=1 -f examples/make_records.awk >"$out/records.jsonl"
fi

# run COMMAND...: shows a command and runs it
run() {
    printf '\n$'
    printf ' %s' "$@"
    printf '\n'
    "$@"
}

run build/release/mlsel train --data-file "$out/records.jsonl" --holdout 0.25 --embedding-model builtin --threads 2 \
    --output-dir "$out/models" --report "$out/report.html"

cat >"$out/queries.jsonl" <<'END'
{"text": "Write a function that merges two sorted arrays", "category": "computer science"}
{"text": "Which treaty ended the Thirty Years War?", "category": "history"}
END
set --
for kind in knn kmeans svm mlp; do
    set -- "$@" --model "$out/models/${kind}_model.json"
done
run build/release/mlsel select "$@" --embedding-model builtin "$out/queries.jsonl"
