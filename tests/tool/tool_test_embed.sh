# SPDX-License-Identifier: Apache-2.0
# `mlsel embed` and --embedding-endpoint against a local server that goes wrong in every way.

builds "$HAS_COLLECT" embed || return 0
if ! command -v python3 >/dev/null; then
    echo "SKIP embed, which is tested against a server in Python 3"
    return 0
fi
unset OPENAI_API_KEY
mkdir embed && cd embed || exit 2
python3 "$source/tests/collect/embedding_server.py" . >server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
wait_until test -e port
base=http://127.0.0.1:$(cat port)
check=$source/tests/collect/check_embeddings.py

# As check_embeddings.py takes it: NAME arguments...
embeddings_are() {
    name=$1
    shift
    if python3 "$check" "$@" 2>check.err; then pass; else fail "$name: $(tail -n 1 check.err)"; fi
}
requests() { grep -c "\"mode\": \"$1\"" log; }
request_has() { if grep "\"mode\": \"$2\"" log | grep -q -e "$3"; then pass; else fail "$1: no /$3/ in the requests"; fi; }
request_lacks() { if grep "\"mode\": \"$2\"" log | grep -q -e "$3"; then fail "$1: /$3/ in the requests"; else pass; fi; }

# 70 distinct queries in 75 lines, with all that text can be.
awk 'BEGIN {
    for (i = 0; i < 70; i++)
        printf "{\"id\":%d,\"query\":\"question %d: \\\"\\u00e9\\n\\t\\\\ \xf0\x9f\x98\x80\",\"category\":\"%s\"}\n", i, i, i % 2 ? "math" : "law"
    for (i = 0; i < 5; i++)
        printf "{\"id\":%d,\"query\":\"question %d: \\\"\\u00e9\\n\\t\\\\ \xf0\x9f\x98\x80\",\"category\":\"%s\"}\n", i, i, i % 2 ? "math" : "law"
}' >queries.jsonl
quick="--embedding-model m --embedding-retries 2"

# --- what is right ---
for mode in ok shuffled bare; do
    run embed $quick --embedding-endpoint "$base/$mode/v1" --no-cache --output $mode.jsonl queries.jsonl
    code_is "embed $mode" 0
    embeddings_are "embed $mode" queries.jsonl $mode.jsonl
    err_has "embed $mode" "70 embeddings made, 0 from the cache"
done
if [ "$(requests ok)" -eq 3 ]; then pass; else fail "embed: $(requests ok) requests for 70 queries"; fi
request_has "embed: request" ok '"path": "/ok/v1/embeddings", "n": 32, "model": "m"'
request_has "embed: request" ok '"format": "float", "authorization": null'
run embed $quick --embedding-endpoint "$base/ok/v1/" --no-cache --batch-size 7 --limit 10 queries.jsonl
code_is "embed to standard output" 0
err_empty "embed to standard output"
head -n 10 queries.jsonl >ten.jsonl && cp out ten.out
embeddings_are "embed --limit" ten.jsonl ten.out
request_has "embed --batch-size" ok '"n": 7,'
run embed $quick --embedding-endpoint "$base/ok/v1/embeddings" --no-cache --output all.npy queries.jsonl
code_is "embed npy" 0
embeddings_are "embed npy" queries.jsonl all.npy
run embed $quick --embedding-endpoint "$base/ok/v1" --no-cache --embedding-raw --output raw.jsonl queries.jsonl
embeddings_are "embed --embedding-raw" queries.jsonl raw.jsonl raw
run embed $quick --embedding-endpoint "$base/ok/v1" --no-cache --embedding-prefix "task: " --output prefix.jsonl queries.jsonl
embeddings_are "embed --embedding-prefix" queries.jsonl prefix.jsonl "prefix=task: "

# Names, widths and prefixes of known models.
run embed --embedding-endpoint "$base/wide/v1" --no-cache --output wide.jsonl ten.jsonl
code_is "embed qwen3" 0
embeddings_are "embed qwen3" ten.jsonl wide.jsonl width=1024
request_has "embed qwen3" wide '"model": "Qwen/Qwen3-Embedding-0.6B", "texts": \["question 0'
run embed --embedding-model e5 --embedding-endpoint "$base/wide/v1" --embedding-dimensions 768 --no-cache ten.jsonl
code_is "embed e5" 0
request_has "embed e5" wide '"model": "intfloat/e5-base-v2", "texts": \["query: question 0'
request_has "embed --embedding-dimensions" wide '"dimensions": 768'
run embed --embedding-prefix qwen3 --embedding-endpoint "$base/wide/v1" --no-cache --limit 1 ten.jsonl
request_has "embed --embedding-prefix qwen3" wide '"texts": \["Instruct: .*Query:question 0'
for model in gte mpnet bge; do
    run embed --embedding-model $model --embedding-endpoint "$base/wide/v1" --no-cache ten.jsonl
    code_is "embed $model of another width" 1
    err_has "embed $model of another width" 'embedding has 1024 values, expected 768'
