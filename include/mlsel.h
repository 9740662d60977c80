/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * mlsel - decide, per request, which language model should answer.
 *
 * A selector artifact (KNN, KMeans, SVM or MLP, in the JSON forms of the vLLM Semantic Router ecosystem, or as a
 * container made of one) is loaded into an immutable mlsel_model. A feature vector goes in; a label (a model name), a
 * score per label and the evidence behind them come out.
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
 * - Status and errors. A call that can fail returns an mlsel_status, 0 (MLSEL_OK) for success, and fills the caller's
 *   mlsel_error (which may be NULL). On failure every output argument is left as it was and there is nothing to free.
 *   MLSEL_ERROR_INVALID_ARGUMENT (a NULL where none is allowed, a bad option) and MLSEL_ERROR_INTERNAL are possible
 *   everywhere and not repeated below.
 * - Ownership. Inputs are borrowed for the call; no pointer of the caller is kept. Strings returned by the library are
 *   borrowed: static ones live for ever, those reached through a model live as long as the caller's reference to it.
 * - Threads. There is no init call, no context and no thread-local state. All functions may be called from any thread
 *   at any time, on the same model too; the only rule is that a model must not be used after the last release.
 *   Selecting and scoring take no lock, and allocate only while more threads are inside one model at once than ever
 *   before, or more than 64; large calls on a model that was given threads of its own share a lock. Loading and the
 *   last release take short process-wide locks; opening a plugin holds one. Routers and batchers: see there.
 * - Manners. The library never aborts, exits or prints, and changes no signal handler, locale or global thread count.
 *   It reads two environment variables, MLSEL_PLUGIN_PATH (folders searched for device plugins) and MLSEL_ISA (which
 *   can only lower the instruction set used), and only while a model is loaded or a device is queried.
 * - Structs with a struct_size member may grow at the end in later versions. Set it to sizeof of the struct as compiled
 *   (the *_init functions do) and zero the rest: zero is the default of every field. Fields past the caller's size
 *   get their defaults; a larger struct is accepted while the part unknown to this version is zero. Structs without
 *   one never change. Enumerations are int32_t with values that never change.
 * - Indices. Labels, classes and clusters are counted from 0; -1 means none.
 * - Numbers. Rows are row-major. Query values must be finite and within the range of float. Scores of one algorithm
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

#define MLSEL_VERSION_MAJOR 0 /**< changes with the ABI, see docs/abi.md */
#define MLSEL_VERSION_MINOR 1 /**< one more with every release that adds something */
#define MLSEL_VERSION_PATCH 0 /**< one more with every release that only mends */
/** The version as one number: 10000 * major + 100 * minor + patch. */
#define MLSEL_VERSION (MLSEL_VERSION_MAJOR * 10000 + MLSEL_VERSION_MINOR * 100 + MLSEL_VERSION_PATCH)

