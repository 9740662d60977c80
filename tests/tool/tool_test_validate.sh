# SPDX-License-Identifier: Apache-2.0
# mlsel validate: what is shown, and the exit codes. What is found is in tests/config.

# golden NAME: standard output is exactly what standard input says
golden() {
    cat >expected
    if cmp -s out expected; then
        pass
    else
        fail "$1: other output"
        diff expected out | head -n 20
    fi
}

cat >good.yaml <<'END'
model_selection: {ml: {models_path: ".", knn: {pretrained_path: knn.json}}}
decisions:
  - name: math
    rules: {type: domain, name: math}
    algorithm: {type: knn}
    modelRefs: [{model: alpha}, {model: beta}]
END
run validate good.yaml
code_is "a valid file" 0
err_empty "a valid file"
golden "a valid file" <<'END'
good.yaml: valid, flat dialect, 1 decision, 1 artifact
END
run validate --quiet good.yaml
code_is "a valid file, quietly" 0
out_empty "a valid file, quietly"
run validate --json good.yaml
golden "a valid file as JSON" <<'END'
{"file":"good.yaml","valid":true,"errors":0,"warnings":0,"notes":0,"dialect":"flat","decisions":1,"artifacts":1}
END
run validate --text-only --models nowhere good.yaml
code_is "text only" 0
golden "text only" <<'END'
good.yaml: valid, flat dialect, 1 decision
END

run validate bad.yaml
code_is "errors" 1
err_empty "errors"
tab=$(printf '\t')
golden "errors" <<END
bad.yaml:5:29: error: unknown key "lora-name" in a model reference [unknown-key]
    5 |     modelRefs: [${tab}{model: x, lora-name: "数学"},${tab}x]
      |                 ${tab}           ^~~~~~~~~
        = did you mean "lora_name"?
bad.yaml:5:47: error: a model reference is the text "x", expected a mapping [wrong-type]
    5 |     modelRefs: [${tab}{model: x, lora-name: "数学"},${tab}x]
      |                 ${tab}                              ${tab}^
        = write - model: NAME
bad.yaml:6:5: error: unknown key "prioritty" in a decision [unknown-key]
    6 |     prioritty: 1
      |     ^~~~~~~~~
        = did you mean "priority"?
bad.yaml:7:5: warning: unknown key "weather" in a decision, it has no effect [unknown-key]
    7 |     weather: fine
      |     ^~~~~~~

bad.yaml: not valid, 3 errors, 1 warning
END
run validate --quiet bad.yaml
code_is "errors, quietly" 1
golden "errors, quietly" <<'END'
bad.yaml:5:29: error: unknown key "lora-name" in a model reference [unknown-key]
bad.yaml:5:47: error: a model reference is the text "x", expected a mapping [wrong-type]
bad.yaml:6:5: error: unknown key "prioritty" in a decision [unknown-key]
bad.yaml:7:5: warning: unknown key "weather" in a decision, it has no effect [unknown-key]
END
run validate --json bad.yaml
code_is "errors as JSON" 1
out_lines "errors as JSON" 5
out_has "errors as JSON" '^{"file":"bad.yaml","line":6,"column":5,"end_line":6,"end_column":14,"severity":"error","code":"unknown-key","message":"unknown key \\"prioritty\\" in a decision","suggestion":"did you mean \\"priority\\"?"}$'
out_has "errors as JSON" '"severity":"warning".*"suggestion":null}$'
out_has "errors as JSON" '^{"file":"bad.yaml","valid":false,"errors":3,"warnings":1,"notes":0,"dialect":null,'

# Wide characters before the mark take two columns.
printf 'decisions: [{name: "数学", priority: x, modelRefs: [{model: x}]}]\n' >wide.yaml
run validate wide.yaml
golden "wide characters" <<'END'
wide.yaml:1:36: error: "priority" is the text "x", expected a whole number [wrong-type]
    1 | decisions: [{name: "数学", priority: x, modelRefs: [{model: x}]}]
      |                                      ^

wide.yaml: not valid, 1 error
END

# Of a long line the part around the mark is shown.
{
    printf 'decisions: [{name: a, description: "'
    printf '%0200d' 0
    printf '", priority: x, plugins: ["'
    printf '%0200d' 0
    printf '"], modelRefs: [{model: x}]}]\n'
} >long.yaml
run validate long.yaml
golden "a long line" <<'END'
long.yaml:1:250: error: "priority" is the text "x", expected a whole number [wrong-type]
    1 | ...00000000000000000000000000000000000000000000000", priority: x, plugins: ["0000000000000000000000000000000000000000000000...
      |                                                                ^

