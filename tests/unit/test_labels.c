/* SPDX-License-Identifier: Apache-2.0 */
/* The set of model names while an artifact is read: finding, order, growth, repeated names, storing, running out of
 * memory. */
#include <stdlib.h>
#include <string.h>

#include "artifact_read.h"
#include "support.h"

/* Fails allocation number `failing` (from 0) and no other. */
static size_t n_allocations, failing;

static bool fail_one(size_t bytes, void *user) {
    (void)bytes, (void)user;
    return n_allocations++ != failing;
}

static void fail_at(size_t number) {
    n_allocations = 0;
    failing = number;
    mlsel_i_set_alloc_hook(fail_one, NULL);
}

static int32_t add(label_set *set, const char *name) {
    mlsel_error err;
    int32_t index = -7;
    test_ok(mlsel_i_labels_add(set, name, &index, &err), &err);
    return index;
}

static void few(void **state) {
    (void)state;
    label_set set = {0};
    assert_int_equal(mlsel_i_labels_find(&set, "a"), -1);
    assert_int_equal(add(&set, "b"), 0);
    assert_int_equal(add(&set, "a"), 1);
    assert_int_equal(add(&set, "b"), 0);
    assert_int_equal(add(&set, ""), 2);
    assert_int_equal(add(&set, "ab"), 3);
    assert_int_equal(add(&set, "A"), 4);
    assert_int_equal(mlsel_i_labels_add(&set, "a", NULL, NULL), MLSEL_OK);
    assert_int_equal(set.count, 5);
    assert_int_equal(mlsel_i_labels_find(&set, "a"), 1);
    assert_int_equal(mlsel_i_labels_find(&set, ""), 2);
    assert_int_equal(mlsel_i_labels_find(&set, "A"), 4);
    assert_int_equal(mlsel_i_labels_find(&set, "B"), -1);
    assert_int_equal(mlsel_i_labels_find(&set, "aa"), -1);
    mlsel_i_labels_free(&set);
    /* what is freed is empty and can be used again */
    assert_int_equal(mlsel_i_labels_find(&set, "a"), -1);
    assert_int_equal(add(&set, "a"), 0);
    mlsel_i_labels_free(&set);
    mlsel_i_labels_free(&set);
}

/* --- many names -------------------------------------------------------------------------------------------------- */

enum { N_NAMES = 20000, NAME_BYTES = 16 };

/* Names that share beginnings and ends, in no order. */
static void make_name(char *out, uint32_t i) { snprintf(out, NAME_BYTES, "m%u-x", (unsigned)(i * 2654435761u)); }

static void many(void **state) {
    (void)state;
    char(*names)[NAME_BYTES] = calloc(N_NAMES, sizeof *names);
    assert_non_null(names);
    label_set set = {0};
    for (uint32_t i = 0; i < N_NAMES; i++) {
        make_name(names[i], i);
        assert_int_equal(add(&set, names[i]), (int32_t)i);
        assert_int_equal(add(&set, names[i / 2]), (int32_t)(i / 2));
    }
    assert_int_equal(set.count, N_NAMES);
    for (uint32_t i = 0; i < N_NAMES; i++) {
        char copy[NAME_BYTES];
        make_name(copy, i); /* found by its letters, not its address */
        assert_int_equal(mlsel_i_labels_find(&set, copy), (int32_t)i);
        assert_ptr_equal(set.names[i], names[i]);
        copy[0] = 'n';
        assert_int_equal(mlsel_i_labels_find(&set, copy), -1);
    }
    mlsel_i_labels_sort(&set, 0);
    for (size_t i = 0; i < N_NAMES; i++) {
        assert_true(i == 0 || strcmp(set.names[i - 1], set.names[i]) < 0);
        assert_int_equal(mlsel_i_labels_find(&set, set.names[i]), (int32_t)i);
    }
    mlsel_i_labels_free(&set);
    free(names);
}

/* Names that all hash to neighbouring slots: with 16 names there are 32 slots, and a search must walk over the full
 * ones, around the end too. */
static uint64_t fnv1a(const char *name) {
    uint64_t hash = 14695981039346656037u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return hash;
}

static void same_slots(void **state) {
    (void)state;
    char names[16][NAME_BYTES], absent[NAME_BYTES] = "";
    label_set set = {0};
    size_t n = 0;
    for (uint32_t i = 0; absent[0] == '\0'; i++) {
        char name[NAME_BYTES];
        make_name(name, i);
        if ((fnv1a(name) & 31) < 28)
            continue;
        if (n == 16)
            memcpy(absent, name, sizeof name);
        else
            memcpy(names[n++], name, sizeof name);
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(add(&set, names[i]), (int32_t)i);
    assert_int_equal(set.n_slots, 32);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(mlsel_i_labels_find(&set, names[i]), (int32_t)i);
    assert_int_equal(mlsel_i_labels_find(&set, absent), -1);
    mlsel_i_labels_free(&set);
}

static void sorts_the_tail(void **state) {
    (void)state;
    /* bytes, not characters of some language: upper case before lower, both before UTF-8 */
    static const char *const given[] = {"z", "m", "\xc3\xa9tage", "b", "B", "a-1", "a"};
    static const char *const sorted[] = {"z", "m", "B", "a", "a-1", "b", "\xc3\xa9tage"};
    label_set set = {0};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(given); i++)
        add(&set, given[i]);
    mlsel_i_labels_sort(&set, 2);
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(sorted); i++) {
        assert_string_equal(set.names[i], sorted[i]);
        assert_int_equal(mlsel_i_labels_find(&set, sorted[i]), (int32_t)i);
    }
    mlsel_i_labels_sort(&set, 6);
    mlsel_i_labels_sort(&set, 7);
    assert_string_equal(set.names[6], "\xc3\xa9tage");
    mlsel_i_labels_free(&set);
}

