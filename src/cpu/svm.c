/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decision values: LIBSVM's svm_predict_values for one-vs-one, sums over the vectors for classifiers per model. The
 * fast path computes |q - x|^2 as |q|^2 + |x|^2 - 2 q.x in float; where a decision value is so near 0 that its sign
 * could be wrong, the exact path decides.
 */
#include <float.h>
#include <math.h>

#include "svm.h"

/* Kernel values must be this good for their decision values to be reported. */
static const double tolerance = 5e-5;

/* --- preparing --------------------------------------------------------------------------------------------------- */

static void prepare_vectors(cpu_state *state) {
    const mlsel_svm_view *svm = state->view->svm;
    for (uint64_t v = 0; v < svm->n_support_vectors; v++) {
        const double squared =
            svm->squared_norms != NULL
                ? svm->squared_norms[v]
                : state->kernels->sum_squares_f32(svm->support_vectors + v * svm->stride, state->view->n_features);
        if (squared > 0 && !mlsel_i_cpu_is_tame(sqrt(squared)))
            state->fast = false;
        state->max_norm = fmax(state->max_norm, sqrt(squared));
        state->offsets[v] = (float)fmin(squared, FLT_MAX);
        double bound = 0;
        for (uint32_t j = 0; j + 1 < svm->n_classes; j++)
            bound = fmax(bound, fabs(svm->dual_coef[j * svm->n_support_vectors + v]));
        state->coef_bounds[v] = bound;
        state->coef_sum += bound;
    }
}

mlsel_status mlsel_i_cpu_prepare_svm(cpu_state *state, mlsel_error *err) {
    const mlsel_svm_view *svm = state->view->svm;
    state->fast = state->fast && svm->form == MLSEL_SVM_FORM_ONE_VS_ONE;
    if (svm->form == MLSEL_SVM_FORM_ONE_VS_ONE)
        state->scratch_bytes = svm->n_support_vectors * sizeof(double);
    if (!state->fast)
        return MLSEL_OK;
    state->offsets = mlsel_i_cpu_state_alloc(state, svm->n_support_vectors, sizeof *state->offsets);
    state->coef_bounds = mlsel_i_cpu_state_alloc(state, svm->n_support_vectors, sizeof *state->coef_bounds);
    if (state->offsets == NULL || state->coef_bounds == NULL)
        return mlsel_i_no_memory(err);
    mlsel_i_cpu_choose_dots(state, svm->n_support_vectors * svm->stride * sizeof(float));
    prepare_vectors(state);
    return MLSEL_OK;
}

/* --- exact ------------------------------------------------------------------------------------------------------- */

static double dot(const float *x, const double *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * q[i];
    return sum;
}

static double kernel_value(const cpu_state *state, double gamma, const float *vector, const double *q) {
    const size_t n = state->view->n_features;
    if (state->view->svm->kernel == MLSEL_SVM_KERNEL_LINEAR)
        return dot(vector, q, n);
    return exp(-gamma * state->kernels->squared_distance(vector, 1, q, n));
}

static double sum_products(const double *coef, const double *kernel, uint64_t begin, uint64_t end) {
    double sum = 0;
    for (uint64_t v = begin; v < end; v++)
        sum += coef[v] * kernel[v];
    return sum;
}

static void decide_exactly(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_svm_view *svm = state->view->svm;
    const double *q = mlsel_i_cpu_wide(state, query);
    double *kernel = query->extra; /* [n_support_vectors] */
    for (uint64_t v = 0; v < svm->n_support_vectors; v++)
        kernel[v] = kernel_value(state, svm->gamma, svm->support_vectors + v * svm->stride, q);
    const uint64_t *start = svm->class_start;
    const uint64_t n = svm->n_support_vectors;
    for (uint32_t i = 0, pair = 0; i < svm->n_classes; i++)
        for (uint32_t j = i + 1; j < svm->n_classes; j++, pair++)
            out[pair] = sum_products(svm->dual_coef + (j - 1) * n, kernel, start[i], start[i + 1]) +
                        sum_products(svm->dual_coef + i * n, kernel, start[j], start[j + 1]) + svm->intercept[pair];
}

