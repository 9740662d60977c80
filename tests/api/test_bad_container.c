/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers with one thing wrong: every field of the header and the metadata, every table that is used as an index,
 * files cut at each byte, files with each bit turned. What is refused names what is wrong; what is not refused answers.
 */
#include "container_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void refuse_bytes(const char *name, const unsigned char *bytes, size_t size, mlsel_status status,
                         const char *message) {
    mlsel_error err;
    unsigned char *exact = test_copy(bytes, size);
    refuse_artifact(name, exact, size, NULL, status, &err);
    if (message != NULL && strstr(err.message, message) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", name, message, err.message);
    free(exact);
}

static void refuse_container(const char *name, const container_file *c, mlsel_status status, const char *message) {
    size_t size;
    unsigned char *bytes = container_bytes(c, &size);
    refuse_bytes(name, bytes, size, status, message);
    free(bytes);
}

/* --- the header -------------------------------------------------------------------------------------------------- */

#define P MLSEL_ERROR_PARSE
#define S MLSEL_ERROR_SCHEMA

/* The header of base with one piece of its text replaced. */
static const struct {
    const char *base;
    const char *from; /* occurs once */
    const char *to;
    mlsel_status status;
    const char *message;
} headers[] = {
    /* the header itself */
    {base_knn, "{\"__metadata__\": {", "{\"__metadata__\": {,", P, "safetensors header: "},
    {base_knn, "{\"__metadata__\": {", "{\"__metadata__\": [{", P, "safetensors header: "},
    {base_knn, "\"__metadata__\": {", "\"other\": {", S, "not of mlsel"},
    {base_knn, "{\"__metadata__\": {", "{\"x\":1,\"__metadata__\": {", S, "tensor \"x\""},
    {base_knn, "{\"__metadata__\": {", "{\"__metadata__\": {\"a\":1,", S, "\"a\" must be a string"},
    {base_knn, "{\"__metadata__\": {", "{\"__metadata__\": {\"mlsel.format\":\"1\",", S, "duplicate key"},
    {base_knn, "\"qualities\": {", "\"vector_rows\": {", S, "duplicate key"},
    /* metadata */
    {base_knn, "\"mlsel.format\": \"1\"", "\"mlsel.format\": \"2\"", MLSEL_ERROR_VERSION, "reads 1"},
    {base_knn, "\"mlsel.format\": \"1\"", "\"mlsel.format\": \"\"", MLSEL_ERROR_VERSION, "reads 1"},
    {base_knn, "\"mlsel.format\"", "\"mlsel.formatt\"", S, "not of mlsel"},
    {base_knn, "\"mlsel.artifact\"", "\"mlsel.artefact\"", S, "mlsel.artifact"},
    {base_knn, "\"mlsel.artifact\": \"{", "\"mlsel.artifact\": \"[", P, "mlsel.artifact: "},
    {base_knn, "\"mlsel.artifact\": \"{", "\"mlsel.artifact\": \"1{", P, "mlsel.artifact: "},
    {base_knn, "\"mlsel.artifact\": \"", "\"mlsel.artifact\": \"[]\",\"x\": \"", S, "mlsel.artifact must be an object"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"[]\"", S, "mlsel.columns must be an object"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\"", P, "mlsel.columns: "},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\\\"x\\\":1}\"", S, "not there"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\\\"vectors\\\":0}\"", S, "does not fit"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\\\"vectors\\\":4}\"", S, "does not fit"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\\\"vectors\\\":2.5}\"", S, "does not fit"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\\\"vectors\\\":\\\"3\\\"}\"", S, "does not fit"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\\\"qualities\\\":1}\"", S, "does not fit"},
    {base_knn, "\"mlsel.columns\": \"{}\"", "\"mlsel.columns\": \"{\\\"vectors\\\":2}\"", S, "feature_dim"},
    {base_knn, "\"mlsel.hash\": \"", "\"mlsel.hash\": \"0", S, "32 hexadecimal digits"},
    {base_knn, "\"mlsel.hash\": \"", "\"mlsel.hash\": \"\",\"x\": \"", S, "32 hexadecimal digits"},
    /* the document */
    {base_knn, "\\\"algorithm\\\": \\\"knn\\\"", "\\\"algorithm\\\": \\\"hnsw\\\"", MLSEL_ERROR_UNSUPPORTED, "hnsw"},
    {base_knn, "\\\"algorithm\\\": \\\"knn\\\"", "\\\"algorithm\\\": \\\"mlp\\\"", S, "$.layers"},
    {base_knn, "\\\"algorithm\\\": \\\"knn\\\"", "\\\"algorithm\\\": \\\"svm\\\"", MLSEL_ERROR_NOT_TRAINED, "$ has"},
    {base_knn, "\\\"algorithm\\\": \\\"knn\\\"", "\\\"algorithm\\\": 1", S, "$.algorithm"},
    {base_knn, "\\\"k\\\": 2", "\\\"k\\\": 0", S, "$.k"},
    {base_knn, "\\\"k\\\": 2", "\\\"k\\\": 2.5", S, "$.k"},
    {base_knn, "\\\"k\\\": 2", "\\\"kk\\\": 2", S, "$.k is missing"},
    {base_knn, "\\\"feature_dim\\\": 3", "\\\"feature_dim\\\": 4", S, "$.feature_dim"},
    {base_knn, "\\\"num_samples\\\": 3", "\\\"num_samples\\\": 4", S, "$.num_samples"},
    {base_knn, "\\\"model_names\\\": [\\\"b\\\",\\\"a\\\"", "\\\"model_names\\\": [\\\"b\\\",\\\"b\\\"", S, "twice"},
    {base_knn, "\\\"model_names\\\": [\\\"b\\\",\\\"a\\\"", "\\\"model_names\\\": [\\\"b\\\",\\\"\\\"", S, "empty"},
    {base_knn, "\\\"model_names\\\": [\\\"b\\\",\\\"a\\\"", "\\\"model_names\\\": [\\\"b\\\"", S, "none of the labels"},
    {base_knn, "\\\"model_names\\\": [\\\"b\\\",\\\"a\\\"", "\\\"names\\\": [\\\"b\\\",\\\"a\\\"", S, "model_names"},
    {base_knn, "\\\"model_names\\\": [", "\\\"vectors\\\": 1,\\\"model_names\\\": [", S, "such a member"},
    /* a tensor's entry */
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",", "\"qualities\": {", S, "dtype, shape and data_offsets"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\"", "\"qualities\": {\"dtype\": \"F32\"", S, "expected F64"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\"", "\"qualities\": {\"dtype\": \"BOOL\"", S, "expected F64"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\"", "\"qualities\": {\"dtype\": 64", S, "dtype"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\"", "\"qualities\": {\"x\": 1,\"dtype\": \"F64\"", S, "nothing else"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]", "\"qualities\": {\"dtype\": \"F64\",\"shape\": []",
     S, "shape"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]", "\"qualities\": {\"dtype\": \"F64\",\"shape\": [4]",
     S, "do not agree"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]", "\"qualities\": {\"dtype\": \"F64\",\"shape\": [0]",
     S, "shape"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]",
     "\"qualities\": {\"dtype\": \"F64\",\"shape\": [-3]", S, "shape"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]",
     "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3.5]", S, "shape"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]",
     "\"qualities\": {\"dtype\": \"F64\",\"shape\": [1e300]", S, "shape"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]",
     "\"qualities\": {\"dtype\": \"F64\",\"shape\": [\"3\"]", S, "shape"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]",
     "\"qualities\": {\"dtype\": \"F64\",\"shape\": [1,3]", S, "expected"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]",
     "\"qualities\": {\"dtype\": \"F64\",\"shape\": [1,1,3]", S, "shape"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]",
     "\"qualities\": {\"dtype\": \"F64\",\"shape\": [4503599627370496,4503599627370496]", S, "do not agree"},
    {base_knn, "\"qualities\": {\"dtype\": \"F64\",\"shape\": [3]", "\"qualities\": {\"dtype\": \"F64\",\"shape\": 3",
     S, "shape"},
    {base_knn, "\"vectors\": {\"dtype\": \"F32\",\"shape\": [3,3]", "\"vectors\": {\"dtype\": \"F32\",\"shape\": [9]",
     S, "$.vectors"},
    {base_knn, "\"vectors\": {\"dtype\": \"F32\",\"shape\": [3,3]", "\"vectors\": {\"dtype\": \"F32\",\"shape\": [1,9]",
     S, "$.feature_dim"},
    {base_knn, "\"qualities\": {", "\"nowhere.qualities\": {", S, "no object"},
    {base_knn, "\"qualities\": {", "\"model_names.0.x\": {", S, "no object"},
    {base_knn, "\"qualities\": {", "\"\": {", S, "no object"},
    {base_knn, "\"qualities\": {", "\"mlsel_index.\": {", S, "no object"},
    {base_knn, "\"qualities\": {", "\".qualities\": {", S, "no object"},
    {base_knn, "\"latencies\": {", "\"latency\": {", S, "\"latencies\" in $ is missing"},
    {base_knn, "\"qualities\": {", "\"quality\": {", S, "\"qualities\" is missing"},
    /* the index */
    {base_knn, "\\\"version\\\": 1", "\\\"version\\\": 0", S, "mlsel_index.version"},
    {base_knn, "\\\"version\\\": 1", "\\\"versions\\\": 1", S, "mlsel_index.version"},
    {base_knn, "\\\"head\\\": 0", "\\\"head\\\": -1", S, "mlsel_index.head"},
    {base_knn, "\\\"head\\\": 0", "\\\"head\\\": 3", S, "group_start"},
    {base_knn, "\\\"head\\\": 0", "\\\"head\\\": 4", S, "does not fit vectors"},
    {base_knn, "\\\"max_norm\\\": ", "\\\"max_norm\\\": \\\"\\\",\\\"x\\\": ", S, "mlsel_index.max_norm"},
    {base_knn, "\\\"max_norm\\\": ", "\\\"max_norm\\\": 1e300,\\\"x\\\": ", S, "mlsel_index.max_norm"},
    {base_knn, "\"mlsel_index.scales\": {", "\"mlsel_index.scale\": {", S, "\"scales\" in $.mlsel_index is missing"},
    /* outcomes */
    {base_outcomes, "\"outcomes.quality\": {\"dtype\": \"F64\"", "\"outcomes.quality\": {\"dtype\": \"F32\"", S,
     "expected F64"},
    {base_outcomes, "\"outcomes.quality\": {\"dtype\": \"F64\",\"shape\": [3,3]",
     "\"outcomes.quality\": {\"dtype\": \"F64\",\"shape\": [9]", S, "$.outcomes.quality must be a list of rows"},
    {base_outcomes, "\"outcomes.quality\": {\"dtype\": \"F64\",\"shape\": [3,3]",
     "\"outcomes.quality\": {\"dtype\": \"F64\",\"shape\": [1,9]", S, "$.outcomes.quality: 1 rows, expected 3"},
    {base_outcomes, "\"outcomes.quality\": {", "\"outcomes.x\": {", S, "$.outcomes.quality is missing"},
    {base_outcomes, "\"outcomes.prior\": {", "\"outcomes.x\": {", S, "$.outcomes.prior is missing"},
    {base_outcomes, "\\\"outcomes\\\": {", "\\\"x\\\": {", S, "no object"},
    {base_outcomes, "\\\"beta\\\": ", "\\\"beta\\\": -1,\\\"x\\\": ", S, "$.outcomes.beta must be at least 0"},
    /* the other kinds: by the readers of JSON, which the unit under test hands them to */
    {base_svm, "\"mlsel_index.squared_norms\": {", "\"mlsel_index.norms\": {", MLSEL_OK, NULL},
    {base_svm, "\\\"n_support\\\": [", "\\\"n_support\\\": [0,", S, "dual_coef"},
    {base_svm, "\\\"gamma\\\": ", "\\\"gamma\\\": -1,\\\"g\\\": ", S, "gamma"},
    {base_svm, "\"dual_coef\": {", "\"dual\": {", S, "dual_coef is missing"},
    {base_svm, "\"intercept\": {", "\"intercepts\": {", S, "intercept is missing"},
    {base_svm_v2, "\"svc.dual_coef\": {", "\"dual_coef\": {", S, "dual_coef is missing"},
    {base_kmeans, "\"centroids\": {", "\"centroid\": {", S, "$.centroids is missing"},
    {base_kmeans, "\"centroids\": {\"dtype\": \"F64\"", "\"centroids\": {\"dtype\": \"F32\"", S, "expected F64"},
    {base_mlp, "\"layers.0.weight\": {", "\"layers.9.weight\": {", S, "no object"},
    {base_mlp, "\"layers.0.weight\": {", "\"layers.00.weight\": {", S, "no object"},
    {base_mlp, "\"layers.0.weight\": {", "\"layers.x.weight\": {", S, "no object"},
    {base_mlp, "\"layers.0.weight\": {", "\"layers.4294967296.weight\": {", S, "no object"},
    {base_mlp, "\"layers.0.weight\": {", "\"layers.0.weights\": {", S, "$.layers[0].weight is missing"},
    {base_mlp, "\\\"type\\\": \\\"relu\\\"", "\\\"type\\\": \\\"gelu\\\"", MLSEL_ERROR_UNSUPPORTED, "gelu"},
};

