/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of the drop-in libraries, symbol by symbol: what a caller may hand in, and what comes back.
 */
#define _POSIX_C_SOURCE 200809L
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declarations.h"
#include "kinds.h"

static char *copy(const char *text) {
    char *own = malloc(strlen(text) + 1);
    CHECK(own != NULL, "memory");
    return strcpy(own, text);
}

/* from_json of a copy that is gone afterwards: nothing may point into what the caller gave. */
static void *load(const dropin_kind *kind, const char *json) {
    char *own = copy(json);
    void *handle = kind->from_json(own);
    memset(own, 'x', strlen(own));
    free(own);
    return handle;
}

static void expect_string(const dropin_kind *kind, char *got, const char *expected) {
    if (got == NULL || strcmp(got, expected) != 0) {
        printf("FAILED: %s: got %s, expected %s\n", kind->name, got == NULL ? "NULL" : got, expected);
        exit(1);
    }
    kind->free_string(got);
}

static void answers(const dropin_kind *kind, void *handle) {
    for (int i = 0; i < 2; i++) {
        double query[QUERY_WIDTH];
        memcpy(query, kind->query[i], sizeof query);
        expect_string(kind, kind->select(handle, query, QUERY_WIDTH), kind->answer[i]);
        CHECK(memcmp(query, kind->query[i], sizeof query) == 0, kind->name);
    }
}

static void nothing_given(const dropin_kind *kind) {
    double query[QUERY_WIDTH] = {1, 2};
    kind->free(NULL);
    kind->free_string(NULL);
    CHECK(kind->select(NULL, query, QUERY_WIDTH) == NULL, kind->name);
    CHECK(kind->is_trained(NULL) == 0, kind->name);
    CHECK(kind->to_json(NULL) == NULL, kind->name);
    CHECK(kind->from_json(NULL) == NULL, kind->name);
}

/* An untrained handle answers nothing and writes a document that gives another such handle. */
static void untrained(const dropin_kind *kind, void *handle) {
    double query[QUERY_WIDTH] = {1, 2};
    for (int generation = 0; generation < 3; generation++) {
        CHECK(handle != NULL, kind->name);
        CHECK(kind->is_trained(handle) == 0, kind->name);
        CHECK(kind->select(handle, query, QUERY_WIDTH) == NULL, kind->name);
        CHECK(kind->select(handle, NULL, 0) == NULL, kind->name);
        char *json = kind->to_json(handle);
        CHECK(json != NULL, kind->name);
        CHECK(strstr(json, "\"algorithm\"") != NULL && strstr(json, kind->name) != NULL, kind->name);
        kind->free(handle);
        handle = load(kind, json);
        kind->free_string(json);
    }
    kind->free(handle);
}

static void untrained_documents(const dropin_kind *kind) {
    untrained(kind, kind->make());
    for (int i = 0; kind->untrained[i] != NULL; i++) {
        void *handle = load(kind, kind->untrained[i]);
        CHECK(handle != NULL, kind->untrained[i]);
        expect_string(kind, kind->to_json(handle), kind->untrained[i]);
        untrained(kind, handle);
        for (int other = 0; other < N_KINDS; other++)
            CHECK(&kinds[other] == kind || load(&kinds[other], kind->untrained[i]) == NULL, kinds[other].name);
    }
}

static void trained(const dropin_kind *kind) {
    void *handle = load(kind, kind->artifact);
    CHECK(handle != NULL, kind->name);
    CHECK(kind->is_trained(handle) == 1, kind->name);
    answers(kind, handle);
    char *json = kind->to_json(handle);
    CHECK(json != NULL, kind->name);
    kind->free(handle);
    handle = load(kind, json);
    CHECK(handle != NULL, kind->name);
    CHECK(kind->is_trained(handle) == 1, kind->name);
    answers(kind, handle);
    expect_string(kind, kind->to_json(handle), json);
    kind->free_string(json);
    kind->free(handle);
}

static void bad_queries(const dropin_kind *kind) {
    static double wide[4096];
    void *handle = load(kind, kind->artifact);
    CHECK(handle != NULL, kind->name);
    CHECK(kind->select(handle, NULL, QUERY_WIDTH) == NULL, kind->name);
    CHECK(kind->select(handle, NULL, 0) == NULL, kind->name);
    const size_t widths[] = {0, 1, QUERY_WIDTH + 1, 4096};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        CHECK(kind->select(handle, wide, widths[i]) == NULL, kind->name);
    CHECK(kind->select(handle, wide, SIZE_MAX) == NULL, kind->name);
    const double bad[] = {NAN, INFINITY, -INFINITY, 1e300};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int at = 0; at < QUERY_WIDTH; at++) {
            double query[QUERY_WIDTH] = {1, 1};
            query[at] = bad[i];
            CHECK(kind->select(handle, query, QUERY_WIDTH) == NULL, kind->name);
        }
    answers(kind, handle); /* none of it did any harm */
    kind->free(handle);
}

