/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs that grow: older and newer callers, sizes never set, and no byte touched beyond the caller's size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "internal.h"

typedef struct sample_options {
    uint32_t struct_size;
    uint32_t k;
    uint64_t limit;
} sample_options;

/* The same in a later version. */
typedef struct later_options {
    sample_options known;
    uint64_t added[2];
} later_options;

static mlsel_status copy(sample_options *own, const void *given, mlsel_error *err) {
    return mlsel_i_options_copy(own, sizeof *own, given, "sample_options", err);
}

static void test_options_copy(void **state) {
    (void)state;
    sample_options own;
    mlsel_error err = {0};
    memset(&own, 0xa5, sizeof own);
    assert_int_equal(copy(&own, NULL, &err), MLSEL_OK);
    assert_true(own.struct_size == sizeof own && own.k == 0 && own.limit == 0);

    const sample_options same = {sizeof same, 7, 9};
    assert_int_equal(copy(&own, &same, &err), MLSEL_OK);
    assert_true(own.struct_size == sizeof own && own.k == 7 && own.limit == 9);

    /* an older caller: what it does not have is 0, and is not read */
    for (uint32_t size = 4; size <= 8; size += 4) {
        sample_options *older = malloc(size);
        assert_non_null(older);
        memcpy(older, &same, size);
        memcpy(older, &size, sizeof size);
        memset(&own, 0xa5, sizeof own);
        assert_int_equal(copy(&own, older, &err), MLSEL_OK);
        assert_true(own.struct_size == sizeof own && own.k == (size == 8 ? 7 : 0) && own.limit == 0);
        free(older);
    }

    /* a newer caller may not set what is unknown here */
    later_options later = {{sizeof later, 7, 9}, {0, 0}};
    assert_int_equal(copy(&own, &later, &err), MLSEL_OK);
    assert_true(own.struct_size == sizeof own && own.k == 7 && own.limit == 9);
    for (size_t i = sizeof own; i < sizeof later; i++) {
        ((unsigned char *)&later)[i] = 1;
        assert_int_equal(copy(&own, &later, &err), MLSEL_ERROR_INVALID_ARGUMENT);
        assert_string_equal(err.message, "sample_options: a field that this version of the library does not know is "
                                         "set (bytes 16 to 31)");
        ((unsigned char *)&later)[i] = 0;
    }

    for (uint32_t size = 0; size < 4; size++) {
        const sample_options unset = {size, 7, 9};
        assert_int_equal(copy(&own, &unset, &err), MLSEL_ERROR_INVALID_ARGUMENT);
        assert_int_equal(err.code, MLSEL_ERROR_INVALID_ARGUMENT);
        assert_string_equal(err.message, "sample_options: struct_size is not set (use sample_options_init)");
    }
    const sample_options wild = {0xcccccccc, 7, 9};
    assert_int_equal(copy(&own, &wild, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message,
                        "sample_options: struct_size is 3435973836, which no struct has (use sample_options_init)");
    assert_int_equal(copy(&own, &wild, NULL), MLSEL_ERROR_INVALID_ARGUMENT);
}

static void test_info_copy(void **state) {
    (void)state;
    const sample_options own = {0, 7, 9};
    mlsel_error err = {0};
    unsigned char out[64];
    for (size_t size = 4; size <= sizeof out; size++) {
        memset(out, 0xa5, sizeof out);
        assert_int_equal(mlsel_i_info_copy(out, size, &own, sizeof own, &err), MLSEL_OK);
        const size_t filled = size < sizeof own ? size : sizeof own;
        uint32_t reported;
        memcpy(&reported, out, sizeof reported);
        assert_int_equal(reported, filled);
        assert_memory_equal(out + 4, (const unsigned char *)&own + 4, filled - 4);
        for (size_t i = filled; i < sizeof out; i++)
            assert_int_equal(out[i], 0xa5);
    }
    memset(out, 0xa5, sizeof out);
    for (size_t size = 0; size < 4; size++)
        assert_int_equal(mlsel_i_info_copy(out, size, &own, sizeof own, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(out[0], 0xa5);
    assert_string_equal(err.message, "size is 3, too small for the struct");
    assert_int_equal(mlsel_i_info_copy(NULL, 64, &own, sizeof own, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "out is NULL");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_options_copy), cmocka_unit_test(test_info_copy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
