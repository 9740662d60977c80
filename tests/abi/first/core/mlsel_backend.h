/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel_backend.h - how a device scores models for mlsel. For authors of backends; users of mlsel need only mlsel.h.
 *
 * STABILITY. This interface is versioned by MLSEL_BACKEND_API_VERSION and stable within a minor release of mlsel, not
 * longer.
 *
 * DIVISION OF LABOUR. The core reads and checks artifacts and queries and applies each algorithm's rules: votes, ties,
 * eligibility, scores, probabilities. A backend does the arithmetic that touches the weights and hands back raw
 * measurements (struct mlsel_backend_run says which). Queries that reach it are finite and of the right width; views
 * are consistent and all their values finite and within the range of float.
 *
 * A PLUGIN is a shared object named libmlsel-NAME.so (libmlsel-NAME.dylib) that exports
 *     const mlsel_backend *mlsel_backend_entry(uint32_t api_version);
 * It returns a static table, or NULL if it cannot serve that version. It is looked for in the folders of
 * MLSEL_PLUGIN_PATH (separated by ':'), then beside the mlsel library, then in the folder it was configured with; it
 * is opened when a device of that name is first asked for and stays open for the life of the process.
 *
 * THREADS. probe, device_count, device_info, supports and prepare may be called from several threads at once; run too,
 * on one state, and it must be fast then: no lock that a waiting query would notice, no allocation after warm-up.
 * release is called once per state, when no run is in progress.
 *
 * MANNERS. As in mlsel.h: a status and a message for everything, no abort, no print, no process-wide settings. On
 * failure outputs of prepare are untouched and there is nothing to free.
 */
#ifndef MLSEL_BACKEND_H
#define MLSEL_BACKEND_H

#include "mlsel.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLSEL_BACKEND_API_VERSION 1u

/* --- what is scored ----------------------------------------------------------------------------------------------- */

/**
 * KNN: rows and their labels, rows that repeat stored once. Distances are squared L2, of the L2-normalised vectors if
 * `normalize` (zero stays zero).
 */
typedef struct mlsel_knn_view {
    const float *vectors; /**< [n_vectors][stride] distinct rows as in the artifact, not normalised */
    uint64_t stride;      /**< at least n_features; beyond them the values are 0 */
    uint64_t n_vectors;
    uint64_t n_rows;
    const uint64_t *vector_start; /**< [n_vectors + 1] where a vector's rows start in vector_rows */
    const uint64_t *vector_rows;  /**< [n_rows] the rows that hold a vector, ascending */
    const int32_t *row_labels;    /**< [n_rows] */
    int32_t normalize;
    int32_t reserved;
} mlsel_knn_view;

/** KMeans: centroids in double, as in the artifact. */
typedef struct mlsel_kmeans_view {
    const double *centroids; /**< [n_clusters][n_features] */
    uint32_t n_clusters;
    uint32_t reserved;
} mlsel_kmeans_view;

/** One classifier of an SVM in the per-model form. Its score is w.q - rho or sum(alpha * exp(-gamma |q - sv|^2)) - rho.
 */
typedef struct mlsel_svm_classifier {
    const float *vectors; /**< linear: [1][stride] the weights; RBF: [n_vectors][stride] support vectors */
    uint64_t stride;      /**< at least n_features */
    const double *alpha;  /**< RBF: [n_vectors]; linear: NULL */
    uint64_t n_vectors;
    double rho;
    double gamma;
} mlsel_svm_classifier;

/** SVM in either form. */
typedef struct mlsel_svm_view {
    mlsel_svm_form form;
    mlsel_svm_kernel kernel;
    uint32_t n_classes;
    uint32_t reserved;
    /* one-vs-one: support vectors sorted by class */
    const float *support_vectors; /**< [n_support_vectors][stride] */
    uint64_t stride;              /**< at least n_features; beyond them the values are 0 */
    const uint64_t *class_start;  /**< [n_classes + 1] first support vector of each class */
    const double *dual_coef;      /**< [n_classes - 1][n_support_vectors] */
    const double *intercept;      /**< [n_classes * (n_classes - 1) / 2] */
    uint64_t n_support_vectors;
    double gamma;
    /* per-model: the query is divided by its L2 norm where that is > 1e-10 */
    const mlsel_svm_classifier *classifiers; /**< [n_classes] */
} mlsel_svm_view;

/** One layer of an MLP. Pointers that do not apply, or that the artifact leaves out, are NULL. */
typedef struct mlsel_layer_view {
    mlsel_layer_type type;
    uint32_t in_features;
    uint32_t out_features;
    uint32_t reserved;
    const float *weight;       /**< linear: [out_features][stride]; batch norm: [in_features], NULL is 1 */
    uint64_t stride;           /**< linear: at least in_features; beyond them the values are 0 */
    const float *bias;         /**< [out_features], NULL is 0 */
    const float *running_mean; /**< batch norm: NULL is 0 */
    const float *running_var;  /**< batch norm: NULL is 1 */
    double eps;                /**< batch norm: (x - mean) / sqrt(var + eps) * weight + bias */
} mlsel_layer_view;

