#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_go.sh LINK: runs the Go test with the drop-in libraries linked as LINK says: shared, archive or static (no shared
# library at all). The environment says with what: CC, SOURCE_DIR, WORK, LIBRARIES (files), CJSON_ARCHIVE (may be empty),
# TEST_DATA_DIR (may be empty), RACE (1: with the race detector); for another processor also GOARCH and EMULATOR.
set -eu

link=$1

skip() {
    echo "skipped: $*"
    exit 0
}
command -v go >/dev/null 2>&1 || skip "go is missing (Debian: apt-get install golang-go)"
[ -n "${EMULATOR:-}" ] || [ "$(go env GOHOSTARCH)" = "$(go env GOARCH)" ] || skip "go is set up for another processor"

# A folder that has nothing but these two, so that the linker has no choice.
folder=$WORK/$link
rm -rf "$folder"
mkdir -p "$folder"
for file in $LIBRARIES; do
    cp "$file" "$folder/"
done
flags=""
case $link in
shared) flags="-Wl,-rpath,$folder" ;;
archive) [ -n "$CJSON_ARCHIVE" ] || flags="-lcjson" ;;
static) [ -n "$CJSON_ARCHIVE" ] || skip "there is no archive of cJSON (scripts/static-libraries.sh makes one)" ;;
*) exit 2 ;;
esac

export CC CGO_ENABLED=1 GO111MODULE=on GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOCACHE="$WORK/cache"
export CGO_LDFLAGS="-L$folder" MLSEL_DROPIN_RULES=current
[ -z "$flags" ] || export CGO_LDFLAGS_ALLOW='.*' CGO_LDFLAGS="-L$folder $flags"
case $(go version) in
*go1.1[0-9]* | *go1.20*) export GODEBUG=cgocheck=2 ;;
*) export GOEXPERIMENT=cgocheck2 ;;
esac
cd "$SOURCE_DIR/tests/dropin/go"
go vet ./...
set --
if [ "$link" = static ]; then
    set -- -ldflags='-linkmode external -extldflags "-static"'
elif [ "$RACE" = 1 ]; then
    set -- -race
fi
go test -c -o "$folder/test" "$@" .
needed=$(readelf -d "$folder/test" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
case $link:$needed in
shared:*libml_semantic_router.so*) ;;
archive:*semantic_router*) wrong=1 ;;
archive:*) ;;
static:) ;;
*) wrong=1 ;;
esac
[ "${wrong:-0}" = 0 ] || {
    echo "FAILED: not linked as $link:" $needed
    exit 1
}
[ -n "${TEST_DATA_DIR:-}" ] || unset TEST_DATA_DIR
${EMULATOR:-} "$folder/test" -test.count=1 -test.v
