/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings by llama.cpp in this process. Without it (MLSEL_WITH_LLAMA) opening is UNSUPPORTED.
 *
 * llama.cpp writes its messages to a callback that is one for the process; it is set to one that drops them. It ends
 * the process where memory runs out inside it.
 */
#ifndef MLSEL_COLLECT_LLAMA_EMBEDDER_H
#define MLSEL_COLLECT_LLAMA_EMBEDDER_H

#include "internal.h"

typedef struct llama_embedder llama_embedder;

/* NOT_FOUND, IO, SCHEMA (no model of embeddings, or damaged), UNSUPPORTED, NO_MEMORY. */
mlsel_status mlsel_i_llama_open(const char *path, uint32_t threads, llama_embedder **out, mlsel_error *err);
void mlsel_i_llama_close(llama_embedder *embedder);
size_t mlsel_i_llama_width(const llama_embedder *embedder);
/* Embeds a text into out[width], not scaled. One of more tokens than the model was trained for is cut. LIMIT, IO,
 * NOT_FINITE, NO_MEMORY. */
mlsel_status mlsel_i_llama_embed(llama_embedder *embedder, const char *text, size_t size, float *out, mlsel_error *err);

#endif
