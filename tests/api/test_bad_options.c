/* SPDX-License-Identifier: Apache-2.0 */
/* Option structs of other versions and of callers who set nothing, values that no enumeration has, evidence without
 * room. */
#include "ask.h"
#include "bad_artifact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float query[3] = {1, 0, 0};
static const double query_f64[3] = {1, 0, 0};

/* --- structs that grow ------------------------------------------------------------------------------------------- */

/* A call with an option struct of some size; what it writes is at output. */
typedef struct option_call {
    const char *name;
    size_t size; /* of the struct as this header has it */
    mlsel_status (*call)(const void *options, mlsel_error *err);
} option_call;

static mlsel_model *model;
static unsigned char output[sizeof(mlsel_evidence) + 64];

static mlsel_status load(const void *options, mlsel_error *err) {
    mlsel_model *loaded;
    memcpy(&loaded, output, sizeof loaded);
    const mlsel_status status = mlsel_model_load_memory(base_knn, strlen(base_knn), options, &loaded, err);
    if (status == MLSEL_OK)
        mlsel_model_release(loaded);
    else
        memcpy(output, &loaded, sizeof loaded);
    return status;
}

static mlsel_status load_file(const void *options, mlsel_error *err) {
    mlsel_model *loaded;
    memcpy(&loaded, output, sizeof loaded);
    const mlsel_status status = mlsel_model_load(EXAMPLE("models/kmeans_model.json"), options, &loaded, err);
    if (status == MLSEL_OK)
        mlsel_model_release(loaded);
    else
        memcpy(output, &loaded, sizeof loaded);
    return status;
}

static mlsel_status choose(const void *options, mlsel_error *err) {
    return mlsel_select(model, query, 3, options, (mlsel_selection *)(void *)output, err);
}

static mlsel_status score(const void *options, mlsel_error *err) {
    return mlsel_score(model, query, 3, options, (double *)(void *)output, 2, err);
}

static mlsel_status compose(const void *options, mlsel_error *err) {
    return mlsel_features_compose(NULL, options, query, 3, "math", (float *)(void *)output, 17, NULL, err);
}

static const option_call option_calls[] = {
    {"mlsel_model_options", sizeof(mlsel_model_options), load},
    {"mlsel_model_options", sizeof(mlsel_model_options), load_file},
    {"mlsel_query_options", sizeof(mlsel_query_options), choose},
    {"mlsel_query_options", sizeof(mlsel_query_options), score},
    {"mlsel_features_options", sizeof(mlsel_features_options), compose},
};

static int set_up(void **state) {
    (void)state;
    model = test_load_text(base_knn, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mlsel_model_release(model);
    return 0;
}

/* A struct of `size` bytes in memory of exactly that size, zero but for struct_size. */
static unsigned char *sized(uint32_t size, uint32_t written) {
    unsigned char *options = calloc(1, size);
    assert_non_null(options);
    memcpy(options, &written, sizeof written);
    return options;
}

static void refuse_size(const option_call *c, const void *options, const char *message) {
    mlsel_error err = test_unset_error();
    test_fill(output, sizeof output);
    test_quiet_begin();
    const mlsel_status status = c->call(options, &err);
    test_quiet_end(message);
    assert_int_equal(status, MLSEL_ERROR_INVALID_ARGUMENT);
    test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, c->name);
    assert_int_equal(c->call(options, NULL), MLSEL_ERROR_INVALID_ARGUMENT);
    test_untouched(output, sizeof output, message);
}

static void unset_size(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(option_calls); i++) {
        const option_call *c = &option_calls[i];
        char message[256];
        (void)snprintf(message, sizeof message, "%s: struct_size is not set (use %s_init)", c->name, c->name);
        for (uint32_t written = 0; written < 4; written++) {
            unsigned char *options = sized((uint32_t)c->size, written);
            refuse_size(c, options, message);
            free(options);
        }
        (void)snprintf(message, sizeof message, "%s: struct_size is 2779096485, which no struct has (use %s_init)",
                       c->name, c->name);
        unsigned char *options = sized((uint32_t)c->size, 0xa5a5a5a5u);
        refuse_size(c, options, message);
        free(options);
    }
}

