/* SPDX-License-Identifier: Apache-2.0 */
/* Several queries against the support vectors: a block of kernel values for all queries, then its part of every sum. */
#include <math.h>
#include <string.h>

#include "batch.h"
#include "svm.h"

/* A group of queries on its way. */
typedef struct svm_batch {
    const cpu_state *state;
    query_group group;
    double squared[PANEL_WIDTH]; /* squared norms */
    /* sums[(c * n_rows + j) * PANEL_WIDTH + query] over the vectors of class c, of the kernel value weighted with row j
     * of the dual coefficients, n_rows = n_classes - 1 of them */
    double *sums;
    double bounds[PANEL_WIDTH]; /* sums of the kernel values, weighted with the coefficients' bounds */
} svm_batch;

typedef struct batch_layout {
    size_t panel, sums, end; /* in bytes */
} batch_layout;

static size_t n_sums(const mlsel_svm_view *svm) { return (size_t)svm->n_classes * (svm->n_classes - 1) * PANEL_WIDTH; }

static batch_layout lay_out(const cpu_state *state) {
    const size_t n = state->view->n_features;
    batch_layout l = {.panel = PANEL_WIDTH * mlsel_i_padded(n) * sizeof(float)};
    l.sums = l.panel + mlsel_i_panel_size(n) * sizeof(float);
    l.end = l.sums + n_sums(state->view->svm) * sizeof(double);
    return l;
}

size_t mlsel_i_cpu_svm_batch_bytes(const cpu_state *state) { return state->fast ? lay_out(state).end : 0; }

/* --- kernel values ------------------------------------------------------------------------------------------------ */

/* The same as mlsel_i_svm_kernel for a panel of queries, [vector][PANEL_WIDTH]. */
static void kernel_panel(const svm_batch *b, uint64_t first, size_t count, float *values) {
    const mlsel_svm_view *svm = b->state->view->svm;
    if (svm->kernel == MLSEL_SVM_KERNEL_LINEAR)
        return;
    float base[PANEL_WIDTH];
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        base[j] = (float)b->squared[j];
    const float gamma = (float)-svm->gamma;
    for (size_t r = 0; r < count; r++) {
        const float offset = b->state->offsets[first + r];
        float *row = values + r * PANEL_WIDTH;
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            const float distance = (base[j] + offset) - 2 * row[j];
            row[j] = gamma * (distance > 0 ? distance : 0);
        }
    }
    b->state->kernels->exp_negative(values, count * PANEL_WIDTH);
}

static void kernel_block(const svm_batch *b, uint64_t first, size_t count, float *values) {
    if (b->group.panel != NULL)
        kernel_panel(b, first, count, values);
    for (size_t j = 0; b->group.panel == NULL && j < b->group.count; j++)
        mlsel_i_svm_kernel(b->state, b->squared[j], first, count, values + j * GROUP_ROWS);
}

/* --- sums --------------------------------------------------------------------------------------------------------- */

/* sums[query] += sum of weights[r] * the value of vector first + r, for `count` vectors from `first` in the block on */
static void weigh(const svm_batch *b, const double *weights, const float *block, size_t first, size_t count,
                  double sums[PANEL_WIDTH]) {
    if (b->group.panel != NULL)
        b->state->kernels->panel->weigh(weights, block + first * PANEL_WIDTH, count, sums);
    for (size_t j = 0; b->group.panel == NULL && j < b->group.count; j++)
        sums[j] += b->state->kernels->dot_f64(weights, block + j * GROUP_ROWS + first, count);
}

/* Adds what the vectors [first, first + count) contribute, class by class; *c is the class of the first one. */
static void add_block(svm_batch *b, uint64_t first, size_t count, uint32_t *c, const float *values) {
    const mlsel_svm_view *svm = b->state->view->svm;
    const size_t n_rows = svm->n_classes - 1;
    const uint64_t end = first + count;
    weigh(b, b->state->coef_bounds + first, values, 0, count, b->bounds);
    for (uint64_t v = first; v < end;) {
        while (svm->class_start[*c + 1] <= v)
            ++*c;
        const uint64_t stop = svm->class_start[*c + 1] < end ? svm->class_start[*c + 1] : end;
        for (size_t j = 0; j < n_rows; j++)
            weigh(b, svm->dual_coef + j * svm->n_support_vectors + v, values, (size_t)(v - first), (size_t)(stop - v),
                  b->sums + (*c * n_rows + j) * PANEL_WIDTH);
        v = stop;
    }
}

static void add_all(svm_batch *b) {
    const mlsel_svm_view *svm = b->state->view->svm;
    uint32_t c = 0;
    float values[GROUP_SIZE] = {0}; /* columns without a query may stay as they are */
    memset(b->sums, 0, n_sums(svm) * sizeof *b->sums);
    memset(b->bounds, 0, sizeof b->bounds);
    for (uint64_t first = 0; first < svm->n_support_vectors; first += GROUP_ROWS) {
        const uint64_t left = svm->n_support_vectors - first;
        const size_t count = left < GROUP_ROWS ? (size_t)left : GROUP_ROWS;
        mlsel_i_group_dots(b->state, &b->group, svm->support_vectors + first * svm->stride, svm->stride, count, values);
        kernel_block(b, first, count, values);
        add_block(b, first, count, &c, values);
    }
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* One query's decision values; false if a sign is not certain. */
static bool decide(const svm_batch *b, size_t q, double kernel_error, double *out) {
    const mlsel_svm_view *svm = b->state->view->svm;
    const size_t n_rows = svm->n_classes - 1;
    const double bound = mlsel_i_svm_decision_error(b->state, kernel_error, b->bounds[q]);
    bool certain = isfinite(kernel_error);
    for (uint32_t i = 0, pair = 0; i < svm->n_classes; i++)
        for (uint32_t j = i + 1; j < svm->n_classes; j++, pair++) {
            out[pair] = b->sums[(i * n_rows + j - 1) * PANEL_WIDTH + q] + b->sums[(j * n_rows + i) * PANEL_WIDTH + q] +
                        svm->intercept[pair];
            certain = certain && fabs(out[pair]) > bound;
        }
    return certain;
}

static void answer_group(svm_batch *b, const mlsel_backend_run *run, size_t first) {
    const size_t count = b->group.count;
    double errors[PANEL_WIDTH];
    bool worth = false;
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        const size_t q = first + (j < count ? j : count - 1);
        b->squared[j] = j < count ? mlsel_i_run_squared(b->state, run, q) : b->squared[count - 1];
        errors[j] = mlsel_i_svm_kernel_error(b->state, mlsel_i_group_error(b->state, &b->group), b->squared[j]);
        worth = worth || isfinite(errors[j]);
    }
    if (worth)
        add_all(b);
    for (size_t j = 0; j < count; j++)
        if (!worth || !decide(b, j, errors[j], run->values + (first + j) * run->value_stride))
            mlsel_i_cpu_run_one(b->state, run, first + j);
}

void mlsel_i_cpu_svm_batch(const cpu_state *state, const mlsel_backend_run *run, void *scratch) {
    const batch_layout l = lay_out(state);
    char *base = scratch;
    svm_batch b = {.state = state, .sums = (double *)(void *)(base + l.sums)};
    for (size_t first = 0; first < run->count; first += PANEL_WIDTH) {
        const size_t left = run->count - first;
        mlsel_i_group_open_run(state, run, first, left < PANEL_WIDTH ? left : PANEL_WIDTH, &b.group, scratch,
                               (float *)(void *)(base + l.panel));
        answer_group(&b, run, first);
    }
}
