/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_first_plugin QUERIES.f32 ARTIFACT...: the plugin that first_plugin.c makes, found by MLSEL_PLUGIN_PATH, answers
 * as the CPU does.
 */
#include <math.h>
#include <mlsel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { N_EMBEDDING = 1024, N_FEATURES = 1038, N_QUERIES = 7, MAX_LABELS = 16 };

static float queries[N_QUERIES * N_FEATURES];

static mlsel_model *load(const char *path, const char *device) {
    mlsel_model_options options;
    mlsel_model_info info;
    mlsel_model *model = NULL;
    mlsel_error err;
    mlsel_model_options_init(&options, sizeof options);
    options.device = device;
    client_ok(mlsel_model_load(path, &options, &model, &err), &err);
    client_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    client_check(strncmp(info.device, device, strlen(device)) == 0, "the model is on the device asked for");
    return model;
}

static void compare(const mlsel_model *cpu, const mlsel_model *plugin) {
    const size_t n_labels = mlsel_model_label_count(cpu);
    const int32_t last[] = {(int32_t)n_labels - 1};
    for (int restricted = 0; restricted < 2; restricted++) {
        mlsel_selection expected[N_QUERIES], got[N_QUERIES];
        mlsel_query_options options;
        mlsel_error err;
        mlsel_query_options_init(&options, sizeof options);
        options.eligible = restricted ? last : NULL;
        options.n_eligible = (size_t)restricted;
        client_ok(mlsel_select_batch(cpu, queries, N_QUERIES, N_FEATURES, N_FEATURES, &options, expected, &err), &err);
        client_ok(mlsel_select_batch(plugin, queries, N_QUERIES, N_FEATURES, N_FEATURES, &options, got, &err), &err);
        for (size_t q = 0; q < N_QUERIES; q++) {
            client_check(expected[q].index == got[q].index, "the same choice");
            client_check(expected[q].runner_up == got[q].runner_up, "the same runner-up");
            client_check(expected[q].cluster == got[q].cluster, "the same cluster");
            client_check(fabs(expected[q].score - got[q].score) <= 1e-4 * (1 + fabs(expected[q].score)),
                         "the same score");
        }
    }
}

int main(int argc, char **argv) {
    mlsel_device_info device;
    mlsel_error err;
    FILE *file = argc < 3 ? NULL : fopen(argv[1], "rb");
    if (file == NULL) {
        printf("FAILED: usage: test_first_plugin QUERIES.f32 ARTIFACT...\n");
        return 2;
    }
    for (size_t q = 0; q < N_QUERIES; q++) {
        float *query = queries + q * N_FEATURES;
        if (fread(query, sizeof *query, N_EMBEDDING, file) != N_EMBEDDING) /* fewer are there: variants of the first */
            memcpy(query, queries, N_EMBEDDING * sizeof *query);
        query[N_EMBEDDING + q] = 1;
    }
    fclose(file);
    client_ok(mlsel_device_query("cuda", &device, sizeof device, &err), &err);
    client_check(strcmp(device.description, "device of an old plugin") == 0, "it is this plugin that was opened");
    for (int i = 2; i < argc; i++) {
        mlsel_model *cpu = load(argv[i], "cpu"), *plugin = load(argv[i], "cuda");
        compare(cpu, plugin);
        mlsel_model_release(plugin);
        mlsel_model_release(cpu);
        printf("%s: compared\n", argv[i]);
    }
    return client_failed();
}
