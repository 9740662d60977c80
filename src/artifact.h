/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed, checked artifact: what a file says, independent of device and options. Immutable once loaded, and shared by
 * all models of the same content.
 */
#ifndef MLSEL_ARTIFACT_H
#define MLSEL_ARTIFACT_H

#include <stdatomic.h>

#include "calibration.h"
#include "file.h"
#include "file_write.h"
#include "internal.h"
#include "json.h"
#include "knn_index.h"
#include "mlsel_backend.h"

typedef struct mlsel_engine mlsel_engine;

/* A block that the artifact owns. Blocks without pointers take part in the comparison of two artifacts. */
typedef struct artifact_block {
    void *data;
    size_t bytes;
    bool comparable;
} artifact_block;

/* An array of the artifact by its place in the document, as in "layers.0.weight". */
typedef struct artifact_tensor {
    char name[64];
    json_array array;
} artifact_tensor;

/* The scalars of every kind; compared as bytes, so it is zeroed first and holds no pointers. */
typedef struct artifact_scalars {
    uint64_t text_bytes;
    uint64_t hash_low;
    uint64_t hash_high;
    double category_weight;
    mlsel_algorithm algorithm;
    uint32_t format_version;
    uint32_t n_features;
    uint32_t n_labels;
    uint32_t n_categories; /* of the artifact's own list */
    uint32_t knn_k;
    double knn_latency_min;
    double knn_latency_max;
    double knn_beta;        /* of the outcomes: a neighbour weighs exp(-beta * squared distance) */
    double knn_shrinkage;   /* the prior weighs as much */
    int32_t has_categories; /* there is such a list, if an empty one */
    int32_t reserved;
    mlsel_svm_form svm_form;
    mlsel_svm_kernel svm_kernel;
    double svm_gamma;
    int32_t calibration_method; /* CALIBRATION_ */
    uint32_t calibration_knots;
    uint64_t calibration_records;
} artifact_scalars;

/* KNN: what became of each row with each label; all NULL where the artifact does not say. -1 is an unknown value. */
typedef struct knn_outcomes {
    const double *quality;       /* [n_rows][n_labels] */
    const double *utility;       /* likewise; the qualities where there are no others */
    const double *latency;       /* likewise, nanoseconds; or NULL */
    const double *prior;         /* [n_labels] what utilities are shrunk to */
    const double *quality_prior; /* [n_labels] what qualities are */
    const uint8_t *choosable;    /* [n_labels] as of the artifact: every label has a score */
} knn_outcomes;

typedef struct mlsel_artifact {
    artifact_scalars scalars;
    char **labels;            /* [n_labels] */
    const int32_t *tie_rank;  /* [n_labels] of two labels with equal scores the one of lower rank wins */
    const uint8_t *choosable; /* [n_labels] 0: no query can ever choose it */
    char **categories;        /* [n_categories] */
    uint64_t n_parameters;

    /* KNN */
    mlsel_knn_view knn;
    const double *qualities;     /* [n_rows] */
    const double *latencies;     /* [n_rows] nanoseconds */
    const uint64_t *label_rows;  /* [n_labels] rows of each label */
    const uint64_t *row_vectors; /* [n_rows] the vector that a row holds */
    knn_outcomes outcomes;
    /* KMeans */
    mlsel_kmeans_view kmeans;
    const int32_t *cluster_labels; /* v1: [n_clusters] */
    const double *cluster_scores;  /* v2, and v1 with utilities: [n_clusters][n_labels] */
    /* SVM */
    mlsel_svm_view svm;
    const int32_t *class_labels; /* [n_classes] */
    /* MLP */
    mlsel_mlp_view mlp;
    /* any kind; its rows are NULL where there is none */
    calibration_view calibration;

    /* What saving needs besides: the rest of the document, as JSON text without what is in the arrays; and the arrays,
     * those of KNN excepted. */
    char *document;
    size_t document_size;
    artifact_tensor *tensors;
    size_t n_tensors;
    size_t tensors_capacity;

    /* containers: the file's content, which the arrays are in */
    file_content content;
    const char *section;     /* of the tensors: what the hash is of */
    uint64_t hash_seed;      /* the document's part in it */
    bool has_hash;           /* it was stored, and not yet compared */
    json_array unchecked;    /* the array whose values have not been looked at; data is NULL if there is none */
    _Atomic bool is_checked; /* somebody has since */
    knn_index *index;        /* KNN: may be NULL */

    artifact_block *blocks;
    size_t n_blocks;
    size_t blocks_capacity;
    uint64_t memory_bytes;

    /* guarded by the lock of registry.c */
    size_t references;
    mlsel_engine *engines;
    struct mlsel_artifact *next;
} mlsel_artifact;

/* Reads an artifact from JSON text. The result has one reference and is not yet in the registry. */
mlsel_status mlsel_i_artifact_parse(const char *text, size_t size, mlsel_artifact **out, mlsel_error *err);
/* The same from the content of a container, which the artifact takes over. */
mlsel_status mlsel_i_container_parse(file_content *content, mlsel_artifact **out, mlsel_error *err);
/* Whether these first bytes of a file are those of a container. */
bool mlsel_i_is_container(const unsigned char *first, size_t size);
/* Looks at the values of a container that its reader did not look at. SCHEMA: one is not finite, or the like. */
mlsel_status mlsel_i_container_check(mlsel_artifact *artifact, mlsel_error *err);
/* Its part about what the CPU derived: compares that with what it derives now. */
mlsel_status mlsel_i_container_check_derived(const mlsel_artifact *artifact, mlsel_error *err);
/* Writes an artifact to a file. index: what the CPU derived from a KNN artifact, or NULL. */
mlsel_status mlsel_i_artifact_write_json(const mlsel_artifact *artifact, file_writer *file, mlsel_error *err);
mlsel_status mlsel_i_artifact_write_container(const mlsel_artifact *artifact, const knn_index *index,
                                              const double *squared_norms, file_writer *file, mlsel_error *err);
/* Frees an artifact that is not in the registry. NULL does nothing. */
void mlsel_i_artifact_free(mlsel_artifact *artifact);
/* Hands a block over to the artifact, which frees it; on failure (NO_MEMORY) the block is freed at once. */
mlsel_status mlsel_i_artifact_own(mlsel_artifact *artifact, void *block, size_t bytes, bool comparable,
                                  mlsel_error *err);
/* An owned, zeroed block; NULL when out of memory. */
void *mlsel_i_artifact_alloc(mlsel_artifact *artifact, size_t count, size_t size, bool comparable, mlsel_error *err);
/* Gives back what lies beyond bytes of an owned block, if that is worth a copy; returns where the block is now. */
void *mlsel_i_artifact_shrink(mlsel_artifact *artifact, void *block, size_t bytes);
/* Whether two artifacts hold the same content, byte for byte. */
bool mlsel_i_artifact_equal(const mlsel_artifact *a, const mlsel_artifact *b);

/* The device's view of an artifact under a KNN rule; `storage` holds what it points to. */
typedef struct artifact_view {
    mlsel_model_view view;
    mlsel_knn_view knn;
} artifact_view;
void mlsel_i_artifact_view(const mlsel_artifact *artifact, mlsel_knn_rule rule, artifact_view *storage);

#endif