/* --- lists and storing ------------------------------------------------------------------------------------------- */

static void lists(void **state) {
    (void)state;
    char bytes[] = "one\0two\0three\0two";
    size_t offsets[] = {0, 4, 8, 14};
    const json_strings distinct = {.count = 3, .defect = -1, .offsets = offsets, .bytes = bytes};
    const json_strings repeated = {.count = 4, .defect = -1, .offsets = offsets, .bytes = bytes};
    mlsel_error err;
    const artifact_reader in = {.err = &err};
    label_set set = {0};
    test_ok(mlsel_i_labels_add_list(&in, &set, &distinct, "$", "model_names"), &err);
    assert_int_equal(set.count, 3);
    assert_int_equal(mlsel_i_labels_find(&set, "three"), 2);
    mlsel_i_labels_free(&set);
    assert_int_equal(mlsel_i_labels_add_list(&in, &set, &repeated, "$.candidate_set", "models"), MLSEL_ERROR_SCHEMA);
    assert_string_equal(err.message, "$.candidate_set.models[3]: \"two\" is listed twice");
    mlsel_i_labels_free(&set);
}

static void store(void **state) {
    (void)state;
    mlsel_error err;
    for (size_t failure = 0; failure <= 4; failure++) {
        mlsel_artifact *artifact = mlsel_i_calloc(1, sizeof *artifact);
        const artifact_reader in = {.artifact = artifact, .err = &err};
        label_set set = {0};
        char name[8] = "first";
        add(&set, name);
        add(&set, "");
        add(&set, "third");
        fail_at(failure);
        const mlsel_status status = mlsel_i_labels_store(&in, &set);
        mlsel_i_set_alloc_hook(NULL, NULL);
        /* the list of pointers, the artifact's list of blocks, the text */
        assert_int_equal(status, failure < 3 ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK);
        assert_true(failure < 3 || n_allocations == 3);
        name[0] = 'x'; /* the artifact has copies */
        mlsel_i_labels_free(&set);
        if (status == MLSEL_OK) {
            assert_int_equal(artifact->scalars.n_labels, 3);
            assert_string_equal(artifact->labels[0], "first");
            assert_string_equal(artifact->labels[1], "");
            assert_string_equal(artifact->labels[2], "third");
        } else {
            assert_int_equal(err.code, MLSEL_ERROR_NO_MEMORY);
            assert_null(artifact->labels);
        }
        mlsel_i_artifact_free(artifact);
    }
}

/* --- out of memory ----------------------------------------------------------------------------------------------- */

/* A name that could not be added is not there, the others are, and adding it again works. */
static void growth_fails(void **state) {
    (void)state;
    char names[100][NAME_BYTES];
    for (uint32_t i = 0; i < 100; i++)
        make_name(names[i], i);
    size_t n_failures = 0;
    for (size_t failure = 0; failure < 10; failure++) {
        label_set set = {0};
        fail_at(failure);
        for (uint32_t i = 0; i < 100; i++) {
            mlsel_error err;
            int32_t index = -7;
            mlsel_status status = mlsel_i_labels_add(&set, names[i], &index, &err);
            if (status != MLSEL_OK) {
                assert_int_equal(status, MLSEL_ERROR_NO_MEMORY);
                assert_int_equal(index, -7);
                assert_int_equal(set.count, i);
                assert_int_equal(mlsel_i_labels_find(&set, names[i]), -1);
                n_failures++;
                status = mlsel_i_labels_add(&set, names[i], &index, &err);
            }
            test_ok(status, &err);
            assert_int_equal(index, i);
            for (uint32_t j = 0; j <= i; j++)
                assert_int_equal(mlsel_i_labels_find(&set, names[j]), j);
        }
        mlsel_i_set_alloc_hook(NULL, NULL);
        mlsel_i_labels_free(&set);
    }
    assert_int_equal(n_failures, 8); /* four growths of two blocks: 16, 32, 64, 128 names */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few),          cmocka_unit_test(many),
        cmocka_unit_test(same_slots),   cmocka_unit_test(sorts_the_tail),
        cmocka_unit_test(lists),        cmocka_unit_test(store),
        cmocka_unit_test(growth_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
