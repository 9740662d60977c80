# SPDX-License-Identifier: Apache-2.0
# Trade-offs: --prefer, --tolerance, --cost in select, explain and route.
#
# The first query is nearest to rows 0 and 1 of alpha (qualities 0.75 and 0.5; 1 s and 0.25 s) and row 2 of beta
# (quality 1, latency not known).

run select --model knn.json --prefer quality=0.5,latency=0.5 --latency-scale 0.625 --scores --limit 1 --json queries.jsonl
code_is "--prefer" 0
err_empty "--prefer"
printf '%s\n' '{"query":1,"model":"knn.json","algorithm":"knn","choice":"alpha","score":0.5625,"margin":0.0625,"probability":0.5294117647058824,"runner_up":"beta","notes":["tradeoff"],"scores":{"alpha":0.5625,"beta":0.5,"gamma-large":null}}' >expected
same "--prefer" out expected
run select --model knn.json --prefer quality=1 --limit 1 queries.jsonl
out_has "quality alone" "^1      knn        beta  *1\.0000  *0\.3750  0\.6154  trade-off\$"
run select --model knn.json --tolerance 0.4 --limit 1 queries.jsonl
out_has "the fastest" "^1      knn        alpha  *0\.6250  *-0\.3750  0\.3846  trade-off\$"
run select --model knn.json --tolerance 0.3 --limit 1 queries.jsonl
out_has "within less" "^1      knn        beta "
run select --model knn.json --tolerance 0.4 --cost alpha=2 --cost=beta=1 --limit 1 queries.jsonl
out_has "the cheapest" "^1      knn        beta "
run select --model knn.json --prefer quality=1,cost=3 --cost alpha=1 --cost beta=9 --cost-scale 1 --scores --limit 1 --json queries.jsonl
out_has "cost" '"scores":{"alpha":0.53125,"beta":0.325,"gamma-large":null}'
run select --model knn.json --tolerance 0.4 --candidates gamma-large --limit 1 queries.jsonl
out_has "widened" "^1 .* gamma-large .*only choice, widened, trade-off\$"

# What can hardly be meant.
refused "no weight" 2 '--prefer cannot be "quality"' select --model knn.json --prefer quality queries.jsonl
err_has "no weight" "hint: as in .--prefer quality=0.7,latency=0.2,cost=0.1"
refused "unknown weight" 2 '--prefer cannot be "speed=1"' select --model knn.json --prefer speed=1 queries.jsonl
refused "NaN" 2 '--prefer cannot be "quality=nan"' select --model knn.json --prefer quality=nan queries.jsonl
refused "negative" 2 '--prefer cannot be "quality=1,latency=-1"' select --model knn.json --prefer quality=1,latency=-1 queries.jsonl
refused "all 0" 2 'one of the weights must be above 0' select --model knn.json --prefer quality=0 queries.jsonl
refused "no costs" 2 'weighs the cost, but there are no costs' select --model knn.json --prefer cost=1 queries.jsonl
refused "tolerance" 2 'a number from 0 to 1' select --model knn.json --tolerance 1.5 queries.jsonl
refused "cost without a name" 2 'MODEL=COST' select --model knn.json --tolerance 0 --cost =3 queries.jsonl
refused "cost alone" 2 '--cost has no effect alone' select --model knn.json --cost alpha=1 queries.jsonl
refused "scale" 2 'seconds above 0' select --model knn.json --tolerance 0 --latency-scale 0 queries.jsonl
refused "no outcomes" 1 'artifacts of kind mlp record none: use a knn artifact' select --model mlp.json --prefer quality=1 queries.jsonl
run select --model knn.json --model mlp.json --prefer quality=1 --limit 1 queries.jsonl
code_is "one of two can weigh" 0
err_has "one of two can weigh" "warning: mlp.json answers without the trade-off"
out_has "one of two can weigh" "^1      knn        beta .*trade-off\$"
run select --model knn.json --tolerance 0 --cost alhpa=1 --limit 1 queries.jsonl
code_is "unknown name" 0
err_has "unknown name" 'warning: --cost: no model has a label "alhpa"'
err_has "unknown name" 'did you mean "alpha"?'

