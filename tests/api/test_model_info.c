/* SPDX-License-Identifier: Apache-2.0 */
/* What a model says about itself: info, labels, classes, clusters, categories, layers; and how long it lives. */
#include "api_support.h"

#include <stdlib.h>
#include <string.h>

/* --- known artifacts --------------------------------------------------------------------------------------------- */

typedef struct known_model {
    const char *path;
    const char *hash;   /* first column of `xxhsum -H2 FILE` (Debian package xxhash 0.8.1) */
    const char *labels; /* separated by spaces */
    mlsel_model_info info;
} known_model;

#define KNN .algorithm = MLSEL_ALGORITHM_KNN, .format_version = 1
#define KMEANS .algorithm = MLSEL_ALGORITHM_KMEANS
#define SVM(form, kernel)                                                                                              \
    .algorithm = MLSEL_ALGORITHM_SVM, .svm_form = MLSEL_SVM_FORM_##form, .svm_kernel = MLSEL_SVM_KERNEL_##kernel
#define MLP .algorithm = MLSEL_ALGORITHM_MLP, .format_version = 1

static const char four[] = "codellama-7b llama-3.2-1b llama-3.2-3b mistral-7b";

static const known_model known[] = {
    {FIXTURE("knn_defaults.json"),
     "a428aa48842c84775bc18e4bd74039af",
     "a-model b-model c-model",
     {KNN, .n_features = 7, .n_labels = 3, .n_parameters = 140, .k = 3, .n_samples = 20}},
    {FIXTURE("knn_samples.json"),
     "3760649cf35b7152b7dbe2d10f9f294c",
     "m-0 m-1 m-2 m-3",
     {KNN, .n_features = 17, .n_labels = 4, .n_categories = 14, .n_parameters = 408, .k = 4, .n_samples = 24}},
    {FIXTURE("knn_model_names.json"),
     "a287911aba388144a8e30bf4330ae5a2",
     "m-c m-unused m-a m-b m-z",
     {KNN, .n_features = 16, .n_labels = 5, .n_categories = 14, .n_parameters = 320, .k = 4, .n_samples = 20}},
    {FIXTURE("kmeans_v1_list.json"),
     "c04b2020decbb177ab5398413b640c78",
     "codellama-7b llama-3.2-1b llama-3.2-3b mistral-7b phi-3",
     {KMEANS, .format_version = 1, .n_features = 7, .n_labels = 5, .n_parameters = 42, .n_clusters = 6}},
    {FIXTURE("kmeans_v2.json"),
     "42df96b71dfd3460cad618a535b96f6e",
     four,
     {KMEANS, .format_version = 2, .n_features = 16, .n_labels = 4, .n_categories = 14, .n_parameters = 100,
      .n_clusters = 5}},
    {FIXTURE("svm_rbf_4.json"),
     "2dab3d016a7435225327b29d0613cd2d",
     four,
     {SVM(ONE_VS_ONE, RBF), .format_version = 1, .n_features = 33, .n_labels = 4, .n_categories = 14,
      .n_parameters = 1158, .n_classes = 4, .n_pairs = 6, .n_support_vectors = 32, .gamma = 0.03}},
    {FIXTURE("svm_linear_3.json"),
     "9e900736014f4dd4cd8e0792ea7ce960",
     "alpha beta gamma",
     {SVM(ONE_VS_ONE, LINEAR), .format_version = 1, .n_features = 7, .n_labels = 3, .n_parameters = 84, .n_classes = 3,
      .n_pairs = 3, .n_support_vectors = 9}},
    {FIXTURE("svm_subset_classes.json"),
     "9046881e5e60404ff865c7e97436b21d",
     "a never c d",
     {SVM(ONE_VS_ONE, RBF), .format_version = 1, .n_features = 16, .n_labels = 4, .n_categories = 14,
      .n_parameters = 381, .n_classes = 3, .n_pairs = 3, .n_support_vectors = 21, .gamma = 0.0625}},
    {FIXTURE("svm_v2.json"),
     "adfd6aa3708f3a8a511eae4c5ae7fb8a",
     "m-0 m-1 m-2",
     {SVM(ONE_VS_ONE, RBF), .format_version = 2, .n_features = 64, .n_labels = 3, .n_categories = 14,
      .n_parameters = 1191, .n_classes = 3, .n_pairs = 3, .n_support_vectors = 18, .gamma = 0.015625}},
    {FIXTURE("svm_permodel_linear.json"),
     "ca1866ead2119025385494cfbba9c3be",
     "w z x y",
     {SVM(PER_MODEL, LINEAR), .format_version = 1, .n_features = 7, .n_labels = 4, .n_parameters = 28, .n_classes = 4,
      .n_support_vectors = 4}},
    {FIXTURE("svm_permodel_rbf.json"),
     "cbaba62777c827c0e544e5968fe8bbd4",
     "north east west south",
     {SVM(PER_MODEL, RBF), .format_version = 1, .n_features = 17, .n_labels = 4, .n_categories = 14,
      .n_parameters = 234, .n_classes = 4, .n_support_vectors = 13}},
    {FIXTURE("mlp_pytorch.json"),
     "0720d708bb3b171ba2bf20b6551db79f",
     four,
     {MLP, .n_features = 64, .n_labels = 4, .n_categories = 14, .n_parameters = 2868, .n_layers = 9}},
    {FIXTURE("mlp_odd_order.json"),
     "b1d3379b10d68b40357e1338cf53732c",
     "model-0 model-1 model-2 model-3 model-4",
     {MLP, .n_features = 7, .n_labels = 5, .n_parameters = 582, .n_layers = 13}},
    {FIXTURE("mlp_null_batch_norm.json"),
     "5d9a14f6464f1e6e3b0d3d299429f6f0",
     "model-0 model-1 model-2 model-3 model-4",
     {MLP, .n_features = 16, .n_labels = 5, .n_categories = 14, .n_parameters = 464, .n_layers = 9}},
    {EXAMPLE("models/knn_model.json"),
     "1c3658930c22851739fd6ae4c97b9dde",
     four,
     {KNN, .n_features = 1038, .n_labels = 4, .n_categories = 14, .n_parameters = 41520, .k = 5, .n_samples = 40}},
    {EXAMPLE("models/kmeans_model.json"),
     "2043eb75e4d9759a2092080e2c3b2383",
     four,
     {KMEANS, .format_version = 1, .n_features = 1038, .n_labels = 4, .n_categories = 14, .n_parameters = 8304,
      .n_clusters = 8}},
    {EXAMPLE("models/svm_model.json"),
     "02590cf6eaf18440f1783a5f7fbb0844",
     four,
     {SVM(ONE_VS_ONE, RBF), .format_version = 1, .n_features = 1038, .n_labels = 4, .n_categories = 14,
      .n_parameters = 14580, .n_classes = 4, .n_pairs = 6, .n_support_vectors = 14, .gamma = 1}},
    {EXAMPLE("models/mlp_model.json"),
     "71211c8d6a0a65dbae4c7ea964f3984e",
     four,
     {MLP, .n_features = 1038, .n_labels = 4, .n_categories = 14, .n_parameters = 16892, .n_layers = 9}},
};

