# SPDX-License-Identifier: Apache-2.0
# Small artifacts and the same four queries in every format. Sourced by tool_test.sh.

cat >knn.json <<'END'
{"algorithm": "knn", "trained": true, "k": 3, "feature_dim": 4,
 "embeddings": [[1, 0, 0, 0], [1, 0, 0, 0.5], [0, 1, 0, 0], [0, 1, 0.5, 0], [0, 0, 1, 0]],
 "labels": ["alpha", "alpha", "beta", "beta", "gamma-large"],
 "qualities": [0.75, 0.5, 1, 0.5, 0.25], "latencies": [1000000000, 250000000, 0, 0, 90000]}
END
cat >kmeans.json <<'END'
{"algorithm": "kmeans", "trained": true, "num_clusters": 3, "feature_dim": 4,
 "centroids": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0]], "cluster_models": ["alpha", "beta", "delta"]}
END
# Three classes in an order of their own: class 0 is c.
cat >svm.json <<'END'
{"algorithm": "svm", "trained": true, "model_names": ["a", "b", "c"], "kernel_type": "Linear", "feature_dim": 4,
 "support_vectors": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], "n_support": [1, 1, 1], "classes": [2, 0, 1],
 "dual_coef": [[1, -1, -0.5], [0.25, 0.125, -2]], "intercept": [0.0625, 0.5, -0.25]}
END
cat >svm2.json <<'END'
{"algorithm": "svm", "trained": true, "model_names": ["a", "b"], "kernel_type": "Linear", "feature_dim": 4,
 "support_vectors": [[1, 0, 0, 0], [0, 1, 0, 0]], "n_support": [1, 1], "classes": [0, 1],
 "dual_coef": [[-1, 1]], "intercept": [0]}
END
cat >mlp.json <<'END'
{"algorithm": "mlp", "trained": true, "model_names": ["alpha", "beta"], "feature_dim": 4, "layers": [
 {"type": "linear", "in_features": 4, "out_features": 2, "weight": [[1, 0, 0, 0], [0, 1, 0.5, 0]], "bias": [0, 0.25]},
 {"type": "relu"},
 {"type": "linear", "in_features": 2, "out_features": 2, "weight": [[1, 0], [0, 1]], "bias": null}]}
END
# Two embedding values and fourteen categories: a cluster each for the columns 0, 12, 9 and 5 of the category block.
cat >categories.json <<'END'
{"algorithm": "kmeans", "trained": true, "num_clusters": 4, "feature_dim": 16, "centroids": [
 [0, 0,  1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
 [0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], [0, 0,  0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
 "cluster_models": ["column-0", "column-12", "column-9", "column-5"]}
END
printf '%s\n' '{"algorithm": "kmeans", "num_clusters": 2, "feature_dim": 2, "centroids": [[0, 0], [1, 1]],' \
    ' "cluster_models": ["\u001b[31mred\u202e", "модель, большая"]}' >hostile.json

# 1, 0.5, 0, 0 / 0, 2, 0, 0 / 0, 0, 1, 0 / -1, 0, 0, 0.5
printf '%s\n' '{"features": [1, 0.5, 0, 0]}' '{"features": [0, 2.0, 0, 0]}' '{"features": [0, 0, 1e0, 0]}' \
    '{"features": [-1, 0, 0, 5e-1]}' >queries.jsonl

f32_one='\000\000\200\077' f32_half='\000\000\000\077' f32_two='\000\000\000\100' f32_zero='\000\000\000\000'
f32_minus='\000\000\200\277'
f32_rows="$f32_one$f32_half$f32_zero$f32_zero$f32_zero$f32_two$f32_zero$f32_zero"
f32_rows="$f32_rows$f32_zero$f32_zero$f32_one$f32_zero$f32_minus$f32_zero$f32_zero$f32_half"
f64_lead='\000\000\000\000\000\000'
f64_one="$f64_lead\\360\\077" f64_half="$f64_lead\\340\\077" f64_two="$f64_lead\\000\\100" f64_zero="$f64_lead\\000\\000"
f64_minus="$f64_lead\\360\\277"
f64_rows="$f64_one$f64_half$f64_zero$f64_zero$f64_zero$f64_two$f64_zero$f64_zero"
f64_rows="$f64_rows$f64_zero$f64_zero$f64_one$f64_zero$f64_minus$f64_zero$f64_zero$f64_half"

# npy MAJOR TYPE ORDER SHAPE DATA: a .npy file on standard output
npy() {
    dict="{'descr': '$2', 'fortran_order': $3, 'shape': $4, }"
    length=$((${#dict} + 1))
    printf '\223NUMPY'"\\00$1"'\000'
    printf "\\$(printf '%03o' "$length")\\000"
    [ "$1" -eq 1 ] || printf '\000\000'
    printf '%s\n' "$dict"
    printf "$5"
}

printf "$f32_rows" >queries.f32
npy 1 '<f4' False '(4, 4)' "$f32_rows" >queries.npy

# Categories, one that falls back, and none; a query as far from one cluster as from the other.
printf '%s\n' '{"embedding": [0, 0], "category": "math"}' '{"embedding": [0, 0], "category": "engineering"}' \
    '{"embedding": [0, 0]}' '{"embedding": [0, 0], "category": ""}' >embeddings.jsonl
printf '{"features": [0.5, 0.5, 0, 0]}\n' >tie.jsonl

# A configuration and requests for it.
cat >router.yaml <<'END'
decisions:
  - name: urgent
    priority: 9
    rules: {operator: AND, conditions: [{type: keyword, name: urgent}]}
    modelRefs: [{model: small}]
  - name: math
    priority: 5
    rules: {operator: AND, conditions: [{type: domain, name: math}]}
    algorithm: {type: knn, knn: {pretrained_path: knn.json}}
    modelRefs: [{model: alpha}, {model: base, lora_name: beta}, {model: gamma-large}]
  - name: law "quoted" \
    rules: {operator: AND, conditions: [{type: domain, name: law}]}
    algorithm: {type: static}
    modelRefs: [{model: first}, {model: second}]
END
e1=$(sed -n '1s/.*"features": *\(\[[^]]*\]\).*/\1/p' queries.jsonl)
printf '{"embedding": %s, "category": "math", "id": "a"}\n' "$e1" >requests.jsonl
printf '%s\n' '{"category": "law", "id": 7}' '{"signals": {"keyword": ["urgent", "x"], "language": "de"}}' \
    '{"category": "history"}' >>requests.jsonl

# A configuration with mistakes.
printf '%s\n' 'model_selection: {ml: {models_path: m}}' 'decisions:' '  - name: "数学 é"' \
    '    rules: {type: domain, name: math}' "$(printf '    modelRefs: [\t{model: x, lora-name: "数学"},\tx]')" \
    '    prioritty: 1' '    weather: fine' >bad.yaml

# 2048 queries, more than a chunk holds.
i=0
cp queries.jsonl many.jsonl
while [ $i -lt 9 ]; do
    cat many.jsonl many.jsonl >twice.jsonl
    mv twice.jsonl many.jsonl
    i=$((i + 1))
done
