/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For fuzzers that see src/: an allocation of the library that fails, or all from there on, as a choice of the input
 * says.
 *
 *     fuzz_fail_begin(&in);
 *     status = operation(&err);
 *     const bool refused = fuzz_fail_end() > 0;
 *     FUZZ_CHECK(status != MLSEL_ERROR_NO_MEMORY || refused);
 */
#ifndef MLSEL_FUZZ_FAIL_H
#define MLSEL_FUZZ_FAIL_H

#include "heap_fail.h"
#include "input.h"

/* One byte: 0 (also where the input is used up): none fails; below 128: number n - 1 alone; else all from n - 128. */
static inline void fuzz_fail_begin(struct fuzz_input *in) {
    const uint8_t choice = fuzz_u8(in);
    if (choice > 0)
        heap_fail_begin(choice < 128 ? choice - 1u : choice - 128u, choice >= 128);
    else
        heap_fail_begin(SIZE_MAX, false);
}

/* Every allocation succeeds again. Returns how many did not. */
static inline size_t fuzz_fail_end(void) { return heap_fail_end(); }

#endif
