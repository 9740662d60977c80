/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that calls LIBSVM (C.-C. Chang, C.-J. Lin: LIBSVM, a library for support vector machines, 2011).
 *
 * What it does to the process: the print function is set, once; probabilities, which it would make with rand(), and
 * files, for which it sets the locale, are not asked for. It checks no allocation of its own, so that what it will take
 * is allocated and freed before.
 */
#include "svm_train.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifdef MLSEL_WITH_LIBSVM

#include <svm.h>

/* What svm_matrix is laid out for. */
_Static_assert(sizeof(struct svm_node) == 2 * sizeof(double) && offsetof(struct svm_node, value) == sizeof(double),
               "svm_node is two doubles wide");

mlsel_status mlsel_i_svm_available(mlsel_error *err) {
    (void)err;
    return MLSEL_OK;
}

/* --- sparse rows -------------------------------------------------------------------------------------------------- */

typedef struct sparse_rows {
    struct svm_node *nodes;
    size_t *start; /* [n] */
} sparse_rows;

static size_t count_nodes(const svm_vectors *vectors) {
    size_t n = vectors->n; /* each row ends in one more */
    for (size_t v = 0; v < vectors->n; v++)
        for (size_t i = 0; i < vectors->n_features; i++)
            n += vectors->x[v * vectors->stride + i] != 0;
    return n;
}

uint64_t mlsel_i_svm_sparse_bytes(const svm_vectors *vectors) {
    return count_nodes(vectors) * sizeof(struct svm_node) + vectors->n * sizeof(size_t) + sizeof(sparse_rows) +
           3 * (uint64_t)MLSEL_ALIGNMENT;
}

mlsel_status mlsel_i_svm_sparse_create(const svm_vectors *vectors, train_run *run, void **out) {
    sparse_rows *sparse = mlsel_i_run_calloc(run, 1, sizeof *sparse);
    if (sparse == NULL)
        return mlsel_i_run_status(run);
    sparse->nodes = mlsel_i_run_alloc(run, count_nodes(vectors), sizeof *sparse->nodes);
    sparse->start = mlsel_i_run_alloc(run, vectors->n, sizeof *sparse->start);
    if (sparse->nodes == NULL || sparse->start == NULL) {
        mlsel_i_svm_sparse_free(run, sparse);
        return mlsel_i_run_status(run);
    }
    size_t at = 0;
    for (size_t v = 0; v < vectors->n; v++) {
        const float *x = vectors->x + v * vectors->stride;
        sparse->start[v] = at;
        for (size_t i = 0; i < vectors->n_features; i++)
            if (x[i] != 0)
                sparse->nodes[at++] = (struct svm_node){.index = (int)(i + 1), .value = (double)x[i]};
        sparse->nodes[at++] = (struct svm_node){.index = -1};
    }
    *out = sparse;
    return MLSEL_OK;
}

void mlsel_i_svm_sparse_free(train_run *run, void *sparse) {
    sparse_rows *rows = sparse;
    if (rows == NULL)
        return;
    mlsel_i_run_free(run, rows->nodes);
    mlsel_i_run_free(run, rows->start);
    mlsel_i_run_free(run, rows);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* A row's share: the problem's copy and the sub-problem's, the solver's nine vectors, the head of its cache, and the
 * coefficients that come back. */
enum { BYTES_OF_ROW = 320, BYTES_OF_CALL = 1 << 16 };

uint64_t mlsel_i_svm_solver_bytes(size_t n) { return (uint64_t)n * BYTES_OF_ROW + BYTES_OF_CALL; }

uint64_t mlsel_i_svm_cache_bytes(size_t n) { return (uint64_t)n * n * sizeof(float) + mlsel_i_svm_solver_bytes(n); }

/* Whether the system would give what LIBSVM is going to take. */
static bool is_there(const svm_task *task) {
    const uint64_t bytes = mlsel_i_svm_solver_bytes(task->n) + task->cache_bytes;
    void *block = bytes > SIZE_MAX ? NULL : mlsel_i_map((size_t)bytes);
    mlsel_i_unmap(block, (size_t)bytes);
    return block != NULL;
}

/* --- solving ------------------------------------------------------------------------------------------------------ */

/*
 * Of C and a vector's kernel value with itself. Where classes overlap, LIBSVM takes steps in proportion to it, and more
 * with more rows. After ten million it gives up and writes so to stderr, from which nothing can keep it. Measured:
 * pairs of 200 and of 2000 rows in 4 dimensions end at 3e4 and not at 1e5; 2000 rows in 64 dimensions end at 3e3 and
 * not at 1e4. So this keeps out what does not end even where there are few rows, and not every case.
 */
static const double largest_product = 3e4;

/* Whether LIBSVM can be asked. Features beyond float are refused with the large ones. */
static mlsel_status check_reach(const svm_task *task, mlsel_error *err) {
    double largest = 1;
    if (task->kernel->kind == MLSEL_SVM_KERNEL_LINEAR) {
        largest = 0;
        for (size_t r = 0; r < task->n; r++)
            largest = fmax(largest, task->products->squared[task->rows[r]]);
    }
    if (task->c * largest <= largest_product)
        return MLSEL_OK;
    if (task->kernel->kind == MLSEL_SVM_KERNEL_LINEAR)
        return mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED,
                            "the features are too large for a linear SVM: C times a vector's squared length is %.3g, "
                            "more than %g; scale embeddings to a length of 1, or give a smaller C",
                            task->c * largest, largest_product);
    return mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED, "C is %.3g in a pair of models, more than %g", task->c,
                        largest_product);
}

