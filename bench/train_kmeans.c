/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k-means as the KMeans trainer runs it, on made-up clustered rows or on those of a file; peers/train_kmeans.py does
 * the same with scikit-learn.
 *
 *     bench_train_kmeans [clusters [threads [starts [rows features [file [seed]]]]]]
 *
 * The file has rows x features values, float32 in the byte order of the machine; "-" or none: made up. A file that is
 * named by --write-to=PATH instead receives the made-up rows, for the peer. One line of JSON.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "train/kmeans_cluster.h"

enum { CENTERS = 64 };

/* Rows of length 1 around centers, as far from them as from each other, about. */
static void make_up(float *x, size_t n, size_t n_features, size_t stride) {
    random_state random;
    mlsel_i_random_seed(&random, 1, 1);
    float *centers = calloc(CENTERS, n_features * sizeof *centers);
    if (centers == NULL)
        exit(EXIT_FAILURE);
    for (size_t i = 0; i < CENTERS * n_features; i++)
        centers[i] = (float)(0.35 * mlsel_i_random_normal(&random));
    for (size_t r = 0; r < n; r++) {
        const float *center = centers + mlsel_i_random_below(&random, CENTERS) * n_features;
        float *row = x + r * stride;
        double squared = 0;
        for (size_t i = 0; i < n_features; i++) {
            row[i] = center[i] + (float)mlsel_i_random_normal(&random);
            squared += (double)row[i] * (double)row[i];
        }
        for (size_t i = 0; i < n_features; i++)
            row[i] = (float)((double)row[i] / sqrt(squared));
    }
    free(centers);
}

static bool read_rows(const char *path, float *x, size_t n, size_t n_features, size_t stride) {
    FILE *file = fopen(path, "rb");
    bool complete = file != NULL;
    for (size_t r = 0; r < n && complete; r++)
        complete = fread(x + r * stride, sizeof *x, n_features, file) == n_features;
    if (file != NULL)
        (void)fclose(file);
    return complete;
}

static bool write_rows(const char *path, const float *x, size_t n, size_t n_features, size_t stride) {
    FILE *file = fopen(path, "wb");
    bool complete = file != NULL;
    for (size_t r = 0; r < n && complete; r++)
        complete = fwrite(x + r * stride, sizeof *x, n_features, file) == n_features;
    if (file != NULL)
        complete = fclose(file) == 0 && complete;
    return complete;
}

static size_t argument(int argc, char **argv, int index, size_t otherwise) {
    const long long value = argc > index ? strtoll(argv[index], NULL, 10) : 0;
    return value > 0 ? (size_t)value : otherwise;
}

static bool run(const cluster_rows *rows, size_t k, size_t threads, size_t starts, uint64_t seed) {
    mlsel_error err;
    train_run run = {.share = 1, .err = &err};
    const cluster_settings settings = {
        .k = (uint32_t)k, .n_starts = (uint32_t)starts, .max_iterations = 300, .tolerance = 1e-4, .seed = seed};
    clustering *out = calloc(starts, sizeof *out);
    size_t best = 0;
    if (out == NULL)
        return false;
    if (threads > 1 && mlsel_i_team_create((uint32_t)threads, &run.team, &err) != MLSEL_OK) {
        free(out);
        return false;
    }
    const double started = now(CLOCK_MONOTONIC), busy = now(CLOCK_PROCESS_CPUTIME_ID);
    const mlsel_status status = mlsel_i_cluster(rows, &settings, &run, out, &best);
    const double seconds = now(CLOCK_MONOTONIC) - started, cpu = now(CLOCK_PROCESS_CPUTIME_ID) - busy;
    uint64_t iterations = 0;
    for (size_t i = 0; i < starts; i++)
        iterations += out[i].iterations;
    if (status == MLSEL_OK)
        printf("{\"what\": \"mlsel\", \"rows\": %zu, \"features\": %zu, \"clusters\": %zu, \"threads\": %zu, "
               "\"starts\": %zu, \"seconds\": %.4f, \"cpu_seconds\": %.4f, \"inertia\": %.6f, \"iterations\": %u, "
               "\"all_iterations\": %llu, "
               "\"peak_mib\": %llu}\n",
               rows->n, rows->n_features, k, threads, starts, seconds, cpu, out[best].inertia, out[best].iterations,
               (unsigned long long)iterations, (unsigned long long)(run.peak_bytes >> 20));
    else
        (void)fprintf(stderr, "%s\n", err.message);
    mlsel_i_clustering_free(&run, out, starts);
    mlsel_i_team_free(run.team);
    free(out);
    return status == MLSEL_OK;
}

int main(int argc, char **argv) {
    static const char option[] = "--write-to=";
    const size_t k = argument(argc, argv, 1, 8), threads = argument(argc, argv, 2, 1);
    const size_t starts = argument(argc, argv, 3, 10), n = argument(argc, argv, 4, 22000);
    const size_t n_features = argument(argc, argv, 5, 1038), stride = (n_features + 15) / 16 * 16;
    const char *path = argc > 6 && strcmp(argv[6], "-") != 0 ? argv[6] : NULL;
    const bool writes = path != NULL && strncmp(path, option, sizeof option - 1) == 0;
    float *x = mlsel_i_calloc(n, stride * sizeof *x);
    double *weights = mlsel_i_alloc(n, sizeof *weights);
    if (x == NULL || weights == NULL)
        return EXIT_FAILURE;
    for (size_t i = 0; i < n; i++)
        weights[i] = 1;
    bool good = true;
    if (path != NULL && !writes)
        good = read_rows(path, x, n, n_features, stride);
    else
        make_up(x, n, n_features, stride);
    if (writes)
        good = write_rows(path + sizeof option - 1, x, n, n_features, stride);
    else if (good)
        good = run(&(cluster_rows){.x = x, .stride = stride, .n = n, .n_features = n_features, .weights = weights}, k,
                   threads, starts, argument(argc, argv, 7, 42));
    if (!good)
        (void)fprintf(stderr, "bench_train_kmeans: failed\n");
    mlsel_i_free(x);
    mlsel_i_free(weights);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