/** MLP: layers in order; dropout does nothing at inference. */
typedef struct mlsel_mlp_view {
    const mlsel_layer_view *layers;
    uint32_t n_layers;
    uint32_t reserved;
} mlsel_mlp_view;

/** A checked model. It and everything it points to outlive every state prepared from it. */
typedef struct mlsel_model_view {
    uint32_t struct_size;
    mlsel_algorithm algorithm;
    uint32_t n_features;
    uint32_t n_labels;
    const mlsel_knn_view *knn; /**< set for MLSEL_ALGORITHM_KNN, else NULL; the others alike */
    const mlsel_kmeans_view *kmeans;
    const mlsel_svm_view *svm;
    const mlsel_mlp_view *mlp;
} mlsel_model_view;

/* --- what comes back -------------------------------------------------------------------------------------------- */

/** A neighbour as measured. */
typedef struct mlsel_backend_neighbour {
    double distance;
    uint64_t row;
} mlsel_backend_neighbour;

/** Number format of queries. */
typedef int32_t mlsel_query_type;
enum { MLSEL_QUERY_F32 = 1, MLSEL_QUERY_F64 = 2 };

/** One call of run. */
typedef struct mlsel_backend_run {
    uint32_t struct_size;
    mlsel_query_type query_type;
    const void *queries; /**< query q starts at value q * stride */
    uint64_t stride;
    uint32_t count;            /**< 1 to mlsel_prepared.max_batch */
    uint32_t k;                /**< KNN: neighbours wanted, never more than there are */
    const uint8_t *label_mask; /**< KNN: [n_labels], only rows whose label's byte is not 0 take part; NULL: all do */
    void *scratch;             /**< mlsel_prepared.scratch_bytes of host memory, 64-byte aligned, for this call alone */
    /**
     * KNN: row q receives k neighbours by ascending (distance, row).
     */
    mlsel_backend_neighbour *neighbours;
    uint64_t neighbour_stride;
    /**
     * The others, row q:
     *   KMeans           [n_clusters] squared distances, each a sum in double from the first feature to the last,
     * without fused multiply-add, or so close to it that order and ties of all clusters are the same SVM one-vs-one
     * [n_pairs] for (i, j) = (0,1), (0,2), ... (1,2), ...: sum over vectors of class i of dual_coef[j-1] * K
     *                    + sum over vectors of class j of dual_coef[i] * K + intercept
     *   SVM per-model    [n_classes] the classifiers' scores
     *   MLP              [out_features of the last layer] the logits
     */
    double *values;
    uint64_t value_stride;
} mlsel_backend_run;

/** What prepare made of a model. */
typedef struct mlsel_prepared {
    uint32_t struct_size;
    uint32_t max_batch;     /**< queries that one run takes, at least 1 */
    uint64_t scratch_bytes; /**< host memory that run wants to be lent */
    uint64_t memory_bytes;  /**< held beside the model, on host and device */
    void *state;
} mlsel_prepared;

/** A backend. All slots must be filled. */
typedef struct mlsel_backend {
    uint32_t struct_size;
    uint32_t api_version; /**< MLSEL_BACKEND_API_VERSION as compiled */
    const char *name;     /**< [a-z0-9]+, the first part of device strings */
    /** Order in which "auto" tries backends, highest first; 0 or less: unusable here, and err says why. The CPU is 1.
     */
    int32_t (*probe)(mlsel_error *err);
    uint32_t (*device_count)(void);
    mlsel_status (*device_info)(uint32_t device, mlsel_device_info *out, mlsel_error *err);
    /** MLSEL_OK, or MLSEL_ERROR_UNSUPPORTED with what is missing. precision may be MLSEL_PRECISION_DEFAULT. */
    mlsel_status (*supports)(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err);
    /** Uploads, packs, precomputes: everything that can be done once. */
    mlsel_status (*prepare)(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err);
    mlsel_status (*run)(void *state, const mlsel_backend_run *run, mlsel_error *err);
    void (*release)(void *state);
} mlsel_backend;

/** Type of a plugin's one exported function, mlsel_backend_entry. */
typedef const mlsel_backend *(*mlsel_backend_entry_fn)(uint32_t api_version);
#define MLSEL_BACKEND_ENTRY "mlsel_backend_entry"

#ifdef __cplusplus
}
#endif
#endif /* MLSEL_BACKEND_H */