# The story.
run explain --model knn.json --tolerance 0.4 --cost alpha=1 --cost beta=2 --limit 1 queries.jsonl
code_is "explain" 0
out_has "explain" "^    alpha is the cheapest of 2 that are within 0\.4000 of the best expected quality, 1\.0000 of beta\.\$"
out_has "explain" "^    LABEL  *ROWS  QUALITY  *LATENCY  *COST  *UTILITY  *PROB\.\$"
out_has "explain" "^    alpha  *2  *0\.6250  *625 ms  *1\.0000  *0\.6250  *0\.3846  ####*  *chosen\$"
out_has "explain" "^    beta  *1  *1\.0000  *-  *2\.0000  *1\.0000 .* runner-up\$"
out_has "explain" "^    gamma-large  *0  *-  *-  *-  *-  0\.0000  *no outcome\$"
out_has "explain" "^ *ROW  *DISTANCE  *LABEL  *QUALITY  *LATENCY\$"
if grep -q ' $' out; then fail "explain: blanks at the end of a line"; else pass; fi
run explain --model knn.json --prefer quality=1 --limit 1 queries.jsonl
out_has "explain --prefer" "^    beta has the highest utility, 1\.0000; alpha follows with 0\.6250\.\$"
run explain --model knn.json --tolerance 0 --cost beta=1 --limit 1 --json queries.jsonl
out_has "explain --json" '"outcomes":{"alpha":{"quality":0.625,"latency_ns":625000000,"cost":null,"samples":2},"beta":{"quality":1,"latency_ns":null,"cost":1,"samples":1},"gamma-large":{"quality":null,"latency_ns":null,"cost":null,"samples":0}}}$'
run explain --model knn.json --limit 1 --json queries.jsonl
out_has "outcomes without a trade-off" '"notes":\[\].*"outcomes":{"alpha":{"quality":0.625,'

# Requests: options for all, members for one, which come first. router.yaml is that of tool_test_route.sh.
run route router.yaml --tolerance 0.4 --cost alpha=2 --cost base=1 --limit 1 --json requests.jsonl
code_is "route" 0
err_empty "route"
out_has "route" '"choice":"beta","base_model":"base",.*"notes":\["category_fell_back","tradeoff"\]'
run route router.yaml --tolerance 0.4 --cost alpha=2 --cost nobody=1 --limit 2 requests.jsonl
err_has "route, unknown name" 'warning: --cost: no decision has a model "nobody"'
out_has "route" '^a  *math  *alpha .*trade-off$'
out_has "route, no selector" '^7 .* first  .*first model, trade-off not weighed$'
{
    printf '{"embedding": %s, "category": "math", "tradeoff": {"tolerance": 0.4}}\n' "$e1"
    printf '{"embedding": %s, "category": "math", "tradeoff": {"quality": 1}}\n' "$e1"
    printf '{"embedding": %s, "category": "math", "prices": {"beta": 3}}\n' "$e1"
    printf '{"embedding": %s, "category": "math", "min_probability": 0.99}\n' "$e1"
} >weighing.jsonl
run route router.yaml --tolerance 0.4 --cost alpha=2 --cost beta=1 --json weighing.jsonl
code_is "members" 0
out_has "members: a trade-off, prices of the options" '^{"request":1,.*"choice":"beta"'
out_has "members: quality" '^{"request":2,.*"choice":"beta",.*"score":1,'
out_has "members: a price" '^{"request":3,.*"choice":"alpha"'
out_has "members: a floor" '^{"request":4,.*"notes":\["low_confidence",'
run route router.yaml --json weighing.jsonl
out_has "members alone: the fastest" '^{"request":1,.*"choice":"alpha",.*"tradeoff"\]'
out_lacks "prices alone" '^{"request":3,.*"tradeoff"'
printf '{"tradeoff": {"speed": 1}}\n' >speed.jsonl
refused "unknown member" 1 'speed.jsonl:1: "speed" is no part of a trade-off' route router.yaml speed.jsonl
printf '{"tradeoff": {"quality": "1"}}\n' >text.jsonl
refused "text" 1 'text.jsonl:1: "quality" is not a number' route router.yaml text.jsonl
printf '{"prices": [1]}\n' >prices.jsonl
refused "prices" 1 'prices.jsonl:1: "prices" is not an object' route router.yaml prices.jsonl
printf '{"min_probability": "1"}\n' >floor.jsonl
refused "floor" 1 '"min_probability" is not a number' route router.yaml floor.jsonl
run explain --config router.yaml --tolerance 0.4 --cost alpha=2 --cost base=1 --limit 2 requests.jsonl
out_has "explain --config" "^    beta is the cheapest of 2 that are within 0\.4000 of the best expected quality, 1\.0000\.\$"
out_has "explain --config" "^    The trade-off asked for is not weighed: "
