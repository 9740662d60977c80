/* SPDX-License-Identifier: Apache-2.0 */
/* A KMeans artifact as text: as the ecosystem's trainer writes it, or in the versioned form. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "kmeans.h"

void mlsel_i_kmeans_free(void *state) {
    kmeans_state *s = state;
    if (s == NULL)
        return;
    mlsel_i_free(s->centroids);
    mlsel_i_free(s->choices);
    mlsel_i_free(s->scores);
    mlsel_i_free(s->support);
    mlsel_i_free(s->sizes);
    mlsel_i_free(s->prior);
    mlsel_i_free(s->prior_counts);
    mlsel_i_free(s);
}

/* --- ids: hashes of what they stand for --------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *data, size_t size) { return XXH3_64bits_withSeed(data, size, hash); }

void mlsel_i_kmeans_hash(const train_table *table, const train_settings *settings, kmeans_state *state) {
    const char *embedding_model = settings->options.embedding_model;
    const double weight = settings->options.category_weight;
    const uint64_t shape[] = {table->n_features, table->n_categories, (uint64_t)settings->options.category_layout};
    const size_t cells = table->n_queries * table->n_models;
    uint64_t hash = mix(0, shape, sizeof shape);
    hash = mix(hash, &weight, sizeof weight);
    if (embedding_model != NULL)
        hash = mix(hash, embedding_model, strlen(embedding_model));
    state->feature_hash = hash;
    for (size_t q = 0; q < table->n_queries; q++)
        hash = mix(hash, table->x + q * table->stride, table->n_features * sizeof *table->x);
    for (size_t i = 0; i < table->n_models; i++)
        hash = mix(hash, table->models[i], strlen(table->models[i]) + 1);
    hash = mix(hash, table->utility, cells * sizeof *table->utility);
    state->data_hash = hash;
}

static void write_id(json_writer *w, const char *key, uint64_t hash) {
    char text[17];
    (void)snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    mlsel_i_write_string_member(w, key, text);
}

/* --- members ------------------------------------------------------------------------------------------------------ */

/* Whole numbers are written without a point. */
static void write_values(json_writer *w, const double *values, size_t n, bool are_counts) {
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < n; i++)
        if (are_counts)
            mlsel_i_write_number(w, values[i]);
        else
            mlsel_i_write_f64(w, values[i]);
    mlsel_i_write_close(w, ']');
}

static void write_rows(json_writer *w, const char *key, const double *values, size_t rows, size_t n, bool are_counts) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_open(w, '[');
    for (size_t r = 0; r < rows; r++)
        write_values(w, values + r * n, n, are_counts);
    mlsel_i_write_close(w, ']');
}

/* As doubles, in all their digits: every reader then has the very centroids that were trained. */
static void write_centroids(const kmeans_state *s, json_writer *w) {
    mlsel_i_write_key(w, "centroids");
    mlsel_i_write_open(w, '[');
    for (size_t c = 0; c < s->k; c++) {
        mlsel_i_write_open(w, '[');
        for (size_t i = 0; i < s->n_features; i++)
            mlsel_i_write_f64(w, (double)s->centroids[c * s->n_features + i]);
        mlsel_i_write_close(w, ']');
    }
    mlsel_i_write_close(w, ']');
}

static void write_cluster_models(const kmeans_state *s, const char *const *models, json_writer *w) {
    mlsel_i_write_key(w, "cluster_models");
    mlsel_i_write_open(w, '[');
    for (size_t c = 0; c < s->k; c++)
        mlsel_i_write_string(w, models[s->choices[c]]);
    mlsel_i_write_close(w, ']');
}

/* --- the two forms ------------------------------------------------------------------------------------------------ */

static void write_v1(const kmeans_state *s, const char *const *models, json_writer *w) {
    mlsel_i_write_count_member(w, "num_clusters", s->k);
    write_centroids(s, w);
    write_cluster_models(s, models, w);
    mlsel_i_write_count_member(w, "n_clusters", s->k);
    mlsel_i_write_f64_member(w, "efficiency_weight", 0.1);
    mlsel_i_write_texts_member(w, "model_names", models, s->n_models);
    mlsel_i_write_count_member(w, "feature_dim", s->n_features);
    if (s->options.objective != MLSEL_OBJECTIVE_COMPATIBLE)
        write_rows(w, "cluster_utilities", s->scores, s->k, s->n_models, false);
}

