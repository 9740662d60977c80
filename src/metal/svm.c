/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SVM: the device multiplies queries and vectors and makes kernel values of the products, in float; the host adds them
 * up in double. Where a value is so near a boundary that its error could move it across, the CPU backend answers the
 * query.
 *
 * Both forms are sums over ranges of one list of vectors: one-vs-one has two ranges for a pair, the per-model form one
 * for a classifier.
 */
#include <math.h>
#include <string.h>

#include "certain.h"
#include "metal.h"

enum { MAX_BATCH = 512 };

/* Kernel values must be this good for their decision values to be reported, as on the CPU. */
static const double tolerance = 5e-5;

/* Parts of a slot. */
enum { QUERIES, BASES, VALUES };

typedef struct svm_model {
    metal_buffer vectors; /* one-vs-one: the view's */
    metal_buffer offsets; /* [n_vectors] squared norms */
    metal_buffer gammas;  /* [n_vectors] */
    double *bounds;       /* [n_vectors] largest absolute coefficient */
    uint64_t *starts;     /* [n_classes + 1] */
    uint32_t n_vectors, n_outputs;
    bool per_model, is_linear;
    double max_norm, max_gamma, bound_sum;
    bool can_estimate; /* norms and gammas are far from the limits of float */
    metal_matrix matrix;
} svm_model;

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static uint64_t count_vectors(const mlsel_svm_view *svm) {
    uint64_t n = svm->n_support_vectors;
    if (svm->form == MLSEL_SVM_FORM_PER_MODEL) {
        n = 0;
        for (uint32_t c = 0; c < svm->n_classes; c++)
            n += svm->classifiers[c].n_vectors;
    }
    return n;
}

/* The vectors of all classifiers one after the other. */
static mlsel_status gather(metal_state *state, svm_model *m, mlsel_error *err) {
    const mlsel_svm_view *svm = state->view->svm;
    const uint32_t n = state->view->n_features, stride = padded_width(n);
    const mlsel_status status =
        mlsel_i_metal_model_alloc(state, m->n_vectors, stride * sizeof(float), &m->vectors, err);
    if (status != MLSEL_OK)
        return status;
    float *out = m->vectors.contents, *gammas = m->gammas.contents;
    uint64_t at = 0;
    for (uint32_t c = 0; c < svm->n_classes; c++) {
        const mlsel_svm_classifier *classifier = &svm->classifiers[c];
        m->starts[c] = at;
        for (uint64_t v = 0; v < classifier->n_vectors; v++, at++) {
            memcpy(out + at * stride, classifier->vectors + v * classifier->stride, n * sizeof *out);
            gammas[at] = (float)classifier->gamma;
            m->bounds[at] = classifier->alpha == NULL ? 1 : fabs(classifier->alpha[v]);
        }
    }
    m->starts[svm->n_classes] = at;
    m->matrix.stride = stride;
    return MLSEL_OK;
}

static mlsel_status wrap(metal_state *state, svm_model *m, mlsel_error *err) {
    const mlsel_svm_view *svm = state->view->svm;
    const uint64_t bytes = m->n_vectors * svm->stride * sizeof(float);
    float *gammas = m->gammas.contents;
    memcpy(m->starts, svm->class_start, ((size_t)svm->n_classes + 1) * sizeof *m->starts);
    for (uint64_t v = 0; v < m->n_vectors; v++) {
        gammas[v] = (float)svm->gamma;
        for (uint32_t j = 0; j + 1 < svm->n_classes; j++)
            m->bounds[v] = fmax(m->bounds[v], fabs(svm->dual_coef[j * svm->n_support_vectors + v]));
    }
    m->matrix.stride = (uint32_t)svm->stride;
    return mlsel_i_metal_wrap(state->device, svm->support_vectors, bytes, &m->vectors, err);
}

/* Norms, and what the bounds on errors are made of. */
static void measure(svm_model *m, uint32_t n) {
    const float *vectors = m->vectors.contents, *gammas = m->gammas.contents;
    float *offsets = m->offsets.contents;
    m->can_estimate = true;
    for (uint32_t v = 0; v < m->n_vectors; v++) {
        const double squared = mlsel_i_accel_sum_squares_f32(vectors + (uint64_t)v * m->matrix.stride, n);
        const double norm = sqrt(squared);
        m->can_estimate = m->can_estimate && (norm <= 0 || is_tame_norm(norm));
        m->max_norm = fmax(m->max_norm, norm);
        m->max_gamma = fmax(m->max_gamma, (double)gammas[v]);
        m->bound_sum += m->bounds[v];
        offsets[v] = (float)fmin(squared, 1e38);
    }
    m->can_estimate = m->can_estimate && m->max_gamma <= 1e6;
}

