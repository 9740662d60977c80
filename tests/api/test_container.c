/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving and containers: JSON to safetensors and back answers the same to the last bit, on every instruction set; a
 * file that is loaded twice is one model; values that nobody checked do no harm; files appear complete or not at all.
 */
#include "container_file.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/fixture_cases.h"

static const char *save(const mlsel_model *model, const char *name, int32_t without_index) {
    mlsel_save_options options;
    mlsel_error err;
    const char *path = test_path(name);
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    options.without_index = without_index;
    test_ok(mlsel_model_save(model, path, &options, &err), &err);
    return path;
}

static mlsel_model_info info_of(const mlsel_model *model) {
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    return info;
}

/* --- round trips ------------------------------------------------------------------------------------------------- */

static void same_answers(const fixture_set *set, const mlsel_model *a, const mlsel_model *b, const char *what) {
    static fixture_answer first, second;
    mlsel_error err;
    for (size_t q = 0; q < set->count; q++) {
        memset(&first, 0, sizeof first);
        memset(&second, 0, sizeof second);
        const mlsel_status status = fixture_ask(a, set, q, &first, &err);
        assert_int_equal(fixture_ask(b, set, q, &second, &err), status);
        if (memcmp(&first, &second, sizeof first) != 0)
            fail_msg("%s, query %zu: %s answers otherwise", set->name, q, what);
    }
}

static void same_info(const mlsel_model *a, const mlsel_model *b) {
    const mlsel_model_info x = info_of(a), y = info_of(b);
    assert_int_equal(x.algorithm, y.algorithm);
    assert_int_equal(x.format_version, y.format_version);
    assert_int_equal(x.n_features, y.n_features);
    assert_int_equal(x.n_labels, y.n_labels);
    assert_int_equal(x.n_categories, y.n_categories);
    assert_int_equal(x.category_layout, y.category_layout);
    assert_int_equal(x.n_parameters, y.n_parameters);
    assert_int_equal(x.k, y.k);
    assert_int_equal(x.n_samples, y.n_samples);
    assert_int_equal(x.n_support_vectors, y.n_support_vectors);
    assert_int_equal(x.n_layers, y.n_layers);
    assert_true(x.gamma == y.gamma && x.category_weight == y.category_weight);
    for (uint32_t i = 0; i < x.n_labels; i++)
        assert_string_equal(mlsel_model_label(a, (int32_t)i), mlsel_model_label(b, (int32_t)i));
}

static void expect_same_files(const char *a, const char *b) {
    size_t a_size, b_size;
    char *x = test_need_file(a, &a_size), *y = test_need_file(b, &b_size);
    assert_int_equal(a_size, b_size);
    assert_memory_equal(x, y, a_size);
    free(x), free(y);
}

static void round_trip(void **state) {
    (void)state;
    size_t n_sets;
    fixture_set *sets = fixture_open_all(&n_sets);
    assert_true(n_sets > 20);
    for (size_t i = 0; i < n_sets; i++) {
        mlsel_model_options checked = sets[i].options;
        checked.check_values = 1;
        mlsel_model *json = test_load(sets[i].artifact, &sets[i].options);
        mlsel_model *mapped = test_load(save(json, "a.safetensors", 0), &sets[i].options);
        mlsel_model *plain = test_load(save(json, "plain.safetensors", 1), &checked);
        mlsel_model *back = test_load(save(mapped, "b.json", 0), &sets[i].options);
        mlsel_model *again = test_load(save(back, "c.safetensors", 0), &checked);
        const mlsel_model_info info = info_of(mapped);
        assert_int_equal(info.format, MLSEL_FORMAT_SAFETENSORS);
        assert_int_equal(info.is_mapped, 1);
        assert_int_equal(info_of(plain).has_index, 0);
        assert_int_equal(info_of(json).format, MLSEL_FORMAT_JSON);
        mlsel_model *const others[] = {mapped, plain, back, again};
        for (size_t m = 0; m < LENGTH(others); m++) {
            same_info(json, others[m]);
            same_answers(&sets[i], json, others[m], m == 2 ? "JSON" : "a container");
        }
        /* what went through JSON is the same container, and the same JSON */
        expect_same_files(test_path("a.safetensors"), test_path("c.safetensors"));
        expect_same_files(save(again, "d.json", 0), test_path("b.json"));
        mlsel_model_release(json);
        for (size_t m = 0; m < LENGTH(others); m++)
            mlsel_model_release(others[m]);
    }
    fixture_close_all(sets, n_sets);
}