long.yaml: not valid, 1 error
END

# A file that cannot be read as YAML, one that is not there, several at once.
printf 'decisions:\n\t- name: a\n' >tab.yaml
run validate good.yaml tab.yaml
code_is "several files" 1
golden "several files" <<END
good.yaml: valid, flat dialect, 1 decision, 1 artifact
tab.yaml:2:1: error: a tab cannot indent or separate here [yaml-tab]
    2 | ${tab}- name: a
      | ^
        = indent with spaces

tab.yaml: not valid, 1 error
END
refused "no such file" 1 "configuration not found: nowhere.yaml" validate nowhere.yaml
refused "a folder" 1 "it is a folder" validate .
run validate nowhere.yaml good.yaml
code_is "the other files are validated all the same" 1
out_has "the other files are validated all the same" "^good.yaml: valid"

# Warnings.
sed 's/^    rules:/    weather: fine\n    rules:/' good.yaml >warned.yaml
run validate warned.yaml
code_is "warnings" 0
out_has "warnings" "^warned.yaml: valid, flat dialect, 1 decision, 1 artifact, 1 warning$"
for option in --warnings-as-errors --strict; do
    run validate $option warned.yaml
    code_is "warnings with $option" 1
    out_has "warnings with $option" "^warned.yaml: not valid, 1 warning (counting as errors)$"
done
run validate --strict --json warned.yaml
code_is "warnings as errors in JSON" 1
out_has "warnings as errors in JSON" '"valid":false,"errors":0,"warnings":1'

# Artifacts and devices.
sed 's/knn.json/nowhere.json/' good.yaml >missing.yaml
run validate missing.yaml
code_is "a missing artifact" 1
golden "a missing artifact" <<'END'
missing.yaml:1:65: error: pretrained model not found: nowhere.json [artifact-missing]
    1 | model_selection: {ml: {models_path: ".", knn: {pretrained_path: nowhere.json}}}
      |                                                                 ^~~~~~~~~~~~
        = train it, or correct models_path or pretrained_path

missing.yaml: not valid, 1 error
END
mkdir models && cp knn.json models/knn_model.json
run validate --models models missing.yaml
code_is "--models" 0
run validate --models-root . good.yaml
code_is "an artifact below --models-root" 0
run validate --models-root models good.yaml
code_is "an artifact outside of --models-root" 1
out_has "an artifact outside of --models-root" \
    "^good.yaml:1:65: error: knn.json is outside of models_root, models \[artifact-outside\]$"
sed 's/type: knn}/type: knn, knn: {device: metal}}/' good.yaml >device.yaml
run validate device.yaml
code_is "a missing device" 4
out_has "a missing device" "^device.yaml:5:42: error: device \"metal\": .* \[device-unavailable\]$"
run validate --device-fallback device.yaml
code_is "a missing device with a fallback" 0
run validate --device cpu device.yaml
code_is "another device" 0
refused "a device that is none" 2 "" validate --device toaster good.yaml

# Standard input and pipes.
in=good.yaml run validate -
code_is "standard input" 0
out_has "standard input" "^standard input: valid"
in=bad.yaml run validate --quiet -
code_is "errors in standard input" 1
out_has "errors in standard input" "^standard input:6:5: error: "
in=/dev/null run validate -
code_is "empty standard input" 1
out_has "empty standard input" "yaml-empty"
in=/dev/null
if mkfifo pipe 2>/dev/null; then
    cat bad.yaml >pipe &
    run validate --quiet pipe
    code_is "a pipe" 1
    out_has "a pipe" "^pipe:6:5: error: "
    wait
fi

# Nothing in a file steers the terminal.
printf 'decisions:\n- {"na\\e[31mme": 1, "\342\200\256x": 2, modelRefs: [{model: "\\e[2J"}], name: a}\n' >hostile.yaml
run validate hostile.yaml
if LC_ALL=C tr -d '\n' <out | LC_ALL=C grep -q -e "[$(printf '\001')-$(printf '\037')]" -e "$(printf '\342\200\256')"; then
    fail "validate: control characters"
else
    pass
fi

# Usage.
refused "nothing to validate" 2 "no configuration to validate" validate
refused "an unknown option" 2 "did you mean --models?" validate --model x good.yaml
refused "an unknown layout" 2 "vsr or vsr-doc" validate --categories x good.yaml
