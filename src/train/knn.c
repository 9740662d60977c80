/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KNN. The training is the choice of settings and labels; the artifact is the data itself.
 *
 * Outcome objective: a row is a query with the outcomes of all models, which mlsel reads. Other runtimes vote with the
 * rows' labels, so a row's label is its best model; where several are equally good, as they are wherever answers are
 * just right or wrong, the one that is best in the neighbourhood too. Compatible objective: a row is a record.
 */
#include "knn.h"

#include <math.h>
#include <string.h>

#include "neighbours.h"

/* --- what is left behind ------------------------------------------------------------------------------------------ */

typedef struct knn_state {
    size_t n_rows, n_vectors, n_models, n_features;
    uint32_t k;
    float *vectors;        /* [n_vectors][n_features] */
    uint32_t *row_vectors; /* [n_rows] */
    uint32_t *labels;      /* [n_rows] */
    double *qualities;     /* [n_rows] */
    double *latencies;     /* [n_rows] whole nanoseconds */
    /* outcomes, -1: unknown; NULL without (quality, for the compatible objective) or where they say nothing new */
    double *quality, *utility, *latency; /* [n_rows][n_models] */
    double *prior;                       /* [n_models] */
    double beta, shrinkage;
    uint64_t bytes;
} knn_state;

static void state_free(void *given) {
    knn_state *state = given;
    if (state == NULL)
        return;
    mlsel_i_free(state->vectors);
    mlsel_i_free(state->row_vectors);
    mlsel_i_free(state->labels);
    mlsel_i_free(state->qualities);
    mlsel_i_free(state->latencies);
    mlsel_i_free(state->quality);
    mlsel_i_free(state->utility);
    mlsel_i_free(state->latency);
    mlsel_i_free(state->prior);
    mlsel_i_free(state);
}

/* Memory of the state, zeroed, that counts as long as the training lasts. */
static void *state_alloc(knn_state *state, train_run *run, size_t count, size_t size) {
    const uint64_t bytes = size > 0 && count > SIZE_MAX / size ? UINT64_MAX : (uint64_t)count * size;
    if (!mlsel_i_run_count(run, bytes))
        return NULL;
    void *block = mlsel_i_calloc(count, size);
    if (block == NULL) {
        mlsel_i_run_uncount(run, bytes);
        run->failed = mlsel_i_no_memory(run->err);
        return NULL;
    }
    state->bytes += bytes;
    return block;
}

/* A state with room for rows and vectors; the rest is filled by the objectives. */
static mlsel_status state_create(const train_table *table, size_t n_rows, size_t n_vectors, train_run *run,
                                 knn_state **out) {
    knn_state *state = mlsel_i_calloc(1, sizeof *state);
    if (state == NULL)
        return mlsel_i_no_memory(run->err);
    *out = state; /* the caller frees it, whatever becomes of it */
    state->n_rows = n_rows;
    state->n_vectors = n_vectors;
    state->n_features = table->n_features;
    state->n_models = table->n_models;
    if ((state->vectors = state_alloc(state, run, n_vectors, table->n_features * sizeof(float))) == NULL ||
        (state->row_vectors = state_alloc(state, run, n_rows, sizeof *state->row_vectors)) == NULL ||
        (state->labels = state_alloc(state, run, n_rows, sizeof *state->labels)) == NULL ||
        (state->qualities = state_alloc(state, run, n_rows, sizeof *state->qualities)) == NULL ||
        (state->latencies = state_alloc(state, run, n_rows, sizeof *state->latencies)) == NULL)
        return mlsel_i_run_status(run);
    return MLSEL_OK;
}

static void copy_vector(const train_table *table, size_t query, knn_state *state, size_t vector) {
    memcpy(state->vectors + vector * table->n_features, table->x + query * table->stride,
           table->n_features * sizeof(float));
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Python's tolist writes a float's value as a double; mlsel itself reads the fewest digits as well. */
static void write_vector(const knn_state *state, size_t vector, json_writer *w) {
    const float *x = state->vectors + vector * state->n_features;
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < state->n_features; i++)
        if (state->quality == NULL)
            mlsel_i_write_f64(w, (double)x[i]);
        else
            mlsel_i_write_f32(w, x[i]);
    mlsel_i_write_close(w, ']');
}