/* Callers compiled against an older version, with fewer fields: the others have their defaults and are not read. */
static void shorter(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(option_calls); i++)
        for (uint32_t size = 4; size <= option_calls[i].size; size += 4) {
            mlsel_error err;
            unsigned char *options = sized(size, size);
            test_ok(option_calls[i].call(options, &err), &err);
            free(options);
        }
}

/* Callers of a later version: fine as long as they leave what is unknown here at its default. */
static void longer(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(option_calls); i++) {
        const option_call *c = &option_calls[i];
        const uint32_t size = (uint32_t)c->size + 16;
        char message[256];
        mlsel_error err;
        unsigned char *options = sized(size, size);
        test_ok(c->call(options, &err), &err);
        (void)snprintf(message, sizeof message,
                       "%s: a field that this version of the library does not know is set (bytes %zu to %zu)", c->name,
                       c->size, c->size + 15);
        for (size_t at = c->size; at < size; at++) {
            options[at] = 1;
            refuse_size(c, options, message);
            options[at] = 0;
        }
        free(options);
    }
}

/* The init functions: all zero but the size, nothing beyond it, nothing for a NULL or a size that cannot be one. */
static void init_functions(void **state) {
    (void)state;
    unsigned char bytes[256];
    for (size_t size = 0; size <= 128; size += 4)
        for (int which = 0; which < 4; which++) {
            memset(bytes, 0xa5, sizeof bytes);
            void *struct_at = bytes;
            if (which == 0)
                mlsel_model_options_init(struct_at, size);
            else if (which == 1)
                mlsel_query_options_init(struct_at, size);
            else if (which == 2)
                mlsel_features_options_init(struct_at, size);
            else
                mlsel_evidence_init(struct_at, size);
            uint32_t written;
            memcpy(&written, bytes, sizeof written);
            if (size > 0)
                assert_int_equal(written, size);
            for (size_t i = 4; i < size; i++)
                assert_int_equal(bytes[i], 0);
            test_untouched(bytes + size, sizeof bytes - size, "init");
        }
}

/* --- values that no enumeration has ------------------------------------------------------------------------------ */

static void refuse_load(mlsel_model_options options, mlsel_status expected, const char *message) {
    mlsel_error err = test_unset_error();
    mlsel_model *out;
    test_fill(&out, sizeof out);
    assert_int_equal(mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &out, &err), expected);
    test_error(&err, expected, 0, message, message);
    test_untouched(&out, sizeof out, message);
    err = test_unset_error();
    assert_int_equal(mlsel_model_load(EXAMPLE("models/knn_model.json"), &options, &out, &err), expected);
    test_error_sound(&err, expected, message);
    assert_non_null(strstr(err.message, message));
    test_untouched(&out, sizeof out, message);
}

static void bad_enumerations(void **state) {
    (void)state;
    mlsel_model_options fine;
    mlsel_model_options_init(&fine, sizeof fine);
    static const int32_t rules[] = {-1, 4, INT32_MAX, INT32_MIN}, precisions[] = {-1, 5, INT32_MAX, INT32_MIN},
                         layouts[] = {-1, MLSEL_CATEGORIES_ARTIFACT, 3, INT32_MAX, INT32_MIN};
    char message[128];
    for (size_t i = 0; i < LENGTH(rules); i++) {
        mlsel_model_options options = fine;
        options.knn_rule = rules[i];
        (void)snprintf(message, sizeof message, "knn_rule %d is none", (int)rules[i]);
        refuse_load(options, MLSEL_ERROR_INVALID_ARGUMENT, message);
    }
    for (size_t i = 0; i < LENGTH(precisions); i++) {
        mlsel_model_options options = fine;
        options.precision = precisions[i];
        (void)snprintf(message, sizeof message, "precision %d is none", (int)precisions[i]);
        refuse_load(options, MLSEL_ERROR_INVALID_ARGUMENT, message);
    }
    for (size_t i = 0; i < LENGTH(layouts); i++) {
        mlsel_model_options options = fine;
        options.category_layout = layouts[i];
        (void)snprintf(message, sizeof message, "category_layout %d is none", (int)layouts[i]);
        refuse_load(options, MLSEL_ERROR_INVALID_ARGUMENT, message);
    }
}