static mlsel_model_info info_of(const mlsel_model *model) {
    mlsel_model_info info;
    mlsel_error err = test_unset_error();
    test_fill(&info, sizeof info);
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    test_no_error(&err, "info");
    return info;
}

#define SAME(field)                                                                                                    \
    do {                                                                                                               \
        if (got.field != want.field)                                                                                   \
            fail_msg("%s: " #field " is %llu, expected %llu", path, (unsigned long long)got.field,                     \
                     (unsigned long long)want.field);                                                                  \
    } while (0)

static void check_info(const char *path, mlsel_model_info got, mlsel_model_info want) {
    assert_int_equal(got.struct_size, sizeof got);
    SAME(algorithm);
    SAME(format_version);
    SAME(n_features);
    SAME(n_labels);
    SAME(n_categories);
    SAME(category_layout);
    SAME(n_parameters);
    SAME(device_fallback);
    SAME(knn_rule);
    SAME(k);
    SAME(reserved);
    SAME(n_samples);
    SAME(n_clusters);
    SAME(svm_form);
    SAME(svm_kernel);
    SAME(n_classes);
    SAME(n_pairs);
    SAME(n_layers);
    SAME(n_support_vectors);
    test_close(got.gamma, want.gamma, 0, path);
    test_close(got.category_weight, 1, 0, path);
    assert_int_equal(got.precision, MLSEL_PRECISION_F32);
    assert_string_equal(got.device, "cpu");
    /* at least the numbers as float, and no more than a few copies in double and the bookkeeping of small models */
    assert_in_range(got.memory_bytes, 4 * want.n_parameters, 40 * want.n_parameters + 65536);
}

