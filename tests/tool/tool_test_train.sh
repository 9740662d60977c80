# SPDX-License-Identifier: Apache-2.0
# `mlsel train`: artifacts of all kinds, the summary, what is chosen and refused, interruption, no half-written file.

builds "$HAS_TRAIN" train || return 0
records=$source/examples/records.jsonl
kinds="knn kmeans svm mlp"
if [ "$HAS_SVM" -ne 1 ]; then
    refused "train: no LIBSVM" 1 "LIBSVM" \
        train --data-file "$records" --embedding-model builtin --algorithm svm --output-dir without_svm
    echo "SKIP training of SVMs, which this build does not have"
    kinds="knn kmeans mlp"
fi
algorithms=""
for kind in $kinds; do
    algorithms="$algorithms --algorithm $kind"
done

run train --data-file "$records" --embedding-model builtin $algorithms --output-dir made/here --safetensors
code_is "train" 0
err_empty "train"
out_has "train: head" "^ALGORITHM  *ROWS  *CV UTILITY  *BEST SINGLE  *TIME  *MEMORY  *ARTIFACT  *SETTINGS\$"
for kind in $kinds; do
    out_has "train: row of $kind" "^$kind  *60  *0\.[0-9]*  *0\.[0-9]* .* made/here/${kind}_model.json "
done
for kind in $kinds; do
    run inspect --json made/here/${kind}_model.json
    code_is "train: $kind loads" 0
    for label in codellama-7b llama-3.2-1b llama-3.2-3b mistral-7b; do
        out_has "train: $kind has its labels" "\"$label\""
    done
    out_has "train: $kind has features of the usual width" '"n_features":1038'
    run inspect made/here/${kind}_model.safetensors
    code_is "train: the container of $kind loads" 0
done
if [ "$(find made -name '*.part' -o -name '.*' -type f | wc -l)" -eq 0 ]; then pass; else fail "train: leftovers"; fi

# The same seed gives the same bytes, whatever the threads; another seed another network.
run train --data-file "$records" --embedding-model builtin $algorithms --output-dir again --threads 3
for kind in $kinds; do
    same "train: $kind is the same with three threads" made/here/${kind}_model.json again/${kind}_model.json
done
run train --data-file "$records" --embedding-model builtin --algorithm mlp --output-dir other --seed 7
if cmp -s again/mlp_model.json other/mlp_model.json; then fail "train: --seed has no effect"; else pass; fi

run train --data-file "$records" --embedding-model builtin --algorithm knn --output-dir made --json
code_is "train --json" 0
out_lines "train --json" 1
out_has "train --json" '^{"dataset":{"queries":60,"models":4,"rows":240,'
out_has "train --json" '"trained":\[{"algorithm":"knn","objective":"outcome","artifact":"made/knn_model.json","device":"cpu","rows":60,"features":1038,'
out_has "train --json" '"calibration":"isotonic","cv_utility":0\.[0-9]*,'

# Every flag of the ecosystem's trainer, and what they change.
run train --data-file "$records" --embedding-model builtin --objective compatible --knn-k 3 --kmeans-clusters 4 \
    --svm-kernel linear --svm-gamma 0.5 --mlp-hidden-sizes 16,8 --mlp-dropout 0.2 --mlp-epochs 2 \
    --mlp-learning-rate 0.01 --quality-weight 0.8 --batch-size 16 --device cpu --limit 30 --cache-dir cache \
    --output-dir compatible $algorithms
