#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peers/train.sh [mlp|kmeans|svm...]: measures training beside PyTorch and scikit-learn, on the same rows and as many
# threads; all three without arguments, some ten minutes. 8 GB of disk for the Python packages, which are installed once,
# into the virtual environment of peers/run.sh. The results go to build/bench (MLSEL_BENCH_OUT) too, as train-*.txt.
# Compare processor seconds where other work runs on the machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${MLSEL_BENCH_OUT:-$here/../../build/bench}
mkdir -p "$out"
out=$(cd "$out" && pwd)
venv=$out/venv
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
for package in numpy scikit-learn threadpoolctl torch; do
    [ -e "$venv/installed-$package" ] && continue
    echo "Installing $package"
    "$venv/bin/pip" install -q --disable-pip-version-check "$package" >"$out/pip.log" 2>&1 || {
        tail -n 1 "$out/pip.log" >&2
        exit 1
    }
    : >"$venv/installed-$package"
done
python=$venv/bin/python

# kmeans CLUSTERS THREADS STARTS: on the same rows
kmeans() {
    rows=$out/train-kmeans.f32
    "$programs/bench_train_kmeans" "$1" "$2" "$3" 22000 1038 --write-to="$rows"
    "$programs/bench_train_kmeans" "$1" "$2" "$3" 22000 1038
    "$python" "$here/train_kmeans.py" "$1" "$2" "$3" 22000 1038 "$rows"
    rm -f "$rows"
}

measure() {
    case $1 in
    mlp) "$python" "$here/train_mlp.py" "$programs/bench_train_mlp" ;;
    kmeans)
        kmeans 8 1 10
        kmeans 8 2 10
        kmeans 64 1 3
        ;;
    svm) "$python" "$here/train_svm.py" --bench "$programs/bench_train_svm" --queries 700 ;;
    esac
}

[ $# -gt 0 ] || set -- mlp kmeans svm
for kind; do
    case $kind in
    mlp | kmeans | svm) ;;
    *)
        echo "usage: $0 [mlp|kmeans|svm...]" >&2
        exit 2
        ;;
    esac
done
for kind; do
    programs=$("$here/../build.sh" "bench_train_$kind")
    echo
    echo "== $kind"
    rm -f "$out/finished" # a pipeline tells of its last command only
    (
        measure "$kind"
        : >"$out/finished"
    ) | tee "$out/train-$kind.txt"
    [ -e "$out/finished" ]
done
