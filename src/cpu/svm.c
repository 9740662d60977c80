/* SPDX-License-Identifier: Apache-2.0 */
/* Decision values: LIBSVM's svm_predict_values for one-vs-one, sums over the vectors for classifiers per model. */
#include <math.h>

#include "state.h"

static double kernel_value(const cpu_state *state, mlsel_svm_kernel kernel, double gamma, const float *vector,
                           const double *q) {
    const size_t n = state->view->n_features;
    if (kernel == MLSEL_SVM_KERNEL_LINEAR)
        return state->kernels->dot(vector, q, n);
    return exp(-gamma * state->kernels->squared_distance(vector, q, n));
}

static double sum_products(const double *coef, const double *kernel, uint64_t begin, uint64_t end) {
    double sum = 0;
    for (uint64_t v = begin; v < end; v++)
        sum += coef[v] * kernel[v];
    return sum;
}

static void run_one_vs_one(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_svm_view *svm = state->view->svm;
    double *kernel = query->extra; /* [n_support_vectors] */
    for (uint64_t v = 0; v < svm->n_support_vectors; v++)
        kernel[v] = kernel_value(state, svm->kernel, svm->gamma, svm->support_vectors + v * state->view->n_features,
                                 query->values);
    const uint64_t *start = svm->class_start;
    const uint64_t n = svm->n_support_vectors;
    for (uint32_t i = 0, pair = 0; i < svm->n_classes; i++)
        for (uint32_t j = i + 1; j < svm->n_classes; j++, pair++)
            out[pair] = sum_products(svm->dual_coef + (j - 1) * n, kernel, start[i], start[i + 1]) +
                        sum_products(svm->dual_coef + i * n, kernel, start[j], start[j + 1]) + svm->intercept[pair];
}

static void run_per_model(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_svm_view *svm = state->view->svm;
    const size_t n = state->view->n_features;
    const double norm = mlsel_i_cpu_norm(query->values, n);
    for (size_t i = 0; i < n; i++)
        query->normalized[i] = norm > 1e-10 ? query->values[i] / norm : query->values[i];
    for (uint32_t c = 0; c < svm->n_classes; c++) {
        const mlsel_svm_classifier *classifier = &svm->classifiers[c];
        double sum = 0;
        for (uint64_t v = 0; v < classifier->n_vectors; v++)
            sum += (classifier->alpha == NULL ? 1 : classifier->alpha[v]) *
                   kernel_value(state, svm->kernel, classifier->gamma, classifier->vectors + v * n, query->normalized);
        out[c] = sum - classifier->rho;
    }
}

void mlsel_i_cpu_svm(const cpu_state *state, const cpu_query *query, double *out) {
    if (state->view->svm->form == MLSEL_SVM_FORM_ONE_VS_ONE)
        run_one_vs_one(state, query, out);
    else
        run_per_model(state, query, out);
}
