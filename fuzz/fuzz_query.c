/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries of any kind to sound models of every kind: wrong widths and strides, values that are no numbers, masks, lists
 * and trade-offs with sizes of their own, arrays that are too small. Batches answer as single calls do.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "input.h"
#include "mlsel.h"

static const char *const artifacts[] = {
    "{\"algorithm\":\"knn\",\"k\":3,\"embeddings\":[[1,0,0],[0,1,0],[0,0,1],[1,1,0],[0,0,0]],"
    "\"labels\":[\"a\",\"b\",\"c\",\"b\",\"a\"],\"qualities\":[0.9,0.5,0.1,1,0],\"latencies\":[10,2000000000,0,5,1]}",
    "{\"algorithm\":\"knn\",\"k\":2,\"model_names\":[\"a\",\"b\"],\"embeddings\":[[1,0],[0,1],[0.5,0.5]],"
    "\"labels\":[\"a\",\"b\",\"a\"],\"outcomes\":{\"quality\":[[0.9,0.5],[-1,1],[0.5,-1]],\"latency_ns\":[[1,2],[3,0],["
    "0,"
    "5]],\"prior\":[0.5,0.25],\"beta\":2,\"shrinkage\":0.5}}",
    "{\"algorithm\":\"kmeans\",\"num_clusters\":3,\"centroids\":[[0,0],[1,0],[0,1]],\"cluster_models\":[\"a\",\"b\","
    "\"a\"]}",
    "{\"algorithm\":\"svm\",\"model_names\":[\"a\",\"b\",\"c\"],\"kernel_type\":\"Rbf\",\"gamma\":0.5,\"support_"
    "vectors\":[[1,0],"
    "[0,1],[0.5,0.5],[-1,0]],\"dual_coef\":[[1,-0.5,-0.5,0.25],[0.5,0.5,-1,1]],\"intercept\":[0.1,-0.2,0.05],"
    "\"n_support\":[2,1,1],\"classes\":[\"a\",\"b\",\"c\"]}",
    "{\"algorithm\":\"svm\",\"model_names\":[\"x\",\"y\"],\"linear_classifiers\":[{\"model_name\":\"x\",\"weights\":[1,"
    "0],"
    "\"rho\":0},{\"model_name\":\"y\",\"weights\":[0,1],\"rho\":0.5}]}",
    "{\"algorithm\":\"mlp\",\"model_names\":[\"a\",\"b\",\"c\"],\"layers\":[{\"type\":\"linear\",\"in_features\":2,"
    "\"out_features\":3,\"weight\":[[1,-1],[0.5,2],[-3,0.25]],\"bias\":[0,0.5,-1]}],\"calibration\":{\"method\":"
    "\"platt\","
    "\"models\":[\"a\",\"b\"],\"slope\":[1,0],\"intercept\":[0,0.5],\"records\":9}}",
    "{\"algorithm\":\"knn\",\"k\":1,\"categories\":[\"math\",\"other\"],\"category_weight\":0.5,\"embeddings\":[[1,0,0."
    "5,0],"
    "[0,1,0,0.5]],\"labels\":[\"x\",\"y\"]}",
};

enum { N_MODELS = sizeof artifacts / sizeof *artifacts, MAX_VALUES = 64, MAX_LABELS = 8, MAX_BATCH = 6 };

static mlsel_model *models[N_MODELS];

