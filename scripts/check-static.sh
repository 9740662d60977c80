#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-static.sh TARGET [BUILD]: builds the archives for another C library or processor (in BUILD, default
# build/static-TARGET, or for arm64 where the preset arm64 has been built its folder, which has them), links programs without
# any shared library and runs them: the contract of the drop-in libraries, an example with each kind of artifact, and the
# mlsel command, which routes and trains. TARGET is
#   musl    musl-gcc
#   arm64   a cross compiler; the programs run under qemu-user
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."

target=${1:-}
skip() {
    echo "skipped: $target: $*"
    exit 0
}
fail() {
    echo "FAILED: $target: $*"
    exit 1
}
case $target in
musl)
    CC=musl-gcc
    emulator=""
    strip=strip
    command -v musl-gcc >/dev/null 2>&1 || skip "musl-gcc is missing (Debian: apt-get install musl-tools)"
    ;;
arm64)
    CC=aarch64-linux-gnu-gcc
    emulator=qemu-aarch64
    strip=aarch64-linux-gnu-strip
    command -v $CC >/dev/null 2>&1 || skip "$CC is missing (Debian: apt-get install gcc-aarch64-linux-gnu)"
    command -v $emulator >/dev/null 2>&1 || skip "$emulator is missing (Debian: apt-get install qemu-user)"
    ;;
*)
    echo "usage: $0 musl|arm64 [BUILD]" >&2
    exit 2
    ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log"
        fail "$*"
    }
}

# configure: the folder $build, without a preset, with libraries in it
configure() {
    status=0
    CC=$CC sh scripts/static-libraries.sh "$build" >"$work/log" 2>&1 || status=$?
    [ "$status" -ne 3 ] || skip "cJSON and libyaml have to be built first: $(tail -n 1 "$work/log")"
    [ "$status" -eq 0 ] || {
        cat "$work/log"
        fail "cJSON or libyaml does not build with $CC"
    }
    # Of the system's headers, which are those of another C library or processor, only this one, which needs nothing of them.
    xxhash=/usr/include/xxhash.h
    [ -s "$xxhash" ] || skip "xxhash.h is missing (Debian: apt-get install libxxhash-dev)"
    cp "$xxhash" "$build/include/"

    set -- -DCMAKE_C_COMPILER=$CC
    [ "$target" != arm64 ] || set -- -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake
    run cmake -S . -B "$build" -G Ninja "$@" -DCMAKE_BUILD_TYPE=Release -DMLSEL_WERROR=ON \
        -DMLSEL_WITH_LIBSVM=OFF -DMLSEL_BUILD_TESTS=OFF -DMLSEL_BUILD_TOOL=OFF -DMLSEL_BUILD_EXAMPLES=OFF \
        -DMLSEL_CJSON_INCLUDE_DIR="$build/include" -DMLSEL_XXHASH_INCLUDE_DIR="$build/include" \
        -DMLSEL_CJSON_LIBRARY="$build/libcjson.a" -DMLSEL_CJSON_ARCHIVE="$build/libcjson.a" \
        -DMLSEL_YAML_INCLUDE_DIR="$build/include" -DMLSEL_YAML_LIBRARY="$build/libyaml.a"
}
if [ "$target" = arm64 ] && [ -z "${2:-}" ] && [ -f build/arm64/build.ninja ] && [ -s build/static/arm64/libyaml.a ]; then
    build=$PWD/build/arm64
    libraries=$PWD/build/static/arm64
    programs=$build/static-programs
else
    mkdir -p "${2:-build/static-$target}/include"
    build=$(cd "${2:-build/static-$target}" && pwd)
    libraries=$build
    programs=$build
    configure
fi
mkdir -p "$programs"
run cmake --build "$build" --parallel 2 --target mlsel_static mlsel_train_static ml_semantic_router_archive candle_semantic_router_mlp_archive

# program NAME SOURCE... : links a program statically and makes sure of it
program() {
    name=$1
    shift
    run $CC -static -std=c11 -O2 -Iinclude "$@" -o "$programs/$name" -lm -lpthread
    if readelf -d "$programs/$name" | grep NEEDED || readelf -l "$programs/$name" | grep INTERP; then
        fail "$name is not static"
    fi
}
# expect LINE COMMAND...
expect() {
    line=$1
    shift
    "$@" >"$work/output" 2>&1 || {
        cat "$work/output"
        fail "exit status not 0: $*"
    }
    grep -Fxq -- "$line" "$work/output" || {
        cat "$work/output"
        fail "expected the line \"$line\" from $*"
    }
}

dropin="$build/src/dropin/libml_semantic_router.a $build/src/dropin/libcandle_semantic_router_mlp.a"
# shellcheck disable=SC2086 # two files
program contract tests/dropin/contract.c tests/dropin/kinds.c $dropin
# shellcheck disable=SC2086
program threads tests/dropin/threads.c tests/dropin/kinds.c $dropin
program select examples/select.c "$build/libmlsel.a" "$libraries/libcjson.a"
# without the commands that need libcurl
sources=$(ls tools/*.c | grep -Ev '/(benchmark_|code_layers|cmd_(benchmark|download|embed|merge|score))[^/]*[.]c$')
# shellcheck disable=SC2086 # several files
program mlsel -DMLSEL_TOOL_TRAIN=1 -I"$libraries/include" $sources "$build/libmlsel_train.a" "$build/libmlsel.a" "$libraries/libcjson.a" "$libraries/libyaml.a"
expect "the contract is kept" $emulator "$programs/contract"
expect "64 threads asked, 8 loaded and freed" $emulator "$programs/threads"
expect "codellama-7b  score 2.4907  margin 1.7832  probability 0.6462" \
    $emulator "$programs/select" examples/models/knn_model.json examples/queries.f32 math
for kind in kmeans svm mlp; do
    $emulator "$programs/select" "examples/models/${kind}_model.json" examples/queries.f32 math >"$work/output" 2>&1 &&
        grep -q '^codellama-7b  score' "$work/output" || {
        cat "$work/output"
        fail "another answer of the $kind artifact than codellama-7b"
    }
done
$emulator "$programs/mlsel" route examples/router.yaml examples/queries.jsonl >"$work/output" 2>&1 || {
    cat "$work/output"
    fail "mlsel route"
}
grep -q 'codellama-7b' "$work/output" || fail "mlsel route chooses otherwise: $(cat "$work/output")"
$emulator "$programs/mlsel" train --data-file examples/records.jsonl --embedding-model builtin --algorithm knn \
    --algorithm kmeans --algorithm mlp --mlp-epochs 3 --mlp-hidden-dims 16 --output-dir "$work/models" >"$work/output" 2>&1 || {
    cat "$work/output"
    fail "mlsel train"
}
"$strip" "$programs/mlsel"
echo "$target: static programs choose as expected; the mlsel command has $(wc -c <"$programs/mlsel") bytes"
