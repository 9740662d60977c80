/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel - decide, per request, which language model should answer.
 *
 * A selector artifact (KNN, KMeans, SVM or MLP, in the JSON forms of the vLLM Semantic Router ecosystem) is loaded
 * into an immutable mlsel_model. A feature vector goes in; a label (a model name), a score per label and the
 * evidence behind them come out.
 *
 *     mlsel_error err;
 *     mlsel_model *model = NULL;
 *     if (mlsel_model_load("knn_model.json", NULL, &model, &err) != MLSEL_OK) {
 *         fprintf(stderr, "%s\n", err.message);
 *         return 1;
 *     }
 *     mlsel_selection best;
 *     if (mlsel_select(model, features, 1038, NULL, &best, &err) == MLSEL_OK)
 *         printf("%s %.3f\n", mlsel_model_label(model, best.index), best.score);
 *     mlsel_model_release(model);
 *
 * CONVENTIONS, valid for every function unless its own text says otherwise
 *
 * Status and errors. A call that can fail returns an mlsel_status, 0 (MLSEL_OK) for success, and fills the caller's
 *   mlsel_error (which may be NULL). On failure every output argument is left as it was and there is nothing to free.
 *   MLSEL_ERROR_INVALID_ARGUMENT (a NULL where none is allowed, a bad option) and MLSEL_ERROR_INTERNAL are possible
 *   everywhere and not repeated below.
 * Ownership. Inputs are borrowed for the call; no pointer of the caller is kept. Strings returned by the library are
 *   borrowed: static ones live for ever, those reached through a model live as long as the caller's reference to it.
 * Threads. There is no init call, no context and no thread-local state. All functions may be called from any thread
 *   at any time, on the same model too; the only rule is that a model must not be used after the last release.
 *   Selecting and scoring take no lock and, after the first call of each concurrent thread, allocate nothing.
 *   Loading and the last release take one short process-wide lock.
 * Manners. The library never aborts, exits or prints, and changes no signal handler, locale or global thread count.
 *   It reads two environment variables, MLSEL_PLUGIN_PATH (folders searched for device plugins) and MLSEL_ISA (which
 *   can only lower the instruction set used), and only while a model is loaded or a device is queried.
 * Structs with a struct_size member may grow at the end in later versions. Set it to sizeof of the struct as compiled
 *   (the *_init functions do) and zero the rest: zero is the default of every field. Fields past the caller's size
 *   get their defaults; a larger struct is accepted while the part unknown to this version is zero. Structs without
 *   one never change. Enumerations are int32_t with values that never change.
 * Indices. Labels, classes and clusters are counted from 0; -1 means none.
 * Numbers. Rows are row-major. Query values must be finite and within the range of float. Scores of one algorithm
 *   compare with each other, never across algorithms; a higher score is better.
 *
 * Every declaration here is available since version 0.1.0 unless it says otherwise.
 */
#ifndef MLSEL_H
#define MLSEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MLSEL_VERSION_MAJOR 0
#define MLSEL_VERSION_MINOR 1
#define MLSEL_VERSION_PATCH 0
/** The version as one number: 10000 * major + 100 * minor + patch. */
#define MLSEL_VERSION (MLSEL_VERSION_MAJOR * 10000 + MLSEL_VERSION_MINOR * 100 + MLSEL_VERSION_PATCH)

#ifndef MLSEL_API
#if defined(__GNUC__)
#define MLSEL_API __attribute__((visibility("default")))
#else
#define MLSEL_API
#endif
#endif

/* ------------------------------------------------------------------------------------------------------------------
 * Status and errors
 * ---------------------------------------------------------------------------------------------------------------- */

