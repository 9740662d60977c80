#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_layout.sh SOURCE_DIR: every enumerator, enumeration type, struct and field of the public headers is pinned in
# test_layout.c, test_layout_backend.c or test_layout_train.c.
set -eu
LC_ALL=C
export LC_ALL

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# What a header has, as the beginnings of the lines that pin it: ENUM_TYPE(type), VALUE(name, SIZE(struct and
# FIELD(struct, field
facts() {
    awk '
        { # comments go, also those of several lines
            line = $0
            text = ""
            while (line != "") {
                if (inside) {
                    end = index(line, "*/")
                    inside = end == 0
                    line = end == 0 ? "" : substr(line, end + 2)
                } else {
                    start = index(line, "/*")
                    text = text (start == 0 ? line : substr(line, 1, start - 1))
                    inside = start > 0
                    line = start == 0 ? "" : substr(line, start + 2)
                }
            }
            $0 = text
        }
        /^typedef int32_t [a-z]/ { sub(/;.*/, "", $3); print "ENUM_TYPE(" $3 ")" }
        {
            rest = $0
            while (match(rest, /MLSEL_[A-Z0-9_]+ = /)) {
                print "VALUE(" substr(rest, RSTART, RLENGTH - 3)
                rest = substr(rest, RSTART + RLENGTH)
            }
        }
        /^typedef struct [a-z0-9_]+ \{/ { struct = $3; name = ""; print "SIZE(" struct; next }
        /^\}/ { struct = "" }
        struct != "" { name = name $0 } # a declaration may take several lines
        struct != "" && /;/ {
            if (match(name, /\(\*[a-z0-9_]+\)/))
                name = substr(name, RSTART + 2, RLENGTH - 3)
            else {
                sub(/(\[[A-Z0-9_]+\])?;.*/, "", name)
                sub(/.*[ *]/, "", name)
            }
            print "FIELD(" struct ", " name
            name = ""
        }' "$1"
}

for pair in mlsel.h:test_layout.c mlsel_backend.h:test_layout_backend.c mlsel_train.h:test_layout_train.c; do
    header=$1/include/${pair%%:*}
    test=$1/tests/abi/${pair##*:}
    facts "$header" | sort >"$work/declared"
    sed -nE -e 's/^(VALUE|SIZE)\(([A-Za-z0-9_]+), .*/\1(\2/p' -e 's/^(ENUM_TYPE\([a-z0-9_]+\)).*/\1/p' \
        -e 's/^(FIELD\([a-z0-9_]+, [a-z0-9_]+), .*/\1/p' "$test" | grep -v API_VERSION | sort >"$work/pinned"
    if [ ! -s "$work/declared" ]; then
        echo "FAILED: found nothing in $header"
        failed=1
    elif ! diff "$work/declared" "$work/pinned" >"$work/diff"; then
        echo "FAILED: ${pair##*:} does not pin all of ${pair%%:*} (<: not pinned, >: not in the header):"
        cat "$work/diff"
        failed=1
    else
        echo "$(wc -l <"$work/declared") facts of ${pair%%:*} pinned"
    fi
done
exit "$failed"
