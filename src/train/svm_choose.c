/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing gamma and C by cross-validation. The folds' fits share one kernel matrix for each gamma; where that does not
 * fit into memory, each fold trains by itself.
 */
#include <math.h>
#include <string.h>

#include "svm_train.h"

/* For features of about unit length and utilities from 0 to 1. The first of each is the default, and wins ties. */
static const double gammas[] = {1, 0.5, 2}, rbf_cs[] = {1, 0.3, 0.5}, linear_cs[] = {0.5, 0.3, 0.1, 1};
static const mlsel_svm_kernel kernels[] = {MLSEL_SVM_KERNEL_LINEAR, MLSEL_SVM_KERNEL_RBF};

/* A category's weight, where it is left open: half of it makes no difference. */
static const double category_weight = 1;

enum { MAX_CANDIDATES = 13 };

/* --- candidates --------------------------------------------------------------------------------------------------- */

/* With one kernel. What is given is the only candidate. Those that share a kernel matrix come one after the other. */
static size_t list_kernel(const train_table *table, const train_settings *settings, mlsel_svm_kernel kernel,
                          train_settings *out) {
    const mlsel_train_options *given = &settings->options;
    const bool is_linear = kernel == MLSEL_SVM_KERNEL_LINEAR;
    const double *cs = is_linear ? linear_cs : rbf_cs;
    const size_t n_cs = is_linear ? MLSEL_ARRAY_LENGTH(linear_cs) : MLSEL_ARRAY_LENGTH(rbf_cs);
    const bool open_gamma = !is_linear && !(given->svm_gamma > 0), open_c = !(given->svm_c > 0);
    size_t n = 0;
    for (size_t g = 0; g < (open_gamma ? MLSEL_ARRAY_LENGTH(gammas) : 1); g++)
        for (size_t c = 0; c < (open_c ? n_cs : 1); c++) {
            out[n] = *settings;
            mlsel_train_options *o = &out[n++].options;
            if (table->n_categories > 0 && !(o->category_weight > 0))
                o->category_weight = category_weight;
            o->svm_kernel = kernel;
            o->svm_gamma = open_gamma ? gammas[g] : mlsel_i_svm_gamma(o);
            o->svm_c = open_c ? cs[c] : o->svm_c;
        }
    return n;
}

/* Both kernels where neither is asked for; a gamma that is given means RBF. */
static size_t list_candidates(const train_table *table, const train_settings *settings, train_settings *out) {
    const mlsel_train_options *given = &settings->options;
    size_t n = 0;
    if (given->svm_kernel != MLSEL_SVM_KERNEL_NONE)
        return list_kernel(table, settings, given->svm_kernel, out);
    for (size_t i = given->svm_gamma > 0 ? 1 : 0; i < MLSEL_ARRAY_LENGTH(kernels); i++)
        n += list_kernel(table, settings, kernels[i], out + n);
    return n;
}

static bool shares_kernel(const mlsel_train_options *a, const mlsel_train_options *b) {
    return a->svm_kernel == b->svm_kernel && a->svm_gamma >= b->svm_gamma && a->svm_gamma <= b->svm_gamma;
}

/* --- what a fit chooses ------------------------------------------------------------------------------------------- */

/* The fit's answers to queries of its own matrix. */
typedef struct asking {
    const svm_fit *fit;
    const uint32_t *queries;
    size_t n;
    double *weights; /* [n_pairs][vectors] */
    double *rows;    /* [parts][vectors + classes] */
    size_t share;    /* queries of a part */
    int32_t *choices;
} asking;

/* A pair's coefficients by vector: of its first class row j - 1, of its second row i. */
static void gather_weights(const svm_fit *fit, double *weights) {
    const size_t n = fit->vectors.n;
    size_t pair = 0;
    for (size_t i = 0; i < fit->classes.n; i++)
        for (size_t j = i + 1; j < fit->classes.n; j++, pair++)
            for (size_t v = 0; v < n; v++)
                weights[pair * n + v] = fit->coef[(j - 1) * fit->n_slots + fit->classes.slot_start[i] + v] +
                                        fit->coef[i * fit->n_slots + fit->classes.slot_start[j] + v];
}

