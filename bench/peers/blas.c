/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four selectors written with a BLAS: what a careful user gets without mlsel. One query is a matrix by a vector,
 * a batch a matrix by a matrix in blocks that stay in the cache.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

typedef void (*sgemv_function)(int order, int trans, int m, int n, float alpha, const float *a, int lda, const float *x,
                               int incx, float beta, float *y, int incy);
typedef void (*sgemm_function)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                               int lda, const float *b, int ldb, float beta, float *c, int ldc);

enum { BLOCK_ROWS = 1000, MAX_BATCH = 256, MAX_LAYERS = 8, MAX_NEIGHBOURS = 16, MAX_CLASSES = 8 };

typedef enum blas_kind { BLAS_KNN, BLAS_KMEANS, BLAS_SVM, BLAS_MLP } blas_kind;

typedef struct peers_blas {
    peers_queries queries;
    sgemv_function sgemv;
    sgemm_function sgemm;
    blas_kind kind;
    /* KNN, KMeans, SVM */
    const float *rows; /* [n][width], borrowed */
    float *norms;      /* [n] squared */
    size_t n;
    size_t k;    /* KNN */
    float *dots; /* [MAX_BATCH][block] */
    /* SVM */
    float gamma;
    const float *coef;      /* [n_classes - 1][n] */
    const float *intercept; /* [n_pairs] */
    const int32_t *class_start;
    size_t n_classes;
    /* MLP */
    peers_layer layers[MAX_LAYERS];
    size_t n_layers;
    float *activations[2]; /* [MAX_BATCH][widest] */
    /* answers */
    int32_t *labels;      /* [count] label, class or cluster */
    uint64_t *neighbours; /* [count][k] */
} peers_blas;

/* --- opening ----------------------------------------------------------------------------------------------------- */

static peers_blas *open_blas(blas_kind kind, sgemv_function sgemv, sgemm_function sgemm, const float *queries,
                             size_t count, size_t width) {
    peers_blas *own = peers_alloc(1, sizeof *own);
    *own = (peers_blas){.queries = {.values = queries, .count = count, .width = width, .batch = 1},
                        .sgemv = sgemv,
                        .sgemm = sgemm,
                        .kind = kind};
    own->labels = peers_alloc(count, sizeof *own->labels);
    own->neighbours = peers_alloc(count * MAX_NEIGHBOURS, sizeof *own->neighbours);
    return own;
}

/* kind: 0 KNN, 1 KMeans. */
void *peers_blas_rows_open(int kind, sgemv_function sgemv, sgemm_function sgemm, const float *queries, size_t count,
                           size_t width, const float *rows, size_t n, size_t k) {
    peers_blas *own = open_blas((blas_kind)kind, sgemv, sgemm, queries, count, width);
    own->rows = rows;
    own->n = n;
    own->k = k;
    own->norms = peers_alloc(n, sizeof *own->norms);
    own->dots = peers_alloc(n > (size_t)MAX_BATCH * BLOCK_ROWS ? n : (size_t)MAX_BATCH * BLOCK_ROWS, sizeof *own->dots);
    for (size_t r = 0; r < n; r++) {
        double squares = 0;
        for (size_t i = 0; i < width; i++)
            squares += (double)rows[r * width + i] * (double)rows[r * width + i];
        own->norms[r] = (float)squares;
    }
    return own;
}

void *peers_blas_svm_open(sgemv_function sgemv, sgemm_function sgemm, const float *queries, size_t count, size_t width,
                          const float *rows, size_t n, float gamma, const float *coef, const float *intercept,
                          const int32_t *class_start, size_t n_classes) {
    peers_blas *own = peers_blas_rows_open(BLAS_SVM, sgemv, sgemm, queries, count, width, rows, n, 1);
    own->gamma = gamma;
    own->coef = coef;
    own->intercept = intercept;
    own->class_start = class_start;
    own->n_classes = n_classes;
    return own;
}

void *peers_blas_mlp_open(sgemv_function sgemv, sgemm_function sgemm, const float *queries, size_t count, size_t width,
                          const peers_layer *layers, size_t n_layers) {
    peers_blas *own = open_blas(BLAS_MLP, sgemv, sgemm, queries, count, width);
    size_t widest = 0;
    own->n_layers = n_layers;
    for (size_t i = 0; i < n_layers; i++) {
        own->layers[i] = layers[i];
        widest = layers[i].n_out > widest ? layers[i].n_out : widest;
    }
    for (size_t i = 0; i < 2; i++)
        own->activations[i] = peers_alloc(MAX_BATCH * widest, sizeof(float));
    return own;
}

