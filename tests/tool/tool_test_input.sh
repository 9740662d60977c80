# SPDX-License-Identifier: Apache-2.0
# Input formats, and that they agree with one another.

models="--model knn.json --model kmeans.json --model svm.json --model mlp.json --scores --json"
run select $models queries.jsonl
cp out expected
code_is "JSON lines" 0

agrees() {
    name=$1
    shift
    run select $models "$@"
    code_is "$name" 0
    same "$name agrees with JSON lines" out expected
    err_empty "$name"
}
agrees "raw float32" queries.f32
agrees ".npy" queries.npy
cp queries.f32 queries.bin
agrees ".bin" queries.bin
cp queries.f32 queries.dat
agrees "--format f32" --format f32 queries.dat
cp queries.npy queries.dat
agrees ".npy known by its first bytes" queries.dat
cp queries.jsonl queries.txt
agrees "JSON lines under another name" queries.txt
for version in 1 2 3; do
    npy $version '<f4' False '(4, 4)' "$f32_rows" >v.npy
    agrees ".npy version $version, float32" v.npy
    npy $version '<f8' False '(4, 4)' "$f64_rows" >v.npy
    agrees ".npy version $version, float64" v.npy
done
printf '\357\273\277' | cat - queries.jsonl >bom.jsonl
agrees "JSON lines with a byte order mark" bom.jsonl
sed "s/\$/$(printf '\r')/" queries.jsonl | sed 'G' >crlf.jsonl
agrees "JSON lines with CRLF and empty lines" crlf.jsonl
printf '%s' "$(cat queries.jsonl)" >no_newline.jsonl
agrees "JSON lines without a last newline" no_newline.jsonl
for file in queries.jsonl queries.npy; do
    in=$file
    agrees "standard input, $file"
    agrees "standard input as -, $file" -
    ran="select <pipe $file"
    cat $file | "$mlsel" select $models - >out 2>err
    same "pipe, $file" out expected
done
in=queries.f32
agrees "standard input, --format f32" --format f32 -
in=knn.json
run select --model - --json queries.jsonl
sed 's/"model":"-"/"model":"knn.json"/' out >from_stdin
run select --model knn.json --json queries.jsonl
same "model from standard input" from_stdin out
in=/dev/null
if mkfifo pipe2 2>/dev/null; then
    cat knn.json >pipe2 &
    run select --model pipe2 --json queries.jsonl
    wait
    sed 's/"model":"pipe2"/"model":"knn.json"/' out >from_pipe
    run select --model knn.json --json queries.jsonl
    same "model from a pipe" from_pipe out
fi
npy 1 '<f4' False '(4,)' "$f32_one$f32_half$f32_zero$f32_zero" >row.npy
run select $models row.npy
code_is "one-dimensional .npy" 0
head -n 4 expected >expected_1
same "one-dimensional .npy is one query" out expected_1
npy 1 '<f4' True '(1, 4)' "$f32_one$f32_half$f32_zero$f32_zero" >row.npy
run select $models row.npy
same "one row in Fortran order is the same row" out expected_1

# More queries than a chunk holds, with the numbers running on.
run select --model knn.json --json many.jsonl
code_is "2048 queries" 0
out_lines "2048 queries" 2048
out_has "2048 queries" '^{"query":2048,'
sed 's/"query":[0-9]*,//' out | sort | uniq -c | awk '{ print $1 }' | sort -u | tr '\n' ' ' >counts
printf '512 ' >counts_expected
same "every chunk answers alike" counts counts_expected

# Names and texts are carried along.
cat >named.jsonl <<'END'
{"id": "q-1", "text": "Was ist größer?\nSag es.", "features": [1, 0, 0, 0]}
{"id": 12345678901234567890, "features": [1, 0, 0, 0], "other": [{"id": 7}]}
{"text": "a rather long question that no column of a table has room for", "features": [1, 0, 0, 0]}
{"query": "as in routing data sets", "features": [1, 0, 0, 0], "id": null}
END
run select --model knn.json --json named.jsonl
code_is "named queries" 0
out_has "id and text" '^{"query":1,"id":"q-1","text":"Was ist größer?\\nSag es\.",'
out_has "a 64-bit id" '^{"query":2,"id":12345678901234567890,"model"'
out_has "\"query\" as text" '^{"query":4,"text":"as in routing data sets",'
run select --model knn.json named.jsonl
out_has "id in the table" "^q-1  *knn "
out_has "long text in the table" "^a rather long question th\.\.\.  knn "
out_has "64-bit id in the table" "^12345678901234567890  *knn "

# Numbers come back as they are, with the fewest digits that say so.
sed 's/"qualities": .*"latencies"/"qualities": [0.1, 0.30000000000000004, 1, 1, 1], "latencies"/' knn.json >digits.json
run explain --model digits.json --json --limit 1 queries.jsonl
out_has "short numbers stay short" '"quality":0\.1,'
out_has "long numbers keep their digits" '"quality":0\.30000000000000004,'

run select --model knn.json --json /dev/null
code_is "no queries" 0
out_empty "no queries"
err_has "no queries" "warning: /dev/null holds no queries"
