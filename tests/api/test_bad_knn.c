/* SPDX-License-Identifier: Apache-2.0 */
/* KNN artifacts that are JSON and break a rule of their format, in today's form and the older one. */
#include "bad_artifact.h"

static const bad_artifact rows[] = {
    {"k missing", base_knn, "\"k\":2,", "", MLSEL_ERROR_SCHEMA, "$.k is missing"},
    {"k null", base_knn, "\"k\":2", "\"k\":null", MLSEL_ERROR_SCHEMA, "$.k is missing"},
    {"k 0", base_knn, "\"k\":2", "\"k\":0", MLSEL_ERROR_SCHEMA, "$.k: 0, expected a whole number of at least 1"},
    {"k negative", base_knn, "\"k\":2", "\"k\":-1", MLSEL_ERROR_SCHEMA,
     "$.k: -1, expected a whole number of at least 1"},
    {"k fractional", base_knn, "\"k\":2", "\"k\":2.5", MLSEL_ERROR_SCHEMA,
     "$.k: 2.5, expected a whole number of at least 1"},
    {"k just below 1", base_knn, "\"k\":2", "\"k\":0.9999999999999999", MLSEL_ERROR_SCHEMA,
     "$.k: 0.9999999999999999, expected a whole number of at least 1"},
    {"k too large", base_knn, "\"k\":2", "\"k\":2147483648", MLSEL_ERROR_SCHEMA,
     "$.k: 2147483648, expected a whole number of at most 2147483647"},
    {"k much too large", base_knn, "\"k\":2", "\"k\":1e30", MLSEL_ERROR_SCHEMA,
     "$.k: 1e+30, expected a whole number of at most 2147483647"},
    {"k a string", base_knn, "\"k\":2", "\"k\":\"2\"", MLSEL_ERROR_SCHEMA, "$.k must be a number"},
    {"k a list", base_knn, "\"k\":2", "\"k\":[2]", MLSEL_ERROR_SCHEMA, "$.k must be a number"},
    {"k true", base_knn, "\"k\":2", "\"k\":true", MLSEL_ERROR_SCHEMA, "$.k must be a number"},
    {"k beyond float32", base_knn, "\"k\":2", "\"k\":1e39", MLSEL_ERROR_SCHEMA, "$.k is beyond the range of float32"},

    {"no embeddings", base_knn, "\"embeddings\":[[1,0,0.5],[0,1,0.25],[0.125,0,1]],", "", MLSEL_ERROR_SCHEMA,
     "$.embeddings is missing"},
    {"embeddings empty", base_knn, "[[1,0,0.5],[0,1,0.25],[0.125,0,1]]", "[]", MLSEL_ERROR_NOT_TRAINED,
     "$.embeddings is empty: the model has no rows"},
    {"embeddings one row", base_knn, "[[1,0,0.5],[0,1,0.25],[0.125,0,1]]", "[1,0,0.5]", MLSEL_ERROR_SCHEMA,
     "$.embeddings must be a list of rows of numbers"},
    {"embeddings names", base_knn, "[[1,0,0.5],[0,1,0.25],[0.125,0,1]]", "[\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.embeddings must be a list of rows of numbers"},
    {"embeddings a number", base_knn, "[[1,0,0.5],[0,1,0.25],[0.125,0,1]]", "3", MLSEL_ERROR_SCHEMA,
     "$.embeddings must be a list of rows of numbers"},
    {"embeddings an object", base_knn, "[[1,0,0.5],[0,1,0.25],[0.125,0,1]]", "{}", MLSEL_ERROR_SCHEMA,
     "$.embeddings must be a list of rows of numbers"},
    {"empty rows", base_knn, "[[1,0,0.5],[0,1,0.25],[0.125,0,1]]", "[[],[],[]]", MLSEL_ERROR_SCHEMA,
     "$.embeddings must be a list of rows of numbers"},
    {"rows of rows", base_knn, "[[1,0,0.5],[0,1,0.25],[0.125,0,1]]", "[[[1]]]", MLSEL_ERROR_SCHEMA,
     "$.embeddings must be a list of rows of numbers"},
    {"short row", base_knn, "[0,1,0.25]", "[0,1]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1]: 2 values, expected 3 as in the first row"},
    {"long row", base_knn, "[0.125,0,1]", "[0.125,0,1,0]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[2]: 4 values, expected 3 as in the first row"},
    {"short first row", base_knn, "[1,0,0.5]", "[1,0]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1]: 3 values, expected 2 as in the first row"},
    {"empty row", base_knn, "[0.125,0,1]", "[]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[2]: 0 values, expected 3 as in the first row"},
    {"string in a row", base_knn, "[0,1,0.25]", "[0,\"1\",0.25]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][1] must be a number"},
    {"null in a row", base_knn, "[0,1,0.25]", "[0,1,null]", MLSEL_ERROR_SCHEMA, "$.embeddings[1][2] must be a number"},
    {"list in a row", base_knn, "[0,1,0.25]", "[[0],1,0.25]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][0] must be a number"},
    {"number instead of a row", base_knn, "[0,1,0.25]", "0", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1] must be a list of numbers"},
    {"null instead of a row", base_knn, "[0.125,0,1]", "null", MLSEL_ERROR_SCHEMA,
     "$.embeddings[2] must be a list of numbers"},
    {"object instead of a row", base_knn, "[0.125,0,1]", "{\"0\":1}", MLSEL_ERROR_SCHEMA,
     "$.embeddings[2] must be a list of numbers"},

    {"no labels", base_knn, "\"labels\":[\"a\",\"b\",\"a\"],", "", MLSEL_ERROR_SCHEMA, "$.labels is missing"},
    {"labels empty", base_knn, "[\"a\",\"b\",\"a\"]", "[]", MLSEL_ERROR_SCHEMA, "$.labels: 0 names, expected 3"},
    {"a label too few", base_knn, "[\"a\",\"b\",\"a\"]", "[\"a\",\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.labels: 2 names, expected 3"},
    {"a label too many", base_knn, "[\"a\",\"b\",\"a\"]", "[\"a\",\"b\",\"a\",\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.labels: 4 names, expected 3"},
    {"a row too few", base_knn, ",[0.125,0,1]", "", MLSEL_ERROR_SCHEMA, "$.labels: 3 names, expected 2"},
    {"labels numbers", base_knn, "[\"a\",\"b\",\"a\"]", "[0,1,0]", MLSEL_ERROR_SCHEMA,
     "$.labels must be a list of names"},
    {"labels a string", base_knn, "[\"a\",\"b\",\"a\"]", "\"aba\"", MLSEL_ERROR_SCHEMA,
     "$.labels must be a list of names"},
    {"label no string", base_knn, "[\"a\",\"b\",\"a\"]", "[\"a\",1,\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.labels[1] must be a string"},
    {"label null", base_knn, "[\"a\",\"b\",\"a\"]", "[\"a\",\"b\",null]", MLSEL_ERROR_SCHEMA,
     "$.labels[2] must be a string"},
    {"label empty", base_knn, "[\"a\",\"b\",\"a\"]", "[\"\",\"b\",\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.labels[0] is an empty name"},

    {"a quality too few", base_knn, "[0.5,1,0]", "[0.5,1]", MLSEL_ERROR_SCHEMA,
     "$.qualities: 2 values, expected 3 as in $.embeddings"},
    {"a quality too many", base_knn, "[0.5,1,0]", "[0.5,1,0,1]", MLSEL_ERROR_SCHEMA,
     "$.qualities: 4 values, expected 3 as in $.embeddings"},
    {"quality above 1", base_knn, "[0.5,1,0]", "[0.5,1.5,0]", MLSEL_ERROR_SCHEMA,
     "$.qualities[1]: quality 1.5 is not between 0 and 1"},
    {"quality just above 1", base_knn, "[0.5,1,0]", "[0.5,1.0000000000000002,0]", MLSEL_ERROR_SCHEMA,
     "$.qualities[1]: quality 1.0000000000000002 is not between 0 and 1"},
    {"quality negative", base_knn, "[0.5,1,0]", "[0.5,1,-0.125]", MLSEL_ERROR_SCHEMA,
     "$.qualities[2]: quality -0.125 is not between 0 and 1"},
    {"qualities a number", base_knn, "[0.5,1,0]", "1", MLSEL_ERROR_SCHEMA, "$.qualities must be a list of numbers"},
    {"qualities rows", base_knn, "[0.5,1,0]", "[[0.5,1,0]]", MLSEL_ERROR_SCHEMA,
     "$.qualities must be a list of numbers"},
    {"quality a string", base_knn, "[0.5,1,0]", "[0.5,\"1\",0]", MLSEL_ERROR_SCHEMA, "$.qualities[1] must be a number"},
    {"quality null", base_knn, "[0.5,1,0]", "[0.5,1,null]", MLSEL_ERROR_SCHEMA, "$.qualities[2] must be a number"},

    {"a latency too few", base_knn, "[0,1000,2000]", "[0,1000]", MLSEL_ERROR_SCHEMA,
     "$.latencies: 2 values, expected 3 as in $.embeddings"},
    {"latency negative", base_knn, "[0,1000,2000]", "[0,-1,2000]", MLSEL_ERROR_SCHEMA,
     "$.latencies[1]: latency -1 is not a whole number of at least 0"},
    {"latency fractional", base_knn, "[0,1000,2000]", "[0,1000,0.5]", MLSEL_ERROR_SCHEMA,
     "$.latencies[2]: latency 0.5 is not a whole number of at least 0"},
    {"latency beyond float32", base_knn, "[0,1000,2000]", "[0,1000,1e39]", MLSEL_ERROR_SCHEMA,
     "$.latencies[2] is beyond the range of float32"},
    {"latencies names", base_knn, "[0,1000,2000]", "[\"0\"]", MLSEL_ERROR_SCHEMA,
     "$.latencies must be a list of numbers"},

    {"model name listed twice", base_knn, "[\"b\",\"a\"]", "[\"b\",\"a\",\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names[2]: \"b\" is listed twice"},
    {"model name empty", base_knn, "[\"b\",\"a\"]", "[\"b\",\"\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names[1] is an empty name"},
    {"model name no string", base_knn, "[\"b\",\"a\"]", "[\"b\",{}]", MLSEL_ERROR_SCHEMA,
     "$.model_names[1] must be a string"},
    {"model names an object", base_knn, "[\"b\",\"a\"]", "{\"b\":0}", MLSEL_ERROR_SCHEMA,
     "$.model_names must be a list of names"},

    {"feature_dim", base_knn, "\"feature_dim\":3", "\"feature_dim\":4", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 4, expected 3 as in the rows"},
    {"feature_dim huge", base_knn, "\"feature_dim\":3", "\"feature_dim\":2147483647", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 2147483647, expected 3 as in the rows"},
    {"feature_dim fractional", base_knn, "\"feature_dim\":3", "\"feature_dim\":3.5", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 3.5, expected a whole number of at least 0"},
    {"num_samples", base_knn, "\"num_samples\":3", "\"num_samples\":1000000000", MLSEL_ERROR_SCHEMA,
     "$.num_samples: 1000000000, expected 3 as in the rows"},
    {"num_samples a string", base_knn, "\"num_samples\":3", "\"num_samples\":\"3\"", MLSEL_ERROR_SCHEMA,
     "$.num_samples must be a number"},

    {"older form, k 0", base_samples, "\"k\":1", "\"k\":0", MLSEL_ERROR_SCHEMA,
     "$.k: 0, expected a whole number of at least 1"},
    {"sample without a vector", base_samples, "\"feature_vector\":[0,0.25],", "", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector is missing"},
    {"first vector empty", base_samples, "[1,0.5]", "[]", MLSEL_ERROR_SCHEMA, "$.samples[0].feature_vector is empty"},
    {"vector empty", base_samples, "[0,0.25]", "[]", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector: 0 values, expected 2"},
    {"vector short", base_samples, "[0,0.25]", "[0]", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector: 1 values, expected 2"},
    {"vector long", base_samples, "[0,0.25]", "[0,0.25,0]", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector: 3 values, expected 2"},
    {"vector a row", base_samples, "[0,0.25]", "[[0,0.25]]", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector must be a list of numbers"},
    {"string in a vector", base_samples, "[0,0.25]", "[0,\"0.25\"]", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector[1] must be a number"},
    {"vector beyond float32", base_samples, "[0,0.25]", "[1e39,0.25]", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector[0] is beyond the range of float32"},
    {"sample without a name", base_samples, "\"model_name\":\"b\",", "", MLSEL_ERROR_SCHEMA,
     "$.samples[1].model_name is missing"},
    {"sample's name a number", base_samples, "\"model_name\":\"b\"", "\"model_name\":1", MLSEL_ERROR_SCHEMA,
     "$.samples[1].model_name must be a string"},
    {"sample's name empty", base_samples, "\"model_name\":\"b\"", "\"model_name\":\"\"", MLSEL_ERROR_SCHEMA,
     "$.samples[1].model_name is an empty name"},
    {"sample's quality above 1", base_samples, "\"quality\":0.5", "\"quality\":2", MLSEL_ERROR_SCHEMA,
     "$.samples[0]: quality 2 is not between 0 and 1"},
    {"sample's quality negative", base_samples, "\"quality\":0.5", "\"quality\":-0.5", MLSEL_ERROR_SCHEMA,
     "$.samples[0]: quality -0.5 is not between 0 and 1"},
    {"sample's quality a string", base_samples, "\"quality\":0.5", "\"quality\":\"0.5\"", MLSEL_ERROR_SCHEMA,
     "$.samples[0].quality must be a number"},
    {"sample's latency negative", base_samples, "\"latency_ms\":2.5", "\"latency_ms\":-2.5", MLSEL_ERROR_SCHEMA,
     "$.samples[1]: latency -2.5 is not a number of at least 0"},
    {"sample's latency beyond float32", base_samples, "\"latency_ms\":2.5", "\"latency_ms\":1e39", MLSEL_ERROR_SCHEMA,
     "$.samples[1].latency_ms is beyond the range of float32"},
    {"older form, feature_dim", base_samples, "\"feature_dim\":2", "\"feature_dim\":3", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 3, expected 2 as in the rows"},
    {"older form, num_samples", base_samples, "\"num_samples\":2", "\"num_samples\":1", MLSEL_ERROR_SCHEMA,
     "$.num_samples: 1, expected 2 as in the rows"},
};

static void knn(void **state) {
    (void)state;
    run_bad_artifacts(rows, LENGTH(rows));
}

/* The list of samples as a whole. */
static void samples(void **state) {
    (void)state;
    static const struct {
        const char *name, *samples;
        mlsel_status status;
        const char *message;
    } lists[] = {
        {"samples empty", "[]", MLSEL_ERROR_NOT_TRAINED, "$.samples is empty: the model has no rows"},
        {"samples an object", "{}", MLSEL_ERROR_SCHEMA, "$.samples must be a list of objects"},
        {"samples numbers", "[1,2]", MLSEL_ERROR_SCHEMA, "$.samples must be a list of objects"},
        {"samples rows", "[[1,2]]", MLSEL_ERROR_SCHEMA, "$.samples must be a list of objects"},
        {"samples names", "[\"a\"]", MLSEL_ERROR_SCHEMA, "$.samples must be a list of objects"},
        {"samples a string", "\"a\"", MLSEL_ERROR_SCHEMA, "$.samples must be a list of objects"},
        {"sample null", "[null]", MLSEL_ERROR_SCHEMA, "$.samples[0] must be an object"},
        {"sample a number", "[{\"feature_vector\":[1],\"model_name\":\"a\"},1]", MLSEL_ERROR_SCHEMA,
         "$.samples[1] must be an object"},
        {"sample a list", "[[],{}]", MLSEL_ERROR_SCHEMA, "$.samples[0] must be an object"},
        {"samples null", "null", MLSEL_ERROR_SCHEMA, "$.embeddings is missing"},
    };
    for (size_t i = 0; i < LENGTH(lists); i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "{\"algorithm\":\"knn\",\"k\":1,\"samples\":%s}", lists[i].samples);
        refuse_text(lists[i].name, test_copy(text, sizeof text), lists[i].status, 0, lists[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),
        cmocka_unit_test(knn),
        cmocka_unit_test(samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
