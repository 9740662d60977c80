/* SPDX-License-Identifier: Apache-2.0 */
#include "embedding_model.h"

#include <string.h>

/* Qwen3-Embedding's card asks for an instruction in front of queries ("Instruct: {task}\nQuery:{query}"); this is its
 * own example. It is no default, as routers embed requests without one. */
static const char qwen3_prefix[] =
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:";
static const char e5_prefix[] = "query: ";

static const mlsel_embedding_model models[] = {
    {"qwen3", "Qwen/Qwen3-Embedding-0.6B", 1024, ""},
    {"gte", "thenlper/gte-base", 768, ""},
    {"mpnet", "sentence-transformers/all-mpnet-base-v2", 768, ""},
    {"e5", "intfloat/e5-base-v2", 768, e5_prefix},
    {"bge", "BAAI/bge-base-en-v1.5", 768, ""},
    {"minilm", "sentence-transformers/all-MiniLM-L12-v2", 384, ""},
};

const mlsel_embedding_model *mlsel_embedding_model_at(size_t index) {
    return index < sizeof models / sizeof *models ? &models[index] : NULL;
}

const mlsel_embedding_model *mlsel_embedding_model_find(const char *name) {
    for (size_t i = 0; name != NULL && i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i].alias, name) == 0 || strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

const char *mlsel_embedding_prefix(const mlsel_embedding_model *model, const char *wish) {
    if (wish == NULL || strcmp(wish, "auto") == 0)
        return model != NULL ? model->prefix : "";
    if (strcmp(wish, "none") == 0)
        return "";
    if (strcmp(wish, "qwen3") == 0)
        return qwen3_prefix;
    return strcmp(wish, "e5") == 0 ? e5_prefix : wish;
}
