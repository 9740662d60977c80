/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel values between the vectors of a table.
 *
 * |a - b|^2 is |a|^2 + |b|^2 - 2 a.b, the products in float by panels (see cpu/panel.h), with a bound on their error:
 * values for which it is too large are computed in double, and so is everything where that takes no time.
 */
#include <math.h>
#include <string.h>

#include "cpu/batch.h"
#include "svm_train.h"

/* Bound on the relative error of a kernel value from float products. What it really is, is about a hundredth. */
static const double tolerance = 1e-4;

/* exp(-x) is 0 in float from here on. */
static const double vanishing = 104;

/* Multiplications that are worth no float. */
static const double few_products = 1 << 26;

/* --- products ----------------------------------------------------------------------------------------------------- */

static size_t n_panels(const svm_vectors *vectors) { return (vectors->n + PANEL_WIDTH - 1) / PANEL_WIDTH; }

static bool is_small(const svm_vectors *vectors) {
    return (double)vectors->n * (double)vectors->n / 2 * (double)vectors->n_features <= few_products;
}

uint64_t mlsel_i_svm_products_bytes(const svm_vectors *vectors) {
    const uint64_t panels = n_panels(vectors) * mlsel_i_panel_size(vectors->n_features) * sizeof(float);
    return (is_small(vectors) ? 0 : panels) + vectors->n * sizeof(double) + 2 * (uint64_t)MLSEL_ALIGNMENT;
}

static void pack(svm_products *products, size_t p) {
    const svm_vectors *vectors = products->vectors;
    const float *rows[PANEL_WIDTH];
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        const size_t v = p * PANEL_WIDTH + j;
        rows[j] = vectors->x + (v < vectors->n ? v : vectors->n - 1) * vectors->stride;
    }
    (void)products->kernels->panel->pack(rows, vectors->n_features,
                                         products->panels + p * mlsel_i_panel_size(vectors->n_features));
}

mlsel_status mlsel_i_svm_products_create(const svm_vectors *vectors, train_run *run, svm_products *out) {
    *out = (svm_products){.kernels = mlsel_i_cpu_kernels_pick(), .vectors = vectors};
    bool is_tame = true;
    out->squared = mlsel_i_run_alloc(run, vectors->n, sizeof *out->squared);
    if (out->squared == NULL)
        return mlsel_i_run_status(run);
    for (size_t v = 0; v < vectors->n; v++) {
        out->squared[v] = out->kernels->sum_squares_f32(vectors->x + v * vectors->stride, vectors->n_features);
        is_tame = is_tame && (out->squared[v] <= 0 || mlsel_i_cpu_is_tame(sqrt(out->squared[v])));
    }
    if (!is_tame || out->kernels->panel == NULL || is_small(vectors))
        return MLSEL_OK;
    out->panels =
        mlsel_i_run_alloc(run, n_panels(vectors), mlsel_i_panel_size(vectors->n_features) * sizeof *out->panels);
    if (out->panels == NULL) {
        mlsel_i_svm_products_free(run, out);
        return mlsel_i_run_status(run);
    }
    for (size_t p = 0; p < n_panels(vectors); p++)
        pack(out, p);
    return MLSEL_OK;
}

void mlsel_i_svm_products_free(train_run *run, svm_products *products) {
    mlsel_i_run_free(run, products->panels);
    mlsel_i_run_free(run, products->squared);
    *products = (svm_products){0};
}

/* --- kernel values ------------------------------------------------------------------------------------------------ */

/* In eight parts, which compilers make vectors of. */
enum { PARTS = 8 };

