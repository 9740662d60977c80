#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# instructions.sh: instructions per query of the single-query paths, counted by callgrind: the same on a busy machine.
# Valgrind knows no AVX-512, so these are the AVX2 kernels. Writes build/bench/instructions.txt (MLSEL_BENCH_OUT).
#
# Each count is the difference between two runs, so that starting and loading fall out.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${MLSEL_BENCH_OUT:-$here/../build/bench}
command -v valgrind >/dev/null || {
    echo "$0: valgrind is missing (Debian: apt-get install valgrind)" >&2
    exit 1
}
programs=$("$here/build.sh" bench bench_single bench_router)
isa=${MLSEL_ISA:-avx2}
data=$out/instructions-data
mkdir -p "$data"
"$programs/bench" --write "$data" --quick --isa best --kinds knn,svm,kmeans,mlp

# count ARTIFACT SELECTS TYPE: instructions of the whole program
count() {
    MLSEL_ISA=$isa valgrind --tool=callgrind --callgrind-out-file=/dev/null "$programs/bench_single" "$data/$1.json" \
        "$data/queries.f32" "$2" ${3:+"$3"} 2>&1 | sed -n 's/.*Collected : *//p'
}

# count_router DECISIONS REQUESTS WHAT
count_router() {
    MLSEL_ISA=$isa valgrind --tool=callgrind --callgrind-out-file=/dev/null "$programs/bench_router" \
        "$here/../examples/models" "$1" "$2" "$3" 2>&1 | sed -n 's/.*Collected : *//p'
}

{
    printf '%-14s %-8s %-7s %12s\n' case isa query instructions
    for case in knn-1k svm-400 kmeans-8 kmeans-64 mlp-512-256 mlp-256-128; do
        for type in "" double; do
            few=$(count $case 1 "$type")
            many=$(count $case 257 "$type")
            printf '%-14s %-8s %-7s %12d\n' $case "$isa" "${type:-float}" $(((many - few) / 256))
        done
    done
    # a request routed among so many decisions, and what composing and selecting take of it
    for decisions in 1 100; do
        for what in select route metrics; do
            few=$(count_router $decisions 1 $what)
            many=$(count_router $decisions 257 $what)
            printf '%-14s %-8s %-7s %12d\n' router-$decisions "$isa" $what $(((many - few) / 256))
        done
    done
} | tee "$out/instructions.txt"
