#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_symbols.sh SOURCE_DIR SHARED ARCHIVE [train]
# One list of functions, everywhere the same: abi/symbols-in-versions, abi/libmlsel.map, mlsel.h, tests/abi/signatures.h
# and what libmlsel.so exports. The archive, which cannot hide symbols, defines only names that start with mlsel_. With
# "train" the same for libmlsel_train.
set -eu
LC_ALL=C
export LC_ALL

source_dir=$1
shared=$2
archive=$3
part=${4:-}
list=symbols-in-versions${part:+-$part}
library=mlsel${part:+_$part}
signatures=signatures${part:+_$part}.h
node=MLSEL${part:+_$(echo "$part" | tr '[:lower:]' '[:upper:]')}
nm=${NM:-nm}
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compare FILE MESSAGE: FILE against the list in symbols-in-versions.
compare() {
    if [ ! -s "$1" ]; then
        echo "FAILED: $2: nothing found"
        failed=1
    elif ! diff "$work/listed" "$1" >"$work/diff"; then
        echo "FAILED: $2 (<: only in abi/$list, >: only there):"
        cat "$work/diff"
        failed=1
    fi
}

# "name version" as "name node", the node of the version script being named after major and minor: 0.1.0 is MLSEL_0.1
sed -e '/^#/d' -e '/^$/d' "$source_dir/abi/$list" >"$work/lines"
if grep -Evn '^mlsel_[a-z0-9_]+ [0-9]+\.[0-9]+\.[0-9]+( [0-9]+\.[0-9]+\.[0-9]+)?$' "$work/lines"; then
    echo "FAILED: abi/$list: lines above are not NAME INTRODUCED [DEPRECATED]"
    failed=1
fi
sed -E "s/^([^ ]+) ([0-9]+\\.[0-9]+)\\..*/\\1 ${node}_\\2/" "$work/lines" >"$work/listed"
if ! sort -c -u "$work/listed"; then
    echo "FAILED: abi/$list: not sorted, or a name twice"
    failed=1
fi

awk '/^MLSEL_[A-Z0-9_.]+ *\{/ { node = $1 }
     /^ *mlsel_[a-z0-9_]+;/ { gsub(/[ ;]/, ""); print $0, node }' "$source_dir/abi/lib$library.map" |
    sort >"$work/map"
compare "$work/map" "abi/lib$library.map differs"

# Dynamic symbols other than the version nodes themselves, which are of type A
"$nm" -D --defined-only "$shared" | awk '$2 != "A" { sub(/@@?/, " ", $3); print $3 }' | sort >"$work/exported"
compare "$work/exported" "the exports of ${shared##*/} differ"

cut -d' ' -f1 "$work/listed" >"$work/names"
mv "$work/names" "$work/listed"
headers=$source_dir/include/$library.h
[ -n "$part" ] || headers="$headers $source_dir/include/mlsel_backend.h"
# shellcheck disable=SC2086 # one or two files without spaces in their names
sed -nE 's/^MLSEL_API [^(]*[ *](mlsel_[a-z0-9_]+)\(.*/\1/p' $headers | sort >"$work/header"
compare "$work/header" "the functions of the headers differ"
# shellcheck disable=SC2086
declared=$(cat $headers | grep -c '^MLSEL_API ')
if [ "$declared" -ne "$(wc -l <"$work/header")" ]; then
    echo "FAILED: $library.h: a declaration does not have its name on the line that starts with MLSEL_API"
    failed=1
fi
pinned=$source_dir/tests/abi/$signatures
[ -n "$part" ] || pinned="$pinned $source_dir/tests/abi/signatures_backend.h"
# shellcheck disable=SC2086
sed -nE 's/^FUNCTION\([^(]*, (mlsel_[a-z0-9_]+),.*/\1/p' $pinned | sort >"$work/signatures"
compare "$work/signatures" "the functions of tests/abi/$signatures differ"

# AddressSanitizer adds a marker per global variable
"$nm" -g --defined-only "$archive" | awk 'NF == 3 && $3 !~ /^__odr_asan/ { print $3 }' | sort >"$work/archive"
if [ ! -s "$work/archive" ]; then
    echo "FAILED: ${archive##*/} defines nothing"
    failed=1
fi
if grep -v '^mlsel_' "$work/archive"; then
    echo "FAILED: ${archive##*/} defines the names above, which can clash with those of a program that links it"
    failed=1
fi
grep -v '^mlsel_i_' "$work/archive" >"$work/public" || true
compare "$work/public" "names in ${archive##*/} without the prefix of internal ones, mlsel_i_, differ"

[ "$failed" -eq 0 ] || exit 1
echo "$(wc -l <"$work/listed") functions, the same in all places"