static void score_per_model(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_svm_view *svm = state->view->svm;
    const size_t n = state->view->n_features;
    const double *q = mlsel_i_cpu_wide(state, query);
    const double norm = sqrt(state->kernels->sum_squares(q, n));
    for (size_t i = 0; i < n; i++)
        query->normalized[i] = norm > 1e-10 ? q[i] / norm : q[i];
    for (uint32_t c = 0; c < svm->n_classes; c++) {
        const mlsel_svm_classifier *classifier = &svm->classifiers[c];
        double sum = 0;
        for (uint64_t v = 0; v < classifier->n_vectors; v++)
            sum +=
                (classifier->alpha == NULL ? 1 : classifier->alpha[v]) *
                kernel_value(state, classifier->gamma, classifier->vectors + v * classifier->stride, query->normalized);
        out[c] = sum - classifier->rho;
    }
}

/* --- fast -------------------------------------------------------------------------------------------------------- */

void mlsel_i_svm_kernel(const cpu_state *state, double squared_norm, uint64_t first, size_t count, float *values) {
    const mlsel_svm_view *svm = state->view->svm;
    if (svm->kernel == MLSEL_SVM_KERNEL_LINEAR)
        return;
    const float base = (float)squared_norm, gamma = (float)-svm->gamma;
    const float *offsets = state->offsets + first;
    for (size_t v = 0; v < count; v++) {
        const float distance = (base + offsets[v]) - 2 * values[v];
        values[v] = gamma * (distance > 0 ? distance : 0);
    }
    state->kernels->exp_negative(values, count);
}

double mlsel_i_svm_kernel_error(const cpu_state *state, double dots_error, double squared_norm) {
    const mlsel_svm_view *svm = state->view->svm;
    const double unit = 0x1p-24, x = state->max_norm, q = sqrt(squared_norm);
    double error = dots_error * x * q;
    if (svm->kernel != MLSEL_SVM_KERNEL_LINEAR)
        error = svm->gamma * (2 * error + 6 * unit * (x + q) * (x + q)) + 3e-7;
    return mlsel_i_cpu_is_tame(q) && svm->gamma <= 1e6 && error <= tolerance ? error : INFINITY;
}

double mlsel_i_svm_decision_error(const cpu_state *state, double kernel_error, double weighted) {
    const bool is_linear = state->view->svm->kernel == MLSEL_SVM_KERNEL_LINEAR;
    /* the last term is for kernel values that float rounds to 0 */
    return 1.01 * kernel_error * (is_linear ? state->coef_sum : weighted) + 2e-38 * state->coef_sum;
}

/* False if a sign is not certain. */
static bool decide_fast(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_svm_view *svm = state->view->svm;
    const size_t n_features = state->view->n_features, n = svm->n_support_vectors;
    const double squared = mlsel_i_cpu_sum_squares(state, query);
    const double error = mlsel_i_svm_kernel_error(state, state->dots_error, squared);
    if (!isfinite(error))
        return false;
    float *kernel = query->extra;
    state->dots(svm->support_vectors, svm->stride, n, mlsel_i_cpu_narrow(state, query), n_features, kernel);
    mlsel_i_svm_kernel(state, squared, 0, n, kernel);
    const double bound =
        mlsel_i_svm_decision_error(state, error, state->kernels->dot_f64(state->coef_bounds, kernel, n));
    const uint64_t *start = svm->class_start;
    bool certain = true;
    for (uint32_t i = 0, pair = 0; i < svm->n_classes; i++)
        for (uint32_t j = i + 1; j < svm->n_classes; j++, pair++) {
            const double *for_i = svm->dual_coef + (size_t)(j - 1) * n, *for_j = svm->dual_coef + (size_t)i * n;
            out[pair] =
                state->kernels->dot_f64(for_i + start[i], kernel + start[i], (size_t)(start[i + 1] - start[i])) +
                state->kernels->dot_f64(for_j + start[j], kernel + start[j], (size_t)(start[j + 1] - start[j])) +
                svm->intercept[pair];
            certain = certain && fabs(out[pair]) > bound;
        }
    return certain;
}

void mlsel_i_cpu_svm(const cpu_state *state, const cpu_query *query, double *out) {
    if (state->view->svm->form == MLSEL_SVM_FORM_PER_MODEL)
        score_per_model(state, query, out);
    else if (!state->fast || !decide_fast(state, query, out))
        decide_exactly(state, query, out);
}
