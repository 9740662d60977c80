/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client QUERIES.f32 ARTIFACT...: a host of the library that uses only what the first header had, and prints what it is
 * told. It is compiled with that header (first/core) and with today's; both must print the same with today's library.
 * Every struct that the library fills has bytes behind it that must stay as they are.
 */
#include <mlsel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { N_EMBEDDING = 1024, N_FEATURES = 1038, MAX_ROOM = 4096, MAX_LABELS = 16 };

static float embedding[N_EMBEDDING];
static float features[N_FEATURES];
static double wide[N_FEATURES];

static void print_selection(const char *what, const mlsel_selection *s) {
    printf("%s: index %d, runner-up %d, score %.17g, margin %.17g, probability %.17g, cluster %d, flags %u\n", what,
           (int)s->index, (int)s->runner_up, s->score, s->margin, s->probability, (int)s->cluster, (unsigned)s->flags);
}

static void print_numbers(const char *what, const double *values, size_t n) {
    printf("%s:", what);
    for (size_t i = 0; i < n; i++)
        printf(" %.17g", values[i]);
    printf("\n");
}

/* --- what a model is ---------------------------------------------------------------------------------------------- */

static void describe_layers(const mlsel_model *model, uint32_t n_layers) {
    for (uint32_t i = 0; i < n_layers; i++) {
        GUARDED(mlsel_layer_info) layer;
        mlsel_error err;
        guard(&layer, sizeof layer);
        client_ok(mlsel_model_get_layer(model, i, &layer.value, sizeof layer.value, &err), &err);
        guarded(layer.guard, "mlsel_layer_info");
        printf("layer %s %u %u %d %.17g\n", mlsel_layer_type_name(layer.value.type), (unsigned)layer.value.in_features,
               (unsigned)layer.value.out_features, (int)layer.value.has_bias, layer.value.parameter);
    }
}

static uint32_t describe(const mlsel_model *model) {
    GUARDED(mlsel_model_info) info;
    mlsel_error err;
    guard(&info, sizeof info);
    client_ok(mlsel_model_get_info(model, &info.value, sizeof info.value, &err), &err);
    guarded(info.guard, "mlsel_model_info");
    const mlsel_model_info *i = &info.value;
    client_check(i->struct_size == sizeof *i, "mlsel_model_info is filled up to its end");
    printf("%s version %u, %u features, %u labels, %u categories of layout %d and weight %.17g, %s on %s, %llu bytes\n",
           mlsel_algorithm_name(i->algorithm), (unsigned)i->format_version, (unsigned)i->n_features,
           (unsigned)i->n_labels, (unsigned)i->n_categories, (int)i->category_layout, i->category_weight,
           mlsel_precision_name(i->precision), i->device, (unsigned long long)i->memory_bytes);
    printf("hash %s, fallback %d, rule %d, k %u, %llu samples, %u clusters, form %d, kernel %d, %u classes, %u pairs, "
           "%llu vectors, gamma %.17g, %llu parameters\n",
           i->content_hash, (int)i->device_fallback, (int)i->knn_rule, (unsigned)i->k, (unsigned long long)i->n_samples,
           (unsigned)i->n_clusters, (int)i->svm_form, (int)i->svm_kernel, (unsigned)i->n_classes, (unsigned)i->n_pairs,
           (unsigned long long)i->n_support_vectors, i->gamma, (unsigned long long)i->n_parameters);
    describe_layers(model, i->n_layers);
    for (int32_t l = 0; l < (int32_t)mlsel_model_label_count(model); l++) {
        const char *label = mlsel_model_label(model, l);
        printf("label %s\n", label);
        client_check(mlsel_model_find_label(model, label) == l, "a label is found by its name");
    }
    for (int32_t c = 0; mlsel_model_category(model, c) != NULL; c++)
        printf("category %s\n", mlsel_model_category(model, c));
    return i->n_labels;
}

/* --- what it answers ---------------------------------------------------------------------------------------------- */

static void compose(const mlsel_model *model, const char *category) {
    uint32_t flags = 99;
    mlsel_error err;
    client_ok(mlsel_features_compose(model, NULL, embedding, N_EMBEDDING, category, features, N_FEATURES, &flags, &err),
              &err);
    printf("category \"%s\": flags %u\n", category, (unsigned)flags);
    for (size_t i = 0; i < N_FEATURES; i++)
        wide[i] = (double)features[i] * 1.0000001;
}

static void choose(const mlsel_model *model, const mlsel_query_options *options, size_t n_labels) {
    GUARDED(mlsel_selection) one, two;
    double scores[MAX_LABELS], probabilities[MAX_LABELS];
    mlsel_error err;
    guard(&one, sizeof one);
    guard(&two, sizeof two);
    client_ok(mlsel_select(model, features, N_FEATURES, options, &one.value, &err), &err);
    client_ok(mlsel_select_f64(model, wide, N_FEATURES, options, &two.value, &err), &err);
    guarded(one.guard, "mlsel_selection");
    guarded(two.guard, "mlsel_selection");
    print_selection("select", &one.value);
    print_selection("select_f64", &two.value);
    mlsel_selection batch[2];
    float pair[2 * N_FEATURES];
    memcpy(pair, features, sizeof features);
    memcpy(pair + N_FEATURES, features, sizeof features);
    pair[N_FEATURES] += 0.5f;
    client_ok(mlsel_select_batch(model, pair, 2, N_FEATURES, N_FEATURES, options, batch, &err), &err);
    print_selection("batch 0", &batch[0]);
    print_selection("batch 1", &batch[1]);
    client_ok(mlsel_score(model, features, N_FEATURES, options, scores, n_labels, &err), &err);
    print_numbers("scores", scores, n_labels);
    client_ok(mlsel_probabilities(model, scores, n_labels, options, probabilities, &err), &err);
    print_numbers("probabilities", probabilities, n_labels);
}