static double dot(const double *a, const double *b, size_t n) {
    enum { PARTS = 8 };
    double s[PARTS] = {0};
    size_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
        for (size_t k = 0; k < PARTS; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Votes as LIBSVM counts them, the first class on ties. */
static size_t most_votes(const asking *a, const double *row, double *votes) {
    const svm_fit *fit = a->fit;
    const size_t n = fit->vectors.n;
    size_t pair = 0, best = 0;
    memset(votes, 0, fit->classes.n * sizeof *votes);
    for (size_t i = 0; i < fit->classes.n; i++)
        for (size_t j = i + 1; j < fit->classes.n; j++, pair++)
            votes[dot(a->weights + pair * n, row, n) + fit->intercept[pair] > 0 ? i : j]++;
    for (size_t c = 1; c < fit->classes.n; c++)
        if (votes[c] > votes[best])
            best = c;
    return best;
}

static void answer_part(void *context, size_t part) {
    const asking *a = context;
    const svm_fit *fit = a->fit;
    double *row = a->rows + part * (fit->vectors.n + fit->classes.n);
    for (size_t i = part * a->share; i < a->n && i < (part + 1) * a->share; i++) {
        const uint32_t query = a->queries[i];
        const double *values =
            fit->matrix.values + mlsel_i_svm_matrix_at(&fit->matrix, fit->vectors.of_query[query], 1);
        for (size_t v = 0; v < fit->vectors.n; v++)
            row[v] = values[2 * v];
        a->choices[query] = (int32_t)fit->classes.models[most_votes(a, row, row + fit->vectors.n)];
    }
}

static mlsel_status answer(svm_fit *fit, const uint32_t *queries, size_t n, int32_t *choices) {
    train_run *run = fit->run;
    const size_t parts = mlsel_i_team_size(run->team);
    mlsel_status status = MLSEL_OK;
    asking a = {.fit = fit, .queries = queries, .n = n, .share = (n + parts - 1) / parts, .choices = choices};
    a.weights = mlsel_i_run_alloc(run, fit->n_pairs * fit->vectors.n, sizeof *a.weights);
    a.rows = mlsel_i_run_alloc(run, parts * (fit->vectors.n + fit->classes.n), sizeof *a.rows);
    if (a.weights == NULL || a.rows == NULL) {
        status = mlsel_i_run_status(run);
    } else {
        gather_weights(fit, a.weights);
        mlsel_i_team_run(run->team, answer_part, &a, parts);
    }
    mlsel_i_run_free(run, a.weights);
    mlsel_i_run_free(run, a.rows);
    return status;
}

/* --- cross-validation --------------------------------------------------------------------------------------------- */

/* Room for folds. */
typedef struct fold_room {
    uint32_t *fold_of, *queries;
    bool *is_row;
    int32_t *choices;
} fold_room;

static mlsel_status run_folds(svm_fit *fit, const fold_room *room) {
    train_run *run = fit->run;
    const uint32_t n_folds = fit->settings->options.folds;
    const run_place place = mlsel_i_run_place(run);
    mlsel_status status = MLSEL_OK;
    for (uint32_t fold = 0; fold < n_folds && status == MLSEL_OK; fold++) {
        size_t n = 0;
        for (size_t q = 0; q < fit->table->n_queries; q++) {
            room->is_row[q] = room->fold_of[q] != fold;
            if (!room->is_row[q])
                room->queries[n++] = (uint32_t)q;
        }
        mlsel_i_run_part(run, &place, fold, n_folds, "fold %u of %u: ", (unsigned)(fold + 1), (unsigned)n_folds);
        status = mlsel_i_svm_fit_run(fit, room->is_row);
        if (status == MLSEL_OK)
            status = answer(fit, room->queries, n, room->choices);
    }
    mlsel_i_run_return(run, &place);
    return status;
}

/* The candidates, with one kernel matrix after the other. *fits says whether there was memory for one. */
static mlsel_status compare(const train_table *table, const train_settings *candidates, size_t n, train_run *run,
                            const fold_room *room, bool *fits, size_t *chosen, mlsel_training_info *info) {
    const run_place place = mlsel_i_run_place(run);
    svm_fit fit = {0};
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        mlsel_i_run_part(run, &place, i, n, "setting %zu of %zu: ", i + 1, n);
        if (i == 0 || !shares_kernel(&candidates[i].options, &candidates[i - 1].options)) {
            if (i > 0)
                mlsel_i_svm_fit_close(&fit);
            const double *weight = table->n_categories > 0 ? &candidates[i].options.category_weight : NULL;
            if ((status = mlsel_i_svm_fit_open(table, &candidates[i], weight, run, &fit)) != MLSEL_OK) {
                mlsel_i_run_return(run, &place);
                return status;
            }
            *fits = fit.classes.n > 1 && fit.mode == SVM_ONE_MATRIX;
            if (!*fits)
                break;
            status = mlsel_i_svm_fit_fill(&fit);
        }
        fit.settings = &candidates[i];
        if (status == MLSEL_OK)
            status = run_folds(&fit, room);
        if (status != MLSEL_OK)
            break;
        const choice_value value = mlsel_i_value_choices(table, room->choices);
        if (i > 0 && !(value.utility > info->cv_utility))
            continue;
        *chosen = i;
        info->cv_utility = value.utility;
        info->cv_standard_error = value.standard_error;
    }
    info->n_candidates = (uint32_t)n;
    mlsel_i_run_return(run, &place);
    mlsel_i_svm_fit_close(&fit);
    return status;
}

static mlsel_status choose(const train_table *table, train_settings *candidates, size_t n, train_run *run,
                           const fold_room *room, size_t *chosen, mlsel_training_info *info) {
    bool fits = true;
    mlsel_status status = mlsel_i_cross_validate_single(table, &candidates[0], run, &info->cv_best_single);
    mlsel_i_folds_assign(table->n_queries, candidates[0].options.folds, candidates[0].options.seed, room->fold_of);
    if (status == MLSEL_OK)
        status = compare(table, candidates, n, run, room, &fits, chosen, info);
    if (status == MLSEL_OK && !fits)
        status = mlsel_i_choose_settings(&mlsel_i_trainer_svm, table, candidates, n, run, chosen, info);
    return status;
}

mlsel_status mlsel_i_svm_choose(train_table *table, train_settings *settings, train_run *run,
                                mlsel_training_info *info) {
    const size_t n = table->n_queries;
    size_t chosen = 0;
    mlsel_status status = MLSEL_OK;
    if (settings->options.tune == 0)
        return MLSEL_OK; /* the defaults do */
    train_settings *candidates = mlsel_i_run_alloc(run, MAX_CANDIDATES, sizeof *candidates);
    const fold_room room = {.fold_of = mlsel_i_run_alloc(run, n, sizeof *room.fold_of),
                            .queries = mlsel_i_run_alloc(run, n, sizeof *room.queries),
                            .is_row = mlsel_i_run_alloc(run, n, sizeof *room.is_row),
                            .choices = mlsel_i_run_alloc(run, n, sizeof *room.choices)};
    if (candidates == NULL || room.fold_of == NULL || room.queries == NULL || room.is_row == NULL ||
        room.choices == NULL)
        status = mlsel_i_run_status(run);
    else
        status = choose(table, candidates, list_candidates(table, settings, candidates), run, &room, &chosen, info);
    if (status == MLSEL_OK && candidates != NULL)
        *settings = candidates[chosen];
    mlsel_i_run_free(run, candidates);
    mlsel_i_run_free(run, room.fold_of);
    mlsel_i_run_free(run, room.queries);
    mlsel_i_run_free(run, room.is_row);
    mlsel_i_run_free(run, room.choices);
    return status;
}
