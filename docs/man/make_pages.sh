#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make_pages.sh OUT MLSEL...: writes the manual pages of the command, which MLSEL... runs, into the folder OUT: a page for
# mlsel and one for each command in its help, made of that help and of docs/man/COMMAND.man, which has what the help has no room
# for, and may begin with a comment "name: TEXT" to replace the summary of the main help. A command that this build lacks gets no page; a command without a .man file is an error.
set -eu
LC_ALL=C
export LC_ALL
out=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$@" --help >"$work/main"
sed -e '1,/^Exit codes:/d' -e '/^$/,$d' "$work/main" >"$work/exits"
version=$("$@" --version | sed -n '1s/^mlsel //p')
mkdir -p "$out"
rm -f "$out"/mlsel*.1

# page NAME COMMAND SUMMARY HELP: COMMAND is "" for mlsel itself
page() {
    if [ ! -f "$here/$1.man" ]; then
        echo "make_pages.sh: the command $1 has no docs/man/$1.man" >&2
        exit 1
    fi
    name=$(sed -n 's/^\.\\" name: //p' "$here/$1.man")
    awk -v command="$2" -v summary="${name:-$3}" -v version="$version" -f "$here/page.awk" "$4" "$work/exits" "$here/$1.man" >"$work/page"
    cp "$work/page" "$out/mlsel${2:+-$2}.1"
}

page mlsel "" "decide per request which language model should answer" "$work/main"
# The lines of the lists in the main help: two blanks, a command, its summary
sed -n -e '/^Exit codes:/q' -e 's/^  \([a-z][a-z-]*\)  *\(.*\)/\1 \2/p' "$work/main" >"$work/commands"
while read -r command summary; do
    "$@" "$command" --help >"$work/help" </dev/null
    if grep -q '^Usage: ' "$work/help"; then
        page "$command" "$command" "$summary" "$work/help"
    fi
done <"$work/commands"
if [ -f "$out/mlsel-evaluate.1" ]; then # its other name
    echo '.so man1/mlsel-evaluate.1' >"$out/mlsel-validate-models.1"
fi