static void bad_headers(void **state) {
    (void)state;
    assert_true(LENGTH(headers) > 60);
    for (size_t i = 0; i < LENGTH(headers); i++) {
        char name[128];
        container_file c;
        container_of_text(headers[i].base, &c);
        char *good = c.header;
        if (strstr(good, headers[i].from) == NULL)
            fail_msg("%s is not in %s", headers[i].from, good);
        c.header = test_replace(good, headers[i].from, headers[i].to);
        (void)snprintf(name, sizeof name, "header %zu: %.100s", i, headers[i].to);
        if (headers[i].status != MLSEL_OK) {
            refuse_container(name, &c, headers[i].status, headers[i].message);
        } else {
            size_t size;
            mlsel_error err;
            mlsel_model *model = NULL;
            unsigned char *bytes = container_bytes(&c, &size);
            test_ok(mlsel_model_load_memory(bytes, size, NULL, &model, &err), &err);
            container_ask(model, name);
            mlsel_model_release(model);
            free(bytes);
        }
        free(good);
        container_free(&c);
    }
}

/* --- places ------------------------------------------------------------------------------------------------------ */

/* The offsets of a tensor moved; every other stays. */
static void bad_offsets(void **state) {
    (void)state;
    static const struct {
        int begin, end; /* added */
        const char *message;
    } moves[] = {
        {0, 8, "do not agree"},
        {8, 0, "do not agree"},
        {-8, 0, "do not agree"},
        {0, -8, "do not agree"},
        {8, 8, NULL},
        {-8, -8, NULL},
        {1, 1, NULL},
        {1 << 20, 1 << 20, "beyond the end"},
        {40, 0, NULL},
    };
    static const char *const names[] = {"vector_start", "qualities", "row_labels"};
    for (size_t n = 0; n < LENGTH(names); n++)
        for (size_t i = 0; i < LENGTH(moves); i++) {
            container_file c;
            char from[64], to[64], name[128];
            container_of_text(base_knn, &c);
            cJSON *root = cJSON_Parse(c.header);
            const cJSON *offsets = test_need(test_need(root, names[n]), "data_offsets");
            const int begin = (int)cJSON_GetArrayItem(offsets, 0)->valuedouble;
            const int end = (int)cJSON_GetArrayItem(offsets, 1)->valuedouble;
            cJSON_Delete(root);
            (void)snprintf(from, sizeof from, "[%d,%d]", begin, end);
            (void)snprintf(to, sizeof to, "[%d,%d]", begin + moves[i].begin, end + moves[i].end);
            char *good = c.header;
            c.header = test_replace(good, from, to);
            free(good);
            (void)snprintf(name, sizeof name, "%s at %s", names[n], to);
            refuse_container(name, &c, MLSEL_ERROR_SCHEMA, moves[i].message);
            container_free(&c);
        }
}

