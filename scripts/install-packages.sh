#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-packages.sh build|test: installs the Debian packages that are missing, and says which.
set -eu

case "${1:-}" in
build) packages="gcc libc6-dev cmake ninja-build pkg-config libcjson-dev libcurl4-openssl-dev libsvm-dev libxxhash-dev libyaml-dev" ;;
test)
    packages="gcc g++ libc6-dev cmake ninja-build libcjson-dev libcurl4-openssl-dev libsvm-dev libxxhash-dev libyaml-dev libcmocka-dev clang
        libclang-rt-14-dev clang-format clang-tidy abigail-tools pkg-config binutils locales xxhash git python3 python3-pip
        golang-go dpkg-dev fakeroot file groff-base doxygen musl-tools"
    # the cross build for arm64
    [ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ] ||
        packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
    ;;
*)
    echo "usage: $0 build|test" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "$0: this is not Debian; please see to it that these are installed:" $packages
    exit 0
fi
missing=""
for package in $packages; do
    # one status a line for each architecture it is installed for
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "$0: missing packages, and neither root nor sudo to install them:$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi
echo "Installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "$0: apt-get failed, see above" >&2
    exit 1
fi