/* What has no lower precision says so; an MLP has all of them, but for weights that do not fit. */
static void precisions(void **state) {
    (void)state;
    static const mlsel_precision lower[] = {MLSEL_PRECISION_F16, MLSEL_PRECISION_BF16, MLSEL_PRECISION_INT8};
    static const char *const others[] = {"knn", "kmeans", "svm"};
    const char *const texts[] = {base_knn, base_kmeans, base_svm};
    mlsel_model_options options;
    mlsel_model *out;
    char message[200];
    mlsel_model_options_init(&options, sizeof options);
    for (size_t i = 0; i < LENGTH(lower); i++) {
        options.precision = lower[i];
        for (size_t t = 0; t < LENGTH(texts); t++) {
            mlsel_error err = test_unset_error();
            (void)snprintf(message, sizeof message,
                           "precision %s is not available for %s on device \"cpu\", which has it for mlp only: use f32",
                           mlsel_precision_name(lower[i]), others[t]);
            test_fill(&out, sizeof out);
            assert_int_equal(mlsel_model_load_memory(texts[t], strlen(texts[t]), &options, &out, &err),
                             MLSEL_ERROR_UNSUPPORTED);
            test_error(&err, MLSEL_ERROR_UNSUPPORTED, 0, message, message);
            test_untouched(&out, sizeof out, message);
        }
        mlsel_model_release(test_load_text(base_mlp, &options));
    }
    options.precision = MLSEL_PRECISION_F32;
    mlsel_model_release(test_load_text(base_knn, &options));
}

/* An MLP with one layer of one large weight. */
static void refuse_weight(const char *weight, mlsel_precision precision, const char *message) {
    char text[512];
    mlsel_model_options options;
    mlsel_model *out;
    mlsel_error err = test_unset_error();
    (void)snprintf(
        text, sizeof text,
        "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[\"a\",\"b\"],\"feature_dim\":2,\"n_classes\":2,"
        "\"hidden_sizes\":[],\"dropout\":0,\"layers\":[{\"type\":\"relu\"},{\"type\":\"linear\",\"in_features\":2,"
        "\"out_features\":2,\"weight\":[[1,2],[3,%s]]}]}",
        weight);
    mlsel_model_options_init(&options, sizeof options);
    mlsel_model_release(test_load_text(text, &options));
    options.precision = precision;
    test_fill(&out, sizeof out);
    const mlsel_status status = mlsel_model_load_memory(text, strlen(text), &options, &out, &err);
    if (message == NULL) {
        test_ok(status, &err);
        mlsel_model_release(out);
        return;
    }
    assert_int_equal(status, MLSEL_ERROR_UNSUPPORTED);
    test_error(&err, MLSEL_ERROR_UNSUPPORTED, 0, message, message);
    test_untouched(&out, sizeof out, message);
}

static void weights_out_of_range(void **state) {
    (void)state;
    refuse_weight("65519", MLSEL_PRECISION_F16, NULL);
    refuse_weight(
        "-65520", MLSEL_PRECISION_F16,
        "precision f16: $.layers[1].weight holds a magnitude of 65520, beyond the format's range: use bf16 or f32");
    refuse_weight("65520", MLSEL_PRECISION_BF16, NULL);
    refuse_weight(
        "3.4e38", MLSEL_PRECISION_BF16,
        "precision bf16: $.layers[1].weight holds a magnitude of 3.4e+38, beyond the format's range: use f32");
    refuse_weight("3.4e38", MLSEL_PRECISION_INT8, NULL);
}

