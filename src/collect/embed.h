/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts to embeddings, by a server, by a model file in this process, or by the built-in embedder, with a cache on disk.
 *
 *     mlsel_embedder_options options;
 *     mlsel_embedder *embedder = NULL;
 *     mlsel_embedder_options_init(&options);
 *     options.model = "qwen3";
 *     options.endpoint = "http://localhost:8000/v1";
 *     options.cache_dir = ".cache";
 *     if (mlsel_embedder_open(&options, &embedder, &err) != MLSEL_OK ||
 *         mlsel_embedder_run(embedder, texts, n_texts, on_embedding, user, &err) != MLSEL_OK)
 *         fprintf(stderr, "%s\n", err.message);
 *     mlsel_embedder_close(embedder);
 *
 * An embedder is for one thread at a time. It prints nothing, and starts libcurl (curl_global_init) where it needs it.
 *
 * Cache. An embedding is put there as soon as it is there, so that a run that is ended loses at most the batch on its
 *   way. Entries are kept apart by everything that changes an embedding: model, prefix, normalisation, dimensions and
 *   width. Another process that writes to the same cache makes this one go on without storing.
 * Texts that the model refuses. A batch that a server refuses (400, 413, 422, 500) or answers wrongly is asked again in
 *   halves, so that one bad text does not cost the others; what remains is reported text by text.
 * Widths. All embeddings of an embedder have one width: the one wished for, else that of what the cache has, else that
 * of the first.
 */
#ifndef MLSEL_EMBED_H
#define MLSEL_EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embedding_model.h"
#include "mlsel.h"

typedef struct mlsel_embedder_options {
    const char *model;     /**< a name, an alias of embedding_model.h, "builtin", or a path that ends in ".gguf" */
    const char *endpoint;  /**< of a server, as in "http://localhost:8000/v1"; NULL: none, for the other two */
    const char *prefix;    /**< in front of each text, or one of the words of mlsel_embedding_prefix; NULL: "auto" */
    bool raw;              /**< embeddings as they come; false: scaled to length 1 */
    const char *api_key;   /**< for the server; NULL: none */
    size_t width;          /**< all embeddings must have it; 0: any */
    size_t dimensions;     /**< asked of the server, for models that have several widths; 0: not */
    const char *cache_dir; /**< NULL: no cache */
    size_t batch;          /**< 32; texts a request, 1 to 4096 */
    double timeout_s;      /**< 300; of an attempt */
    uint32_t retries;      /**< 5; attempts after the first */
    double retry_wait_s;   /**< 1; upper bound of the wait before the first of them, which doubles */
    uint32_t threads;      /**< 1; for a model file */
    const char *ca_path;   /**< certificates to trust instead of the system's; NULL: those */
    bool (*is_cancelled)(void *user); /**< asked several times a second; true: CANCELLED. May be NULL */
    void (*on_retry)(const char *message, double wait_s, void *user); /**< an attempt failed. May be NULL */
    void *user;
} mlsel_embedder_options;

/** Sets the defaults. */
void mlsel_embedder_options_init(mlsel_embedder_options *options);

/** Width of the embeddings that a cache has under a name; 0: it has none, or of several widths. */
size_t mlsel_embedding_cached_width(const char *cache_dir, const char *name);

typedef struct mlsel_embedder mlsel_embedder;

#define MLSEL_EMBEDDING_NAME_SIZE 4097

/**
 * Copies what options point to. Nothing is asked of a server yet; a model file is loaded.
 *
 * @return MLSEL_OK; MLSEL_ERROR_INVALID_ARGUMENT (no model, an address that is none, ...), _UNSUPPORTED (a model file
 * in a build without llama.cpp), _NOT_FOUND, _IO, _SCHEMA (the model file), _NO_MEMORY.
 */
mlsel_status mlsel_embedder_open(const mlsel_embedder_options *options, mlsel_embedder **out, mlsel_error *err);
/** NULL does nothing. */
void mlsel_embedder_close(mlsel_embedder *embedder);

/** Name under which artifacts and caches know these embeddings. For a cache it holds all that changes them. Valid as
 * long as the embedder. */
const char *mlsel_embedder_cache_name(const mlsel_embedder *embedder);
/** The same without an embedder, into out[size]. Model files have names only once they are open. INVALID_ARGUMENT: it
 * does not fit; MLSEL_EMBEDDING_NAME_SIZE bytes are enough for all that a cache takes. */
mlsel_status mlsel_embedding_cache_name(const char *model, const char *prefix, bool raw, size_t dimensions, char *out,
                                        size_t size, mlsel_error *err);
/** 0: not known yet. */
size_t mlsel_embedder_width(const mlsel_embedder *embedder);

/** What came of it. */
typedef struct mlsel_embedder_counts {
    uint64_t cached;   /**< embeddings from the cache */
    uint64_t computed; /**< embeddings made */
    uint64_t failed;   /**< texts that could not be embedded */
    uint64_t requests; /**< to a server, without further attempts */
    bool not_stored;   /**< the cache could not be written, see cache_message */
    char cache_message[240];
} mlsel_embedder_counts;
void mlsel_embedder_get_counts(const mlsel_embedder *embedder, mlsel_embedder_counts *out);

/**
 * Receives the embedding of text `index`, in the order of the texts; valid during the call. values NULL: this text
 * cannot be embedded, `message` says why. Not 0: end the run with CANCELLED.
 */
typedef int32_t (*mlsel_embedding_callback)(size_t index, const float *values, size_t width, const char *message,
                                            void *user);

/**
 * Embeds n texts. Bytes that are not UTF-8 go to a model as U+FFFD.
 *
 * @return MLSEL_OK, also if single texts failed; what else fails ends the run, after the texts before were handed over:
 *         MLSEL_ERROR_IO, _NOT_FOUND (the server, or what it is asked for), _DIMENSION (another width than wished for),
 *         _CANCELLED, _NO_MEMORY, _SCHEMA (the cache is damaged; or the server's answers make no sense at all).
 */
mlsel_status mlsel_embedder_run(mlsel_embedder *embedder, const char *const *texts, size_t n,
                                mlsel_embedding_callback callback, void *user, mlsel_error *err);

#endif
