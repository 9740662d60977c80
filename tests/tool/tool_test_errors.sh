# SPDX-License-Identifier: Apache-2.0
# Bad input: what is said, where, and what is answered before it.

refused "no artifact" 1 "pretrained model not found: missing.json" select --model missing.json queries.jsonl
refused "an artifact that is a folder" 1 "is a folder" select --model . queries.jsonl
refused "no query file" 1 "cannot open missing.jsonl: " select --model knn.json missing.jsonl
refused "queries that are a folder" 1 "cannot read " select --model knn.json "$scratch"
head -c 40 knn.json >cut.json
refused "artifact cut short" 1 "cut.json: " inspect cut.json
in=cut.json
refused "artifact cut short on standard input" 1 "standard input: " inspect -
in=/dev/null
printf '\037\213\010\000abcdef' >packed.json
refused "compressed artifact" 1 "packed.json: compressed with gzip" inspect packed.json
err_has "compressed artifact" "hint: .*<(zcat packed.json)"
in=packed.json
refused "compressed artifact on standard input" 1 "compressed with gzip" inspect -
err_has "compressed artifact on standard input" "hint: pipe it through zcat"
in=/dev/null
cp packed.json packed.jsonl
refused "compressed queries" 1 "packed.jsonl: compressed with gzip" select --model knn.json packed.jsonl
err_has "compressed queries" "zcat packed.jsonl | mlsel select"

# bad_line NAME PATTERN LINE: a good query, an empty line, then the bad one. What comes before it is answered.
bad_line() {
    printf '{"features": [1, 0, 0, 0]}\n\n%s\n{"features": [1, 0, 0, 0]}\n' "$3" >bad.jsonl
    refused "$1" 1 "error: bad.jsonl:3: $2" select --model knn.json --model mlp.json --json bad.jsonl
    out_lines "$1" 2
    refused "$1, explain" 1 "error: bad.jsonl:3: $2" explain --model knn.json --json bad.jsonl
    out_lines "$1, explain" 1
    run select --model knn.json --json bad.jsonl
}
bad_line "no JSON" "not valid JSON at byte" 'features'
bad_line "JSON cut short" "not valid JSON at byte" '{"features": [1, 0'
err_has "JSON cut short" "hint: the line ends too soon"
bad_line "NaN" "not valid JSON at byte 15" '{"features": [NaN, 0, 0, 0]}'
err_has "NaN" "hint: JSON has no NaN"
bad_line "text after the object" "more text follows" '{"features": [1, 0, 0, 0]} {}'
bad_line "an array" "a JSON array" '[1, 0, 0, 0]'
err_has "an array" "jq -c"
bad_line "a number" "no JSON object" '4'
bad_line "neither member" 'neither "features" nor "embedding"' '{"vector": [1, 0, 0, 0]}'
err_has "neither member" 'hint: a query is {"features"'
bad_line "both members" 'both "features" and "embedding"' '{"features": [1], "embedding": [1]}'
bad_line "a member twice" '"features" occurs twice' '{"features": [1, 0, 0, 0], "features": [0, 1, 0, 0]}'
bad_line "no array" '"features" is not an array' '{"features": "1, 0, 0, 0"}'
bad_line "no values" '"features" is empty' '{"features": []}'
bad_line "a value that is no number" '"features"\[2\] is not a number' '{"features": [1, 0, null, 0]}'
bad_line "category that is no string" '"category" is not a string' '{"features": [1, 0, 0, 0], "category": 3}'
bad_line "id that is an object" '"id" is neither' '{"features": [1, 0, 0, 0], "id": {}}'
bad_line "id that no double can hold, written so that it is not found" '"id" is a number that is too large' '{"features": [1, 0, 0, 0], "\u0069d": 1e999}'
bad_line "too few values" ".*dimension mismatch" '{"features": [1, 0, 0]}'
err_has "too few values" "hint: .*mlsel inspect knn.json"
bad_line "a value beyond double" ".*infinite" '{"features": [1, 1e400, 0, 0]}'
bad_line "a value beyond float" ".*range of float" '{"features": [1, 1e39, 0, 0]}'

# Likely confusions of the two forms.
printf '{"embedding": [0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0]}\n' >confused.jsonl
refused "features given as embedding" 1 "dimension mismatch" select --model categories.json confused.jsonl
err_has "features given as embedding" 'hint: this looks like a whole feature vector'
printf '{"features": [0, 0]}\n' >confused.jsonl
refused "embedding given as features" 1 "dimension mismatch" select --model categories.json confused.jsonl
err_has "embedding given as features" 'hint: this looks like an embedding alone'
refused "an artifact among several" 1 "queries.jsonl:1: categories.json: " select --model knn.json --model categories.json queries.jsonl
out_empty "an artifact among several"

