/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NULL for each pointer argument of each public function, one at a time, and whether every function of a library is
 * there.
 */
#ifndef MLSEL_TEST_NULL_CASES_H
#define MLSEL_TEST_NULL_CASES_H

#include "api_support.h"

typedef struct null_case {
    const char *symbol;
    const char *argument;
    mlsel_status (*call)(mlsel_error *err);
} null_case;

typedef struct null_cases {
    const null_case *cases;
    size_t n_cases;
    const char *const *others; /* functions without a status: what NULL gives is checked elsewhere */
    size_t n_others;
    const char *const *without_pointers;
    size_t n_without_pointers;
} null_cases;

/* A call of a case: of the pointer arguments in the expression one is NULL. */
#define CALL(name, expression)                                                                                         \
    static mlsel_status name(mlsel_error *err) { return expression; }

/* Each case is refused, with and without an error struct, with a message that says NULL, and writes nothing to the size
 * bytes at out, which are what the calls would write. */
void test_null_refused(const null_cases *all, void *out, size_t size);
/* Every function in a file of abi/ is in one of the lists, and there are at least so many. */
void test_null_complete(const null_cases *all, const char *symbols, size_t least);

#endif
