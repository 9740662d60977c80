# SPDX-License-Identifier: Apache-2.0
# `mlsel download` against a local server that behaves like the hub.

builds "$HAS_COLLECT" download || return 0
if ! command -v python3 >/dev/null; then
    echo "SKIP download, which is tested against a server in Python 3"
    return 0
fi
unset HF_TOKEN HF_ENDPOINT
mkdir download && cd download || exit 2
python3 "$source/tests/collect/hub_server.py" . >server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
wait_until test -e port
hub=http://127.0.0.1:$(cat port)
faults() { printf '%s\n' "$@" >fault; }
leftovers() { if find "$2" -name '*.part*' | grep -q .; then fail "$1: leftovers"; else pass; fi; }
fetched() { grep -c '"server": "network", "method": "GET"' log; }
get="download models --mirror $hub --repo test/models"

# --- what is there ---
run $get --output-dir made/here
code_is "download models" 0
err_empty "download models"
out_lines "download models" 2
out_has "download models" "^made/here/knn_model.json  9 bytes"
out_has "download models" "^made/here/svm_model.json  2\.4 MiB"
same "download models" made/here/svm_model.json big
leftovers "download models" made
if [ "$(ls made/here | wc -l)" -eq 2 ]; then pass; else fail "download models: other files"; fi
before=$(fetched)
run $get --output-dir made/here
code_is "download again" 0
out_has "download again" "svm_model.json .*, was there"
if [ "$(fetched)" -eq "$before" ]; then pass; else fail "download again: the large file was fetched again"; fi
echo "x" >made/here/svm_model.json
run $get --output-dir made/here
same "download: a changed file is replaced" made/here/svm_model.json big
run $get --output-dir one --file "sub/deep model.json" --file empty.json
code_is "download --file" 0
if [ "$(cat "one/sub/deep model.json")" = "{}" ] && [ -f one/empty.json ] && [ ! -s one/empty.json ]; then
    pass
else
    fail "download --file: content"
fi
run download models --mirror "$hub/" --repo old/models --output-dir renamed --file svm_model.json
code_is "download from a repository that was renamed" 0
same "download from a repository that was renamed" renamed/svm_model.json big
run download data --mirror "$hub" --repo test/data
code_is "download data" 0
same "download data" data/more/b.jsonl big
if [ "$(find data -type f | wc -l)" -eq 2 ]; then pass; else fail "download data: other files"; fi
if grep -q '"path": "/datasets/test/data/resolve/main/more/b.jsonl"' log; then pass; else fail "download data: address"; fi
run download models --mirror "$hub" --repo test/plain --file knn_model.json --output-dir plain
code_is "download from a mirror without HEAD" 0
if [ "$(cat plain/knn_model.json)" = '{"plain": 1}' ]; then pass; else fail "download from a mirror: content"; fi
HF_ENDPOINT=$hub && export HF_ENDPOINT
run download models --repo test/models --file knn_model.json --output-dir endpoint
code_is "download by HF_ENDPOINT" 0
unset HF_ENDPOINT

# --- the token ---
refused "download: private" 1 "the hub asks for a token (HF_TOKEN)" \
    download models --mirror "$hub" --repo test/private --output-dir private
err_has "download: private" "hint: HF_TOKEN"
HF_TOKEN=hf_secret_31 && export HF_TOKEN
run download models --mirror "$hub" --repo test/private --output-dir private
code_is "download with a token" 0
run $get --output-dir token
code_is "download with a token" 0
if grep '"server": "network"' log | grep -q hf_secret; then fail "download: the token goes elsewhere"; else pass; fi
if grep '"server": "hub"' log | grep -q '"authorization": "Bearer hf_secret_31"'; then pass; else fail "download: no token"; fi
HF_TOKEN=hf_wrong_99
refused "download: wrong token" 1 "the hub does not accept the token" \
    download models --mirror "$hub" --repo test/private --output-dir private
if grep -q hf_wrong_99 err; then fail "download: the token is shown"; else pass; fi
refused "download: gated" 1 "the owner's conditions are to be accepted" \
    download models --mirror "$hub" --repo test/gated --output-dir gated
refused "download: no repository" 1 "the hub has no such repository" \
    download models --mirror "$hub" --repo test/none --output-dir none
unset HF_TOKEN
refused "download: gated, no token" 1 "no access without a token" \
    download models --mirror "$hub" --repo test/gated --output-dir gated
refused "download: revision" 1 'test/models has no revision "v9"' $get --revision v9 --output-dir none
refused "download: file" 1 "test/models has no file x.json at revision main" $get --file x.json --output-dir none
err_has "download: file" "hint: --repo, --revision and --file"
refused "download: list" 1 "list of the files of test/broken makes no sense" \
    download models --mirror "$hub" --repo test/broken --output-dir none
refused "download: nothing of use" 1 "test/empty has none of knn_model.json" \
    download models --mirror "$hub" --repo test/empty --output-dir none
if [ -e none ]; then fail "download: a folder after a failure"; else pass; fi

