/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the CPU backend derives from the vectors of a KNN artifact, under the rule that normalises them; kept in
 * containers, so that loading one need not read the vectors. Arrays [n_vectors] unless noted. docs/container.md says
 * what is in them.
 */
#ifndef MLSEL_KNN_INDEX_H
#define MLSEL_KNN_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A change of what any array means needs a new number; indices of another one are left unused. */
enum { KNN_INDEX_VERSION = 1 };

enum {
    KNN_MAX_GROUPS = 64,
    KNN_MAX_TAIL = 64,     /* columns */
    KNN_MAX_WIDTH = 65535, /* of a vector with an estimate from integers */
    KNN_GROUP_BOUNDS = 5   /* numbers for each group */
};

typedef struct mlsel_knn_index {
    double max_norm; /* all norms are far from the limits of float, or there is no index */
    const double *scales;
    const float *double_scales;
    const float *offsets;
    /* small integers; none of it where head is 0 */
    size_t head;   /* columns that are in the integers */
    size_t stride; /* of rows: head rounded up to a multiple of 64 */
    size_t n_groups;
    const int8_t *rows; /* [n_vectors][stride], like all that follow in the order of the groups */
    const uint32_t *vectors;
    const float *steps;
    const float *row_scales;
    const float *row_offsets;
    const float *errors;
    const float *sizes;
    const uint64_t *group_start; /* [n_groups + 1] */
    const double *group_bounds;  /* [n_groups][5]: tail squared, least and largest head, least and largest scale */
} knn_index;

#endif