#ifndef MLSEL_API
#if defined(__GNUC__)
#define MLSEL_API __attribute__((visibility("default")))
#else
#define MLSEL_API
#endif
#endif

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup errors Status and errors
 * @{
 */

/** Result of a call: MLSEL_OK or one of the negative MLSEL_ERROR_ values. The values never change. */
typedef int32_t mlsel_status;
enum {
    MLSEL_OK = 0,
    /** A NULL, an option or a size that the call does not accept. */
    MLSEL_ERROR_INVALID_ARGUMENT = -1,
    /** An allocation failed. */
    MLSEL_ERROR_NO_MEMORY = -2,
    /** The artifact is not JSON (RFC 8259; mlsel_error.detail is the byte offset, from 0), or no safetensors file. */
    MLSEL_ERROR_PARSE = -3,
    /** The artifact is read but breaks a rule of its format; the message names the place, as in $.embeddings[3]. */
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
    /** Reading or writing a file failed. mlsel_error.detail is the errno value. */
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
    MLSEL_ERROR_NOT_FINITE = -15,
    /** No decision of the configuration matches the request, and it has no default. */
    MLSEL_ERROR_NO_DECISION = -16,
    /** The caller's callback asked to stop (training and evaluation, see mlsel_train.h). */
    MLSEL_ERROR_CANCELLED = -17,
    /** The batcher has been closed. */
    MLSEL_ERROR_CLOSED = -18
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

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup version Version and build
 * @{
 */

/** MLSEL_VERSION of the library in use, which may be newer than the header compiled against. */
MLSEL_API uint32_t mlsel_version(void);

/** The same as text, as in "0.1.0". Static. */
MLSEL_API const char *mlsel_version_string(void);

/** One line on how the library was built: version, compiler, processor architecture, build type. Static. */
MLSEL_API const char *mlsel_build_info(void);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup devices Devices
 * @{
 */

/** What a device string refers to on this machine. */
typedef struct mlsel_device_info {
    uint32_t struct_size;  /**< bytes filled */
    uint32_t index;        /**< number of the device within its backend */
    char name[32];         /**< as accepted by mlsel_model_options.device, as in "cpu" or "cuda:1" */
    char description[96];  /**< for people, as in "AMD EPYC" or the card's name */
    char isa[32];          /**< instruction set of the kernels in use, as in "reference"; "" where that means nothing */
    uint64_t memory_bytes; /**< memory of the device; 0 if unknown or shared with the host */
    uint32_t precisions;   /**< bit set: 1 << MLSEL_PRECISION_x for each precision that the device offers, if not
                                for all algorithms */
    uint32_t reserved;     /**< 0 */
} mlsel_device_info;

/**
 * Says whether a device can be used here, and what it is.
 *
 * @param device  "cpu", "cuda", "cuda:N", "metal" or "auto" (the best one there is)
 * @param out     filled with at most size bytes
 * @param size    sizeof(mlsel_device_info) as compiled by the caller
 * @param err     may be NULL
 * @return MLSEL_OK; MLSEL_ERROR_DEVICE or MLSEL_ERROR_VERSION with the reason why it cannot be used;
 *         MLSEL_ERROR_NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_device_query(const char *device, mlsel_device_info *out, size_t size, mlsel_error *err);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup models Models
 * @{
 */

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
     * What the artifact is made for: MLSEL_KNN_RULE_OUTCOMES where it has outcomes, else today's rule of the
     * ecosystem. Rows and query are L2-normalised (a zero vector stays zero); neighbours are ordered by (squared L2
     * distance, row); the first min(k, rows) vote 0.9 * quality + 0.1 / (1 + latency_ns / 1e10) for their label. The
     * highest sum wins, ties go to the label whose name is smallest in byte order.
     */
    MLSEL_KNN_RULE_COSINE = 0,
    /**
     * The rule of the Rust bindings until August 2026: no normalisation, a vote is 0.9 * max(quality, 0.01) +
     * 0.1 * (1 - (latency - min) / max(max - min, 1)) with min and max over the whole artifact. Ties as above.
     */
    MLSEL_KNN_RULE_LEGACY = 1,
    /**
     * By what became of each row with every label, which mlsel's own trainer records (the key `outcomes`; an artifact
     * without it is MLSEL_ERROR_UNSUPPORTED). Neighbours are those of MLSEL_KNN_RULE_COSINE, and weigh
     * w = exp(-beta * squared distance). The score of a label is (sum of w * utility + shrinkage * prior) /
     * (sum of w + shrinkage) over the neighbours whose utility for it is known; its prior where that divides by 0. So
     * every label has a score, from 0 to 1: the utility to expect. Ties as above.
     */
    MLSEL_KNN_RULE_OUTCOMES = 2,
    /** The vote of MLSEL_KNN_RULE_COSINE, as if the artifact had no outcomes: what other runtimes answer with it. */
    MLSEL_KNN_RULE_VOTE = 3
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

/**
 * Number format of the weights as scored on the device.
 *
 * Fewer bits are faster and change scores, and now and then a choice where two scores are close. On the CPU the formats
 * below f32 are for MLPs only, and an answer depends on the instruction set (see mlsel_device_info.isa) in its last
 * digits; on one machine it is always the same.
 */
typedef int32_t mlsel_precision;
enum {
    MLSEL_PRECISION_DEFAULT = 0, /**< the device's own choice, f32 everywhere today */
    MLSEL_PRECISION_F32 = 1,
    MLSEL_PRECISION_F16 = 2,
    MLSEL_PRECISION_BF16 = 3,
    /** Weights as 8-bit integers. `mlsel inspect MODEL --precision int8` measures what it changes for an artifact. */
    MLSEL_PRECISION_INT8 = 4
};

/** "f32", "f16", "bf16" or "int8"; "default" for MLSEL_PRECISION_DEFAULT and "unknown" for a value that is none.
 * Static. */
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

/**
 * How to load a model. NULL stands for all defaults.
 *
 * Threads: with `threads` above 1 the model keeps threads - 1 threads of its own, which sleep between calls and end
 * with the model. A batch of more than 32 queries, or a query to a KNN artifact of tens of megabytes, is divided among
 * them and the caller; answers are the same. While they are busy with another call the caller works alone. They take no
 * signals, and a child process after fork does without them. Such calls take a lock. Used on the CPU only.
 */
typedef struct mlsel_model_options {
    uint32_t struct_size;                  /**< set by mlsel_model_options_init */
    mlsel_knn_rule knn_rule;               /**< KNN only; the others ignore it */
    uint32_t k;                            /**< KNN only: neighbours that vote; 0: the artifact's own k */
    mlsel_precision precision;             /**< an unsupported one is MLSEL_ERROR_UNSUPPORTED */
    const char *device;                    /**< "cpu", "cuda", "cuda:N", "metal" or "auto"; NULL: "cpu" */
    int32_t allow_device_fallback;         /**< not 0: use the CPU where the device named is not available */
    mlsel_category_layout category_layout; /**< used where the artifact has no `categories` of its own */
    uint64_t max_bytes;                    /**< refuse a larger artifact; 0: 4 GiB */
    uint32_t threads;                      /**< for large calls, at most 256; 0 and 1: the caller's alone, see below */
    int32_t check_values;                  /**< not 0: look at all values of a container too, see mlsel_model_load */
} mlsel_model_options;

/** Sets the defaults; size is sizeof(mlsel_model_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_model_options_init(mlsel_model_options *options, size_t size);

/**
 * Loads an artifact from a file, in JSON or as a container (MLSEL_FORMAT_SAFETENSORS); its content tells which.
 *
 * JSON: the whole file is checked before anything is used: grammar, UTF-8, duplicate keys, finite numbers, every shape
 * against every other. Two loads of the same content share one copy of the weights. Peak memory stays under twice the
 * file's size for artifacts written with the usual 16 digits.
 *
 * A container is mapped: nothing is parsed or copied, processes share the memory, and two loads of the same file share
 * the model. Its structure is checked as strictly (types, shapes, offsets, every index), but of KNN vectors and
 * support vectors the values are not even read. mlsel_model_options.check_values reads them all and compares the hash
 * and the index with them; without it a damaged value gives answers that mean nothing, and may give scores that are
 * NaN, but nothing worse. While a model lives, its file must not be changed or cut in place (reading what is missing
 * ends the process): write the new one aside and rename it, as mlsel_model_save does.
 *
 * @param path     a regular file
 * @param options  may be NULL
 * @param out      receives the model, to be given to mlsel_model_release once
 * @param err      may be NULL; a message about the content starts with the file's name, one about the file with its
 * path
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND ("pretrained model not found: PATH"), _IO, _LIMIT, _PARSE, _SCHEMA,
 *         _NOT_TRAINED, _VERSION, _UNSUPPORTED, _DEVICE, _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_model_load(const char *path, const mlsel_model_options *options, mlsel_model **out,
                                        mlsel_error *err);

/** The same from size bytes of memory, which need no terminating zero and may be freed after the call; a container is
 * copied. */
MLSEL_API mlsel_status mlsel_model_load_memory(const void *data, size_t size, const mlsel_model_options *options,
                                               mlsel_model **out, mlsel_error *err);

/** Adds a reference and returns the model; each is given back with mlsel_model_release. NULL gives NULL. */
MLSEL_API mlsel_model *mlsel_model_retain(mlsel_model *model);

/** Gives a reference back; the last one frees the model. NULL does nothing. */
MLSEL_API void mlsel_model_release(mlsel_model *model);

/** How an artifact is stored. */
typedef int32_t mlsel_format;
enum {
    MLSEL_FORMAT_JSON = 1,
    /** A safetensors file that holds the arrays as they are in memory, see docs/container.md; made to be mapped. */
    MLSEL_FORMAT_SAFETENSORS = 2
};

/** "json" or "safetensors"; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_format_name(mlsel_format format);

/** How to save a model. NULL stands for all defaults. */
typedef struct mlsel_save_options {
    uint32_t struct_size;  /**< set by mlsel_save_options_init */
    mlsel_format format;   /**< 0: by the path, which must end in .json or .safetensors */
    int32_t replace;       /**< not 0: replace an existing file; otherwise one is an error */
    int32_t without_index; /**< not 0: leave out what loading a container would otherwise have to compute */
} mlsel_save_options;

/** Sets the defaults; size is sizeof(mlsel_save_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_save_options_init(mlsel_save_options *options, size_t size);

/**
 * Writes a model's artifact to a file, in either format, whichever it was loaded from.
 *
 * Every selection, score and label stays the same, bit for bit on one machine. Numbers in JSON have the fewest digits
 * that read back equal. Members of the document that mlsel does not know are kept up to 16 KiB each, except for lists
 * that begin with a number or a name and mix it with something else; lists of classifiers that an SVM with trained
 * parameters has besides are not. What the model was loaded with (k, rule, device, categories) is not saved. The file
 * is written beside its place, brought to disk and then renamed, so that at no moment there is half a file; on failure
 * there is none.
 *
 * @param path     in an existing folder
 * @param options  may be NULL
 * @return MLSEL_OK; MLSEL_ERROR_IO (detail is the errno value, EEXIST for a file that is there already), _NO_MEMORY,
 *         _LIMIT; _SCHEMA for a container whose values turn out not to be sound.
 */
MLSEL_API mlsel_status mlsel_model_save(const mlsel_model *model, const char *path, const mlsel_save_options *options,
                                        mlsel_error *err);

/** What a model is. Fields that do not apply to its algorithm are 0. */
typedef struct mlsel_model_info {
    uint32_t struct_size;                  /**< bytes filled */
    mlsel_algorithm algorithm;             /**< kind of selector */
    uint32_t format_version;               /**< of the artifact; 1 where it names none */
    uint32_t n_features;                   /**< width of a query */
    uint32_t n_labels;                     /**< names that can be looked up, see mlsel_model_label */
    uint32_t n_categories;                 /**< category values at the end of the feature vector; 0 if it has none */
    mlsel_category_layout category_layout; /**< of the category values */
    mlsel_precision precision;             /**< as scored */
    double category_weight;                /**< value of the category's one in the feature vector, usually 1 */
    uint64_t memory_bytes;                 /**< weights, shared ones included, and what the device holds beside them */
    uint64_t n_parameters;                 /**< numbers in the weights */
    char content_hash[40];   /**< XXH3 128 of the artifact's bytes as 32 hexadecimal digits (as `xxhsum -H2`), of a
                                        container that of its document and tensors, as stored in it: names a
                                        content, does not authenticate it */
    char device[32];         /**< the device in use, as in "cpu" */
    int32_t device_fallback; /**< 1 if another device was asked for and this one taken instead */
    /* KNN */
    mlsel_knn_rule knn_rule; /**< in use; _OUTCOMES where _COSINE was asked for and the artifact has outcomes */
    uint32_t k;              /**< neighbours that vote: min(k asked for, n_samples) */
    uint32_t reserved;       /**< 0 */
    uint64_t n_samples;      /**< rows */
    /* KMeans */
    uint32_t n_clusters; /**< centroids */
    /* SVM */
    mlsel_svm_form svm_form;      /**< which parameters decide */
    mlsel_svm_kernel svm_kernel;  /**< of all pairs or classifiers */
    uint32_t n_classes;           /**< classes of the one-vs-one form, or classifiers of the per-model form */
    uint32_t n_pairs;             /**< n_classes * (n_classes - 1) / 2 in the one-vs-one form */
    uint32_t n_layers;            /**< MLP: layers as in the artifact */
    uint64_t n_support_vectors;   /**< of all classes or classifiers together */
    double gamma;                 /**< of the RBF kernel, where all classifiers have the same; else 0 */
    mlsel_format format;          /**< that the artifact was loaded from */
    int32_t is_mapped;            /**< 1 if the file is mapped */
    int32_t has_index;            /**< 1 if a container brought along what loading would otherwise compute */
    int32_t values_known;         /**< 1 unless values of a container have not been looked at */
    uint64_t file_bytes;          /**< size of the artifact's file or memory */
    int32_t is_calibrated;        /**< 0: the artifact has no calibration; 1: an isotonic one, 2: Platt's, as
                                       mlsel_calibration of mlsel_train.h. See mlsel_confidences */
    uint32_t reserved2;           /**< 0 */
    uint64_t calibration_records; /**< records that the calibration was fitted to; 0: not known */
    char device_reason[256];      /**< why the CPU scores where "auto" found no other device fit, or where it took the
                                       place of the one asked for; else "" */
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
    uint32_t struct_size;  /**< bytes filled */
    mlsel_layer_type type; /**< what the layer does */
    uint32_t in_features;  /**< width of its input */
    uint32_t out_features; /**< equal to in_features unless the layer is linear */
    int32_t has_bias;      /**< linear only */
    uint32_t reserved;     /**< 0 */
    double parameter;      /**< eps of a batch norm, p of a dropout, else 0 */
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

/**
 * Label of class `index` (< n_classes) of an SVM, or -1. Pairs of classes are in this order, which need not be that of
 * the labels.
 */
MLSEL_API int32_t mlsel_model_class_label(const mlsel_model *model, uint32_t index);

/** Label that cluster `index` (< n_clusters) of a KMeans model stands for, in v2 the one of the best score; or -1. */
MLSEL_API int32_t mlsel_model_cluster_label(const mlsel_model *model, uint32_t index);

/** Name of category `index` (< n_categories) as this model lays them out, or NULL. */
MLSEL_API const char *mlsel_model_category(const mlsel_model *model, int32_t index);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup selecting Selecting
 * @{
 */

/** Bits of mlsel_tradeoff.flags. */
enum {
    /** The cheapest (or fastest) of the labels within `tolerance` of the best expected quality wins. */
    MLSEL_TRADEOFF_TOLERANCE = 1
};

/**
 * What a query is worth paying for: quality against latency and cost, told with the query and not trained in.
 *
 * It needs an artifact that records what became of each model, which of the kinds only KNN does; any other is
 * MLSEL_ERROR_UNSUPPORTED. Trainers write one row per model that answered a query, all with the query's vector.
 *
 * - Outcomes. The k nearest rows are found as ever. All rows that hold one of their vectors count, also those that were
 *   not among the k: they are what the other models did with the same queries. A label's expected quality is the mean
 *   of its rows' qualities, its expected latency the mean of those latencies that are known (not 0). Its cost is the
 *   caller's. A label without such a row has no outcome and cannot be chosen; if that is so for every eligible label,
 *   the k nearest rows of eligible labels take the place of the k nearest, under MLSEL_SELECTION_WIDENED.
 *   Under MLSEL_KNN_RULE_OUTCOMES each of the k rows records all labels, and no others count: the expected quality is
 *   computed as that rule's score, of qualities in place of utilities; the expected latency is the mean, weighted
 *   alike, of those known. Every label has an outcome then, if need be the mean quality over all rows.
 * - Utility. Of what is weighed, 1 is best:
 *       utility = (wq * quality + wl / (1 + latency / latency_scale) + wc / (1 + cost / cost_scale)) / (wq + wl + wc)
 *   A latency or cost that is not known earns nothing, as if it were infinite. The label of the highest utility wins.
 * - Tolerance. With MLSEL_TRADEOFF_TOLERANCE the eligible labels whose expected quality is at least the best one's less
 *   `tolerance` (and 1e-12, for rounding) come first: of them the one of lowest cost wins, without `costs` the one of
 *   lowest expected latency; one that is not known comes last. Utility decides what is then still equal.
 * Ties go to the label whose name is smallest in byte order, as in the vote.
 *
 * An artifact whose trainer kept only the best model's row of each query has few outcomes to weigh, and those flatter:
 * for trade-offs, train with every row.
 */
typedef struct mlsel_tradeoff {
    uint32_t struct_size;    /**< set by mlsel_tradeoff_init */
    uint32_t flags;          /**< MLSEL_TRADEOFF_ bits */
    double quality_weight;   /**< the weights wq, wl, wc: at least 0; all three 0: quality alone */
    double latency_weight;   /**< likewise */
    double cost_weight;      /**< needs `costs` */
    double latency_scale_ns; /**< a latency that is worth half; 0: 1e10, ten seconds, as in the vote */
    double cost_scale;       /**< a cost that is worth half; 0: the highest of `costs` */
    double tolerance;        /**< from 0 to 1, with MLSEL_TRADEOFF_TOLERANCE; else 0 */
    const double *costs;     /**< [n_costs] of each label, in whatever unit, at least 0; NaN: not known; or NULL */
    size_t n_costs;          /**< must be the number of labels if there are costs */
} mlsel_tradeoff;

/** Sets the defaults; size is sizeof(mlsel_tradeoff) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_tradeoff_init(mlsel_tradeoff *tradeoff, size_t size);

/**
 * Restricts a query to some labels, and says what to weigh. NULL, or one with neither mask nor list, makes all labels
 * eligible.
 *
 * Give a mask or a list, not both. A list may repeat an index; an empty list (not NULL, length 0) allows nothing.
 */
typedef struct mlsel_query_options {
    uint32_t struct_size;           /**< set by mlsel_query_options_init */
    uint32_t reserved;              /**< 0 */
    const uint8_t *eligible_mask;   /**< [n_labels], not 0: eligible; or NULL */
    size_t eligible_mask_size;      /**< must be n_labels if there is a mask */
    const int32_t *eligible;        /**< label indices, or NULL */
    size_t n_eligible;              /**< length of eligible */
    const mlsel_tradeoff *tradeoff; /**< KNN: chooses by outcomes instead of votes; or NULL */
} mlsel_query_options;

/** Sets the defaults; size is sizeof(mlsel_query_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_query_options_init(mlsel_query_options *options, size_t size);

/** Bits of mlsel_selection.flags. */
enum {
    /** Only one label could be chosen, so nothing was compared. */
    MLSEL_SELECTION_SINGLE = 1,
    /** The label won by the tie rule. */
    MLSEL_SELECTION_TIE = 2,
    /** KNN: none of the k nearest rows belongs to an eligible label, so the nearest eligible rows voted. Under a
     *  trade-off: no eligible label has an outcome among them. */
    MLSEL_SELECTION_WIDENED = 4,
    /** KMeans v1: the nearest cluster's model is not eligible, so a farther cluster decided. */
    MLSEL_SELECTION_NEXT_CLUSTER = 8,
    /** KNN: chosen by expected outcomes, see mlsel_tradeoff; scores are utilities. */
    MLSEL_SELECTION_TRADEOFF = 16,
    /** The artifact is calibrated for the label: `confidence` is set. */
    MLSEL_SELECTION_CALIBRATED = 32
};

/** The answer to one query. The layout (64 bytes) never changes. */
typedef struct mlsel_selection {
    int32_t index;        /**< the chosen label */
    int32_t runner_up;    /**< the best of the other eligible labels, or -1 */
    double score;         /**< of the chosen label, see mlsel_score */
    double margin;        /**< score minus the runner-up's; INFINITY without a runner-up. Never negative, except where
                                an SVM's classes tie on votes (the first wins whatever its confidence), a decision
                                value is exactly 0 (a vote for the second class, scored for the first), or the label
                                won within a trade-off's tolerance */
    double probability;   /**< of the chosen label among the eligible, see mlsel_probabilities */
    int32_t cluster;      /**< KMeans: the cluster that decided; else -1 */
    uint32_t flags;       /**< MLSEL_SELECTION_ bits */
    double confidence;    /**< calibrated probability that the chosen label's answer is good, see mlsel_confidences;
                             0 where it is not known (without MLSEL_SELECTION_CALIBRATED): the artifact has no
                             calibration, or none of this label, or a trade-off decided */
    uint64_t reserved[2]; /**< 0 */
} mlsel_selection;

/**
 * Chooses the best eligible label for one query.
 *
 * - KNN: As the rule says (mlsel_knn_rule), over all rows; the best eligible label wins. If none of the k nearest rows
 *   belongs to an eligible label, the k nearest rows of eligible labels vote instead (not where outcomes decide: they
 *   have a score for every label).
 * - KMeans: v1: the model of the nearest centroid by squared L2 on the raw vector, the lowest index on ties. With
 *   restricted candidates the answer is the nearest cluster whose model is eligible. v2: the nearest centroid, then the
 *   best eligible candidate of its score row, the first on ties.
 * - SVM: LIBSVM's one-vs-one vote over all pairs of classes, eligible or not; the eligible label of most votes, the
 *   first on ties (scikit-learn's SVC.predict). In the per-model form the highest score, the first on ties.
 * - MLP: The highest logit, the first on ties.
 *
 * @param features    [n_features] the query; see mlsel_features_compose
 * @param n_features  must be the model's width
 * @param options     which labels are eligible, and a trade-off; may be NULL
 * @param out         receives the answer
 * @return MLSEL_OK; MLSEL_ERROR_DIMENSION, _NOT_FINITE, _NO_CANDIDATE, _NO_MEMORY, _DEVICE, _UNSUPPORTED (a trade-off
 *         that the artifact has no outcomes for).
 */
MLSEL_API mlsel_status mlsel_select(const mlsel_model *model, const float *features, size_t n_features,
                                    const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err);

/** The same for a query in double, which is used as it is where the reference computes in double. */
MLSEL_API mlsel_status mlsel_select_f64(const mlsel_model *model, const double *features, size_t n_features,
                                        const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err);

/**
 * Chooses for `count` queries, query q starting at features + q * stride.
 *
 * Each answer is that of mlsel_select: the same label, and for KNN and KMeans the same numbers; scores of an SVM or MLP
 * may differ by float's rounding, as batches are added up in another order. All queries are checked before the first is
 * answered: one bad query fails the call, and the message names it. A count of 0 writes nothing. Only after
 * MLSEL_ERROR_DEVICE, when a device is lost midway, may answers of earlier queries have been written.
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
 * - KNN: sum of the votes of the neighbours that voted (under MLSEL_SELECTION_WIDENED: the eligible ones); or the
 *   expected utility, from 0 to 1 (MLSEL_KNN_RULE_OUTCOMES). With a trade-off: the utility, from 0 to 1, and -INFINITY
 *   for a label without an outcome.
 * - KMeans: v1: minus the squared distance to the nearest cluster whose model is the label. v2, and artifacts of
 *   mlsel's own trainer: the score row of the nearest cluster.
 * - SVM: one-vs-one: scikit-learn's decision_function of shape "ovr" (votes plus bounded confidence); with two classes
 *   -f and f, f being decision_function. Per-model form: each classifier's score.
 * - MLP: the logits.
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
 * one voted; under a trade-off, and where outcomes decide, its share of the utilities, which lie closer together than
 * votes do: with n labels about 1 / n each. The others: softmax of the scores; for an MLP that is the network's own
 * output, for KMeans and SVM a confidence for ranking, not calibrated.
 *
 * @param scores    [n_labels] from mlsel_score; NaN is refused, -INFINITY has probability 0
 * @param options   which labels are eligible (its trade-off is not looked at); may be NULL
 * @param out       [n_labels], may be the same array as scores
 * @param n_labels  must be the number of labels
 * @return MLSEL_OK; MLSEL_ERROR_NO_CANDIDATE, _NOT_FINITE, _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_probabilities(const mlsel_model *model, const double *scores, size_t n_labels,
                                           const mlsel_query_options *options, double *out, mlsel_error *err);

/**
 * Turns scores into confidences: for each label by itself, the probability that its answer is good, or the quality to
 * expect of it where qualities are not just 0 and 1. They do not sum to 1.
 *
 * An artifact has them if it is calibrated (mlsel_model_info.is_calibrated): on held-out records somebody compared what
 * its labels scored with what became of them (mlsel_train, mlsel_calibrate of mlsel_train.h). A higher score of a label
 * never has a lower confidence; of two labels the one of the higher score may well have the lower one.
 *
 * @param scores    [n_labels] from mlsel_score, without a trade-off; NaN is refused, -INFINITY has confidence 0
 * @param n_labels  must be the number of labels
 * @param out       [n_labels] receives the confidences, NaN for a label that the calibration does not know; may be the
 *                  same array as scores
 * @return MLSEL_OK; MLSEL_ERROR_UNSUPPORTED (the artifact has no calibration), _NOT_FINITE.
 */
MLSEL_API mlsel_status mlsel_confidences(const mlsel_model *model, const double *scores, size_t n_labels, double *out,
                                         mlsel_error *err);

/** A row of a KNN artifact that voted. The layout never changes. */
typedef struct mlsel_neighbour {
    uint64_t row;      /**< index in the artifact, from 0 */
    double distance;   /**< squared L2, of the normalised vectors except under MLSEL_KNN_RULE_LEGACY */
    double vote;       /**< what it added to its label; under MLSEL_KNN_RULE_OUTCOMES to the sum of the label chosen:
                            weight times utility, 0 where that is not known */
    double quality;    /**< as in the artifact */
    double latency_ns; /**< as in the artifact; 0 where it has none */
    int32_t label;     /**< of the row */
    int32_t reserved;  /**< 0 */
} mlsel_neighbour;

/** What a KNN artifact leads one to expect of a label for a query, see mlsel_tradeoff. The layout never changes. */
typedef struct mlsel_outcome {
    double quality;           /**< mean over `samples` rows; 0 without one, except where outcomes are recorded */
    double latency_ns;        /**< mean over `latency_samples` rows; 0: not known */
    double cost;              /**< as the trade-off gives it; NaN: not known */
    uint64_t samples;         /**< rows of the label that hold one of the neighbours' vectors, 0: no outcome; or
                                   neighbours whose outcome with the label is recorded */
    uint64_t latency_samples; /**< those of them whose latency is known */
    uint64_t reserved;        /**< 0 */
} mlsel_outcome;

/**
 * The answer to one query with everything behind it.
 *
 * The caller sets struct_size and whichever arrays are wanted, each with its capacity in elements; NULL is not filled.
 * An array that is too small for the model is MLSEL_ERROR_INVALID_ARGUMENT and the message says how many are needed.
 * Arrays that do not apply to the algorithm are left alone and their count is 0.
 */
typedef struct mlsel_evidence {
    uint32_t struct_size;          /**< set by mlsel_evidence_init */
    uint32_t reserved;             /**< 0 */
    mlsel_selection selection;     /**< out: as from mlsel_select */
    double *scores;                /**< [n_labels] as from mlsel_score (for an MLP: the logits) */
    size_t scores_capacity;        /**< elements of the array above */
    double *probabilities;         /**< [n_labels] as from mlsel_probabilities */
    size_t probabilities_capacity; /**< elements of the array above */
    mlsel_neighbour *neighbours;   /**< KNN: [k] the rows that voted, nearest first; under a trade-off the rows whose
                                      vectors' outcomes count */
    size_t neighbours_capacity;    /**< elements of the array above */
    size_t neighbour_count;        /**< out */
    double *cluster_distances;     /**< KMeans: [n_clusters] squared L2 */
    size_t cluster_distances_capacity; /**< elements of the array above */
    size_t cluster_count;              /**< out */
    double *pair_decisions; /**< SVM one-vs-one: [n_pairs] decision values for the classes (0,1), (0,2), ... (1,2), ...;
                               positive votes for the first class of the pair; with two classes scikit-learn's sign:
                                      positive votes for the second */
    size_t pair_decisions_capacity; /**< elements of the array above */
    size_t pair_count;              /**< out */
    int32_t *votes;                 /**< SVM one-vs-one: [n_labels] pairs won */
    size_t votes_capacity;          /**< elements of the array above */
    size_t vote_count;              /**< out */
    mlsel_outcome *outcomes;        /**< KNN: [n_labels] expected of each label, with a trade-off or without */
    size_t outcomes_capacity;       /**< elements of the array above */
    size_t outcome_count;           /**< out */
    double *confidences;         /**< calibrated artifacts, without a trade-off: [n_labels] as from mlsel_confidences */
    size_t confidences_capacity; /**< elements of the array above */
    size_t confidence_count;     /**< out */
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

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup features Feature vectors
 * An embedding followed by one value per category, the query's own set to the category weight.
 * @{
 */

/** Number of categories of a layout: 14; 0 for a value that is no layout (or MLSEL_CATEGORIES_ARTIFACT). */
MLSEL_API size_t mlsel_category_count(mlsel_category_layout layout);

/** Name of a category, as in "computer science", or NULL if layout or index is none. Static. */
MLSEL_API const char *mlsel_category_name(mlsel_category_layout layout, int32_t index);

/** Bits that tell how a category was understood. */
enum {
    /** The name is not in the layout and counted as "other", or as nothing where the model has no categories. */
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
    uint32_t struct_size;         /**< set by mlsel_features_options_init */
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

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup routing Routing: from a configuration file and a request to the model to call
 *
 *     mlsel_router *router = NULL;
 *     if (mlsel_router_open("router.yaml", NULL, &router, &err) != MLSEL_OK)
 *         return fail(err.message);
 *     mlsel_request request;
 *     mlsel_request_init(&request, sizeof request);
 *     request.embedding = embedding;
 *     request.n_embedding = 1024;
 *     request.category = "math";
 *     mlsel_route route;
 *     mlsel_route_init(&route, sizeof route);
 *     if (mlsel_router_route(router, &request, &route, &err) == MLSEL_OK)
 *         printf("%s: %s\n", route.decision, route.served);
 *     mlsel_router_release(router);
 *
 * - What happens to a request. A signal is a (type, name) pair; the request's own and ("domain", category) are what it
 *   has. A decision matches when its rules hold for them. Of the decisions that match, the one of the highest priority
 *   answers, the first in the file on ties; if none matches, the configured default. Its candidates are its modelRefs,
 *   less those that the request excludes. A single candidate is the answer; of several the decision's selector scores
 *   those that its artifact knows, and the best wins. Where there is no selector, or it fails (see
 *   mlsel_router_options.strict), the first candidate in the file's order is the answer and a flag says so.
 * - Names. A candidate is known by its `model` and, if it has one, its `lora_name`; the latter is what is served. The
 *   artifact's label of a candidate is that of the served name, or else that of the model. Of candidates with one label
 *   the first wins.
 * - Generations. mlsel_router_reload builds a new state aside and puts it in place at once: each request is answered by
 *   one state, the old or the new. States are numbered from 1 in `generation`; indices of decisions and candidates are
 *   those of the generation beside them.
 * - Ownership of strings. Every string that a router hands out lives as long as the caller's reference to the router,
 *   across reloads, and a name has the same address every time it is handed out: bindings may cache by address. Names
 *   that a reload drops are kept for that; see mlsel_router_options.max_name_bytes.
 * - Threads. All calls may be made at any time from any thread. Routing takes no lock, waits for nothing and allocates
 *   nothing, except while more threads are inside one router at once than ever before, and for the first request of a
 *   thread after a reload to a configuration that needs more room. Reloads wait for each other.
 * @{
 */

/** An open configuration with its models. Reference counted, shared freely between threads. */
typedef struct mlsel_router mlsel_router;

/** How to open a router. NULL stands for all defaults. Strings are copied. */
typedef struct mlsel_router_options {
    uint32_t struct_size; /**< set by mlsel_router_options_init */
    /** not 0: a selector that fails (device lost, no embedding given, ...) fails the request; 0: the first candidate
     *  answers, under MLSEL_ROUTE_SELECTOR_FAILED */
    int32_t strict;
    const char *models_dir; /**< artifacts are `<models_dir>/<algorithm>_model.json` whatever the file says; or NULL */
    const char *base_dir;   /**< folder that relative paths start from; NULL: the file's, "." without a file */
    const char *device;     /**< takes the place of every device in the file; or NULL */
    int32_t allow_device_fallback; /**< not 0: use the CPU where a device named is not available, under
                                      MLSEL_ROUTE_DEVICE_FALLBACK; 0: opening fails */
    int32_t allow_next_decision;   /**< not 0: if no candidate of the decision is eligible, the next one that matches
                                      answers, under MLSEL_ROUTE_NEXT_DECISION; 0: MLSEL_ERROR_NO_CANDIDATE */
    int32_t collect_metrics;       /**< not 0: count and time what mlsel_router_get_metrics & co report */
    int32_t warnings_are_errors;   /**< not 0: refuse a configuration that has warnings */
    mlsel_knn_rule knn_rule;       /**< as in mlsel_model_options */
    mlsel_category_layout category_layout; /**< as in mlsel_model_options */
    double min_probability; /**< from 0 to 1, unless the request has its own: an answer of lower confidence (where the
                               selector's artifact is calibrated, see mlsel_selection.confidence) or of lower
                               probability (where it is not, or a trade-off decided) is replaced by the default model,
                               or without one by the first candidate, under MLSEL_ROUTE_LOW_CONFIDENCE */
    uint64_t max_config_bytes;   /**< refuse a larger configuration; 0: 16 MiB */
    uint64_t max_artifact_bytes; /**< refuse a larger artifact; 0: 4 GiB */
    uint64_t max_name_bytes;     /**< all names ever seen by this router together; a reload that needs more is
                                    refused; 0: 64 MiB */
    const char *models_root;     /**< refuse artifacts that are, all links followed, not below this folder, wherever
                                    their paths come from (MLSEL_ERROR_SCHEMA): for configurations that others may
                                    write; NULL: they may be anywhere. Links that are changed while an artifact is
                                    opened are not seen, so others must not write in the folder */
} mlsel_router_options;

/** Sets the defaults; size is sizeof(mlsel_router_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_router_options_init(mlsel_router_options *options, size_t size);

/**
 * Opens a router configuration: reads and checks the file, loads every artifact that its decisions need, each once.
 *
 * The dialects in use are recognised by their shape: flat, wrapped in a top-level `config`, and the canonical v0.3.
 * With `enabled: false` nothing is loaded, and the first candidate of the decision that matches is the answer.
 *
 * @param path     a YAML (or JSON) file
 * @param options  may be NULL
 * @param out      receives the router, to be given to mlsel_router_release once
 * @param err      may be NULL; a message about the content starts with file:line:column
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND (the file, or "pretrained model not found: PATH"), _IO, _LIMIT, _PARSE (no
 *         YAML), _SCHEMA (a rule of the configuration or of an artifact), _DIMENSION, _NOT_TRAINED, _VERSION,
 *         _UNSUPPORTED, _DEVICE, _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_router_open(const char *path, const mlsel_router_options *options, mlsel_router **out,
                                         mlsel_error *err);

/** The same from size bytes of text, which need no terminating zero and may be freed after the call. */
MLSEL_API mlsel_status mlsel_router_open_memory(const void *text, size_t size, const mlsel_router_options *options,
                                                mlsel_router **out, mlsel_error *err);

/** Adds a reference and returns the router; each is given back with mlsel_router_release. NULL gives NULL. */
MLSEL_API mlsel_router *mlsel_router_retain(mlsel_router *router);

/** Gives a reference back; the last one closes the router. NULL does nothing. */
MLSEL_API void mlsel_router_release(mlsel_router *router);

/**
 * Reads the configuration and its artifacts again and puts the new state in place of the old one.
 *
 * Requests in flight finish on the old state, later ones get the new one. If anything is wrong with the new one the old
 * one stays, and err says what. Returns when the old state is free, except that a request which stays inside the
 * router for a second or more leaves it to be freed by the next reload or the last release. Options stay as they were.
 *
 * @param path  a file to read from now on; NULL: the same file as before (MLSEL_ERROR_INVALID_ARGUMENT if there is
 * none)
 * @return as mlsel_router_open; MLSEL_ERROR_LIMIT also if the names exceed max_name_bytes.
 */
MLSEL_API mlsel_status mlsel_router_reload(mlsel_router *router, const char *path, mlsel_error *err);

/** The same from memory. A later mlsel_router_reload without a path reads the file that the router had before. */
MLSEL_API mlsel_status mlsel_router_reload_memory(mlsel_router *router, const void *text, size_t size,
                                                  mlsel_error *err);

/** Something that is true of a request, as in {"keyword", "urgent"}. The layout never changes. */
typedef struct mlsel_signal {
    const char *type; /**< not NULL */
    const char *name; /**< not NULL */
} mlsel_signal;

/** What a call of a model costs, in whatever unit all prices of a request have. The layout never changes. */
typedef struct mlsel_price {
    const char *model; /**< by `model` or `lora_name`, not NULL */
    double cost;       /**< at least 0; NaN: not known */
} mlsel_price;

/** A request to be routed; everything may be left out. Pointers are read during the call only. */
typedef struct mlsel_request {
    uint32_t struct_size;           /**< set by mlsel_request_init */
    uint32_t reserved;              /**< 0 */
    const float *embedding;         /**< [n_embedding] the query's embedding, without category values; or NULL */
    const double *embedding_f64;    /**< the same in double, used as it is; give at most one of the two */
    size_t n_embedding;             /**< values of the embedding */
    const char *category;           /**< the domain, as in "math"; NULL and "" mean "other"; see mlsel_category_index */
    const mlsel_signal *signals;    /**< [n_signals] in any order; or NULL */
    size_t n_signals;               /**< length of signals */
    const char *const *unavailable; /**< [n_unavailable] models, by `model` or `lora_name`, that must not answer (down,
                                       over budget); or NULL. A base model that is unavailable takes its LoRAs along */
    size_t n_unavailable;           /**< length of unavailable */
    const char *const *allowed; /**< [n_allowed] if not NULL, only these may answer, by `model` or `lora_name`; an empty
                                   list allows none. Names that no candidate has are ignored in both lists */
    size_t n_allowed;           /**< length of allowed */
    double min_probability;     /**< above 0, to 1: takes the place of mlsel_router_options.min_probability; 0: that */
    /** What to weigh, or NULL. Its `costs` must be NULL: `prices` has them by name. It counts where a KNN selector
     *  scores several candidates; where anything else decides among several, the answer is as without it, under
     *  MLSEL_ROUTE_TRADEOFF_IGNORED. */
    const mlsel_tradeoff *tradeoff;
    const mlsel_price *prices; /**< [n_prices] used with a trade-off; or NULL. A candidate's is that of the name it is
                                  served under, else that of its base model; the first counts, names that no candidate
                                  has are ignored. The default of cost_scale is the highest of all */
    size_t n_prices;           /**< length of prices */
} mlsel_request;

/** Zeroes the struct and sets its size; size is sizeof(mlsel_request) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_request_init(mlsel_request *request, size_t size);

/** Bits of mlsel_route.flags: how the answer came about. */
enum {
    /** One candidate was eligible, so nothing was scored. */
    MLSEL_ROUTE_SINGLE = 1,
    /** No decision matched: the configured default answers. */
    MLSEL_ROUTE_DEFAULT = 2,
    /** The category is not one of the selector's and counted as "other" (rules saw it as it was given). */
    MLSEL_ROUTE_CATEGORY_FELL_BACK = 4,
    /** The selector failed, see selector_status: the first candidate answers. */
    MLSEL_ROUTE_SELECTOR_FAILED = 8,
    /** The decision has no selector (no algorithm, or `enabled: false`): the first candidate answers. */
    MLSEL_ROUTE_NO_SELECTOR = 16,
    /** Several candidates are eligible and the artifact knows none of them: the first answers. */
    MLSEL_ROUTE_UNKNOWN_MODELS = 32,
    /** The confidence of the selector's answer, or its probability without a calibration, was below min_probability. */
    MLSEL_ROUTE_LOW_CONFIDENCE = 64,
    /** A decision of higher rank matched, but none of its candidates was eligible. */
    MLSEL_ROUTE_NEXT_DECISION = 128,
    /** The selector runs on the CPU because its device is not available. */
    MLSEL_ROUTE_DEVICE_FALLBACK = 256,
    /** The request excluded at least one of the decision's candidates. */
    MLSEL_ROUTE_RESTRICTED = 512,
    /** The decision's algorithm is one that the host carries out, see mlsel_router_decision.algorithm_name: the first
     *  candidate stands in for its choice. */
    MLSEL_ROUTE_HOST_ALGORITHM = 1024,
    /** The request has a trade-off, but what chose among several candidates could not weigh it: a selector without
     *  outcomes (any but KNN), none at all, or one that failed. */
    MLSEL_ROUTE_TRADEOFF_IGNORED = 2048
};

/** Bits of mlsel_route_candidate.flags. */
enum {
    /** The request allows it. */
    MLSEL_CANDIDATE_ELIGIBLE = 1,
    /** The artifact has a label that can be chosen for it. */
    MLSEL_CANDIDATE_KNOWN = 2,
    /** An earlier candidate has the same label: the score picks this one only where that one is not eligible. */
    MLSEL_CANDIDATE_SHADOWED = 4,
    /** It is the answer. */
    MLSEL_CANDIDATE_CHOSEN = 8
};

/** What a candidate got in one request. The layout (48 bytes where pointers have 8) never changes. */
typedef struct mlsel_route_candidate {
    const char *model;  /**< `model` of the reference */
    const char *served; /**< its `lora_name`, or else `model` */
    double score;       /**< as from mlsel_score; -INFINITY if it was not scored */
    double probability; /**< among the eligible; 0 if it was not scored */
    int32_t label;      /**< in the selector, -1: the artifact does not know it */
    uint32_t flags;     /**< MLSEL_CANDIDATE_ bits */
    uint64_t reserved;  /**< 0 */
} mlsel_route_candidate;

/** The answer to a request. The caller sets struct_size and, if wanted, the array; everything else is output. */
typedef struct mlsel_route {
    uint32_t struct_size;              /**< set by mlsel_route_init */
    mlsel_status status;               /**< of this request; what the call returns, for batches one by one */
    uint32_t flags;                    /**< MLSEL_ROUTE_ bits */
    mlsel_status selector_status;      /**< why the selector could not be used; MLSEL_OK otherwise */
    uint64_t generation;               /**< of the state that answered */
    const char *decision;              /**< name, NULL if the default model answers for want of a decision */
    const char *model;                 /**< `model` of the candidate chosen */
    const char *lora;                  /**< its `lora_name`, or NULL */
    const char *served;                /**< the name to call: lora, or else model */
    int32_t decision_index;            /**< in the file's order, -1 without a decision */
    int32_t candidate_index;           /**< in the decision's modelRefs, -1: the default model */
    int32_t runner_up_index;           /**< candidate with the second best score, or -1 */
    mlsel_algorithm algorithm;         /**< that scored; 0 if nothing was scored */
    double score;                      /**< of the selector's choice, see mlsel_score; 0 if nothing was scored */
    double margin;                     /**< as in mlsel_selection; 0 if nothing was scored */
    double probability;                /**< of the selector's choice among the eligible; 0 if nothing was scored */
    int32_t cluster;                   /**< KMeans: the cluster that decided; else -1 */
    uint32_t selection_flags;          /**< MLSEL_SELECTION_ bits */
    mlsel_route_candidate *candidates; /**< in: [candidates_capacity] receives the decision's candidates in the file's
                                          order, as many as fit; or NULL */
    size_t candidates_capacity;        /**< in */
    size_t candidate_count;            /**< all there are, which may be more than the capacity */
    double confidence;                 /**< of the selector's choice, as in mlsel_selection; 0 where it is not known */
} mlsel_route;

/** Zeroes the struct and sets its size; size is sizeof(mlsel_route) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_route_init(mlsel_route *route, size_t size);

/**
 * Answers one request.
 *
 * @param request  what is known of it
 * @param route    receives the answer; route->struct_size must be set (mlsel_route_init). On failure only its status
 *                 is written
 * @return MLSEL_OK; MLSEL_ERROR_NO_DECISION (none matches and there is no default), MLSEL_ERROR_NO_CANDIDATE (the
 *         request excludes all candidates of the decision), MLSEL_ERROR_DIMENSION, _NOT_FINITE (the embedding, if the
 *         decision scores), _NO_MEMORY; with mlsel_router_options.strict whatever mlsel_select returns.
 */
MLSEL_API mlsel_status mlsel_router_route(const mlsel_router *router, const mlsel_request *request, mlsel_route *route,
                                          mlsel_error *err);

/**
 * Answers `count` requests, all by one generation. A request that fails does not stop the others. If the call itself
 * fails (a NULL, a struct_size that cannot be a step, no memory to begin with), nothing is written.
 *
 * @param requests  [count] structs of requests[0].struct_size bytes each
 * @param routes    [count] structs of routes[0].struct_size bytes each; their status tells which request failed
 * @param errors    [count] receives each request's error; may be NULL
 * @return MLSEL_OK if every request was answered, else the status of the first that was not, which err names.
 */
MLSEL_API mlsel_status mlsel_router_route_batch(const mlsel_router *router, const mlsel_request *requests, size_t count,
                                                mlsel_route *routes, mlsel_error *errors, mlsel_error *err);

/* --- why: the story of one request -------------------------------------------------------------------------------- */

/** Part of a decision's rules. */
typedef int32_t mlsel_rule_kind;
enum {
    MLSEL_RULE_AND = 1,      /**< holds when all its parts do; without parts always */
    MLSEL_RULE_OR = 2,       /**< holds when one of its parts does */
    MLSEL_RULE_NOT = 3,      /**< holds when its one part does not */
    MLSEL_RULE_CONDITION = 4 /**< holds when the request has the signal */
};

/** "AND", "OR", "NOT" or "condition"; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_rule_kind_name(mlsel_rule_kind kind);

/** A part of a rule tree and what became of it. The layout never changes. */
typedef struct mlsel_rule_result {
    int32_t decision;     /**< index of the decision */
    mlsel_rule_kind kind; /**< what part it is */
    uint32_t depth;       /**< 0: the root; parts follow their whole directly, one deeper */
    int32_t holds;        /**< 1 or 0 */
    const char *type;     /**< of a condition, else NULL */
    const char *name;     /**< of a condition, else NULL */
} mlsel_rule_result;

/** A decision as one request saw it. The layout never changes. */
typedef struct mlsel_decision_result {
    const char *name;  /**< as in the file */
    int32_t index;     /**< in the file's order */
    int32_t priority;  /**< as in the file */
    int32_t matched;   /**< 1 or 0 */
    int32_t answered;  /**< 1: its candidates were asked */
    uint32_t n_rules;  /**< parts of its rule tree */
    uint32_t reserved; /**< 0 */
} mlsel_decision_result;

/**
 * The whole story of a request. The caller sets struct_size and whichever arrays are wanted; each is filled as far as
 * its capacity goes, and its count says how much there is (see mlsel_router_info for how much to expect).
 */
typedef struct mlsel_route_explanation {
    uint32_t struct_size; /**< set by mlsel_route_explanation_init */
    uint32_t reserved;    /**< 0 */
    mlsel_decision_result
        *decisions;                 /**< every decision, in the order in which they are asked: by priority, then file */
    size_t decisions_capacity;      /**< elements of the array above */
    size_t decision_count;          /**< out */
    mlsel_rule_result *rules;       /**< every rule tree, whole before parts, in the order of `decisions` */
    size_t rules_capacity;          /**< elements of the array above */
    size_t rule_count;              /**< out */
    const char **unused_signals;    /**< the names of request signals that no rule of the configuration mentions,
                                       the caller's own pointers */
    size_t unused_signals_capacity; /**< elements of the array above */
    size_t unused_signal_count;     /**< out */
    mlsel_evidence *evidence; /**< in, may be NULL: filled as by mlsel_explain if the selector was asked. An array of it
                                 that is too small is MLSEL_ERROR_INVALID_ARGUMENT */
} mlsel_route_explanation;

/** Zeroes the struct and sets its size; size is sizeof(mlsel_route_explanation) as compiled by the caller. */
MLSEL_API void mlsel_route_explanation_init(mlsel_route_explanation *explanation, size_t size);

/**
 * Answers one request like mlsel_router_route and tells how. Not counted in the metrics.
 *
 * @param explanation  filled also if the request has no answer (MLSEL_ERROR_NO_DECISION, _NO_CANDIDATE)
 * @return as mlsel_router_route; MLSEL_ERROR_INVALID_ARGUMENT for an explanation whose struct_size is not set
 */
MLSEL_API mlsel_status mlsel_router_explain(const mlsel_router *router, const mlsel_request *request,
                                            mlsel_route *route, mlsel_route_explanation *explanation, mlsel_error *err);

/* --- what is configured ------------------------------------------------------------------------------------------- */

/** What a router is at the moment. */
typedef struct mlsel_router_info {
    uint32_t struct_size;      /**< bytes filled */
    uint32_t n_decisions;      /**< of the configuration */
    uint64_t generation;       /**< 1 after opening, one more with every successful reload */
    uint32_t n_models;         /**< selectors in use, each with its own parameters or device */
    uint32_t n_rules;          /**< parts of all rule trees together */
    uint32_t max_candidates;   /**< of one decision */
    int32_t enabled;           /**< 0: the configuration says `enabled: false` */
    const char *dialect;       /**< "flat", "wrapped" or "v0.3" */
    const char *path;          /**< the file, or NULL */
    const char *default_model; /**< answers when no decision matches; or NULL */
    int32_t default_decision;  /**< index of the decision that answers when none matches; or -1 */
    uint32_t n_warnings;       /**< of the configuration */
    uint64_t memory_bytes;     /**< of the selectors; a weight shared by several counts once for each */
    uint64_t name_bytes;       /**< see max_name_bytes */
} mlsel_router_info;

/** Describes a router; size is sizeof(mlsel_router_info) as compiled by the caller. MLSEL_ERROR_NO_MEMORY, as from all
 *  that follow, if more calls are inside the router than ever before and there is no memory for one more. */
MLSEL_API mlsel_status mlsel_router_get_info(const mlsel_router *router, mlsel_router_info *out, size_t size,
                                             mlsel_error *err);

/** A decision of the configuration. */
typedef struct mlsel_router_decision {
    uint32_t struct_size;       /**< bytes filled */
    int32_t priority;           /**< as in the file */
    uint64_t generation;        /**< of the state that answered */
    const char *name;           /**< as in the file */
    const char *description;    /**< "" if it has none */
    const char *algorithm_name; /**< as in the file, or the method it falls back to; NULL without one */
    const char *artifact;       /**< path of its artifact, NULL without a selector */
    mlsel_algorithm algorithm;  /**< of its selector, 0 without one */
    uint32_t n_candidates;      /**< modelRefs */
    uint32_t n_rules;           /**< parts of its rule tree */
    uint32_t k;                 /**< KNN: neighbours that vote, else 0 */
    char device[32];            /**< its selector's, "" without one */
    int32_t device_fallback;    /**< 1 if another device was asked for */
    uint32_t reserved;          /**< 0 */
} mlsel_router_decision;

/** Describes decision `index` (< n_decisions) in the file's order; MLSEL_ERROR_NOT_FOUND if there is none. */
MLSEL_API mlsel_status mlsel_router_get_decision(const mlsel_router *router, uint32_t index, mlsel_router_decision *out,
                                                 size_t size, mlsel_error *err);

/** A candidate of a decision. */
typedef struct mlsel_router_candidate {
    uint32_t struct_size; /**< bytes filled */
    int32_t label;        /**< in the decision's selector, -1: not known to it */
    uint64_t generation;  /**< of the state that answered */
    const char *model;    /**< `model` of the reference */
    const char *lora;     /**< or NULL */
    const char *served;   /**< lora, or else model */
    uint32_t flags;       /**< MLSEL_CANDIDATE_KNOWN, MLSEL_CANDIDATE_SHADOWED */
    uint32_t reserved;    /**< 0 */
} mlsel_router_candidate;

/** Describes candidate `index` of decision `decision`; MLSEL_ERROR_NOT_FOUND if there is none. */
MLSEL_API mlsel_status mlsel_router_get_candidate(const mlsel_router *router, uint32_t decision, uint32_t index,
                                                  mlsel_router_candidate *out, size_t size, mlsel_error *err);

/**
 * The selector of decision `index`, for whatever mlsel_model_ functions tell.
 *
 * @param out  receives a reference of the caller's own, to be released; NULL if the decision has no selector
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND if there is no such decision.
 */
MLSEL_API mlsel_status mlsel_router_get_model(const mlsel_router *router, uint32_t index, mlsel_model **out,
                                              mlsel_error *err);

/* --- metrics: with mlsel_router_options.collect_metrics; all counts start at 0 when the router is opened, go on across
 * reloads for decisions and models of the same name, and never fall --------------------------------------------------
 */

/** Number of buckets of a latency histogram. */
#define MLSEL_LATENCY_BUCKETS 20

/**
 * Upper bound of a latency bucket in seconds: 1e-6, 2e-6, 5e-6, 1e-5, ... 0.5, 1, and INFINITY for the last
 * (MLSEL_LATENCY_BUCKETS - 1) and above.
 */
MLSEL_API double mlsel_latency_bound(uint32_t bucket);

/** Counts of a whole router. */
typedef struct mlsel_router_metrics {
    uint32_t struct_size;    /**< bytes filled */
    uint32_t enabled;        /**< 0: not collected, the counts of requests are 0 */
    uint64_t generation;     /**< as in mlsel_router_info */
    uint64_t requests;       /**< routed, answered or not */
    uint64_t errors;         /**< not answered, for any reason */
    uint64_t no_decision;    /**< not answered because no decision matched */
    uint64_t defaults;       /**< answered by the default */
    uint64_t reloads;        /**< that succeeded; counted always */
    uint64_t failed_reloads; /**< counted always */
} mlsel_router_metrics;

/** Reads the counts of a router; size is sizeof(mlsel_router_metrics) as compiled by the caller. */
MLSEL_API mlsel_status mlsel_router_get_metrics(const mlsel_router *router, mlsel_router_metrics *out, size_t size,
                                                mlsel_error *err);

/** Counts of a decision. */
typedef struct mlsel_decision_metrics {
    uint32_t struct_size;        /**< bytes filled */
    uint32_t reserved;           /**< 0 */
    uint64_t generation;         /**< of the state that the index is one of */
    const char *name;            /**< of the decision */
    uint64_t requests;           /**< for which it was asked */
    uint64_t errors;             /**< that it could not answer */
    uint64_t scored;             /**< answered by the selector's choice */
    uint64_t selector_failed;    /**< MLSEL_ROUTE_SELECTOR_FAILED */
    uint64_t unknown_models;     /**< MLSEL_ROUTE_UNKNOWN_MODELS */
    uint64_t low_confidence;     /**< MLSEL_ROUTE_LOW_CONFIDENCE */
    uint64_t category_fell_back; /**< MLSEL_ROUTE_CATEGORY_FELL_BACK */
    uint64_t latency_ns;         /**< of all its requests together */
    uint64_t latency[20];        /**< [MLSEL_LATENCY_BUCKETS] requests, each in the first bucket whose bound it does not
                                                       exceed */
} mlsel_decision_metrics;

/** Reads the counts of decision `index`; MLSEL_ERROR_NOT_FOUND if there is none. */
MLSEL_API mlsel_status mlsel_router_get_decision_metrics(const mlsel_router *router, uint32_t index,
                                                         mlsel_decision_metrics *out, size_t size, mlsel_error *err);

/** How often candidate `index` of decision `decision` was the answer; MLSEL_ERROR_NOT_FOUND if there is none. */
MLSEL_API mlsel_status mlsel_router_get_selections(const mlsel_router *router, uint32_t decision, uint32_t index,
                                                   uint64_t *selections, mlsel_error *err);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup validation Validation: everything that is wrong with a configuration, each finding with its place
 *
 *     mlsel_diagnostics *found = NULL;
 *     if (mlsel_config_validate("router.yaml", NULL, 0, &found, &err) != MLSEL_OK)
 *         return fail(err.message);
 *     mlsel_diagnostic d;
 *     for (size_t i = 0; mlsel_diagnostics_get(found, i, &d, sizeof d, NULL) == MLSEL_OK; i++)
 *         printf("%s:%u:%u: %s [%s]\n", d.file, d.line, d.column, d.message, d.code);
 *     mlsel_diagnostics_release(found);
 * @{
 */

/** How much a finding matters. */
typedef int32_t mlsel_severity;
enum {
    MLSEL_SEVERITY_NOTE = 1,    /**< worth knowing */
    MLSEL_SEVERITY_WARNING = 2, /**< works, but hardly as it was meant */
    MLSEL_SEVERITY_ERROR = 3    /**< mlsel_router_open would refuse the configuration */
};

/** "note", "warning" or "error"; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_severity_name(mlsel_severity severity);

/** The findings about a configuration. Immutable, shared freely between threads. */
typedef struct mlsel_diagnostics mlsel_diagnostics;

/** Bits for the flags of mlsel_config_validate. */
enum {
    /** Look at the text alone: no artifact is read, no device asked for. */
    MLSEL_VALIDATE_TEXT_ONLY = 1
};

/**
 * Checks a router configuration as mlsel_router_open with the same options would see it, and finds all that is wrong
 * rather than the first thing.
 *
 * The artifacts that it names are loaded, so a configuration without errors will open as long as files and devices
 * stay as they are. What the configuration says is no reason to fail: MLSEL_OK means that it was checked.
 *
 * @param path     a YAML (or JSON) file
 * @param options  those that count here: models_dir, base_dir, models_root, device, allow_device_fallback,
 *                 knn_rule, category_layout, max_config_bytes, max_artifact_bytes; may be NULL
 * @param flags    MLSEL_VALIDATE_ bits
 * @param out      receives the findings, to be given to mlsel_diagnostics_release once
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND, _IO, _LIMIT (the file), _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_config_validate(const char *path, const mlsel_router_options *options, uint32_t flags,
                                             mlsel_diagnostics **out, mlsel_error *err);

/**
 * The same from size bytes of text, which need no terminating zero and may be freed after the call.
 *
 * @param name  stands for the file in messages, and its folder is what relative paths start from (without base_dir);
 *              NULL: "configuration", and the working folder
 */
MLSEL_API mlsel_status mlsel_config_validate_memory(const void *text, size_t size, const char *name,
                                                    const mlsel_router_options *options, uint32_t flags,
                                                    mlsel_diagnostics **out, mlsel_error *err);

/** Frees the findings and their strings. NULL does nothing. */
MLSEL_API void mlsel_diagnostics_release(mlsel_diagnostics *diagnostics);

/** What was found in all. */
typedef struct mlsel_diagnostics_info {
    uint32_t struct_size;   /**< bytes filled */
    uint32_t n_diagnostics; /**< findings that mlsel_diagnostics_get gives: at most 1000 */
    uint64_t n_errors;      /**< found in all, also those that are not kept */
    uint64_t n_warnings;    /**< found in all */
    uint64_t n_notes;       /**< found in all */
    const char *dialect;    /**< "flat", "wrapped" or "v0.3"; NULL if the text could not be read so far. Static */
    uint32_t n_decisions;   /**< of the configuration; 0 after an error in the text */
    uint32_t n_artifacts;   /**< different files that decisions load; 0 after an error in the text */
} mlsel_diagnostics_info;

/** Counts the findings; size is sizeof(mlsel_diagnostics_info) as compiled by the caller. */
MLSEL_API mlsel_status mlsel_diagnostics_get_info(const mlsel_diagnostics *diagnostics, mlsel_diagnostics_info *out,
                                                  size_t size, mlsel_error *err);

/** One finding. Strings are UTF-8 in one line without control characters, and live as long as the findings. */
typedef struct mlsel_diagnostic {
    uint32_t struct_size;    /**< bytes filled */
    mlsel_severity severity; /**< how much it matters */
    const char *code; /**< what kind of finding, as in "unknown-key"; never changes. docs/configuration.md lists them */
    const char *message;    /**< what is wrong, without the place */
    const char *suggestion; /**< what to do about it, as in "did you mean \"priority\"?"; or NULL */
    const char *file;       /**< path as given */
    const char *source;     /**< the line of the file, with its tabs; NULL without a place, or where it is longer than
                                 4096 bytes */
    uint32_t line;          /**< from 1; 0: the file as a whole */
    uint32_t column;        /**< from 1, in characters (code points), a tab being one */
    uint32_t end_line;      /**< where the part that is meant ends: the first character that is not part of it */
    uint32_t end_column;    /**< likewise; may equal column */
} mlsel_diagnostic;

/**
 * Finding `index`, by their place in the file; those about artifacts behind those about the text.
 *
 * @param size  sizeof(mlsel_diagnostic) as compiled by the caller
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND if there is none.
 */
MLSEL_API mlsel_status mlsel_diagnostics_get(const mlsel_diagnostics *diagnostics, size_t index, mlsel_diagnostic *out,
                                             size_t size, mlsel_error *err);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup batchers Batchers: queries of concurrent callers, answered together
 *
 * A GPU takes about as long for one query as for a hundred. Where many threads ask one model, a batcher lets those that
 * ask at about the same time share a run:
 *
 *     mlsel_batcher *batcher = NULL;
 *     if (mlsel_batcher_create(model, NULL, &batcher, &err) != MLSEL_OK)
 *         return fail(err.message);
 *     ... in any thread, as mlsel_select(model, ...):
 *     mlsel_batcher_select(batcher, features, 1038, NULL, &best, &err);
 *     ... and at the end:
 *     mlsel_batcher_release(batcher);
 *
 * - Groups. A batcher has no thread. The first of a group leads it: it waits until the group is complete, lets the
 *   engine measure all queries in one run, and wakes the others, each of which makes its own answer of what was
 *   measured. So queries with different eligible labels and trade-offs go together; those in float and in double do
 *   not. A query that is refused (its width, a value, its options) fails by itself before it joins a group.
 * - Waiting. At most max_running runs are under way at once; while they are, callers gather. When a run can start, its
 *   group waits for company only as long as there is some to expect: the callers that were seen inside at once lately,
 *   as far as they are not in runs, and no more than their share if runs had equal ones. A wait that runs out (after
 *   max_wait_us, and what the system's timer adds, on Linux some 50 microseconds) lowers what is expected to those that
 *   are there. A caller that comes alone is answered at once, in its own thread, as by mlsel_select.
 * - Answers. The same as those of mlsel_select and mlsel_score, bit for bit on the CPU; on other devices as those of
 *   mlsel_select_batch.
 * - The CPU. Runs do not wait for each other there, so a group gains only what measuring several queries together
 *   saves, and costs a thread's way to sleep and back. So a batcher watches how long single queries take, and groups
 *   while that is 200 microseconds or more (see always_group); others pass through. Only KNN models group: the others
 *   gain nothing, or would add up in another order (see allow_rounding). docs/batcher.md says when it pays.
 * - Threads. Everything here may be called from any thread, except that a batcher must not be used after its release.
 *   Calls take locks for a moment, and allocate no more than mlsel_select does.
 *
 * Since 0.1.0.
 * @{
 */

/** Lets concurrent callers of one model share runs. Has a reference to the model. */
typedef struct mlsel_batcher mlsel_batcher;

/** For max_wait_us: never wait for company; callers gather only while runs are under way. */
#define MLSEL_BATCHER_NO_WAIT 0xffffffffu

/** How a batcher groups. NULL stands for all defaults. */
typedef struct mlsel_batcher_options {
    uint32_t struct_size; /**< set by mlsel_batcher_options_init */
    uint32_t max_wait_us; /**< longest wait for company, at most 1000000; 0: 100; or MLSEL_BATCHER_NO_WAIT */
    uint32_t max_batch; /**< queries of a run, at most 4096 and what the engine takes; 1: no groups; 0: what the engine
                             takes, at most 64 on the CPU and 256 on other devices */
    uint32_t max_running;   /**< runs at once, at most 64; 0: 2, on the CPU as many as the system has processors (a
                                 container's limit is not seen) */
    int32_t allow_rounding; /**< not 0: SVM and MLP queries are grouped on the CPU too. Their scores then differ by
                                 float's rounding with the company they are in, as those of mlsel_select_batch do */
    int32_t always_group;   /**< not 0: on the CPU group also queries that are so short that it does not pay */
} mlsel_batcher_options;

/** Sets the defaults; size is sizeof(mlsel_batcher_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_batcher_options_init(mlsel_batcher_options *options, size_t size);

/**
 * Makes a batcher for a model. It allocates the memory of all groups: about max_running + 4 times max_batch queries.
 *
 * @param model    the batcher takes a reference of its own
 * @param options  may be NULL
 * @param out      receives the batcher, to be given to mlsel_batcher_release once
 * @param err      may be NULL
 * @return MLSEL_OK; MLSEL_ERROR_NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_batcher_create(mlsel_model *model, const mlsel_batcher_options *options,
                                            mlsel_batcher **out, mlsel_error *err);

/**
 * mlsel_select by way of a group. Blocks until the answer is there.
 *
 * @param features    [n_features] the query, borrowed for the call
 * @param n_features  must be the model's width
 * @param options     which labels are eligible, and a trade-off, for this query alone; may be NULL
 * @param out         receives the answer
 * @return as mlsel_select, and MLSEL_ERROR_CLOSED after mlsel_batcher_close. What a run fails with, MLSEL_ERROR_DEVICE
 *         for one, is told to all of its group.
 */
MLSEL_API mlsel_status mlsel_batcher_select(mlsel_batcher *batcher, const float *features, size_t n_features,
                                            const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err);

/** The same for a query in double. */
MLSEL_API mlsel_status mlsel_batcher_select_f64(mlsel_batcher *batcher, const double *features, size_t n_features,
                                                const mlsel_query_options *options, mlsel_selection *out,
                                                mlsel_error *err);

/** mlsel_score by way of a group; otherwise as mlsel_batcher_select. */
MLSEL_API mlsel_status mlsel_batcher_score(mlsel_batcher *batcher, const float *features, size_t n_features,
                                           const mlsel_query_options *options, double *scores, size_t n_scores,
                                           mlsel_error *err);

/** The same for a query in double. */
MLSEL_API mlsel_status mlsel_batcher_score_f64(mlsel_batcher *batcher, const double *features, size_t n_features,
                                               const mlsel_query_options *options, double *scores, size_t n_scores,
                                               mlsel_error *err);

/** Number of buckets of a histogram of batch sizes. */
#define MLSEL_BATCH_BUCKETS 13

/**
 * What a batcher has done since it was made, and does at the moment. Counts never fall. Calls that are still inside are
 * counted in `inside` and `queued` alone.
 */
typedef struct mlsel_batcher_stats {
    uint32_t struct_size;   /**< bytes filled */
    int32_t is_grouping;    /**< 0: all queries pass through, as this model has nothing to gain */
    int32_t is_closed;      /**< 1: after mlsel_batcher_close */
    uint32_t max_wait_us;   /**< in use; 0: none */
    uint32_t max_batch;     /**< in use */
    uint32_t max_running;   /**< in use */
    uint64_t memory_bytes;  /**< of the groups */
    uint64_t inside;        /**< callers inside at the moment */
    uint64_t queued;        /**< those of them whose group has not started */
    uint64_t queries;       /**< calls that came back, answered or not, but for those refused */
    uint64_t failed;        /**< those of them that were not answered */
    uint64_t refused;       /**< calls after mlsel_batcher_close */
    uint64_t batches;       /**< runs that started; a query that passes through or comes alone is one of size 1, a query
                                 that is refused before its group none */
    uint64_t batched;       /**< queries of these runs together: batched / batches is the mean size */
    uint64_t largest_batch; /**< queries of the largest run */
    uint64_t timeouts; /**< groups that waited as long as max_wait_us allows and did not get the company expected */
    uint64_t wait_ns;  /**< from call to start of the run, of all queries that were in one together */
    uint64_t longest_wait_ns;    /**< the longest of them */
    uint64_t latency_ns;         /**< from call to return, of all `queries` together */
    uint64_t longest_latency_ns; /**< the longest of them */
    uint64_t sizes[13];          /**< [MLSEL_BATCH_BUCKETS] runs by size: of 1, 2, to 4, to 8, ... to 4096 */
    uint64_t waits[20];          /**< [MLSEL_LATENCY_BUCKETS] queries by wait, see mlsel_latency_bound */
    uint64_t latencies[20];      /**< [MLSEL_LATENCY_BUCKETS] queries by latency */
} mlsel_batcher_stats;

/** Reads what a batcher has done; size is sizeof(mlsel_batcher_stats) as compiled by the caller. */
MLSEL_API mlsel_status mlsel_batcher_get_stats(const mlsel_batcher *batcher, mlsel_batcher_stats *out, size_t size,
                                               mlsel_error *err);

/**
 * Lets no more calls in: they fail with MLSEL_ERROR_CLOSED. Those inside are answered, and close waits for the last of
 * them; groups that wait for company start without it. Closing again, or in several threads at once, waits likewise.
 * NULL does nothing.
 */
MLSEL_API void mlsel_batcher_close(mlsel_batcher *batcher);

/** Closes the batcher, frees it and gives its reference to the model back. NULL does nothing. */
MLSEL_API void mlsel_batcher_release(mlsel_batcher *batcher);

/** @} */

#ifdef __cplusplus
}
#endif
#endif /* MLSEL_H */
