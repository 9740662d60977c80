#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collect_run.sh MLSEL COLLECT_SERVER [REQUESTS] [CONCURRENCY]: requests per second of `mlsel benchmark` against a server on
# this machine, processor time for each, and its memory after a tenth of them and at the end. Taken together with the
# server it has the processors that `taskset` leaves, as in `taskset -c 0,1 sh collect_run.sh ...`. Linux only.
set -eu
mlsel=$1 server=$2 requests=${3:-200000} concurrency=${4:-64}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkfifo "$folder/input"
"$server" "$folder/port" <"$folder/input" &
exec 3>"$folder/input"
while [ ! -s "$folder/port" ]; do sleep 0.05; done
port=$(cat "$folder/port")
awk -v n="$((requests / 4))" 'BEGIN { for (i = 0; i < n; i++) printf "{\"query\": \"Question %d: which of these is " \
    "right?\\nA. the first\\nB. the second\\nC. the third\", \"ground_truth\": \"A\", \"metric\": \"em_mc\", " \
    "\"category\": \"math\", \"task_name\": \"bench\"}\n", i }' >"$folder/queries.jsonl"

"$mlsel" benchmark --queries "$folder/queries.jsonl" --models a,b,c,d --endpoint "http://127.0.0.1:$port/v1" \
    --concurrency "$concurrency" --output "$folder/out.jsonl" --json >"$folder/summary" &
pid=$!
memory() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status" 2>/dev/null; }
early='' late=''
while kill -0 "$pid" 2>/dev/null; do
    [ ! -f "$folder/out.jsonl" ] || bytes=$(wc -c <"$folder/out.jsonl")
    now=$(memory) || now=''
    [ -z "$now" ] || late=$now
    # a row has about 330 bytes
    [ -n "$early" ] || [ "${bytes:-0}" -lt $((requests * 33)) ] || early=$now
    ticks=$(awk '{ print $14, $15 }' "/proc/$pid/stat" 2>/dev/null) || true
    [ -z "$ticks" ] || last=$ticks
    sleep 0.1
done
wait "$pid"
rows=$(wc -l <"$folder/out.jsonl")
seconds=$(sed 's/.*"seconds":\([0-9.]*\).*/\1/' "$folder/summary")
echo "$rows rows, $last" | awk -v s="$seconds" -v hz="$(getconf CLK_TCK)" -v early="$early" -v late="$late" \
    -v concurrency="$concurrency" '{
    printf "%d requests, concurrency %d: %.2f s, %.0f requests/s\n", $1, concurrency, s, $1 / s
    printf "processor time for each request: %.0f us of the program, %.0f us of the kernel\n", $3 / hz / $1 * 1e6, $4 / hz / $1 * 1e6
    printf "memory: %.1f MiB after a tenth, %.1f MiB at the end\n", early / 1024, late / 1024 }'
exec 3>&-
