#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peers/run.sh [option...]: measures mlsel beside scikit-learn, LIBSVM, FAISS, OpenBLAS, oneDNN, ONNX Runtime, PyTorch
# and cJSON doing the same work, one thread each, in turns. Options are those of peers.py, as in --cases knn-10k
# --seconds 2. The results go to build/bench (MLSEL_BENCH_OUT) too: peers.txt and peers.json. Some 15 minutes without
# options, and 8 GB of disk for the Python packages, which are installed once, into a virtual environment there.
#
# A peer that cannot be installed is reported as missing with the reason. MLSEL_BENCH_PEERS names the Python packages to
# install ("" for none): PyTorch alone is most of the 8 GB.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${MLSEL_BENCH_OUT:-$here/../../build/bench}
mkdir -p "$out"
out=$(cd "$out" && pwd)
venv=$out/venv
all="numpy scikit-learn libsvm-official faiss-cpu scipy-openblas32 onednn-devel-cpu-gomp onnxruntime onnx torch"
packages=${MLSEL_BENCH_PEERS-$all}

# What OpenBLAS finds out by itself is what is compared with, not what some environment tells it.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

# What peers.py calls the peer of a package.
peer_name() {
    case $1 in
    scikit-learn) echo scikit-learn ;;
    libsvm-official) echo LIBSVM ;;
    faiss-cpu) echo FAISS ;;
    scipy-openblas32) echo OpenBLAS ;;
    onednn-*) echo oneDNN ;;
    onnxruntime | onnx) echo "ONNX Runtime" ;;
    torch) echo PyTorch ;;
    *) echo "$1" ;;
    esac
}

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
missing=
for package in $packages; do
    [ -e "$venv/installed-$package" ] && continue
    echo "Installing $package"
    if "$venv/bin/pip" install -q --disable-pip-version-check "$package" >"$out/pip.log" 2>&1; then
        : >"$venv/installed-$package"
    else
        reason=$(grep -v '^ *$' "$out/pip.log" | tail -n 1 | tr -d '\042\134' | cut -c 1-200)
        missing="$missing${missing:+, }\"$(peer_name "$package")\": \"$package could not be installed: $reason\""
    fi
done
echo "{$missing}" >"$out/missing.json"
"$venv/bin/python" -c "import numpy" 2>/dev/null || {
    echo "$0: numpy is needed to compare anything: $(tail -n 1 "$out/pip.log")" >&2
    exit 1
}

MLSEL_BENCH_CMAKE="-DMLSEL_BENCH_ONEDNN_ROOT=$venv"
export MLSEL_BENCH_CMAKE
programs=$("$here/../build.sh" bench bench_peers)
onednn=
if "$here/../build.sh" bench_onednn >/dev/null 2>&1; then
    onednn=$programs/libbench_onednn.so
fi
openblas=$(find "$venv" -name libscipy_openblas.so | head -n 1)
system_openblas=$(ldconfig -p 2>/dev/null | sed -n 's/.*libopenblas\.so\.0 .*=> //p' | head -n 1)

data=$out/peers-data
mkdir -p "$data"
"$programs/bench" --write "$data" --isa best
"$programs/bench" --write "$data" --isa best --kinds knn --rows alike
set -- --data "$data" --missing "$out/missing.json" --output "$out/peers.json" "$@"
[ -z "$onednn" ] || set -- --onednn "$onednn" "$@"
[ -z "$openblas" ] || set -- --openblas "$openblas" "$@"
[ -z "$system_openblas" ] || set -- --openblas-debian "$system_openblas" "$@"
"$venv/bin/python" "$here/peers.py" --shim "$programs/libbench_peers.so" "$@" | tee "$out/peers.txt"
