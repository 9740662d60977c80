/* SPDX-License-Identifier: Apache-2.0 */
/* The table of knn_expected.json. */
#ifndef MLSEL_TEST_KNN_TABLE_H
#define MLSEL_TEST_KNN_TABLE_H

#include "support.h"
#include "train/train.h"

/* The root of the file, to be deleted. Model names of the table live as long. */
static inline cJSON *knn_expected(void) { return test_parse_file(TEST_SOURCE_DIR "/tests/train/knn_expected.json"); }

static inline double *knn_matrix(const cJSON *node, size_t rows, size_t cols) {
    double *out = mlsel_i_alloc(rows * cols, sizeof *out);
    size_t i = 0;
    const cJSON *row;
    cJSON_ArrayForEach (row, node) {
        const cJSON *value;
        cJSON_ArrayForEach (value, row)
            out[i++] = cJSON_IsNull(value) ? (double)__builtin_nanf("") : value->valuedouble;
    }
    assert_int_equal(i, rows * cols);
    return out;
}

static inline train_table *knn_table(const cJSON *root) {
    train_table *t = mlsel_i_calloc(1, sizeof *t);
    const cJSON *x = test_need(root, "x"), *models = test_need(root, "models"), *records = test_need(root, "records");
    t->n_queries = (size_t)cJSON_GetArraySize(x);
    t->n_models = (size_t)cJSON_GetArraySize(models);
    t->n_features = (size_t)cJSON_GetArraySize(x->child);
    t->stride = (t->n_features + 15) / 16 * 16;
    t->x = mlsel_i_calloc(t->n_queries, t->stride * sizeof *t->x);
    double *values = knn_matrix(x, t->n_queries, t->n_features);
    for (size_t i = 0; i < t->n_queries * t->n_features; i++)
        t->x[i / t->n_features * t->stride + i % t->n_features] = (float)values[i];
    mlsel_i_free(values);
    t->quality = knn_matrix(test_need(root, "quality"), t->n_queries, t->n_models);
    t->latency_s = knn_matrix(test_need(root, "latency_s"), t->n_queries, t->n_models);
    t->utility = knn_matrix(test_need(root, "utility"), t->n_queries, t->n_models);
    const char **names = mlsel_i_alloc(t->n_models, sizeof *names);
    for (size_t m = 0; m < t->n_models; m++)
        names[m] = cJSON_GetArrayItem(models, (int)m)->valuestring;
    t->models = names;
    t->n_records = (size_t)cJSON_GetArraySize(records);
    t->records = mlsel_i_alloc(t->n_records, sizeof *t->records);
    size_t i = 0;
    const cJSON *record;
    cJSON_ArrayForEach (record, records) {
        const cJSON *quality = test_need(record, "quality");
        t->records[i++] =
            (table_record){.query = (uint32_t)test_need_number(record, "query"),
                           .model = (uint32_t)test_need_number(record, "model"),
                           .quality = cJSON_IsNull(quality) ? (double)__builtin_nanf("") : quality->valuedouble,
                           .latency_ms = test_need_number(record, "latency_ms")};
    }
    return t;
}

#endif
