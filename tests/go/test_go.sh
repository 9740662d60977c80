#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_go.sh STEP: tests the Go package against an installation. STEP is one of
#   tree     installs into WORK/prefix: the rest uses that
#   vet      gofmt and go vet, with and without cgo
#   race     all tests under the race detector
#   check    all tests with every check of pointers that cgo has, and those of allocations
#   static   all tests with the archive instead of the shared library
#   trained  the labels of the trained artifacts in MLSEL_TEST_DATA
#   nocgo    compiles and says so without cgo
#   outside  a module elsewhere builds a program with it, offline, and the program runs
#   proxy    vets the example router and tests it under the race detector
# The environment says what to test: CMAKE, GO, SOURCE_DIR, BUILD_DIR, CONFIG, WORK, CC, LIBDIR, MLSEL_TEST_DATA.
set -eu
LC_ALL=C
prefix=$WORK/prefix
PKG_CONFIG_LIBDIR=$prefix/$LIBDIR/pkgconfig # instead of the system's folders
LD_LIBRARY_PATH=$prefix/$LIBDIR
GOPROXY=off # nothing is downloaded
GOTOOLCHAIN=local
GOWORK=off
GOFLAGS=
CGO_ENABLED=1
export LC_ALL PKG_CONFIG_LIBDIR LD_LIBRARY_PATH GOPROXY GOTOOLCHAIN GOWORK GOFLAGS CGO_ENABLED CC MLSEL_TEST_DATA
[ -n "${HOME:-}${GOCACHE:-}" ] || export GOCACHE="$WORK/cache" GOPATH="$WORK/path"

# Go's build cache knows nothing of headers and libraries outside; what is tested has to be in the flags.
if [ -f "$prefix/include/mlsel.h" ]; then
    CGO_CPPFLAGS="-DMLSEL_TESTED=$(cksum <"$prefix/include/mlsel.h" | tr -d ' ') -I$prefix/include"
    export CGO_CPPFLAGS
fi

fail() {
    echo "FAILED: $*"
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 0
}

# Exactly which version it is: 19 for go1.19.8
minor() { "$GO" env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p'; }

needs_pkg_config() {
    command -v pkg-config >/dev/null 2>&1 || skip "pkg-config is missing (Debian: apt-get install pkg-config)"
}

step_tree() {
    rm -rf "$prefix"
    mkdir -p "$WORK"
    "$CMAKE" --install "$BUILD_DIR" --config "$CONFIG" --prefix "$prefix" >"$WORK/install.log" 2>&1 || {
        cat "$WORK/install.log"
        fail "cmake --install"
    }
}

step_vet() {
    badly=$("$("$GO" env GOROOT)/bin/gofmt" -l "$SOURCE_DIR/bindings/go" "$SOURCE_DIR/examples/go-router")
    [ -z "$badly" ] || fail "gofmt -w would change: $badly"
    "$GO" vet ./...
    CGO_ENABLED=0 "$GO" vet .
    "$GO" doc -all . >"$WORK/doc.txt"
    for name in Load Model.Select Router.Route ErrNoCgo; do
        "$GO" doc . "$name" >/dev/null || fail "go doc knows no $name"
    done
}

step_race() { "$GO" test -race -count=1 -timeout 10m ./...; }

step_check() {
    if [ "$(minor)" -ge 21 ]; then
        GOEXPERIMENT=cgocheck2 "$GO" test -count=1 -timeout 10m ./...
    else
        GODEBUG=cgocheck=2 "$GO" test -count=1 -timeout 10m ./...
    fi
}

step_static() {
    "$GO" test -c -tags mlsel_static -o "$WORK/static.test" .
    if readelf -d "$WORK/static.test" | grep 'NEEDED.*mlsel'; then
        fail "built with the tag mlsel_static, but needs a shared library of mlsel"
    fi
    LD_LIBRARY_PATH='' "$WORK/static.test" -test.timeout 10m
}

step_trained() {
    [ -f "$MLSEL_TEST_DATA/trained/expected.jsonl" ] || skip "no trained artifacts in $MLSEL_TEST_DATA"
    "$GO" test -count=1 -v -run TestTrainedArtifacts . | tee "$WORK/trained.log"
    grep -q '^--- PASS: TestTrainedArtifacts' "$WORK/trained.log" || fail "the trained artifacts were not compared"
}

step_nocgo() { CGO_ENABLED=0 "$GO" test -count=1 .; }

# The README's program, in a module of its own.
step_outside() {
    rm -rf "$WORK/outside"
    mkdir -p "$WORK/outside"
    cd "$WORK/outside"
    awk '/^```go$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$SOURCE_DIR/README.md" >main.go
    grep -q 'func main' main.go || fail "README.md has no Go program"
    "$GO" mod init example.com/outside 2>/dev/null
    "$GO" mod edit -require=mlsel@v0.0.0 -replace="mlsel=$SOURCE_DIR/bindings/go"
    "$GO" build -o first .
    cd "$SOURCE_DIR"
    answer=$("$WORK/outside/first")
    echo "$answer"
    echo "$answer" | grep -Eq '^[a-z0-9.-]+ [0-9]+\.[0-9]{3}$' || fail "the README's program says: $answer"
}

step_proxy() {
    cd "$SOURCE_DIR/examples/go-router"
    "$GO" vet ./...
    "$GO" test -race -count=1 -timeout 10m ./...
}

case "${1:-}" in
tree) ;;
vet | race | check | static | trained | nocgo | outside | proxy) needs_pkg_config ;;
*) fail "usage: $0 tree|vet|race|check|static|trained|nocgo|outside|proxy" ;;
esac
cd "$SOURCE_DIR/bindings/go"
"step_$1"
