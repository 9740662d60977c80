/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Training SVMs: C-SVC one-vs-one, a pair of classes at a time.
 *
 * svm_rows.c makes vectors, classes and the pairs' rows of a table; svm_kernel.c the kernel matrix, in LIBSVM's layout;
 * svm_solve.c has LIBSVM solve a pair; svm.c goes through the pairs and composes what they give; svm_write.c writes it;
 * svm_choose.c chooses settings.
 */
#ifndef MLSEL_TRAIN_SVM_H
#define MLSEL_TRAIN_SVM_H

#include "cpu/kernels.h"
#include "train.h"

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* The distinct feature vectors of a table. */
typedef struct svm_vectors {
    size_t n, n_features, stride;
    float *x;           /* [n][stride] */
    uint32_t *of_query; /* [n_queries] which one a query has */
} svm_vectors;

mlsel_status mlsel_i_svm_vectors_create(const train_table *table, train_run *run, svm_vectors *out);
void mlsel_i_svm_vectors_free(train_run *run, svm_vectors *vectors);

/*
 * What a coefficient can belong to: a class's slot is a training row of it (compatible objective) or a vector (outcome
 * objective, where a vector can support several classes, and copies of a row come to one coefficient).
 */
typedef struct svm_classes {
    size_t n;             /* classes */
    uint32_t *models;     /* [n] model of each class, in the table */
    uint32_t *slot_start; /* [n + 1] */
    uint32_t *vectors;    /* [slots] vector of each */
} svm_classes;

/* Models with rows of the table, in the order that ties are to be decided in. NOT_TRAINED: there is none. */
mlsel_status mlsel_i_svm_classes_create(const train_table *table, const train_settings *settings,
                                        const svm_vectors *vectors, train_run *run, svm_classes *out);
void mlsel_i_svm_classes_free(train_run *run, svm_classes *classes);

/* The rows of one pair: those of the first class, then those of the second. */
typedef struct svm_pair {
    uint32_t first, second; /* classes */
    uint32_t *slots;        /* [n] */
    size_t n, n_first;
    double c;
    double lean; /* where one class has no row: what the decision always is, above 0 for the first class */
} svm_pair;

/* is_row[n_queries] (NULL: all) says which queries take part. Rows are in the order of the table. */
mlsel_status mlsel_i_svm_pair_create(const train_table *table, const train_settings *settings,
                                     const svm_vectors *vectors, const svm_classes *classes, uint32_t first,
                                     uint32_t second, const bool *is_row, train_run *run, svm_pair *out);
void mlsel_i_svm_pair_free(train_run *run, svm_pair *pair);

/* --- kernel values ------------------------------------------------------------------------------------------------ */

typedef struct svm_kernel {
    mlsel_svm_kernel kind;
    double gamma;
} svm_kernel;

/* Packed for products with each other. */
typedef struct svm_products {
    const cpu_kernels *kernels;
    const svm_vectors *vectors;
    float *panels;   /* vectors side by side, PANEL_WIDTH at a time; NULL: products are made in double */
    double *squared; /* [n] squared norms */
} svm_products;

mlsel_status mlsel_i_svm_products_create(const svm_vectors *vectors, train_run *run, svm_products *out);
void mlsel_i_svm_products_free(train_run *run, svm_products *products);
/* What mlsel_i_svm_products_create takes. */
uint64_t mlsel_i_svm_products_bytes(const svm_vectors *vectors);

/*
 * A kernel matrix where LIBSVM looks for one: node 0 of a vector is its number from 1, node j + 1 the kernel value with
 * vector j, each in `value`. That is all LIBSVM reads of a precomputed kernel's nodes, so that two vectors share a
 * block: the values of the second one lie where the first one's nodes have `index`, and an entry takes 8 bytes.
 */
typedef struct svm_matrix {
    double *values;
    size_t n;
    size_t block; /* doubles of two vectors */
    size_t bytes;
} svm_matrix;

/* Where the value of node k of vector v is. */
static inline size_t mlsel_i_svm_matrix_at(const svm_matrix *m, size_t v, size_t k) {
    return (v / 2) * m->block + 2 * k + 1 + v % 2;
}

uint64_t mlsel_i_svm_matrix_bytes(size_t n);
mlsel_status mlsel_i_svm_matrix_create(size_t n, train_run *run, svm_matrix *out);
void mlsel_i_svm_matrix_free(train_run *run, svm_matrix *matrix);
/* Fills in the kernel values of all vectors; CANCELLED. */
mlsel_status mlsel_i_svm_matrix_fill(const svm_products *products, const svm_kernel *kernel, train_run *run,
                                     svm_matrix *matrix);

/* Sum over i and j of weights[i] * weights[j] * kernel value; of the matrix if there is one. */
double mlsel_i_svm_quadratic(const svm_products *products, const svm_kernel *kernel, const svm_matrix *matrix,
                             const double *weights);

