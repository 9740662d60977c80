# SPDX-License-Identifier: Apache-2.0
# route, and explain --config: answers, requests in every form, fallbacks, errors, watching, metrics.

run route router.yaml requests.jsonl
code_is "route" 3
err_empty "route"
out_lines "route" 5
out_has "route" "^REQUEST  DECISION  *MODEL  *ALGORITHM  *SCORE  *MARGIN  *PROB\.  NOTES\$"
out_has "route" "^a        math  *alpha  *knn  "
out_has "route" '^7        law "quoted" .*  first  .*first model$'
out_has "route" "^3        urgent  *small  *only choice\$"
out_has "route" "^4        - .*no decision matches category \"history\" with 0 signals"
if grep -q ' $' out; then fail "route: blanks at the end of a line"; else pass; fi
cp out by_file
in=requests.jsonl
run route router.yaml
same "route of standard input" out by_file
run route router.yaml -
same "route of -" out by_file
in=/dev/null

run route router.yaml --json requests.jsonl
code_is "route --json" 3
out_lines "route --json" 4
out_has "json" '^{"request":1,"id":"a","category":"math","decision":"math","choice":"alpha","algorithm":"knn","score":[0-9.]*,"margin":[0-9.]*,"probability":[0-9.]*,"notes":\["category_fell_back"\],"candidates":\[{"model":"alpha","eligible":true,"known":true,"score":[0-9.]*,"probability":[0-9.]*},{"model":"beta",.*\],"generation":1}$'
out_has "json" '^{"request":2,"id":7,"category":"law","decision":"law \\"quoted\\" \\\\","choice":"first","notes":\["no_selector"\]'
out_has "json of an error" '^{"request":4,"category":"history","error":"no decision matches.*","status":"MLSEL_ERROR_NO_DECISION"}$'

# What the options say counts for every request.
run route router.yaml --unavailable alpha --limit 1 --json requests.jsonl
code_is "--unavailable" 0
out_has "--unavailable" '"choice":"beta","base_model":"base",.*"notes":\["restricted","category_fell_back"\].*"model":"alpha","eligible":false'
run route router.yaml --allow gamma-large,small --limit 1 --json requests.jsonl
out_has "--allow" '"choice":"gamma-large","notes":\["single","restricted"\]'
run route router.yaml --unavailable alpha,base --unavailable gamma-large --limit 1 requests.jsonl
code_is "nothing left" 3
out_has "nothing left" 'decision "math": the request allows none of its 3 models'
run route router.yaml --min-probability 1 --limit 1 --json requests.jsonl
out_has "--min-probability" '"notes":\["low_confidence",'
printf '{"embedding": %s, "category": "math", "unavailable": ["alpha"], "allowed": ["alpha", "beta"]}\n' "$e1" >own.jsonl
printf '{"category": "math", "allowed": []}\n{"category": "math"}\n' >>own.jsonl
run route router.yaml --json own.jsonl
out_has "unavailable and allowed" '^{"request":1,.*"choice":"beta".*"notes":\["single","restricted"\]'
out_has "allowed: none" '^{"request":2,.*"status":"MLSEL_ERROR_NO_CANDIDATE"'
out_has "no embedding" '^{"request":3,.*"choice":"alpha","selector_status":"MLSEL_ERROR_INVALID_ARGUMENT","notes":\["selector_failed"\]'
run route router.yaml --strict own.jsonl
code_is "--strict" 3
out_has "--strict" '^3 .*its selector scores candidates, but the request has no embedding$'

# One request from the options alone.
run route router.yaml --category law
code_is "one request" 0
out_lines "one request" 2
out_has "one request" '^1        law '
run route router.yaml --signal keyword=urgent --signal language=de --category law --json
out_has "one request with signals" '"decision":"urgent","choice":"small"'

# What is wrong with a request is said with its place.
printf '{"category": "math", "signal": {"keyword": "urgent"}}\n' >slip.jsonl
refused "a slip" 1 'slip.jsonl:1: "signal" is no member of a request' route router.yaml slip.jsonl
err_has "a slip" 'did you mean "signals"?'
printf '{"category": "law"}\n{"signals": ["urgent"]}\n' >list.jsonl
refused "signals that are a list" 1 'list.jsonl:2: "signals" is not an object' route router.yaml list.jsonl
out_has "what comes before is answered" '^1        law '
printf '{"signals": {"keyword": [1]}}\n' >number.jsonl
refused "a signal that is a number" 1 'number.jsonl:1: "signals" has a name that is not a string' route router.yaml number.jsonl
printf '{"unavailable": "alpha"}\n' >name.jsonl
refused "unavailable without a list" 1 '"unavailable" is not an array of names' route router.yaml name.jsonl
printf '{"features": [1, 2, 3, 4]}\n' >features.jsonl
refused "features" 1 'a request has no "features"' route router.yaml features.jsonl
printf '{"embedding": [1, 2], "category": "math"}\n{"category": "law"}\n' >width.jsonl
run route router.yaml width.jsonl
code_is "width" 1
out_has "width" '^1        - .*embedding dimension mismatch'
out_has "width: the next is answered" '^2        law '

