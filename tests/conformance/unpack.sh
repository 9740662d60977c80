#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# unpack.sh DATA TARGET: puts the trained artifacts and their expectations, unpacked, into one folder.
set -eu
mkdir -p "$2"
for kind in knn kmeans svm mlp; do
    gzip -dc "$1/trained/${kind}_model.json.gz" >"$2/${kind}_model.json"
done
cp -f "$1/trained/expected.jsonl" "$1/trained/queries_300x1038.f32" "$1/semantic-router-kmeans_model.json" "$2"
