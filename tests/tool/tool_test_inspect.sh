# SPDX-License-Identifier: Apache-2.0
# inspect and devices.

run inspect knn.json
code_is "inspect knn" 0
err_empty "inspect knn"
out_has "inspect knn" "^knn.json\$"
out_has "inspect knn" "^  algorithm  *knn (k nearest neighbours)\$"
out_has "inspect knn" "^  format version  *1\$"
out_has "inspect knn" "^  query width  *4\$"
out_has "inspect knn" "^  rows  *5\$"
out_has "inspect knn" "^  neighbours (k)  *3\$"
out_has "inspect knn" "^  *2  gamma-large\$"
out_has "inspect knn" "^  memory .* on cpu, f32\$"
out_has "inspect knn" "^  content hash  *[0-9a-f]\{32\}\$"
uneven=$(grep '^  [a-z]' out | grep -cv '^  .\{16\} [^ ]')
if [ "$uneven" -eq 0 ]; then pass; else fail "inspect knn: $uneven values do not line up"; fi

run inspect mlp.json
out_has "inspect mlp" "^  layers  *3\$"
out_has "inspect mlp" "^ *LAYER  TYPE  *IN  *OUT  DETAIL\$"
out_has "inspect mlp" "^ *0  linear  *4  *2  bias\$"
out_has "inspect mlp" "^ *1  relu  *2  *2\$"
out_has "inspect mlp" "^ *2  linear  *2  *2  no bias\$"
run inspect svm.json
out_has "inspect svm" "^  decision  *one-vs-one, 3 classes, 3 pairs\$"
out_has "inspect svm" "^  kernel  *linear\$"
out_has "inspect svm" "^  support vectors  *3\$"
run inspect categories.json
out_has "inspect categories" "16 = 2 embedding + 14 category values"
out_has "inspect categories" "vsr order, weight 1"
out_has "inspect categories" "math, physics, chemistry"
out_has "inspect clusters" "^  clusters  *4\$"

run inspect --json knn.json mlp.json kmeans.json svm.json
code_is "inspect --json" 0
out_lines "inspect --json" 4
out_has "inspect --json knn" '^{"file":"knn.json","algorithm":"knn","format_version":1,"n_features":4,"labels":\["alpha","beta","gamma-large"\],'
out_has "inspect --json knn" '"k":3,"n_samples":5,"knn_rule":"cosine"}$'
out_has "inspect --json mlp" '"layers":\[{"type":"linear","in_features":4,"out_features":2,"bias":true},{"type":"relu"'
out_has "inspect --json kmeans" '"n_clusters":3}$'
out_has "inspect --json svm" '"form":"one_vs_one","kernel":"linear","gamma":null,"n_classes":3,"n_pairs":3,"n_support_vectors":3}$'

# Several files: a bad one does not keep the others from being shown.
run inspect missing.json knn.json
code_is "inspect a bad and a good file" 1
out_has "inspect a bad and a good file" "^knn.json\$"
err_has "inspect a bad and a good file" "pretrained model not found: missing.json"

# A pipe, standard input, and a name that begins with a dash.
in=knn.json
run inspect --json -
code_is "inspect standard input" 0
out_has "inspect standard input" '^{"file":"-","algorithm":"knn"'
in=/dev/null
if mkfifo pipe 2>/dev/null; then
    cat knn.json >pipe &
    run inspect --json pipe
    wait
    code_is "inspect a pipe" 0
    out_has "inspect a pipe" '"n_samples":5,"knn_rule":"cosine"}$'
fi
cp knn.json ./-odd.json
run inspect -- -odd.json
code_is "inspect after --" 0

# Lower precision and what it changes.
run inspect --precision int8 mlp.json
code_is "inspect --precision" 0
out_has "inspect --precision" "^  memory .* on cpu, int8\$"
out_has "inspect --precision" "^  agreement  *with f32, on 1,024 made-up queries"
out_has "inspect --precision" "^  margin in f32  *[0-9.]*, best to second best score, median\$"
out_has "inspect --precision" "^ *PRECISION  SAME CHOICE     SHARE  DIFFERENT  MARGIN THERE  LARGEST CHANGE\$"
out_has "inspect --precision" "^    int8  *[0-9,]*  *[0-9.]* %  "
out_lacks "inspect --precision" "^    bf16"
run inspect --agreement mlp.json
for precision in f16 bf16 int8; do out_has "inspect --agreement" "^    $precision  "; done
out_has "inspect --agreement" "^  memory .* on cpu, f32\$"
run inspect --agreement knn.json
code_is "inspect --agreement knn" 0
out_has "inspect --agreement knn" "^  agreement  *this artifact is scored in f32 only\$"
printf '%s\n' '{"features":[1,2,3,4]}' '{"features":[4,3,2,1]}' >agree.jsonl
run inspect --json --queries agree.jsonl mlp.json
code_is "inspect --queries" 0
out_has "inspect --queries" '"agreement":{"with":"f32","queries":2,"file":"agree.jsonl","median_margin":'
out_has "inspect --queries" '{"precision":"int8","same":[0-2],"share":[0-9.]*,"median_margin_where_different":'
printf '%s\n' '{"features":[1,2,3]}' >short.jsonl
refused "inspect --queries too short" 1 "short.jsonl:1: " inspect --queries short.jsonl mlp.json
refused "inspect --precision for knn" 1 "not available for knn" inspect --precision bf16 knn.json
refused "inspect --precision of none" 2 "f32, f16, bf16 or int8" inspect --precision int4 mlp.json
refused "inspect --agreement of f32" 2 "f32 agrees with itself" inspect --agreement --precision f32 mlp.json
in=mlp.json
refused "inspect --agreement of a pipe" 2 "more than once" inspect --agreement -
in=/dev/null

run devices
code_is "devices" 0
out_has "devices" "^cpu  *available  "
out_has "devices" "^auto  *available  "
out_has "devices" "^metal  *\(not \)*available  "
out_has "devices" "^cuda  *\(not \)*available  "
run devices --json cpu
code_is "devices --json cpu" 0
out_lines "devices --json cpu" 1
out_has "devices --json cpu" '^{"device":"cpu","available":true,"name":"cpu".*"precisions":\["f32","f16","bf16","int8"\]'
run devices cpu cuda:4000
code_is "devices: one that is not there" 4
out_has "devices: one that is not there" "^cuda:4000  *not available  ."
refused "devices: no device" 2 "abacus" devices abacus
