/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a repository on the Hugging Face hub, or on something that behaves like it.
 *
 *     mlsel_download_options options;
 *     mlsel_download_options_init(&options, MLSEL_DOWNLOAD_MODELS);
 *     options.output_dir = "models";
 *     options.token = getenv("HF_TOKEN");
 *     if (mlsel_download(&options, NULL, &err) != MLSEL_OK)
 *         fprintf(stderr, "%s\n", err.message);
 *
 * A file gets its name once it is complete: its size is the one the hub tells, and its SHA-256 too where the hub tells
 *   one (files kept in LFS). Until then it is NAME.part-VERSION beside it, which a later call goes on with if the hub
 *   still has that version.
 * The token goes to the hub alone, never to where it redirects to, unless that is the same scheme, host and port.
 * Names of files come from the hub or the caller; such as would leave the output folder are refused.
 * The library starts libcurl (curl_global_init) and never ends it, and prints nothing.
 */
#ifndef MLSEL_DOWNLOAD_H
#define MLSEL_DOWNLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

#define MLSEL_HUB "https://huggingface.co"
#define MLSEL_HUB_MODELS "abdallah1008/semantic-router-ml-models"
#define MLSEL_HUB_DATA "abdallah1008/ml-selection-benchmark-data"

/** What is fetched. */
typedef int32_t mlsel_download_kind;
enum {
    MLSEL_DOWNLOAD_MODELS = 1, /**< a model repository: knn_model.json, kmeans_model.json, svm_model.json and
                                    mlp_model.json, those of them that are there, unless files are named */
    MLSEL_DOWNLOAD_DATA = 2    /**< a data set repository: its .jsonl and .json files, unless files are named */
};

/** A file on its way. */
typedef struct mlsel_download_progress {
    const char *file;  /**< its name in the repository */
    uint64_t done;     /**< bytes that are there */
    uint64_t total;    /**< 0: not known */
    size_t index, n;   /**< of the files, from 0 */
    bool is_resumed;   /**< it began with bytes of an earlier call */
    bool was_complete; /**< it was there already, so nothing was fetched */
    bool is_complete;
} mlsel_download_progress;

typedef struct mlsel_download_options {
    mlsel_download_kind kind;
    const char *repository;   /**< "owner/name" */
    const char *revision;     /**< "main"; a branch, tag or commit */
    const char *hub;          /**< MLSEL_HUB; address of the hub or a mirror of it */
    const char *token;        /**< NULL: none */
    const char *output_dir;   /**< made where it is missing */
    const char *const *files; /**< [n_files] names in the repository; none: see the kinds */
    size_t n_files;
    const char *ca_path; /**< certificates to trust instead of the system's; NULL: those */
    double stall_s;      /**< 60; an attempt in which nothing comes for so long has failed */
    uint32_t retries;    /**< 5; attempts after the first that bring nothing */
    double retry_wait_s; /**< 1; upper bound of the wait before the first of them, which doubles */
    /** Called many times a second at most, and when a file is complete. Not 0: end, with CANCELLED. May be NULL. */
    int32_t (*progress)(const mlsel_download_progress *progress, void *user);
    void (*on_retry)(const char *message, double wait_s, void *user); /**< an attempt failed. May be NULL */
    bool (*is_cancelled)(void *user);                                 /**< asked while waiting. May be NULL */
    void *user;
} mlsel_download_options;

/** Sets the defaults of a kind. */
void mlsel_download_options_init(mlsel_download_options *options, mlsel_download_kind kind);

/**
 * Fetches files. Those before one that fails stay.
 *
 * @param n_fetched  may be NULL; files that are there after the call
 * @return MLSEL_OK; MLSEL_ERROR_INVALID_ARGUMENT (an option), _NOT_FOUND (no such repository, revision or file), _IO
 *         (the network, the disk, 401 and 403, which are err->detail; a file that came with another size or content),
 *         _SCHEMA (the hub's answer makes no sense, or names files that leave the folder), _CANCELLED, _NO_MEMORY.
 */
mlsel_status mlsel_download(const mlsel_download_options *options, size_t *n_fetched, mlsel_error *err);

#endif
