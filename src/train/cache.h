/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TRAIN_CACHE_H
#define MLSEL_TRAIN_CACHE_H

#include "internal.h"
#include "mlsel_train.h"

typedef struct cache_slot {
    uint64_t key[2];
    uint64_t place; /* entry + 1; 0: empty */
} cache_slot;

/* Defined here, not where it is used: then gcc and clang describe the ABI alike (tests/abi). */
struct mlsel_cache {
    char *path;
    int fd;
    bool is_writable, is_locked, is_dirty;
    size_t width, header_size, entry_size;
    uint64_t seed; /* the header's checksum */
    cache_slot *slots;
    size_t n_slots; /* a power of 2, at least twice count */
    uint64_t count;
    uint64_t n_places; /* whole entries in the file, damaged ones included */
    uint64_t *holes;   /* places of damaged ones */
    size_t n_holes, holes_capacity;
    uint64_t size_seen;   /* of the file when it was scanned */
    unsigned char *entry; /* [entry_size] */
};

/* Width of a cache's embeddings. */
size_t mlsel_i_cache_width(const mlsel_cache *cache);
/* As mlsel_cache_put; *added says whether the text was new. */
mlsel_status mlsel_i_cache_put(mlsel_cache *cache, const char *text, size_t size, const float *embedding, size_t width,
                               bool *added, mlsel_error *err);
/* The width of the one cache that a folder has of a model; 0: there is none, or there are several, or it cannot be
 * told.
 */
size_t mlsel_i_cache_find_width(const char *folder, const char *model);

#endif
