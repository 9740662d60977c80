# SPDX-License-Identifier: Apache-2.0
# `mlsel score`: what changes in a file of results, the summary, running code, what is refused.

builds "$HAS_COLLECT" score || return 0
cat >results.jsonl <<'END'
{"query": "q1", "model_name": "alpha", "response": "The answer is (B)", "ground_truth": "B", "metric": "em_mc", "performance": 0.0, "response_time": 1.25}
{"query": "q2", "model_name": "beta", "response": "It is 5.", "ground_truth": "2 + 3 = 5 #### 5", "metric": "GSM8K", "performance": 1.0}
{"query": "q3", "model_name": "alpha", "response": "who knows", "ground_truth": null, "performance": 0.0}
{"query": "q4", "model_name": "alpha", "error": "timeout", "performance": 0.0}
{"query": "q5", "model_name": "beta", "response": "```python\ndef f(x):\n    return x\n```", "ground_truth": "['assert f(1) == 1', 'assert f(2) == 3']", "metric": "code_eval", "performance": 0.0}
END

run score results.jsonl
code_is "score" 0
out_has "score: head" "^MODEL  *ROWS  *BEFORE  *AFTER  *CHANGED  *UNKNOWN  *NOT SCORED  *ERRORS\$"
out_has "score: alpha" "^alpha  *3  *0\.0000  *1\.0000  *2  *1  *0  *1\$"
out_has "score: beta" "^beta  *2  *0\.5000  *0\.5000  *0  *0  *1  *0\$"
out_has "score: all" "^all  *5  *0\.2500  *0\.6667  *2  *1  *1  *1\$"
err_has "score: code" "1 line of code_eval stays as it is, since its code was not run"
err_has "score: code" "hint: --allow-code-execution "

sed -e '1s/"performance": 0.0/"performance": 1.0/' \
    -e '3s/"performance": 0.0/"performance": 0.5, "performance_known": false/' results.jsonl >expected.jsonl
run score --output rescored.jsonl results.jsonl
code_is "score --output" 0
same "score --output" rescored.jsonl expected.jsonl
run score --output again.jsonl rescored.jsonl
same "score: nothing left to change" again.jsonl rescored.jsonl
refused "score: the output exists" 1 "rescored.jsonl: exists already" score --output rescored.jsonl results.jsonl
err_has "score: the output exists" "hint: .*--force"
cp results.jsonl place.jsonl
run score --force --output place.jsonl place.jsonl
code_is "score in place" 0
same "score in place" place.jsonl expected.jsonl
in=results.jsonl
run score --output piped.jsonl -
in=/dev/null
code_is "score of standard input" 0
same "score of standard input" piped.jsonl expected.jsonl
if [ "$(ls ./*.part 2>/dev/null | wc -l)" -eq 0 ]; then pass; else fail "score: leftovers"; fi

run score --json results.jsonl
code_is "score --json" 0
out_lines "score --json" 1
out_has "score --json" '^{"output":null,"models":\[{"model_name":"alpha","rows":3,"before":0,"after":1,"changed":2,"unknown":1,"not_scored":0,"errors":1},'
out_has "score --json" '"metrics":{"em_mc":1,"GSM8K":1},"bad_lines":0,"without_response":0,"code_not_run":1,"unknown_metrics":0}$'

run score --metric cem results.jsonl
code_is "score --metric" 0
out_has "score --metric: every line" "^beta  *2  *0\.5000  *0\.0000 "

# Odd lines are carried through, and said.
{
    cat results.jsonl
    echo 'no JSON'
    echo '{"query": "q6", "model_name": "beta", "ground_truth": "x"}'
    echo '{"query": "q7", "model_name": "beta", "ground_truth": "x", "response": "x", "metric": "rouge", "performance": 1}'
} >odd.jsonl
run score --output odd_out.jsonl odd.jsonl
code_is "score: odd lines" 0
err_has "score: bad line" "1 line is no JSON object .* line 6"
err_has "score: no response" "1 line without a response, .* line 7"
err_has "score: unknown metric" "1 line names an unknown metric, .* line 8"
tail -n 3 odd.jsonl >odd_end
tail -n 3 odd_out.jsonl >odd_out_end
same "score: odd lines" odd_end odd_out_end

if command -v python3 >/dev/null 2>&1; then
    run score --allow-code-execution --output ran.jsonl results.jsonl
    code_is "score: code" 0
    out_has "score: code" "^beta  *2  *0\.5000  *0\.7500  *1  *0  *0  *0\$"
    if tail -n 1 ran.jsonl | grep -q '"performance": 0\.5}$'; then pass; else fail "score: share of assertions"; fi
    printf '%s\n' '{"model_name": "m", "metric": "code_eval", "ground_truth": ["assert f() == 1"], "response": "import time\ndef f():\n    time.sleep(100)"}' >slow.jsonl
    run score --allow-code-execution --code-timeout 1 slow.jsonl
    code_is "score --code-timeout" 0
    out_has "score --code-timeout" "^m  *1  *-  *0\.0000 "
else
    echo "SKIP running code, for want of python3"
fi
refused "score: no such Python" 1 "no-such-python" score --allow-code-execution --python no-such-python results.jsonl

refused "score without a file" 2 "no results" score
refused "score of two files" 2 "too many files" score results.jsonl odd.jsonl
refused "score: unknown metric" 2 "em_mc, GSM8K, MATH, f1_score, code_eval, commongen_coverage or CEM" score --metric bleu results.jsonl
err_has "score: close to a metric" "hint: "
refused "score: file not there" 1 "file not found: none.jsonl" score none.jsonl
refused "score: no folder" 1 "no/out.jsonl" score --output no/out.jsonl results.jsonl
refused "score --code-timeout" 2 "code-timeout" score --code-timeout 0 results.jsonl