static void infos(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(known); i++) {
        mlsel_model *model = test_load(known[i].path, NULL);
        const mlsel_model_info info = info_of(model);
        check_info(known[i].path, info, known[i].info);
        assert_string_equal(info.content_hash, known[i].hash);
        mlsel_model_release(model);
    }
}

/* The hash is of the bytes, so one more space is another content. */
static void hashes(void **state) {
    (void)state;
    size_t size;
    char *text = test_need_file(FIXTURE("knn_defaults.json"), &size);
    mlsel_model *from_memory = NULL, *other = NULL;
    mlsel_error err;
    test_ok(mlsel_model_load_memory(text, size, NULL, &from_memory, &err), &err);
    assert_string_equal(info_of(from_memory).content_hash, "a428aa48842c84775bc18e4bd74039af");
    text[size] = ' '; /* in place of the terminator */
    test_ok(mlsel_model_load_memory(text, size + 1, NULL, &other, &err), &err);
    assert_string_not_equal(info_of(other).content_hash, "a428aa48842c84775bc18e4bd74039af");
    mlsel_model_release(from_memory);
    mlsel_model_release(other);
    free(text);
}

/* Older callers get what they have room for, newer ones what there is. */
static void sizes(void **state) {
    (void)state;
    mlsel_model *model = test_load(FIXTURE("mlp_pytorch.json"), NULL);
    const mlsel_model_info info = info_of(model);
    mlsel_layer_info layer;
    mlsel_error err;
    test_ok(mlsel_model_get_layer(model, 0, &layer, sizeof layer, &err), &err);
    assert_int_equal(layer.struct_size, sizeof layer);
    for (int which = 0; which <= 1; which++) {
        const unsigned char *full = which == 0 ? (const unsigned char *)&info : (const unsigned char *)&layer;
        const size_t full_size = which == 0 ? sizeof info : sizeof layer;
        for (size_t size = 0; size <= full_size + 16; size++) {
            unsigned char *own = malloc(size + 1);
            assert_non_null(own);
            test_fill(own, size + 1);
            const mlsel_status status = which == 0 ? mlsel_model_get_info(model, (void *)own, size, &err)
                                                   : mlsel_model_get_layer(model, 0, (void *)own, size, &err);
            const size_t filled = size < full_size ? size : full_size;
            uint32_t written;
            if (size < sizeof written) {
                assert_int_equal(status, MLSEL_ERROR_INVALID_ARGUMENT);
                test_error_sound(&err, status, "size");
                assert_non_null(strstr(err.message, "too small"));
                test_untouched(own, size + 1, "size");
            } else {
                test_ok(status, &err);
                memcpy(&written, own, sizeof written);
                assert_int_equal(written, filled);
                assert_memory_equal(own + 4, full + 4, filled - 4);
                test_untouched(own + filled, size + 1 - filled, "size");
            }
            free(own);
        }
    }
    mlsel_model_release(model);
}

/* --- names ------------------------------------------------------------------------------------------------------- */

static void labels(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(known); i++) {
        mlsel_model *model = test_load(known[i].path, NULL);
        char all[256];
        char *rest = NULL;
        int32_t index = 0;
        (void)snprintf(all, sizeof all, "%s", known[i].labels);
        for (char *name = strtok_r(all, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest), index++) {
            assert_string_equal(mlsel_model_label(model, index), name);
            assert_int_equal(mlsel_model_find_label(model, name), index);
            name[strlen(name) - 1] = '\0';
            assert_int_equal(mlsel_model_find_label(model, name), -1);
        }
        assert_int_equal(mlsel_model_label_count(model), index);
        static const int32_t none[] = {-1, INT32_MIN, INT32_MAX};
        for (size_t j = 0; j < LENGTH(none); j++)
            assert_null(mlsel_model_label(model, none[j]));
        assert_null(mlsel_model_label(model, index));
        assert_int_equal(mlsel_model_find_label(model, ""), -1);
        assert_int_equal(mlsel_model_find_label(model, "no such label"), -1);
        mlsel_model_release(model);
    }
}