/* --- evidence ---------------------------------------------------------------------------------------------------- */

typedef struct evidence_case {
    const char *base;
    size_t n_features;
    const char *name; /* of the array */
    size_t needed;
} evidence_case;

static const evidence_case evidence_cases[] = {
    {base_knn, 3, "scores", 2},
    {base_knn, 3, "probabilities", 2},
    {base_knn, 3, "neighbours", 2},
    {base_samples, 2, "neighbours", 1},
    {base_kmeans, 2, "scores", 3},
    {base_kmeans, 2, "cluster_distances", 2},
    {base_kmeans_v2, 2, "cluster_distances", 2},
    {base_svm, 2, "pair_decisions", 3},
    {base_svm, 2, "votes", 3},
    {base_svm_v2, 2, "pair_decisions", 1},
    {base_svm_linear, 2, "scores", 3},
    {base_mlp, 3, "scores", 2},
    {base_mlp, 3, "probabilities", 2},
};

/* Points one array of the evidence, by its name, at `room` with a capacity. */
static void set_array(mlsel_evidence *e, const char *name, void *room, size_t capacity) {
    if (strcmp(name, "scores") == 0)
        e->scores = room, e->scores_capacity = capacity;
    else if (strcmp(name, "probabilities") == 0)
        e->probabilities = room, e->probabilities_capacity = capacity;
    else if (strcmp(name, "neighbours") == 0)
        e->neighbours = room, e->neighbours_capacity = capacity;
    else if (strcmp(name, "cluster_distances") == 0)
        e->cluster_distances = room, e->cluster_distances_capacity = capacity;
    else if (strcmp(name, "pair_decisions") == 0)
        e->pair_decisions = room, e->pair_decisions_capacity = capacity;
    else
        e->votes = room, e->votes_capacity = capacity;
}

static void small_arrays(void **state) {
    (void)state;
    static mlsel_neighbour room[8];
    for (size_t i = 0; i < LENGTH(evidence_cases); i++) {
        const evidence_case *c = &evidence_cases[i];
        mlsel_model *other = test_load_text(c->base, NULL);
        mlsel_error err;
        mlsel_evidence e;
        for (size_t capacity = 0; capacity <= c->needed; capacity++) {
            char message[128];
            mlsel_evidence_init(&e, sizeof e);
            set_array(&e, c->name, room, capacity);
            const mlsel_evidence before = e;
            test_fill(room, sizeof room);
            const mlsel_status status = mlsel_explain(other, query, c->n_features, NULL, &e, &err);
            if (capacity == c->needed) {
                test_ok(status, &err);
                continue;
            }
            (void)snprintf(message, sizeof message, "%s_capacity is %zu, %zu are needed", c->name, capacity, c->needed);
            assert_int_equal(status, MLSEL_ERROR_INVALID_ARGUMENT);
            test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, message);
            assert_int_equal(mlsel_explain_f64(other, query_f64, c->n_features, NULL, &e, &err),
                             MLSEL_ERROR_INVALID_ARGUMENT);
            test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, message);
            assert_memory_equal(&e, &before, sizeof e);
            test_untouched(room, sizeof room, message);
        }
        mlsel_model_release(other);
    }
}