/* Members that only others read are kept, with their values. */
static void kept_members(void **state) {
    (void)state;
    static const char text[] =
        "{\"algorithm\":\"kmeans\",\"num_clusters\":1,\"centroids\":[[0.1,2]],\"cluster_models\":[\"a\"],"
        "\"efficiency_weight\":0.3,\"notes\":{\"by\":\"me "
        "\\u0001\\\"\\\\\\u00e9\",\"list\":[[],{},null,true,1,2.5,\"t\"]},"
        "\"names\":[\"x\",\"y\"],\"numbers\":[[1,2],[3,4]]}";
    mlsel_model *model = test_load_text(text, NULL);
    mlsel_model *mapped = test_load(save(model, "kept.safetensors", 0), NULL);
    char *written = test_need_file(save(mapped, "kept.json", 0), NULL);
    cJSON *before = cJSON_Parse(text), *after = cJSON_Parse(written);
    assert_non_null(after);
    const cJSON *member;
    cJSON_ArrayForEach (member, before) {
        const cJSON *kept = cJSON_GetObjectItemCaseSensitive(after, member->string);
        if (!cJSON_Compare(member, kept, 1))
            fail_msg("%s was not kept", member->string);
    }
    assert_int_equal(cJSON_GetArraySize(after), cJSON_GetArraySize(before));
    cJSON_Delete(before), cJSON_Delete(after);
    free(written);
    mlsel_model_release(model);
    mlsel_model_release(mapped);
}

/* A member that mlsel does not know may be of any size, and is not carried along then. */
static void large_unknown(void **state) {
    (void)state;
    char *text = malloc(200000), *at = text;
    at += sprintf(at, "{\"algorithm\":\"kmeans\",\"centroids\":[[1,2]],\"cluster_models\":[\"a\"],\"unknown\":[0");
    for (int i = 1; i < 20000; i++)
        at += sprintf(at, ",%d", i);
    (void)sprintf(at, "],\"small\":1}");
    mlsel_model *model = test_load_text(text, NULL);
    size_t size;
    char *written = test_need_file(save(model, "unknown.json", 0), &size);
    assert_true(size < 1000);
    assert_non_null(strstr(written, "\"small\": 1"));
    assert_null(strstr(written, "unknown"));
    mlsel_model_release(model);
    free(text), free(written);
}