void peers_blas_close(void *context) {
    peers_blas *own = context;
    free(own->norms);
    free(own->dots);
    free(own->activations[0]);
    free(own->activations[1]);
    free(own->labels);
    free(own->neighbours);
    free(own);
}

const int32_t *peers_blas_labels(void *context) { return ((peers_blas *)context)->labels; }
const uint64_t *peers_blas_neighbours(void *context) { return ((peers_blas *)context)->neighbours; }

/* --- rows -------------------------------------------------------------------------------------------------------- */

/* The k smallest, ascending. */
typedef struct nearest {
    float distances[MAX_NEIGHBOURS];
    uint64_t rows[MAX_NEIGHBOURS];
    size_t count;
} nearest;

static void insert(nearest *best, size_t k, float distance, uint64_t row) {
    size_t i = best->count < k ? best->count++ : k - 1;
    for (; i > 0 && best->distances[i - 1] > distance; i--) {
        best->distances[i] = best->distances[i - 1];
        best->rows[i] = best->rows[i - 1];
    }
    best->distances[i] = distance;
    best->rows[i] = row;
}

static void scan(nearest *best, size_t k, const float *norms, const float *dots, size_t count, size_t first) {
    float limit = best->count < k ? INFINITY : best->distances[k - 1];
    for (size_t i = 0; i < count; i++) {
        const float distance = norms[i] - 2 * dots[i]; /* without the query's norm, the same for all */
        if (distance < limit) {
            insert(best, k, distance, first + i);
            limit = best->count < k ? INFINITY : best->distances[k - 1];
        }
    }
}

static void keep(peers_blas *own, size_t query, const nearest *best) {
    own->labels[query] = (int32_t)best->rows[0];
    for (size_t i = 0; i < own->k; i++)
        own->neighbours[query * own->k + i] = best->rows[i];
}

static void run_rows(peers_blas *own, const float *queries, size_t first_query) {
    const int width = (int)own->queries.width;
    nearest best[MAX_BATCH];
    if (own->queries.batch == 1) {
        best[0].count = 0;
        own->sgemv(ROW_MAJOR, NO_TRANS, (int)own->n, width, 1, own->rows, width, queries, 1, 0, own->dots, 1);
        scan(&best[0], own->k, own->norms, own->dots, own->n, 0);
        keep(own, first_query, &best[0]);
        return;
    }
    const size_t batch = own->queries.batch;
    for (size_t q = 0; q < batch; q++)
        best[q].count = 0;
    for (size_t row = 0; row < own->n; row += BLOCK_ROWS) {
        const size_t count = own->n - row < BLOCK_ROWS ? own->n - row : BLOCK_ROWS;
        own->sgemm(ROW_MAJOR, NO_TRANS, TRANS, (int)batch, (int)count, width, 1, queries, width,
                   own->rows + row * own->queries.width, width, 0, own->dots, (int)count);
        for (size_t q = 0; q < batch; q++)
            scan(&best[q], own->k, own->norms + row, own->dots + q * count, count, row);
    }
    for (size_t q = 0; q < batch; q++)
        keep(own, first_query + q, &best[q]);
}

/* --- SVM --------------------------------------------------------------------------------------------------------- */

/* sums[c][j]: of row j of the coefficients over the vectors of class c. */
static void add_kernel_row(const peers_blas *own, const float *kernel, size_t first, size_t count,
                           float sums[MAX_CLASSES][MAX_CLASSES]) {
    for (size_t c = 0; c < own->n_classes; c++) {
        size_t from = (size_t)own->class_start[c], to = (size_t)own->class_start[c + 1];
        from = from < first ? first : from;
        to = to > first + count ? first + count : to;
        for (size_t j = 0; from < to && j + 1 < own->n_classes; j++) {
            const float *coef = own->coef + j * own->n;
            float sum = 0;
            for (size_t i = from; i < to; i++)
                sum += coef[i] * kernel[i - first];
            sums[c][j] += sum;
        }
    }
}

