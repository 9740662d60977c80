# SPDX-License-Identifier: Apache-2.0
# Calibrated artifacts: what select, explain, inspect and route show of them, and `mlsel calibrate`.

# Logits are the two embedding values: a share of 0.73 beside confidences of 0.5 and 0.25.
cat >plain.json <<'END'
{"algorithm": "mlp", "trained": true, "model_names": ["a", "b"], "feature_dim": 3, "categories": ["other"],
 "layers": [{"type": "linear", "in_features": 3, "out_features": 2, "weight": [[1, 0, 0], [0, 1, 0]], "bias": [0, 0]}]
}
END
sed '$d' plain.json >mlp_model.json
cat >>mlp_model.json <<'END'
,"calibration": {"method": "isotonic", "models": ["a"], "scores": [[0, 4]], "probabilities": [[0, 1]], "records": 1234}}
END
printf '{"embedding": [2, 1]}\n{"embedding": [0, 1]}\n' >two.jsonl

run select --model mlp_model.json two.jsonl
code_is "select, calibrated" 0
out_has "select: a column" '^QUERY  ALGORITHM  CHOICE      SCORE    MARGIN   PROB\.   CONF\.  NOTES$'
out_has "select: a confidence" '^1      mlp        a          2\.0000    1\.0000  0\.7311  0\.5000$'
out_has "select: an unknown one" '^2      mlp        b  .*  0\.7311       -$'
run select --model mlp_model.json --json two.jsonl
out_has "select --json" '^{"query":1,.*"probability":0\.731[0-9]*,"confidence":0\.5,'
out_has "select --json, unknown" '^{"query":2,.*"confidence":null,'
run select --model plain.json --json two.jsonl
out_lacks "select --json without a calibration" 'confidence'
run select --model plain.json two.jsonl
out_lacks "select without a calibration" 'CONF'
run explain --model mlp_model.json --limit 1 two.jsonl
out_has "explain" '^    LABEL .* PROB\. .* CONF\.$'
out_has "explain: the choice" '^    a .* 0\.7311 .* 0\.5000  chosen$'
out_has "explain: the other" '^    b .* 0\.2689 .* -  runner-up$'
run explain --model mlp_model.json --limit 1 --json two.jsonl
out_has "explain --json" '"confidences":{"a":0\.5,"b":null}'
run inspect mlp_model.json
out_has "inspect" '^  calibration  *isotonic, fitted to 1,234 records$'
run inspect --json mlp_model.json
out_has "inspect --json" '"calibration":"isotonic","calibration_records":1234,'
run inspect --json plain.json
out_has "inspect --json without one" '"calibration":null,'
cat >calibrated.yaml <<'END'
model_selection: {ml: {enabled: true, models_path: .}}
decisions:
  - {name: all, algorithm: {type: mlp}, modelRefs: [{model: b}, {model: a}]}
END
run route calibrated.yaml two.jsonl
out_has "route: a column" 'PROB\.   CONF\.  NOTES$'
out_has "route: a confidence" ' 0\.7311  0\.5000$'
run route calibrated.yaml --min-probability 0.6 --json two.jsonl
out_has "route: below the floor" '^{"request":1,.*"choice":"b",.*"confidence":0\.5,.*"low_confidence"'
run route calibrated.yaml --min-probability 0.5 --json two.jsonl
out_lacks "route: at the floor" 'low_confidence'

builds "$HAS_TRAIN" calibrate || return 0

# --- mlsel calibrate: a is good where it scores above 5, with one in ten otherwise; b every second time.
i=0
while [ $i -lt 100 ]; do
    good=$([ $i -gt 50 ] && echo 1 || echo 0)
    [ $((i % 10)) -ne 9 ] || good=$((1 - good))
    printf '{"query": "q%d", "model_name": "a", "performance": %d, "embedding": [%d.%d, 0]}\n' $i $good $((i / 10)) $((i % 10))
    printf '{"query": "q%d", "model_name": "b", "performance": %d}\n' $i $((i % 2))
    i=$((i + 1))