static void broken_documents(const dropin_kind *kind) {
    static const char *const texts[] = {"",
                                        " ",
                                        "null",
                                        "[]",
                                        "{}",
                                        "\"knn\"",
                                        "{\"algorithm\":",
                                        "not JSON",
                                        "\xff",
                                        "{\"algorithm\":\"hiershrink\",\"trained\":false}",
                                        "{\"trained\":false}",
                                        "{\"x\":{\"algorithm\":\"knn\"},\"trained\":false}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(load(kind, texts[i]) == NULL, texts[i]);
    /* cut off anywhere, and with one more byte */
    const size_t size = strlen(kind->artifact);
    char *text = malloc(size + 2);
    CHECK(text != NULL, "memory");
    for (size_t cut = 0; cut < size; cut++) {
        memcpy(text, kind->artifact, cut);
        text[cut] = '\0';
        CHECK(kind->from_json(text) == NULL, text);
    }
    sprintf(text, "%s}", kind->artifact);
    CHECK(kind->from_json(text) == NULL, text);
    /* a number that is none */
    strcpy(text, kind->artifact);
    char *number = strstr(text, "[[1,");
    number = number == NULL ? strstr(text, "[1,") : number;
    number = number == NULL ? strstr(text, "[[0,") : number;
    CHECK(number != NULL, kind->name);
    number[strspn(number, "[")] = 'N';
    CHECK(kind->from_json(text) == NULL, text);
    free(text);
}

/* A handle or document of one kind is none of another. */
static void mixed_up(const dropin_kind *kind) {
    double query[QUERY_WIDTH] = {1, 1};
    for (int i = 0; i < N_KINDS; i++) {
        const dropin_kind *other = &kinds[i];
        if (other == kind || strcmp(kind->name, "mlp") == 0 || strcmp(other->name, "mlp") == 0)
            continue;
        void *handle = load(other, other->artifact);
        CHECK(handle != NULL, other->name);
        CHECK(kind->is_trained(handle) == 0, kind->name);
        CHECK(kind->select(handle, query, QUERY_WIDTH) == NULL, kind->name);
        CHECK(kind->to_json(handle) == NULL, kind->name);
        kind->free(handle);
        answers(other, handle);
        other->free(handle);
    }
    for (int i = 0; i < N_KINDS; i++)
        CHECK(&kinds[i] == kind || load(&kinds[i], kind->artifact) == NULL, kind->name);
}

/* --- what only one kind has -------------------------------------------------------------------------------------- */

static void expect_json(char *(*to_json)(void *), void (*free_handle)(void *), void (*free_text)(char *), void *handle,
                        const char *part) {
    char *json = to_json(handle);
    CHECK(json != NULL && strstr(json, part) != NULL, json == NULL ? "NULL" : json);
    free_text(json);
    free_handle(handle);
}

static void constructors(void) {
    const struct {
        int kernel;
        double gamma;
        const char *part;
    } svm[] = {{0, 2.5, "\"kernel_type\": \"Linear\""},
               {1, 2.5, "\"Rbf\", \"gamma\": 2.5,"},
               {7, 0.25, "\"Rbf\", \"gamma\": 0.25,"},
               {1, 0, "\"gamma\": 1,"},
               {1, -3, "\"gamma\": 1,"},
               {1, NAN, "\"gamma\": 1,"},
               {1, INFINITY, "\"gamma\": 1,"},
               {1, 1e-20, "\"gamma\": 9.9999999999999995e-21,"}};
    for (size_t i = 0; i < sizeof svm / sizeof *svm; i++)
        expect_json(ml_svm_to_json, ml_svm_free, ml_free_string, ml_svm_new_with_kernel(svm[i].kernel, svm[i].gamma),
                    svm[i].part);
    expect_json(ml_svm_to_json, ml_svm_free, ml_free_string, ml_svm_new(), "\"Rbf\", \"gamma\": 1,");
    const int numbers[] = {7, 1, 0, -5, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char part[64];
        snprintf(part, sizeof part, "\"k\": %d,", numbers[i] < 1 ? 1 : numbers[i]);
        expect_json(ml_knn_to_json, ml_knn_free, ml_free_string, ml_knn_new(numbers[i]), part);
        snprintf(part, sizeof part, "\"num_clusters\": %d,", numbers[i] < 1 ? 1 : numbers[i]);
        expect_json(ml_kmeans_to_json, ml_kmeans_free, ml_free_string, ml_kmeans_new(numbers[i]), part);
        untrained(&kinds[KIND_KNN], ml_knn_new(numbers[i]));
        untrained(&kinds[KIND_KMEANS], ml_kmeans_new(numbers[i]));
        untrained(&kinds[KIND_SVM], ml_svm_new_with_kernel(numbers[i], numbers[i]));
        untrained(&kinds[KIND_MLP], candle_mlp_new_with_device(numbers[i]));
        untrained(&kinds[KIND_MLP], candle_mlp_new_with_device_and_dtype(numbers[i], numbers[i]));
    }
}

/* Devices that are not here, and numbers that are none, mean the CPU and f32. */
static void devices(void) {
    const dropin_kind *mlp = &kinds[KIND_MLP];
    CHECK(candle_mlp_from_json_with_device(NULL, 0) == NULL, "NULL");
    CHECK(candle_mlp_from_json_with_device_and_dtype(NULL, 1, 1) == NULL, "NULL");
    for (int device = -1; device <= 4; device++) {
        char *json = copy(mlp->artifact);
        void *handle = candle_mlp_from_json_with_device(json, device);
        CHECK(handle != NULL, "device");
        answers(mlp, handle);
        candle_mlp_free(handle);
        for (int dtype = -1; dtype <= 4; dtype++) {
            handle = candle_mlp_from_json_with_device_and_dtype(json, device, dtype);
            CHECK(handle != NULL, "dtype");
            CHECK(candle_mlp_is_trained(handle) == 1, "dtype");
            answers(mlp, handle);
            candle_mlp_free(handle);
        }
        json[5] = '\0';
        CHECK(candle_mlp_from_json_with_device(json, device) == NULL, "broken");
        CHECK(candle_mlp_from_json_with_device_and_dtype(json, device, 1) == NULL, "broken");
        free(json);
    }
}

static void expect_scores(void *handle, double x, double y, int cluster, const double *expected, size_t n) {
    double query[QUERY_WIDTH] = {x, y}, scores[8];
    CHECK(ml_kmeans_score(handle, query, QUERY_WIDTH, scores, n) == cluster, "cluster");
    for (size_t i = 0; i < n; i++)
        CHECK(scores[i] == expected[i], "score");
}

/* Calls that give -1 and write nothing. */
static void refused_scores(void *handle, size_t n) {
    double query[QUERY_WIDTH] = {1, 1}, scores[8] = {7, 7, 7, 7, 7, 7, 7, 7};
    CHECK(ml_kmeans_score(NULL, query, QUERY_WIDTH, scores, n) == -1, "handle");
    CHECK(ml_kmeans_score(handle, NULL, QUERY_WIDTH, scores, n) == -1, "query");
    CHECK(ml_kmeans_score(handle, query, QUERY_WIDTH, NULL, n) == -1, "scores");
    CHECK(ml_kmeans_score(handle, query, QUERY_WIDTH, NULL, 0) == -1, "scores");
    CHECK(ml_kmeans_score(handle, query, 0, scores, n) == -1, "width 0");
    CHECK(ml_kmeans_score(handle, query, 1, scores, n) == -1, "width 1");
    for (size_t m = 0; m <= 8; m++)
        CHECK(m == n || ml_kmeans_score(handle, query, QUERY_WIDTH, scores, m) == -1, "number of candidates");
    query[1] = NAN;
    CHECK(ml_kmeans_score(handle, query, QUERY_WIDTH, scores, n) == -1, "NaN");
    for (int i = 0; i < 8; i++)
        CHECK(scores[i] == 7, "untouched");
}

static const char kmeans_v2[] =
    "{\"algorithm\":\"kmeans\",\"format_version\":2,\"target_contract\":\"selector.model-choice/v1\","
    "\"candidate_set\":{\"models\":[\"a\",\"b\",\"c\"]},\"feature\":{\"dim\":2,\"normalization\":\"none\"},"
    "\"distance\":\"squared_l2\",\"tie_break\":\"lowest_index\",\"num_clusters\":2,\"centroids\":[[0,0],[4,0]],"
    "\"scores\":[[0.5,0.75,-1],[0.25,0.125,0.25]],\"cluster_models\":[\"b\",\"a\"],"
    "\"model_names\":[\"c\",\"b\",\"a\"],\"feature_dim\":2}";

static void kmeans_scores(void) {
    const dropin_kind *kmeans = &kinds[KIND_KMEANS];
    void *handle = load(kmeans, kmeans_v2);
    CHECK(handle != NULL, "v2");
    expect_string(kmeans, ml_kmeans_candidates(handle), "[\"a\",\"b\",\"c\"]");
    expect_scores(handle, 1, 0, 0, (const double[]){0.5, 0.75, -1}, 3);
    expect_scores(handle, 2, 0, 0, (const double[]){0.5, 0.75, -1}, 3); /* as near to both: the lower index */
    expect_scores(handle, 3, 0, 1, (const double[]){0.25, 0.125, 0.25}, 3);
    refused_scores(handle, 3);
    double query[QUERY_WIDTH] = {3, 0};
    expect_string(kmeans, kmeans->select(handle, query, QUERY_WIDTH), "a");
    kmeans->free(handle);

    /* v1: by the bytes of the names, 1 for the nearest cluster's model */
    handle = load(kmeans, kmeans->artifact);
    CHECK(handle != NULL, "v1");
    expect_string(kmeans, ml_kmeans_candidates(handle), "[\"a\",\"b\303\251\",\"near \\\"zero\\\"\\u0001\\\\\",\"z\"]");
    expect_scores(handle, 1, 1, 0, (const double[]){0, 0, 1, 0}, 4);
    expect_scores(handle, 4, 1, 1, (const double[]){0, 1, 0, 0}, 4);
    expect_scores(handle, 0, 8, 2, (const double[]){0, 1, 0, 0}, 4);
    refused_scores(handle, 4);
    kmeans->free(handle);

    CHECK(ml_kmeans_candidates(NULL) == NULL, "candidates of NULL");
    handle = ml_kmeans_new(4);
    expect_string(kmeans, ml_kmeans_candidates(handle), "[]");
    refused_scores(handle, 0);
    ml_kmeans_free(handle);
    handle = load(&kinds[KIND_KNN], kinds[KIND_KNN].artifact);
    CHECK(ml_kmeans_candidates(handle) == NULL, "candidates of a KNN");
    refused_scores(handle, 2);
    ml_knn_free(handle);
}

/* Query and first row point the same way, but the second row is nearer as the crow flies. */
static void rules(int built_legacy) {
    const dropin_kind *knn = &kinds[KIND_KNN];
    const struct {
        const char *value;
        int legacy;
    } cases[] = {{"legacy", 1}, {"current", 0}, {"", built_legacy}, {"LEGACY", built_legacy}, {NULL, built_legacy}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].value != NULL)
            CHECK(setenv("MLSEL_DROPIN_RULES", cases[i].value, 1) == 0, "setenv");
        else
            CHECK(unsetenv("MLSEL_DROPIN_RULES") == 0, "unsetenv");
        void *handle = load(knn, knn->artifact);
        double query[QUERY_WIDTH] = {10, 0};
        expect_string(knn, knn->select(handle, query, QUERY_WIDTH), cases[i].legacy ? "large" : "small");
        knn->free(handle);
    }
    CHECK(setenv("MLSEL_DROPIN_RULES", "current", 1) == 0, "setenv"); /* for the rest of the program */
}

/* In a locale with a decimal comma documents still have points. */
static void decimal_comma(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8"};
    const char *compiled = getenv("TEST_LOCALE_DIR");
    int count = 0;
    for (int own = 0; own <= 1 && count == 0; own++) {
        if (own && (compiled == NULL || setenv("LOCPATH", compiled, 1) != 0))
            break;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (setlocale(LC_ALL, names[i]) != NULL && localeconv()->decimal_point[0] == ',') {
                constructors();
                trained(&kinds[KIND_SVM]);
                count++;
            }
    }
    setlocale(LC_ALL, "C");
    printf("%d locales with a decimal comma\n", count);
}

int main(int argc, char **argv) {
    rules(argc > 1 && strcmp(argv[1], "legacy") == 0);
    for (int i = 0; i < N_KINDS; i++) {
        nothing_given(&kinds[i]);
        untrained_documents(&kinds[i]);
        trained(&kinds[i]);
        bad_queries(&kinds[i]);
        broken_documents(&kinds[i]);
        mixed_up(&kinds[i]);
    }
    constructors();
    devices();
    kmeans_scores();
    decimal_comma();
    puts("the contract is kept");
    return 0;
}
