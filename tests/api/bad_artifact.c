/* SPDX-License-Identifier: Apache-2.0 */
#include "bad_artifact.h"

#include <stdlib.h>
#include <string.h>

const char base_knn[] =
    "{\"algorithm\":\"knn\",\"trained\":true,\"k\":2,\"embeddings\":[[1,0,0.5],[0,1,0.25],[0.125,0,1]],"
    "\"labels\":[\"a\",\"b\",\"a\"],\"qualities\":[0.5,1,0],\"latencies\":[0,1000,2000],\"model_names\":[\"b\",\"a\"],"
    "\"feature_dim\":3,\"num_samples\":3}";

const char base_samples[] = "{\"algorithm\":\"knn\",\"trained\":true,\"k\":1,\"samples\":["
                            "{\"feature_vector\":[1,0.5],\"model_name\":\"a\",\"quality\":0.5,\"latency_ms\":10},"
                            "{\"feature_vector\":[0,0.25],\"model_name\":\"b\",\"quality\":1,\"latency_ms\":2.5}],"
                            "\"feature_dim\":2,\"num_samples\":2}";

const char base_categories[] = "{\"algorithm\":\"knn\",\"trained\":true,\"k\":1,\"embeddings\":[[1,0,0.5],[0,1,0.25]],"
                               "\"labels\":[\"a\",\"b\"],\"categories\":[\"x\",\"other\"],\"category_weight\":2.5}";

const char base_outcomes[] =
    "{\"algorithm\":\"knn\",\"trained\":true,\"k\":2,\"embeddings\":[[1,0],[0,1],[1,1]],\"labels\":[\"a\",\"b\",\"a\"],"
    "\"model_names\":[\"b\",\"a\",\"c\"],\"outcomes\":{\"quality\":[[0,1,0.5],[1,-1,0.25],[-1,-1,-1]],"
    "\"utility\":[[0.125,0.75,-1],[1,0,0.375],[0,0,0]],\"latency_ns\":[[5,6,7],[-1,8,9],[0,1,2]],"
    "\"prior\":[0.5,0.625,0],\"beta\":1.5,\"shrinkage\":2}}";

const char base_kmeans[] =
    "{\"algorithm\":\"kmeans\",\"trained\":true,\"num_clusters\":2,\"n_clusters\":2,"
    "\"centroids\":[[1,0.5],[0,0.25]],\"cluster_models\":[\"a\",\"b\"],\"model_names\":[\"c\",\"a\"],"
    "\"efficiency_weight\":0.1,\"feature_dim\":2}";

const char base_kmeans_object[] =
    "{\"algorithm\":\"kmeans\",\"trained\":true,\"num_clusters\":2,\"centroids\":[[1,0.5],[0,0.25]],"
    "\"cluster_models\":{\"1\":\"b\",\"0\":\"a\"}}";

const char base_kmeans_v2[] =
    "{\"algorithm\":\"kmeans\",\"format_version\":2,\"trained\":true,\"target_contract\":\"selector.model-choice/v1\","
    "\"objective\":{\"id\":\"o\",\"version\":1,\"weights\":{\"quality\":1,\"latency\":0,\"cost\":0}},"
    "\"candidate_set\":{\"id\":\"c\",\"models\":[\"a\",\"b\",\"c\"]},"
    "\"feature\":{\"snapshot_id\":\"s\",\"dim\":2,\"normalization\":\"none\"},"
    "\"clustering\":{\"requested_k\":3,\"effective_k\":2,\"seed\":42},\"distance\":\"squared_l2\","
    "\"tie_break\":\"lowest_index\",\"num_clusters\":2,\"centroids\":[[1,0.5],[0,0.25]],\"cluster_sizes\":[4,6],"
    "\"scores\":[[0.5,0.25,0],[0.1,0.2,0.3]],\"support\":[[1,2,3],[4,5,6]],"
    "\"fallback\":{\"min_support\":3,\"global_scores\":[0.75,0.5,0.25],\"global_support\":[5,7,9]},"
    "\"cluster_models\":[\"a\",\"c\"],\"model_names\":[\"c\",\"b\",\"a\"],\"feature_dim\":2}";

