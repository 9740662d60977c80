/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TRAIN_CACHE_H
#define MLSEL_TRAIN_CACHE_H

#include "internal.h"
#include "mlsel_train.h"

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
