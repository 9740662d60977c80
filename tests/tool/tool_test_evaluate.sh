# SPDX-License-Identifier: Apache-2.0
# `mlsel evaluate`: tables, JSON and the page, from records made here; and what is refused.

builds "$HAS_TRAIN" evaluate validate-models || return 0

# Two values a query: artifacts of two clusters and no categories. The selector takes alpha, alpha, beta, alpha.
cat >two.json <<'END'
{"algorithm": "kmeans", "trained": true, "num_clusters": 2, "centroids": [[1, 0], [0, 1]],
 "cluster_models": ["alpha", "beta"], "feature_dim": 2, "categories": [],
 "calibration": {"method": "platt", "models": ["alpha", "beta"], "slope": [1, 1], "intercept": [1, 0.5]}}
END
cat >strangers.json <<'END'
{"algorithm": "kmeans", "trained": true, "num_clusters": 1, "centroids": [[1, 0]],
 "cluster_models": ["somebody"], "feature_dim": 2, "categories": []}
END
record() { printf '{"query":"%s","category":"%s","model_name":"%s","performance":%s,"response_time":%s,"embedding":[%s]}\n' "$@"; }
{
    record q1 math alpha 1 2 1,0
    record q1 math beta 0 1 1,0
    record q2 math alpha 1 2 2,0
    record q2 math beta 0.5 1 2,0
    record q3 law alpha 0 2 0,1
    record q3 law beta 1 1 0,1
    record q4 law alpha 0 2 3,1
    record q4 law beta 0.25 1 3,1
} >records.jsonl

run evaluate --data-file records.jsonl --model two.json
code_is "evaluate" 0
out_has "evaluate: facts" "^4 queries, 2 models, 8 known outcomes of 8"
out_has "evaluate: columns" "^policy  *quality  *95% interval  *latency  *best model  *vs random  *vs single  *gap closed"
out_has "evaluate: oracle" "^oracle  *0\.8125 "
out_has "evaluate: selector" "^two  *0\.7500 .* 75\.0%  *+60\.0%  *+50\.0%  *80\.0% "
out_has "evaluate: best single" "^always alpha \*  *0\.5000 "
out_has "evaluate: random" "^random  *0\.4688 .* 0\.0% "
out_has "evaluate: choices" "^alpha  *2  *3  *2\$"
out_has "evaluate: calibration" "^two  *0\.[0-9]*  *0\.[0-9]*  *0\.[0-9]*\$"
err_empty "evaluate"
# Every row of a table is as wide as its header.
awk 'NR > 2 && NF == 0 { exit } NR > 2 { print length($0) }' out | sort -u >widths
if [ "$(wc -l <widths)" -eq 1 ]; then pass; else fail "evaluate: columns do not line up"; fi
cp out first
run validate-models --data-file records.jsonl --model two.json --threads 3
same "validate-models is evaluate, threads change nothing" out first

mkdir folder
cp two.json folder/kmeans_model.json
run evaluate --data-file=records.jsonl --models-dir folder --resamples 0 --pool alpha
code_is "evaluate --models-dir --pool" 0
out_has "evaluate --models-dir: name" "^kmeans  *0\.5000 "
out_lacks "evaluate --pool" "beta"
out_lacks "evaluate --resamples 0" "interval"
run evaluate --data-file records.jsonl --model two.json --resamples 0 --report page0.html
cp page0.html out
out_lacks "page: --resamples 0" "resamples"
run evaluate --data-file records.jsonl --models-dir folder --model two.json --train-data records.jsonl
out_has "evaluate --train-data" "from 4 other queries"
out_has "evaluate: several selectors" "^kmeans  *0\.7500 "
run evaluate --data-file records.jsonl --model two.json --model folder/../two.json
out_has "evaluate: two of the same name" "^folder/\.\./two\.json  *0\.7500 "

run evaluate --data-file records.jsonl --model two.json --json --report page.html
code_is "evaluate --json" 0
out_lines "evaluate --json: one object" 1
out_has "evaluate --json" '"policy":"selector","name":"two","artifact":"two.json","algorithm":"kmeans","queries":4,"quality":0.75,'
out_has "evaluate --json: selections" '"selections":{"alpha":3,"beta":1}'
out_has "evaluate --json: by category" '"selections_by_category":{"law":{"alpha":1,"beta":1},"math":{"alpha":2,"beta":0}}'
out_has "evaluate --json: curve" '"curve":\[{"quality_weight":0,"quality":0.4375,"latency_s":1,"cost":null}'
out_has "evaluate --json: unknown is null" '"cost":null,"costs":0'
out_has "evaluate --json: report" '"report":"page.html"}$'
err_empty "evaluate --json"

# What a name must not be able to do to a page, a table or JSON.
hostile='<script>alert(1)</script>&amp;\"'"'"
{
    record q1 '</title><b>' "$hostile" 1 2 1,0
    record q1 '</title><b>' beta 0 1 1,0
    record q2 'a\u202eb' beta 1 1 0,1
} >hostile.jsonl
cat >hostile_two.json <<END
{"algorithm": "kmeans", "trained": true, "num_clusters": 2, "centroids": [[1, 0], [0, 1]],
 "cluster_models": ["$hostile", "beta"], "feature_dim": 2, "categories": []}