/* Names are UTF-8, escapes in the artifact or not, compared byte by byte. */
static void odd_labels(void **state) {
    (void)state;
    mlsel_model *model = test_load_text("{\"algorithm\":\"knn\",\"k\":1,\"embeddings\":[[1],[2],[3]],\"labels\":["
                                        "\"\\u00e4\\ud83d\\ude00\",\"\xc3\xb6 \\\"x\\\"\\n\",\"A\"]}",
                                        NULL);
    assert_string_equal(mlsel_model_label(model, 0), "A");
    assert_string_equal(mlsel_model_label(model, 1), "\xc3\xa4\xf0\x9f\x98\x80");
    assert_string_equal(mlsel_model_label(model, 2), "\xc3\xb6 \"x\"\n");
    assert_int_equal(mlsel_model_find_label(model, "\xc3\xa4\xf0\x9f\x98\x80"), 1);
    assert_int_equal(mlsel_model_find_label(model, "a"), -1);
    mlsel_model_release(model);
}

static void check_numbers(const char *path, int32_t (*get)(const mlsel_model *, uint32_t), const int32_t *expected,
                          uint32_t count) {
    mlsel_model *model = test_load(path, NULL);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(get(model, i), expected[i]);
    assert_int_equal(get(model, count), -1);
    assert_int_equal(get(model, UINT32_MAX), -1);
    mlsel_model_release(model);
}

static void classes_and_clusters(void **state) {
    (void)state;
    check_numbers(FIXTURE("svm_subset_classes.json"), mlsel_model_class_label, (const int32_t[]){0, 2, 3}, 3);
    check_numbers(FIXTURE("svm_v2.json"), mlsel_model_class_label, (const int32_t[]){0, 1, 2}, 3);
    check_numbers(FIXTURE("svm_permodel_rbf.json"), mlsel_model_class_label, (const int32_t[]){0, 1, 2, 3}, 4);
    check_numbers(FIXTURE("knn_defaults.json"), mlsel_model_class_label, NULL, 0);
    check_numbers(FIXTURE("mlp_pytorch.json"), mlsel_model_class_label, NULL, 0);
    check_numbers(FIXTURE("kmeans_v1_list.json"), mlsel_model_cluster_label, (const int32_t[]){2, 3, 2, 1, 3, 4}, 6);
    check_numbers(FIXTURE("kmeans_v2.json"), mlsel_model_cluster_label, (const int32_t[]){0, 2, 0, 3, 1}, 5);
    check_numbers(FIXTURE("svm_v2.json"), mlsel_model_cluster_label, NULL, 0);
}

static void categories(void **state) {
    (void)state;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    for (int32_t layout = MLSEL_CATEGORIES_VSR; layout <= MLSEL_CATEGORIES_VSR_DOC; layout++) {
        options.category_layout = layout;
        mlsel_model *model = test_load(FIXTURE("mlp_pytorch.json"), &options);
        assert_int_equal(info_of(model).category_layout, layout);
        for (int32_t i = 0; i < 14; i++)
            assert_string_equal(mlsel_model_category(model, i), mlsel_category_name(layout, i));
        assert_null(mlsel_model_category(model, 14));
        assert_null(mlsel_model_category(model, -1));
        assert_null(mlsel_model_category(model, INT32_MIN));
        mlsel_model_release(model);
    }
    mlsel_model *narrow = test_load(FIXTURE("knn_defaults.json"), NULL);
    assert_null(mlsel_model_category(narrow, 0));
    mlsel_model_release(narrow);
}

/* The artifact's own list counts, whatever the options say. */
static void own_categories(void **state) {
    (void)state;
    static const char text[] = "{\"algorithm\":\"knn\",\"k\":1,\"embeddings\":[[1,0,0,0]],\"labels\":[\"a\"],"
                               "\"categories\":[\"x\",\"y\",\"other\"],\"category_weight\":0.25}";
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.category_layout = MLSEL_CATEGORIES_VSR_DOC;
    mlsel_model *model = test_load_text(text, &options);
    const mlsel_model_info info = info_of(model);
    assert_int_equal(info.n_categories, 3);
    assert_int_equal(info.category_layout, MLSEL_CATEGORIES_ARTIFACT);
    test_close(info.category_weight, 0.25, 0, "category_weight");
    assert_string_equal(mlsel_model_category(model, 0), "x");
    assert_string_equal(mlsel_model_category(model, 2), "other");
    assert_null(mlsel_model_category(model, 3));
    mlsel_model_release(model);
}

