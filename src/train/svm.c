/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer of SVMs: fit, and keep what supports the fit. */
#include <math.h>
#include <string.h>

#include "svm_train.h"

double mlsel_i_svm_gamma(const mlsel_train_options *options) { return options->svm_gamma > 0 ? options->svm_gamma : 1; }

/* On two benchmarks a plane did as well as an RBF kernel, with a vector a pair in place of thousands. */
mlsel_svm_kernel mlsel_i_svm_kernel_of(const mlsel_train_options *options) {
    if (options->svm_kernel != MLSEL_SVM_KERNEL_NONE)
        return options->svm_kernel;
    return options->objective == MLSEL_OBJECTIVE_OUTCOME ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF;
}

/* What held-out folds of two benchmarks agreed on best for utilities from 0 to 1 and features of about unit length. */
double mlsel_i_svm_c(const mlsel_train_options *options) {
    if (options->svm_c > 0)
        return options->svm_c;
    return options->objective == MLSEL_OBJECTIVE_OUTCOME && mlsel_i_svm_kernel_of(options) == MLSEL_SVM_KERNEL_LINEAR
               ? 0.5
               : 1;
}

/* --- models ------------------------------------------------------------------------------------------------------- */

/* All models of the table: as they are for the compatible objective, otherwise the classes first, as runtimes may take
 * the number of a class for that of a model. */
static bool order_models(const svm_fit *fit, svm_machine *m) {
    const svm_classes *classes = &fit->classes;
    m->n_models = fit->table->n_models;
    m->n_classes = classes->n;
    m->models = mlsel_i_alloc(m->n_models, sizeof *m->models);
    m->classes = mlsel_i_alloc(classes->n, sizeof *m->classes);
    if (m->models == NULL || m->classes == NULL)
        return false;
    size_t n = 0;
    for (size_t c = 0; c < classes->n; c++) {
        m->classes[c] = m->is_compatible ? classes->models[c] : (uint32_t)c;
        if (!m->is_compatible)
            m->models[n++] = classes->models[c];
    }
    for (uint32_t model = 0; model < m->n_models; model++) {
        bool is_there = false;
        for (size_t c = 0; c < classes->n && !m->is_compatible; c++)
            is_there = is_there || classes->models[c] == model;
        if (!is_there)
            m->models[n++] = model;
    }
    return true;
}

/* --- support vectors ---------------------------------------------------------------------------------------------- */

static bool is_support(const svm_fit *fit, size_t slot) {
    for (size_t row = 0; row + 1 < fit->classes.n; row++)
        if (fit->coef[row * fit->n_slots + slot] != 0)
            return true;
    return false;
}

/* Slots that support, class by class. Where no pair needs one (its models never differ, say), an artifact still has to
 * have one: it weighs nothing. */
static size_t list_support(const svm_fit *fit, uint32_t *slots, uint64_t *n_support) {
    size_t n = 0;
    for (size_t c = 0; c < fit->classes.n; c++) {
        const size_t before = n;
        for (uint32_t slot = fit->classes.slot_start[c]; slot < fit->classes.slot_start[c + 1]; slot++)
            if (is_support(fit, slot))
                slots[n++] = slot;
        n_support[c] = n - before;
    }
    if (n == 0) {
        slots[n++] = 0;
        n_support[0] = 1;
    }
    return n;
}

/* The vectors of the slots, each once. */
static mlsel_status take_vectors(const svm_fit *fit, const uint32_t *slots, uint32_t *place, svm_machine *m) {
    const svm_vectors *vectors = &fit->vectors;
    size_t n_rows = 0;
    for (size_t v = 0; v < vectors->n; v++)
        place[v] = UINT32_MAX;
    for (size_t i = 0; i < m->n_vectors; i++) {
        uint32_t *row = &place[fit->classes.vectors[slots[i]]];
        if (*row == UINT32_MAX)
            *row = (uint32_t)n_rows++;
        m->rows[i] = *row;
    }
    m->x = mlsel_i_alloc(n_rows, vectors->n_features * sizeof *m->x);
    if (m->x == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t v = 0; v < vectors->n; v++)
        if (place[v] != UINT32_MAX)
            memcpy(m->x + place[v] * vectors->n_features, vectors->x + v * vectors->stride,
                   vectors->n_features * sizeof *m->x);
    return MLSEL_OK;
}