static void explain(const mlsel_model *model, const mlsel_query_options *options, size_t n_labels) {
    static mlsel_neighbour neighbours[MAX_ROOM];
    static double scores[MAX_ROOM], probabilities[MAX_ROOM], distances[MAX_ROOM], decisions[MAX_ROOM];
    static int32_t votes[MAX_ROOM];
    GUARDED(mlsel_evidence) evidence;
    mlsel_evidence *e = &evidence.value;
    mlsel_error err;
    guard(&evidence, sizeof evidence);
    mlsel_evidence_init(e, sizeof *e);
    e->scores = scores;
    e->probabilities = probabilities;
    e->neighbours = neighbours;
    e->cluster_distances = distances;
    e->pair_decisions = decisions;
    e->votes = votes;
    e->scores_capacity = e->probabilities_capacity = e->neighbours_capacity = e->cluster_distances_capacity = MAX_ROOM;
    e->pair_decisions_capacity = e->votes_capacity = MAX_ROOM;
    client_ok(mlsel_explain(model, features, N_FEATURES, options, e, &err), &err);
    guarded(evidence.guard, "mlsel_evidence");
    print_selection("explain", &e->selection);
    print_numbers("scores", scores, n_labels);
    print_numbers("probabilities", probabilities, n_labels);
    for (size_t i = 0; i < e->neighbour_count; i++)
        printf("neighbour %llu: %.17g %.17g %.17g %.17g %d\n", (unsigned long long)neighbours[i].row,
               neighbours[i].distance, neighbours[i].vote, neighbours[i].quality, neighbours[i].latency_ns,
               (int)neighbours[i].label);
    print_numbers("distances", distances, e->cluster_count);
    print_numbers("decisions", decisions, e->pair_count);
    for (size_t i = 0; i < e->vote_count; i++)
        printf("votes of %zu: %d\n", i, (int)votes[i]);
}

static void fail_to_choose(const mlsel_model *model) {
    mlsel_selection selection = {.index = 77};
    mlsel_error err;
    features[3] *= 1e38f * 1e38f;
    mlsel_status status = mlsel_select(model, features, N_FEATURES, NULL, &selection, &err);
    printf("%s at %llu: %s\n", mlsel_status_name(status), (unsigned long long)err.detail, err.message);
    status = mlsel_select(model, features, N_FEATURES - 1, NULL, &selection, &err);
    printf("%s: %s\n", mlsel_status_name(status), err.message);
    client_check(selection.index == 77, "a call that fails leaves its output alone");
}

/* --- one artifact ------------------------------------------------------------------------------------------------- */

static void ask(const mlsel_model *model, uint32_t n_labels) {
    GUARDED(mlsel_query_options) query;
    const int32_t last[] = {(int32_t)n_labels - 1};
    guard(&query, sizeof query);
    mlsel_query_options_init(&query.value, sizeof query.value);
    guarded(query.guard, "mlsel_query_options");
    compose(model, "math");
    choose(model, NULL, n_labels);
    choose(model, &query.value, n_labels);
    explain(model, &query.value, n_labels);
    query.value.eligible = last;
    query.value.n_eligible = 1;
    compose(model, "no such category");
    choose(model, &query.value, n_labels);
    explain(model, &query.value, n_labels);
    query.value.n_eligible = 0;
    mlsel_error err;
    mlsel_selection selection;
    printf("none eligible: %s\n",
           mlsel_status_name(mlsel_select(model, features, N_FEATURES, &query.value, &selection, &err)));
    fail_to_choose(model);
}

static void use(const char *path, int legacy) {
    GUARDED(mlsel_model_options) options;
    mlsel_model *model = NULL;
    mlsel_error err;
    guard(&options, sizeof options);
    mlsel_model_options_init(&options.value, sizeof options.value);
    guarded(options.guard, "mlsel_model_options");
    options.value.device = "cpu";
    options.value.knn_rule = legacy ? MLSEL_KNN_RULE_LEGACY : MLSEL_KNN_RULE_COSINE;
    options.value.k = legacy ? 3 : 0;
    client_ok(mlsel_model_load(path, &options.value, &model, &err), &err);
    ask(model, describe(model));
    mlsel_model_release(mlsel_model_retain(model));
    mlsel_model_release(model);
    options.value.max_bytes = 10;
    const mlsel_status status = mlsel_model_load(path, &options.value, &model, &err);
    printf("10 bytes: %s\n", mlsel_status_name(status));
}

static void look_at_device(void) {
    GUARDED(mlsel_device_info) device;
    mlsel_error err;
    guard(&device, sizeof device);
    client_ok(mlsel_device_query("cpu", &device.value, sizeof device.value, &err), &err);
    guarded(device.guard, "mlsel_device_info");
    printf("device %s, %s, %s, %u\n", device.value.name, device.value.description, device.value.isa,
           (unsigned)device.value.precisions);
}

int main(int argc, char **argv) {
    FILE *file = argc < 3 ? NULL : fopen(argv[1], "rb");
    if (file == NULL || fread(embedding, sizeof *embedding, N_EMBEDDING, file) != N_EMBEDDING) {
        printf("FAILED: usage: client QUERIES.f32 ARTIFACT...\n");
        return 2;
    }
    fclose(file);
    look_at_device();
    for (int i = 2; i < argc; i++)
        for (int legacy = 0; legacy < 2; legacy++)
            use(argv[i], legacy);
    return client_failed();
}
