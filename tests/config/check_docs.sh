#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_docs.sh SOURCE: docs/configuration.md explains every code that the library gives, and no other; each has an example
# in the tests.
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
    grep -ohE '"[a-z]+(-[a-z]+)+"' src/config/*.c | tr -d '"'
    echo shadowed # the only one of one word
} | sort -u >"$work/codes"
grep -q '"shadowed"' src/config/check_rules.c
sed -n 's/^| `\([a-z-]*\)` |.*/\1/p' docs/configuration.md | sort >"$work/documented"
diff "$work/codes" "$work/documented" >&2 || {
    echo "docs/configuration.md differs from the codes in src/config (<: not documented, >: not in the library)" >&2
    exit 1
}
untested=0
while read -r code; do
    case $code in
    # of texts that no file of the repository should be
    yaml-encoding | yaml-empty | yaml-limit | yaml-tab) pattern="\"$code\"" where=tests/config/test_limits.c ;;
    artifact-outside) pattern="\"$code\"" where=tests/api/test_models_root.c ;; # needs an option
    *) pattern="^+* *\(note\|warning\|error\) $code: " where=tests/config/bad.txt ;;
    esac
    grep -q "$pattern" "$where" || {
        echo "$code has no example in $where" >&2
        untested=1
    }
done <"$work/codes"
[ "$(wc -l <"$work/codes")" -ge 50 ]
exit $untested
