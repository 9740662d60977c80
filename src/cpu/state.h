/* SPDX-License-Identifier: Apache-2.0 */
/* A model prepared for the CPU, and one query on its way through it. */
#ifndef MLSEL_CPU_STATE_H
#define MLSEL_CPU_STATE_H

#include "internal.h"
#include "kernels.h"
#include "mlsel_backend.h"

typedef struct cpu_state {
    const mlsel_model_view *view;
    const cpu_kernels *kernels;
    double *norms;        /* KNN with normalisation: [n_rows] L2 norms */
    size_t scratch_query; /* doubles of scratch: the query, then whatever the algorithm needs */
    size_t scratch_extra;
} cpu_state;

/* One query: in double, with the scratch that follows it. */
typedef struct cpu_query {
    const double *values;
    double *normalized; /* [n_features] room for a normalised copy */
    double *extra;      /* [scratch_extra] */
} cpu_query;

double mlsel_i_cpu_norm(const double *values, size_t n);

/* Each writes one row of the run's output. */
void mlsel_i_cpu_knn(const cpu_state *state, const cpu_query *query, const mlsel_backend_run *run,
                     mlsel_backend_neighbour *out);
void mlsel_i_cpu_kmeans(const cpu_state *state, const cpu_query *query, double *out);
void mlsel_i_cpu_svm(const cpu_state *state, const cpu_query *query, double *out);
void mlsel_i_cpu_mlp(const cpu_state *state, const cpu_query *query, double *out);

#endif
