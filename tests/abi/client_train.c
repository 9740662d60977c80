/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_train RECORDS.jsonl QUERIES.f32 ROUTER.yaml NEW_FOLDER: likewise with the first header of libmlsel_train
 * (first/train) and the mlsel.h of that time, which had the router: trains, evaluates, routes, and prints the results.
 */
#include <mlsel_train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { N_EMBEDDING = 1024, WIDTH = 64, MAX_CANDIDATES = 16 };

/* --- training ----------------------------------------------------------------------------------------------------- */

static mlsel_dataset *read_records(const char *path) {
    GUARDED(mlsel_read_options) options;
    GUARDED(mlsel_dataset_info) info;
    mlsel_dataset *data = NULL;
    mlsel_error err;
    guard(&options, sizeof options);
    guard(&info, sizeof info);
    mlsel_read_options_init(&options.value, sizeof options.value);
    guarded(options.guard, "mlsel_read_options");
    client_ok(mlsel_dataset_create(&data, &err), &err);
    client_ok(mlsel_dataset_read_records(data, path, &options.value, &err), &err);
    client_ok(mlsel_dataset_embed(data, WIDTH, &err), &err);
    client_ok(mlsel_dataset_get_info(data, &info.value, sizeof info.value, &err), &err);
    guarded(info.guard, "mlsel_dataset_info");
    printf("%llu queries, %llu models, %llu pairs, width %llu\n", (unsigned long long)info.value.n_queries,
           (unsigned long long)info.value.n_models, (unsigned long long)info.value.n_pairs,
           (unsigned long long)info.value.embedding_width);
    return data;
}

static int32_t on_progress(const mlsel_train_progress *progress, void *user) {
    client_check(progress->struct_size >= sizeof *progress, "progress is as large as in the first header");
    *(unsigned *)user += 1;
    return 0;
}

/* Small ones, as it is not the training that is looked at here. */
static void set_options(mlsel_train_options *options, unsigned *calls) {
    options->embedding_model = MLSEL_BUILTIN_EMBEDDER;
    options->folds = 2;
    options->knn_k = 5;
    options->kmeans_clusters = 4;
    options->svm_gamma = 1;
    options->svm_c = 1;
    options->mlp_hidden[0] = 8;
    options->n_mlp_hidden = 1;
    options->mlp_epochs = 2;
    options->progress = on_progress;
    options->user = calls;
}

static mlsel_model *train(const mlsel_dataset *data, mlsel_algorithm algorithm, const char *folder) {
    GUARDED(mlsel_train_options) options;
    GUARDED(mlsel_training_info) info;
    GUARDED(mlsel_save_options) save;
    mlsel_training *training = NULL;
    mlsel_model *model = NULL;
    mlsel_error err;
    unsigned calls = 0;
    char path[4096];
    guard(&options, sizeof options);
    guard(&info, sizeof info);
    guard(&save, sizeof save);
    mlsel_train_options_init(&options.value, sizeof options.value);
    guarded(options.guard, "mlsel_train_options");
    set_options(&options.value, &calls);
    const mlsel_status status = mlsel_train(data, algorithm, &options.value, &training, &err);
    if (status == MLSEL_ERROR_UNSUPPORTED) { /* an SVM without LIBSVM */
        printf("%s: %s\n", mlsel_algorithm_name(algorithm), mlsel_status_name(status));
        return NULL;
    }
    client_ok(status, &err);
    client_check(calls > 0, "progress was told");
    client_ok(mlsel_training_get_info(training, &info.value, sizeof info.value, &err), &err);
    guarded(info.guard, "mlsel_training_info");
    printf("%s: %llu rows, utility %.17g, calibration %d, k %u, %u clusters, %llu vectors, loss %.17g\n",
           mlsel_algorithm_name(info.value.algorithm), (unsigned long long)info.value.n_rows, info.value.cv_utility,
           (int)info.value.calibration, (unsigned)info.value.knn_k, (unsigned)info.value.n_clusters,
           (unsigned long long)info.value.n_support_vectors, info.value.training_loss);
    mlsel_save_options_init(&save.value, sizeof save.value);
    guarded(save.guard, "mlsel_save_options");
    save.value.replace = 1;
    snprintf(path, sizeof path, "%s/%s.json", folder, mlsel_algorithm_name(algorithm));
    client_ok(mlsel_training_save(training, path, &save.value, &err), &err);
    mlsel_training_free(training);
    client_ok(mlsel_model_load(path, NULL, &model, &err), &err);
    return model;
}

/* --- evaluation --------------------------------------------------------------------------------------------------- */

