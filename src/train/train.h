/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trainers share: the table they learn from, the run they are part of, and what they leave behind.
 *
 * A trainer is one function (trainer_train): table and settings in, parameters out. Everything around it is common:
 * table.c makes tables of datasets, train.c chooses settings by cross-validation and calls the trainer, calibrate.c
 * adds probabilities, training.c writes artifacts.
 */
#ifndef MLSEL_TRAIN_INTERNAL_H
#define MLSEL_TRAIN_INTERNAL_H

#include "internal.h"
#include "json_write.h"
#include "mlsel_backend.h"
#include "mlsel_train.h"
#include "team.h"
#include "xoshiro.h"

/* --- the table ---------------------------------------------------------------------------------------------------- */

/* A record in the order of the data; a query and model that were measured twice have two. */
typedef struct table_record {
    uint32_t query, model;
    double quality;    /* NaN: unknown */
    double latency_ms; /* unknown: 0 (used by the compatible objective alone) */
} table_record;

/* A latency that halves the speed factor. */
#define SPEED_SCALE_S 10.0
#define SPEED_SCALE_MS (SPEED_SCALE_S * 1000)

/* What the ecosystem's trainer weighs a record's quality with, and its speed with the rest of 1. */
#define COMPATIBLE_QUALITY_WEIGHT 0.9

/* What it makes of a record: its quality (0 where it is unknown) and its speed, weighed. */
double mlsel_i_record_value(const table_record *record);

/* Queries by models. Rows are queries in the order of the dataset, models are sorted by name. */
typedef struct train_table {
    size_t n_queries, n_models, n_features;
    size_t stride;             /* floats from one row of x to the next: a multiple of 16, so that rows are aligned */
    float *x;                  /* [n_queries][stride] embedding and category; 0 from n_features on */
    double *quality;           /* [n_queries][n_models] NaN: unknown */
    double *latency_s;         /* likewise */
    double *utility;           /* likewise: what the outcome objective makes as large as it can */
    const char *const *models; /* [n_models] borrowed from the dataset */
    table_record *records;     /* [n_records] */
    size_t n_records;
    size_t n_categories; /* category values at the end of a row; 0: none */
    uint32_t *tasks;     /* [n_queries] which benchmark a query is of, below n_tasks: known in training, not later */
    size_t n_tasks;      /* a missing name counts as one; tasks is read only where there are two or more */
} train_table;

/* The embeddings, checked to be there, with categories as the options say. options->category_weight may be 0, left
 * open: the category values are those of weight 1 until mlsel_i_table_weigh sets them. */
mlsel_status mlsel_i_table_create(const mlsel_dataset *dataset, const mlsel_train_options *options, train_table **out,
                                  mlsel_error *err);
/* Another table of some of the queries, in the order given; records follow the order of the queries. */
mlsel_status mlsel_i_table_subset(const train_table *table, const uint32_t *queries, size_t n, train_table **out,
                                  mlsel_error *err);
/* The same as it is, with another category weight, which is not 0 (in place). */
void mlsel_i_table_weigh(train_table *table, double category_weight);
void mlsel_i_table_free(train_table *table);
/* What n_queries queries of such a table take, with their records. A table is no memory of a run's: whoever makes one
 * for a run counts it. */
uint64_t mlsel_i_table_bytes(const train_table *table, size_t n_queries);
/* Mean utility of each model over the queries where it is known, into means[n_models]; NaN: never known. */
void mlsel_i_table_mean_utility(const train_table *table, double *means);
/* Index of the largest value that is not NaN, the first on ties; -1 if there is none. */
int32_t mlsel_i_argmax(const double *values, size_t n);

/* --- the run --------------------------------------------------------------------------------------------------------
 */

/* What trains an MLP: a device of a plugin, or with mlp NULL the CPU. */
typedef struct train_device {
    const mlsel_backend_train_mlp *mlp;
    uint32_t index;
    char name[32]; /* as in "cuda:1" */
} train_device;

