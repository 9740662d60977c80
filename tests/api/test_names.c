/* SPDX-License-Identifier: Apache-2.0 */
/* The version, the build, and the names of everything that is a number. */
#include "api_support.h"

#include <stdlib.h>
#include <string.h>

static void versions(void **state) {
    (void)state;
    char text[32];
    assert_int_equal(mlsel_version(), MLSEL_VERSION);
    assert_int_equal(MLSEL_VERSION, MLSEL_VERSION_MAJOR * 10000 + MLSEL_VERSION_MINOR * 100 + MLSEL_VERSION_PATCH);
    (void)snprintf(text, sizeof text, "%d.%d.%d", MLSEL_VERSION_MAJOR, MLSEL_VERSION_MINOR, MLSEL_VERSION_PATCH);
    assert_string_equal(mlsel_version_string(), text);
    assert_ptr_equal(mlsel_version_string(), mlsel_version_string());
}

/* "mlsel 0.1.0, gcc 12.2.0, x86_64, Release" */
static void build(void **state) {
    (void)state;
    char start[64];
    const char *info = mlsel_build_info();
    (void)snprintf(start, sizeof start, "mlsel %s, ", mlsel_version_string());
    assert_int_equal(strncmp(info, start, strlen(start)), 0);
    size_t parts = 1;
    for (const char *c = info; *c != '\0'; c++) {
        assert_in_range(*c, 0x20, 0x7e); /* one line */
        parts += c[0] == ',' && c[1] == ' ';
    }
    assert_true(parts >= 4);
#if defined(__x86_64__)
    assert_non_null(strstr(info, ", x86_64, "));
#elif defined(__aarch64__)
    assert_non_null(strstr(info, ", aarch64, "));
#endif
}

typedef struct named_value {
    int32_t value;
    const char *name;
} named_value;

static void check_names(const char *(*name_of)(int32_t), const named_value *values, size_t count, const char *unknown) {
    static const int32_t far[] = {INT32_MIN, INT32_MIN + 1, -1000, 1000, INT32_MAX - 1, INT32_MAX};
    for (size_t i = 0; i < count; i++)
        assert_string_equal(name_of(values[i].value), values[i].name);
    for (int32_t value = -100; value <= 100; value++) {
        bool is_known = false;
        for (size_t i = 0; i < count; i++)
            is_known = is_known || values[i].value == value;
        if (!is_known)
            assert_string_equal(name_of(value), unknown);
    }
    for (size_t i = 0; i < LENGTH(far); i++)
        assert_string_equal(name_of(far[i]), unknown);
}

static void status_names(void **state) {
    (void)state;
    static const named_value values[] = {
        {0, "MLSEL_OK"},
        {-1, "MLSEL_ERROR_INVALID_ARGUMENT"},
        {-2, "MLSEL_ERROR_NO_MEMORY"},
        {-3, "MLSEL_ERROR_PARSE"},
        {-4, "MLSEL_ERROR_SCHEMA"},
        {-5, "MLSEL_ERROR_VERSION"},
        {-6, "MLSEL_ERROR_DIMENSION"},
        {-7, "MLSEL_ERROR_NOT_FOUND"},
        {-8, "MLSEL_ERROR_UNSUPPORTED"},
        {-9, "MLSEL_ERROR_DEVICE"},
        {-10, "MLSEL_ERROR_IO"},
        {-11, "MLSEL_ERROR_INTERNAL"},
        {-12, "MLSEL_ERROR_LIMIT"},
        {-13, "MLSEL_ERROR_NOT_TRAINED"},
        {-14, "MLSEL_ERROR_NO_CANDIDATE"},
        {-15, "MLSEL_ERROR_NOT_FINITE"},
        {-16, "MLSEL_ERROR_NO_DECISION"},
        {-17, "MLSEL_ERROR_CANCELLED"},
        {-18, "MLSEL_ERROR_CLOSED"},
    };
    check_names(mlsel_status_name, values, LENGTH(values), "MLSEL_ERROR_UNKNOWN");
}

static void algorithm_names(void **state) {
    (void)state;
    static const named_value values[] = {{1, "knn"}, {2, "kmeans"}, {3, "svm"}, {4, "mlp"}};
    check_names(mlsel_algorithm_name, values, LENGTH(values), "unknown");
}

static void precision_names(void **state) {
    (void)state;
    static const named_value values[] = {{0, "default"}, {1, "f32"}, {2, "f16"}, {3, "bf16"}, {4, "int8"}};
    check_names(mlsel_precision_name, values, LENGTH(values), "unknown");
}

static void layer_names(void **state) {
    (void)state;
    static const named_value values[] = {{1, "linear"}, {2, "relu"}, {3, "batch_norm"}, {4, "dropout"}};
    check_names(mlsel_layer_type_name, values, LENGTH(values), "unknown");
}

/* The tables above have every status of the header, under its own name. */
static void pinned_values(void **state) {
    (void)state;
    static const named_value values[] = {
        {MLSEL_OK, "MLSEL_OK"},
        {MLSEL_ERROR_INVALID_ARGUMENT, "MLSEL_ERROR_INVALID_ARGUMENT"},
        {MLSEL_ERROR_NO_MEMORY, "MLSEL_ERROR_NO_MEMORY"},
        {MLSEL_ERROR_PARSE, "MLSEL_ERROR_PARSE"},
        {MLSEL_ERROR_SCHEMA, "MLSEL_ERROR_SCHEMA"},
        {MLSEL_ERROR_VERSION, "MLSEL_ERROR_VERSION"},
        {MLSEL_ERROR_DIMENSION, "MLSEL_ERROR_DIMENSION"},
        {MLSEL_ERROR_NOT_FOUND, "MLSEL_ERROR_NOT_FOUND"},
        {MLSEL_ERROR_UNSUPPORTED, "MLSEL_ERROR_UNSUPPORTED"},
        {MLSEL_ERROR_DEVICE, "MLSEL_ERROR_DEVICE"},
        {MLSEL_ERROR_IO, "MLSEL_ERROR_IO"},
        {MLSEL_ERROR_INTERNAL, "MLSEL_ERROR_INTERNAL"},
        {MLSEL_ERROR_LIMIT, "MLSEL_ERROR_LIMIT"},
        {MLSEL_ERROR_NOT_TRAINED, "MLSEL_ERROR_NOT_TRAINED"},
        {MLSEL_ERROR_NO_CANDIDATE, "MLSEL_ERROR_NO_CANDIDATE"},
        {MLSEL_ERROR_NOT_FINITE, "MLSEL_ERROR_NOT_FINITE"},
        {MLSEL_ERROR_NO_DECISION, "MLSEL_ERROR_NO_DECISION"},
        {MLSEL_ERROR_CANCELLED, "MLSEL_ERROR_CANCELLED"},
        {MLSEL_ERROR_CLOSED, "MLSEL_ERROR_CLOSED"},
    };
    for (size_t i = 0; i < LENGTH(values); i++)
        assert_string_equal(mlsel_status_name(values[i].value), values[i].name);
    size_t count = 0;
    char *header = test_need_file(TEST_SOURCE_DIR "/include/mlsel.h", NULL);
    for (const char *at = header; (at = strstr(at, "MLSEL_ERROR_")) != NULL; at++) {
        const size_t length = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        count += strncmp(at + length, " = -", 4) == 0;
    }
    free(header);
    assert_int_equal(count, LENGTH(values) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions),        cmocka_unit_test(build),           cmocka_unit_test(status_names),
        cmocka_unit_test(algorithm_names), cmocka_unit_test(precision_names), cmocka_unit_test(layer_names),
        cmocka_unit_test(pinned_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
