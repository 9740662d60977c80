/* SPDX-License-Identifier: Apache-2.0 */
/* Feature vectors: both category layouts, an artifact's own list, weights, widths, and what cannot be composed. */
#include "bad_artifact.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_CATEGORIES = 14, EMBEDDING = 6, WIDTH = EMBEDDING + N_CATEGORIES };

static const char *const layouts[2][N_CATEGORIES] = {
    {"math", "physics", "chemistry", "biology", "computer science", "history", "economics", "business", "law", "health",
     "psychology", "philosophy", "other", "unknown"},
    {"biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history", "law",
     "math", "other", "philosophy", "physics", "psychology"},
};

/* Decimals that neither format holds. */
static const double embedding[EMBEDDING] = {0.1, -0.2, 0.3, 1e-20, 3e38, -7};

static const char text_of_width_20[] =
    "{\"algorithm\":\"knn\",\"k\":1,\"embeddings\":[[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]],\"labels\":[\"a\"]}";

/* --- layouts ----------------------------------------------------------------------------------------------------- */

static void names(void **state) {
    (void)state;
    static const int32_t no_layout[] = {-1, MLSEL_CATEGORIES_ARTIFACT, 3, INT32_MAX, INT32_MIN};
    for (int32_t layout = 0; layout < 2; layout++) {
        assert_int_equal(mlsel_category_count(layout), N_CATEGORIES);
        for (int32_t i = 0; i < N_CATEGORIES; i++) {
            uint32_t flags = 0xa5a5a5a5u;
            assert_string_equal(mlsel_category_name(layout, i), layouts[layout][i]);
            assert_int_equal(mlsel_category_index(layout, layouts[layout][i], &flags), i);
            assert_int_equal(flags, 0);
        }
        assert_null(mlsel_category_name(layout, -1));
        assert_null(mlsel_category_name(layout, N_CATEGORIES));
        assert_null(mlsel_category_name(layout, INT32_MAX));
        assert_null(mlsel_category_name(layout, INT32_MIN));
    }
    for (size_t i = 0; i < LENGTH(no_layout); i++) {
        assert_int_equal(mlsel_category_count(no_layout[i]), 0);
        assert_null(mlsel_category_name(no_layout[i], 0));
        assert_int_equal(mlsel_category_index(no_layout[i], "math", NULL), -1);
    }
}