static void write_numbers(const char *key, const double *values, size_t n, json_writer *w) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < n; i++)
        mlsel_i_write_f64(w, values[i]);
    mlsel_i_write_close(w, ']');
}

static void write_matrix(const knn_state *state, const char *key, const double *values, json_writer *w) {
    if (values == NULL)
        return;
    mlsel_i_write_key(w, key);
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < state->n_rows; i++) {
        mlsel_i_write_open(w, '[');
        for (size_t m = 0; m < state->n_models; m++)
            mlsel_i_write_number(w, values[i * state->n_models + m]);
        mlsel_i_write_close(w, ']');
    }
    mlsel_i_write_close(w, ']');
}

static void write_outcomes(const knn_state *state, json_writer *w) {
    mlsel_i_write_key(w, "outcomes");
    mlsel_i_write_open(w, '{');
    mlsel_i_write_key(w, "beta");
    mlsel_i_write_f64(w, state->beta);
    mlsel_i_write_key(w, "shrinkage");
    mlsel_i_write_f64(w, state->shrinkage);
    write_numbers("prior", state->prior, state->n_models, w);
    write_matrix(state, "quality", state->quality, w);
    write_matrix(state, "utility", state->utility, w);
    write_matrix(state, "latency_ns", state->latency, w);
    mlsel_i_write_close(w, '}');
}

static void state_write(const void *given, const char *const *models, json_writer *w) {
    const knn_state *state = given;
    mlsel_i_write_count_member(w, "k", state->k);
    mlsel_i_write_key(w, "embeddings");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < state->n_rows && w->status == MLSEL_OK; i++)
        write_vector(state, state->row_vectors[i], w);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "labels");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < state->n_rows; i++)
        mlsel_i_write_string(w, models[state->labels[i]]);
    mlsel_i_write_close(w, ']');
    write_numbers("qualities", state->qualities, state->n_rows, w);
    mlsel_i_write_key(w, "latencies");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < state->n_rows; i++)
        mlsel_i_write_count(w, (uint64_t)state->latencies[i]);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_texts_member(w, "model_names", models, state->n_models);
    mlsel_i_write_count_member(w, "num_samples", state->n_rows);
    mlsel_i_write_count_member(w, "feature_dim", state->n_features);
    if (state->quality != NULL)
        write_outcomes(state, w);
}

/* --- the compatible objective ------------------------------------------------------------------------------------- */

static const double ns_per_ms = 1e6, ns_per_s = 1e9;
static const double most_ns = 9e18; /* fits the integers of every reader */

static mlsel_status train_records(const train_table *table, train_run *run, knn_state **out) {
    if (table->n_records == 0)
        return mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED, "the dataset has no records");
    const mlsel_status status = state_create(table, table->n_records, table->n_queries, run, out);
    knn_state *state = *out;
    if (status != MLSEL_OK)
        return status;
    for (size_t q = 0; q < table->n_queries; q++)
        copy_vector(table, q, state, q);
    for (size_t i = 0; i < table->n_records; i++) {
        const table_record *record = &table->records[i];
        state->row_vectors[i] = record->query;
        state->labels[i] = record->model;
        state->qualities[i] = isnan(record->quality) ? 0 : record->quality;
        state->latencies[i] = floor(fmin(record->latency_ms * ns_per_ms, most_ns));
    }
    return MLSEL_OK;
}

/* --- the outcome objective ---------------------------------------------------------------------------------------- */

/* The best of a query's models; *is_tied: several are. -1: nothing is known. */
static int32_t best_of(const train_table *table, size_t query, bool *is_tied) {
    const double *utility = table->utility + query * table->n_models;
    const int32_t best = mlsel_i_argmax(utility, table->n_models);
    *is_tied = false;
    for (size_t m = 0; best >= 0 && m < table->n_models; m++)
        *is_tied = *is_tied || ((int32_t)m != best && utility[m] >= utility[best]);
    return best;
}