/* Numbers are written as they are read: the shortest text that gives the same float or double. */
static void numbers(void **state) {
    (void)state;
    static const char *const values[] = {"0.1",          "-0.0",        "1.0",        "16777216.0",
                                         "3.4028235e38", "1e-45",       "0.33333334", "1.1754944e-38",
                                         "123456.79",    "9.999999e-5", "0.0001",     "-2.5"};
    char text[1024], *at = text;
    at += sprintf(at, "{\"algorithm\":\"knn\",\"k\":1,\"labels\":[\"a\"],\"qualities\":[0.1234567890123456],"
                      "\"latencies\":[123456789012],\"embeddings\":[[");
    for (size_t i = 0; i < LENGTH(values); i++)
        at += sprintf(at, "%s%s", i == 0 ? "" : ",", values[i]);
    (void)sprintf(at, "]]}");
    mlsel_model *model = test_load_text(text, NULL);
    char *written = test_need_file(save(model, "numbers.json", 0), NULL);
    for (size_t i = 0; i < LENGTH(values); i++)
        if (strstr(written, values[i]) == NULL && i != 4 && i != 5 && i != 7) /* there a few digits more are possible */
            fail_msg("%s is not in %s", values[i], written);
    assert_non_null(strstr(written, "0.1234567890123456]"));
    assert_non_null(strstr(written, "[123456789012]"));
    /* and read back to the same floats */
    mlsel_model *back = test_load_text(written, NULL);
    container_file a, b;
    size_t a_bytes, b_bytes;
    container_of_model(model, &a);
    container_of_model(back, &b);
    const void *x = container_tensor(&a, "vectors", &a_bytes), *y = container_tensor(&b, "vectors", &b_bytes);
    assert_int_equal(a_bytes, b_bytes);
    assert_memory_equal(x, y, a_bytes);
    container_free(&a), container_free(&b);
    mlsel_model_release(model);
    mlsel_model_release(back);
    free(written);
}

/* --- the index --------------------------------------------------------------------------------------------------- */

static void large_knn(void **state) {
    (void)state;
    enum { QUERIES = 40, WIDTH = 174 };
    const bool is_fast = strcmp(test_isa(), "reference") != 0;
    mlsel_model *json = container_large_knn();
    char path[1024];
    (void)snprintf(path, sizeof path, "%s", save(json, "large.safetensors", 0));
    for (int legacy = 0; legacy <= 1; legacy++)
        for (int checked = 0; checked <= 1; checked++) {
            mlsel_model_options options;
            mlsel_error err;
            mlsel_model_options_init(&options, sizeof options);
            options.knn_rule = legacy;
            mlsel_model *expected = NULL;
            char *text = test_need_file(save(json, "large.json", 0), NULL);
            expected = test_load_text(text, &options);
            free(text);
            options.check_values = checked;
            mlsel_model *mapped = test_load(path, &options);
            const mlsel_model_info info = info_of(mapped);
            assert_int_equal(info.has_index, is_fast);
            assert_int_equal(info.values_known, !is_fast || legacy || checked);
            for (int q = 0; q < QUERIES; q++) {
                float query[WIDTH];
                mlsel_neighbour near[2][5];
                for (int i = 0; i < WIDTH; i++)
                    query[i] = (float)((i * 31 + q * 17) % 23) / 11 - 1;
                for (int m = 0; m < 2; m++) {
                    mlsel_evidence e;
                    mlsel_evidence_init(&e, sizeof e);
                    e.neighbours = near[m], e.neighbours_capacity = 5;
                    test_ok(mlsel_explain(m == 0 ? expected : mapped, query, WIDTH, NULL, &e, &err), &err);
                }
                assert_memory_equal(near[0], near[1], sizeof near[0]);
            }
            mlsel_model_release(mapped);
            mlsel_model_release(expected);
        }
    mlsel_model_release(json);
}