/** Result of a call: MLSEL_OK or one of the negative MLSEL_ERROR_ values. The values never change. */
typedef int32_t mlsel_status;
enum {
    MLSEL_OK = 0,
    /** A NULL, an option or a size that the call does not accept. */
    MLSEL_ERROR_INVALID_ARGUMENT = -1,
    /** An allocation failed. */
    MLSEL_ERROR_NO_MEMORY = -2,
    /** The artifact is not JSON (RFC 8259). mlsel_error.detail is the byte offset, from 0. */
    MLSEL_ERROR_PARSE = -3,
    /** The artifact is JSON but breaks a rule of its format; the message names the place, as in $.embeddings[3]. */
    MLSEL_ERROR_SCHEMA = -4,
    /** A format_version, struct or plugin of a version that this library does not know. */
    MLSEL_ERROR_VERSION = -5,
    /** The query's width differs from the artifact's. mlsel_error.detail is the width that the artifact expects. */
    MLSEL_ERROR_DIMENSION = -6,
    /** No such file, label or category. */
    MLSEL_ERROR_NOT_FOUND = -7,
    /** Valid, but not supported here: an algorithm, kernel, layer type or precision. */
    MLSEL_ERROR_UNSUPPORTED = -8,
    /** The device is not available; the message says why (no plugin, no driver, no such device). */
    MLSEL_ERROR_DEVICE = -9,
    /** Reading a file failed. mlsel_error.detail is the errno value. */
    MLSEL_ERROR_IO = -10,
    /** A defect of this library or of a device plugin. */
    MLSEL_ERROR_INTERNAL = -11,
    /** The input is larger or nested deeper than the limits allow. */
    MLSEL_ERROR_LIMIT = -12,
    /** The artifact says trained: false, or holds no data to select with. */
    MLSEL_ERROR_NOT_TRAINED = -13,
    /** None of the eligible labels can be chosen. */
    MLSEL_ERROR_NO_CANDIDATE = -14,
    /** A query value is NaN, infinite or beyond the range of float. mlsel_error.detail is its index in the query. */
    MLSEL_ERROR_NOT_FINITE = -15
};

/** What went wrong, in the caller's memory. The layout (256 bytes) never changes. */
typedef struct mlsel_error {
    mlsel_status code; /**< the status that the call returned */
    int32_t reserved;  /**< 0 */
    uint64_t detail;   /**< meaning depends on code, see there; 0 otherwise */
    char message[240]; /**< one line of UTF-8, always terminated, free of control characters; "" after success */
} mlsel_error;

/** Name of a status, as in "MLSEL_ERROR_SCHEMA"; "MLSEL_ERROR_UNKNOWN" for a value that is none. Never NULL. */
MLSEL_API const char *mlsel_status_name(mlsel_status status);

/* ------------------------------------------------------------------------------------------------------------------
 * Version and build
 * ---------------------------------------------------------------------------------------------------------------- */

/** MLSEL_VERSION of the library in use, which may be newer than the header compiled against. */
MLSEL_API uint32_t mlsel_version(void);

/** The same as text, as in "0.1.0". Static. */
MLSEL_API const char *mlsel_version_string(void);

/** One line on how the library was built: version, compiler, processor architecture, build type. Static. */
MLSEL_API const char *mlsel_build_info(void);

/* ------------------------------------------------------------------------------------------------------------------
 * Devices
 * ---------------------------------------------------------------------------------------------------------------- */

/** What a device string refers to on this machine. */
typedef struct mlsel_device_info {
    uint32_t struct_size;  /**< bytes filled */
    uint32_t index;        /**< number of the device within its backend */
    char name[32];         /**< as accepted by mlsel_model_options.device, as in "cpu" or "cuda:1" */
    char description[96];  /**< for people, as in "AMD EPYC" or the card's name */
    char isa[32];          /**< instruction set of the kernels in use, as in "reference"; "" where that means nothing */
    uint64_t memory_bytes; /**< memory of the device; 0 if unknown or shared with the host */
    uint32_t precisions;   /**< bit set: 1 << MLSEL_PRECISION_x for each precision that the device offers */
    uint32_t reserved;     /**< 0 */
} mlsel_device_info;