static double add_parts(const double s[PARTS]) {
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static double exact_distance(const float *a, const float *b, size_t n) {
    double s[PARTS] = {0};
    size_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
        for (size_t k = 0; k < PARTS; k++) {
            const double d = (double)a[i + k] - (double)b[i + k];
            s[k] += d * d;
        }
    for (size_t k = 0; i < n; i++, k++) {
        const double d = (double)a[i] - (double)b[i];
        s[k] += d * d;
    }
    return add_parts(s);
}

static double exact_product(const float *a, const float *b, size_t n) {
    double s[PARTS] = {0};
    size_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
        for (size_t k = 0; k < PARTS; k++)
            s[k] += (double)a[i + k] * (double)b[i + k];
    for (size_t k = 0; i < n; i++, k++)
        s[k] += (double)a[i] * (double)b[i];
    return add_parts(s);
}

static double exact_value(const svm_products *products, const svm_kernel *kernel, size_t a, size_t b) {
    const svm_vectors *v = products->vectors;
    const float *x = v->x + a * v->stride, *y = v->x + b * v->stride;
    if (kernel->kind == MLSEL_SVM_KERNEL_LINEAR)
        return exact_product(x, y, v->n_features);
    return exp(-kernel->gamma * exact_distance(x, y, v->n_features));
}

/* Values of GROUP_ROWS vectors at most with a panel of vectors. */
typedef struct tile {
    size_t first, count; /* vectors */
    size_t panel, width;
    double values[GROUP_SIZE]; /* [count][PANEL_WIDTH] */
} tile;

static void exact_tile(const svm_products *products, const svm_kernel *kernel, tile *t) {
    for (size_t r = 0; r < t->count; r++)
        for (size_t j = 0; j < t->width; j++)
            t->values[r * PANEL_WIDTH + j] = exact_value(products, kernel, t->first + r, t->panel * PANEL_WIDTH + j);
}

/* From products to values, for one vector. */
static void finish_row(const svm_products *products, const svm_kernel *kernel, const tile *t, size_t r, float *row,
                       double *values) {
    const double *squared = products->squared + t->panel * PANEL_WIDTH, base = products->squared[t->first + r];
    const double unit = 2 * kernel->gamma * mlsel_i_cpu_panel_error(products->vectors->n_features);
    double exponents[PANEL_WIDTH];
    if (kernel->kind == MLSEL_SVM_KERNEL_LINEAR) {
        for (size_t j = 0; j < t->width; j++)
            values[j] = (double)row[j];
        return;
    }
    for (size_t j = 0; j < t->width; j++) {
        const double distance = base + squared[j] - 2 * (double)row[j];
        exponents[j] = kernel->gamma * (distance > 0 ? distance : 0);
        row[j] = exponents[j] < vanishing ? (float)-exponents[j] : (float)-vanishing;
    }
    products->kernels->exp_negative(row, t->width);
    for (size_t j = 0; j < t->width; j++) {
        const double error = unit * sqrt(base * squared[j]);
        values[j] = error > tolerance && exponents[j] - error < vanishing
                        ? exact_value(products, kernel, t->first + r, t->panel * PANEL_WIDTH + j)
                        : (double)row[j];
    }
}

static void compute_tile(const svm_products *products, const svm_kernel *kernel, tile *t) {
    const svm_vectors *vectors = products->vectors;
    const size_t left = vectors->n - t->panel * PANEL_WIDTH;
    t->width = left < PANEL_WIDTH ? left : PANEL_WIDTH;
    if (products->panels == NULL) {
        exact_tile(products, kernel, t);
        return;
    }
    float dots[GROUP_SIZE];
    products->kernels->panel->dots(vectors->x + t->first * vectors->stride, vectors->stride, t->count,
                                   products->panels + t->panel * mlsel_i_panel_size(vectors->n_features),
                                   vectors->n_features, t->width, dots);
    for (size_t r = 0; r < t->count; r++)
        finish_row(products, kernel, t, r, dots + r * PANEL_WIDTH, t->values + r * PANEL_WIDTH);
}

static double diagonal(const svm_products *products, const svm_kernel *kernel, size_t v) {
    return kernel->kind == MLSEL_SVM_KERNEL_LINEAR ? products->squared[v] : 1;
}

/* --- the matrix --------------------------------------------------------------------------------------------------- */

/* A block is an odd number of cache lines, so that the numbers at the start of rows are not all in the same sets. */
static size_t block_size(size_t n) {
    enum { LINE = MLSEL_ALIGNMENT / sizeof(double) };
    const size_t lines = (2 * (n + 1) + 1 + LINE - 1) / LINE;
    return (lines | 1) * LINE;
}

uint64_t mlsel_i_svm_matrix_bytes(size_t n) { return (uint64_t)(n + 1) / 2 * block_size(n) * sizeof(double); }

mlsel_status mlsel_i_svm_matrix_create(size_t n, train_run *run, svm_matrix *out) {
    const uint64_t bytes = mlsel_i_svm_matrix_bytes(n);
    *out = (svm_matrix){0};
    if (bytes > SIZE_MAX)
        return mlsel_i_no_memory(run->err);
    if (!mlsel_i_run_count(run, bytes))
        return mlsel_i_run_status(run);
    *out = (svm_matrix){.values = mlsel_i_map((size_t)bytes), .n = n, .block = block_size(n), .bytes = (size_t)bytes};
    if (out->values == NULL) {
        mlsel_i_run_uncount(run, bytes);
        return mlsel_i_no_memory(run->err);
    }
    for (size_t v = 0; v < n; v++)
        out->values[mlsel_i_svm_matrix_at(out, v, 0)] = (double)(v + 1);
    return MLSEL_OK;
}

void mlsel_i_svm_matrix_free(train_run *run, svm_matrix *matrix) {
    if (matrix->values == NULL)
        return;
    mlsel_i_unmap(matrix->values, matrix->bytes);
    mlsel_i_run_uncount(run, matrix->bytes);
    *matrix = (svm_matrix){0};
}

typedef struct fill_job {
    const svm_products *products;
    const svm_kernel *kernel;
    svm_matrix *matrix;
    size_t first; /* panel of part 0 */
} fill_job;

static void set(svm_matrix *m, size_t a, size_t b, double value) {
    m->values[mlsel_i_svm_matrix_at(m, a, b + 1)] = value;
    m->values[mlsel_i_svm_matrix_at(m, b, a + 1)] = value;
}

/* The vectors of a panel with all from there on; the rest mirrors it. */
static void fill_panel(const fill_job *job, size_t panel) {
    const size_t n = job->matrix->n, begin = panel * PANEL_WIDTH;
    tile t = {.panel = panel};
    for (t.first = begin; t.first < n; t.first += GROUP_ROWS) {
        t.count = n - t.first < GROUP_ROWS ? n - t.first : GROUP_ROWS;
        compute_tile(job->products, job->kernel, &t);
        for (size_t r = 0; r < t.count; r++)
            for (size_t j = 0; j < t.width && begin + j < t.first + r; j++)
                set(job->matrix, t.first + r, begin + j, t.values[r * PANEL_WIDTH + j]);
    }
    for (size_t v = begin; v < n && v < begin + PANEL_WIDTH; v++)
        set(job->matrix, v, v, diagonal(job->products, job->kernel, v));
}

static void fill_part(void *context, size_t part) {
    const fill_job *job = context;
    fill_panel(job, job->first + part);
}

mlsel_status mlsel_i_svm_matrix_fill(const svm_products *products, const svm_kernel *kernel, train_run *run,
                                     svm_matrix *matrix) {
    enum { PANELS_AT_ONCE = 4 /* of each thread, between two reports */ };
    const run_place place = mlsel_i_run_place(run);
    const size_t n = n_panels(products->vectors), most = (size_t)PANELS_AT_ONCE * mlsel_i_team_size(run->team);
    fill_job job = {products, kernel, matrix, 0};
    mlsel_status status = MLSEL_OK;
    run->share = 0; /* of the whole, what follows is the most */
    for (; job.first < n && status == MLSEL_OK; job.first += most) {
        status = mlsel_i_run_report(run, "kernel matrix", job.first, n, (double)NAN, (double)NAN);
        if (status == MLSEL_OK)
            mlsel_i_team_run(run->team, fill_part, &job, n - job.first < most ? n - job.first : most);
    }
    mlsel_i_run_return(run, &place);
    return status;
}

/* --- sums --------------------------------------------------------------------------------------------------------- */

static double quadratic_of_matrix(const svm_matrix *m, const double *weights) {
    double sum = 0;
    for (size_t a = 0; a < m->n; a++) {
        if (weights[a] == 0)
            continue;
        const double *row = m->values + mlsel_i_svm_matrix_at(m, a, 1);
        double s[4] = {0};
        size_t b = 0;
        for (; b + 4 <= m->n; b += 4)
            for (size_t k = 0; k < 4; k++)
                s[k] += weights[b + k] * row[2 * (b + k)];
        for (; b < m->n; b++)
            s[0] += weights[b] * row[2 * b];
        sum += weights[a] * ((s[0] + s[1]) + (s[2] + s[3]));
    }
    return sum;
}

double mlsel_i_svm_quadratic(const svm_products *products, const svm_kernel *kernel, const svm_matrix *matrix,
                             const double *weights) {
    if (matrix != NULL)
        return quadratic_of_matrix(matrix, weights);
    const size_t n = products->vectors->n;
    double sum = 0;
    tile t = {0};
    for (size_t v = 0; v < n; v++)
        sum += weights[v] * weights[v] * diagonal(products, kernel, v);
    for (; t.panel < n_panels(products->vectors); t.panel++) {
        const size_t begin = t.panel * PANEL_WIDTH;
        for (t.first = begin; t.first < n; t.first += GROUP_ROWS) {
            t.count = n - t.first < GROUP_ROWS ? n - t.first : GROUP_ROWS;
            compute_tile(products, kernel, &t);
            for (size_t r = 0; r < t.count; r++)
                for (size_t j = 0; j < t.width && begin + j < t.first + r; j++)
                    sum += 2 * weights[t.first + r] * weights[begin + j] * t.values[r * PANEL_WIDTH + j];
        }
    }
    return sum;
}