done

# A key from the environment, which no message shows.
OPENAI_API_KEY=sk-secret-7421
export OPENAI_API_KEY
refused "embed: wrong key" 1 "answered 401: Incorrect API key provided: Bearer [*]*\\." \
    embed $quick --embedding-endpoint "$base/denied/v1" --no-cache ten.jsonl
err_has "embed: wrong key" "hint: --api-key-env"
if grep -q "sk-secret" err out; then fail "embed: the key is shown"; else pass; fi
request_has "embed: key" denied '"authorization": "Bearer sk-secret-7421"'
if [ "$(requests denied)" -eq 1 ]; then pass; else fail "embed: a wrong key is tried again"; fi
unset OPENAI_API_KEY
refused "embed: no such variable" 2 "no environment variable NO_SUCH_KEY" \
    embed $quick --api-key-env NO_SUCH_KEY --embedding-endpoint "$base/ok/v1" ten.jsonl
MY_KEY="two words" && export MY_KEY
refused "embed: no key" 2 "the API key has a blank .* at position 4" \
    embed $quick --api-key-env MY_KEY --embedding-endpoint "$base/ok/v1" ten.jsonl

# --- the cache ---
run embed $quick --embedding-endpoint "$base/ok/v1" --cache-dir c --output first.jsonl queries.jsonl
run embed $quick --embedding-endpoint "$base/ok/v1" --cache-dir c --output second.jsonl queries.jsonl
code_is "embed from the cache" 0
err_has "embed from the cache" "0 embeddings made, 70 from the cache"
same "embed from the cache" first.jsonl second.jsonl
run embed $quick --embedding-endpoint "$base/ok/v1" --embedding-raw --cache-dir c --output third.jsonl queries.jsonl
err_has "embed: raw ones are kept apart" "70 embeddings made, 0 from"
run embed $quick --embedding-endpoint "$base/ok/v1" --embedding-prefix x --cache-dir c --output third.jsonl queries.jsonl
err_has "embed: other prefixes are kept apart" "70 embeddings made, 0 from"
if [ "$(find c -name '*.mlselemb' | wc -l)" -eq 3 ]; then pass; else fail "embed: files of the cache"; fi

# Killed at random points: nothing is lost or wrong, and little is asked again.
slow_after() { [ "$(requests slow)" -gt "$1" ] || [ -e "$2" ]; } # or the command is through
i=0 kills=0
while [ $i -lt 5 ]; do
    before=$(requests slow)
    "$mlsel" embed $quick --batch-size 2 --embedding-endpoint "$base/slow/v1" --cache-dir killed --output killed.jsonl \
        queries.jsonl >/dev/null 2>&1 &
    pid=$!
    wait_until slow_after $((before + i % 3)) killed.jsonl
    kill_now $pid
    i=$((i + 1))
done
if [ $kills -gt 0 ]; then pass; else fail "embed: nothing was killed"; fi
rm -f killed.jsonl.tmp*
run embed $quick --batch-size 4 --embedding-endpoint "$base/slow/v1" --cache-dir killed --output killed.jsonl queries.jsonl
code_is "embed after kills" 0
same "embed after kills" killed.jsonl first.jsonl
asked=$(grep '"mode": "slow"' log | sed 's/.*"n": \([0-9]*\),.*/\1/' | awk '{ n += $1 } END { print n }')
if [ "$asked" -le 120 ]; then pass; else fail "embed after kills: $asked texts were asked for"; fi

# Ctrl-C.
before=$(requests slow)
"$mlsel" embed $quick --batch-size 2 --embedding-endpoint "$base/slow/v1" --cache-dir stopped --output stopped.jsonl \
    queries.jsonl >out 2>err &
pid=$!
wait_until slow_after $((before + 1)) stopped.jsonl
kill -INT $pid
code=0
wait $pid || code=$?
ran="embed, interrupted"
code_is "embed interrupted" 130
err_has "embed interrupted" "mlsel: error: interrupted"
if [ -e stopped.jsonl ] || ls stopped.jsonl.tmp* >/dev/null 2>&1; then fail "embed interrupted: leftovers"; else pass; fi
run embed $quick --embedding-endpoint "$base/ok/v1" --cache-dir stopped --output stopped.jsonl queries.jsonl
same "embed after Ctrl-C" stopped.jsonl first.jsonl