/**
 * Says whether a device can be used here, and what it is.
 *
 * @param device  "cpu", "cuda", "cuda:N", "metal" or "auto" (the best one there is)
 * @param out     filled with at most size bytes
 * @param size    sizeof(mlsel_device_info) as compiled by the caller
 * @param err     may be NULL
 * @return MLSEL_OK; MLSEL_ERROR_DEVICE with the reason why it cannot be used; MLSEL_ERROR_NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_device_query(const char *device, mlsel_device_info *out, size_t size, mlsel_error *err);

/* ------------------------------------------------------------------------------------------------------------------
 * Models
 * ---------------------------------------------------------------------------------------------------------------- */

/** A loaded artifact, bound to a device. Immutable, reference counted, shared freely between threads. */
typedef struct mlsel_model mlsel_model;

/** Kind of selector. */
typedef int32_t mlsel_algorithm;
enum { MLSEL_ALGORITHM_KNN = 1, MLSEL_ALGORITHM_KMEANS = 2, MLSEL_ALGORITHM_SVM = 3, MLSEL_ALGORITHM_MLP = 4 };

/** "knn", "kmeans", "svm" or "mlp", as in artifacts; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_algorithm_name(mlsel_algorithm algorithm);

/** How a KNN artifact votes. */
typedef int32_t mlsel_knn_rule;
enum {
    /**
     * Today's rule of the ecosystem. Rows and query are L2-normalised (a zero vector stays zero); neighbours are
     * ordered by (squared L2 distance, row); the first min(k, rows) vote 0.9 * quality + 0.1 / (1 + latency_ns / 1e10)
     * for their label. The highest sum wins, ties go to the label whose name is smallest in byte order.
     */
    MLSEL_KNN_RULE_COSINE = 0,
    /**
     * The rule of the Rust bindings until August 2026: no normalisation, a vote is 0.9 * max(quality, 0.01) +
     * 0.1 * (1 - (latency - min) / max(max - min, 1)) with min and max over the whole artifact. Ties as above.
     */
    MLSEL_KNN_RULE_LEGACY = 1
};

/** Kernel of an SVM. */
typedef int32_t mlsel_svm_kernel;
enum { MLSEL_SVM_KERNEL_NONE = 0, MLSEL_SVM_KERNEL_LINEAR = 1, MLSEL_SVM_KERNEL_RBF = 2 };

/** Which parameters of an SVM artifact decide. */
typedef int32_t mlsel_svm_form;
enum {
    MLSEL_SVM_FORM_NONE = 0,
    /** LIBSVM's one-vs-one rule on the trained support vectors and dual coefficients: equals scikit-learn's SVC. */
    MLSEL_SVM_FORM_ONE_VS_ONE = 1,
    /** One classifier per label on the normalised query; used only where the trained parameters are absent. */
    MLSEL_SVM_FORM_PER_MODEL = 2
};

/** Number format of the weights as scored on the device. */
typedef int32_t mlsel_precision;
enum {
    MLSEL_PRECISION_DEFAULT = 0, /**< the device's own choice, f32 everywhere today */
    MLSEL_PRECISION_F32 = 1,
    MLSEL_PRECISION_F16 = 2,
    MLSEL_PRECISION_BF16 = 3
};

/** "f32", "f16" or "bf16"; "default" for MLSEL_PRECISION_DEFAULT and "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_precision_name(mlsel_precision precision);

/** Order of the 14 category values at the end of a feature vector. */
typedef int32_t mlsel_category_layout;
enum {
    /** The order that routers, trainers and shipped artifacts use: math, physics, chemistry, biology, ... */
    MLSEL_CATEGORIES_VSR = 0,
    /** The documented, alphabetical list: biology, business, chemistry, ... */
    MLSEL_CATEGORIES_VSR_DOC = 1,
    /** The artifact's own `categories` list; reported by mlsel_model_get_info, never accepted as an option. */
    MLSEL_CATEGORIES_ARTIFACT = 2
};