done >held_out.jsonl
run calibrate --model plain.json --data-file held_out.jsonl --output new.json --quality 0.8
code_is "calibrate" 0
err_empty "calibrate"
out_has "calibrate: what it is" '^new\.json: isotonic calibration, fitted to 200 records'
out_has "calibrate: a model" '^  a  *100   0\.4900 '
out_has "calibrate: the choice" '^  the choice  *100 '
out_has "calibrate: the floor" '^A floor of 0\.[0-9]* keeps [0-9.]* % of the choices, with a mean quality of 0\.[89]'
out_has "calibrate: its use" 'min-probability 0\.[0-9]'
run select --model new.json --json two.jsonl
out_has "calibrate: the copy is calibrated" '"confidence":0\.[0-9]'
head -c 150 plain.json >head_before
head -c 150 new.json >head_after
same "calibrate: the rest is the same" head_before head_after
refused "calibrate: exists" 1 'new\.json: exists already' calibrate --model plain.json --data-file held_out.jsonl --output new.json
err_has "calibrate: exists" '--force'
refused "calibrate: exists, before anything is read" 1 'new\.json: exists already' \
    calibrate --model plain.json --data-file nowhere.jsonl --output new.json
for option in "--method platt" --force; do
    refused "calibrate $option without a copy" 2 'about a copy: --output is missing' \
        calibrate --model new.json --data-file held_out.jsonl $option
done
run calibrate --model plain.json --data-file held_out.jsonl --output new.json --force --method platt --json
code_is "calibrate --json" 0
out_has "calibrate --json" '^{"model":"plain\.json","output":"new\.json","method":"platt","records":200,"models":{"a":{"records":100,'
out_has "calibrate --json: data" '"dataset":{"queries":100,"models":2,"rows":200,'
out_lacks "calibrate --json: no floor" '"floor"'
run calibrate --model new.json --data-file held_out.jsonl --share 0.25 --json
code_is "calibrate: compare" 0
out_has "calibrate: compare" '"output":null,"method":"platt"'
reliability() { sed -n 's/.*"reliability":\(\[[^]]*\]\).*/\1/p' out | sed 's/"queries"/"choices"/g'; }
reliability >of_calibrate
run evaluate --model new.json --data-file held_out.jsonl --json
reliability >of_evaluate
same "calibrate: the same bins as evaluate" of_calibrate of_evaluate
if grep -q choices of_calibrate; then pass; else fail "calibrate: no bins"; fi
run calibrate --model new.json --data-file held_out.jsonl --share 0.25 --json
out_has "calibrate: a share" '"floor":{"min_probability":0\.[0-9]*,"share":0\.25,"quality":'
run calibrate --model plain.json --data-file held_out.jsonl --output new.safetensors
code_is "calibrate: a container" 0
run inspect --json new.safetensors
out_has "calibrate: a container" '"calibration":"isotonic","calibration_records":200,'
refused "calibrate: from a container" 1 'only JSON artifacts can be calibrated' calibrate --model new.safetensors --data-file held_out.jsonl --output other.json
err_has "calibrate: from a container" 'mlsel convert'
refused "calibrate: no calibration" 2 'plain\.json has no calibration: --output is missing' calibrate --model plain.json --data-file held_out.jsonl
refused "calibrate: no model" 2 '--model is missing' calibrate --data-file held_out.jsonl
refused "calibrate: no data" 2 '--data-file is missing' calibrate --model plain.json
refused "calibrate: two wishes" 2 'not both' calibrate --model new.json --data-file held_out.jsonl --share 0.5 --quality 0.5
refused "calibrate: bad share" 2 'a number from 0 to 1' calibrate --model new.json --data-file held_out.jsonl --share 2
refused "calibrate: bad method" 2 'isotonic or platt' calibrate --model new.json --data-file held_out.jsonl --method beta
refused "calibrate: operand" 2 'unexpected argument' calibrate --model new.json new.json
refused "calibrate: out of reach" 3 'no floor leads to a mean quality of 1' calibrate --model new.json --data-file held_out.jsonl --quality 1
printf '{"query": "other", "model_name": "a", "performance": 1}\nnot json\n' >unembedded.jsonl
refused "calibrate: no embeddings" 1 '1 of 1 queries have no embedding, as "other"' calibrate --model plain.json --data-file unembedded.jsonl --output other.json
err_has "calibrate: no embeddings" '--embedding-model'
err_has "calibrate: findings" 'mlsel: warning: unembedded\.jsonl:2: '
run calibrate --model new.json --data-file held_out.jsonl --data-file unembedded.jsonl --skip-missing
code_is "calibrate --skip-missing" 0
refused "calibrate: no such model" 1 'nobody' calibrate --model new.json --data-file held_out.jsonl --models nobody
