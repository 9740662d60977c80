# SPDX-License-Identifier: Apache-2.0
# explain: the story in text and in JSON.

run explain --model knn.json --limit 1 queries.jsonl
code_is "explain knn" 0
err_empty "explain knn"
out_has "explain knn" "^Query 1\$"
out_has "explain knn" "^  knn (knn.json): alpha\$"
out_has "explain knn" "^    2 of the 3 nearest rows vote for alpha, .* in all; beta follows with "
out_has "explain knn" "^    LABEL  *SCORE  *PROB\.\$"
out_has "explain knn" "^    alpha  *[0-9.]*  *[0-9.]*  ####*  *chosen\$"
out_has "explain knn" "^    beta .* runner-up\$"
out_has "explain knn" "^ *ROW  *DISTANCE  VOTES FOR  *QUALITY  *LATENCY  *VOTE\$"
out_has "explain knn" "^ *0  *0\.[0-9]*  alpha  *0\.7500  *1\.00 s  *0\.[0-9]*\$"
out_has "explain knn" " 250 ms "
run explain --model kmeans.json --limit 1 queries.jsonl
out_has "explain kmeans" "^    Cluster 0 is the nearest, at a squared distance of 0\.2500; it belongs to alpha\.\$"
out_has "explain kmeans" "^ *CLUSTER  *DISTANCE  *LABEL\$"
out_has "explain kmeans" "^ *0  *0\.2500  alpha  *decided\$"
out_has "explain kmeans" "^ *1  *1\.2500  beta\$"
run explain --model kmeans.json --candidates delta --limit 1 queries.jsonl
out_has "explain next cluster" "The nearest cluster, 0, belongs to a label that is no candidate"
out_has "explain next cluster" "only label that can be chosen"
out_has "explain next cluster" "^    alpha .* no candidate\$"
run explain --model kmeans.json tie.jsonl
out_has "explain tie" "That is a tie; the cluster with the lowest number wins it"

# Class 0 of this artifact is c, 1 is a, 2 is b: (c,a) 1.0625 - 0.5 = 0.5625 and so on.
run explain --model svm.json --limit 1 queries.jsonl
out_has "explain svm" "^    LABEL  *SCORE  PAIRS WON  *PROB\.\$"
out_has "explain svm" "wins 2 of the 2 pairs it is in; .* wins 1\."
out_has "explain svm, first pair" "^    c vs a:  *+0\.5625 -> c\$"
out_has "explain svm, second pair" "^    c vs b:  *+0\.7500 -> c\$"
out_has "explain svm, third pair" "^    a vs b:  *-0\.1875 -> b\$"
run explain --model svm.json --limit 1 --json queries.jsonl
out_has "explain svm --json" '"pairs_won":{"a":0,"b":1,"c":2},"pairs":\[{"first":"c","second":"a","decision":0.5625,"winner":"c"},{"first":"c","second":"b","decision":0.75,"winner":"c"},{"first":"a","second":"b","decision":-0.1875,"winner":"b"}\]}$'
run explain --model svm2.json --limit 1 queries.jsonl
out_has "explain two classes" "^    a wins the only pair\.\$"
out_has "explain two classes: positive is for the first" "^    a vs b:  *+0\.5000 -> a\$"
run explain --model svm2.json --limit 1 --json queries.jsonl
out_has "explain two classes --json keeps the sign" '"decision":-0.5,"winner":"a"'
run explain --model mlp.json --limit 1 queries.jsonl
out_has "explain mlp" "^    alpha has the highest logit, 1\.0000; beta follows with 0\.7500\.\$"
out_has "explain mlp" "^    LABEL  *LOGIT  *PROB\.\$"
run explain --model categories.json embeddings.jsonl
out_has "explain category" "^  category  engineering\$"
out_has "explain category" 'category is not one of the artifact.s and counts as "other"'

run explain --model knn.json --json --limit 1 queries.jsonl
out_lines "explain knn --json" 1
out_has "explain knn --json" '"scores":{"alpha":[0-9.]*,"beta":[0-9.]*,"gamma-large":0},"probabilities":{"alpha":0\.[0-9]*,'
out_has "explain knn --json" '"neighbours":\[{"row":[01],"distance":[0-9.]*,"label":"alpha","quality":0\.[0-9]*,"latency_ns":[0-9]*,"vote":0\.[0-9]*},'
run explain --model kmeans.json --json --limit 1 queries.jsonl
out_has "explain kmeans --json" '"cluster_distances":\[0.25,1.25,5.25\]}$'

# explain and select give the same answer.
for model in knn kmeans svm svm2 mlp; do
    run select --model $model.json --json --scores queries.jsonl
    sed 's/}}$/}/' out >selected
    run explain --model $model.json --json queries.jsonl
    sed 's/,"probabilities":.*//' out >explained
    same "explain answers as select: $model" explained selected
done

# A label that can never be chosen.
sed 's/"model_names": \["a", "b", "c"\]/"model_names": ["a", "b", "c", "never"]/' svm.json >never.json
run explain --model never.json --limit 1 queries.jsonl
code_is "never chosen" 0
out_has "never chosen" "^    never  *-  .* never chosen by this artifact\$"
run select --model never.json --scores --json --limit 1 queries.jsonl
out_has "never chosen has no score" '"never":null}}$'

# Outcomes of every label. The nearest row of (1, 0, 0, 0) is row 0, then row 2 at 2 - 2 / sqrt(2).
cat >outcomes.json <<'END'
{"algorithm": "knn", "trained": true, "k": 2, "embeddings": [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]],
"labels": ["alpha", "beta", "beta"], "qualities": [1, 1, 0.5], "latencies": [0, 0, 0],
"model_names": ["alpha", "beta", "never-best"],
"outcomes": {"quality": [[1, 0.5, 0.75], [0, 1, 0.5], [0.25, 0.5, -1]], "prior": [0.5, 0.5, 0.5], "beta": 0, "shrinkage": 0}}
END
echo '{"features": [1, 0, 0, 0]}' >first.jsonl
run explain --model outcomes.json first.jsonl
code_is "explain outcomes" 0
out_has "explain outcomes" "^    never-best did best in the 2 nearest rows, of which 1 knows it: 0\.7500 expected; alpha follows with 0\.6250\.\$"
out_has "explain outcomes" "^ *ROW  *DISTANCE  BEST  *QUALITY  *LATENCY  *ADDED\$"
out_has "explain outcomes" "^ *0  *0\.0*  alpha  *1\.0000  .*  0\.7500\$"
out_has "explain outcomes" "^ *2  *0\.58[0-9]*  beta  *0\.5000  .*  0\.0*\$"
run explain --model outcomes.json --knn-rule vote first.jsonl
out_has "explain a vote" "^    1 of the 2 nearest rows votes for alpha"
out_has "explain a vote" "^    never-best  *-  .* never chosen by this artifact\$"
run inspect outcomes.json
out_has "inspect outcomes" "^  decision  *by the outcomes that the rows record for every label\$"
run inspect --json outcomes.json
out_has "inspect --json outcomes" '"n_samples":3,"knn_rule":"outcomes"'
run convert --force outcomes.json outcomes.safetensors
run convert --force outcomes.safetensors outcomes2.json
run explain --model outcomes.json --json first.jsonl
sed 's/"model":"[^"]*"//' out >before
for file in outcomes.safetensors outcomes2.json; do
    run explain --model $file --json first.jsonl
    sed 's/"model":"[^"]*"//' out >after
    same "$file answers as outcomes.json" after before
done
refused "outcomes without any" 1 '\$\.outcomes' select --model knn.json --knn-rule outcomes queries.jsonl