# --- what passes ---
run embed $quick --embedding-endpoint "$base/busy/v1" --no-cache --output busy.jsonl ten.jsonl
code_is "embed: 429" 0
err_has "embed: 429" "answered 429: slow down; trying again in [12]\.[0-9] s"
embeddings_are "embed: 429" ten.jsonl busy.jsonl
run embed --embedding-model m --embedding-retries 6 --batch-size 20 --embedding-endpoint "$base/flaky/v1" --no-cache \
    --output flaky.jsonl queries.jsonl
code_is "embed: faults that pass" 0
embeddings_are "embed: faults that pass" queries.jsonl flaky.jsonl
err_has "embed: 503" "answered 503; trying again"
err_has "embed: broken connection" "broke off before the answer was complete; trying again"
run embed $quick --embedding-endpoint "$base/once/v1" --no-cache --output once.jsonl ten.jsonl
code_is "embed: a wrong answer once" 0
embeddings_are "embed: a wrong answer once" ten.jsonl once.jsonl

# --- what does not take some texts ---
sed '33s/question/POISON/; 34s/question/POISON/' queries.jsonl >poison.jsonl
run embed $quick --embedding-endpoint "$base/poison/v1" --cache-dir p --output poison.out poison.jsonl
code_is "embed: two texts refused" 1
err_has "embed: two texts refused" "poison.jsonl:33: not embedded: .*answered 400: input 0 is too long"
err_has "embed: two texts refused" "error: 2 queries could not be embedded, and were left out"
embeddings_are "embed: two texts refused" poison.jsonl poison.out without=POISON
run embed $quick --embedding-endpoint "$base/small/v1" --no-cache --output small.jsonl ten.jsonl
code_is "embed: batches too large" 0
embeddings_are "embed: batches too large" ten.jsonl small.jsonl

# --- what is wrong for good ---
bad() {
    mode=$1 pattern=$2
    shift 2
    refused "embed $mode" 1 "$pattern" embed $quick --no-cache --embedding-endpoint "$base/$mode/v1" "$@" --output $mode.jsonl ten.jsonl
    if [ -e $mode.jsonl ]; then fail "embed $mode: a file after a failure"; else pass; fi
    err_has "embed $mode: the server is named" "127.0.0.1:[0-9]*/$mode/v1/embeddings"
}
bad count "9 embeddings came for 10 texts\|0 embeddings came for 1 texts"
bad html "no sensible answer"
bad chat 'no list "data" of embeddings: is this an OpenAI-compatible server?'
bad cut "no sensible answer"
bad error "answered 500: out of memory" --embedding-retries 1
bad missing 'answered 404: The model `m` does not exist'
err_has "embed missing" "hint: does the endpoint end in /v1"
bad moved "answered 308, which leads elsewhere"
bad late "answered 429 and asks to come back in 86400 seconds: quota"
bad hang "no answer in time" --embedding-timeout 0.5 --embedding-retries 1
bad huge "the answer is larger than 67108864 bytes"
bad changing "embedding has 25 values, expected 24" --batch-size 2
bad empty "embedding is no list of numbers"
# These concern single texts: the last of a batch, so that each is bad alone.
bad nan "NaN is not a finite number"
bad null "embedding is no list of numbers"
bad large "too large for a float"
bad text "maybe base64"
bad beyond "index is not one of the 1 texts asked for"
bad fraction "index is not one of the 1 texts asked for"
# Two answers to one text: the halves are right in the end.
run embed $quick --no-cache --embedding-endpoint "$base/twice/v1" --output twice.jsonl ten.jsonl
code_is "embed twice" 0
embeddings_are "embed twice" ten.jsonl twice.jsonl
refused "embed widths" 1 "embedding has 25 values, expected 24" \
    embed $quick --no-cache --embedding-endpoint "$base/widths/v1" --output widths.jsonl ten.jsonl
refused "embed: no server" 1 "no connection: is the server running there" \
    embed $quick --embedding-retries 0 --no-cache --embedding-endpoint http://127.0.0.1:1/v1 ten.jsonl
refused "embed: no address" 2 "the embedding endpoint \"ftp://localhost/v1\" is no address" \
    embed $quick --no-cache --embedding-endpoint ftp://localhost/v1 ten.jsonl