/* Rows are the queries that something is known of. */
static size_t list_rows(const train_table *table, uint32_t *queries, bool *any_tied) {
    size_t n = 0;
    *any_tied = false;
    for (size_t q = 0; q < table->n_queries; q++) {
        bool is_tied;
        if (best_of(table, q, &is_tied) < 0)
            continue;
        queries[n++] = (uint32_t)q;
        *any_tied = *any_tied || is_tied;
    }
    return n;
}

/* Of the equally good models of each query the one to be expected the best by its neighbours, itself left out. */
static mlsel_status settle_ties(const train_table *table, const uint32_t *queries, train_run *run, knn_state *state) {
    const neighbour_weights how = {.k = state->k, .beta = state->beta, .shrinkage = state->shrinkage};
    const size_t m = table->n_models;
    neighbour_lists lists;
    mlsel_status status = mlsel_i_neighbours_find(table, state->k, NULL, run, &lists);
    if (status != MLSEL_OK)
        return status;
    double *weights = mlsel_i_run_alloc(run, lists.k + m, sizeof *weights); /* not k, which may be anything */
    if (weights == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    for (size_t i = 0; i < state->n_rows; i++) {
        bool is_tied;
        const double *utility = table->utility + queries[i] * m, best = utility[best_of(table, queries[i], &is_tied)];
        if (!is_tied)
            continue;
        double *expected = weights + lists.k;
        mlsel_i_neighbours_expect(table, &lists, &how, queries[i], state->prior, weights, expected);
        for (size_t j = 0; j < m; j++)
            expected[j] = utility[j] >= best ? expected[j] : (double)NAN;
        state->labels[i] = (uint32_t)mlsel_i_argmax(expected, m);
    }
out:
    mlsel_i_run_free(run, weights);
    mlsel_i_neighbours_free(run, &lists);
    return status;
}

static double nanoseconds(double seconds) { return rint(fmin(seconds * ns_per_s, most_ns)); }

static void copy_outcomes(const train_table *table, const uint32_t *queries, knn_state *state) {
    const size_t m = table->n_models;
    for (size_t i = 0; i < state->n_rows * m; i++) {
        const size_t cell = queries[i / m] * m + i % m;
        const double quality = table->quality[cell], utility = table->utility[cell], latency = table->latency_s[cell];
        state->quality[i] = isnan(quality) ? -1 : quality;
        if (state->utility != NULL)
            state->utility[i] = isnan(utility) ? -1 : utility;
        if (state->latency != NULL)
            state->latency[i] = isnan(latency) ? -1 : nanoseconds(latency);
    }
}

/* What the label of each row came to. */
static void copy_best(const train_table *table, const uint32_t *queries, knn_state *state) {
    for (size_t i = 0; i < state->n_rows; i++) {
        const size_t cell = queries[i] * table->n_models + state->labels[i];
        state->qualities[i] = table->quality[cell];
        state->latencies[i] = isnan(table->latency_s[cell]) ? 0 : nanoseconds(table->latency_s[cell]);
    }
}

/* Which matrices say something: utilities are the qualities where nothing else is weighed. */
static mlsel_status make_matrices(const train_table *table, train_run *run, knn_state *state) {
    const size_t cells = table->n_queries * table->n_models;
    bool has_utility = false, has_latency = false;
    for (size_t i = 0; i < cells; i++) {
        has_utility = has_utility || table->utility[i] < table->quality[i] || table->utility[i] > table->quality[i];
        has_latency = has_latency || !isnan(table->latency_s[i]);
    }
    const size_t row = table->n_models * sizeof(double);
    if ((state->quality = state_alloc(state, run, state->n_rows, row)) == NULL ||
        (has_utility && (state->utility = state_alloc(state, run, state->n_rows, row)) == NULL) ||
        (has_latency && (state->latency = state_alloc(state, run, state->n_rows, row)) == NULL) ||
        (state->prior = state_alloc(state, run, table->n_models, sizeof *state->prior)) == NULL)
        return mlsel_i_run_status(run);
    return MLSEL_OK;
}

static mlsel_status train_outcomes(const train_table *table, const train_settings *settings, train_run *run,
                                   knn_state **out) {
    bool any_tied, is_tied;
    uint32_t *queries = mlsel_i_run_alloc(run, table->n_queries, sizeof *queries);
    if (queries == NULL)
        return mlsel_i_run_status(run);
    const size_t n_rows = list_rows(table, queries, &any_tied);
    mlsel_status status = n_rows > 0 ? state_create(table, n_rows, n_rows, run, out)
                                     : mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED,
                                                    "no quality is known of any query: there is nothing to learn from");
    knn_state *state = *out;
    if (status != MLSEL_OK || (status = make_matrices(table, run, state)) != MLSEL_OK)
        goto out;
    state->k = settings->options.knn_k;
    state->beta = settings->knn_beta;
    state->shrinkage = settings->shrinkage;
    mlsel_i_table_mean_utility(table, state->prior);
    for (size_t i = 0; i < n_rows; i++) {
        copy_vector(table, queries[i], state, i);
        state->row_vectors[i] = (uint32_t)i;
        state->labels[i] = (uint32_t)best_of(table, queries[i], &is_tied);
    }
    if (any_tied && (status = settle_ties(table, queries, run, state)) != MLSEL_OK)
        goto out;
    for (size_t m = 0; m < table->n_models; m++) /* of a model that nobody has seen nothing is expected */
        state->prior[m] = isnan(state->prior[m]) ? 0 : fmin(fmax(state->prior[m], 0), 1);
    copy_outcomes(table, queries, state);
    copy_best(table, queries, state);
out:
    mlsel_i_run_free(run, queries);
    return status;
}