const char base_svm[] =
    "{\"algorithm\":\"svm\",\"trained\":true,\"model_names\":[\"a\",\"b\",\"c\"],\"kernel_type\":\"Rbf\","
    "\"kernel\":\"rbf\",\"gamma\":0.5,\"C\":1,\"feature_dim\":2,"
    "\"support_vectors\":[[1,0.5],[0,0.25],[1,0.75],[0.125,0]],"
    "\"dual_coef\":[[1,-1,0.5,-0.5],[0.5,1,-1,-0.25]],\"intercept\":[0.1,0.2,0.3],\"n_support\":[1,2,1],"
    "\"classes\":[0,1,2]}";

const char base_svm_v2[] =
    "{\"algorithm\":\"svm\",\"format_version\":2,\"trained\":true,\"model_names\":[\"a\",\"b\"],\"n_classes\":2,"
    "\"svc\":{\"input_normalization\":\"none\",\"kernel\":\"linear\",\"support_vectors\":[[1,0.5],[0,0.25]],"
    "\"dual_coef\":[[-1,1]],\"intercept\":[0.1],\"n_support\":[1,1],\"classes\":[\"a\",\"b\"]}}";

const char base_svm_linear[] =
    "{\"algorithm\":\"svm\",\"trained\":true,\"kernel_type\":\"Linear\",\"linear_classifiers\":["
    "{\"model_name\":\"a\",\"weights\":[1,0.5],\"rho\":0.1},{\"model_name\":\"b\",\"weights\":[0,0.25],\"rho\":0.2}],"
    "\"rbf_classifiers\":[],\"model_names\":[\"a\",\"b\",\"c\"],\"feature_dim\":2}";

const char base_svm_rbf[] =
    "{\"algorithm\":\"svm\",\"trained\":true,\"kernel_type\":\"Rbf\",\"linear_classifiers\":[],\"rbf_classifiers\":["
    "{\"model_name\":\"a\",\"alpha\":[1,0.5],\"support_vectors\":[[1,0.5],[0,0.25]],\"rho\":0.1,\"gamma\":0.5},"
    "{\"model_name\":\"b\",\"alpha\":[2],\"support_vectors\":[[0.75,0]],\"rho\":0.2,\"gamma\":0.25}]}";

const char base_mlp[] =
    "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[\"a\",\"b\"],\"feature_dim\":3,\"n_classes\":2,"
    "\"hidden_sizes\":[2],\"dropout\":0.1,\"layers\":["
    "{\"type\":\"linear\",\"in_features\":3,\"out_features\":2,\"weight\":[[1,2,0.5],[4,5,0.25]],\"bias\":[0.5,-0.5]},"
    "{\"type\":\"relu\"},"
    "{\"type\":\"batch_norm\",\"num_features\":2,\"weight\":[1,2],\"bias\":[3,4],\"running_mean\":[5,6],"
    "\"running_var\":[7,8],\"eps\":1e-05},"
    "{\"type\":\"dropout\",\"p\":0.2},"
    "{\"type\":\"linear\",\"in_features\":2,\"out_features\":2,\"weight\":[[1,0.5],[0,0.25]],\"bias\":null}]}";

const char *const bases[] = {
    base_knn,       base_samples, base_categories, base_outcomes,   base_kmeans,  base_kmeans_object,
    base_kmeans_v2, base_svm,     base_svm_v2,     base_svm_linear, base_svm_rbf, base_mlp,
};
const size_t n_bases = LENGTH(bases);

/* --- running ----------------------------------------------------------------------------------------------------- */

