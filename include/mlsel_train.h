/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * libmlsel_train - make selectors: from benchmark records and embeddings to artifacts, and how good they are.
 *
 *     mlsel_dataset *data = NULL;
 *     mlsel_training *training = NULL;
 *     if (mlsel_dataset_create(&data, &err) != MLSEL_OK ||
 *         mlsel_dataset_read_records(data, "benchmark_output.jsonl", NULL, &err) != MLSEL_OK ||
 *         mlsel_dataset_embed(data, 0, &err) != MLSEL_OK ||
 *         mlsel_train(data, MLSEL_ALGORITHM_KNN, NULL, &training, &err) != MLSEL_OK ||
 *         mlsel_training_save(training, "models/knn_model.json", NULL, &err) != MLSEL_OK)
 *         fprintf(stderr, "%s\n", err.message);
 *     mlsel_training_free(training);
 *     mlsel_dataset_free(data);
 *
 * The conventions of mlsel.h hold here too: statuses and errors, ownership, manners, structs with a struct_size. What
 * is different:
 *
 * - Defaults. The defaults of option structs here are not all 0: a struct must be filled by its *_init function before
 *   fields are changed. NULL stands for all defaults.
 * - Threads. A dataset must not be changed while another thread uses it; any number of threads may read it at once
 *   (train from it, evaluate on it). Trainings and evaluations are immutable. Work is done by the caller's thread and,
 *   if an option asks for more, by threads that end with the call.
 * - Unknown is not zero. A quality, latency or cost that was not measured is NaN, in and out, and takes no part in any
 *   mean. It is never counted as 0.
 * - Same results. The same data, options, seed and library on the same processor, or the same device and its driver,
 *   give byte-identical artifacts, whatever the number of threads.
 * - Foreign code. SVMs are trained by LIBSVM, whose progress messages are switched off for the whole process, and which
 *   ends the process where memory runs out inside it; what it will need is asked of the system before.
 *
 * Every declaration here is available since version 0.1.0 unless it says otherwise.
 */
#ifndef MLSEL_TRAIN_H
#define MLSEL_TRAIN_H