static mlsel_status take_fit(const svm_fit *fit, const uint32_t *slots, uint32_t *place, svm_machine *m) {
    const size_t n_rows = m->n_classes - 1;
    m->rows = mlsel_i_alloc(m->n_vectors, sizeof *m->rows);
    m->dual_coef = mlsel_i_alloc(n_rows * m->n_vectors, sizeof *m->dual_coef);
    m->intercept = mlsel_i_alloc(fit->n_pairs, sizeof *m->intercept);
    if (m->rows == NULL || m->dual_coef == NULL || m->intercept == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < m->n_vectors; i++)
            m->dual_coef[row * m->n_vectors + i] = fit->coef[row * fit->n_slots + slots[i]];
    memcpy(m->intercept, fit->intercept, fit->n_pairs * sizeof *m->intercept);
    return take_vectors(fit, slots, place, m);
}

/*
 * A linear decision is one vector's product: where that makes fewer, each pair's sum takes the place of what it is a
 * sum of, as a vector of the pair's first class with a coefficient of 1. False: a sum is beyond float.
 */
static bool take_sums(const svm_fit *fit, double *sum, svm_machine *m) {
    const svm_vectors *vectors = &fit->vectors;
    const uint32_t *start = fit->classes.slot_start;
    const size_t n_features = m->n_features;
    size_t pair = 0;
    for (size_t i = 0; i < m->n_classes; i++) {
        m->n_support[i] = m->n_classes - 1 - i;
        for (size_t j = i + 1; j < m->n_classes; j++, pair++) {
            memset(sum, 0, n_features * sizeof *sum);
            for (size_t v = 0; v < vectors->n; v++) {
                const double weight =
                    fit->coef[(j - 1) * fit->n_slots + start[i] + v] + fit->coef[i * fit->n_slots + start[j] + v];
                for (size_t f = 0; f < n_features && weight != 0; f++)
                    sum[f] += weight * (double)vectors->x[v * vectors->stride + f];
            }
            for (size_t f = 0; f < n_features; f++) {
                m->x[pair * n_features + f] = (float)sum[f];
                if (!isfinite(m->x[pair * n_features + f]))
                    return false;
            }
            m->rows[pair] = (uint32_t)pair;
            m->dual_coef[(j - 1) * m->n_vectors + pair] = 1;
        }
    }
    return true;
}

/* LIMIT: it cannot be done so, and nothing was. */
static mlsel_status take_linear(const svm_fit *fit, svm_machine *m) {
    svm_machine sums = *m;
    mlsel_status status = MLSEL_ERROR_NO_MEMORY;
    double *sum = mlsel_i_alloc(m->n_features, sizeof *sum);
    sums.n_vectors = fit->n_pairs;
    sums.x = mlsel_i_alloc(fit->n_pairs, m->n_features * sizeof *m->x);
    sums.rows = mlsel_i_alloc(fit->n_pairs, sizeof *m->rows);
    sums.dual_coef = mlsel_i_calloc((m->n_classes - 1) * fit->n_pairs, sizeof *m->dual_coef);
    sums.intercept = mlsel_i_alloc(fit->n_pairs, sizeof *m->intercept);
    sums.n_support = mlsel_i_alloc(m->n_classes, sizeof *m->n_support);
    if (sum != NULL && sums.x != NULL && sums.rows != NULL && sums.dual_coef != NULL && sums.intercept != NULL &&
        sums.n_support != NULL)
        status = take_sums(fit, sum, &sums) ? MLSEL_OK : MLSEL_ERROR_LIMIT;
    mlsel_i_free(sum);
    if (status == MLSEL_OK) {
        memcpy(sums.intercept, fit->intercept, fit->n_pairs * sizeof *sums.intercept);
        mlsel_i_free(m->n_support);
        *m = sums;
        return MLSEL_OK;
    }
    mlsel_i_free(sums.x);
    mlsel_i_free(sums.rows);
    mlsel_i_free(sums.dual_coef);
    mlsel_i_free(sums.intercept);
    mlsel_i_free(sums.n_support);
    return status;
}

