#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_install.sh STEP: tests what `cmake --install` installs. STEP is one of
#   tree          installs below TREE in two ways, and moves one installation to another folder: the rest uses that
#   files         the files, the SONAME, that nothing names a folder of this machine
#   find_package  an outside CMake project builds and runs the examples
#   pkg_config    so does a compiler with pkg-config, shared and static
#   dropin        and the drop-in libraries likewise
# The environment says what to test: CMAKE, SOURCE_DIR, BUILD_DIR, CONFIG, TREE, GENERATOR, MAKE_PROGRAM, CC, CXX (may
# be empty), VERSION, LIBDIR (relative), TOOL, DROPIN and TRAIN (1 if the command, the drop-in libraries, training were built), EMULATOR
# (what runs programs of another processor, or empty).
set -eu
LC_ALL=C
export LC_ALL

prefix=$TREE/moved

fail() {
    echo "FAILED: $*"
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 0
}

# run COMMAND...: quiet unless it fails
run() {
    "$@" >"$TREE/log" 2>&1 || {
        cat "$TREE/log"
        fail "$*"
    }
}

# needs PROGRAM: the libraries that a program or shared object asks for
needs() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# answers FOLDER SUFFIX: runs the examples FOLDER/selectSUFFIX and so on
answers() {
    models=$SOURCE_DIR/examples/models
    queries=$SOURCE_DIR/examples/queries.f32
    expect "codellama-7b  score 2.4907  margin 1.7832  probability 0.6462" \
        $EMULATOR "$1/select$2" "$models/knn_model.json" "$queries" math
    expect "5  llama-3.2-1b  score 3.1761  probability 0.6717" \
        $EMULATOR "$1/batch$2" "$models/svm_model.json" "$queries" "math,computer science,law,biology,history,business"
    [ -z "$CXX" ] || expect "0.9850  codellama-7b" $EMULATOR "$1/embed$2" "$models/mlp_model.json" "$queries" math
}

# expect LINE COMMAND...: the command succeeds and prints that line
expect() {
    line=$1
    shift
    "$@" >"$TREE/output" 2>&1 || {
        cat "$TREE/output"
        fail "exit status not 0: $*"
    }
    grep -Fxq -- "$line" "$TREE/output" || {
        cat "$TREE/output"
        fail "expected the line \"$line\" from $*"
    }
}

# trains PROGRAM: the example of training makes an artifact
trains() {
    rm -f "$TREE/knn_model.json"
    run $EMULATOR "$1" "$SOURCE_DIR/examples/records.jsonl" "$TREE/knn_model.json"
    [ -s "$TREE/knn_model.json" ] || fail "$1 wrote no artifact"
}

step_tree() {
    rm -rf "$TREE"
    mkdir -p "$TREE"
    run env DESTDIR="$TREE/staged" "$CMAKE" --install "$BUILD_DIR" --config "$CONFIG" --prefix /opt/mlsel
    run "$CMAKE" --install "$BUILD_DIR" --config "$CONFIG" --prefix "$TREE/first"
    mv "$TREE/first" "$prefix"
    (cd "$TREE/staged/opt/mlsel" && find . | sort) >"$TREE/staged.list"
    (cd "$prefix" && find . | sort) >"$TREE/moved.list"
    diff "$TREE/staged.list" "$TREE/moved.list" || fail "DESTDIR and --prefix install different files"
    diff -r "$TREE/staged/opt/mlsel" "$prefix" || fail "installed files depend on the prefix"
}

# shared_library NAME: its links and SONAME have the version, and it has no search path of its own
shared_library() {
    library=$prefix/$LIBDIR/$1
    [ "$(readlink "$library")" = "$1.$major" ] || fail "$1 is no link to $1.$major"
    [ "$(readlink "$library.$major")" = "$1.$VERSION" ] || fail "$1.$major is no link to $1.$VERSION"
    readelf -d "$library" | grep -Fq "Library soname: [$1.$major]" || fail "the SONAME is not $1.$major"
    if readelf -d "$library" | grep -E 'RPATH|RUNPATH'; then
        fail "$1 has a search path of its own"
    fi
}