/* Bytes that no tensor has, at the end; and the size of the header. */
static void bad_sizes(void **state) {
    (void)state;
    container_file c;
    size_t size;
    container_of_text(base_knn, &c);
    unsigned char *bytes = container_bytes(&c, &size), *longer = calloc(size + 8, 1);
    memcpy(longer, bytes, size);
    refuse_bytes("something at the end", longer, size + 8, MLSEL_ERROR_PARSE, "follows the last tensor");
    static const uint64_t lengths[] = {0, 1, 2, 100, 1000000, 100000001, UINT64_C(0xffffffffffff)};
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        for (int b = 0; b < 8; b++)
            longer[b] = (unsigned char)(lengths[i] >> (8 * b));
        mlsel_error err;
        mlsel_model *model = NULL;
        const mlsel_status status = mlsel_model_load_memory(longer, size, NULL, &model, &err);
        assert_int_equal(status, lengths[i] > 100000000 ? MLSEL_ERROR_LIMIT : MLSEL_ERROR_PARSE);
    }
    free(bytes), free(longer);
    /* a header that is a byte longer, so that no tensor is aligned */
    const size_t length = strlen(c.header);
    char *header = calloc(length + 64, 1);
    memcpy(header, c.header, length);
    free(c.header);
    c.header = header;
    bytes = container_bytes(&c, &size);
    const size_t begin = size - c.data_size;
    longer = calloc(size + 1, 1);
    memcpy(longer, bytes, begin);
    longer[begin] = ' ';
    memcpy(longer + begin + 1, bytes + begin, c.data_size);
    for (int b = 0; b < 8; b++)
        longer[b] = (unsigned char)((begin - 8 + 1) >> (8 * b));
    refuse_bytes("a header of odd size", longer, size + 1, MLSEL_ERROR_SCHEMA, "not aligned");
    free(bytes), free(longer);
    container_free(&c);
}