# --- names that would leave the folder ---
run download models --mirror "$hub" --repo test/evil --output-dir evil/inner
code_is "download: evil names" 0
if [ -e evil/knn_model.json ] || [ -e mlp_model.json ] || [ -e evil/mlp_model.json ]; then fail "download: evil names"; else pass; fi
refused "download: evil names" 1 "test/evil names a file that would leave the folder: .a/\.\./\.\./mlp_model.json" \
    download data --mirror "$hub" --repo test/evil --output-dir evil/inner
for name in ../x.json /etc/x.json a/../../x.json a//x.json . a/ 'a\b'; do
    refused "download --file $name" 2 "is no name of a file in a repository" $get --file "$name" --output-dir evil
done
refused "download: repository" 2 "is no repository" download models --mirror "$hub" --repo a/b/c
refused "download: repository" 2 "is no repository" download models --mirror "$hub" --repo ../b
refused "download: mirror" 2 "the hub's address .* is no address" download models --mirror localhost:80 --repo test/models

# --- faults of the content network ---
one="$get --file svm_model.json"
faults cut
run $one --output-dir cut
code_is "download: cut off" 0
err_has "download: cut off" "broke off before the answer was complete; trying again"
same "download: cut off" cut/svm_model.json big
if grep '"server": "network"' log | tail -n 1 | grep -q '"range": "bytes=700000-"'; then pass; else fail "download: no Range"; fi
faults drop 503 429 cut cut
run $one --output-dir faults
code_is "download: five faults" 0
same "download: five faults" faults/svm_model.json big
err_has "download: 429" "answered 429; trying again in [12]\."
if grep -q "sig-5512" err; then fail "download: the signature of an address is shown"; else pass; fi
faults cut ignore
run $one --output-dir ignored
code_is "download: Range ignored" 0
same "download: Range ignored" ignored/svm_model.json big
faults cut 416
run $one --output-dir range
code_is "download: 416" 0
same "download: 416" range/svm_model.json big
faults flip
refused "download: a wrong byte" 1 "what came is not what the hub has: its SHA-256" $one --output-dir flip
if [ -e flip/svm_model.json ]; then fail "download: a wrong byte"; else pass; fi
leftovers "download: a wrong byte" flip
faults long
refused "download: too long" 1 "more than the [0-9]* bytes come" $one --output-dir long
if [ -e long/svm_model.json ]; then fail "download: too long"; else pass; fi
faults cut shift
refused "download: another part" 1 "another part came" $one --output-dir shift
faults 403
refused "download: content network refuses" 1 "blob/svm_model.json answered 403" $one --output-dir refused
faults drop drop
refused "download: no more attempts" 1 "broke off" $one --retries 1 --output-dir drops
faults stall
run $one --timeout 1 --output-dir stall
code_is "download: nothing comes" 0
err_has "download: nothing comes" "no answer in time; trying again"
same "download: nothing comes" stall/svm_model.json big

# --- resuming ---
faults cut
refused "download: ends early" 1 "broke off" $one --retries 0 --output-dir resumed
if [ -e resumed/svm_model.json ]; then fail "download: half a file has the name"; else pass; fi
if [ "$(ls resumed/svm_model.json.part-* | wc -l)" -eq 1 ]; then pass; else fail "download: nothing is kept"; fi
run $one --output-dir resumed
code_is "download: resumed" 0
out_has "download: resumed" ", completed\$"
same "download: resumed" resumed/svm_model.json big
leftovers "download: resumed" resumed
faults cut
run $one --retries 0 --output-dir damaged
printf 'XXXX' | dd of="$(ls damaged/svm_model.json.part-*)" bs=1 seek=100 conv=notrunc 2>dd.err
run $one --output-dir damaged
code_is "download: a damaged part is fetched again" 0
same "download: a damaged part is fetched again" damaged/svm_model.json big
i=0 kills=0
while [ $i -lt 3 ]; do # each gets less than a third before nothing comes any more
    faults stall
    before=$(fetched)
    "$mlsel" $one --output-dir killed >/dev/null 2>&1 &
    pid=$!
    wait_until eval '[ "$(fetched)" -gt "$before" ]'
    kill_now $pid
    i=$((i + 1))
done
if [ $kills -eq 3 ]; then pass; else fail "download: $kills of 3 were killed"; fi
faults
run $one --output-dir killed
code_is "download after kills" 0
same "download after kills" killed/svm_model.json big
leftovers "download after kills" killed
faults stall
before=$(fetched)
"$mlsel" $one --output-dir stopped >out 2>err &
pid=$!
wait_until eval '[ "$(fetched)" -gt "$before" ]'
# While one fetches a file, another does not.
refused "download: two at once" 1 "svm_model.json is being fetched by another process" $one --output-dir stopped
kill -INT $pid
code=0
wait $pid || code=$?
ran="download, interrupted"
if [ $code -eq 130 ]; then pass; else fail "download interrupted: exit code $code"; fi
faults

# --- usage ---
refused "download what" 2 "models or data" download
refused "download what" 2 "it takes models or data" download modelz
refused "download operand" 2 "unexpected argument" download models now
refused "download: output" 1 "cannot be made\|cannot be opened" $one --output-dir log/x

kill $server 2>/dev/null
wait $server 2>/dev/null
trap - EXIT
cd .. || exit 2
