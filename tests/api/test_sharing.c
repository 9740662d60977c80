/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models of the same content share their weights, whatever way they came and with whatever options; the labels belong
 * to what is shared, so models that share have them at the same address.
 */
#include "bad_artifact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

static bool share(const mlsel_model *a, const mlsel_model *b) {
    const size_t n = mlsel_model_label_count(a);
    assert_int_equal(n, mlsel_model_label_count(b));
    const bool first = mlsel_model_label(a, 0) == mlsel_model_label(b, 0);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(mlsel_model_label(a, (int32_t)i), mlsel_model_label(b, (int32_t)i));
        assert_true((mlsel_model_label(a, (int32_t)i) == mlsel_model_label(b, (int32_t)i)) == first);
    }
    return first;
}

static void same_content(void **state) {
    (void)state;
    static const char *const files[] = {
        FIXTURE("knn_defaults.json"),
        FIXTURE("knn_samples.json"),
        FIXTURE("kmeans_v1_list.json"),
        FIXTURE("kmeans_v1_object.json"),
        FIXTURE("kmeans_v2.json"),
        FIXTURE("svm_rbf_4.json"),
        FIXTURE("svm_v2.json"),
        FIXTURE("svm_permodel_rbf.json"),
        FIXTURE("svm_permodel_linear.json"),
        FIXTURE("mlp_null_batch_norm.json"),
        FIXTURE("mlp_odd_order.json"),
    };
    for (size_t i = 0; i < LENGTH(files); i++) {
        size_t size;
        mlsel_error err;
        char *text = test_need_file(files[i], &size);
        mlsel_model *from_file = test_load(files[i], NULL), *again = test_load(files[i], NULL), *from_memory = NULL;
        mlsel_model *from_copy = test_load(test_write("copy.json", text, size), NULL);
        test_ok(mlsel_model_load_memory(text, size, NULL, &from_memory, &err), &err);
        assert_true(from_file != again && from_file != from_memory);
        assert_true(share(from_file, again));
        assert_true(share(from_file, from_memory));
        assert_true(share(from_file, from_copy));
        mlsel_model_release(from_file);
        assert_true(share(again, from_memory));
        mlsel_model_release(again);
        mlsel_model_release(from_copy);
        mlsel_model_release(from_memory);
        free(text);
    }
}

static void other_content(void **state) {
    (void)state;
    static const char *const changes[][2] = {
        {"\"k\":2", "\"k\":1"},        /* another number */
        {"[0.125,0,1]", "[0.25,0,1]"}, /* a weight */
        {"\"k\":2", "\"k\": 2"},       /* white space: another file, so another hash */
        {"\"num_samples\":3", "\"num_samples\":3.0"},
    };
    mlsel_model *model = test_load_text(base_knn, NULL);
    for (size_t i = 0; i < LENGTH(changes); i++) {
        char *text = test_replace(base_knn, changes[i][0], changes[i][1]);
        mlsel_model *other = test_load_text(text, NULL);
        assert_false(share(model, other));
        mlsel_model_release(other);
        free(text);
    }
    mlsel_model_release(model);
}

/* --- options ----------------------------------------------------------------------------------------------------- */

static void other_options(void **state) {
    (void)state;
    enum { COUNT = 6 };
    mlsel_model_options options[COUNT];
    mlsel_model *models[COUNT];
    mlsel_model_info info;
    mlsel_error err;
    for (size_t i = 0; i < COUNT; i++)
        mlsel_model_options_init(&options[i], sizeof options[i]);
    options[1].k = 1;
    options[2].knn_rule = MLSEL_KNN_RULE_LEGACY;
    options[3].precision = MLSEL_PRECISION_F32;
    options[4].device = "auto";
    options[5].category_layout = MLSEL_CATEGORIES_VSR_DOC;
    for (size_t i = 0; i < COUNT; i++)
        models[i] = test_load(FIXTURE("knn_cosine.json"), &options[i]);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(share(models[0], models[i]));
        test_ok(mlsel_model_get_info(models[i], &info, sizeof info, &err), &err);
        assert_int_equal(info.knn_rule, i == 2 ? MLSEL_KNN_RULE_LEGACY : MLSEL_KNN_RULE_COSINE);
        assert_true((info.k == 1) == (i == 1));
        assert_int_equal(info.category_layout, i == 5 ? MLSEL_CATEGORIES_VSR_DOC : MLSEL_CATEGORIES_VSR);
    }
    for (size_t i = 0; i < COUNT; i++)
        mlsel_model_release(models[i]);
}

/* Each of models that share answers by its own options: two rows of a are near, one of b is nearest; with two
 * neighbours the votes are equal, and the smaller name wins. */
