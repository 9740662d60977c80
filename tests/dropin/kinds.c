/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>

#include "declarations.h"

static void *new_knn(void) { return ml_knn_new(5); }
static void *new_kmeans(void) { return ml_kmeans_new(3); }

/* Answers by arithmetic on paper. KNN: the nearest direction. KMeans: the nearest centroid. SVM: the larger of
 * x and y. MLP: the larger of x - y and y - x + 1. */
const dropin_kind kinds[N_KINDS] = {
    {.name = "knn",
     .make = new_knn,
     .free = ml_knn_free,
     .select = ml_knn_select,
     .is_trained = ml_knn_is_trained,
     .to_json = ml_knn_to_json,
     .from_json = ml_knn_from_json,
     .free_string = ml_free_string,
     .artifact = "{\"algorithm\":\"knn\",\"trained\":true,\"k\":1,\"embeddings\":[[1,0],[10,1]],"
                 "\"labels\":[\"small\",\"large\"],\"qualities\":[0.5,0.5],\"latencies\":[0,0]}",
     .query = {{10, 0}, {5, 0.5}},
     .answer = {"small", "large"},
     .untrained = {"{\"algorithm\":\"knn\",\"trained\":false}",
                   " {\"x\":{\"algorithm\":\"svm\"},\"y\":[\"algorithm\",\"\\\"\"],\n\"trained\": false,"
                   "\"algorithm\" : \"knn\",\"k\":3}",
                   "{\"algorithm\":\"knn\",\"k\":3,\"embeddings\":[],\"labels\":[]}"}},
    {.name = "kmeans",
     .make = new_kmeans,
     .free = ml_kmeans_free,
     .select = ml_kmeans_select,
     .is_trained = ml_kmeans_is_trained,
     .to_json = ml_kmeans_to_json,
     .from_json = ml_kmeans_from_json,
     .free_string = ml_free_string,
     .artifact = "{\"algorithm\":\"kmeans\",\"trained\":true,\"num_clusters\":3,\"centroids\":[[0,0],[4,0],[0,9]],"
                 "\"cluster_models\":[\"near \\\"zero\\\"\\u0001\\\\\",\"b\\u00e9\",\"b\\u00e9\"],"
                 "\"model_names\":[\"z\",\"near \\\"zero\\\"\\u0001\\\\\",\"b\\u00e9\",\"a\"]}",
     .query = {{1, 1}, {0, 8}},
     .answer = {"near \"zero\"\001\\", "b\303\251"},
     .untrained = {"{\"algorithm\":\"kmeans\",\"trained\":false}",
                   "{\"algorithm\":\"kmeans\",\"num_clusters\":2,\"centroids\":[],\"cluster_models\":[]}"}},
    {.name = "svm",
     .make = ml_svm_new,
     .free = ml_svm_free,
     .select = ml_svm_select,
     .is_trained = ml_svm_is_trained,
     .to_json = ml_svm_to_json,
     .from_json = ml_svm_from_json,
     .free_string = ml_free_string,
     .artifact = "{\"algorithm\":\"svm\",\"trained\":true,\"model_names\":[\"x\",\"y\"],\"kernel_type\":\"Linear\","
                 "\"linear_classifiers\":[{\"model_name\":\"x\",\"weights\":[1,0],\"rho\":0},"
                 "{\"model_name\":\"y\",\"weights\":[0,1],\"rho\":0}]}",
     .query = {{2, 1}, {1, 2}},
     .answer = {"x", "y"},
     .untrained = {"{\"algorithm\":\"svm\",\"trained\":false,\"kernel_type\":\"Rbf\",\"gamma\":1.0}"}},
    {.name = "mlp",
     .make = candle_mlp_new,
     .free = candle_mlp_free,
     .select = candle_mlp_select,
     .is_trained = candle_mlp_is_trained,
     .to_json = candle_mlp_to_json,
     .from_json = candle_mlp_from_json,
     .free_string = candle_mlp_free_string,
     .artifact = "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[\"first\",\"second\"],\"feature_dim\":2,"
                 "\"layers\":[{\"type\":\"linear\",\"in_features\":2,\"out_features\":2,"
                 "\"weight\":[[1,-1],[-1,1]],\"bias\":[0,1]}]}",
     .query = {{3, 1}, {1, 1}},
     .answer = {"first", "second"},
     .untrained = {"{\"algorithm\":\"mlp\",\"trained\":false,\"model_names\":[],\"layers\":[]}",
                   "{\"algorithm\":\"mlp\",\"model_names\":[\"a\"],\"layers\":[]}"}},
};

void check(int condition, const char *what, const char *text, const char *file, int line) {
    if (condition)
        return;
    printf("FAILED: %s:%d: %s: %s\n", file, line, what, text);
    exit(1);
}

char *read_all(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    size_t used = 0, capacity = 1 << 16;
    char *data = malloc(capacity + 1);
    CHECK(data != NULL, path);
    for (size_t got; (got = fread(data + used, 1, capacity - used, file)) > 0;) {
        used += got;
        if (used == capacity) {
            capacity *= 2;
            data = realloc(data, capacity + 1);
            CHECK(data != NULL, path);
        }
    }
    fclose(file);
    data[used] = '\0';
    if (size != NULL)
        *size = used;
    return data;
}