/* Two tensors of one type under each other's name: neither is read beyond its end. */
static void exchanged_names(void **state) {
    (void)state;
    static const struct {
        const char *base, *first, *second, *message;
    } cases[] = {
        {base_knn, "vector_start", "vector_rows", "tensor \"vector_start\" in $: 3 x 1 values, expected 4 x 1"},
        {base_outcomes, "outcomes.quality", "latencies", "tensor \"latencies\" in $: 3 x 3 values, expected 3 x 1"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        container_file c;
        char first[64], second[64];
        container_of_text(cases[i].base, &c);
        (void)snprintf(first, sizeof first, "\"%s\": {", cases[i].first);
        (void)snprintf(second, sizeof second, "\"%s\": {", cases[i].second);
        char *const good = c.header;
        char *const without = test_replace(good, first, "\"@\": {");
        char *const both = test_replace(without, second, first);
        c.header = test_replace(both, "\"@\": {", second);
        free(good), free(without), free(both);
        refuse_container(cases[i].first, &c, MLSEL_ERROR_SCHEMA, cases[i].message);
        container_free(&c);
    }
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

static void bad_tables(void **state) {
    (void)state;
    static const struct {
        const char *tensor;
        size_t index;
        double value;
        const char *message;
    } values[] = {
        {"vector_start", 0, 1, "vector_start[0]"},  {"vector_start", 1, 0, "vector_start[1]"},
        {"vector_start", 1, -1, "vector_start[1]"}, {"vector_start", 1, 1e15, "vector_start[1]"},
        {"vector_start", 3, 2, "vector_start[3]"},  {"vector_rows", 0, 3, "vector_rows[0]"},
        {"vector_rows", 0, -1, "vector_rows[0]"},   {"vector_rows", 0, 2, "vector_rows["},
        {"row_labels", 2, 2, "row_labels[2]"},      {"row_labels", 2, -1, "row_labels[2]"},
        {"qualities", 1, 1.5, "qualities[1]"},      {"qualities", 1, -0.5, "qualities[1]"},
        {"latencies", 2, -1, "latencies[2]"},       {"latencies", 2, 1e300, "latencies[2]"},
    };
    for (size_t i = 0; i < LENGTH(values); i++) {
        container_file c;
        size_t bytes;
        container_of_text(base_knn, &c);
        void *at = container_tensor(&c, values[i].tensor, &bytes);
        const double value = values[i].value;
        const int64_t wide = (int64_t)(value < 1e16 ? value : 0);
        const int32_t narrow = (int32_t)(value < 1e9 ? value : 0);
        if (strncmp(values[i].tensor, "vector", 6) == 0)
            memcpy((int64_t *)at + values[i].index, &wide, sizeof wide);
        else if (strcmp(values[i].tensor, "row_labels") == 0)
            memcpy((int32_t *)at + values[i].index, &narrow, sizeof narrow);
        else
            memcpy((double *)at + values[i].index, &value, sizeof value);
        refuse_container(values[i].tensor, &c, MLSEL_ERROR_SCHEMA, values[i].message);
        container_free(&c);
    }
}

static void bad_outcomes(void **state) {
    (void)state;
    static const struct {
        const char *tensor;
        size_t index;
        double value;
        const char *message;
    } values[] = {
        {"outcomes.quality", 4, 1.5, "$.outcomes.quality[1][1]: 1.5 is neither"},
        {"outcomes.quality", 8, -0.5, "$.outcomes.quality[2][2]: -0.5 is neither"},
        {"outcomes.quality", 0, NAN, "$.outcomes.quality[0][0]"},
        {"outcomes.utility", 5, INFINITY, "$.outcomes.utility[1][2]"},
        {"outcomes.latency_ns", 3, -2, "$.outcomes.latency_ns[1][0]: -2 is neither"},
        {"outcomes.prior", 2, -1, "$.outcomes.prior[2]: -1 is not"},
        {"outcomes.prior", 1, NAN, "$.outcomes.prior[1]"},
    };
    for (size_t i = 0; i < LENGTH(values); i++) {
        container_file c;
        size_t bytes;
        container_of_text(base_outcomes, &c);
        double *at = container_tensor(&c, values[i].tensor, &bytes);
        at[values[i].index] = values[i].value;
        refuse_container(values[i].tensor, &c, MLSEL_ERROR_SCHEMA, values[i].message);
        container_free(&c);
    }
}

/* The tables of the index, in a model that has one for estimates from integers. */
static void bad_index(void **state) {
    (void)state;
    container_file c;
    size_t bytes;
    mlsel_model *model = container_large_knn();
    container_of_model(model, &c);
    mlsel_model_release(model);
    if (strstr(c.header, "mlsel_index.rows") == NULL) { /* on the reference kernels */
        container_free(&c);
        return;
    }
    int32_t *vectors = container_tensor(&c, "mlsel_index.vectors", &bytes);
    const int32_t first = vectors[0];
    vectors[0] = (int32_t)(bytes / sizeof *vectors);
    refuse_container("a vector too many", &c, MLSEL_ERROR_SCHEMA, "mlsel_index.vectors[0]");
    vectors[0] = -1;
    refuse_container("a negative vector", &c, MLSEL_ERROR_SCHEMA, "mlsel_index.vectors[0]");
    vectors[0] = vectors[1];
    refuse_container("a vector twice", &c, MLSEL_ERROR_SCHEMA, "mlsel_index.vectors[1]");
    vectors[0] = first;
    int64_t *starts = container_tensor(&c, "mlsel_index.group_start", &bytes);
    const int64_t second = starts[1];
    static const int64_t others[] = {0, -1, INT64_MAX, 1 << 30};
    for (size_t i = 0; i < LENGTH(others); i++) {
        starts[1] = others[i];
        refuse_container("a group", &c, MLSEL_ERROR_SCHEMA, "group_start");
    }
    starts[1] = second;
    static const char *const renamed[] = {"rows",         "vectors",       "steps",  "row_scales",
                                          "row_offsets",  "errors",        "sizes",  "group_start",
                                          "group_bounds", "double_scales", "offsets"};
    char *good = c.header;
    for (size_t i = 0; i < LENGTH(renamed); i++) {
        char from[64], to[64];
        (void)snprintf(from, sizeof from, "\"mlsel_index.%s\": {", renamed[i]);
        (void)snprintf(to, sizeof to, "\"%s.x\": {", renamed[i]);
        c.header = test_replace(good, from, to);
        refuse_container(renamed[i], &c, MLSEL_ERROR_SCHEMA, NULL);
        free(c.header);
    }
    static const char *const heads[] = {"159", "161", "174", "175", "80", "1"};
    for (size_t i = 0; i < LENGTH(heads); i++) {
        char to[64];
        (void)snprintf(to, sizeof to, "\\\"head\\\": %s,\\\"x\\\": ", heads[i]);
        c.header = test_replace(good, "\\\"head\\\": ", to);
        size_t size;
        mlsel_error err;
        unsigned char *file = container_bytes(&c, &size);
        /* some are other splits of the same rows: answers mean nothing then, but are answers */
        if (mlsel_model_load_memory(file, size, NULL, &model, &err) == MLSEL_OK) {
            container_ask(model, heads[i]);
            mlsel_model_release(model);
        }
        free(file);
        free(c.header);
    }
    c.header = good;
    container_free(&c);
}

/* --- anything ---------------------------------------------------------------------------------------------------- */

static void try_bytes(const char *what, const unsigned char *bytes, size_t size, int32_t check_values) {
    mlsel_model_options options;
    mlsel_model *model = NULL;
    mlsel_error err;
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = check_values;
    options.threads = size % 2 == 0 && size > 100000 ? 3 : 0; /* divides queries of large models */
    if (mlsel_model_load_memory(bytes, size, &options, &model, &err) != MLSEL_OK) {
        assert_true(err.message[0] != '\0');
        return;
    }
    container_ask(model, what);
    mlsel_model_release(model);
}

static void cut(void **state) {
    (void)state;
    for (size_t i = 0; i < n_bases; i++) {
        container_file c;
        size_t size;
        container_of_text(bases[i], &c);
        unsigned char *bytes = container_bytes(&c, &size);
        for (size_t n = 0; n < size; n += test_is_short() ? 3 : 1) {
            mlsel_model *model = NULL;
            mlsel_error err;
            unsigned char *exact = test_copy(bytes, n);
            if (mlsel_model_load_memory(exact, n, NULL, &model, &err) == MLSEL_OK)
                fail_msg("base %zu, the first %zu of %zu bytes were accepted", i, n, size);
            free(exact);
        }
        free(bytes);
        container_free(&c);
    }
}

static void turned_bits(void **state) {
    (void)state;
    for (size_t i = 0; i < n_bases; i++) {
        container_file c;
        size_t size;
        container_of_text(bases[i], &c);
        unsigned char *bytes = container_bytes(&c, &size);
        const size_t step = test_is_short() ? 11 : 1; /* no divisor of 8: all bits of some byte */
        for (size_t bit = 0; bit < 8 * size; bit += step) {
            char what[64];
            (void)snprintf(what, sizeof what, "base %zu, bit %zu of byte %zu", i, bit % 8, bit / 8);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            try_bytes(what, bytes, size, bit % 5 == 0);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        free(bytes);
        container_free(&c);
    }
}

/* Random bytes all over the data of a model with the large index. */
static void random_bytes(void **state) {
    (void)state;
    enum { ROUNDS = 400, BYTES = 3000 };
    container_file c;
    size_t size;
    mlsel_model *model = container_large_knn();
    container_of_model(model, &c);
    mlsel_model_release(model);
    unsigned char *good = container_bytes(&c, &size), *bytes = test_copy(good, size);
    uint64_t random = 88172645463325252u;
    /* the header stays, and the tables at the end: else nearly all would be refused */
    const size_t begin = size - c.data_size;
    for (unsigned round = test_rounds(ROUNDS); round > 0; round--) {
        for (int i = 0; i < (round % 2 == 0 ? BYTES : 20); i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            bytes[begin + random % c.data_size] = (unsigned char)(random >> 40);
        }
        static const char *const tables[] = {
            "vector_start",           "vector_rows", "row_labels", "qualities", "latencies", "mlsel_index.vectors",
            "mlsel_index.group_start"};
        for (size_t t = 0; t < LENGTH(tables) && strstr(c.header, tables[t]) != NULL; t++) {
            size_t n;
            const unsigned char *from = container_tensor(&c, tables[t], &n);
            memcpy(bytes + begin + (from - c.data), from, n);
        }
        try_bytes("random bytes", bytes, size, 0);
    }
    free(good), free(bytes);
    container_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),   cmocka_unit_test(bad_headers),     cmocka_unit_test(bad_offsets),
        cmocka_unit_test(bad_sizes),    cmocka_unit_test(exchanged_names), cmocka_unit_test(bad_tables),
        cmocka_unit_test(bad_outcomes), cmocka_unit_test(bad_index),       cmocka_unit_test(cut),
        cmocka_unit_test(turned_bits),  cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