static mlsel_status prepare(metal_state *state, mlsel_error *err) {
    const mlsel_svm_view *svm = state->view->svm;
    svm_model *m = mlsel_i_calloc(1, sizeof *m);
    state->model = m;
    if (m == NULL)
        return mlsel_i_no_memory(err);
    m->per_model = svm->form == MLSEL_SVM_FORM_PER_MODEL;
    m->is_linear = svm->kernel == MLSEL_SVM_KERNEL_LINEAR;
    m->n_vectors = (uint32_t)count_vectors(svm);
    m->n_outputs = m->per_model ? svm->n_classes : svm->n_classes * (svm->n_classes - 1) / 2;
    m->bounds = mlsel_i_calloc(m->n_vectors, sizeof *m->bounds);
    m->starts = mlsel_i_calloc((size_t)svm->n_classes + 1, sizeof *m->starts);
    if (m->bounds == NULL || m->starts == NULL)
        return mlsel_i_no_memory(err);
    state->memory_bytes += m->n_vectors * sizeof *m->bounds;
    mlsel_status status = mlsel_i_metal_model_alloc(state, m->n_vectors, sizeof(float), &m->offsets, err);
    if (status == MLSEL_OK)
        status = mlsel_i_metal_model_alloc(state, m->n_vectors, sizeof(float), &m->gammas, err);
    if (status == MLSEL_OK)
        status = m->per_model ? gather(state, m, err) : wrap(state, m, err);
    if (status != MLSEL_OK)
        return status;
    measure(m, state->view->n_features);
    m->matrix.rows = span_of(&m->vectors, 0);
    m->matrix.n_rows = m->n_vectors;
    m->matrix.n = state->view->n_features;
    return mlsel_i_metal_prepare_cpu(state, err);
}

