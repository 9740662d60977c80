/* SPDX-License-Identifier: Apache-2.0 */
#include "text_embedder.h"

#include <stdlib.h>
#include <string.h>

#if MLSEL_TOOL_TRAIN
#include "mlsel_train.h"

bool text_embedder_accepts(const args *a, const char *model) {
    if (strcmp(model, "builtin") == 0 || strcmp(model, MLSEL_BUILTIN_EMBEDDER) == 0)
        return true;
    tool_error("--embedding-model \"%s\": only builtin can be computed here", model);
    tool_hint("embeddings of other models come with the queries: {\"embedding\": [...], \"category\": \"math\"}");
    args_help_hint(a->command, NULL);
    return false;
}

bool text_embed(const char *text, double *values, size_t width, failure *problem) {
    mlsel_error err;
    float *embedding = tool_alloc(width, sizeof *embedding);
    const mlsel_status status = mlsel_embed_text(text, strlen(text), embedding, width, &err);
    for (size_t i = 0; i < width && status == MLSEL_OK; ++i)
        values[i] = (double)embedding[i];
    free(embedding);
    if (status != MLSEL_OK)
        failure_set(problem, tool_exit_code(status), "%s", err.message);
    return status == MLSEL_OK;
}
#else
bool text_embedder_accepts(const args *a, const char *model) {
    tool_error("--embedding-model \"%s\": this mlsel was built without training, which the embedder is a part of",
               model);
    args_help_hint(a->command, NULL);
    return false;
}

bool text_embed(const char *text, double *values, size_t width, failure *problem) {
    (void)text, (void)values, (void)width;
    failure_set(problem, EXIT_INTERNAL, "this mlsel has no embedder");
    return false;
}
#endif