step_files() {
    major=${VERSION%%.*}
    suffix=$(echo "$CONFIG" | tr '[:upper:]' '[:lower:]')
    {
        if [ "$TOOL" = 1 ]; then # which pages there should be is what the test man_pages looks at
            echo ./bin/mlsel
            (cd "$BUILD_DIR/man" && find . -name '*.1' | sed 's|^\.|./share/man|')
        fi
        if [ "$DROPIN" = 1 ]; then
            printf '%s\n' ./include/mlsel_dropin_ml.h ./include/mlsel_dropin_mlp.h
            for name in ml_semantic_router candle_semantic_router_mlp; do
                printf '%s\n' "./$LIBDIR/lib$name.a" "./$LIBDIR/lib$name.so" "./$LIBDIR/pkgconfig/$name.pc"
            done
        fi
        if [ "$TRAIN" = 1 ]; then
            echo ./include/mlsel_train.h
            for file in libmlsel_train.a libmlsel_train.so "libmlsel_train.so.$major" "libmlsel_train.so.$VERSION" \
                pkgconfig/mlsel_train.pc; do
                echo "./$LIBDIR/$file"
            done
        fi
        printf '%s\n' ./include/mlsel.h ./include/mlsel_backend.h ./share/doc/mlsel/LICENSE ./share/doc/mlsel/copyright
        for file in libmlsel.a libmlsel.so "libmlsel.so.$major" "libmlsel.so.$VERSION" pkgconfig/mlsel.pc \
            pkgconfig/mlsel-static.pc cmake/mlsel/mlsel-config.cmake cmake/mlsel/mlsel-config-version.cmake \
            cmake/mlsel/mlsel-targets.cmake "cmake/mlsel/mlsel-targets-$suffix.cmake"; do
            echo "./$LIBDIR/$file"
        done
    } | sort >"$TREE/expected.list"
    (cd "$prefix" && find . ! -type d | sort) >"$TREE/files.list"
    diff "$TREE/expected.list" "$TREE/files.list" || fail "other files installed than expected (<: expected)"

    shared_library libmlsel.so
    if [ "$TRAIN" = 1 ]; then
        shared_library libmlsel_train.so
        needs "$prefix/$LIBDIR/libmlsel_train.so" | grep -Fxq "libmlsel.so.$major" ||
            fail "libmlsel_train.so does not ask for libmlsel.so.$major"
    fi

    for folder in "$SOURCE_DIR" "$BUILD_DIR" "$TREE"; do
        if grep -rIFl -- "$folder" "$prefix"; then
            fail "the files above name $folder, a folder of the machine that built them"
        fi
    done

    for header in "$prefix"/include/*.h; do
        header=${header##*/}
        echo "#include <$header>" >"$TREE/alone.c"
        run "$CC" -std=c99 -pedantic-errors -Wall -Wextra -Werror -I"$prefix/include" -fsyntax-only "$TREE/alone.c"
        [ -z "$CXX" ] || run "$CXX" -x c++ -std=c++17 -pedantic-errors -Wall -Wextra -Werror -I"$prefix/include" \
            -fsyntax-only "$TREE/alone.c"
    done
    # The tool has to find the library beside it, wherever the two are.
    [ "$TOOL" = 1 ] || return 0
    finds_libraries || {
        echo "SKIP running the installed command: $no_libraries"
        return 0
    }
    run $EMULATOR "$prefix/bin/mlsel" --version
}

# Whether the compiler finds the libraries of others: those for another processor may be in a folder of the build only.
finds_libraries() {
    echo 'int main(void) { return 0; }' >"$TREE/probe.c"
    # shellcheck disable=SC2086 # words are meant to be split
    $CC "$TREE/probe.c" -o "$TREE/probe" -lcjson -lyaml >/dev/null 2>&1
}
no_libraries="cJSON and libyaml are in no folder that $CC searches"

step_find_package() {
    finds_libraries || skip "$no_libraries"
    set -- -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_MAKE_PROGRAM="$MAKE_PROGRAM" \
        -DCMAKE_PREFIX_PATH="$prefix" -DEXAMPLES="$SOURCE_DIR/examples" -DEXPECTED_VERSION="$VERSION" \
        -DTRAIN="$TRAIN"
    run "$CMAKE" -S "$SOURCE_DIR/tests/install/consumer" -B "$TREE/consumer" -G "$GENERATOR" "$@"
    run "$CMAKE" --build "$TREE/consumer" --parallel 2
    answers "$TREE/consumer" _shared
    answers "$TREE/consumer" _static
    needs "$TREE/consumer/select_shared" | grep -Fxq "libmlsel.so.${VERSION%%.*}" ||
        fail "mlsel::mlsel is not the shared library"
    if needs "$TREE/consumer/select_static" | grep mlsel; then
        fail "mlsel::mlsel_static needs a shared library"
    fi
    [ "$TRAIN" = 1 ] || return 0
    trains "$TREE/consumer/train_shared"
    trains "$TREE/consumer/train_static"
    if needs "$TREE/consumer/train_static" | grep mlsel; then
        fail "mlsel::mlsel_train_static needs a shared library"
    fi
}