static void print_nothing(const char *text) { (void)text; }

static void hush(void) { svm_set_print_string_function(print_nothing); }

static struct svm_node *node_of(const svm_task *task, size_t v) {
    if (task->matrix != NULL) {
        double *block = task->matrix->values + v / 2 * task->matrix->block + v % 2;
        return (struct svm_node *)(void *)block;
    }
    const sparse_rows *sparse = task->sparse;
    return sparse->nodes + sparse->start[v];
}

static struct svm_parameter parameters(const svm_task *task) {
    struct svm_parameter p = {
        .svm_type = C_SVC,
        .kernel_type = PRECOMPUTED,
        .gamma = task->kernel->gamma,
        .cache_size = (double)task->cache_bytes / (1 << 20),
        .eps = task->tolerance,
        .C = task->c,
        .shrinking = 1,
    };
    if (task->matrix == NULL)
        p.kernel_type = task->kernel->kind == MLSEL_SVM_KERNEL_LINEAR ? LINEAR : RBF;
    return p;
}

/* 1/2 a'Qa - e'a, a row's part of which is that of its vector. */
static double objective(const svm_task *task) {
    double sum = 0;
    for (size_t v = 0; v < task->vectors->n; v++)
        task->weights[v] = 0;
    for (size_t r = 0; r < task->n; r++) {
        task->weights[task->rows[r]] += task->coef[r];
        sum += fabs(task->coef[r]);
    }
    return mlsel_i_svm_quadratic(task->products, task->kernel, task->matrix, task->weights) / 2 - sum;
}

/* The problem, which the model may point into as long as it lives. */
static mlsel_status solve(svm_task *task, struct svm_node **x, double *y) {
    static pthread_once_t hushed = PTHREAD_ONCE_INIT; /* several threads come here at once */
    mlsel_error *err = &task->err;
    const mlsel_status status = check_reach(task, err);
    if (status != MLSEL_OK)
        return status;
    for (size_t r = 0; r < task->n; r++) {
        x[r] = node_of(task, task->rows[r]);
        y[r] = r < task->n_first ? 1 : -1; /* LIBSVM's first class is that of the first row */
        task->coef[r] = 0;
    }
    const struct svm_problem problem = {.l = (int)task->n, .y = y, .x = x};
    const struct svm_parameter parameter = parameters(task);
    const char *wrong = svm_check_parameter(&problem, &parameter);
    if (wrong != NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "LIBSVM does not accept the options: %s", wrong);
    if (!is_there(task))
        return mlsel_i_no_memory(err);
    (void)pthread_once(&hushed, hush);
    struct svm_model *model = svm_train(&problem, &parameter);
    for (int i = 0; i < model->l; i++)
        task->coef[model->sv_indices[i] - 1] = model->sv_coef[0][i];
    task->rho = model->rho[0];
    svm_free_and_destroy_model(&model);
    task->objective = objective(task);
    return MLSEL_OK;
}

void mlsel_i_svm_solve(svm_task *task) {
    struct svm_node **x = NULL;
    double *y = NULL;
    task->err = (mlsel_error){0};
    if (task->n > INT32_MAX / 4) {
        task->status = mlsel_i_fail(&task->err, MLSEL_ERROR_LIMIT,
                                    "%zu rows of a pair of models are too many for "
                                    "LIBSVM",
                                    task->n);
        return;
    }
    x = mlsel_i_alloc(task->n, sizeof *x); /* NOLINT(bugprone-sizeof-expression) */
    y = mlsel_i_alloc(task->n, sizeof *y);
    task->status = x == NULL || y == NULL ? mlsel_i_no_memory(&task->err) : solve(task, x, y);
    mlsel_i_free(x);
    mlsel_i_free(y);
}

#else

mlsel_status mlsel_i_svm_available(mlsel_error *err) {
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                        "this build of mlsel cannot train SVMs: it was made without LIBSVM. Install libsvm-dev and "
                        "build with -DMLSEL_WITH_LIBSVM=ON");
}

uint64_t mlsel_i_svm_solver_bytes(size_t n) { return n; }

uint64_t mlsel_i_svm_cache_bytes(size_t n) { return n; }

uint64_t mlsel_i_svm_sparse_bytes(const svm_vectors *vectors) { return vectors->n; }

mlsel_status mlsel_i_svm_sparse_create(const svm_vectors *vectors, train_run *run, void **out) {
    (void)vectors, (void)out;
    return mlsel_i_svm_available(run->err);
}

void mlsel_i_svm_sparse_free(train_run *run, void *sparse) { (void)run, (void)sparse; }

void mlsel_i_svm_solve(svm_task *task) { task->status = mlsel_i_svm_available(&task->err); }

#endif