static void evaluate(const mlsel_dataset *data, const mlsel_contender *contenders, size_t n) {
    GUARDED(mlsel_evaluate_options) options;
    GUARDED(mlsel_policy) policy;
    mlsel_evaluation *evaluation = NULL;
    mlsel_error err;
    guard(&options, sizeof options);
    mlsel_evaluate_options_init(&options.value, sizeof options.value);
    guarded(options.guard, "mlsel_evaluate_options");
    options.value.resamples = 50;
    client_ok(mlsel_evaluate(data, contenders, n, &options.value, &evaluation, &err), &err);
    for (size_t i = 0; i < mlsel_evaluation_policy_count(evaluation); i++) {
        guard(&policy, sizeof policy);
        client_ok(mlsel_evaluation_get_policy(evaluation, i, &policy.value, sizeof policy.value, &err), &err);
        guarded(policy.guard, "mlsel_policy");
        printf("%s: quality %.17g (%.17g to %.17g), latency %.17g, regret %.17g, brier %.17g\n", policy.value.name,
               policy.value.quality, policy.value.quality_low, policy.value.quality_high, policy.value.latency_s,
               policy.value.regret, policy.value.brier);
    }
    mlsel_evaluation_free(evaluation);
}

/* --- routing ------------------------------------------------------------------------------------------------------ */

static void answer(const mlsel_router *router, const float *embedding, const char *category) {
    GUARDED(mlsel_request) request;
    GUARDED(mlsel_route) route;
    mlsel_route_candidate candidates[MAX_CANDIDATES];
    mlsel_error err;
    guard(&request, sizeof request);
    guard(&route, sizeof route);
    mlsel_request_init(&request.value, sizeof request.value);
    mlsel_route_init(&route.value, sizeof route.value);
    guarded(request.guard, "mlsel_request");
    request.value.embedding = embedding;
    request.value.n_embedding = N_EMBEDDING;
    request.value.category = category;
    route.value.candidates = candidates;
    route.value.candidates_capacity = MAX_CANDIDATES;
    client_ok(mlsel_router_route(router, &request.value, &route.value, &err), &err);
    guarded(route.guard, "mlsel_route");
    const mlsel_route *r = &route.value;
    printf("%s: %s by %s, flags %u, score %.17g, probability %.17g, confidence %.17g\n", category, r->served,
           r->decision == NULL ? "default" : r->decision, (unsigned)r->flags, r->score, r->probability, r->confidence);
    for (size_t i = 0; i < r->candidate_count && i < MAX_CANDIDATES; i++)
        printf("  %s %.17g %.17g %u\n", candidates[i].served, candidates[i].score, candidates[i].probability,
               (unsigned)candidates[i].flags);
}

static void route(const char *path, const float *embedding) {
    static const char *const categories[] = {"math", "computer science", "law", "no such category"};
    GUARDED(mlsel_router_options) options;
    mlsel_router *router = NULL;
    mlsel_error err;
    guard(&options, sizeof options);
    mlsel_router_options_init(&options.value, sizeof options.value);
    guarded(options.guard, "mlsel_router_options");
    client_ok(mlsel_router_open(path, &options.value, &router, &err), &err);
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        answer(router, embedding, categories[i]);
    client_ok(mlsel_router_reload(router, NULL, &err), &err);
    answer(router, embedding, "math");
    mlsel_router_release(router);
}

int main(int argc, char **argv) {
    static float embedding[N_EMBEDDING];
    FILE *file = argc != 5 ? NULL : fopen(argv[2], "rb");
    if (file == NULL || fread(embedding, sizeof *embedding, N_EMBEDDING, file) != N_EMBEDDING) {
        printf("FAILED: usage: client_train RECORDS.jsonl QUERIES.f32 ROUTER.yaml NEW_FOLDER\n");
        return 2;
    }
    fclose(file);
    mlsel_dataset *data = read_records(argv[1]);
    mlsel_contender contenders[MLSEL_ALGORITHM_MLP];
    size_t n = 0;
    for (mlsel_algorithm a = MLSEL_ALGORITHM_KNN; a <= MLSEL_ALGORITHM_MLP; a++) {
        mlsel_model *model = train(data, a, argv[4]);
        if (model != NULL)
            contenders[n++] = (mlsel_contender){mlsel_algorithm_name(a), model};
    }
    evaluate(data, contenders, n);
    for (size_t i = 0; i < n; i++)
        mlsel_model_release((mlsel_model *)contenders[i].model);
    mlsel_dataset_free(data);
    route(argv[3], embedding);
    return client_failed();
}
