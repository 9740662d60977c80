# SPDX-License-Identifier: Apache-2.0
# `mlsel benchmark` and `mlsel merge`: bad usage, files that are refused, and a run where there is a server.
# tests/collect/benchmark_test.py has what servers can do wrong.

builds "$HAS_COLLECT" benchmark merge || return 0
printf '{"query": "one? a", "ground_truth": "A", "metric": "em_mc"}\n{"query": "two? b", "ground_truth": "A"}\n' >bench.jsonl
printf 'models:\n  - name: m\n    api_key: ${MLSEL_TEST_UNSET}\n' >bench_models.yaml
unset MLSEL_TEST_UNSET
refused "benchmark without queries" 2 "queries is missing" benchmark --models m
refused "benchmark without models" 2 "has to say whom to ask" benchmark --queries bench.jsonl
refused "benchmark: unknown option" 2 "unknown option" benchmark --quieries bench.jsonl
err_has "benchmark: unknown option" "did you mean --queries"
for option in "--concurrency 0" "--concurrency 5000" "--limit 0" "--max-tokens x" "--temperature -1" "--timeout 0" \
    "--retries -1" "--shard 3/2" "--max-cost 0" "--seed 1.5"; do
    refused "benchmark $option" 2 "${option%% *}" benchmark --queries bench.jsonl --models m $option
done
refused "benchmark: an argument" 2 "unexpected argument" benchmark bench.jsonl
refused "benchmark: no queries" 1 "nowhere.jsonl" benchmark --queries nowhere.jsonl --models m
refused "benchmark: an unset variable" 1 "bench_models.yaml:3:14: .*MLSEL_TEST_UNSET" \
    benchmark --queries bench.jsonl --model-config bench_models.yaml
refused "benchmark: an address" 2 "no http or https address" \
    benchmark --queries bench.jsonl --models m --endpoint localhost:8000
refused "benchmark: an output that is no results" 1 "bench.jsonl:1: .*model_name" \
    benchmark --queries bench.jsonl --models m --output bench.jsonl
if [ -e benchmark_output.jsonl ]; then fail "benchmark: an output of a run that did not begin"; else pass; fi

row() { printf '{"query": "%s","model_name": "m",%s}\n' "$1" "$2"; }
{ row a '"error": "e"' && row b '"response": "x","performance": 1.0'; } >part1
{ row a '"response": "y","performance": 0.0' && row b '"response": "z"'; } >part2
refused "merge without parts" 2 "parts to join are missing" merge joined
refused "merge: different answers" 1 "part2:2: .*another answer in part1:2" merge joined part1 part2
err_has "merge: different answers" "hint: .*--prefer"
refused "merge --prefer" 2 "prefer" merge joined part1 --prefer best
if [ -e joined ]; then fail "merge: a file in spite of the conflict"; else pass; fi
run merge joined part1 part2 --prefer first
code_is "merge" 0
out_has "merge" "^joined: 2 rows"
err_has "merge" "1 errors were superseded"
{ row a '"response": "y","performance": 0.0' && row b '"response": "x","performance": 1.0'; } >expected
same "merge" joined expected
run merge joined joined --json
out_has "merge --json" '^{"output":"joined","rows":2,"answers":2,"superseded":0,"repeated":0,"conflicts":0,"cut_parts":0}$'

if ! command -v python3 >/dev/null 2>&1; then
    echo "SKIP runs of benchmark, which need python3 for a server"
    return 0
fi
mkfifo server_input
python3 "$source/tests/collect/fault_server.py" server_port <server_input &
exec 9>server_input
wait_until test -s server_port
url=http://127.0.0.1:$(cat server_port)/v1
no_proxy=127.0.0.1
export no_proxy
# What of the protection against code in answers is missing here, both commands that run it say.
layers() { sed -n 's/.*\(warning: this system does not let .*\)/\1/p' err; }
row q '"response": "x","ground_truth": "A"' >layers.jsonl
run score --allow-code-execution layers.jsonl
layers >expected
run benchmark --queries bench.jsonl --models ok --endpoint "$url" --allow-code-execution --output layers.out
layers >out
same "benchmark: protection against code that is missing" out expected

run benchmark --queries bench.jsonl --models ok,s404 --endpoint "$url"
code_is "benchmark" 0
out_has "benchmark" "^MODEL  *QUERIES  *PERFORMANCE  *MEAN TIME  *P95 TIME  *SUCCESS  *TOKENS  *COST\$"
out_has "benchmark" "^ok  *2  *0\.5000  .*100\.0%"
out_has "benchmark" "^s404  *2  *- .* 0\.0%"
err_has "benchmark" "warning: s404: 2 queries failed, the last with: HTTP 404: status 404"
if [ "$(wc -l <benchmark_output.jsonl)" -eq 4 ]; then pass; else fail "benchmark: rows"; fi
run benchmark --queries bench.jsonl --models ok --endpoint "$url"
err_has "benchmark goes on" "2 answers were in benchmark_output.jsonl already"
run benchmark --queries bench.jsonl --models ok --endpoint "$url" --no-resume --max-requests 1 --json
code_is "benchmark with a budget" 0
out_has "benchmark with a budget" '"end":"max_requests","queries":2,"pairs":2,"done":1,'
err_has "benchmark with a budget" "mlsel: --max-requests is used up after 1 of 2 pairs"
if [ "$HAS_TRAIN" -eq 1 ]; then # training takes the answers and leaves the failures out
    awk 'BEGIN { for (i = 0; i < 60; i++) printf "{\"query\": \"query %d of many, a\", \"ground_truth\": \"%s\", " \
        "\"metric\": \"em_mc\", \"category\": \"math\"}\n", i, i % 3 ? "A" : "B" }' >learn.jsonl
    run benchmark --queries learn.jsonl --models ok,ok-nousage,s404 --endpoint "$url" \
        --output for_train.jsonl
    run train --data-file for_train.jsonl --embedding-model builtin --algorithm knn --output-dir from_bench --json
    code_is "train on results" 0
    out_has "train on results" '"models":2,.*"failed":60,'
fi
exec 9>&-
wait
