#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the mlsel command from outside: sh tool_test.sh BINARY SOURCE_FOLDER SCRATCH_FOLDER [PART...]
# A part is a file tool_test_PART.sh beside this one; default: all.
# Needs nothing but POSIX tools; checks of terminal behaviour also need util-linux's `script`, those with servers python3.
# The environment says what was built: HAS_TRAIN, HAS_COLLECT, HAS_SVM (all 1 if not given) and HAS_LLAMA (0).
if [ $# -lt 3 ]; then
    echo "usage: sh tool_test.sh BINARY SOURCE_FOLDER SCRATCH_FOLDER [PART...]" >&2
    exit 2
fi
source=$(cd "$2" && pwd) || exit 2
rm -rf "$3" && mkdir -p "$3/bin" || exit 2
scratch=$(cd "$3" && pwd)
mlsel=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$source/tests/tool
shift 3
if [ $# -eq 0 ]; then # all, but what they share
    set -- $(ls "$here" | sed -n -e '/_data[.]sh$/d' -e 's/^tool_test_\(.*\)[.]sh$/\1/p')
fi
parts=$*
ln -s "$mlsel" "$scratch/bin/mlsel"
cd "$scratch" || exit 2
LC_ALL=C
TERM=xterm
export LC_ALL TERM
unset NO_COLOR
HAS_TRAIN=${HAS_TRAIN:-1} HAS_COLLECT=${HAS_COLLECT:-1} HAS_SVM=${HAS_SVM:-1} HAS_LLAMA=${HAS_LLAMA:-0}
passed=0
failed=0

# --- helpers ---------------------------------------------------------------------------------------------------------

pass() { passed=$((passed + 1)); }

fail() {
    failed=$((failed + 1))
    echo "FAIL: $1"
    echo "  command: mlsel $ran (exit code $code)"
    sed 's/^/  out: /' out | cut -c 1-300 | head -n 5
    sed 's/^/  err: /' err | cut -c 1-300 | head -n 5
}

# Runs mlsel with the arguments; standard input is the file $in.
in=/dev/null
run() {
    ran=$*
    "$mlsel" "$@" <"$in" >out 2>err
    code=$?
}

code_is() { if [ "$code" -eq "$2" ]; then pass; else fail "$1: exit code $code, expected $2"; fi; }
out_has() { if grep -q -e "$2" out; then pass; else fail "$1: no /$2/ on standard output"; fi; }
out_lacks() { if grep -q -e "$2" out; then fail "$1: /$2/ on standard output"; else pass; fi; }
err_has() { if grep -q -e "$2" err; then pass; else fail "$1: no /$2/ on standard error"; fi; }
err_empty() { if [ -s err ]; then fail "$1: standard error is not empty"; else pass; fi; }
out_empty() { if [ -s out ]; then fail "$1: standard output is not empty"; else pass; fi; }
out_lines() {
    lines=$(wc -l <out)
    if [ "$lines" -eq "$2" ]; then pass; else fail "$1: $lines lines, expected $2"; fi
}
same() { if cmp -s "$2" "$3"; then pass; else fail "$1: $2 and $3 differ"; fi; }

# Runs mlsel and checks that it fails as it should: NAME CODE PATTERN arguments...
refused() {
    name=$1 expected=$2 pattern=$3
    shift 3
    run "$@"
    code_is "$name" "$expected"
    err_has "$name" "^mlsel: error: "
    err_has "$name" "$pattern"
}

# Whether a build has a part that its commands need: HAS COMMAND... If not, each command has to say so.
builds() {
    [ "$1" -ne 1 ] || return 0
    shift
    for command; do
        refused "$command, which was not built" 2 "this build of mlsel does not have this command" "$command"
    done
    return 1
}

# Waits until a command succeeds, a minute at most.
wait_until() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        if [ $tries -eq 1200 ]; then
            fail "waited in vain for: $*"
            return 1
        fi
        sleep 0.05
    done
}

# Whether a process would notice SIGINT, which the shell has those it starts with & ignore; where that cannot be seen,
# after a second. What the shell has forked and is not yet the command catches it as well, and forgets it. So does qemu,
# which catches it for a program that still ignores it: after ten seconds in an emulator, as nothing shows when that ends.
notices_interrupt() {
    if grep -qs '^qemu' "/proc/$1/comm"; then
        sleep 10
    elif [ -r "/proc/$1/status" ]; then
        ! cmp -s "/proc/$1/comm" "/proc/$$/comm" && grep -q '^SigCgt:.*[2367abef]$' "/proc/$1/status"
    else
        sleep 1
    fi
}

# Kills a process that was started with & and counts it in $kills if it was still there.
kill_now() {
    kill -9 "$1" 2>/dev/null
    code=0
    wait "$1" 2>/dev/null || code=$?
    [ $code -ne 137 ] || kills=$((kills + 1))
}

. "$here/tool_test_data.sh"
for part in $parts; do
    . "$here/tool_test_$part.sh"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
