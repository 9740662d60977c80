/* SPDX-License-Identifier: Apache-2.0 */
#include "derived.h"

#include <float.h>
#include <string.h>

#include "backend.h"
#include "kernels.h"
#include "knn.h"

bool mlsel_i_cpu_knn_index(const void *state, knn_index *out) { return mlsel_i_knn_export(state, out); }

bool mlsel_i_cpu_squared_norms(const mlsel_svm_view *svm, size_t n_features, double *out) {
    const cpu_kernels *kernels = mlsel_i_cpu_kernels_pick();
    for (uint64_t v = 0; v < svm->n_support_vectors; v++) {
        out[v] = kernels->sum_squares_f32(svm->support_vectors + v * svm->stride, n_features);
        if (!(out[v] <= FLT_MAX))
            return false;
    }
    return true;
}

/* --- checking what a container says ------------------------------------------------------------------------------ */

static bool is_equal(const void *a, const void *b, size_t count, size_t size) {
    return count == 0 || memcmp(a, b, count * size) == 0;
}

static bool is_same_index(const knn_index *a, const knn_index *b, size_t n) {
    if (!is_equal(&a->max_norm, &b->max_norm, 1, sizeof a->max_norm) || a->head != b->head ||
        a->n_groups != b->n_groups || !is_equal(a->scales, b->scales, n, sizeof *a->scales) ||
        !is_equal(a->double_scales, b->double_scales, n, sizeof *a->double_scales) ||
        !is_equal(a->offsets, b->offsets, n, sizeof *a->offsets))
        return false;
    if (a->head == 0)
        return true;
    return is_equal(a->rows, b->rows, n, a->stride) && is_equal(a->vectors, b->vectors, n, sizeof *a->vectors) &&
           is_equal(a->steps, b->steps, n, sizeof *a->steps) &&
           is_equal(a->row_scales, b->row_scales, n, sizeof *a->row_scales) &&
           is_equal(a->row_offsets, b->row_offsets, n, sizeof *a->row_offsets) &&
           is_equal(a->errors, b->errors, n, sizeof *a->errors) && is_equal(a->sizes, b->sizes, n, sizeof *a->sizes) &&
           is_equal(a->group_start, b->group_start, a->n_groups + 1, sizeof *a->group_start) &&
           is_equal(a->group_bounds, b->group_bounds, a->n_groups, KNN_GROUP_BOUNDS * sizeof *a->group_bounds);
}

static mlsel_status wrong(mlsel_error *err) {
    return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA,
                        "mlsel_index does not fit the vectors: convert the file again from its source");
}

static mlsel_status check_knn(const mlsel_artifact *artifact, mlsel_error *err) {
    artifact_view view;
    knn_index derived;
    mlsel_prepared prepared = {.struct_size = sizeof prepared};
    mlsel_i_artifact_view(artifact, MLSEL_KNN_RULE_COSINE, &view);
    view.knn.index = NULL;
    mlsel_status status = mlsel_i_cpu_backend.prepare(0, &view.view, MLSEL_PRECISION_F32, &prepared, err);
    if (status != MLSEL_OK)
        return status;
    /* the reference kernels have no fast path and use no index */
    if (mlsel_i_cpu_kernels_pick()->dots != NULL &&
        (!mlsel_i_cpu_knn_index(prepared.state, &derived) ||
         !is_same_index(artifact->index, &derived, (size_t)artifact->knn.n_vectors)))
        status = wrong(err);
    mlsel_i_cpu_backend.release(prepared.state);
    return status;
}

static mlsel_status check_svm(const mlsel_artifact *artifact, mlsel_error *err) {
    const mlsel_svm_view *svm = &artifact->svm;
    double *norms = mlsel_i_alloc((size_t)svm->n_support_vectors, sizeof *norms);
    if (norms == NULL)
        return mlsel_i_no_memory(err);
    const bool is_right = mlsel_i_cpu_squared_norms(svm, artifact->scalars.n_features, norms) &&
                          is_equal(norms, svm->squared_norms, (size_t)svm->n_support_vectors, sizeof *norms);
    mlsel_i_free(norms);
    return is_right ? MLSEL_OK : wrong(err);
}

mlsel_status mlsel_i_container_check_derived(const mlsel_artifact *artifact, mlsel_error *err) {
    if (artifact->index != NULL)
        return check_knn(artifact, err);
    return artifact->svm.squared_norms != NULL ? check_svm(artifact, err) : MLSEL_OK;
}
