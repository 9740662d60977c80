#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-packages.sh [BUILD]: builds the .deb packages and the .tar.gz (preset "package", in BUILD, default build/package) and
# tests them: what they say and hold, that this system's packages satisfy them, installation into an empty root, programs
# built against what is installed there, and removal without a trace. Neither root nor a change of the system is needed.
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."
source_dir=$(pwd)
build=${1:-build/package}

skip() {
    echo "skipped: packages: $*"
    exit 0
}
fail() {
    echo "FAILED: packages: $*"
    exit 1
}
for program in dpkg-deb dpkg-shlibdeps dpkg cpack pkg-config readelf; do
    command -v "$program" >/dev/null 2>&1 || skip "$program is missing (Debian: apt-get install dpkg-dev cmake pkg-config)"
done

# run COMMAND...: quiet unless it fails
run() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log"
        fail "$*"
    }
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$build"
build=$(cd "$build" && pwd)
run cmake --preset package -B "$build"
run cmake --build "$build" --parallel 2
rm -f "$build"/*.deb "$build"/*.tar.gz
run sh -c "cd '$build' && cpack"
triple=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
arch=$(dpkg --print-architecture)
version=$(sed -nE 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
major=${version%%.*}
CC=$(sed -nE 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")

# --- what they say ---

deb() { echo "$build/$1_${version}_$arch.deb"; }
# field NAME FIELD
field() { dpkg-deb -f "$(deb "$1")" "$2"; }
# needs NAME PACKAGE...: Depends has each
needs() {
    name=$1
    depends=$(field "$name" Depends)
    shift
    for package; do
        echo "$depends" | tr ',' '\n' | sed 's/^ *//' | grep -q "^$package\( \|\$\)" ||
            fail "$name does not depend on $package, but on: $depends"
    done
}
packages="libmlsel$major libmlsel-train$major libmlsel-dev mlsel mlsel-dropin"
printf '%-14s %-6s %9s  %s\n' PACKAGE ARCH BYTES DEPENDS
for name in $packages; do
    [ -s "$(deb "$name")" ] || fail "there is no $(deb "$name")"
    printf '%-14s %-6s %9s  %s\n' "$name" "$(field "$name" Architecture)" "$(wc -c <"$(deb "$name")")" \
        "$(field "$name" Depends)"
    [ "$(field "$name" Version)" = "$version" ] || fail "$name: version $(field "$name" Version)"
    [ "$(field "$name" Description | wc -l)" -ge 2 ] || fail "$name: the description has no second line"
    dpkg-deb -c "$(deb "$name")" >"$work/list"
    grep -q " \./usr/share/doc/$name/copyright$" "$work/list" || fail "$name has no copyright file"
    if grep -v ' root/root ' "$work/list"; then
        fail "$name: files above are not root's"
    fi
done
[ "$(find "$build" -maxdepth 1 -name '*.deb' | wc -l)" -eq 5 ] || fail "other packages than $packages"
needs "libmlsel$major" libc6 libcjson1
needs "libmlsel-train$major" "libmlsel$major (= $version)" libsvm3
needs libmlsel-dev "libmlsel$major (= $version)" "libmlsel-train$major (= $version)" libcjson-dev libsvm-dev
needs mlsel "libmlsel$major (= $version)" "libmlsel-train$major (= $version)" libc6
needs mlsel-dropin libc6
dpkg-deb -I "$(deb "libmlsel$major")" shlibs | grep -Fxq "libmlsel $major libmlsel$major (>= $version)" ||
    fail "libmlsel$major: no shlibs file for packages that use it"
dpkg-deb -I "$(deb "libmlsel-train$major")" shlibs |
    grep -Fxq "libmlsel_train $major libmlsel-train$major (>= $version)" ||
    fail "libmlsel-train$major: no shlibs file for packages that use it"

# --- installation into an empty root ---

if command -v apt-get >/dev/null 2>&1; then
    set --
    for name in $packages; do
        set -- "$@" "$(deb "$name")"
    done
    apt-get -s -o Debug::NoLocking=1 install "$@" >"$work/apt" 2>&1 || {
        cat "$work/apt"
        fail "apt-get would not install the packages"
    }
    [ "$(grep -c '^Inst \(lib\)\?mlsel' "$work/apt")" -eq 5 ] || fail "apt-get would not install all five packages"
fi

root=$work/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers" "$root/var/log"
: >"$root/var/lib/dpkg/status"
: >"$root/var/lib/dpkg/available"
# The maintainer scripts run outside the root, so ldconfig must not be the system's.
mkdir "$work/bin"
printf '#!/bin/sh\necho called >>"%s"\n' "$work/ldconfig" >"$work/bin/ldconfig"
chmod +x "$work/bin/ldconfig"
PATH=$work/bin:$PATH:/usr/sbin:/sbin # dpkg wants what is there
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v fakeroot >/dev/null 2>&1 || skip "installing needs root or fakeroot (Debian: apt-get install fakeroot)"
    as_root=fakeroot
fi
in_root() { run $as_root dpkg --root="$root" --force-script-chrootless --force-depends --force-not-root --force-bad-path "$@"; }
before=$(find "$root" -path "$root/var" -prune -o -print | sort)
for name in $packages; do
    in_root --install "$(deb "$name")"