# build_examples FOLDER FLAG...: with pkg-config and the flags given to it
build_examples() {
    folder=$1
    shift
    mkdir -p "$folder"
    [ "$TRAIN" != 1 ] ||
        run $CC -std=c99 -Wall -Wextra -Werror "$SOURCE_DIR/examples/train.c" -o "$folder/train" \
            $(pkg-config "$@" --cflags --libs mlsel_train)
    for source in select.c batch.c embed.cpp; do
        compiler="$CC -std=c99"
        [ "$source" != embed.cpp ] || compiler="$CXX -std=c++17"
        [ "$source" != embed.cpp ] || [ -n "$CXX" ] || continue
        # shellcheck disable=SC2046,SC2086 # words are meant to be split
        run $compiler -Wall -Wextra -Werror "$SOURCE_DIR/examples/$source" -o "$folder/${source%%.*}" \
            $(pkg-config "$@" --cflags --libs mlsel)
    done
}

step_pkg_config() {
    finds_libraries || skip "$no_libraries"
    command -v pkg-config >/dev/null 2>&1 || skip "pkg-config is missing (Debian: apt-get install pkg-config)"
    PKG_CONFIG_LIBDIR=$prefix/$LIBDIR/pkgconfig # instead of the system's folders
    export PKG_CONFIG_LIBDIR
    run pkg-config --exists --print-errors "mlsel >= 0.1"
    [ "$(pkg-config --modversion mlsel)" = "$VERSION" ] || fail "mlsel.pc: not version $VERSION"
    [ "$(cd "$(pkg-config --variable=prefix mlsel)" && pwd)" = "$(cd "$prefix" && pwd)" ] ||
        fail "mlsel.pc: the prefix is $(pkg-config --variable=prefix mlsel), not that of the moved installation"
    if pkg-config --libs mlsel | grep -E 'cjson|yaml'; then
        fail "mlsel.pc: programs that use the shared library would be linked with the libraries above"
    fi

    build_examples "$TREE/shared"
    needs "$TREE/shared/select" | grep -Fxq "libmlsel.so.${VERSION%%.*}" || fail "not linked with the shared library"
    LD_LIBRARY_PATH=$prefix/$LIBDIR answers "$TREE/shared" ""
    [ "$TRAIN" != 1 ] || LD_LIBRARY_PATH=$prefix/$LIBDIR trains "$TREE/shared/train"

    # The linker prefers the shared library where there is one
    rm -rf "$TREE/archive"
    cp -R "$prefix" "$TREE/archive"
    rm -f "$TREE/archive/$LIBDIR"/libmlsel*.so*
    PKG_CONFIG_LIBDIR=$TREE/archive/$LIBDIR/pkgconfig
    build_examples "$TREE/static" --static
    if needs "$TREE/static/select" | grep mlsel; then
        fail "linked with --static, but needs a shared library of mlsel"
    fi
    answers "$TREE/static" ""
    [ "$TRAIN" != 1 ] || trains "$TREE/static/train"
}

# contract KIND FLAG...: the drop-in libraries' own test, built outside with what pkg-config says
contract() {
    kind=$1
    shift
    sources=$SOURCE_DIR/tests/dropin
    # shellcheck disable=SC2046,SC2086 # words are meant to be split
    run $CC -std=c11 "$sources/contract.c" "$sources/kinds.c" -o "$TREE/contract_$kind" \
        $(pkg-config "$@" --cflags --libs ml_semantic_router candle_semantic_router_mlp) -lm
    expect "the contract is kept" env LD_LIBRARY_PATH="$prefix/$LIBDIR" $EMULATOR "$TREE/contract_$kind"
}

step_dropin() {
    [ "$DROPIN" = 1 ] || skip "MLSEL_BUILD_DROPIN is off"
    command -v pkg-config >/dev/null 2>&1 || skip "pkg-config is missing (Debian: apt-get install pkg-config)"
    PKG_CONFIG_LIBDIR=$prefix/$LIBDIR/pkgconfig
    export PKG_CONFIG_LIBDIR
    contract shared
    needs "$TREE/contract_shared" | grep -Fxq libml_semantic_router.so || fail "not linked with the shared library"
    rm -rf "$TREE/archive_dropin"
    cp -R "$prefix" "$TREE/archive_dropin"
    rm "$TREE/archive_dropin/$LIBDIR"/lib*.so*
    PKG_CONFIG_LIBDIR=$TREE/archive_dropin/$LIBDIR/pkgconfig
    contract archive --static
    if needs "$TREE/contract_archive" | grep -E 'mlsel|semantic_router'; then
        fail "a program linked with the archives needs a shared library"
    fi
}

case "${1:-}" in
tree | files | find_package | pkg_config | dropin) "step_$1" ;;
*) fail "usage: $0 tree|files|find_package|pkg_config|dropin" ;;
esac
