/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* limits beyond those of POSIX; with _GNU_SOURCE their names would be of another type */
#include <sys/resource.h>

#include "code_run_internal.h"

static void limit(int resource, uint64_t value) {
    struct rlimit now;
    struct rlimit wanted = {(rlim_t)value, (rlim_t)value};
    if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && wanted.rlim_max > now.rlim_max)
        wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
    (void)setrlimit(resource, &wanted);
}

void mlsel_i_limit(const code_limits *limits) {
    limit(RLIMIT_CPU, limits->cpu_seconds);
#ifdef RLIMIT_AS
    limit(RLIMIT_AS, limits->memory_bytes);
#endif
    limit(RLIMIT_FSIZE, limits->file_bytes);
    limit(RLIMIT_NOFILE, limits->open_files);
    limit(RLIMIT_CORE, 0);
}

void mlsel_i_limit_processes(void) {
#ifdef RLIMIT_NPROC
    enum { PROCESSES = 64 };
    limit(RLIMIT_NPROC, PROCESSES);
#endif
}