/* --- solving ------------------------------------------------------------------------------------------------------ */

/* A problem of two classes for LIBSVM. */
typedef struct svm_task {
    const svm_vectors *vectors;
    const svm_products *products;
    const svm_kernel *kernel;
    const svm_matrix *matrix; /* NULL: LIBSVM computes kernel values itself, from `sparse` */
    void *sparse;             /* see mlsel_i_svm_sparse_create */
    const uint32_t *rows;     /* [n] vectors, those of the first class first */
    size_t n, n_first;
    double c, tolerance;
    uint64_t cache_bytes;
    /* results */
    double *coef; /* [n] above 0 for rows of the first class */
    double rho, objective;
    double *weights; /* [vectors] room for the sum of each vector's coefficients */
    mlsel_status status;
    mlsel_error err;
} svm_task;

/* Bytes that LIBSVM takes beside its cache. */
uint64_t mlsel_i_svm_solver_bytes(size_t n);
/* The cache that holds all kernel values of n rows. */
uint64_t mlsel_i_svm_cache_bytes(size_t n);
/* Solves; called by several threads at once. The status is in the task too. */
void mlsel_i_svm_solve(svm_task *task);

/* The vectors as LIBSVM's sparse rows. */
uint64_t mlsel_i_svm_sparse_bytes(const svm_vectors *vectors);
mlsel_status mlsel_i_svm_sparse_create(const svm_vectors *vectors, train_run *run, void **out);
void mlsel_i_svm_sparse_free(train_run *run, void *sparse);

/* Whether this build can train SVMs; UNSUPPORTED, and how to get it, if not. */
mlsel_status mlsel_i_svm_available(mlsel_error *err);

/* --- fitting ------------------------------------------------------------------------------------------------------ */

/* Where kernel values come from; what fits into the memory that may be used decides. */
typedef enum svm_mode {
    SVM_ONE_MATRIX,    /* a matrix of all vectors */
    SVM_PAIR_MATRICES, /* one after the other, a matrix of the vectors of each pair */
    SVM_NO_MATRIX      /* LIBSVM computes them from sparse rows */
} svm_mode;

/* A one-vs-one fit of a table, or several that share kernel values. */
typedef struct svm_fit {
    const train_table *table;
    const train_settings *settings;
    train_run *run;
    svm_vectors vectors;
    svm_classes classes;
    svm_kernel kernel;
    svm_mode mode;
    uint32_t n_tasks; /* pairs that are solved at a time */
    svm_products products;
    svm_matrix matrix;
    void *sparse;
    /* results */
    size_t n_slots, n_pairs;
    double *coef;      /* [classes - 1][n_slots] in LIBSVM's signs and places */
    double *intercept; /* [n_pairs] above 0 is for the first class */
    double objective;
} svm_fit;

/* Ready to run, without kernel values if there is but one class. `category_weight`: NULL, or other than the table's. */
mlsel_status mlsel_i_svm_fit_open(const train_table *table, const train_settings *settings,
                                  const double *category_weight, train_run *run, svm_fit *out);
void mlsel_i_svm_fit_close(svm_fit *fit);
/* Computes the kernel values of fit->kernel, where they are kept. */
mlsel_status mlsel_i_svm_fit_fill(svm_fit *fit);
/* Solves all pairs for the queries of is_row[n_queries] (NULL: all) with the C of fit->settings. */
mlsel_status mlsel_i_svm_fit_run(svm_fit *fit, const bool *is_row);

/* --- what is left ------------------------------------------------------------------------------------------------- */

/* A trained SVM, as svm_write.c writes it. */
typedef struct svm_machine {
    svm_kernel kernel;
    double c;
    bool is_compatible, is_versioned;
    size_t n_features, n_models, n_classes;
    uint32_t *models;  /* [n_models] in the order of the artifact: those of the classes first, unless compatible */
    uint32_t *classes; /* [n_classes] places in models */
    size_t n_vectors;  /* support vectors */
    float *x;          /* [n_rows][n_features] distinct rows */
    uint32_t *rows;    /* [n_vectors] */
    uint64_t *n_support;
    double *dual_coef; /* [n_classes - 1][n_vectors] in LIBSVM's signs */
    double *intercept; /* [pairs] likewise */
} svm_machine;

void mlsel_i_svm_machine_free(void *machine);
void mlsel_i_svm_machine_write(const void *machine, const char *const *models, json_writer *w);

/* --- settings ----------------------------------------------------------------------------------------------------- */

/* Defaults for what the options leave open. */
mlsel_svm_kernel mlsel_i_svm_kernel_of(const mlsel_train_options *options);
double mlsel_i_svm_gamma(const mlsel_train_options *options);
double mlsel_i_svm_c(const mlsel_train_options *options);

mlsel_status mlsel_i_svm_choose(train_table *table, train_settings *settings, train_run *run,
                                mlsel_training_info *info);

#endif
