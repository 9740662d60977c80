#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_complete.sh SOURCE_DIR "PROGRAM..." TOOL MAP...
# Every function that a MAP exports is in a scenario of one of the PROGRAMs or, with a reason, in no_fault.txt, and
# nothing else is; every command of the tool is in a case of TOOL (mlsel_faulty, or "" where it is not built).
set -eu
LC_ALL=C
export LC_ALL
list=$1/tests/fault/no_fault.txt
main=$1/tools/main.c
programs=$2
tool=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

for map in "$@"; do
    sed -n 's/^ *\([a-z][a-z0-9_]*\);$/\1/p' "$map"
done | sort >"$work/public"
if [ "$(wc -l <"$work/public")" -lt 20 ]; then
    echo "FAILED: no public functions found in $*"
    exit 1
fi
for program in $programs; do
    "$program" --list
done | sort -u >"$work/tried"
if grep -Evn '^(#.*|[a-z0-9_]+ .+)?$' "$list"; then
    echo "FAILED: no_fault.txt: lines above are not FUNCTION REASON"
    failed=1
fi
sed -e '/^#/d' -e '/^$/d' -e 's/ .*//' "$list" | sort >"$work/listed"
comm -12 "$work/listed" "$work/public" >"$work/excused" # the list is for all libraries, some may not be built

for function in $(cat "$work/tried" "$work/excused" | sort -u | comm -13 - "$work/public"); do
    echo "FAILED: $function is in no scenario of tests/fault, and no_fault.txt does not say why"
    failed=1
done
for function in $(comm -12 "$work/tried" "$work/excused"); do
    echo "FAILED: $function is in no_fault.txt, and in a scenario"
    failed=1
done
for function in $(comm -23 "$work/tried" "$work/public"); do
    echo "FAILED: a scenario is of $function, which is not public"
    failed=1
done
if [ -n "$tool" ]; then
    "$tool" --list | sort -u >"$work/cases"
    sed -n 's/^    {"\([a-z-]*\)", [a-zA-Z_]*(*cmd_.*/\1/p' "$main" | sort >"$work/commands"
    if [ "$(wc -l <"$work/commands")" -lt 10 ]; then
        echo "FAILED: no commands found in $main"
        failed=1
    fi
    for command in $(comm -13 "$work/cases" "$work/commands"); do
        MLSEL_FAULT=alloc:1000000 "$tool" "$command" 2>&1 | grep -q "does not have this command" && continue
        echo "FAILED: the command $command is in no case of tests/fault/tool_cases.c"
        failed=1
    done
fi
[ "$failed" -eq 0 ] && echo "$(wc -l <"$work/tried") functions in scenarios, $(wc -l <"$work/excused") in no_fault.txt"
exit "$failed"