static void release(metal_state *state) {
    svm_model *m = state->model;
    mlsel_i_metal_free(&m->vectors);
    mlsel_i_metal_free(&m->offsets);
    mlsel_i_metal_free(&m->gammas);
    mlsel_i_free(m->bounds);
    mlsel_i_free(m->starts);
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

static uint32_t value_stride(const svm_model *m) { return padded_width(m->n_vectors); }

static void lay_out(const metal_state *state, uint32_t capacity, uint32_t k, uint64_t bytes[SLOT_PARTS]) {
    (void)k;
    bytes[QUERIES] = (uint64_t)capacity * padded_width(state->view->n_features) * sizeof(float);
    bytes[BASES] = capacity * sizeof(float);
    bytes[VALUES] = (uint64_t)capacity * value_stride(state->model) * sizeof(float);
}

/* A query's norm as it takes part, and what its values are multiplied with. */
static double take_norm(const metal_state *state, const accel_query *query, double *factor) {
    const svm_model *m = state->model;
    const double norm = sqrt(mlsel_i_accel_sum_squares(query, state->view->n_features));
    const bool divides = m->per_model && norm > 1e-10;
    *factor = divides ? 1 / norm : 1;
    return divides ? 1 : norm;
}

static mlsel_status multiply(const metal_state *state, const mlsel_backend_run *run, const metal_slot *slot,
                             mlsel_error *err) {
    const svm_model *m = state->model;
    const uint32_t n = state->view->n_features, stride = padded_width(n);
    float *narrow = slot->parts[QUERIES].contents, *bases = slot->parts[BASES].contents;
    for (uint32_t q = 0; q < run->count; q++) {
        const accel_query query = mlsel_i_accel_query(run, q);
        double factor;
        const double norm = take_norm(state, &query, &factor);
        mlsel_i_accel_narrow(&query, n, factor, narrow + (uint64_t)q * stride);
        bases[q] = (float)fmin(norm * norm, 1e38); /* a norm beyond that is the CPU's */
    }
    metal_dispatch dispatches[2];
    const metal_span values = span_of(&slot->parts[VALUES], 0);
    const metal_span rbf[] = {span_of(&slot->parts[BASES], 0), span_of(&m->offsets, 0), span_of(&m->gammas, 0), values};
    const metal_rbf params = {.n_vectors = m->n_vectors, .stride = value_stride(m)};
    mlsel_i_metal_products(&m->matrix, span_of(&slot->parts[QUERIES], 0), stride, run->count, values, params.stride,
                           &dispatches[0]);
    mlsel_i_metal_each(METAL_rbf_values, m->n_vectors, run->count, rbf, 4, &params, sizeof params, &dispatches[1]);
    return mlsel_i_metal_run(state->device, dispatches, m->is_linear ? 1 : 2, err);
}

/* Sums over the ranges of all outputs. */
static void add_up(const metal_state *state, const float *values, double *out) {
    const mlsel_svm_view *svm = state->view->svm;
    const svm_model *m = state->model;
    const uint64_t *start = m->starts, n = m->n_vectors;
    for (uint32_t c = 0; m->per_model && c < svm->n_classes; c++) {
        const mlsel_svm_classifier *classifier = &svm->classifiers[c];
        double sum = 0;
        if (classifier->alpha != NULL)
            sum = mlsel_i_accel_dot(classifier->alpha, values + start[c], (size_t)classifier->n_vectors);
        else
            for (uint64_t v = start[c]; v < start[c + 1]; v++)
                sum += (double)values[v];
        out[c] = sum - classifier->rho;
    }
    if (m->per_model)
        return;
    for (uint32_t i = 0, pair = 0; i < svm->n_classes; i++)
        for (uint32_t j = i + 1; j < svm->n_classes; j++, pair++) {
            const double *for_i = svm->dual_coef + (j - 1) * n, *for_j = svm->dual_coef + i * n;
            out[pair] = mlsel_i_accel_dot(for_i + start[i], values + start[i], (size_t)(start[i + 1] - start[i])) +
                        mlsel_i_accel_dot(for_j + start[j], values + start[j], (size_t)(start[j + 1] - start[j])) +
                        svm->intercept[pair];
        }
}

/* Bound on the error of a kernel value, relative for RBF, of the form of the CPU backend's; exp of the shaders is
 * within 4 units in the last place. */
static double kernel_error(const svm_model *m, double norm, uint64_t n) {
    const double unit = 0x1p-24, x = m->max_norm, error = mlsel_i_metal_products_error(n) * x * norm;
    return m->is_linear ? error : m->max_gamma * (2 * error + 6 * unit * (x + norm) * (x + norm)) + 6e-7;
}

/* Whether a query's outputs leave no order open. */
static bool is_certain(const metal_state *state, const accel_query *query, const float *values, const double *out) {
    const svm_model *m = state->model;
    double factor;
    const double norm = take_norm(state, query, &factor);
    const double error = kernel_error(m, norm, state->view->n_features);
    if (!is_tame_norm(norm) || !(error <= tolerance))
        return false;
    /* the last term is for kernel values that float rounds to 0 */
    const double weighted = m->is_linear ? m->bound_sum : mlsel_i_accel_dot(m->bounds, values, m->n_vectors);
    const double bound = 1.01 * error * weighted + 2e-38 * m->bound_sum;
    if (m->per_model)
        return mlsel_i_is_certain(out, m->n_outputs, 2 * bound);
    bool certain = true;
    for (uint32_t i = 0; i < m->n_outputs; i++)
        certain = certain && fabs(out[i]) > bound;
    return certain;
}

static mlsel_status run_svm(const metal_state *state, const mlsel_backend_run *run, metal_slot *slot,
                            mlsel_error *err) {
    const svm_model *m = state->model;
    const bool multiplies = m->can_estimate && m->n_vectors > 0;
    mlsel_status status = multiplies ? multiply(state, run, slot, err) : MLSEL_OK;
    for (uint32_t q = 0; q < run->count && status == MLSEL_OK; q++) {
        const accel_query query = mlsel_i_accel_query(run, q);
        const float *values = (const float *)slot->parts[VALUES].contents + (uint64_t)q * value_stride(m);
        double *out = run->values + q * run->value_stride;
        if (multiplies)
            add_up(state, values, out);
        if (!multiplies || !is_certain(state, &query, values, out))
            status = mlsel_i_metal_ask_cpu(state, run, q, err);
    }
    return status;
}

const metal_kind mlsel_i_metal_svm = {
    .max_batch = MAX_BATCH, .prepare = prepare, .release = release, .lay_out = lay_out, .run = run_svm};