/* A call of mlsel_train or mlsel_evaluate in progress. */
typedef struct train_run {
    mlsel_train_callback progress;
    void *user;
    mlsel_algorithm algorithm;
    char stage[96];       /* what comes before a trainer's own stage, as in "fold 2 of 5: " */
    double before, share; /* where the current part is in the whole: from `before` on, `share` of it */
    double reached;       /* the highest fraction reported: a stage that starts anew goes back behind none */
    thread_team *team;    /* NULL: one thread */
    train_device device;
    uint64_t bytes, peak_bytes, max_bytes;
    mlsel_status failed; /* of the last allocation that failed */
    mlsel_error *err;
} train_run;

/* Where a run is, to be kept while it goes through the parts of what is done there. */
typedef struct run_place {
    char stage[sizeof((train_run *)0)->stage];
    double before, share;
} run_place;
run_place mlsel_i_run_place(const train_run *run);
/* Goes to part `part` of n equal ones of a place. format: what is put behind its stage, as in "fold 2 of 5: "; NULL:
 * nothing. */
void mlsel_i_run_part(train_run *run, const run_place *whole, size_t part, size_t n, const char *format, ...)
    MLSEL_PRINTF(5, 6);
/* Goes back. */
void mlsel_i_run_return(train_run *run, const run_place *place);

/* Seconds of a clock that never goes back. */
double mlsel_i_now(void);

/* Reports; CANCELLED if the caller wants no more. `loss` and `validation` may be NaN. */
mlsel_status mlsel_i_run_report(train_run *run, const char *stage, uint64_t done, uint64_t total, double loss,
                                double validation);
/* Memory that counts for peak_bytes and max_bytes: count * size bytes, uninitialised. NULL: NO_MEMORY or LIMIT is in
 * run->err, and mlsel_i_run_status says which. Freed with the same run. */
void *mlsel_i_run_alloc(train_run *run, size_t count, size_t size);
void *mlsel_i_run_calloc(train_run *run, size_t count, size_t size);
void mlsel_i_run_free(train_run *run, void *block);
/* Counts memory of somebody else's, LIBSVM's for one: false (and LIMIT in run->err) if that would be too much. */
bool mlsel_i_run_count(train_run *run, uint64_t bytes);
void mlsel_i_run_uncount(train_run *run, uint64_t bytes);
/* The status of the last allocation that failed. */
mlsel_status mlsel_i_run_status(const train_run *run);

/* --- settings and results ----------------------------------------------------------------------------------------- */

/* The options of one training, everything decided: no field is left to be chosen. */
typedef struct train_settings {
    mlsel_train_options options; /* as given, category_weight decided */
    double knn_beta;             /* neighbours weigh exp(-beta * squared distance) */
    double shrinkage;            /* KNN, KMeans: lambda */
    bool by_group;               /* KMeans: the clusters are the tasks or categories */
} train_settings;

/* What a trainer leaves behind. Its memory is its own, not the run's. */
typedef struct trained {
    void *state;
    /* Writes the members of its kind into the root object that the caller has opened, from "k" or "num_clusters" on,
     * "model_names" and "feature_dim" included. models: the table's, in its order. */
    void (*write)(const void *state, const char *const *models, json_writer *w);
    void (*free)(void *state);
} trained;

/* A kind of selector. */
typedef struct trainer {
    mlsel_algorithm algorithm;
    /* Trains. `info` has its fields of settings and results filled in. NOT_TRAINED: too little data, and why. */
    mlsel_status (*train)(const train_table *table, const train_settings *settings, train_run *run, trained *out,
                          mlsel_training_info *info);
    /*
     * Decides what the options leave open: fills settings (which start as the options with their defaults) and the cv_
     * fields of info. It may weigh the table's categories anew (mlsel_i_table_weigh), and need not put them back: the
     * caller weighs them as the settings then say. NULL: settings are used as they are.
     */
    mlsel_status (*choose)(train_table *table, train_settings *settings, train_run *run, mlsel_training_info *info);
} trainer;