static void check_load(const char *what, mlsel_status status, mlsel_status expected, const mlsel_model *out,
                       const mlsel_error *err) {
    if (status != expected)
        fail_msg("%s: %s, expected %s: %.239s", what, mlsel_status_name(status), mlsel_status_name(expected),
                 err != NULL ? err->message : "");
    test_untouched(&out, sizeof out, what);
}

/* From memory, where nothing follows the last byte. */
static void refuse_memory(const char *name, const void *data, size_t size, const mlsel_model_options *options,
                          mlsel_status expected, mlsel_error *err) {
    mlsel_model *out;
    void *copy = test_copy(data, size);
    test_fill(&out, sizeof out);
    *err = test_unset_error();
    test_quiet_begin();
    mlsel_status status = mlsel_model_load_memory(copy, size, options, &out, err);
    test_quiet_end(name);
    check_load(name, status, expected, out, err);
    test_error_sound(err, expected, name);
    if (expected == MLSEL_ERROR_PARSE && err->detail > size)
        fail_msg("%s: byte %llu of %zu", name, (unsigned long long)err->detail, size);
    test_quiet_begin();
    status = mlsel_model_load_memory(copy, size, options, &out, NULL);
    test_quiet_end(name);
    check_load(name, status, expected, out, NULL);
    free(copy);
}

/* From a file: the same error behind the file's name. */
static void refuse_file(const char *name, const void *data, size_t size, const mlsel_model_options *options,
                        mlsel_status expected, const mlsel_error *in_memory) {
    static const char prefix[] = "artifact.json: ";
    mlsel_model *out;
    mlsel_error err = test_unset_error();
    const char *path = test_write("artifact.json", data, size);
    test_fill(&out, sizeof out);
    test_quiet_begin();
    mlsel_status status = mlsel_model_load(path, options, &out, &err);
    test_quiet_end(name);
    check_load(name, status, expected, out, &err);
    test_error_sound(&err, expected, name);
    assert_int_equal(err.detail, in_memory->detail);
    const size_t skipped = sizeof prefix - 1;
    const size_t room = sizeof err.message - sizeof prefix; /* a message too long for the prefix is cut */
    if (strncmp(err.message, prefix, skipped) != 0 ||
        (strcmp(err.message + skipped, in_memory->message) != 0 && strlen(in_memory->message) <= room))
        fail_msg("%s: from a file the message is: %s", name, err.message);
    test_quiet_begin();
    status = mlsel_model_load(path, options, &out, NULL);
    test_quiet_end(name);
    check_load(name, status, expected, out, NULL);
}

void refuse_artifact(const char *name, const void *data, size_t size, const mlsel_model_options *options,
                     mlsel_status status, mlsel_error *err) {
    refuse_memory(name, data, size, options, status, err);
    refuse_file(name, data, size, options, status, err);
}

void refuse_text(const char *name, char *text, mlsel_status status, uint64_t detail, const char *message) {
    mlsel_error err;
    refuse_artifact(name, text, strlen(text), NULL, status, &err);
    test_error(&err, status, detail, message, name);
    free(text);
}

/* "@K: ..." stands for "byte N: ..." with N the position of the replaced text plus K; detail is N then. */
static void run_bad_artifact(const bad_artifact *row) {
    char message[512];
    uint64_t detail = 0;
    char *text = test_replace(row->base, row->from, row->to);
    const char *expected = row->message;
    if (*expected == '@') {
        char *rest;
        const uint64_t start = (uint64_t)(strstr(row->base, row->from) - row->base);
        detail = start + strtoull(expected + 1, &rest, 10);
        (void)snprintf(message, sizeof message, "byte %llu%s", (unsigned long long)detail, rest);
        expected = message;
    }
    refuse_text(row->name, text, row->status, detail, expected);
}

void run_bad_artifacts(const bad_artifact *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        run_bad_artifact(&rows[i]);
}

void test_bases(void **state) {
    (void)state;
    for (size_t i = 0; i < n_bases; i++)
        mlsel_model_release(test_load_text(bases[i], NULL));
}