/* --- layers ------------------------------------------------------------------------------------------------------ */

static void check_layers(const char *path, const mlsel_layer_info *expected, uint32_t count) {
    mlsel_model *model = test_load(path, NULL);
    mlsel_error err;
    mlsel_layer_info got;
    for (uint32_t i = 0; i < count; i++) {
        mlsel_layer_info want = expected[i];
        want.struct_size = sizeof want;
        test_fill(&got, sizeof got);
        err = test_unset_error();
        test_ok(mlsel_model_get_layer(model, i, &got, sizeof got, &err), &err);
        test_no_error(&err, "layer");
        assert_memory_equal(&got, &want, sizeof got);
    }
    static const uint32_t beyond[] = {0, 1, UINT32_MAX};
    for (size_t i = 0; i < LENGTH(beyond); i++) {
        const uint32_t index = beyond[i] == UINT32_MAX ? UINT32_MAX : count + beyond[i];
        char message[128];
        (void)snprintf(message, sizeof message, "there is no layer %u, the model has %u", (unsigned)index,
                       (unsigned)count);
        test_fill(&got, sizeof got);
        assert_int_equal(mlsel_model_get_layer(model, index, &got, sizeof got, &err), MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, path);
        test_untouched(&got, sizeof got, path);
    }
    mlsel_model_release(model);
}

#define LINEAR(in, out, bias)                                                                                          \
    { .type = MLSEL_LAYER_LINEAR, .in_features = in, .out_features = out, .has_bias = bias }
#define NORM(width, eps)                                                                                               \
    { .type = MLSEL_LAYER_BATCH_NORM, .in_features = width, .out_features = width, .parameter = eps }
#define RELU(width)                                                                                                    \
    { .type = MLSEL_LAYER_RELU, .in_features = width, .out_features = width }
#define DROPOUT(width, p)                                                                                              \
    { .type = MLSEL_LAYER_DROPOUT, .in_features = width, .out_features = width, .parameter = p }

static void layers(void **state) {
    (void)state;
    static const mlsel_layer_info pytorch[] = {
        LINEAR(64, 32, 1), RELU(32),       NORM(32, 1e-5),   DROPOUT(32, 0.1), LINEAR(32, 16, 1),
        RELU(16),          NORM(16, 1e-5), DROPOUT(16, 0.1), LINEAR(16, 4, 1),
    };
    static const mlsel_layer_info odd[] = {
        NORM(7, 1e-5),  DROPOUT(7, 0.25), LINEAR(7, 9, 1),  LINEAR(9, 16, 1), NORM(16, 1e-5), RELU(16),      RELU(16),
        NORM(16, 1e-5), NORM(16, 1e-5),   LINEAR(16, 5, 0), LINEAR(5, 5, 1),  RELU(5),        NORM(5, 1e-5),
    };
    static const mlsel_layer_info nulls[] = {
        NORM(16, 1e-5), LINEAR(16, 12, 1), NORM(12, 0.01),  RELU(12),      LINEAR(12, 8, 1),
        NORM(8, 1e-5),  RELU(8),           LINEAR(8, 5, 1), NORM(5, 1e-5),
    };
    check_layers(FIXTURE("mlp_pytorch.json"), pytorch, LENGTH(pytorch));
    check_layers(FIXTURE("mlp_odd_order.json"), odd, LENGTH(odd));
    check_layers(FIXTURE("mlp_null_batch_norm.json"), nulls, LENGTH(nulls));
    check_layers(FIXTURE("knn_defaults.json"), NULL, 0);
    check_layers(FIXTURE("kmeans_v2.json"), NULL, 0);
    check_layers(FIXTURE("svm_v2.json"), NULL, 0);
}

