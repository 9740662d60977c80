/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_arithmetic.h"

#include <math.h>

static double norm_of(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

static void divide(double *x, size_t n, double by) {
    for (size_t i = 0; i < n; i++)
        x[i] /= by;
}

static double distance(const double *x, const double *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sum;
}

static void widen(const float *from, double *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

static void normalize(double *x, size_t n) {
    const double norm = norm_of(x, n);
    if (norm > 0)
        divide(x, n, norm);
}

/* --- KNN --------------------------------------------------------------------------------------------------------- */

/* All distances first, then k times the smallest that is left. room: [n_features] a row, [n_rows] distances */
static void measure_knn(const mlsel_model_view *view, double *query, double *room, uint32_t k, const uint8_t *mask,
                        mlsel_backend_neighbour *out) {
    const mlsel_knn_view *knn = view->knn;
    const size_t n = view->n_features;
    double *distances = room + n;
    if (knn->normalize)
        normalize(query, n);
    for (uint64_t v = 0; v < knn->n_vectors; v++) {
        widen(knn->vectors + v * knn->stride, room, n);
        if (knn->normalize)
            normalize(room, n);
        for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++) {
            const uint64_t row = knn->vector_rows[i];
            const int takes_part = mask == NULL || mask[knn->row_labels[row]] != 0;
            distances[row] = takes_part ? distance(room, query, n) : INFINITY;
        }
    }
    for (uint32_t i = 0; i < k; i++) {
        uint64_t best = 0;
        for (uint64_t row = 1; row < knn->n_rows; row++)
            if (distances[row] < distances[best])
                best = row;
        out[i] = (mlsel_backend_neighbour){.distance = distances[best], .row = best};
        distances[best] = INFINITY;
    }
}

/* --- SVM --------------------------------------------------------------------------------------------------------- */

static double svm_kernel(mlsel_svm_kernel kernel, double gamma, const double *x, const double *query, size_t n) {
    double sum = 0;
    if (kernel == MLSEL_SVM_KERNEL_RBF)
        return exp(-gamma * distance(x, query, n));
    for (size_t i = 0; i < n; i++)
        sum += x[i] * query[i];
    return sum;
}

/* Each pair on its own, straight from the formula. room: [n_features] a vector */
static double svm_pair(const mlsel_model_view *view, const double *query, double *room, uint32_t i, uint32_t j) {
    const mlsel_svm_view *svm = view->svm;
    const size_t n = view->n_features;
    double sums[2] = {0, 0};
    for (int side = 0; side < 2; side++) {
        const uint32_t of = side == 0 ? i : j, row = side == 0 ? j - 1 : i;
        for (uint64_t v = svm->class_start[of]; v < svm->class_start[of + 1]; v++) {
            widen(svm->support_vectors + v * svm->stride, room, n);
            sums[side] +=
                svm->dual_coef[row * svm->n_support_vectors + v] * svm_kernel(svm->kernel, svm->gamma, room, query, n);
        }
    }
    return sums[0] + sums[1];
}

static void measure_svm(const mlsel_model_view *view, double *query, double *room, double *out) {
    const mlsel_svm_view *svm = view->svm;
    const size_t n = view->n_features;
    if (svm->form == MLSEL_SVM_FORM_ONE_VS_ONE) {
        uint32_t pair = 0;
        for (uint32_t i = 0; i < svm->n_classes; i++)
            for (uint32_t j = i + 1; j < svm->n_classes; j++, pair++)
                out[pair] = svm_pair(view, query, room, i, j) + svm->intercept[pair];
        return;
    }
    if (norm_of(query, n) > 1e-10)
        normalize(query, n);
    for (uint32_t c = 0; c < svm->n_classes; c++) {
        const mlsel_svm_classifier *classifier = &svm->classifiers[c];
        double sum = 0;
        for (uint64_t v = 0; v < classifier->n_vectors; v++) {
            widen(classifier->vectors + v * classifier->stride, room, n);
            const double value = svm_kernel(svm->kernel, classifier->gamma, room, query, n);
            sum += classifier->alpha == NULL ? value : classifier->alpha[v] * value;
        }
        out[c] = sum - classifier->rho;
    }
}

/* --- MLP --------------------------------------------------------------------------------------------------------- */

static uint32_t widest(const mlsel_mlp_view *mlp) {
    uint32_t width = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++)
        if (mlp->layers[l].out_features > width)
            width = mlp->layers[l].out_features;
    return width;
}

static double or_else(const float *values, uint32_t i, double missing) { return values == NULL ? missing : values[i]; }

static double layer_output(const mlsel_layer_view *layer, const double *x, uint32_t o) {
    double sum = 0;
    switch (layer->type) {
    case MLSEL_LAYER_LINEAR:
        for (uint32_t i = 0; i < layer->in_features; i++)
            sum += (double)layer->weight[o * layer->stride + i] * x[i];
        return sum + or_else(layer->bias, o, 0);
    case MLSEL_LAYER_RELU:
        return x[o] < 0 ? 0 : x[o];
    case MLSEL_LAYER_BATCH_NORM:
        return (x[o] - or_else(layer->running_mean, o, 0)) / sqrt(or_else(layer->running_var, o, 1) + layer->eps) *
                   or_else(layer->weight, o, 1) +
               or_else(layer->bias, o, 0);
    default:
        return x[o];
    }
}

/* room: two layers' outputs */
static void measure_mlp(const mlsel_model_view *view, const double *query, double *room, double *out) {
    const mlsel_mlp_view *mlp = view->mlp;
    const double *x = query;
    const uint32_t width = widest(mlp);
    for (uint32_t l = 0; l < mlp->n_layers; l++) {
        double *y = l + 1 == mlp->n_layers ? out : room + (size_t)(l % 2) * width;
        for (uint32_t o = 0; o < mlp->layers[l].out_features; o++)
            y[o] = layer_output(&mlp->layers[l], x, o);
        x = y;
    }
}

/* --- all --------------------------------------------------------------------------------------------------------- */

size_t fake_room(const mlsel_model_view *view) {
    if (view->knn != NULL)
        return view->n_features + (size_t)view->knn->n_rows;
    if (view->mlp != NULL)
        return 2 * (size_t)widest(view->mlp);
    return view->n_features;
}

void fake_measure(const mlsel_model_view *view, double *query, double *room, uint32_t k, const uint8_t *label_mask,
                  mlsel_backend_neighbour *neighbours, double *values) {
    switch (view->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        measure_knn(view, query, room, k, label_mask, neighbours);
        break;
    case MLSEL_ALGORITHM_KMEANS:
        for (uint32_t c = 0; c < view->kmeans->n_clusters; c++)
            values[c] = distance(query, view->kmeans->centroids + (size_t)c * view->n_features, view->n_features);
        break;
    case MLSEL_ALGORITHM_SVM:
        measure_svm(view, query, room, values);
        break;
    default:
        measure_mlp(view, query, room, values);
        break;
    }
}
