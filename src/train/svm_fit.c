/* SPDX-License-Identifier: Apache-2.0 */
/* Going through the pairs of classes: how much memory that takes, and what comes of it. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "svm_train.h"

/*
 * LIBSVM's cache of kernel values. Beside a matrix it is to be small: values are as soon read from there, and each row
 * in the cache has to follow when shrinking moves rows. Where LIBSVM computes the values, it is to hold what there is
 * room for.
 */
static const uint64_t small_cache = UINT64_C(2) << 20, large_cache = UINT64_C(1) << 30;

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* What may still be used: up to the limit, or half of the machine's memory. */
static uint64_t budget(const train_run *run) {
    uint64_t limit = run->max_bytes;
    if (limit == 0) {
        const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        limit = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 : UINT64_MAX;
    }
    return limit > run->bytes ? limit - run->bytes : 0;
}

/* Rows and vectors of the largest pair. */
typedef struct pair_size {
    size_t rows, vectors;
} pair_size;

/* Numbers the vectors of a pair's rows from 0, into place[vectors], which is UINT32_MAX for others. */
static size_t number_vectors(const svm_fit *fit, const svm_pair *pair, uint32_t *place) {
    uint32_t n = 0;
    for (size_t v = 0; v < fit->vectors.n; v++)
        place[v] = UINT32_MAX;
    for (size_t r = 0; r < pair->n; r++) {
        uint32_t *at = &place[fit->classes.vectors[pair->slots[r]]];
        if (*at == UINT32_MAX)
            *at = n++;
    }
    return n;
}

static mlsel_status find_largest(svm_fit *fit, pair_size *largest) {
    mlsel_status status = MLSEL_OK;
    uint32_t *place = mlsel_i_run_alloc(fit->run, fit->vectors.n, sizeof *place);
    if (place == NULL)
        return mlsel_i_run_status(fit->run);
    for (uint32_t i = 0; i < fit->classes.n && status == MLSEL_OK; i++)
        for (uint32_t j = i + 1; j < fit->classes.n && status == MLSEL_OK; j++) {
            svm_pair pair;
            status = mlsel_i_svm_pair_create(fit->table, fit->settings, &fit->vectors, &fit->classes, i, j, NULL,
                                             fit->run, &pair);
            const size_t n = status == MLSEL_OK ? number_vectors(fit, &pair, place) : 0;
            largest->vectors = n > largest->vectors ? n : largest->vectors;
            largest->rows = pair.n > largest->rows ? pair.n : largest->rows;
            mlsel_i_svm_pair_free(fit->run, &pair);
        }
    mlsel_i_run_free(fit->run, place);
    return status;
}

/* What one pair takes at least beside kernel values. */
static uint64_t task_bytes(const svm_fit *fit, size_t rows) {
    return mlsel_i_svm_solver_bytes(rows) + small_cache + rows * (2 * sizeof(uint32_t) + sizeof(double)) +
           fit->vectors.n * (sizeof(double) + sizeof(uint32_t)) + 16 * (uint64_t)MLSEL_ALIGNMENT;
}

static void choose_mode(svm_fit *fit, pair_size largest) {
    const uint64_t free_bytes = budget(fit->run), task = task_bytes(fit, largest.rows);
    const uint64_t products = mlsel_i_svm_products_bytes(&fit->vectors);
    const svm_vectors part = {
        .n = largest.vectors, .n_features = fit->vectors.n_features, .stride = fit->vectors.stride};
    const uint64_t part_bytes = mlsel_i_svm_products_bytes(&part) + mlsel_i_svm_matrix_bytes(part.n) +
                                (uint64_t)part.n * part.stride * sizeof(float);
    uint64_t shared = mlsel_i_svm_matrix_bytes(fit->vectors.n) + products;
    fit->mode = SVM_ONE_MATRIX;
    if (shared + task > free_bytes) {
        fit->mode = SVM_NO_MATRIX;
        shared = mlsel_i_svm_sparse_bytes(&fit->vectors) + products;
        if (part_bytes + task <= free_bytes)
            fit->mode = SVM_PAIR_MATRICES;
    }
    fit->n_tasks = fit->mode == SVM_PAIR_MATRICES ? 1 : mlsel_i_team_size(fit->run->team);
    while (fit->n_tasks > 1 && shared + fit->n_tasks * task > free_bytes)
        fit->n_tasks--;
}