/** How to load a model. NULL stands for all defaults. */
typedef struct mlsel_model_options {
    uint32_t struct_size;
    mlsel_knn_rule knn_rule;               /**< KNN only; the others ignore it */
    uint32_t k;                            /**< KNN only: neighbours that vote; 0: the artifact's own k */
    mlsel_precision precision;             /**< an unsupported one is MLSEL_ERROR_UNSUPPORTED */
    const char *device;                    /**< "cpu", "cuda", "cuda:N", "metal" or "auto"; NULL: "cpu" */
    int32_t allow_device_fallback;         /**< not 0: use the CPU where the device named is not available */
    mlsel_category_layout category_layout; /**< used where the artifact has no `categories` of its own */
    uint64_t max_bytes;                    /**< refuse a larger artifact; 0: 4 GiB */
} mlsel_model_options;

/** Sets the defaults; size is sizeof(mlsel_model_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_model_options_init(mlsel_model_options *options, size_t size);

/**
 * Loads an artifact from a file.
 *
 * The whole file is checked before anything is used: JSON grammar, UTF-8, duplicate keys, finite numbers, every shape
 * against every other. Two loads of the same content share one copy of the weights. Peak memory stays under twice the
 * file's size for artifacts written with the usual 16 digits.
 *
 * @param path     a regular file
 * @param options  may be NULL
 * @param out      receives the model, to be given to mlsel_model_release once
 * @param err      may be NULL; its message starts with the file's name
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND ("pretrained model not found: PATH"), _IO, _LIMIT, _PARSE, _SCHEMA,
 *         _NOT_TRAINED, _VERSION, _UNSUPPORTED, _DEVICE, _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_model_load(const char *path, const mlsel_model_options *options, mlsel_model **out,
                                        mlsel_error *err);

/** The same from size bytes of memory, which need no terminating zero and may be freed after the call. */
MLSEL_API mlsel_status mlsel_model_load_memory(const void *data, size_t size, const mlsel_model_options *options,
                                               mlsel_model **out, mlsel_error *err);

/** Adds a reference and returns the model; each is given back with mlsel_model_release. NULL gives NULL. */
MLSEL_API mlsel_model *mlsel_model_retain(mlsel_model *model);

/** Gives a reference back; the last one frees the model. NULL does nothing. */
MLSEL_API void mlsel_model_release(mlsel_model *model);

/** What a model is. Fields that do not apply to its algorithm are 0. */
typedef struct mlsel_model_info {
    uint32_t struct_size; /**< bytes filled */
    mlsel_algorithm algorithm;
    uint32_t format_version; /**< of the artifact; 1 where it names none */
    uint32_t n_features;     /**< width of a query */
    uint32_t n_labels;
    uint32_t n_categories; /**< category values at the end of the feature vector; 0 if it has none */
    mlsel_category_layout category_layout;
    mlsel_precision precision; /**< as scored */
    double category_weight;    /**< value of the category's one in the feature vector, usually 1 */
    uint64_t memory_bytes;     /**< weights, shared ones included, and what the device holds beside them */
    uint64_t n_parameters;     /**< numbers in the weights */
    char content_hash[40];     /**< XXH3 128 of the artifact's bytes as 32 hexadecimal digits (as `xxhsum -H2`):
                                          names a content, does not authenticate it */
    char device[32];           /**< the device in use, as in "cpu" */
    int32_t device_fallback;   /**< 1 if another device was asked for and this one taken instead */
    /* KNN */
    mlsel_knn_rule knn_rule;
    uint32_t k; /**< neighbours that vote: min(k asked for, n_samples) */
    uint32_t reserved;
    uint64_t n_samples; /**< rows */
    /* KMeans */
    uint32_t n_clusters;
    /* SVM */
    mlsel_svm_form svm_form;
    mlsel_svm_kernel svm_kernel;
    uint32_t n_classes; /**< classes of the one-vs-one form, or classifiers of the per-model form */
    uint32_t n_pairs;   /**< n_classes * (n_classes - 1) / 2 in the one-vs-one form */
    uint32_t n_layers;  /**< MLP: layers as in the artifact */
    uint64_t n_support_vectors;
    double gamma; /**< of the RBF kernel, where all classifiers have the same; else 0 */
} mlsel_model_info;