/* An array that does not apply to the algorithm may have any capacity; it is left alone. */
static void arrays_that_do_not_apply(void **state) {
    (void)state;
    static const struct {
        const char *base, *name;
        size_t n_features;
    } cases[] = {
        {base_knn, "cluster_distances", 3},
        {base_knn, "pair_decisions", 3},
        {base_knn, "votes", 3},
        {base_kmeans, "neighbours", 2},
        {base_kmeans, "votes", 2},
        {base_svm, "neighbours", 2},
        {base_svm, "cluster_distances", 2},
        {base_svm_linear, "pair_decisions", 2},
        {base_svm_linear, "votes", 2},
        {base_mlp, "neighbours", 3},
        {base_mlp, "cluster_distances", 3},
        {base_mlp, "votes", 3},
    };
    static mlsel_neighbour room[8];
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (size_t capacity = 0; capacity <= LENGTH(room); capacity += LENGTH(room)) {
            mlsel_model *other = test_load_text(cases[i].base, NULL);
            mlsel_error err;
            mlsel_evidence e;
            mlsel_evidence_init(&e, sizeof e);
            set_array(&e, cases[i].name, room, capacity);
            test_fill(room, sizeof room);
            test_ok(mlsel_explain(other, query, cases[i].n_features, NULL, &e, &err), &err);
            test_untouched(room, sizeof room, cases[i].name);
            mlsel_model_release(other);
        }
}

static void evidence_sizes(void **state) {
    (void)state;
    mlsel_error err;
    double scores[2];
    test_fill(scores, sizeof scores);
    for (uint32_t written = 0; written < 4; written++) {
        mlsel_evidence e;
        mlsel_evidence_init(&e, sizeof e);
        set_array(&e, "scores", scores, 2);
        e.struct_size = written;
        const mlsel_evidence before = e;
        assert_int_equal(mlsel_explain(model, query, 3, NULL, &e, &err), MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0,
                   "mlsel_evidence: struct_size is not set (use mlsel_evidence_init)", "evidence");
        assert_memory_equal(&e, &before, sizeof e);
    }
    mlsel_evidence reserved;
    mlsel_evidence_init(&reserved, sizeof reserved);
    set_array(&reserved, "scores", scores, 2);
    reserved.reserved = 1;
    assert_int_equal(mlsel_explain(model, query, 3, NULL, &reserved, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, "mlsel_evidence: reserved must be 0", "evidence");
    test_untouched(scores, sizeof scores, "evidence");
    /* an older caller's struct, in exactly its memory, is filled as far as it goes and keeps its size */
    for (uint32_t size = 4; size <= sizeof(mlsel_evidence); size += 4) {
        unsigned char *older = sized(size, size);
        test_ok(mlsel_explain(model, query, 3, NULL, (mlsel_evidence *)(void *)older, &err), &err);
        uint32_t kept;
        memcpy(&kept, older, sizeof kept);
        assert_int_equal(kept, size);
        mlsel_evidence e;
        memset(&e, 0, sizeof e);
        memcpy(&e, older, size);
        if (size >= offsetof(mlsel_evidence, selection) + sizeof e.selection)
            assert_int_equal(e.selection.index, mlsel_model_find_label(model, "a"));
        if (size >= offsetof(mlsel_evidence, neighbour_count) + sizeof e.neighbour_count)
            assert_int_equal(e.neighbour_count, 2);
        free(older);
    }
    /* a newer caller's: what is unknown here must be zero, and stays */
    const uint32_t size = sizeof(mlsel_evidence) + 8;
    unsigned char *newer = sized(size, size);
    test_ok(mlsel_explain(model, query, 3, NULL, (mlsel_evidence *)(void *)newer, &err), &err);
    uint32_t kept;
    memcpy(&kept, newer, sizeof kept);
    assert_int_equal(kept, size);
    memset(newer + 4, 0, size - 4);
    newer[size - 1] = 1;
    unsigned char *before = test_copy(newer, size);
    assert_int_equal(mlsel_explain(model, query, 3, NULL, (mlsel_evidence *)(void *)newer, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    assert_memory_equal(newer, before, size);
    free(before);
    free(newer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unset_size),
        cmocka_unit_test(shorter),
        cmocka_unit_test(longer),
        cmocka_unit_test(init_functions),
        cmocka_unit_test(bad_enumerations),
        cmocka_unit_test(precisions),
        cmocka_unit_test(weights_out_of_range),
        cmocka_unit_test(small_arrays),
        cmocka_unit_test(arrays_that_do_not_apply),
        cmocka_unit_test(evidence_sizes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