static void write_objective(const kmeans_state *s, json_writer *w) {
    const bool is_compatible = s->options.objective == MLSEL_OBJECTIVE_COMPATIBLE;
    const double quality = is_compatible ? COMPATIBLE_QUALITY_WEIGHT : s->options.quality_weight;
    const double what[] = {is_compatible, quality, SPEED_SCALE_MS};
    mlsel_i_write_key(w, "objective");
    mlsel_i_write_open(w, '{');
    write_id(w, "id", mix(0, what, sizeof what));
    mlsel_i_write_count_member(w, "version", 1);
    mlsel_i_write_key(w, "weights");
    mlsel_i_write_open(w, '{');
    mlsel_i_write_f64_member(w, "quality", quality);
    mlsel_i_write_f64_member(w, "latency", round((1 - quality) * 1e12) / 1e12); /* 0.1 for 0.9 */
    mlsel_i_write_f64_member(w, "cost", 0);
    mlsel_i_write_close(w, '}');
    mlsel_i_write_f64_member(w, "latency_scale_ms", SPEED_SCALE_MS);
    mlsel_i_write_f64_member(w, "cost_scale", 1);
    mlsel_i_write_close(w, '}');
}

static void write_candidates(const kmeans_state *s, const char *const *models, json_writer *w) {
    uint64_t hash = 0;
    for (size_t i = 0; i < s->n_models; i++)
        hash = mix(hash, models[i], strlen(models[i]) + 1);
    mlsel_i_write_key(w, "candidate_set");
    mlsel_i_write_open(w, '{');
    write_id(w, "id", hash);
    mlsel_i_write_texts_member(w, "models", models, s->n_models);
    mlsel_i_write_close(w, '}');
}

static void write_clustering(const kmeans_state *s, json_writer *w) {
    const cluster_settings how = mlsel_i_kmeans_settings(&s->options, s->k);
    mlsel_i_write_key(w, "clustering");
    mlsel_i_write_open(w, '{');
    mlsel_i_write_string_member(w, "init", "k-means++");
    mlsel_i_write_string_member(w, "algorithm", "lloyd");
    mlsel_i_write_string_member(w, "dtype", "float32");
    mlsel_i_write_count_member(w, "requested_k", s->requested);
    mlsel_i_write_count_member(w, "effective_k", s->k);
    mlsel_i_write_count_member(w, "seed", how.seed);
    mlsel_i_write_count_member(w, "n_init", how.n_starts);
    mlsel_i_write_count_member(w, "max_iter", how.max_iterations);
    mlsel_i_write_f64_member(w, "tol", how.tolerance);
    mlsel_i_write_count_member(w, "train_queries", s->n_queries);
    mlsel_i_write_close(w, '}');
}

static void write_v2(const kmeans_state *s, const char *const *models, json_writer *w) {
    mlsel_i_write_string_member(w, "target_contract", "selector.model-choice/v1");
    write_objective(s, w);
    write_candidates(s, models, w);
    mlsel_i_write_key(w, "feature");
    mlsel_i_write_open(w, '{');
    write_id(w, "snapshot_id", s->feature_hash);
    mlsel_i_write_count_member(w, "dim", s->n_features);
    mlsel_i_write_string_member(w, "normalization", "none");
    mlsel_i_write_close(w, '}');
    write_id(w, "training_snapshot_id", s->data_hash);
    write_clustering(s, w);
    mlsel_i_write_string_member(w, "distance", "squared_l2");
    mlsel_i_write_string_member(w, "tie_break", "lowest_index");
    mlsel_i_write_count_member(w, "num_clusters", s->k);
    write_centroids(s, w);
    mlsel_i_write_key(w, "cluster_sizes");
    write_values(w, s->sizes, s->k, true);
    write_rows(w, "scores", s->scores, s->k, s->n_models, false);
    write_rows(w, "support", s->support, s->k, s->n_models, true);
    /* scores are complete: whoever falls back by support as well changes nothing */
    mlsel_i_write_key(w, "fallback");
    mlsel_i_write_open(w, '{');
    mlsel_i_write_count_member(w, "min_support", s->options.objective == MLSEL_OBJECTIVE_COMPATIBLE ? 0 : 1);
    mlsel_i_write_key(w, "global_scores");
    write_values(w, s->prior, s->n_models, false);
    mlsel_i_write_key(w, "global_support");
    write_values(w, s->prior_counts, s->n_models, true);
    mlsel_i_write_close(w, '}');
    write_cluster_models(s, models, w);
    mlsel_i_write_texts_member(w, "model_names", models, s->n_models);
    mlsel_i_write_count_member(w, "feature_dim", s->n_features);
}

void mlsel_i_kmeans_write(const void *state, const char *const *models, json_writer *w) {
    const kmeans_state *s = state;
    if (s->options.format_version == 2)
        write_v2(s, models, w);
    else
        write_v1(s, models, w);
}