/**
 * Describes a model.
 *
 * @param out   filled with at most size bytes; struct_size says how many
 * @param size  sizeof(mlsel_model_info) as compiled by the caller
 */
MLSEL_API mlsel_status mlsel_model_get_info(const mlsel_model *model, mlsel_model_info *out, size_t size,
                                            mlsel_error *err);

/** Type of an MLP layer. */
typedef int32_t mlsel_layer_type;
enum { MLSEL_LAYER_LINEAR = 1, MLSEL_LAYER_RELU = 2, MLSEL_LAYER_BATCH_NORM = 3, MLSEL_LAYER_DROPOUT = 4 };

/** "linear", "relu", "batch_norm" or "dropout"; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_layer_type_name(mlsel_layer_type type);

/** One layer of an MLP. */
typedef struct mlsel_layer_info {
    uint32_t struct_size; /**< bytes filled */
    mlsel_layer_type type;
    uint32_t in_features;
    uint32_t out_features; /**< equal to in_features unless the layer is linear */
    int32_t has_bias;      /**< linear only */
    uint32_t reserved;
    double parameter; /**< eps of a batch norm, p of a dropout, else 0 */
} mlsel_layer_info;

/** Describes layer `index` (< n_layers) of an MLP. Otherwise as mlsel_model_get_info. */
MLSEL_API mlsel_status mlsel_model_get_layer(const mlsel_model *model, uint32_t index, mlsel_layer_info *out,
                                             size_t size, mlsel_error *err);

/** Number of labels; 0 for NULL. */
MLSEL_API size_t mlsel_model_label_count(const mlsel_model *model);

/**
 * Name of a label (a model name), or NULL if the index is none.
 *
 * The order is that of the artifact: `candidate_set.models` or `model_names` where it has them, then names that occur
 * only in the data, in byte order; the classifiers' order for per-model SVM lists.
 */
MLSEL_API const char *mlsel_model_label(const mlsel_model *model, int32_t index);

/** Index of the label with exactly this name, or -1. */
MLSEL_API int32_t mlsel_model_find_label(const mlsel_model *model, const char *name);

/** Name of category `index` (< n_categories) as this model lays them out, or NULL. */
MLSEL_API const char *mlsel_model_category(const mlsel_model *model, int32_t index);

/* ------------------------------------------------------------------------------------------------------------------
 * Selecting
 * ---------------------------------------------------------------------------------------------------------------- */

/**
 * Restricts a query to some labels. NULL, or one with neither mask nor list, makes all labels eligible.
 *
 * Give a mask or a list, not both. A list may repeat an index; an empty list (not NULL, length 0) allows nothing.
 */
typedef struct mlsel_query_options {
    uint32_t struct_size;
    uint32_t reserved;            /**< 0 */
    const uint8_t *eligible_mask; /**< [n_labels], not 0: eligible; or NULL */
    size_t eligible_mask_size;    /**< must be n_labels if there is a mask */
    const int32_t *eligible;      /**< label indices, or NULL */
    size_t n_eligible;            /**< length of eligible */
} mlsel_query_options;

/** Sets the defaults; size is sizeof(mlsel_query_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_query_options_init(mlsel_query_options *options, size_t size);

/** Bits of mlsel_selection.flags. */
enum {
    /** Only one label could be chosen, so nothing was compared. */
    MLSEL_SELECTION_SINGLE = 1,
    /** The label won by the tie rule. */
    MLSEL_SELECTION_TIE = 2,
    /** KNN: none of the k nearest rows belongs to an eligible label, so the nearest eligible rows voted. */
    MLSEL_SELECTION_WIDENED = 4,
    /** KMeans v1: the nearest cluster's model is not eligible, so a farther cluster decided. */
    MLSEL_SELECTION_NEXT_CLUSTER = 8
};

