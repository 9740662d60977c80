/* SPDX-License-Identifier: Apache-2.0 */
/* KMeans artifacts that are JSON and break a rule of their format, v1 and v2. */
#include "bad_artifact.h"

static const bad_artifact v1_rows[] = {
    {"no centroids", base_kmeans, "\"centroids\":[[1,0.5],[0,0.25]],", "", MLSEL_ERROR_SCHEMA,
     "$.centroids is missing"},
    {"centroids empty", base_kmeans, "[[1,0.5],[0,0.25]]", "[]", MLSEL_ERROR_NOT_TRAINED,
     "$.centroids is empty: the model has no clusters"},
    {"centroids one row", base_kmeans, "[[1,0.5],[0,0.25]]", "[1,0.5]", MLSEL_ERROR_SCHEMA,
     "$.centroids must be a list of rows of numbers"},
    {"centroids an object", base_kmeans, "[[1,0.5],[0,0.25]]", "{\"0\":[1,0.5]}", MLSEL_ERROR_SCHEMA,
     "$.centroids must be a list of rows of numbers"},
    {"empty centroids", base_kmeans, "[[1,0.5],[0,0.25]]", "[[],[]]", MLSEL_ERROR_SCHEMA,
     "$.centroids must be a list of rows of numbers"},
    {"short centroid", base_kmeans, "[0,0.25]", "[0]", MLSEL_ERROR_SCHEMA,
     "$.centroids[1]: 1 values, expected 2 as in the first row"},
    {"long centroid", base_kmeans, "[0,0.25]", "[0,0.25,1]", MLSEL_ERROR_SCHEMA,
     "$.centroids[1]: 3 values, expected 2 as in the first row"},
    {"string in a centroid", base_kmeans, "[0,0.25]", "[\"0\",0.25]", MLSEL_ERROR_SCHEMA,
     "$.centroids[1][0] must be a number"},
    {"number instead of a centroid", base_kmeans, "[0,0.25]", "0.25", MLSEL_ERROR_SCHEMA,
     "$.centroids[1] must be a list of numbers"},
    {"num_clusters", base_kmeans, "\"num_clusters\":2", "\"num_clusters\":3", MLSEL_ERROR_SCHEMA,
     "$.num_clusters: 3, expected 2 as in $.centroids"},
    {"n_clusters", base_kmeans, "\"n_clusters\":2", "\"n_clusters\":1", MLSEL_ERROR_SCHEMA,
     "$.n_clusters: 1, expected 2 as in $.centroids"},
    {"n_clusters fractional", base_kmeans, "\"n_clusters\":2", "\"n_clusters\":2.5", MLSEL_ERROR_SCHEMA,
     "$.n_clusters: 2.5, expected a whole number of at least 0"},
    {"n_clusters a string", base_kmeans, "\"n_clusters\":2", "\"n_clusters\":\"2\"", MLSEL_ERROR_SCHEMA,
     "$.n_clusters must be a number"},
    {"feature_dim", base_kmeans, "\"feature_dim\":2", "\"feature_dim\":1038", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 1038, expected 2 as in $.centroids"},

    {"no cluster models", base_kmeans, "\"cluster_models\":[\"a\",\"b\"],", "", MLSEL_ERROR_SCHEMA,
     "$.cluster_models is missing"},
    {"cluster models short", base_kmeans, "[\"a\",\"b\"]", "[\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: 1 names, expected 2"},
    {"cluster models long", base_kmeans, "[\"a\",\"b\"]", "[\"a\",\"b\",\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: 3 names, expected 2"},
    {"cluster models empty", base_kmeans, "[\"a\",\"b\"]", "[]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: 0 names, expected 2"},
    {"cluster models numbers", base_kmeans, "[\"a\",\"b\"]", "[0,1]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models must be a list of names"},
    {"cluster models a string", base_kmeans, "[\"a\",\"b\"]", "\"a\"", MLSEL_ERROR_SCHEMA,
     "$.cluster_models must be a list of names"},
    {"cluster model null", base_kmeans, "[\"a\",\"b\"]", "[\"a\",null]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models[1] must be a string"},
    {"cluster model empty", base_kmeans, "[\"a\",\"b\"]", "[\"\",\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models[0] is an empty name"},
    {"model name listed twice", base_kmeans, "[\"c\",\"a\"]", "[\"c\",\"c\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names[1]: \"c\" is listed twice"},
    {"model names numbers", base_kmeans, "[\"c\",\"a\"]", "[1,2]", MLSEL_ERROR_SCHEMA,
     "$.model_names must be a list of names"},

    {"utilities short", base_kmeans, "\"cluster_models\":", "\"cluster_utilities\":[[0.1,0.5,0.2]],\"cluster_models\":",
     MLSEL_ERROR_SCHEMA, "$.cluster_utilities: 1 rows, expected 2"},
    {"utilities narrow", base_kmeans,
     "\"cluster_models\":", "\"cluster_utilities\":[[0.1,0.5],[0.2,0.1]],\"cluster_models\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_utilities[0]: 2 values, expected 3"},
    {"utilities of names that are not listed", base_kmeans, "\"cluster_models\":",
     "\"cluster_utilities\":[[0.1,0.5,0.2],[0.1,0.2,0.5]],\"cluster_models\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_utilities needs $.model_names with every model of $.cluster_models"},

    {"utilities that say otherwise", base_kmeans, "[\"c\",\"a\"]",
     "[\"c\",\"a\",\"b\"],\"cluster_utilities\":[[0.1,0.5,0.2],[0.1,0.5,0.2]]", MLSEL_ERROR_SCHEMA,
     "$.cluster_utilities[1]: \"a\" is best, but $.cluster_models says \"b\""},
    {"cluster missing", base_kmeans_object, "{\"1\":\"b\",\"0\":\"a\"}", "{\"1\":\"b\"}", MLSEL_ERROR_SCHEMA,
     "$.cluster_models.0 is missing"},
    {"no cluster", base_kmeans_object, "{\"1\":\"b\",\"0\":\"a\"}", "{}", MLSEL_ERROR_SCHEMA,
     "$.cluster_models.0 is missing"},
    {"cluster number too high", base_kmeans_object, "\"0\":\"a\"", "\"0\":\"a\",\"2\":\"c\"", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"2\" is no cluster from \"0\" to \"1\""},
    {"cluster number with a zero", base_kmeans_object, "\"1\":", "\"01\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"01\" is no cluster from \"0\" to \"1\""},
    {"cluster number with a space", base_kmeans_object, "\"1\":", "\" 1\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \" 1\" is no cluster from \"0\" to \"1\""},
    {"cluster number with a sign", base_kmeans_object, "\"1\":", "\"+1\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"+1\" is no cluster from \"0\" to \"1\""},
    {"cluster number negative", base_kmeans_object, "\"1\":", "\"-1\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"-1\" is no cluster from \"0\" to \"1\""},
    {"cluster number that wraps around", base_kmeans_object, "\"1\":", "\"-18446744073709551615\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"-18446744073709551615\" is no cluster from \"0\" to \"1\""},
    {"cluster number beyond 64 bits", base_kmeans_object, "\"1\":", "\"18446744073709551617\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"18446744073709551617\" is no cluster from \"0\" to \"1\""},
    {"cluster number fractional", base_kmeans_object, "\"1\":", "\"1.0\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"1.0\" is no cluster from \"0\" to \"1\""},
    {"cluster number empty", base_kmeans_object, "\"1\":", "\"\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"\" is no cluster from \"0\" to \"1\""},
    {"cluster number a word", base_kmeans_object, "\"1\":", "\"one\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: key \"one\" is no cluster from \"0\" to \"1\""},
    {"cluster twice", base_kmeans_object, "\"1\":", "\"0\":\"b\",\"1\":", MLSEL_ERROR_SCHEMA,
     "$.cluster_models.0: duplicate key"},
    {"cluster model a number", base_kmeans_object, "\"1\":\"b\"", "\"1\":2", MLSEL_ERROR_SCHEMA,
     "$.cluster_models.1 must be a model name"},
    {"cluster model null in an object", base_kmeans_object, "\"1\":\"b\"", "\"1\":null", MLSEL_ERROR_SCHEMA,
     "$.cluster_models.1 must be a model name"},
    {"cluster model empty in an object", base_kmeans_object, "\"1\":\"b\"", "\"1\":\"\"", MLSEL_ERROR_SCHEMA,
     "$.cluster_models.1 must be a model name"},
    {"cluster model a list", base_kmeans_object, "\"1\":\"b\"", "\"1\":[\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models.1 must be a model name"},
};

static const bad_artifact v2_rows[] = {
    {"other contract", base_kmeans_v2, "selector.model-choice/v1", "selector.model-choice/v2", MLSEL_ERROR_UNSUPPORTED,
     "$.target_contract: \"selector.model-choice/v2\" is not supported, expected \"selector.model-choice/v1\""},
    {"contract no string", base_kmeans_v2, "\"selector.model-choice/v1\"", "1", MLSEL_ERROR_SCHEMA,
     "$.target_contract must be a string"},
    {"other distance", base_kmeans_v2, "\"squared_l2\"", "\"cosine\"", MLSEL_ERROR_UNSUPPORTED,
     "$.distance: \"cosine\" is not supported, expected \"squared_l2\""},
    {"other tie break", base_kmeans_v2, "\"lowest_index\"", "\"random\"", MLSEL_ERROR_UNSUPPORTED,
     "$.tie_break: \"random\" is not supported, expected \"lowest_index\""},
    {"other normalization", base_kmeans_v2, "\"none\"", "\"l2\"", MLSEL_ERROR_UNSUPPORTED,
     "$.feature.normalization: \"l2\" is not supported, expected \"none\""},
    {"feature no object", base_kmeans_v2, "{\"snapshot_id\":\"s\",\"dim\":2,\"normalization\":\"none\"}", "[\"none\"]",
     MLSEL_ERROR_SCHEMA, "$.feature must be an object"},
    {"feature width", base_kmeans_v2, "\"dim\":2", "\"dim\":3", MLSEL_ERROR_SCHEMA,
     "$.feature.dim: 3, expected 2 as in $.centroids"},
    {"feature_dim", base_kmeans_v2, "\"feature_dim\":2", "\"feature_dim\":3", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 3, expected 2 as in $.centroids"},
    {"num_clusters", base_kmeans_v2, "\"num_clusters\":2", "\"num_clusters\":3", MLSEL_ERROR_SCHEMA,
     "$.num_clusters: 3, expected 2 as in $.centroids"},
    {"effective_k", base_kmeans_v2, "\"effective_k\":2", "\"effective_k\":3", MLSEL_ERROR_SCHEMA,
     "$.clustering.effective_k: 3, expected 2 as in $.centroids"},
    {"clustering no object", base_kmeans_v2, "{\"requested_k\":3,\"effective_k\":2,\"seed\":42}", "2",
     MLSEL_ERROR_SCHEMA, "$.clustering must be an object"},

    {"candidates no object", base_kmeans_v2, "{\"id\":\"c\",\"models\":[\"a\",\"b\",\"c\"]}", "[\"a\",\"b\",\"c\"]",
     MLSEL_ERROR_SCHEMA, "$.candidate_set must be an object"},
    {"candidates not sorted", base_kmeans_v2, "[\"a\",\"b\",\"c\"]", "[\"a\",\"c\",\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.candidate_set.models[2]: \"b\" is not in order"},
    {"candidate twice", base_kmeans_v2, "[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.candidate_set.models[2]: \"b\" is listed twice"},
    {"candidate empty", base_kmeans_v2, "[\"a\",\"b\",\"c\"]", "[\"\",\"b\",\"c\"]", MLSEL_ERROR_SCHEMA,
     "$.candidate_set.models[0] is an empty name"},
    {"candidate a number", base_kmeans_v2, "[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",3]", MLSEL_ERROR_SCHEMA,
     "$.candidate_set.models[2] must be a string"},
    {"model names too few", base_kmeans_v2, "[\"c\",\"b\",\"a\"]", "[\"c\",\"b\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names: 2 names, expected 3"},
    {"model name no candidate", base_kmeans_v2, "[\"c\",\"b\",\"a\"]", "[\"c\",\"b\",\"x\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names[2]: \"x\" is no candidate"},

    {"no scores", base_kmeans_v2, "\"scores\":[[0.5,0.25,0],[0.1,0.2,0.3]],", "", MLSEL_ERROR_SCHEMA,
     "$.scores is missing"},
    {"scores empty", base_kmeans_v2, "[[0.5,0.25,0],[0.1,0.2,0.3]]", "[]", MLSEL_ERROR_SCHEMA,
     "$.scores: 0 rows, expected 2"},
    {"scores a row short", base_kmeans_v2, "[[0.5,0.25,0],[0.1,0.2,0.3]]", "[[0.5,0.25,0]]", MLSEL_ERROR_SCHEMA,
     "$.scores: 1 rows, expected 2"},
    {"scores a row long", base_kmeans_v2, "[0.5,0.25,0],", "[0.5,0.25,0],[1,1,1],", MLSEL_ERROR_SCHEMA,
     "$.scores: 3 rows, expected 2"},
    {"scores narrow", base_kmeans_v2, "[[0.5,0.25,0],[0.1,0.2,0.3]]", "[[0.5,0.25],[0.1,0.2]]", MLSEL_ERROR_SCHEMA,
     "$.scores[0]: 2 values, expected 3"},
    {"scores ragged", base_kmeans_v2, "[0.1,0.2,0.3]", "[0.1,0.2]", MLSEL_ERROR_SCHEMA,
     "$.scores[1]: 2 values, expected 3 as in the first row"},
    {"scores flat", base_kmeans_v2, "[[0.5,0.25,0],[0.1,0.2,0.3]]", "[0.5,0.25,0,0.1,0.2,0.3]", MLSEL_ERROR_SCHEMA,
     "$.scores must be a list of rows of numbers"},
    {"score beyond float32", base_kmeans_v2, "[0.1,0.2,0.3]", "[0.1,0.2,1e39]", MLSEL_ERROR_SCHEMA,
     "$.scores[1][2] is beyond the range of float32"},
    {"support a row short", base_kmeans_v2, "[[1,2,3],[4,5,6]]", "[[1,2,3]]", MLSEL_ERROR_SCHEMA,
     "$.support: 1 rows, expected 2"},
    {"support wide", base_kmeans_v2, "[[1,2,3],[4,5,6]]", "[[1,2,3,4],[4,5,6,7]]", MLSEL_ERROR_SCHEMA,
     "$.support[0]: 4 values, expected 3"},
    {"cluster_sizes short", base_kmeans_v2, "[4,6]", "[4]", MLSEL_ERROR_SCHEMA,
     "$.cluster_sizes: 1 values, expected 2"},
    {"fallback no object", base_kmeans_v2,
     "{\"min_support\":3,\"global_scores\":[0.75,0.5,0.25],\"global_support\":[5,7,9]}", "[1]", MLSEL_ERROR_SCHEMA,
     "$.fallback must be an object"},
    {"global scores short", base_kmeans_v2, "[0.75,0.5,0.25]", "[0.75,0.5]", MLSEL_ERROR_SCHEMA,
     "$.fallback.global_scores: 2 values, expected 3"},
    {"global support long", base_kmeans_v2, "[5,7,9]", "[5,7,9,11]", MLSEL_ERROR_SCHEMA,
     "$.fallback.global_support: 4 values, expected 3"},
    {"cluster models short", base_kmeans_v2, "[\"a\",\"c\"]", "[\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models: 1 names, expected 2"},
    {"cluster model no candidate", base_kmeans_v2, "[\"a\",\"c\"]", "[\"a\",\"x\"]", MLSEL_ERROR_SCHEMA,
     "$.cluster_models[1]: \"x\" is no candidate"},
};

static void v1(void **state) {
    (void)state;
    run_bad_artifacts(v1_rows, LENGTH(v1_rows));
}

static void v2(void **state) {
    (void)state;
    run_bad_artifacts(v2_rows, LENGTH(v2_rows));
}

/* Without a candidate set the model names are the candidates. */
static void no_candidates(void **state) {
    (void)state;
    static const char document[] = "{\"algorithm\":\"kmeans\",\"format_version\":2,\"centroids\":[[1]],"
                                   "\"scores\":[[1,2]]%s}";
    static const struct {
        const char *name, *more;
        mlsel_status status;
        const char *message;
    } cases[] = {
        {"no names at all", "", MLSEL_ERROR_SCHEMA, "$.model_names is missing"},
        {"empty names", ",\"model_names\":[]", MLSEL_ERROR_NOT_TRAINED,
         "$.model_names is empty: there are no candidates"},
        {"empty candidates", ",\"candidate_set\":{\"models\":[]}", MLSEL_ERROR_SCHEMA, "$.model_names is missing"},
        {"names repeated", ",\"model_names\":[\"a\",\"a\"]", MLSEL_ERROR_SCHEMA,
         "$.model_names[1]: \"a\" is listed twice"},
        {"a name too few", ",\"model_names\":[\"a\"]", MLSEL_ERROR_SCHEMA, "$.scores[0]: 2 values, expected 1"},
    };
    char text[256];
    for (size_t i = 0; i < LENGTH(cases); i++) {
        (void)snprintf(text, sizeof text, document, cases[i].more);
        refuse_text(cases[i].name, test_copy(text, sizeof text), cases[i].status, 0, cases[i].message);
    }
    (void)snprintf(text, sizeof text, document, ",\"model_names\":[\"b\",\"a\"]");
    mlsel_model *model = test_load_text(text, NULL);
    assert_string_equal(mlsel_model_label(model, 0), "b");
    mlsel_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),
        cmocka_unit_test(v1),
        cmocka_unit_test(v2),
        cmocka_unit_test(no_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