static void other_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int32_t index[2]; /* in each layout */
        uint32_t flags[2];
    } cases[] = {
        {NULL, {12, 10}, {0, 0}},
        {"", {12, 10}, {0, 0}},
        {"computer_science", {4, 3}, {0, 0}},
        {"engineering", {12, 5}, {MLSEL_CATEGORY_FELL_BACK, 0}},
        {"unknown", {13, 10}, {0, MLSEL_CATEGORY_FELL_BACK}},
        {"Math", {12, 10}, {MLSEL_CATEGORY_FELL_BACK, MLSEL_CATEGORY_FELL_BACK}},
        {"math ", {12, 10}, {MLSEL_CATEGORY_FELL_BACK, MLSEL_CATEGORY_FELL_BACK}},
        {"computer-science", {12, 10}, {MLSEL_CATEGORY_FELL_BACK, MLSEL_CATEGORY_FELL_BACK}},
        {"computer", {12, 10}, {MLSEL_CATEGORY_FELL_BACK, MLSEL_CATEGORY_FELL_BACK}},
        {"no such category", {12, 10}, {MLSEL_CATEGORY_FELL_BACK, MLSEL_CATEGORY_FELL_BACK}},
        {"\xff\x01", {12, 10}, {MLSEL_CATEGORY_FELL_BACK, MLSEL_CATEGORY_FELL_BACK}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (int32_t layout = 0; layout < 2; layout++) {
            uint32_t flags = 0xa5a5a5a5u;
            assert_int_equal(mlsel_category_index(layout, cases[i].name, &flags), cases[i].index[layout]);
            assert_int_equal(flags, cases[i].flags[layout]);
            assert_int_equal(mlsel_category_index(layout, cases[i].name, NULL), cases[i].index[layout]);
        }
}

/* --- composing --------------------------------------------------------------------------------------------------- */

/* Composes in both formats, checks every value of the vector, and gives the flags back. */
static uint32_t check_vector(const mlsel_model *model, const mlsel_features_options *options, const char *category,
                             size_t n_categories, int32_t hot, double weight) {
    const size_t width = EMBEDDING + n_categories;
    uint32_t flags = 0xa5a5a5a5u, flags_f64 = 0xa5a5a5a5u;
    mlsel_error err = test_unset_error();
    float *f32 = malloc(width * sizeof *f32), *f32_embedding = test_to_floats(embedding, EMBEDDING);
    double *f64 = malloc(width * sizeof *f64);
    assert_true(f32 != NULL && f64 != NULL);
    test_fill(f32, width * sizeof *f32);
    test_fill(f64, width * sizeof *f64);
    test_ok(mlsel_features_compose(model, options, f32_embedding, EMBEDDING, category, f32, width, &flags, &err), &err);
    test_no_error(&err, "compose");
    err = test_unset_error();
    test_ok(mlsel_features_compose_f64(model, options, embedding, EMBEDDING, category, f64, width, &flags_f64, &err),
            &err);
    test_no_error(&err, "compose_f64");
    assert_int_equal(flags, flags_f64);
    assert_memory_equal(f32, f32_embedding, EMBEDDING * sizeof *f32);
    assert_memory_equal(f64, embedding, EMBEDDING * sizeof *f64);
    for (size_t i = 0; i < n_categories; i++) {
        const double expected = (int32_t)i == hot ? weight : 0;
        test_close(f64[EMBEDDING + i], expected, 0, "category value");
        test_close((double)f32[EMBEDDING + i], (double)(float)expected, 0, "category value in float");
    }
    free(f32), free(f32_embedding), free(f64);
    return flags;
}

static void without_model(void **state) {
    (void)state;
    mlsel_features_options options;
    for (int32_t layout = 0; layout < 2; layout++) {
        mlsel_features_options_init(&options, sizeof options);
        options.layout = layout;
        for (int32_t i = 0; i < N_CATEGORIES; i++) {
            assert_int_equal(check_vector(NULL, &options, layouts[layout][i], N_CATEGORIES, i, 1), 0);
            if (layout == MLSEL_CATEGORIES_VSR) /* the default */
                assert_int_equal(check_vector(NULL, NULL, layouts[layout][i], N_CATEGORIES, i, 1), 0);
        }
        const int32_t other = layout == MLSEL_CATEGORIES_VSR ? 12 : 10;
        assert_int_equal(check_vector(NULL, &options, NULL, N_CATEGORIES, other, 1), 0);
        assert_int_equal(check_vector(NULL, &options, "", N_CATEGORIES, other, 1), 0);
        assert_int_equal(check_vector(NULL, &options, "geology", N_CATEGORIES, other, 1), MLSEL_CATEGORY_FELL_BACK);
        assert_int_equal(check_vector(NULL, &options, "computer_science", N_CATEGORIES, 4 - layout, 1), 0);
    }
    assert_int_equal(check_vector(NULL, NULL, "engineering", N_CATEGORIES, 12, 1), MLSEL_CATEGORY_FELL_BACK);
}

static void weights(void **state) {
    (void)state;
    static const double values[] = {0.1, 2.5, 1e-3, 1000, (double)FLT_MAX};
    mlsel_features_options options;
    mlsel_features_options_init(&options, sizeof options);
    check_vector(NULL, &options, "law", N_CATEGORIES, 8, 1); /* 0 stands for 1 */
    for (size_t i = 0; i < LENGTH(values); i++) {
        options.category_weight = values[i];
        check_vector(NULL, &options, "law", N_CATEGORIES, 8, values[i]);
    }
}

static void with_model(void **state) {
    (void)state;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    for (int32_t layout = 0; layout < 2; layout++) {
        options.category_layout = layout;
        mlsel_model *model = test_load_text(text_of_width_20, &options);
        for (int32_t i = 0; i < N_CATEGORIES; i++)
            assert_int_equal(check_vector(model, NULL, layouts[layout][i], N_CATEGORIES, i, 1), 0);
        const int32_t other = layout == MLSEL_CATEGORIES_VSR ? 12 : 10;
        assert_int_equal(check_vector(model, NULL, "geology", N_CATEGORIES, other, 1), MLSEL_CATEGORY_FELL_BACK);
        mlsel_model_release(model);
    }
}

/* A model of 6 features with the given keys; 6 is too narrow for the usual categories. */
static mlsel_model *model_of(const char *keys, int n_features) {
    char text[1024];
    char *at = text + snprintf(text, sizeof text,
                               "{\"algorithm\":\"knn\",\"k\":1,\"labels\":[\"a\"],%s\"embeddings\":[[1", keys);
    for (int i = 1; i < n_features; i++)
        at += snprintf(at, 8, ",0");
    (void)snprintf(at, 8, "]]}");
    return test_load_text(text, NULL);
}

static void own_categories(void **state) {
    (void)state;
    mlsel_model *model =
        model_of("\"categories\":[\"coding\",\"other\",\"computer science\"],\"category_weight\":0.3,", EMBEDDING + 3);
    assert_int_equal(check_vector(model, NULL, "coding", 3, 0, 0.3), 0);
    assert_int_equal(check_vector(model, NULL, "other", 3, 1, 0.3), 0);
    assert_int_equal(check_vector(model, NULL, NULL, 3, 1, 0.3), 0);
    assert_int_equal(check_vector(model, NULL, "math", 3, 1, 0.3), MLSEL_CATEGORY_FELL_BACK);
    assert_int_equal(check_vector(model, NULL, "computer science", 3, 2, 0.3), 0);
    assert_int_equal(check_vector(model, NULL, "computer_science", 3, 2, 0.3), 0);
    mlsel_model_release(model);

    /* an exact name comes before the other spelling */
    model = model_of("\"categories\":[\"computer science\",\"computer_science\"],", EMBEDDING + 2);
    assert_int_equal(check_vector(model, NULL, "computer science", 2, 0, 1), 0);
    assert_int_equal(check_vector(model, NULL, "computer_science", 2, 1, 1), 0);
    mlsel_model_release(model);

    /* a weight without a list of its own */
    model = model_of("\"category_weight\":4,", WIDTH);
    check_vector(model, NULL, "history", N_CATEGORIES, 5, 4);
    mlsel_model_release(model);

    /* no categories at all: the embedding is the vector; the name is not lost in silence */
    model = model_of("", EMBEDDING);
    assert_int_equal(check_vector(model, NULL, NULL, 0, -1, 1), 0);
    assert_int_equal(check_vector(model, NULL, "math", 0, -1, 1), MLSEL_CATEGORY_FELL_BACK);
    mlsel_model_release(model);
}

/* The embedding may already be at the beginning of the vector. */
static void in_place(void **state) {
    (void)state;
    float f32[WIDTH], f32_expected[WIDTH];
    double f64[WIDTH], f64_expected[WIDTH];
    mlsel_error err;
    float *f32_embedding = test_to_floats(embedding, EMBEDDING);
    test_ok(mlsel_features_compose(NULL, NULL, f32_embedding, EMBEDDING, "law", f32_expected, WIDTH, NULL, &err), &err);
    test_ok(mlsel_features_compose_f64(NULL, NULL, embedding, EMBEDDING, "law", f64_expected, WIDTH, NULL, &err), &err);
    test_fill(f32, sizeof f32);
    test_fill(f64, sizeof f64);
    memcpy(f32, f32_embedding, EMBEDDING * sizeof *f32);
    memcpy(f64, embedding, sizeof embedding);
    test_ok(mlsel_features_compose(NULL, NULL, f32, EMBEDDING, "law", f32, WIDTH, NULL, &err), &err);
    test_ok(mlsel_features_compose_f64(NULL, NULL, f64, EMBEDDING, "law", f64, WIDTH, NULL, &err), &err);
    assert_memory_equal(f32, f32_expected, sizeof f32);
    assert_memory_equal(f64, f64_expected, sizeof f64);
    free(f32_embedding);
}

/* --- what cannot be composed ------------------------------------------------------------------------------------- */

/* Both formats refuse with the same words and write neither vector nor flags. */
static void refuse(const mlsel_model *model, const mlsel_features_options *options, const double *values, size_t n,
                   const char *category, size_t n_features, mlsel_status expected, uint64_t detail,
                   const char *message) {
    double f64[64];
    float f32[64], f32_values[64];
    uint32_t flags;
    for (size_t i = 0; i < 64; i++)
        f32_values[i] = i < n && n <= 64 ? (float)values[i] : 0;
    test_fill(f64, sizeof f64);
    test_fill(f32, sizeof f32);
    test_fill(&flags, sizeof flags);
    for (int with_error = 0; with_error <= 1; with_error++) {
        mlsel_error err = test_unset_error(), other = test_unset_error();
        test_quiet_begin();
        const mlsel_status status = mlsel_features_compose_f64(model, options, values, n, category, f64, n_features,
                                                               &flags, with_error ? &err : NULL);
        const mlsel_status same = mlsel_features_compose(model, options, f32_values, n, category, f32, n_features,
                                                         &flags, with_error ? &other : NULL);
        test_quiet_end(message);
        if (status != expected)
            fail_msg("%s: %s", message, mlsel_status_name(status));
        assert_int_equal(same, expected);
        if (with_error) {
            test_error(&err, expected, detail, message, message);
            assert_memory_equal(&err, &other, sizeof err);
        }
    }
    test_untouched(f64, sizeof f64, message);
    test_untouched(f32, sizeof f32, message);
    test_untouched(&flags, sizeof flags, message);
}

static void widths(void **state) {
    (void)state;
    static const size_t wrong[] = {0, 6, 19, 21, SIZE_MAX, SIZE_MAX / 8};
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        char message[128];
        (void)snprintf(message, sizeof message, "n_features is %zu, expected 6 + 14", wrong[i]);
        refuse(NULL, NULL, embedding, EMBEDDING, "math", wrong[i], MLSEL_ERROR_DIMENSION, 20, message);
    }
    mlsel_model *model = test_load_text(text_of_width_20, NULL);
    static const size_t embeddings[] = {1, 5, 7, 20, 768};
    for (size_t i = 0; i < LENGTH(embeddings); i++) {
        char message[256];
        (void)snprintf(
            message, sizeof message,
            "embedding dimension mismatch: the artifact was trained on 6+14 values, got an embedding of %zu: "
            "use the same embedding model for training and inference",
            embeddings[i]);
        double *values = calloc(embeddings[i], sizeof *values);
        refuse(model, NULL, values, embeddings[i], "math", embeddings[i] + N_CATEGORIES, MLSEL_ERROR_DIMENSION,
               EMBEDDING, message);
        free(values);
    }
    refuse(model, NULL, embedding, EMBEDDING, "math", 21, MLSEL_ERROR_DIMENSION, 20,
           "n_features is 21, expected 6 + 14");
    mlsel_model_release(model);
    static const char empty[] = "the embedding is empty or its size is absurd";
    refuse(NULL, NULL, embedding, 0, "math", N_CATEGORIES, MLSEL_ERROR_INVALID_ARGUMENT, 0, empty);
    refuse(NULL, NULL, embedding, SIZE_MAX, "math", N_CATEGORIES - 1, MLSEL_ERROR_INVALID_ARGUMENT, 0, empty);
    refuse(NULL, NULL, embedding, SIZE_MAX - 13, "math", 0, MLSEL_ERROR_INVALID_ARGUMENT, 0, empty);
}