/** The answer to one query. The layout (64 bytes) never changes. */
typedef struct mlsel_selection {
    int32_t index;        /**< the chosen label */
    int32_t runner_up;    /**< the best of the other eligible labels, or -1 */
    double score;         /**< of the chosen label, see mlsel_score */
    double margin;        /**< score minus the runner-up's; INFINITY without a runner-up. Never negative, except where
                                an SVM's classes tie on votes (the first wins whatever its confidence) or a decision
                                value is exactly 0 (a vote for the second class, scored for the first) */
    double probability;   /**< of the chosen label among the eligible, see mlsel_probabilities */
    int32_t cluster;      /**< KMeans: the cluster that decided; else -1 */
    uint32_t flags;       /**< MLSEL_SELECTION_ bits */
    uint64_t reserved[3]; /**< 0 */
} mlsel_selection;

/**
 * Chooses the best eligible label for one query.
 *
 * KNN     As the rule says (mlsel_knn_rule), over all rows; the best eligible label wins. If none of the k nearest rows
 *         belongs to an eligible label, the k nearest rows of eligible labels vote instead.
 * KMeans  v1: the model of the nearest centroid by squared L2 on the raw vector, the lowest index on ties. With
 *         restricted candidates the answer is the nearest cluster whose model is eligible. v2: the nearest centroid,
 *         then the best eligible candidate of its score row, the first on ties.
 * SVM     LIBSVM's one-vs-one vote over all pairs of classes, eligible or not; the eligible label of most votes, the
 *         first on ties (scikit-learn's SVC.predict). In the per-model form the highest score, the first on ties.
 * MLP     The highest logit, the first on ties.
 *
 * @param features    [n_features] the query; see mlsel_features_compose
 * @param n_features  must be the model's width
 * @param options     which labels are eligible; may be NULL
 * @param out         receives the answer
 * @return MLSEL_OK; MLSEL_ERROR_DIMENSION, _NOT_FINITE, _NO_CANDIDATE, _NO_MEMORY, _DEVICE.
 */
MLSEL_API mlsel_status mlsel_select(const mlsel_model *model, const float *features, size_t n_features,
                                    const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err);

/** The same for a query in double, which is used as it is where the reference computes in double. */
MLSEL_API mlsel_status mlsel_select_f64(const mlsel_model *model, const double *features, size_t n_features,
                                        const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err);

/**
 * Chooses for `count` queries, query q starting at features + q * stride.
 *
 * Each answer equals that of mlsel_select. All queries are checked before the first is answered: one bad query fails
 * the call, and the message names it. A count of 0 does nothing. Only after MLSEL_ERROR_DEVICE, when a device is lost
 * midway, may answers of earlier queries have been written.
 *
 * @param stride  values from one query to the next, at least n_features
 * @param out     [count]
 */
MLSEL_API mlsel_status mlsel_select_batch(const mlsel_model *model, const float *features, size_t count, size_t stride,
                                          size_t n_features, const mlsel_query_options *options, mlsel_selection *out,
                                          mlsel_error *err);

/** The same for queries in double. */
MLSEL_API mlsel_status mlsel_select_batch_f64(const mlsel_model *model, const double *features, size_t count,
                                              size_t stride, size_t n_features, const mlsel_query_options *options,
                                              mlsel_selection *out, mlsel_error *err);

/**
 * Scores every label for one query; higher is better, eligible or not.
 *
 * KNN     sum of the votes of the neighbours that voted (under MLSEL_SELECTION_WIDENED: the eligible ones).
 * KMeans  v1: minus the squared distance to the nearest cluster whose model is the label. v2: the score row of the
 *         nearest cluster.
 * SVM     one-vs-one: scikit-learn's decision_function of shape "ovr" (votes plus bounded confidence); with two
 *         classes -f and f, f being decision_function. Per-model form: each classifier's score.
 * MLP     the logits.
 * A label that the artifact can never choose (no row, cluster, class or classifier) scores -INFINITY; every other score
 * is finite.
 *
 * @param scores    [n_scores] receives the scores in label order
 * @param n_scores  must be the number of labels
 * @return as mlsel_select.
 */
MLSEL_API mlsel_status mlsel_score(const mlsel_model *model, const float *features, size_t n_features,
                                   const mlsel_query_options *options, double *scores, size_t n_scores,
                                   mlsel_error *err);