/* Layers in front of the first one that says its width have it too. */
static void leading_layers(void **state) {
    (void)state;
    mlsel_model *model = test_load_text(
        "{\"algorithm\":\"mlp\",\"model_names\":[\"a\",\"b\"],\"layers\":[{\"type\":\"relu\"},{\"type\":\"dropout\"},"
        "{\"type\":\"linear\",\"weight\":[[1,2,3],[4,5,6]]},{\"type\":\"relu\"}]}",
        NULL);
    static const uint32_t widths[][2] = {{3, 3}, {3, 3}, {3, 2}, {2, 2}};
    assert_int_equal(info_of(model).n_features, 3);
    for (uint32_t i = 0; i < LENGTH(widths); i++) {
        mlsel_layer_info layer;
        mlsel_error err;
        test_ok(mlsel_model_get_layer(model, i, &layer, sizeof layer, &err), &err);
        assert_int_equal(layer.in_features, widths[i][0]);
        assert_int_equal(layer.out_features, widths[i][1]);
    }
    mlsel_model_release(model);
}

/* --- options that show ------------------------------------------------------------------------------------------- */

static void neighbours(void **state) {
    (void)state;
    static const struct {
        uint32_t asked, used;
    } cases[] = {{0, 3}, {1, 1}, {19, 19}, {20, 20}, {21, 20}, {UINT32_MAX, 20}};
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (int32_t rule = MLSEL_KNN_RULE_COSINE; rule <= MLSEL_KNN_RULE_LEGACY; rule++) {
            mlsel_model_options options;
            mlsel_model_options_init(&options, sizeof options);
            options.k = cases[i].asked;
            options.knn_rule = rule;
            mlsel_model *model = test_load(FIXTURE("knn_defaults.json"), &options);
            assert_int_equal(info_of(model).k, cases[i].used);
            assert_int_equal(info_of(model).knn_rule, rule);
            mlsel_model_release(model);
        }
    /* the other kinds ignore both */
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.k = 7;
    options.knn_rule = MLSEL_KNN_RULE_LEGACY;
    for (size_t i = 0; i < LENGTH(known); i++) {
        if (known[i].info.algorithm == MLSEL_ALGORITHM_KNN)
            continue;
        mlsel_model *model = test_load(known[i].path, &options);
        check_info(known[i].path, info_of(model), known[i].info);
        mlsel_model_release(model);
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void select_something(const mlsel_model *model) {
    static const float query[64];
    mlsel_selection selection;
    mlsel_error err;
    test_ok(mlsel_select(model, query, 64, NULL, &selection, &err), &err);
    assert_non_null(mlsel_model_label(model, selection.index));
}

/* A model lives until as many references were given back as were taken; sanitizers see it if not. */
static void references(void **state) {
    (void)state;
    enum { COUNT = 100 };
    mlsel_model *model = test_load(FIXTURE("mlp_pytorch.json"), NULL);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(mlsel_model_retain(model), model);
    const char *label = mlsel_model_label(model, 0);
    for (int i = 0; i < COUNT; i++) {
        mlsel_model_release(model);
        select_something(model);
        assert_string_equal(label, "codellama-7b");
        assert_ptr_equal(mlsel_model_label(model, 0), label);
    }
    mlsel_model_release(model);
}

/* The text that was loaded may go at once. */
static void borrowed_text(void **state) {
    (void)state;
    size_t size;
    mlsel_model *model = NULL;
    mlsel_error err = test_unset_error();
    char *text = test_need_file(FIXTURE("mlp_pytorch.json"), &size);
    test_ok(mlsel_model_load_memory(text, size, NULL, &model, &err), &err);
    test_no_error(&err, "load");
    memset(text, 0xa5, size);
    free(text);
    select_something(model);
    assert_string_equal(mlsel_model_label(model, 3), "mistral-7b");
    mlsel_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(infos),          cmocka_unit_test(hashes),         cmocka_unit_test(sizes),
        cmocka_unit_test(labels),         cmocka_unit_test(odd_labels),     cmocka_unit_test(classes_and_clusters),
        cmocka_unit_test(categories),     cmocka_unit_test(own_categories), cmocka_unit_test(layers),
        cmocka_unit_test(leading_layers), cmocka_unit_test(neighbours),     cmocka_unit_test(references),
        cmocka_unit_test(borrowed_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
