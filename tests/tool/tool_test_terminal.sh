# SPDX-License-Identifier: Apache-2.0
# Behaviour on a terminal, with util-linux's `script` as the terminal.

escape=$(printf '\033')

# Runs a shell command on a terminal; what it shows goes to `out`, its exit code to `code`.
on_terminal() {
    ran="(on a terminal) $1"
    : >err
    TERM=xterm script -qec "$1" /dev/null </dev/null >out 2>&1
    code=$?
}

if script --version 2>/dev/null | grep -q util-linux && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    on_terminal "'$mlsel' select --model knn.json"
    code_is "the keyboard as input" 2
    out_has "the keyboard as input" "standard input is the keyboard"
    out_has "errors in colour" "$escape\[1;31mmlsel: error: "
    on_terminal "'$mlsel' select --model knn.json queries.jsonl"
    code_is "table on a terminal" 0
    out_has "table in colour" "$escape\[1;32malpha$escape\[0m"
    on_terminal "NO_COLOR=1 '$mlsel' select --model knn.json queries.jsonl"
    out_lacks "NO_COLOR" "$escape"
    on_terminal "TERM=dumb '$mlsel' select --model knn.json queries.jsonl"
    out_lacks "TERM=dumb" "$escape"
    on_terminal "'$mlsel' select --model knn.json --json queries.jsonl"
    out_lacks "JSON has no colour" "$escape"
    if [ -n "$trains" ]; then
        on_terminal "'$mlsel' evaluate --data-file records.jsonl --model two.json"
        code_is "evaluation on a terminal" 0
        out_has "the best selector in colour" "$escape\[1;32mtwo$escape\[0m"
        on_terminal "'$mlsel' evaluate --data-file records.jsonl --model two.json --json"
        out_lacks "JSON of an evaluation has no colour" "$escape"
    fi
    on_terminal "'$mlsel' validate bad.yaml"
    code_is "findings on a terminal" 1
    out_has "findings in colour" "$escape\[1mbad.yaml:6:5:$escape\[0m $escape\[1;31merror:$escape\[0m"
    out_has "the mark in colour" "$escape\[1;31m    ^~~~~~~~~$escape\[0m"
    on_terminal "NO_COLOR=1 '$mlsel' validate bad.yaml"
    out_lacks "findings without colour" "$escape"
    # Progress: after two seconds, not before, and not where answers are shown.
    on_terminal "(cat queries.jsonl; sleep 3; cat queries.jsonl) | '$mlsel' select --model knn.json >/dev/null"
    out_has "progress" "queries, .*/s"
    out_has "progress is removed at the end" "$escape\[K\$"
    on_terminal "(cat queries.jsonl; sleep 1; cat queries.jsonl) | '$mlsel' select --model knn.json >/dev/null"
    out_lacks "no progress in the first second" "/s"
    on_terminal "(cat queries.jsonl; sleep 3; cat queries.jsonl) | '$mlsel' select --model knn.json --json"
    out_lacks "no progress among answers" "/s"
else
    echo "SKIP checks of a terminal: no \`script\` of util-linux, or no pseudo-terminal for it"
fi