/* A value that is no number: no harm without a check, an error with one. */
static void unchecked_values(void **state) {
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f};
    for (size_t kind = 0; kind < 3; kind++)
        for (size_t v = 0; v < LENGTH(bad); v++) {
            container_file c;
            size_t bytes, size;
            mlsel_error err;
            mlsel_model_options options;
            mlsel_model *model =
                kind == 0 ? container_large_knn() : test_load_text(kind == 1 ? base_knn : base_svm, NULL);
            container_of_model(model, &c);
            mlsel_model_release(model);
            model = NULL;
            float *values = container_tensor(&c, kind == 2 ? "support_vectors" : "vectors", &bytes);
            for (size_t i = 0; i < bytes / sizeof *values; i += kind == 0 ? 1 + i % 3 : 1)
                values[i] = bad[v];
            unsigned char *file = container_bytes(&c, &size);
            mlsel_model_options_init(&options, sizeof options);
            if (strcmp(test_isa(), "reference") != 0 || kind == 2) {
                test_ok(mlsel_model_load_memory(file, size, NULL, &model, &err), &err);
                container_ask(model, "values that are no numbers");
                mlsel_error save_error;
                assert_int_equal(mlsel_model_save(model, test_path("no.json"), NULL, &save_error), MLSEL_ERROR_SCHEMA);
                mlsel_model_release(model);
            }
            options.check_values = 1;
            assert_int_equal(mlsel_model_load_memory(file, size, &options, &model, &err), MLSEL_ERROR_SCHEMA);
            if (kind != 2 && v < 3) { /* this rule reads all rows, and so looks at them; a hash it does not need */
                options.check_values = 0;
                options.knn_rule = MLSEL_KNN_RULE_LEGACY;
                assert_int_equal(mlsel_model_load_memory(file, size, &options, &model, &err), MLSEL_ERROR_SCHEMA);
            }
            free(file);
            container_free(&c);
        }
}

/* Estimates that are no numbers leave no candidates: then all rows are measured, and the answer is right after all. */
static void useless_index(void **state) {
    (void)state;
    enum { WIDTH = 174, BATCH = 40 };
    static float queries[BATCH * WIDTH];
    static mlsel_selection expected[BATCH], got[BATCH];
    if (strcmp(test_isa(), "reference") == 0)
        return;
    for (size_t i = 0; i < LENGTH(queries); i++)
        queries[i] = (float)(i * 37 % 41) / 20 - 1;
    for (int with_integers = 0; with_integers <= 1; with_integers++) {
        container_file c;
        size_t bytes, size;
        mlsel_error err;
        mlsel_model *model = container_large_knn(), *other = NULL;
        container_of_model(model, &c);
        float *values = container_tensor(&c, with_integers ? "mlsel_index.errors" : "mlsel_index.offsets", &bytes);
        for (size_t i = 0; i < bytes / sizeof *values; i++)
            values[i] = NAN;
        if (!with_integers) {
            char *good = c.header;
            c.header = test_replace(good, "\\\"head\\\": 160", "\\\"head\\\": 0");
            free(good);
        }
        unsigned char *file = container_bytes(&c, &size);
        mlsel_model_options options;
        mlsel_model_options_init(&options, sizeof options);
        options.threads = with_integers ? 4 : 0; /* one query is divided among them */
        test_ok(mlsel_model_load_memory(file, size, &options, &other, &err), &err);
        test_ok(mlsel_select_batch(model, queries, BATCH, WIDTH, WIDTH, NULL, expected, &err), &err);
        test_ok(mlsel_select_batch(other, queries, BATCH, WIDTH, WIDTH, NULL, got, &err), &err);
        assert_memory_equal(expected, got, sizeof expected);
        for (int q = 0; q < BATCH; q++)
            test_ok(mlsel_select(other, queries + (ptrdiff_t)q * WIDTH, WIDTH, NULL, &got[q], &err), &err);
        assert_memory_equal(expected, got, sizeof expected);
        mlsel_model_release(model);
        mlsel_model_release(other);
        free(file);
        container_free(&c);
    }
}

/* A value that is another number than the one that was written. */
static void changed_value(void **state) {
    (void)state;
    container_file c;
    size_t bytes, size;
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    container_of_text(base_kmeans, &c);
    double *centroids = container_tensor(&c, "centroids", &bytes);
    centroids[0] += 0.25;
    unsigned char *file = container_bytes(&c, &size);
    test_ok(mlsel_model_load_memory(file, size, &options, &model, &err), &err);
    mlsel_model_release(model);
    options.check_values = 1;
    assert_int_equal(mlsel_model_load_memory(file, size, &options, &model, &err), MLSEL_ERROR_SCHEMA);
    assert_non_null(strstr(err.message, "mlsel.hash"));
    free(file);
    container_free(&c);
}