/* --- the trainer -------------------------------------------------------------------------------------------------- */

enum { COMPATIBLE_K = 5 };

uint32_t mlsel_i_knn_default_k(size_t n_queries) {
    const double root = sqrt((double)n_queries);
    return root < COMPATIBLE_K ? COMPATIBLE_K : (uint32_t)root;
}

/* What nobody has chosen. */
static train_settings complete(const train_table *table, const train_settings *given) {
    train_settings settings = *given;
    if (settings.options.knn_k > 0 && settings.shrinkage > 0)
        return settings;
    settings.knn_beta = KNN_DEFAULT_BETA;
    settings.shrinkage = KNN_DEFAULT_SHRINKAGE;
    if (settings.options.knn_k == 0)
        settings.options.knn_k = mlsel_i_knn_default_k(table->n_queries);
    return settings;
}

static mlsel_status train(const train_table *table, const train_settings *given, train_run *run, trained *out,
                          mlsel_training_info *info) {
    const bool is_compatible = given->options.objective == MLSEL_OBJECTIVE_COMPATIBLE;
    const train_settings settings = complete(table, given);
    knn_state *state = NULL;
    const mlsel_status status =
        is_compatible ? train_records(table, run, &state) : train_outcomes(table, &settings, run, &state);
    if (state != NULL)
        mlsel_i_run_uncount(run, state->bytes);
    if (status != MLSEL_OK || state == NULL) {
        state_free(state);
        return status;
    }
    if (is_compatible)
        state->k = given->options.knn_k > 0 ? given->options.knn_k : COMPATIBLE_K;
    info->n_rows = state->n_rows;
    info->knn_k = state->k;
    info->knn_beta = state->beta;
    info->shrinkage = state->shrinkage;
    *out = (trained){.state = state, .write = state_write, .free = state_free};
    return MLSEL_OK;
}

const trainer mlsel_i_trainer_knn = {.algorithm = MLSEL_ALGORITHM_KNN, .train = train, .choose = mlsel_i_knn_choose};
