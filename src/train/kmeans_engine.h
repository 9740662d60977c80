/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How k-means is computed, shared by kmeans_seed.c, kmeans_assign.c and kmeans_cluster.c.
 *
 * Rows go in blocks of PANEL_WIDTH. Several starts move in step, so that a block that has come from memory serves all
 * of them. Each row keeps an upper bound on the distance to its centroid and a lower bound on the distance to every
 * other one (Elkan 2003), both moved by what the centroids moved; only rows whose bounds meet are measured. Estimates
 * are |x|^2 - 2 x.c + |c|^2 in float with a bound on their error; what that leaves open is measured in double. Thus
 * neither the order in which rows are taken nor the number of threads shows in any result.
 */
#ifndef MLSEL_TRAIN_KMEANS_ENGINE_H
#define MLSEL_TRAIN_KMEANS_ENGINE_H

#include "cpu/kernels.h"
#include "kmeans_cluster.h"

enum {
    MOST_STARTS = 16, /* that move in step */
    SLICE = 256       /* features that one thread adds up at a time */
};

/* A start under way. Rows are padded to whole blocks. */
typedef struct start_state {
    clustering *result; /* centroids and labels are there */
    random_state random;
    double *exact;    /* [k][n_features] the centroids in double */
    float *squares;   /* [k] |c|^2 */
    float *moved;     /* [k] distance of the last move, rounded up, and some for the rounding of the bounds */
    float reach;      /* largest |c|, rounded up */
    double *sums;     /* [k][sum_stride] of the rows by `summed` */
    double *mass;     /* [k] weights of those */
    double *work;     /* [k][sum_stride] for empty clusters */
    float *upper;     /* [n] */
    float *lower;     /* [blocks][k][PANEL_WIDTH]; FLT_MAX for the row's own centroid */
    uint32_t *summed; /* [n] the labels that are in the sums */
    /* what is to be added to the sums, cluster by cluster: a row's weight, or less it */
    uint32_t *terms;      /* [n] rows */
    double *term_weights; /* [n] */
    size_t *ends;         /* [k + 1] first term of each cluster, and the number of all */
    bool anew;            /* sums are to be built from all rows */
    bool converged;       /* no label changed */
    bool active;
    /* seeding */
    float *closest; /* [n] squared distance to the nearest centroid so far, by `scale` */
    double potential;
} start_state;

/* What a part of the work needs for itself. */
typedef struct part_scratch {
    float *panel;  /* of a block */
    float *gather; /* of rows from several */
    float *values; /* [most rows][PANEL_WIDTH] */
    bool packed;   /* whether `panel` has the current block */
    uint32_t pending[MOST_STARTS][PANEL_WIDTH];
    size_t n_pending[MOST_STARTS];
} part_scratch;

typedef struct engine {
    const cluster_rows *rows;
    const cluster_settings *settings;
    const cpu_kernels *kernels;
    train_run *run;
    size_t n_blocks, n_padded;
    size_t sum_stride; /* features in whole panels */
    float *squares;    /* [n_padded] |x|^2 */
    float *norms;      /* [n_padded] |x|, rounded up */
    float reach;       /* the largest */
    bool tame;         /* squares are well inside the range of float */
    double scale;      /* distances of seeding are multiplied with it */
    double threshold;  /* squared movement at which to stop */
    float panel_error, dots_error, quad_error;
    part_scratch *parts;
    size_t n_parts;
    start_state *starts;
    size_t n_starts;
    double *block_sums; /* [n_blocks][MOST_STARTS] */
    /* seeding */
    size_t n_trials;
    float *trials;        /* [n_starts * n_trials][stride] the candidates' rows */
    float *trial_squares; /* [n_starts * n_trials] */
    uint32_t *trial_rows; /* likewise */
    float *trial_values;  /* [n_blocks][n_starts * n_trials][PANEL_WIDTH] distances, at most `closest` */
    double *trial_sums;   /* [n_blocks][n_starts * n_trials] of weight * distance */
} engine;

/* The rows of a block: how many there are. */
static inline size_t block_rows(const engine *e, size_t block) {
    const size_t left = e->rows->n - block * PANEL_WIDTH;
    return left < PANEL_WIDTH ? left : PANEL_WIDTH;
}

static inline const float *row_of(const engine *e, size_t row) { return e->rows->x + row * e->rows->stride; }

/* Asks for values of a row, from memory into the second-level cache. */
static inline void prefetch(const float *x, size_t n) {
    enum { LINE = MLSEL_ALIGNMENT / sizeof(float) };
    for (size_t i = 0; i < n; i += LINE)
        __builtin_prefetch(x + i, 0, 2);
}

/* Packs `count` rows. */
void mlsel_i_kmeans_pack(const engine *e, const uint32_t *rows, size_t count, float *panel);
void mlsel_i_kmeans_pack_block(const engine *e, size_t block, float *panel);

/* What part `part` of n_parts does of n_blocks: [*first, *end). */
void mlsel_i_kmeans_part(const engine *e, size_t part, size_t *first, size_t *end);

/* Squared distance in double, close to the rule's. */
double mlsel_i_kmeans_distance(const engine *e, size_t row, const double *centroid);

/* Greedy k-means++ for all starts. */
mlsel_status mlsel_i_kmeans_seed(engine *e);

/* Assigns the rows of all active starts, by what their centroids moved. */
void mlsel_i_kmeans_assign(engine *e);

#endif