static void bad_values(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e39, -1e39};
    mlsel_model *model = test_load_text(text_of_width_20, NULL); /* whose kernels look at the values */
    for (size_t i = 0; i < LENGTH(bad); i++)
        for (size_t position = 0; position < EMBEDDING; position++) {
            char message[128];
            double values[EMBEDDING];
            memcpy(values, embedding, sizeof values);
            values[position] = bad[i];
            (void)snprintf(message, sizeof message,
                           "embedding value %zu is NaN, infinite or beyond the range of float32", position);
            refuse(NULL, NULL, values, EMBEDDING, "math", WIDTH, MLSEL_ERROR_NOT_FINITE, position, message);
            refuse(model, NULL, values, EMBEDDING, "math", WIDTH, MLSEL_ERROR_NOT_FINITE, position, message);
        }
    mlsel_model_release(model);
}

static void bad_options(void **state) {
    (void)state;
    static const double weights_refused[] = {-1, -1e-300, NAN, INFINITY, 1e39};
    static const int32_t no_layout[] = {-1, MLSEL_CATEGORIES_ARTIFACT, 3, INT32_MAX, INT32_MIN};
    mlsel_features_options options;
    mlsel_features_options_init(&options, sizeof options);
    for (size_t i = 0; i < LENGTH(weights_refused); i++) {
        options.category_weight = weights_refused[i];
        refuse(NULL, &options, embedding, EMBEDDING, "math", WIDTH, MLSEL_ERROR_INVALID_ARGUMENT, 0,
               "category_weight must not be negative, NaN or infinite");
    }
    options.category_weight = 0;
    for (size_t i = 0; i < LENGTH(no_layout); i++) {
        char message[64];
        (void)snprintf(message, sizeof message, "layout %d is none", (int)no_layout[i]);
        options.layout = no_layout[i];
        refuse(NULL, &options, embedding, EMBEDDING, "math", WIDTH, MLSEL_ERROR_INVALID_ARGUMENT, 0, message);
    }
    mlsel_model *model = test_load_text(text_of_width_20, NULL);
    mlsel_features_options_init(&options, sizeof options);
    refuse(model, &options, embedding, EMBEDDING, "math", WIDTH, MLSEL_ERROR_INVALID_ARGUMENT, 0,
           "with a model the options must be NULL");
    mlsel_model_release(model);
}