/** The same for a query in double. */
MLSEL_API mlsel_status mlsel_score_f64(const mlsel_model *model, const double *features, size_t n_features,
                                       const mlsel_query_options *options, double *scores, size_t n_scores,
                                       mlsel_error *err);

/**
 * Scores every label for `count` queries; queries as for mlsel_select_batch.
 *
 * @param scores        row q starts at scores + q * score_stride and has one value per label
 * @param score_stride  at least the number of labels
 */
MLSEL_API mlsel_status mlsel_score_batch(const mlsel_model *model, const float *features, size_t count, size_t stride,
                                         size_t n_features, const mlsel_query_options *options, double *scores,
                                         size_t score_stride, mlsel_error *err);

/** The same for queries in double. */
MLSEL_API mlsel_status mlsel_score_batch_f64(const mlsel_model *model, const double *features, size_t count,
                                             size_t stride, size_t n_features, const mlsel_query_options *options,
                                             double *scores, size_t score_stride, mlsel_error *err);

/**
 * Turns scores into probabilities that sum to 1 over the eligible labels and are 0 elsewhere.
 *
 * Monotone: a higher score never has a lower probability. KNN: the label's share of the votes, equal shares where no
 * one voted. The others: softmax of the scores; for an MLP that is the network's own output, for KMeans and SVM a
 * confidence for ranking, not calibrated.
 *
 * @param scores    [n_labels] from mlsel_score; NaN is refused, -INFINITY has probability 0
 * @param options   which labels are eligible; may be NULL
 * @param out       [n_labels], may be the same array as scores
 * @param n_labels  must be the number of labels
 * @return MLSEL_OK; MLSEL_ERROR_NO_CANDIDATE, _NOT_FINITE, _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_probabilities(const mlsel_model *model, const double *scores, size_t n_labels,
                                           const mlsel_query_options *options, double *out, mlsel_error *err);

/** A row of a KNN artifact that voted. The layout never changes. */
typedef struct mlsel_neighbour {
    uint64_t row;      /**< index in the artifact, from 0 */
    double distance;   /**< squared L2, of the normalised vectors under MLSEL_KNN_RULE_COSINE */
    double vote;       /**< what it added to its label */
    double quality;    /**< as in the artifact */
    double latency_ns; /**< as in the artifact; 0 where it has none */
    int32_t label;
    int32_t reserved;
} mlsel_neighbour;

/**
 * The answer to one query with everything behind it.
 *
 * The caller sets struct_size and whichever arrays are wanted, each with its capacity in elements; NULL is not filled.
 * An array that is too small for the model is MLSEL_ERROR_INVALID_ARGUMENT and the message says how many are needed.
 * Arrays that do not apply to the algorithm are left alone and their count is 0.
 */
typedef struct mlsel_evidence {
    uint32_t struct_size;
    uint32_t reserved;         /**< 0 */
    mlsel_selection selection; /**< out: as from mlsel_select */
    double *scores;            /**< [n_labels] as from mlsel_score (for an MLP: the logits) */
    size_t scores_capacity;
    double *probabilities; /**< [n_labels] as from mlsel_probabilities */
    size_t probabilities_capacity;
    mlsel_neighbour *neighbours; /**< KNN: [k] the rows that voted, nearest first */
    size_t neighbours_capacity;
    size_t neighbour_count;    /**< out */
    double *cluster_distances; /**< KMeans: [n_clusters] squared L2 */
    size_t cluster_distances_capacity;
    size_t cluster_count;   /**< out */
    double *pair_decisions; /**< SVM one-vs-one: [n_pairs] decision values for (0,1), (0,2), ... (1,2), ...; positive
                                      votes for the first class of the pair; with two classes scikit-learn's sign:
                                      positive votes for the second */
    size_t pair_decisions_capacity;
    size_t pair_count; /**< out */
    int32_t *votes;    /**< SVM one-vs-one: [n_labels] pairs won */
    size_t votes_capacity;
    size_t vote_count; /**< out */
} mlsel_evidence;