#include "mlsel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup datasets Datasets: what became of each query with each model
 * @{
 */

/** Queries, models, the outcomes of their pairs, and the queries' embeddings. */
typedef struct mlsel_dataset mlsel_dataset;

/** An empty dataset, to be given to mlsel_dataset_free. */
MLSEL_API mlsel_status mlsel_dataset_create(mlsel_dataset **out, mlsel_error *err);

/** Frees a dataset. NULL does nothing. */
MLSEL_API void mlsel_dataset_free(mlsel_dataset *dataset);

/** Bits of mlsel_record.flags. */
enum {
    /** The request failed: this is no observation of the model. Counted, and otherwise left out. */
    MLSEL_RECORD_FAILED = 1
};

/** One (query, model) row. Strings are UTF-8, zero-terminated, and copied. */
typedef struct mlsel_record {
    uint32_t struct_size; /**< set by mlsel_record_init */
    uint32_t flags;       /**< MLSEL_RECORD_ bits */
    const char *query;    /**< the text; rows of equal text belong to one query */
    const char *model;    /**< name of the model that answered */
    const char
        *category;    /**< NULL or "": none, which counts as other. Of a query's rows the first that has one counts */
    const char *task; /**< name of the benchmark the query comes from, or NULL. Likewise */
    double quality;   /**< from 0 to 1; NaN: unknown */
    double latency_s; /**< seconds, at least 0; NaN: unknown */
    double cost;      /**< in whatever unit all records have, at least 0; NaN: unknown */
    const float *embedding; /**< [n_embedding] the query's, or NULL */
    size_t n_embedding;     /**< values of the embedding */
} mlsel_record;

/** Sets the defaults (quality, latency and cost unknown); size is sizeof(mlsel_record). NULL does nothing. */
MLSEL_API void mlsel_record_init(mlsel_record *record, size_t size);

/**
 * Adds a row, or, where that fails, nothing. Several rows of one query and model are several measurements: their means
 * count. A row of which nothing is known still says that the model was asked. What is remarkable about it, as an
 * unknown category or another embedding than the query has already, is a finding of no file.
 *
 * @return MLSEL_OK; MLSEL_ERROR_INVALID_ARGUMENT (no query, no model, quality out of range, ...), MLSEL_ERROR_DIMENSION
 *         (an embedding of another width than those before), _NOT_FINITE, _NO_MEMORY, _LIMIT (65536 models, 2^30 rows,
 *         embeddings of 2^20 values are possible).
 */
MLSEL_API mlsel_status mlsel_dataset_add(mlsel_dataset *dataset, const mlsel_record *record, mlsel_error *err);

/** How to read a file. */
typedef struct mlsel_read_options {
    uint32_t struct_size;    /**< set by mlsel_read_options_init */
    int32_t strict;          /**< not 0: the first line with a bad value fails the call, with the line's number as the
                                  error's detail; 0: the value or the line is left out, and a finding */
    uint64_t max_queries;    /**< no more distinct queries come into the dataset: rows of others are passed over; 0: any
                                  number */
    uint64_t max_line_bytes; /**< a longer line is a bad one; 0: 16 MiB. Memory for reading grows with the longest
                                  line up to this, not with the file */
} mlsel_read_options;

/** Sets the defaults; size is sizeof(mlsel_read_options). NULL does nothing. */
MLSEL_API void mlsel_read_options_init(mlsel_read_options *options, size_t size);

/**
 * Reads benchmark records, one JSON object a line.
 *
 * Members: `query` and `model_name` (required), `performance` (0 to 1), `response_time` (seconds), `cost`, `category`,
 * `task_name`, `embedding` (numbers). Unknown quality: no `performance`, null, `"performance_known": false`, or a
 * `ground_truth` that is there and empty (null, "", [] or {}). Failed: an `error` that is neither null, false nor "".
 * Other members are ignored. Empty lines are skipped; lines end in LF or CR LF; a byte order mark is skipped. What is
 * wrong with a line is a finding (see mlsel_dataset_finding_count); a bad response_time, cost or embedding leaves the
 * rest of its line in use. That goes for NaN and Infinity too, which JSON does not have and Python writes. With
 * `strict` the findings NOT_JSON to EMBEDDING_WIDTH and LINE_TOO_LONG are errors.
 *
 * @param path     a file, or "-" for standard input
 * @param options  may be NULL
 * @return MLSEL_OK, also if every line was bad; MLSEL_ERROR_NOT_FOUND, _IO, _NO_MEMORY, _LIMIT; _UNSUPPORTED (the file
 *         is compressed or UTF-16: the message says what unpacks it); with `strict` _PARSE, _SCHEMA, _DIMENSION or
 *         _LIMIT for the first bad line. Rows read before a failure stay.
 */
MLSEL_API mlsel_status mlsel_dataset_read_records(mlsel_dataset *dataset, const char *path,
                                                  const mlsel_read_options *options, mlsel_error *err);

/** The same from size bytes of memory. `name` stands for the path in findings and messages; NULL: "memory". */
MLSEL_API mlsel_status mlsel_dataset_read_records_memory(mlsel_dataset *dataset, const void *data, size_t size,
                                                         const char *name, const mlsel_read_options *options,
                                                         mlsel_error *err);

/**
 * Reads embeddings, one JSON object with `query` and `embedding` a line, for the queries already in the dataset; others
 * are findings and left out, as is an embedding that differs from one which the query has already by more than
 * rounding. Otherwise as mlsel_dataset_read_records.
 */
MLSEL_API mlsel_status mlsel_dataset_read_embeddings(mlsel_dataset *dataset, const char *path,
                                                     const mlsel_read_options *options, mlsel_error *err);

/** The same from memory. */
MLSEL_API mlsel_status mlsel_dataset_read_embeddings_memory(mlsel_dataset *dataset, const void *data, size_t size,
                                                            const char *name, const mlsel_read_options *options,
                                                            mlsel_error *err);

/** Sets the embedding of query `query`, in place of one it may have. The first embedding decides the width of all. */
MLSEL_API mlsel_status mlsel_dataset_set_embedding(mlsel_dataset *dataset, size_t query, const float *embedding,
                                                   size_t n_embedding, mlsel_error *err);

/**
 * Gives every query that has no embedding the built-in one, see mlsel_embed_text. Beside embeddings of another kind
 * these mean nothing: do not mix them.
 *
 * @param width  0: that of the embeddings there are, or else MLSEL_EMBEDDING_WIDTH
 * @return MLSEL_OK; MLSEL_ERROR_DIMENSION (the embeddings there are have another width), _INVALID_ARGUMENT (a width
 * that mlsel_embed_text has not), _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_dataset_embed(mlsel_dataset *dataset, size_t width, mlsel_error *err);

/** Removes the queries that have no embedding, with their rows; each is a finding. The models stay, also one without
 * any row left. *dropped (may be NULL) receives how many queries. */
MLSEL_API mlsel_status mlsel_dataset_drop_unembedded(mlsel_dataset *dataset, uint64_t *dropped, mlsel_error *err);

/** Keeps only the models named, their rows, and the queries that these rows are of. MLSEL_ERROR_NOT_FOUND if the
 * dataset lacks one; then nothing changes. */
MLSEL_API mlsel_status mlsel_dataset_keep_models(mlsel_dataset *dataset, const char *const *models, size_t n_models,
                                                 mlsel_error *err);

/**
 * Divides the queries into two new datasets. Which part a query goes to depends on its text and the seed alone, so that
 * it stays there when a dataset grows; the sizes are therefore near the share, not exact, and a part of few queries may
 * be empty. Both have all models. Findings and counts of lines and failed rows stay with the whole.
 *
 * @param share    chance of a query to come into the second part, above 0 and below 1
 * @param first    receives the larger or training part, second the held-out part; each to be freed
 */
MLSEL_API mlsel_status mlsel_dataset_split(const mlsel_dataset *dataset, double share, uint64_t seed,
                                           mlsel_dataset **first, mlsel_dataset **second, mlsel_error *err);

/** What a dataset holds. */
typedef struct mlsel_dataset_info {
    uint32_t struct_size;      /**< bytes filled */
    uint32_t reserved;         /**< 0 */
    uint64_t n_queries;        /**< distinct ones */
    uint64_t n_models;         /**< distinct ones */
    uint64_t n_rows;           /**< rows in use, several of one pair included */
    uint64_t n_failed;         /**< rows of failed requests */
    uint64_t n_pairs;          /**< (query, model) pairs whose quality is known */
    uint64_t n_latencies;      /**< pairs whose latency is known */
    uint64_t n_costs;          /**< pairs whose cost is known */
    uint64_t n_embedded;       /**< queries with an embedding */
    uint64_t embedding_width;  /**< 0: no embedding yet */
    uint64_t n_lines;          /**< lines read that were not empty */
    uint64_t n_bad_lines;      /**< of them, lines left out as bad */
    uint64_t n_category_other; /**< queries whose category is in neither layout and counts as "other" */
    uint64_t memory_bytes;     /**< held by the dataset */
} mlsel_dataset_info;

/** Describes a dataset; out and size as for mlsel_model_get_info. */
MLSEL_API mlsel_status mlsel_dataset_get_info(const mlsel_dataset *dataset, mlsel_dataset_info *out, size_t size,
                                              mlsel_error *err);

/** Text of a query, by the order of first occurrence; NULL if there is none. Valid until the query is removed or the
 * dataset freed, as are the following two. */
MLSEL_API const char *mlsel_dataset_query(const mlsel_dataset *dataset, size_t query);
/** Its category as given, "" for none. */
MLSEL_API const char *mlsel_dataset_category(const mlsel_dataset *dataset, size_t query);
/** Its task as given, "" for none. */
MLSEL_API const char *mlsel_dataset_task(const mlsel_dataset *dataset, size_t query);
/** Its embedding, [embedding_width], or NULL. Valid until the dataset changes. */
MLSEL_API const float *mlsel_dataset_embedding(const mlsel_dataset *dataset, size_t query);
/** Name of a model, by byte order of the names; NULL if there is none. Valid until the dataset changes. */
MLSEL_API const char *mlsel_dataset_model(const mlsel_dataset *dataset, size_t model);

/** What is known of a (query, model) pair: means over its rows. The layout never changes. */
typedef struct mlsel_observation {
    double quality;   /**< NaN: unknown */
    double latency_s; /**< NaN: unknown */
    double cost;      /**< NaN: unknown */
    uint64_t rows;    /**< 0: the model was not asked */
} mlsel_observation;

/** Reads a pair. MLSEL_ERROR_INVALID_ARGUMENT for indices that are none. */
MLSEL_API mlsel_status mlsel_dataset_observe(const mlsel_dataset *dataset, size_t query, size_t model,
                                             mlsel_observation *out, mlsel_error *err);

/** What can be noticed in data. */
typedef int32_t mlsel_finding_code;
enum {
    MLSEL_FINDING_NOT_JSON = 1,          /**< a line that is no JSON object */
    MLSEL_FINDING_NO_QUERY = 2,          /**< `query` is missing, empty or no text */
    MLSEL_FINDING_NO_MODEL = 3,          /**< `model_name` is missing, empty or no text */
    MLSEL_FINDING_BAD_QUALITY = 4,       /**< NaN, no number, or not from 0 to 1: the line is left out */
    MLSEL_FINDING_BAD_LATENCY = 5,       /**< counts as unknown */
    MLSEL_FINDING_BAD_COST = 6,          /**< counts as unknown */
    MLSEL_FINDING_BAD_EMBEDDING = 7,     /**< no list of finite numbers: left out */
    MLSEL_FINDING_EMBEDDING_WIDTH = 8,   /**< another width than the embeddings before: left out */
    MLSEL_FINDING_EMBEDDING_DIFFERS = 9, /**< a query has two different ones: the first counts */
    MLSEL_FINDING_UNKNOWN_CATEGORY = 10, /**< a name in neither layout: counts as "other" */
    MLSEL_FINDING_CATEGORY_DIFFERS = 11, /**< a query has two: the first counts */
    MLSEL_FINDING_LINE_TOO_LONG = 12,    /**< left out */
    MLSEL_FINDING_FAILED = 13,           /**< the record of a failed request: no observation */
    MLSEL_FINDING_UNKNOWN_QUALITY = 14,  /**< no observation of quality */
    MLSEL_FINDING_REPEATED = 15,         /**< a further row of the same query and model: their mean counts */
    MLSEL_FINDING_NO_EMBEDDING = 16,     /**< a query dropped for want of an embedding */
    MLSEL_FINDING_UNKNOWN_QUERY = 17     /**< an embedding of a query that is not in the dataset */
};
#define MLSEL_FINDING_CODES 17 /**< the codes are 1 to this, as of this version */

/** Name of a code, as in "bad-quality"; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_finding_name(mlsel_finding_code code);

/** Something noticed while reading. */
typedef struct mlsel_finding {
    uint32_t struct_size;    /**< bytes filled */
    mlsel_finding_code code; /**< what was noticed */
    uint64_t line;           /**< from 1; 0: of no line */
    char file[96];           /**< last part of the path */
    char message[240];       /**< one line, as in "records.jsonl:12: performance is 1.5: it must be from 0 to 1" */
} mlsel_finding;

/** How often a code was found; 0 for a value that is none. */
MLSEL_API uint64_t mlsel_dataset_count_findings(const mlsel_dataset *dataset, mlsel_finding_code code);
/** Number of findings kept: the first 20 of each code, in the order in which they were found. */
MLSEL_API size_t mlsel_dataset_finding_count(const mlsel_dataset *dataset);
/** One of them; out and size as for mlsel_model_get_info. */
MLSEL_API mlsel_status mlsel_dataset_get_finding(const mlsel_dataset *dataset, size_t index, mlsel_finding *out,
                                                 size_t size, mlsel_error *err);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup embeddings Embeddings without a model, and a cache for those with one
 * @{
 */

/** Usual width of an embedding. */
#define MLSEL_EMBEDDING_WIDTH 1024

/** Name of the built-in embedder, as artifacts and caches record it. It changes whenever an embedding would. */
#define MLSEL_BUILTIN_EMBEDDER "builtin-1"

/**
 * The built-in text embedder: needs no model, no file and no server, and knows no meaning.
 *
 * Words, pairs of words, punctuation and character n-grams of the lower-cased text, and how many characters, digits,
 * capitals and lines it has, are hashed, weighted by 1 + log(count), projected with random signs to `width` values
 * (feature hashing: K. Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009) and scaled to
 * length 1. A text of nothing but white space gives zeros. The same everywhere, whatever the machine or the locale.
 * docs/training.md has what it reaches beside real embeddings.
 *
 * @param text    UTF-8; other bytes are taken as they are
 * @param size    bytes of text
 * @param out     [width] receives the embedding
 * @param width   16 to 65536
 * @return MLSEL_OK; MLSEL_ERROR_INVALID_ARGUMENT (the width), _NO_MEMORY.
 */
MLSEL_API mlsel_status mlsel_embed_text(const char *text, size_t size, float *out, size_t width, mlsel_error *err);

/**
 * Embeddings on disk, by embedding model, width and text. One file per model and width, to which entries are appended;
 * an entry that a crash cut short, or that does not match its checksum, is as if it were not there, and its place is
 * used again. Any number of processes may read, also while one writes. One writes at a time: the first entry that is
 * put locks the file until the cache is closed, and puts of others meanwhile are MLSEL_ERROR_IO with detail EAGAIN.
 * What others write is seen by those that open the cache later, or put into it later. A cache must not be used by two
 * threads at once.
 */
typedef struct mlsel_cache mlsel_cache;

/**
 * Opens a cache, and makes the folder (with those above it) and the file where they are missing. Every entry is read
 * once to check it. A file that may not be written is opened for reading.
 *
 * @param folder  as in ".cache"
 * @param model   name of the embedding model, any text of up to 4096 bytes
 * @param width   of its embeddings, 1 to 2^20
 * @return MLSEL_OK; MLSEL_ERROR_IO, _NO_MEMORY; _SCHEMA (the file is something else, or its beginning is damaged: the
 *         message names it).
 */
MLSEL_API mlsel_status mlsel_cache_open(const char *folder, const char *model, size_t width, mlsel_cache **out,
                                        mlsel_error *err);
/** Brings entries to disk and closes. NULL does nothing. */
MLSEL_API void mlsel_cache_close(mlsel_cache *cache);
/** Number of entries; 0 for NULL. */
MLSEL_API uint64_t mlsel_cache_count(const mlsel_cache *cache);
/** Reads the embedding of a text into out[width]. MLSEL_ERROR_NOT_FOUND: there is none. */
MLSEL_API mlsel_status mlsel_cache_get(mlsel_cache *cache, const char *text, size_t size, float *out, size_t width,
                                       mlsel_error *err);
/** Adds one; a text that is there already is left alone. MLSEL_ERROR_IO, _NOT_FINITE, _NO_MEMORY. */
MLSEL_API mlsel_status mlsel_cache_put(mlsel_cache *cache, const char *text, size_t size, const float *embedding,
                                       size_t width, mlsel_error *err);
/** Gives the queries of a dataset that have no embedding those of the cache; *found (may be NULL) says how many. */
MLSEL_API mlsel_status mlsel_dataset_read_cache(mlsel_dataset *dataset, mlsel_cache *cache, uint64_t *found,
                                                mlsel_error *err);
/** Puts the embeddings of a dataset into the cache; *added (may be NULL) says how many were new. */
MLSEL_API mlsel_status mlsel_dataset_write_cache(const mlsel_dataset *dataset, mlsel_cache *cache, uint64_t *added,
                                                 mlsel_error *err);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup training Training
 * @{
 */

/** What is trained for. */
typedef int32_t mlsel_objective;
enum {
    /** One row per query with the outcomes of all models. Utility of an outcome = quality weight x quality + (1 -
     *  quality weight) x speed factor; speed factor = 1 / (1 + latency_s / 10). See docs/training.md. */
    MLSEL_OBJECTIVE_OUTCOME = 0,
    /** What the ecosystem's trainer does, for comparison: one row per record, labelled with its model. The quality
     *  weight is always 0.9, and an unknown latency counts as 0, as there. */
    MLSEL_OBJECTIVE_COMPATIBLE = 1
};

/** "outcome" or "compatible"; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_objective_name(mlsel_objective objective);

/** How scores become probabilities of success. */
typedef int32_t mlsel_calibration;
enum {
    MLSEL_CALIBRATION_NONE = 0,
    /** A rising step function per model, made continuous (pool adjacent violators: M. Ayer et al., 1955). */
    MLSEL_CALIBRATION_ISOTONIC = 1,
    /** A logistic curve per model (J. Platt, 1999). */
    MLSEL_CALIBRATION_PLATT = 2
};

/** "none", "isotonic" or "platt"; "unknown" for a value that is none. Static. */
MLSEL_API const char *mlsel_calibration_name(mlsel_calibration calibration);

/** Where a training is. */
typedef struct mlsel_train_progress {
    uint32_t struct_size;      /**< sizeof the struct as compiled by the library */
    mlsel_algorithm algorithm; /**< that is trained */
    const char *stage;         /**< as in "fold 2 of 5: training, rows"; valid during the call */
    uint64_t done;             /**< of the stage */
    uint64_t total;            /**< of the stage; 0: not known */
    double fraction;           /**< of the whole training, from 0 to 1; NaN: not known */
    double loss;               /**< current training loss or objective; NaN where there is none */
    double validation;         /**< current validation loss; NaN where there is none */
} mlsel_train_progress;

/** Called by the training thread, many times a second at most. Not 0: stop, with MLSEL_ERROR_CANCELLED. */
typedef int32_t (*mlsel_train_callback)(const mlsel_train_progress *progress, void *user);

/** Most hidden layers of an MLP that can be asked for. */
#define MLSEL_TRAIN_MAX_HIDDEN 8

/** How to train. Fill with mlsel_train_options_init. */
typedef struct mlsel_train_options {
    uint32_t struct_size;                  /**< set by mlsel_train_options_init */
    mlsel_objective objective;             /**< what is trained for */
    double quality_weight;                 /**< 0.9; from 0 to 1 */
    mlsel_category_layout category_layout; /**< MLSEL_CATEGORIES_VSR or _VSR_DOC */
    uint32_t without_categories;           /**< not 0: features are the embedding alone */
    double category_weight;                /**< 1; value of a category's one. With `tune`, 0: chosen */
    uint64_t seed;                         /**< 42 */
    uint32_t threads;                      /**< 1; at most 256 */
    int32_t tune;                          /**< not 0: choose by cross-validation what is left at its default */
    uint32_t folds;                        /**< 5; 2 to 20; for choosing and for calibration */
    mlsel_calibration calibration;         /**< MLSEL_CALIBRATION_ISOTONIC; ignored by the compatible objective */
    uint32_t format_version;               /**< 1; 2 writes the versioned form of KNN, KMeans and SVM */
    const char *embedding_model;           /**< name recorded in the artifact; NULL: none. Copied */
    const char *device;                    /**< that MLPs are trained on, as in mlsel_model_options: "cpu" (NULL),
                                                "cuda", "cuda:N", or "auto", the best that trains. The other kinds are
                                                trained on the CPU, whatever it is */
    uint64_t max_memory_bytes;             /**< refuse to need more, with MLSEL_ERROR_LIMIT; 0: no limit */
    mlsel_train_callback progress;         /**< may be NULL */
    void *user;                            /**< for progress */

    uint32_t knn_k;              /**< neighbours; 0: chosen by cross-validation, 5 for the compatible objective */
    uint32_t kmeans_clusters;    /**< 0: chosen by cross-validation, 8 for the compatible objective */
    uint32_t kmeans_starts;      /**< 10; the best of so many is taken */
    uint32_t kmeans_iterations;  /**< 300; at most */
    mlsel_svm_kernel svm_kernel; /**< _NONE: the objective's default (RBF for the compatible one, else linear), or
                                    chosen with `tune`; MLSEL_SVM_KERNEL_LINEAR; _RBF */
    double svm_gamma;            /**< 0: the objective's default (1 for the compatible one), or chosen with `tune` */
    double svm_c;                /**< 0: likewise */
    double svm_tolerance;        /**< 1e-3; of the stopping condition */
    uint32_t mlp_hidden[MLSEL_TRAIN_MAX_HIDDEN]; /**< 512, 256 */
    uint32_t n_mlp_hidden;                       /**< 2; 0: a linear model */
    double mlp_dropout;                          /**< negative: the default (0.1), or chosen with `tune`; else 0 to
                                                      0.95 */
    uint32_t mlp_epochs;                         /**< 100; at most, as training stops early */
    uint32_t mlp_batch;                          /**< 32 rows a step */
    double mlp_learning_rate;                    /**< 0.001 */
    double mlp_weight_decay;                     /**< negative: the objective's default (0 for the compatible one,
                                                      else 0.01) */
} mlsel_train_options;

/** Sets the defaults; size is sizeof(mlsel_train_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_train_options_init(mlsel_train_options *options, size_t size);

/** A trained selector, ready to be saved or used. Immutable. */
typedef struct mlsel_training mlsel_training;

/**
 * Trains a selector.
 *
 * Every query must have an embedding, and at least one model a known quality. A dataset of one model or one query gives
 * a selector that always chooses the one model, or the best of the one query.
 *
 * @param dataset    as it is at the time of the call
 * @param algorithm  MLSEL_ALGORITHM_
 * @param options    may be NULL
 * @param out        receives the training, to be given to mlsel_training_free
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND (queries without an embedding: the message says how many and names one),
 *         MLSEL_ERROR_NOT_TRAINED (too little data for this kind, or too large features, and why), _CANCELLED, _LIMIT,
 *         _NO_MEMORY (of the device too: the message says whose), _DEVICE and _VERSION (the device is not there or has
 *         failed, and why), _UNSUPPORTED (SVM in a build without LIBSVM; a device that does not train).
 */
MLSEL_API mlsel_status mlsel_train(const mlsel_dataset *dataset, mlsel_algorithm algorithm,
                                   const mlsel_train_options *options, mlsel_training **out, mlsel_error *err);

/** Frees a training. NULL does nothing. */
MLSEL_API void mlsel_training_free(mlsel_training *training);

/** How a training went. Fields that do not apply are 0, losses that do not apply NaN. */
typedef struct mlsel_training_info {
    uint32_t struct_size;          /**< bytes filled */
    mlsel_algorithm algorithm;     /**< that was trained */
    mlsel_objective objective;     /**< as asked for */
    mlsel_calibration calibration; /**< that the artifact has; NONE also where a fold had too little to learn from */
    uint64_t n_queries;            /**< of the dataset */
    uint64_t n_rows;               /**< training rows: queries, or records with the compatible objective */
    uint32_t n_features;           /**< width of a query */
    uint32_t n_models;             /**< of the dataset */
    double seconds;                /**< that it took */
    uint64_t peak_bytes;           /**< most memory in use by the training at one time, the dataset not counted */
    double category_weight;        /**< used */
    double cv_utility;             /**< mean utility of the choice on held-out folds; NaN: not measured */
    double cv_standard_error;      /**< of that mean */
    double cv_best_single;         /**< the same folds, always the best single model of the other folds */
    uint32_t n_candidates;         /**< settings that were compared by cross-validation */
    uint32_t knn_k;                /**< neighbours, as in the artifact */
    double knn_beta;               /**< neighbours weigh exp(-beta * squared distance) */
    double shrinkage;              /**< KNN and KMeans: weight of the global mean, in queries */
    uint32_t n_clusters;           /**< KMeans: centroids */
    uint32_t iterations;           /**< KMeans: of the best start; MLP: epochs run */
    double inertia;                /**< KMeans: sum of squared distances */
    double svm_gamma;              /**< as trained with */
    double svm_c;                  /**< as trained with */
    uint64_t n_support_vectors;    /**< of the artifact */
    double dual_objective;         /**< SVM: sum over pairs of 1/2 a'Qa - e'a */
    double mlp_dropout;            /**< as trained with */
    double mlp_weight_decay;       /**< as trained with */
    double training_loss;          /**< MLP: of the epoch kept */
    double validation_loss;        /**< MLP: likewise */
    uint32_t best_epoch;           /**< MLP: the one kept, from 1 */
    uint32_t
        by_group;    /**< KMeans: 1 if the centroids are those of the tasks or categories, 0 if clusters were sought */
    char device[32]; /**< that it was trained on, as in "cpu" */
} mlsel_training_info;

/** Describes a training; out and size as for mlsel_model_get_info. */
MLSEL_API mlsel_status mlsel_training_get_info(const mlsel_training *training, mlsel_training_info *out, size_t size,
                                               mlsel_error *err);

/**
 * Writes the artifact to a file, JSON or safetensors by the name's end unless options say otherwise, in one step as
 * mlsel_model_save does. Errors as there.
 */
MLSEL_API mlsel_status mlsel_training_save(const mlsel_training *training, const char *path,
                                           const mlsel_save_options *options, mlsel_error *err);

/** Loads the artifact as a model without a file. Errors as mlsel_model_load. */
MLSEL_API mlsel_status mlsel_training_model(const mlsel_training *training, const mlsel_model_options *options,
                                            mlsel_model **out, mlsel_error *err);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup calibration Calibration of an artifact on held-out records
 * @{
 */

/**
 * Writes a copy of a JSON artifact whose calibration is fitted to held-out records, in place of one it may have.
 *
 * @param dataset      records that the artifact was not trained on, with embeddings; its models are matched by name
 * @param artifact     path of the artifact, JSON
 * @param calibration  ISOTONIC or PLATT
 * @param path         of the new artifact
 * @param options      as for mlsel_model_save; may be NULL
 * Models are fitted each for itself. One with fewer than 10 records, or whose scores or qualities are all alike, gets a
 * constant, its mean drawn towards that of all models; one without records stays unknown. Written as JSON, the copy is
 * the artifact byte for byte but for the member "calibration".
 *
 * @return MLSEL_OK; MLSEL_ERROR_NOT_TRAINED (no query, or no known quality of any of the artifact's models), _NOT_FOUND
 *         (no such file, or a query without an embedding), _UNSUPPORTED (the artifact is no JSON), otherwise as
 *         mlsel_model_load and mlsel_model_save.
 */
MLSEL_API mlsel_status mlsel_calibrate(const mlsel_dataset *dataset, const char *artifact,
                                       mlsel_calibration calibration, const char *path,
                                       const mlsel_save_options *options, mlsel_error *err);

/** A confidence floor and what it leads to. The layout never changes. */
typedef struct mlsel_floor {
    double confidence; /**< answers of at least this confidence are taken */
    double share;      /**< of the queries that keep the selector's choice */
    double quality;    /**< mean quality of those; NaN: none */
    double below;      /**< mean quality of the selector's choice for the others; NaN: none */
    uint64_t n;        /**< queries whose choice has a known quality and confidence */
    uint64_t reserved; /**< 0 */
} mlsel_floor;

/**
 * Finds the confidence floor (mlsel_router_options.min_probability) that a wish leads to on held-out records.
 *
 * The model chooses among those of its labels that the dataset has. The choices that count are those whose quality and
 * confidence are known. A selector takes the best of several noisy scores, so the answers it chooses are often a little
 * worse than their confidences, which are fitted to all answers of a model; floors are found by what became of the
 * choices themselves.
 *
 * @param model    calibrated
 * @param share    keep at least this share of the choices (the highest floor that does); or negative
 * @param quality  keep choices of at least this mean quality (the lowest floor that does); or negative. Give exactly
 *                 one of the two
 * @return MLSEL_OK; MLSEL_ERROR_UNSUPPORTED (the model has no calibration), MLSEL_ERROR_NO_CANDIDATE (no floor reaches
 *         that quality; the message says what can be reached), _NOT_TRAINED (no query with a known quality).
 */
MLSEL_API mlsel_status mlsel_find_floor(const mlsel_dataset *dataset, const mlsel_model *model, double share,
                                        double quality, mlsel_floor *out, mlsel_error *err);

/** @} */

/* ------------------------------------------------------------------------------------------------------------------ */
/**
 * @defgroup evaluation Evaluation
 * @{
 */

/** A selector to be evaluated. The layout never changes. */
typedef struct mlsel_contender {
    const char *name;         /**< for the report; copied. NULL: the algorithm's */
    const mlsel_model *model; /**< the selector; borrowed for the call */
} mlsel_contender;

/** How to evaluate. Fill with mlsel_evaluate_options_init. */
typedef struct mlsel_evaluate_options {
    uint32_t struct_size;           /**< set by mlsel_evaluate_options_init */
    uint32_t resamples;             /**< 2000; bootstrap samples for intervals, at most 100000; 0: none */
    double confidence;              /**< 0.95; of the intervals; above 0 and below 1 */
    uint64_t seed;                  /**< 42; of resamples and sign flips */
    uint32_t threads;               /**< 1; at most 256 */
    uint32_t curve_points;          /**< 21; quality weights from 0 to 1 for the curves, 2 to 1001; 0: none */
    double quality_weight;          /**< 0.9; of the utility that regret is measured in; from 0 to 1 */
    const mlsel_dataset *reference; /**< records that the best single model, the best per category or task, and the
                                         models' mean speeds and costs are taken from, usually those trained on; NULL:
                                         the evaluated records themselves, which flatters those policies. Needs no
                                         embeddings; its models are matched by name */
    mlsel_train_callback progress;  /**< may be NULL; algorithm is 0 */
    void *user;                     /**< for progress */
} mlsel_evaluate_options;

/** Sets the defaults; size is sizeof(mlsel_evaluate_options) as compiled by the caller. NULL does nothing. */
MLSEL_API void mlsel_evaluate_options_init(mlsel_evaluate_options *options, size_t size);

/** Results, immutable. */
typedef struct mlsel_evaluation mlsel_evaluation;

/**
 * Lets selectors and simple policies choose for every query of a dataset, and measures what comes of it.
 *
 * - Policies, in this order:
 *   oracle             the best quality of each query; of equal ones the best utility, then the first by name
 *   the contenders     each chooses among the models of the dataset that its artifact knows, for the embedding composed
 *                      with the category as the artifact lays them out, or for the bare embedding
 *   best per category  the model of the best mean quality in the reference; where a category is not known there, the
 *                      best single model
 *   best per task      likewise, if some query has a task; for a query without one, the best single model
 *   each model         always the same
 *   random             the expectation of choosing evenly
 * The best single model is that of the best mean quality in the reference. Ties go to the first by name.
 *
 * - Unknown outcomes. A query counts for a policy if the quality of its choice is known; for random, the mean of what
 *   is known stands for the query. What compares two policies (over_random, over_best_single, gap_closed, p_value) is
 *   over the queries that count for both, so it need not be the quotient of the two means where outcomes are missing.
 * - Utility of an outcome = quality weight x quality + (1 - quality weight) / (1 + latency_s / 10), as in training. A
 *   latency that was not measured is replaced by the model's mean speed in the reference, that of a model never timed
 *   by the mean over all; where no latency is known at all, utility is quality.
 * - Intervals are the percentiles of `resamples` bootstrap samples of the queries of which some outcome is known, the
 *   same samples for all policies, so that differences are paired (B. Efron, R. Tibshirani, 1993).
 *
 * @param contenders  may be NULL if n_contenders is 0; the dataset then needs no embeddings
 * @return MLSEL_OK; MLSEL_ERROR_DIMENSION (embeddings of another width than an artifact expects), _NOT_FOUND (a query
 *         without an embedding, or a category that an artifact's own list has no place for), _NO_CANDIDATE (an artifact
 *         that knows none of the models, or can choose none of them), _NOT_TRAINED (no outcome to measure), _CANCELLED,
 * _NO_MEMORY, _LIMIT (no more threads), _INVALID_ARGUMENT.
 */
MLSEL_API mlsel_status mlsel_evaluate(const mlsel_dataset *dataset, const mlsel_contender *contenders,
                                      size_t n_contenders, const mlsel_evaluate_options *options,
                                      mlsel_evaluation **out, mlsel_error *err);

/** Frees an evaluation. NULL does nothing. */
MLSEL_API void mlsel_evaluation_free(mlsel_evaluation *evaluation);

/** Kind of a policy. */
typedef int32_t mlsel_policy_kind;
enum {
    MLSEL_POLICY_ORACLE = 1,
    MLSEL_POLICY_SELECTOR = 2,
    MLSEL_POLICY_CATEGORY = 3, /**< the best model of each category */
    MLSEL_POLICY_TASK = 4,     /**< the best model of each task */
    MLSEL_POLICY_ALWAYS = 5,   /**< always the same model */
    MLSEL_POLICY_RANDOM = 6
};

/** "oracle", "selector", "category", "task", "always" or "random"; "unknown" otherwise. Static. */
MLSEL_API const char *mlsel_policy_kind_name(mlsel_policy_kind kind);

/** What a policy reached. What cannot be said is NaN. */
typedef struct mlsel_policy {
    uint32_t struct_size;   /**< bytes filled */
    mlsel_policy_kind kind; /**< what chose */
    const char *name;       /**< a contender's or model's own, or as in "best per category"; lives as long as the
                                 evaluation */
    int32_t contender;      /**< index of a selector; else -1 */
    int32_t model;          /**< index in the dataset of the one model always chosen; else -1 */
    uint64_t n;             /**< queries that count */
    double quality;         /**< mean quality of the choices */
    double quality_low;     /**< interval, percentile bootstrap over queries */
    double quality_high;    /**< likewise */
    double latency_s;   /**< mean over the choices whose latency was measured, whether their quality is known or not */
    uint64_t n_latency; /**< choices with a latency */
    double cost;        /**< likewise, of cost */
    uint64_t n_cost;    /**< choices with a cost */
    double best_share;  /**< share of queries for which no model known was of higher quality than the choice */
    double regret;      /**< mean of the best utility of the query less that of the choice */
    double over_random; /**< relative improvement over random */
    double over_best_single;  /**< relative improvement over the best single model */
    double gap_closed;        /**< (quality - best single) / (oracle - best single) */
    double gap_closed_low;    /**< interval, as above */
    double gap_closed_high;   /**< likewise */
    double p_value;           /**< two-sided, of the difference to the best single model: paired permutation of signs,
                                   exact where at most 16 queries differ, else (b + 1) / 10000 by 9999 random ones. Not
                                   corrected for there being several policies. NaN for the best single model itself */
    int32_t is_best_single;   /**< 1: the model that the others are compared with */
    uint32_t reserved;        /**< 0 */
    double area;              /**< mean quality of the curve, see mlsel_evaluation_curve; NaN: there is none */
    double brier;             /**< mean squared difference of the choice's confidence and its quality; NaN: not
                                   calibrated */
    double calibration_error; /**< expected calibration error: mean |confidence - quality| of 10 bins of equal count;
                                   NaN: not calibrated */
} mlsel_policy;

/** Number of policies; 0 for NULL. */
MLSEL_API size_t mlsel_evaluation_policy_count(const mlsel_evaluation *evaluation);
/** One of them; out and size as for mlsel_model_get_info. */
MLSEL_API mlsel_status mlsel_evaluation_get_policy(const mlsel_evaluation *evaluation, size_t index, mlsel_policy *out,
                                                   size_t size, mlsel_error *err);

/** How often a policy chose each model: [models of the dataset], or NULL. For random, the expectation rounded. */
MLSEL_API const uint64_t *mlsel_evaluation_selections(const mlsel_evaluation *evaluation, size_t index);
/** The same by category: [categories][models], rows in the order of mlsel_evaluation_category; or NULL. */
MLSEL_API const uint64_t *mlsel_evaluation_category_selections(const mlsel_evaluation *evaluation, size_t index);
/** Name of a category that occurs in the dataset, most frequent first; NULL if there is none. */
MLSEL_API const char *mlsel_evaluation_category(const mlsel_evaluation *evaluation, size_t category);
/** Index of what the policy chose for a query, in the dataset's models; -1: nothing, or it is the random policy. */
MLSEL_API int32_t mlsel_evaluation_choice(const mlsel_evaluation *evaluation, size_t index, size_t query);

/** What a policy reaches at one quality weight. The layout never changes. */
typedef struct mlsel_curve_point {
    double quality_weight; /**< w, from 0 to 1 */
    double quality;        /**< mean */
    double latency_s;      /**< mean; NaN: not known */
    double cost;           /**< mean; NaN: not known */
} mlsel_curve_point;

/**
 * What a policy reaches over the quality weight w, which rises evenly from 0 to 1: [*n] points, or NULL.
 *
 * Selectors have one if they are calibrated and some latency or cost is known. They then choose the model of the
 * highest w x confidence + (1 - w) x speed, where speed is the model's mean of 1 / (1 + latency_s / 10) in the
 * reference; where no latency is known, thrift 1 / (1 + mean cost / highest mean cost) takes its place. Ties go to the
 * higher confidence, then to the faster or cheaper model. The oracle has one too: it knows the quality of each answer,
 * and its speed where it was measured.
 *
 * The curve's area (mlsel_policy.area) is its mean quality over latency (or cost), by trapezoids, from the mean latency
 * of the fastest single model to that of the slowest; before its first point and after its last one it goes on level.
 */
MLSEL_API const mlsel_curve_point *mlsel_evaluation_curve(const mlsel_evaluation *evaluation, size_t index, size_t *n);

/** Confidence against what came of it. The layout never changes. */
typedef struct mlsel_reliability {
    double confidence; /**< mean of the bin */
    double quality;    /**< mean quality of the choices in it */
    uint64_t n;        /**< choices in it */
} mlsel_reliability;

/** Of a calibrated selector: [*n] bins of equal count, 10 or fewer, by rising confidence of the choice; else NULL.
 * Where a bin ends amid equal confidences, both sides have their mean quality. */
MLSEL_API const mlsel_reliability *mlsel_evaluation_reliability(const mlsel_evaluation *evaluation, size_t index,
                                                                size_t *n);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