/* Rows are stored with zeros up to a multiple of what kernels read at a time: anything else there would be a part of
 * the products, and is found where the values are looked at. */
static void padding(void **state) {
    (void)state;
    mlsel_model *model = container_large_knn();
    container_file c;
    size_t bytes, size;
    mlsel_error err;
    container_of_model(model, &c);
    mlsel_model_release(model);
    cJSON *header = cJSON_Parse(c.header);
    const cJSON *shape = test_need(test_need(header, "vectors"), "shape");
    const size_t stride = (size_t)cJSON_GetArrayItem(shape, 1)->valuedouble;
    cJSON_Delete(header);
    assert_true(stride > 174);
    char *hash = strstr(c.header, "\"mlsel.hash\"");
    assert_non_null(hash);
    memcpy(hash, "\"other.hash\"", strlen("\"other.hash\""));
    float *values = container_tensor(&c, "vectors", &bytes);
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = 1;
    for (int is_spoiled = 0; is_spoiled <= 1; is_spoiled++) {
        values[3 * stride + 174] = is_spoiled ? 0.5F : -0.0F;
        unsigned char *file = container_bytes(&c, &size);
        const mlsel_status status = mlsel_model_load_memory(file, size, &options, &model, &err);
        assert_int_equal(status, is_spoiled ? MLSEL_ERROR_SCHEMA : MLSEL_OK);
        if (is_spoiled)
            assert_string_equal(err.message, "vectors: row 3 is not 0 beyond its 174 columns");
        else
            mlsel_model_release(model);
        free(file);
    }
    container_free(&c);
}

/* With the stored hash gone, each part of the index must be what follows from the vectors. */
static void checked_index(void **state) {
    (void)state;
    static const char *const parts[] = {"scales",     "double_scales", "offsets", "rows",  "vectors",     "steps",
                                        "row_scales", "row_offsets",   "errors",  "sizes", "group_bounds"};
    if (strcmp(test_isa(), "reference") == 0)
        return; /* which has no index */
    mlsel_model *model = container_large_knn();
    container_file c;
    container_of_model(model, &c);
    mlsel_model_release(model);
    char *hash = strstr(c.header, "\"mlsel.hash\"");
    assert_non_null(hash);
    memcpy(hash, "\"other.hash\"", strlen("\"other.hash\""));
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = 1;
    for (size_t i = 0; i <= LENGTH(parts); i++) {
        char name[64];
        size_t bytes = 0, size;
        mlsel_error err;
        unsigned char *at = NULL;
        if (i < LENGTH(parts)) {
            (void)snprintf(name, sizeof name, "mlsel_index.%s", parts[i]);
            at = container_tensor(&c, name, &bytes);
            at += strcmp(parts[i], "vectors") == 0 ? 0 : bytes / 2;
            *at ^= 1;
        }
        unsigned char *file = container_bytes(&c, &size);
        const mlsel_status status = mlsel_model_load_memory(file, size, &options, &model, &err);
        if (status != (at == NULL ? MLSEL_OK : MLSEL_ERROR_SCHEMA))
            fail_msg("%s: %s", at == NULL ? "unchanged" : name, err.message);
        if (status == MLSEL_OK)
            mlsel_model_release(model);
        free(file);
        if (at != NULL)
            *at ^= 1;
    }
    container_free(&c);
}

/* --- sharing ----------------------------------------------------------------------------------------------------- */