static void no_other(void **state) {
    (void)state;
    mlsel_model *model = model_of("\"categories\":[\"x\",\"y\"],", EMBEDDING + 2);
    refuse(model, NULL, embedding, EMBEDDING, "math", EMBEDDING + 2, MLSEL_ERROR_NOT_FOUND, 0,
           "category \"math\" is not in the artifact's list, which has no \"other\" either");
    refuse(model, NULL, embedding, EMBEDDING, NULL, EMBEDDING + 2, MLSEL_ERROR_NOT_FOUND, 0,
           "category \"\" is not in the artifact's list, which has no \"other\" either");
    refuse(model, NULL, embedding, EMBEDDING, "other\n\xff", EMBEDDING + 2, MLSEL_ERROR_NOT_FOUND, 0,
           "category \"other??\" is not in the artifact's list, which has no \"other\" either");
    assert_int_equal(check_vector(model, NULL, "y", 2, 1, 1), 0);
    mlsel_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),       cmocka_unit_test(other_names), cmocka_unit_test(without_model),
        cmocka_unit_test(weights),     cmocka_unit_test(with_model),  cmocka_unit_test(own_categories),
        cmocka_unit_test(in_place),    cmocka_unit_test(widths),      cmocka_unit_test(bad_values),
        cmocka_unit_test(bad_options), cmocka_unit_test(no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