refused "embed: nobody to ask" 2 "need a server that has the model, or a file of it" embed --no-cache ten.jsonl
refused "embed: password" 1 "http://127.0.0.1:1/v1/embeddings: no connection" \
    embed $quick --embedding-retries 0 --no-cache --embedding-endpoint "http://me:pass-99@127.0.0.1:1/v1?key=k-77" ten.jsonl
if grep -q "pass-99\|k-77" err; then fail "embed: a secret of the address is shown"; else pass; fi

# --- input ---
echo '{"id":"x"}' >no_query.jsonl
refused "embed: no query" 1 'no_query.jsonl:1: ' embed $quick --embedding-endpoint "$base/ok/v1" --no-cache no_query.jsonl
: >empty.jsonl
echo "of another run" >empty.out
run embed $quick --embedding-endpoint "$base/ok/v1" --no-cache --output empty.out empty.jsonl
code_is "embed nothing" 0
err_has "embed nothing" "holds no queries"
if [ -e empty.out ] && [ ! -s empty.out ]; then pass; else fail "embed nothing: the output is not of nothing"; fi
printf '{"query":"bad \377 byte"}\n' >bytes.jsonl
run embed $quick --embedding-endpoint "$base/ok/v1" --no-cache bytes.jsonl
code_is "embed: bytes that are no UTF-8" 0
request_has "embed: bytes that are no UTF-8" ok '"texts": \["bad .ufffd byte"\]'
refused "embed npy to standard output" 2 "needs --output" embed $quick --format npy --embedding-endpoint "$base/ok/v1" ten.jsonl
refused "embed: two files" 2 "is a second" embed $quick ten.jsonl queries.jsonl
refused "embed: output" 1 "cannot be written" \
    embed $quick --no-cache --embedding-endpoint "$base/ok/v1" --output nowhere/x.jsonl ten.jsonl
refused "embed: batch" 2 "largest possible is 4096" embed --batch-size 5000 ten.jsonl
refused "embed: a file that is no model" 1 "is no GGUF file\|not found" \
    embed --embedding-model nothing.gguf --no-cache ten.jsonl
cp ten.jsonl no_model.gguf
refused "embed: a file that is no model" 1 "is no GGUF file" embed --embedding-model no_model.gguf --no-cache ten.jsonl

# --- the builtin embedder ---
run embed --embedding-model builtin --output builtin.jsonl ten.jsonl
code_is "embed builtin" 0
if [ -e .cache ]; then fail "embed builtin: a cache"; else pass; fi

# --- model files ---
gguf=$source/tests/collect/gguf_model.py
for pooling in last mean; do python3 "$gguf" write $pooling.gguf $pooling; done
printf '%s\n' '{"query":"a"}' '{"query":"What is x^2?\n\ttabs","category":"math"}' '{"query":"Gr\u00fc\u00dfe, \ud83d\ude00"}' \
    '{"query":"A text that is longer than the forty-eight tokens that the model was trained for, and is cut"}' >gguf.jsonl
run embed --embedding-model last.gguf --cache-dir g --output last.jsonl gguf.jsonl
if [ "$HAS_LLAMA" -ne 1 ]; then
    code_is "embed: no llama.cpp" 1
    err_has "embed: no llama.cpp" "this build cannot load model files"
    echo "SKIP embeddings by model files, which this build cannot load (-DMLSEL_WITH_LLAMA=ON)"
else
    code_is "embed by a model file" 0
    run embed --embedding-model mean.gguf --no-cache --output mean.jsonl gguf.jsonl
    for pooling in last mean; do
        if python3 "$gguf" check $pooling.gguf $pooling $pooling.jsonl 2>check.err; then
            pass
        else
            fail "embed by a model file, $pooling: $(tail -n 1 check.err)"
        fi
    done
    cp last.gguf elsewhere.gguf
    run embed --embedding-model elsewhere.gguf --cache-dir g --output cached.jsonl gguf.jsonl
    err_has "embed: a model file is known by its content" "0 embeddings made, 4 from the cache"
    same "embed by a model file, cached" cached.jsonl last.jsonl
    run train --data-file "$source/examples/records.jsonl" --embedding-model last.gguf --algorithm knn --output-dir by_file
    code_is "train by a model file" 0
    run select --model by_file/knn_model.json --embedding-model last.gguf --json gguf.jsonl
    code_is "select by a model file" 0
    out_lines "select by a model file" 4
    for size in 100 1500 20000; do
        head -c $size last.gguf >short.gguf
        refused "embed: a model file cut at $size" 1 "short.gguf: llama.cpp cannot load it" \
            embed --embedding-model short.gguf --no-cache gguf.jsonl
    done
    echo '{"query":"a b","text":" "}' >blank.jsonl
    run embed --embedding-model last.gguf --no-cache blank.jsonl
    code_is "embed a blank by a model file" 0