static void sharing(void **state) {
    (void)state;
    mlsel_model *model = test_load_text(base_knn, NULL);
    const char *path = save(model, "shared.safetensors", 0);
    size_t size;
    mlsel_error err;
    char *bytes = test_need_file(path, &size);
    mlsel_model *first = test_load(path, NULL), *second = test_load(path, NULL), *memory[2];
    for (int i = 0; i < 2; i++)
        test_ok(mlsel_model_load_memory(bytes, size, NULL, &memory[i], &err), &err);
    assert_ptr_equal(mlsel_model_label(first, 0), mlsel_model_label(second, 0));
    assert_ptr_equal(mlsel_model_label(memory[0], 0), mlsel_model_label(memory[1], 0));
    assert_true(mlsel_model_label(first, 0) != mlsel_model_label(memory[0], 0));
    assert_int_equal(info_of(memory[0]).is_mapped, 0);
    assert_string_equal(info_of(first).content_hash, info_of(memory[0]).content_hash);
    /* a new file in its place is another one, and the old one still answers */
    const char *replaced = save(model, "shared.safetensors", 0);
    mlsel_model *third = test_load(replaced, NULL);
    assert_true(mlsel_model_label(first, 0) != mlsel_model_label(third, 0));
    container_ask(first, "a replaced file");
    unlink(replaced);
    container_ask(third, "a removed file");
    mlsel_model *const all[] = {model, first, second, third, memory[0], memory[1]};
    for (size_t i = 0; i < LENGTH(all); i++)
        mlsel_model_release(all[i]);
    free(bytes);
}

/* --- files ------------------------------------------------------------------------------------------------------- */

static size_t count_files(void) {
    size_t count = 0;
    DIR *folder = opendir(test_folder());
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void saving(void **state) {
    (void)state;
    mlsel_model *model = test_load_text(base_mlp, NULL);
    mlsel_save_options options;
    mlsel_error err;
    char path[1024];
    (void)snprintf(path, sizeof path, "%s", test_write("taken.json", "mine", 4));
    const size_t files = count_files();
    assert_int_equal(mlsel_model_save(model, path, NULL, &err), MLSEL_ERROR_IO);
    assert_int_equal(err.detail, EEXIST);
    assert_non_null(strstr(err.message, "exists already"));
    char *text = test_need_file(path, NULL);
    assert_string_equal(text, "mine");
    free(text);
    assert_int_equal(mlsel_model_save(model, test_path("no-such/x.json"), NULL, &err), MLSEL_ERROR_IO);
    assert_int_equal(err.detail, ENOENT);
    assert_non_null(strstr(err.message, "folder does not exist"));
    assert_int_equal(mlsel_model_save(model, test_path("x.onnx"), NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_model_save(model, test_path(".json"), NULL, &err), MLSEL_OK);
    unlink(test_path(".json"));
    mlsel_save_options_init(&options, sizeof options);
    options.format = 3;
    assert_int_equal(mlsel_model_save(model, path, &options, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    options.format = MLSEL_FORMAT_SAFETENSORS; /* wins over the name */
    options.replace = 1;
    test_ok(mlsel_model_save(model, path, &options, &err), &err);
    mlsel_model *loaded = test_load(path, NULL);
    assert_int_equal(info_of(loaded).format, MLSEL_FORMAT_SAFETENSORS);
    assert_int_equal(count_files(), files); /* nothing is left beside it */
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0600, 0600);
    mlsel_model_release(loaded);
    mlsel_model_release(model);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(mlsel_format_name(MLSEL_FORMAT_JSON), "json");
    assert_string_equal(mlsel_format_name(MLSEL_FORMAT_SAFETENSORS), "safetensors");
    assert_string_equal(mlsel_format_name(0), "unknown");
    assert_string_equal(mlsel_format_name(3), "unknown");
    assert_string_equal(mlsel_format_name(-1), "unknown");
}

int main(void) {
    if (!test_has_isa())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),    cmocka_unit_test(kept_members), cmocka_unit_test(large_unknown),
        cmocka_unit_test(numbers),       cmocka_unit_test(large_knn),    cmocka_unit_test(unchecked_values),
        cmocka_unit_test(checked_index), cmocka_unit_test(padding),      cmocka_unit_test(sharing),
        cmocka_unit_test(saving),        cmocka_unit_test(names),        cmocka_unit_test(useless_index),
        cmocka_unit_test(changed_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