extern const trainer mlsel_i_trainer_knn;
extern const trainer mlsel_i_trainer_kmeans;
extern const trainer mlsel_i_trainer_svm;
extern const trainer mlsel_i_trainer_mlp;

/* Calibration of every model: knots of piecewise linear functions, or logistic curves. */
typedef struct calibration_map calibration_map;

struct mlsel_training {
    mlsel_training_info info;
    mlsel_train_options options; /* embedding_model points to the copy below */
    char *embedding_model;
    trained result;
    calibration_map *calibration; /* or NULL */
    char **models;                /* [info.n_models] */
};

/* A finished training as a model, and as text; both used by cross-validation too. */
mlsel_status mlsel_i_training_write(const mlsel_training *training, json_writer *w);

/* Trains with settings that are all decided, without calibration. */
mlsel_status mlsel_i_train_once(const trainer *kind, const train_table *table, const train_settings *settings,
                                train_run *run, mlsel_training **out);

/* --- cross-validation --------------------------------------------------------------------------------------------- */

/* Which fold each query is held out in, fold_of[n_queries] from 0 to n_folds - 1: a shuffle by the seed, sizes differ
 * by at most one. */
void mlsel_i_folds_assign(size_t n_queries, uint32_t n_folds, uint64_t seed, uint32_t *fold_of);

/* What choosing some model for each query comes to: mean utility over the queries whose choice (-1: none) has a known
 * utility, and the standard error of that mean. */
typedef struct choice_value {
    double utility, standard_error;
    size_t n;
} choice_value;
choice_value mlsel_i_value_choices(const train_table *table, const int32_t *choices);

/*
 * Trains on all folds but one, for each fold, and lets what came out score the queries held out: scores
 * [n_queries][n_models] as from mlsel_score (NaN for a model that the fold's artifact does not know), choices
 * [n_queries] as from mlsel_select. Either may be NULL.
 */
mlsel_status mlsel_i_cross_validate(const trainer *kind, const train_table *table, const train_settings *settings,
                                    train_run *run, double *scores, int32_t *choices);

/* Chooses among n settings by cross-validation: the one of the best mean utility. Fills the cv_ fields of info. */
mlsel_status mlsel_i_choose_settings(const trainer *kind, const train_table *table, const train_settings *candidates,
                                     size_t n, train_run *run, size_t *chosen, mlsel_training_info *info);

/* Mean utility of each model over the queries of the other folds, into means[n_models]; NaN: never known there. */
void mlsel_i_folds_means(const train_table *table, const uint32_t *fold_of, uint32_t fold, double *means);

/* Always the best single model of the other folds: for cv_best_single. */
mlsel_status mlsel_i_cross_validate_single(const train_table *table, const train_settings *settings, train_run *run,
                                           double *utility);

/* --- calibration -------------------------------------------------------------------------------------------------- */

/* Fits scores [n_queries][n_models] to the qualities known; NaN scores are left out. */
mlsel_status mlsel_i_calibration_fit(mlsel_calibration method, const double *scores, const double *quality,
                                     size_t n_queries, size_t n_models, calibration_map **out, mlsel_error *err);
void mlsel_i_calibration_free(calibration_map *map);
/* Writes the member "calibration" of an artifact. */
void mlsel_i_calibration_write(const calibration_map *map, const char *const *models, json_writer *w);

/* --- random numbers ----------------------------------------------------------------------------------------------- */

void mlsel_i_random_seed(random_state *r, uint64_t seed, uint64_t stream);
uint64_t mlsel_i_random_next(random_state *r);
/* Uniform in [0, 1), 53 bits. */
double mlsel_i_random_unit(random_state *r);
/* Uniform below n > 0, without bias. */
uint64_t mlsel_i_random_below(random_state *r, uint64_t n);
/* Standard normal. */
double mlsel_i_random_normal(random_state *r);
/* Puts the numbers 0 to n - 1 in random order (Fisher and Yates). */
void mlsel_i_random_permutation(random_state *r, uint32_t *order, size_t n);

#endif