refused "no configuration" 2 "no configuration" route
refused "missing configuration" 1 "nowhere.yaml" route nowhere.yaml requests.jsonl
refused "bad signal" 2 'TYPE=NAME, not "urgent"' route router.yaml --signal urgent
refused "bad probability" 2 "a number from 0 to 1" route router.yaml --min-probability 2 requests.jsonl
refused "a second file" 2 "is a second" route router.yaml requests.jsonl own.jsonl
sed 's/knn.json/absent.json/' router.yaml >absent.yaml
refused "missing artifact" 1 'absent.yaml:9:51: decision "math": pretrained model not found' route absent.yaml requests.jsonl
err_has "missing artifact" "hint: .mlsel validate absent.yaml"
mkdir -p elsewhere && cp knn.json elsewhere/knn_model.json
refused "an artifact outside of --models-root" 1 'router.yaml:9:51: decision "math": knn.json is outside of models_root' \
    route router.yaml --models-root elsewhere requests.jsonl
refused "the same of explain" 1 'outside of models_root' explain --config router.yaml --models-root elsewhere requests.jsonl
run route absent.yaml --models elsewhere --models-root elsewhere requests.jsonl
code_is "--models below --models-root" 3
run route absent.yaml --models elsewhere requests.jsonl
code_is "--models" 3
refused "device" 4 'cuda' route router.yaml --device cuda:4000 requests.jsonl
err_has "device" "hint: .*--device-fallback"
run route router.yaml --device cuda:4000 --device-fallback --limit 1 --json requests.jsonl
out_has "--device-fallback" '"notes":\[.*"device_fallback"\]'

# Metrics: families in one piece, names and labels as Prometheus wants them, histograms that add up.
run route router.yaml --metrics metrics.prom requests.jsonl
same "--metrics to a file leaves the answers alone" out by_file
cp metrics.prom out
out_has "metrics" '^mlsel_requests_total 4$'
out_has "metrics" '^mlsel_request_errors_total 1$'
out_has "metrics" '^mlsel_decision_requests_total{decision="law \\"quoted\\" \\\\"} 1$'
out_has "metrics" '^mlsel_decision_selections_total{decision="math",model="beta"} 0$'
out_has "metrics" '^mlsel_decision_selections_total{decision="math",model="alpha"} 1$'
out_has "metrics" '^mlsel_decision_duration_seconds_bucket{decision="math",le="+Inf"} 1$'
bad=$(grep -v -c -E '^# (HELP|TYPE) mlsel_[a-z_]+ .+$|^mlsel_[a-z_]+(\{[a-z]+="([^"\\]|\\["\\n])*"(,[a-z]+="([^"\\]|\\["\\n])*")*\})? [0-9.e+-]+$' metrics.prom)
if [ "$bad" -eq 0 ]; then pass; else fail "metrics: $bad lines are not of the format"; fi
awk '/^# TYPE/ { if (seen[$3]++) bad = 1; family = $3; next } /^#/ { next }
     { name = $1; sub(/\{.*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
       if (name != family && base != family) bad = 1 }
     /_bucket/ { if ($NF < last && previous == $1) bad = 1 } END { exit bad }' metrics.prom &&
    pass || fail "metrics: a family is torn apart"
run route router.yaml --metrics - --limit 1 requests.jsonl
out_has "--metrics -" '^mlsel_requests_total 1$'
refused "metrics that cannot be written" 1 "cannot write nowhere/metrics" route router.yaml --metrics nowhere/metrics requests.jsonl

# Watching: a change is taken up, a bad one is not.
cp router.yaml watched.yaml
{
    head -n 1 requests.jsonl
    sleep 0.5
    sed 's/name: math$/name: maths/' router.yaml >watched.yaml
    sleep 1
    head -n 1 requests.jsonl
    echo 'decisions: [' >watched.yaml
    sleep 1
    head -n 1 requests.jsonl
} | "$mlsel" route watched.yaml --watch --json >out 2>err
code=$? ran="route --watch"
code_is "--watch" 0
sed -n 's/.*"decision":"\([a-z]*\)".*/\1/p' out | tr '\n' ' ' >order
printf 'math maths ' >expected
sed 's/maths maths /maths /' order >shortened
same "--watch takes up a change and keeps it" shortened expected
err_has "--watch" "watched.yaml: reloaded, generation 2, 3 decisions"
err_has "--watch" "error: .*watched.yaml:"
err_has "--watch" "hint: the configuration from before stays in use"

# The story.
run explain --config router.yaml requests.jsonl
code_is "explain --config" 3
err_empty "explain --config"
out_has "explain: rules" '^          no     keyword "urgent"$'
out_has "explain: rules" '^          yes    domain "math"$'
out_has "explain: order" '^       9  urgent: does not match$'
out_has "explain: order" '^       5  math: matches and is asked$'
out_has "explain: answer" '^  Answer: alpha, for math$'
out_has "explain: models" '^    beta  *base '
out_has "explain: selector" '^  knn (knn.json): alpha$'
out_has "explain: neighbours" '^ *ROW  *DISTANCE  VOTES FOR'
out_has "explain: unused signal" 'No rule asks for the signal "de"\.'
out_has "explain: no answer" '^  No answer: no decision matches category "history"'
run explain --config=router.yaml --json requests.jsonl
out_lines "explain --json" 4
out_has "explain --json" '^{"request":1,.*"decisions":\[{"name":"urgent","priority":9,"matched":false,"answered":false,"rules":\[{"depth":0,"kind":"AND","holds":false},{"depth":1,"kind":"condition","type":"keyword","name":"urgent","holds":false}\]}.*"neighbours":\[{"row":'
run explain --config router.yaml --category math
out_has "explain without an embedding" '^    The request has no embedding to score\.$'
refused "explain without requests of a file" 1 "nowhere" explain --config router.yaml nowhere.jsonl
