/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs that are compiled with an old and a new header share: bytes behind structs, and checks. */
#ifndef MLSEL_TEST_ABI_CLIENT_H
#define MLSEL_TEST_ABI_CLIENT_H

#include <mlsel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef FIRST_HEADER /* as it was: or else the copy was changed, and the test would show nothing */
#include "sizes.h"
#endif

enum { GUARD_SIZE = 512, GUARD_BYTE = 0xA5 };

/* A struct and what is behind it, where a library that takes it for a later version's would read or write. */
#define GUARDED(type)                                                                                                  \
    struct {                                                                                                           \
        type value;                                                                                                    \
        unsigned char guard[GUARD_SIZE];                                                                               \
    }

static int failures;

static inline void client_check(int kept, const char *what) {
    if (kept)
        return;
    printf("FAILED: not so: %s\n", what);
    failures++;
}

static inline void client_ok(mlsel_status status, const mlsel_error *err) {
    if (status == MLSEL_OK)
        return;
    printf("FAILED: %s: %s\n", mlsel_status_name(status), err->message);
    exit(1);
}

static inline void guard(void *guarded_struct, size_t size) { memset(guarded_struct, GUARD_BYTE, size); }

static inline void guarded(const unsigned char bytes[GUARD_SIZE], const char *what) {
    for (size_t i = 0; i < GUARD_SIZE; i++)
        if (bytes[i] != GUARD_BYTE) {
            printf("FAILED: byte %zu behind %s was written\n", i, what);
            failures++;
            return;
        }
}

static inline int client_failed(void) { return failures != 0; }

#endif
