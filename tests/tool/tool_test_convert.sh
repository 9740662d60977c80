# SPDX-License-Identifier: Apache-2.0
# convert: both ways, refusals that leave no file behind, the summary.

for model in knn kmeans svm mlp categories hostile; do
    run convert $model.json $model.safetensors
    code_is "convert $model" 0
    err_empty "convert $model"
    out_has "convert $model" "^$model.safetensors\$"
    out_has "convert $model" "^  format  *safetensors, before json\$"
    out_has "convert $model" "^  verified  *all values, and 64 queries answered alike\$"
    uneven=$(sed 1d out | grep -cv '^  .\{13\} [^ ]')
    if [ "$uneven" -eq 0 ]; then pass; else fail "convert $model: $uneven values do not line up"; fi
    run convert $model.safetensors $model.back.json
    code_is "convert $model back" 0
    out_has "convert $model back" "^  format  *json, before safetensors\$"
    run convert $model.back.json $model.again.safetensors
    same "convert $model there and back again" $model.safetensors $model.again.safetensors
    head -c 64 $model.safetensors >first
    if [ "$(wc -c <$model.safetensors)" -gt 64 ] && grep -q '__metadata__' first; then
        pass
    else
        fail "convert $model: no safetensors file"
    fi
done
run select --model knn.json --json --scores queries.jsonl
sed 's/"model":"[^"]*",//' out >from_json
for file in knn.safetensors knn.back.json; do
    run select --model $file --json --scores queries.jsonl
    sed 's/"model":"[^"]*",//' out >from_other
    same "$file answers as knn.json" from_json from_other
done
cat knn.safetensors >pipe_input
in=pipe_input
run select --model - --json --scores queries.jsonl
sed 's/"model":"[^"]*",//' out >from_other
same "a container on standard input" from_json from_other
run convert - from_stdin.json
code_is "convert standard input" 0
in=/dev/null

run inspect knn.safetensors
out_has "inspect a container" "^  file  *safetensors, .*, mapped\$"
out_has "inspect a container" "^  index  *stored: loading reads no row\$"
run inspect knn.json
out_has "inspect JSON" "^  file  *json, "
out_lacks "inspect JSON" "^  index"
run inspect --json knn.safetensors
out_has "inspect --json a container" '"format":"safetensors","file_bytes":[0-9]*,"has_index":true,'

run convert --json knn.json summary.safetensors
code_is "convert --json" 0
out_lines "convert --json" 1
out_has "convert --json" '^{"file":"knn.json","new":"summary.safetensors","algorithm":"knn","from":"json","to":"safetensors",'
out_has "convert --json" '"has_index":true,"verified_queries":64}$'
run convert --no-index knn.json plain.safetensors
out_has "convert --no-index" "^  index  *none\$"
run inspect plain.safetensors
out_has "inspect without index" "^  index  *none: loading reads all rows\$"
run convert --no-verify knn.json unverified.safetensors
out_has "convert --no-verify" "^  verified  *no\$"
run convert --to json knn.safetensors odd_name
code_is "convert --to" 0
run inspect odd_name
out_has "convert --to wins over the name" "^  file  *json, "

# What is refused leaves nothing behind, and what was there as it was.
cp knn.json taken.safetensors
ls | grep -v -e '^after$' -e '^before$' >before
refused "an existing file" 1 "taken.safetensors: exists already" convert knn.json taken.safetensors
err_has "an existing file" "hint: .*--force"
same "an existing file stays" knn.json taken.safetensors
refused "a missing folder" 1 "error: no_such/x.safetensors cannot be created: its folder does not exist" convert knn.json no_such/x.safetensors
refused "a missing artifact" 1 "not found: missing.json" convert missing.json x.safetensors
refused "no format" 2 "neither .json nor .safetensors" convert knn.json knn.bin
refused "an unknown format" 2 'onnx' convert --to onnx knn.json knn.onnx
refused "one file" 2 "two files are needed" convert knn.json
refused "three files" 2 "too many files" convert a.json b.json c.json
head -c 300 knn.safetensors >cut.tmp
refused "a cut container" 1 "is it complete?" convert cut.tmp cut.json
rm cut.tmp
ls | grep -v -e '^after$' -e '^before$' >after
same "refusals leave no file behind" before after
run convert --force knn.json taken.safetensors
code_is "convert --force" 0
same "convert --force replaces" knn.safetensors taken.safetensors

# A value that is damaged: convert and inspect look at all.
size=$(wc -c <knn.safetensors)
{
    head -c $((size - 4)) knn.safetensors
    printf '\377\377\377\177'
} >damaged.safetensors
refused "inspect a damaged value" 1 "the file is damaged or was changed" inspect damaged.safetensors
refused "convert a damaged value" 1 "the file is damaged or was changed" convert damaged.safetensors damaged.json