/** Zeroes the struct and sets its size; size is sizeof(mlsel_evidence) as compiled by the caller. */
MLSEL_API void mlsel_evidence_init(mlsel_evidence *evidence, size_t size);

/** Like mlsel_select, with the evidence. evidence->struct_size must be set (mlsel_evidence_init). */
MLSEL_API mlsel_status mlsel_explain(const mlsel_model *model, const float *features, size_t n_features,
                                     const mlsel_query_options *options, mlsel_evidence *evidence, mlsel_error *err);

/** The same for a query in double. */
MLSEL_API mlsel_status mlsel_explain_f64(const mlsel_model *model, const double *features, size_t n_features,
                                         const mlsel_query_options *options, mlsel_evidence *evidence,
                                         mlsel_error *err);

/* ------------------------------------------------------------------------------------------------------------------
 * Feature vectors: an embedding followed by one value per category, the query's own set to the category weight
 * ---------------------------------------------------------------------------------------------------------------- */

/** Number of categories of a layout: 14; 0 for a value that is no layout (or MLSEL_CATEGORIES_ARTIFACT). */
MLSEL_API size_t mlsel_category_count(mlsel_category_layout layout);

/** Name of a category, as in "computer science", or NULL if layout or index is none. Static. */
MLSEL_API const char *mlsel_category_name(mlsel_category_layout layout, int32_t index);

/** Bits that tell how a category was understood. */
enum {
    /** The name is not in the layout and counted as "other". */
    MLSEL_CATEGORY_FELL_BACK = 1
};

/**
 * Index of a category in a layout, or -1 if layout is none.
 *
 * NULL and "" mean "other". A name outside the layout counts as "other" and sets MLSEL_CATEGORY_FELL_BACK: in
 * MLSEL_CATEGORIES_VSR that includes "engineering", in MLSEL_CATEGORIES_VSR_DOC "unknown". Names are exact, except that
 * "computer_science" is accepted for "computer science".
 *
 * @param flags  receives MLSEL_CATEGORY_ bits; may be NULL
 */
MLSEL_API int32_t mlsel_category_index(mlsel_category_layout layout, const char *name, uint32_t *flags);

/** How to build feature vectors without a model. */
typedef struct mlsel_features_options {
    uint32_t struct_size;
    mlsel_category_layout layout; /**< default MLSEL_CATEGORIES_VSR */
    double category_weight;       /**< value of the category's one; 0: 1 */
} mlsel_features_options;

/** Sets the defaults; size is sizeof(mlsel_features_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_features_options_init(mlsel_features_options *options, size_t size);

/**
 * Builds a feature vector: the embedding, then the one-hot category.
 *
 * With a model its layout and weight are used and the width is checked against it; then options must be NULL.
 *
 * @param model        whose queries are composed, or NULL
 * @param options      layout and weight without a model; may be NULL
 * @param embedding    [n_embedding]
 * @param category     a name, NULL or "" for "other"
 * @param features     [n_features] receives the vector; may overlap the embedding only if it starts at the same address
 * @param n_features   must be n_embedding plus the number of categories
 * @param flags        receives MLSEL_CATEGORY_ bits; may be NULL
 * @return MLSEL_OK; MLSEL_ERROR_DIMENSION; MLSEL_ERROR_NOT_FINITE; MLSEL_ERROR_NOT_FOUND if the artifact's own list has
 *         neither the category nor "other".
 */
MLSEL_API mlsel_status mlsel_features_compose(const mlsel_model *model, const mlsel_features_options *options,
                                              const float *embedding, size_t n_embedding, const char *category,
                                              float *features, size_t n_features, uint32_t *flags, mlsel_error *err);

/** The same in double. */
MLSEL_API mlsel_status mlsel_features_compose_f64(const mlsel_model *model, const mlsel_features_options *options,
                                                  const double *embedding, size_t n_embedding, const char *category,
                                                  double *features, size_t n_features, uint32_t *flags,
                                                  mlsel_error *err);

#ifdef __cplusplus
}
#endif
#endif /* MLSEL_H */