/* --- open and close ----------------------------------------------------------------------------------------------- */

static void weigh(svm_vectors *vectors, size_t n_categories, double weight) {
    for (size_t v = 0; v < vectors->n; v++) {
        float *categories = vectors->x + v * vectors->stride + vectors->n_features - n_categories;
        for (size_t i = 0; i < n_categories; i++)
            categories[i] = categories[i] != 0 ? (float)weight : 0;
    }
}

static mlsel_status open_kernel(svm_fit *fit) {
    pair_size largest = {0};
    mlsel_status status = find_largest(fit, &largest);
    if (status != MLSEL_OK)
        return status;
    choose_mode(fit, largest);
    if (fit->mode != SVM_PAIR_MATRICES)
        status = mlsel_i_svm_products_create(&fit->vectors, fit->run, &fit->products);
    if (status == MLSEL_OK && fit->mode == SVM_ONE_MATRIX)
        status = mlsel_i_svm_matrix_create(fit->vectors.n, fit->run, &fit->matrix);
    if (status == MLSEL_OK && fit->mode == SVM_NO_MATRIX)
        status = mlsel_i_svm_sparse_create(&fit->vectors, fit->run, &fit->sparse);
    return status;
}

mlsel_status mlsel_i_svm_fit_open(const train_table *table, const train_settings *settings,
                                  const double *category_weight, train_run *run, svm_fit *out) {
    *out = (svm_fit){.table = table, .settings = settings, .run = run};
    out->kernel = (svm_kernel){mlsel_i_svm_kernel_of(&settings->options), mlsel_i_svm_gamma(&settings->options)};
    mlsel_status status = mlsel_i_svm_available(run->err);
    if (status != MLSEL_OK || (status = mlsel_i_svm_vectors_create(table, run, &out->vectors)) != MLSEL_OK)
        return status;
    if (category_weight != NULL)
        weigh(&out->vectors, table->n_categories, *category_weight);
    if ((status = mlsel_i_svm_classes_create(table, settings, &out->vectors, run, &out->classes)) != MLSEL_OK)
        goto out;
    const size_t n = out->classes.n;
    out->n_slots = out->classes.slot_start[n];
    out->n_pairs = n * (n - 1) / 2;
    if (n < 2)
        return MLSEL_OK;
    out->coef = mlsel_i_run_alloc(run, (n - 1) * out->n_slots, sizeof *out->coef);
    out->intercept = mlsel_i_run_alloc(run, out->n_pairs, sizeof *out->intercept);
    status = out->coef == NULL || out->intercept == NULL ? mlsel_i_run_status(run) : open_kernel(out);
out:
    if (status != MLSEL_OK)
        mlsel_i_svm_fit_close(out);
    return status;
}

void mlsel_i_svm_fit_close(svm_fit *fit) {
    train_run *run = fit->run;
    mlsel_i_run_free(run, fit->coef);
    mlsel_i_run_free(run, fit->intercept);
    mlsel_i_svm_sparse_free(run, fit->sparse);
    mlsel_i_svm_matrix_free(run, &fit->matrix);
    mlsel_i_svm_products_free(run, &fit->products);
    mlsel_i_svm_classes_free(run, &fit->classes);
    mlsel_i_svm_vectors_free(run, &fit->vectors);
    *fit = (svm_fit){0};
}

mlsel_status mlsel_i_svm_fit_fill(svm_fit *fit) {
    if (fit->mode != SVM_ONE_MATRIX || fit->classes.n < 2)
        return MLSEL_OK;
    return mlsel_i_svm_matrix_fill(&fit->products, &fit->kernel, fit->run, &fit->matrix);
}

/* --- a pair ------------------------------------------------------------------------------------------------------- */

/* A pair on its way. */
typedef struct pair_work {
    svm_pair pair;
    size_t index;
    svm_task task;
    uint32_t *rows;
    uint64_t counted;
    /* of its own: SVM_PAIR_MATRICES */
    svm_vectors vectors;
    svm_products products;
    svm_matrix matrix;
} pair_work;

