/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * mlsel_backend.h - how a device scores models for mlsel. For authors of backends; users of mlsel need only mlsel.h.
 *
 * STABILITY. This interface is versioned by MLSEL_BACKEND_API_VERSION and stable within a minor release of mlsel, not
 * longer.
 *
 * DIVISION OF LABOUR. The core reads and checks artifacts and queries and applies each algorithm's rules: votes, ties,
 * eligibility, scores, probabilities. A backend does the arithmetic that touches the weights and hands back raw
 * measurements (struct mlsel_backend_run says which). Queries that reach it are of the right width and finite (unless
 * it offers to see to that itself, mlsel_prepared.checks_queries); views are consistent and all their values finite and
 * within the range of float (only the CPU backend may see values that nobody has looked at, in models mapped from
 * containers).
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
 * MANNERS. As in mlsel.h: a status and a message for everything (err may be NULL in every slot), no abort, no print, no
 * process-wide settings. On failure outputs of prepare are untouched and there is nothing to free.
 */
#ifndef MLSEL_BACKEND_H
#define MLSEL_BACKEND_H

#include "mlsel.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup backend The interface of backends
 * @{
 */

/** Version of the interface in this header. */
#define MLSEL_BACKEND_API_VERSION 1u

/* --- what is scored ----------------------------------------------------------------------------------------------- */

/**
 * KNN: rows and their labels, rows that repeat stored once. Distances are squared L2, of the L2-normalised vectors if
 * `normalize` (zero stays zero).
 */
typedef struct mlsel_knn_view {
    const float *vectors;                /**< [n_vectors][stride] distinct rows as in the artifact, not normalised */
    uint64_t stride;                     /**< at least n_features; beyond them the values are 0 */
    uint64_t n_vectors;                  /**< distinct ones */
    uint64_t n_rows;                     /**< rows of the artifact */
    const uint64_t *vector_start;        /**< [n_vectors + 1] where a vector's rows start in vector_rows */
    const uint64_t *vector_rows;         /**< [n_rows] the rows that hold a vector, ascending */
    const int32_t *row_labels;           /**< [n_rows] */
    int32_t normalize;                   /**< not 0: distances are of the normalised vectors */
    int32_t reserved;                    /**< 0 */
    const struct mlsel_knn_index *index; /**< private to the CPU backend; may be NULL */
} mlsel_knn_view;

/** KMeans: centroids in double, as in the artifact. */
typedef struct mlsel_kmeans_view {
    const double *centroids; /**< [n_clusters][n_features] */
    uint32_t n_clusters;     /**< rows of centroids */
    uint32_t reserved;       /**< 0 */
} mlsel_kmeans_view;

/** One classifier of an SVM in the per-model form. Its score is w.q - rho or sum(alpha * exp(-gamma |q - sv|^2)) - rho.
 */
typedef struct mlsel_svm_classifier {
    const float *vectors; /**< linear: [1][stride] the weights; RBF: [n_vectors][stride] support vectors */
    uint64_t stride;      /**< at least n_features */
    const double *alpha;  /**< RBF: [n_vectors]; linear: NULL */
    uint64_t n_vectors;   /**< support vectors; 1 for linear */
    double rho;           /**< what is subtracted */
    double gamma;         /**< of the RBF kernel */
} mlsel_svm_classifier;

/** SVM in either form. */
typedef struct mlsel_svm_view {
    mlsel_svm_form form;     /**< which of the parameters below are set */
    mlsel_svm_kernel kernel; /**< of all pairs or classifiers */
    uint32_t n_classes;      /**< classes, or classifiers */
    uint32_t reserved;       /**< 0 */
    /* one-vs-one: support vectors sorted by class */
    const float *support_vectors; /**< [n_support_vectors][stride] */
    uint64_t stride;              /**< at least n_features; beyond them the values are 0 */
    const uint64_t *class_start;  /**< [n_classes + 1] first support vector of each class */
    const double *dual_coef;      /**< [n_classes - 1][n_support_vectors] */
    const double *intercept;      /**< [n_classes * (n_classes - 1) / 2] */
    uint64_t n_support_vectors;   /**< of all classes together */
    double gamma;                 /**< of the RBF kernel */
    /* per-model: the query is divided by its L2 norm where that is > 1e-10 */
    const mlsel_svm_classifier *classifiers; /**< [n_classes] */
    /* one-vs-one */
    const double *squared_norms; /**< [n_support_vectors] of the support vectors; NULL: to be computed */
} mlsel_svm_view;

/** One layer of an MLP. Pointers that do not apply, or that the artifact leaves out, are NULL. */
typedef struct mlsel_layer_view {
    mlsel_layer_type type;     /**< what the layer does */
    uint32_t in_features;      /**< width of its input */
    uint32_t out_features;     /**< width of its output */
    uint32_t reserved;         /**< 0 */
    const float *weight;       /**< linear: [out_features][stride]; batch norm: [in_features], NULL is 1 */
    uint64_t stride;           /**< linear: at least in_features; beyond them the values are 0 */
    const float *bias;         /**< [out_features], NULL is 0 */
    const float *running_mean; /**< batch norm: NULL is 0 */
    const float *running_var;  /**< batch norm: NULL is 1 */
    double eps;                /**< batch norm: (x - mean) / sqrt(var + eps) * weight + bias */
} mlsel_layer_view;

/** MLP: layers in order; dropout does nothing at inference. */
typedef struct mlsel_mlp_view {
    const mlsel_layer_view *layers; /**< [n_layers] */
    uint32_t n_layers;              /**< as in the artifact, dropout included */
    uint32_t reserved;              /**< 0 */
    double max_value; /**< no value between the layers is larger as long as no query value is larger than 2^40: where
                           this fits into float with room to spare, so do all sums */
} mlsel_mlp_view;

/** A checked model. It and everything it points to outlive every state prepared from it. */
typedef struct mlsel_model_view {
    uint32_t struct_size;            /**< sizeof the struct as compiled by the library */
    mlsel_algorithm algorithm;       /**< which of the views is set */
    uint32_t n_features;             /**< width of a query */
    uint32_t n_labels;               /**< labels of the model */
    const mlsel_knn_view *knn;       /**< set for MLSEL_ALGORITHM_KNN, else NULL; the others alike */
    const mlsel_kmeans_view *kmeans; /**< as knn */
    const mlsel_svm_view *svm;       /**< as knn */
    const mlsel_mlp_view *mlp;       /**< as knn */
    /** The CPU backend: what a device cannot be certain of, it may let this one answer (its prepare takes this view).
     */
    const struct mlsel_backend *cpu;
} mlsel_model_view;

/* --- what comes back -------------------------------------------------------------------------------------------- */

/** A neighbour as measured. */
typedef struct mlsel_backend_neighbour {
    double distance; /**< squared L2 */
    uint64_t row;    /**< index in the artifact */
} mlsel_backend_neighbour;

/** Number format of queries. */
typedef int32_t mlsel_query_type;
enum { MLSEL_QUERY_F32 = 1, MLSEL_QUERY_F64 = 2 };

/** One call of run. */
typedef struct mlsel_backend_run {
    uint32_t struct_size;        /**< sizeof the struct as compiled by the library */
    mlsel_query_type query_type; /**< of `queries` */
    const void *queries;         /**< query q starts at value q * stride */
    uint64_t stride;             /**< values from one query to the next */
    uint32_t count;              /**< 1 to mlsel_prepared.max_batch */
    uint32_t k;                  /**< KNN: neighbours wanted, never more than there are */
    const uint8_t *label_mask;   /**< KNN: [n_labels], only rows whose label's byte is not 0 take part; NULL: all do */
    void *scratch; /**< mlsel_prepared.scratch_bytes of host memory, 64-byte aligned, for this call alone */
    /**
     * KNN: row q receives k neighbours by ascending (distance, row).
     */
    mlsel_backend_neighbour *neighbours;
    uint64_t neighbour_stride; /**< from one query's neighbours to the next */
    /**
     * The others, row q (for KNN it may be NULL, as neighbours may be for the others):
     *
     * - KMeans: [n_clusters] squared distances, each a sum in double from the first feature to the last without fused
     *   multiply-add, or so close to it that order and ties of all clusters are the same.
     *
     * - SVM one-vs-one: [n_pairs] for (i, j) = (0,1), (0,2), ... (1,2), ...: the sum over vectors of class i of
     *   dual_coef[j-1] * K, plus the sum over vectors of class j of dual_coef[i] * K, plus the intercept.
     *
     * - SVM per-model: [n_classes] the classifiers' scores.
     *
     * - MLP: [out_features of the last layer] the logits.
     */
    double *values;
    uint64_t value_stride; /**< from one query's values to the next */
    /**
     * KNN: only part `part` of `n_parts` equal parts of the vectors takes part, for a query divided among threads; 0
     * parts: all vectors. Neighbours that a part lacks are (INFINITY, UINT64_MAX). At most mlsel_prepared.max_parts.
     */
    uint32_t part;
    uint32_t n_parts; /**< see part */
} mlsel_backend_run;

/** What prepare made of a model. */
typedef struct mlsel_prepared {
    uint32_t struct_size;   /**< sizeof the struct as compiled by the library */
    uint32_t max_batch;     /**< queries that one run takes, at least 1 */
    uint64_t scratch_bytes; /**< host memory that run wants to be lent */
    uint64_t memory_bytes;  /**< held beside the model, on host and device */
    void *state;            /**< what run and release are given */
    /**
     * Not 0: run may be given a single query that holds anything, and returns MLSEL_ERROR_NOT_FINITE where a value is
     * not finite or beyond the range of float; the core then finds out which. For backends that see this on their way.
     */
    int32_t checks_queries;
    /** Not 0: runs at the same time are faster than one after the other, so that threads are of use, as on a CPU. */
    int32_t runs_in_parallel;
    uint32_t max_parts; /**< KNN: parts that a query can usefully be divided into; 0 or 1: none */
    uint32_t reserved;  /**< 0 */
} mlsel_prepared;

/* --- training ----------------------------------------------------------------------------------------------------- */

/**
 * Name of the extension that trains MLPs: mlsel_backend.extension gives it a mlsel_backend_train_mlp. What is trained
 * is, for each hidden layer, Linear, ReLU, batch norm and dropout, and a last Linear. The caller decides on rows,
 * order, learning rates and when to stop; a device does the arithmetic and keeps all that it needs between the calls.
 */
#define MLSEL_EXTENSION_TRAIN_MLP "mlsel.train.mlp"

/** A layer's parameters on the host. Those of a batch norm are NULL in the last layer. */
typedef struct mlsel_train_layer {
    uint32_t in_features;  /**< values that it reads */
    uint32_t out_features; /**< values that it gives */
    float *weight;         /**< [out_features][in_features] */
    float *bias;           /**< [out_features] */
    float *norm_weight;    /**< [out_features] of the batch norm that follows */
    float *norm_bias;      /**< [out_features] */
    float *running_mean;   /**< [out_features] */
    float *running_var;    /**< [out_features] */
} mlsel_train_layer;

/** What is learned, from what. Borrowed while create runs, and no longer. */
typedef struct mlsel_train_mlp_view {
    uint32_t struct_size;            /**< of the caller's version */
    uint32_t n_layers;               /**< linear ones, the last included */
    const mlsel_train_layer *layers; /**< the parameters to start with */
    const float *x;                  /**< [n_queries][stride] features */
    uint64_t stride;                 /**< at least in_features of the first layer */
    uint64_t n_queries;              /**< rows of x */
    uint64_t n_examples;             /**< below 2^32 */
    const uint32_t *query;           /**< [n_examples] an example's row of x; NULL: its own number */
    /** [n_examples] The loss is the cross-entropy of this label times `weight`, the mean over the rows; or NULL: see
     *  `target`. */
    const uint32_t *label;
    const float *weight; /**< [n_examples] or NULL with `label` */
    /** [n_examples][out_features of the last layer] The loss is the binary cross-entropy of each output, the mean over
     *  the targets known; NaN: not known. NULL: there are labels. */
    const float *target;
    uint32_t max_rows;    /**< of a step, at least 2 */
    uint32_t reserved;    /**< 0 */
    double dropout;       /**< share of the values behind a batch norm that a step sets to 0; 0: none */
    uint64_t seed;        /**< of what is dropped: src/train/xoshiro.h says which values those are */
    double weight_decay;  /**< Adam with decoupled decay, of the linear layers' weights alone */
    double beta1;         /**< of Adam's mean of gradients */
    double beta2;         /**< of Adam's mean of their squares */
    double adam_eps;      /**< added to the root of the latter */
    double norm_momentum; /**< running values move by this share towards a step's, the variance without bias */
    double norm_eps;      /**< added to the variance of a batch norm */
} mlsel_train_mlp_view;

/**
 * Training of MLPs on a device. A state is used by one thread at a time. The same calls give the same bits. After a
 * failure a state is good for release alone.
 */
typedef struct mlsel_backend_train_mlp {
    uint32_t struct_size; /**< as compiled; a function that lies beyond it is not there */
    uint32_t reserved;    /**< 0 */
    /** Uploads all. *memory_bytes receives what the device holds. */
    mlsel_status (*create)(uint32_t device, const mlsel_train_mlp_view *view, void **state, uint64_t *memory_bytes,
                           mlsel_error *err);
    /** Begins an epoch over n of the examples, in this order (copied). Its sum of losses is 0. */
    mlsel_status (*begin)(void *state, const uint32_t *order, uint64_t n, mlsel_error *err);
    /** Takes steps: each on the next rows[i] examples of the order, at most max_rows. *loss receives the sum of the
     * mean losses of all steps of the epoch so far, added up in their order. */
    mlsel_status (*steps)(void *state, const uint32_t *rows, uint64_t n_steps, double learning_rate, double *loss,
                          mlsel_error *err);
    /** The loss of examples with the network as in use: the sum, and the number of rows or known targets it is of. Ends
     *  the epoch. */
    mlsel_status (*evaluate)(void *state, const uint32_t *examples, uint64_t n, double *sum, double *weight,
                             mlsel_error *err);
    /** Keeps a copy of the parameters, in place of one kept before. */
    mlsel_status (*keep)(void *state, mlsel_error *err);
    /** The parameters, or with `kept` not 0 those kept, into the arrays of layers of the widths that create was given.
     */
    mlsel_status (*read)(void *state, int32_t kept, const mlsel_train_layer *layers, mlsel_error *err);
    void (*release)(void *state); /**< NULL does nothing */
} mlsel_backend_train_mlp;

/** A backend. All slots must be filled but for those marked optional. */
typedef struct mlsel_backend {
    uint32_t struct_size; /**< sizeof the struct as compiled by the backend */
    uint32_t api_version; /**< MLSEL_BACKEND_API_VERSION as compiled */
    const char *name;     /**< [a-z0-9]+, the first part of device strings */
    /** Order in which "auto" tries backends, highest first; 0 or less: unusable here, and err says why. The CPU is 1.
     */
    int32_t (*probe)(mlsel_error *err);
    /** devices there are */
    uint32_t (*device_count)(void);
    /** describes one of them; out has room for all of the struct */
    mlsel_status (*device_info)(uint32_t device, mlsel_device_info *out, mlsel_error *err);
    /** MLSEL_OK, or MLSEL_ERROR_UNSUPPORTED with what is missing. precision may be MLSEL_PRECISION_DEFAULT. */
    mlsel_status (*supports)(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err);
    /** Uploads, packs, precomputes: everything that can be done once. */
    mlsel_status (*prepare)(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err);
    /** Measures; see mlsel_backend_run. */
    mlsel_status (*run)(void *state, const mlsel_backend_run *run, mlsel_error *err);
    /** Frees what prepare made. */
    void (*release)(void *state);
    /** Optional (NULL, or a struct_size that ends before it): what else the backend can do, a table of functions that
     *  the name stands for, as MLSEL_EXTENSION_TRAIN_MLP; NULL where it lacks that. */
    const void *(*extension)(const char *name);
} mlsel_backend;

/**
 * Finds the backend that a device string stands for, opening its plugin if need be: for libraries that use a device for
 * more than scoring, as libmlsel_train does.
 *
 * @param device  as in mlsel_model_options; NULL is "cpu"
 * @param out     [out] a static table
 * @param index   [out] which of its devices
 * @param err     may be NULL
 * @return MLSEL_OK; MLSEL_ERROR_DEVICE or MLSEL_ERROR_VERSION with the reason why it cannot be used;
 *         MLSEL_ERROR_INVALID_ARGUMENT; MLSEL_ERROR_NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_backend_find(const char *device, const mlsel_backend **out, uint32_t *index,
                                          mlsel_error *err);

/** Type of a plugin's one exported function, mlsel_backend_entry. */
typedef const mlsel_backend *(*mlsel_backend_entry_fn)(uint32_t api_version);
/** Its name. */
#define MLSEL_BACKEND_ENTRY "mlsel_backend_entry"

/** @} */

#ifdef __cplusplus
}
#endif
#endif /* MLSEL_BACKEND_H */
