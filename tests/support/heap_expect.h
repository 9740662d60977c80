/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation must say after an allocation that may have failed: `refused = heap_fail_expect(operation(&err));`
 */
#ifndef MLSEL_TEST_HEAP_EXPECT_H
#define MLSEL_TEST_HEAP_EXPECT_H

#include "heap_fail.h"
#include "support.h"

/* heap_fail_end, and the operation under test must have said so: NO_MEMORY where one was refused, else OK. */
static inline size_t heap_fail_expect(mlsel_status status) {
    const size_t refused = heap_fail_end();
    assert_int_equal(status, refused > 0 ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK);
    return refused;
}

#endif
