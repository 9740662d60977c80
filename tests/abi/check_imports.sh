#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_imports.sh SHARED [ALLOWED...]: libmlsel.so must not import what would end the process, print, change its settings, or what
# keeps state that all threads share. ALLOWED are exceptions for another library: the names and why are with the test.
set -eu
LC_ALL=C
export LC_ALL

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One name per word; a line per promise of mlsel.h. (pthread_sigmask is used around starting a model's own threads, so
# that they take no signals of the host's, and put back. write is used by mlsel_model_save for the file it is asked for,
# and by nothing else, see tests/steady.)
cat >"$work/names" <<'END'
abort exit _exit _Exit quick_exit atexit at_quick_exit on_exit __assert_fail __assert_perror_fail __assert __assert_rtn
    err errx warn warnx error
raise kill pthread_kill signal sigaction bsd_signal sysv_signal __sysv_signal sigprocmask sigaltstack
    alarm setitimer longjmp _longjmp siglongjmp __longjmp_chk
stdin stdout stderr printf vprintf fprintf vfprintf dprintf vdprintf __printf_chk __vprintf_chk __fprintf_chk
    __vfprintf_chk __dprintf_chk __vdprintf_chk puts fputs putc fputc putchar _IO_putc fwrite fwrite_unlocked perror
    psignal syslog openlog writev pwrite
setlocale uselocale setenv putenv unsetenv clearenv tzset chdir fchdir umask setrlimit setpriority nice
rand srand rand_r random srandom drand48 srand48 lrand48 mrand48
fork vfork system popen execv execve execvp execl execlp posix_spawn posix_spawnp
fesetround feenableexcept fesetenv feupdateenv openblas_set_num_threads goto_set_num_threads omp_set_num_threads
    MKL_Set_Num_Threads
strtok strerror localtime gmtime asctime ctime setstate initstate
cJSON_InitHooks cJSON_GetErrorPtr cJSON_Parse cJSON_ParseWithOpts
END
shared=$1
shift
tr ' ' '\n' <"$work/names" | sed '/^$/d' | sort -u >"$work/forbidden"
for allowed; do
    sed -i "/^$allowed\$/d" "$work/forbidden"
done
set -- "$shared"

"${NM:-nm}" -D --undefined-only "$1" >"$work/nm"
awk '{ name = $NF; sub(/@.*/, "", name); print name }' "$work/nm" | sort -u >"$work/imported"
if ! grep -q . "$work/imported"; then
    echo "FAILED: no imports found in ${1##*/}"
    exit 1
fi
if comm -12 "$work/forbidden" "$work/imported" | grep .; then
    echo "FAILED: ${1##*/} imports the functions above, which end the process, print, change its settings or" \
        "keep state for all threads"
    exit 1
fi
echo "$(wc -l <"$work/imported") imports, none of the $(wc -l <"$work/forbidden") that are forbidden"
