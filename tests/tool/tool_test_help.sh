# SPDX-License-Identifier: Apache-2.0
# Help, version, and what is said about wrong usage.

run --help
code_is "--help" 0
out_has "--help" "^Usage: mlsel COMMAND"
out_has "--help documents the exit codes" "^  3  no candidate"
err_empty "--help"
cp out main_help
run help
same "help is --help" out main_help
run -h
same "-h is --help" out main_help
"$mlsel" >out 2>err
code=$?
ran=""
code_is "no command" 2
out_empty "no command"
same "no command shows the help" err main_help

# Where examples are run: the source folder, or for those that write files one that looks like it.
mkdir writable
ln -s "$source/examples" writable/examples
# Commands whose examples can be run as they stand, and those whose examples need a server or files of their own.
alone="route validate select explain inspect convert devices version help" others=""
if [ "$HAS_TRAIN" -eq 1 ]; then alone="$alone evaluate" others="train calibrate"; fi
if [ "$HAS_COLLECT" -eq 1 ]; then alone="$alone embed" others="$others benchmark merge score download"; fi
if [ "$(awk 'length > 80' main_help | wc -l)" -eq 0 ]; then pass; else fail "--help: a line of more than 80"; fi
for command in $alone $others; do
    out_has_command="^  $command "
    cp main_help out
    out_has "--help lists $command" "$out_has_command"
    run "$command" --help
    code_is "$command --help" 0
    out_has "$command --help" "^Usage: mlsel $command"
    out_has "$command --help" "^Examples:"
    err_empty "$command --help"
    cp out command_help
    run help "$command"
    same "help $command is $command --help" out command_help
    if [ "$(awk 'length > 80' out | wc -l)" -eq 0 ]; then pass; else fail "$command --help: a line of more than 80"; fi
    # The examples are run as they stand, in the source folder.
    sed -e '1,/^Examples:/d' -e 's/^  //' command_help >examples.sh
    examples=$(grep -c '^[a-z]' examples.sh)
    if [ "$examples" -ge 2 ] && [ "$examples" -le 4 ]; then
        pass
    else
        fail "$command --help: $examples examples"
    fi
    ran="$command (examples)"
    case " $others " in *" $command "*) continue ;; esac
    case $command in
    convert) folder=$scratch/writable ;;
    *) folder=$source ;;
    esac
    (cd "$folder" && PATH="$scratch/bin:$PATH" sh -e "$scratch/examples.sh" >"$scratch/out" 2>"$scratch/err")
    code=$?
    code_is "examples of $command" 0
    err_empty "examples of $command"
done
sed -e '1,/^Examples:/d' main_help >examples.sh
ran="(main examples)"
(cd "$source" && PATH="$scratch/bin:$PATH" sh -e "$scratch/examples.sh" >"$scratch/out" 2>"$scratch/err")
code=$?
code_is "examples of --help" 0

run version
code_is "version" 0
out_has "version" "^mlsel [0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\$"
out_lines "version" 2
cp out version_text
run --version
same "--version is version" out version_text

refused "unknown command" 2 'unknown command "slect"' slect
err_has "unknown command" "did you mean select?"
err_has "unknown command" "mlsel --help"
refused "far from any command" 2 'unknown command "frobnicate"' frobnicate
if grep -q "did you mean" err; then fail "far from any command: a suggestion"; else pass; fi
refused "unknown option before a command" 2 "did you mean --version?" --versoin
refused "unknown option" 2 "did you mean --candidates?" select --candidate x
err_has "unknown option" "mlsel select --help"
refused "transposed option" 2 "did you mean --model?" select --moedl x
refused "unknown help" 2 "did you mean explain?" help explian
refused "option without value" 2 "needs a value" select --model
refused "flag with value" 2 "takes no value" select --json=1
refused "no model" 2 "no artifact" select queries.jsonl
refused "second query file" 2 "each artifact needs its own --model" select --model knn.json kmeans.json queries.jsonl
refused "k of 0" 2 "at least 1" select --model knn.json --k 0 queries.jsonl
refused "k of 1x" 2 "at least 1" select --model knn.json --k 1x queries.jsonl
refused "k too large" 2 "largest possible is 4294967295" select --model knn.json --k 4294967296 queries.jsonl
refused "limit negative" 2 "at least 1" select --model knn.json --limit -1 queries.jsonl
refused "rule" 2 "did you mean legacy?" select --model knn.json --knn-rule legcy queries.jsonl
refused "format" 2 "jsonl, f32 or npy" select --model knn.json --format csv queries.jsonl
refused "categories" 2 "vsr or vsr-doc" select --model knn.json --categories alphabetical queries.jsonl
refused "precision" 2 "f32, f16, bf16 or int8" select --model knn.json --precision f64 queries.jsonl
refused "explain has no --scores" 2 "unknown option" explain --model knn.json --scores queries.jsonl
refused "standard input twice" 2 "only once" select --model - -
refused "two models from standard input" 2 "only once" select --model - --model - queries.jsonl
refused "nothing to inspect" 2 "no artifact to inspect" inspect
refused "version with an argument" 2 "unexpected argument" version now