done
for name in $packages; do
    dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Status}\n' "$name" | grep -qx 'install ok installed' ||
        fail "$name is not installed"
done

[ -s "$work/ldconfig" ] || fail "installing a shared library does not call ldconfig"

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

# use PREFIX: builds and runs programs with what is installed below it
use() {
    prefix=$1
    libdir=$prefix/lib/$triple
    mkdir -p "$work/programs"
    PKG_CONFIG_LIBDIR=$libdir/pkgconfig
    LD_LIBRARY_PATH=$libdir
    export PKG_CONFIG_LIBDIR
    [ "$(pkg-config --modversion mlsel)" = "$version" ] || fail "mlsel.pc: not version $version"
    # shellcheck disable=SC2046 # words are meant to be split
    run "$CC" -std=c99 -Wall -Werror examples/select.c -o "$work/programs/select" $(pkg-config --cflags --libs mlsel)
    readelf -d "$work/programs/select" | grep -Fq "[libmlsel.so.$major]" || fail "not linked with libmlsel.so.$major"
    answer="codellama-7b  score 2.4907  margin 1.7832  probability 0.6462"
    expect "$answer" env LD_LIBRARY_PATH="$libdir" "$work/programs/select" examples/models/knn_model.json \
        examples/queries.f32 math
    # shellcheck disable=SC2046
    run "$CC" -std=c99 -Wall -Werror examples/select.c -o "$work/programs/select_archive" \
        $(pkg-config --cflags mlsel) "$libdir/libmlsel.a" -lcjson -lyaml -lm -lpthread -ldl
    expect "$answer" "$work/programs/select_archive" examples/models/knn_model.json examples/queries.f32 math
    # shellcheck disable=SC2046
    run "$CC" -std=c99 -Wall -Werror examples/train.c -o "$work/programs/train" \
        $(pkg-config --cflags --libs mlsel_train)
    readelf -d "$work/programs/train" | grep -Fq "[libmlsel_train.so.$major]" || fail "not linked with libmlsel_train"
    run env LD_LIBRARY_PATH="$libdir" "$work/programs/train" examples/records.jsonl "$work/programs/knn_model.json"
    # shellcheck disable=SC2046
    run "$CC" -std=c99 examples/train.c -o "$work/programs/train_archive" $(pkg-config --cflags mlsel_train) \
        "$libdir/libmlsel_train.a" "$libdir/libmlsel.a" -lsvm -lcjson -lyaml -lm -lpthread -ldl
    run "$work/programs/train_archive" examples/records.jsonl "$work/programs/knn_model_archive.json"
    # shellcheck disable=SC2046
    run "$CC" -std=c11 tests/dropin/contract.c tests/dropin/kinds.c -o "$work/programs/contract" \
        $(pkg-config --cflags --libs ml_semantic_router candle_semantic_router_mlp) -lm
    readelf -d "$work/programs/contract" | grep -Fq "[libml_semantic_router.so]" || fail "not linked with the drop-in"
    expect "the contract is kept" env LD_LIBRARY_PATH="$libdir" "$work/programs/contract"
    run "$CC" -std=c11 tests/dropin/contract.c tests/dropin/kinds.c -o "$work/programs/contract_archive" \
        "$libdir/libcandle_semantic_router_mlp.a" "$libdir/libml_semantic_router.a" -lcjson -lyaml -lm -lpthread -ldl
    expect "the contract is kept" "$work/programs/contract_archive"
    expect "mlsel $version" env LD_LIBRARY_PATH="$libdir" sh -c "'$prefix/bin/mlsel' --version | sed 's/^\\(mlsel [0-9.]*\\).*/\\1/'"
}
use "$root/usr"
if grep -rIFl -- "$build" "$root/usr" || grep -rIFl -- "$source_dir" "$root/usr"; then
    fail "the files above name a folder of the machine that built them"
fi
# pages PREFIX: the manual pages below it are those of the command there, whole and without a warning
pages() {
    run sh tests/man/check_man.sh . "$1/share/man" "$work" env LD_LIBRARY_PATH="$1/lib/$triple" "$1/bin/mlsel"
    cat "$work/log"
}
pages "$root/usr"

in_root --purge mlsel-dropin mlsel libmlsel-dev "libmlsel-train$major" "libmlsel$major"
after=$(find "$root" -path "$root/var" -prune -o -print | sort)
[ "$before" = "$after" ] || {
    echo "$after"
    fail "removal leaves the files above"
}

# --- the .tar.gz ---

archive=$(find "$build" -maxdepth 1 -name '*.tar.gz')
[ "$(echo "$archive" | wc -l)" -eq 1 ] && [ -s "$archive" ] || fail "not one .tar.gz: $archive"
mkdir "$work/moved"
tar -xzf "$archive" -C "$work/moved" --strip-components=1
for file in LICENSE copyright; do
    [ -s "$work/moved/share/doc/mlsel/$file" ] || fail "the .tar.gz has no $file"
done
use "$work/moved"
pages "$work/moved"
expect "mlsel $version" sh -c "'$work/moved/bin/mlsel' --version | sed 's/^\\(mlsel [0-9.]*\\).*/\\1/'" # finds its library itself
printf '%s  %s bytes\n' "${archive##*/}" "$(wc -c <"$archive")"
echo "packages: built, installed, used and removed"