END
run evaluate --data-file hostile.jsonl --model hostile_two.json --report hostile.html
code_is "evaluate: hostile names" 0
cp hostile.html out
out_lacks "hostile names: no element" '<script\|</title><b\|<b>[^h]'
out_has "hostile names: escaped" '&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&quot;&#39;'
out_lacks "hostile names: no override" "$(printf '\342\200\256')"

# Queries on which the selector is always right and the best single model half the time: a p-value with a sign.
i=0
while [ $i -lt 24 ]; do
    record "p$i" math alpha $((1 - i % 2)) 1 $((1 - i % 2)),$((i % 2))
    record "p$i" math beta $((i % 2)) 1 $((1 - i % 2)),$((i % 2))
    i=$((i + 1))
done >clear.jsonl
run evaluate --data-file clear.jsonl --model two.json --report clear.html
out_has "evaluate: a small p" '<0\.001'
cp clear.html out
out_has "page: a small p" '<td>&lt;0\.001</td>'
out_lacks "page: a small p" '<td><'

cp page.html out
out_has "page: figures" '<h2>Quality of every policy</h2>'
out_has "page: gap" '<h2>Share of the gap closed</h2>'
out_has "page: latency" '<h2>Quality against latency</h2>'
out_has "page: mix" '<h2>What the selectors chose</h2>'
out_has "page: calibration" '<h2>Calibration</h2>'
out_has "page: numbers" '<tr class="row-selector"><th scope="row" title="two">two</th><td>0.7500</td>'
out_lacks "page: nothing from elsewhere" 'https\?:\|src=\|href=\|url(\|@import\|<script\|<link'
out_lacks "page: numbers are numbers" '="-\?nan\|="-\?inf\|>-\?nan\|>-\?inf\|,-\?nan\|[0-9]e+'
run evaluate --data-file records.jsonl --model two.json --report page2.html --threads 2
same "page: the same again" page.html page2.html
ls | grep '\.new$' >out
out_empty "page: nothing is left beside it"

# A page is well formed: every element that is opened is closed, in order.
cat >check_page.py <<'END'
import sys
from html.parser import HTMLParser
class Checker(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.svgs = [], 0
    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), f"repeated attribute in {tag}"
        self.svgs += tag == "svg"
        if tag not in ("meta", "br"):
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]} at {self.getpos()}"
        self.open.pop()
for path in sys.argv[1:]:
    checker = Checker()
    checker.feed(open(path, encoding="utf-8").read())
    checker.close()
    assert not checker.open and checker.svgs >= 4, (checker.open, checker.svgs)
END
if python3 -c pass 2>/dev/null; then
    ran="(check_page.py)"
    python3 check_page.py page.html hostile.html clear.html >out 2>err
    code=$?
    code_is "page: well formed" 0
else
    echo "SKIP a check of the page's form: no python3"
fi

refused "no records" 2 "data-file is missing" evaluate --model two.json
refused "no selector" 2 "no selector to evaluate" evaluate --data-file records.jsonl
mkdir empty_folder
refused "an empty folder" 1 "empty_folder: has none of" evaluate --data-file records.jsonl --models-dir empty_folder
refused "no such records" 1 "nowhere.jsonl" evaluate --data-file nowhere.jsonl --model two.json
refused "no such artifact" 1 "nowhere.json" evaluate --data-file records.jsonl --model nowhere.json
refused "no such model" 1 "gamma" evaluate --data-file records.jsonl --model two.json --pool alpha,gamma
refused "an artifact of strangers" 3 "strangers: the artifact knows none of the 2 models" \
    evaluate --data-file records.jsonl --model strangers.json
refused "another width" 1 "two values\|2 values, and the artifact expects" \
    evaluate --data-file records.jsonl --model kmeans.json
refused "no embedding" 1 "have no embedding" evaluate --data-file "$source/examples/records.jsonl" --model two.json
refused "a weight" 2 "quality-weight cannot be \"1.5\"" \
    evaluate --data-file records.jsonl --model two.json --quality-weight 1.5
refused "a confidence" 2 "confidence cannot be \"1\"" evaluate --data-file records.jsonl --model two.json --confidence 1
refused "resamples" 2 "resamples cannot be 100001" evaluate --data-file records.jsonl --model two.json --resamples 100001
refused "an operand" 2 "unexpected argument" evaluate --data-file records.jsonl two.json
refused "a page in no folder" 1 "cannot write nowhere/page.html" \
    evaluate --data-file records.jsonl --model two.json --report nowhere/page.html
same "a page in no folder: the table" out first
refused "a page in no folder" 1 "cannot write nowhere/page.html" \
    evaluate --data-file records.jsonl --model two.json --report nowhere/page.html --json
out_has "a page in no folder: JSON" '"policy":"selector"'
out_lacks "a page in no folder: JSON" '"report"'
