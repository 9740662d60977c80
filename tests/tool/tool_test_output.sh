# SPDX-License-Identifier: Apache-2.0
# What is written, and where writing ends.

# Nothing that comes from input steers the terminal; columns line up in characters, not bytes.
printf '%s\n' '{"id": "\u001b[2Jq\u0085", "features": [0, 0]}' '{"text": "вопрос", "features": [1, 1]}' >hostile.jsonl
for command in select explain; do
    run $command --model hostile.json hostile.jsonl
    code_is "$command with hostile names" 0
    if LC_ALL=C tr -d '\n' <out | LC_ALL=C grep -q "[$(printf '\001')-$(printf '\037')]"; then
        fail "$command: control characters in a table"
    else
        pass
    fi
    out_has "$command with hostile names" "\[31mred"
    out_has "$command with hostile names" "\[2Jq"
done
run inspect hostile.json
if tr -d '\n' <out | grep -q "[$(printf '\001')-$(printf '\037')]"; then
    fail "inspect: control characters"
else
    pass
fi
run select --model hostile.json hostile.jsonl
# Without the bytes that continue a character, every line has its columns at the same place.
LC_ALL=C tr -d '\200-\277' <out >narrow
columns=$(awk '{ print match($0, / [^ ]*kmeans|ALGORITHM/) ? RSTART + (NR > 1) : 0 }' narrow | sort -u | wc -l)
if [ "$columns" -eq 1 ]; then pass; else fail "columns do not line up after UTF-8 text"; fi
numbers=$(awk 'NR > 1 { print index($0, ".0000") }' narrow | sort -u | wc -l)
if [ "$numbers" -eq 1 ]; then pass; else fail "columns do not line up after UTF-8 labels"; fi

run select --model hostile.json --json hostile.jsonl
out_has "JSON escapes control characters" '"id":"\\u001b\[2Jq\\u0085"'
out_has "JSON escapes control characters" '"choice":"\\u001b\[31mred'
out_has "JSON keeps UTF-8" '"text":"вопрос"'
printf '{"id": "\377\\"\\\\", "features": [0, 0]}\n' >invalid.jsonl
run select --model hostile.json --json invalid.jsonl
out_has "JSON output is UTF-8 even if the input is not" "\"id\":\"$(printf '\357\277\275')\\\\\"\\\\\\\\\""
run inspect "$(printf 'no\033[31m.json')"
if grep -q "$(printf '\033')" err; then fail "an escape sequence in a message"; else pass; fi

# Colour is for terminals.
run select --model knn.json queries.jsonl
out_lacks "no colour in a file" "$(printf '\033')"
run slect
if grep -q "$(printf '\033')" err; then fail "colour in a log"; else pass; fi

# A full disk is said; a reader that has gone is not.
if [ -w /dev/full ]; then
    for command in "select --model knn.json queries.jsonl" "explain --model knn.json queries.jsonl" \
        "inspect --json knn.json" "devices" "--help" "select --model knn.json --json many.jsonl"; do
        ran="$command >/dev/full"
        : >out
        "$mlsel" $command >/dev/full 2>err
        code=$?
        code_is "$ran" 1
        err_has "$ran" "cannot write the output: "
    done
else
    echo "SKIP checks of a full disk: no /dev/full"
fi
ran="select | true"
: >out
{
    trap '' PIPE
    "$mlsel" select --model knn.json --json many.jsonl 2>err
    echo $? >code
    trap - PIPE
} | true
code=$(cat code)
if [ "$code" -ne 0 ]; then pass; else fail "a reader that has gone: exit code 0"; fi
err_empty "a reader that has gone"

# Answers are not held back until the input ends.
ran="select on a slow pipe"
if mkfifo slow 2>/dev/null; then
    "$mlsel" select --model knn.json --json - <slow >out 2>err &
    tool=$!
    exec 3>slow
    head -n 1 queries.jsonl >&3
    tries=0
    while [ ! -s out ] && [ $tries -lt 50 ]; do
        sleep 0.1 2>/dev/null || sleep 1
        tries=$((tries + 1))
    done
    code=0
    out_lines "an answer before the input ends" 1
    exec 3>&-
    wait $tool
    code=$?
    code_is "the end of a slow pipe" 0
fi