code_is "train compatible" 0
run inspect --json compatible/knn_model.json
out_has "train --limit, --knn-k" '"k":3,'
out_has "train compatible: a row for each record" '"n_samples":120'
run inspect --json compatible/kmeans_model.json
out_has "train --kmeans-clusters" '"n_clusters":4'
run inspect compatible/mlp_model.json
out_has "train --mlp-hidden-sizes" "1038.*16"
if tr -d ' \n' <compatible/mlp_model.json | grep -q '"hidden_sizes":\[16,8\]'; then pass; else fail "train: hidden_sizes"; fi
if grep -q 'calibration\|embedding_model\|trained_for' compatible/*.json; then
    fail "train compatible: keys that the ecosystem's trainer does not write"
else
    pass
fi

run train --data-file "$records" --embedding-model builtin --algorithm kmeans --format 2 --output-dir two
code_is "train --format 2" 0
run inspect --json two/kmeans_model.json
out_has "train --format 2" '"format_version":2'

# On queries that were held out.
run train --data-file "$records" --embedding-model builtin --algorithm knn --holdout 0.3 --output-dir held \
    --report held.html
code_is "train --holdout" 0
out_has "train --holdout" "^On the records held out:\$"
out_has "train --holdout" "^knn  *0\.[0-9]*"
out_has "train --report" "^held.html has the plots\$"
if grep -q '<svg' held.html; then pass; else fail "train --report: no plots"; fi

refused "train: a page in no folder" 1 "cannot write nowhere/held.html" \
    train --data-file "$records" --embedding-model builtin --algorithm knn --holdout 0.3 --output-dir held \
    --report nowhere/held.html
out_has "train: a page in no folder" "^On the records held out:\$"

# Text alone, once an artifact was trained with the built-in embedder.
echo '{"id":1,"text":"Compute the determinant of 3 and 4","category":"math"}' >text.jsonl
run select --model made/here/knn_model.json --embedding-model builtin --json text.jsonl
code_is "select text" 0
out_has "select text" '"id":1,.*"choice":"'
refused "select text without an embedder" 1 "neither .features. nor .embedding." \
    select --model made/here/knn_model.json text.jsonl
err_has "select text without an embedder" "hint: --embedding-model builtin"

refused "train without data" 2 "no records: --data-file is missing" train
refused "train: missing file" 1 "nowhere.jsonl" train --data-file nowhere.jsonl
refused "train without embeddings" 1 "60 of 60 queries have no embedding" train --data-file "$records"
err_has "train without embeddings" "hint: .*builtin"
refused "train: share" 2 "it takes a share above 0 and below 1" train --data-file "$records" --holdout 1.5
refused "train: sizes" 2 "it takes sizes with commas between" train --data-file "$records" --mlp-hidden-dims 12,,3
refused "train: weight" 2 "it takes a number from 0 to 1" train --data-file "$records" --quality-weight 2
refused "train: report without held-out records" 2 "needs --holdout" train --data-file "$records" --report x.html
refused "train: memory" 2 "a size as in" train --data-file "$records" --max-memory lots
refused "train: more memory than can be counted" 2 "a size as in" train --data-file "$records" --max-memory 1000000000000T
refused "train: no memory" 2 "a size as in" train --data-file "$records" --max-memory 0.5
refused "train: a seed too large" 2 "largest possible is 18446744073709551615" \
    train --data-file "$records" --seed 18446744073709551616
echo x >plain_file
for folder in plain_file plain_file/sub/models; do
    refused "train: a file for a folder" 1 "plain_file: Not a directory" train --data-file nowhere.jsonl --output-dir $folder
done
refused "train: device" 4 'device "cuda' \
    train --data-file "$records" --embedding-model builtin --device cuda:4000 --output-dir cuda
err_has "train: device" "hint: without --device the CPU trains"
if [ -e cuda/knn_model.json ]; then fail "train: time was spent before the device was asked for"; else pass; fi
refused "train: a device that is none" 2 "expected cpu, cuda" \
    train --data-file "$records" --embedding-model builtin --device toaster --output-dir cuda
refused "train: a device for nothing" 2 "which --algorithm leaves out" \
    train --data-file "$records" --algorithm knn --algorithm svm --device auto
refused "train: memory limit" 1 "max_memory_bytes allows" \
    train --data-file "$records" --embedding-model builtin --algorithm mlp --max-memory 100K --output-dir small
if [ -e small/mlp_model.json ]; then fail "train: an artifact after a failure"; else pass; fi

# Ctrl-C: nothing half-written, the old artifact stays, exit code 130.
mkdir -p stopped && echo "the old one" >stopped/mlp_model.json
awk -v n=400 -f "$source/examples/make_records.awk" >many_records.jsonl
"$mlsel" train --data-file many_records.jsonl --embedding-model builtin --algorithm mlp --mlp-epochs 100000 \
    --output-dir stopped >out 2>err &
pid=$!
wait_until notices_interrupt $pid
kill -INT $pid
code=0
wait $pid || code=$?
ran="train, interrupted"
code_is "train interrupted" 130
err_has "train interrupted" "^mlsel: error: interrupted\$"
if [ "$(cat stopped/mlp_model.json)" = "the old one" ]; then pass; else fail "train interrupted: the old artifact is gone"; fi
if [ "$(find stopped -type f | wc -l)" -eq 1 ]; then pass; else fail "train interrupted: leftovers"; fi

# Also while the held-out records are evaluated, which is after the artifact was written.
awk 'BEGIN { for (i = 0; i < 16000; i++) for (m = 0; m < 2; m++) printf "{\"query\": \"question %d, %d\", " \
    "\"model_name\": \"m%d\", \"performance\": %d}\n", i, i * 7919 % 9973, m, (i + m) % 2 }' >long.jsonl
"$mlsel" train --data-file long.jsonl --embedding-model builtin --algorithm knn --knn-k 5 --calibration none \
    --holdout 0.7 --report stopped.html --output-dir evaluated >out 2>err &
pid=$!
wait_until test -e evaluated/knn_model.json
kill -TERM $pid
code=0
wait $pid || code=$?
ran="train --holdout, stopped while it evaluates"
code_is "train --holdout stopped" 130
err_has "train --holdout stopped" "^mlsel: error: interrupted\$"
if [ -e stopped.html ]; then fail "train --holdout stopped: a page"; else pass; fi
rm long.jsonl
