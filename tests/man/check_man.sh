#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_man.sh SOURCE MAN WORK MLSEL...: whether the manual pages in MAN/man1 are whole: one for each command of MLSEL... and no
# other; the sections that a page should have; the options of `mlsel COMMAND --help`, each in the place where options are
# explained, and no others; no word of the help lost; pages that are referred to are there; no warning of groff.
set -eu
LC_ALL=C
export LC_ALL
source=$1
man=$2
work=$3
shift 3
bad=0
fail() {
    echo "man pages: $*"
    bad=1
}
if ! command -v groff >/dev/null 2>&1; then
    echo "skipped: man pages: groff is missing (Debian: apt-get install groff-base)"
    exit 0
fi

# Options that begin an entry: in a help two blanks from the margin, in a page seven
entries() {
    sed -nE "s/^ {$1}((-h, )?--[a-z][a-z0-9-]*( [A-Z][A-Z0-9_=,.\/]*)?(, --[a-z][a-z0-9-]*( [A-Z]+)?)*).*/\1/p" |
        grep -oE -- '--[a-z][a-z0-9-]*' | sort -u
}
section() { awk -v name="$1" '/^[A-Z]/ { inside = $0 == name } inside' "$work/page"; }
# Words of a text, without what differs by design: how a reference to another help is written, the explanation of --help
words() {
    sed -e 's/`mlsel \([a-z]*\) --help`/mlsel-\1(1)/g' -e 's/`mlsel \([a-z]*\)`/mlsel-\1(1)/g' -e 's/--help *this text/--help/' \
        -e 's/^Usage:/ /' -e '/^Examples:$/d' -e '/^Exit codes:$/d' -e '/^Options:$/d' | tr -d '`' | tr -s ' \n' '\n\n' | sed -e 's/:$//' -e '/^$/d' | sort -u
}

"$@" --help >"$work/main"
commands=$(sed -n -e '/^Exit codes:/q' -e 's/^  \([a-z][a-z-]*\)  .*/\1/p' "$work/main")
[ -n "$commands" ] || fail "mlsel --help lists no commands"
expected=mlsel.1
for command in "" $commands; do
    name=mlsel${command:+-$command}
    "$@" $command --help >"$work/help" </dev/null
    grep -q '^Usage: ' "$work/help" || continue # not in this build
    expected="$expected $name.1"
    if [ ! -s "$man/man1/$name.1" ]; then
        fail "$name.1 is missing (docs/man/make_pages.sh)"
        continue
    fi
    if ! (cd "$man" && groff -man -ww -Tascii -P-cbou "man1/$name.1") >"$work/page" 2>"$work/warnings" ||
        [ -s "$work/warnings" ]; then
        cat "$work/warnings"
        fail "$name.1: groff warns"
    fi
    for section in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" EXAMPLES "SEE ALSO"; do
        grep -qx "$section" "$work/page" || fail "$name.1 has no section $section"
    done
    grep -q "^  *$name - [a-z]" "$work/page" || fail "$name.1: NAME is not \"$name - what it does\""
    if [ -n "$command" ]; then
        entries 2 <"$work/help" >"$work/of_help"
        section OPTIONS | entries 7 >"$work/of_page"
        for option in $(comm -23 "$work/of_help" "$work/of_page"); do
            fail "$name.1 lacks the option $option of mlsel $command --help"
        done
        for option in $(comm -13 "$work/of_help" "$work/of_page"); do
            fail "$name.1 has the option $option, which mlsel $command --help has not"
        done
    fi
    words <"$work/help" >"$work/of_help"
    words <"$work/page" >"$work/of_page"
    lost=$(comm -23 "$work/of_help" "$work/of_page" | tr '\n' ' ')
    [ -z "$lost" ] || fail "$name.1 lacks words of the help: $lost"
    for other in $(sed -n '/^SEE ALSO/,$p' "$work/page" | grep -oE 'mlsel[a-z-]*\(1\)' | sed 's/(1)//' | sort -u); do
        # a page that this build does not have, or one that there never is
        [ ! -s "$source/docs/man/${other#mlsel-}.man" ] || continue
        [ -s "$man/man1/$other.1" ] || fail "$name.1 refers to $other(1), which is not there"
    done
done
for page in "$man"/man1/*.1; do
    page=${page##*/}
    case " $expected mlsel-validate-models.1 " in
    *" $page "*) ;;
    *) fail "$page is no command's" ;;
    esac
done
for piece in "$source"/docs/man/*.man; do
    piece=$(basename "$piece" .man)
    printf '%s\n' mlsel $commands | grep -qx -- "$piece" || fail "docs/man/$piece.man is no command's"
done
[ "$bad" -eq 0 ] && echo "man pages: $(echo "$expected" | wc -w) checked"
exit "$bad"