static void own_answers(void **state) {
    (void)state;
    static const char text[] = "{\"algorithm\":\"knn\",\"k\":3,\"embeddings\":[[1,0],[4,1],[4,1.25]],"
                               "\"labels\":[\"b\",\"a\",\"a\"]}";
    static const float query[] = {1, 0};
    static const struct {
        uint32_t k;
        const char *label;
    } cases[] = {{0, "a"}, {1, "b"}, {2, "a"}, {3, "a"}, {1, "b"}};
    mlsel_model *models[LENGTH(cases)];
    mlsel_model_options options;
    mlsel_selection selection;
    mlsel_error err;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlsel_model_options_init(&options, sizeof options);
        options.k = cases[i].k;
        models[i] = test_load_text(text, &options);
        assert_true(share(models[0], models[i]));
    }
    for (size_t i = 0; i < LENGTH(cases); i++) {
        test_ok(mlsel_select(models[i], query, 2, NULL, &selection, &err), &err);
        assert_string_equal(mlsel_model_label(models[i], selection.index), cases[i].label);
    }
    for (size_t i = 0; i < LENGTH(cases); i++)
        mlsel_model_release(models[i]);
}

/* A load that fails after the weights were found leaves them as they are. */
static void failed_load(void **state) {
    (void)state;
    mlsel_model *model = test_load_text(base_knn, NULL), *out;
    mlsel_model_options options;
    mlsel_error err;
    mlsel_model_options_init(&options, sizeof options);
    options.precision = MLSEL_PRECISION_F16;
    test_fill(&out, sizeof out);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &out, &err),
                         MLSEL_ERROR_UNSUPPORTED);
    test_untouched(&out, sizeof out, "failed load");
    mlsel_model *other = test_load_text(base_knn, NULL);
    assert_true(share(model, other));
    mlsel_model_release(model);
    mlsel_model_release(other);
    assert_int_equal(mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &out, &err),
                     MLSEL_ERROR_UNSUPPORTED);
}

/* --- order of release -------------------------------------------------------------------------------------------- */

static void check_answer(const mlsel_model *model) {
    static const float query[] = {0, 1, 0.25f};
    mlsel_selection selection;
    mlsel_error err;
    test_ok(mlsel_select(model, query, 3, NULL, &selection, &err), &err);
    assert_string_equal(mlsel_model_label(model, selection.index), "b");
}

/* Three models, two of which share an engine and all the weights, in each of the six orders. */
static void any_order(void **state) {
    (void)state;
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t o = 0; o < LENGTH(orders); o++) {
        mlsel_model_options legacy;
        mlsel_model_options_init(&legacy, sizeof legacy);
        legacy.knn_rule = MLSEL_KNN_RULE_LEGACY;
        mlsel_model *models[3] = {test_load_text(base_knn, NULL), test_load_text(base_knn, NULL),
                                  test_load_text(base_knn, &legacy)};
        for (int i = 0; i < 3; i++) {
            mlsel_model_release(models[orders[o][i]]);
            for (int j = i + 1; j < 3; j++)
                check_answer(models[orders[o][j]]);
            if (i < 2) { /* what is still there is found again */
                mlsel_model *fresh = test_load_text(base_knn, NULL);
                assert_true(share(fresh, models[orders[o][2]]));
                mlsel_model_release(fresh);
            }
        }
    }
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OTHER_ALLOCATOR
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OTHER_ALLOCATOR
#endif

#if defined(__GLIBC__) && !defined(OTHER_ALLOCATOR)
#if __GLIBC_PREREQ(2, 33)
#define HAVE_MALLINFO2
#endif
#endif

#ifdef HAVE_MALLINFO2
static size_t heap(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* 4 MiB of weights. */
static char *large_artifact(void) {
    enum { ROWS = 1024, WIDTH = 1024 };
    char *text = malloc((size_t)ROWS * WIDTH * 8 + 65536);
    assert_non_null(text);
    char *at = text + sprintf(text, "{\"algorithm\":\"knn\",\"k\":3,\"embeddings\":[");
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < WIDTH; c++)
            at += sprintf(at, "%s0.%03d%s", c == 0 ? r == 0 ? "[" : ",[" : ",", (r * 7 + c * 13) % 1000,
                          c == WIDTH - 1 ? "]" : "");
    at += sprintf(at, "],\"labels\":[");
    for (int r = 0; r < ROWS; r++)
        at += sprintf(at, "%s\"m-%d\"", r == 0 ? "" : ",", r % 8);
    (void)sprintf(at, "]}");
    return text;
}

static void memory(void **state) {
    (void)state;
    enum { WEIGHTS = 4 << 20 };
    char *text = large_artifact();
    const size_t before = heap();
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    mlsel_model *first = test_load_text(text, NULL);
    const size_t one = heap();
    options.k = 7;
    mlsel_model *second = test_load_text(text, &options);
    const size_t two = heap();
    print_message("the first load takes %zu bytes, the second %zu\n", one - before, two - one);
    assert_true(one - before >= WEIGHTS);
    assert_true(two - one < WEIGHTS / 4);
    mlsel_model_release(first);
    assert_true(heap() - before >= WEIGHTS);
    mlsel_model_release(second);
    assert_true(heap() < before + 4096); /* all is given back */
    free(text);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_content), cmocka_unit_test(other_content), cmocka_unit_test(other_options),
        cmocka_unit_test(own_answers),  cmocka_unit_test(failed_load),   cmocka_unit_test(any_order),
#ifdef HAVE_MALLINFO2
        cmocka_unit_test(memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
