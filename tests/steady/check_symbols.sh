#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_symbols.sh NM ARCHIVE COUNTED...: every function that the library takes from outside is either counted by
# test_steady.c or known here to neither allocate nor wait.
set -eu
nm=$1
archive=$2
shift 2
counted=" $* "

harmless() {
    case $1 in
    mlsel_*) ;; # of another file of the archive
    bcmp | memchr | memcmp | memcpy | memmove | memset) ;;
    strchr | strcmp | strcpy | strcspn | strlen | strncmp | strrchr | strspn | strstr | strtoul | strtod_l) ;;
    ceil | exp | fabs | floor | fmax | fmaxf | fmin | fminf | ldexp | nextafter | sqrt) ;;
    snprintf | vsnprintf) ;; # with the conversions used here they format in place
    getauxval | getenv | secure_getenv) ;;
    pthread_mutex_unlock) ;;
    pthread_cond_broadcast | pthread_cond_signal | pthread_cond_init | pthread_cond_destroy) ;;
    pthread_create | pthread_join) ;; # only where a model with threads is loaded or released
    pthread_condattr_init | pthread_condattr_setclock | pthread_condattr_destroy) ;;
    sysconf) ;; # only where a batcher is made
    getpid | pthread_sigmask | sigfillset) ;;
    cJSON_Get* | cJSON_Is*) ;;
    _GLOBAL_OFFSET_TABLE_ | __errno_location | __udivti3 | __umodti3) ;;
    __aarch64_*) ;; # atomic operations of gcc for arm64
    __stack_chk_* | __*_chk | __gcov_* | __llvm_prof*) ;;
    __*san_* | __sanitizer_*) ;;
    *) return 1 ;;
    esac
}

undefined=$("$nm" -u "$archive" | sed -n 's/^ *[Uw] \([^@]*\).*/\1/p' | sort -u)
if [ "$(echo "$undefined" | wc -l)" -lt 20 ]; then
    echo "$nm found next to no symbols in $archive" >&2
    exit 1
fi
unknown=0
for symbol in $undefined; do
    case $counted in
    *" $symbol "*) continue ;;
    esac
    if ! harmless "$symbol"; then
        echo "$symbol: if it can allocate or wait, count it (CMakeLists.txt, counters.c), else list it in $0" >&2
        unknown=1
    fi
done
exit $unknown
