# SPDX-License-Identifier: Apache-2.0
# select: choices, tables, candidates, options.

run select --model knn.json queries.jsonl
code_is "select" 0
err_empty "select"
out_lines "select" 5
out_has "select" "^QUERY  ALGORITHM  CHOICE  *SCORE  *MARGIN  *PROB\.  NOTES\$"
out_has "select" "^1      knn        alpha  "
out_has "select" "^2      knn        beta  "
if grep -q ' $' out; then fail "select: blanks at the end of a line"; else pass; fi
# Every number ends where its title ends.
score=$(awk 'NR == 1 { print index($0, "SCORE") + 4 }' out)
uneven=$(awk -v end="$score" 'NR > 1 && (substr($0, end, 1) !~ /[0-9]/ || substr($0, end + 1, 1) != " ")' out | wc -l)
if [ "$uneven" -eq 0 ]; then pass; else fail "select: the score column does not line up"; fi

run select --model knn.json --model kmeans.json --model svm.json --model mlp.json --json queries.jsonl
code_is "select with four models" 0
out_lines "select with four models" 16
out_has "json" '^{"query":1,"model":"knn.json","algorithm":"knn","choice":"alpha","score":[0-9.]*,"margin":[0-9.]*,"probability":0\.[0-9]*,"runner_up":"beta","notes":\[\]}$'
out_has "json of kmeans" '^{"query":1,"model":"kmeans.json","algorithm":"kmeans","choice":"alpha","score":-0.25,"margin":1,.*"runner_up":"beta","cluster":0,"notes":\[\]}$'
out_has "json of mlp" '^{"query":1,"model":"mlp.json","algorithm":"mlp","choice":"alpha","score":1,"margin":0.25,'
sed -n 's/.*"query":\([0-9]*\),"model":"\([a-z]*\).*/\1\2/p' out | tr '\n' ' ' >order
printf '1knn 1kmeans 1svm 1mlp 2knn 2kmeans 2svm 2mlp 3knn 3kmeans 3svm 3mlp 4knn 4kmeans 4svm 4mlp ' >expected
same "rows come query by query, models in the order given" order expected

# Models of one kind are told apart by file, or by path where files have one name.
cp knn.json knn_b.json
run select --model knn.json --model knn_b.json queries.jsonl
out_has "two of a kind" "^QUERY  ALGORITHM  FILE  "
out_has "two of a kind" "^1      knn        knn_b.json  alpha"
mkdir -p other && cp knn.json other/knn.json
run select --model knn.json --model other/knn.json queries.jsonl
out_has "two of a name" "^1      knn        other/knn.json  alpha"

run select --model mlp.json --scores queries.jsonl
out_has "--scores" "PROB\.  *alpha  *beta  NOTES"
out_has "--scores" "^1 .* 1\.0000  *0\.7500\$"
run select --model mlp.json --model kmeans.json --scores queries.jsonl
out_has "--scores of models with other labels" "PROB\.  *alpha  *beta  *delta  NOTES"
run select --model mlp.json --scores --json queries.jsonl
out_has "--scores --json" '"scores":{"alpha":1,"beta":0.75}}$'
run select --model mlp.json --json queries.jsonl
out_lacks "--json without --scores" '"scores"'

run select --model knn.json --limit 2 --json queries.jsonl
out_lines "--limit" 2
code_is "--limit" 0

# Candidates.
run select --model kmeans.json --candidates beta,delta --json queries.jsonl
code_is "--candidates" 0
out_has "--candidates" '"query":1,.*"choice":"beta",.*"runner_up":"delta","cluster":1,"notes":\["next_cluster"\]'
cp out by_comma
run select --model kmeans.json --candidates beta --candidates=delta --json queries.jsonl
same "--candidates may be repeated" out by_comma
run select --model kmeans.json --candidates delta queries.jsonl
out_has "one candidate" "^1 .* delta .*only choice, next cluster\$"
run select --model kmeans.json --candidates delta --json queries.jsonl
out_has "one candidate has no margin" '"margin":null,"probability":1,"runner_up":null,.*"notes":\["single"'
run select --model knn.json --k 1 --candidates gamma-large --json queries.jsonl
out_has "widened" '"query":1,.*"widened"'
refused "misspelt candidate" 1 'no model has a label "betta"' select --model kmeans.json --candidates betta queries.jsonl
err_has "misspelt candidate" 'did you mean "beta"?'
refused "unknown candidate" 1 "labels of kmeans.json: alpha, beta, delta" select --model kmeans.json --candidates gpt queries.jsonl
refused "empty candidates" 2 "names no label" select --model kmeans.json --candidates , queries.jsonl
run select --model knn.json --model kmeans.json --candidates beta,delta --json queries.jsonl
code_is "candidate of one model" 0
err_has "candidate of one model" 'warning: knn.json has no label "delta"'
refused "model without a candidate" 3 "queries.jsonl:1: knn.json: " select --model knn.json --model kmeans.json --candidates delta queries.jsonl
err_has "model without a candidate" "labels of knn.json: alpha, beta, gamma-large"
run select --model hostile.json --candidates "модель, большая" --json - </dev/null
code_is "a label with a comma" 0

# Options of models.
run select --model knn.json --json queries.jsonl
cp out by_default
run select --model knn.json --k 1 --json queries.jsonl
if cmp -s out by_default; then fail "--k changes nothing"; else pass; fi
run select --model knn.json --knn-rule legacy --json queries.jsonl
if cmp -s out by_default; then fail "--knn-rule changes nothing"; else pass; fi
run select --model knn.json --knn-rule cosine --precision f32 --device cpu --json queries.jsonl
same "defaults spelt out" out by_default
run select --model kmeans.json --k 3 --knn-rule legacy queries.jsonl
err_has "--k without a knn" "warning: --k has no effect"
err_has "--knn-rule without a knn" "warning: --knn-rule has no effect"
refused "device that is not there" 4 '"cuda' select --model knn.json --device cuda:4000 queries.jsonl
err_has "device that is not there" "hint: .*--device-fallback"
run select --model knn.json --device cuda:4000 --device-fallback --json queries.jsonl
code_is "--device-fallback" 0
same "--device-fallback" out by_default
err_has "--device-fallback" "warning: knn.json: cuda:4000 is not available, using cpu"
refused "unknown device" 2 "abacus" select --model knn.json --device abacus queries.jsonl

# Categories.
run select --model categories.json --json embeddings.jsonl
code_is "categories" 0
out_has "category math" '"query":1,"category":"math",.*"choice":"column-0".*"notes":\[\]'
out_has "category that falls back" '"query":2,.*"choice":"column-12".*"notes":\["category_fell_back"\]'
out_has "no category" '"query":3,"model".*"choice":"column-12".*"notes":\[\]'
out_has "empty category" '"query":4,.*"choice":"column-12".*"notes":\[\]'
run select --model categories.json --categories vsr-doc --json embeddings.jsonl
out_has "vsr-doc math" '"query":1,.*"choice":"column-9"'
out_has "vsr-doc engineering" '"query":2,.*"choice":"column-5".*"notes":\[\]'
run select --model categories.json embeddings.jsonl
out_has "category in the table" "^2 .*category counted as other\$"

# Ties are said.
run select --model kmeans.json tie.jsonl
out_has "tie" " alpha .* tie\$"
run select --model kmeans.json --json tie.jsonl
out_has "tie" '"margin":0,.*"notes":\["tie"\]'

run select --model mlp.json --precision int8 --json --limit 1 queries.jsonl
code_is "select in int8" 0