static int32_t vote(const peers_blas *own, float sums[MAX_CLASSES][MAX_CLASSES]) {
    int votes[MAX_CLASSES] = {0};
    size_t pair = 0, best = 0;
    for (size_t i = 0; i < own->n_classes; i++)
        for (size_t j = i + 1; j < own->n_classes; j++, pair++)
            votes[sums[i][j - 1] + sums[j][i] + own->intercept[pair] > 0 ? i : j]++;
    for (size_t c = 1; c < own->n_classes; c++)
        best = votes[c] > votes[best] ? c : best;
    return (int32_t)best;
}

static void to_kernel(const peers_blas *own, float squares, const float *norms, float *dots, size_t count) {
    for (size_t i = 0; i < count; i++)
        dots[i] = expf(-own->gamma * (squares + norms[i] - 2 * dots[i]));
}

static float sum_squares(const float *x, size_t n) {
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

static void run_svm(peers_blas *own, const float *queries, size_t first_query) {
    static float sums[MAX_BATCH][MAX_CLASSES][MAX_CLASSES];
    const size_t width = own->queries.width, batch = own->queries.batch;
    memset(sums, 0, batch * sizeof sums[0]);
    if (batch == 1) {
        own->sgemv(ROW_MAJOR, NO_TRANS, (int)own->n, (int)width, 1, own->rows, (int)width, queries, 1, 0, own->dots, 1);
        to_kernel(own, sum_squares(queries, width), own->norms, own->dots, own->n);
        add_kernel_row(own, own->dots, 0, own->n, sums[0]);
    }
    for (size_t row = 0; batch > 1 && row < own->n; row += BLOCK_ROWS) {
        const size_t count = own->n - row < BLOCK_ROWS ? own->n - row : BLOCK_ROWS;
        own->sgemm(ROW_MAJOR, NO_TRANS, TRANS, (int)batch, (int)count, (int)width, 1, queries, (int)width,
                   own->rows + row * width, (int)width, 0, own->dots, (int)count);
        for (size_t q = 0; q < batch; q++) {
            float *dots = own->dots + q * count;
            to_kernel(own, sum_squares(queries + q * width, width), own->norms + row, dots, count);
            add_kernel_row(own, dots, row, count, sums[q]);
        }
    }
    for (size_t q = 0; q < batch; q++)
        own->labels[first_query + q] = vote(own, sums[q]);
}

/* --- MLP --------------------------------------------------------------------------------------------------------- */

static void run_mlp(peers_blas *own, const float *queries, size_t first_query) {
    const size_t batch = own->queries.batch;
    const float *in = queries;
    size_t last = 0;
    for (size_t l = 0; l < own->n_layers; l++) {
        const peers_layer *layer = &own->layers[l];
        const int n_in = (int)layer->n_in, n_out = (int)layer->n_out;
        float *out = own->activations[last = l % 2];
        for (size_t q = 0; q < batch; q++)
            memcpy(out + q * layer->n_out, layer->bias, layer->n_out * sizeof *out);
        if (batch == 1)
            own->sgemv(ROW_MAJOR, NO_TRANS, n_out, n_in, 1, layer->weight, n_in, in, 1, 1, out, 1);
        else
            own->sgemm(ROW_MAJOR, NO_TRANS, TRANS, (int)batch, n_out, n_in, 1, in, n_in, layer->weight, n_in, 1, out,
                       n_out);
        for (size_t i = 0; l + 1 < own->n_layers && i < batch * layer->n_out; i++)
            out[i] = out[i] > 0 ? out[i] : 0;
        in = out;
    }
    const size_t n_labels = own->layers[own->n_layers - 1].n_out;
    for (size_t q = 0; q < batch; q++) {
        const float *logits = own->activations[last] + q * n_labels;
        size_t best = 0;
        for (size_t i = 1; i < n_labels; i++)
            best = logits[i] > logits[best] ? i : best;
        own->labels[first_query + q] = (int32_t)best;
    }
}

void peers_blas_run(void *context) {
    peers_blas *own = context;
    const float *queries = peers_next(&own->queries);
    const size_t first_query = (size_t)(queries - own->queries.values) / own->queries.width;
    if (own->kind == BLAS_SVM)
        run_svm(own, queries, first_query);
    else if (own->kind == BLAS_MLP)
        run_mlp(own, queries, first_query);
    else
        run_rows(own, queries, first_query);
}