/* One model alone, for which any vector does. */
static mlsel_status take_single(const svm_fit *fit, svm_machine *m) {
    m->n_vectors = 1;
    m->x = mlsel_i_alloc(m->n_features, sizeof *m->x);
    if (m->x == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    memcpy(m->x, fit->vectors.x, m->n_features * sizeof *m->x);
    return MLSEL_OK;
}

static mlsel_status take_all(const svm_fit *fit, svm_machine *m) {
    train_run *run = fit->run;
    uint32_t *slots = mlsel_i_run_alloc(run, fit->n_slots, sizeof *slots);
    uint32_t *place = mlsel_i_run_alloc(run, fit->vectors.n, sizeof *place);
    mlsel_status status = MLSEL_OK;
    m->n_support = mlsel_i_alloc(fit->classes.n, sizeof *m->n_support);
    if (slots == NULL || place == NULL) {
        status = mlsel_i_run_status(run);
    } else if (m->n_support == NULL) {
        status = mlsel_i_no_memory(run->err);
    } else {
        m->n_vectors = list_support(fit, slots, m->n_support);
        const bool can_sum = fit->kernel.kind == MLSEL_SVM_KERNEL_LINEAR && !m->is_compatible;
        mlsel_status taken = can_sum && fit->n_pairs < m->n_vectors ? take_linear(fit, m) : MLSEL_ERROR_LIMIT;
        if (taken == MLSEL_ERROR_LIMIT)
            taken = take_fit(fit, slots, place, m);
        if (taken != MLSEL_OK)
            status = mlsel_i_no_memory(run->err);
    }
    mlsel_i_run_free(run, slots);
    mlsel_i_run_free(run, place);
    return status;
}

/* --- training ----------------------------------------------------------------------------------------------------- */

static mlsel_status make_machine(const svm_fit *fit, svm_machine **out) {
    const mlsel_train_options *options = &fit->settings->options;
    svm_machine *m = mlsel_i_calloc(1, sizeof *m);
    if (m == NULL)
        return mlsel_i_no_memory(fit->run->err);
    *m = (svm_machine){.kernel = fit->kernel,
                       .c = mlsel_i_svm_c(options),
                       .is_compatible = options->objective == MLSEL_OBJECTIVE_COMPATIBLE,
                       .is_versioned = options->format_version == 2,
                       .n_features = fit->table->n_features};
    mlsel_status status = order_models(fit, m) ? MLSEL_OK : MLSEL_ERROR_NO_MEMORY;
    if (status == MLSEL_OK && m->n_classes == 1)
        status = take_single(fit, m);
    if (status != MLSEL_OK)
        status = mlsel_i_no_memory(fit->run->err);
    else if (m->n_classes > 1)
        status = take_all(fit, m);
    if (status == MLSEL_OK)
        *out = m;
    else
        mlsel_i_svm_machine_free(m);
    return status;
}

static bool all_finite(const double *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* Products of features may be beyond double, and what follows from them NaN or infinite. */
static mlsel_status check_finite(const svm_fit *fit) {
    if (all_finite(fit->coef, (fit->classes.n - 1) * fit->n_slots) && all_finite(fit->intercept, fit->n_pairs))
        return MLSEL_OK;
    return mlsel_i_fail(fit->run->err, MLSEL_ERROR_NOT_TRAINED,
                        "the SVM's parameters are not finite: the features are too large");
}

static mlsel_status train(const train_table *table, const train_settings *settings, train_run *run, trained *out,
                          mlsel_training_info *info) {
    svm_fit fit;
    svm_machine *machine = NULL;
    mlsel_status status = mlsel_i_svm_fit_open(table, settings, NULL, run, &fit);
    if (status != MLSEL_OK)
        return status;
    if (fit.classes.n > 1 && (status = mlsel_i_svm_fit_fill(&fit)) == MLSEL_OK &&
        (status = mlsel_i_svm_fit_run(&fit, NULL)) == MLSEL_OK)
        status = check_finite(&fit);
    if (status == MLSEL_OK)
        status = make_machine(&fit, &machine);
    if (status == MLSEL_OK) {
        *out = (trained){machine, mlsel_i_svm_machine_write, mlsel_i_svm_machine_free};
        if (machine->is_compatible)
            info->n_rows = fit.n_slots;
        info->svm_gamma = machine->kernel.kind == MLSEL_SVM_KERNEL_RBF ? machine->kernel.gamma : 0;
        info->svm_c = machine->c;
        info->n_support_vectors = machine->n_vectors;
        info->dual_objective = fit.objective;
    }
    mlsel_i_svm_fit_close(&fit);
    return status;
}

const trainer mlsel_i_trainer_svm = {.algorithm = MLSEL_ALGORITHM_SVM, .train = train, .choose = mlsel_i_svm_choose};