static bool is_one_sided(const svm_pair *pair) { return pair->n_first == 0 || pair->n_first == pair->n; }

static void end_work(svm_fit *fit, pair_work *w) {
    mlsel_i_run_uncount(fit->run, w->counted);
    mlsel_i_svm_matrix_free(fit->run, &w->matrix);
    mlsel_i_svm_products_free(fit->run, &w->products);
    mlsel_i_run_free(fit->run, w->vectors.x);
    mlsel_i_run_free(fit->run, w->task.weights);
    mlsel_i_run_free(fit->run, w->task.coef);
    mlsel_i_run_free(fit->run, w->rows);
    mlsel_i_svm_pair_free(fit->run, &w->pair);
    *w = (pair_work){0};
}

/* The pair's vectors alone, and their kernel values; its rows are numbered anew. */
static mlsel_status make_pair_matrix(svm_fit *fit, pair_work *w) {
    const svm_vectors *all = &fit->vectors;
    uint32_t *place = mlsel_i_run_alloc(fit->run, all->n, sizeof *place);
    if (place == NULL)
        return mlsel_i_run_status(fit->run);
    mlsel_status status = MLSEL_OK;
    w->vectors = (svm_vectors){.n_features = all->n_features, .stride = all->stride};
    w->vectors.n = number_vectors(fit, &w->pair, place);
    w->vectors.x = mlsel_i_run_alloc(fit->run, w->vectors.n, all->stride * sizeof *all->x);
    if (w->vectors.x == NULL) {
        status = mlsel_i_run_status(fit->run);
        goto out;
    }
    for (size_t v = 0; v < all->n; v++)
        if (place[v] != UINT32_MAX)
            memcpy(w->vectors.x + place[v] * all->stride, all->x + v * all->stride, all->stride * sizeof *all->x);
    for (size_t r = 0; r < w->pair.n; r++)
        w->rows[r] = place[w->rows[r]];
    if ((status = mlsel_i_svm_products_create(&w->vectors, fit->run, &w->products)) == MLSEL_OK &&
        (status = mlsel_i_svm_matrix_create(w->vectors.n, fit->run, &w->matrix)) == MLSEL_OK)
        status = mlsel_i_svm_matrix_fill(&w->products, &fit->kernel, fit->run, &w->matrix);
out:
    mlsel_i_run_free(fit->run, place);
    return status;
}

static mlsel_status count_cache(svm_fit *fit, pair_work *w) {
    const uint64_t solver = mlsel_i_svm_solver_bytes(w->pair.n), left = budget(fit->run) / fit->n_tasks;
    uint64_t cache = small_cache;
    if (fit->mode == SVM_NO_MATRIX && left > solver + small_cache) {
        const uint64_t all = mlsel_i_svm_cache_bytes(w->pair.n), most = all < large_cache ? all : large_cache;
        cache = left - solver < most ? left - solver : most;
    }
    if (!mlsel_i_run_count(fit->run, solver + cache))
        return mlsel_i_run_status(fit->run);
    w->counted = solver + cache;
    w->task.cache_bytes = cache;
    return MLSEL_OK;
}

static mlsel_status begin_work(svm_fit *fit, const bool *is_row, uint32_t first, uint32_t second, size_t index,
                               pair_work *w) {
    const bool is_own = fit->mode == SVM_PAIR_MATRICES;
    mlsel_status status = mlsel_i_svm_pair_create(fit->table, fit->settings, &fit->vectors, &fit->classes, first,
                                                  second, is_row, fit->run, &w->pair);
    w->index = index;
    if (status != MLSEL_OK || is_one_sided(&w->pair))
        return status;
    const size_t n = w->pair.n;
    w->rows = mlsel_i_run_alloc(fit->run, n, sizeof *w->rows);
    w->task.coef = mlsel_i_run_alloc(fit->run, n, sizeof *w->task.coef);
    w->task.weights = mlsel_i_run_alloc(fit->run, fit->vectors.n, sizeof *w->task.weights);
    if (w->rows == NULL || w->task.coef == NULL || w->task.weights == NULL)
        return mlsel_i_run_status(fit->run);
    for (size_t r = 0; r < n; r++)
        w->rows[r] = fit->classes.vectors[w->pair.slots[r]];
    if (is_own && (status = make_pair_matrix(fit, w)) != MLSEL_OK)
        return status;
    w->task.vectors = is_own ? &w->vectors : &fit->vectors;
    w->task.products = is_own ? &w->products : &fit->products;
    w->task.kernel = &fit->kernel;
    w->task.matrix = is_own ? &w->matrix : &fit->matrix;
    if (fit->mode == SVM_NO_MATRIX)
        w->task.matrix = NULL;
    w->task.sparse = fit->sparse;
    w->task.rows = w->rows;
    w->task.n = n;
    w->task.n_first = w->pair.n_first;
    w->task.c = w->pair.c;
    w->task.tolerance = fit->settings->options.svm_tolerance;
    return count_cache(fit, w);
}