fi

# --- the other commands ---
records=$source/examples/records.jsonl
run train --data-file "$records" --embedding-model m --embedding-endpoint "$base/ok/v1" --algorithm knn --output-dir made
code_is "train --embedding-endpoint" 0
err_has "train --embedding-endpoint" "embedded 60 queries; 0 more were in .cache"
run inspect --json made/knn_model.json
out_has "train --embedding-endpoint" '"n_features":38'
before=$(requests ok)
run train --data-file "$records" --embedding-model m --algorithm knn --output-dir again
code_is "train from the cache without a server" 0
run evaluate --data-file "$records" --embedding-model m --embedding-endpoint "$base/none/v1" --model made/knn_model.json
code_is "evaluate from the cache" 0
err_has "evaluate from the cache" "embedded 0 queries; 60 more were in .cache"
run evaluate --data-file "$records" --embedding-model m --model made/knn_model.json
code_is "evaluate from the cache without a server" 0
if [ "$(requests ok)" -eq "$before" ]; then pass; else fail "evaluate asks for what is in the cache"; fi
run calibrate --data-file "$records" --embedding-model m --embedding-endpoint "$base/ok/v1" --model made/knn_model.json \
    --output calibrated.json
code_is "calibrate --embedding-endpoint" 0
refused "evaluate: another width" 1 "expected 24" evaluate --data-file "$records" --embedding-model other \
    --embedding-endpoint "$base/wide/v1" --model made/knn_model.json
err_has "evaluate: another width" "hint: queries need the embedding model"

for i in 1 2 3 4 5; do echo "{\"id\":$i,\"text\":\"question $i\",\"category\":\"math\"}"; done >texts.jsonl
text="--embedding-model m --embedding-retries 0 --embedding-endpoint"
run select --model made/knn_model.json $text "$base/ok/v1" --json texts.jsonl
code_is "select texts" 0
out_lines "select texts" 5
run select --model made/knn_model.json $text "$base/shuffled/v1" --json texts.jsonl
out_lines "select texts" 5
cp out by_text
run embed $quick --embedding-endpoint "$base/ok/v1" --no-cache --output texts_embedded.jsonl texts.jsonl
sed 's/"query":/"text":/' texts_embedded.jsonl >by_embedding.jsonl
run select --model made/knn_model.json --json by_embedding.jsonl
sed 's/"score".*//' by_text >first_choices
sed 's/"score".*//' out >second_choices
same "select: texts are as good as embeddings" first_choices second_choices
run explain --model made/knn_model.json $text "$base/ok/v1" --limit 1 texts.jsonl
code_is "explain a text" 0
sed '3s/question/POISON/' texts.jsonl >poison_texts.jsonl
run select --model made/knn_model.json $text "$base/poison/v1" --json poison_texts.jsonl
code_is "select: a text refused" 1
out_lines "select: those before it are answered" 2
err_has "select: a text refused" "cannot be embedded: .*answered 400"
refused "select: no server" 1 "no connection" select --model made/knn_model.json $text http://127.0.0.1:1/v1 texts.jsonl
out_empty "select: no server"
refused "select: endpoint alone" 2 "needs --embedding-model" \
    select --model made/knn_model.json --embedding-endpoint "$base/ok/v1" texts.jsonl
refused "select: builtin and endpoint" 2 "needs no server" \
    select --model made/knn_model.json --embedding-model builtin --embedding-endpoint "$base/ok/v1" texts.jsonl
refused "select: a model that nobody has" 2 "only builtin and model files" \
    select --model made/knn_model.json --embedding-model m texts.jsonl
cat >router.yaml <<'YAML'
model_selection:
  ml: {enabled: true, models_path: made, embedding_dim: 24}
decisions:
  - name: all
    rules: {operator: AND, conditions: []}
    algorithm: {type: knn}
    modelRefs:
      - model: mistral-7b
      - model: llama-3.2-3b
YAML
run route $text "$base/ok/v1" --cache-dir routed --json router.yaml texts.jsonl
code_is "route texts" 0
out_lines "route texts" 5
out_has "route texts" '"algorithm":"knn"'
run explain --config router.yaml $text "$base/ok/v1" --limit 1 texts.jsonl
code_is "explain --config a text" 0

kill $server 2>/dev/null
wait $server 2>/dev/null
trap - EXIT
cd .. || exit 2
