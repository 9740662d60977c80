/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device plugin for tests: it scores on the host, plainly, and misbehaves on request. FAKE_BACKEND in the environment
 * names the behaviour (see fake_backend.c); its counters tell what the library did with it.
 */
#ifndef MLSEL_TEST_FAKE_BACKEND_H
#define MLSEL_TEST_FAKE_BACKEND_H

#include <stdatomic.h>

typedef struct fake_counts {
    atomic_uint opened; /* calls of mlsel_backend_entry */
    atomic_uint prepared;
    atomic_uint released;
    atomic_uint runs;
    atomic_uint queries;
    _Atomic(const char *) broken; /* the first promise of mlsel_backend.h that the library broke, or NULL */
} fake_counts;

/* What the plugin exports beside its entry, found with dlsym. */
typedef fake_counts *(*fake_counts_fn)(void);
#define FAKE_COUNTS "fake_backend_counts"

enum { FAKE_DEVICES = 2, FAKE_MAX_BATCH = 3, FAKE_MEMORY_BYTES = 12345 };

#endif