static void solve_part(void *context, size_t part) {
    pair_work *w = (pair_work *)context + part;
    if (!is_one_sided(&w->pair))
        mlsel_i_svm_solve(&w->task);
}

/* Coefficients go where LIBSVM's model has them: of the pair (i, j) those of class i to row j - 1, of class j to row i.
 */
static mlsel_status collect(svm_fit *fit, const pair_work *w) {
    const svm_pair *pair = &w->pair;
    fit->intercept[w->index] = pair->lean;
    if (is_one_sided(pair))
        return MLSEL_OK;
    if (w->task.status != MLSEL_OK)
        return mlsel_i_fail(fit->run->err, w->task.status, "%s", w->task.err.message);
    fit->intercept[w->index] = -w->task.rho;
    fit->objective += w->task.objective;
    for (size_t r = 0; r < pair->n; r++) {
        const size_t row = r < pair->n_first ? pair->second - 1 : pair->first;
        fit->coef[row * fit->n_slots + pair->slots[r]] += w->task.coef[r];
    }
    return MLSEL_OK;
}

/* --- all pairs ---------------------------------------------------------------------------------------------------- */

static const char *stage_of(svm_mode mode) {
    switch (mode) {
    case SVM_ONE_MATRIX:
        return "pairs of models";
    case SVM_PAIR_MATRICES:
        return "pairs of models, with a kernel matrix for each to save memory";
    case SVM_NO_MATRIX:
    default:
        return "pairs of models, without a kernel matrix to save memory";
    }
}

/* Pairs come in rounds, so that the caller is asked in between and results do not depend on the threads. */
mlsel_status mlsel_i_svm_fit_run(svm_fit *fit, const bool *is_row) {
    train_run *run = fit->run;
    mlsel_status status = MLSEL_OK;
    uint32_t i = 0, j = 1;
    pair_work *works = mlsel_i_run_calloc(run, fit->n_tasks, sizeof *works);
    if (works == NULL)
        return mlsel_i_run_status(run);
    memset(fit->coef, 0, (fit->classes.n - 1) * fit->n_slots * sizeof *fit->coef);
    fit->objective = 0;
    for (size_t done = 0; done < fit->n_pairs && status == MLSEL_OK;) {
        size_t n = 0;
        status = mlsel_i_run_report(run, stage_of(fit->mode), done, fit->n_pairs,
                                    done > 0 ? fit->objective : (double)NAN, (double)NAN);
        for (; n < fit->n_tasks && done + n < fit->n_pairs && status == MLSEL_OK; n++) {
            status = begin_work(fit, is_row, i, j, done + n, &works[n]);
            if (++j == fit->classes.n)
                j = ++i + 1;
        }
        if (status == MLSEL_OK)
            mlsel_i_team_run(run->team, solve_part, works, n);
        for (size_t k = 0; k < n; k++) {
            if (status == MLSEL_OK)
                status = collect(fit, &works[k]);
            end_work(fit, &works[k]);
        }
        done += n;
    }
    if (status == MLSEL_OK)
        status = mlsel_i_run_report(run, stage_of(fit->mode), fit->n_pairs, fit->n_pairs, fit->objective, (double)NAN);
    mlsel_i_run_free(run, works);
    return status;
}
