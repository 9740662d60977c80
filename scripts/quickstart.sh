#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quickstart.sh: installs what is missing, builds mlsel, and lets all four kinds of selector choose for six queries.
set -eu
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

models=""
for kind in knn kmeans svm mlp; do
    models="$models --model examples/models/${kind}_model.json"
done
printf '\n$ build/release/mlsel select%s examples/queries.jsonl\n' "$models"
build/release/mlsel select $models examples/queries.jsonl
