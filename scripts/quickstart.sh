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
echo
set -x
build/release/mlsel select --model examples/models/knn_model.json --model examples/models/kmeans_model.json \
    --model examples/models/svm_model.json --model examples/models/mlp_model.json examples/queries.jsonl