# A line without an end.
{ printf '{"features": [1, 0, 0, 0]}\n{"features": ['; head -c 17000000 /dev/zero | tr '\000' ' '; } >endless.jsonl
refused "endless line" 1 "endless.jsonl:2: the line is longer than 16 MiB" select --model knn.json --json endless.jsonl
out_lines "endless line" 1
rm -f endless.jsonl

# Binary formats.
printf "$f32_rows\\000\\000" >odd.f32
refused "raw float32 of odd size" 1 "66 bytes are no whole number of queries" select --model knn.json odd.f32
out_empty "raw float32 of odd size"
cat odd.f32 | "$mlsel" select --model knn.json --format f32 --json - >out 2>err
code=$?
ran="select <pipe odd.f32"
code_is "raw float32 of odd size in a pipe" 1
out_lines "raw float32 of odd size in a pipe" 4
err_has "raw float32 of odd size in a pipe" "2 bytes are left after 4 whole queries"
refused "raw float32 for two widths" 1 "models disagree" select --model knn.json --model categories.json queries.f32
printf '\000\000\300\177'"$f32_zero$f32_zero$f32_zero" >nan.f32
refused "NaN in raw float32" 1 "nan.f32: query 1: " select --model knn.json nan.f32
npy 1 '<i4' False '(4, 4)' "$f32_rows" >bad.npy
refused "integers in .npy" 1 "type '<i4', expected '<f4' or '<f8'" select --model knn.json bad.npy
npy 1 '>f4' False '(4, 4)' "$f32_rows" >bad.npy
refused "big-endian .npy" 1 "type '>f4'" select --model knn.json bad.npy
npy 1 '<f4' True '(4, 4)' "$f32_rows" >bad.npy
refused ".npy in Fortran order" 1 "fortran_order" select --model knn.json bad.npy
err_has ".npy in Fortran order" "hint: .*ascontiguousarray"
npy 1 '<f4' False '(1, 4, 4)' "$f32_rows" >bad.npy
refused ".npy of three dimensions" 1 "3 dimensions" select --model knn.json bad.npy
npy 1 '<f4' False '()' "$f32_rows" >bad.npy
refused ".npy without dimensions" 1 "0 dimensions" select --model knn.json bad.npy
npy 1 '<f4' False '(4, 0)' '' >bad.npy
refused ".npy of empty rows" 1 "0 values" select --model knn.json bad.npy
npy 1 '<f4' False '(9999999999999999999, 4)' "$f32_rows" >bad.npy
refused ".npy of impossible size" 1 "larger than any file" select --model knn.json bad.npy
npy 1 '<f4' False '(4000000000, 4)' "$f32_rows" >bad.npy
refused ".npy that promises too much" 1 "header promises 64000000000" select --model knn.json bad.npy
npy 1 '<f4' False '(3, 4)' "$f32_rows" >bad.npy
refused ".npy with more behind it" 1 "header promises 48" select --model knn.json bad.npy
cat bad.npy | "$mlsel" select --model knn.json --json - >out 2>err
code=$?
code_is ".npy with more behind it in a pipe" 1
out_lines ".npy with more behind it in a pipe" 3
err_has ".npy with more behind it in a pipe" "more data follows"
npy 1 '<f4' False '(5, 4)' "$f32_rows" | "$mlsel" select --model knn.json --json - >out 2>err
code=$?
code_is ".npy cut short in a pipe" 1
out_lines ".npy cut short in a pipe" 4
err_has ".npy cut short in a pipe" "ends within row 5 of the 5"
npy 4 '<f4' False '(4, 4)' "$f32_rows" >bad.npy
refused ".npy version 4" 1 "version 4.0, expected 1 to 3" select --model knn.json bad.npy
printf '\223NUMPY\002\000\000\000\020\000{}' >bad.npy
refused ".npy with a large header" 1 "header of 1048576 bytes" select --model knn.json bad.npy
head -c 30 queries.npy >bad.npy
refused ".npy cut within its header" 1 "ends within its header" select --model knn.json bad.npy
npy 1 "<f4', 'x': '1" False '(4, 4)' "$f32_rows" >bad.npy
refused ".npy with an unknown key" 1 "no plain array" select --model knn.json bad.npy
refused "no .npy" 1 "not a .npy file" select --model knn.json --format npy queries.jsonl