static void release_all(void) {
    for (size_t i = 0; i < N_MODELS; i++)
        mlsel_model_release(models[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    for (size_t i = 0; i < N_MODELS; i++) {
        mlsel_error err;
        const mlsel_status status = mlsel_model_load_memory(artifacts[i], strlen(artifacts[i]), NULL, &models[i], &err);
        FUZZ_CHECK_THAT(status == MLSEL_OK, "%s", err.message);
    }
    return atexit(release_all);
}

/* A query's options with everything that they point to. */
struct asking {
    mlsel_query_options options;
    mlsel_tradeoff tradeoff;
    uint8_t mask[MAX_LABELS];
    int32_t list[MAX_LABELS];
    double costs[MAX_LABELS];
};

static void make_options(struct asking *a, struct fuzz_input *in, size_t n_labels) {
    const uint8_t what = fuzz_u8(in);
    mlsel_query_options_init(&a->options, sizeof a->options);
    if ((what & 1) != 0) {
        for (size_t i = 0; i < MAX_LABELS; i++)
            a->mask[i] = fuzz_u8(in) & 3;
        a->options.eligible_mask = a->mask;
        a->options.eligible_mask_size = (what & 128) != 0 ? fuzz_below(in, MAX_LABELS) : n_labels;
    }
    if ((what & 2) != 0) {
        for (size_t i = 0; i < MAX_LABELS; i++)
            a->list[i] = (int32_t)fuzz_u8(in) % 10 - ((what & 64) != 0 ? 1 : 0);
        a->options.eligible = a->list;
        a->options.n_eligible = fuzz_below(in, MAX_LABELS);
    }
    if ((what & 12) != 12)
        return;
    mlsel_tradeoff_init(&a->tradeoff, sizeof a->tradeoff);
    a->tradeoff.flags = fuzz_u8(in) & 3;
    a->tradeoff.quality_weight = fuzz_double(in);
    a->tradeoff.latency_weight = fuzz_double(in);
    a->tradeoff.cost_weight = fuzz_double(in);
    a->tradeoff.latency_scale_ns = fuzz_double(in);
    a->tradeoff.cost_scale = fuzz_double(in);
    a->tradeoff.tolerance = fuzz_double(in);
    if (fuzz_bool(in)) {
        for (size_t i = 0; i < MAX_LABELS; i++)
            a->costs[i] = fuzz_double(in);
        a->tradeoff.costs = a->costs;
        a->tradeoff.n_costs = (what & 128) != 0 ? fuzz_below(in, MAX_LABELS) : n_labels;
    }
    a->options.tradeoff = &a->tradeoff;
}

static bool is_eligible(const struct asking *a, int32_t label) {
    if (a->options.eligible_mask != NULL)
        return a->options.eligible_mask[label] != 0;
    bool found = a->options.eligible == NULL;
    for (size_t i = 0; i < a->options.n_eligible; i++)
        found = found || a->options.eligible[i] == label;
    return found;
}

static void check_answer(const mlsel_model *model, const struct asking *a, const mlsel_selection *s) {
    const int32_t n = (int32_t)mlsel_model_label_count(model);
    FUZZ_CHECK(s->index >= 0 && s->index < n && is_eligible(a, s->index));
    FUZZ_CHECK(s->runner_up == -1 || (s->runner_up < n && s->runner_up != s->index && is_eligible(a, s->runner_up)));
    FUZZ_CHECK(isfinite(s->score) && !isnan(s->margin) && s->probability >= 0 && s->probability <= 1 + 1e-12);
    FUZZ_CHECK((s->runner_up == -1) == (isinf(s->margin) && s->margin > 0));
}

static void check_scores(const mlsel_model *model, const struct asking *a, const double *query, size_t n,
                         const mlsel_selection *best) {
    double scores[MAX_LABELS], probabilities[MAX_LABELS], confidences[MAX_LABELS], sum = 0;
    mlsel_error err;
    const size_t n_labels = mlsel_model_label_count(model);
    FUZZ_CHECK(mlsel_score_f64(model, query, n, &a->options, scores, n_labels, &err) == MLSEL_OK);
    FUZZ_CHECK(memcmp(&scores[best->index], &best->score, sizeof best->score) == 0);
    FUZZ_CHECK(mlsel_probabilities(model, scores, n_labels, &a->options, probabilities, &err) == MLSEL_OK);
    for (size_t i = 0; i < n_labels; i++) {
        FUZZ_CHECK(is_eligible(a, (int32_t)i) || probabilities[i] <= 0);
        sum += probabilities[i];
    }
    FUZZ_CHECK(fabs(sum - 1) < 1e-9);
    if (mlsel_confidences(model, scores, n_labels, confidences, &err) == MLSEL_OK)
        for (size_t i = 0; i < n_labels; i++)
            FUZZ_CHECK(isnan(confidences[i]) || (confidences[i] >= 0 && confidences[i] <= 1));
}

static void check_batch(const mlsel_model *model, const struct asking *a, const double *values, size_t n,
                        struct fuzz_input *in) {
    mlsel_selection together[MAX_BATCH], alone;
    mlsel_model_info info;
    mlsel_error err;
    const size_t count = fuzz_below(in, MAX_BATCH + 1), stride = n + fuzz_below(in, 3);
    if (count > 0 && (count - 1) * stride + n > MAX_VALUES)
        return;
    const mlsel_status status = mlsel_select_batch_f64(model, values, count, stride, n, &a->options, together, &err);
    FUZZ_CHECK(mlsel_model_get_info(model, &info, sizeof info, NULL) == MLSEL_OK);
    bool all = true;
    for (size_t q = 0; q < count; q++) {
        const mlsel_status single = mlsel_select_f64(model, values + q * stride, n, &a->options, &alone, &err);
        all = all && single == MLSEL_OK;
        if (status != MLSEL_OK || single != MLSEL_OK)
            continue;
        check_answer(model, a, &together[q]);
        if (info.algorithm == MLSEL_ALGORITHM_KNN || info.algorithm == MLSEL_ALGORITHM_KMEANS)
            FUZZ_CHECK(memcmp(&together[q], &alone, sizeof alone) == 0);
    }
    FUZZ_CHECK(count == 0 || all == (status == MLSEL_OK));
}

static void compose(const mlsel_model *model, struct fuzz_input *in, const double *values) {
    float embedding[MAX_VALUES], features[MAX_VALUES];
    char category[32];
    uint32_t flags;
    mlsel_error err;
    const size_t n = fuzz_below(in, 48), width = n + fuzz_below(in, 16);
    fuzz_string(in, category, sizeof category);
    for (size_t i = 0; i < n; i++)
        embedding[i] = fabs(values[i]) <= 1e38 ? (float)values[i] : NAN;
    const mlsel_status status = mlsel_features_compose(fuzz_bool(in) ? model : NULL, NULL, embedding, n, category,
                                                       features, width, &flags, &err);
    FUZZ_CHECK(status == err.code);
    if (status == MLSEL_OK)
        FUZZ_CHECK(n == 0 || memcmp(features, embedding, n * sizeof *features) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = fuzz_input(data, size);
    static struct asking a;
    double values[MAX_VALUES];
    mlsel_selection s;
    mlsel_error err;
    mlsel_model_info info;
    memset(&a, 0, sizeof a);
    const mlsel_model *model = models[fuzz_below(&in, N_MODELS)];
    FUZZ_CHECK(mlsel_model_get_info(model, &info, sizeof info, &err) == MLSEL_OK);
    make_options(&a, &in, info.n_labels);
    const uint8_t odd = fuzz_u8(&in);
    const size_t n = odd > 240 ? fuzz_below(&in, 8) : info.n_features;
    for (size_t i = 0; i < MAX_VALUES; i++)
        values[i] = i < 24 ? fuzz_double(&in) : values[i % 24];
    const mlsel_status status = mlsel_select_f64(model, values, n, &a.options, &s, &err);
    bool is_finite = true;
    for (size_t i = 0; i < n; i++)
        is_finite = is_finite && fabs(values[i]) <= 3.4028234663852886e38;
    FUZZ_CHECK(status == err.code && status != MLSEL_ERROR_INTERNAL && status != MLSEL_ERROR_NO_MEMORY);
    FUZZ_CHECK(status != MLSEL_OK || (n == info.n_features && is_finite));
    FUZZ_CHECK(status != MLSEL_ERROR_NOT_FINITE || !is_finite);
    if (status == MLSEL_OK) {
        check_answer(model, &a, &s);
        check_scores(model, &a, values, n, &s);
    }
    check_batch(model, &a, values, n, &in);
    compose(model, &in, values);
    return 0;
}
