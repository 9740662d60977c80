#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_hardening.sh library|plugin|program|archive FILE: the protections of cmake/Hardening.cmake are in FILE. Of the
# environment: CC; EXPECT, a list of stack-protector, fortify, ibt (x86-64) and bti (arm64), what this compiler offers.
set -eu
LC_ALL=C
export LC_ALL

kind=$1
file=$2
name=${file##*/}
failed=0
lack() {
    echo "FAILED: $name: $*"
    failed=1
}
expects() { case " $EXPECT " in *" $1 "*) true ;; *) false ;; esac; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The marks for the processor, of x86-64 or arm64, in what `readelf -n` prints.
marks() {
    if expects ibt; then
        echo "IBT SHSTK"
    elif expects bti; then
        echo "BTI PAC"
    fi
}
# has_marks NOTES
has_marks() {
    for mark in $(marks); do
        grep -q "Properties:.*$mark" "$1" || return 1
    done
}

if [ "$kind" = archive ]; then
    mkdir "$work/objects"
    (cd "$work/objects" && "${AR:-ar}" x "$file")
    for object in "$work/objects"/*; do
        readelf -nW "$object" >"$work/notes"
        has_marks "$work/notes" || lack "${object##*/} lacks the marks $(marks)"
        readelf -SW "$object" | grep -q '\.note\.GNU-stack  *PROGBITS .* 0  *[^X]*$' ||
            lack "${object##*/} does not say that its stack holds no code"
    done
    "${NM:-nm}" -u "$file" | awk '{ print $NF }' >"$work/imports"
    count=$(find "$work/objects" -type f | wc -l)
    [ "$count" -gt 0 ] || lack "holds no objects"
else
    count=1
    readelf -lW "$file" >"$work/segments"
    readelf -dW "$file" >"$work/dynamic"
    grep -q '^ *GNU_RELRO ' "$work/segments" || lack "no RELRO segment"
    grep -q '(BIND_NOW)\|(FLAGS).*BIND_NOW\|(FLAGS_1).*NOW' "$work/dynamic" || lack "not bound at once (BIND_NOW)"
    grep '^ *GNU_STACK ' "$work/segments" | grep -q ' RW  *0x' || lack "the stack may hold code"
    if grep '^ *LOAD ' "$work/segments" | grep -q ' RWE '; then
        lack "a segment can be written and executed"
    fi
    ! grep -q '(TEXTREL)' "$work/dynamic" || lack "code is changed when it is loaded (TEXTREL)"
    if [ "$kind" = program ]; then
        readelf -hW "$file" | grep -q 'Type: *DYN' && grep -q '(FLAGS_1).*PIE' "$work/dynamic" ||
            lack "not position-independent (PIE)"
    fi
    # The linker keeps the marks only if the C library's start files have them too, which this one's may not.
    echo 'int main(void) { return 0; }' >"$work/probe.c"
    flag=-fcf-protection=full
    ! expects bti || flag=-mbranch-protection=standard
    if [ "$kind" != plugin ] && [ -n "$(marks)" ] && $CC $flag "$work/probe.c" -o "$work/probe" 2>"$work/log"; then
        readelf -nW "$work/probe" >"$work/probe_notes"
        if has_marks "$work/probe_notes"; then
            readelf -nW "$file" >"$work/notes"
            has_marks "$work/notes" || lack "lacks the marks $(marks)"
        fi
    fi
    "${NM:-nm}" -D -u "$file" | awk '{ sub(/@.*/, "", $NF); print $NF }' >"$work/imports"
fi
if expects stack-protector; then
    grep -qx '__stack_chk_fail' "$work/imports" || lack "no function looks at its stack before it returns"
fi
if expects fortify; then
    grep -q '^__[a-z]*_chk$' "$work/imports" || lack "no call is checked (_FORTIFY_SOURCE)"
fi
[ "$failed" -eq 0 ] || exit 1
echo "$name: $count checked, expected: relro now noexecstack ${EXPECT:-no more}"
